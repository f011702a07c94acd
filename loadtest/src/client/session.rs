//! One WebSocket session: frames, pings, answers to requests, and the state that viewers and agents have in common.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use signaling::wire::{Block, CallStage, Leg, SlotAssignment, Welcome};
use signaling::{CallId, ClientFrame, ClientMessage, ErrorCode, ServerMessage};
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::{ClientError, DialOptions, DialTimings, ServerClock, WsStream, dial, unix_ms};
use crate::target::Target;

/// Pings right after the hello, for the clock (docs/protocol.md, Session 2).
const PINGS_AT_START: u32 = 5;
/// Time between later pings.
const PING_EVERY: Duration = Duration::from_secs(10);
/// The same in a chat in which nobody has said anything for [`QUIET_AFTER`], and which is in no call.
const QUIET_PING_EVERY: Duration = Duration::from_secs(30);
/// When a chat is quiet.
pub const QUIET_AFTER: Duration = Duration::from_secs(30);
/// A server that does not answer a ping for this long is taken for dead.
const SILENCE_MAX: Duration = Duration::from_secs(15);
/// Time in which the server must answer the hello.
const HELLO_LIMIT: Duration = Duration::from_secs(10);
/// Time in which the server must answer a close; Chromium waits two seconds, too.
const CLOSE_LIMIT: Duration = Duration::from_secs(2);
/// Unsolicited errors kept; tests read them, load runs only count.
const ERRORS_MAX: usize = 64;
/// Unread answers to requests kept; a client has a handful of requests in flight.
const ANSWERS_MAX: usize = 1_024;
/// Block acknowledgements kept; a call of an hour has some 2,200 of both kinds.
const BLOCK_ACKS_MAX: usize = 8_192;

/// An `error` message of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireError {
    /// The request, if one caused it.
    pub id: Option<u32>,
    /// Machine-readable.
    pub code: ErrorCode,
    /// For people.
    pub message: String,
    /// Whether the server closes after it.
    pub fatal: bool,
}

/// The socket and what every client keeps.
#[derive(Debug, Default)]
pub struct Session {
    socket: Option<WsStream>,
    next_id: u32,
    answers: HashMap<u32, Result<(), WireError>>,
    pings_left: u32,
    pinged_at: Option<Instant>,
    /// When the first ping that nothing was heard after went out.
    owed_at: Option<Instant>,
    /// When either side said something beyond pings and telemetry.
    active_at: Option<Instant>,
    in_call: bool,
    name: Option<String>,
    /// The server's clock.
    pub clock: ServerClock,
    /// Steps of the last dial.
    pub dialed: DialTimings,
    /// From the hello to the `welcome` of the last connect.
    pub hello: Duration,
    /// The last `welcome`.
    pub welcome: Option<Welcome>,
    /// Errors that answered no request, newest last.
    pub errors: Vec<WireError>,
    /// The unread `media_answer`.
    pub media_answer: Option<String>,
    /// The unread `watch_answer`.
    pub watch_answer: Option<String>,
    /// `start_bitrate_kbps` of the last `media_answer`.
    pub start_bitrate_kbps: Option<u32>,
    /// The last `slots`.
    pub slots: Vec<SlotAssignment>,
    /// Times `media_restart` came.
    pub restarts_asked: u32,
    /// The last `media_closed`.
    pub media_closed: Option<String>,
    /// Blocks known to be on the server's disk: leg, source, number.
    pub blocks_on_disk: BTreeSet<(Leg, String, u32)>,
    /// Whether `going_away` came on this connection.
    pub going_away: bool,
}

impl Session {
    /// Opens the socket and says hello. What was pending on an earlier socket is forgotten.
    ///
    /// # Errors
    /// What [`dial`] says, [`ClientError::Refused`], [`ClientError::Timeout`], [`ClientError::Closed`].
    pub async fn connect(
        &mut self,
        target: &Target,
        options: &DialOptions,
        hello: ClientMessage,
    ) -> Result<(), ClientError> {
        self.socket = None;
        self.answers.clear();
        self.media_answer = None;
        self.slots.clear();
        self.going_away = false;
        self.clock = ServerClock::default();
        let (socket, timings) = dial(target, options).await?;
        self.socket = Some(socket);
        self.dialed = timings;
        let now = Instant::now();
        self.owed_at = Some(now);
        self.pinged_at = Some(now);
        self.active_at = Some(now);
        self.in_call = false;
        self.post(hello).await?;
        self.await_welcome(now).await?;
        self.pings_left = PINGS_AT_START - 1;
        self.ping().await
    }

    async fn await_welcome(&mut self, sent: Instant) -> Result<(), ClientError> {
        let deadline = sent + HELLO_LIMIT;
        loop {
            let message = tokio::time::timeout_at(deadline, self.next())
                .await
                .map_err(|_| ClientError::Timeout { what: "welcome".to_owned(), limit: HELLO_LIMIT })??;
            match message {
                ServerMessage::Welcome(_) => {
                    self.hello = sent.elapsed();
                    return Ok(());
                }
                ServerMessage::Error { code, message, .. } => {
                    return Err(ClientError::Refused { code, message });
                }
                _ => {}
            }
        }
    }

    /// Whether there is a socket. A dead peer shows at the next read.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.socket.is_some()
    }

    /// Sends a message that wants no answer.
    ///
    /// # Errors
    /// [`ClientError::Closed`].
    pub async fn post(&mut self, message: ClientMessage) -> Result<(), ClientError> {
        self.send_frame(&ClientFrame { id: None, message }).await
    }

    /// Sends a message that will be answered; the answer is read with [`Self::take_answer`].
    ///
    /// # Errors
    /// [`ClientError::Closed`].
    pub async fn ask(&mut self, message: ClientMessage) -> Result<u32, ClientError> {
        self.next_id = self.next_id.wrapping_add(1);
        let id = self.next_id;
        self.send_frame(&ClientFrame { id: Some(id), message }).await?;
        Ok(id)
    }

    /// The answer to a request, once.
    pub fn take_answer(&mut self, id: u32) -> Option<Result<(), ClientError>> {
        let answer = self.answers.remove(&id)?;
        Some(answer.map_err(|error| ClientError::Refused { code: error.code, message: error.message }))
    }

    async fn send_frame(&mut self, frame: &ClientFrame) -> Result<(), ClientError> {
        if !matches!(frame.message, ClientMessage::Ping { .. } | ClientMessage::Block(_)) {
            self.active_at = Some(Instant::now());
        }
        let text = serde_json::to_string(frame)
            .map_err(|error| ClientError::Protocol(format!("a message of ours has no JSON: {error}")))?;
        self.send_raw(Message::text(text)).await
    }

    /// Sends any frame at all: for tests of bad input.
    ///
    /// # Errors
    /// [`ClientError::Closed`].
    pub async fn send_raw(&mut self, message: Message) -> Result<(), ClientError> {
        let Some(socket) = self.socket.as_mut() else {
            return Err(ClientError::Closed { reason: "not connected".to_owned() });
        };
        match socket.send(message).await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.lost(error.to_string())),
        }
    }

    /// Reads one message, keeps the clock and the common state. Cancelling loses nothing.
    ///
    /// # Errors
    /// [`ClientError::Closed`] when the socket is gone, [`ClientError::Protocol`] for what is no message.
    pub async fn next(&mut self) -> Result<ServerMessage, ClientError> {
        loop {
            let wake_at = self.wake_at();
            let Some(socket) = self.socket.as_mut() else {
                return Err(ClientError::Closed { reason: "not connected".to_owned() });
            };
            let frame = tokio::select! {
                biased;
                frame = socket.next() => frame,
                () = sleep_until(wake_at) => {
                    if self.owed_at.is_some_and(|owed| owed.elapsed() >= SILENCE_MAX) {
                        return Err(self.lost(format!("nothing heard for {} s", SILENCE_MAX.as_secs())));
                    }
                    self.ping().await?;
                    continue;
                }
            };
            self.owed_at = None;
            let text = match frame {
                Some(Ok(Message::Text(text))) => text,
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
                Some(Ok(Message::Binary(_))) => {
                    return Err(ClientError::Protocol("a binary frame came".to_owned()));
                }
                Some(Ok(Message::Close(close))) => {
                    let reason = close.map_or_else(
                        || "closed by the server".to_owned(),
                        |close| format!("closed by the server: {} {}", u16::from(close.code), close.reason),
                    );
                    return Err(self.lost(reason));
                }
                Some(Err(error)) => return Err(self.lost(error.to_string())),
                None => return Err(self.lost("end of stream".to_owned())),
            };
            let message: ServerMessage = serde_json::from_str(&text).map_err(|error| {
                let head: String = text.chars().take(120).collect();
                ClientError::Protocol(format!("{error} in {head}"))
            })?;
            self.apply(&message).await?;
            return Ok(message);
        }
    }

    /// When the next ping is due, or its answer is too late.
    fn wake_at(&self) -> Instant {
        let now = Instant::now();
        let pinged = self.pinged_at.unwrap_or(now);
        // A chat that falls quiet between two pings lengthens the time to the next one.
        let quiet_at = self.active_at.unwrap_or(now) + QUIET_AFTER;
        let ping_at = pinged + if self.in_call || quiet_at > now { PING_EVERY } else { QUIET_PING_EVERY };
        self.owed_at.map_or(ping_at, |owed| ping_at.min(owed + SILENCE_MAX))
    }

    async fn apply(&mut self, message: &ServerMessage) -> Result<(), ClientError> {
        if !matches!(message, ServerMessage::Pong { .. } | ServerMessage::BlockAck { .. } | ServerMessage::Done { .. })
        {
            self.active_at = Some(Instant::now());
        }
        match message {
            ServerMessage::Call(state) => self.in_call = state.stage != CallStage::Ended,
            ServerMessage::Welcome(welcome) => {
                self.name = Some(welcome.session.clone());
                self.welcome = Some((**welcome).clone());
            }
            ServerMessage::Pong { client_ms, server_ms } => {
                self.clock.note(*client_ms, unix_ms(), *server_ms);
                if self.pings_left > 0 {
                    self.pings_left -= 1;
                    self.ping().await?;
                }
            }
            ServerMessage::Done { id } => self.answer(*id, Ok(())),
            ServerMessage::Error { id, code, message, fatal } => {
                let error = WireError { id: *id, code: *code, message: message.clone(), fatal: *fatal };
                if let Some(id) = id {
                    self.answer(*id, Err(error));
                } else if self.errors.len() < ERRORS_MAX {
                    self.errors.push(error);
                }
            }
            ServerMessage::MediaAnswer { sdp, start_bitrate_kbps } => {
                self.media_answer = Some(sdp.clone());
                self.start_bitrate_kbps = *start_bitrate_kbps;
            }
            ServerMessage::WatchAnswer { sdp, .. } => self.watch_answer = Some(sdp.clone()),
            ServerMessage::Slots { slots, watched: None } => self.slots.clone_from(slots),
            ServerMessage::MediaRestart { watched: None } => self.restarts_asked += 1,
            ServerMessage::MediaClosed { message, watched: None } => self.media_closed = Some(message.clone()),
            ServerMessage::BlockAck { leg, source, seq } if self.blocks_on_disk.len() < BLOCK_ACKS_MAX => {
                self.blocks_on_disk.insert((*leg, source.clone(), *seq));
            }
            ServerMessage::GoingAway {} => self.going_away = true,
            _ => {}
        }
        Ok(())
    }

    fn answer(&mut self, id: u32, answer: Result<(), WireError>) {
        if self.answers.len() < ANSWERS_MAX {
            self.answers.insert(id, answer);
        }
    }

    async fn ping(&mut self) -> Result<(), ClientError> {
        let now = Instant::now();
        self.pinged_at = Some(now);
        self.owed_at.get_or_insert(now);
        self.post(ClientMessage::Ping { client_ms: unix_ms() }).await
    }

    fn lost(&mut self, reason: String) -> ClientError {
        self.socket = None;
        ClientError::Closed { reason }
    }

    /// The name by which the next hello resumes this session: the last `welcome.session`, unless we said goodbye.
    #[must_use]
    pub fn resume_name(&self) -> Option<String> {
        self.name.clone()
    }

    /// Closes as a browser does for a page that is left: a close frame, and the socket once the server has answered it.
    /// The session cannot be resumed.
    pub async fn close(&mut self) {
        if let Some(mut socket) = self.socket.take() {
            let goodbye = CloseFrame { code: CloseCode::Away, reason: "".into() };
            let closing = async {
                // A peer that is gone already is closed as well.
                if socket.close(Some(goodbye)).await.is_ok() {
                    while let Some(Ok(_)) = socket.next().await {}
                }
            };
            let _ = tokio::time::timeout(CLOSE_LIMIT, closing).await;
            self.name = None;
        }
    }

    /// Cuts the connection without a word, as a network does.
    pub fn cut(&mut self) {
        self.socket = None;
    }

    /// Sends a telemetry block of samples.
    ///
    /// # Errors
    /// [`ClientError::Closed`].
    pub async fn send_block(&mut self, block: Block) -> Result<(), ClientError> {
        self.post(ClientMessage::Block(block)).await
    }

    /// Reports a connect phase that was reached at `at` on this machine.
    ///
    /// # Errors
    /// [`ClientError::Closed`].
    pub async fn report_phase(
        &mut self,
        call: &CallId,
        phase: signaling::wire::Phase,
        at: std::time::Instant,
    ) -> Result<(), ClientError> {
        let at_ms = self.clock.at_ms(at);
        self.post(ClientMessage::Phase { call: call.clone(), phase, at_ms }).await
    }
}

/// A block of samples in the codec `json1`.
#[must_use]
pub fn json_block(
    leg: Leg,
    source: &str,
    seq: u32,
    call: Option<CallId>,
    conversation: Option<signaling::ConversationId>,
    samples: &[serde_json::Value],
) -> Block {
    use base64::Engine as _;
    let t0_ms = samples.first().and_then(|sample| sample.get("t")).and_then(serde_json::Value::as_f64).unwrap_or(0.0);
    let json = serde_json::Value::Array(samples.to_vec()).to_string();
    Block {
        conversation,
        call,
        leg,
        seq,
        source: source.to_owned(),
        t0_ms,
        codec: "json1".to_owned(),
        bytes: base64::engine::general_purpose::STANDARD.encode(json),
    }
}
