//! Agents with a warm media connection, and calls that run.

use std::time::Duration;

use loadtest::call;
use loadtest::client::{AgentClient, Pump, ViewerClient};
use loadtest::engine::str0m::Str0mEngine;
use loadtest::engine::{Channel, MediaEngine, MediaEvent, MediaOptions, Part, Peer, VideoCodec};
use signaling::timeline::Surface;
use signaling::wire::{CallStage, CallState, Phase, SlotSide, SlotSource};
use signaling::{CallId, ConversationId};

use super::{LIMIT, expect};

/// How long the card is read once everything is up; far more than the clocks' offset may be wrong.
const CARD: Duration = Duration::from_millis(100);

/// Media peers of the tests live on loopback.
pub(crate) fn open_peer(codecs: &[VideoCodec]) -> Peer {
    let options = MediaOptions { part: Part::Desk, codecs: codecs.to_vec(), local: [127, 0, 0, 1].into() };
    Str0mEngine::new().open(options).expect("a media peer")
}

/// An agent as its console is after log-in: connected, its media connection up.
pub(crate) struct WarmAgent {
    /// Chat.
    pub(crate) client: AgentClient,
    /// Media.
    pub(crate) peer: Peer,
}

impl WarmAgent {
    /// Warms an agent's media connection.
    pub(crate) async fn new(mut client: AgentClient) -> Self {
        let mut peer = open_peer(&VideoCodec::ALL);
        call::establish(&mut client, &mut peer, None).await.expect("the agent's media connects");
        Self { client, peer }
    }
}

/// A call with a picture.
pub(crate) struct CallInProgress {
    /// The call.
    pub(crate) id: CallId,
    /// Its conversation.
    pub(crate) conversation: ConversationId,
    /// The viewer's media.
    pub(crate) viewer_peer: Peer,
}

impl CallInProgress {
    /// Takes the viewer's conversation when it waits, invites, warms the viewer's connection, shares `codec`, and waits for
    /// the picture: the whole of a call's beginning, as both pages do it.
    pub(crate) async fn begin(
        agent: &mut WarmAgent,
        viewer: &mut ViewerClient,
        conversation: &ConversationId,
        codec: VideoCodec,
    ) -> Self {
        let id = invite(agent, viewer, conversation).await;
        let mut viewer_peer = open_peer(&[codec]);
        viewer.session.report_phase(&id, Phase::CardShown, now()).await.expect("told");
        let (exchange, _) =
            call::establish(viewer, &mut viewer_peer, Some(&id)).await.expect("the viewer's media connects");
        viewer.session.report_phase(&id, Phase::Offer, exchange.offered).await.expect("told");
        // The card is read until the connection is up at both ends, which an open data channel shows.
        let open = viewer_peer
            .wait("data channel", LIMIT, |event| matches!(event, MediaEvent::Open(Channel::Fast, _)).then_some(()));
        meanwhile(viewer, open).await.expect("the data channels open");
        meanwhile(viewer, tokio::time::sleep(CARD)).await;
        consent(viewer, &mut viewer_peer, &id).await;
        see_picture(agent, &id).await;
        Self { id, conversation: conversation.clone(), viewer_peer }
    }

    /// The same with the media connection made only after the consent.
    pub(crate) async fn begin_cold(
        agent: &mut WarmAgent,
        viewer: &mut ViewerClient,
        conversation: &ConversationId,
        codec: VideoCodec,
    ) -> Self {
        let id = invite(agent, viewer, conversation).await;
        let mut viewer_peer = open_peer(&[codec]);
        consent(viewer, &mut viewer_peer, &id).await;
        call::establish(viewer, &mut viewer_peer, Some(&id)).await.expect("the viewer's media connects");
        see_picture(agent, &id).await;
        Self { id, conversation: conversation.clone(), viewer_peer }
    }
}

fn now() -> std::time::Instant {
    std::time::Instant::now()
}

/// Takes the conversation unless the agent has it, and invites its viewer.
async fn invite(agent: &mut WarmAgent, viewer: &mut ViewerClient, conversation: &ConversationId) -> CallId {
    agent.peer.arm().await.expect("the agent's media is up");
    let own = agent.client.session.welcome.as_ref().and_then(|welcome| welcome.user.clone());
    if agent.client.desk.get(conversation).and_then(|row| row.agent.clone()) != own {
        agent.client.take(conversation, LIMIT).await.expect("the conversation can be taken");
    }
    let call = agent.client.invite(conversation, LIMIT).await.expect("the viewer can be invited");
    assert_eq!(call.stage, CallStage::Invited);
    let seen = wait_viewer_call(viewer, "invitation", |seen| seen.id == call.id && seen.stage == CallStage::Invited);
    assert_eq!(seen.await.agent_name, call.agent_name);
    call.id
}

/// The click: the capture is ready, the track is on its sender.
async fn consent(viewer: &mut ViewerClient, peer: &mut Peer, call: &CallId) {
    viewer.session.report_phase(call, Phase::Click, now()).await.expect("told");
    viewer.session.report_phase(call, Phase::CaptureReady, now()).await.expect("told");
    peer.publish(true).await.expect("the viewer's media is up");
    viewer.accept(call, Surface::Screen, LIMIT).await.expect("the invitation can be accepted");
}

/// Waits for the picture at the agent, and reports it.
async fn see_picture(agent: &mut WarmAgent, call: &CallId) {
    let picture = agent.peer.wait("picture", LIMIT, |event| match event {
        MediaEvent::FirstFrame { mid, at } => Some((mid.clone(), *at)),
        _ => None,
    });
    let (mid, at) = picture.await.expect("the agent sees a picture");
    let told = expect(&mut agent.client, "slots", |agent| {
        agent
            .session
            .slots
            .iter()
            .find(|slot| slot.call == *call && slot.side == SlotSide::Viewer && slot.source == SlotSource::Screen)
            .map(|slot| slot.mid.clone())
    });
    assert_eq!(told.await, mid, "the picture comes on the slot that was told");
    agent.client.session.report_phase(call, Phase::FirstFrame, at).await.expect("told");
    wait_agent_call(&mut agent.client, "live call", |seen| seen.id == *call && seen.stage == CallStage::Live).await;
}

/// Waits until a call at the viewer is as wanted.
pub(crate) async fn wait_viewer_call(
    viewer: &mut ViewerClient,
    what: &str,
    wanted: impl Fn(&CallState) -> bool,
) -> CallState {
    expect(viewer, what, |viewer| viewer.call.clone().filter(&wanted)).await
}

/// Waits until a call at the agent is as wanted.
pub(crate) async fn wait_agent_call(
    agent: &mut AgentClient,
    what: &str,
    wanted: impl Fn(&CallState) -> bool,
) -> CallState {
    expect(agent, what, |agent| agent.calls.values().find(|call| wanted(call)).cloned()).await
}

/// Reads a client's messages while something else is awaited.
pub(crate) async fn meanwhile<C: Pump, T>(client: &mut C, work: impl Future<Output = T>) -> T {
    tokio::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return done,
            message = client.next() => drop(message.expect("the connection stays")),
        }
    }
}
