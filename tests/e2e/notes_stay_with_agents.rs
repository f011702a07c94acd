//! Notes: colleagues read them, and not one byte of them goes to a viewer, whatever the path.

use futures_util::{SinkExt as _, StreamExt as _};
use loadtest::client::{AgentClient, DialOptions, Pump as _, WsStream, dial};
use signaling::timeline::{AuthorKind, EntryBody};
use signaling::{ClientMessage, ConversationId, ServerMessage};
use tokio_tungstenite::tungstenite::Message;

use crate::support::{LIMIT, Site, expect, open_ticket};

const SECRET: &str = "he shouted at kim yesterday";
const CLIENT_ID: &str = "note-of-robin-1";
const LAST_WORD: &str = "that was all";

/// A viewer's socket without a client: every byte that comes is kept.
struct RawViewer {
    socket: WsStream,
    heard: String,
}

impl RawViewer {
    async fn open(site: &Site, key: &str) -> Self {
        let (mut socket, _) = dial(&site.target(), &DialOptions::default()).await.expect("the socket opens");
        let hello = format!(r#"{{"t":"hello_viewer","v":1,"key":"{key}"}}"#);
        socket.send(Message::text(hello)).await.expect("sent");
        Self { socket, heard: String::new() }
    }

    /// Reads until a text was heard.
    async fn hear(&mut self, text: &str) {
        let hearing = async {
            while !self.heard.contains(text) {
                let message = self.socket.next().await.expect("the socket stays").expect("it can be read");
                self.heard.push_str(message.to_text().unwrap_or_default());
            }
        };
        tokio::time::timeout(LIMIT, hearing).await.expect("the last word comes");
    }
}

/// Writes a note and waits for its acknowledgement. Returns its place.
async fn note(agent: &mut AgentClient, conversation: &ConversationId, client_id: &str, text: &str) -> i64 {
    let (client_id, text) = (client_id.to_owned(), text.to_owned());
    let message = ClientMessage::Note { conversation: conversation.clone(), client_id: client_id.clone(), text };
    agent.session.post(message).await.expect("sent");
    let acknowledged = async {
        loop {
            if let ServerMessage::Ack { client_id: known, seq, .. } = agent.next().await.expect("the socket stays")
                && known == client_id
            {
                return seq;
            }
        }
    };
    tokio::time::timeout(LIMIT, acknowledged).await.expect("a note is acknowledged like a message")
}

#[tokio::test]
async fn colleagues_read_them_and_no_byte_reaches_the_viewer() {
    let mut site = Site::prepared("").await;
    site.add_agent("kim").await;
    site.start().await;
    let (mut robin, mut kim) = (site.agent("robin").await, site.agent("kim").await);
    let mut viewer = site.viewer().await;
    let (conversation, ticket) = open_ticket(&mut viewer, "it stutters").await;
    let mut live = RawViewer::open(&site, viewer.key()).await;
    live.hear("it stutters").await;
    robin.take(&conversation, LIMIT).await.expect("taken");
    let before = expect(&mut robin, "row", |robin| robin.desk.get(&conversation).cloned()).await;

    let seq = note(&mut robin, &conversation, CLIENT_ID, SECRET).await;
    assert_eq!(note(&mut robin, &conversation, CLIENT_ID, SECRET).await, seq, "sent again it is the same note");
    note(&mut kim, &conversation, "note-of-kim", &format!("{SECRET}, I was there")).await;
    kim.follow(&conversation, LIMIT).await.expect("a colleague may look");
    expect(&mut kim, "notes", |kim| {
        let entries = &kim.chats.get(&conversation)?.history.entries;
        let notes =
            entries.iter().filter(|entry| matches!(&entry.body, EntryBody::Note { text } if text.contains(SECRET)));
        (notes.count() == 2).then_some(())
    })
    .await;
    let row = expect(&mut robin, "row after the notes", |robin| {
        robin.desk.get(&conversation).filter(|row| row.last_seq == seq + 1).cloned()
    })
    .await;
    assert_eq!(
        (&row.last_text, row.unread, row.waiting_since_ms),
        (&before.last_text, before.unread, before.waiting_since_ms)
    );

    robin.say(&conversation, LAST_WORD, LIMIT).await.expect("acknowledged");
    live.hear(LAST_WORD).await;
    let mut resumed = RawViewer::open(&site, viewer.key()).await;
    resumed.hear(LAST_WORD).await;
    for heard in [&live.heard, &resumed.heard] {
        for part in [SECRET, CLIENT_ID, "note", "kim"] {
            assert!(!heard.contains(part), "{part:?} reached the viewer: {heard}");
        }
        assert_eq!(heard.matches(r#""kind":"hidden""#).count(), 2, "the numbers have no holes");
    }
    expect(&mut viewer, "last word", |viewer| viewer.chat.history.texts().contains(&LAST_WORD).then_some(())).await;
    assert!(viewer.chat.history.findings.is_empty(), "{:?}", viewer.chat.history.findings);
    let hidden: Vec<_> =
        viewer.chat.history.entries.iter().filter(|entry| entry.body == EntryBody::Hidden {}).collect();
    assert!(hidden.iter().all(|entry| entry.author.kind == AuthorKind::System && entry.client_id.is_none()));

    let stored = site.rest().ticket(ticket).await.expect("the ticket can be read");
    let noted = stored.timeline.iter().filter(|entry| matches!(entry.body, EntryBody::Note { .. })).count();
    assert_eq!(noted, 2, "the ticket has them");
    assert_eq!(stored.summary.subject, "it stutters");
}

#[tokio::test]
async fn only_agents_write_them() {
    let site = Site::running().await;
    let mut viewer = site.viewer().await;
    let (conversation, _) = open_ticket(&mut viewer, "it stutters").await;
    let note = ClientMessage::Note { conversation, client_id: "a".to_owned(), text: "mine".to_owned() };
    let refused = viewer.request(note, LIMIT).await.expect_err("viewers have no notes");
    assert!(refused.to_string().contains("Forbidden"), "{refused}");
    let mut robin = site.agent("robin").await;
    let lost = ClientMessage::Note { conversation: "c_none".into(), client_id: "a".to_owned(), text: "x".to_owned() };
    let refused = robin.request(lost, LIMIT).await.expect_err("nowhere to write it");
    assert!(refused.to_string().contains("NotFound"), "{refused}");
}
