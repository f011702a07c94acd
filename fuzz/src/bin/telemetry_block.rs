//! The bytes of a telemetry block, as a page may send them: read into series or left out.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sightline::telemetry::{BlockHeader, ConversationSeries};
use signaling::wire::Leg;

fuzz_target!(|bytes: &[u8]| {
    let header = |seq, t0_ms| BlockHeader {
        conversation: "c_1".into(),
        call: None,
        leg: Leg::Player,
        source: "page".to_owned(),
        seq,
        t0_ms,
        codec: "json1".to_owned(),
    };
    let blocks = [(header(0, 1.7e12), bytes.to_vec()), (header(1, -1.0), bytes.to_vec())];
    let series = ConversationSeries::from_blocks(&blocks).player();
    let times: Vec<f64> = series.samples.iter().filter_map(|sample| sample.get("t")?.as_f64()).collect();
    assert!(times.is_sorted(), "samples are in order");
});
