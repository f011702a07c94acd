//! A receiver's side of one slot: puts pictures together, shows those whose predecessors it showed, asks for a key frame
//! when it cannot go on, as browsers do. What it meets that no network can do to it is the server's fault.

use std::collections::{BTreeMap, BTreeSet};

use crate::picture::{Part, Source};

/// What is waited for a repair, beyond a round trip, until a key frame is asked for; and between two requests. Chromium
/// waits 200 ms for a key frame and asks again at that rate.
const PATIENCE_MS: u64 = 200;

/// A slot is quiet when no packet has come for so long, ms.
const QUIET_MS: u64 = 1_000;

/// One slot's decoder.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    parts: BTreeMap<u64, Part>,
    key_frames: BTreeSet<u64>,
    /// The number at which the next picture begins.
    next: Option<u64>,
    shown: Option<(Source, u32)>,
    /// Since when nothing could be shown although packets came.
    stuck_since_ms: Option<u64>,
    asked_at_ms: Option<u64>,
    packet_at_ms: u64,
    /// Key frames asked for.
    pub(crate) asked: usize,
    /// Pictures shown.
    pub(crate) pictures: usize,
    /// When the first picture was shown.
    pub(crate) first_ms: Option<u64>,
    /// When the last picture of each source was shown.
    pub(crate) shown_at_ms: BTreeMap<Source, u64>,
}

impl Decoder {
    /// Takes a packet under the slot's number.
    pub(crate) fn packet(&mut self, sequence: u64, part: Part, now_ms: u64) -> Result<(), String> {
        self.packet_at_ms = now_ms;
        if self.next.is_some_and(|next| sequence < next) {
            return Ok(());
        }
        if part.begins_key_frame() {
            self.key_frames.insert(sequence);
        }
        self.parts.insert(sequence, part);
        self.stuck_since_ms.get_or_insert(now_ms);
        while self.advance(now_ms)? {}
        Ok(())
    }

    /// Whether it is time to ask for a key frame.
    pub(crate) fn asks(&mut self, now_ms: u64, rtt_ms: u64) -> bool {
        let patience = PATIENCE_MS + rtt_ms;
        let stuck = self.stuck_since_ms.is_some_and(|since| now_ms >= since + patience);
        let waited = self.asked_at_ms.is_none_or(|at| now_ms >= at + patience);
        // Nobody asks a source that has gone quiet.
        let quiet = now_ms >= self.packet_at_ms + QUIET_MS;
        if !stuck || !waited || quiet {
            return false;
        }
        self.asked_at_ms = Some(now_ms);
        self.asked += 1;
        true
    }

    /// Where it stands, for the trace.
    pub(crate) fn state(&self) -> String {
        let held = self.parts.first_key_value().zip(self.parts.last_key_value()).map(|((a, _), (b, _))| a..=b);
        format!("shown {:?}, next {:?}, held {held:?}, key frames {:?}", self.shown, self.next, self.key_frames)
    }

    /// Shows one picture, if one can be shown.
    fn advance(&mut self, now_ms: u64) -> Result<bool, String> {
        if let Some(next) = self.next
            && let Some(part) = self.parts.get(&next)
        {
            self.continues(next, part)?;
            if self.is_whole(next)? {
                self.show(next, now_ms);
                return Ok(true);
            }
        }
        // Something is missing: a key frame behind it is as good.
        for &begin in &self.key_frames {
            if self.is_whole(begin)? {
                self.show(begin, now_ms);
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What follows a picture directly is its successor, or a key frame: a hole would have shown in the numbers.
    fn continues(&self, next: u64, part: &Part) -> Result<(), String> {
        let successor = self.shown.is_some_and(|(source, frame)| source == part.source && frame + 1 == part.frame);
        if part.index == 0 && (part.key || successor) {
            return Ok(());
        }
        Err(format!("number {next} is {part:?}, after {:?} was shown", self.shown))
    }

    fn is_whole(&self, begin: u64) -> Result<bool, String> {
        let first = self.parts[&begin];
        for (offset, index) in (0..first.count).enumerate() {
            let number = begin + offset as u64;
            match self.parts.get(&number) {
                None => return Ok(false),
                Some(p) if (p.source, p.frame, p.index) == (first.source, first.frame, index) => {}
                // The receiver left, or the publisher was closed, in the middle of a picture: the rest never comes.
                Some(p) if p.begins_key_frame() => return Ok(false),
                Some(other) => return Err(format!("number {number} is {other:?} within {first:?}")),
            }
        }
        Ok(true)
    }

    fn show(&mut self, begin: u64, now_ms: u64) {
        let Part { source, frame, count, .. } = self.parts[&begin];
        let next = begin + u64::from(count);
        self.parts = self.parts.split_off(&next);
        self.key_frames = self.key_frames.split_off(&next);
        self.next = Some(next);
        self.shown = Some((source, frame));
        self.shown_at_ms.insert(source, now_ms);
        self.first_ms.get_or_insert(now_ms);
        self.pictures += 1;
        self.stuck_since_ms = (!self.parts.is_empty()).then_some(now_ms);
    }
}
