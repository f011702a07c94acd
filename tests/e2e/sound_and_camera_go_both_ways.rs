//! A call of voices, and one by camera: sound goes both ways and the agent's camera to the viewer, on the slots that both
//! were told; the ticket has the phases and the samples of what was shared.

use std::time::Duration;

use loadtest::call;
use loadtest::client::{Pump, ViewerClient};
use loadtest::engine::{Peer, VideoCodec};
use signaling::api::Call;
use signaling::timeline::{EndReason, Surface};
use signaling::wire::{CallStage, Leg, Phase, SlotSource};
use signaling::{CallId, ConversationId};

use crate::support::{
    LIMIT, Site, WarmAgent, expect, meanwhile, open_peer, open_ticket, wait_agent_call, wait_viewer_call,
};

/// How long both speak: long enough for some seconds of samples.
const TALK: Duration = Duration::from_secs(4);

/// Invites, warms the viewer's connection and accepts, sharing nothing yet but what `surface` says.
async fn accepted(
    agent: &mut WarmAgent,
    viewer: &mut ViewerClient,
    conversation: &ConversationId,
    surface: Surface,
) -> (CallId, Peer) {
    agent.client.take(conversation, LIMIT).await.expect("taken");
    let id = agent.client.invite(conversation, LIMIT).await.expect("invited").id;
    wait_viewer_call(viewer, "card", |seen| seen.id == id && seen.stage == CallStage::Invited).await;
    let mut peer = open_peer(&[VideoCodec::Vp8]);
    call::establish(viewer, &mut peer, Some(&id)).await.expect("the viewer's media connects");
    viewer.session.report_phase(&id, Phase::CaptureReady, std::time::Instant::now()).await.expect("told");
    match surface {
        Surface::Audio => peer.speak(true).await,
        Surface::Camera => peer.show_camera(true).await,
        other => panic!("another test shares {other:?}"),
    }
    .expect("the viewer's media is up");
    viewer.accept(&id, surface, LIMIT).await.expect("accepted");
    let seen = wait_agent_call(&mut agent.client, "acceptance", |seen| seen.id == id && seen.surface == Some(surface));
    assert_eq!(seen.await.stage, CallStage::Connecting);
    (id, peer)
}

/// The slot on which an end was told that a source arrives.
async fn slot_of<C: Pump>(client: &mut C, call: &CallId, source: SlotSource) -> String {
    expect(client, "slot", |client| {
        let slots = &client.session().slots;
        slots.iter().find(|slot| slot.call == *call && slot.source == source).map(|slot| slot.mid.clone())
    })
    .await
}

/// Waits for so many frames of sound or picture on a slot, while both ends read their sockets.
async fn arrive(agent: &mut WarmAgent, viewer: &mut ViewerClient, peer: &Peer, at_agent: bool, mid: &str, frames: u64) {
    let counts = if at_agent { agent.peer.counts.clone() } else { peer.counts.clone() };
    let before = counts.frames_on(mid);
    let coming = async {
        while counts.frames_on(mid) < before + frames {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let coming = meanwhile(viewer, meanwhile(&mut agent.client, coming));
    tokio::time::timeout(LIMIT, coming).await.unwrap_or_else(|_| panic!("nothing on slot {mid}: {counts:?}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn voices_go_both_ways_and_the_agents_camera_to_the_viewer() {
    let site = Site::running().await;
    let mut agent = WarmAgent::new(site.agent("robin").await).await;
    let mut viewer = site.viewer().await;
    let (conversation, ticket) = open_ticket(&mut viewer, "can we talk?").await;
    let (id, peer) = accepted(&mut agent, &mut viewer, &conversation, Surface::Audio).await;
    let mid = slot_of(&mut agent.client, &id, SlotSource::Audio).await;
    arrive(&mut agent, &mut viewer, &peer, true, &mid, 20).await;
    agent.client.session.report_phase(&id, Phase::FirstFrame, std::time::Instant::now()).await.expect("told");
    wait_viewer_call(&mut viewer, "live call", |seen| seen.id == id && seen.stage == CallStage::Live).await;

    agent.peer.speak(true).await.expect("the agent's media is up");
    let mid = slot_of(&mut viewer, &id, SlotSource::Audio).await;
    arrive(&mut agent, &mut viewer, &peer, false, &mid, 20).await;
    agent.peer.show_camera(true).await.expect("the agent's media is up");
    let mid = slot_of(&mut viewer, &id, SlotSource::Camera).await;
    arrive(&mut agent, &mut viewer, &peer, false, &mid, 20).await;
    meanwhile(&mut viewer, meanwhile(&mut agent.client, tokio::time::sleep(TALK))).await;
    viewer.end_call(&id, Some(EndReason::ViewerStopped), LIMIT).await.expect("the viewer can stop");
    wait_agent_call(&mut agent.client, "end", |seen| seen.id == id && seen.stage == CallStage::Ended).await;

    let stored = site.rest().ticket(ticket).await.expect("the ticket can be read");
    let call = &stored.calls[0];
    assert_eq!(call.surface, Some(Surface::Audio));
    check_phases(call);
    let samples = server_samples(call);
    let heard = samples.iter().rev().find(|sample| sample.get("audio").is_some()).expect("the viewer's voice");
    assert!(heard.get("in").is_none(), "there was nothing to see: {heard}");
    for figure in
        ["/audio/in/packets", "/audio/in/bytes", "/audio/out/packets", "/agent/audio/in/packets", "/agent/in/packets"]
    {
        let value = samples.iter().rev().find_map(|sample| sample.pointer(figure)?.as_f64());
        assert!(value.is_some_and(|value| value > 0.0), "{figure} is {value:?} in {heard}");
    }
    assert!(heard.pointer("/audio/in/jitter_ms").is_some_and(serde_json::Value::is_number), "{heard}");
    assert!(heard.pointer("/audio/in/lost").is_some_and(|lost| lost.as_f64() == Some(0.0)), "{heard}");
    let seconds: std::collections::BTreeSet<_> = samples.iter().filter_map(|sample| sample["t"].as_i64()).collect();
    assert_eq!(seconds.len(), samples.len(), "one sample a second, whoever sends");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_camera_is_what_is_shared() {
    let site = Site::running().await;
    let mut agent = WarmAgent::new(site.agent("robin").await).await;
    let mut viewer = site.viewer().await;
    let (conversation, ticket) = open_ticket(&mut viewer, "look at my screen").await;
    let (id, peer) = accepted(&mut agent, &mut viewer, &conversation, Surface::Camera).await;
    let mid = slot_of(&mut agent.client, &id, SlotSource::Camera).await;
    arrive(&mut agent, &mut viewer, &peer, true, &mid, 20).await;
    agent.client.session.report_phase(&id, Phase::FirstFrame, std::time::Instant::now()).await.expect("told");
    wait_viewer_call(&mut viewer, "live call", |seen| seen.id == id && seen.stage == CallStage::Live).await;
    viewer.end_call(&id, None, LIMIT).await.expect("the viewer can stop");
    wait_agent_call(&mut agent.client, "end", |seen| seen.id == id && seen.stage == CallStage::Ended).await;
    let stored = site.rest().ticket(ticket).await.expect("the ticket can be read");
    assert_eq!(stored.calls[0].surface, Some(Surface::Camera));
    check_phases(&stored.calls[0]);
}

fn check_phases(call: &Call) {
    for phase in ["answer", "dtls", "capture_ready", "first_packet_in", "first_packet_out", "first_frame"] {
        assert!(call.connect.phases_ms.contains_key(phase), "no {phase} in {:?}", call.connect.phases_ms);
    }
    assert!(call.connect.consent_to_first_frame_ms.is_some());
}

fn server_samples(call: &Call) -> &[serde_json::Value] {
    let server = call.legs.iter().find(|leg| leg.leg == Leg::Server).expect("the server's samples");
    &server.series.samples
}
