//! Requests of the two ends, from this node or another.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use signaling::call;
use signaling::timeline::{AuthorKind, EndReason};
use signaling::wire::{CallStage, ErrorCode, Phase, Refusal};

use super::ends::Absence;
use super::first_rate::start_kbps;
use super::live::LiveCall;
use super::phases;
use super::service::{Calls, media_refusal};
use crate::clock;
use crate::cluster::{CallCommand, CallNode, CallReply, NodeId, SessionId};
use crate::media_driver::PeerId;

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
                    if phase == Phase::Legible {
                        self.save_phases(live).await;
                    }
                }
            }
            CallCommand::ViewerGone { session, node, goodbye, .. } => {
                self.viewer_gone(live, &session, &node, goodbye).await;
            }
            CallCommand::ViewerBack { session, node, resumed, .. } => {
                self.viewer_back(live, &session, node, resumed).await;
            }
            CallCommand::Sending { session, side, sources, .. } => self.sending(live, &session, side, sources)?,
            CallCommand::SetContent { session, content, .. } => self.set_content(live, &session, content)?,
            CallCommand::Watch { session, author, sdp, restart, .. } => {
                return self.watch(live, &author, session, sdp, restart).await;
            }
            CallCommand::Join { session, .. } => self.join_call(live, &session).await?,
            CallCommand::Leave { session, .. } => self.dismiss(live, &session).await,
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
        if other_tab && live.state.stage != CallStage::Invited && live.viewer.socket_ms.is_none() {
            return Err(Refusal::new(ErrorCode::Forbidden, "another tab of this viewer has the call"));
        }
        if other_tab && let Some(former) = live.viewer_session.take() {
            // While the card is read, the tab that offered last is the one that can accept.
            self.direct(former, super::events::closed_message());
        }
        let sdp = match (restart, live.viewer_peer) {
            (true, Some(peer)) => {
                let answer = self.media.reoffer(peer, sdp).await.map_err(media_refusal)?;
                self.restarted(peer);
                answer
            }
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
        // Who offers is there, whatever became of the tab that offered before.
        self.note_absence(live, |live| live.viewer.socket_ms = None);
        Ok(CallReply::Answer { sdp, start_bitrate_kbps })
    }

    /// A restart forgets the old path: until a new one is found the connection counts as lost, though nobody need be told
    /// of the moment that it takes.
    pub(super) fn restarted(&self, peer: PeerId) {
        self.inner().lost_peers.entry(peer).or_insert_with(clock::now_ms);
    }

    async fn viewer_gone(&self, live: &mut LiveCall, session: &SessionId, node: &NodeId, goodbye: bool) {
        let old_socket = live.viewer_node.as_ref().is_some_and(|known| known != node);
        if live.viewer_session.as_ref() != Some(session) || old_socket {
            return;
        }
        if live.state.stage == CallStage::Invited && goodbye {
            // The card goes with the page; the invitation stands until it runs out or the viewer is back.
            self.forget_viewer(live).await;
        } else if goodbye {
            self.end(live, EndReason::ViewerLeft, AuthorKind::Viewer).await;
        } else {
            self.note_absence(live, |live| live.viewer.socket_ms = Some(clock::now_ms()));
        }
    }

    async fn viewer_back(&self, live: &mut LiveCall, session: &SessionId, node: NodeId, resumed: bool) {
        if live.viewer_session.as_ref() == Some(session) {
            live.viewer_node = Some(node);
            self.note_absence(live, |live| live.viewer.socket_ms = None);
            self.tell_viewer_missed(live);
        } else if live.viewer.socket_ms.is_some() && !resumed {
            // The page was loaded anew.
            if live.state.stage == CallStage::Invited {
                self.forget_viewer(live).await;
            } else {
                self.end(live, EndReason::ViewerLeft, AuthorKind::Viewer).await;
            }
        }
    }

    /// The viewer's page is gone: the invitation stands without its connection.
    pub(super) async fn forget_viewer(&self, live: &mut LiveCall) {
        self.close_viewer_peer(live).await;
        live.viewer_session = None;
        live.viewer_node = None;
        self.note_absence(live, |live| live.viewer = Absence::default());
    }

    pub(super) async fn close_viewer_peer(&self, live: &mut LiveCall) {
        if let Some(peer) = live.viewer_peer.take() {
            live.viewer_slots.clear();
            {
                let mut inner = self.inner();
                inner.viewer_peers.remove(&peer);
                inner.lost_peers.remove(&peer);
            }
            self.media.close_peer(peer).await;
        }
    }
}
