//! Scores: how good each leg was, in slices of five seconds. The verdict never reads them.
//!
//! A slice is the least of its parts, with the part's name as the reason. A session is its 10th percentile and its worst
//! contiguous half minute, never a mean.

pub mod formulas;

use serde::{Deserialize, Serialize};

use crate::lenient::names;
use crate::model::LaneName;
use crate::timeline::{Hop, Second, Timeline, mean, percentile};

/// Length of a slice, s.
pub const SLICE_S: i64 = 5;
/// Seconds of a slice that must be known for a score.
const KNOWN_MIN: usize = 3;
/// Slices of a half minute.
const WORST_SLICES: usize = 6;
/// Share below which a session's lower score lies.
const SESSION_SHARE: f64 = 0.1;

names! {
    /// Part of a score.
    Part {
        /// What came of what was sent.
        Delivery,
        /// Whether it moved without stopping.
        Continuity,
        /// How it looked.
        Fidelity,
        /// How soon the other end saw it.
        Interaction,
    }
}

names! {
    /// What is known of a slice.
    SliceState {
        /// Enough.
        Scored,
        /// Nothing was meant to come: paused, hidden, muted.
        Muted,
        /// Nothing was measured.
        Unknown,
        /// Too little was measured.
        Insufficient,
    }
}

/// Five seconds of a leg.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Slice {
    /// Start, ms; a multiple of 5 s.
    pub from_ms: i64,
    /// What is known.
    pub state: SliceState,
    /// 0 to 100; the least of the parts.
    pub score: Option<f64>,
    /// Which part that is.
    pub reason: Option<Part>,
    /// Parts that could be told.
    pub delivery: Option<f64>,
    /// See [`Part::Continuity`].
    pub continuity: Option<f64>,
    /// See [`Part::Fidelity`].
    pub fidelity: Option<f64>,
    /// See [`Part::Interaction`].
    pub interaction: Option<f64>,
}

/// The worst contiguous half minute.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Worst {
    /// Start, ms.
    pub from_ms: i64,
    /// End, ms.
    pub to_ms: i64,
    /// Mean of its slices.
    pub score: f64,
}

/// A leg's slices and session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LegScores {
    /// `player`, `viewer_up`, `viewer_down`, `server`, `agent_down` or `agent_up`.
    pub leg: LaneName,
    /// Its slices, ascending.
    pub slices: Vec<Slice>,
    /// The score below which a tenth of the scored slices lie; absent without any.
    pub p10: Option<f64>,
    /// Absent when no half minute in a row was scored.
    pub worst_30_s: Option<Worst>,
}

/// The scores of a trace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// [`crate::VERSION`] of the formulas.
    pub version: u32,
    /// Legs that were measured.
    pub legs: Vec<LegScores>,
}

/// Parts of a slice: delivery, continuity, fidelity, interaction.
type Parts = [Option<f64>; 4];

/// Scores every leg of a timeline that was measured.
pub(crate) fn score(timeline: &Timeline) -> Scores {
    let legs = [
        (LaneName::Player, (&player_state as StateOf<'_>, &player_parts as PartsOf<'_>)),
        (LaneName::ViewerUp, (&|s| hop_state(s, s.viewer_up.as_ref()), &|s| hop_parts(s, |s| s.viewer_up.as_ref()))),
        (
            LaneName::ViewerDown,
            (&|s| hop_state(s, s.viewer_down.as_ref()), &|s| hop_parts(s, |s| s.viewer_down.as_ref())),
        ),
        (LaneName::Server, (&server_state, &server_parts)),
        (LaneName::AgentDown, (&|s| hop_state(s, s.agent_down.as_ref()), &|s| hop_parts(s, |s| s.agent_down.as_ref()))),
        (LaneName::AgentUp, (&|s| hop_state(s, s.agent_up.as_ref()), &|s| hop_parts(s, |s| s.agent_up.as_ref()))),
    ];
    let scored = legs.into_iter().map(|(leg, (state, parts))| leg_scores(timeline, leg, state, parts));
    Scores { version: crate::VERSION, legs: scored.filter(LegScores::measured).collect() }
}

/// What a second is worth: `Scored`, `Muted` or `Unknown`.
type StateOf<'f> = &'f dyn Fn(&Second) -> SliceState;
type PartsOf<'f> = &'f dyn Fn(&[Second]) -> Parts;

impl LegScores {
    fn measured(&self) -> bool {
        self.slices.iter().any(|slice| slice.state != SliceState::Unknown)
    }
}

fn leg_scores(timeline: &Timeline, leg: LaneName, state: StateOf<'_>, parts: PartsOf<'_>) -> LegScores {
    let by_slice = timeline.seconds.chunk_by(|a, b| a.at.div_euclid(SLICE_S) == b.at.div_euclid(SLICE_S));
    let slices: Vec<Slice> = by_slice.map(|seconds| slice(seconds, state, parts)).collect();
    let p10 = percentile(&mut slices.iter().filter_map(|slice| slice.score).collect::<Vec<_>>(), SESSION_SHARE);
    let worst_30_s = worst(&slices);
    LegScores { leg, slices, p10, worst_30_s }
}

fn slice(seconds: &[Second], state: StateOf<'_>, parts: PartsOf<'_>) -> Slice {
    let count = |wanted: SliceState| seconds.iter().filter(|second| state(second) == wanted).count();
    let (known, muted) = (count(SliceState::Scored), count(SliceState::Muted));
    let values = if known >= KNOWN_MIN { parts(seconds) } else { [None; 4] };
    let least = Part::ALL.iter().copied().zip(values).filter_map(|(part, value)| Some((part, value?)));
    let least = least.min_by(|a, b| a.1.total_cmp(&b.1));
    let state = match (least, known, muted) {
        (Some(_), ..) => SliceState::Scored,
        (None, known, muted) if muted > known => SliceState::Muted,
        (None, 0, 0) => SliceState::Unknown,
        _ => SliceState::Insufficient,
    };
    let [delivery, continuity, fidelity, interaction] = values;
    Slice {
        from_ms: seconds.first().map_or(0, |second| second.at.div_euclid(SLICE_S) * SLICE_S * 1_000),
        state,
        score: least.map(|(_, value)| value),
        reason: least.map(|(part, _)| part),
        delivery,
        continuity,
        fidelity,
        interaction,
    }
}

fn worst(slices: &[Slice]) -> Option<Worst> {
    let halves = slices.windows(WORST_SLICES).filter_map(|half| {
        let sum = half.iter().map(|slice| slice.score).sum::<Option<f64>>()?;
        let (from_ms, to_ms) = (half.first()?.from_ms, half.last()?.from_ms + SLICE_S * 1_000);
        #[expect(clippy::cast_precision_loss, reason = "six")]
        Some(Worst { from_ms, to_ms, score: sum / WORST_SLICES as f64 })
    });
    halves.min_by(|a, b| a.score.total_cmp(&b.score))
}

fn mean_of(seconds: &[Second], read: impl Fn(&Second) -> Option<f64>) -> Option<f64> {
    mean(seconds.iter().filter_map(read))
}

/// A formula of two values of which either may be absent.
fn of_two(a: Option<f64>, b: Option<f64>, formula: impl Fn(f64, f64) -> f64) -> Option<f64> {
    (a.is_some() || b.is_some()).then(|| formula(a.unwrap_or(0.0), b.unwrap_or(0.0)))
}

fn yes(flag: Option<bool>) -> Option<f64> {
    flag.map(|flag| f64::from(u8::from(flag)))
}

fn player_state(second: &Second) -> SliceState {
    match &second.player {
        Some(player) if player.judged => SliceState::Scored,
        Some(_) => SliceState::Muted,
        None => SliceState::Unknown,
    }
}

fn player_parts(seconds: &[Second]) -> Parts {
    let stopped = mean_of(seconds, |s| Some(s.player.as_ref()?.stalled_ms? / 1e3));
    let dropped = mean_of(seconds, |s| s.player.as_ref()?.drop_share);
    let load = mean_of(seconds, |s| s.fetch.load_share);
    let wait = mean_of(seconds, |s| s.fetch.wait_ms);
    let failed = mean_of(seconds, |s| s.fetch.failed.map(|failed| failed.min(1.0)));
    let fetched = load.is_some() || wait.is_some() || failed.is_some();
    let delivery =
        fetched.then(|| formulas::player_delivery(load.unwrap_or(0.0), wait.unwrap_or(0.0), failed.unwrap_or(0.0)));
    let damage = |s: &Second| {
        let picture = s.picture.as_ref()?;
        let kinds = [picture.stopped, picture.black, picture.corrupt, picture.blocky, picture.striped, picture.torn];
        kinds.into_iter().flatten().reduce(f64::max)
    };
    [
        delivery,
        of_two(stopped, dropped, formulas::continuity),
        mean_of(seconds, damage).map(formulas::player_fidelity),
        mean_of(seconds, |s| s.player.as_ref()?.latency_s).map(formulas::player_interaction),
    ]
}

fn hop_state(second: &Second, hop: Option<&Hop>) -> SliceState {
    match hop {
        Some(_) if second.muted => SliceState::Muted,
        Some(hop) if hop.loss.is_some() || hop.rtt_ms.is_some() || hop.quantizer.is_some() => SliceState::Scored,
        // Measured, but too young to be judged.
        Some(_) => SliceState::Muted,
        None => SliceState::Unknown,
    }
}

fn hop_parts(seconds: &[Second], hop: impl Fn(&Second) -> Option<&Hop>) -> Parts {
    let of = |read: fn(&Hop) -> Option<f64>| mean_of(seconds, |s| read(hop(s)?));
    let stopped = of(|hop| {
        let stuck = hop.stuck.filter(|stuck| *stuck).map(|_| 1e3);
        Some(stuck.or(hop.frozen_ms)? / 1e3)
    });
    let received = of_two(stopped, of(|hop| hop.drop_share), formulas::continuity);
    let sent = of(|hop| yes(hop.cpu_limited)).map(formulas::sender_continuity);
    [
        of_two(of(|hop| hop.loss), of(|hop| hop.jitter_ms), formulas::call_delivery),
        received.or(sent),
        of_two(of(|hop| hop.quantizer), of(|hop| yes(hop.bandwidth_limited)), formulas::call_fidelity),
        of(|hop| hop.rtt_ms).map(formulas::call_interaction),
    ]
}

fn server_state(second: &Second) -> SliceState {
    match &second.server {
        Some(_) if second.muted => SliceState::Muted,
        Some(hop) if hop.in_loss.is_some() || hop.in_rtt_ms.is_some() || hop.out_loss.is_some() => SliceState::Scored,
        _ => SliceState::Unknown,
    }
}

fn server_parts(seconds: &[Second]) -> Parts {
    let in_loss = mean_of(seconds, |s| s.server.as_ref()?.in_loss);
    let out_loss = mean_of(seconds, |s| s.server.as_ref()?.out_loss);
    let loss = in_loss.zip(out_loss).map(|(a, b)| a.max(b)).or(in_loss).or(out_loss);
    let jitter = mean_of(seconds, |s| s.server.as_ref()?.in_jitter_ms);
    let rtt = |s: &Second| {
        let hop = s.server.as_ref()?;
        Some(hop.in_rtt_ms? + hop.out_rtt_ms.unwrap_or(0.0))
    };
    let delivery = of_two(loss, jitter, formulas::call_delivery);
    [delivery, None, None, mean_of(seconds, rtt).map(formulas::call_interaction)]
}
