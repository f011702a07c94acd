//! The verdict: which cause, how sure, and what speaks for and against it. Reads evidence, never scores.
//!
//! Owns the weighing. Evidence is collected beside the paths it comes from (`player`, `line`, `call`, `picture`, `around`); each piece
//! says by how much it speaks for or against causes. Causes that explain the same trouble exclude each other; causes of
//! different troubles may hold at once, then the heavier one is the cause and the other is named too.

mod around;
mod call;
mod evidence;
mod line;
mod picture;
mod player;
pub mod remedies;
mod rhythm;
mod start;
mod text;

use serde::{Deserialize, Serialize};

use crate::Window;
use crate::issues::{Issue, SHARE_EFFECT_S, share_begin};
use crate::lenient::names;
use crate::model::{LaneName, Trace};
use crate::timeline::{Second, Timeline};

pub use evidence::{Evidence, EvidenceKind};
pub use text::{Sentences, Text};

use evidence::{Findings, TROUBLES, Trouble};

/// "Now" is so many seconds long. Clean in these and not before means: not reproduced, and the rest is judged.
pub const NOW_S: usize = 20;

/// A stall that goes on is judged from so many seconds before it on: what failed then explains it (own).
const BEFORE_STALL_S: usize = 10;

/// How far that goes back at most (own).
const STALL_S_MAX: usize = 120;

/// Weight below which nothing is blamed.
const WEIGHT_MIN: f64 = 1.8;

/// By how much a cause must outweigh the next one that explains the same trouble.
const LEAD_MIN: f64 = 0.7;

/// Evidence of its own that a second cause of the same trouble needs to be named.
const OWN_WEIGHT_MIN: f64 = 2.5;

/// Weight against a cause that rules it out.
const RULED_OUT: f64 = -1.0;

/// Seconds that must have been judged before "nothing to see" is an answer.
const SEEN_S_MIN: usize = 10;

names! {
    /// Why.
    Cause {
        /// The viewer's line.
        ViewerNetwork,
        /// The viewer's device or browser.
        ViewerDevice,
        /// The way from the platform's hosts to viewers.
        PlatformDelivery,
        /// The stream itself.
        PlatformSource,
        /// The server that carries the call.
        MediaServer,
        /// The agent's line.
        AgentNetwork,
        /// The agent's device.
        AgentDevice,
        /// Enough was measured, and nothing is wrong with it.
        NoneObserved,
        /// What was measured does not decide.
        Undetermined,
    }
}

impl Cause {
    /// Causes that can be blamed.
    pub const BLAMED: [Self; 7] = [
        Self::ViewerNetwork,
        Self::ViewerDevice,
        Self::PlatformDelivery,
        Self::PlatformSource,
        Self::MediaServer,
        Self::AgentNetwork,
        Self::AgentDevice,
    ];
}

names! {
    /// When the trouble that was judged was seen.
    When {
        /// In the last seconds.
        Now,
        /// Before them; it is not there any more.
        Earlier,
    }
}

/// A cause that does not hold, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RuledOut {
    /// Which.
    pub cause: Cause,
    /// What speaks against it most.
    pub by: Evidence,
}

/// Another cause that holds at the same time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Also {
    /// Which.
    pub cause: Cause,
    /// How sure, 0 to 1.
    pub confidence: f64,
    /// What speaks for it.
    pub evidence: Vec<Evidence>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// [`crate::VERSION`] of the rules.
    pub version: u32,
    /// The likely cause.
    pub cause: Cause,
    /// How sure, 0 to 1. Of `undetermined`: that nothing can be said.
    pub confidence: f64,
    /// One sentence for each reader.
    pub summary: Sentences,
    /// What speaks for the cause, the heaviest first.
    pub evidence: Vec<Evidence>,
    /// What speaks against it.
    pub contradicting: Vec<Evidence>,
    /// Causes that do not hold.
    pub ruled_out: Vec<RuledOut>,
    /// A second cause, if two hold at once.
    pub also: Option<Also>,
    /// When the trouble was seen; absent without any.
    pub when: Option<When>,
    /// The seconds that were judged.
    pub window: Option<Window>,
    /// A shortage began with our own share and is blamed on nobody.
    pub own_share: bool,
    /// Of an undetermined verdict: lanes that hold nothing and would help.
    pub needs: Vec<LaneName>,
}

/// What evidence is collected from.
pub(crate) struct Scene<'s> {
    pub(crate) trace: &'s Trace,
    /// The seconds that are judged.
    pub(crate) scope: &'s [Second],
    /// All of them.
    pub(crate) all: &'s [Second],
    /// A shortage at the player that began with our own share.
    pub(crate) share_shortage: bool,
}

/// Judges: the last seconds if there is trouble in them, else all.
pub(crate) fn judge(trace: &Trace, timeline: &Timeline, issues: &[Issue]) -> Verdict {
    let share_shortage = share_shortage(timeline, issues);
    let collect = |scope: &[Second]| {
        let scene = Scene { trace, scope, all: &timeline.seconds, share_shortage };
        let mut findings = Findings::default();
        player::collect(&scene, &mut findings);
        start::collect(&scene, &mut findings);
        rhythm::collect(&scene, &mut findings);
        picture::collect(&scene, &mut findings);
        call::collect(&scene, &mut findings);
        line::collect(&scene, &mut findings);
        call::clean(&scene, &mut findings);
        around::collect(&scene, &mut findings);
        player::well(&scene, &mut findings);
        findings
    };
    let now = timeline.now(NOW_S, BEFORE_STALL_S, STALL_S_MAX);
    let findings = collect(now);
    if findings.any_trouble() {
        return decide(trace, &findings, now, Some(When::Now), share_shortage);
    }
    let earlier = collect(&timeline.seconds);
    let when = earlier.any_trouble().then_some(When::Earlier);
    decide(trace, &earlier, &timeline.seconds, when, share_shortage)
}

/// The player was well before our share, and its first trouble came with it.
fn share_shortage(timeline: &Timeline, issues: &[Issue]) -> bool {
    let Some(began) = share_begin(timeline) else { return false };
    let suffers = |issue: &&Issue| issue.own_share && issue.lane != LaneName::ViewerUp;
    let well_before = timeline.seconds.iter().filter(|s| s.at < began).filter_map(|s| s.player.as_ref());
    let judged = well_before.clone().filter(|player| player.judged).count();
    let stalled = well_before.filter(|player| player.stalled_ms.is_some_and(|ms| ms > 0.0)).count();
    let first =
        issues.iter().filter(|issue| !issue.context && issue.lane != LaneName::ViewerUp).map(|i| i.from_ms).min();
    let with_it = first.is_some_and(|ms| (began..=began + SHARE_EFFECT_S).contains(&(ms / 1_000)));
    judged >= 5 && stalled == 0 && with_it && issues.iter().any(|issue| suffers(&issue))
}

/// A cause that won among those that explain one trouble.
struct Winner {
    cause: Cause,
    weight: f64,
    lead: f64,
}

fn decide(trace: &Trace, findings: &Findings, scope: &[Second], when: Option<When>, own_share: bool) -> Verdict {
    let mut winners: Vec<Winner> = TROUBLES.iter().filter_map(|trouble| winner(findings, *trouble)).collect();
    winners.sort_by(|a, b| b.weight.total_cmp(&a.weight));
    let first = winners.first();
    let (cause, sure) = match (first, when) {
        (Some(first), Some(_)) => (first.cause, confidence(first)),
        (None, Some(_)) => (Cause::Undetermined, 0.5),
        (_, None) => nothing(scope),
    };
    let also = first.filter(|_| when.is_some()).and_then(|first| also(findings, first, winners.get(1)));
    let mut evidence = findings.for_cause(cause);
    if matches!(cause, Cause::NoneObserved | Cause::Undetermined) {
        evidence = findings.troubles();
    }
    let out = |other: &&Cause| {
        let weight = findings.weight(**other);
        **other != cause
            && also.as_ref().is_none_or(|also| also.cause != **other)
            && (weight <= RULED_OUT || (weight <= 0.0 && findings.heaviest_against(**other) <= RULED_OUT))
    };
    let ruled_out = Cause::BLAMED.iter().filter(out).filter_map(|other| {
        let by = findings.against(*other).into_iter().next()?;
        Some(RuledOut { cause: *other, by })
    });
    let window = scope.first().zip(scope.last());
    let needs = if cause == Cause::Undetermined { needs(trace) } else { Vec::new() };
    Verdict {
        version: crate::VERSION,
        cause,
        confidence: sure,
        summary: text::summary(cause, &evidence, also.as_ref().map(|also| also.cause), when, own_share),
        contradicting: findings.against(cause),
        ruled_out: ruled_out.collect(),
        evidence,
        also,
        when,
        window: window.map(|(a, b)| Window { from_ms: a.at * 1_000, to_ms: b.at * 1_000 }),
        own_share,
        needs,
    }
}

/// No trouble was seen: either there is none, or nobody looked.
fn nothing(scope: &[Second]) -> (Cause, f64) {
    let player = scope.iter().filter(|s| s.player.as_ref().is_some_and(|player| player.judged)).count();
    let call = scope.iter().filter(|s| {
        let hops = [&s.viewer_up, &s.viewer_down, &s.agent_down].into_iter().flatten();
        hops.into_iter().any(|hop| hop.loss.is_some())
    });
    let seen = player.max(call.count());
    if seen < SEEN_S_MIN {
        return (Cause::Undetermined, 0.5);
    }
    #[expect(clippy::cast_precision_loss, reason = "at most a day's seconds")]
    let minutes = (seen as f64 / 60.0).min(1.0);
    (Cause::NoneObserved, if player > 0 { 0.6 + 0.35 * minutes } else { 0.5 + 0.2 * minutes })
}

fn winner(findings: &Findings, trouble: Trouble) -> Option<Winner> {
    if !findings.has(trouble) {
        return None;
    }
    let mut ranked: Vec<(Cause, f64)> =
        trouble.explained_by().iter().map(|cause| (*cause, findings.weight(*cause))).collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
    let (cause, weight) = *ranked.first()?;
    let lead = ranked.get(1).map_or(weight, |next| weight - next.1.max(0.0));
    (weight >= WEIGHT_MIN && lead >= LEAD_MIN).then_some(Winner { cause, weight, lead })
}

fn confidence(winner: &Winner) -> f64 {
    let ground = winner.weight.min(winner.lead + 1.5);
    (1.0 - (-ground / 1.8).exp()).clamp(0.5, 0.99)
}

/// A second cause: of another trouble, or of the same with evidence of its own.
fn also(findings: &Findings, first: &Winner, second: Option<&Winner>) -> Option<Also> {
    let of_another =
        second.filter(|second| second.cause != first.cause).map(|second| (second.cause, confidence(second)));
    let of_the_same = || {
        let others = Cause::BLAMED.iter().copied().filter(|cause| *cause != first.cause);
        let heavy =
            others.filter(|cause| findings.own_weight(*cause) >= OWN_WEIGHT_MIN && findings.weight(*cause) > 0.5);
        heavy.max_by(|a, b| findings.own_weight(*a).total_cmp(&findings.own_weight(*b))).map(|cause| (cause, 0.5))
    };
    let (cause, confidence) = of_another.or_else(of_the_same)?;
    Some(Also { cause, confidence, evidence: findings.for_cause(cause) })
}

/// Lanes that could have decided.
fn needs(trace: &Trace) -> Vec<LaneName> {
    let call =
        trace.len_of(LaneName::ViewerUp) + trace.len_of(LaneName::AgentDown) + trace.len_of(LaneName::Server) > 0;
    let helps = |lane: &LaneName| match lane {
        LaneName::Player | LaneName::Segments | LaneName::Preflights | LaneName::Device | LaneName::Others => true,
        LaneName::References | LaneName::Picture => !call || !trace.player.is_empty(),
        LaneName::Server | LaneName::ViewerUp | LaneName::AgentDown | LaneName::AgentDevice => call,
        _ => false,
    };
    trace.lanes_missing().into_iter().filter(helps).collect()
}
