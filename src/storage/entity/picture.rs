//! Table `picture`: pictures in chats. Their bytes lie in the object store.

use sea_orm::entity::prelude::*;
use signaling::{ConversationId, PictureId};

use super::narrow;
use crate::storage::error::StorageError;
use crate::storage::rows::PictureRow;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "picture")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub conversation_id: String,
    pub media_type: String,
    pub bytes: i64,
    pub created_at_ms: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    pub fn into_row(self) -> Result<PictureRow, StorageError> {
        Ok(PictureRow {
            id: PictureId(self.id),
            conversation: ConversationId(self.conversation_id),
            media_type: self.media_type,
            bytes: narrow("picture.bytes", self.bytes)?,
            created_at_ms: self.created_at_ms,
        })
    }
}
