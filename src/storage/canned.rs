//! Prepared answers of the desk.

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, Order,
    PaginatorTrait, QueryFilter, QueryOrder,
};
use signaling::CannedReplyId;
use signaling::api::CannedReply;
use signaling::limits::CANNED_REPLIES_MAX;

use super::entity::{canned_reply, clean, setting};
use super::error::{StorageError, TxError};
use super::{LIST_ROWS_MAX, Store};

/// The setting that says that the shipped answers were put in.
const SHIPPED: &str = "canned_replies_shipped";

impl Store {
    /// All prepared answers, by shortcut and language.
    ///
    /// # Errors
    /// [`StorageError::Busy`], [`StorageError::Unavailable`], [`StorageError::Backend`].
    pub async fn canned_replies(&self) -> Result<Vec<CannedReply>, StorageError> {
        let query = canned_reply::Entity::find()
            .order_by(canned_reply::Column::Shortcut, Order::Asc)
            .order_by(canned_reply::Column::Lang, Order::Asc);
        let found = sea_orm::QuerySelect::limit(query, LIST_ROWS_MAX).all(self.reader()).await?;
        Ok(found.into_iter().map(canned_reply::Model::into_reply).collect())
    }

    /// Adds a prepared answer.
    ///
    /// # Errors
    /// [`StorageError::Conflict`] when there are [`CANNED_REPLIES_MAX`], or the shortcut is used in this language; else as
    /// [`Store::canned_replies`].
    pub async fn add_canned_reply(&self, reply: CannedReply, at_ms: i64) -> Result<(), StorageError> {
        self.write((reply, at_ms), |tx, (reply, at_ms)| Box::pin(add(tx, reply, *at_ms))).await
    }

    /// Replaces a prepared answer.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] without such an answer, [`StorageError::Conflict`] when the shortcut is another's in this
    /// language; else as [`Store::canned_replies`].
    pub async fn change_canned_reply(&self, reply: CannedReply, at_ms: i64) -> Result<(), StorageError> {
        self.write((reply, at_ms), |tx, (reply, at_ms)| Box::pin(change(tx, reply, *at_ms))).await
    }

    /// Removes a prepared answer.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] without such an answer; else as [`Store::canned_replies`].
    pub async fn delete_canned_reply(&self, id: &CannedReplyId) -> Result<(), StorageError> {
        self.write(id.clone(), |tx, id| Box::pin(delete(tx, id))).await
    }

    /// Puts the shipped answers in, once in the life of a database: who deletes one does not get it back.
    ///
    /// # Errors
    /// As [`Store::canned_replies`].
    pub async fn ship_canned_replies(&self, replies: Vec<CannedReply>, at_ms: i64) -> Result<(), StorageError> {
        self.write((replies, at_ms), |tx, (replies, at_ms)| Box::pin(ship(tx, replies, *at_ms))).await
    }
}

async fn ship(tx: &DatabaseTransaction, replies: &[CannedReply], at_ms: i64) -> Result<(), TxError> {
    if setting::Entity::find_by_id(SHIPPED).one(tx).await?.is_some() {
        return Ok(());
    }
    let mark = setting::Model { name: SHIPPED.to_owned(), value: at_ms.to_string() };
    setting::Entity::insert(mark.into_active_model()).exec_without_returning(tx).await?;
    for reply in replies {
        canned_reply::Entity::insert(model(reply, at_ms).into_active_model())
            .on_conflict_do_nothing_on([canned_reply::Column::Shortcut, canned_reply::Column::Lang])
            .exec_without_returning(tx)
            .await?;
    }
    Ok(())
}

async fn add(tx: &DatabaseTransaction, reply: &CannedReply, at_ms: i64) -> Result<(), TxError> {
    let count = canned_reply::Entity::find().count(tx).await?;
    if count >= CANNED_REPLIES_MAX as u64 || namesake(tx, reply).await?.is_some() {
        return Err(StorageError::Conflict.into());
    }
    canned_reply::Entity::insert(model(reply, at_ms).into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}

async fn change(tx: &DatabaseTransaction, reply: &CannedReply, at_ms: i64) -> Result<(), TxError> {
    let found = canned_reply::Entity::find_by_id(clean(&reply.id.0)).one(tx).await?.ok_or(StorageError::NotFound)?;
    if namesake(tx, reply).await?.is_some() {
        return Err(StorageError::Conflict.into());
    }
    let next = model(reply, at_ms);
    let mut change = found.into_active_model();
    change.shortcut = Set(next.shortcut);
    change.title = Set(next.title);
    change.text = Set(next.text);
    change.lang = Set(next.lang);
    change.updated_at_ms = Set(at_ms);
    change.update(tx).await?;
    Ok(())
}

async fn delete(tx: &DatabaseTransaction, id: &CannedReplyId) -> Result<(), TxError> {
    let deleted = canned_reply::Entity::delete_by_id(clean(&id.0)).exec(tx).await?;
    if deleted.rows_affected == 0 { Err(StorageError::NotFound.into()) } else { Ok(()) }
}

/// Another answer with the same shortcut and language.
async fn namesake(tx: &DatabaseTransaction, reply: &CannedReply) -> Result<Option<canned_reply::Model>, TxError> {
    let found = canned_reply::Entity::find()
        .filter(canned_reply::Column::Shortcut.eq(clean(&reply.draft.shortcut)))
        .filter(canned_reply::Column::Lang.eq(clean(&reply.draft.lang)))
        .filter(canned_reply::Column::Id.ne(clean(&reply.id.0)))
        .one(tx)
        .await?;
    Ok(found)
}

fn model(reply: &CannedReply, at_ms: i64) -> canned_reply::Model {
    canned_reply::Model {
        id: clean(&reply.id.0),
        shortcut: clean(&reply.draft.shortcut),
        title: clean(&reply.draft.title),
        text: clean(&reply.draft.text),
        lang: clean(&reply.draft.lang),
        updated_at_ms: at_ms,
    }
}
