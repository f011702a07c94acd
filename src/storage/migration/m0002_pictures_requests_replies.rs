//! Format 2: pictures in a chat, a viewer's request for a call, prepared answers, and several invitations an agent.

use sea_orm::DbErr;
use sea_orm::sea_query::{ConditionalStatement, Expr, ExprTrait, ForeignKey, Index, Table};
use sea_orm_migration::schema::{big_integer, big_integer_null, text};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager, async_trait};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0002_pictures_requests_replies"
    }
}

#[expect(elided_lifetimes_in_paths, reason = "async_trait wants the signature spelled as in the trait")]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let requested = big_integer_null("call_requested_at_ms");
        manager.alter_table(Table::alter().table("conversation").add_column(requested).to_owned()).await?;
        let picture = Table::create()
            .table("picture")
            .col(text("id").primary_key())
            .col(text("conversation_id"))
            .col(text("media_type"))
            .col(big_integer("bytes"))
            .col(big_integer("created_at_ms"))
            .foreign_key(ForeignKey::create().from("picture", "conversation_id").to("conversation", "id"))
            .to_owned();
        manager.create_table(picture).await?;
        let of_conversation =
            Index::create().name("picture_conversation").table("picture").col("conversation_id").to_owned();
        manager.create_index(of_conversation).await?;
        let reply = Table::create()
            .table("canned_reply")
            .col(text("id").primary_key())
            .col(text("shortcut"))
            .col(text("title"))
            .col(text("text"))
            .col(text("lang"))
            .col(big_integer("updated_at_ms"))
            .to_owned();
        manager.create_table(reply).await?;
        let by_shortcut = Index::create()
            .name("canned_reply_shortcut")
            .table("canned_reply")
            .col("shortcut")
            .col("lang")
            .unique()
            .to_owned();
        manager.create_index(by_shortcut).await?;
        // An agent has one running call, and invitations beside it.
        manager.drop_index(Index::drop().name("call_running_agent").table("call").to_owned()).await?;
        let accepted = Index::create()
            .name("call_running_agent")
            .table("call")
            .col("agent_id")
            .unique()
            .and_where(Expr::col("ended_at_ms").is_null())
            .and_where(Expr::col("accepted_at_ms").is_not_null())
            .to_owned();
        manager.create_index(accepted).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["canned_reply", "picture"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        manager.alter_table(Table::alter().table("conversation").drop_column("call_requested_at_ms").to_owned()).await
    }
}
