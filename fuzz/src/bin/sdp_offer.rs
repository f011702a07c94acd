//! A session description of a stranger: answered or refused, first as an offer, then as a restart of the connection that a
//! good offer made.
#![no_main]

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Instant;

use libfuzzer_sys::fuzz_target;
use media::{Core, CoreConfig};

/// An offer as Chromium makes it.
const GOOD: &str = include_str!("../../corpus/sdp-offer/chromium");

fuzz_target!(|bytes: &[u8]| {
    let Ok(offer) = std::str::from_utf8(bytes) else { return };
    let now = Instant::now();
    let mut core = Core::new(CoreConfig::new(vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 40_000))]), now);
    let _ = core.connect(now, offer);
    let (peer, _) = core.connect(now, GOOD).expect("a good offer is answered");
    let _ = core.reoffer(now, peer, offer);
    while !matches!(core.poll_output(), media::Output::Timeout(_)) {}
});
