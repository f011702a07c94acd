//! What is SQLite's alone: the lock between processes, the bounded queue, durability settings, random interleavings.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use proptest::prelude::*;
use sightline::storage::{StorageError, Store, WRITES_QUEUED_MAX};

use crate::database::{NOON_MS, TestDatabase, conversation_id, open, says};
use crate::held_lock::HeldLock;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_held_too_long_is_busy_and_then_forgotten() {
    let database = TestDatabase::sqlite();
    let store = database.open().await;
    open(&store, 1, 0).await;
    let holder = HeldLock::of(&database.url).await;
    assert!(store.conversation(&conversation_id(1)).await.unwrap().is_some(), "readers are not held up");
    let started = Instant::now();
    let refused = store.append(&conversation_id(1), says("m2", "hello", NOON_MS)).await;
    assert_eq!(refused, Err(StorageError::Busy));
    assert!(started.elapsed() >= Duration::from_secs(5), "it waits for the lock before it gives up");
    holder.release().await;
    assert_eq!(store.append(&conversation_id(1), says("m2", "hello", NOON_MS)).await.unwrap().entries[0].seq, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_short_lock_is_waited_for_and_a_full_queue_is_refused() {
    let database = TestDatabase::sqlite();
    let store = database.open().await;
    open(&store, 1, 0).await;
    let holder = HeldLock::of(&database.url).await;
    let beyond = 300;
    let writes = (0..WRITES_QUEUED_MAX + beyond).map(|number| {
        let store = store.clone();
        async move { store.append(&conversation_id(1), says(&format!("q{number}"), "hello", NOON_MS)).await }
    });
    let release = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        holder.release().await;
    };
    let (outcomes, ()) = tokio::join!(join_all(writes), release);
    let busy = outcomes.iter().filter(|outcome| **outcome == Err(StorageError::Busy)).count();
    let done = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    assert_eq!(busy + done, outcomes.len());
    assert!(busy > 0 && busy <= beyond, "{busy} of {} were refused", outcomes.len());
    let row = store.conversation(&conversation_id(1)).await.unwrap().unwrap();
    assert_eq!(usize::try_from(row.last_seq).unwrap(), 1 + done, "refused writes left nothing behind");
}

#[tokio::test]
async fn an_unusable_url_is_explained() {
    for (url, part) in
        [("mysql://x", "sqlite:// or postgres://"), ("sqlite://", "path"), ("sqlite:///a?mode=ro", "options")]
    {
        let Err(StorageError::Url(sentence)) = Store::open(url).await else { panic!("{url} was accepted") };
        assert!(sentence.contains(part), "{sentence}");
    }
    let unreachable = Store::open("sqlite:///proc/nowhere/sightline.db").await.err();
    assert!(matches!(unreachable, Some(StorageError::Unavailable(_))), "{unreachable:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// Whatever two servers send in whatever order and however often: numbers without holes, every message once.
    #[test]
    fn any_interleaving_of_two_servers_is_one_sequence(
        sends in prop::collection::vec((any::<bool>(), 0..3u64, 0..20u32), 1..60)
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let database = TestDatabase::sqlite();
            let servers = [database.open().await, database.open().await];
            let writes = sends.iter().map(|(second, conversation, message)| {
                let store = servers[usize::from(*second)].clone();
                let new = crate::database::new_conversation(*conversation);
                let message = says(&format!("m{message}"), &format!("text {message}"), NOON_MS);
                tokio::spawn(async move { store.open_conversation(new, message).await.unwrap() })
            });
            let written: Vec<_> = join_all(writes).await.into_iter().map(Result::unwrap).collect();
            for conversation in 0..3u64 {
                let sent: std::collections::BTreeSet<_> =
                    sends.iter().filter(|send| send.1 == conversation).map(|send| format!("m{}", send.2)).collect();
                let entries = servers[0].entries(&conversation_id(conversation), 0, 1_000).await.unwrap();
                let seqs: Vec<_> = entries.iter().map(|entry| entry.seq).collect();
                assert_eq!(seqs, (1..=i64::try_from(sent.len()).unwrap()).collect::<Vec<_>>());
                let kept: std::collections::BTreeSet<_> =
                    entries.iter().filter_map(|entry| entry.client_id.clone()).collect();
                assert_eq!(kept, sent);
                for answer in written.iter().filter(|answer| answer.conversation.id == conversation_id(conversation)) {
                    assert!(answer.entries.iter().all(|entry| entries.contains(entry)), "the answer is what is stored");
                }
            }
            for server in servers {
                server.close().await;
            }
        });
    }
}
