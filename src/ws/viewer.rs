//! What a viewer may do on its socket.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use signaling::resume::Cursor;
use signaling::session::Standing;
use signaling::timeline::{Author, AuthorKind, EndReason, Entry};
use signaling::wire::{
    ClientMessage, ConversationStatus, ErrorCode, HelloViewer, PROTOCOL_VERSION, Refusal, ServerMessage,
    ViewerConversation, Welcome,
};
use signaling::{CallId, ConversationId};
use tokio::sync::watch;
use tokio::time::Instant;

use super::blocks::{KnownCalls, Sender};
use super::link::{Gone, Link};
use super::preflight::{self, Preflight};
use super::requests::Begun;
use super::socket::{Closed, Event, Side};
use crate::app::App;
use crate::clock;
use crate::cluster::{CallCommand, CallReply, NodeId, Note, SessionId, Subscriber, Topic};
use crate::gate::Caller;
use crate::random;
use crate::storage::ConversationRow;
use crate::support::{LineView, Sent, Viewer};

/// Changes that come within this time are told as one.
const VIEW_SOON: Duration = Duration::from_millis(20);
/// How often somebody is told a place in the first hundred, further back, and beyond the first thousand: who is far back
/// does not read every step of a long line.
const LINE_EVERY: [(u32, Duration); 3] =
    [(100, Duration::from_secs(1)), (1_000, Duration::from_secs(2)), (u32::MAX, Duration::from_secs(5))];

/// A conversation in the line, as its viewer was told last.
struct Waiting {
    view: ViewerConversation,
    queued_at_ms: i64,
    told_at: Instant,
    /// When the new place is told.
    due: Option<Instant>,
}

/// A viewer on a socket.
pub(super) struct ViewerSide {
    viewer: Arc<Viewer>,
    conversation: Option<ConversationId>,
    cursor: Cursor,
    subscriber: Subscriber,
    calls: KnownCalls,
    view_due: Option<Instant>,
    line: watch::Receiver<Arc<LineView>>,
    /// Set while the conversation waits.
    waiting: Option<Box<Waiting>>,
    greeting: Option<ConversationRow>,
    preflight: Preflight,
    resumed: bool,
}

impl ViewerSide {
    /// Checks a hello.
    ///
    /// # Errors
    /// [`ErrorCode::Unauthorized`] for a bad token, or none where one is needed.
    pub(super) async fn open(link: &mut Link, hello: HelloViewer) -> Result<Self, Refusal> {
        let app = &link.app;
        let mut viewer = Viewer {
            key_hash: random::sha256(&hello.key),
            name: guest_name(&hello.key),
            lang: hello.lang,
            page: hello.page,
            ..Viewer::default()
        };
        let row = app.desk.conversation_by_key(&viewer.key_hash).await?;
        match &hello.token {
            Some(token) => {
                let claims = app.auth.check_viewer_token(token)?;
                viewer.name = claims.name.chars().take(80).collect();
                viewer.external = Some(claims.sub);
                viewer.level = claims.level;
                viewer.lang = claims.lang.unwrap_or(viewer.lang);
            }
            // Whoever holds the private link may read on, from any device.
            None if !app.config.viewers.anonymous && row.is_none() => {
                return Err(Refusal::new(
                    ErrorCode::Unauthorized,
                    "this server needs a viewer token from the host page",
                ));
            }
            None => {}
        }
        if let Some(row) = &row {
            viewer.name.clone_from(&row.viewer_name);
        }
        let resume = hello.resume.filter(|resume| random::is_id(resume, 's'));
        let resumed = resume.is_some();
        if let Some(resume) = resume {
            link.session = SessionId(resume);
        }
        let subscriber = app.desk.bus.attach();
        app.desk.bus.subscribe(&subscriber, Topic::Key(viewer.key_hash));
        app.desk.bus.subscribe(&subscriber, Topic::Session(link.session.clone()));
        let line = app.desk.line.follow(spread(&viewer.key_hash));
        Ok(Self {
            viewer: Arc::new(viewer),
            conversation: None,
            cursor: Cursor::new(if row.is_some() { hello.after_seq } else { 0 }),
            subscriber,
            calls: KnownCalls::default(),
            view_due: None,
            line,
            waiting: None,
            greeting: row,
            preflight: Preflight::default(),
            resumed,
        })
    }

    /// From now on this socket belongs to a conversation. Returns it as it is now.
    async fn join(
        &mut self,
        app: &App,
        session: &SessionId,
        row: &ConversationRow,
    ) -> Result<ConversationRow, Refusal> {
        let bus = &app.desk.bus;
        for topic in [Topic::Conversation(row.id.clone()), Topic::Viewer(row.id.clone())] {
            bus.subscribe(&self.subscriber, topic);
        }
        self.conversation = Some(row.id.clone());
        app.desk.presence.viewer_socket(&row.id, true);
        // Read again: an agent may have taken it since.
        let row = app.desk.conversation(&row.id).await?;
        app.desk.tell_desk(&row);
        if let Some((handle, state)) = app.desk.calls.of(&row.id) {
            let command = CallCommand::ViewerBack {
                call: state.id,
                session: session.clone(),
                node: app.node.clone(),
                resumed: self.resumed,
            };
            bus.request(handle.node, command).await;
        }
        Ok(row)
    }

    async fn send_view(&mut self, link: &mut Link) -> Result<(), Gone> {
        self.view_due = None;
        let Some(id) = self.conversation.clone() else { return Ok(()) };
        let desk = &link.app.desk;
        match desk.conversation(&id).await {
            Ok(row) => self.send_view_of(link, &row).await,
            Err(refusal) => link.refuse(None, refusal, false).await,
        }
    }

    async fn send_view_of(&mut self, link: &mut Link, row: &ConversationRow) -> Result<(), Gone> {
        match self.view(&link.app, row).await {
            Ok(view) => link.send(&ServerMessage::Conversation(Box::new(view))).await,
            Err(refusal) => link.refuse(None, refusal, false).await,
        }
    }

    /// The conversation for its viewer; remembered while it waits, so that a new place needs no database.
    async fn view(&mut self, app: &App, row: &ConversationRow) -> Result<ViewerConversation, Refusal> {
        let view = app.desk.viewer_view(row).await?;
        let waiting = row.status == ConversationStatus::Waiting;
        self.waiting = waiting.then(|| {
            let (view, queued_at_ms) = (view.clone(), row.queued_at_ms);
            Box::new(Waiting { view, queued_at_ms, told_at: Instant::now(), due: None })
        });
        Ok(view)
    }

    /// Tells the new place in line.
    async fn send_place(&mut self, link: &mut Link) -> Result<(), Gone> {
        let Some(waiting) = self.waiting.as_mut() else { return Ok(()) };
        let line = self.line.borrow_and_update().clone();
        waiting.due = None;
        waiting.told_at = Instant::now();
        // Who has left the line hears so by its own change.
        let Some(place) = line.place(&waiting.view.id) else { return Ok(()) };
        waiting.view.place = Some(place);
        waiting.view.agents_online = line.agents_online;
        waiting.view.wait_ms_estimate = line.wait_estimate_ms(place, clock::now_ms() - waiting.queued_at_ms);
        link.send(&ServerMessage::Conversation(Box::new(waiting.view.clone()))).await
    }

    /// Sends what the database holds after the cursor.
    async fn send_missing(&mut self, link: &mut Link) -> Result<(), Gone> {
        match &self.conversation {
            Some(conversation) => link.send_missing(conversation, &mut self.cursor).await,
            None => Ok(()),
        }
    }

    fn chat(&self, link: &Link, client_id: String, text: String) -> Result<Begun<Done>, Refusal> {
        if self.conversation.is_none() && self.viewer.external.is_none() && link.caller == Caller::Public {
            link.app.gate.open_ticket(link.address)?;
        }
        let (app, viewer, known) = (Arc::clone(&link.app), Arc::clone(&self.viewer), self.conversation.clone());
        work(async move {
            let writing = Box::pin(app.desk.viewer_send(&viewer, known.as_ref(), client_id.clone(), text));
            let sent = if known.is_some() { writing.await? } else { app.doorman.pace(writing).await? };
            Ok(Done::Sent(client_id, Box::new(sent)))
        })
    }

    /// The conversation of the key exists now; `entries` are the newest of it, as far as they are known.
    async fn opened(&mut self, link: &mut Link, row: &ConversationRow, entries: Vec<Entry>) -> Result<(), Gone> {
        let (app, session) = (Arc::clone(&link.app), link.session.clone());
        let row = match self.join(&app, &session, row).await {
            Ok(row) => row,
            Err(refusal) => {
                link.refuse(None, refusal, false).await?;
                return self.send_missing(link).await;
            }
        };
        self.send_view_of(link, &row).await?;
        if !entries.is_empty() {
            link.deliver(&row.id, &mut self.cursor, entries).await?;
        }
        if self.cursor.last_seq() < row.last_seq { self.send_missing(link).await } else { Ok(()) }
    }

    /// The node of an own call.
    fn own_call(&self, app: &App, call: &CallId) -> Result<NodeId, Refusal> {
        match app.desk.calls.find(call) {
            Some((handle, state)) if Some(&state.conversation) == self.conversation.as_ref() => Ok(handle.node),
            _ => Err(Refusal::new(ErrorCode::NotFound, "no such call")),
        }
    }

    fn command(&self, link: &Link, command: CallCommand) -> Result<Begun<Done>, Refusal> {
        let node = self.own_call(&link.app, command.call())?;
        let app = Arc::clone(&link.app);
        let answer = async move {
            match app.desk.bus.request(node, command).await {
                CallReply::Done => Ok(Done::Nothing),
                CallReply::Answer { sdp, start_bitrate_kbps } => {
                    Ok(Done::Message(Box::new(ServerMessage::MediaAnswer { sdp, start_bitrate_kbps })))
                }
                CallReply::Refused { code, message } => Err(Refusal::new(code, message)),
            }
        };
        Ok(Begun::Undisturbed(answer.boxed()))
    }

    fn call_message(&self, link: &Link, message: ClientMessage) -> Result<Begun<Done>, Refusal> {
        let session = link.session.clone();
        let side = AuthorKind::Viewer;
        let command = match message {
            ClientMessage::MediaOffer { call: Some(call), sdp, restart, line } => {
                CallCommand::Offer { call, session, sdp, restart, line }
            }
            ClientMessage::Accept { call, surface } => CallCommand::Accept { call, session, surface },
            ClientMessage::Decline { call } => {
                CallCommand::End { call, side, user: None, reason: Some(EndReason::Declined) }
            }
            ClientMessage::EndCall { call, reason } => CallCommand::End { call, side, user: None, reason },
            ClientMessage::Phase { call, phase, at_ms } => CallCommand::Phase { call, side, phase, at_ms },
            ClientMessage::Sending { call, sources } => CallCommand::Sending { call, session, side, sources },
            ClientMessage::MediaClose {} => {
                let running = self.conversation.as_ref().and_then(|id| link.app.desk.calls.of(id));
                match running {
                    Some((_, state)) => CallCommand::CloseMedia { call: state.id, session },
                    None => return Ok(Begun::Done),
                }
            }
            _ => return Err(Refusal::new(ErrorCode::Forbidden, "only an agent may do this")),
        };
        self.command(link, command)
    }

    fn request_call(&self, link: &Link) -> Result<Begun<Done>, Refusal> {
        let Some(conversation) = self.conversation.clone() else {
            return Err(Refusal::new(ErrorCode::OutOfOrder, "write a message first"));
        };
        link.app.gate.call_request(&conversation)?;
        let app = Arc::clone(&link.app);
        work(async move {
            let row = app.desk.conversation(&conversation).await?;
            app.desk.request_call(&row).await.map(|()| Done::Nothing)
        })
    }

    fn end_request(&self, link: &Link) -> Result<Begun<Done>, Refusal> {
        let Some(conversation) = self.conversation.clone() else { return Ok(Begun::Done) };
        let (app, author) = (Arc::clone(&link.app), Author::viewer(&self.viewer.name));
        work(async move { app.desk.end_request(&conversation, author).await.map(|()| Done::Nothing) })
    }

    fn read(&self, link: &Link, seq: i64) -> Result<Begun<Done>, Refusal> {
        let Some(conversation) = self.conversation.clone() else { return Ok(Begun::Done) };
        let app = Arc::clone(&link.app);
        work(async move { app.desk.read(&conversation, AuthorKind::Viewer, seq).await.map(|()| Done::Nothing) })
    }

    fn rate(&self, link: &Link, score: u8, comment: String) -> Result<Begun<Done>, Refusal> {
        let Some(conversation) = self.conversation.clone() else {
            return Err(Refusal::new(ErrorCode::OutOfOrder, "there is no conversation to rate"));
        };
        let app = Arc::clone(&link.app);
        work(async move {
            let row = app.desk.conversation(&conversation).await?;
            app.desk.rate(&row, score, &comment).await.map(|()| Done::Nothing)
        })
    }
}

/// What a viewer's request came to.
pub(super) enum Done {
    /// Nothing beyond its being done.
    Nothing,
    /// A message that goes before the answer.
    Message(Box<ServerMessage>),
    /// The message with this `client_id` is committed.
    Sent(String, Box<Sent>),
}

fn work(work: impl Future<Output = Result<Done, Refusal>> + Send + 'static) -> Result<Begun<Done>, Refusal> {
    Ok(Begun::Work(work.boxed()))
}

impl Side for ViewerSide {
    const STANDING: Standing = Standing::Viewer;
    type Done = Done;

    fn subscriber(&mut self) -> &mut Subscriber {
        &mut self.subscriber
    }

    async fn event(&mut self) -> Event {
        tokio::select! {
            biased;
            note = self.subscriber.next() => note.map_or(Event::Gone, Event::Note),
            Ok(()) = self.line.changed(), if self.waiting.is_some() => Event::LineMoved,
        }
    }

    fn line_moved(&mut self, _link: &mut Link) {
        let Some(waiting) = self.waiting.as_mut() else { return };
        let line = self.line.borrow_and_update().clone();
        let Some(place) = line.place(&waiting.view.id) else { return };
        let new = waiting.view.place != Some(place) || waiting.view.agents_online != line.agents_online;
        if new && waiting.due.is_none() {
            let first = waiting.view.place.is_none();
            let every = LINE_EVERY.iter().find(|(last, _)| place <= *last).map_or(Duration::ZERO, |(_, every)| *every);
            let earliest = if first { Instant::now() } else { waiting.told_at + every };
            waiting.due = Some(earliest);
        }
    }

    async fn greet(&mut self, link: &mut Link) -> Result<(), Gone> {
        let row = self.greeting.take();
        let (app, session) = (Arc::clone(&link.app), link.session.clone());
        let conversation = match row {
            Some(row) => {
                let view = match self.join(&app, &session, &row).await {
                    Ok(row) => self.view(&app, &row).await,
                    Err(refusal) => Err(refusal),
                };
                match view {
                    Ok(view) => Some(view),
                    Err(refusal) => return link.refuse(None, refusal, false).await,
                }
            }
            None => None,
        };
        let welcome = Welcome {
            v: PROTOCOL_VERSION,
            server_ms: clock::now_ms_f64(),
            boot: app.boot.clone(),
            session: link.session.0.clone(),
            name: self.viewer.name.clone(),
            user: None,
            conversation,
            agents_online: app.desk.presence.agents_online(),
            video_codecs: app.config.media.video_codecs.iter().map(ToString::to_string).collect(),
        };
        link.send(&ServerMessage::Welcome(Box::new(welcome))).await?;
        self.send_missing(link).await
    }

    async fn begin(
        &mut self,
        link: &mut Link,
        id: Option<u32>,
        message: ClientMessage,
    ) -> Result<Begun<Done>, Refusal> {
        match message {
            ClientMessage::Send { client_id, text, .. } => self.chat(link, client_id, text),
            ClientMessage::Typing { on, .. } => {
                if let Some(conversation) = &self.conversation {
                    link.app.desk.typing(conversation, AuthorKind::Viewer, &link.session, on);
                }
                Ok(Begun::Done)
            }
            ClientMessage::Read { seq, .. } => self.read(link, seq),
            ClientMessage::Block(block) => match &self.conversation {
                Some(own) => {
                    self.calls.take(link, Sender::Viewer(own), id, block).await?;
                    Ok(Begun::Taken)
                }
                None => Err(Refusal::new(ErrorCode::OutOfOrder, "there is no ticket yet")),
            },
            ClientMessage::RequestCall {} => self.request_call(link),
            ClientMessage::EndRequest { .. } => self.end_request(link),
            ClientMessage::Rate { score, comment } => self.rate(link, score, comment),
            ClientMessage::PreflightOffer { sdp } => {
                link.app.gate.preflight(link.address)?;
                let (app, ended) = (Arc::clone(&link.app), self.preflight.begin());
                work(async move { preflight::connect(&app, sdp, ended).await.map(|m| Done::Message(Box::new(m))) })
            }
            ClientMessage::PreflightClose {} => {
                self.preflight.end();
                Ok(Begun::Done)
            }
            message => self.call_message(link, message),
        }
    }

    async fn done(&mut self, link: &mut Link, id: Option<u32>, done: Done) -> Result<(), Gone> {
        match done {
            Done::Nothing => link.answer(id, Ok(())).await,
            Done::Message(message) => {
                link.send(&message).await?;
                link.answer(id, Ok(())).await
            }
            Done::Sent(client_id, sent) => {
                link.acknowledge(client_id, &sent).await?;
                if self.conversation.is_none() {
                    self.opened(link, &sent.conversation, sent.entries).await
                } else {
                    Ok(())
                }
            }
        }
    }

    async fn note(&mut self, link: &mut Link, note: &Note) -> Result<(), Gone> {
        match note {
            Note::Entries { conversation, entries } => {
                link.deliver(conversation, &mut self.cursor, entries.clone()).await
            }
            Note::Opened if self.conversation.is_none() => {
                match link.app.desk.conversation_by_key(&self.viewer.key_hash).await {
                    Ok(Some(row)) => self.opened(link, &row, Vec::new()).await,
                    _ => Ok(()),
                }
            }
            Note::Changed(_) => {
                let soon = Instant::now() + VIEW_SOON;
                self.view_due = Some(self.view_due.map_or(soon, |due| due.min(soon)));
                Ok(())
            }
            Note::Typing { conversation, author, from, on }
                if *from != link.session && *author != AuthorKind::Viewer =>
            {
                let message = ServerMessage::Typing { conversation: conversation.clone(), author: *author, on: *on };
                link.send(&message).await
            }
            Note::Read { conversation, author, seq } => {
                let message = ServerMessage::Read { conversation: conversation.clone(), author: *author, seq: *seq };
                link.send(&message).await
            }
            Note::Call(_, state) => link.send(&ServerMessage::Call(state.clone())).await,
            Note::Direct(message) => link.send(message).await,
            _ => Ok(()),
        }
    }

    async fn catch_up(&mut self, link: &mut Link) -> Result<(), Gone> {
        self.send_missing(link).await?;
        self.send_view(link).await
    }

    fn in_call(&self, app: &App) -> bool {
        self.conversation.as_ref().is_some_and(|conversation| app.desk.calls.viewer_in_call(conversation))
    }

    fn wake_at(&self) -> Option<Instant> {
        let place_due = self.waiting.as_ref().and_then(|waiting| waiting.due);
        self.view_due.into_iter().chain(place_due).min()
    }

    async fn wake(&mut self, link: &mut Link) -> Result<(), Gone> {
        // A whole view has the place in it.
        if self.view_due.is_some_and(|due| due <= Instant::now()) {
            return self.send_view(link).await;
        }
        self.send_place(link).await
    }

    async fn closed(self, app: &App, session: &SessionId, closed: Closed) {
        let desk = &app.desk;
        desk.bus.detach(&self.subscriber);
        let Some(conversation) = self.conversation else { return };
        desk.presence.viewer_socket(&conversation, false);
        if let Some((handle, state)) = desk.calls.of(&conversation).filter(|_| closed.last) {
            let goodbye = closed.goodbye;
            let node = app.node.clone();
            let command = CallCommand::ViewerGone { call: state.id, session: session.clone(), node, goodbye };
            desk.bus.request(handle.node, command).await;
        }
        if let Ok(row) = desk.conversation(&conversation).await {
            desk.tell_changed(&row);
        }
    }
}

/// A number that differs from viewer to viewer.
fn spread(key_hash: &[u8; 32]) -> u64 {
    key_hash.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// A name for a viewer without one: the same for the same key, and nothing of the key.
fn guest_name(key: &str) -> String {
    let hash = random::sha256(&format!("name:{key}"));
    format!("Guest {:02x}{:02x}", hash[0], hash[1])
}
