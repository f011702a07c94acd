//! One direction of one link: what happens to a packet between its arrival and its release. No clock and no sockets: `now`
//! is passed in, the caller asks `next_at` when to come back.
//!
//! A packet goes through the queue of the rate limit (drop tail), leaves it when the token bucket has enough, is lost or
//! not, and is on the line for delay and jitter. Loss comes after the queue, as on a radio link: a lost packet has used
//! the rate. Its fate is drawn when it arrives, so that the loss pattern does not depend on timing.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use crate::counters::Counters;
use crate::dice::{Dice, Fate};
use crate::settings::LineSettings;

/// A point in time or a duration, ns of the monotonic clock.
pub type Nanos = u64;

/// Packets that one direction carries at once, queued or on the line. 65,536 are 0.6 s at 100,000 packets a second; with the
/// links' MTU they take 100 MB. What is beyond is dropped and counted as overflow.
pub const PACKETS_MAX: usize = 65_536;

/// A packet that reached the end of the line.
#[derive(Debug, PartialEq, Eq)]
pub struct Delivery<T> {
    /// The packet.
    pub item: T,
    /// How often it arrives: 1, or 2 when it was doubled.
    pub copies: u32,
}

/// What became of a packet that was pushed.
#[derive(Debug, PartialEq, Eq)]
pub enum Pushed<T> {
    /// It is under way, or (when lost) its time in the queue is.
    Taken,
    /// It was dropped or lost; the caller gets its buffer back.
    Gone(T),
}

/// One direction of one link.
pub struct Line<T> {
    settings: LineSettings,
    up: bool,
    dice: Dice,
    bucket: Bucket,
    queue: VecDeque<Queued<T>>,
    queue_bytes: usize,
    flight: BinaryHeap<Reverse<Flying<T>>>,
    last_release: Nanos,
    sequence: u64,
    delivered_highest: u64,
    counters: Counters,
}

/// A packet that waits for the rate limit. A lost one is represented by its size alone.
struct Queued<T> {
    item: Option<T>,
    bytes: usize,
    arrived: Nanos,
    fate: Fate,
}

/// A packet on the line; ordered by release, then by arrival.
struct Flying<T> {
    at: Nanos,
    sequence: u64,
    bytes: usize,
    copies: u32,
    item: T,
}

impl<T> PartialEq for Flying<T> {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.sequence) == (other.at, other.sequence)
    }
}

impl<T> Eq for Flying<T> {}

impl<T> PartialOrd for Flying<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Flying<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.sequence).cmp(&(other.at, other.sequence))
    }
}

impl<T> Line<T> {
    /// A line that is up. `name` (such as `viewer/up`) and `seed` decide its fates.
    #[must_use]
    pub fn new(seed: u64, name: &str, settings: LineSettings) -> Self {
        Self {
            settings,
            up: true,
            dice: Dice::new(seed, name),
            bucket: Bucket::default(),
            queue: VecDeque::new(),
            queue_bytes: 0,
            flight: BinaryHeap::new(),
            last_release: 0,
            sequence: 0,
            delivered_highest: 0,
            counters: Counters::default(),
        }
    }

    /// The settings in force.
    #[must_use]
    pub fn settings(&self) -> &LineSettings {
        &self.settings
    }

    /// Changes the settings. Packets that left the queue keep the release they have; those in it meet the new rate.
    /// A queue that is now too long keeps what it has.
    pub fn set(&mut self, now: Nanos, settings: LineSettings) {
        self.advance(now);
        self.bucket.change_rate(now, self.settings.rate_bps, settings.rate_bps);
        self.settings = settings;
        self.advance(now);
    }

    /// Whether the line carries anything.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.up
    }

    /// Cuts the line, which loses everything on it, or mends it.
    pub fn set_up(&mut self, up: bool) {
        self.up = up;
        if up {
            return;
        }
        self.counters.dropped_down += (self.queue.len() + self.flight.len()) as u64;
        self.queue.clear();
        self.queue_bytes = 0;
        self.flight.clear();
    }

    /// A packet of `bytes` (its length as an IP packet) arrives.
    pub fn push(&mut self, now: Nanos, bytes: usize, item: T) -> Pushed<T> {
        self.advance(now);
        self.counters.packets_in += 1;
        self.counters.bytes_in += bytes as u64;
        let fate = self.dice.next(&self.settings);
        if !self.up {
            self.counters.dropped_down += 1;
            return Pushed::Gone(item);
        }
        if self.queue.len() + self.flight.len() >= PACKETS_MAX {
            self.counters.dropped_overflow += 1;
            return Pushed::Gone(item);
        }
        let waits = !self.queue.is_empty() || self.bucket.ready_at(&self.settings, now, bytes) > now;
        if waits && self.queue_bytes + bytes > self.settings.queue_bytes {
            self.counters.dropped_queue += 1;
            return Pushed::Gone(item);
        }
        let lost = fate.lost_random || fate.lost_burst;
        let (kept, back) = if lost { (None, Pushed::Gone(item)) } else { (Some(item), Pushed::Taken) };
        let queued = Queued { item: kept, bytes, arrived: now, fate };
        if waits {
            self.queue_bytes += bytes;
            self.counters.queue_bytes_max = self.counters.queue_bytes_max.max(self.queue_bytes as u64);
            self.queue.push_back(queued);
        } else {
            self.leave(now, queued);
        }
        back
    }

    /// The next packet whose release is due, if any.
    pub fn pop(&mut self, now: Nanos) -> Option<Delivery<T>> {
        self.advance(now);
        if self.flight.peek().is_none_or(|Reverse(first)| first.at > now) {
            return None;
        }
        let Reverse(flying) = self.flight.pop()?;
        self.counters.delivered(now - flying.at, flying.bytes, flying.copies);
        if flying.sequence < self.delivered_highest {
            self.counters.reordered += 1;
        }
        self.delivered_highest = self.delivered_highest.max(flying.sequence);
        Some(Delivery { item: flying.item, copies: flying.copies })
    }

    /// When `pop` may next have something; `None` while the line is empty.
    #[must_use]
    pub fn next_at(&self) -> Option<Nanos> {
        let release = self.flight.peek().map(|Reverse(first)| first.at);
        let exit = self.queue.front().map(|head| self.bucket.ready_at(&self.settings, head.arrived, head.bytes));
        match (release, exit) {
            (Some(release), Some(exit)) => Some(release.min(exit)),
            (one, other) => one.or(other),
        }
    }

    /// Counters up to now.
    #[must_use]
    pub fn counters(&self) -> Counters {
        Counters {
            queue_bytes: self.queue_bytes as u64,
            queue_packets: self.queue.len() as u64,
            flight_packets: self.flight.len() as u64,
            ..self.counters.clone()
        }
    }

    /// Sets counters to zero; the highest queue starts at what waits now.
    pub fn reset_counters(&mut self) {
        self.counters = Counters { queue_bytes_max: self.queue_bytes as u64, ..Counters::default() };
    }

    /// Lets packets leave the queue at the times the bucket allows, however late it is called.
    fn advance(&mut self, now: Nanos) {
        while let Some(head) = self.queue.front() {
            let exit = self.bucket.ready_at(&self.settings, head.arrived, head.bytes);
            if exit > now {
                return;
            }
            let Some(head) = self.queue.pop_front() else { return };
            self.queue_bytes -= head.bytes;
            self.leave(exit, head);
        }
    }

    /// A packet leaves the queue at `exit` and goes onto the line, unless it is lost there.
    fn leave(&mut self, exit: Nanos, packet: Queued<T>) {
        self.bucket.take(&self.settings, exit, packet.bytes);
        self.counters.queued(exit - packet.arrived);
        let Some(item) = packet.item else {
            if packet.fate.lost_burst {
                self.counters.lost_burst += 1;
            } else {
                self.counters.lost_random += 1;
            }
            return;
        };
        let at = self.release(exit, &packet.fate);
        self.sequence += 1;
        let copies = 1 + u32::from(packet.fate.doubled);
        self.flight.push(Reverse(Flying { at, sequence: self.sequence, bytes: packet.bytes, copies, item }));
    }

    fn release(&mut self, exit: Nanos, fate: &Fate) -> Nanos {
        let settings = &self.settings;
        let jitter = nanos(settings.jitter_ms);
        let share = match (jitter, settings.jitter_reorders) {
            (0, _) => 0.0,
            (_, true) => fate.jitter,
            (_, false) => self.dice.wander(exit, jitter),
        };
        let mut at = exit + nanos(settings.delay_ms) + (share * jitter as f64) as Nanos;
        if !settings.jitter_reorders {
            // After a delay was lowered, those sent before still come first.
            at = at.max(self.last_release);
        }
        self.last_release = self.last_release.max(at);
        if fate.held { at + nanos(settings.reorder_by_ms) } else { at }
    }
}

fn nanos(ms: f64) -> Nanos {
    (ms * 1e6).round() as Nanos
}

/// The token bucket, kept as the time at which it will be full again.
#[derive(Default)]
struct Bucket {
    full_at: Nanos,
    /// Nothing leaves before: the last packet left then, or the rate was changed then.
    not_before: Nanos,
}

impl Bucket {
    /// When a packet may leave that came to the queue's head at `arrived` or earlier.
    fn ready_at(&self, settings: &LineSettings, arrived: Nanos, bytes: usize) -> Nanos {
        let earliest = arrived.max(self.not_before);
        let Some(rate) = settings.rate_bps else { return earliest };
        let burst = duration(settings.burst_bytes.max(bytes), rate);
        earliest.max((self.full_at + duration(bytes, rate)).saturating_sub(burst))
    }

    /// A packet leaves at `at`.
    fn take(&mut self, settings: &LineSettings, at: Nanos, bytes: usize) {
        self.not_before = at;
        if let Some(rate) = settings.rate_bps {
            self.full_at = self.full_at.max(at) + duration(bytes, rate);
        }
    }

    /// Bytes missing from the bucket stay missing, and take their time at the new rate.
    fn change_rate(&mut self, now: Nanos, old: Option<u64>, new: Option<u64>) {
        self.not_before = self.not_before.max(now);
        let missing = u128::from(self.full_at.saturating_sub(now));
        self.full_at = match (old, new) {
            (Some(old), Some(new)) => now + (missing * u128::from(old) / u128::from(new)) as Nanos,
            _ => now,
        };
    }
}

/// Time that so many bytes take at a rate in bit/s.
fn duration(bytes: usize, rate: u64) -> Nanos {
    (bytes as u128 * 8_000_000_000).div_ceil(u128::from(rate)) as Nanos
}

#[cfg(test)]
#[path = "line_tests.rs"]
mod tests;
