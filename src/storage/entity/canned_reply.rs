//! Table `canned_reply`: prepared answers, one a shortcut and language.

use sea_orm::entity::prelude::*;
use signaling::CannedReplyId;
use signaling::api::{CannedReply, CannedReplyDraft};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "canned_reply")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub shortcut: String,
    pub title: String,
    pub text: String,
    pub lang: String,
    pub updated_at_ms: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    pub fn into_reply(self) -> CannedReply {
        let draft = CannedReplyDraft { shortcut: self.shortcut, title: self.title, text: self.text, lang: self.lang };
        CannedReply { id: CannedReplyId(self.id), draft }
    }
}
