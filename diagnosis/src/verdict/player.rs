//! Evidence of the player, its requests and the viewer's device.

use super::Cause::{PlatformDelivery as Pd, PlatformSource as Ps, ViewerDevice as Vd, ViewerNetwork as Vn};
use super::Scene;
use super::evidence::{Evidence, EvidenceKind as Kind, Findings, Trouble, Unit, calm, sustained, told};
use super::rhythm;
use crate::model::{LaneName, Segment};
use crate::thresholds::source;
use crate::timeline::{Player, Second, failed, failed_at_host, line_rtt_ms, load_share, percentile, wait_ms};

/// Two slow segments this near each other are more than chance, s (own).
const SLOW_NEAR_S: i64 = 8;
/// Waiting of so much in all is trouble, ms (Agora's freeze).
const STALLED_MS: f64 = 500.0;
/// A request that has brought nothing for so long, ms (own).
const WITHOUT_ANSWER_MS: f64 = 2_000.0;
/// A request that goes on for so long, ms (own).
const UNFINISHED_MS: f64 = 4_000.0;
/// A buffer below this makes them trouble, s (own).
const BUFFER_LOW_S: f64 = 3.0;
/// Wait for a first byte beyond the line's round trips, ms (own).
const FIRST_BYTE_MS: f64 = 800.0;
/// A first byte that comes before this beyond round trips is prompt, ms (own).
const PROMPT_MS: f64 = 300.0;
/// A wait that empties buffers by itself, ms (own).
const FIRST_BYTE_TROUBLE_MS: f64 = 1_500.0;
/// Age of the newest entry of a playlist, s (own).
const PLAYLIST_AGE_S: f64 = 15.0;
/// Dropped frames of all (ObserveRTC), and what is none.
const DROPS: f64 = 0.1;
const NO_DROPS: f64 = 0.02;
/// So many are more than a busy moment, or a wait for data, explains (own).
const MANY_DROPS: f64 = 0.2;
/// Share of a frame's time (ObserveRTC).
const OVER_BUDGET: f64 = 0.8;
/// Share of time in long frames (own), and what is calm.
const BLOCKED: f64 = 0.3;
const BLOCKED_CALM: f64 = 0.1;
/// Pressure `serious` (W3C).
const PRESSURE: f64 = 2.0;
/// Seconds that make calm believable.
const CALM_S: usize = 8;

pub(super) fn collect(scene: &Scene<'_>, findings: &mut Findings) {
    stalls(scene, findings);
    pending(scene, findings);
    segments(scene, findings);
    stream(scene, findings);
    rendering(scene, findings);
    device(scene, findings);
}

fn player(second: &Second) -> Option<&Player> {
    second.player.as_ref().filter(|player| player.judged)
}

/// Marks a shortage that began with our own share.
pub(super) fn shortage(scene: &Scene<'_>, mut evidence: Evidence) -> Evidence {
    evidence.own_share = scene.share_shortage;
    evidence
}

fn stalls(scene: &Scene<'_>, findings: &mut Findings) {
    let stalled: Vec<(i64, f64)> = scene.scope.iter().filter_map(|s| Some((s.at, player(s)?.stalled_ms?))).collect();
    let total: f64 = stalled.iter().map(|(_, ms)| ms).sum();
    let hits: Vec<i64> = stalled.iter().filter(|(_, ms)| *ms > 0.0).map(|(at, _)| *at).collect();
    if let (Some(from), Some(to)) = (hits.first(), hits.last())
        && total >= STALLED_MS
    {
        let limit = Some((STALLED_MS, source::AGORA));
        let evidence = told(Kind::PlayerStalled, LaneName::Player, total, Unit::Ms, limit, (*from, *to));
        findings.add(shortage(scene, evidence), Some(Trouble::Starved), &[(Vn, 0.3), (Pd, 0.3), (Vd, 0.1)]);
    }
}

/// What is well at the player and the device. Called when all trouble is known: that frames come in time says nothing
/// against a device that suffers elsewhere.
pub(super) fn well(scene: &Scene<'_>, findings: &mut Findings) {
    let suffers = findings.has(Trouble::Rendering) || findings.has(Trouble::Picture);
    let never = |s: &Second| player(s)?.stalled_ms;
    if let Some(hit) = calm(scene.scope, 1.0, CALM_S, never).filter(|hit| hit.worst < 1.0) {
        let span = (hit.from, hit.to);
        let evidence = told(Kind::PlayerNeverStalled, LaneName::Player, 0.0, Unit::Ms, None, span);
        let starved = findings.has(Trouble::Starved);
        findings.add(evidence, None, if starved { &[(Pd, -0.5)] } else { &[(Vn, -0.3), (Pd, -1.0)] });
    }
    if let Some(hit) = calm(scene.scope, NO_DROPS, CALM_S, flowing) {
        let limit = Some((NO_DROPS, source::OWN));
        let span = (hit.from, hit.to);
        let evidence = told(Kind::NoFramesDropped, LaneName::Player, hit.mean, Unit::Percent, limit, span);
        findings.add(evidence, None, if suffers { &[(Vd, -0.1)] } else { &[(Vd, -1.2)] });
    }
    let blocked = |s: &Second| s.device.as_ref()?.blocked;
    if let Some(hit) = calm(scene.scope, BLOCKED_CALM, CALM_S, blocked) {
        let limit = Some((BLOCKED_CALM, source::OWN));
        let span = (hit.from, hit.to);
        let evidence = told(Kind::DeviceCalm, LaneName::Device, hit.mean, Unit::Percent, limit, span);
        findings.add(evidence, None, if suffers { &[(Vd, -0.2)] } else { &[(Vd, -1.0)] });
    }
}

/// Dropped frames of seconds without waiting: after a wait, players drop what came too late.
fn flowing(second: &Second) -> Option<f64> {
    player(second).filter(|player| player.stalled_ms.unwrap_or(0.0) == 0.0)?.drop_share
}

fn pending(scene: &Scene<'_>, findings: &mut Findings) {
    let starving = |s: &Second| player(s).filter(|p| p.buffer_s.is_some_and(|ahead| ahead < BUFFER_LOW_S)).cloned();
    let silent = |s: &Second| starving(s).filter(|p| p.pending_bytes == Some(0.0)).and_then(|p| p.pending_ms);
    let slow = |s: &Second| starving(s).filter(|p| p.pending_bytes != Some(0.0)).and_then(|p| p.pending_ms);
    if let Some(hit) = sustained(scene.scope, WITHOUT_ANSWER_MS, (1, 2), silent) {
        let limit = Some((WITHOUT_ANSWER_MS, source::OWN));
        let span = (hit.from, hit.to);
        let evidence = told(Kind::RequestWithoutAnswer, LaneName::Player, hit.worst, Unit::Ms, limit, span);
        findings.add(shortage(scene, evidence), Some(Trouble::Starved), &[(Pd, 1.2), (Vn, 0.3)]);
    }
    if let Some(hit) = sustained(scene.scope, UNFINISHED_MS, (1, 2), slow) {
        let limit = Some((UNFINISHED_MS, source::OWN));
        let span = (hit.from, hit.to);
        let evidence = told(Kind::RequestUnfinished, LaneName::Player, hit.worst, Unit::Ms, limit, span);
        findings.add(shortage(scene, evidence), Some(Trouble::Starved), &[(Pd, 0.5), (Vn, 0.5)]);
    }
}

/// The requests of a scope that went over the network.
pub(super) fn requests<'s>(scene: &'s Scene<'_>) -> Vec<(i64, &'s Segment)> {
    let (Some(first), Some(last)) = (scene.scope.first(), scene.scope.last()) else { return Vec::new() };
    let all = scene.trace.segments.within(first.at, last.at);
    // What ended while the page was hidden or paused says nothing about the picture.
    let usable = |at: i64| {
        let place = usize::try_from(at - first.at).ok();
        place.and_then(|place| scene.scope.get(place)).is_some_and(|s| !s.hidden)
    };
    all.filter(|(at, segment)| segment.cached != Some(true) && usable(*at)).collect()
}

fn segments(scene: &Scene<'_>, findings: &mut Findings) {
    let requests = requests(scene);
    let (Some(first), Some(last)) = (requests.first(), requests.last()) else { return };
    let span = (first.0, last.0);
    let rtt_ms = line_rtt_ms(scene.trace);
    let late: Vec<&(i64, &Segment)> =
        requests.iter().filter(|(_, s)| load_share(s).is_some_and(|share| share >= 1.0)).collect();
    // A new connection over a long way has its slow start: one slow segment now and then is no trouble.
    let near = late.windows(2).any(|pair| pair[1].0 - pair[0].0 <= SLOW_NEAR_S);
    let slow: Vec<&Segment> = late.iter().map(|(_, s)| *s).collect();
    let timed = requests.iter().filter(|(_, s)| load_share(s).is_some()).count();
    if near || (timed > 0 && slow.len() * 2 >= timed) {
        let share = percentile(&mut slow.iter().filter_map(|s| load_share(s)).collect::<Vec<_>>(), 0.5);
        let limit = Some((1.0, source::OWN));
        let evidence = told(Kind::SlowSegments, LaneName::Segments, share.unwrap_or(1.0), Unit::Percent, limit, span);
        findings.add(shortage(scene, evidence), Some(Trouble::Starved), &[(Vn, 0.9), (Pd, 0.9)]);
        let waits = percentile(&mut slow.iter().filter_map(|s| wait_ms(s, rtt_ms)).collect::<Vec<_>>(), 0.5);
        if let Some(wait) = waits.filter(|wait| *wait < PROMPT_MS) {
            let limit = Some((PROMPT_MS, source::OWN));
            let evidence = told(Kind::PromptFirstByte, LaneName::Segments, wait, Unit::Ms, limit, span);
            findings.add(shortage(scene, evidence), None, &[(Vn, 0.8), (Pd, -0.2)]);
        }
    }
    first_bytes(scene, &requests, rtt_ms, findings);
    errors(scene, &requests, findings);
}

fn first_bytes(scene: &Scene<'_>, requests: &[(i64, &Segment)], rtt_ms: Option<f64>, findings: &mut Findings) {
    let waits: Vec<(i64, f64)> = requests.iter().filter_map(|(at, s)| Some((*at, wait_ms(s, rtt_ms)?))).collect();
    let late: Vec<&(i64, f64)> = waits.iter().filter(|(_, wait)| *wait >= FIRST_BYTE_MS).collect();
    let (Some(first), Some(last)) = (late.first(), late.last()) else { return };
    if late.len() < 2 && late.len() * 2 < waits.len() {
        return;
    }
    let median = percentile(&mut late.iter().map(|(_, wait)| *wait).collect::<Vec<_>>(), 0.5).unwrap_or(first.1);
    let limit = Some((FIRST_BYTE_MS, source::OWN));
    let evidence = told(Kind::SlowFirstByte, LaneName::Segments, median, Unit::Ms, limit, (first.0, last.0));
    let trouble = (median >= FIRST_BYTE_TROUBLE_MS).then_some(Trouble::Starved);
    // Without a round trip of the line the wait may be the line's own.
    let weights: &[_] = if rtt_ms.is_some() { &[(Pd, 2.0), (Vn, -0.2)] } else { &[(Pd, 1.6), (Vn, 0.2)] };
    findings.add(shortage(scene, evidence), trouble, weights);
}

fn errors(scene: &Scene<'_>, requests: &[(i64, &Segment)], findings: &mut Findings) {
    let refused: Vec<i64> = requests.iter().filter(|(_, s)| failed_at_host(s)).map(|(at, _)| *at).collect();
    let silent: Vec<(i64, f64)> = requests
        .iter()
        .filter(|(_, s)| rhythm::given_up(s))
        .filter_map(|(at, s)| Some((*at, s.duration_ms.filter(|ms| *ms >= WITHOUT_ANSWER_MS)?)))
        .collect();
    let broken: Vec<i64> = requests
        .iter()
        .filter(|(_, s)| failed(s) && !failed_at_host(s) && !rhythm::given_up(s))
        .map(|(at, _)| *at)
        .collect();
    if let (Some(first), Some(last)) = (silent.first(), silent.last())
        && !findings.found(Kind::RequestWithoutAnswer)
    {
        let worst = silent.iter().map(|(_, ms)| *ms).fold(0.0, f64::max);
        let limit = Some((WITHOUT_ANSWER_MS, source::OWN));
        let span = (first.0, last.0);
        let evidence = told(Kind::RequestWithoutAnswer, LaneName::Segments, worst, Unit::Ms, limit, span);
        findings.add(shortage(scene, evidence), Some(Trouble::Starved), &[(Pd, 1.2), (Vn, 0.3)]);
    }
    if let (Some(from), Some(to)) = (refused.first(), refused.last()) {
        let many = refused.len() >= 2;
        let evidence = told(Kind::SegmentErrors, LaneName::Segments, count(&refused), Unit::Count, None, (*from, *to));
        let weights: &[_] = if many { &[(Pd, 3.0)] } else { &[(Pd, 1.5)] };
        findings.add(evidence, many.then_some(Trouble::Starved), weights);
    }
    if let (Some(from), Some(to)) = (broken.first(), broken.last()) {
        let evidence = told(Kind::SegmentsBroken, LaneName::Segments, count(&broken), Unit::Count, None, (*from, *to));
        findings.add(shortage(scene, evidence), Some(Trouble::Starved), &[(Vn, 0.5), (Pd, 0.5)]);
    }
}

#[expect(clippy::cast_precision_loss, reason = "at most a lane's events")]
fn count<T>(list: &[T]) -> f64 {
    list.len() as f64
}

fn stream(scene: &Scene<'_>, findings: &mut Findings) {
    if let Some(hit) = sustained(scene.scope, 1.0, (1, 1), |s| player(s)?.media_errors) {
        let span = (hit.from, hit.to);
        let evidence = told(Kind::MediaErrors, LaneName::Player, hit.worst, Unit::Count, None, span);
        findings.add(evidence, Some(Trouble::Picture), &[(Pd, 1.0), (Vd, 0.5), (Ps, 0.3)]);
    }
    if let Some(hit) = sustained(scene.scope, PLAYLIST_AGE_S, (2, 3), |s| player(s)?.playlist_age_s) {
        let limit = Some((PLAYLIST_AGE_S, source::OWN));
        let span = (hit.from, hit.to);
        let evidence = told(Kind::PlaylistStale, LaneName::Player, hit.worst, Unit::Seconds, limit, span);
        findings.add(evidence, Some(Trouble::Starved), &[(Ps, 2.6), (Pd, 0.5), (Vn, -1.0)]);
    }
}

fn rendering(scene: &Scene<'_>, findings: &mut Findings) {
    if let Some(hit) = sustained(scene.scope, DROPS, (3, 5), flowing) {
        let limit = Some((DROPS, source::OBSERVE_RTC));
        let span = (hit.from, hit.to);
        let evidence = told(Kind::FramesDropped, LaneName::Player, hit.mean, Unit::Percent, limit, span);
        let weights: &[_] = if hit.mean >= MANY_DROPS { &[(Vd, 2.4)] } else { &[(Vd, 1.9)] };
        findings.add(shortage(scene, evidence), Some(Trouble::Rendering), weights);
    }
    if let Some(hit) = sustained(scene.scope, OVER_BUDGET, (3, 5), |s| player(s)?.decode_share) {
        let limit = Some((OVER_BUDGET, source::OBSERVE_RTC));
        let span = (hit.from, hit.to);
        let evidence = told(Kind::DecodeOverBudget, LaneName::Player, hit.mean, Unit::Percent, limit, span);
        findings.add(shortage(scene, evidence), None, &[(Vd, 1.5)]);
    }
    let stuck = |s: &Second| player(s)?.without_frames.map(|stuck| f64::from(u8::from(stuck)));
    if let Some(hit) = sustained(scene.scope, 1.0, (2, 3), stuck) {
        let span = (hit.from, hit.to);
        #[expect(clippy::cast_precision_loss, reason = "at most a day's seconds")]
        let seconds = hit.seconds as f64;
        let evidence = told(Kind::PlayerStuck, LaneName::Player, seconds, Unit::Seconds, None, span);
        findings.add(evidence, Some(Trouble::Rendering), &[(Vd, 2.0)]);
    }
}

fn device(scene: &Scene<'_>, findings: &mut Findings) {
    let blocked = |s: &Second| s.device.as_ref()?.blocked;
    let pressure = |s: &Second| s.device.as_ref()?.pressure;
    let lane = LaneName::Device;
    if let Some(hit) = sustained(scene.scope, BLOCKED, (3, 5), blocked) {
        let limit = Some((BLOCKED, source::OWN));
        let evidence = told(Kind::MainThreadBlocked, lane, hit.mean, Unit::Percent, limit, (hit.from, hit.to));
        findings.add(shortage(scene, evidence), Some(Trouble::Rendering), &[(Vd, 2.2), (Pd, -0.5), (Vn, -0.5)]);
    }
    if let Some(hit) = sustained(scene.scope, PRESSURE, (3, 5), pressure) {
        let limit = Some((PRESSURE, source::W3C));
        let evidence = told(Kind::DevicePressure, lane, hit.worst, Unit::Count, limit, (hit.from, hit.to));
        findings.add(shortage(scene, evidence), None, &[(Vd, 1.0)]);
    }
}
