//! A segment of the telemetry log, as a crash or a bad disk may leave it: whole blocks are found, nothing else is.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let found: usize = sightline::telemetry::blocks_of_segment(bytes).map(|(_, block)| block.len()).sum();
    assert!(found <= bytes.len());
});
