//! What committed chat costs: messages appended one after the other, then by many at once, each acknowledged only after
//! the disk has it. The ratio is what the writer's group commit gains. Beside them a bare append and fsync of a file, so
//! that a slow disk is told from slow code.

use std::io::Write as _;
use std::time::{Duration, Instant};

use sightline::storage::{NewConversation, NewEntry, Store};
use signaling::ConversationId;
use signaling::timeline::{Author, EntryBody};
use tokio::task::JoinSet;

/// Messages of each measurement.
const MESSAGES: usize = 2_000;
/// Writers at once in the second one: a busy desk.
const WRITERS: usize = 64;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    // Beside the target folder, not in /tmp, which may be memory and sync nothing.
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let bare = bare_syncs(folder.path());
    let store = Store::open(&format!("sqlite://{}", folder.path().join("bench.db").display())).await.expect("opens");

    let alone = measure(&store, 1).await;
    let together = measure(&store, WRITERS).await;
    println!("append and wait for the disk     messages/s   ratio to one writer");
    for (name, took) in [("bare file, write + fsync", bare), ("1 writer", alone), ("64 writers", together)] {
        let rate = MESSAGES as f64 / took.as_secs_f64();
        println!("{name:<31}  {rate:>11.0}  {:>20.1}", alone.as_secs_f64() / took.as_secs_f64());
    }
    store.close().await;
}

fn bare_syncs(folder: &std::path::Path) -> Duration {
    let mut file = std::fs::File::create(folder.join("bare")).expect("a file");
    let begun = Instant::now();
    for _ in 0..MESSAGES {
        file.write_all(&[7; 256]).expect("written");
        file.sync_data().expect("synced");
    }
    begun.elapsed()
}

/// `MESSAGES` appends by `writers` at once, each to a conversation of its own.
async fn measure(store: &Store, writers: usize) -> Duration {
    let mut conversations = Vec::new();
    for writer in 0..writers {
        conversations.push(open(store, writers * 1_000 + writer).await);
    }
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for conversation in conversations {
        let store = store.clone();
        tasks.spawn(async move {
            for number in 0..MESSAGES / writers {
                store.append(&conversation, message(number)).await.expect("appended");
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("no panic");
    }
    begun.elapsed()
}

async fn open(store: &Store, number: usize) -> ConversationId {
    let mut key_hash = [0; 32];
    key_hash[..8].copy_from_slice(&number.to_be_bytes());
    let new = NewConversation {
        id: ConversationId(format!("c_{number}")),
        key_hash,
        viewer_name: "Viewer".to_owned(),
        viewer_external: None,
        viewer_level: None,
        lang: "en".to_owned(),
        page: None,
        sample: false,
    };
    store.open_conversation(new, message(0)).await.expect("opened").conversation.id
}

fn message(number: usize) -> NewEntry {
    NewEntry {
        author: Author::viewer("Viewer"),
        client_id: Some(format!("m{number}-{}", sightline::random::secret())),
        body: EntryBody::Message { text: "The picture stutters every few seconds.".to_owned() },
        at_ms: 1_790_000_000_000,
    }
}
