//! The two ends of a running call: what each sends by its own word, and since when it is away.
//!
//! An end is away while its socket is broken without a goodbye or its media path is lost. The other end is told, and the
//! call goes on when it comes back in time.

use std::time::{Duration, Instant};

use signaling::timeline::{AuthorKind, EndReason};
use signaling::wire::{CallSide, CallStage, ContentHint, ErrorCode, Refusal, ServerMessage, Sources};

use super::events::closed_message;
use super::live::LiveCall;
use super::service::Calls;
use crate::clock;
use crate::cluster::{Note, SessionId, Topic};

/// Changes of an end that follow each other faster are told as one. A track that flickers, or a client that means harm,
/// costs the other end four messages a second.
pub(super) const TOLD_EVERY: Duration = Duration::from_millis(250);

/// Since when what of an end is broken, ms; `None` while it stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Absence {
    /// Its socket closed without a goodbye.
    pub(super) socket_ms: Option<i64>,
    /// Its media path was lost.
    pub(super) media_ms: Option<i64>,
}

impl Absence {
    /// Since when the end is away.
    pub(super) fn since_ms(self) -> Option<i64> {
        match (self.socket_ms, self.media_ms) {
            (Some(socket), Some(media)) => Some(socket.min(media)),
            (socket, media) => socket.or(media),
        }
    }

    /// Why a call ends whose end was away for `away_ms_max`: by `lost` when nothing is heard of it, else for want of a path.
    fn given_up(self, now_ms: i64, away_ms_max: i64, lost: EndReason) -> Option<EndReason> {
        let over = |since: Option<i64>| since.is_some_and(|since| since + away_ms_max <= now_ms);
        if over(self.socket_ms) {
            return Some(lost);
        }
        over(self.media_ms).then(|| if self.socket_ms.is_some() { lost } else { EndReason::MediaFailed })
    }
}

impl LiveCall {
    /// The state of one end.
    fn side(&mut self, side: AuthorKind) -> &mut CallSide {
        if side == AuthorKind::Viewer { &mut self.state.viewer } else { &mut self.state.agent_side }
    }

    /// Takes over what is broken into what is told.
    fn note_absences(&mut self) {
        let before = self.state.viewer.away_since_ms.or(self.state.agent_side.away_since_ms);
        self.state.viewer.away_since_ms = self.viewer.since_ms();
        self.state.agent_side.away_since_ms = self.agent.since_ms();
        if before.is_some() && !self.is_anybody_away() {
            self.together_since_ms = Some(clock::now_ms());
        }
    }

    /// Whether one of the ends is away.
    pub(super) fn is_anybody_away(&self) -> bool {
        self.viewer.since_ms().or(self.agent.since_ms()).is_some()
    }

    /// Why this call ends now for an end that did not come back.
    pub(super) fn given_up(&self, now_ms: i64, away_ms_max: i64) -> Option<EndReason> {
        let viewer = self.viewer.given_up(now_ms, away_ms_max, EndReason::ViewerLost);
        viewer.or_else(|| self.agent.given_up(now_ms, away_ms_max, EndReason::AgentLost))
    }
}

impl Calls {
    /// An end of an accepted call, or a colleague in it, says what it sends.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] from another page than the one in the call, [`ErrorCode::OutOfOrder`] before acceptance.
    pub(super) fn sending(
        &self,
        live: &mut LiveCall,
        session: &SessionId,
        side: AuthorKind,
        sources: Sources,
    ) -> Result<(), Refusal> {
        if side == AuthorKind::Agent
            && let Some(news) = live.note_guest_audio(session, sources.audio)
        {
            if news {
                self.tell_ends(live);
            }
            return Ok(());
        }
        let own = match side {
            AuthorKind::Viewer => live.viewer_session.as_ref() == Some(session),
            _ => live.agent_session == *session,
        };
        check_in_call(live, own)?;
        if live.side(side).sources != sources {
            live.side(side).sources = sources;
            self.tell_ends(live);
        }
        Ok(())
    }

    /// The agent says what the picture is to be tuned for.
    ///
    /// # Errors
    /// As [`Self::sending`].
    pub(super) fn set_content(
        &self,
        live: &mut LiveCall,
        session: &SessionId,
        content: ContentHint,
    ) -> Result<(), Refusal> {
        let own = live.agent_session == *session;
        check_in_call(live, own)?;
        if live.state.content != content {
            live.state.content = content;
            self.tell_ends(live);
        }
        Ok(())
    }

    /// Something of an end broke or came back: `change` says what.
    pub(super) fn note_absence(&self, live: &mut LiveCall, change: impl FnOnce(&mut LiveCall)) {
        change(live);
        let before = (live.state.viewer, live.state.agent_side);
        live.note_absences();
        if before != (live.state.viewer, live.state.agent_side) {
            self.tell_ends(live);
        }
    }

    /// The same for the agent's end of every call of a session; a session has one call and two invitations at most.
    pub(super) async fn note_agent_absence(&self, session: &SessionId, change: impl Fn(&mut LiveCall)) {
        for shared in self.all() {
            let mut live = shared.lock().await;
            if live.agent_session == *session && live.state.stage != CallStage::Ended {
                self.note_absence(&mut live, &change);
            }
        }
    }

    /// Tells both ends how the ends stand, now or with the next changes.
    fn tell_ends(&self, live: &mut LiveCall) {
        if live.ends_told_at.is_some_and(|at| at.elapsed() < TOLD_EVERY) {
            self.inner().untold.insert(live.id().clone());
        } else {
            self.tell_state(live);
        }
    }

    /// Tells what waited because it followed too fast on the last.
    pub(super) async fn tell_untold(&self) {
        let untold = std::mem::take(&mut self.inner().untold);
        for call in untold {
            if let Some(shared) = self.call(&call) {
                let mut live = shared.lock().await;
                if live.state.stage != CallStage::Ended {
                    self.tell_state(&mut live);
                }
            }
        }
    }

    /// Tells both ends, the other nodes and the desk the state of a call, whose record has not changed.
    fn tell_state(&self, live: &mut LiveCall) {
        live.ends_told_at = Some(Instant::now());
        self.desk.calls.note(&live.handle, &live.state);
        let note = Note::Call(live.handle.clone(), Box::new(live.state.clone()));
        for topic in [Topic::Nodes, Topic::Desk, Topic::Viewer(live.state.conversation.clone())] {
            self.desk.bus.publish(topic, note.clone());
        }
    }

    /// Tells the viewer's page that resumed its session what it may have missed.
    pub(super) fn tell_viewer_missed(&self, live: &LiveCall) {
        let Some(session) = live.viewer_session.clone() else { return };
        let Some(peer) = live.viewer_peer else {
            // Before acceptance an offer may be under way, which its answer settles.
            if live.state.stage != CallStage::Invited {
                self.direct(session, closed_message());
            }
            return;
        };
        self.direct(session.clone(), ServerMessage::Slots { slots: live.viewer_slots.clone(), watched: None });
        if self.inner().lost_peers.contains_key(&peer) {
            self.direct(session, ServerMessage::MediaRestart { watched: None });
        }
    }
}

fn check_in_call(live: &LiveCall, own: bool) -> Result<(), Refusal> {
    if !own {
        return Err(Refusal::new(ErrorCode::Forbidden, "another page of yours has this call"));
    }
    if live.state.stage == CallStage::Invited {
        return Err(Refusal::new(ErrorCode::OutOfOrder, "the call is not accepted yet"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_away_since_the_first_thing_that_broke() {
        let absence = Absence { socket_ms: Some(20), media_ms: Some(10) };
        assert_eq!(absence.since_ms(), Some(10));
        assert_eq!(Absence { media_ms: None, ..absence }.since_ms(), Some(20));
        assert_eq!(Absence::default().since_ms(), None);
    }

    #[test]
    fn an_end_is_given_up_with_the_reason_that_fits() {
        let at =
            |socket_ms, media_ms, now_ms| Absence { socket_ms, media_ms }.given_up(now_ms, 90, EndReason::ViewerLost);
        assert_eq!(at(None, None, 1_000), None);
        assert_eq!(at(Some(10), None, 99), None);
        assert_eq!(at(Some(10), None, 100), Some(EndReason::ViewerLost));
        assert_eq!(at(None, Some(10), 100), Some(EndReason::MediaFailed), "its socket still says that it is there");
        assert_eq!(at(Some(60), Some(10), 100), Some(EndReason::ViewerLost));
    }
}
