//! Prepared answers: one a shortcut and language; the shipped ones come once.

use sightline::storage::StorageError;
use signaling::api::{CannedReply, CannedReplyDraft};
use signaling::limits::CANNED_REPLIES_MAX;

use crate::database::{NOON_MS, TestDatabase};

fn reply(id: &str, shortcut: &str, lang: &str) -> CannedReply {
    let draft = CannedReplyDraft {
        shortcut: shortcut.to_owned(),
        title: format!("About {shortcut}"),
        text: "Please look at the cable.\n{viewer}".to_owned(),
        lang: lang.to_owned(),
    };
    CannedReply { id: id.into(), draft }
}

pub(crate) async fn canned_replies_are_kept_by_shortcut_and_language(database: &TestDatabase) {
    let store = database.open().await;
    assert_eq!(store.canned_replies().await.unwrap(), []);
    for new in [reply("a_2", "wifi", "zh"), reply("a_1", "wifi", "en"), reply("a_3", "cable", "")] {
        store.add_canned_reply(new, NOON_MS).await.unwrap();
    }
    let listed = store.canned_replies().await.unwrap();
    assert_eq!(listed, [reply("a_3", "cable", ""), reply("a_1", "wifi", "en"), reply("a_2", "wifi", "zh")]);
    let namesake = store.add_canned_reply(reply("a_4", "wifi", "en"), NOON_MS).await;
    assert_eq!(namesake, Err(StorageError::Conflict));
    let mut changed = reply("a_1", "wlan", "en");
    changed.draft.text = "It is the router.".to_owned();
    store.change_canned_reply(changed.clone(), NOON_MS + 1).await.unwrap();
    store.change_canned_reply(changed.clone(), NOON_MS + 2).await.unwrap();
    assert!(store.canned_replies().await.unwrap().contains(&changed));
    let onto = store.change_canned_reply(reply("a_1", "wifi", "zh"), NOON_MS + 3).await;
    assert_eq!(onto, Err(StorageError::Conflict), "another one has this name");
    let nobody = store.change_canned_reply(reply("a_9", "x", ""), NOON_MS).await;
    assert_eq!(nobody, Err(StorageError::NotFound));
    store.delete_canned_reply(&"a_2".into()).await.unwrap();
    assert_eq!(store.delete_canned_reply(&"a_2".into()).await, Err(StorageError::NotFound));
    for n in store.canned_replies().await.unwrap().len()..CANNED_REPLIES_MAX {
        store.add_canned_reply(reply(&format!("b_{n}"), &format!("s{n}"), "en"), NOON_MS).await.unwrap();
    }
    let beyond = store.add_canned_reply(reply("b_x", "beyond", "en"), NOON_MS).await;
    assert_eq!(beyond, Err(StorageError::Conflict));
}

pub(crate) async fn shipped_replies_come_once(database: &TestDatabase) {
    let store = database.open().await;
    let shipped = || vec![reply("a_1", "wifi", "en"), reply("a_2", "wifi", "zh")];
    store.ship_canned_replies(shipped(), NOON_MS).await.unwrap();
    assert_eq!(store.canned_replies().await.unwrap().len(), 2);
    store.delete_canned_reply(&"a_1".into()).await.unwrap();
    store.close().await;
    let store = database.open().await;
    store.ship_canned_replies(shipped(), NOON_MS + 1).await.unwrap();
    assert_eq!(store.canned_replies().await.unwrap(), [reply("a_2", "wifi", "zh")], "who deletes one is heard");
}
