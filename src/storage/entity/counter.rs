//! Table `counter`: numbers that only go up. A row is locked from its update to the commit, so numbers appear in order
//! and without holes.

use sea_orm::entity::prelude::*;

/// The counter of ticket numbers.
pub const TICKET: &str = "ticket";

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "counter")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    /// The last number given.
    pub value: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
