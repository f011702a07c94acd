//! Table `verdict_word`: what an agent said of a ticket's verdict.

use sea_orm::entity::prelude::*;
use signaling::verdict::VerdictWord;

use super::from_word;
use crate::storage::error::StorageError;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "verdict_word")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub conversation_id: String,
    pub said: String,
    pub correct: bool,
    pub cause: Option<String>,
    pub note: String,
    pub by_name: String,
    pub at_ms: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    pub fn into_word(self) -> Result<VerdictWord, StorageError> {
        Ok(VerdictWord {
            said: from_word("verdict_word.said", &self.said)?,
            right: self.correct,
            cause: self.cause.as_deref().map(|cause| from_word("verdict_word.cause", cause)).transpose()?,
            note: self.note,
            by: self.by_name,
            at_ms: self.at_ms,
        })
    }
}
