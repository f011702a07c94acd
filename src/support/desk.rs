//! Carries out what viewers and agents ask of the desk: writes first, then tells everyone who must know.

use std::sync::Arc;

use signaling::limits::ENTRIES_PER_MESSAGE_MAX;
use signaling::timeline::{Author, AuthorKind, Entry, EntryBody};
use signaling::wire::{ConversationStatus, ConversationSummary, ErrorCode, Page, Refusal, ViewerConversation};
use signaling::{ConversationId, UserId};

use super::callbook::CallBook;
use super::line::Line;
use super::views::{self, Around};
use crate::clock;
use crate::cluster::{Bus, Note, PresenceBook, SessionId, Topic};
use crate::random;
use crate::storage::{Appended, ConversationRow, NewConversation, NewEntry, StorageError, Store};

/// Open conversations an agent is shown. A desk with more has other troubles than its list.
const DESK_ROWS_MAX: u64 = 500;
/// Longest line in which a newcomer's place is counted by the database.
const COUNTED_LINE_MAX: usize = 500;

/// A viewer as the token or the page introduced it.
#[derive(Debug, Clone, Default)]
pub struct Viewer {
    /// SHA-256 of the conversation key.
    pub key_hash: [u8; 32],
    /// Name to show.
    pub name: String,
    /// The host's own id.
    pub external: Option<String>,
    /// The host's level.
    pub level: Option<String>,
    /// Language, BCP 47, may be empty.
    pub lang: String,
    /// Where the viewer is.
    pub page: Option<Page>,
    /// True for the demo's sample viewers.
    pub sample: bool,
}

/// A message that is committed.
#[derive(Debug, Clone)]
pub struct Sent {
    /// Its chat, as it is now.
    pub conversation: ConversationRow,
    /// What was written with it, itself among it.
    pub entries: Vec<Entry>,
    /// Its place.
    pub seq: i64,
    /// Commit time, ms.
    pub at_ms: i64,
}

/// The desk of one node.
pub struct Desk {
    /// Durable state.
    pub store: Store,
    /// To everyone else.
    pub bus: Arc<dyn Bus>,
    /// Who is on line.
    pub presence: PresenceBook,
    /// Calls that run.
    pub calls: CallBook,
    /// Those who wait.
    pub line: Line,
}

impl Desk {
    /// The conversation of a viewer's key.
    ///
    /// # Errors
    /// [`ErrorCode::Internal`] or [`ErrorCode::Overloaded`] when the store fails.
    pub async fn conversation_by_key(&self, key_hash: &[u8; 32]) -> Result<Option<ConversationRow>, Refusal> {
        self.store.conversation_by_key(key_hash).await.map_err(refusal)
    }

    /// A conversation by its id.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when there is none.
    pub async fn conversation(&self, id: &ConversationId) -> Result<ConversationRow, Refusal> {
        let row = self.store.conversation(id).await.map_err(refusal)?;
        row.ok_or_else(|| Refusal::new(ErrorCode::NotFound, "no such conversation"))
    }

    /// A viewer's message; the first one opens conversation and ticket. Returns after the commit. `known` is the viewer's
    /// conversation, when there is one already: it need not queue with those who open theirs.
    ///
    /// # Errors
    /// What the store refuses.
    pub async fn viewer_send(
        &self,
        viewer: &Viewer,
        known: Option<&ConversationId>,
        client_id: String,
        text: String,
    ) -> Result<Sent, Refusal> {
        let entry = message(Author::viewer(&viewer.name), client_id, text);
        let new = NewConversation {
            id: ConversationId(random::id('c')),
            key_hash: viewer.key_hash,
            viewer_name: viewer.name.clone(),
            viewer_external: viewer.external.clone(),
            viewer_level: viewer.level.clone(),
            lang: viewer.lang.clone(),
            page: viewer.page.clone(),
            sample: viewer.sample,
        };
        let appended = match known {
            Some(conversation) => self.store.append(conversation, entry).await,
            None => self.store.open_conversation(new, entry).await,
        };
        let appended = appended.map_err(refusal)?;
        let queue_moved = appended.conversation.last_seq == 1
            || appended.entries.iter().any(|entry| entry.body == EntryBody::Reopened {});
        self.tell(&appended);
        if queue_moved && !appended.duplicate {
            self.bus.publish(Topic::Key(viewer.key_hash), Note::Opened);
            self.bus.publish(Topic::Queue, Note::QueueMoved);
        }
        sent(appended)
    }

    /// An agent's message to a conversation it has. Returns after the commit.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] when the agent does not have it.
    pub async fn agent_send(
        &self,
        agent: &Author,
        conversation: &ConversationId,
        client_id: String,
        text: String,
    ) -> Result<Sent, Refusal> {
        self.owned(conversation, agent.user.as_ref()).await?;
        let entry = message(agent.clone(), client_id, text);
        let appended = self.store.append(conversation, entry).await.map_err(refusal)?;
        self.tell(&appended);
        sent(appended)
    }

    /// A picture whose bytes are stored, of the viewer or of the agent who has the conversation. Returns its entry after the
    /// commit; for a repeated `client_id` the one that exists.
    ///
    /// # Errors
    /// [`ErrorCode::OutOfOrder`] when the conversation takes no more pictures.
    pub async fn add_picture(&self, conversation: &ConversationId, new: NewEntry) -> Result<Entry, Refusal> {
        let client_id = new.client_id.clone();
        let appended = self.store.add_picture(conversation, new).await.map_err(refusal)?;
        self.tell(&appended);
        if appended.entries.iter().any(|entry| entry.body == EntryBody::Reopened {}) {
            self.bus.publish(Topic::Queue, Note::QueueMoved);
        }
        let entry = appended.entries.into_iter().rfind(|entry| entry.client_id == client_id);
        entry.ok_or_else(|| Refusal::new(ErrorCode::Internal, "the store returned no entry"))
    }

    /// An agent's note in any conversation, for colleagues alone. Returns after the commit.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] without such a conversation.
    pub async fn note(
        &self,
        agent: &Author,
        conversation: &ConversationId,
        client_id: String,
        text: String,
    ) -> Result<Sent, Refusal> {
        let body = EntryBody::Note { text };
        let entry = NewEntry { author: agent.clone(), client_id: Some(client_id), body, at_ms: clock::now_ms() };
        let appended = self.store.append(conversation, entry).await.map_err(refusal)?;
        self.tell(&appended);
        sent(appended)
    }

    /// The viewer asks for a call; a resolved ticket is open again then.
    ///
    /// # Errors
    /// [`ErrorCode::CallRunning`] while a call or an invitation runs.
    pub async fn request_call(&self, row: &ConversationRow) -> Result<(), Refusal> {
        let author = Author::viewer(&row.viewer_name);
        let appended =
            self.store.request_call(&row.id, author, clock::now_ms()).await.map_err(|error| match error {
                StorageError::Conflict => Refusal::new(ErrorCode::CallRunning, "a call or an invitation runs already"),
                other => refusal(other),
            })?;
        self.tell(&appended);
        if appended.entries.iter().any(|entry| entry.body == EntryBody::Reopened {}) {
            self.bus.publish(Topic::Queue, Note::QueueMoved);
        }
        Ok(())
    }

    /// Withdraws (viewer) or declines (agent) a request for a call. Without one nothing happens.
    ///
    /// # Errors
    /// What the store refuses.
    pub async fn end_request(&self, conversation: &ConversationId, author: Author) -> Result<(), Refusal> {
        let appended = self.store.end_request(conversation, author, clock::now_ms()).await.map_err(refusal)?;
        self.tell(&appended);
        Ok(())
    }

    /// Takes a waiting conversation.
    ///
    /// # Errors
    /// [`ErrorCode::Taken`] when a colleague was first.
    pub async fn take(&self, conversation: &ConversationId, agent: &UserId, name: &str) -> Result<(), Refusal> {
        let appended =
            self.store.take(conversation, agent, name, clock::now_ms()).await.map_err(|error| match error {
                StorageError::Conflict => Refusal::new(ErrorCode::Taken, "a colleague has this conversation"),
                other => refusal(other),
            })?;
        self.tell(&appended);
        self.bus.publish(Topic::Queue, Note::QueueMoved);
        Ok(())
    }

    /// Puts an own conversation back into the queue.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] when the agent does not have it.
    pub async fn release(&self, conversation: &ConversationId, agent: &Author) -> Result<(), Refusal> {
        let user = self.owned(conversation, agent.user.as_ref()).await?;
        let appended = self.store.release(conversation, &user, clock::now_ms()).await.map_err(refusal)?;
        self.tell(&appended);
        self.bus.publish(Topic::Queue, Note::QueueMoved);
        Ok(())
    }

    /// Resolves the ticket of an own conversation.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] when the agent does not have it.
    pub async fn resolve(&self, conversation: &ConversationId, agent: &Author) -> Result<(), Refusal> {
        let user = self.owned(conversation, agent.user.as_ref()).await?;
        let appended = self.store.resolve(conversation, &user, clock::now_ms()).await.map_err(refusal)?;
        self.tell(&appended);
        Ok(())
    }

    /// Notes what a side has read, and tells the other.
    ///
    /// # Errors
    /// What the store refuses.
    pub async fn read(&self, conversation: &ConversationId, side: AuthorKind, seq: i64) -> Result<(), Refusal> {
        if let Some(row) = self.store.mark_read(conversation, side, seq).await.map_err(refusal)? {
            let seq = if side == AuthorKind::Viewer { row.viewer_read_seq } else { row.agent_read_seq };
            let note = Note::Read { conversation: conversation.clone(), author: side, seq };
            self.bus.publish(Topic::Conversation(conversation.clone()), note);
            self.bus.publish(Topic::Desk, Note::Changed(Box::new(self.summary(&row))));
        }
        Ok(())
    }

    /// Tells the other side that somebody types.
    pub fn typing(&self, conversation: &ConversationId, author: AuthorKind, from: &SessionId, on: bool) {
        let note = Note::Typing { conversation: conversation.clone(), author, from: from.clone(), on };
        self.bus.publish(Topic::Conversation(conversation.clone()), note);
    }

    /// Keeps the viewer's rating.
    ///
    /// # Errors
    /// What the store refuses.
    pub async fn rate(&self, row: &ConversationRow, score: u8, comment: &str) -> Result<(), Refusal> {
        let author = Author::viewer(&row.viewer_name);
        let appended = self.store.rate(&row.id, author, score, comment, clock::now_ms()).await.map_err(refusal)?;
        self.tell(&appended);
        Ok(())
    }

    /// Entries after `after_seq`, at most one message full.
    ///
    /// # Errors
    /// What the store refuses.
    pub async fn entries(&self, conversation: &ConversationId, after_seq: i64) -> Result<Vec<Entry>, Refusal> {
        self.store.entries(conversation, after_seq, ENTRIES_PER_MESSAGE_MAX as u64).await.map_err(refusal)
    }

    /// All open conversations, for an agent's list.
    ///
    /// # Errors
    /// What the store refuses.
    pub async fn open_conversations(&self) -> Result<Vec<ConversationSummary>, Refusal> {
        let rows = self.store.open_conversations(DESK_ROWS_MAX).await.map_err(refusal)?;
        Ok(rows.iter().map(|row| self.summary(row)).collect())
    }

    /// A row for the console.
    #[must_use]
    pub fn summary(&self, row: &ConversationRow) -> ConversationSummary {
        let call = self.calls.of(&row.id).map(|(_, state)| state);
        views::summary(row, self.presence.viewer_online(&row.id), call)
    }

    /// A conversation for its viewer.
    ///
    /// # Errors
    /// What the store refuses.
    pub async fn viewer_view(&self, row: &ConversationRow) -> Result<ViewerConversation, Refusal> {
        let now_ms = clock::now_ms();
        let agents_online = self.presence.agents_online();
        let (mut place, mut wait_ms_estimate) = (None, None);
        if row.status == ConversationStatus::Waiting {
            let line = self.line.view();
            place = line.place(&row.id);
            // Who has come since the last reading is counted, as long as that is cheap; in a long line the next reading
            // tells, within about a second.
            if place.is_none() && line.len() < COUNTED_LINE_MAX {
                place = self.store.queue_ahead(&row.id).await.map_err(refusal)?.map(|ahead| ahead + 1);
            }
            wait_ms_estimate = line.wait_estimate_ms(place.unwrap_or(1), now_ms - row.queued_at_ms);
        }
        let around = Around {
            agent_online: row.agent.as_ref().is_some_and(|agent| self.presence.agent_online(agent)),
            agents_online,
            place,
            wait_ms_estimate,
            call: self.calls.of(&row.id).map(|(_, state)| state),
        };
        Ok(views::viewer_view(row, around))
    }

    /// Tells everyone about a committed change.
    pub fn tell(&self, appended: &Appended) {
        if appended.duplicate {
            return;
        }
        let id = &appended.conversation.id;
        if !appended.entries.is_empty() {
            let note = Note::Entries { conversation: id.clone(), entries: appended.entries.clone() };
            self.bus.publish(Topic::Conversation(id.clone()), note);
        }
        self.tell_changed(&appended.conversation);
    }

    /// Tells the agents alone: what changed is nothing that its viewer sees.
    pub fn tell_desk(&self, row: &ConversationRow) {
        self.bus.publish(Topic::Desk, Note::Changed(Box::new(self.summary(row))));
    }

    /// Tells everyone that a conversation's status, presence or call changed.
    pub fn tell_changed(&self, row: &ConversationRow) {
        let summary = Box::new(self.summary(row));
        self.bus.publish(Topic::Viewer(row.id.clone()), Note::Changed(summary.clone()));
        self.bus.publish(Topic::Desk, Note::Changed(summary));
    }

    /// Tells the agents alone that a conversation's row changed.
    pub fn tell_agents(&self, row: &ConversationRow) {
        self.bus.publish(Topic::Desk, Note::Changed(Box::new(self.summary(row))));
    }

    /// The agent's id when the agent has the conversation.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] otherwise.
    pub async fn owned(&self, conversation: &ConversationId, agent: Option<&UserId>) -> Result<UserId, Refusal> {
        let row = self.conversation(conversation).await?;
        match (agent, row.agent) {
            (Some(agent), Some(owner)) if *agent == owner && row.status == ConversationStatus::Taken => Ok(owner),
            _ => Err(Refusal::new(ErrorCode::Forbidden, "take the conversation first")),
        }
    }
}

fn message(author: Author, client_id: String, text: String) -> NewEntry {
    NewEntry { author, client_id: Some(client_id), body: EntryBody::Message { text }, at_ms: clock::now_ms() }
}

fn sent(appended: Appended) -> Result<Sent, Refusal> {
    let entry = appended.entries.iter().rfind(|entry| entry.client_id.is_some());
    let Some(entry) = entry else {
        return Err(Refusal::new(ErrorCode::Internal, "the store returned no entry"));
    };
    let (seq, at_ms) = (entry.seq, entry.at_ms);
    Ok(Sent { seq, at_ms, entries: appended.entries, conversation: appended.conversation })
}

/// What a client is told when the store refuses.
pub(crate) fn refusal(error: StorageError) -> Refusal {
    match error {
        StorageError::Busy => Refusal::new(ErrorCode::Overloaded, "the server is busy, try again"),
        StorageError::NotFound => Refusal::new(ErrorCode::NotFound, "no such record"),
        StorageError::Conflict => Refusal::new(ErrorCode::OutOfOrder, "that is not possible now"),
        other => {
            tracing::error!(error = %other, "storage failed");
            Refusal::new(ErrorCode::Internal, "the server could not store this, try again")
        }
    }
}
