//! Table `desk_user`: the people of the desk. (`user` is a reserved word in PostgreSQL.)

use sea_orm::entity::prelude::*;
use signaling::UserId;

use super::{from_word, narrow};
use crate::storage::error::StorageError;
use crate::storage::rows::UserRow;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "desk_user")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub login: String,
    pub name: String,
    pub role: String,
    pub tier: i64,
    pub password_hash: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    pub fn into_row(self) -> Result<UserRow, StorageError> {
        Ok(UserRow {
            id: UserId(self.id),
            login: self.login,
            name: self.name,
            role: from_word("desk_user.role", &self.role)?,
            tier: narrow("desk_user.tier", self.tier)?,
            password_hash: self.password_hash,
        })
    }
}
