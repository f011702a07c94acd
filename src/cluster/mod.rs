//! The seam between nodes: notes that sessions publish to each other, and requests that reach the node of a call.
//!
//! All session-to-session traffic goes through [`Bus`], also when both ends are on this node; nothing outside this
//! folder assumes that a peer is local. [`local::LocalBus`] serves one process (or several servers in it); a NATS bus
//! has the same shape. Everything that crosses is `serde` data.

mod local;
mod presence;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use signaling::timeline::{Author, AuthorKind, EndReason, Entry, Surface};
use signaling::wire::{
    CallState, ContentHint, ConversationSummary, ErrorCode, LineKnowledge, Phase, Refusal, ServerMessage, Sources,
};
use signaling::{CallId, ConversationId, UserId};
use tokio::sync::mpsc;

pub use local::LocalBus;
pub use presence::{Presence, PresenceBook};

/// Notes a subscriber may have waiting. A session writes them out at once; one that cannot is behind a dead line and
/// catches up from the database.
const SUBSCRIBER_QUEUE_MAX: usize = 256;

/// Name of a node.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NodeId(pub String);

/// Name of one client's session; survives a broken socket.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SessionId(pub String);

/// Where a room lives.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RoomHandle {
    /// The node with the media.
    pub node: NodeId,
    /// The call, which names the room there.
    pub room: CallId,
}

/// Whom a note is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Topic {
    /// Every agent.
    Desk,
    /// Viewers who wait: the line moved, agents came or went.
    Queue,
    /// Both ends of one conversation: entries, typing, read marks.
    Conversation(ConversationId),
    /// The viewer of one conversation: its status, place and call.
    Viewer(ConversationId),
    /// Sockets of one viewer, by the SHA-256 of its key, also before there is a conversation.
    Key([u8; 32]),
    /// One client.
    Session(SessionId),
    /// The nodes themselves.
    Nodes,
}

/// What is told.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Note {
    /// New entries, committed.
    Entries {
        /// Which chat.
        conversation: ConversationId,
        /// Ascending.
        entries: Vec<Entry>,
    },
    /// A conversation changed; for the desk and for its viewer.
    Changed(Box<ConversationSummary>),
    /// The line moved, or agents came or went.
    QueueMoved,
    /// The conversation of a key exists now; for the viewer's other tabs.
    Opened,
    /// Somebody types.
    Typing {
        /// Which chat.
        conversation: ConversationId,
        /// Who.
        author: AuthorKind,
        /// The session that types, which is not told.
        from: SessionId,
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
    /// A call changed; for the desk, its viewer and the nodes.
    Call(RoomHandle, Box<CallState>),
    /// For one client, as it goes on the wire.
    Direct(Box<ServerMessage>),
    /// Who is on line at a node.
    Presence(Presence),
    /// A node came up, or missed notes, and wants to know who is on line and which calls run elsewhere.
    StateWanted,
}

/// A request to the node that has the call.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum CallCommand {
    /// The viewer's offer, or its ICE restart.
    Offer {
        /// The call.
        call: CallId,
        /// Who offers.
        session: SessionId,
        /// Session description.
        sdp: String,
        /// Whether the connection exists.
        restart: bool,
        /// What its page knows of the line.
        line: Option<LineKnowledge>,
    },
    /// The viewer accepted.
    Accept {
        /// The call.
        call: CallId,
        /// Who accepts.
        session: SessionId,
        /// What is shared.
        surface: Surface,
    },
    /// A side ends the call or the invitation.
    End {
        /// The call.
        call: CallId,
        /// Which side.
        side: AuthorKind,
        /// The agent who asks, if one does.
        user: Option<UserId>,
        /// What it gave as the reason.
        reason: Option<EndReason>,
    },
    /// A phase was reached at a client.
    Phase {
        /// The call.
        call: CallId,
        /// Which side reports.
        side: AuthorKind,
        /// Which.
        phase: Phase,
        /// Server clock, ms.
        at_ms: f64,
    },
    /// An end says what it sends.
    Sending {
        /// The call.
        call: CallId,
        /// Who says so.
        session: SessionId,
        /// Which side.
        side: AuthorKind,
        /// The state of each source.
        sources: Sources,
    },
    /// The agent says what the picture is to be tuned for.
    SetContent {
        /// The call.
        call: CallId,
        /// Who says so.
        session: SessionId,
        /// Text or motion.
        content: ContentHint,
    },
    /// The viewer's socket closed.
    ViewerGone {
        /// The call.
        call: CallId,
        /// Whose.
        session: SessionId,
        /// Where the socket was.
        node: NodeId,
        /// Whether it said goodbye: the page is gone, not the network.
        goodbye: bool,
    },
    /// A socket of the viewer said hello while the call runs.
    ViewerBack {
        /// The call.
        call: CallId,
        /// Whose.
        session: SessionId,
        /// Where the socket is.
        node: NodeId,
        /// Whether the page goes on with the session of a broken socket; otherwise it was loaded anew.
        resumed: bool,
    },
    /// A colleague's offer for a connection to this call, or its ICE restart.
    Watch {
        /// The call.
        call: CallId,
        /// Who offers.
        session: SessionId,
        /// The colleague.
        author: Author,
        /// Session description.
        sdp: String,
        /// Whether the connection exists.
        restart: bool,
    },
    /// A colleague joins the call.
    Join {
        /// The call.
        call: CallId,
        /// Whose connection.
        session: SessionId,
    },
    /// A colleague leaves the call, or its page is gone.
    Leave {
        /// The call.
        call: CallId,
        /// Whose connection.
        session: SessionId,
    },
    /// The viewer closed its media connection.
    CloseMedia {
        /// The call.
        call: CallId,
        /// Who.
        session: SessionId,
    },
}

impl CallCommand {
    /// The call it is about.
    #[must_use]
    pub fn call(&self) -> &CallId {
        match self {
            Self::Offer { call, .. }
            | Self::Accept { call, .. }
            | Self::End { call, .. }
            | Self::Phase { call, .. }
            | Self::Sending { call, .. }
            | Self::SetContent { call, .. }
            | Self::ViewerGone { call, .. }
            | Self::ViewerBack { call, .. }
            | Self::Watch { call, .. }
            | Self::Join { call, .. }
            | Self::Leave { call, .. }
            | Self::CloseMedia { call, .. } => call,
        }
    }
}

/// Answer to a [`CallCommand`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum CallReply {
    /// Carried out.
    Done,
    /// Answer to an offer.
    Answer {
        /// Session description.
        sdp: String,
        /// Start bitrate for the sender, kbit/s, if anything is known of the line.
        start_bitrate_kbps: Option<u32>,
    },
    /// Refused.
    Refused {
        /// Machine-readable.
        code: ErrorCode,
        /// For people.
        message: String,
    },
}

impl From<Refusal> for CallReply {
    fn from(refusal: Refusal) -> Self {
        Self::Refused { code: refusal.code, message: refusal.message }
    }
}

/// Carries out requests at the node of a call.
pub trait CallNode: Send + Sync {
    /// Carries out one request.
    fn command(&self, command: CallCommand) -> BoxFuture<'_, CallReply>;
}

/// Connects the sessions of all nodes.
pub trait Bus: Send + Sync {
    /// Tells everyone who subscribed to `topic`. Never blocks; a subscriber that is full is marked as lagging.
    fn publish(&self, topic: Topic, note: Note);
    /// A new subscriber without topics.
    fn attach(&self) -> Subscriber;
    /// Adds a topic.
    fn subscribe(&self, subscriber: &Subscriber, topic: Topic);
    /// Removes a topic.
    fn unsubscribe(&self, subscriber: &Subscriber, topic: &Topic);
    /// Removes the subscriber from all its topics.
    fn detach(&self, subscriber: &Subscriber);
    /// Offers this node's calls to the others.
    fn serve_calls(&self, node: NodeId, calls: Arc<dyn CallNode>);
    /// Withdraws them.
    fn withdraw_calls(&self, node: &NodeId);
    /// Asks the node of a call. A node that is gone answers [`ErrorCode::NotFound`].
    fn request(&self, node: NodeId, command: CallCommand) -> BoxFuture<'static, CallReply>;
}

/// The receiving end of a session.
pub struct Subscriber {
    id: u64,
    sender: mpsc::Sender<Arc<Note>>,
    lagged: Arc<AtomicBool>,
    notes: mpsc::Receiver<Arc<Note>>,
}

impl Subscriber {
    fn new(id: u64) -> Self {
        let (sender, notes) = mpsc::channel(SUBSCRIBER_QUEUE_MAX);
        Self { id, sender, lagged: Arc::default(), notes }
    }

    /// The next note. `None` is never returned while the bus lives.
    pub async fn next(&mut self) -> Option<Arc<Note>> {
        self.notes.recv().await
    }

    /// Whether notes were dropped since the last call; the session then reads the database again.
    #[must_use]
    pub fn take_lagged(&self) -> bool {
        self.lagged.swap(false, Ordering::AcqRel)
    }
}
