//! The upgrade of a request to a WebSocket, and the loop that serves it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use futures_util::StreamExt as _;
use signaling::limits::FRAME_BYTES_MAX;
use signaling::session::Standing;
use signaling::wire::{ClientFrame, ClientMessage, ErrorCode, Refusal, ServerMessage, parse_client};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::agent::AgentSide;
use super::blocks::BLOCKS_MAX;
use super::link::{Gone, Link};
use super::requests::{Begun, Finished, Requests};
use super::viewer::ViewerSide;
use crate::app::{App, Closing};
use crate::clock;
use crate::cluster::{Note, SessionId, Subscriber};
use crate::gate::{self, Pass};
use crate::http::{ApiRefusal, ClientAddress, has_api_key, origin_allowed, own_origin, session_cookie};

/// How long a socket may stay silent before its hello.
const HELLO_DEADLINE: Duration = Duration::from_secs(10);
/// How long a client may stay silent in a call, where it pings every 2 s.
const CALL_SILENCE_MAX: Duration = Duration::from_secs(30);
/// How long it may otherwise: a quiet chat pings every 30 s, and browsers let the timers of a page that is out of sight fire once
/// a minute.
const SILENCE_MAX: Duration = Duration::from_secs(90);
/// How long the rest of a broken socket is read. It has arrived already or never will.
const LAST_WORDS_MAX: Duration = Duration::from_millis(100);
/// Read buffer of a socket. The library's default of 128 KiB is most of an idle connection's memory.
const READ_BUFFER_BYTES: usize = 4 * 1024;

/// `GET /ws`.
pub async fn upgrade(
    State(app): State<Arc<App>>,
    ClientAddress(address): ClientAddress,
    headers: HeaderMap,
    request: WebSocketUpgrade,
) -> Response {
    let caller = if has_api_key(&app, &headers).await { gate::Caller::Trusted } else { gate::Caller::Public };
    let pass = match app.gate.socket(address, caller) {
        Ok(pass) => pass,
        Err(refusal) => return ApiRefusal(refusal).into_response(),
    };
    let origin = Origin { allowed: origin_allowed(&app, &headers), own: own_origin(&headers) };
    // A cookie travels by itself, also from a customer's page that may embed the widget: only our own pages may use it.
    let cookie = session_cookie(&headers).filter(|_| origin.own);
    request
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_message_size(FRAME_BYTES_MAX)
        .max_frame_size(FRAME_BYTES_MAX)
        .on_upgrade(move |socket| serve(app, socket, pass, Caller { cookie, address, origin }))
}

/// What the request said before the upgrade.
struct Caller {
    cookie: Option<String>,
    address: IpAddr,
    origin: Origin,
}

/// Where the page comes from.
struct Origin {
    /// It may embed the widget.
    allowed: bool,
    /// It is a page of this server.
    own: bool,
}

async fn serve(app: Arc<App>, socket: WebSocket, pass: Pass, caller: Caller) {
    let mut link = Link::new(app, socket, caller.address, pass.caller());
    if !caller.origin.allowed {
        // Told after the upgrade: a browser shows its page nothing of a refused one, and it would try for ever.
        let refusal = Refusal::new(ErrorCode::Origin, "this page's origin is not in http.allowed_origins");
        let _ = link.refuse(None, refusal, true).await;
        return link.close(1008, "origin").await;
    }
    let hello = match timeout(HELLO_DEADLINE, first_message(&mut link.socket)).await {
        Ok(Ok(Incoming::Frame(frame))) => frame,
        Ok(Ok(Incoming::Refused(id, refusal))) => {
            let _ = link.refuse(id, refusal, true).await;
            return link.close(1008, "refused").await;
        }
        Ok(_) => return,
        Err(_) => return link.close(1008, "no hello").await,
    };
    let id = hello.id;
    tracing::debug!(address = %link.address, "hello");
    let app = Arc::clone(&link.app);
    let refused = match hello.message {
        ClientMessage::HelloViewer(hello) => {
            match app.doorman.pace(Box::pin(ViewerSide::open(&mut link, hello))).await {
                Ok(side) => return Box::pin(run(link, side, pass)).await,
                Err(refusal) => refusal,
            }
        }
        // Agents are few, and those who are wanted.
        ClientMessage::HelloAgent(hello) => match Box::pin(AgentSide::open(&mut link, hello, caller.cookie)).await {
            Ok(side) => return Box::pin(run(link, side, pass)).await,
            Err(refusal) => refusal,
        },
        _ => Refusal::new(ErrorCode::OutOfOrder, "say hello first"),
    };
    let fatal = matches!(refused.code, ErrorCode::Unauthorized | ErrorCode::Version | ErrorCode::Origin);
    let _ = link.refuse(id, refused, fatal).await;
    link.close(1008, "refused").await;
}

/// The first message that says something; protocol pings before it do not.
async fn first_message(socket: &mut WebSocket) -> Result<Incoming, Gone> {
    loop {
        match read(socket, Standing::AwaitingHello).await? {
            Incoming::Other => {}
            incoming => return Ok(incoming),
        }
    }
}

/// One role's behaviour on a socket.
pub(super) trait Side: Send {
    /// For [`Standing::admit`].
    const STANDING: Standing;
    /// What a request's work comes to.
    type Done: Send;
    /// What the bus delivers to.
    fn subscriber(&mut self) -> &mut Subscriber;
    /// Waits for a note of the bus, or for the line to move. Cancelling loses nothing.
    fn event(&mut self) -> impl Future<Output = Event> + Send;
    /// The line has moved.
    fn line_moved(&mut self, link: &mut Link);
    /// First messages after the hello.
    fn greet(&mut self, link: &mut Link) -> impl Future<Output = Result<(), Gone>> + Send;
    /// Begins a request of the client. The error is its answer.
    fn begin(
        &mut self,
        link: &mut Link,
        id: Option<u32>,
        message: ClientMessage,
    ) -> impl Future<Output = Result<Begun<Self::Done>, Refusal>> + Send;
    /// A request's work is done: answers it.
    fn done(
        &mut self,
        link: &mut Link,
        id: Option<u32>,
        done: Self::Done,
    ) -> impl Future<Output = Result<(), Gone>> + Send;
    /// A note of the bus.
    fn note(&mut self, link: &mut Link, note: &Note) -> impl Future<Output = Result<(), Gone>> + Send;
    /// Notes were dropped: read the database again.
    fn catch_up(&mut self, link: &mut Link) -> impl Future<Output = Result<(), Gone>> + Send;
    /// Whether the client is in an accepted call.
    fn in_call(&self, app: &App) -> bool;
    /// When [`Side::wake`] wants to be called.
    fn wake_at(&self) -> Option<Instant>;
    /// The time has come.
    fn wake(&mut self, link: &mut Link) -> impl Future<Output = Result<(), Gone>> + Send;
    /// The socket is closed.
    fn closed(self, app: &App, session: &SessionId, closed: Closed) -> impl Future<Output = ()> + Send;
}

/// What a side waits for.
pub(super) enum Event {
    /// A note of the bus.
    Note(Arc<Note>),
    /// The line of those who wait has moved.
    LineMoved,
    /// The bus is gone.
    Gone,
}

/// How a socket closed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Closed {
    /// The client said goodbye: the page is gone, not the line.
    pub(super) goodbye: bool,
    /// No other socket of the session is open here.
    pub(super) last: bool,
}

/// Why the loop of a socket ended.
enum Ending {
    /// The client said goodbye: the page is gone.
    Goodbye,
    /// The line broke.
    Broken,
    /// The server shuts down.
    Shutdown,
    /// The client was silent.
    Silent,
}

async fn run<S: Side>(mut link: Link, mut side: S, mut pass: Pass) {
    let app = Arc::clone(&link.app);
    app.sessions.came(&link.session);
    let greeted = Box::pin(side.greet(&mut link)).await;
    pass.greeted();
    let mut requests = Requests::default();
    let ending = match greeted {
        Ok(()) => serve_side(&mut link, &mut side, &mut requests).await,
        Err(Gone) => last_words(&mut link, S::STANDING).await,
    };
    if matches!(ending, Ending::Shutdown) {
        requests.forget_waiting();
    }
    Box::pin(carry_out_rest(&mut link, &mut side, &mut requests)).await;
    while let Some(message) = link.blocks.next().await {
        let _ = link.send(&message).await;
    }
    let session = link.session.clone();
    match ending {
        Ending::Shutdown => {
            let _ = link.send(&ServerMessage::GoingAway {}).await;
            link.close(1012, "server restarts").await;
        }
        Ending::Silent => link.close(1001, "silent").await,
        Ending::Goodbye | Ending::Broken => drop(link),
    }
    let last = app.sessions.went(&session);
    Box::pin(side.closed(&app, &session, Closed { goodbye: matches!(ending, Ending::Goodbye), last })).await;
    drop(pass);
}

/// Serves a socket until it ends. What is done for a message is boxed: an idle socket then holds the few hundred bytes of its
/// waiting, and not the room of everything that it might do.
async fn serve_side<S: Side>(link: &mut Link, side: &mut S, requests: &mut Requests<S::Done>) -> Ending {
    let mut closing = link.app.closing.clone();
    if *closing.borrow() != Closing::No {
        closing.mark_changed();
    }
    let mut silent_at = Instant::now() + silence_max(side, &link.app);
    loop {
        let far = Instant::now() + Duration::from_secs(3600);
        let wake_at = side.wake_at().unwrap_or(far);
        let done = tokio::select! {
            biased;
            stage = next_stage(&mut closing) => match stage {
                Closing::Now => return Ending::Shutdown,
                // Whoever is in no call goes on elsewhere at once, where there is an elsewhere.
                Closing::Draining { .. } if link.app.desk.presence.other_nodes() && !side.in_call(&link.app) => {
                    return Ending::Shutdown;
                }
                Closing::Draining { until_ms } => link.send(&ServerMessage::Draining { until_ms }).await,
                Closing::No => Ok(()),
            },
            finished = requests.next() => Box::pin(finish(link, side, requests, finished)).await,
            // Blocks on their way to the disk are many enough: more wait in the socket.
            incoming = read(&mut link.socket, S::STANDING), if link.blocks.len() < BLOCKS_MAX => {
                silent_at = Instant::now() + silence_max(side, &link.app);
                match incoming {
                    Ok(Incoming::Frame(ClientFrame { message: ClientMessage::Ping { client_ms }, .. })) => {
                        pong(link, client_ms).await
                    }
                    Ok(Incoming::Frame(frame)) => Box::pin(on_frame(link, side, requests, frame)).await,
                    Ok(Incoming::Refused(id, refusal)) => link.refuse(id, refusal, false).await,
                    Ok(Incoming::Other) => Ok(()),
                    Ok(Incoming::Goodbye) => return Ending::Goodbye,
                    Err(Gone) => return Ending::Broken,
                }
            }
            event = side.event(), if requests.let_notes_pass() => match event {
                Event::Note(note) => {
                    let lagged = side.subscriber().take_lagged();
                    match Box::pin(side.note(link, &note)).await {
                        Ok(()) if lagged => Box::pin(side.catch_up(link)).await,
                        done => done,
                    }
                }
                Event::LineMoved => {
                    side.line_moved(link);
                    Ok(())
                }
                Event::Gone => return Ending::Shutdown,
            },
            Some(message) = link.blocks.next(), if !link.blocks.is_empty() => {
                match link.send(&message).await {
                    Ok(()) if !requests.is_empty() => Box::pin(begin_next(link, side, requests)).await,
                    done => done,
                }
            }
            () = tokio::time::sleep_until(wake_at) => Box::pin(side.wake(link)).await,
            () = tokio::time::sleep_until(silent_at) => return Ending::Silent,
        };
        if done.is_err() {
            return last_words(link, S::STANDING).await;
        }
    }
}

/// A write failed. What the client had said before is still read: a page that is left says goodbye and does not wait for
/// what is on its way to it.
async fn last_words(link: &mut Link, standing: Standing) -> Ending {
    let reading = async {
        loop {
            match read(&mut link.socket, standing).await {
                Ok(Incoming::Goodbye) => return Ending::Goodbye,
                Ok(_) => {}
                Err(Gone) => return Ending::Broken,
            }
        }
    };
    timeout(LAST_WORDS_MAX, reading).await.unwrap_or(Ending::Broken)
}

/// The next stage of a shutdown. A socket opened during one has seen nothing of it yet.
async fn next_stage(closing: &mut watch::Receiver<Closing>) -> Closing {
    match closing.changed().await {
        Ok(()) => *closing.borrow_and_update(),
        Err(_) => Closing::Now,
    }
}

/// How long this client may stay silent now.
fn silence_max<S: Side>(side: &S, app: &App) -> Duration {
    if side.in_call(app) { CALL_SILENCE_MAX } else { SILENCE_MAX }
}

/// Answers a ping: most of what thousands of quiet chats say.
async fn pong(link: &mut Link, client_ms: f64) -> Result<(), Gone> {
    link.throttle().await?;
    link.send(&ServerMessage::Pong { client_ms, server_ms: clock::now_ms_f64() }).await
}

async fn on_frame<S: Side>(
    link: &mut Link,
    side: &mut S,
    requests: &mut Requests<S::Done>,
    frame: ClientFrame,
) -> Result<(), Gone> {
    link.throttle().await?;
    if requests.is_empty() {
        return begin(link, side, requests, frame).await;
    }
    let id = frame.id;
    match requests.add(frame) {
        Ok(()) => Ok(()),
        Err(refusal) => link.refuse(id, refusal, false).await,
    }
}

async fn begin<S: Side>(
    link: &mut Link,
    side: &mut S,
    requests: &mut Requests<S::Done>,
    ClientFrame { id, message }: ClientFrame,
) -> Result<(), Gone> {
    match side.begin(link, id, message).await {
        Ok(Begun::Done) => link.answer(id, Ok(())).await,
        Ok(Begun::Taken) => Ok(()),
        Ok(Begun::Work(work)) => {
            requests.run(id, work, false);
            Ok(())
        }
        Ok(Begun::Undisturbed(work)) => {
            requests.run(id, work, true);
            Ok(())
        }
        Err(refusal) => link.refuse(id, refusal, false).await,
    }
}

/// Begins requests that wait, up to one with work to be done.
async fn begin_next<S: Side>(link: &mut Link, side: &mut S, requests: &mut Requests<S::Done>) -> Result<(), Gone> {
    while link.blocks.len() < BLOCKS_MAX
        && let Some(frame) = requests.turn()
    {
        begin(link, side, requests, frame).await?;
    }
    Ok(())
}

/// Answers a request and begins the next ones.
async fn finish<S: Side>(
    link: &mut Link,
    side: &mut S,
    requests: &mut Requests<S::Done>,
    Finished { id, result }: Finished<S::Done>,
) -> Result<(), Gone> {
    match result {
        Ok(done) => side.done(link, id, done).await?,
        Err(refusal) => link.refuse(id, refusal, false).await?,
    }
    begin_next(link, side, requests).await
}

/// What a client asked for before it went is carried out, though nobody hears the answers.
async fn carry_out_rest<S: Side>(link: &mut Link, side: &mut S, requests: &mut Requests<S::Done>) {
    loop {
        if requests.runs() {
            let finished = requests.next().await;
            let _ = finish(link, side, requests, finished).await;
        } else if let Some(frame) = requests.turn() {
            let _ = begin(link, side, requests, frame).await;
        } else {
            return;
        }
    }
}

/// What came in.
enum Incoming {
    Frame(ClientFrame),
    Refused(Option<u32>, Refusal),
    Goodbye,
    Other,
}

/// Reads one message. A frame that is too large for the socket is answered before the socket closes.
async fn read(socket: &mut WebSocket, standing: Standing) -> Result<Incoming, Gone> {
    match socket.next().await {
        Some(Ok(Message::Text(text))) => Ok(match parse_client(&text) {
            Ok(frame) => match standing.admit(&frame.message) {
                Ok(()) => Incoming::Frame(frame),
                Err(refusal) => Incoming::Refused(frame.id, refusal),
            },
            Err((refusal, id)) => Incoming::Refused(id, refusal),
        }),
        Some(Ok(Message::Binary(_))) => {
            Ok(Incoming::Refused(None, Refusal::new(ErrorCode::Malformed, "frames are text")))
        }
        Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(Incoming::Other),
        Some(Ok(Message::Close(frame))) => {
            // 1000 and 1001 are a page's goodbye, 1005 the same without a code; anything else is a broken client.
            let goodbye = frame.is_none_or(|frame| matches!(frame.code, 1000 | 1001 | 1005));
            if goodbye { Ok(Incoming::Goodbye) } else { Err(Gone) }
        }
        Some(Err(error)) => {
            if error.to_string().contains("too long") || error.to_string().contains("too large") {
                let refusal = Refusal::new(ErrorCode::TooLarge, "frame is too large");
                let message =
                    ServerMessage::Error { id: None, code: refusal.code, message: refusal.message, fatal: true };
                if let Ok(text) = serde_json::to_string(&message) {
                    let _ = timeout(Duration::from_secs(1), socket.send(Message::text(text))).await;
                }
            }
            Err(Gone)
        }
        None => Err(Gone),
    }
}
