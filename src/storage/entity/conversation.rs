//! Table `conversation`: one row a chat, which is also its ticket.

use sea_orm::entity::prelude::*;
use signaling::{ConversationId, TicketNumber, UserId};

use super::{from_json, from_word, narrow};
use crate::storage::error::StorageError;
use crate::storage::rows::ConversationRow;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "conversation")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub ticket: i64,
    pub key_hash: Vec<u8>,
    pub status: String,
    pub viewer_name: String,
    pub viewer_external: Option<String>,
    pub viewer_level: Option<String>,
    pub lang: String,
    pub page: Option<String>,
    pub agent_id: Option<String>,
    pub agent_name: Option<String>,
    pub opened_at_ms: i64,
    pub updated_at_ms: i64,
    pub queued_at_ms: i64,
    pub taken_at_ms: Option<i64>,
    pub first_taken_at_ms: Option<i64>,
    pub waiting_since_ms: Option<i64>,
    pub last_seq: i64,
    pub last_text: String,
    pub subject: String,
    pub agent_read_seq: i64,
    pub viewer_read_seq: i64,
    pub unread: i64,
    pub rating: Option<i64>,
    pub rating_comment: Option<String>,
    pub sample: bool,
    pub call_requested_at_ms: Option<i64>,
    pub verdict: Option<String>,
    pub pinned: bool,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    pub fn into_row(self) -> Result<ConversationRow, StorageError> {
        let key_hash = <[u8; 32]>::try_from(self.key_hash.as_slice())
            .map_err(|_| super::unreadable("conversation.key_hash", &"not 32 bytes"))?;
        Ok(ConversationRow {
            id: ConversationId(self.id),
            ticket: TicketNumber(self.ticket),
            key_hash,
            status: from_word("conversation.status", &self.status)?,
            viewer_name: self.viewer_name,
            viewer_external: self.viewer_external,
            viewer_level: self.viewer_level,
            lang: self.lang,
            page: self.page.map(|page| from_json("conversation.page", &page)).transpose()?,
            agent: self.agent_id.map(UserId),
            agent_name: self.agent_name,
            opened_at_ms: self.opened_at_ms,
            updated_at_ms: self.updated_at_ms,
            queued_at_ms: self.queued_at_ms,
            taken_at_ms: self.taken_at_ms,
            first_taken_at_ms: self.first_taken_at_ms,
            waiting_since_ms: self.waiting_since_ms,
            last_seq: self.last_seq,
            last_text: self.last_text,
            subject: self.subject,
            agent_read_seq: self.agent_read_seq,
            viewer_read_seq: self.viewer_read_seq,
            unread: narrow("conversation.unread", self.unread)?,
            rating: self.rating.map(|rating| narrow("conversation.rating", rating)).transpose()?,
            rating_comment: self.rating_comment,
            sample: self.sample,
            call_requested_at_ms: self.call_requested_at_ms,
            // One of a newer version is no reason to lose the chat.
            pinned: self.pinned,
            verdict: self.verdict.and_then(|verdict| serde_json::from_str(&verdict).ok()),
        })
    }
}
