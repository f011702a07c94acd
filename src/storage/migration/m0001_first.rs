//! Format 1: conversations, entries, calls, users, sessions, settings, counters, telemetry blocks.
//!
//! Identifiers are text made by the server, times are milliseconds since the Unix epoch, structured values are JSON as
//! text. Unique indexes carry the rules that must hold whatever the code does: one conversation a key, one entry a
//! client id, one running call a conversation and an agent.

use sea_orm::sea_query::{
    ConditionalStatement, Expr, ExprTrait, ForeignKey, ForeignKeyAction, Index, IndexCreateStatement, Query, Table,
    TableCreateStatement,
};
use sea_orm::{ConnectionTrait, DbErr};
use sea_orm_migration::schema::{big_integer, big_integer_null, binary, boolean, double, integer, text, text_null};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager, async_trait};

/// Ticket numbers start after this: four digits look like a ticket and are quick to say.
const TICKET_BASE: i64 = 1000;

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0001_first"
    }
}

#[expect(elided_lifetimes_in_paths, reason = "async_trait wants the signature spelled as in the trait")]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [format(), counter(), setting(), user(), session(), conversation(), entry(), call(), block()] {
            manager.create_table(table).await?;
        }
        for index in indexes() {
            manager.create_index(index).await?;
        }
        let first = Query::insert()
            .into_table("counter")
            .columns(["name", "value"])
            .values_panic(["ticket".into(), TICKET_BASE.into()])
            .to_owned();
        manager.get_connection().execute(&first).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["block", "call", "entry", "conversation", "session", "desk_user", "setting", "counter", "format"]
        {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}

fn format() -> TableCreateStatement {
    Table::create().table("format").col(integer("id").primary_key()).col(big_integer("version")).to_owned()
}

fn counter() -> TableCreateStatement {
    Table::create().table("counter").col(text("name").primary_key()).col(big_integer("value")).to_owned()
}

fn setting() -> TableCreateStatement {
    Table::create().table("setting").col(text("name").primary_key()).col(text("value")).to_owned()
}

fn user() -> TableCreateStatement {
    Table::create()
        .table("desk_user")
        .col(text("id").primary_key())
        .col(text("login").unique_key())
        .col(text("name"))
        .col(text("role"))
        .col(big_integer("tier"))
        .col(text("password_hash"))
        .to_owned()
}

fn session() -> TableCreateStatement {
    Table::create()
        .table("session")
        .col(binary("token_hash").primary_key())
        .col(text("user_id"))
        .col(big_integer("expires_at_ms"))
        .foreign_key(
            ForeignKey::create().from("session", "user_id").to("desk_user", "id").on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned()
}

fn conversation() -> TableCreateStatement {
    Table::create()
        .table("conversation")
        .col(text("id").primary_key())
        .col(big_integer("ticket").unique_key())
        .col(binary("key_hash").unique_key())
        .col(text("status"))
        .col(text("viewer_name"))
        .col(text_null("viewer_external"))
        .col(text_null("viewer_level"))
        .col(text("lang"))
        .col(text_null("page"))
        .col(text_null("agent_id"))
        .col(text_null("agent_name"))
        .col(big_integer("opened_at_ms"))
        .col(big_integer("updated_at_ms"))
        .col(big_integer("queued_at_ms"))
        .col(big_integer_null("taken_at_ms"))
        .col(big_integer_null("first_taken_at_ms"))
        .col(big_integer_null("waiting_since_ms"))
        .col(big_integer("last_seq"))
        .col(text("last_text"))
        .col(text("subject"))
        .col(big_integer("agent_read_seq"))
        .col(big_integer("viewer_read_seq"))
        .col(big_integer("unread"))
        .col(big_integer_null("rating"))
        .col(text_null("rating_comment"))
        .col(boolean("sample"))
        .to_owned()
}

fn entry() -> TableCreateStatement {
    Table::create()
        .table("entry")
        .col(text("conversation_id"))
        .col(big_integer("seq"))
        .col(big_integer("at_ms"))
        .col(text("author_kind"))
        .col(text_null("author_id"))
        .col(text("author_name"))
        .col(text_null("client_id"))
        .col(text("kind"))
        .col(text("body"))
        .primary_key(Index::create().col("conversation_id").col("seq"))
        .foreign_key(ForeignKey::create().from("entry", "conversation_id").to("conversation", "id"))
        .to_owned()
}

fn call() -> TableCreateStatement {
    Table::create()
        .table("call")
        .col(text("id").primary_key())
        .col(text("conversation_id"))
        .col(text("node"))
        .col(text("agent_id"))
        .col(text("agent_name"))
        .col(text("viewer_name"))
        .col(text("stage"))
        .col(big_integer("invited_at_ms"))
        .col(big_integer_null("accepted_at_ms"))
        .col(big_integer_null("ended_at_ms"))
        .col(text_null("reason"))
        .col(text_null("surface"))
        .col(text_null("mode"))
        .col(text("phases"))
        .col(text("media"))
        .foreign_key(ForeignKey::create().from("call", "conversation_id").to("conversation", "id"))
        .to_owned()
}

/// No foreign key: the segment log is the truth, and its index follows it.
fn block() -> TableCreateStatement {
    Table::create()
        .table("block")
        .col(text("segment"))
        .col(big_integer("start"))
        .col(big_integer("len"))
        .col(text("conversation_id"))
        .col(text_null("call_id"))
        .col(text("leg"))
        .col(text("source"))
        .col(big_integer("seq"))
        .col(double("t0_ms"))
        .col(text("codec"))
        .primary_key(Index::create().col("segment").col("start"))
        .to_owned()
}

fn indexes() -> Vec<IndexCreateStatement> {
    let plain = |name: &str, table: &'static str, columns: &[&'static str]| {
        let mut index = Index::create().name(name).table(table).to_owned();
        for column in columns {
            index.col(*column);
        }
        index
    };
    let running = |name: &str, columns: &[&'static str]| {
        plain(name, "call", columns).and_where(Expr::col("ended_at_ms").is_null()).to_owned()
    };
    vec![
        plain("conversation_queue", "conversation", &["status", "queued_at_ms"]),
        plain("conversation_first_taken", "conversation", &["first_taken_at_ms"]),
        plain("entry_client_id", "entry", &["conversation_id", "client_id"]).unique().to_owned(),
        plain("call_conversation", "call", &["conversation_id", "invited_at_ms"]),
        plain("call_accepted", "call", &["accepted_at_ms"]),
        running("call_running_conversation", &["conversation_id"]).unique().to_owned(),
        running("call_running_agent", &["agent_id"]).unique().to_owned(),
        running("call_running_node", &["node"]),
        plain("session_user", "session", &["user_id"]),
        plain("session_expiry", "session", &["expires_at_ms"]),
        plain("block_conversation", "block", &["conversation_id", "t0_ms"]),
    ]
}
