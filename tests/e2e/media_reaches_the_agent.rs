//! A call with media, for every codec: the agent receives what the viewer sends, the data channels work, and the ticket
//! holds how it went.

use std::sync::atomic::Ordering;
use std::time::Duration;

use loadtest::call;
use loadtest::client::{ViewerClient, json_block, wait_for};
use loadtest::engine::{Channel, MediaEvent, Peer, VideoCodec};
use signaling::api::{Call, ConnectMode};
use signaling::timeline::EndReason;
use signaling::wire::{CallStage, Leg};

use crate::support::{
    CallInProgress, LIMIT, Site, WarmAgent, expect, meanwhile, open_ticket, wait_agent_call, wait_viewer_call,
};

/// How long a call of these tests lasts: long enough for a few seconds of samples.
const CALL: Duration = Duration::from_secs(4);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn vp8_reaches_the_agent_and_the_ticket() {
    let site = Site::running().await;
    let mut agent = WarmAgent::new(site.agent("robin").await).await;
    let mut viewer = site.viewer().await;
    let (conversation, ticket) = open_ticket(&mut viewer, "look at this").await;
    let mut call = CallInProgress::begin(&mut agent, &mut viewer, &conversation, VideoCodec::Vp8).await;

    echoes_come_back(&mut call.viewer_peer, &mut viewer).await;
    send_samples(&mut agent, &mut viewer, &call).await;
    meanwhile(&mut viewer, meanwhile(&mut agent.client, tokio::time::sleep(CALL))).await;
    check_frames(&agent.peer, &call.viewer_peer, VideoCodec::Vp8);
    viewer.end_call(&call.id, Some(EndReason::ViewerStopped), LIMIT).await.expect("the viewer can stop");
    let ended = wait_agent_call(&mut agent.client, "end", |seen| seen.id == call.id && seen.stage == CallStage::Ended);
    assert_eq!(ended.await.reason, Some(EndReason::ViewerStopped));
    expect(&mut agent.client, "empty slots", |agent| agent.session.slots.is_empty().then_some(())).await;

    let stored = site.rest().ticket(ticket).await.expect("the ticket can be read");
    assert_eq!(stored.calls.len(), 1);
    check_record(&stored.calls[0], ConnectMode::Warm);
    check_server_samples(&stored.calls[0]);
    let export = site.rest().telemetry(ticket).await.expect("the telemetry can be downloaded");
    assert_eq!(export.calls, stored.calls);
    assert_eq!(export.format, "sightline-telemetry/1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn vp9_h264_and_av1_reach_the_agent_one_call_after_the_other() {
    let site = Site::running().await;
    let mut agent = WarmAgent::new(site.agent("robin").await).await;
    for codec in [VideoCodec::Vp9, VideoCodec::H264, VideoCodec::Av1] {
        let mut viewer = site.viewer().await;
        let (conversation, ticket) = open_ticket(&mut viewer, codec.as_str()).await;
        let before = agent.peer.counts.frames_so_far();
        let call = CallInProgress::begin(&mut agent, &mut viewer, &conversation, codec).await;
        let arrived = async {
            while agent.peer.counts.frames_so_far() < before + 20 {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let arrived = tokio::time::timeout(LIMIT, meanwhile(&mut viewer, arrived)).await;
        assert!(arrived.is_ok(), "{codec:?}: {:?}", agent.peer.counts);
        viewer.end_call(&call.id, None, LIMIT).await.expect("the viewer can stop");
        wait_agent_call(&mut agent.client, "end", |seen| seen.id == call.id && seen.stage == CallStage::Ended).await;
        let stored = site.rest().ticket(ticket).await.expect("the ticket can be read");
        assert_eq!(stored.calls[0].end_reason, Some(EndReason::ViewerStopped));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_made_after_the_consent_is_told_as_cold() {
    let site = Site::running().await;
    let mut agent = WarmAgent::new(site.agent("robin").await).await;
    let mut viewer = site.viewer().await;
    let (conversation, ticket) = open_ticket(&mut viewer, "cold").await;
    let call = CallInProgress::begin_cold(&mut agent, &mut viewer, &conversation, VideoCodec::Vp8).await;
    agent
        .client
        .request(signaling::ClientMessage::EndCall { call: call.id.clone(), reason: None }, LIMIT)
        .await
        .expect("the agent can end it");
    let ended = wait_viewer_call(&mut viewer, "end", |seen| seen.id == call.id && seen.stage == CallStage::Ended).await;
    assert_eq!(ended.reason, Some(EndReason::AgentEnded));
    let stored = site.rest().ticket(ticket).await.expect("the ticket can be read");
    check_record(&stored.calls[0], ConnectMode::Cold);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_on_another_network_goes_on_after_an_ice_restart() {
    let site = Site::running().await;
    let mut agent = WarmAgent::new(site.agent("robin").await).await;
    let mut viewer = site.viewer().await;
    let (conversation, _) = open_ticket(&mut viewer, "on a train").await;
    let mut call = CallInProgress::begin(&mut agent, &mut viewer, &conversation, VideoCodec::Vp8).await;
    call.viewer_peer.rebind().await.expect("another port");
    call::exchange(&mut viewer, &mut call.viewer_peer, Some(&call.id), true).await.expect("the restart is answered");
    agent.peer.arm().await.expect("the agent's media is up");
    let picture = agent.peer.wait("picture after the restart", LIMIT, |event| {
        matches!(event, MediaEvent::FirstFrame { .. } | MediaEvent::FirstPacket(_)).then_some(())
    });
    meanwhile(&mut viewer, picture).await.expect("the picture comes back");
    let still = viewer.call.clone().expect("known");
    assert_eq!((still.id, still.stage), (call.id.clone(), CallStage::Live));
}

/// Both channels of the viewer are open, and `fast` returns what it is sent.
async fn echoes_come_back(peer: &mut Peer, viewer: &mut ViewerClient) {
    peer.send(Channel::Control, b"{}".to_vec()).await.expect("control takes a message");
    let mut heard = 0;
    for _ in 0..10 {
        let echo = meanwhile(viewer, peer.echo(64, Duration::from_secs(2))).await;
        heard += u32::from(echo.is_ok());
    }
    assert!(heard >= 9, "{heard} of 10 echoes came back on loopback");
}

/// A block of each end, acknowledged.
async fn send_samples(agent: &mut WarmAgent, viewer: &mut ViewerClient, call: &CallInProgress) {
    let t = viewer.session.clock.now_ms().floor();
    let samples: Vec<_> =
        (0..5).map(|n| serde_json::json!({"t": t + f64::from(n) * 1_000.0, "video": {"framesSent": n}})).collect();
    let up = json_block(Leg::ViewerUp, "page-1", 0, Some(call.id.clone()), None, &samples);
    viewer.session.send_block(up.clone()).await.expect("sent");
    // A repeated block is acknowledged and dropped.
    viewer.session.send_block(up).await.expect("sent");
    let player = json_block(Leg::Player, "page-1", 0, None, None, &[serde_json::json!({"t": t, "stalls": 2})]);
    viewer.session.send_block(player).await.expect("sent");
    let down = json_block(
        Leg::AgentDown,
        "page-2",
        0,
        Some(call.id.clone()),
        Some(call.conversation.clone()),
        &[serde_json::json!({"t": t, "video": {"framesDecoded": 1}})],
    );
    agent.client.session.send_block(down).await.expect("sent");
    let both = wait_for(viewer, "block acknowledgements", LIMIT, |viewer| {
        (viewer.session.blocks_on_disk.len() == 2).then_some(())
    });
    both.await.expect("the viewer's blocks are on disk");
    let one = wait_for(&mut agent.client, "block acknowledgement", LIMIT, |agent| {
        (agent.session.blocks_on_disk.len() == 1).then_some(())
    });
    one.await.expect("the agent's block is on disk");
}

/// What came is what was sent, byte for byte and without gaps.
fn check_frames(agent: &Peer, viewer: &Peer, codec: VideoCodec) {
    let (got, sent) = (&agent.counts, &viewer.counts);
    let (frames, known) = (got.frames.load(Ordering::Relaxed), got.known_frames.load(Ordering::Relaxed));
    assert!(frames >= 30, "{codec:?}: {got:?} of {sent:?}");
    assert_eq!(frames, known, "{codec:?}: every frame is one of ours, unchanged");
    assert!(got.gaps.load(Ordering::Relaxed) <= 1, "{codec:?}: {got:?}");
    assert!(frames + 10 >= sent.frames_sent.load(Ordering::Relaxed), "{codec:?}: {got:?} of {sent:?}");
}

fn check_record(call: &Call, mode: ConnectMode) {
    assert_eq!(call.connect.mode, Some(mode));
    let phases = &call.connect.phases_ms;
    let expected = [
        "invited",
        "answer",
        "ice",
        "dtls",
        "click",
        "capture_ready",
        "first_packet_in",
        "first_packet_out",
        "first_frame",
    ];
    for phase in expected {
        assert!(phases.contains_key(phase), "no {phase} in {phases:?}");
    }
    let in_order = |names: &[&str]| {
        // Ends and server have clocks of their own; the offset is known to half a round trip.
        let slack_ms = 20.0;
        names.windows(2).all(|pair| phases[pair[0]] <= phases[pair[1]] + slack_ms)
    };
    assert!(
        in_order(&["invited", "answer", "ice", "dtls", "first_packet_in", "first_packet_out", "first_frame"]),
        "{phases:?}"
    );
    assert!(in_order(&["click", "capture_ready", "first_packet_in"]), "{phases:?}");
    let to_frame = call.connect.consent_to_first_frame_ms.expect("there was a picture");
    assert!((0.0..10_000.0).contains(&to_frame), "{to_frame} ms");
    assert_eq!(call.participants.len(), 2);
    assert!(call.accepted_at_ms.is_some() && call.ended_at_ms.is_some());
}

/// A sample for every second of the call but the first and the last, both hops measured.
fn check_server_samples(call: &Call) {
    let server = call.legs.iter().find(|leg| leg.leg == Leg::Server).expect("the server's samples");
    let seconds: Vec<i64> =
        server.series.samples.iter().filter_map(|sample| Some(sample["t"].as_f64()? as i64 / 1_000)).collect();
    let (first, last) = (call.accepted_at_ms.expect("accepted") / 1_000, call.ended_at_ms.expect("ended") / 1_000);
    for second in first + 2..last - 1 {
        assert!(seconds.contains(&second), "no sample for second {} of the call: {seconds:?}", second - first);
    }
    let middle = &server.series.samples[server.series.samples.len() / 2];
    assert!(middle["in"]["packets"].as_f64().is_some_and(|packets| packets > 0.0), "{middle}");
    assert!(middle["out"]["packets"].as_f64().is_some_and(|packets| packets > 0.0), "{middle}");
    for (leg, count) in [(Leg::ViewerUp, 5), (Leg::AgentDown, 1)] {
        let series = call.legs.iter().find(|series| series.leg == leg).expect("the ends' samples");
        assert_eq!(series.series.samples.len(), count, "{leg:?}");
    }
}
