//! Users, sessions, settings.

use sightline::storage::{NewUser, StorageError};
use signaling::UserId;
use signaling::api::Role;

use crate::database::{NOON_MS, TestDatabase};

/// Ada, of whom the calls are.
pub(crate) fn ada() -> NewUser {
    NewUser {
        id: UserId::from("u_ada"),
        login: "ada".to_owned(),
        name: "Ada L.".to_owned(),
        role: Role::Supervisor,
        tier: 3,
        password_hash: "$argon2id$first".to_owned(),
    }
}

pub(crate) async fn users_sign_in_and_out(database: &TestDatabase) {
    let store = database.open().await;
    store.add_user(ada()).await.unwrap();
    let same_login = NewUser { id: UserId::from("u_other"), ..ada() };
    assert_eq!(store.add_user(same_login).await, Err(StorageError::Conflict));
    let same_id = NewUser { login: "other".to_owned(), ..ada() };
    assert_eq!(store.add_user(same_id).await, Err(StorageError::Conflict));
    assert_eq!(store.user_by_login("ada").await.unwrap(), Some(ada()));
    assert_eq!(store.user_by_login("nobody\0").await.unwrap(), None);
    assert_eq!(store.user(&UserId::from("u_ada")).await.unwrap(), Some(ada()));
    assert_eq!((store.users().await.unwrap(), store.user_count().await.unwrap()), (vec![ada()], 1));
    let token = [9; 32];
    store.add_session(token, &ada().id, NOON_MS + 1_000).await.unwrap();
    assert_eq!(store.add_session(token, &ada().id, NOON_MS).await, Err(StorageError::Conflict));
    assert_eq!(store.add_session([8; 32], &UserId::from("u_none"), NOON_MS).await, Err(StorageError::NotFound));
    assert_eq!(store.session(&token, NOON_MS).await.unwrap(), Some(ada()));
    assert_eq!(store.session(&token, NOON_MS + 1_000).await.unwrap(), None, "expired");
    assert_eq!(store.session(&[1; 32], NOON_MS).await.unwrap(), None);
    store.delete_session(&token).await.unwrap();
    store.delete_session(&token).await.unwrap();
    assert_eq!(store.session(&token, NOON_MS).await.unwrap(), None);
    for number in 1..=4u8 {
        store.add_session([number; 32], &ada().id, NOON_MS + i64::from(number)).await.unwrap();
    }
    assert_eq!(store.purge_sessions(NOON_MS + 3).await.unwrap(), 3);
    assert_eq!(store.session(&[4; 32], NOON_MS).await.unwrap(), Some(ada()));
}

pub(crate) async fn a_new_password_ends_the_sessions(database: &TestDatabase) {
    let store = database.open().await;
    store.add_user(ada()).await.unwrap();
    store.add_session([1; 32], &ada().id, NOON_MS + 1_000).await.unwrap();
    store.set_password("ada", "$argon2id$second").await.unwrap();
    assert_eq!(store.user_by_login("ada").await.unwrap().unwrap().password_hash, "$argon2id$second");
    assert_eq!(store.session(&[1; 32], NOON_MS).await.unwrap(), None);
    assert_eq!(store.set_password("nobody", "x").await, Err(StorageError::NotFound));
}

pub(crate) async fn settings_are_made_once(database: &TestDatabase) {
    let store = database.open().await;
    assert_eq!(store.setting("secret").await.unwrap(), None);
    assert_eq!(store.put_setting_if_absent("secret", "one").await.unwrap(), "one");
    assert_eq!(store.put_setting_if_absent("secret", "two").await.unwrap(), "one");
    store.put_setting("secret", "three").await.unwrap();
    assert_eq!(store.setting("secret").await.unwrap().as_deref(), Some("three"));
}
