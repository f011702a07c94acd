//! Calls: their stages, phases and media. A change of stage and its timeline entry are one transaction.

use std::collections::HashMap;

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, DatabaseTransaction, EntityTrait, IntoActiveModel,
    Order, QueryFilter, QueryOrder, QuerySelect,
};
use signaling::api::{CallMedia, ConnectMode};
use signaling::timeline::{Author, AuthorKind, EndReason, EntryBody, Surface};
use signaling::wire::{CallStage, ConversationStatus, Phase};
use signaling::{CallId, ConversationId, TicketNumber};

use super::entity::{call, clean, conversation, from_json, from_word, to_json, to_word, user};
use super::error::{StorageError, TxError};
use super::rows::{Appended, CallRow, NewCall, NewEntry};
use super::{LIST_ROWS_MAX, Store, timeline};

/// Invitations an agent may have open at a time: one that is being read, and the next viewer's. The first to accept has
/// the agent.
pub(crate) const INVITATIONS_PER_AGENT_MAX: usize = 2;

impl Store {
    /// Commits an invitation. Its time is also the phase `invited`.
    ///
    /// # Errors
    /// [`StorageError::Conflict`] when the conversation has a call that has not ended, when the agent has
    /// two unanswered invitations, when an agent invites in a conversation that is not the
    /// agent's own, or the id is used;
    /// [`StorageError::NotFound`] without such a conversation; [`StorageError::Busy`], [`StorageError::Unavailable`],
    /// [`StorageError::Backend`].
    pub async fn invite_call(
        &self,
        new: NewCall,
        author: Author,
        at_ms: i64,
    ) -> Result<(CallRow, Appended), StorageError> {
        self.write((new, author, at_ms), |tx, (new, author, at_ms)| Box::pin(invite(tx, new, author, *at_ms))).await
    }

    /// The viewer accepted: `invited` becomes `connecting`.
    ///
    /// # Errors
    /// [`StorageError::Conflict`] in any other stage or while the agent is in another call, [`StorageError::NotFound`] without such a call; else as
    /// [`Store::invite_call`].
    pub async fn accept_call(
        &self,
        call: &CallId,
        surface: Surface,
        author: Author,
        at_ms: i64,
    ) -> Result<(CallRow, Appended), StorageError> {
        let args = (call.clone(), surface, author, at_ms);
        self.write(args, |tx, (id, surface, author, at_ms)| Box::pin(accept(tx, id, *surface, author, *at_ms))).await
    }

    /// The agent has the picture: `connecting` becomes `live`. `None` when the call is in another stage.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] without such a call; else as [`Store::invite_call`].
    pub async fn set_call_live(&self, call: &CallId) -> Result<Option<CallRow>, StorageError> {
        self.write(call.clone(), |tx, id| Box::pin(set_live(tx, id))).await
    }

    /// Ends a call or an invitation. `None` when it has ended already.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] without such a call; else as [`Store::invite_call`].
    pub async fn end_call(
        &self,
        call: &CallId,
        reason: EndReason,
        author: Author,
        at_ms: i64,
    ) -> Result<Option<(CallRow, Appended)>, StorageError> {
        let args = (call.clone(), reason, author, at_ms);
        self.write(args, |tx, (id, reason, author, at_ms)| Box::pin(end(tx, id, *reason, author, *at_ms))).await
    }

    /// Records when phases were reached (server clock, ms since the Unix epoch) and how the call connected. The first
    /// value of a phase, and the first mode, stay.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] without such a call; else as [`Store::invite_call`].
    pub async fn record_phases(
        &self,
        call: &CallId,
        phases: &[(Phase, f64)],
        mode: Option<ConnectMode>,
    ) -> Result<CallRow, StorageError> {
        let args = (call.clone(), phases.to_vec(), mode);
        self.write(args, |tx, (id, phases, mode)| Box::pin(record_phases(tx, id, phases, *mode))).await
    }

    /// Records what carries the call. Fields that are `Some` replace what is stored.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] without such a call; else as [`Store::invite_call`].
    pub async fn set_call_media(&self, call: &CallId, media: &CallMedia) -> Result<CallRow, StorageError> {
        self.write((call.clone(), media.clone()), |tx, (id, media)| Box::pin(set_media(tx, id, media))).await
    }

    /// The call with this id.
    ///
    /// # Errors
    /// [`StorageError::Busy`], [`StorageError::Unavailable`], [`StorageError::Backend`]; so for all reads below.
    pub async fn call(&self, id: &CallId) -> Result<Option<CallRow>, StorageError> {
        let found = call::Entity::find_by_id(clean(id.as_str())).one(self.reader()).await?;
        found.map(call::Model::into_row).transpose()
    }

    /// Calls of a conversation, oldest first.
    ///
    /// # Errors
    /// As [`Store::call`].
    pub async fn calls_of(&self, conversation: &ConversationId) -> Result<Vec<CallRow>, StorageError> {
        let found = call::Entity::find()
            .filter(call::Column::ConversationId.eq(clean(conversation.as_str())))
            .order_by(call::Column::InvitedAtMs, Order::Asc)
            .order_by(call::Column::Id, Order::Asc)
            .limit(LIST_ROWS_MAX)
            .all(self.reader())
            .await?;
        found.into_iter().map(call::Model::into_row).collect()
    }

    /// Calls of a node that have not ended: after a crash, those to end with a reason.
    ///
    /// # Errors
    /// As [`Store::call`].
    pub async fn unended_calls(&self, node: &str) -> Result<Vec<CallRow>, StorageError> {
        let found = call::Entity::find()
            .filter(call::Column::Node.eq(clean(node)))
            .filter(call::Column::EndedAtMs.is_null())
            .order_by(call::Column::InvitedAtMs, Order::Asc)
            .limit(LIST_ROWS_MAX)
            .all(self.reader())
            .await?;
        found.into_iter().map(call::Model::into_row).collect()
    }

    /// Calls of all nodes that have not ended.
    ///
    /// # Errors
    /// As [`Store::call`].
    pub async fn all_unended_calls(&self) -> Result<Vec<CallRow>, StorageError> {
        let found = call::Entity::find()
            .filter(call::Column::EndedAtMs.is_null())
            .order_by(call::Column::InvitedAtMs, Order::Asc)
            .limit(LIST_ROWS_MAX)
            .all(self.reader())
            .await?;
        found.into_iter().map(call::Model::into_row).collect()
    }

    /// Accepted calls, newest first, with the tickets they are on.
    ///
    /// # Errors
    /// As [`Store::call`].
    pub async fn recent_calls(&self, limit: u64) -> Result<Vec<(TicketNumber, CallRow)>, StorageError> {
        let found = call::Entity::find()
            .filter(call::Column::AcceptedAtMs.is_not_null())
            .order_by(call::Column::AcceptedAtMs, Order::Desc)
            .limit(limit.min(LIST_ROWS_MAX))
            .all(self.reader())
            .await?;
        let tickets: HashMap<String, i64> = conversation::Entity::find()
            .select_only()
            .column(conversation::Column::Id)
            .column(conversation::Column::Ticket)
            .filter(conversation::Column::Id.is_in(found.iter().map(|model| model.conversation_id.as_str())))
            .into_tuple::<(String, i64)>()
            .all(self.reader())
            .await?
            .into_iter()
            .collect();
        found
            .into_iter()
            .filter_map(|model| tickets.get(&model.conversation_id).map(|ticket| (TicketNumber(*ticket), model)))
            .map(|(ticket, model)| Ok((ticket, model.into_row()?)))
            .collect()
    }
}

async fn invite(
    tx: &DatabaseTransaction,
    new: &NewCall,
    author: &Author,
    at_ms: i64,
) -> Result<(CallRow, Appended), TxError> {
    let locked = timeline::lock(tx, &new.conversation).await?;
    // An agent invites in a conversation that is still the agent's own when the invitation is written.
    let owned =
        locked.status == ConversationStatus::Taken.as_str() && locked.agent_id.as_deref() == Some(new.agent.as_str());
    if author.kind == AuthorKind::Agent && !owned {
        return Err(StorageError::Conflict.into());
    }
    // Two invitations of one agent, in two conversations, have no other row in common.
    user::Entity::find_by_id(clean(&new.agent.0)).lock_exclusive().one(tx).await?;
    let running = call::Entity::find()
        .filter(call::Column::EndedAtMs.is_null())
        .filter(
            Condition::any()
                .add(call::Column::ConversationId.eq(locked.id.clone()))
                .add(call::Column::AgentId.eq(clean(&new.agent.0))),
        )
        .all(tx)
        .await?;
    let here = running.iter().any(|call| call.conversation_id == locked.id);
    let pending = running.iter().filter(|call| call.accepted_at_ms.is_none()).count();
    let used = call::Entity::find_by_id(clean(&new.id.0)).one(tx).await?;
    if here || pending >= INVITATIONS_PER_AGENT_MAX || used.is_some() {
        return Err(StorageError::Conflict.into());
    }
    #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 fit a double's 53 bits until far future")]
    let phases = std::collections::BTreeMap::from([(Phase::Invited, at_ms as f64)]);
    let model = call::Model {
        id: clean(&new.id.0),
        conversation_id: locked.id.clone(),
        node: clean(&new.node),
        agent_id: clean(&new.agent.0),
        agent_name: clean(&new.agent_name),
        viewer_name: locked.viewer_name.clone(),
        stage: to_word(&CallStage::Invited)?,
        invited_at_ms: at_ms,
        accepted_at_ms: None,
        ended_at_ms: None,
        reason: None,
        surface: None,
        mode: None,
        phases: to_json(&phases)?,
        media: to_json(&CallMedia::default())?,
    };
    call::Entity::insert(model.clone().into_active_model()).exec_without_returning(tx).await?;
    let body = EntryBody::CallInvited { call: new.id.clone() };
    let appended = timeline::append_to(tx, locked, &event(author, body, at_ms)).await?;
    Ok((model.into_row()?, appended))
}

async fn accept(
    tx: &DatabaseTransaction,
    id: &CallId,
    surface: Surface,
    author: &Author,
    at_ms: i64,
) -> Result<(CallRow, Appended), TxError> {
    let (found, locked) = lock_call(tx, id).await?;
    let another = call::Entity::find()
        .filter(call::Column::AgentId.eq(found.agent_id.clone()))
        .filter(call::Column::EndedAtMs.is_null())
        .filter(call::Column::AcceptedAtMs.is_not_null())
        .one(tx)
        .await?;
    if another.is_some() || stage(&found)? != CallStage::Invited {
        return Err(StorageError::Conflict.into());
    }
    let mut change = found.into_active_model();
    change.stage = Set(to_word(&CallStage::Connecting)?);
    change.accepted_at_ms = Set(Some(at_ms));
    change.surface = Set(Some(to_word(&surface)?));
    let row = change.update(tx).await?.into_row()?;
    let body = EntryBody::CallAccepted { call: row.id.clone(), surface };
    let appended = timeline::append_to(tx, locked, &event(author, body, at_ms)).await?;
    Ok((row, appended))
}

async fn set_live(tx: &DatabaseTransaction, id: &CallId) -> Result<Option<CallRow>, TxError> {
    let found = lock_row(tx, id).await?;
    if stage(&found)? != CallStage::Connecting {
        return Ok(None);
    }
    let mut change = found.into_active_model();
    change.stage = Set(to_word(&CallStage::Live)?);
    Ok(Some(change.update(tx).await?.into_row()?))
}

async fn end(
    tx: &DatabaseTransaction,
    id: &CallId,
    reason: EndReason,
    author: &Author,
    at_ms: i64,
) -> Result<Option<(CallRow, Appended)>, TxError> {
    let (found, locked) = lock_call(tx, id).await?;
    if stage(&found)? == CallStage::Ended {
        return Ok(None);
    }
    let duration_ms = found.accepted_at_ms.map_or(0, |accepted| (at_ms - accepted).max(0));
    let mut change = found.into_active_model();
    change.stage = Set(to_word(&CallStage::Ended)?);
    change.ended_at_ms = Set(Some(at_ms));
    change.reason = Set(Some(to_word(&reason)?));
    let row = change.update(tx).await?.into_row()?;
    let body = EntryBody::CallEnded { call: row.id.clone(), reason, duration_ms };
    let appended = timeline::append_to(tx, locked, &event(author, body, at_ms)).await?;
    Ok(Some((row, appended)))
}

async fn record_phases(
    tx: &DatabaseTransaction,
    id: &CallId,
    new: &[(Phase, f64)],
    mode: Option<ConnectMode>,
) -> Result<CallRow, TxError> {
    let found = lock_row(tx, id).await?;
    let mut phases: std::collections::BTreeMap<Phase, f64> = from_json("call.phases", &found.phases)?;
    for (phase, at_ms) in new.iter().filter(|(_, at_ms)| at_ms.is_finite()) {
        phases.entry(*phase).or_insert(*at_ms);
    }
    let known_mode = found.mode.is_some();
    let mut change = found.into_active_model();
    change.phases = Set(to_json(&phases)?);
    if let (Some(mode), false) = (mode, known_mode) {
        change.mode = Set(Some(to_word(&mode)?));
    }
    Ok(change.update(tx).await?.into_row()?)
}

async fn set_media(tx: &DatabaseTransaction, id: &CallId, new: &CallMedia) -> Result<CallRow, TxError> {
    let found = lock_row(tx, id).await?;
    let mut media: CallMedia = from_json("call.media", &found.media)?;
    let text = |new: &Option<String>, old: Option<String>| new.as_deref().map(clean).or(old);
    media.codec = text(&new.codec, media.codec);
    media.width = new.width.or(media.width);
    media.height = new.height.or(media.height);
    media.viewer_path = text(&new.viewer_path, media.viewer_path);
    media.agent_path = text(&new.agent_path, media.agent_path);
    let mut change = found.into_active_model();
    change.media = Set(to_json(&media)?);
    Ok(change.update(tx).await?.into_row()?)
}

/// Locks a call together with its conversation, the conversation first as everywhere, so that two changes never wait
/// for each other crosswise.
async fn lock_call(tx: &DatabaseTransaction, id: &CallId) -> Result<(call::Model, conversation::Model), TxError> {
    let found = call::Entity::find_by_id(clean(&id.0)).one(tx).await?.ok_or(StorageError::NotFound)?;
    let locked = timeline::lock(tx, &ConversationId(found.conversation_id)).await?;
    Ok((lock_row(tx, id).await?, locked))
}

async fn lock_row(tx: &DatabaseTransaction, id: &CallId) -> Result<call::Model, TxError> {
    let found = call::Entity::find_by_id(clean(&id.0)).lock_exclusive().one(tx).await?;
    Ok(found.ok_or(StorageError::NotFound)?)
}

fn stage(model: &call::Model) -> Result<CallStage, StorageError> {
    from_word("call.stage", &model.stage)
}

fn event(author: &Author, body: EntryBody, at_ms: i64) -> NewEntry {
    NewEntry { author: author.clone(), client_id: None, body, at_ms }
}
