//! An agent: the desk, and the chats it follows.

use std::collections::{BTreeMap, HashMap};

use signaling::wire::{CallState, ConversationStatus, ConversationSummary, HelloAgent};
use signaling::{ClientMessage, ConversationId, PROTOCOL_VERSION, ServerMessage};
use tokio::time::{Duration, Instant, sleep};

use super::{Chat, ClientError, DialOptions, Pump, Session, back_off, wait_for};
use crate::target::Target;

/// Ended calls an agent remembers; older ones are dropped with their conversations' next call.
const CALLS_MAX: usize = 4_096;

/// How an agent presents itself.
#[derive(Debug, Clone, Default)]
pub struct AgentOptions {
    /// Session token from the REST sign-in.
    pub token: Option<String>,
    /// How it dials.
    pub dial: DialOptions,
    /// Whether it forgets resolved conversations, for long runs; tests look at them.
    pub forgets: bool,
}

/// An agent's client.
#[derive(Debug)]
pub struct AgentClient {
    target: Target,
    options: AgentOptions,
    next_message: u64,
    name: u64,
    /// Socket and common state.
    pub session: Session,
    /// Open conversations by id, as last told.
    pub desk: BTreeMap<ConversationId, ConversationSummary>,
    /// Followed conversations.
    pub chats: HashMap<ConversationId, Chat>,
    /// Calls by conversation as last told, ended ones too.
    pub calls: HashMap<ConversationId, CallState>,
    /// Times a `desk` came.
    pub desks: u32,
}

impl AgentClient {
    /// A client that is not connected yet.
    #[must_use]
    pub fn new(target: Target, options: AgentOptions) -> Self {
        Self {
            target,
            options,
            next_message: 0,
            name: rand::random(),
            session: Session::default(),
            desk: BTreeMap::new(),
            chats: HashMap::new(),
            calls: HashMap::new(),
            desks: 0,
        }
    }

    /// A new client, connected.
    ///
    /// # Errors
    /// See [`Self::connect`].
    pub async fn open(target: &Target, options: AgentOptions) -> Result<Self, ClientError> {
        let mut client = Self::new(target.clone(), options);
        client.connect().await?;
        Ok(client)
    }

    /// Connects, or connects again: follows what was followed from the last entry held and sends again what is
    /// unacknowledged.
    ///
    /// # Errors
    /// What [`Session::connect`] says.
    pub async fn connect(&mut self) -> Result<(), ClientError> {
        let hello = ClientMessage::HelloAgent(HelloAgent {
            v: PROTOCOL_VERSION,
            resume: self.session.resume_name(),
            token: self.options.token.clone(),
            lang: "en".to_owned(),
        });
        self.session.connect(&self.target, &self.options.dial, hello).await?;
        let followed: Vec<_> =
            self.chats.iter().map(|(id, chat)| (id.clone(), chat.history.last_seq, chat.outbox.clone())).collect();
        for (conversation, after_seq, outbox) in followed {
            self.session.post(ClientMessage::Subscribe { conversation: conversation.clone(), after_seq }).await?;
            for (client_id, text) in outbox {
                let conversation = Some(conversation.clone());
                self.session.post(ClientMessage::Send { conversation, client_id, text }).await?;
            }
        }
        Ok(())
    }

    /// The next connect goes to another node of the same desk.
    pub fn move_to(&mut self, target: Target) {
        self.target = target;
    }

    /// Reconnects with the protocol's back-off until it works.
    ///
    /// # Errors
    /// The last error after `limit`, or at once when attempts are pointless.
    pub async fn resume(&mut self, limit: Duration) -> Result<(), ClientError> {
        let deadline = Instant::now() + limit;
        let mut attempt = 0;
        loop {
            match self.connect().await {
                Ok(()) => return Ok(()),
                Err(error) if error.is_final() || Instant::now() >= deadline => return Err(error),
                Err(_) => sleep(back_off(attempt)).await,
            }
            attempt += 1;
        }
    }

    /// Follows a conversation from its first entry.
    ///
    /// # Errors
    /// As [`Self::request`].
    pub async fn follow(&mut self, conversation: &ConversationId, limit: Duration) -> Result<(), ClientError> {
        let after_seq = self.chats.entry(conversation.clone()).or_default().history.last_seq;
        self.request(ClientMessage::Subscribe { conversation: conversation.clone(), after_seq }, limit).await
    }

    /// Takes a waiting conversation and follows it.
    ///
    /// # Errors
    /// As [`Self::request`].
    pub async fn take(&mut self, conversation: &ConversationId, limit: Duration) -> Result<(), ClientError> {
        self.request(ClientMessage::Take { conversation: conversation.clone() }, limit).await?;
        self.follow(conversation, limit).await
    }

    /// Invites the viewer of a conversation and waits for the invitation.
    ///
    /// # Errors
    /// As [`Self::request`].
    pub async fn invite(&mut self, conversation: &ConversationId, limit: Duration) -> Result<CallState, ClientError> {
        let known = self.calls.get(conversation).map(|call| call.id.clone());
        self.request(ClientMessage::Invite { conversation: conversation.clone() }, limit).await?;
        wait_for(self, "call", limit, |agent| {
            agent.calls.get(conversation).filter(|call| Some(&call.id) != known.as_ref()).cloned()
        })
        .await
    }

    /// Sends a message. Returns its client id, under which the acknowledgement comes.
    ///
    /// # Errors
    /// [`ClientError::OutboxFull`]; [`ClientError::Closed`], after which the message stays in the outbox and goes out
    /// with the next [`Self::connect`].
    pub async fn send(&mut self, conversation: &ConversationId, text: &str) -> Result<String, ClientError> {
        self.next_message += 1;
        let client_id = format!("{:x}-{}", self.name, self.next_message);
        self.chats.entry(conversation.clone()).or_default().push(&client_id, text)?;
        self.session
            .post(ClientMessage::Send {
                conversation: Some(conversation.clone()),
                client_id: client_id.clone(),
                text: text.to_owned(),
            })
            .await?;
        Ok(client_id)
    }

    /// Sends a message and waits until it is acknowledged.
    ///
    /// # Errors
    /// As [`Self::send`], or [`ClientError::Timeout`].
    pub async fn say(&mut self, conversation: &ConversationId, text: &str, limit: Duration) -> Result<(), ClientError> {
        let client_id = self.send(conversation, text).await?;
        wait_for(self, "acknowledgement", limit, |agent| {
            let waits =
                agent.chats.get(conversation).is_some_and(|chat| chat.outbox.iter().any(|(id, _)| *id == client_id));
            (!waits).then_some(())
        })
        .await
    }

    /// Sends a request and waits for its answer.
    ///
    /// # Errors
    /// [`ClientError::Refused`], [`ClientError::Closed`], [`ClientError::Timeout`].
    pub async fn request(&mut self, message: ClientMessage, limit: Duration) -> Result<(), ClientError> {
        let id = self.session.ask(message).await?;
        wait_for(self, "answer", limit, |agent| agent.session.take_answer(id)).await?
    }

    fn note(&mut self, summary: &ConversationSummary) {
        if self.options.forgets && summary.status == ConversationStatus::Resolved {
            self.desk.remove(&summary.id);
            self.calls.remove(&summary.id);
            return;
        }
        if let Some(call) = &summary.call {
            self.note_call(call);
        }
        self.desk.insert(summary.id.clone(), summary.clone());
    }

    fn note_call(&mut self, call: &CallState) {
        if self.calls.len() >= CALLS_MAX && !self.calls.contains_key(&call.conversation) {
            self.calls.clear();
        }
        self.calls.insert(call.conversation.clone(), call.clone());
    }

    fn apply(&mut self, message: &ServerMessage) {
        match message {
            ServerMessage::Desk { conversations } => {
                self.desk.clear();
                self.desks += 1;
                for summary in conversations {
                    self.note(summary);
                }
            }
            ServerMessage::DeskUpdate(summary) => self.note(summary),
            ServerMessage::Entries { conversation, entries } => {
                if let Some(chat) = self.chats.get_mut(conversation) {
                    chat.history.extend(entries);
                }
            }
            ServerMessage::Ack { client_id, conversation, seq, .. } => {
                if let Some(chat) = self.chats.get_mut(conversation) {
                    chat.acknowledge(client_id, *seq);
                }
            }
            ServerMessage::Call(call) => self.note_call(call),
            _ => {}
        }
    }
}

impl Pump for AgentClient {
    fn session(&mut self) -> &mut Session {
        &mut self.session
    }

    async fn next(&mut self) -> Result<ServerMessage, ClientError> {
        let message = self.session.next().await?;
        self.apply(&message);
        Ok(message)
    }
}
