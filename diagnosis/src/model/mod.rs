//! The model: lanes of one-second samples and events beside them. Everything is optional; absent means not measured.

mod call;
mod context;
pub mod lane;
mod page;

use serde_json::{Map, Value, json};

use crate::lenient::{Lenient, names};

pub use call::{
    CallSample, EgressSample, HopsSample, IngressSample, PairSample, ServerSample, SoundSample, StreamSample,
    WorkerSample,
};
pub use context::{EchoSample, Mark, MarkKind, Others, Preflight, ProbeFetch, Reference, Scope, Side};
pub use lane::{Event, Events, Lane};
pub use page::{DeviceSample, FetchError, PictureSample, PlayerSample, Pressure, Segment};

/// Name and version of our own file form; a ticket's telemetry download has it too.
pub const FORMAT: &str = "sightline-telemetry/1";

names! {
    /// The lanes of a trace.
    LaneName {
        /// The page's `<video>`.
        Player,
        /// Its requests for media.
        Segments,
        /// What its pictures look like.
        Picture,
        /// The viewer's device.
        Device,
        /// Measurements of the lines without the player.
        Preflights,
        /// How other viewers fare.
        Others,
        /// Our own fetch of the stream.
        References,
        /// Viewer to server, seen by the viewer.
        ViewerUp,
        /// Server to viewer, seen by the viewer.
        ViewerDown,
        /// Both hops, seen by the server.
        Server,
        /// Server to agent, seen by the agent.
        AgentDown,
        /// Agent to server, seen by the agent.
        AgentUp,
        /// The agent's device.
        AgentDevice,
        /// What the shared picture looks like at the agent.
        Surface,
        /// Marks on the timeline.
        Marks,
    }
}

impl LaneName {
    /// The name as it stands in files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Player => "player",
            Self::Segments => "segments",
            Self::Picture => "picture",
            Self::Device => "device",
            Self::Preflights => "preflights",
            Self::Others => "others",
            Self::References => "references",
            Self::ViewerUp => "viewer_up",
            Self::ViewerDown => "viewer_down",
            Self::Server => "server",
            Self::AgentDown => "agent_down",
            Self::AgentUp => "agent_up",
            Self::AgentDevice => "agent_device",
            Self::Surface => "surface",
            Self::Marks => "marks",
        }
    }

    /// Whether it holds events, of which a second may have several, and no samples.
    #[must_use]
    pub fn is_of_events(self) -> bool {
        matches!(self, Self::Segments | Self::Preflights | Self::Others | Self::References | Self::Marks)
    }
}

/// A sample that was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SampleError {
    /// It is no JSON object.
    #[error("not an object")]
    NotAnObject,
    /// Its `t` is absent or no time in ms since the Unix epoch.
    #[error("`t` is no time in ms since the Unix epoch")]
    NoTime,
    /// It is older than all that a full lane holds, or an event that is known.
    #[error("older than what is kept, or known already")]
    NotKept,
}

/// What was measured of one viewer, and of a call if there was one. All times are on one clock, the server's.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Trace {
    /// The page's `<video>`.
    pub player: Lane<PlayerSample>,
    /// Its requests for media.
    pub segments: Events<Segment>,
    /// What its pictures look like.
    pub picture: Lane<PictureSample>,
    /// The viewer's device.
    pub device: Lane<DeviceSample>,
    /// Measurements of the lines.
    pub preflights: Events<Preflight>,
    /// How other viewers fare.
    pub others: Events<Others>,
    /// Our own fetches of the stream.
    pub references: Events<Reference>,
    /// Viewer to server, seen by the viewer.
    pub viewer_up: Lane<CallSample>,
    /// Server to viewer, seen by the viewer.
    pub viewer_down: Lane<CallSample>,
    /// Both hops, seen by the server.
    pub server: Lane<ServerSample>,
    /// Server to agent, seen by the agent.
    pub agent_down: Lane<CallSample>,
    /// Agent to server, seen by the agent.
    pub agent_up: Lane<CallSample>,
    /// The agent's device.
    pub agent_device: Lane<DeviceSample>,
    /// What the shared picture looks like at the agent.
    pub surface: Lane<PictureSample>,
    /// Marks on the timeline.
    pub marks: Events<Mark>,
}

/// Does `$body` with `$lane` bound to the lane or event list that `$name` means.
macro_rules! with_lane {
    ([$($borrow:tt)+] $trace:expr, $name:expr, $lane:ident => $body:expr) => {
        match $name {
            LaneName::Player => { let $lane = $($borrow)+ $trace.player; $body }
            LaneName::Segments => { let $lane = $($borrow)+ $trace.segments; $body }
            LaneName::Picture => { let $lane = $($borrow)+ $trace.picture; $body }
            LaneName::Device => { let $lane = $($borrow)+ $trace.device; $body }
            LaneName::Preflights => { let $lane = $($borrow)+ $trace.preflights; $body }
            LaneName::Others => { let $lane = $($borrow)+ $trace.others; $body }
            LaneName::References => { let $lane = $($borrow)+ $trace.references; $body }
            LaneName::ViewerUp => { let $lane = $($borrow)+ $trace.viewer_up; $body }
            LaneName::ViewerDown => { let $lane = $($borrow)+ $trace.viewer_down; $body }
            LaneName::Server => { let $lane = $($borrow)+ $trace.server; $body }
            LaneName::AgentDown => { let $lane = $($borrow)+ $trace.agent_down; $body }
            LaneName::AgentUp => { let $lane = $($borrow)+ $trace.agent_up; $body }
            LaneName::AgentDevice => { let $lane = $($borrow)+ $trace.agent_device; $body }
            LaneName::Surface => { let $lane = $($borrow)+ $trace.surface; $body }
            LaneName::Marks => { let $lane = $($borrow)+ $trace.marks; $body }
        }
    };
}

impl Trace {
    /// An empty trace.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a sample or an event as it stands in files and telemetry blocks: an object with `t` in ms.
    ///
    /// # Errors
    /// [`SampleError`] when it is none or is not kept; the trace is as before.
    pub fn push(&mut self, lane: LaneName, sample: &Value) -> Result<(), SampleError> {
        if !sample.is_object() {
            return Err(SampleError::NotAnObject);
        }
        let t_ms = sample.get("t").and_then(f64::lenient).filter(|t| lane::second_of(*t).is_some());
        let t_ms = t_ms.ok_or(SampleError::NoTime)?;
        let kept = match lane {
            LaneName::Player => put(&mut self.player, t_ms, sample),
            LaneName::Picture => put(&mut self.picture, t_ms, sample),
            LaneName::Device => put(&mut self.device, t_ms, sample),
            LaneName::ViewerUp => put(&mut self.viewer_up, t_ms, sample),
            LaneName::ViewerDown => put(&mut self.viewer_down, t_ms, sample),
            LaneName::Server => put(&mut self.server, t_ms, sample),
            LaneName::AgentDown => put(&mut self.agent_down, t_ms, sample),
            LaneName::AgentUp => put(&mut self.agent_up, t_ms, sample),
            LaneName::AgentDevice => put(&mut self.agent_device, t_ms, sample),
            LaneName::Surface => put(&mut self.surface, t_ms, sample),
            LaneName::Segments => note(&mut self.segments, sample),
            LaneName::Preflights => note(&mut self.preflights, sample),
            LaneName::Others => note(&mut self.others, sample),
            LaneName::References => note(&mut self.references, sample),
            LaneName::Marks => note(&mut self.marks, sample),
        };
        if kept { Ok(()) } else { Err(SampleError::NotKept) }
    }

    /// Drops what is older than `t_ms`, so that a trace that is fed for hours stays small.
    pub fn forget_before(&mut self, t_ms: i64) {
        let second = t_ms.div_euclid(1_000);
        for name in LaneName::ALL {
            with_lane!([&mut] self, name, lane => lane.forget_before(second));
        }
    }

    /// How many samples or events a lane holds.
    #[must_use]
    pub fn len_of(&self, name: LaneName) -> usize {
        with_lane!([&] self, name, lane => lane.len())
    }

    /// True when nothing was measured at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        LaneName::ALL.iter().all(|name| self.len_of(*name) == 0)
    }

    /// Lanes that hold nothing. Marks are no measurement and never missed.
    #[must_use]
    pub fn lanes_missing(&self) -> Vec<LaneName> {
        let missing = |name: &LaneName| *name != LaneName::Marks && self.len_of(*name) == 0;
        LaneName::ALL.iter().copied().filter(missing).collect()
    }

    /// First and last second of anything.
    #[must_use]
    pub fn span(&self) -> Option<(i64, i64)> {
        let spans = LaneName::ALL.iter().filter_map(|name| with_lane!([&] self, name, lane => lane.span()));
        spans.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }

    /// The trace in our own form: `{format, lanes: {name: [sample …]}}`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut lanes = Map::new();
        for name in LaneName::ALL {
            let samples = self.samples_json(*name);
            if !samples.is_empty() {
                lanes.insert(name.as_str().to_owned(), Value::Array(samples));
            }
        }
        json!({ "format": FORMAT, "lanes": lanes })
    }

    fn samples_json(&self, name: LaneName) -> Vec<Value> {
        match name {
            LaneName::Player => timed(&self.player),
            LaneName::Picture => timed(&self.picture),
            LaneName::Device => timed(&self.device),
            LaneName::ViewerUp => timed(&self.viewer_up),
            LaneName::ViewerDown => timed(&self.viewer_down),
            LaneName::Server => timed(&self.server),
            LaneName::AgentDown => timed(&self.agent_down),
            LaneName::AgentUp => timed(&self.agent_up),
            LaneName::AgentDevice => timed(&self.agent_device),
            LaneName::Surface => timed(&self.surface),
            LaneName::Segments => plain(&self.segments),
            LaneName::Preflights => plain(&self.preflights),
            LaneName::Others => plain(&self.others),
            LaneName::References => plain(&self.references),
            LaneName::Marks => plain(&self.marks),
        }
    }
}

fn put<T: Lenient>(lane: &mut Lane<T>, t_ms: f64, sample: &Value) -> bool {
    T::lenient(sample).is_some_and(|sample| lane.push(t_ms, sample))
}

fn note<T: Lenient + Event>(events: &mut Events<T>, event: &Value) -> bool {
    T::lenient(event).is_some_and(|event| events.push(event))
}

/// Samples with their `t` in ms.
fn timed<T: serde::Serialize>(lane: &Lane<T>) -> Vec<Value> {
    let with_time = |(second, sample): (i64, &T)| {
        let mut value = serde_json::to_value(sample).unwrap_or_default();
        if let Value::Object(fields) = &mut value {
            fields.insert("t".to_owned(), Value::from(second * 1_000));
        }
        value
    };
    lane.iter().map(with_time).collect()
}

fn plain<T: serde::Serialize + Event>(events: &Events<T>) -> Vec<Value> {
    events.iter().filter_map(|event| serde_json::to_value(event).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_of_every_lane_come_back_as_they_were() {
        let mut trace = Trace::new();
        let samples = [
            (LaneName::Player, json!({"t": 2000, "stalledMs": 12.5, "waiting": true})),
            (LaneName::Server, json!({"t": 2000, "in": {"lost": 3.0}, "agent": {"out": {"loss": 0.25}}})),
            (LaneName::ViewerUp, json!({"t": 3000, "video": {"qualityLimitationReason": "cpu"}})),
            (LaneName::Segments, json!({"t": 2500.0, "ttfbMs": 40.0, "error": "timeout"})),
            (LaneName::Marks, json!({"t": 2500.0, "kind": "share_started"})),
        ];
        for (lane, sample) in &samples {
            trace.push(*lane, sample).expect("kept");
        }
        let json = trace.to_json();
        for (lane, sample) in &samples {
            assert_eq!(json["lanes"][lane.as_str()], json!([sample]));
        }
        assert_eq!(trace.span(), Some((2, 3)));
        assert!(trace.lanes_missing().contains(&LaneName::AgentDown));
        assert!(!trace.lanes_missing().contains(&LaneName::Player));
    }

    #[test]
    fn nonsense_in_a_field_costs_the_field_alone() {
        let mut trace = Trace::new();
        let sample = json!({"t": 1000, "stalls": "many", "hidden": 3, "bufferedAheadS": 1e300, "stalledMs": 7});
        trace.push(LaneName::Player, &sample).expect("kept");
        let (_, kept) = trace.player.iter().next().expect("one");
        assert_eq!(*kept, PlayerSample { stalled_ms: Some(7.0), ..PlayerSample::default() });
        assert_eq!(trace.push(LaneName::Player, &json!([1])), Err(SampleError::NotAnObject));
        assert_eq!(trace.push(LaneName::Player, &json!({"t": "now"})), Err(SampleError::NoTime));
        assert_eq!(trace.push(LaneName::Segments, &json!({"t": -5000.0})), Err(SampleError::NoTime));
    }
}
