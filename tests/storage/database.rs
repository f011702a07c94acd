//! New databases for the scenarios, and the rows they start from.

use sightline::storage::{Appended, NewConversation, NewEntry, Store};
use signaling::timeline::{Author, EntryBody};
use signaling::wire::Page;
use signaling::{ConversationId, UserId};

use crate::postgres;

/// When the scenarios play, ms since the Unix epoch.
pub(crate) const NOON_MS: i64 = 1_790_000_000_000;

/// A new, empty database.
pub(crate) struct TestDatabase {
    pub(crate) url: String,
    _folder: Option<tempfile::TempDir>,
}

impl TestDatabase {
    /// A SQLite file in a folder of its own.
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let url = format!("sqlite://{}", folder.path().join("sightline.db").display());
        Self { url, _folder: Some(folder) }
    }

    /// A database in this test run's PostgreSQL. `None`, told and counted, where there is no PostgreSQL.
    pub(crate) async fn postgres(scenario: &str) -> Option<Self> {
        let url = postgres::new_database(scenario).await?;
        Some(Self { url, _folder: None })
    }

    /// What a URL needs behind it to make the database; PostgreSQL's is made already.
    pub(crate) fn create_mode(&self) -> &'static str {
        if self.url.starts_with("sqlite") { "?mode=rwc" } else { "" }
    }

    /// One more server on this database.
    pub(crate) async fn open(&self) -> Store {
        Store::open(&self.url).await.expect("the database opens")
    }
}

/// The key of a viewer by number.
pub(crate) fn key(number: u64) -> [u8; 32] {
    let mut key = [7; 32];
    key[..8].copy_from_slice(&number.to_be_bytes());
    key
}

/// Id of the conversation that [`open`] makes for a key.
pub(crate) fn conversation_id(number: u64) -> ConversationId {
    ConversationId(format!("c_{number:026}"))
}

/// A conversation before its first message.
pub(crate) fn new_conversation(number: u64) -> NewConversation {
    NewConversation {
        id: conversation_id(number),
        key_hash: key(number),
        viewer_name: format!("Viewer {number}"),
        viewer_external: Some(format!("ext-{number}")),
        viewer_level: Some("gold".to_owned()),
        lang: "zh-CN".to_owned(),
        page: Some(Page {
            url: "https://live.example/room/9".to_owned(),
            title: "Room 9".to_owned(),
            client: "Chromium 140, Linux".to_owned(),
        }),
        sample: false,
    }
}

/// A viewer's message.
pub(crate) fn says(client_id: &str, text: &str, at_ms: i64) -> NewEntry {
    NewEntry {
        author: Author::viewer("Viewer"),
        client_id: Some(client_id.to_owned()),
        body: EntryBody::Message { text: text.to_owned() },
        at_ms,
    }
}

/// An agent's message.
pub(crate) fn answers(agent: &UserId, client_id: &str, text: &str, at_ms: i64) -> NewEntry {
    NewEntry { author: Author::agent(agent.clone(), "Ada"), ..says(client_id, text, at_ms) }
}

/// Opens a conversation with one message; what happens in it happens `after_ms` after noon.
pub(crate) async fn open(store: &Store, number: u64, after_ms: i64) -> Appended {
    let first = says("m1", "The picture stutters", NOON_MS + after_ms);
    store.open_conversation(new_conversation(number), first).await.expect("the conversation opens")
}

/// An agent by name.
pub(crate) fn agent(name: &str) -> UserId {
    UserId(format!("u_{name}"))
}
