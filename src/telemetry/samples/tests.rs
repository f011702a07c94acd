//! Series: in order, one sample a second, bounded, whatever the blocks say.

use proptest::prelude::*;
use serde_json::json;
use signaling::ConversationId;
use signaling::wire::CallStage;

use super::*;

fn block(leg: Leg, call: Option<&str>, bytes: &[u8]) -> (BlockHeader, Vec<u8>) {
    let header = BlockHeader {
        conversation: ConversationId::from("c_1"),
        call: call.map(CallId::from),
        leg,
        source: "s".to_owned(),
        seq: 0,
        t0_ms: 0.0,
        codec: "json1".to_owned(),
    };
    (header, bytes.to_vec())
}

fn player(blocks: &[&str]) -> Vec<Value> {
    let blocks: Vec<_> = blocks.iter().map(|json| block(Leg::Player, None, json.as_bytes())).collect();
    ConversationSeries::from_blocks(&blocks).player().samples
}

fn call(invited_at_ms: i64, ended_at_ms: Option<i64>) -> CallRow {
    CallRow {
        id: CallId::from("k_1"),
        conversation: ConversationId::from("c_1"),
        node: "n".to_owned(),
        agent: "u_1".into(),
        agent_name: "Ada".to_owned(),
        viewer_name: "Viewer".to_owned(),
        stage: CallStage::Ended,
        invited_at_ms,
        accepted_at_ms: None,
        ended_at_ms,
        reason: None,
        surface: None,
        mode: None,
        phases: BTreeMap::new(),
        media: signaling::api::CallMedia::default(),
    }
}

#[test]
fn samples_are_sorted_and_the_last_of_a_second_stays() {
    let samples = player(&[r#"[{"t":5000,"a":1},{"t":3000,"a":2}]"#, r#"[{"t":4999.6,"a":3},{"t":1000,"x":null}]"#]);
    assert_eq!(samples, [json!({"t": 1000, "x": null}), json!({"t": 3000, "a": 2}), json!({"t": 5000, "a": 3})]);
}

#[test]
fn what_is_no_sample_is_dropped() {
    let samples = player(&[
        r#"[1, "t", null, [], {}, {"t": "5000"}, {"t": null}, {"t": -5000}, {"t": 1e300}, {"t": 2000}]"#,
        r#"{"t": 7000}"#,
        "not JSON",
        "[{\"t\": 9000}",
        "",
    ]);
    assert_eq!(samples, [json!({"t": 2000})]);
    let mut unknown = block(Leg::Player, None, b"[{\"t\":1000}]");
    unknown.0.codec = "delta9".to_owned();
    assert_eq!(ConversationSeries::from_blocks(&[unknown]).player().samples.len(), 0);
    let deep = format!("[{}{}]", "[".repeat(10_000), "]".repeat(10_000));
    assert_eq!(player(&[&deep]).len(), 0);
}

#[test]
fn a_series_is_bounded_and_keeps_the_newest() {
    let blocks: Vec<_> = (0..SERIES_SAMPLES_MAX + 50)
        .map(|second| block(Leg::Player, None, format!("[{{\"t\":{}}}]", second * 1000).as_bytes()))
        .collect();
    let samples = ConversationSeries::from_blocks(&blocks).player().samples;
    assert_eq!(samples.len(), SERIES_SAMPLES_MAX);
    assert_eq!(samples[0], json!({"t": 50_000}));
}

#[test]
fn a_call_has_the_samples_of_its_legs_and_its_time() {
    let blocks = [
        block(Leg::ViewerUp, Some("k_1"), br#"[{"t":1000},{"t":100000},{"t":101000},{"t":900000}]"#),
        block(Leg::Server, Some("k_1"), br#"[{"t":100000}]"#),
        block(Leg::AgentDown, Some("k_2"), br#"[{"t":100000}]"#),
        block(Leg::Player, None, br#"[{"t":100000}]"#),
    ];
    let series = ConversationSeries::from_blocks(&blocks);
    let counts = |call: CallRow| {
        let legs = series.legs(&call);
        legs.iter().map(|leg| (leg.leg, leg.series.samples.len())).collect::<Vec<_>>()
    };
    assert_eq!(counts(call(95_000, Some(105_000))), [(Leg::ViewerUp, 2), (Leg::Server, 1)]);
    assert_eq!(counts(call(95_000, None)), [(Leg::ViewerUp, 3), (Leg::Server, 1)]);
    assert_eq!(counts(call(500_000, Some(1_000))), []);
    assert_eq!(counts(call(i64::MIN, Some(i64::MAX))), [(Leg::ViewerUp, 4), (Leg::Server, 1)]);
}

proptest! {
    #[test]
    fn any_block_gives_an_ordered_series(blocks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..5)) {
        let blocks: Vec<_> = blocks.iter().map(|bytes| block(Leg::Player, None, bytes)).collect();
        let _ = ConversationSeries::from_blocks(&blocks);
    }

    #[test]
    fn any_times_give_one_sample_a_second(times in prop::collection::vec(any::<f64>(), 0..60)) {
        let json = Value::Array(times.iter().map(|t| json!({"t": t})).collect()).to_string();
        let samples = player(&[&json]);
        let seconds: Vec<_> = samples.iter().map(|sample| sample["t"].as_i64().unwrap()).collect();
        prop_assert!(seconds.windows(2).all(|pair| pair[0] < pair[1]));
        prop_assert!(seconds.iter().all(|t| t % 1000 == 0));
    }
}
