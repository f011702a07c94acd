//! What crosses the boundary of the storage layer: rows as the rest of the server sees them, and what it hands in.
//!
//! None of these types knows a table. Times are milliseconds since the Unix epoch on the server's clock.

use std::collections::BTreeMap;

use signaling::api::{CallMedia, ConnectMode, Role};
use signaling::timeline::{Author, EndReason, Entry, EntryBody, Surface};
use signaling::verdict::VerdictBrief;
use signaling::wire::{CallStage, ConversationStatus, Leg, Page, Phase};
use signaling::{CallId, ConversationId, PictureId, TicketNumber, UserId};

/// Longest `subject` and `last_text` of a conversation, in characters.
pub const SUBJECT_CHARS_MAX: usize = 120;

/// A conversation and the ticket it is.
#[derive(Debug, Clone, PartialEq)]
pub struct ConversationRow {
    /// Which chat.
    pub id: ConversationId,
    /// The number people quote.
    pub ticket: TicketNumber,
    /// SHA-256 of the viewer's key.
    pub key_hash: [u8; 32],
    /// Where it stands.
    pub status: ConversationStatus,
    /// Viewer's name as others see it.
    pub viewer_name: String,
    /// The host's own id of the viewer, from a signed token.
    pub viewer_external: Option<String>,
    /// The viewer's level at the host, from a signed token.
    pub viewer_level: Option<String>,
    /// Viewer's language, BCP 47, may be empty.
    pub lang: String,
    /// Where the viewer was when the conversation was opened.
    pub page: Option<Page>,
    /// Agent who has it (taken) or had it (resolved); `None` while it waits.
    pub agent: Option<UserId>,
    /// Name of that agent.
    pub agent_name: Option<String>,
    /// When it was opened.
    pub opened_at_ms: i64,
    /// When it was last written to.
    pub updated_at_ms: i64,
    /// When it last came into the queue; putting it back does not change it, so that it keeps its place.
    pub queued_at_ms: i64,
    /// When the agent who has it took it; `None` while it waits.
    pub taken_at_ms: Option<i64>,
    /// When an agent took it for the first time.
    pub first_taken_at_ms: Option<i64>,
    /// Oldest viewer message that nobody has answered.
    pub waiting_since_ms: Option<i64>,
    /// Highest entry.
    pub last_seq: i64,
    /// Last message, cut to [`SUBJECT_CHARS_MAX`] characters.
    pub last_text: String,
    /// First message, cut to [`SUBJECT_CHARS_MAX`] characters.
    pub subject: String,
    /// Highest entry the agent has read.
    pub agent_read_seq: i64,
    /// Highest entry the viewer has read.
    pub viewer_read_seq: i64,
    /// Viewer messages after `agent_read_seq`.
    pub unread: u32,
    /// Viewer's rating, 1 to 5.
    pub rating: Option<u8>,
    /// Viewer's comment with the rating; `None` when there was no rating.
    pub rating_comment: Option<String>,
    /// True for the demo's sample data.
    pub sample: bool,
    /// When the viewer asked for a call that nobody has answered yet.
    pub call_requested_at_ms: Option<i64>,
    /// Its samples stay for good.
    pub pinned: bool,
    /// The newest verdict.
    pub verdict: Option<Box<VerdictBrief>>,
}

/// What is known of a conversation before its first message.
#[derive(Debug, Clone, PartialEq)]
pub struct NewConversation {
    /// Id to give it, made by the caller; unused when the key has a conversation already.
    pub id: ConversationId,
    /// SHA-256 of the viewer's key: one conversation per key.
    pub key_hash: [u8; 32],
    /// Viewer's name as others see it.
    pub viewer_name: String,
    /// The host's own id of the viewer.
    pub viewer_external: Option<String>,
    /// The viewer's level at the host.
    pub viewer_level: Option<String>,
    /// Viewer's language, BCP 47, may be empty.
    pub lang: String,
    /// Where the viewer is.
    pub page: Option<Page>,
    /// True for the demo's sample data.
    pub sample: bool,
}

/// A timeline entry before it has its number.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEntry {
    /// Who writes it.
    pub author: Author,
    /// The sender's own id, unique in the conversation. `None` for events of the server.
    pub client_id: Option<String>,
    /// What it says.
    pub body: EntryBody,
    /// Server time.
    pub at_ms: i64,
}

/// What a change of a conversation left behind. It is committed.
#[derive(Debug, Clone, PartialEq)]
pub struct Appended {
    /// The conversation after the change.
    pub conversation: ConversationRow,
    /// The new entries, ascending; for a duplicate, the entry that exists already (none where the change writes no
    /// entry of the sender's, as in taking one's own conversation again).
    pub entries: Vec<Entry>,
    /// True when the request had been carried out before and nothing was changed now.
    pub duplicate: bool,
}

/// Which tickets to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TicketFilter {
    /// Only those that stand there.
    pub status: Option<ConversationStatus>,
    /// Only those with a smaller number.
    pub before: Option<i64>,
    /// At most so many; the store never gives more than [`super::LIST_ROWS_MAX`].
    pub limit: u32,
}

/// One escalation.
#[derive(Debug, Clone, PartialEq)]
pub struct CallRow {
    /// The call.
    pub id: CallId,
    /// Its conversation.
    pub conversation: ConversationId,
    /// Name of the node whose process owns its media.
    pub node: String,
    /// Who invited.
    pub agent: UserId,
    /// Name of who invited.
    pub agent_name: String,
    /// Viewer's name.
    pub viewer_name: String,
    /// Where it stands.
    pub stage: CallStage,
    /// When the invitation was committed.
    pub invited_at_ms: i64,
    /// When the viewer accepted.
    pub accepted_at_ms: Option<i64>,
    /// When it ended.
    pub ended_at_ms: Option<i64>,
    /// Why it ended.
    pub reason: Option<EndReason>,
    /// What is shared, from acceptance on.
    pub surface: Option<Surface>,
    /// Whether the connection was up before the capture.
    pub mode: Option<ConnectMode>,
    /// When each phase was reached, server clock, milliseconds since the Unix epoch.
    pub phases: BTreeMap<Phase, f64>,
    /// What carried it, as far as it was told.
    pub media: CallMedia,
}

/// A call before its invitation is committed. The viewer's name comes from the conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCall {
    /// Id to give it, made by the caller.
    pub id: CallId,
    /// Its conversation.
    pub conversation: ConversationId,
    /// Name of the node whose process owns its media.
    pub node: String,
    /// Who invites.
    pub agent: UserId,
    /// Name of who invites.
    pub agent_name: String,
}

/// A picture in a chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PictureRow {
    /// The picture.
    pub id: PictureId,
    /// Its conversation.
    pub conversation: ConversationId,
    /// What its bytes are, such as `image/png`.
    pub media_type: String,
    /// Its size, bytes.
    pub bytes: u32,
    /// When it was stored.
    pub created_at_ms: i64,
}

/// A person of the desk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRow {
    /// Who.
    pub id: UserId,
    /// Login name, unique.
    pub login: String,
    /// Name to show.
    pub name: String,
    /// What this user may do.
    pub role: Role,
    /// Tier, 1 to 3.
    pub tier: u8,
    /// Password hash in PHC form.
    pub password_hash: String,
}

/// A user to add: the same fields as a stored one.
pub type NewUser = UserRow;

/// Where a telemetry block lies.
#[derive(Debug, Clone, PartialEq)]
pub struct BlockRow {
    /// Conversation it belongs to.
    pub conversation: ConversationId,
    /// Call it belongs to; `None` for the player.
    pub call: Option<CallId>,
    /// Which leg.
    pub leg: Leg,
    /// Page load or node it came from.
    pub source: String,
    /// Number per leg and source.
    pub seq: u32,
    /// Server time of the first sample.
    pub t0_ms: f64,
    /// How its bytes are encoded.
    pub codec: String,
    /// Name of the segment; holds the node's name, so it is unique in a cluster.
    pub segment: String,
    /// First byte of the record in the segment.
    pub offset: u64,
    /// Length of the record, bytes.
    pub len: u32,
}

/// Which database is behind a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatabaseKind {
    /// The embedded one.
    Sqlite,
    /// The shared one.
    Postgres,
}

impl DatabaseKind {
    /// As shown to people: `sqlite` or `postgres`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

/// The first [`SUBJECT_CHARS_MAX`] characters of a text, in one line.
pub(super) fn cut(text: &str) -> String {
    let one_line = text.replace('\0', "\u{fffd}").split_whitespace().collect::<Vec<_>>().join(" ");
    one_line.chars().take(SUBJECT_CHARS_MAX).collect()
}
