//! Table `block`: where telemetry blocks lie. The segment log is the truth; this is its index and can be made again.

use sea_orm::entity::prelude::*;
use signaling::{CallId, ConversationId};

use super::{from_word, narrow};
use crate::storage::error::StorageError;
use crate::storage::rows::BlockRow;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "block")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub segment: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub start: i64,
    pub len: i64,
    pub conversation_id: String,
    pub call_id: Option<String>,
    pub leg: String,
    pub source: String,
    pub seq: i64,
    pub t0_ms: f64,
    pub codec: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    pub fn into_row(self) -> Result<BlockRow, StorageError> {
        Ok(BlockRow {
            conversation: ConversationId(self.conversation_id),
            call: self.call_id.map(CallId),
            leg: from_word("block.leg", &self.leg)?,
            source: self.source,
            seq: narrow("block.seq", self.seq)?,
            t0_ms: self.t0_ms,
            codec: self.codec,
            segment: self.segment,
            offset: narrow("block.start", self.start)?,
            len: narrow("block.len", self.len)?,
        })
    }
}
