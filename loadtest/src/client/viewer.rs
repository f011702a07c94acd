//! A viewer: one conversation, named by its key.

use signaling::timeline::{EndReason, Surface};
use signaling::wire::{CallState, HelloViewer, Page, ViewerConversation};
use signaling::{CallId, ClientMessage, PROTOCOL_VERSION, ServerMessage};
use tokio::time::{Duration, Instant, sleep};

use super::{Chat, ClientError, DialOptions, Pump, Session, back_off, wait_for};
use crate::target::Target;

/// How a viewer presents itself.
#[derive(Debug, Clone)]
pub struct ViewerOptions {
    /// The conversation's secret.
    pub key: String,
    /// Host-signed token.
    pub token: Option<String>,
    /// Language, BCP 47.
    pub lang: String,
    /// The page it says to be on.
    pub page: Option<Page>,
    /// How it dials.
    pub dial: DialOptions,
    /// Whether the entries are kept, or only counted and checked.
    pub keep_entries: bool,
}

impl Default for ViewerOptions {
    fn default() -> Self {
        Self {
            key: random_key(),
            token: None,
            lang: "en".to_owned(),
            page: None,
            dial: DialOptions::default(),
            keep_entries: true,
        }
    }
}

/// A fresh conversation key: 192 random bits as base64url.
#[must_use]
pub fn random_key() -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(rand::random::<[u8; 24]>())
}

/// A viewer's client.
#[derive(Debug)]
pub struct ViewerClient {
    target: Target,
    options: ViewerOptions,
    next_message: u64,
    /// Makes the client ids of this page's messages differ from those of an earlier page with the same key.
    name: u32,
    /// Socket and common state.
    pub session: Session,
    /// Messages.
    pub chat: Chat,
    /// The conversation as last told.
    pub conversation: Option<ViewerConversation>,
    /// The call or invitation as last told, ended ones too.
    pub call: Option<CallState>,
    /// Whether the agent is typing.
    pub agent_types: bool,
}

impl ViewerClient {
    /// A client that is not connected yet.
    #[must_use]
    pub fn new(target: Target, options: ViewerOptions) -> Self {
        let chat = if options.keep_entries { Chat::default() } else { Chat::discarding() };
        Self {
            target,
            options,
            next_message: 0,
            name: rand::random(),
            session: Session::default(),
            chat,
            conversation: None,
            call: None,
            agent_types: false,
        }
    }

    /// A new client, connected.
    ///
    /// # Errors
    /// See [`Self::connect`].
    pub async fn open(target: &Target, options: ViewerOptions) -> Result<Self, ClientError> {
        let mut client = Self::new(target.clone(), options);
        client.connect().await?;
        Ok(client)
    }

    /// The conversation's key.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.options.key
    }

    /// Connects, or connects again: says hello with the last entry held and sends again what is unacknowledged.
    ///
    /// # Errors
    /// What [`Session::connect`] says.
    pub async fn connect(&mut self) -> Result<(), ClientError> {
        let hello = ClientMessage::HelloViewer(HelloViewer {
            v: PROTOCOL_VERSION,
            resume: self.session.resume_name(),
            key: self.options.key.clone(),
            after_seq: self.chat.history.last_seq,
            token: self.options.token.clone(),
            lang: self.options.lang.clone(),
            page: self.options.page.clone(),
        });
        self.session.connect(&self.target, &self.options.dial, hello).await?;
        if let Some(conversation) = self.session.welcome.as_ref().and_then(|welcome| welcome.conversation.clone()) {
            self.set_conversation(conversation);
        }
        for (client_id, text) in self.chat.outbox.clone() {
            self.session.post(ClientMessage::Send { conversation: None, client_id, text }).await?;
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

    /// Sends a message. Returns its client id, under which the acknowledgement comes.
    ///
    /// # Errors
    /// [`ClientError::OutboxFull`]; [`ClientError::Closed`], after which the message stays in the outbox and goes out
    /// with the next [`Self::connect`].
    pub async fn send(&mut self, text: &str) -> Result<String, ClientError> {
        self.next_message += 1;
        let client_id = format!("{:08x}-{}", self.name, self.next_message);
        self.chat.push(&client_id, text)?;
        self.session
            .post(ClientMessage::Send { conversation: None, client_id: client_id.clone(), text: text.to_owned() })
            .await?;
        Ok(client_id)
    }

    /// Sends a message and waits until it is acknowledged.
    ///
    /// # Errors
    /// As [`Self::send`], or [`ClientError::Timeout`].
    pub async fn say(&mut self, text: &str, limit: Duration) -> Result<(), ClientError> {
        let client_id = self.send(text).await?;
        wait_for(self, "acknowledgement", limit, |viewer| {
            (!viewer.chat.outbox.iter().any(|(id, _)| *id == client_id)).then_some(())
        })
        .await
    }

    /// Sends a request and waits for its answer.
    ///
    /// # Errors
    /// [`ClientError::Refused`], [`ClientError::Closed`], [`ClientError::Timeout`].
    pub async fn request(&mut self, message: ClientMessage, limit: Duration) -> Result<(), ClientError> {
        let id = self.session.ask(message).await?;
        wait_for(self, "answer", limit, |viewer| viewer.session.take_answer(id)).await?
    }

    /// Accepts an invitation.
    ///
    /// # Errors
    /// As [`Self::request`].
    pub async fn accept(&mut self, call: &CallId, surface: Surface, limit: Duration) -> Result<(), ClientError> {
        self.request(ClientMessage::Accept { call: call.clone(), surface }, limit).await
    }

    /// Ends the call.
    ///
    /// # Errors
    /// As [`Self::request`].
    pub async fn end_call(
        &mut self,
        call: &CallId,
        reason: Option<EndReason>,
        limit: Duration,
    ) -> Result<(), ClientError> {
        self.request(ClientMessage::EndCall { call: call.clone(), reason }, limit).await
    }

    fn set_conversation(&mut self, conversation: ViewerConversation) {
        if let Some(call) = &conversation.call {
            self.call = Some(call.clone());
        }
        self.conversation = Some(conversation);
    }

    fn apply(&mut self, message: &ServerMessage) {
        match message {
            ServerMessage::Conversation(conversation) => self.set_conversation((**conversation).clone()),
            ServerMessage::Entries { entries, .. } => {
                self.chat.history.extend(entries);
            }
            ServerMessage::Ack { client_id, seq, .. } => self.chat.acknowledge(client_id, *seq),
            ServerMessage::Call(call) => self.call = Some((**call).clone()),
            ServerMessage::Typing { on, .. } => self.agent_types = *on,
            _ => {}
        }
    }
}

impl Pump for ViewerClient {
    fn session(&mut self) -> &mut Session {
        &mut self.session
    }

    async fn next(&mut self) -> Result<ServerMessage, ClientError> {
        let message = self.session.next().await?;
        self.apply(&message);
        Ok(message)
    }
}
