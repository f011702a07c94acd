//! Each end of a call is told what the other sends and whether it is there; an end that is away comes back by itself, or is
//! given up with the reason that fits.

use std::time::Duration;

use loadtest::call;
use loadtest::client::{AgentClient, Pump as _, ViewerClient};
use loadtest::engine::{MediaEvent, VideoCodec};
use signaling::timeline::EndReason;
use signaling::wire::{CallStage, ContentHint, SourceState, Sources};
use signaling::{CallId, ClientMessage, ErrorCode, ServerMessage};

use crate::support::{
    CallInProgress, LIMIT, Site, WarmAgent, expect, meanwhile, open_peer, open_ticket, wait_agent_call,
    wait_viewer_call,
};

async fn in_a_call(config: &str) -> (Site, WarmAgent, ViewerClient, CallInProgress) {
    let mut site = Site::prepared(config).await;
    site.start().await;
    let mut agent = WarmAgent::new(site.agent("robin").await).await;
    let mut viewer = site.viewer().await;
    let (conversation, _) = open_ticket(&mut viewer, "it freezes").await;
    let call = CallInProgress::begin(&mut agent, &mut viewer, &conversation, VideoCodec::Vp8).await;
    (site, agent, viewer, call)
}

fn sending(call: &CallId, sources: Sources) -> ClientMessage {
    ClientMessage::Sending { call: call.clone(), sources }
}

fn sound(audio: SourceState) -> Sources {
    Sources { audio, screen: SourceState::On, ..Sources::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_sent_and_wanted_is_told() {
    let site = Site::running().await;
    let mut agent = WarmAgent::new(site.agent("robin").await).await;
    let mut viewer = site.viewer().await;
    let (conversation, _) = open_ticket(&mut viewer, "it freezes").await;
    agent.client.take(&conversation, LIMIT).await.expect("taken");
    let invited = agent.client.invite(&conversation, LIMIT).await.expect("invited");
    wait_viewer_call(&mut viewer, "card", |seen| seen.id == invited.id).await;
    let early = agent.client.request(sending(&invited.id, sound(SourceState::On)), LIMIT).await;
    assert!(
        matches!(early, Err(loadtest::client::ClientError::Refused { code: ErrorCode::OutOfOrder, .. })),
        "{early:?}"
    );
    let withdraw = ClientMessage::EndCall { call: invited.id.clone(), reason: None };
    agent.client.request(withdraw, LIMIT).await.expect("withdrawn");
    wait_viewer_call(&mut viewer, "end", |seen| seen.stage == CallStage::Ended).await;

    let call = CallInProgress::begin(&mut agent, &mut viewer, &conversation, VideoCodec::Vp8).await;
    let hidden = Sources { page_hidden: true, ..sound(SourceState::On) };
    viewer.request(sending(&call.id, hidden), LIMIT).await.expect("told");
    let seen = wait_agent_call(&mut agent.client, "sources", |seen| seen.viewer.sources == hidden).await;
    assert_eq!((seen.stage, seen.agent_side.sources), (CallStage::Live, Sources::default()));
    let camera = Sources { camera: SourceState::Interrupted, ..Sources::default() };
    agent.client.request(sending(&call.id, camera), LIMIT).await.expect("told");
    wait_viewer_call(&mut viewer, "sources", |seen| seen.agent_side.sources == camera && seen.viewer.sources == hidden)
        .await;
    let detail = ClientMessage::SetContent { call: call.id.clone(), content: ContentHint::Detail };
    agent.client.request(detail.clone(), LIMIT).await.expect("told");
    wait_viewer_call(&mut viewer, "content", |seen| seen.content == ContentHint::Detail).await;
    assert!(viewer.request(detail, LIMIT).await.is_err(), "the agent chooses it");

    let mut other_tab = site.viewer_again(viewer.key()).await;
    let stranger = other_tab.request(sending(&call.id, sound(SourceState::Off)), LIMIT).await;
    assert!(
        matches!(stranger, Err(loadtest::client::ClientError::Refused { code: ErrorCode::Forbidden, .. })),
        "{stranger:?}"
    );
    let known =
        other_tab.conversation.as_ref().and_then(|seen| seen.call.clone()).expect("the other tab knows the call");
    assert_eq!((known.viewer.sources, known.content), (hidden, ContentHint::Detail));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flickering_source_is_told_a_few_times_a_second() {
    let (_site, mut agent, mut viewer, call) = in_a_call("").await;
    let begun = std::time::Instant::now();
    for n in 0..300 {
        let audio = if n % 2 == 0 { SourceState::On } else { SourceState::Interrupted };
        viewer.session.post(sending(&call.id, sound(audio))).await.expect("sent");
    }
    viewer.request(sending(&call.id, sound(SourceState::Off)), LIMIT).await.expect("told");
    let last = Sources { page_hidden: true, ..sound(SourceState::On) };
    viewer.request(sending(&call.id, last), LIMIT).await.expect("told");
    let mut told = 0u32;
    let settled = async {
        loop {
            if let ServerMessage::Call(state) = agent.client.next().await.expect("the socket stays") {
                told += 1;
                if state.viewer.sources == last {
                    return;
                }
            }
        }
    };
    tokio::time::timeout(LIMIT, meanwhile(&mut viewer, settled)).await.expect("the last state is told");
    let most = 3 + u32::try_from(begun.elapsed().as_millis() / 250).expect("short");
    assert!(told <= most, "{told} times in {:?}", begun.elapsed());
}

/// Both sockets break in turn: the other end knows, and when the page is back it knows that, too; nothing was asked again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_without_its_socket_is_away_until_it_is_back() {
    let (_site, mut agent, mut viewer, call) = in_a_call("").await;
    viewer.session.cut();
    let away = wait_agent_call(&mut agent.client, "absence", |seen| seen.viewer.away_since_ms.is_some()).await;
    assert_eq!((away.stage, away.agent_side.away_since_ms), (CallStage::Live, None));
    meanwhile(&mut agent.client, viewer.resume(LIMIT)).await.expect("the viewer resumes");
    wait_agent_call(&mut agent.client, "return", |seen| seen.viewer.away_since_ms.is_none()).await;
    let slots = wait_slots(&mut viewer).await;
    assert!(slots > 0, "what arrives where is told again to a viewer who resumes");

    agent.client.session.cut();
    wait_viewer_call(&mut viewer, "absence", |seen| seen.agent_side.away_since_ms.is_some()).await;
    meanwhile(&mut viewer, agent.client.resume(LIMIT)).await.expect("the agent resumes");
    let back = wait_viewer_call(&mut viewer, "return", |seen| seen.agent_side.away_since_ms.is_none()).await;
    assert_eq!((back.id, back.stage), (call.id.clone(), CallStage::Live));
    let before = agent.peer.counts.frames_so_far();
    let more = async {
        while agent.peer.counts.frames_so_far() < before + 20 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(LIMIT, meanwhile(&mut viewer, more)).await.expect("the picture goes on");
}

async fn wait_slots(viewer: &mut ViewerClient) -> usize {
    expect(viewer, "slots", |viewer| (!viewer.session.slots.is_empty()).then_some(viewer.session.slots.len())).await
}

/// The viewer's media path breaks without a word while its socket stands: it is asked for a restart, and makes a new
/// connection; the call goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_media_path_is_told_and_mended() {
    let (_site, mut agent, mut viewer, mut call) = in_a_call("").await;
    call.viewer_peer.vanish().await;
    let watching = wait_agent_call(&mut agent.client, "absence", |seen| seen.viewer.away_since_ms.is_some());
    meanwhile(&mut viewer, watching).await;
    expect(&mut viewer, "restart", |viewer| (viewer.session.restarts_asked > 0).then_some(())).await;
    let mut fresh = open_peer(&[VideoCodec::Vp8]);
    call::establish(&mut viewer, &mut fresh, Some(&call.id)).await.expect("the viewer's media connects anew");
    wait_agent_call(&mut agent.client, "return", |seen| seen.viewer.away_since_ms.is_none()).await;
    agent.peer.arm().await.expect("the agent's media is up");
    fresh.publish(true).await.expect("the viewer's media is up");
    let picture =
        agent.peer.wait("picture", LIMIT, |event| matches!(event, MediaEvent::FirstFrame { .. }).then_some(()));
    meanwhile(&mut viewer, picture).await.expect("the picture comes back");
    let still = viewer.call.clone().expect("known");
    assert_eq!((still.id, still.stage), (call.id.clone(), CallStage::Live));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_that_stays_away_is_given_up() {
    let soon = "[limits]\naway_seconds_max = 2\n";
    let (_site, mut agent, mut viewer, call) = in_a_call(soon).await;
    viewer.session.cut();
    assert_eq!(reason_at_agent(&mut agent.client, &call.id).await, Some(EndReason::ViewerLost));
    viewer.resume(LIMIT).await.expect("the viewer comes too late");

    let next = CallInProgress::begin(&mut agent, &mut viewer, &call.conversation, VideoCodec::Vp8).await;
    agent.client.session.cut();
    let ended = wait_viewer_call(&mut viewer, "end", |seen| seen.id == next.id && seen.stage == CallStage::Ended).await;
    assert_eq!(ended.reason, Some(EndReason::AgentLost));
}

async fn reason_at_agent(agent: &mut AgentClient, call: &CallId) -> Option<EndReason> {
    wait_agent_call(agent, "end", |seen| seen.id == *call && seen.stage == CallStage::Ended).await.reason
}
