//! A publisher and two receivers through the sans-IO core, on a virtual clock and a seeded network.
//!
//! The seed fixes network, timing and scenario; the engine makes its own ids and certificates. So outcomes are compared,
//! not bytes, and a seed that fails is run 20 times more and its hit rate printed. `SIM_SEEDS=n` runs n seeds,
//! `SIM_SEED=s` the one.

#![allow(clippy::disallowed_methods, reason = "the virtual clock needs a time to begin with")]

#[path = "simulation/client.rs"]
mod client;
#[path = "simulation/direct.rs"]
mod direct;
#[path = "simulation/network.rs"]
mod network;
#[path = "simulation/world.rs"]
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};

use std::time::Instant;

use direct::Direct;
use media::limits::{ADDRESSES_PER_PEER_MAX, RESTART_WITHIN};
use media::{Core, CoreConfig, CoreError, Event, Output, SourceKind};
use network::Conditions;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use world::{Scenario, World};

/// Seeds run by default: a few seconds in the development profile.
const SEEDS: u64 = 36;
/// How often a failing seed is run again.
const RERUNS: usize = 20;

#[test]
fn every_receiver_gets_every_packet_whatever_the_network() {
    let number = |name: &str| std::env::var(name).ok().and_then(|v| v.parse::<u64>().ok());
    let seeds: Vec<u64> = match number("SIM_SEED") {
        Some(seed) => vec![seed],
        None => (0..number("SIM_SEEDS").unwrap_or(SEEDS)).collect(),
    };
    let mut failed = Vec::new();
    for seed in seeds {
        if let Err(reason) = run(seed) {
            let again = (0..RERUNS).filter(|_| run(seed).is_err()).count();
            eprintln!("seed {seed} failed: {reason}; again in {again} of {RERUNS} runs (SIM_SEED={seed})");
            failed.push(seed);
        }
    }
    assert!(failed.is_empty(), "failing seeds: {failed:?}");
}

#[test]
fn a_late_joiner_sees_the_picture_within_two_round_trips() {
    let scenario = Scenario { conditions: Conditions::clean(20), late_join_ms: 3_000, ..Scenario::from_seed(1) };
    let world = World::run(scenario).unwrap();
    let waited = world.late_first_key_frame_ms.unwrap() - world.late_joined_ms.unwrap();
    // Request to the publisher 20 ms, its next frame up to 34, key frame back over two links 40, ticks.
    assert!(waited <= 110, "waited {waited} ms for the key frame");
}

#[test]
fn the_first_picture_needs_no_request() {
    let world = World::run(Scenario { conditions: Conditions::clean(20), ..Scenario::from_seed(2) }).unwrap();
    assert_eq!(world.requests_before_late_join, 0);
}

#[test]
fn a_waiting_receiver_is_sent_next_to_nothing() {
    let scenario = Scenario { conditions: Conditions::clean(20), silent: true, ..Scenario::from_seed(3) };
    let world = World::run(scenario).unwrap();
    // Five seconds connected without media: reports, consent checks, SCTP; no probes, no padding.
    assert!(world.idle_bytes_per_second < 600.0, "{} B/s", world.idle_bytes_per_second);
    assert!(world.idle_wakes_per_second < 16.0, "{} wakes/s for three peers", world.idle_wakes_per_second);
}

#[test]
fn mangled_offers_are_refused_or_answered_but_nothing_panics() {
    let start = Instant::now();
    let (_, offer) = client::Client::new("10.0.1.1:5000".parse().unwrap(), start);
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let (mut refused, mut answered) = (0, 0);
    for _ in 0..400 {
        let mut lines: Vec<String> = offer.lines().map(str::to_string).collect();
        for _ in 0..rng.random_range(1..4) {
            let (i, j) = (rng.random_range(0..lines.len()), rng.random_range(0..lines.len()));
            match rng.random_range(0..5) {
                0 => drop(lines.remove(i)),
                1 => lines.insert(i, lines[j].clone()),
                2 => lines.swap(i, j),
                3 => {
                    let half = lines[i].len() / 2;
                    lines[i].truncate(half);
                }
                _ => lines[i] = lines[i].replace(|c: char| c.is_ascii_digit(), "9"),
            }
        }
        let mut core = Core::new(CoreConfig::new(vec!["10.0.0.1:3478".parse().unwrap()]), start);
        match core.connect(start, &(lines.join("\r\n") + "\r\n")) {
            Ok(_) => answered += 1,
            Err(CoreError::BadOffer(_)) => refused += 1,
            Err(other) => panic!("{other}"),
        }
        while !matches!(core.poll_output(), Output::Timeout(_)) {}
    }
    assert!(refused > 50 && answered > 50, "{refused} refused, {answered} answered");
}

#[test]
fn a_packet_too_large_to_forward_is_dropped_and_the_next_one_passes() {
    let mut world = Direct::new();
    world.publish(1_000);
    // Up to what the client's engine can send; its buffer ends at 2,000 bytes, as ours does, and a byte more panics there.
    for bytes in [1_301, 1_500, 1_900, 1_972] {
        world.publish(bytes);
    }
    world.publish(1_300);
    let received: Vec<usize> = world.clients[1].video.values().map(Vec::len).collect();
    assert_eq!(received, [1_000, 1_300]);
    assert!(world.largest_sent <= 1_452, "{} bytes", world.largest_sent);
}

#[test]
fn a_leap_in_the_numbering_does_not_reach_the_receiver() {
    let mut world = Direct::new();
    for leap in [0, 4_000, 20_000, 32_000] {
        world.clients[0].skip(1, leap);
        world.publish(1_000);
    }
    let numbers: Vec<u64> = world.clients[1].video.keys().copied().collect();
    assert_eq!(numbers, [1_024, 1_025, 1_026, 1_027]);
}

#[test]
fn a_peer_that_does_not_come_back_after_an_ice_restart_is_given_up() {
    let mut world = Direct::new();
    let (peer, now) = (world.keys[0], world.now());
    // Browsers' offers have no candidates: nothing is known then that could be found dead.
    let offer = world.clients[0].restart_ice();
    let offer: String = offer.split_inclusive('\n').filter(|line| !line.starts_with("a=candidate")).collect();
    world.core.reoffer(now, peer, &offer).unwrap();
    world.reachable = false;
    let closed = |world: &Direct| world.events.contains(&Event::Closed { peer });
    let patience_ms = RESTART_WITHIN.as_millis() as u64;
    world.run(patience_ms - 10);
    assert!(!closed(&world));
    world.run(20);
    assert!(closed(&world));
}

#[test]
fn a_peer_that_comes_back_after_an_ice_restart_stays() {
    let mut world = Direct::new();
    let (peer, now) = (world.keys[0], world.now());
    let offer = world.clients[0].restart_ice();
    let answer = world.core.reoffer(now, peer, &offer).unwrap();
    world.clients[0].answer(&answer);
    world.run(RESTART_WITHIN.as_millis() as u64 + 1_000);
    let count = |wanted: &dyn Fn(&Event) -> bool| world.events.iter().filter(|e| wanted(e)).count();
    assert_eq!(count(&|e| matches!(e, Event::IceConnected { peer: p, .. } if *p == peer)), 2);
    assert_eq!(count(&|e| matches!(e, Event::Closed { .. })), 0);
    world.publish(1_000);
    assert_eq!(world.clients[1].video.len(), 1);
}

#[test]
fn the_address_in_use_is_kept_however_many_others_are_checked_from() {
    let mut world = Direct::new();
    let (check, used) = (world.first_check.clone(), world.clients[0].address);
    let others = ADDRESSES_PER_PEER_MAX as u16 - 1;
    for other in 0..2 * others {
        if other == others {
            world.hand_in(used, &check);
        }
        world.hand_in(std::net::SocketAddr::from(([10, 0, 2, 1], 6_000 + other)), &check);
    }
    world.publish(1_000);
    let arrived = |e: &Event| matches!(e, Event::FirstPacketIn { kind: SourceKind::Screen, .. });
    assert!(world.events.iter().any(arrived));
}

fn run(seed: u64) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(|| World::run(Scenario::from_seed(seed)).map(drop))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        Err(text.or_else(|| panic.downcast_ref::<&str>().map(|s| s.to_string())).unwrap_or_default())
    })
}
