//! Colleagues in a call: each has a connection of its own at the worker of the call, made while the chat is looked at and
//! joined at the click, so that the picture is one trip away wherever the colleague's warm connection lives.

use signaling::limits::CALL_GUESTS_MAX;
use signaling::timeline::{Author, EntryBody};
use signaling::wire::{CallGuest, CallStage, ErrorCode, Refusal, ServerMessage, SlotAssignment, SourceState};
use signaling::{CallId, UserId};

use super::live::LiveCall;
use super::service::{Calls, media_refusal};
use crate::clock;
use crate::cluster::{CallReply, SessionId};
use crate::media_driver::PeerId;
use crate::storage::NewEntry;

/// A colleague with a connection to a call.
pub(super) struct Guest {
    /// Whose session.
    pub(super) session: SessionId,
    /// Who.
    pub(super) user: UserId,
    /// Name to show.
    pub(super) name: String,
    /// The connection.
    pub(super) peer: PeerId,
    /// Whether it receives, and is seen by the others.
    pub(super) joined: bool,
    /// Its microphone, by its own word.
    pub(super) audio: SourceState,
}

impl LiveCall {
    /// Brings the colleagues who have joined into what is told.
    fn show_guests(&mut self) {
        let joined = self.guests.iter().filter(|guest| guest.joined);
        let shown =
            |guest: &Guest| CallGuest { user: guest.user.clone(), name: guest.name.clone(), audio: guest.audio };
        self.state.guests = joined.map(shown).collect();
    }

    /// A colleague who has joined says what its microphone does. Whether it is one, and whether that is news.
    pub(super) fn note_guest_audio(&mut self, session: &SessionId, audio: SourceState) -> Option<bool> {
        let guest = self.guests.iter_mut().find(|guest| guest.joined && guest.session == *session)?;
        let news = guest.audio != audio;
        guest.audio = audio;
        self.show_guests();
        Some(news)
    }
}

impl Calls {
    /// A colleague's offer: a connection at the worker of this call, or the ICE restart of it.
    pub(super) async fn watch(
        &self,
        live: &mut LiveCall,
        author: &Author,
        session: SessionId,
        sdp: String,
        restart: bool,
    ) -> Result<CallReply, Refusal> {
        let Some(user) = author.user.clone().filter(|user| *user != live.state.agent) else {
            return Err(Refusal::new(ErrorCode::Invalid, "this is your own call"));
        };
        let known = live.guests.iter().position(|guest| guest.session == session);
        let sdp = match (known, restart) {
            (Some(at), true) => {
                let peer = live.guests[at].peer;
                let answer = self.media.reoffer(peer, sdp).await.map_err(media_refusal)?;
                self.restarted(peer);
                answer
            }
            (None, true) => return Err(Refusal::new(ErrorCode::OutOfOrder, "there is no connection to restart")),
            (_, false) => {
                if known.is_some() {
                    self.dismiss(live, &session).await;
                }
                self.make_room(live).await?;
                let connected = self.media.connect(Some(live.room.worker()), sdp).await.map_err(media_refusal)?;
                let peer = connected.peer;
                self.inner().guest_peers.insert(peer, (live.id().clone(), session.clone()));
                live.guests.push(Guest {
                    session,
                    user,
                    name: author.name.clone(),
                    peer,
                    joined: false,
                    audio: SourceState::default(),
                });
                connected.answer
            }
        };
        Ok(CallReply::Answer { sdp, start_bitrate_kbps: None })
    }

    /// Who only looks gives its place to who comes: a pointer that rests on a row must keep nobody out.
    async fn make_room(&self, live: &mut LiveCall) -> Result<(), Refusal> {
        if live.guests.len() < CALL_GUESTS_MAX {
            return Ok(());
        }
        let idle = live.guests.iter().find(|guest| !guest.joined).map(|guest| guest.session.clone());
        let Some(session) = idle else {
            return Err(Refusal::new(ErrorCode::Overloaded, "three colleagues are in this call already"));
        };
        self.dismiss(live, &session).await;
        self.direct(session, closed(live.id()));
        Ok(())
    }

    /// A colleague joins over the connection it made.
    pub(super) async fn join_call(&self, live: &mut LiveCall, session: &SessionId) -> Result<(), Refusal> {
        if live.state.stage == CallStage::Invited {
            return Err(Refusal::new(ErrorCode::OutOfOrder, "the viewer has not accepted yet"));
        }
        let room = live.room;
        let Some(guest) = live.guests.iter_mut().find(|guest| guest.session == *session) else {
            return Err(Refusal::new(ErrorCode::OutOfOrder, "watch_call comes before join_call"));
        };
        if guest.joined {
            return Ok(());
        }
        self.media.join(room, guest.peer).await.map_err(media_refusal)?;
        guest.joined = true;
        let (user, name) = (guest.user.clone(), guest.name.clone());
        let body = EntryBody::CallJoined { call: live.id().clone(), agent: user.clone(), name: name.clone() };
        self.note_guest(live, Author::agent(user, &name), body).await;
        Ok(())
    }

    /// A colleague leaves, or its page is gone. Nothing happens when it is no guest.
    pub(super) async fn dismiss(&self, live: &mut LiveCall, session: &SessionId) {
        let Some(at) = live.guests.iter().position(|guest| guest.session == *session) else { return };
        let guest = live.guests.remove(at);
        self.forget_guest_peer(guest.peer);
        self.media.close_peer(guest.peer).await;
        if guest.joined {
            let body =
                EntryBody::CallLeft { call: live.id().clone(), agent: guest.user.clone(), name: guest.name.clone() };
            self.note_guest(live, Author::agent(guest.user, &guest.name), body).await;
        }
    }

    /// Closes the connections of all colleagues, at the end of a call.
    pub(super) async fn dismiss_all(&self, live: &mut LiveCall) {
        live.state.guests.clear();
        for guest in std::mem::take(&mut live.guests) {
            self.forget_guest_peer(guest.peer);
            self.media.close_peer(guest.peer).await;
            self.direct(guest.session, closed(live.id()));
        }
    }

    /// The media reports that a connection is over: if it was a colleague's, the colleague is told.
    pub(super) async fn guest_peer_closed(&self, peer: PeerId) {
        let known = self.inner().guest_peers.get(&peer).cloned();
        let Some((call, session)) = known else { return };
        if let Some(shared) = self.call(&call) {
            self.dismiss(&mut *shared.lock().await, &session).await;
        }
        self.forget_guest_peer(peer);
        self.direct(session, closed(&call));
    }

    /// What a colleague's connection receives, as it is told.
    pub(super) fn tell_guest_slots(&self, peer: PeerId, slots: Vec<SlotAssignment>) {
        if let Some((call, session)) = self.inner().guest_peers.get(&peer).cloned() {
            self.direct(session, ServerMessage::Slots { slots, watched: Some(call) });
        }
    }

    /// Asks a colleague's page for an ICE restart.
    pub(super) fn tell_guest_lost(&self, peer: PeerId) {
        if let Some((call, session)) = self.inner().guest_peers.get(&peer).cloned() {
            self.direct(session, ServerMessage::MediaRestart { watched: Some(call) });
        }
    }

    fn forget_guest_peer(&self, peer: PeerId) {
        let mut inner = self.inner();
        inner.guest_peers.remove(&peer);
        inner.lost_peers.remove(&peer);
    }

    /// Writes down who came or went and tells everyone. A refusal by the store is logged: the call goes on.
    async fn note_guest(&self, live: &mut LiveCall, author: Author, body: EntryBody) {
        live.show_guests();
        let entry = NewEntry { author, client_id: None, body, at_ms: clock::now_ms() };
        match self.desk.store.append(&live.state.conversation, entry).await {
            Ok(appended) => self.tell(live, Some(&appended)),
            Err(error) => {
                tracing::warn!(%error, call = %live.id(), "a colleague's coming or going was not stored");
                self.tell(live, None);
            }
        }
    }
}

fn closed(call: &CallId) -> ServerMessage {
    ServerMessage::MediaClosed {
        message: "the connection to the call was closed".to_owned(),
        watched: Some(call.clone()),
    }
}
