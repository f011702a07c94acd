//! What the server sent in each slot, held against what the publishers sent: taken from the RTP headers on the wire, so
//! that the network after the server excuses nothing.

use std::collections::BTreeMap;

use crate::oracle::Findings;
use crate::participant::{Original, Participant};
use crate::picture::{Part, Source};
use crate::scenario::MICROPHONE;
use crate::tap::Stream;
use crate::world::World;

/// First number of a slot.
const FIRST_NUMBER: u64 = 1_024;
/// How far the timestamp of a new source in a slot may be from the time that has passed, ms: packets that were held until
/// a key frame's beginning was repaired are sent later than they came.
const CLOCK_TOLERANCE_MS: i64 = 400;

/// A stretch of one source in one slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    source: Source,
    /// Slot's number minus publisher's.
    offset: u64,
    /// Slot's timestamp minus publisher's.
    timestamp_offset: u32,
}

/// Checks all streams to a participant.
pub(crate) fn judge(world: &World, to: &Participant, findings: &mut Findings) -> Result<(), String> {
    payloads(world, to)?;
    for (ssrc, received) in &to.received {
        let stream = world.sent.get(&(to.address, *ssrc)).ok_or("a stream that nobody sent")?;
        let judged = Judged::new(world, to, stream, received)?;
        judged.numbers()?;
        judged.beginnings()?;
        findings.runs += judged.runs.len();
        findings.packets += stream.sent.len();
    }
    Ok(())
}

/// Every payload is as it was sent.
fn payloads(world: &World, to: &Participant) -> Result<(), String> {
    for received in &to.client.received {
        let part = Part::of(&received.payload);
        if original(world, part.source, part.sequence).is_none_or(|o| o.payload != received.payload) {
            return Err(format!("{part:?} was not sent like that"));
        }
    }
    Ok(())
}

fn original(world: &World, source: Source, sequence: u64) -> Option<&Original> {
    let sender = world.participants.get(usize::from(source.participant))?;
    sender.sends.get(&usize::from(source.line))?.sent.get(&sequence)
}

struct Judged<'a> {
    world: &'a World,
    to: &'a Participant,
    stream: &'a Stream,
    runs: Vec<Run>,
    /// By the slot's number: index of the run. Packets whose run nobody received anything of have none.
    of: BTreeMap<u64, usize>,
}

impl<'a> Judged<'a> {
    fn new(
        world: &'a World,
        to: &'a Participant,
        stream: &'a Stream,
        received: &BTreeMap<u64, (Part, u32)>,
    ) -> Result<Self, String> {
        if !stream.twice.is_empty() {
            return Err(format!("numbers {:?} were sent twice", stream.twice));
        }
        let mut judged = Self { world, to, stream, runs: Vec::new(), of: BTreeMap::new() };
        for (&number, (part, timestamp)) in received {
            let original = original(world, part.source, part.sequence).ok_or("unknown packet")?;
            let timestamp_offset = timestamp.wrapping_sub(original.timestamp);
            let run = Run { source: part.source, offset: number.wrapping_sub(part.sequence), timestamp_offset };
            if judged.runs.last() != Some(&run) {
                if judged.runs.contains(&run) {
                    return Err(format!("numbers around {number} of two sources are mixed"));
                }
                judged.runs.push(run);
            }
            judged.of.insert(number, judged.runs.len() - 1);
        }
        judged.attribute();
        Ok(judged)
    }

    /// Finds the run of packets that were sent but not received.
    fn attribute(&mut self) {
        let mut current = 0;
        for (number, sent) in &self.stream.sent {
            if let Some(run) = self.of.get(number) {
                current = *run;
                continue;
            }
            let fits = |index: &usize| {
                self.runs.get(*index).is_some_and(|run| {
                    let original = original(self.world, run.source, number.wrapping_sub(run.offset));
                    original.is_some_and(|o| o.timestamp.wrapping_add(run.timestamp_offset) == sent.timestamp)
                })
            };
            if let Some(run) = [current, current + 1].into_iter().find(fits) {
                current = run;
                self.of.insert(*number, run);
            }
        }
    }

    /// Numbers are consecutive, but for packets that did not reach the server.
    fn numbers(&self) -> Result<(), String> {
        let mut last: Option<u64> = None;
        for number in self.stream.sent.keys() {
            let expected = last.map_or(FIRST_NUMBER, |last| last + 1);
            for missing in expected..*number {
                self.explain(missing, *number)?;
            }
            last = Some(*number);
        }
        Ok(())
    }

    /// A number may be missing within a run, if that packet did not arrive by itself.
    fn explain(&self, missing: u64, next: u64) -> Result<(), String> {
        let before = self.of.range(..missing).next_back();
        let (Some((_, before)), Some(after)) = (before, self.of.get(&next)) else {
            return Err(format!("number {missing} was never sent, {next} was"));
        };
        let run = self.runs[*before];
        if before != after {
            return Err(format!("number {missing} is skipped between {run:?} and {:?}", self.runs[*after]));
        }
        let Some(original) = original(self.world, run.source, missing.wrapping_sub(run.offset)) else {
            return Err(format!("number {missing} of {run:?} stands for nothing"));
        };
        match original.arrived_ms {
            Some(at) if !self.had_left(*before, at) => {
                Err(format!("number {missing} of {run:?} was never sent, though it arrived at {at} ms"))
            }
            _ => Ok(()),
        }
    }

    /// Whether the receiver left between the last packet of a run and then: an overtaken packet came too late for it.
    fn had_left(&self, run: usize, at_ms: u64) -> bool {
        let numbers = self.of.iter().filter(|(_, of)| **of == run).map(|(number, _)| number);
        let last_ms = numbers.filter_map(|number| self.stream.sent.get(number)).map(|sent| sent.at_ms).max();
        self.to.left_ms.iter().any(|left| last_ms <= Some(*left) && *left <= at_ms)
    }

    /// Each run begins with a key frame's beginning, under the number after the last, at the time that it is.
    fn beginnings(&self) -> Result<(), String> {
        for (index, run) in self.runs.iter().enumerate() {
            let first = *self.of.iter().find(|(_, of)| **of == index).expect("runs have packets").0;
            let before = self.stream.sent.range(..first).next_back();
            // What stands before may be the beginning of this run or the end of a lost one.
            if before.is_some_and(|(number, _)| !self.of.contains_key(number)) {
                continue;
            }
            let part = original(self.world, run.source, first.wrapping_sub(run.offset)).map(|o| Part::of(&o.payload));
            let sound = usize::from(run.source.line) == MICROPHONE;
            if !sound && !part.is_some_and(|part| part.begins_key_frame()) {
                return Err(format!("{run:?} begins with {part:?}"));
            }
            let Some((_, before)) = before else { continue };
            let begins = &self.stream.sent[&first];
            let rate = if sound { 48 } else { 90 };
            let ticks = i64::from(begins.timestamp.wrapping_sub(before.timestamp) as i32);
            let passed_ms = begins.at_ms as i64 - before.at_ms as i64;
            if ticks <= 0 || (ticks / rate - passed_ms).abs() > CLOCK_TOLERANCE_MS {
                return Err(format!("{run:?} begins {ticks} ticks after the last timestamp, {passed_ms} ms later"));
            }
        }
        Ok(())
    }
}
