//! Messages of the WebSocket, both directions. `docs/protocol.md` is the prose of this file.
//!
//! Every text frame is one JSON object whose `t` names the message. Times are milliseconds since the Unix epoch on the
//! server's clock unless a field says otherwise. Unknown fields are ignored (newer peers may add them); unknown `t` is
//! answered with [`ErrorCode::UnknownMessage`].

// tidy: long because it is the protocol's grammar, which is read in one place.

use serde::{Deserialize, Serialize};

use crate::ids::{CallId, ConversationId, ID_BYTES_MAX, TicketNumber, UserId};
use crate::limits;
use crate::timeline::{AuthorKind, EndReason, Entry, Surface};
use crate::verdict::{Incidents, VerdictBrief};

/// Version of this protocol. A client of another version is refused with [`ErrorCode::Version`] and reloads.
pub const PROTOCOL_VERSION: u16 = 1;

/// A client's message with the number by which the answer refers to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct ClientFrame {
    /// Chosen by the client; comes back in `done.id` or `error.id`. Absent: no answer but errors is wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub id: Option<u32>,
    /// The message.
    #[serde(flatten)]
    pub message: ClientMessage,
}

/// What a client may say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum ClientMessage {
    /// First message of a viewer.
    HelloViewer(HelloViewer),
    /// First message of an agent. The session cookie or `token` says who.
    HelloAgent(HelloAgent),
    /// Measures the round trip and the clock offset; answered by `pong` at once.
    Ping {
        /// Comes back unchanged.
        client_ms: f64,
    },
    /// A chat message. The first one of a viewer creates conversation and ticket.
    Send {
        /// Which chat; viewers leave it out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "typescript", ts(optional))]
        conversation: Option<ConversationId>,
        /// Unique per conversation; sending it again changes nothing and is acknowledged again.
        client_id: String,
        /// Plain text.
        text: String,
    },
    /// The writer started or stopped typing. Lasts 6 s unless repeated.
    Typing {
        /// Which chat; viewers leave it out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "typescript", ts(optional))]
        conversation: Option<ConversationId>,
        /// Whether.
        on: bool,
    },
    /// Everything up to `seq` was seen.
    Read {
        /// Which chat; viewers leave it out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "typescript", ts(optional))]
        conversation: Option<ConversationId>,
        /// Highest seen entry.
        seq: i64,
    },
    /// Agent: follow a conversation. Entries after `after_seq` come first, then live ones.
    Subscribe {
        /// Which chat.
        conversation: ConversationId,
        /// Last entry the client holds; 0 for all.
        after_seq: i64,
    },
    /// Agent: stop following.
    Unsubscribe {
        /// Which chat.
        conversation: ConversationId,
    },
    /// Agent: take a waiting conversation. Refused with `taken` when a colleague was first.
    Take {
        /// Which chat.
        conversation: ConversationId,
    },
    /// Agent: put an own conversation back into the queue.
    Release {
        /// Which chat.
        conversation: ConversationId,
    },
    /// Agent: resolve the ticket of an own conversation.
    Resolve {
        /// Which chat.
        conversation: ConversationId,
    },
    /// Agent: a note that colleagues see and the viewer does not. Acknowledged like `send`.
    Note {
        /// Which chat.
        conversation: ConversationId,
        /// Unique per conversation, as in `send`.
        client_id: String,
        /// Plain text.
        text: String,
    },
    /// Viewer: asks to show the problem. Stays until an agent invites, either side withdraws it, or the ticket is
    /// resolved.
    RequestCall {},
    /// Viewer: withdraws the request. Agent: declines it.
    EndRequest {
        /// Which chat; viewers leave it out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "typescript", ts(optional))]
        conversation: Option<ConversationId>,
    },
    /// Agent: invite the viewer to share. Answered by `call` to both. Also accepts a request for a call.
    Invite {
        /// Which chat.
        conversation: ConversationId,
    },
    /// Viewer: agreed, and the capture runs.
    Accept {
        /// The call.
        call: CallId,
        /// What is shared.
        surface: Surface,
    },
    /// Viewer: declined.
    Decline {
        /// The call.
        call: CallId,
    },
    /// Either side: end the call, or withdraw the invitation.
    EndCall {
        /// The call.
        call: CallId,
        /// `viewer_stopped` or `capture_ended` from a viewer, `agent_ended` or `cancelled` from an agent; anything
        /// else is replaced by the sender's default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "typescript", ts(optional))]
        reason: Option<EndReason>,
    },
    /// Either side, in an accepted call: what this end sends now. Told to the other end in `call`. Of a colleague who has joined
    /// the microphone is told, in `call.guests`.
    Sending {
        /// The call.
        call: CallId,
        /// The state of each source, and of the page.
        sources: Sources,
    },
    /// Agent: what the shared picture is to be tuned for. Told to the viewer in `call`.
    SetContent {
        /// The call.
        call: CallId,
        /// Text or motion.
        content: ContentHint,
    },
    /// Offer for the one peer connection of this participant: the first time, and for each ICE restart.
    MediaOffer {
        /// Viewer: the call it is for. Agent: absent, the connection is warm and serves every call.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "typescript", ts(optional))]
        call: Option<CallId>,
        /// Session description; slots in the order of docs/protocol.md.
        sdp: String,
        /// True for an ICE restart of the connection that exists.
        #[serde(default)]
        restart: bool,
        /// Viewer: what its page knows of the line, from which the first bitrate is chosen.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "typescript", ts(optional))]
        line: Option<LineKnowledge>,
    },
    /// Agent: offer for a connection of its own to a colleague's running call, at the worker where that call lives; or its
    /// ICE restart. Nothing is received before `join_call`, so a page may make it while the chat is only looked at.
    /// Answered by `watch_answer`.
    WatchCall {
        /// The colleague's call.
        call: CallId,
        /// Session description; slots as in `media_offer`.
        sdp: String,
        /// True for an ICE restart of the connection that exists.
        #[serde(default)]
        restart: bool,
    },
    /// Agent: joins a colleague's call over the connection that `watch_call` made; the viewer and the colleague are told.
    JoinCall {
        /// The call.
        call: CallId,
    },
    /// Agent: leaves a call that it joined or watches; the connection closes.
    LeaveCall {
        /// The call.
        call: CallId,
    },
    /// The peer connection is gone or unwanted.
    MediaClose {},
    /// Viewer: offer for a connection with the data channel `fast` alone, over which the page measures its line. Answered by
    /// `preflight_answer`; the server closes it after [`limits::PREFLIGHT_MS_MAX`].
    PreflightOffer {
        /// Session description with one data section.
        sdp: String,
    },
    /// Viewer: the measurement is over.
    PreflightClose {},
    /// A connect phase was reached at this end.
    Phase {
        /// The call.
        call: CallId,
        /// Which.
        phase: Phase,
        /// Server clock, by the offset from `ping`.
        at_ms: f64,
    },
    /// A telemetry block. Acknowledged by `block_ack` once it is on disk.
    Block(Block),
    /// Viewer: rate the help.
    Rate {
        /// 1 (bad) to 5 (good).
        score: u8,
        /// Free text, may be empty.
        #[serde(default)]
        comment: String,
    },
}

/// First message of a viewer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct HelloViewer {
    /// [`PROTOCOL_VERSION`] of the client.
    pub v: u16,
    /// `welcome.session` of this page's previous socket, when it broke less than `limits.away_seconds_max` (90 s)
    /// ago: the running call goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub resume: Option<String>,
    /// The conversation's secret, made by the viewer's browser (at least 128 random bits, base64url). It names the
    /// conversation if there is one, and is the key of the one that the first `send` creates.
    pub key: String,
    /// Last entry the client holds; 0 for all.
    #[serde(default)]
    pub after_seq: i64,
    /// Host-signed viewer token; absent for anonymous viewers, where the server allows them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub token: Option<String>,
    /// Language of the page, BCP 47.
    #[serde(default)]
    pub lang: String,
    /// The page the viewer is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub page: Option<Page>,
}

/// The page a viewer asks for help from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Page {
    /// Address without query and fragment.
    pub url: String,
    /// Title.
    #[serde(default)]
    pub title: String,
    /// Browser in a few words, such as `Chromium 140, Linux`.
    #[serde(default)]
    pub client: String,
}

/// First message of an agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct HelloAgent {
    /// [`PROTOCOL_VERSION`] of the client.
    pub v: u16,
    /// `welcome.session` of this page's previous socket, when it broke less than `limits.away_seconds_max` (90 s)
    /// ago: the running call goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub resume: Option<String>,
    /// Agent session token for clients without cookies (load test); browsers use the cookie.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub token: Option<String>,
    /// Language of the console, BCP 47.
    #[serde(default)]
    pub lang: String,
}

/// Samples of one leg, opaque to everything between the ends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Block {
    /// Agent: the conversation of the call. Viewers leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub conversation: Option<ConversationId>,
    /// The call, for its legs; absent for `player`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub call: Option<CallId>,
    /// Which leg.
    pub leg: Leg,
    /// From 0 per leg and source; a repeated number is acknowledged and dropped.
    pub seq: u32,
    /// Random per page load, so that a reload does not reuse sequence numbers.
    pub source: String,
    /// Server time of the first sample.
    pub t0_ms: f64,
    /// How `bytes` is encoded: `json1`, `lanes1` or `lanes1z` (docs/protocol.md).
    pub codec: String,
    /// Base64 of at most [`limits::BLOCK_BYTES_MAX`] bytes.
    pub bytes: String,
}

/// One direction of one hop that is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Leg {
    /// The page's `<video>`, seen by the widget.
    Player,
    /// Viewer to server, seen by the viewer.
    ViewerUp,
    /// Server to agent, seen by the agent.
    AgentDown,
    /// Both hops, seen by the server.
    Server,
}

impl Leg {
    /// The leg as on the wire and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Player => "player",
            Self::ViewerUp => "viewer_up",
            Self::AgentDown => "agent_down",
            Self::Server => "server",
        }
    }
}

/// Points on the way from the invitation to the picture. Order as they usually happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Server: the agent's invitation was committed.
    Invited,
    /// Viewer: the consent card is on the screen.
    CardShown,
    /// Viewer: the offer left.
    Offer,
    /// Server: the answer left.
    Answer,
    /// Server: the first valid ICE check of the viewer succeeded.
    Ice,
    /// Server: DTLS with the viewer is up.
    Dtls,
    /// Viewer: the accepting click.
    Click,
    /// Viewer: the capture resolved; the clock of `consent_to_first_frame_ms` starts.
    CaptureReady,
    /// Server: first media packet from the viewer.
    FirstPacketIn,
    /// Server: first media packet to the agent.
    FirstPacketOut,
    /// Agent: first decoded frame; in a call of sound alone, the first sound played.
    FirstFrame,
    /// Agent: the picture has its full size and is sharp: QP at most 20 of VP8's 127, or the codec's like, at 15 frames
    /// a second or more where the picture moves.
    Legible,
}

impl Phase {
    /// The phase as on the wire and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invited => "invited",
            Self::CardShown => "card_shown",
            Self::Offer => "offer",
            Self::Answer => "answer",
            Self::Ice => "ice",
            Self::Dtls => "dtls",
            Self::Click => "click",
            Self::CaptureReady => "capture_ready",
            Self::FirstPacketIn => "first_packet_in",
            Self::FirstPacketOut => "first_packet_out",
            Self::FirstFrame => "first_frame",
            Self::Legible => "legible",
        }
    }
}

/// State of one thing that a participant may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum SourceState {
    /// Not sent.
    #[default]
    Off,
    /// Sent.
    On,
    /// Meant to be sent, but the system or the browser delivers nothing: a muted track, a covered window, an unplugged
    /// device.
    Interrupted,
}

/// What one end of a call sends now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Sources {
    /// The microphone.
    #[serde(default)]
    pub audio: SourceState,
    /// Screen, window, tab or player.
    #[serde(default)]
    pub screen: SourceState,
    /// The camera.
    #[serde(default)]
    pub camera: SourceState,
    /// The page is in the background, where browsers slow it down.
    #[serde(default)]
    pub page_hidden: bool,
}

/// What a picture is tuned for when the line cannot carry everything (W3C `contentHint`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum ContentHint {
    /// By what is shared: motion for player and camera, detail for the others.
    #[default]
    Auto,
    /// Sharp text, fewer frames.
    Detail,
    /// Smooth motion, fewer pixels.
    Motion,
}

/// What a viewer's page knows of its line. All of it is measured at that end; absent is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct LineKnowledge {
    /// Rate at which the player's last segments arrived, kbit/s: a lower bound of the downlink.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub player_down_kbps: Option<u32>,
    /// Rate the player's stream needs, kbit/s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub player_needs_kbps: Option<u32>,
    /// Rate that an earlier connection of this page was known to carry upward, kbit/s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub up_kbps: Option<u32>,
    /// Round trip to the server over the WebSocket, ms: the least of the recent ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub rtt_ms: Option<f64>,
    /// `navigator.connection.downlink`, kbit/s: the browser's own guess.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub browser_down_kbps: Option<u32>,
}

/// What the server may say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum ServerMessage {
    /// Answer to a hello.
    Welcome(Box<Welcome>),
    /// Answer to `ping`.
    Pong {
        /// As sent.
        client_ms: f64,
        /// Server clock.
        server_ms: f64,
    },
    /// Something was refused.
    Error {
        /// The request, if one caused it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "typescript", ts(optional))]
        id: Option<u32>,
        /// Machine-readable.
        code: ErrorCode,
        /// For people, in English; clients translate by `code`.
        message: String,
        /// The server closes the socket after this.
        fatal: bool,
    },
    /// The request `id` was carried out.
    Done {
        /// The request.
        id: u32,
    },
    /// A message is committed. Comes before or after its own `entries`.
    Ack {
        /// As sent.
        client_id: String,
        /// Which chat.
        conversation: ConversationId,
        /// Its place.
        seq: i64,
        /// Commit time.
        at_ms: i64,
    },
    /// Viewer: the conversation exists now, or its status, place or agent changed.
    Conversation(Box<ViewerConversation>),
    /// Entries in order, without holes from what the client holds.
    Entries {
        /// Which chat.
        conversation: ConversationId,
        /// Ascending by `seq`.
        entries: Vec<Entry>,
    },
    /// The other side types.
    Typing {
        /// Which chat.
        conversation: ConversationId,
        /// Who.
        author: AuthorKind,
        /// Whether.
        on: bool,
    },
    /// A side has read up to `seq`.
    Read {
        /// Which chat.
        conversation: ConversationId,
        /// Who.
        author: AuthorKind,
        /// Highest seen entry.
        seq: i64,
    },
    /// Agent: all open conversations; replaces what the client holds.
    Desk {
        /// Waiting and taken ones, oldest first.
        conversations: Vec<ConversationSummary>,
    },
    /// Agent: one conversation changed.
    DeskUpdate(Box<ConversationSummary>),
    /// State of a call, to both ends, whenever it changes.
    Call(Box<CallState>),
    /// Answer to `media_offer`.
    MediaAnswer {
        /// Session description.
        sdp: String,
        /// What the first picture may use, kbit/s, from what is known of the viewer's line; the client puts it into
        /// the remote description as `x-google-start-bitrate`. Absent: nothing is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "typescript", ts(optional))]
        start_bitrate_kbps: Option<u32>,
    },
    /// Answer to `watch_call`.
    WatchAnswer {
        /// The call.
        call: CallId,
        /// Session description.
        sdp: String,
    },
    /// Which sources arrive on which receive slots; replaces what the client holds for that connection.
    Slots {
        /// One row per slot in use.
        slots: Vec<SlotAssignment>,
        /// Agent: the colleague's call whose connection it is about; absent: the client's own connection.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "typescript", ts(optional))]
        watched: Option<CallId>,
    },
    /// The server lost this client's media path; the client answers with an ICE restart offer.
    MediaRestart {
        /// As in `slots`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "typescript", ts(optional))]
        watched: Option<CallId>,
    },
    /// The connection was closed by the server.
    MediaClosed {
        /// For people.
        message: String,
        /// As in `slots`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "typescript", ts(optional))]
        watched: Option<CallId>,
    },
    /// Answer to `preflight_offer`.
    PreflightAnswer {
        /// Session description.
        sdp: String,
    },
    /// Viewer: the agent asks the page to measure its line at length.
    Preflight {},
    /// Agent: incidents, whenever they change and after the desk.
    Incidents(Incidents),
    /// A telemetry block is on disk.
    BlockAck {
        /// As sent.
        leg: Leg,
        /// As sent.
        source: String,
        /// As sent.
        seq: u32,
    },
    /// The server is about to shut down: no call begins any more, and a running one may go on until then.
    Draining {
        /// When running calls are ended, server clock.
        until_ms: f64,
    },
    /// The server shuts down; reconnect with back-off.
    GoingAway {},
}

/// Answer to a hello.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Welcome {
    /// Server's [`PROTOCOL_VERSION`].
    pub v: u16,
    /// Server clock.
    pub server_ms: f64,
    /// Changes with every start of the server process.
    pub boot: String,
    /// Name of this session; secret, for `resume` after a break.
    pub session: String,
    /// Viewer: the name others see. Agent: own name.
    pub name: String,
    /// Agent: own id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub user: Option<UserId>,
    /// Viewer: the conversation of the key, if it exists already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub conversation: Option<ViewerConversation>,
    /// Viewer: agents on line now, so that the widget can say so before the first word.
    pub agents_online: u32,
    /// Preferred video codecs, best first, such as `VP8`.
    pub video_codecs: Vec<String>,
}

/// A conversation as its viewer sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct ViewerConversation {
    /// Which chat.
    pub id: ConversationId,
    /// The number to quote.
    pub ticket: TicketNumber,
    /// Where it stands.
    pub status: ConversationStatus,
    /// The agent who took it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub agent_name: Option<String>,
    /// Whether that agent is on line.
    pub agent_online: bool,
    /// Place in line from 1, while waiting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub place: Option<u32>,
    /// Expected wait in ms from the recent takes of this desk; absent when nothing is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub wait_ms_estimate: Option<i64>,
    /// Agents on line; 0 means that nobody is there and the answer comes by the private link.
    pub agents_online: u32,
    /// Highest entry the agent has read.
    pub agent_read_seq: i64,
    /// Highest entry of the conversation.
    pub last_seq: i64,
    /// The running call or invitation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub call: Option<CallState>,
    /// Whether a rating was given.
    pub rated: bool,
    /// When this viewer asked for a call that no agent has answered yet; absent: no request stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub call_requested_at_ms: Option<i64>,
}

/// Where a conversation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ConversationStatus {
    /// In the queue.
    Waiting,
    /// With an agent.
    Taken,
    /// Done; a new message reopens it.
    Resolved,
}

impl ConversationStatus {
    /// As on the wire and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Taken => "taken",
            Self::Resolved => "resolved",
        }
    }
}

/// A conversation as a row of the console.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct ConversationSummary {
    /// Which chat.
    pub id: ConversationId,
    /// Its ticket.
    pub ticket: TicketNumber,
    /// Where it stands.
    pub status: ConversationStatus,
    /// Who has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub agent: Option<UserId>,
    /// Name of who has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub agent_name: Option<String>,
    /// Viewer's name.
    pub viewer_name: String,
    /// Viewer's language, BCP 47, may be empty.
    pub lang: String,
    /// Where the viewer is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub page: Option<Page>,
    /// Whether the viewer is on line.
    pub viewer_online: bool,
    /// When the conversation was opened.
    pub opened_at_ms: i64,
    /// Oldest viewer message nobody has answered; absent when none waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub waiting_since_ms: Option<i64>,
    /// Highest entry.
    pub last_seq: i64,
    /// Last message, cut to 120 characters.
    pub last_text: String,
    /// Highest entry the agent has read.
    pub agent_read_seq: i64,
    /// Highest entry the viewer has read.
    pub viewer_read_seq: i64,
    /// Viewer messages after `agent_read_seq`.
    pub unread: u32,
    /// The running call or invitation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub call: Option<CallState>,
    /// True for the demo's sample data.
    #[serde(default)]
    pub sample: bool,
    /// When the viewer asked for a call that nobody has answered yet; absent: no request stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub call_requested_at_ms: Option<i64>,
    /// Why the picture stutters, as far as the samples say; absent without samples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub verdict: Option<Box<VerdictBrief>>,
}

/// State of a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct CallState {
    /// The call.
    pub id: CallId,
    /// Its chat.
    pub conversation: ConversationId,
    /// Where it stands.
    pub stage: CallStage,
    /// Who invited.
    pub agent: UserId,
    /// Name of who invited.
    pub agent_name: String,
    /// When the invitation runs out.
    pub expires_at_ms: i64,
    /// What is shared, from acceptance on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub surface: Option<Surface>,
    /// When it was accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub accepted_at_ms: Option<i64>,
    /// Why it ended, once `stage` is `ended`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub reason: Option<EndReason>,
    /// The viewer's end.
    #[serde(default)]
    pub viewer: CallSide,
    /// The agent's end.
    #[serde(default)]
    pub agent_side: CallSide,
    /// What the agent wants the picture tuned for.
    #[serde(default)]
    pub content: ContentHint,
    /// Colleagues who joined and see what is shared.
    #[serde(default)]
    pub guests: Vec<CallGuest>,
}

/// A colleague in a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct CallGuest {
    /// Who.
    pub user: UserId,
    /// Name to show.
    pub name: String,
    /// The colleague's microphone, by its own word.
    #[serde(default)]
    pub audio: SourceState,
}

/// One end of a call, as the other end is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct CallSide {
    /// Since when its socket or its media path is broken, server clock; absent while both stand. The call goes on when
    /// it comes back in time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub away_since_ms: Option<i64>,
    /// What it sends, by its own word.
    #[serde(default)]
    pub sources: Sources,
}

/// Where a call stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CallStage {
    /// The card is (about to be) at the viewer; the media connection is being warmed.
    Invited,
    /// Accepted, no decoded frame at the agent yet.
    Connecting,
    /// The agent has the picture.
    Live,
    /// Over.
    Ended,
}

/// A source on a receive slot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct SlotAssignment {
    /// `mid` of the receiving m-line.
    pub mid: String,
    /// The call the source belongs to.
    pub call: CallId,
    /// Whose source it is.
    pub side: SlotSide,
    /// What it carries.
    pub source: SlotSource,
}

/// Whose source a slot carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum SlotSide {
    /// The viewer.
    Viewer,
    /// The agent whose call it is.
    Agent,
    /// A colleague who joined.
    Guest,
}

/// What a slot carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum SlotSource {
    /// Microphone or shared sound.
    Audio,
    /// Screen or player.
    Screen,
    /// Camera.
    Camera,
}

/// Machine-readable reasons for a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// Not a JSON object of a known shape.
    Malformed,
    /// `t` is not of this protocol version.
    UnknownMessage,
    /// A field is out of its bounds.
    Invalid,
    /// Frame or field larger than allowed.
    TooLarge,
    /// Not now: before hello, twice, or in the wrong state.
    OutOfOrder,
    /// Another protocol version.
    Version,
    /// No, bad or expired credentials.
    Unauthorized,
    /// This role or user may not.
    Forbidden,
    /// Page origin is not allowed.
    Origin,
    /// No such conversation or call.
    NotFound,
    /// A colleague was first.
    Taken,
    /// The viewer is not on line.
    ViewerOffline,
    /// This agent or conversation already has a call.
    CallRunning,
    /// The session description could not be used.
    BadSdp,
    /// Too much in too little time; slow down.
    RateLimited,
    /// The server is full: sockets, rooms or participants.
    Overloaded,
    /// Our fault. Try again.
    Internal,
}

impl ClientMessage {
    /// Checks the bounds that the type system does not carry.
    ///
    /// # Errors
    /// [`ErrorCode::TooLarge`] or [`ErrorCode::Invalid`] with a sentence that names the field.
    pub fn check(&self) -> Result<(), Refusal> {
        match self {
            Self::HelloViewer(hello) => check_hello_viewer(hello),
            Self::HelloAgent(hello) => {
                bound_opt("resume", hello.resume.as_deref(), ID_BYTES_MAX)?;
                bound_opt("token", hello.token.as_deref(), limits::TOKEN_BYTES_MAX)
            }
            Self::Send { client_id, text, .. } => check_message(client_id, text),
            Self::WatchCall { sdp, .. } | Self::PreflightOffer { sdp } => bound("sdp", sdp, limits::SDP_BYTES_MAX),
            Self::Note { client_id, text, .. } => check_message(client_id, text),
            Self::MediaOffer { sdp, line, .. } => {
                bound("sdp", sdp, limits::SDP_BYTES_MAX)?;
                match line.and_then(|line| line.rtt_ms) {
                    Some(rtt_ms) if !rtt_ms.is_finite() || rtt_ms < 0.0 => {
                        Err(Refusal::invalid("line.rtt_ms is not a duration"))
                    }
                    _ => Ok(()),
                }
            }
            Self::Block(block) => check_block(block),
            Self::Rate { score, comment } => {
                if !(1..=5).contains(score) {
                    return Err(Refusal::invalid("score must be 1 to 5"));
                }
                chars("comment", comment, limits::COMMENT_CHARS_MAX)
            }
            Self::Read { seq, .. } if *seq < 0 => Err(Refusal::invalid("seq is negative")),
            Self::Subscribe { after_seq, .. } if *after_seq < 0 => Err(Refusal::invalid("after_seq is negative")),
            Self::Phase { at_ms, .. } if !at_ms.is_finite() => Err(Refusal::invalid("at_ms is not a number")),
            _ => Ok(()),
        }
    }
}

/// A refusal before it becomes an `error` message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// Machine-readable.
    pub code: ErrorCode,
    /// For people.
    pub message: String,
}

impl Refusal {
    /// A refusal with the given code.
    #[must_use]
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    fn invalid(message: &str) -> Self {
        Self::new(ErrorCode::Invalid, message)
    }
}

/// Reads a client's text frame.
///
/// # Errors
/// [`ErrorCode::TooLarge`], [`ErrorCode::Malformed`], [`ErrorCode::UnknownMessage`], or what [`ClientMessage::check`]
/// says. The second value is the request's `id` when it could be read.
pub fn parse_client(text: &str) -> Result<ClientFrame, (Refusal, Option<u32>)> {
    if text.len() > limits::FRAME_BYTES_MAX {
        return Err((Refusal::new(ErrorCode::TooLarge, "frame is too large"), None));
    }
    match serde_json::from_str::<ClientFrame>(text) {
        Ok(frame) => match frame.message.check() {
            Ok(()) => Ok(frame),
            Err(refusal) => Err((refusal, frame.id)),
        },
        Err(error) => Err(explain_malformed(text, &error)),
    }
}

fn explain_malformed(text: &str, error: &serde_json::Error) -> (Refusal, Option<u32>) {
    #[derive(Deserialize)]
    struct Head {
        t: Option<String>,
        id: Option<u32>,
    }
    let Ok(head) = serde_json::from_str::<Head>(text) else {
        return (Refusal::new(ErrorCode::Malformed, "not a JSON message"), None);
    };
    let refusal = match head.t {
        Some(_) if error.to_string().starts_with("unknown variant") => {
            Refusal::new(ErrorCode::UnknownMessage, "unknown message type")
        }
        Some(name) => {
            let name: String = name.chars().take(32).collect();
            Refusal::new(ErrorCode::Malformed, format!("{name}: {error}"))
        }
        None => Refusal::new(ErrorCode::Malformed, "field t is missing"),
    };
    (refusal, head.id)
}

fn check_hello_viewer(hello: &HelloViewer) -> Result<(), Refusal> {
    let key_chars = hello.key.len();
    if !(limits::KEY_CHARS_MIN..=limits::KEY_CHARS_MAX).contains(&key_chars)
        || !hello.key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    {
        return Err(Refusal::invalid("key must be 22 to 64 characters of base64url"));
    }
    if hello.after_seq < 0 {
        return Err(Refusal::invalid("after_seq is negative"));
    }
    bound("lang", &hello.lang, 35)?;
    bound_opt("resume", hello.resume.as_deref(), ID_BYTES_MAX)?;
    if let Some(page) = &hello.page {
        chars("page.url", &page.url, limits::PAGE_CHARS_MAX)?;
        chars("page.title", &page.title, limits::PAGE_CHARS_MAX)?;
        chars("page.client", &page.client, limits::PAGE_CHARS_MAX)?;
    }
    bound_opt("token", hello.token.as_deref(), limits::TOKEN_BYTES_MAX)
}

fn check_message(client_id: &str, text: &str) -> Result<(), Refusal> {
    bound("client_id", client_id, limits::CLIENT_ID_BYTES_MAX)?;
    if client_id.is_empty() {
        return Err(Refusal::invalid("client_id is empty"));
    }
    if text.trim().is_empty() {
        return Err(Refusal::invalid("text is empty"));
    }
    chars("text", text, limits::TEXT_CHARS_MAX)
}

fn check_block(block: &Block) -> Result<(), Refusal> {
    bound("codec", &block.codec, 16)?;
    bound("source", &block.source, 32)?;
    if block.source.is_empty() {
        return Err(Refusal::invalid("source is empty"));
    }
    if !block.t0_ms.is_finite() {
        return Err(Refusal::invalid("t0_ms is not a number"));
    }
    if (block.leg == Leg::Player) != block.call.is_none() {
        return Err(Refusal::invalid("a player block has no call, any other has one"));
    }
    bound("bytes", &block.bytes, limits::BLOCK_BYTES_MAX.div_ceil(3) * 4)
}

fn bound(field: &str, text: &str, bytes_max: usize) -> Result<(), Refusal> {
    if text.len() > bytes_max {
        return Err(Refusal::new(ErrorCode::TooLarge, format!("{field} is longer than {bytes_max} bytes")));
    }
    Ok(())
}

fn bound_opt(field: &str, text: Option<&str>, bytes_max: usize) -> Result<(), Refusal> {
    text.map_or(Ok(()), |text| bound(field, text, bytes_max))
}

fn chars(field: &str, text: &str, chars_max: usize) -> Result<(), Refusal> {
    if text.chars().count() > chars_max {
        return Err(Refusal::new(ErrorCode::TooLarge, format!("{field} is longer than {chars_max} characters")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn code(text: &str) -> ErrorCode {
        parse_client(text).expect_err("refused").0.code
    }

    #[test]
    fn bad_frames_get_the_right_code() {
        assert_eq!(code("nonsense"), ErrorCode::Malformed);
        assert_eq!(code("[]"), ErrorCode::Malformed);
        assert_eq!(code(r#"{"x":1}"#), ErrorCode::Malformed);
        assert_eq!(code(r#"{"t":"fly"}"#), ErrorCode::UnknownMessage);
        assert_eq!(code(r#"{"t":"send","client_id":"a"}"#), ErrorCode::Malformed);
        assert_eq!(code(r#"{"t":"send","client_id":"a","text":"  "}"#), ErrorCode::Invalid);
        assert_eq!(code(r#"{"t":"rate","score":6}"#), ErrorCode::Invalid);
        assert_eq!(code(r#"{"t":"hello_viewer","v":1,"key":"short"}"#), ErrorCode::Invalid);
        assert_eq!(code(&" ".repeat(limits::FRAME_BYTES_MAX + 1)), ErrorCode::TooLarge);
        let text = "a".repeat(limits::TEXT_CHARS_MAX + 1);
        assert_eq!(code(&format!(r#"{{"t":"send","client_id":"a","text":"{text}"}}"#)), ErrorCode::TooLarge);
    }

    #[test]
    fn the_request_number_survives_a_refusal() {
        let (_, id) = parse_client(r#"{"t":"fly","id":7}"#).expect_err("refused");
        assert_eq!(id, Some(7));
    }

    #[test]
    fn optional_fields_may_be_missing() {
        let frame =
            parse_client(r#"{"id":1,"t":"send","client_id":"a","text":"hi","new_field":true}"#).expect("parses");
        assert_eq!(frame.id, Some(1));
        assert!(matches!(frame.message, ClientMessage::Send { conversation: None, .. }));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,300}") {
            let _ = parse_client(&text);
        }

        #[test]
        fn no_json_of_ours_with_odd_values_panics(t in "[a-z_]{0,16}", n in any::<f64>(), s in ".{0,40}") {
            let value = serde_json::json!({"t": t, "id": n, "text": s, "client_id": s, "seq": n, "v": n, "key": s});
            let _ = parse_client(&value.to_string());
        }
    }
}
