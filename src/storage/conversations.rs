//! Conversations as the rest of the server asks for them: changes (each one transaction, its rules in `timeline`) and
//! reads.

use std::collections::HashMap;

use sea_orm::{ColumnTrait, Condition, EntityTrait, Order, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};
use signaling::api::TicketSummary;
use signaling::timeline::{Author, AuthorKind, Entry};
use signaling::wire::ConversationStatus;
use signaling::{ConversationId, TicketNumber, UserId};

use super::entity::{call, clean, conversation, entry};
use super::error::StorageError;
use super::rows::{Appended, ConversationRow, NewConversation, NewEntry, TicketFilter};
use super::{LIST_ROWS_MAX, Store, timeline};

impl Store {
    /// Opens the conversation of a viewer's key with its first message, and thereby its ticket. When the key has a
    /// conversation already, this is [`Store::append`] of `first`, but for its turn: a crowd that opens conversations waits
    /// behind those who are in one.
    ///
    /// # Errors
    /// [`StorageError::Busy`], [`StorageError::Unavailable`], [`StorageError::Backend`].
    pub async fn open_conversation(&self, new: NewConversation, first: NewEntry) -> Result<Appended, StorageError> {
        self.write_opening(new, first).await
    }

    /// Appends an entry and numbers it. Repeating a `client_id` changes nothing and returns the entry that exists, with
    /// [`Appended::duplicate`]. A message or picture of the viewer on a resolved conversation puts it back into the queue
    /// (an entry `reopened` goes before it), starts the waiting clock and counts as unread; a message of an agent
    /// stops that clock.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] without such a conversation, [`StorageError::Conflict`] when the `client_id` is that of
    /// the other side's entry or of one of another kind; else as [`Store::open_conversation`].
    pub async fn append(&self, conversation: &ConversationId, entry: NewEntry) -> Result<Appended, StorageError> {
        self.write((conversation.clone(), entry), |tx, (id, entry)| Box::pin(timeline::append(tx, id, entry))).await
    }

    /// Gives a waiting conversation to an agent. Taking one's own again is a duplicate without entries.
    ///
    /// # Errors
    /// [`StorageError::Conflict`] when someone else has it or it is resolved; else as [`Store::append`].
    pub async fn take(
        &self,
        conversation: &ConversationId,
        agent: &UserId,
        name: &str,
        at_ms: i64,
    ) -> Result<Appended, StorageError> {
        let args = (conversation.clone(), agent.clone(), name.to_owned(), at_ms);
        self.write(args, |tx, (id, agent, name, at_ms)| Box::pin(timeline::take(tx, id, agent, name, *at_ms))).await
    }

    /// Puts a conversation of `agent` back into the queue, at its old place.
    ///
    /// # Errors
    /// [`StorageError::Conflict`] unless this agent has it; else as [`Store::append`].
    pub async fn release(
        &self,
        conversation: &ConversationId,
        agent: &UserId,
        at_ms: i64,
    ) -> Result<Appended, StorageError> {
        let args = (conversation.clone(), agent.clone(), at_ms);
        self.write(args, |tx, (id, agent, at_ms)| Box::pin(timeline::release(tx, id, agent, *at_ms))).await
    }

    /// Resolves a conversation of `agent`.
    ///
    /// # Errors
    /// [`StorageError::Conflict`] unless this agent has it; else as [`Store::append`].
    pub async fn resolve(
        &self,
        conversation: &ConversationId,
        agent: &UserId,
        at_ms: i64,
    ) -> Result<Appended, StorageError> {
        let args = (conversation.clone(), agent.clone(), at_ms);
        self.write(args, |tx, (id, agent, at_ms)| Box::pin(timeline::resolve(tx, id, agent, *at_ms))).await
    }

    /// The viewer asks for a call. A request that stands already is a duplicate without entries; a resolved conversation
    /// goes back into the queue.
    ///
    /// # Errors
    /// [`StorageError::Conflict`] while a call or an invitation runs; else as [`Store::append`].
    pub async fn request_call(
        &self,
        conversation: &ConversationId,
        author: Author,
        at_ms: i64,
    ) -> Result<Appended, StorageError> {
        let args = (conversation.clone(), author, at_ms);
        self.write(args, |tx, (id, author, at_ms)| Box::pin(timeline::request_call(tx, id, author, *at_ms))).await
    }

    /// Withdraws or declines a request for a call; `author` says which. Without a request it is a duplicate without
    /// entries.
    ///
    /// # Errors
    /// As [`Store::append`].
    pub async fn end_request(
        &self,
        conversation: &ConversationId,
        author: Author,
        at_ms: i64,
    ) -> Result<Appended, StorageError> {
        let args = (conversation.clone(), author, at_ms);
        self.write(args, |tx, (id, author, at_ms)| Box::pin(timeline::end_request(tx, id, author, *at_ms))).await
    }

    /// Moves a side's read mark up to `seq`, never down and never beyond the last entry. `None` when that changes
    /// nothing, there is no such conversation, or the side is the system, which reads nothing.
    ///
    /// # Errors
    /// As [`Store::open_conversation`].
    pub async fn mark_read(
        &self,
        conversation: &ConversationId,
        side: AuthorKind,
        seq: i64,
    ) -> Result<Option<ConversationRow>, StorageError> {
        let args = (conversation.clone(), side, seq);
        self.write(args, |tx, (id, side, seq)| Box::pin(timeline::mark_read(tx, id, *side, *seq))).await
    }

    /// Rates the help. A second rating replaces the first one's score and comment and is a second entry.
    ///
    /// # Errors
    /// As [`Store::append`].
    pub async fn rate(
        &self,
        conversation: &ConversationId,
        author: Author,
        score: u8,
        comment: &str,
        at_ms: i64,
    ) -> Result<Appended, StorageError> {
        let args = (conversation.clone(), author, score, comment.to_owned(), at_ms);
        self.write(args, |tx, (id, author, score, comment, at_ms)| {
            Box::pin(timeline::rate(tx, id, author, *score, comment, *at_ms))
        })
        .await
    }

    /// The conversation with this id.
    ///
    /// # Errors
    /// [`StorageError::Busy`], [`StorageError::Unavailable`], [`StorageError::Backend`]; so for all reads below.
    pub async fn conversation(&self, id: &ConversationId) -> Result<Option<ConversationRow>, StorageError> {
        let found = conversation::Entity::find_by_id(clean(id.as_str())).one(self.reader()).await?;
        found.map(conversation::Model::into_row).transpose()
    }

    /// The conversation of a viewer's key, by the key's SHA-256.
    ///
    /// # Errors
    /// As [`Store::conversation`].
    pub async fn conversation_by_key(&self, key_hash: &[u8; 32]) -> Result<Option<ConversationRow>, StorageError> {
        let found = conversation::Entity::find()
            .filter(conversation::Column::KeyHash.eq(key_hash.to_vec()))
            .one(self.reader())
            .await?;
        found.map(conversation::Model::into_row).transpose()
    }

    /// The conversation behind a ticket number.
    ///
    /// # Errors
    /// As [`Store::conversation`].
    pub async fn conversation_by_ticket(&self, ticket: TicketNumber) -> Result<Option<ConversationRow>, StorageError> {
        let found =
            conversation::Entity::find().filter(conversation::Column::Ticket.eq(ticket.0)).one(self.reader()).await?;
        found.map(conversation::Model::into_row).transpose()
    }

    /// Waiting and taken conversations, longest in the desk first.
    ///
    /// # Errors
    /// As [`Store::conversation`].
    pub async fn open_conversations(&self, limit: u64) -> Result<Vec<ConversationRow>, StorageError> {
        let found = conversation::Entity::find()
            .filter(
                conversation::Column::Status
                    .is_in([ConversationStatus::Waiting.as_str(), ConversationStatus::Taken.as_str()]),
            )
            .order_by(conversation::Column::QueuedAtMs, Order::Asc)
            .order_by(conversation::Column::Ticket, Order::Asc)
            .limit(limit.min(LIST_ROWS_MAX))
            .all(self.reader())
            .await?;
        found.into_iter().map(conversation::Model::into_row).collect()
    }

    /// Entries with a `seq` above `after_seq`, ascending.
    ///
    /// # Errors
    /// As [`Store::conversation`].
    pub async fn entries(
        &self,
        conversation: &ConversationId,
        after_seq: i64,
        limit: u64,
    ) -> Result<Vec<Entry>, StorageError> {
        let found = entry::Entity::find()
            .filter(entry::Column::ConversationId.eq(clean(conversation.as_str())))
            .filter(entry::Column::Seq.gt(after_seq))
            .order_by(entry::Column::Seq, Order::Asc)
            .limit(limit.min(LIST_ROWS_MAX))
            .all(self.reader())
            .await?;
        found.into_iter().map(entry::Model::into_entry).collect()
    }

    /// The waiting conversations in the order of the queue.
    ///
    /// # Errors
    /// As [`Store::conversation`].
    pub async fn waiting_line(&self, limit: u64) -> Result<Vec<ConversationId>, StorageError> {
        let ids: Vec<String> = conversation::Entity::find()
            .select_only()
            .column(conversation::Column::Id)
            .filter(conversation::Column::Status.eq(ConversationStatus::Waiting.as_str()))
            .order_by(conversation::Column::QueuedAtMs, Order::Asc)
            .order_by(conversation::Column::Ticket, Order::Asc)
            .limit(limit)
            .into_tuple()
            .all(self.reader())
            .await?;
        Ok(ids.into_iter().map(ConversationId).collect())
    }

    /// How many waiting conversations came into the queue before this one; `None` when it does not wait.
    ///
    /// # Errors
    /// As [`Store::conversation`].
    pub async fn queue_ahead(&self, conversation: &ConversationId) -> Result<Option<u32>, StorageError> {
        let Some(own) = self.conversation(conversation).await? else { return Ok(None) };
        if own.status != ConversationStatus::Waiting {
            return Ok(None);
        }
        let same_moment = Condition::all()
            .add(conversation::Column::QueuedAtMs.eq(own.queued_at_ms))
            .add(conversation::Column::Ticket.lt(own.ticket.0));
        let earlier = Condition::any().add(conversation::Column::QueuedAtMs.lt(own.queued_at_ms)).add(same_moment);
        let ahead = conversation::Entity::find()
            .filter(conversation::Column::Status.eq(ConversationStatus::Waiting.as_str()))
            .filter(earlier)
            .count(self.reader())
            .await?;
        Ok(Some(u32::try_from(ahead).unwrap_or(u32::MAX)))
    }

    /// How long viewers waited for their first agent, ms, newest take first, for takes at or after `since_ms`. Sample
    /// conversations are left out.
    ///
    /// # Errors
    /// As [`Store::conversation`].
    pub async fn recent_waits_ms(&self, since_ms: i64, limit: u64) -> Result<Vec<i64>, StorageError> {
        let found: Vec<(i64, Option<i64>)> = conversation::Entity::find()
            .select_only()
            .column(conversation::Column::OpenedAtMs)
            .column(conversation::Column::FirstTakenAtMs)
            .filter(conversation::Column::FirstTakenAtMs.gte(since_ms))
            .filter(conversation::Column::Sample.eq(false))
            .order_by(conversation::Column::FirstTakenAtMs, Order::Desc)
            .limit(limit.min(LIST_ROWS_MAX))
            .into_tuple()
            .all(self.reader())
            .await?;
        Ok(found.into_iter().filter_map(|(opened, taken)| taken.map(|taken| (taken - opened).max(0))).collect())
    }

    /// Tickets, newest first.
    ///
    /// # Errors
    /// As [`Store::conversation`].
    pub async fn tickets(&self, filter: TicketFilter) -> Result<Vec<TicketSummary>, StorageError> {
        let mut query = conversation::Entity::find()
            .order_by(conversation::Column::Ticket, Order::Desc)
            .limit(u64::from(filter.limit).min(LIST_ROWS_MAX));
        if let Some(status) = filter.status {
            query = query.filter(conversation::Column::Status.eq(status.as_str()));
        }
        if let Some(before) = filter.before {
            query = query.filter(conversation::Column::Ticket.lt(before));
        }
        let found = query.all(self.reader()).await?;
        let calls = self.accepted_calls(&found).await?;
        found
            .into_iter()
            .map(|model| {
                let accepted = calls.get(&model.id).copied().unwrap_or(0);
                model.into_row().map(|row| summary(row, accepted))
            })
            .collect()
    }

    /// Accepted calls by conversation.
    async fn accepted_calls(
        &self,
        conversations: &[conversation::Model],
    ) -> Result<HashMap<String, i64>, StorageError> {
        let counts: Vec<(String, i64)> = call::Entity::find()
            .select_only()
            .column(call::Column::ConversationId)
            .column_as(call::Column::Id.count(), "accepted")
            .filter(call::Column::ConversationId.is_in(conversations.iter().map(|model| model.id.as_str())))
            .filter(call::Column::AcceptedAtMs.is_not_null())
            .group_by(call::Column::ConversationId)
            .into_tuple()
            .all(self.reader())
            .await?;
        Ok(counts.into_iter().collect())
    }

    /// One ticket as a row of the list.
    ///
    /// # Errors
    /// As [`Store::conversation`].
    pub async fn ticket(&self, number: TicketNumber) -> Result<Option<TicketSummary>, StorageError> {
        let filter = TicketFilter { status: None, before: number.0.checked_add(1), limit: 1 };
        Ok(self.tickets(filter).await?.into_iter().find(|ticket| ticket.number == number))
    }
}

fn summary(row: ConversationRow, accepted_calls: i64) -> TicketSummary {
    TicketSummary {
        number: row.ticket,
        conversation: row.id,
        status: row.status,
        subject: row.subject,
        viewer_name: row.viewer_name,
        agent_name: row.agent_name,
        opened_at_ms: row.opened_at_ms,
        updated_at_ms: row.updated_at_ms,
        call_count: u32::try_from(accepted_calls).unwrap_or(0),
        rating: row.rating,
        sample: row.sample,
    }
}
