//! How exact the laboratory is. The figures are printed; docs/netlab.md quotes them.

use std::collections::BTreeSet;
use std::time::Duration;

use libtest_mimic::Failed;
use netlab::protocol::Request;
use netlab::settings::GilbertElliott;
use serde_json::json;

use crate::traffic::{Arrival, HEADERS, flow, lab, percentile, receive, reset, send, set, socket, stamp};

/// 99 % of a normal distribution lie within this many standard deviations.
const Z99: f64 = 2.576;
/// 5,000 packets a second.
const EVERY: Duration = Duration::from_micros(200);

fn ensure(holds: bool, what: impl FnOnce() -> String) -> Result<(), Failed> {
    if holds { Ok(()) } else { Err(what().into()) }
}

/// 50 ms each way, 5,000 packets a second of 1,000 bytes each way at once.
pub(crate) fn delay() -> Result<(), Failed> {
    const DELAY: i128 = 50_000_000;
    let lab = lab(1);
    let control = &mut lab.control()?;
    for direction in ["up", "down"] {
        set(&lab, direction, &json!({"delayMs": 50}));
    }
    let (viewer, server) = (socket(&lab, "viewer"), socket(&lab, "server"));
    let (to_viewer, to_server) = (viewer.local_addr()?, server.local_addr()?);
    stamp(&viewer);
    stamp(&server);
    let (up, down) = std::thread::scope(|scope| {
        let receivers = (scope.spawn(|| receive(&server)), scope.spawn(|| receive(&viewer)));
        scope.spawn(|| send(&viewer, to_server, 25_000, EVERY, 1_000));
        scope.spawn(|| send(&server, to_viewer, 25_000, EVERY, 1_000));
        (receivers.0.join().expect("a receiver"), receivers.1.join().expect("a receiver"))
    });
    let counters = control.counters()?;
    for (name, arrivals, counted) in [("up", up, &counters.sites[0].up), ("down", down, &counters.sites[0].down)] {
        ensure(arrivals.len() == 25_000, || format!("{name}: {} of 25,000 arrived", arrivals.len()))?;
        let mut extra: Vec<i128> = arrivals.iter().map(|one| one.took - DELAY).collect();
        extra.sort_unstable();
        let us = |share: f64| percentile(&extra, share) / 1_000;
        let rate = 24_999.0 * 1e9 / (arrivals[24_999].at - arrivals[0].at) as f64;
        println!(
            "  {name}: {rate:.0} packets/s; above 50 ms by p50 {} µs, p99 {} µs, p99.9 {} µs, most {} µs; the bridge late by {:.0} µs on average, {} of 25,000 by more than 1 ms",
            us(0.5),
            us(0.99),
            us(0.999),
            us(1.0),
            counted.late_sum_ms * 1e3 / counted.packets_out as f64,
            counted.late
        );
        ensure(extra[0] >= 0, || format!("{name}: one came {} ns early", -extra[0]))?;
        ensure(us(0.99) < 1_000, || format!("{name}: p99 is {} µs", us(0.99)))?;
        ensure(rate > 4_800.0, || format!("{name}: only {rate} packets/s"))?;
    }
    Ok(())
}

pub(crate) fn random_loss() -> Result<(), Failed> {
    let lab = lab(2);
    for loss in [0.02, 0.1] {
        reset(&lab);
        set(&lab, "up", &json!({"loss": loss}));
        let count = 20_000;
        let lost = count - flow(&lab, ["viewer", "server"], count, EVERY / 2, 100).len() as u32;
        let counted = lab.control()?.counters()?.sites[0].up.clone();
        ensure(counted.packets_in == u64::from(count), || format!("{} of {count} came in", counted.packets_in))?;
        ensure(counted.lost_random == u64::from(lost), || format!("{lost} lost, {} counted", counted.lost_random))?;
        let (share, interval) =
            (f64::from(lost) / f64::from(count), Z99 * (loss * (1.0 - loss) / f64::from(count)).sqrt());
        println!("  loss {loss}: {share:.4} of {count} packets, 99 % interval ± {interval:.4}");
        ensure((share - loss).abs() < interval, || format!("{share} lost instead of {loss}"))?;
    }
    Ok(())
}

pub(crate) fn burst_loss() -> Result<(), Failed> {
    let lab = lab(3);
    let chain = GilbertElliott { p: 0.02, r: 0.25, loss_good: 0.001, loss_bad: 0.7 };
    set(&lab, "down", &json!({"gilbertElliott": chain}));
    let count = 30_000;
    let lost = count - flow(&lab, ["server", "viewer"], count, EVERY / 2, 100).len() as u32;
    let counted = lab.control()?.counters()?.sites[0].down.clone();
    ensure(counted.packets_in == u64::from(count), || format!("{} of {count} came in", counted.packets_in))?;
    ensure(counted.lost_burst == u64::from(lost), || format!("{lost} lost, {} counted", counted.lost_burst))?;
    // Neighbours are correlated through the state: see the unit tests of `dice`.
    let (expected, bad, lambda) = (chain.expected_loss(), chain.p / (chain.p + chain.r), 1.0 - chain.p - chain.r);
    let states = bad * (1.0 - bad) * (chain.loss_bad - chain.loss_good).powi(2);
    let variance = expected * (1.0 - expected) + states * 2.0 * lambda / (1.0 - lambda);
    let (share, interval) = (f64::from(lost) / f64::from(count), Z99 * (variance / f64::from(count)).sqrt());
    println!("  bursts: {share:.4} of {count} packets lost, expected {expected:.4}, 99 % interval ± {interval:.4}");
    ensure((share - expected).abs() < interval, || format!("{share} lost instead of {expected}"))
}

pub(crate) fn same_seed() -> Result<(), Failed> {
    let arrived = |seed: u64| {
        let lab = lab(seed);
        set(&lab, "up", &json!({"loss": 0.1, "gilbertElliott": {"p": 0.05, "r": 0.3}}));
        let arrivals = flow(&lab, ["viewer", "server"], 3_000, EVERY, 100);
        arrivals.iter().map(|one| one.number).collect::<BTreeSet<u32>>()
    };
    let first = arrived(7);
    ensure(first == arrived(7), || "the same seed lost other packets".to_owned())?;
    ensure(first != arrived(8), || "another seed lost the same packets".to_owned())
}

pub(crate) fn rate_and_queue() -> Result<(), Failed> {
    let lab = lab(4);
    for (rate, queue) in [(2_000_000_u64, 50_000_u64), (20_000_000, 500_000)] {
        reset(&lab);
        set(&lab, "up", &json!({"rateBps": rate, "queueBytes": queue}));
        let bytes = 972 + HEADERS;
        // Half as much again as fits, for three seconds.
        let every = Duration::from_secs_f64(bytes as f64 * 8.0 / (rate as f64 * 1.5));
        let arrivals = flow(&lab, ["viewer", "server"], (3.0 / every.as_secs_f64()) as u32, every, bytes - HEADERS);
        // From the first second on, when the queue is full.
        let full: Vec<&Arrival> = arrivals.iter().filter(|one| one.at - arrivals[0].at > 1_000_000_000).collect();
        let (first, last) = (full[0], full[full.len() - 1]);
        let measured = (full.len() - 1) as f64 * bytes as f64 * 8.0 / ((last.at - first.at) as f64 / 1e9);
        let counted = lab.control()?.counters()?.sites[0].up.clone();
        let wait = queue as f64 * 8e3 / rate as f64;
        println!(
            "  {rate} bit/s: measured {measured:.0}; queue at most {} of {queue} bytes, waited at most {:.1} ms of {wait:.1}; {} dropped",
            counted.queue_bytes_max, counted.queue_delay_max_ms, counted.dropped_queue
        );
        ensure((measured / rate as f64 - 1.0).abs() < 0.02, || format!("{measured} bit/s instead of {rate}"))?;
        let fits = counted.queue_bytes_max <= queue && counted.queue_bytes_max > queue - 2 * bytes as u64;
        ensure(fits, || format!("the queue held {} of {queue} bytes", counted.queue_bytes_max))?;
        ensure(counted.queue_delay_max_ms <= wait, || format!("waited {} ms", counted.queue_delay_max_ms))?;
        ensure(counted.dropped_queue > 0, || "nothing was dropped".to_owned())?;
    }
    Ok(())
}

/// CPU time of the bridge's thread over two seconds without packets.
pub(crate) fn idle() -> Result<(), Failed> {
    let lab = lab(5);
    set(&lab, "up", &json!({"delayMs": 50, "jitterMs": 20, "rateBps": 1_000_000}));
    lab.control()?.ask(&Request::Get)?;
    let before = bridge_ns()?;
    std::thread::sleep(Duration::from_secs(2));
    let used = bridge_ns()? - before;
    println!("  idle: {:.3} ms of CPU in 2 s", used as f64 / 1e6);
    ensure(used < 2_000_000, || format!("{used} ns of CPU while nothing was to do"))
}

/// CPU time of the thread called `bridge`, ns.
fn bridge_ns() -> Result<u64, Failed> {
    for task in std::fs::read_dir("/proc/self/task")?.flatten() {
        if std::fs::read_to_string(task.path().join("comm")).is_ok_and(|name| name.trim() == "bridge") {
            let stat = std::fs::read_to_string(task.path().join("schedstat"))?;
            return Ok(stat.split_whitespace().next().unwrap_or_default().parse()?);
        }
    }
    Err("no thread called bridge".into())
}
