//! Datagrams of strangers at the media port: STUN, DTLS, RTP or anything, from one address, with a peer whose name is known.
#![no_main]

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Instant;

use libfuzzer_sys::fuzz_target;
use media::{Core, CoreConfig, Output, stun};

/// An offer as Chromium makes it.
const GOOD: &str = include_str!("../../corpus/sdp-offer/chromium");
/// Datagrams in one input, each with its length in two bytes before it.
const DATAGRAMS_MAX: usize = 16;

fuzz_target!(|bytes: &[u8]| {
    let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 40_000));
    let there = SocketAddr::from((Ipv4Addr::LOCALHOST, 50_000));
    let now = Instant::now();
    let mut core = Core::new(CoreConfig::new(vec![here]), now);
    core.connect(now, GOOD).expect("a good offer is answered");
    let mut rest = bytes;
    for _ in 0..DATAGRAMS_MAX {
        let [high, low, tail @ ..] = rest else { break };
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(tail.len());
        let (datagram, next) = tail.split_at(length);
        let _ = stun::local_ufrag(datagram);
        core.handle_datagram(now, there, here, datagram);
        while !matches!(core.poll_output(), Output::Timeout(_)) {}
        rest = next;
    }
});
