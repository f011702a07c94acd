//! One receive slot's stream: the gate that waits for a key frame, and the rewriting of payload types, sequence
//! numbers and timestamps, so that the receiver sees one continuous stream whatever source is behind it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::keyframe::KeyFrame;
use crate::limits::{HELD_PACKETS_MAX, PAUSE_MAX, SEQUENCE_LEAP_MAX};
use crate::transport::{OutgoingPacket, RtpPacket};

/// First sequence number of a slot. Below 2^16, as a receiver's rollover counter starts at zero (RFC 3711 section
/// 3.3.1), and some way above zero, so that nothing before it is mistaken for the top of the range.
const FIRST_SEQUENCE: u64 = 1_024;
/// Payload types remembered per subscription. A publisher negotiates about 30, a sender uses one or two.
const PAYLOAD_TYPES_MAX: usize = 32;

/// The numbering of a receive slot. Lives as long as the slot, across sources.
#[derive(Debug, Default)]
pub struct SlotStream {
    highest: Option<Highest>,
}

#[derive(Debug, Clone, Copy)]
struct Highest {
    sequence: u64,
    timestamp: u32,
    received_at: Instant,
}

/// What connects a slot to its present source.
#[derive(Debug)]
pub struct Subscription {
    gate: Gate,
    base: Option<Base>,
    payload_types: Vec<(u8, Option<u8>)>,
    refused: bool,
}

#[derive(Debug)]
enum Gate {
    /// Everything passes.
    Open,
    /// Waits for a key frame; meanwhile keeps what came, in case the start of one was lost and comes again.
    Closed(Waiting),
}

#[derive(Debug, Default)]
struct Waiting {
    /// Whether a packet was seen since the gate closed.
    begun: bool,
    /// The source's highest sequence number before that one. A key frame from before then is incomplete here, even if
    /// its beginning is repaired now.
    after: Option<u64>,
    held: BTreeMap<u64, RtpPacket>,
    /// The last held packet that is a key frame's, but perhaps not its first.
    picture: Option<u64>,
}

/// Where the source's numbers lie in the slot's.
#[derive(Debug, Clone, Copy)]
struct Base {
    ssrc: u32,
    source_sequence: u64,
    sequence: u64,
    timestamp_offset: u32,
    /// The source's highest sequence number forwarded so far.
    source_highest: u64,
}

impl Base {
    /// Whether the packet belongs to the numbering this base is about.
    fn covers(&self, packet: &RtpPacket) -> bool {
        self.ssrc == packet.ssrc && self.source_highest.abs_diff(packet.sequence) <= SEQUENCE_LEAP_MAX
    }
}

impl Subscription {
    /// A subscription to sound passes everything at once, one to pictures waits for a key frame.
    pub fn new(video: bool) -> Self {
        let gate = if video { Gate::Closed(Waiting::default()) } else { Gate::Open };
        Self { gate, base: None, payload_types: Vec::new(), refused: false }
    }

    /// Whether a key frame has still to come.
    pub fn waits_for_key_frame(&self) -> bool {
        matches!(self.gate, Gate::Closed(_))
    }

    /// The receiver's payload type for the publisher's, by `lookup` the first time. None if the receiver has no such
    /// codec.
    pub fn payload_type(&mut self, theirs: u8, lookup: impl FnOnce() -> Option<u8>) -> Option<u8> {
        if let Some((_, ours)) = self.payload_types.iter().find(|(known, _)| *known == theirs) {
            return *ours;
        }
        let ours = lookup();
        if self.payload_types.len() < PAYLOAD_TYPES_MAX {
            self.payload_types.push((theirs, ours));
        }
        ours
    }

    /// True the first time: the receiver's lack of the publisher's codec is worth one line in the log, not one a packet.
    pub fn first_refusal(&mut self) -> bool {
        !std::mem::replace(&mut self.refused, true)
    }

    /// Forgets the payload types, since one of the two ends negotiated anew.
    pub fn renegotiated(&mut self) {
        self.payload_types.clear();
    }

    /// Takes a packet of the source, appends what is now to be sent to `out`. `before` is the highest sequence number of
    /// the same stream that arrived before this packet, whether this subscription was there already or not.
    pub fn forward(
        &mut self,
        stream: &mut SlotStream,
        packet: &RtpPacket,
        before: Option<u64>,
        payload_type: u8,
        out: &mut Vec<OutgoingPacket>,
    ) {
        if self.base.is_some_and(|base| !base.covers(packet)) {
            // The publisher began a new stream (a new SSRC has new numbers and begins with a key frame), or leapt so far
            // in its numbering that following it would lead receivers astray.
            self.base = None;
            if packet.codec.is_video() {
                self.gate = Gate::Closed(Waiting::default());
            }
        }
        let Gate::Closed(waiting) = &mut self.gate else {
            if self.base.is_none() && before.is_some_and(|before| packet.sequence < before) {
                // Overtaken by one that came before the subscription began: a hole would follow it.
                return;
            }
            let base = self.base.get_or_insert_with(|| stream.base_for(packet));
            out.extend(stream.rewrite(base, packet, payload_type));
            return;
        };
        if waiting.after.is_some_and(|after| after.saturating_sub(packet.sequence) > SEQUENCE_LEAP_MAX) {
            *waiting = Waiting::default();
        }
        if !std::mem::replace(&mut waiting.begun, true) {
            waiting.after = before;
        }
        if waiting.after.is_some_and(|after| packet.sequence <= after) {
            return;
        }
        waiting.hold(packet);
        let Some(begin) = waiting.begin(packet) else { return };
        let held = std::mem::take(&mut waiting.held);
        self.gate = Gate::Open;
        let mut held = held.range(begin..).map(|(_, packet)| packet);
        let Some(first) = held.next() else { return };
        let base = self.base.insert(stream.base_for(first));
        out.extend(stream.rewrite(base, first, payload_type));
        for later in held {
            if !base.covers(later) {
                break;
            }
            out.extend(stream.rewrite(base, later, payload_type));
        }
    }
}

impl Waiting {
    /// Keeps the newest packets within the bound.
    fn hold(&mut self, packet: &RtpPacket) {
        let leapt = |last: &RtpPacket| last.sequence.abs_diff(packet.sequence) > SEQUENCE_LEAP_MAX;
        if self.held.last_key_value().is_some_and(|(_, last)| last.ssrc != packet.ssrc || leapt(last)) {
            self.held.clear();
            self.picture = None;
        }
        self.held.insert(packet.sequence, packet.clone());
        while self.held.len() > HELD_PACKETS_MAX {
            self.held.pop_first();
        }
    }

    /// Where a receiver can begin now that `packet` is held: the number of a key frame's first packet.
    fn begin(&mut self, packet: &RtpPacket) -> Option<u64> {
        match KeyFrame::of(packet.codec, &packet.payload) {
            KeyFrame::Begins => return Some(packet.sequence),
            KeyFrame::Picture => self.picture = Some(packet.sequence),
            KeyFrame::No => {}
        }
        let picture = self.held.get(&self.picture?)?;
        // Without parameter sets before it, it can do only if it is certain that none are missing: when everything is
        // there back to the picture before.
        let mut first = picture.sequence;
        loop {
            let before = self.held.get(&first.checked_sub(1)?)?;
            if before.timestamp != picture.timestamp {
                return Some(first);
            }
            first = before.sequence;
        }
    }
}

impl SlotStream {
    /// Continues the slot's numbering with `packet`: the next sequence number, and a timestamp that has moved as far
    /// as the wall clock has, within [`PAUSE_MAX`].
    fn base_for(&self, packet: &RtpPacket) -> Base {
        let (sequence, timestamp) = match self.highest {
            None => (FIRST_SEQUENCE, packet.timestamp),
            Some(last) => {
                let elapsed = packet.received_at.saturating_duration_since(last.received_at).min(PAUSE_MAX);
                let ticks = (elapsed.as_secs_f64() * f64::from(packet.clock_rate)) as u64 as u32;
                (last.sequence.saturating_add(1), last.timestamp.wrapping_add(ticks.max(1)))
            }
        };
        Base {
            ssrc: packet.ssrc,
            source_sequence: packet.sequence,
            sequence,
            timestamp_offset: timestamp.wrapping_sub(packet.timestamp),
            source_highest: packet.sequence,
        }
    }

    /// None for a packet from before the base: its number would be another's.
    fn rewrite(&mut self, base: &mut Base, packet: &RtpPacket, payload_type: u8) -> Option<OutgoingPacket> {
        let sequence = base.sequence.checked_add(packet.sequence.checked_sub(base.source_sequence)?)?;
        let timestamp = packet.timestamp.wrapping_add(base.timestamp_offset);
        base.source_highest = base.source_highest.max(packet.sequence);
        let received_at = match self.highest {
            Some(highest) if sequence <= highest.sequence => highest.time_of(timestamp, packet),
            _ => {
                self.highest = Some(Highest { sequence, timestamp, received_at: packet.received_at });
                packet.received_at
            }
        };
        Some(OutgoingPacket {
            payload_type,
            sequence,
            timestamp,
            marker: packet.marker,
            extensions: packet.extensions.clone(),
            payload: packet.payload.clone(),
            received_at,
        })
    }
}

impl Highest {
    /// When an earlier packet would have come had it not been late: a repair's own time of arrival would pair a
    /// timestamp with a wrong wall clock in the next sender report, and skew sound against picture.
    fn time_of(&self, timestamp: u32, packet: &RtpPacket) -> Instant {
        let ticks = self.timestamp.wrapping_sub(timestamp);
        // A difference of half the range and more is a negative one.
        if ticks >= 1 << 31 {
            return packet.received_at;
        }
        let before = Duration::from_secs_f64(f64::from(ticks) / f64::from(packet.clock_rate.max(1)));
        self.received_at.checked_sub(before.min(PAUSE_MAX)).unwrap_or(packet.received_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyframe::Codec;
    use crate::transport::Extensions;
    use proptest::prelude::*;
    use std::time::Duration;

    const KEY: &[u8] = &[0x10, 0x00, 1];
    const DELTA: &[u8] = &[0x10, 0x01, 1];
    const MIDDLE: &[u8] = &[0x00, 0x00, 1];

    fn packet(ssrc: u32, sequence: u64, timestamp: u32, payload: &[u8], at: Instant) -> RtpPacket {
        RtpPacket {
            ssrc,
            payload_type: 96,
            codec: Codec::Vp8,
            sequence,
            timestamp,
            clock_rate: 90_000,
            marker: false,
            extensions: Extensions::default(),
            payload: payload.into(),
            received_at: at,
        }
    }

    fn numbers(out: &[OutgoingPacket]) -> Vec<(u64, u32)> {
        out.iter().map(|p| (p.sequence, p.timestamp)).collect()
    }

    #[test]
    fn nothing_passes_before_a_key_frame() {
        let now = Instant::now();
        let (mut stream, mut subscription, mut out) = (SlotStream::default(), Subscription::new(true), Vec::new());
        subscription.forward(&mut stream, &packet(1, 70_000, 5, DELTA, now), None, 100, &mut out);
        assert!(out.is_empty() && subscription.waits_for_key_frame());
        subscription.forward(&mut stream, &packet(1, 70_001, 6, KEY, now), None, 100, &mut out);
        subscription.forward(&mut stream, &packet(1, 70_003, 6, MIDDLE, now), None, 100, &mut out);
        subscription.forward(&mut stream, &packet(1, 70_002, 6, MIDDLE, now), None, 100, &mut out);
        assert_eq!(numbers(&out), [(1_024, 6), (1_026, 6), (1_025, 6)]);
        assert!(out.iter().all(|p| p.payload_type == 100));
    }

    #[test]
    fn the_rest_of_a_key_frame_is_there_when_its_start_comes_late() {
        let now = Instant::now();
        let (mut stream, mut subscription, mut out) = (SlotStream::default(), Subscription::new(true), Vec::new());
        for sequence in [9, 11, 12] {
            subscription.forward(&mut stream, &packet(1, sequence, 6, MIDDLE, now), None, 96, &mut out);
        }
        subscription.forward(&mut stream, &packet(1, 10, 6, KEY, now), None, 96, &mut out);
        assert_eq!(numbers(&out), [(1_024, 6), (1_025, 6), (1_026, 6)]);
    }

    #[test]
    fn the_repaired_beginning_of_an_older_key_frame_opens_nothing() {
        let now = Instant::now();
        let (mut stream, mut subscription, mut out) = (SlotStream::default(), Subscription::new(true), Vec::new());
        subscription.forward(&mut stream, &packet(1, 31, 6, DELTA, now), Some(30), 96, &mut out);
        subscription.forward(&mut stream, &packet(1, 10, 5, KEY, now), Some(31), 96, &mut out);
        assert!(out.is_empty() && subscription.waits_for_key_frame());
    }

    #[test]
    fn a_picture_is_not_shown_without_its_parameter_sets() {
        let now = Instant::now();
        let h264 = |sequence, timestamp, payload: &[u8]| RtpPacket {
            codec: Codec::H264,
            ..packet(1, sequence, timestamp, payload, now)
        };
        let (sps, idr, delta): (&[u8], &[u8], &[u8]) = (&[0x67, 0x42], &[0x7c, 0x85], &[0x61, 0x00]);
        let run = |packets: &[(u64, u32, &[u8])]| {
            let (mut stream, mut subscription, mut out) = (SlotStream::default(), Subscription::new(true), Vec::new());
            for (sequence, timestamp, payload) in packets {
                subscription.forward(&mut stream, &h264(*sequence, *timestamp, payload), None, 96, &mut out);
            }
            out.iter().map(|p| (p.sequence, p.payload.to_vec())).collect::<Vec<_>>()
        };
        // The parameter sets are lost, then repaired.
        let from_sps = [(1_024, sps.to_vec()), (1_025, idr.to_vec())];
        assert_eq!(run(&[(8, 5, delta), (10, 6, idr)]), []);
        assert_eq!(run(&[(8, 5, delta), (10, 6, idr), (9, 6, sps)]), from_sps);
        // The picture has none: nothing is missing before it, known at once or after a repair.
        let alone = [(1_024, idr.to_vec())];
        assert_eq!(run(&[(9, 5, delta), (10, 6, idr)]), alone);
        assert_eq!(run(&[(10, 6, idr), (9, 5, delta)]), alone);
        // What stands before the slice in the same picture belongs to it.
        assert_eq!(run(&[(8, 5, delta), (9, 6, &[0x09]), (10, 6, idr)]), [(1_024, vec![0x09]), (1_025, idr.to_vec())]);
    }

    #[test]
    fn a_new_source_continues_the_numbering() {
        let now = Instant::now();
        let later = now + Duration::from_secs(1);
        let (mut stream, mut out) = (SlotStream::default(), Vec::new());
        let mut first = Subscription::new(true);
        first.forward(&mut stream, &packet(1, 5, 1_000, KEY, now), None, 96, &mut out);
        let mut second = Subscription::new(true);
        second.forward(&mut stream, &packet(2, 900, 7, KEY, later), None, 96, &mut out);
        second.forward(&mut stream, &packet(2, 899, 7, DELTA, later), None, 96, &mut out);
        assert_eq!(numbers(&out), [(1_024, 1_000), (1_025, 91_000)]);
    }

    #[test]
    fn a_changed_ssrc_waits_for_its_key_frame() {
        let now = Instant::now();
        let (mut stream, mut subscription, mut out) = (SlotStream::default(), Subscription::new(true), Vec::new());
        subscription.forward(&mut stream, &packet(1, 5, 1_000, KEY, now), None, 96, &mut out);
        subscription.forward(&mut stream, &packet(2, 70, 1_000, DELTA, now), None, 96, &mut out);
        assert_eq!(out.len(), 1);
        subscription.forward(&mut stream, &packet(2, 71, 1_000, KEY, now), None, 96, &mut out);
        assert_eq!(out[1].sequence, 1_025);
    }

    #[test]
    fn a_leap_waits_for_a_key_frame_and_takes_the_next_number() {
        let now = Instant::now();
        // The engine extends 40000 after 5 to a number of the round before the first.
        for leap in [5 + SEQUENCE_LEAP_MAX + 1, u64::MAX - 25_535] {
            let (mut stream, mut subscription, mut out) = (SlotStream::default(), Subscription::new(true), Vec::new());
            subscription.forward(&mut stream, &packet(1, 5, 7, KEY, now), None, 96, &mut out);
            subscription.forward(&mut stream, &packet(1, leap, 7, MIDDLE, now), Some(5), 96, &mut out);
            assert!(subscription.waits_for_key_frame());
            subscription.forward(&mut stream, &packet(1, leap + 1, 8, KEY, now), Some(leap), 96, &mut out);
            // And back, when the source's highest number is not known any more.
            subscription.forward(&mut stream, &packet(1, 6, 8, KEY, now), None, 96, &mut out);
            assert_eq!(out.iter().map(|p| p.sequence).collect::<Vec<_>>(), [1_024, 1_025, 1_026]);
        }
    }

    #[test]
    fn a_gap_within_bounds_stays_a_gap() {
        let now = Instant::now();
        let (mut stream, mut subscription, mut out) = (SlotStream::default(), Subscription::new(false), Vec::new());
        for sequence in [5, 4 + SEQUENCE_LEAP_MAX, 4, 6] {
            subscription.forward(&mut stream, &packet(1, sequence, 7, MIDDLE, now), None, 96, &mut out);
        }
        assert_eq!(numbers(&out), [(1_024, 7), (1_023 + SEQUENCE_LEAP_MAX, 7), (1_025, 7)]);
    }

    #[test]
    fn sound_begins_with_the_newest_packet() {
        let now = Instant::now();
        let (mut stream, mut subscription, mut out) = (SlotStream::default(), Subscription::new(false), Vec::new());
        for (sequence, before) in [(5, Some(6)), (7, Some(6)), (8, Some(7))] {
            subscription.forward(&mut stream, &packet(1, sequence, 7, MIDDLE, now), before, 96, &mut out);
        }
        assert_eq!(numbers(&out), [(1_024, 7), (1_025, 7)]);
    }

    #[test]
    fn a_slot_used_again_after_half_a_day_moves_its_timestamp_forward() {
        let now = Instant::now();
        let later = now + Duration::from_secs(12 * 3_600);
        let (mut stream, mut out) = (SlotStream::default(), Vec::new());
        Subscription::new(true).forward(&mut stream, &packet(1, 5, 1_000, KEY, now), None, 96, &mut out);
        Subscription::new(true).forward(&mut stream, &packet(2, 9, 7, KEY, later), None, 96, &mut out);
        let moved = out[1].timestamp.wrapping_sub(out[0].timestamp);
        assert_eq!(moved, 90_000 * 3_600);
        assert!(moved < 1 << 31, "a receiver takes it for newer");
    }

    #[test]
    fn a_late_repair_is_paired_with_the_time_it_belongs_to() {
        let now = Instant::now();
        let ms = |ms| now + Duration::from_millis(ms);
        let (mut stream, mut subscription, mut out) = (SlotStream::default(), Subscription::new(true), Vec::new());
        for (sequence, timestamp, at) in [(5, 9_000, 0), (7, 18_000, 100), (6, 13_500, 400)] {
            let payload = if sequence == 5 { KEY } else { DELTA };
            subscription.forward(&mut stream, &packet(1, sequence, timestamp, payload, ms(at)), None, 96, &mut out);
        }
        assert_eq!(out.iter().map(|p| p.received_at).collect::<Vec<_>>(), [ms(0), ms(100), ms(50)]);
        // A timestamp that contradicts the order proves nothing.
        let odd = packet(1, 6, 20_000, DELTA, ms(500));
        subscription.forward(&mut stream, &odd, None, 96, &mut out);
        assert_eq!(out[3].received_at, ms(500));
    }

    #[test]
    fn a_missing_codec_is_told_once() {
        let mut subscription = Subscription::new(true);
        for payload_type in 0..=127 {
            assert_eq!(subscription.payload_type(payload_type, || None), None);
            assert_eq!(subscription.first_refusal(), payload_type == 0);
        }
        subscription.renegotiated();
        assert!(!subscription.first_refusal());
    }

    /// What the engine makes of a 16-bit number, given the highest before: RFC 3711 appendix A, which may end below zero.
    fn extend(highest: Option<u64>, number: u16) -> u64 {
        let Some(highest) = highest else { return number.into() };
        highest.wrapping_add((number.wrapping_sub(highest as u16) as i16) as u64)
    }

    proptest! {
        /// However a publisher's numbers leap, the slot's move forward by bounded steps.
        #[test]
        fn leaps_never_reach_receivers(
            video in any::<bool>(),
            arrivals in proptest::collection::vec((any::<u16>(), 0_u16..5, 0_u32..2, any::<bool>(), any::<u32>()), 1..300),
        ) {
            let now = Instant::now();
            let (mut stream, mut subscription, mut out) = (SlotStream::default(), Subscription::new(video), Vec::new());
            let mut source = crate::source::Arrivals::default();
            let (mut highest, mut last) = (None, 0_u16);
            for (leap, step, ssrc, key, timestamp) in arrivals {
                // Mostly small steps, so that more than the first packet of a numbering is seen.
                last = if leap % 4 == 0 { leap } else { last.wrapping_add(step) };
                let sequence = extend(highest, last);
                highest = Some(highest.map_or(sequence, |h: u64| h.max(sequence)));
                let packet = packet(ssrc, sequence, timestamp, if key { KEY } else { DELTA }, now);
                let before = source.count(&packet, None);
                subscription.forward(&mut stream, &packet, before, 96, &mut out);
            }
            let mut reached = FIRST_SEQUENCE;
            for sent in &out {
                prop_assert!((FIRST_SEQUENCE..=reached + SEQUENCE_LEAP_MAX).contains(&sent.sequence));
                reached = reached.max(sent.sequence);
            }
        }

        /// Whatever arrives in whatever order, no sequence number is used for two different packets.
        #[test]
        fn numbers_are_never_reused(arrivals in proptest::collection::vec((0_u64..50, 0_u32..3, any::<bool>()), 1..200)) {
            let now = Instant::now();
            let (mut stream, mut subscription, mut out) = (SlotStream::default(), Subscription::new(true), Vec::new());
            let mut current = 0;
            let mut seen = std::collections::HashSet::new();
            for (sequence, ssrc, key) in arrivals {
                // The engine reports each packet once, and a publisher does not return to an earlier SSRC.
                current = current.max(ssrc);
                if !seen.insert((current, sequence)) {
                    continue;
                }
                let payload = if key { KEY } else { DELTA };
                subscription.forward(&mut stream, &packet(current, sequence, 0, payload, now), None, 96, &mut out);
            }
            let mut used: Vec<u64> = out.iter().map(|p| p.sequence).collect();
            let sent = used.len();
            used.sort_unstable();
            used.dedup();
            prop_assert_eq!(used.len(), sent);
        }
    }
}
