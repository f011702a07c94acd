//! What a direction of a link has done, counted.

use serde::{Deserialize, Serialize};

use crate::line::Nanos;

/// A release later than this is counted apart, ns: a measurement with many of them measured the machine.
pub const LATE_NS: Nanos = 1_000_000;

/// Counters of one direction of one link. Packets in = out + lost + dropped + those queued or on the line (a doubled packet
/// counts once in `packetsOut`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Counters {
    /// Packets that arrived.
    pub packets_in: u64,
    /// Their bytes, as IP packets.
    pub bytes_in: u64,
    /// Packets that were delivered.
    pub packets_out: u64,
    /// Their bytes; a doubled packet counts twice here.
    pub bytes_out: u64,
    /// Lost by themselves.
    pub lost_random: u64,
    /// Lost in bursts (Gilbert–Elliott).
    pub lost_burst: u64,
    /// Dropped because the queue was full.
    pub dropped_queue: u64,
    /// Dropped because the link was down, those on it when it went down included.
    pub dropped_down: u64,
    /// Dropped because the bridge carries no more packets at once.
    pub dropped_overflow: u64,
    /// Delivered twice.
    pub duplicated: u64,
    /// Delivered after a packet that arrived later.
    pub reordered: u64,
    /// Bytes that wait for the rate limit now.
    pub queue_bytes: u64,
    /// Packets that wait for it now.
    pub queue_packets: u64,
    /// Most bytes that ever waited.
    pub queue_bytes_max: u64,
    /// Time the last packet to leave the queue had waited, ms.
    pub queue_delay_ms: f64,
    /// Longest wait, ms.
    pub queue_delay_max_ms: f64,
    /// Sum of the waits of all packets that left the queue, ms: the mean is this by `packetsIn` less the dropped.
    pub queue_delay_sum_ms: f64,
    /// Packets on the line now.
    pub flight_packets: u64,
    /// Deliveries that came later than planned by more than 1 ms: the machine was too busy for the bridge.
    pub late: u64,
    /// Largest lateness, ms.
    pub late_max_ms: f64,
    /// Sum of all lateness, ms.
    pub late_sum_ms: f64,
}

impl Counters {
    /// A packet left the queue after `waited`.
    pub(crate) fn queued(&mut self, waited: Nanos) {
        self.queue_delay_ms = ms(waited);
        self.queue_delay_max_ms = self.queue_delay_max_ms.max(ms(waited));
        self.queue_delay_sum_ms += ms(waited);
    }

    /// A packet was delivered, `late` after its time.
    pub(crate) fn delivered(&mut self, late: Nanos, bytes: usize, copies: u32) {
        self.packets_out += 1;
        self.bytes_out += bytes as u64 * u64::from(copies);
        self.duplicated += u64::from(copies > 1);
        self.late += u64::from(late > LATE_NS);
        self.late_max_ms = self.late_max_ms.max(ms(late));
        self.late_sum_ms += ms(late);
    }
}

fn ms(nanos: Nanos) -> f64 {
    nanos as f64 / 1e6
}
