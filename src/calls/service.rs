//! The running calls of this node: invitation, acceptance, end.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use signaling::call::{self, CallEvent};
use signaling::timeline::{Author, AuthorKind, EndReason, Surface};
use signaling::wire::{CallStage, CallState, ErrorCode, Phase, Refusal};
use signaling::{CallId, ConversationId};

use super::agents::AgentMedia;
use super::live::LiveCall;
use super::phases;
use crate::clock;
use crate::cluster::{CallCommand, NodeId, Note, SessionId, Topic};
use crate::media_driver::{MediaError, MediaHandle, PeerId, RoomId};
use crate::random;
use crate::storage::{Appended, NewCall, StorageError};
use crate::support::{Desk, call_state, refusal};
use crate::telemetry::TelemetryLog;

/// A call behind its own lock: what happens in one call waits for nothing in another.
pub(super) type Shared = Arc<tokio::sync::Mutex<LiveCall>>;

/// The calls of this node.
pub struct Calls {
    pub(super) node: NodeId,
    pub(super) desk: Arc<Desk>,
    pub(super) media: MediaHandle,
    pub(super) telemetry: TelemetryLog,
    pub(super) start_bitrate_kbps: Option<u32>,
    pub(super) away_ms_max: i64,
    pub(super) inner: Mutex<Inner>,
    closing: AtomicBool,
}

/// Who is where. Never locked across an await.
#[derive(Default)]
pub(super) struct Inner {
    pub(super) calls: HashMap<CallId, Shared>,
    pub(super) rooms: HashMap<RoomId, CallId>,
    pub(super) viewer_peers: HashMap<PeerId, CallId>,
    pub(super) agents: HashMap<SessionId, AgentMedia>,
    pub(super) agent_peers: HashMap<PeerId, SessionId>,
    /// Connections of colleagues to a call; bounded by the calls that run.
    pub(super) guest_peers: HashMap<PeerId, (CallId, SessionId)>,
    /// Connections that lost their path, with the time at which they did, ms.
    pub(super) lost_peers: HashMap<PeerId, i64>,
    /// Calls with a change of their ends that is not told yet.
    pub(super) untold: HashSet<CallId>,
    /// Calls whose end the store refused; bounded by the calls that can run.
    pub(super) unrecorded: Vec<(CallId, EndReason)>,
}

impl Calls {
    /// No calls yet. `start_bitrate_kbps` is told to senders; `None` leaves it to them. An end that is away longer than
    /// `away_ms_max` is given up.
    #[must_use]
    pub fn new(
        node: NodeId,
        desk: Arc<Desk>,
        media: MediaHandle,
        telemetry: TelemetryLog,
        start_bitrate_kbps: Option<u32>,
        away_ms_max: i64,
    ) -> Self {
        Self {
            node,
            desk,
            media,
            telemetry,
            start_bitrate_kbps,
            away_ms_max,
            inner: Mutex::default(),
            closing: AtomicBool::new(false),
        }
    }

    /// Media of this node, for the operations page.
    #[must_use]
    pub fn media(&self) -> &MediaHandle {
        &self.media
    }

    /// Ends the calls that a former process of this node left behind; without other nodes, those of any name (a new
    /// data folder makes a new one).
    ///
    /// # Errors
    /// What the store refuses.
    pub async fn end_leftovers(&self, alone: bool) -> Result<usize, StorageError> {
        let store = &self.desk.store;
        let left = if alone { store.all_unended_calls().await? } else { store.unended_calls(&self.node.0).await? };
        for row in &left {
            self.desk.store.end_call(&row.id, EndReason::ServerRestarted, Author::system(), clock::now_ms()).await?;
        }
        Ok(left.len())
    }

    /// Invites the viewer of an own conversation.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] when the agent does not have it, [`ErrorCode::ViewerOffline`],
    /// [`ErrorCode::CallRunning`] when either side has a call, [`ErrorCode::Overloaded`] when the media is full.
    pub async fn invite(
        &self,
        session: &SessionId,
        agent: &Author,
        conversation: &ConversationId,
    ) -> Result<(), Refusal> {
        if self.closing.load(Ordering::Acquire) {
            return Err(Refusal::new(ErrorCode::Overloaded, "the server is shutting down"));
        }
        let user = self.desk.owned(conversation, agent.user.as_ref()).await?;
        if !self.desk.presence.viewer_online(conversation) {
            return Err(Refusal::new(ErrorCode::ViewerOffline, "the viewer is not on line"));
        }
        let peer = self.inner().agents.get(session).and_then(|agent| agent.peer);
        let room = self.media.create_room(peer.map(|peer| peer.worker())).await.map_err(media_refusal)?;
        let new = NewCall {
            id: CallId(random::id('k')),
            conversation: conversation.clone(),
            node: self.node.0.clone(),
            agent: user,
            agent_name: agent.name.clone(),
        };
        let (row, appended) = match self.desk.store.invite_call(new, agent.clone(), clock::now_ms()).await {
            Ok(done) => done,
            Err(error) => {
                self.media.close_room(room).await;
                return Err(match error {
                    StorageError::Conflict => {
                        Refusal::new(ErrorCode::CallRunning, "this viewer has a call, or you have two invitations open")
                    }
                    other => refusal(other),
                });
            }
        };
        let mut live = LiveCall::invited(&self.node, &row, session.clone(), room);
        live.note_phase(Phase::Invited, row.invited_at_ms as f64);
        {
            let mut inner = self.inner();
            inner.rooms.insert(room, row.id.clone());
            let shared = Arc::new(tokio::sync::Mutex::new(live));
            inner.calls.insert(row.id.clone(), Arc::clone(&shared));
        }
        // The receiver is subscribed before the first packet: the agent joins before the viewer knows. With another
        // invitation open it joins that viewer's room who accepts first.
        self.join_agent(session, room).await;
        if let Some(shared) = self.call(&row.id) {
            let live = shared.lock().await;
            self.tell(&live, Some(&appended));
        }
        metrics::counter!("sightline_calls_invited_total").increment(1);
        Ok(())
    }

    /// The viewer accepted: the capture runs.
    pub(super) async fn accept(
        &self,
        live: &mut LiveCall,
        session: SessionId,
        surface: Surface,
    ) -> Result<(), Refusal> {
        call::advance(live.state.stage, CallEvent::Accepted)?;
        if live.viewer_session.as_ref().is_some_and(|known| *known != session) {
            return Err(Refusal::new(ErrorCode::OutOfOrder, "another tab of this viewer has the card"));
        }
        let viewer = self.viewer_author(&live.state.conversation).await?;
        let done = self.desk.store.accept_call(live.id(), surface, viewer, clock::now_ms()).await;
        let (row, appended) = done.map_err(|error| match error {
            StorageError::Conflict => Refusal::new(ErrorCode::CallRunning, "the agent is in another call"),
            other => refusal(other),
        })?;
        let (viewer, agent_side, content) = (live.state.viewer, live.state.agent_side, live.state.content);
        live.state = CallState { viewer, agent_side, content, ..call_state(&row) };
        live.note_first_packets();
        // The invitation may have been a second one, for which the agent's connection was not in the room yet.
        self.bring_agent(&live.agent_session, live.room).await;
        live.viewer_session = Some(session);
        self.tell(live, Some(&appended));
        self.save_phases(live).await;
        metrics::counter!("sightline_calls_accepted_total").increment(1);
        Ok(())
    }

    /// The agent decoded its first frame.
    pub(super) async fn went_live(&self, live: &mut LiveCall, at_ms: f64) -> Result<(), Refusal> {
        let stage = call::advance(live.state.stage, CallEvent::FirstFrame)?;
        self.desk.store.set_call_live(live.id()).await.map_err(refusal)?;
        live.state.stage = stage;
        live.note_phase(Phase::FirstFrame, at_ms);
        self.tell(live, None);
        self.save_phases(live).await;
        Ok(())
    }

    /// Ends a call: the record first, then the media, then everyone is told. Does nothing when it is over.
    pub(super) async fn end(&self, live: &mut LiveCall, reason: EndReason, side: AuthorKind) {
        if live.state.stage == CallStage::Ended {
            return;
        }
        let author = match side {
            AuthorKind::Viewer => {
                self.viewer_author(&live.state.conversation).await.unwrap_or_else(|_| Author::system())
            }
            AuthorKind::Agent => Author::agent(live.state.agent.clone(), &live.state.agent_name),
            AuthorKind::System => Author::system(),
        };
        if let Some(block) = live.samples.flush() {
            block.store(&self.telemetry).await;
        }
        self.save_phases(live).await;
        if live.state.accepted_at_ms.is_some() {
            let mode = if live.mode() == Some(signaling::api::ConnectMode::Warm) { "warm" } else { "cold" };
            for (step, seconds) in phases::steps(&live.phases) {
                metrics::histogram!("sightline_connect_step_seconds", "step" => step, "mode" => mode).record(seconds);
            }
        }
        let ended = self.desk.store.end_call(live.id(), reason, author, clock::now_ms()).await;
        live.state.stage = CallStage::Ended;
        live.state.reason = Some(reason);
        self.drop_media(live).await;
        let appended = match ended {
            Ok(Some((row, appended))) => {
                live.state = call_state(&row);
                Some(appended)
            }
            Ok(None) => None,
            Err(error) => {
                // The people must not wait for it; until it is written neither of them can have another call.
                tracing::error!(%error, call = %live.id(), "the end of a call was not stored, it is tried again");
                self.inner().unrecorded.push((live.id().clone(), reason));
                None
            }
        };
        self.tell(live, appended.as_ref());
        let label = serde_json::to_value(reason).ok().and_then(|value| value.as_str().map(str::to_owned));
        metrics::counter!("sightline_calls_ended_total", "reason" => label.unwrap_or_default()).increment(1);
    }

    /// Writes the ends that could not be written.
    pub(super) async fn record_ends(&self) {
        let unrecorded = std::mem::take(&mut self.inner().unrecorded);
        for (call, reason) in unrecorded {
            match self.desk.store.end_call(&call, reason, Author::system(), clock::now_ms()).await {
                Ok(Some((_, appended))) => self.desk.tell(&appended),
                Ok(None) => {}
                Err(_) => self.inner().unrecorded.push((call, reason)),
            }
        }
    }

    /// Tells the other nodes which calls run here.
    pub async fn tell_nodes(&self) {
        for shared in self.all() {
            let live = shared.lock().await;
            let note = Note::Call(live.handle.clone(), Box::new(live.state.clone()));
            self.desk.bus.publish(Topic::Nodes, note);
        }
    }

    /// From now on no call begins: invitations are refused, and those that stand are ended.
    pub async fn begin_drain(&self) {
        self.closing.store(true, Ordering::Release);
        for shared in self.all() {
            let mut live = shared.lock().await;
            if live.state.stage == CallStage::Invited {
                self.end(&mut live, EndReason::ServerShutdown, AuthorKind::System).await;
            }
        }
    }

    /// Whether a call runs on this node.
    #[must_use]
    pub fn any_running(&self) -> bool {
        !self.inner().calls.is_empty()
    }

    /// Ends all calls, for a shutdown.
    pub async fn end_all(&self, reason: EndReason) {
        let calls: Vec<Shared> = self.inner().calls.values().cloned().collect();
        for shared in calls {
            self.end(&mut *shared.lock().await, reason, AuthorKind::System).await;
        }
    }

    /// Ends the running call of a conversation that is resolved or put back.
    pub async fn end_of_conversation(&self, conversation: &ConversationId) {
        let Some((handle, state)) = self.desk.calls.of(conversation) else { return };
        let reason = Some(EndReason::ConversationClosed);
        let command = CallCommand::End { call: state.id, side: AuthorKind::System, user: None, reason };
        self.desk.bus.request(handle.node, command).await;
    }

    /// Stores the phases that are not stored yet; a failure is logged, the call goes on.
    pub(super) async fn save_phases(&self, live: &mut LiveCall) {
        let unsaved = std::mem::take(&mut live.unsaved);
        if unsaved.is_empty() {
            return;
        }
        if let Err(error) = self.desk.store.record_phases(live.id(), &unsaved, live.mode()).await {
            tracing::warn!(%error, call = %live.id(), "connect phases were not stored");
            live.unsaved = unsaved;
        }
    }

    /// Tells both ends, the other nodes and the desk how a call stands.
    pub(super) fn tell(&self, live: &LiveCall, appended: Option<&Appended>) {
        self.desk.calls.note(&live.handle, &live.state);
        let note = Note::Call(live.handle.clone(), Box::new(live.state.clone()));
        for topic in [Topic::Nodes, Topic::Desk, Topic::Viewer(live.state.conversation.clone())] {
            self.desk.bus.publish(topic, note.clone());
        }
        if let Some(appended) = appended {
            self.desk.tell(appended);
        } else {
            let desk = Arc::clone(&self.desk);
            let conversation = live.state.conversation.clone();
            tokio::spawn(async move {
                if let Ok(row) = desk.conversation(&conversation).await {
                    desk.tell_changed(&row);
                }
            });
        }
    }

    /// A running call.
    pub(super) fn call(&self, id: &CallId) -> Option<Shared> {
        self.inner().calls.get(id).cloned()
    }

    /// All running calls.
    pub(super) fn all(&self) -> Vec<Shared> {
        self.inner().calls.values().cloned().collect()
    }

    pub(super) fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn viewer_author(&self, conversation: &ConversationId) -> Result<Author, Refusal> {
        Ok(Author::viewer(&self.desk.conversation(conversation).await?.viewer_name))
    }

    async fn drop_media(&self, live: &mut LiveCall) {
        self.dismiss_all(live).await;
        let viewer_peer = live.viewer_peer.take();
        {
            let mut inner = self.inner();
            inner.calls.remove(live.id());
            inner.rooms.remove(&live.room);
            if let Some(peer) = viewer_peer {
                inner.viewer_peers.remove(&peer);
                inner.lost_peers.remove(&peer);
            }
        }
        if let Some(peer) = viewer_peer {
            self.media.close_peer(peer).await;
        }
        self.media.close_room(live.room).await;
        self.free_agent(&live.agent_session, live.room);
    }
}

/// What a client is told when the media refuses.
pub fn media_refusal(error: MediaError) -> Refusal {
    match error {
        MediaError::BadSdp(detail) => Refusal::new(ErrorCode::BadSdp, detail),
        MediaError::Full(what) => Refusal::new(ErrorCode::Overloaded, format!("this server has no more {what}")),
        other => {
            tracing::error!(error = %other, "media refused");
            Refusal::new(ErrorCode::Internal, "the media connection could not be set up")
        }
    }
}
