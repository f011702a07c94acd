//! Pictures in chats: the row and the timeline entry are one transaction.

use std::collections::HashSet;

use sea_orm::{
    ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, QuerySelect,
};
use signaling::limits::PICTURES_PER_CONVERSATION_MAX;
use signaling::timeline::{Entry, EntryBody};
use signaling::{ConversationId, PictureId};

use super::entity::{clean, entry, picture};
use super::error::{StorageError, TxError};
use super::rows::{Appended, NewEntry, PictureRow};
use super::{Store, timeline};

impl Store {
    /// Commits a picture whose bytes are stored already, with its entry. Repeating a `client_id` is a duplicate, as in
    /// [`Store::append`]; the new row is then not written.
    ///
    /// # Errors
    /// [`StorageError::Conflict`] when the conversation has [`PICTURES_PER_CONVERSATION_MAX`] pictures, or the `client_id`
    /// is another entry's; [`StorageError::Backend`] when the entry is no picture; else as [`Store::append`].
    pub async fn add_picture(&self, conversation: &ConversationId, entry: NewEntry) -> Result<Appended, StorageError> {
        self.write((conversation.clone(), entry), |tx, (id, entry)| Box::pin(add(tx, id, entry))).await
    }

    /// The picture with this id.
    ///
    /// # Errors
    /// [`StorageError::Busy`], [`StorageError::Unavailable`], [`StorageError::Backend`]; so for all reads below.
    pub async fn picture(&self, id: &PictureId) -> Result<Option<PictureRow>, StorageError> {
        let found = picture::Entity::find_by_id(clean(id.as_str())).one(self.reader()).await?;
        found.map(picture::Model::into_row).transpose()
    }

    /// Pictures of a conversation.
    ///
    /// # Errors
    /// As [`Store::picture`].
    pub async fn picture_count(&self, conversation: &ConversationId) -> Result<u64, StorageError> {
        let of = picture::Column::ConversationId.eq(clean(conversation.as_str()));
        Ok(picture::Entity::find().filter(of).count(self.reader()).await?)
    }

    /// Which of these pictures have a row.
    ///
    /// # Errors
    /// As [`Store::picture`].
    pub async fn known_pictures(&self, ids: &[PictureId]) -> Result<HashSet<PictureId>, StorageError> {
        let found: Vec<String> = picture::Entity::find()
            .select_only()
            .column(picture::Column::Id)
            .filter(picture::Column::Id.is_in(ids.iter().map(|id| clean(id.as_str()))))
            .into_tuple()
            .all(self.reader())
            .await?;
        Ok(found.into_iter().map(PictureId).collect())
    }

    /// The entry that a sender named so.
    ///
    /// # Errors
    /// As [`Store::picture`].
    pub async fn entry_by_client_id(
        &self,
        conversation: &ConversationId,
        client_id: &str,
    ) -> Result<Option<Entry>, StorageError> {
        let found = entry::Entity::find()
            .filter(entry::Column::ConversationId.eq(clean(conversation.as_str())))
            .filter(entry::Column::ClientId.eq(clean(client_id)))
            .one(self.reader())
            .await?;
        found.map(entry::Model::into_entry).transpose()
    }
}

async fn add(tx: &DatabaseTransaction, id: &ConversationId, new: &NewEntry) -> Result<Appended, TxError> {
    let EntryBody::Picture { picture, media_type, bytes, .. } = &new.body else {
        return Err(StorageError::Backend("an entry without a picture".to_owned()).into());
    };
    let locked = timeline::lock(tx, id).await?;
    let of = picture::Column::ConversationId.eq(locked.id.clone());
    let count = picture::Entity::find().filter(of).count(tx).await?;
    let row = picture::Model {
        id: clean(&picture.0),
        conversation_id: locked.id.clone(),
        media_type: clean(media_type),
        bytes: i64::from(*bytes),
        created_at_ms: new.at_ms,
    };
    let appended = timeline::append_to(tx, locked, new).await?;
    if appended.duplicate {
        return Ok(appended);
    }
    if count >= u64::from(PICTURES_PER_CONVERSATION_MAX) {
        return Err(StorageError::Conflict.into());
    }
    picture::Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
    Ok(appended)
}
