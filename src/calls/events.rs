//! What the media of this node reports, and what time brings.

use std::sync::Arc;
use std::time::Duration;

use signaling::timeline::{AuthorKind, EndReason};
use signaling::wire::{CallStage, Phase, ServerMessage, SlotAssignment, SlotSide, SlotSource};

use super::ends::TOLD_EVERY;
use super::live::LiveCall;
use super::service::Calls;
use crate::clock;
use crate::cluster::{Note, SessionId, Topic};
use crate::media_driver::{MediaEvent, PeerId, RoomId, SlotUse, SourceKind};

/// How long an accepted call may be without a picture, ms. The slowest cold connect over a bad line takes a few seconds;
/// after this nobody believes in it any more, and the agent can invite again.
const CONNECTING_MS: i64 = 45_000;
/// How long a closed media connection waits for its socket to say why, ms: the two travel apart.
const CLOSE_REASON_MS: i64 = 1_500;

impl Calls {
    /// Works through the media's reports and the clock until the media ends.
    pub async fn run(self: Arc<Self>, mut events: tokio::sync::mpsc::Receiver<MediaEvent>) {
        let mut tick = tokio::time::interval(Duration::from_secs(1));
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut told = tokio::time::interval(TOLD_EVERY);
        told.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                event = events.recv() => match event {
                    Some(event) => self.media_event(event).await,
                    None => return,
                },
                _ = tick.tick() => self.every_second().await,
                _ = told.tick() => self.tell_untold().await,
            }
        }
    }

    async fn media_event(self: &Arc<Self>, event: MediaEvent) {
        match event {
            MediaEvent::IceConnected { peer, at_ms } => {
                self.inner().lost_peers.remove(&peer);
                self.viewer_phase(peer, Phase::Ice, at_ms).await;
                self.media_absence(peer, None).await;
            }
            MediaEvent::DtlsConnected { peer, at_ms } => self.viewer_phase(peer, Phase::Dtls, at_ms).await,
            MediaEvent::FirstPacketIn { room, peer, kind, at_ms } => {
                self.first_packet(room, peer, Phase::FirstPacketIn, kind, at_ms).await;
            }
            MediaEvent::FirstPacketOut { room, from, kind, at_ms, .. } => {
                self.first_packet(room, from, Phase::FirstPacketOut, kind, at_ms).await;
            }
            MediaEvent::Disconnected { peer } => self.peer_lost(peer).await,
            MediaEvent::Closed { peer } => self.peer_closed(peer).await,
            MediaEvent::Slots { peer, slots } => self.slots_changed(peer, slots).await,
            MediaEvent::Sample { room, publisher, json } => self.sample(room, publisher, json).await,
            MediaEvent::WorkerFailed { worker, rooms, peers } => {
                tracing::error!(worker, rooms = rooms.len(), "a media worker failed and was restarted");
                for room in rooms {
                    self.end_room(room, EndReason::WorkerFailed).await;
                }
                for peer in peers {
                    self.peer_closed(peer).await;
                }
            }
        }
    }

    async fn viewer_phase(&self, peer: PeerId, phase: Phase, at_ms: f64) {
        let call = self.inner().viewer_peers.get(&peer).cloned();
        if let Some(shared) = call.and_then(|call| self.call(&call)) {
            shared.lock().await.note_phase(phase, at_ms);
        }
    }

    async fn first_packet(&self, room: RoomId, from: PeerId, phase: Phase, kind: SourceKind, at_ms: f64) {
        let call = self.inner().rooms.get(&room).cloned();
        if let Some(shared) = call.and_then(|call| self.call(&call)) {
            let mut live = shared.lock().await;
            // What the agent sends is no step of the way to the picture.
            if live.viewer_peer == Some(from) {
                live.note_first_packet(phase, kind, at_ms);
            }
        }
    }

    /// Notes at a connection's end of its calls since when it has no media path.
    async fn media_absence(&self, peer: PeerId, since_ms: Option<i64>) {
        let (call, agent) = {
            let inner = self.inner();
            (inner.viewer_peers.get(&peer).cloned(), inner.agent_peers.get(&peer).cloned())
        };
        if let Some(shared) = call.and_then(|call| self.call(&call)) {
            let mut live = shared.lock().await;
            if live.viewer_peer == Some(peer) {
                self.note_absence(&mut live, |live| live.viewer.media_ms = since_ms);
            }
        } else if let Some(session) = agent {
            self.note_agent_absence(&session, |live| live.agent.media_ms = since_ms).await;
        }
    }

    async fn peer_lost(&self, peer: PeerId) {
        let now_ms = clock::now_ms();
        self.inner().lost_peers.insert(peer, now_ms);
        self.media_absence(peer, Some(now_ms)).await;
        if let Some(session) = self.session_of(peer).await {
            self.direct(session, ServerMessage::MediaRestart { watched: None });
        }
        self.tell_guest_lost(peer);
    }

    /// A connection that is over: a viewer's ends its call, an agent's is made anew by its page.
    async fn peer_closed(&self, peer: PeerId) {
        self.inner().lost_peers.remove(&peer);
        self.guest_peer_closed(peer).await;
        let call = self.inner().viewer_peers.remove(&peer);
        if let Some(shared) = call.and_then(|call| self.call(&call)) {
            let mut live = shared.lock().await;
            if live.viewer_peer != Some(peer) {
                return;
            }
            live.viewer_peer = None;
            if live.state.stage == CallStage::Invited {
                if let Some(session) = live.viewer_session.clone() {
                    self.direct(session, closed_message());
                }
                return;
            }
            // A page that is closed or loaded anew says so on its socket a moment later: that is the better reason.
            live.media_gone_until_ms = Some(clock::now_ms() + CLOSE_REASON_MS);
            return;
        }
        let session = self.inner().agent_peers.get(&peer).cloned();
        if let Some(session) = session {
            // Until its page has made another one.
            let now_ms = clock::now_ms();
            self.note_agent_absence(&session, |live| {
                live.agent.media_ms.get_or_insert(now_ms);
            })
            .await;
            self.forget_agent_peer(&session, peer).await;
            self.direct(session, closed_message());
        }
    }

    async fn slots_changed(&self, peer: PeerId, slots: Vec<SlotUse>) {
        let slots = {
            let inner = self.inner();
            // Whose connection has just been forgotten is about to leave the slots.
            let side = |publisher: PeerId| {
                if inner.viewer_peers.contains_key(&publisher) {
                    Some(SlotSide::Viewer)
                } else if inner.agent_peers.contains_key(&publisher) {
                    Some(SlotSide::Agent)
                } else {
                    inner.guest_peers.contains_key(&publisher).then_some(SlotSide::Guest)
                }
            };
            let assign = |slot: SlotUse| {
                Some(SlotAssignment {
                    call: inner.rooms.get(&slot.room)?.clone(),
                    mid: slot.mid,
                    side: side(slot.publisher)?,
                    source: match slot.kind {
                        SourceKind::Audio => SlotSource::Audio,
                        SourceKind::Screen => SlotSource::Screen,
                        SourceKind::Camera => SlotSource::Camera,
                    },
                })
            };
            slots.into_iter().filter_map(assign).collect::<Vec<_>>()
        };
        let Some(session) = self.session_of(peer).await else {
            self.tell_guest_slots(peer, slots);
            return;
        };
        if let Some(agent) = self.inner().agents.get_mut(&session) {
            agent.slots.clone_from(&slots);
        }
        let call = self.inner().viewer_peers.get(&peer).cloned();
        if let Some(shared) = call.and_then(|call| self.call(&call)) {
            shared.lock().await.viewer_slots.clone_from(&slots);
        }
        self.direct(session, ServerMessage::Slots { slots, watched: None });
    }

    async fn sample(self: &Arc<Self>, room: RoomId, publisher: PeerId, json: serde_json::Value) {
        let call = self.inner().rooms.get(&room).cloned();
        if let Some(shared) = call.and_then(|call| self.call(&call)) {
            let mut live = shared.lock().await;
            let of_viewer = live.viewer_peer == Some(publisher);
            let agent_peer = self.inner().agents.get(&live.agent_session).and_then(|agent| agent.peer);
            // What colleagues send is no part of the agent's leg.
            if !of_viewer && agent_peer != Some(publisher) {
                return;
            }
            let block = live.samples.push(of_viewer, json);
            drop(live);
            if let Some(block) = block {
                let calls = Arc::clone(self);
                tokio::spawn(async move { block.store(&calls.telemetry).await });
            }
        }
    }

    async fn end_room(&self, room: RoomId, reason: EndReason) {
        let call = self.inner().rooms.get(&room).cloned();
        if let Some(shared) = call.and_then(|call| self.call(&call)) {
            self.end(&mut *shared.lock().await, reason, AuthorKind::System).await;
        }
    }

    /// Invitations that ran out, sockets and paths that did not come back.
    async fn every_second(&self) {
        let now_ms = clock::now_ms();
        self.record_ends().await;
        for shared in self.all() {
            let mut live = shared.lock().await;
            if live.state.stage == CallStage::Invited {
                self.look_after_invitation(&mut live, now_ms).await;
            } else if let Some(reason) = self.call_is_over(&live, now_ms) {
                self.end(&mut live, reason, AuthorKind::System).await;
            }
        }
        let (lost, gone): (Vec<PeerId>, Vec<SessionId>) = {
            let inner = self.inner();
            let over = |since: i64| since + self.away_ms_max <= now_ms;
            let lost = inner.lost_peers.iter().filter(|(_, since)| over(**since)).map(|(peer, _)| *peer).collect();
            let gone = inner.agents.iter().filter(|(_, agent)| agent.gone_since_ms.is_some_and(over));
            (lost, gone.map(|(id, _)| id.clone()).collect())
        };
        for peer in lost {
            self.peer_closed(peer).await;
            self.media.close_peer(peer).await;
        }
        for session in gone {
            self.drop_agent(&session, EndReason::AgentLost).await;
        }
    }

    async fn look_after_invitation(&self, live: &mut LiveCall, now_ms: i64) {
        if live.state.expires_at_ms <= now_ms {
            self.end(live, EndReason::Unanswered, AuthorKind::System).await;
        } else if live.viewer.socket_ms.is_some_and(|since| since + self.away_ms_max <= now_ms) {
            self.forget_viewer(live).await;
        }
    }

    /// Why an accepted call ends by the clock, if it does.
    fn call_is_over(&self, live: &LiveCall, now_ms: i64) -> Option<EndReason> {
        if live.media_gone_until_ms.is_some_and(|until| until <= now_ms) {
            return Some(EndReason::MediaFailed);
        }
        if let Some(reason) = live.given_up(now_ms, self.away_ms_max) {
            return Some(reason);
        }
        // Who is away connects nothing; the time counts anew from when both are there.
        let waits = live.state.stage == CallStage::Connecting && !live.is_anybody_away();
        let since_ms = live.state.accepted_at_ms.max(live.together_since_ms)?;
        (waits && since_ms + CONNECTING_MS <= now_ms).then_some(EndReason::MediaFailed)
    }

    async fn session_of(&self, peer: PeerId) -> Option<SessionId> {
        if let Some(session) = self.inner().agent_peers.get(&peer).cloned() {
            return Some(session);
        }
        let call = self.inner().viewer_peers.get(&peer).cloned()?;
        let shared = self.call(&call)?;
        let live = shared.lock().await;
        live.viewer_session.clone()
    }

    pub(super) fn direct(&self, session: SessionId, message: ServerMessage) {
        self.desk.bus.publish(Topic::Session(session), Note::Direct(Box::new(message)));
    }
}

/// Tells a client that its connection is no more.
pub(super) fn closed_message() -> ServerMessage {
    ServerMessage::MediaClosed { message: "the media connection was closed".to_owned(), watched: None }
}
