//! What a change does to a conversation: numbering, idempotence, queue and read marks. Each function here runs inside
//! one transaction, on a conversation that [`lock`] holds.

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter,
    QuerySelect,
};
use signaling::timeline::{Author, AuthorKind, EntryBody};
use signaling::wire::ConversationStatus;
use signaling::{ConversationId, UserId};

use super::entity::{call, clean, conversation, counter, entry, to_json, to_word};
use super::error::{StorageError, TxError};
use super::rows::{Appended, ConversationRow, NewConversation, NewEntry, cut};

/// The word of [`EntryBody::Message`] in the column `entry.kind`.
const MESSAGE: &str = "message";
/// The word of [`EntryBody::Picture`] in the column `entry.kind`.
const PICTURE: &str = "picture";
/// What stands for a picture where a conversation's last message is shown as text: the same in every language.
const PICTURE_AS_TEXT: &str = "\u{1f5bc}";

/// Reads a conversation and keeps others from changing it until the transaction ends.
pub(super) async fn lock(tx: &DatabaseTransaction, id: &ConversationId) -> Result<conversation::Model, TxError> {
    let found = conversation::Entity::find_by_id(clean(&id.0)).lock_exclusive().one(tx).await?;
    Ok(found.ok_or(StorageError::NotFound)?)
}

pub(super) async fn open(
    tx: &DatabaseTransaction,
    new: &NewConversation,
    first: &NewEntry,
) -> Result<Appended, TxError> {
    let existing = conversation::Entity::find()
        .filter(conversation::Column::KeyHash.eq(new.key_hash.to_vec()))
        .lock_exclusive()
        .one(tx)
        .await?;
    if let Some(existing) = existing {
        return append_to(tx, existing, first).await;
    }
    let (row, written) = opened(new, take_tickets(tx, 1).await?, first)?;
    conversation::Entity::insert(row.clone().into_active_model()).exec_without_returning(tx).await?;
    entry::Entity::insert(written.clone().into_active_model()).exec_without_returning(tx).await?;
    Ok(Appended { conversation: row.into_row()?, entries: vec![written.into_entry()?], duplicate: false })
}

pub(super) async fn append(tx: &DatabaseTransaction, id: &ConversationId, new: &NewEntry) -> Result<Appended, TxError> {
    let locked = lock(tx, id).await?;
    append_to(tx, locked, new).await
}

/// Appends to a conversation that is locked already.
pub(super) async fn append_to(
    tx: &DatabaseTransaction,
    locked: conversation::Model,
    new: &NewEntry,
) -> Result<Appended, TxError> {
    if let Some(client_id) = &new.client_id {
        let existing = entry::Entity::find()
            .filter(entry::Column::ConversationId.eq(locked.id.clone()))
            .filter(entry::Column::ClientId.eq(clean(client_id)))
            .one(tx)
            .await?;
        if let Some(existing) = existing {
            // The other side's name for something else says nothing of this entry, and nothing is told of that one.
            if existing.author_kind != to_word(&new.author.kind)? || existing.kind != kind(&new.body) {
                return Err(StorageError::Conflict.into());
            }
            let entries = vec![existing.into_entry()?];
            return Ok(Appended { conversation: locked.into_row()?, entries, duplicate: true });
        }
    }
    let mut change = Change::new(locked);
    if new.author.kind == AuthorKind::Viewer && calls_for_help(&new.body) {
        change.reopen_if_resolved(new.at_ms)?;
    }
    change.push(new)?;
    change.commit(tx).await
}

pub(super) async fn take(
    tx: &DatabaseTransaction,
    id: &ConversationId,
    agent: &UserId,
    name: &str,
    at_ms: i64,
) -> Result<Appended, TxError> {
    let locked = lock(tx, id).await?;
    if locked.status == ConversationStatus::Taken.as_str() && locked.agent_id.as_deref() == Some(agent.as_str()) {
        return Ok(Appended { conversation: locked.into_row()?, entries: Vec::new(), duplicate: true });
    }
    let mut change = Change::new(locked);
    if !change.stands(ConversationStatus::Waiting) {
        return Err(StorageError::Conflict.into());
    }
    ConversationStatus::Taken.as_str().clone_into(&mut change.next.status);
    change.next.agent_id = Some(clean(agent.as_str()));
    change.next.agent_name = Some(clean(name));
    change.next.taken_at_ms = Some(at_ms);
    change.next.first_taken_at_ms.get_or_insert(at_ms);
    let body = EntryBody::Taken { agent: agent.clone(), name: name.to_owned() };
    change.event(Author::agent(agent.clone(), name), body, at_ms)?;
    change.commit(tx).await
}

pub(super) async fn release(
    tx: &DatabaseTransaction,
    id: &ConversationId,
    agent: &UserId,
    at_ms: i64,
) -> Result<Appended, TxError> {
    let (mut change, owner) = lock_owned(tx, id, agent).await?;
    change.put_in_queue();
    change.event(owner, EntryBody::Released {}, at_ms)?;
    change.commit(tx).await
}

pub(super) async fn resolve(
    tx: &DatabaseTransaction,
    id: &ConversationId,
    agent: &UserId,
    at_ms: i64,
) -> Result<Appended, TxError> {
    let (mut change, owner) = lock_owned(tx, id, agent).await?;
    ConversationStatus::Resolved.as_str().clone_into(&mut change.next.status);
    change.next.waiting_since_ms = None;
    change.event(owner, EntryBody::Resolved {}, at_ms)?;
    change.commit(tx).await
}

/// The viewer asks for a call. A request that stands already stays as it is.
pub(super) async fn request_call(
    tx: &DatabaseTransaction,
    id: &ConversationId,
    author: &Author,
    at_ms: i64,
) -> Result<Appended, TxError> {
    let locked = lock(tx, id).await?;
    if locked.call_requested_at_ms.is_some() {
        return Ok(Appended { conversation: locked.into_row()?, entries: Vec::new(), duplicate: true });
    }
    let running = call::Entity::find()
        .filter(call::Column::EndedAtMs.is_null())
        .filter(call::Column::ConversationId.eq(locked.id.clone()))
        .one(tx)
        .await?;
    if running.is_some() {
        return Err(StorageError::Conflict.into());
    }
    let request = NewEntry { author: author.clone(), client_id: None, body: EntryBody::CallRequested {}, at_ms };
    append_to(tx, locked, &request).await
}

/// The request for a call is withdrawn or declined. Without one nothing changes.
pub(super) async fn end_request(
    tx: &DatabaseTransaction,
    id: &ConversationId,
    author: &Author,
    at_ms: i64,
) -> Result<Appended, TxError> {
    let locked = lock(tx, id).await?;
    if locked.call_requested_at_ms.is_none() {
        return Ok(Appended { conversation: locked.into_row()?, entries: Vec::new(), duplicate: true });
    }
    let mut change = Change::new(locked);
    change.event(author.clone(), EntryBody::CallRequestEnded {}, at_ms)?;
    change.commit(tx).await
}

pub(super) async fn mark_read(
    tx: &DatabaseTransaction,
    id: &ConversationId,
    side: AuthorKind,
    seq: i64,
) -> Result<Option<ConversationRow>, TxError> {
    let mut change = match lock(tx, id).await {
        Ok(locked) => Change::new(locked),
        Err(TxError::Refused(StorageError::NotFound)) => return Ok(None),
        Err(error) => return Err(error),
    };
    let seq = Ord::min(seq, change.current.last_seq);
    let mark = match side {
        AuthorKind::Viewer => &mut change.next.viewer_read_seq,
        AuthorKind::Agent => &mut change.next.agent_read_seq,
        AuthorKind::System => return Ok(None),
    };
    if seq <= *mark {
        return Ok(None);
    }
    *mark = seq;
    if side == AuthorKind::Agent {
        change.next.unread = unread_after(tx, &change.current.id, seq).await?;
    }
    Ok(Some(change.commit(tx).await?.conversation))
}

pub(super) async fn rate(
    tx: &DatabaseTransaction,
    id: &ConversationId,
    author: &Author,
    score: u8,
    comment: &str,
    at_ms: i64,
) -> Result<Appended, TxError> {
    let mut change = Change::new(lock(tx, id).await?);
    change.next.rating = Some(i64::from(score));
    change.next.rating_comment = Some(clean(comment));
    change.event(author.clone(), EntryBody::Rated { score, comment: comment.to_owned() }, at_ms)?;
    change.commit(tx).await
}

/// Locks a conversation that `agent` has; gives the agent as an author, too.
async fn lock_owned(
    tx: &DatabaseTransaction,
    id: &ConversationId,
    agent: &UserId,
) -> Result<(Change, Author), TxError> {
    let change = Change::new(lock(tx, id).await?);
    let owned = change.stands(ConversationStatus::Taken) && change.current.agent_id.as_deref() == Some(agent.as_str());
    if !owned {
        return Err(StorageError::Conflict.into());
    }
    let owner = Author::agent(agent.clone(), change.current.agent_name.as_deref().unwrap_or_default());
    Ok((change, owner))
}

async fn unread_after(tx: &DatabaseTransaction, conversation: &str, seq: i64) -> Result<i64, TxError> {
    let unread = entry::Entity::find()
        .filter(entry::Column::ConversationId.eq(conversation))
        .filter(entry::Column::Seq.gt(seq))
        .filter(entry::Column::AuthorKind.eq(to_word(&AuthorKind::Viewer)?))
        .filter(entry::Column::Kind.is_in([MESSAGE, PICTURE]))
        .count(tx)
        .await?;
    Ok(i64::try_from(unread).unwrap_or(i64::MAX))
}

/// Takes `count` ticket numbers that follow each other; gives the last one. Their counter stays locked until the commit, so
/// numbers go up in the order of commits.
pub(super) async fn take_tickets(tx: &DatabaseTransaction, count: i64) -> Result<i64, TxError> {
    let updated = counter::Entity::update_many()
        .col_expr(counter::Column::Value, Expr::col(counter::Column::Value).add(count))
        .filter(counter::Column::Name.eq(counter::TICKET))
        .exec_with_returning(tx)
        .await?;
    let number = updated.first().map(|row| row.value);
    Ok(number.ok_or_else(|| StorageError::Backend("the counter of ticket numbers is missing".to_owned()))?)
}

/// A new conversation after its first entry, and that entry; nothing is written yet.
pub(super) fn opened(
    new: &NewConversation,
    ticket: i64,
    first: &NewEntry,
) -> Result<(conversation::Model, entry::Model), StorageError> {
    let mut change = Change::new(blank(new, ticket, first.at_ms)?);
    change.push(first)?;
    let entry = change.written.pop().ok_or_else(|| StorageError::Backend("an entry is missing".to_owned()))?;
    Ok((change.next, entry))
}

fn blank(new: &NewConversation, ticket: i64, at_ms: i64) -> Result<conversation::Model, StorageError> {
    Ok(conversation::Model {
        id: clean(&new.id.0),
        ticket,
        key_hash: new.key_hash.to_vec(),
        status: ConversationStatus::Waiting.as_str().to_owned(),
        viewer_name: clean(&new.viewer_name),
        viewer_external: new.viewer_external.as_deref().map(clean),
        viewer_level: new.viewer_level.as_deref().map(clean),
        lang: clean(&new.lang),
        page: new.page.as_ref().map(to_json).transpose()?,
        agent_id: None,
        agent_name: None,
        opened_at_ms: at_ms,
        updated_at_ms: at_ms,
        queued_at_ms: at_ms,
        taken_at_ms: None,
        first_taken_at_ms: None,
        waiting_since_ms: None,
        last_seq: 0,
        last_text: String::new(),
        subject: String::new(),
        agent_read_seq: 0,
        viewer_read_seq: 0,
        unread: 0,
        rating: None,
        rating_comment: None,
        sample: new.sample,
        call_requested_at_ms: None,
        verdict: None,
        pinned: false,
    })
}

/// A change in the making: the conversation as it is stored and as it will be, and the entries to write.
struct Change {
    current: conversation::Model,
    next: conversation::Model,
    written: Vec<entry::Model>,
}

impl Change {
    fn new(locked: conversation::Model) -> Self {
        Self { next: locked.clone(), current: locked, written: Vec::new() }
    }

    fn stands(&self, status: ConversationStatus) -> bool {
        self.current.status == status.as_str()
    }

    /// Into the queue, without its agent. The place is `queued_at_ms`, which is the caller's to change.
    fn put_in_queue(&mut self) {
        ConversationStatus::Waiting.as_str().clone_into(&mut self.next.status);
        self.next.agent_id = None;
        self.next.agent_name = None;
        self.next.taken_at_ms = None;
    }

    /// A resolved conversation goes back into the queue, at its end.
    fn reopen_if_resolved(&mut self, at_ms: i64) -> Result<(), StorageError> {
        if !self.stands(ConversationStatus::Resolved) {
            return Ok(());
        }
        self.put_in_queue();
        self.next.queued_at_ms = at_ms;
        self.event(Author::system(), EntryBody::Reopened {}, at_ms)
    }

    fn event(&mut self, author: Author, body: EntryBody, at_ms: i64) -> Result<(), StorageError> {
        self.push(&NewEntry { author, client_id: None, body, at_ms })
    }

    /// Numbers an entry and lets it work on the conversation.
    fn push(&mut self, new: &NewEntry) -> Result<(), StorageError> {
        let next = &mut self.next;
        next.last_seq += 1;
        next.updated_at_ms = Ord::max(next.updated_at_ms, new.at_ms);
        match &new.body {
            EntryBody::Message { text } => {
                note_message(next, new, cut(text));
                if next.subject.is_empty() {
                    next.subject.clone_from(&next.last_text);
                }
            }
            EntryBody::Picture { .. } => note_message(next, new, PICTURE_AS_TEXT.to_owned()),
            EntryBody::CallRequested {} => next.call_requested_at_ms = Some(new.at_ms),
            // An invitation accepts the request; with the ticket it is settled.
            EntryBody::CallRequestEnded {} | EntryBody::CallInvited { .. } | EntryBody::Resolved {} => {
                next.call_requested_at_ms = None;
            }
            _ => {}
        }
        self.written.push(entry::Model {
            conversation_id: self.next.id.clone(),
            seq: self.next.last_seq,
            at_ms: new.at_ms,
            author_kind: to_word(&new.author.kind)?,
            author_id: new.author.user.as_ref().map(|user| clean(&user.0)),
            author_name: clean(&new.author.name),
            client_id: new.client_id.as_deref().map(clean),
            kind: kind(&new.body).to_owned(),
            body: to_json(&new.body)?,
        });
        Ok(())
    }

    /// Writes it all down inside the transaction.
    async fn commit(self, tx: &DatabaseTransaction) -> Result<Appended, TxError> {
        let Self { current, next, written } = self;
        if !written.is_empty() {
            entry::Entity::insert_many(written.iter().cloned().map(IntoActiveModel::into_active_model))
                .exec_without_returning(tx)
                .await?;
        }
        let update = difference(current, &next);
        if update.is_changed() {
            update.update_without_returning(tx).await?;
        }
        let entries = written.into_iter().map(entry::Model::into_entry).collect::<Result<_, _>>()?;
        Ok(Appended { conversation: next.into_row()?, entries, duplicate: false })
    }
}

/// What a message or a picture does to the unread count and the waiting clock.
fn note_message(next: &mut conversation::Model, new: &NewEntry, last_text: String) {
    next.last_text = last_text;
    match new.author.kind {
        AuthorKind::Viewer => {
            next.unread += 1;
            next.waiting_since_ms.get_or_insert(new.at_ms);
        }
        AuthorKind::Agent => next.waiting_since_ms = None,
        AuthorKind::System => {}
    }
}

/// Whether a viewer who does this on a resolved ticket wants help again.
fn calls_for_help(body: &EntryBody) -> bool {
    matches!(body, EntryBody::Message { .. } | EntryBody::Picture { .. } | EntryBody::CallRequested {})
}

/// Only the columns that changed, so that an update does not touch every index.
fn difference(current: conversation::Model, next: &conversation::Model) -> conversation::ActiveModel {
    let mut update = current.into_active_model();
    update.status.set_if_not_equals(next.status.clone());
    update.agent_id.set_if_not_equals(next.agent_id.clone());
    update.agent_name.set_if_not_equals(next.agent_name.clone());
    update.updated_at_ms.set_if_not_equals(next.updated_at_ms);
    update.queued_at_ms.set_if_not_equals(next.queued_at_ms);
    update.taken_at_ms.set_if_not_equals(next.taken_at_ms);
    update.first_taken_at_ms.set_if_not_equals(next.first_taken_at_ms);
    update.waiting_since_ms.set_if_not_equals(next.waiting_since_ms);
    update.last_seq.set_if_not_equals(next.last_seq);
    update.last_text.set_if_not_equals(next.last_text.clone());
    update.subject.set_if_not_equals(next.subject.clone());
    update.agent_read_seq.set_if_not_equals(next.agent_read_seq);
    update.viewer_read_seq.set_if_not_equals(next.viewer_read_seq);
    update.unread.set_if_not_equals(next.unread);
    update.rating.set_if_not_equals(next.rating);
    update.rating_comment.set_if_not_equals(next.rating_comment.clone());
    update.call_requested_at_ms.set_if_not_equals(next.call_requested_at_ms);
    update
}

/// The `kind` of a body, as it stands in its JSON.
fn kind(body: &EntryBody) -> &'static str {
    match body {
        EntryBody::Message { .. } => MESSAGE,
        EntryBody::Picture { .. } => PICTURE,
        EntryBody::Note { .. } => "note",
        EntryBody::Hidden {} => "hidden",
        EntryBody::CallRequested {} => "call_requested",
        EntryBody::CallRequestEnded {} => "call_request_ended",
        EntryBody::Taken { .. } => "taken",
        EntryBody::Released {} => "released",
        EntryBody::Resolved {} => "resolved",
        EntryBody::Reopened {} => "reopened",
        EntryBody::CallInvited { .. } => "call_invited",
        EntryBody::CallAccepted { .. } => "call_accepted",
        EntryBody::CallJoined { .. } => "call_joined",
        EntryBody::CallLeft { .. } => "call_left",
        EntryBody::CallEnded { .. } => "call_ended",
        EntryBody::Rated { .. } => "rated",
    }
}
