//! The timeline of a conversation: one sequence of messages and events, numbered by the database.

use serde::{Deserialize, Serialize};

use crate::ids::{CallId, PictureId, UserId};

/// Who wrote an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Author {
    /// Which side of the chat.
    pub kind: AuthorKind,
    /// The agent's id; absent for viewers and the system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub user: Option<UserId>,
    /// Name to show.
    pub name: String,
}

impl Entry {
    /// The entry as a viewer may see it: what is for agents alone is replaced, its number and time stay.
    #[must_use]
    pub fn for_viewer(self) -> Self {
        match self.body {
            EntryBody::Note { .. } => {
                Self { author: Author::system(), client_id: None, body: EntryBody::Hidden {}, ..self }
            }
            _ => self,
        }
    }
}

impl Author {
    /// The desk itself: routing, timeouts, restarts.
    #[must_use]
    pub fn system() -> Self {
        Self { kind: AuthorKind::System, user: None, name: "Sightline".to_owned() }
    }

    /// The viewer under the given name.
    #[must_use]
    pub fn viewer(name: &str) -> Self {
        Self { kind: AuthorKind::Viewer, user: None, name: name.to_owned() }
    }

    /// An agent.
    #[must_use]
    pub fn agent(user: UserId, name: &str) -> Self {
        Self { kind: AuthorKind::Agent, user: Some(user), name: name.to_owned() }
    }
}

/// Which side of the chat wrote an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AuthorKind {
    /// The person watching.
    Viewer,
    /// The person helping.
    Agent,
    /// The desk itself.
    System,
}

/// One numbered line of a conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Entry {
    /// Position in the conversation, from 1, without holes.
    pub seq: i64,
    /// Server time of the commit, milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// Who wrote it.
    pub author: Author,
    /// The sender's own id of the message, for telling its echo from a new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub client_id: Option<String>,
    /// What happened.
    pub body: EntryBody,
}

/// What a timeline entry says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum EntryBody {
    /// A chat message.
    Message {
        /// Plain text, at most [`crate::limits::TEXT_CHARS_MAX`] characters.
        text: String,
    },
    /// A picture in the chat. Its bytes are at `GET /api/v1/pictures/{picture}`.
    Picture {
        /// The picture.
        picture: PictureId,
        /// What its bytes are, found by looking at them: `image/png`, `image/jpeg`, `image/webp` or `image/gif`.
        media_type: String,
        /// Width, pixels.
        width: u32,
        /// Height, pixels.
        height: u32,
        /// Size, bytes.
        bytes: u32,
    },
    /// A note of an agent. Viewers get [`EntryBody::Hidden`] in its place.
    Note {
        /// Plain text, at most [`crate::limits::TEXT_CHARS_MAX`] characters.
        text: String,
    },
    /// Something that is not for the reader: it keeps the numbers without holes and says nothing.
    Hidden {},
    /// The viewer asked to show the problem.
    CallRequested {},
    /// The request was withdrawn by the viewer, or declined by an agent (the entry's author says who).
    CallRequestEnded {},
    /// An agent took the conversation from the queue.
    Taken {
        /// Who took it.
        agent: UserId,
        /// Name to show.
        name: String,
    },
    /// The agent put the conversation back into the queue.
    Released {},
    /// The agent resolved the ticket.
    Resolved {},
    /// A new message reopened a resolved ticket.
    Reopened {},
    /// The agent invited the viewer to share.
    CallInvited {
        /// The call.
        call: CallId,
    },
    /// The viewer accepted and the capture is running.
    CallAccepted {
        /// The call.
        call: CallId,
        /// What is shared.
        surface: Surface,
    },
    /// A colleague joined the call and sees what is shared.
    CallJoined {
        /// The call.
        call: CallId,
        /// Who joined.
        agent: UserId,
        /// Name to show.
        name: String,
    },
    /// A colleague left the call.
    CallLeft {
        /// The call.
        call: CallId,
        /// Who left.
        agent: UserId,
        /// Name to show.
        name: String,
    },
    /// The call is over, or the invitation ended without one.
    CallEnded {
        /// The call.
        call: CallId,
        /// Why.
        reason: EndReason,
        /// From acceptance to the end, milliseconds; 0 when never accepted.
        duration_ms: i64,
    },
    /// The viewer rated the help.
    Rated {
        /// 1 (bad) to 5 (good).
        score: u8,
        /// Free text, may be empty.
        comment: String,
    },
}

/// What the viewer shares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Surface {
    /// The page's player from `captureStream()`.
    Player,
    /// A browser tab from `getDisplayMedia`.
    Tab,
    /// A window from `getDisplayMedia`.
    Window,
    /// A screen from `getDisplayMedia`, or a surface whose kind the browser does not tell.
    Screen,
    /// A camera.
    Camera,
    /// Nothing to see: a call of voices.
    Audio,
}

/// Why a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// The viewer said no.
    Declined,
    /// Nobody answered the invitation in time.
    Unanswered,
    /// The agent withdrew the invitation.
    Cancelled,
    /// The viewer pressed *Stop sharing*.
    ViewerStopped,
    /// The viewer stopped it with the browser's own bar, or the captured window closed.
    CaptureEnded,
    /// The agent pressed *End call*.
    AgentEnded,
    /// The viewer reloaded or left the page.
    ViewerLeft,
    /// The agent closed the console.
    AgentLeft,
    /// The viewer's connection broke and did not come back in time.
    ViewerLost,
    /// The agent's connection broke and did not come back in time.
    AgentLost,
    /// No path carried media any more.
    MediaFailed,
    /// The server was restarted or crashed while the call ran.
    ServerRestarted,
    /// The server is shutting down.
    ServerShutdown,
    /// The media worker of the call failed.
    WorkerFailed,
    /// The conversation was resolved or put back.
    ConversationClosed,
}
