//! Evidence of the viewer's line without the player: preflight, the page's socket, a fetch from the player's host.

use super::Cause::{PlatformDelivery as Pd, ViewerNetwork as Vn};
use super::Scene;
use super::call::waits_in_server;
use super::evidence::{Evidence, EvidenceKind as Kind, Findings, Trouble, Unit, calm, sustained, told};
use super::player::shortage;
use crate::model::{LaneName, Preflight, Side};
use crate::thresholds::{self as limit, source};
use crate::timeline::{Second, percentile};

/// Loss of the echo that explains trouble, and that is trouble by itself (webrtc-issue-detector's 5 %; own).
const LOSS: f64 = 0.02;
const LOSS_TROUBLE: f64 = 0.05;
/// Loss at which TCP has next to no throughput: 1.2 segments in flight (Mathis et al., 1997: sqrt(1.5/p), here below 3), and waits for
/// its timer at most losses.
const LOSS_RUINOUS: f64 = 0.17;
/// Jitter, ms (Twilio, Teams CQD), and what is trouble by itself (own).
const JITTER_MS: f64 = 30.0;
const JITTER_TROUBLE_MS: f64 = 50.0;
/// Round trip under load above idle, ms (bufferbloat.net).
const BLOAT_MS: f64 = 100.0;
/// Below these a line is clean.
const CLEAN_LOSS: f64 = 0.01;
const CLEAN_JITTER_MS: f64 = 20.0;
const CLEAN_BLOAT_MS: f64 = 60.0;
/// A line that carries less than this of what the stream needs is too slow, and more than that is fast enough (own).
const TOO_SLOW: f64 = 1.2;
const FAST_ENOUGH: f64 = 2.0;
/// A host slower than this share of the line is what is slow (own).
const HOST_SHARE: f64 = 0.5;
/// Wait for its first byte beyond round trips, ms (own).
const HOST_LATE_MS: f64 = 800.0;
/// So many seconds without late data end a trouble (own).
const WELL_S: usize = 15;
/// A buffer hides a fault for so long before data are seen to be late, s (own).
const BEFORE_S: i64 = 8;
/// A preflight counts for trouble that it is within so many seconds of.
const PREFLIGHT_NEAR_S: i64 = 90;

pub(super) fn collect(scene: &Scene<'_>, findings: &mut Findings) {
    // Jitter of a page whose main thread is blocked is the page's.
    let blocked = findings.found(Kind::MainThreadBlocked);
    if let Some((at, preflight)) = latest_with_echo(scene) {
        echo(preflight, at, blocked, findings);
    }
    if let Some((at, preflight)) = latest(scene, Side::Viewer) {
        let bloat = preflight.loaded_rtt_ms.zip(preflight.rtt_ms).map(|(loaded, idle)| loaded - idle);
        if let Some(bloat) = bloat.filter(|bloat| *bloat >= BLOAT_MS) {
            let limit = Some((BLOAT_MS, source::BUFFERBLOAT));
            let evidence = of_preflight(Kind::LineBufferbloat, bloat, Unit::Ms, limit, at);
            findings.add(shortage(scene, evidence), None, &[(Vn, 1.0)]);
        }
        rates(scene, preflight, at, findings);
        host(preflight, at, findings);
    }
    let ping = |s: &crate::timeline::Second| s.device.as_ref()?.ping_over_ms;
    if let Some(hit) = sustained(scene.scope, BLOAT_MS, (2, 5), ping).filter(|_| !blocked) {
        let limit = Some((BLOAT_MS, source::BUFFERBLOAT));
        let evidence = told(Kind::PingRaised, LaneName::Device, hit.mean, Unit::Ms, limit, (hit.from, hit.to));
        let ours = waits_in_server(scene, hit.mean);
        findings.add(shortage(scene, evidence), None, if ours { &[] } else { &[(Vn, 1.3), (Pd, -0.4)] });
    }
    clean(scene, findings);
}

/// The newest preflight of a side that is near the scope.
pub(super) fn latest<'s>(scene: &'s Scene<'_>, side: Side) -> Option<(i64, &'s Preflight)> {
    latest_that(scene, side, |_| true)
}

/// The newest of the viewer's line that has echoes: on a line that loses much, some find no way for them.
fn latest_with_echo<'s>(scene: &'s Scene<'_>) -> Option<(i64, &'s Preflight)> {
    latest_that(scene, Side::Viewer, |preflight| echo_worst(preflight).0.is_some())
}

fn latest_that<'s>(
    scene: &'s Scene<'_>,
    side: Side,
    is_meant: impl Fn(&Preflight) -> bool,
) -> Option<(i64, &'s Preflight)> {
    let (first, last) = (scene.scope.first()?.at, scene.scope.last()?.at);
    let near = scene.trace.preflights.within(first - PREFLIGHT_NEAR_S, last).rev();
    let (at, preflight) = near
        .into_iter()
        .find(|(_, preflight)| preflight.side.unwrap_or(Side::Viewer) == side && is_meant(preflight))?;
    // How the line was before the trouble says nothing about the line in it.
    let before = side == Side::Viewer && starving_since(scene.all).is_some_and(|began| at < began - BEFORE_S);
    (!before).then_some((at, preflight))
}

/// When data began to be late, the last time after a while of being well.
fn starving_since(all: &[Second]) -> Option<i64> {
    let starving = |s: &Second| {
        let player = s.player.as_ref();
        player.and_then(|player| player.stalled_ms).is_some_and(|ms| ms > 0.0)
            || s.fetch.load_share.is_some_and(|share| share >= 1.0)
            || s.fetch.failed.is_some_and(|failed| failed > 0.0)
    };
    let (mut began, mut well) = (None, WELL_S);
    for second in all {
        if !starving(second) {
            well += 1;
            continue;
        }
        if well >= WELL_S {
            began = Some(second.at);
        }
        well = 0;
    }
    began
}

/// Worst loss and jitter of both directions of an echo.
pub(super) fn echo_worst(preflight: &Preflight) -> (Option<f64>, Option<f64>) {
    let both = [preflight.up.as_ref(), preflight.down.as_ref()];
    let loss = both.iter().flatten().filter_map(|echo| echo.loss).reduce(f64::max);
    (loss, both.iter().flatten().filter_map(|echo| echo.jitter_ms).reduce(f64::max))
}

fn of_preflight(kind: Kind, value: f64, unit: Unit, limit: Option<(f64, &str)>, at: i64) -> Evidence {
    told(kind, LaneName::Preflights, value, unit, limit, (at, at))
}

fn echo(preflight: &Preflight, at: i64, blocked: bool, findings: &mut Findings) {
    let (loss, jitter) = echo_worst(preflight);
    if let Some(loss) = loss.filter(|loss| *loss >= LOSS) {
        let evidence = of_preflight(Kind::LineLoss, loss, Unit::Percent, Some((LOSS, source::ISSUE_DETECTOR)), at);
        let heavy = loss >= LOSS_TROUBLE;
        // A page that is busy sends and reads its echoes late, but all of them: in the corpus none of its devices lost one.
        let weights: &[_] = match (blocked, heavy) {
            // Requests wait and stall on such a line, whatever the host does.
            (_, true) if loss >= LOSS_RUINOUS => &[(Vn, 4.5), (Pd, -2.5)],
            (_, true) => &[(Vn, 3.0), (Pd, -0.5)],
            (true, false) => &[(Vn, 0.6)],
            (false, false) => &[(Vn, 1.8)],
        };
        findings.add(evidence, heavy.then_some(Trouble::Starved), weights);
    }
    if let Some(jitter) = jitter.filter(|jitter| *jitter >= JITTER_MS) {
        let evidence = of_preflight(Kind::LineJitter, jitter, Unit::Ms, Some((JITTER_MS, source::TWILIO)), at);
        let trouble = (jitter >= JITTER_TROUBLE_MS && !blocked).then_some(Trouble::Starved);
        let weights: &[_] = match (blocked, trouble.is_some()) {
            (true, _) => &[(Vn, 0.3)],
            (false, true) => &[(Vn, 2.0)],
            (false, false) => &[(Vn, 1.4)],
        };
        findings.add(evidence, trouble, weights);
    }
}

/// What the stream needs, kbit/s: the level's rate, or what segments hold.
fn needed_kbps(scene: &Scene<'_>) -> Option<f64> {
    let told = scene.all.iter().rev().find_map(|s| s.player.as_ref()?.bitrate_kbps);
    let of_segments = || {
        let rate = |s: &crate::model::Segment| {
            s.bitrate_kbps.or_else(|| Some(s.bytes? * 8.0 / 1e3 / s.media_s.filter(|media_s| *media_s > 0.0)?))
        };
        percentile(&mut scene.trace.segments.iter().filter_map(rate).collect::<Vec<_>>(), 0.5)
    };
    told.or_else(of_segments).filter(|kbps| *kbps > 0.0)
}

fn rates(scene: &Scene<'_>, preflight: &Preflight, at: i64, findings: &mut Findings) {
    let (Some(line), Some(needed)) = (preflight.line_kbps, needed_kbps(scene)) else { return };
    if line < TOO_SLOW * needed {
        let limit = Some((TOO_SLOW * needed, source::OWN));
        let evidence = of_preflight(Kind::LineTooSlow, line, Unit::Kbps, limit, at);
        findings.add(shortage(scene, evidence), None, &[(Vn, 2.0), (Pd, -1.0)]);
    } else if line >= FAST_ENOUGH * needed {
        let starved = findings.has(Trouble::Starved);
        let limit = Some((FAST_ENOUGH * needed, source::OWN));
        let evidence = of_preflight(Kind::LineFastEnough, line, Unit::Kbps, limit, at);
        findings.add(evidence, None, if starved { &[(Vn, -1.5), (Pd, 1.2)] } else { &[(Vn, -0.8)] });
    }
}

fn host(preflight: &Preflight, at: i64, findings: &mut Findings) {
    let Some(fetch) = &preflight.fetch else { return };
    let slow = fetch.kbps.zip(preflight.line_kbps).filter(|(host, line)| *host < HOST_SHARE * line);
    if let Some((host, line)) = slow {
        let limit = Some((HOST_SHARE * line, source::OWN));
        let evidence = of_preflight(Kind::HostSlow, host, Unit::Kbps, limit, at);
        findings.add(evidence, None, &[(Pd, 1.5), (Vn, -1.0)]);
    }
    let wait = fetch.ttfb_ms.map(|ms| ms - limit::FIRST_BYTE_ROUND_TRIPS * preflight.rtt_ms.unwrap_or(0.0));
    if let Some(wait) = wait.filter(|wait| *wait >= HOST_LATE_MS) {
        let limit = Some((HOST_LATE_MS, source::OWN));
        let evidence = of_preflight(Kind::HostAnswersLate, wait, Unit::Ms, limit, at);
        findings.add(evidence, None, &[(Pd, 1.6), (Vn, -0.3)]);
    }
    if let Some(status) = fetch.status.filter(|status| *status >= 400.0) {
        let evidence = of_preflight(Kind::HostRefuses, status, Unit::Count, None, at);
        findings.add(evidence, None, &[(Pd, 2.0), (Vn, -0.5)]);
    }
}

/// A line that shows nothing wrong while data come too late.
fn clean(scene: &Scene<'_>, findings: &mut Findings) {
    let starved = findings.has(Trouble::Starved);
    let weights: &[_] = if starved { &[(Vn, -1.5), (Pd, 1.0)] } else { &[(Vn, -1.0)] };
    if let Some((at, preflight)) = latest_with_echo(scene) {
        let (loss, jitter) = echo_worst(preflight);
        let bloat = preflight.loaded_rtt_ms.zip(preflight.rtt_ms).map(|(loaded, idle)| loaded - idle);
        let quiet = loss.is_some_and(|loss| loss < CLEAN_LOSS)
            && jitter.is_none_or(|jitter| jitter < CLEAN_JITTER_MS)
            && bloat.is_none_or(|bloat| bloat < CLEAN_BLOAT_MS);
        if quiet && !findings.found(Kind::PingRaised) && !findings.found(Kind::LineTooSlow) {
            let limit = Some((CLEAN_LOSS, source::OWN));
            let evidence = of_preflight(Kind::LineClean, loss.unwrap_or(0.0), Unit::Percent, limit, at);
            findings.add(evidence, None, weights);
            return;
        }
    }
    // The socket's round trip alone says less: it needs little of the line.
    let pings = scene.scope.iter().filter(|s| s.device.as_ref().is_some_and(|d| d.ping_ms.is_some())).count();
    let quiet = calm(scene.scope, CLEAN_BLOAT_MS, 5, |s| s.device.as_ref()?.ping_over_ms);
    let worse = [
        Kind::LineLoss,
        Kind::LineJitter,
        Kind::LineBufferbloat,
        Kind::UplinkLoss,
        Kind::UplinkJitter,
        Kind::UplinkRttRaised,
        Kind::UplinkLimited,
        Kind::DownlinkLoss,
    ];
    let none_worse = !worse.iter().any(|kind| findings.found(*kind));
    if let Some(hit) = quiet.filter(|_| pings >= 5 && none_worse) {
        let limit = Some((CLEAN_BLOAT_MS, source::BUFFERBLOAT));
        let evidence = told(Kind::LineClean, LaneName::Device, hit.mean, Unit::Ms, limit, (hit.from, hit.to));
        findings.add(evidence, None, if starved { &[(Vn, -0.8), (Pd, 0.5)] } else { &[(Vn, -0.4)] });
    }
}
