//! What an agent may do on its socket.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use signaling::limits::SUBSCRIPTIONS_MAX;
use signaling::resume::Cursor;
use signaling::session::Standing;
use signaling::timeline::{Author, AuthorKind};
use signaling::wire::{
    ClientMessage, ConversationSummary, ErrorCode, HelloAgent, PROTOCOL_VERSION, Refusal, ServerMessage, Welcome,
};
use signaling::{CallId, ConversationId};
use tokio::time::Instant;

use super::blocks::{KnownCalls, Sender};
use super::link::{Gone, Link};
use super::socket::{Closed, Event, Side};
use crate::app::App;
use crate::clock;
use crate::cluster::{CallCommand, CallReply, NodeId, Note, SessionId, Subscriber, Topic};
use crate::random;
use crate::storage::UserRow;
use crate::support::{Sent, refusal};

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

    async fn follow(&mut self, link: &mut Link, conversation: ConversationId, after_seq: i64) -> Result<(), Refusal> {
        if self.followed.len() >= SUBSCRIPTIONS_MAX && !self.followed.contains_key(&conversation) {
            return Err(Refusal::new(ErrorCode::Overloaded, "too many conversations followed at once"));
        }
        link.app.desk.conversation(&conversation).await?;
        link.app.desk.bus.subscribe(&self.subscriber, Topic::Conversation(conversation.clone()));
        self.followed.insert(conversation, Cursor::new(after_seq));
        Ok(())
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
            Ok(conversations) => link.send(&ServerMessage::Desk { conversations }).await,
            Err(refusal) => link.refuse(None, refusal, false).await,
        }
    }

    async fn chat(
        &mut self,
        link: &mut Link,
        id: Option<u32>,
        conversation: ConversationId,
        client_id: String,
        text: String,
    ) -> Result<(), Gone> {
        let sent = link.app.desk.agent_send(&self.author, &conversation, client_id.clone(), text).await;
        acknowledge(link, id, client_id, sent).await
    }

    async fn add_note(
        &mut self,
        link: &mut Link,
        id: Option<u32>,
        conversation: ConversationId,
        client_id: String,
        text: String,
    ) -> Result<(), Gone> {
        let sent = link.app.desk.note(&self.author, &conversation, client_id.clone(), text).await;
        acknowledge(link, id, client_id, sent).await
    }

    async fn offer(&mut self, link: &mut Link, id: Option<u32>, sdp: String, restart: bool) -> Result<(), Gone> {
        let calls = Arc::clone(&link.app.calls);
        match calls.agent_offer(&link.session, sdp, restart).await {
            Ok(sdp) => {
                link.send(&ServerMessage::MediaAnswer { sdp, start_bitrate_kbps: None }).await?;
                link.answer(id, Ok(())).await
            }
            Err(refusal) => link.refuse(id, refusal, false).await,
        }
    }

    /// A connection to a colleague's call.
    async fn watch(
        &mut self,
        link: &mut Link,
        id: Option<u32>,
        call: CallId,
        sdp: String,
        restart: bool,
    ) -> Result<(), Gone> {
        if !self.watched.contains(&call) && self.watched.len() >= WATCHED_MAX {
            return link.refuse(id, Refusal::new(ErrorCode::Overloaded, "leave another call first"), false).await;
        }
        let session = link.session.clone();
        let author = self.author.clone();
        let command = CallCommand::Watch { call: call.clone(), session, author, sdp, restart };
        match any_call(&link.app, command).await {
            Ok(CallReply::Answer { sdp, .. }) => {
                self.watched.insert(call.clone());
                link.send(&ServerMessage::WatchAnswer { call, sdp }).await?;
                link.answer(id, Ok(())).await
            }
            Ok(_) => link.answer(id, Ok(())).await,
            Err(refusal) => link.refuse(id, refusal, false).await,
        }
    }

    /// The node of an own call.
    fn own_call(&self, app: &App, call: &CallId) -> Result<NodeId, Refusal> {
        match app.desk.calls.find(call) {
            Some((handle, state)) if state.agent == self.user.id => Ok(handle.node),
            Some(_) => Err(Refusal::new(ErrorCode::Forbidden, "another agent has this call")),
            None => Err(Refusal::new(ErrorCode::NotFound, "no such call")),
        }
    }

    async fn command(&self, app: &App, command: CallCommand) -> Result<(), Refusal> {
        let node = self.own_call(app, command.call())?;
        match app.desk.bus.request(node, command).await {
            CallReply::Done | CallReply::Answer { .. } => Ok(()),
            CallReply::Refused { code, message } => Err(Refusal::new(code, message)),
        }
    }

    /// Requests that are answered by `done` or `error` alone.
    async fn act(&mut self, link: &mut Link, message: ClientMessage) -> Result<(), Refusal> {
        let app = Arc::clone(&link.app);
        let side = AuthorKind::Agent;
        match message {
            ClientMessage::Typing { conversation: Some(conversation), on } => {
                app.desk.owned(&conversation, Some(&self.user.id)).await?;
                app.desk.typing(&conversation, side, &link.session, on);
                Ok(())
            }
            ClientMessage::Read { conversation: Some(conversation), seq } => {
                // What was read may have been resolved or given back meanwhile: nothing to complain about.
                match app.desk.owned(&conversation, Some(&self.user.id)).await {
                    Ok(_) => app.desk.read(&conversation, side, seq).await,
                    Err(_) => Ok(()),
                }
            }
            ClientMessage::Unsubscribe { conversation } => {
                self.unfollow(link, &conversation);
                Ok(())
            }
            ClientMessage::Take { conversation } => app.desk.take(&conversation, &self.user.id, &self.user.name).await,
            ClientMessage::Release { conversation } => {
                app.desk.owned(&conversation, Some(&self.user.id)).await?;
                app.calls.end_of_conversation(&conversation).await;
                app.desk.release(&conversation, &self.author).await
            }
            ClientMessage::Resolve { conversation } => {
                app.desk.owned(&conversation, Some(&self.user.id)).await?;
                app.calls.end_of_conversation(&conversation).await;
                app.desk.resolve(&conversation, &self.author).await
            }
            ClientMessage::EndRequest { conversation: Some(conversation) } => {
                app.desk.owned(&conversation, Some(&self.user.id)).await?;
                app.desk.end_request(&conversation, self.author.clone()).await
            }
            ClientMessage::Invite { conversation } => {
                app.gate.call()?;
                app.calls.invite(&link.session, &self.author, &conversation).await
            }
            ClientMessage::EndCall { call, reason } => {
                let user = Some(self.user.id.clone());
                self.command(&app, CallCommand::End { call, side, user, reason }).await
            }
            ClientMessage::Phase { call, phase, at_ms } => {
                self.command(&app, CallCommand::Phase { call, side, phase, at_ms }).await
            }
            ClientMessage::Sending { call, sources } => {
                let session = link.session.clone();
                self.command(&app, CallCommand::Sending { call, session, side, sources }).await
            }
            ClientMessage::SetContent { call, content } => {
                let session = link.session.clone();
                self.command(&app, CallCommand::SetContent { call, session, content }).await
            }
            ClientMessage::JoinCall { call } => {
                let session = link.session.clone();
                any_call(&app, CallCommand::Join { call, session }).await.map(drop)
            }
            ClientMessage::LeaveCall { call } => {
                self.watched.remove(&call);
                let session = link.session.clone();
                any_call(&app, CallCommand::Leave { call, session }).await.map(drop)
            }
            ClientMessage::MediaClose {} => {
                app.calls.agent_closed_media(&link.session).await;
                Ok(())
            }
            _ => Err(Refusal::new(ErrorCode::Forbidden, "only the viewer may do this")),
        }
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

    async fn message(&mut self, link: &mut Link, id: Option<u32>, message: ClientMessage) -> Result<(), Gone> {
        match message {
            ClientMessage::Send { conversation: Some(conversation), client_id, text } => {
                self.chat(link, id, conversation, client_id, text).await
            }
            ClientMessage::Note { conversation, client_id, text } => {
                self.add_note(link, id, conversation, client_id, text).await
            }
            ClientMessage::Subscribe { conversation, after_seq } => {
                let result = self.follow(link, conversation.clone(), after_seq).await;
                let followed = result.is_ok();
                link.answer(id, result).await?;
                if followed { self.send_missing(link, &conversation).await } else { Ok(()) }
            }
            ClientMessage::MediaOffer { sdp, restart, .. } => self.offer(link, id, sdp, restart).await,
            ClientMessage::WatchCall { call, sdp, restart } => self.watch(link, id, call, sdp, restart).await,
            ClientMessage::Block(block) => {
                let user = self.user.id.clone();
                self.calls.take(link, Sender::Agent(&user), id, block).await
            }
            message => {
                let result = self.act(link, message).await;
                link.answer(id, result).await
            }
        }
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

async fn acknowledge(
    link: &mut Link,
    id: Option<u32>,
    client_id: String,
    sent: Result<Sent, Refusal>,
) -> Result<(), Gone> {
    match sent {
        Ok(sent) => {
            let conversation = sent.conversation.id;
            link.send(&ServerMessage::Ack { client_id, conversation, seq: sent.seq, at_ms: sent.at_ms }).await
        }
        Err(refusal) => link.refuse(id, refusal, false).await,
    }
}
