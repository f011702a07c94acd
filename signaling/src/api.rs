//! Views of the REST API, `/api/v1`. Absent measurements are `null`, never 0.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ids::{CallId, CannedReplyId, ConversationId, TicketNumber, UserId};
use crate::timeline::{EndReason, Entry, Surface};
use crate::wire::{ConversationStatus, ErrorCode, Leg, Page};

/// Body of every error answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ApiError {
    /// Machine-readable.
    pub code: ErrorCode,
    /// For people, in English.
    pub message: String,
}

/// `GET /api/v1/tickets`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TicketList {
    /// Newest first.
    pub tickets: Vec<TicketSummary>,
    /// Pass as `before` for the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub next_before: Option<i64>,
}

/// A ticket as a row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TicketSummary {
    /// Its number.
    pub number: TicketNumber,
    /// Its conversation.
    pub conversation: ConversationId,
    /// Where it stands.
    pub status: ConversationStatus,
    /// First message of the viewer, cut to 120 characters.
    pub subject: String,
    /// Viewer's name.
    pub viewer_name: String,
    /// Agent who has or had it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub agent_name: Option<String>,
    /// When it was opened, ms since the Unix epoch.
    pub opened_at_ms: i64,
    /// When it was last written to, ms since the Unix epoch.
    pub updated_at_ms: i64,
    /// Accepted calls in it. Not named `calls`: a `Ticket` holds these members beside its list of calls.
    pub call_count: u32,
    /// Viewer's rating.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub rating: Option<u8>,
    /// True for the demo's sample data.
    pub sample: bool,
}

/// `GET /api/v1/tickets/{number}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Ticket {
    /// The row.
    #[serde(flatten)]
    pub summary: TicketSummary,
    /// Where the viewer was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub page: Option<Page>,
    /// Viewer's language, BCP 47, may be empty.
    pub lang: String,
    /// Agent who has or had it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub agent: Option<UserId>,
    /// Viewer's comment with the rating.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub rating_comment: Option<String>,
    /// Messages and events, ascending.
    pub timeline: Vec<Entry>,
    /// Calls, oldest first.
    pub calls: Vec<Call>,
    /// Player's health since the chat was opened (and the 60 s before); times in ms since the Unix epoch.
    pub player: Series,
}

/// One call on a ticket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Call {
    /// The call.
    pub id: CallId,
    /// Names and roles of those who took part.
    pub participants: Vec<CallParticipant>,
    /// When the invitation was committed.
    pub invited_at_ms: i64,
    /// When the viewer accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub accepted_at_ms: Option<i64>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub ended_at_ms: Option<i64>,
    /// Why it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub end_reason: Option<EndReason>,
    /// What was shared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub surface: Option<Surface>,
    /// How it connected.
    pub connect: Connect,
    /// What carried it; the last known of each end.
    pub media: CallMedia,
    /// One-second samples, a series per leg.
    pub legs: Vec<LegSeries>,
}

/// Who took part in a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CallParticipant {
    /// `viewer` or `agent`.
    pub role: String,
    /// Name to show.
    pub name: String,
}

/// How a call connected. Both ends and the server on the server's clock.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Connect {
    /// `warm` when the viewer's media connection was up before the capture was ready, else `cold`. Absent until the
    /// capture is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub mode: Option<ConnectMode>,
    /// Milliseconds from the invitation to each [`crate::wire::Phase`], by its name; a phase that did not happen is
    /// absent.
    pub phases_ms: std::collections::BTreeMap<String, f64>,
    /// From the resolved capture (after the click and the browser's picker) to the first decoded frame at the agent.
    /// `null` when there was none.
    pub consent_to_first_frame_ms: Option<f64>,
    /// From the resolved capture to the first picture of full size and sharpness ([`crate::wire::Phase::Legible`]).
    /// `null` when there was none.
    #[serde(default)]
    pub consent_to_legible_ms: Option<f64>,
}

/// Whether the connection was there before the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ConnectMode {
    /// Set up after the consent.
    Cold,
    /// Set up while the consent card was read.
    Warm,
}

/// What carried a call.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CallMedia {
    /// Video codec, such as `VP8`.
    pub codec: Option<String>,
    /// Width of the last decoded frame at the agent, pixels.
    pub width: Option<u32>,
    /// Height of the last decoded frame at the agent, pixels.
    pub height: Option<u32>,
    /// `udp`, `tcp` or `relay`, seen by the viewer.
    pub viewer_path: Option<String>,
    /// `udp`, `tcp` or `relay`, seen by the agent.
    pub agent_path: Option<String>,
}

/// Samples of one leg.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LegSeries {
    /// Which.
    pub leg: Leg,
    /// Its samples.
    pub series: Series,
}

/// Samples in ascending order of `t`; fields are those of docs/protocol.md, W3C identifiers where W3C has one.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Series {
    /// Each an object with `t` (ms since the Unix epoch, server clock) and whatever was measured.
    #[cfg_attr(feature = "typescript", ts(type = "Array<Record<string, unknown> & { t: number }>"))]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Object>))]
    pub samples: Vec<Value>,
}

/// `GET /api/v1/tickets/{number}/telemetry`: a file that stands alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TelemetryExport {
    /// `sightline-telemetry/1`.
    pub format: String,
    /// The ticket.
    pub ticket: TicketNumber,
    /// Its calls with all samples.
    pub calls: Vec<Call>,
    /// The player.
    pub player: Series,
    /// Every other lane that is no leg of a call, by its name (docs/diagnosis.md).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(feature = "typescript", ts(type = "Record<string, Array<Record<string, unknown> & { t: number }>>"))]
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub lanes: BTreeMap<String, Vec<Value>>,
}

/// `POST /api/v1/session`: signs an agent in; the answer sets the session cookie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignIn {
    /// Login name.
    pub login: String,
    /// Password.
    pub password: String,
}

/// `GET` or `POST /api/v1/session`: who is signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SessionView {
    /// Own id.
    pub user: UserId,
    /// Name to show.
    pub name: String,
    /// What this user may do.
    pub role: Role,
    /// Session token for clients without cookies; only in the answer to `POST`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub token: Option<String>,
}

/// What a user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Takes conversations.
    Agent,
    /// Sees all of them.
    Supervisor,
    /// Manages users.
    Admin,
}

/// `POST /api/v1/tokens`: mints a host-signed viewer token (API key only).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TokenRequest {
    /// The host's own id of the viewer.
    pub external_id: String,
    /// Name to show.
    pub name: String,
    /// Level or tier at the host, such as `gold`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub level: Option<String>,
    /// Language, BCP 47.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub lang: Option<String>,
    /// Life of the token in seconds; default one hour, at most a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub ttl_s: Option<u32>,
}

/// Answer to a [`TokenRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TokenAnswer {
    /// The JWT for `hello_viewer.token`.
    pub token: String,
    /// When it expires, seconds since the Unix epoch.
    pub expires_at_s: i64,
}

/// `GET /api/v1/ops`: what the operations page shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Ops {
    /// Server version.
    pub version: String,
    /// Name of this node.
    pub node: String,
    /// Milliseconds since the start.
    pub uptime_ms: i64,
    /// `sqlite` or `postgres`.
    pub database: String,
    /// Viewer sockets now.
    pub viewers_online: u32,
    /// Agent sockets now.
    pub agents_online: u32,
    /// Conversations in the queue.
    pub waiting: u32,
    /// Conversations with agents.
    pub taken: u32,
    /// Longest wait in the queue, ms; `null` when nobody waits.
    pub longest_wait_ms: Option<i64>,
    /// Calls invited, connecting or live.
    pub calls: u32,
    /// Media workers.
    pub workers: Vec<OpsWorker>,
    /// The newest accepted calls, newest first, at most 50.
    pub recent_calls: Vec<OpsCall>,
    /// Resident memory of the process, bytes; `null` where the system does not tell.
    pub rss_bytes: Option<u64>,
    /// CPU seconds used since the start; `null` where the system does not tell.
    pub cpu_s: Option<f64>,
}

/// One media worker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OpsWorker {
    /// Its number.
    pub index: u32,
    /// Its UDP port.
    pub udp_port: u16,
    /// Peer connections on it.
    pub peers: u32,
    /// Rooms on it.
    pub rooms: u32,
    /// Datagrams received since the start.
    pub packets_in: u64,
    /// Datagrams sent since the start.
    pub packets_out: u64,
    /// Times the worker was restarted after a panic.
    pub restarts: u32,
}

/// A call as a row of the operations page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OpsCall {
    /// The ticket it is on.
    pub ticket: TicketNumber,
    /// The call.
    pub call: CallId,
    /// When it was accepted.
    pub accepted_at_ms: i64,
    /// How it connected.
    pub connect: Connect,
    /// Why it ended.
    pub end_reason: Option<EndReason>,
}

/// `GET /api/v1/canned-replies`: prepared answers, by shortcut.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CannedReplies {
    /// Ascending by shortcut and language.
    pub replies: Vec<CannedReply>,
}

/// A prepared answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CannedReply {
    /// Its id.
    pub id: CannedReplyId,
    /// The answer.
    #[serde(flatten)]
    pub draft: CannedReplyDraft,
}

/// `POST /api/v1/canned-replies` and `PUT /api/v1/canned-replies/{id}`: what an author writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CannedReplyDraft {
    /// What is typed after "/": letters, digits and `-`, at most [`crate::limits::CANNED_SHORTCUT_CHARS_MAX`].
    pub shortcut: String,
    /// Shown in the list.
    pub title: String,
    /// The text; `{viewer}`, `{agent}` and `{ticket}` stand for their names and the number.
    pub text: String,
    /// Language it is written in, BCP 47; empty: offered in every language.
    #[serde(default)]
    pub lang: String,
}
