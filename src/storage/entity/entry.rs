//! Table `entry`: the timelines, numbered per conversation.

use sea_orm::entity::prelude::*;
use signaling::UserId;
use signaling::timeline::{Author, Entry};

use super::{from_json, from_word};
use crate::storage::error::StorageError;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "entry")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub conversation_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub seq: i64,
    pub at_ms: i64,
    pub author_kind: String,
    pub author_id: Option<String>,
    pub author_name: String,
    pub client_id: Option<String>,
    /// The word of the body's kind, for counting without reading JSON.
    pub kind: String,
    pub body: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    pub fn into_entry(self) -> Result<Entry, StorageError> {
        Ok(Entry {
            seq: self.seq,
            at_ms: self.at_ms,
            author: Author {
                kind: from_word("entry.author_kind", &self.author_kind)?,
                user: self.author_id.map(UserId),
                name: self.author_name,
            },
            client_id: self.client_id,
            body: from_json("entry.body", &self.body)?,
        })
    }
}
