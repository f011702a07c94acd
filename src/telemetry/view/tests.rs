//! Calls as the API shows them.

use serde_json::json;
use signaling::api::ConnectMode;
use signaling::timeline::{EndReason, Surface};
use signaling::wire::CallStage;

use super::*;

fn call() -> CallRow {
    CallRow {
        id: "k_1".into(),
        conversation: "c_1".into(),
        node: "n".to_owned(),
        agent: "u_1".into(),
        agent_name: "Ada".to_owned(),
        viewer_name: "Viewer 1".to_owned(),
        stage: CallStage::Ended,
        invited_at_ms: 1_000,
        accepted_at_ms: Some(3_000),
        ended_at_ms: Some(9_000),
        reason: Some(EndReason::ViewerStopped),
        surface: Some(Surface::Screen),
        mode: Some(ConnectMode::Warm),
        phases: BTreeMap::from([
            (Phase::Invited, 1_000.0),
            (Phase::CaptureReady, 3_000.25),
            (Phase::FirstFrame, 3_180.5),
        ]),
        media: CallMedia::default(),
    }
}

fn leg(leg: Leg, samples: Vec<Value>) -> LegSeries {
    LegSeries { leg, series: Series { samples } }
}

#[test]
fn times_count_from_the_invitation() {
    let view = call_view(call(), Vec::new());
    let expected = [("capture_ready", 2_000.25), ("first_frame", 2_180.5), ("invited", 0.0)];
    assert_eq!(view.connect.phases_ms, expected.map(|(name, ms)| (name.to_owned(), ms)).into());
    assert_eq!(view.connect.consent_to_first_frame_ms, Some(180.25));
    assert_eq!(view.connect.mode, Some(ConnectMode::Warm));
    let roles: Vec<_> = view.participants.iter().map(|who| (who.role.as_str(), who.name.as_str())).collect();
    assert_eq!(roles, [("viewer", "Viewer 1"), ("agent", "Ada")]);
    assert_eq!((view.end_reason, view.surface), (Some(EndReason::ViewerStopped), Some(Surface::Screen)));
    assert_eq!(view.media, CallMedia::default());
}

#[test]
fn without_a_picture_there_is_no_latency() {
    let mut missing = call();
    missing.phases.remove(&Phase::FirstFrame);
    assert_eq!(connect_view(&missing).consent_to_first_frame_ms, None);
    let mut backwards = call();
    backwards.phases.insert(Phase::FirstFrame, 2_999.0);
    assert_eq!(connect_view(&backwards).consent_to_first_frame_ms, None);
}

#[test]
fn media_is_what_the_newest_samples_say() {
    let up = vec![
        json!({"t": 1000, "pair": {"protocol": "TCP", "localCandidateType": "host"}, "video": {"mimeType": "video/VP9"}}),
        json!({"t": 2000, "pair": {"protocol": "udp", "relayProtocol": null}}),
    ];
    let down = vec![
        json!({"t": 1000, "video": {"mimeType": "video/VP8", "frameWidth": 320, "frameHeight": 180}}),
        json!({"t": 2000, "video": {"mimeType": "video/VP8", "frameWidth": 1280, "frameHeight": 720},
               "pair": {"protocol": "udp", "localCandidateType": "relay"}}),
        json!({"t": 3000, "video": null}),
    ];
    let legs = vec![leg(Leg::ViewerUp, up), leg(Leg::AgentDown, down)];
    let expected = CallMedia {
        codec: Some("VP8".to_owned()),
        width: Some(1280),
        height: Some(720),
        viewer_path: Some("udp".to_owned()),
        agent_path: Some("relay".to_owned()),
    };
    assert_eq!(call_view(call(), legs.clone()).media, expected);
    let mut told = call();
    told.media = CallMedia { width: Some(1920), height: Some(1080), ..CallMedia::default() };
    let media = call_view(told, legs).media;
    assert_eq!((media.width, media.height, media.codec), (Some(1920), Some(1080), expected.codec));
}

#[test]
fn nonsense_in_samples_is_not_shown() {
    let nonsense = json!({"video": {"mimeType": "video/<script>", "frameWidth": -1, "frameHeight": 1e99},
                          "pair": {"protocol": "carrier pigeon", "relayProtocol": 7}});
    let legs = vec![leg(Leg::ViewerUp, vec![nonsense.clone()]), leg(Leg::AgentDown, vec![nonsense])];
    assert_eq!(call_view(call(), legs).media, CallMedia::default());
}

#[test]
fn the_export_names_its_format() {
    let view = call_view(call(), vec![leg(Leg::Server, vec![json!({"t": 2000})])]);
    let measured = Measured { calls: vec![view.clone()], ..Measured::default() };
    let export = export(TicketNumber(1001), measured);
    assert_eq!((export.format.as_str(), export.ticket), ("sightline-telemetry/1", TicketNumber(1001)));
    assert_eq!(export.calls, [view]);
}
