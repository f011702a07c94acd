//! What is on disk: its version, and that it is there after a restart.

use sea_orm::{ConnectionTrait as _, Database};
use sea_orm_migration::{MigrationTrait, MigratorTrait};
use sightline::storage::{FORMAT_VERSION, StorageError, Store};
use signaling::timeline::Author;

use crate::calls::new_call;
use crate::database::{NOON_MS, TestDatabase, conversation_id, key, open, says};

pub(crate) async fn a_newer_format_is_refused(database: &TestDatabase) {
    database.open().await.close().await;
    let newer = FORMAT_VERSION + 1;
    let raw = Database::connect(&database.url).await.unwrap();
    raw.execute_unprepared(&format!("UPDATE format SET version = {newer}")).await.unwrap();
    raw.close().await.unwrap();
    let refused = Store::open(&database.url).await.err();
    assert_eq!(refused, Some(StorageError::TooNew { found: newer, supported: FORMAT_VERSION }));
    let sentence = refused.unwrap().to_string();
    assert!(sentence.contains(&newer.to_string()) && sentence.contains("newer server version"), "{sentence}");
}

pub(crate) async fn what_is_committed_is_there_after_opening_again(database: &TestDatabase) {
    let store = database.open().await;
    let opened = open(&store, 1, 0).await;
    store.close().await;
    let store = database.open().await;
    assert_eq!(store.conversation(&conversation_id(1)).await.unwrap(), Some(opened.conversation));
    let next = store.append(&conversation_id(1), says("m2", "again", NOON_MS)).await.unwrap();
    assert_eq!(next.entries[0].seq, 2);
    store.ping().await.unwrap();
}

pub(crate) async fn a_closed_store_says_so(database: &TestDatabase) {
    let store = database.open().await;
    open(&store, 1, 0).await;
    store.close().await;
    store.close().await;
    let written = store.append(&conversation_id(1), says("m2", "late", NOON_MS)).await;
    assert!(matches!(written, Err(StorageError::Unavailable(_))), "{written:?}");
    let read = store.conversation(&conversation_id(1)).await;
    assert!(matches!(read, Err(StorageError::Unavailable(_))), "{read:?}");
    assert!(store.ping().await.is_err());
}

/// Only the first migration, as the servers of format 1 ran it.
#[path = "../../src/storage/migration/m0001_first.rs"]
mod m0001_first;

struct FormatOne;

impl MigratorTrait for FormatOne {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(m0001_first::Migration)]
    }
}

pub(crate) async fn format_1_is_brought_up_to_date(database: &TestDatabase) {
    let raw = Database::connect(format!("{}{}", database.url, database.create_mode())).await.unwrap();
    FormatOne::up(&raw, None).await.unwrap();
    let hash = key(1).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let hash = if database.url.starts_with("sqlite") { format!("x'{hash}'") } else { format!("'\\x{hash}'") };
    let id = conversation_id(1);
    let message = r#"{"kind":"message","text":"The picture stutters"}"#;
    for statement in [
        "INSERT INTO format (id, version) VALUES (1, 1)".to_owned(),
        "UPDATE counter SET value = 1001 WHERE name = 'ticket'".to_owned(),
        format!(
            "INSERT INTO conversation (id, ticket, key_hash, status, viewer_name, lang, opened_at_ms, updated_at_ms, \
             queued_at_ms, last_seq, last_text, subject, agent_read_seq, viewer_read_seq, unread, sample) VALUES \
             ('{id}', 1001, {hash}, 'waiting', 'Viewer', 'en', {NOON_MS}, {NOON_MS}, {NOON_MS}, 1, 'The picture stutters', \
             'The picture stutters', 0, 0, 1, FALSE)"
        ),
        format!(
            "INSERT INTO entry (conversation_id, seq, at_ms, author_kind, author_name, client_id, kind, body) VALUES \
             ('{id}', 1, {NOON_MS}, 'viewer', 'Viewer', 'm1', 'message', '{message}')"
        ),
        format!(
            "INSERT INTO call (id, conversation_id, node, agent_id, agent_name, viewer_name, stage, invited_at_ms, \
             phases, media) VALUES ('k_old', '{id}', 'node-a', 'u_ada', 'Ada', 'Viewer', 'invited', {NOON_MS}, '{{}}', \
             '{{\"codec\":null,\"width\":null,\"height\":null,\"viewer_path\":null,\"agent_path\":null}}')"
        ),
    ] {
        raw.execute_unprepared(&statement).await.unwrap();
    }
    raw.close().await.unwrap();

    let store = database.open().await;
    let row = store.conversation_by_key(&key(1)).await.unwrap().expect("it is still there");
    assert_eq!((row.ticket.0, row.unread, row.call_requested_at_ms), (1001, 1, None));
    assert_eq!(store.entries(&id, 0, 10).await.unwrap().len(), 1);
    assert!(store.append(&id, says("m1", "The picture stutters", NOON_MS)).await.unwrap().duplicate);
    assert_eq!(store.unended_calls("node-a").await.unwrap().len(), 1);
    let second = open(&store, 2, 1).await.conversation;
    assert_eq!(second.ticket.0, 1002);
    let invited = store.invite_call(new_call("k_new", 2, "ada"), Author::system(), NOON_MS).await;
    assert!(invited.is_ok(), "an agent may have two invitations now: {invited:?}");
    assert_eq!(store.canned_replies().await.unwrap(), []);
    assert_eq!(store.picture(&"p_none".into()).await.unwrap(), None);
    store.close().await;
    let raw = Database::connect(&database.url).await.unwrap();
    let found =
        raw.query_one_raw(sea_orm::Statement::from_string(raw.get_database_backend(), "SELECT version FROM format"));
    let version: i64 = found.await.unwrap().expect("a row").try_get("", "version").unwrap();
    assert_eq!(version, FORMAT_VERSION);
    raw.close().await.unwrap();
}
