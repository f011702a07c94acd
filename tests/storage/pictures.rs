//! Pictures: their row and their entry, and how many there may be.

use sightline::storage::{NewEntry, PictureRow, StorageError};
use signaling::PictureId;
use signaling::limits::PICTURES_PER_CONVERSATION_MAX;
use signaling::timeline::EntryBody;
use signaling::wire::ConversationStatus;

use crate::database::{NOON_MS, TestDatabase, agent, answers, conversation_id, open, says};

fn shows(client_id: &str, picture: &str, at_ms: i64) -> NewEntry {
    let body = EntryBody::Picture {
        picture: picture.into(),
        media_type: "image/png".to_owned(),
        width: 64,
        height: 48,
        bytes: 554,
    };
    NewEntry { body, ..says(client_id, "", at_ms) }
}

pub(crate) async fn a_picture_is_one_transaction_with_its_entry(database: &TestDatabase) {
    let store = database.open().await;
    open(&store, 1, 0).await;
    let (id, ada, picture) = (conversation_id(1), agent("ada"), PictureId::from("p_1"));
    let added = store.add_picture(&id, shows("a", "p_1", NOON_MS + 5)).await.unwrap();
    assert_eq!((added.conversation.unread, added.conversation.last_text.as_str()), (2, "\u{1f5bc}"));
    let row = PictureRow {
        id: picture.clone(),
        conversation: id.clone(),
        media_type: "image/png".to_owned(),
        bytes: 554,
        created_at_ms: NOON_MS + 5,
    };
    assert_eq!(store.picture(&picture).await.unwrap(), Some(row));
    let again = store.add_picture(&id, shows("a", "p_2", NOON_MS + 6)).await.unwrap();
    assert!(again.duplicate && again.entries == added.entries);
    assert_eq!(store.picture(&"p_2".into()).await.unwrap(), None, "the second upload of the same has no row");
    let known = store.known_pictures(&["p_1".into(), "p_2".into()]).await.unwrap();
    assert_eq!(known.into_iter().collect::<Vec<_>>(), [picture]);
    assert_eq!(store.entry_by_client_id(&id, "a").await.unwrap(), Some(added.entries[0].clone()));
    let no_picture = store.add_picture(&id, says("b", "text", NOON_MS)).await;
    assert!(matches!(no_picture, Err(StorageError::Backend(_))), "{no_picture:?}");

    store.take(&id, &ada, "Ada", NOON_MS + 10).await.unwrap();
    let answered = NewEntry { author: answers(&ada, "", "", 0).author, ..shows("c", "p_3", NOON_MS + 11) };
    assert_eq!(store.add_picture(&id, answered).await.unwrap().conversation.waiting_since_ms, None);
    store.resolve(&id, &ada, NOON_MS + 12).await.unwrap();
    let reopened = store.add_picture(&id, shows("d", "p_4", NOON_MS + 13)).await.unwrap();
    assert_eq!(reopened.conversation.status, ConversationStatus::Waiting);
    assert_eq!(reopened.entries.len(), 2);
}

pub(crate) async fn a_conversation_takes_so_many_pictures(database: &TestDatabase) {
    let store = database.open().await;
    open(&store, 1, 0).await;
    open(&store, 2, 0).await;
    let id = conversation_id(1);
    for n in 0..PICTURES_PER_CONVERSATION_MAX {
        store.add_picture(&id, shows(&format!("a{n}"), &format!("p_{n}"), NOON_MS)).await.unwrap();
    }
    let before = store.conversation(&id).await.unwrap();
    let beyond = store.add_picture(&id, shows("beyond", "p_beyond", NOON_MS)).await;
    assert_eq!(beyond, Err(StorageError::Conflict));
    assert_eq!(store.conversation(&id).await.unwrap(), before, "no entry without its picture");
    assert_eq!(store.picture_count(&id).await.unwrap(), u64::from(PICTURES_PER_CONVERSATION_MAX));
    assert!(store.add_picture(&id, shows("a0", "p_x", NOON_MS)).await.unwrap().duplicate, "what was sent stays sent");
    assert!(store.add_picture(&conversation_id(2), shows("a0", "p_other", NOON_MS)).await.is_ok());
}
