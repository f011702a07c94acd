//! Table `call`: escalations.

use sea_orm::entity::prelude::*;
use signaling::{CallId, ConversationId, UserId};

use super::{from_json, from_word};
use crate::storage::error::StorageError;
use crate::storage::rows::CallRow;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "call")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub conversation_id: String,
    pub node: String,
    pub agent_id: String,
    pub agent_name: String,
    pub viewer_name: String,
    pub stage: String,
    pub invited_at_ms: i64,
    pub accepted_at_ms: Option<i64>,
    pub ended_at_ms: Option<i64>,
    pub reason: Option<String>,
    pub surface: Option<String>,
    pub mode: Option<String>,
    pub phases: String,
    pub media: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    pub fn into_row(self) -> Result<CallRow, StorageError> {
        Ok(CallRow {
            id: CallId(self.id),
            conversation: ConversationId(self.conversation_id),
            node: self.node,
            agent: UserId(self.agent_id),
            agent_name: self.agent_name,
            viewer_name: self.viewer_name,
            stage: from_word("call.stage", &self.stage)?,
            invited_at_ms: self.invited_at_ms,
            accepted_at_ms: self.accepted_at_ms,
            ended_at_ms: self.ended_at_ms,
            reason: self.reason.map(|word| from_word("call.reason", &word)).transpose()?,
            surface: self.surface.map(|word| from_word("call.surface", &word)).transpose()?,
            mode: self.mode.map(|word| from_word("call.mode", &word)).transpose()?,
            phases: from_json("call.phases", &self.phases)?,
            media: from_json("call.media", &self.media)?,
        })
    }
}
