//! Format 3: verdicts on conversations, tickets that are pinned, the agents' word about them, and the last diagnosis of a resolved ticket.

use sea_orm::DbErr;
use sea_orm::sea_query::{ForeignKey, Table};
use sea_orm_migration::schema::{big_integer, boolean, text, text_null};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager, async_trait};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0003_verdicts"
    }
}

#[expect(elided_lifetimes_in_paths, reason = "async_trait wants the signature spelled as in the trait")]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let verdict = text_null("verdict");
        manager.alter_table(Table::alter().table("conversation").add_column(verdict).to_owned()).await?;
        let pinned = boolean("pinned").default(false).to_owned();
        manager.alter_table(Table::alter().table("conversation").add_column(pinned).to_owned()).await?;
        let word = Table::create()
            .table("verdict_word")
            .col(text("conversation_id").primary_key())
            .col(text("said"))
            .col(boolean("correct"))
            .col(text_null("cause"))
            .col(text("note"))
            .col(text("by_name"))
            .col(big_integer("at_ms"))
            .foreign_key(ForeignKey::create().from("verdict_word", "conversation_id").to("conversation", "id"))
            .to_owned();
        manager.create_table(word).await?;
        let last = Table::create()
            .table("last_diagnosis")
            .col(text("conversation_id").primary_key())
            .col(text("diagnosis"))
            .col(big_integer("at_ms"))
            .foreign_key(ForeignKey::create().from("last_diagnosis", "conversation_id").to("conversation", "id"))
            .to_owned();
        manager.create_table(last).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["last_diagnosis", "verdict_word"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        for column in ["pinned", "verdict"] {
            manager.alter_table(Table::alter().table("conversation").drop_column(column).to_owned()).await?;
        }
        Ok(())
    }
}
