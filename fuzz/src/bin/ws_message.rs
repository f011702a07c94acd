//! A client's WebSocket frame: it is read or refused, and what was read is written and read again as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use signaling::session::Standing;
use signaling::wire::parse_client;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(frame) = parse_client(text) else { return };
    for standing in [Standing::AwaitingHello, Standing::Viewer, Standing::Agent] {
        let _ = standing.admit(&frame.message);
    }
    let again = serde_json::to_string(&frame).expect("what was read can be written");
    assert_eq!(parse_client(&again).expect("and read again").message, frame.message);
});
