//! The seeded network: every participant has a line to the server, and each datagram on it is queued, delayed, sometimes
//! lost, sometimes overtaken. A line can be squeezed or cut for a while.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::SocketAddr;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A bad state is over when nothing was sent for so long, µs: bursts are of time, and a handshake's few datagrams, seconds
/// apart, do not meet one and the same.
const BURST_IDLE_MAX_US: u64 = 100_000;
/// How much later than it should an overtaken datagram arrives, ms.
const OVERTAKEN_BY_MS: u64 = 25;

/// What a line does to datagrams, the same in both directions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Conditions {
    /// One-way delay, ms.
    pub(crate) delay_ms: u64,
    /// Further delay, up to this much, ms; the order is kept.
    pub(crate) jitter_ms: u64,
    /// Share of datagrams that are held back so long that others overtake them.
    pub(crate) overtaken: f64,
    /// Share of datagrams lost.
    pub(crate) loss: f64,
    /// Mean length of a run of losses (Gilbert–Elliott: everything is lost in the bad state, nothing in the good one);
    /// 1 means that losses are independent.
    pub(crate) burst: f64,
    /// Rate and queue; none means neither is bounded.
    pub(crate) rate: Option<Rate>,
}

/// A bottleneck.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    /// kbit/s.
    pub(crate) kbps: u64,
    /// Bytes that may wait; what comes when it is full is lost.
    pub(crate) queue_bytes: u64,
}

impl Conditions {
    pub(crate) fn clean(delay_ms: u64) -> Self {
        Self { delay_ms, jitter_ms: 0, overtaken: 0.0, loss: 0.0, burst: 1.0, rate: None }
    }

    /// Whether every datagram arrives, in order and without waiting.
    pub(crate) fn is_clean(&self) -> bool {
        self.jitter_ms == 0 && self.overtaken == 0.0 && self.loss == 0.0 && self.rate.is_none()
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Datagram {
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) bytes: Vec<u8>,
}

/// One direction of a line.
#[derive(Debug, Default, Clone)]
struct Way {
    bad: bool,
    /// When the last datagram was put on it, µs.
    used_at: u64,
    /// When the last datagram in the queue will have been sent, µs.
    busy_until: u64,
    /// When the last datagram that keeps its place arrives, µs.
    last_at: u64,
}

#[derive(Debug)]
struct Line {
    conditions: Conditions,
    ways: [Way; 2],
    squeezed: Option<(u64, Rate)>,
    cut_until_ms: u64,
}

pub(crate) struct Network {
    lines: Vec<Line>,
    rng: ChaCha8Rng,
    queue: BinaryHeap<Reverse<(u64, u64)>>,
    held: std::collections::HashMap<u64, Datagram>,
    next: u64,
    /// While true, lines only delay.
    pub(crate) calm: bool,
    /// Datagrams lost.
    pub(crate) lost: usize,
}

impl Network {
    pub(crate) fn new(seed: u64, lines: &[Conditions]) -> Self {
        let line = |c: &Conditions| Line { conditions: *c, ways: Default::default(), squeezed: None, cut_until_ms: 0 };
        Self {
            lines: lines.iter().map(line).collect(),
            rng: ChaCha8Rng::seed_from_u64(seed ^ 0x6e65_7477),
            queue: BinaryHeap::new(),
            held: Default::default(),
            next: 0,
            calm: false,
            lost: 0,
        }
    }

    pub(crate) fn rtt_ms(&self, line: usize) -> u64 {
        let conditions = &self.lines[line].conditions;
        2 * (conditions.delay_ms + if self.calm { 0 } else { conditions.jitter_ms })
    }

    /// Nothing passes a line until then.
    pub(crate) fn cut(&mut self, line: usize, until_ms: u64) {
        self.lines[line].cut_until_ms = until_ms;
    }

    /// A line has this rate until then.
    pub(crate) fn squeeze(&mut self, line: usize, until_ms: u64, rate: Rate) {
        self.lines[line].squeezed = Some((until_ms, rate));
    }

    /// Puts a datagram on a line, `up` to the server or down from it. False if it is lost.
    pub(crate) fn send(&mut self, now_ms: u64, line: usize, up: bool, datagram: Datagram) -> bool {
        let Some(at) = self.arrival(now_ms, line, up, datagram.bytes.len() as u64) else {
            self.lost += 1;
            return false;
        };
        self.queue.push(Reverse((at, self.next)));
        self.held.insert(self.next, datagram);
        self.next += 1;
        true
    }

    fn arrival(&mut self, now_ms: u64, line: usize, up: bool, bytes: u64) -> Option<u64> {
        let Line { conditions, ways, squeezed, cut_until_ms } = &mut self.lines[line];
        let (way, rng, now) = (&mut ways[usize::from(up)], &mut self.rng, now_ms * 1_000);
        if now_ms < *cut_until_ms {
            return None;
        }
        let squeezed = squeezed.filter(|(until, _)| now_ms < *until).map(|(_, rate)| rate);
        let calm = self.calm;
        let mut at = now;
        if let Some(rate) = squeezed.or(conditions.rate.filter(|_| !calm)) {
            let waiting = way.busy_until.saturating_sub(now) * rate.kbps / 8_000;
            if waiting + bytes > rate.queue_bytes {
                return None;
            }
            way.busy_until = way.busy_until.max(now) + bytes * 8_000 / rate.kbps;
            at = way.busy_until;
        }
        at += conditions.delay_ms * 1_000;
        if calm {
            return Some(at);
        }
        if lost(conditions, way, now, rng) {
            return None;
        }
        at = (at + rng.random_range(0..=conditions.jitter_ms * 1_000)).max(way.last_at);
        if rng.random_bool(conditions.overtaken) {
            return Some(at + rng.random_range(0..=OVERTAKEN_BY_MS * 1_000));
        }
        way.last_at = at;
        Some(at)
    }

    /// When the next datagram arrives, ms.
    pub(crate) fn next_ms(&self) -> Option<u64> {
        self.queue.peek().map(|Reverse((at, _))| at.div_ceil(1_000))
    }

    pub(crate) fn due(&mut self, now_ms: u64) -> Option<Datagram> {
        let Reverse((at, id)) = self.queue.peek().copied()?;
        if at > now_ms * 1_000 {
            return None;
        }
        self.queue.pop();
        self.held.remove(&id)
    }
}

fn lost(conditions: &Conditions, way: &mut Way, now: u64, rng: &mut ChaCha8Rng) -> bool {
    let idle = now.saturating_sub(std::mem::replace(&mut way.used_at, now)) > BURST_IDLE_MAX_US;
    if conditions.burst <= 1.0 || idle {
        way.bad = rng.random_bool(conditions.loss);
        return way.bad;
    }
    let recover = 1.0 / conditions.burst;
    let enter = conditions.loss * recover / (1.0 - conditions.loss);
    way.bad = if way.bad { !rng.random_bool(recover) } else { rng.random_bool(enter) };
    way.bad
}
