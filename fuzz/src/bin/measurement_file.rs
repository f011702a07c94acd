//! A file of measurements that somebody uploads or passes to `sightline diagnose`, of any tool: read or refused, and what
//! was read is judged and written again without a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(parsed) = diagnosis::parse(bytes) else { return };
    let found = diagnosis::diagnose(&parsed.trace, None);
    assert!((0.0..=1.0).contains(&found.verdict.confidence));
    let again = diagnosis::parse(parsed.trace.to_json().to_string().as_bytes());
    assert!(again.is_ok(), "what we write can be read: {again:?}");
});
