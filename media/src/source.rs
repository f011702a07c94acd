//! One thing a participant may send: who receives it, whether it is active, what arrived of it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::core::PeerKey;
use crate::limits::{HOLES_MAX, SEQUENCE_LEAP_MAX, SOURCE_SILENT_AFTER};
use crate::requests::KeyFrameRequests;
use crate::slots::ReceiveSlot;
use crate::transport::RtpPacket;

/// State of one source while its publisher is in a room.
#[derive(Debug, Default)]
pub struct Source {
    /// The receive slots it is forwarded to; at most one per other participant.
    pub subscribers: Vec<(PeerKey, ReceiveSlot)>,
    /// Key frame requests toward the publisher.
    pub requests: KeyFrameRequests,
    /// What arrived.
    pub arrivals: Arrivals,
    /// When its last packet before its publisher joined arrived, if it was sending then: no key frame of its own accord is
    /// on its way.
    pub heard_at: Option<Instant>,
}

impl Source {
    /// Its publisher joins a room: counters begin anew, but not what is known of the numbering.
    pub fn begin_anew(&mut self, now: Instant) {
        let heard_at = self.arrivals.last_at.filter(|_| self.is_active(now));
        let arrivals = Arrivals { highest: self.arrivals.highest, ..Default::default() };
        *self = Self { heard_at, arrivals, ..Default::default() };
    }

    /// Whether it has sent anything yet that a key frame could follow.
    pub fn has_sent(&self) -> bool {
        self.arrivals.last_at.or(self.heard_at).is_some()
    }

    /// Whether it sends now.
    pub fn is_active(&self, now: Instant) -> bool {
        self.arrivals.last_at.or(self.heard_at).is_some_and(|last| now < last + SOURCE_SILENT_AFTER)
    }
}

/// Counters of a source's packets on their way in. Cumulative since the publisher joined.
#[derive(Debug, Default)]
pub struct Arrivals {
    /// Packets received, each once, repaired ones included.
    pub packets: u64,
    /// Payload bytes of these.
    pub bytes: u64,
    /// Packets that did not arrive by themselves, whether repaired later or not.
    pub lost: u64,
    /// When the first packet arrived.
    pub first_at: Option<Instant>,
    /// When the last packet arrived.
    pub last_at: Option<Instant>,
    /// Ticks of the RTP timestamp per second, of the last packet.
    pub clock_rate: u32,
    highest: Option<(u32, u64)>,
    holes: BTreeMap<u64, Instant>,
}

/// A missing packet that shows up sooner than this was reordered, not repaired; with a shorter round trip, sooner
/// than that: a repair takes one.
const REORDERING_MAX: Duration = Duration::from_millis(10);

impl Arrivals {
    /// Counts a packet. `rtt` is the round trip to the publisher, if known. Answers the highest sequence number of the
    /// same stream before, none if there was no packet before or the numbering leapt back.
    ///
    /// A leap beyond [`SEQUENCE_LEAP_MAX`] is a new numbering and tells nothing about loss (RFC 3550 appendix A.1).
    pub fn count(&mut self, packet: &RtpPacket, rtt: Option<Duration>) -> Option<u64> {
        let now = packet.received_at;
        self.packets = self.packets.saturating_add(1);
        self.bytes = self.bytes.saturating_add(packet.payload.len() as u64);
        self.first_at.get_or_insert(now);
        self.last_at = Some(now);
        self.clock_rate = packet.clock_rate;
        let before = self.highest.filter(|(ssrc, _)| *ssrc == packet.ssrc).map(|(_, highest)| highest);
        let leap = before.filter(|highest| highest.abs_diff(packet.sequence) > SEQUENCE_LEAP_MAX);
        match before {
            Some(highest) if leap.is_none() => {
                if packet.sequence > highest {
                    self.open_holes(highest, packet.sequence, now);
                    self.highest = Some((packet.ssrc, packet.sequence));
                } else if let Some(opened) = self.holes.remove(&packet.sequence) {
                    let reordering = rtt.map_or(REORDERING_MAX, |rtt| rtt.min(REORDERING_MAX));
                    if now.saturating_duration_since(opened) < reordering {
                        self.lost = self.lost.saturating_sub(1);
                    }
                }
            }
            _ => {
                self.highest = Some((packet.ssrc, packet.sequence));
                self.holes.clear();
            }
        }
        before.filter(|highest| leap.is_none() || *highest < packet.sequence)
    }

    fn open_holes(&mut self, highest: u64, sequence: u64, now: Instant) {
        let missing = sequence - highest - 1;
        self.lost = self.lost.saturating_add(missing);
        if missing > HOLES_MAX as u64 {
            return;
        }
        for hole in highest + 1..sequence {
            self.holes.insert(hole, now);
        }
        while self.holes.len() > HOLES_MAX {
            self.holes.pop_first();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyframe::Codec;
    use crate::transport::Extensions;
    use proptest::prelude::*;

    fn packet(sequence: u64, at: Instant) -> RtpPacket {
        RtpPacket {
            ssrc: 1,
            payload_type: 96,
            codec: Codec::Vp8,
            sequence,
            timestamp: 0,
            clock_rate: 90_000,
            marker: false,
            extensions: Extensions::default(),
            payload: [0; 10].as_slice().into(),
            received_at: at,
        }
    }

    #[test]
    fn repaired_packets_count_as_lost_and_reordered_ones_do_not() {
        let now = Instant::now();
        let mut arrivals = Arrivals::default();
        let rtt = Some(Duration::from_millis(50));
        for (sequence, ms) in [(100, 0), (103, 1), (101, 3), (102, 80), (104, 81)] {
            arrivals.count(&packet(sequence, now + Duration::from_millis(ms)), rtt);
        }
        assert_eq!((arrivals.packets, arrivals.bytes, arrivals.lost), (5, 50, 1));
    }

    #[test]
    fn a_leap_is_bounded() {
        let now = Instant::now();
        let mut arrivals = Arrivals::default();
        arrivals.count(&packet(1, now), None);
        arrivals.count(&packet(u64::from(u32::MAX), now), None);
        assert!(arrivals.holes.is_empty());
        assert_eq!(arrivals.lost, 0, "a new numbering is no loss");
    }

    #[test]
    fn a_leap_back_begins_anew() {
        let now = Instant::now();
        let mut arrivals = Arrivals::default();
        assert_eq!(arrivals.count(&packet(u64::MAX, now), None), None);
        assert_eq!(arrivals.count(&packet(10, now), None), None);
        assert_eq!(arrivals.count(&packet(12, now), None), Some(10));
        assert_eq!((arrivals.packets, arrivals.lost), (3, 1));
    }

    proptest! {
        #[test]
        fn any_numbers_are_survived(sequences in proptest::collection::vec(any::<u64>(), 0..100)) {
            let now = Instant::now();
            let mut arrivals = Arrivals::default();
            for sequence in &sequences {
                arrivals.count(&packet(*sequence, now), None);
            }
            prop_assert_eq!(arrivals.packets, sequences.len() as u64);
            prop_assert!(arrivals.holes.len() <= HOLES_MAX);
        }
    }
}
