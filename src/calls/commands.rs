//! Requests of the two ends, from this node or another.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use signaling::call;
use signaling::timeline::{AuthorKind, EndReason};
use signaling::wire::{CallStage, ErrorCode, Phase, Refusal};

use super::GRACE_MS;
use super::first_rate::start_kbps;
use super::live::LiveCall;
use super::phases;
use super::service::{Calls, media_refusal};
use crate::clock;
use crate::cluster::{CallCommand, CallNode, CallReply, SessionId};

impl CallNode for Calls {
    fn command(&self, command: CallCommand) -> BoxFuture<'_, CallReply> {
        async move { self.carry_out(command).await.unwrap_or_else(CallReply::from) }.boxed()
    }
}

impl Calls {
    async fn carry_out(&self, command: CallCommand) -> Result<CallReply, Refusal> {
        let shared = self.call(command.call()).ok_or_else(|| Refusal::new(ErrorCode::NotFound, "the call is over"))?;
        let live = &mut *shared.lock().await;
        if live.state.stage == CallStage::Ended {
            return Err(Refusal::new(ErrorCode::NotFound, "the call is over"));
        }
        match command {
            CallCommand::Offer { session, sdp, restart, line, .. } => {
                let rate = start_kbps(line.as_ref(), self.start_bitrate_kbps);
                return self.viewer_offer(live, session, sdp, restart, rate).await;
            }
            CallCommand::Accept { session, surface, .. } => self.accept(live, session, surface).await?,
            CallCommand::End { side, user, reason, .. } => {
                if reason == Some(EndReason::Declined) && live.state.stage != CallStage::Invited {
                    return Err(Refusal::new(ErrorCode::OutOfOrder, "the call was accepted already"));
                }
                if side == AuthorKind::Agent && user.as_ref() != Some(&live.state.agent) {
                    return Err(Refusal::new(ErrorCode::Forbidden, "another agent has this call"));
                }
                let reason = call::end_reason(side, live.state.stage, reason);
                self.end(live, reason, side).await;
            }
            CallCommand::Phase { side, phase, at_ms, .. } => {
                phases::check(side, phase, at_ms, clock::now_ms_f64())?;
                if phase == Phase::FirstFrame {
                    // Told again after a reconnect it changes nothing.
                    if live.state.stage != CallStage::Live {
                        self.went_live(live, at_ms).await?;
                    }
                } else {
                    live.note_phase(phase, at_ms);
                }
            }
            CallCommand::ViewerGone { session, goodbye, .. } => self.viewer_gone(live, &session, goodbye).await,
            CallCommand::ViewerBack { session, resumed, .. } => self.viewer_back(live, &session, resumed).await,
            CallCommand::CloseMedia { session, .. } => {
                if live.viewer_session.as_ref() == Some(&session) {
                    self.close_viewer_peer(live).await;
                }
            }
        }
        Ok(CallReply::Done)
    }

    async fn viewer_offer(
        &self,
        live: &mut LiveCall,
        session: SessionId,
        sdp: String,
        restart: bool,
        start_bitrate_kbps: Option<u32>,
    ) -> Result<CallReply, Refusal> {
        let other_tab = live.viewer_session.as_ref().is_some_and(|known| *known != session);
        if other_tab && live.state.stage != CallStage::Invited && live.viewer_gone_until_ms.is_none() {
            return Err(Refusal::new(ErrorCode::Forbidden, "another tab of this viewer has the call"));
        }
        if other_tab && let Some(former) = live.viewer_session.take() {
            // While the card is read, the tab that offered last is the one that can accept.
            self.direct(former, super::events::closed_message());
        }
        let sdp = match (restart, live.viewer_peer) {
            (true, Some(peer)) => self.media.reoffer(peer, sdp).await.map_err(media_refusal)?,
            (true, None) => {
                self.direct(session, super::events::closed_message());
                return Err(Refusal::new(ErrorCode::OutOfOrder, "there is no connection to restart"));
            }
            (false, _) => {
                self.close_viewer_peer(live).await;
                let connected = self.media.connect(Some(live.room.worker()), sdp).await.map_err(media_refusal)?;
                live.viewer_peer = Some(connected.peer);
                live.media_gone_until_ms = None;
                self.inner().viewer_peers.insert(connected.peer, live.state.id.clone());
                if let Err(error) = self.media.join(live.room, connected.peer).await {
                    // The room went down with its worker.
                    self.end(live, EndReason::WorkerFailed, AuthorKind::System).await;
                    return Err(media_refusal(error));
                }
                live.note_phase(Phase::Answer, clock::now_ms_f64());
                connected.answer
            }
        };
        live.viewer_session = Some(session);
        Ok(CallReply::Answer { sdp, start_bitrate_kbps })
    }

    async fn viewer_gone(&self, live: &mut LiveCall, session: &SessionId, goodbye: bool) {
        if live.viewer_session.as_ref() != Some(session) {
            return;
        }
        if live.state.stage == CallStage::Invited && goodbye {
            // The card goes with the page; the invitation stands until it runs out or the viewer is back.
            self.close_viewer_peer(live).await;
            live.viewer_session = None;
        } else if goodbye {
            self.end(live, EndReason::ViewerLeft, AuthorKind::Viewer).await;
        } else {
            live.viewer_gone_until_ms = Some(clock::now_ms() + GRACE_MS);
        }
    }

    async fn viewer_back(&self, live: &mut LiveCall, session: &SessionId, resumed: bool) {
        if live.viewer_session.as_ref() == Some(session) {
            live.viewer_gone_until_ms = None;
        } else if live.viewer_gone_until_ms.is_some() && !resumed {
            self.give_viewer_up(live).await;
        }
    }

    /// The viewer's page is gone: an invitation stands without its connection, a call ends.
    pub(super) async fn give_viewer_up(&self, live: &mut LiveCall) {
        live.viewer_gone_until_ms = None;
        if live.state.stage == CallStage::Invited {
            self.close_viewer_peer(live).await;
            live.viewer_session = None;
        } else {
            self.end(live, EndReason::ViewerLeft, AuthorKind::Viewer).await;
        }
    }

    pub(super) async fn close_viewer_peer(&self, live: &mut LiveCall) {
        if let Some(peer) = live.viewer_peer.take() {
            {
                let mut inner = self.inner();
                inner.viewer_peers.remove(&peer);
                inner.lost_peers.remove(&peer);
            }
            self.media.close_peer(peer).await;
        }
    }
}
