//! What an agent may do on its socket.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use signaling::limits::SUBSCRIPTIONS_MAX;
use signaling::resume::Cursor;
use signaling::session::Standing;
use signaling::timeline::{Author, AuthorKind};
use signaling::verdict::Incidents;
use signaling::wire::{
    ClientMessage, ConversationSummary, ErrorCode, HelloAgent, PROTOCOL_VERSION, Refusal, ServerMessage, Welcome,
};
use signaling::{CallId, ConversationId, UserId};
use tokio::time::Instant;

use super::blocks::{KnownCalls, Sender};
use super::link::{Gone, Link};
use super::requests::Begun;
use super::socket::{Closed, Event, Side};
use crate::app::App;
use crate::clock;
use crate::cluster::{CallCommand, CallReply, NodeId, Note, SessionId, Subscriber, Topic};
use crate::random;
use crate::storage::UserRow;
use crate::support::{Sent, refusal};
use crate::verdicts::keep_last;

/// How often it is looked whether the sign-in still holds: signing out, a new password and time end open sockets too.
const CHECK_SESSION_EVERY: Duration = Duration::from_secs(60);
/// Changes of one conversation that come within this time are told as one: a desk of dozens of agents is told each change
/// dozens of times.
const DESK_EVERY: Duration = Duration::from_millis(50);
/// Shortest time between two readings of the whole desk.
const CATCH_UP_EVERY: Duration = Duration::from_secs(1);
/// Colleagues' calls a socket may have connections to: the one joined, and those looked at last.
const WATCHED_MAX: usize = 3;

/// An agent on a socket.
pub(super) struct AgentSide {
    user: UserRow,
    author: Author,
    token: String,
    resumed: bool,
    check_at: Instant,
    followed: HashMap<ConversationId, Cursor>,
    subscriber: Subscriber,
    calls: KnownCalls,
    /// Changes of the desk that are told together; bounded by the conversations that change in that time.
    pending: HashMap<ConversationId, Box<ConversationSummary>>,
    flushed_at: Instant,
    caught_up_at: Option<Instant>,
    catch_up_due: Option<Instant>,
    /// Colleagues' calls to which this socket has a connection.
    watched: HashSet<CallId>,
}

impl AgentSide {
    /// Checks a hello.
    ///
    /// # Errors
    /// [`ErrorCode::Unauthorized`] without a valid session.
    pub(super) async fn open(link: &mut Link, hello: HelloAgent, cookie: Option<String>) -> Result<Self, Refusal> {
        let app = &link.app;
        let token = hello.token.or(cookie);
        let token = token.ok_or_else(|| Refusal::new(ErrorCode::Unauthorized, "sign in first"))?;
        let user = app.auth.session_user(&token).await.map_err(refusal)?;
        let user = user.ok_or_else(|| Refusal::new(ErrorCode::Unauthorized, "the session is over, sign in again"))?;
        let resume = hello.resume.filter(|resume| random::is_id(resume, 's')).map(SessionId);
        let resume = resume.filter(|session| app.calls.session_is_free(session, &user.id));
        let resumed = resume.is_some();
        if let Some(session) = resume {
            link.session = session;
        }
        let subscriber = app.desk.bus.attach();
        app.desk.bus.subscribe(&subscriber, Topic::Session(link.session.clone()));
        app.desk.bus.subscribe(&subscriber, Topic::Desk);
        let author = Author::agent(user.id.clone(), &user.name);
        link.sees_notes = true;
        Ok(Self {
            user,
            author,
            token,
            resumed,
            check_at: Instant::now() + CHECK_SESSION_EVERY,
            followed: HashMap::new(),
            subscriber,
            calls: KnownCalls::default(),
            pending: HashMap::new(),
            flushed_at: Instant::now(),
            caught_up_at: None,
            catch_up_due: None,
            watched: HashSet::new(),
        })
    }

    fn follow(&self, link: &Link, conversation: ConversationId, after_seq: i64) -> Result<Begun<Done>, Refusal> {
        if self.followed.len() >= SUBSCRIPTIONS_MAX && !self.followed.contains_key(&conversation) {
            return Err(Refusal::new(ErrorCode::Overloaded, "too many conversations followed at once"));
        }
        let app = Arc::clone(&link.app);
        let found = async move {
            app.desk.conversation(&conversation).await?;
            Ok(Done::Found { conversation, after_seq })
        };
        Ok(Begun::Work(found.boxed()))
    }

    /// A conversation that exists is followed from now on.
    async fn followed(
        &mut self,
        link: &mut Link,
        id: Option<u32>,
        conversation: ConversationId,
        after_seq: i64,
    ) -> Result<(), Gone> {
        link.app.desk.bus.subscribe(&self.subscriber, Topic::Conversation(conversation.clone()));
        self.followed.insert(conversation.clone(), Cursor::new(after_seq));
        link.answer(id, Ok(())).await?;
        self.send_missing(link, &conversation).await
    }

    fn unfollow(&mut self, link: &Link, conversation: &ConversationId) {
        if self.followed.remove(conversation).is_some() {
            link.app.desk.bus.unsubscribe(&self.subscriber, &Topic::Conversation(conversation.clone()));
        }
    }

    /// Sends what the database holds after the cursor.
    async fn send_missing(&mut self, link: &mut Link, conversation: &ConversationId) -> Result<(), Gone> {
        match self.followed.get_mut(conversation) {
            Some(cursor) => link.send_missing(conversation, cursor).await,
            None => Ok(()),
        }
    }

    /// Tells who is on line. Agents of load tests never are: nobody must wait for them.
    fn tell_presence(&self, app: &App, came: bool) {
        if !self.user.is_load_test() {
            app.desk.presence.agent_socket(&self.user.id, came);
            app.desk.bus.publish(Topic::Queue, Note::QueueMoved);
        }
    }

    /// A conversation of the desk changed: told at once when the desk is quiet, else together with the next ones.
    async fn desk_changed(&mut self, link: &mut Link, summary: Box<ConversationSummary>) -> Result<(), Gone> {
        if self.pending.is_empty() && self.flushed_at.elapsed() >= DESK_EVERY {
            self.flushed_at = Instant::now();
            return link.send(&ServerMessage::DeskUpdate(summary)).await;
        }
        self.pending.insert(summary.id.clone(), summary);
        Ok(())
    }

    async fn flush_desk(&mut self, link: &mut Link) -> Result<(), Gone> {
        self.flushed_at = Instant::now();
        for (_, summary) in std::mem::take(&mut self.pending) {
            link.send(&ServerMessage::DeskUpdate(summary)).await?;
        }
        Ok(())
    }

    async fn send_desk(&mut self, link: &mut Link) -> Result<(), Gone> {
        match link.app.desk.open_conversations().await {
            Ok(conversations) => {
                link.send(&ServerMessage::Desk { conversations }).await?;
                let list = link.app.verdicts.incidents();
                if list.is_empty() { Ok(()) } else { link.send(&ServerMessage::Incidents(Incidents { list })).await }
            }
            Err(refusal) => link.refuse(None, refusal, false).await,
        }
    }

    fn chat(&self, link: &Link, conversation: ConversationId, client_id: String, text: String) -> Begun<Done> {
        let (app, author) = (Arc::clone(&link.app), self.author.clone());
        let sent = async move {
            let sent = app.desk.agent_send(&author, &conversation, client_id.clone(), text).await?;
            Ok(Done::Sent(client_id, Box::new(sent)))
        };
        Begun::Work(sent.boxed())
    }

    fn add_note(&self, link: &Link, conversation: ConversationId, client_id: String, text: String) -> Begun<Done> {
        let (app, author) = (Arc::clone(&link.app), self.author.clone());
        let sent = async move {
            let sent = app.desk.note(&author, &conversation, client_id.clone(), text).await?;
            Ok(Done::Sent(client_id, Box::new(sent)))
        };
        Begun::Work(sent.boxed())
    }

    fn offer(link: &Link, sdp: String, restart: bool) -> Begun<Done> {
        let (calls, session) = (Arc::clone(&link.app.calls), link.session.clone());
        let answer = async move {
            let sdp = calls.agent_offer(&session, sdp, restart).await?;
            Ok(Done::Message(Box::new(ServerMessage::MediaAnswer { sdp, start_bitrate_kbps: None })))
        };
        Begun::Undisturbed(answer.boxed())
    }

    /// A connection to a colleague's call.
    fn watch(&self, link: &Link, call: CallId, sdp: String, restart: bool) -> Result<Begun<Done>, Refusal> {
        if !self.watched.contains(&call) && self.watched.len() >= WATCHED_MAX {
            return Err(Refusal::new(ErrorCode::Overloaded, "leave another call first"));
        }
        let (app, session, author) = (Arc::clone(&link.app), link.session.clone(), self.author.clone());
        let answer = async move {
            let command = CallCommand::Watch { call: call.clone(), session, author, sdp, restart };
            Ok(match any_call(&app, command).await? {
                CallReply::Answer { sdp, .. } => Done::Watching(call, sdp),
                _ => Done::Nothing,
            })
        };
        Ok(Begun::Undisturbed(answer.boxed()))
    }

    /// What changes on the socket itself goes at once; the rest is for [`act`].
    fn act(&mut self, link: &Link, message: ClientMessage) -> Begun<Done> {
        match &message {
            ClientMessage::Unsubscribe { conversation } => {
                self.unfollow(link, conversation);
                return Begun::Done;
            }
            ClientMessage::LeaveCall { call } => {
                self.watched.remove(call);
            }
            _ => {}
        }
        let (app, session, author) = (Arc::clone(&link.app), link.session.clone(), self.author.clone());
        let user = self.user.id.clone();
        let done = async move { act(&app, session, &author, user, message).await.map(|()| Done::Nothing) };
        Begun::Undisturbed(done.boxed())
    }
}

/// What an agent's request came to.
pub(super) enum Done {
    /// Nothing beyond its being done.
    Nothing,
    /// A message that goes before the answer.
    Message(Box<ServerMessage>),
    /// The message or note with this `client_id` is committed.
    Sent(String, Box<Sent>),
    /// There is such a conversation to follow.
    Found {
        /// Which.
        conversation: ConversationId,
        /// What the client has of it.
        after_seq: i64,
    },
    /// The answer to the offer of a connection to a colleague's call.
    Watching(CallId, String),
}

/// The node of an agent's own call.
fn own_call(app: &App, user: &UserId, call: &CallId) -> Result<NodeId, Refusal> {
    match app.desk.calls.find(call) {
        Some((handle, state)) if state.agent == *user => Ok(handle.node),
        Some(_) => Err(Refusal::new(ErrorCode::Forbidden, "another agent has this call")),
        None => Err(Refusal::new(ErrorCode::NotFound, "no such call")),
    }
}

async fn command(app: &App, user: &UserId, command: CallCommand) -> Result<(), Refusal> {
    let node = own_call(app, user, command.call())?;
    match app.desk.bus.request(node, command).await {
        CallReply::Done | CallReply::Answer { .. } => Ok(()),
        CallReply::Refused { code, message } => Err(Refusal::new(code, message)),
    }
}

/// Requests that are answered by `done` or `error` alone.
async fn act(
    app: &App,
    session: SessionId,
    author: &Author,
    user: UserId,
    message: ClientMessage,
) -> Result<(), Refusal> {
    let side = AuthorKind::Agent;
    let desk = &app.desk;
    match message {
        ClientMessage::Typing { conversation: Some(conversation), on } => {
            desk.owned(&conversation, Some(&user)).await?;
            desk.typing(&conversation, side, &session, on);
            Ok(())
        }
        ClientMessage::Read { conversation: Some(conversation), seq } => {
            // What was read may have been resolved or given back meanwhile: nothing to complain about.
            match desk.owned(&conversation, Some(&user)).await {
                Ok(_) => desk.read(&conversation, side, seq).await,
                Err(_) => Ok(()),
            }
        }
        ClientMessage::Take { conversation } => desk.take(&conversation, &user, author.name.as_str()).await,
        ClientMessage::Release { conversation } => {
            desk.owned(&conversation, Some(&user)).await?;
            app.calls.end_of_conversation(&conversation).await;
            desk.release(&conversation, author).await
        }
        ClientMessage::Resolve { conversation } => {
            desk.owned(&conversation, Some(&user)).await?;
            app.calls.end_of_conversation(&conversation).await;
            desk.resolve(&conversation, author).await?;
            // Not the agent's to wait for.
            let (telemetry, store) = (app.telemetry.clone(), desk.store.clone());
            tokio::spawn(async move { keep_last(&telemetry, &store, &conversation).await });
            Ok(())
        }
        ClientMessage::EndRequest { conversation: Some(conversation) } => {
            desk.owned(&conversation, Some(&user)).await?;
            desk.end_request(&conversation, author.clone()).await
        }
        ClientMessage::Invite { conversation } => {
            app.gate.call()?;
            app.calls.invite(&session, author, &conversation).await
        }
        ClientMessage::MediaClose {} => {
            app.calls.agent_closed_media(&session).await;
            Ok(())
        }
        message => in_call(app, session, user, message).await,
    }
}

/// Requests about a call that runs.
async fn in_call(app: &App, session: SessionId, user: UserId, message: ClientMessage) -> Result<(), Refusal> {
    let side = AuthorKind::Agent;
    match message {
        ClientMessage::EndCall { call, reason } => {
            command(app, &user, CallCommand::End { call, side, user: Some(user.clone()), reason }).await
        }
        ClientMessage::Phase { call, phase, at_ms } => {
            command(app, &user, CallCommand::Phase { call, side, phase, at_ms }).await
        }
        ClientMessage::Sending { call, sources } => {
            // Colleagues in the call say so, too; its node knows who they are.
            any_call(app, CallCommand::Sending { call, session, side, sources }).await.map(drop)
        }
        ClientMessage::SetContent { call, content } => {
            command(app, &user, CallCommand::SetContent { call, session, content }).await
        }
        ClientMessage::JoinCall { call } => any_call(app, CallCommand::Join { call, session }).await.map(drop),
        ClientMessage::LeaveCall { call } => any_call(app, CallCommand::Leave { call, session }).await.map(drop),
        _ => Err(Refusal::new(ErrorCode::Forbidden, "only the viewer may do this")),
    }
}

/// Hands a request to the node of any running call.
async fn any_call(app: &App, command: CallCommand) -> Result<CallReply, Refusal> {
    let Some((handle, _)) = app.desk.calls.find(command.call()) else {
        return Err(Refusal::new(ErrorCode::NotFound, "no such call"));
    };
    match app.desk.bus.request(handle.node, command).await {
        CallReply::Refused { code, message } => Err(Refusal::new(code, message)),
        done => Ok(done),
    }
}

impl Side for AgentSide {
    const STANDING: Standing = Standing::Agent;
    type Done = Done;

    fn subscriber(&mut self) -> &mut Subscriber {
        &mut self.subscriber
    }

    async fn event(&mut self) -> Event {
        self.subscriber.next().await.map_or(Event::Gone, Event::Note)
    }

    fn line_moved(&mut self, _link: &mut Link) {}

    async fn greet(&mut self, link: &mut Link) -> Result<(), Gone> {
        let app = Arc::clone(&link.app);
        // Asked before the session counts as known: a new process of this server has nothing that it could have missed.
        let missed = if self.resumed { app.calls.agent_missed(&link.session) } else { Vec::new() };
        app.calls.agent_back(&link.session, &self.user.id, self.resumed).await;
        self.tell_presence(&app, true);
        let welcome = Welcome {
            v: PROTOCOL_VERSION,
            server_ms: clock::now_ms_f64(),
            boot: app.boot.clone(),
            session: link.session.0.clone(),
            name: self.user.name.clone(),
            user: Some(self.user.id.clone()),
            conversation: None,
            agents_online: app.desk.presence.agents_online(),
            video_codecs: app.config.media.video_codecs.iter().map(ToString::to_string).collect(),
        };
        link.send(&ServerMessage::Welcome(Box::new(welcome))).await?;
        self.send_desk(link).await?;
        for message in &missed {
            link.send(message).await?;
        }
        Ok(())
    }

    async fn begin(
        &mut self,
        link: &mut Link,
        id: Option<u32>,
        message: ClientMessage,
    ) -> Result<Begun<Done>, Refusal> {
        match message {
            ClientMessage::Send { conversation: Some(conversation), client_id, text } => {
                Ok(self.chat(link, conversation, client_id, text))
            }
            ClientMessage::Note { conversation, client_id, text } => {
                Ok(self.add_note(link, conversation, client_id, text))
            }
            ClientMessage::Subscribe { conversation, after_seq } => self.follow(link, conversation, after_seq),
            ClientMessage::MediaOffer { sdp, restart, .. } => Ok(Self::offer(link, sdp, restart)),
            ClientMessage::WatchCall { call, sdp, restart } => self.watch(link, call, sdp, restart),
            ClientMessage::Block(block) => {
                self.calls.take(link, Sender::Agent(&self.user.id), id, block).await?;
                Ok(Begun::Taken)
            }
            message => Ok(self.act(link, message)),
        }
    }

    async fn done(&mut self, link: &mut Link, id: Option<u32>, done: Done) -> Result<(), Gone> {
        match done {
            Done::Nothing => {}
            Done::Message(message) => link.send(&message).await?,
            Done::Sent(client_id, sent) => return link.acknowledge(client_id, &sent).await,
            Done::Found { conversation, after_seq } => {
                return self.followed(link, id, conversation, after_seq).await;
            }
            Done::Watching(call, sdp) => {
                self.watched.insert(call.clone());
                link.send(&ServerMessage::WatchAnswer { call, sdp }).await?;
            }
        }
        link.answer(id, Ok(())).await
    }

    async fn note(&mut self, link: &mut Link, note: &Note) -> Result<(), Gone> {
        match note {
            Note::Entries { conversation, entries } => match self.followed.get_mut(conversation) {
                Some(cursor) => link.deliver(conversation, cursor, entries.clone()).await,
                None => Ok(()),
            },
            Note::Changed(summary) => self.desk_changed(link, summary.clone()).await,
            Note::Typing { conversation, author, from, on } if *from != link.session => {
                let message = ServerMessage::Typing { conversation: conversation.clone(), author: *author, on: *on };
                link.send(&message).await
            }
            Note::Read { conversation, author, seq } => {
                let message = ServerMessage::Read { conversation: conversation.clone(), author: *author, seq: *seq };
                link.send(&message).await
            }
            Note::Call(_, state) if state.agent == self.user.id || self.watched.contains(&state.id) => {
                link.send(&ServerMessage::Call(state.clone())).await
            }
            Note::Direct(message) => link.send(message).await,
            _ => Ok(()),
        }
    }

    async fn catch_up(&mut self, link: &mut Link) -> Result<(), Gone> {
        let now = Instant::now();
        let rested = self.caught_up_at.is_none_or(|at| now >= at + CATCH_UP_EVERY);
        self.catch_up_due = (!rested).then(|| self.caught_up_at.unwrap_or(now) + CATCH_UP_EVERY);
        if !rested {
            // A desk that changes faster than it can be read must not be read for nothing.
            return Ok(());
        }
        self.caught_up_at = Some(now);
        self.pending.clear();
        self.send_desk(link).await?;
        let followed: Vec<ConversationId> = self.followed.keys().cloned().collect();
        for conversation in followed {
            self.send_missing(link, &conversation).await?;
        }
        for message in link.app.calls.agent_missed(&link.session) {
            // Without a connection an offer may be under way, which its answer settles.
            if !matches!(message, ServerMessage::MediaClosed { .. }) {
                link.send(&message).await?;
            }
        }
        Ok(())
    }

    fn in_call(&self, app: &App) -> bool {
        app.desk.calls.agent_in_call(&self.user.id)
    }

    fn wake_at(&self) -> Option<Instant> {
        let flush_at = (!self.pending.is_empty()).then(|| self.flushed_at + DESK_EVERY);
        [Some(self.check_at), flush_at, self.catch_up_due].into_iter().flatten().min()
    }

    async fn wake(&mut self, link: &mut Link) -> Result<(), Gone> {
        let now = Instant::now();
        if self.catch_up_due.is_some_and(|due| due <= now) {
            self.catch_up(link).await?;
        }
        if !self.pending.is_empty() && now >= self.flushed_at + DESK_EVERY {
            self.flush_desk(link).await?;
        }
        if now < self.check_at {
            return Ok(());
        }
        self.check_at = Instant::now() + CHECK_SESSION_EVERY;
        match link.app.auth.session_user(&self.token).await {
            Ok(None) => {
                let refusal = Refusal::new(ErrorCode::Unauthorized, "the session is over, sign in again");
                link.refuse(None, refusal, true).await?;
                Err(Gone)
            }
            // A database that does not answer is no reason to send an agent away.
            Ok(Some(_)) | Err(_) => Ok(()),
        }
    }

    async fn closed(self, app: &App, session: &SessionId, closed: Closed) {
        app.desk.bus.detach(&self.subscriber);
        self.tell_presence(app, false);
        if closed.last {
            for call in self.watched {
                let _ = any_call(app, CallCommand::Leave { call, session: session.clone() }).await;
            }
            app.calls.agent_gone(session, closed.goodbye).await;
        }
    }
}
