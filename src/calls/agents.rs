//! Agents' warm connections: made at log-in, kept, joined to a room when a call starts.

use signaling::UserId;
use signaling::timeline::{AuthorKind, EndReason};
use signaling::wire::{ErrorCode, Refusal, ServerMessage, SlotAssignment};

use super::events::closed_message;
use super::service::{Calls, media_refusal};
use crate::clock;
use crate::cluster::SessionId;
use crate::media_driver::{PeerId, RoomId};

/// Media of one agent session.
pub(super) struct AgentMedia {
    /// Whose.
    pub(super) user: UserId,
    /// The warm connection.
    pub(super) peer: Option<PeerId>,
    /// The room it is in: of the running call, else of the invitation that came first.
    pub(super) room: Option<RoomId>,
    /// Since when its socket is broken, ms.
    pub(super) gone_since_ms: Option<i64>,
    /// What arrives where, as last told; told again to a socket that resumes.
    pub(super) slots: Vec<SlotAssignment>,
}

impl Calls {
    /// An agent's session said hello. With the session of a broken socket its call goes on; a session of the same agent
    /// that is broken and not resumed belonged to a page that was loaded anew, and its call ends.
    pub async fn agent_back(&self, session: &SessionId, user: &UserId, resumed: bool) {
        let stale: Vec<SessionId> = {
            let mut inner = self.inner();
            let entry = inner.agents.entry(session.clone());
            entry
                .or_insert_with(|| AgentMedia {
                    user: user.clone(),
                    peer: None,
                    room: None,
                    gone_since_ms: None,
                    slots: Vec::new(),
                })
                .gone_since_ms = None;
            // A second tab that resumes its own session says nothing of the first one's page.
            inner
                .agents
                .iter()
                .filter(|_| !resumed)
                .filter(|(id, agent)| *id != session && agent.user == *user && agent.gone_since_ms.is_some())
                .map(|(id, _)| id.clone())
                .collect()
        };
        self.note_agent_absence(session, |live| live.agent.socket_ms = None).await;
        for session in stale {
            self.drop_agent(&session, EndReason::AgentLeft).await;
        }
    }

    /// What a socket that resumes may have missed while it was broken; nothing for a session that is not known here.
    #[must_use]
    pub fn agent_missed(&self, session: &SessionId) -> Vec<ServerMessage> {
        let inner = self.inner();
        let Some(agent) = inner.agents.get(session) else { return Vec::new() };
        let Some(peer) = agent.peer else { return vec![closed_message()] };
        let mut missed = vec![ServerMessage::Slots { slots: agent.slots.clone(), watched: None }];
        if inner.lost_peers.contains_key(&peer) {
            missed.push(ServerMessage::MediaRestart { watched: None });
        }
        missed
    }

    /// An agent's socket closed; after a goodbye the page is gone, otherwise it may come back.
    pub async fn agent_gone(&self, session: &SessionId, goodbye: bool) {
        if goodbye {
            return self.drop_agent(session, EndReason::AgentLeft).await;
        }
        let now_ms = clock::now_ms();
        if let Some(agent) = self.inner().agents.get_mut(session) {
            agent.gone_since_ms = Some(now_ms);
        }
        self.note_agent_absence(session, |live| live.agent.socket_ms = Some(now_ms)).await;
    }

    /// Whether a session may be resumed by `user`: it is unknown here, or the same user's.
    #[must_use]
    pub fn session_is_free(&self, session: &SessionId, user: &UserId) -> bool {
        self.inner().agents.get(session).is_none_or(|agent| agent.user == *user)
    }

    /// An agent's offer: its warm connection, or an ICE restart of it. Returns the answer.
    ///
    /// # Errors
    /// [`signaling::ErrorCode::BadSdp`], [`signaling::ErrorCode::Overloaded`].
    pub async fn agent_offer(&self, session: &SessionId, sdp: String, restart: bool) -> Result<String, Refusal> {
        let existing = self.inner().agents.get(session).and_then(|agent| agent.peer);
        if let Some(peer) = existing {
            if restart {
                let answer = self.media.reoffer(peer, sdp).await.map_err(media_refusal)?;
                self.restarted(peer);
                return Ok(answer);
            }
            self.forget_agent_peer(session, peer).await;
        } else if restart {
            self.direct(session.clone(), closed_message());
            return Err(Refusal::new(ErrorCode::OutOfOrder, "there is no connection to restart"));
        }
        let room = self.room_of_agent(session).await;
        let connected = self.media.connect(room.map(|room| room.worker()), sdp).await.map_err(media_refusal)?;
        {
            let mut inner = self.inner();
            inner.agent_peers.insert(connected.peer, session.clone());
            if let Some(agent) = inner.agents.get_mut(session) {
                agent.peer = Some(connected.peer);
            }
        }
        if let Some(room) = room {
            self.media.join(room, connected.peer).await.map_err(media_refusal)?;
            self.note_agent_room(session, Some(room));
        }
        Ok(connected.answer)
    }

    /// Puts the agent's warm connection into the room of an invitation, unless it is in that of an earlier one.
    pub(super) async fn join_agent(&self, session: &SessionId, room: RoomId) {
        let free = self.inner().agents.get(session).is_some_and(|agent| agent.room.is_none());
        if free {
            self.bring_agent(session, room).await;
        }
    }

    /// Sees to it that the agent's warm connection is in the room of a call that is accepted, wherever it was.
    pub(super) async fn bring_agent(&self, session: &SessionId, room: RoomId) {
        let known = self.inner().agents.get(session).map(|agent| (agent.peer, agent.room));
        let Some((Some(peer), present)) = known else { return };
        if present == Some(room) {
            return;
        }
        if let Some(former) = present {
            // Gone with its call in the meantime is as good as left.
            let _ = self.media.leave(former, peer).await;
        }
        match self.media.join(room, peer).await {
            Ok(()) => self.note_agent_room(session, Some(room)),
            Err(error) => {
                tracing::warn!(%error, "the agent's warm connection could not join");
                self.forget_agent_peer(session, peer).await;
                self.direct(session.clone(), closed_message());
            }
        }
    }

    /// A room is closed: whoever's connection was in it is free.
    pub(super) fn free_agent(&self, session: &SessionId, room: RoomId) {
        if let Some(agent) = self.inner().agents.get_mut(session).filter(|agent| agent.room == Some(room)) {
            agent.room = None;
        }
    }

    fn note_agent_room(&self, session: &SessionId, room: Option<RoomId>) {
        if let Some(agent) = self.inner().agents.get_mut(session) {
            agent.room = room;
        }
    }

    /// The agent closed its connection.
    pub async fn agent_closed_media(&self, session: &SessionId) {
        let peer = self.inner().agents.get(session).and_then(|agent| agent.peer);
        if let Some(peer) = peer {
            self.forget_agent_peer(session, peer).await;
        }
    }

    /// Closes a warm connection; the session stays.
    pub(super) async fn forget_agent_peer(&self, session: &SessionId, peer: PeerId) {
        {
            let mut inner = self.inner();
            inner.agent_peers.remove(&peer);
            inner.lost_peers.remove(&peer);
            if let Some(agent) = inner.agents.get_mut(session)
                && agent.peer == Some(peer)
            {
                agent.peer = None;
                agent.room = None;
                agent.slots.clear();
            }
        }
        self.media.close_peer(peer).await;
    }

    /// The page is gone: its call ends for `reason`, its connection closes.
    pub(super) async fn drop_agent(&self, session: &SessionId, reason: EndReason) {
        let side = if reason == EndReason::AgentLeft { AuthorKind::Agent } else { AuthorKind::System };
        for shared in self.all() {
            let mut live = shared.lock().await;
            if live.agent_session == *session {
                self.end(&mut live, reason, side).await;
            }
        }
        let agent = self.inner().agents.remove(session);
        if let Some(peer) = agent.and_then(|agent| agent.peer) {
            {
                let mut inner = self.inner();
                inner.agent_peers.remove(&peer);
                inner.lost_peers.remove(&peer);
            }
            self.media.close_peer(peer).await;
        }
    }

    /// The room of the agent's accepted call, else of an invitation.
    async fn room_of_agent(&self, session: &SessionId) -> Option<RoomId> {
        let mut invited = None;
        for shared in self.all() {
            let live = shared.lock().await;
            if live.agent_session != *session {
                continue;
            }
            if live.state.accepted_at_ms.is_some() {
                return Some(live.room);
            }
            invited = Some(live.room);
        }
        invited
    }
}
