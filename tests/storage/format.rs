//! What is on disk: its version, and that it is there after a restart.

use sea_orm::{ConnectionTrait as _, Database};
use sightline::storage::{FORMAT_VERSION, StorageError, Store};

use crate::database::{NOON_MS, TestDatabase, conversation_id, open, says};

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
