//! Several writers at once: tasks of one server, and two servers on one database.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use sightline::storage::{StorageError, Store};
use signaling::ConversationId;
use signaling::timeline::{Author, Surface};

use crate::calls::new_call;
use crate::database::{NOON_MS, TestDatabase, agent, conversation_id, new_conversation, open, says};
use crate::users::ada;

/// Writers on each of the two servers.
const WRITERS: usize = 8;
/// Messages of each writer.
const MESSAGES: usize = 12;

pub(crate) async fn two_servers_number_one_conversation_without_holes(database: &TestDatabase) {
    let servers = [database.open().await, database.open().await];
    open(&servers[0], 1, 0).await;
    let writers = (0..2 * WRITERS).map(|writer| tokio::spawn(write_all(servers[writer % 2].clone(), writer)));
    for written in join_all(writers).await {
        written.expect("a writer finishes");
    }
    let total = i64::try_from(1 + 2 * WRITERS * MESSAGES).unwrap();
    for server in &servers {
        let entries = server.entries(&conversation_id(1), 0, 5_000).await.unwrap();
        let seqs: Vec<_> = entries.iter().map(|entry| entry.seq).collect();
        assert_eq!(seqs, (1..=total).collect::<Vec<_>>());
        let client_ids: BTreeSet<_> = entries.iter().filter_map(|entry| entry.client_id.clone()).collect();
        assert_eq!(client_ids.len(), seqs.len(), "every message is there once");
        let row = server.conversation(&conversation_id(1)).await.unwrap().unwrap();
        assert_eq!((row.last_seq, i64::from(row.unread)), (total, total));
    }
}

/// Sends messages one after the other, each twice, the second time through whatever comes first.
async fn write_all(store: Store, writer: usize) {
    let id = conversation_id(1);
    let mut last_seq = 0;
    for number in 0..MESSAGES {
        let message = says(&format!("w{writer}-{number}"), "hello", NOON_MS);
        let (first, second) = tokio::join!(store.append(&id, message.clone()), store.append(&id, message.clone()));
        let (first, second) = (first.unwrap(), second.unwrap());
        assert_ne!(first.duplicate, second.duplicate, "one of the two is the repetition");
        assert_eq!(first.entries, second.entries);
        assert!(first.entries[0].seq > last_seq, "a writer's messages keep their order");
        last_seq = first.entries[0].seq;
    }
}

pub(crate) async fn two_servers_open_one_key_once(database: &TestDatabase) {
    let servers = [database.open().await, database.open().await];
    let openings = (0..12u64).map(|number| {
        let store = servers[usize::from(number % 2 == 0)].clone();
        // The same key, but every attempt with an id of its own, as different processes make them.
        let mut new = new_conversation(1);
        new.id = conversation_id(100 + number);
        tokio::spawn(async move { store.open_conversation(new, says("m1", "hello", NOON_MS)).await })
    });
    let opened: Vec<_> = join_all(openings).await.into_iter().map(|opened| opened.unwrap().unwrap()).collect();
    assert_eq!(opened.iter().filter(|opened| !opened.duplicate).count(), 1);
    let ids: BTreeSet<_> = opened.iter().map(|opened| opened.conversation.id.clone()).collect();
    assert_eq!(ids.len(), 1);
    assert!(opened.iter().all(|opened| opened.conversation.last_seq == 1));
}

pub(crate) async fn tickets_are_numbered_without_holes(database: &TestDatabase) {
    let servers = [database.open().await, database.open().await];
    let openings = (0..40u64).map(|number| {
        let store = servers[usize::from(number % 2 == 0)].clone();
        tokio::spawn(async move { open(&store, number / 2, 0).await.conversation.ticket.0 })
    });
    let tickets: BTreeSet<_> = join_all(openings).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(tickets, (1001..=1020).collect());
}

/// Openings that come together are written together; one that cannot be spoils nothing.
pub(crate) async fn a_crowd_opens_at_once(database: &TestDatabase) {
    let store = database.open().await;
    open(&store, 1, 0).await;
    let openings = (1..=200u64).map(|number| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut new = new_conversation(number);
            if number == 100 {
                // A new key, but the id of somebody else.
                new.id = conversation_id(1);
            }
            store.open_conversation(new, says("m2", &format!("number {number}"), NOON_MS)).await
        })
    });
    let mut tickets = Vec::new();
    for (number, outcome) in (1..).zip(join_all(openings).await.into_iter().map(Result::unwrap)) {
        if number == 100 {
            assert_eq!(outcome, Err(StorageError::Conflict));
            continue;
        }
        let opened = outcome.unwrap();
        assert_eq!(opened.conversation.id, conversation_id(number), "each hears of its own");
        let entries = store.entries(&conversation_id(number), 0, 10).await.unwrap();
        assert_eq!(entries.last(), opened.entries.last());
        assert_eq!(entries.len(), if number == 1 { 2 } else { 1 }, "a known key's message is appended");
        assert_eq!(store.conversation(&conversation_id(number)).await.unwrap(), Some(opened.conversation.clone()));
        tickets.push(opened.conversation.ticket.0);
    }
    tickets.sort_unstable();
    assert_eq!(tickets, (1001..=1199).collect::<Vec<_>>());
    store.close().await;
}

pub(crate) async fn one_of_many_agents_gets_the_conversation(database: &TestDatabase) {
    let servers = [database.open().await, database.open().await];
    open(&servers[0], 1, 0).await;
    let takes = (0..10).map(|number| {
        let store = servers[number % 2].clone();
        let name = format!("agent{number}");
        tokio::spawn(async move { store.take(&conversation_id(1), &agent(&name), &name, NOON_MS).await })
    });
    let outcomes: Vec<_> = join_all(takes).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(_) | Err(StorageError::Conflict))));
}

pub(crate) async fn two_of_many_invitations_are_committed_and_one_is_accepted(database: &TestDatabase) {
    let servers = [database.open().await, database.open().await];
    for number in 1..=8 {
        open(&servers[0], number, 0).await;
    }
    servers[0].add_user(ada()).await.unwrap();
    // One agent, eight conversations.
    let invitations = (1..=8u64).map(|number| {
        let store = servers[usize::from(number % 2 == 0)].clone();
        let new = new_call(&format!("k_{number}"), number, "ada");
        tokio::spawn(async move { store.invite_call(new, Author::system(), NOON_MS).await })
    });
    let outcomes: Vec<_> = join_all(invitations).await.into_iter().map(Result::unwrap).collect();
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(_) | Err(StorageError::Conflict))), "{outcomes:?}");
    let open: Vec<_> = outcomes.into_iter().flatten().map(|(row, _)| row.id).collect();
    assert_eq!(open.len(), 2);
    // Both viewers accept in the same moment: the unique index decides.
    let acceptances = open.into_iter().zip(servers.clone()).map(|(id, store)| {
        tokio::spawn(async move { store.accept_call(&id, Surface::Tab, Author::viewer("V"), NOON_MS).await })
    });
    let outcomes: Vec<_> = join_all(acceptances).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(_) | Err(StorageError::Conflict))), "{outcomes:?}");
}

pub(crate) async fn a_failing_write_does_not_spoil_its_neighbours(database: &TestDatabase) {
    let store = database.open().await;
    open(&store, 1, 0).await;
    let writes = (0..60).map(|number| {
        let store = store.clone();
        let id = if number % 3 == 0 { ConversationId::from("c_none") } else { conversation_id(1) };
        tokio::spawn(async move { store.append(&id, says(&format!("x{number}"), "hello", NOON_MS)).await })
    });
    for (number, outcome) in join_all(writes).await.into_iter().map(Result::unwrap).enumerate() {
        assert_eq!(outcome.is_ok(), number % 3 != 0);
        if let Err(error) = outcome {
            assert_eq!(error, StorageError::NotFound);
        }
    }
    let entries = store.entries(&conversation_id(1), 0, 1_000).await.unwrap();
    assert_eq!(entries.iter().map(|entry| entry.seq).collect::<Vec<_>>(), (1..=41).collect::<Vec<_>>());
}

pub(crate) async fn servers_agree_on_a_setting(database: &TestDatabase) {
    let servers = [database.open().await, database.open().await];
    let puts = (0..10).map(|number| {
        let store = servers[number % 2].clone();
        tokio::spawn(async move { store.put_setting_if_absent("secret", &format!("value {number}")).await.unwrap() })
    });
    let held: BTreeSet<_> = join_all(puts).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(held.len(), 1);
    assert_eq!(servers[0].setting("secret").await.unwrap(), held.into_iter().next());
}

pub(crate) async fn servers_start_on_a_new_database_at_once(database: &TestDatabase) {
    let starts = (0..4).map(|_| {
        let url = database.url.clone();
        tokio::spawn(async move { Store::open(&url).await })
    });
    let servers: Vec<_> = join_all(starts).await.into_iter().map(|started| started.unwrap().unwrap()).collect();
    assert_eq!(open(&servers[3], 1, 0).await.conversation.ticket.0, 1001);
    assert!(servers[0].conversation(&conversation_id(1)).await.unwrap().is_some());
}
