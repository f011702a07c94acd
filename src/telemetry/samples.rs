//! Reading samples out of blocks: one a second and leg, in order, whatever the blocks hold.
//!
//! A block's bytes come from a peer. A sample is kept when it is an object with a usable `t`; anything else is dropped,
//! and so is a block that cannot be decoded. What the fields mean is not judged here.

use std::collections::BTreeMap;

use diagnosis::LaneName;
use serde_json::Value;
use signaling::CallId;
use signaling::api::{LegSeries, Series};
use signaling::wire::Leg;

use super::{BlockHeader, lanes};
use crate::storage::CallRow;

/// Most samples of one leg: six hours at one a second. The newest are kept.
pub const SERIES_SAMPLES_MAX: usize = 6 * 60 * 60;

/// The legs that are shown with their call.
const CALL_LEGS: [Leg; 3] = [Leg::ViewerUp, Leg::AgentDown, Leg::Server];

/// How far a sample may lie outside its call, seconds: the flush at its end, and clocks that are a little off.
const OUTSIDE_S_MAX: i64 = 10;

/// Latest `t` accepted, seconds since the Unix epoch: the year 2286. Beyond it a number is a mistake.
const SECOND_MAX: f64 = 9_999_999_999.0;

/// The samples of a conversation by call and lane, each with its second; and the events of its lanes of events.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ConversationSeries {
    sampled: BTreeMap<(Option<CallId>, &'static str), BTreeMap<i64, Value>>,
    events: BTreeMap<&'static str, Vec<Value>>,
}

impl ConversationSeries {
    /// Decodes blocks. For two samples of one second the later block's, and in one block the later sample, stays.
    #[must_use]
    pub fn from_blocks(blocks: &[(BlockHeader, Vec<u8>)]) -> Self {
        let mut all = Self::default();
        let mut undecoded = 0usize;
        for (header, bytes) in blocks {
            let Some(lanes) = lanes::decode(header.leg, &header.codec, bytes) else {
                undecoded += 1;
                continue;
            };
            for (lane, samples) in lanes {
                all.take(header.call.as_ref(), lane, samples);
            }
        }
        if undecoded > 0 {
            tracing::debug!(undecoded, "telemetry blocks that cannot be decoded are left out");
        }
        all
    }

    fn take(&mut self, call: Option<&CallId>, lane: LaneName, samples: Vec<Value>) {
        if lane.is_of_events() {
            let events = self.events.entry(lane.as_str()).or_default();
            let room = SERIES_SAMPLES_MAX.saturating_sub(events.len());
            events.extend(samples.into_iter().filter(|event| with_second(event.clone()).is_some()).take(room));
            return;
        }
        let series = self.sampled.entry((call.cloned(), lane.as_str())).or_default();
        for (second, sample) in samples.into_iter().filter_map(with_second) {
            series.insert(second, sample);
            if series.len() > SERIES_SAMPLES_MAX {
                series.pop_first();
            }
        }
    }

    /// The player's samples.
    #[must_use]
    pub fn player(&self) -> Series {
        let samples = self.sampled.get(&(None, LaneName::Player.as_str()));
        Series { samples: samples.map(|series| series.values().cloned().collect()).unwrap_or_default() }
    }

    /// Every lane that is neither the player's nor a leg of a call, by its name.
    #[must_use]
    pub fn lanes(&self) -> BTreeMap<String, Vec<Value>> {
        let mut by_second: BTreeMap<&'static str, BTreeMap<i64, Value>> = BTreeMap::new();
        for ((_, lane), series) in &self.sampled {
            if *lane != LaneName::Player.as_str() && !CALL_LEGS.iter().any(|leg| leg.as_str() == *lane) {
                by_second.entry(*lane).or_default().extend(series.clone());
            }
        }
        let sampled = by_second.into_iter().map(|(lane, series)| (lane, series.into_values().collect()));
        let events = self.events.iter().map(|(lane, events)| (*lane, events.clone()));
        sampled.chain(events).map(|(lane, samples)| (lane.to_owned(), samples)).collect()
    }

    /// The samples of a call, a series per leg that has any; those outside of the call's time are left out.
    #[must_use]
    pub fn legs(&self, call: &CallRow) -> Vec<LegSeries> {
        let from = call.invited_at_ms.div_euclid(1000).saturating_sub(OUTSIDE_S_MAX);
        let to = call.ended_at_ms.map_or(i64::MAX, |ended| ended.div_euclid(1000).saturating_add(OUTSIDE_S_MAX));
        CALL_LEGS
            .into_iter()
            .filter_map(|leg| {
                let series = self.sampled.get(&(Some(call.id.clone()), leg.as_str()))?;
                let samples: Vec<Value> = if from <= to {
                    series.range(from..=to).map(|(_, sample)| sample.clone()).collect()
                } else {
                    Vec::new()
                };
                (!samples.is_empty()).then_some(LegSeries { leg, series: Series { samples } })
            })
            .collect()
    }
}

/// A sample with the second it stands for, its `t` set to that second; `None` when it is no sample.
fn with_second(sample: Value) -> Option<(i64, Value)> {
    let Value::Object(mut fields) = sample else { return None };
    let second = (fields.get("t")?.as_f64()? / 1000.0).round();
    if !(0.0..=SECOND_MAX).contains(&second) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "checked above: a whole number far inside an i64")]
    let second = second as i64;
    fields.insert("t".to_owned(), Value::from(second * 1000));
    Some((second, Value::Object(fields)))
}

#[cfg(test)]
mod tests;
