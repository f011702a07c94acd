//! Lets the scripted viewers write through the same desk as real ones.

use std::sync::Arc;

use signaling::ConversationId;
use signaling::timeline::{AuthorKind, EntryBody};
use signaling::wire::{Page, Refusal};

use super::scripts::{ScriptSink, ScriptedViewer};
use crate::cluster::{Note, SessionId, Subscriber, Topic};
use crate::random;
use crate::support::{Desk, Viewer};

/// The desk as the scripts see it.
pub(super) struct DeskSink {
    desk: Arc<Desk>,
    boot: String,
}

/// One scripted viewer on line.
pub(super) struct Chat {
    desk: Arc<Desk>,
    viewer: Viewer,
    session: SessionId,
    subscriber: Subscriber,
    conversation: Option<ConversationId>,
    heard_seq: i64,
}

impl DeskSink {
    /// `boot` changes with every start, and with it the viewers' conversations.
    pub(super) fn new(desk: Arc<Desk>, boot: String) -> Self {
        Self { desk, boot }
    }
}

impl ScriptSink for DeskSink {
    type Chat = Chat;
    type Error = Refusal;

    async fn open(&self, scripted: &ScriptedViewer) -> Result<Option<Chat>, Refusal> {
        let key_hash = random::sha256(&format!("demo-viewer:{}:{}", scripted.slug, self.boot));
        if self.desk.conversation_by_key(&key_hash).await?.is_some() {
            return Ok(None);
        }
        let viewer = Viewer {
            key_hash,
            name: scripted.name.to_owned(),
            level: Some(scripted.level.to_owned()).filter(|level| !level.is_empty()),
            lang: scripted.lang.to_owned(),
            page: Some(Page {
                url: "/demo".to_owned(),
                title: scripted.stream.to_owned(),
                client: scripted.client.to_owned(),
            }),
            sample: true,
            ..Viewer::default()
        };
        Ok(Some(Chat {
            desk: Arc::clone(&self.desk),
            viewer,
            session: SessionId(random::id('s')),
            subscriber: self.desk.bus.attach(),
            conversation: None,
            heard_seq: 0,
        }))
    }

    async fn typing(&self, chat: &mut Chat, on: bool) -> Result<(), Refusal> {
        if let Some(conversation) = &chat.conversation {
            self.desk.typing(conversation, AuthorKind::Viewer, &chat.session, on);
        }
        Ok(())
    }

    async fn say(&self, chat: &mut Chat, text: &str) -> Result<(), Refusal> {
        let sent = self.desk.viewer_send(&chat.viewer, None, random::id('m'), text.to_owned()).await?;
        if chat.conversation.is_none() {
            let id = sent.conversation.id.clone();
            self.desk.bus.subscribe(&chat.subscriber, Topic::Conversation(id.clone()));
            self.desk.presence.viewer_socket(&id, true);
            self.desk.tell_changed(&sent.conversation);
            chat.conversation = Some(id);
        }
        Ok(())
    }

    async fn heard(&self, chat: &mut Chat) -> Result<bool, Refusal> {
        while let Some(note) = chat.subscriber.next().await {
            let Note::Entries { conversation, entries } = &*note else { continue };
            let fresh = |seq: i64| seq > chat.heard_seq;
            let resolved = entries.iter().any(|entry| entry.body == EntryBody::Resolved {});
            let message = entries.iter().rfind(|entry| {
                entry.author.kind == AuthorKind::Agent
                    && fresh(entry.seq)
                    && matches!(entry.body, EntryBody::Message { .. })
            });
            if let Some(entry) = message {
                chat.heard_seq = entry.seq;
                self.desk.read(conversation, AuthorKind::Viewer, entry.seq).await?;
                return Ok(true);
            }
            if resolved {
                return Ok(false);
            }
        }
        Ok(false)
    }
}

impl Drop for Chat {
    fn drop(&mut self) {
        self.desk.bus.detach(&self.subscriber);
        if let Some(conversation) = &self.conversation {
            self.desk.presence.viewer_socket(conversation, false);
            let (desk, id) = (Arc::clone(&self.desk), conversation.clone());
            if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                runtime.spawn(async move {
                    if let Ok(row) = desk.conversation(&id).await {
                        desk.tell_changed(&row);
                    }
                });
            }
        }
    }
}
