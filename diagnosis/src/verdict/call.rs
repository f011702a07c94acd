//! Evidence of the call: the viewer's side, the server, the agent's side.

use super::Cause::{
    AgentDevice as Ad, AgentNetwork as An, MediaServer as Ms, PlatformDelivery as Pd, ViewerDevice as Vd,
    ViewerNetwork as Vn,
};
use super::Scene;
use super::evidence::{EvidenceKind as Kind, Findings, Trouble, Unit, calm, sustained, told};
use super::line::{echo_worst, latest};
use super::player::shortage;
use crate::model::{LaneName, Side};
use crate::thresholds::source;
use crate::timeline::Second;

/// Loss that is trouble (webrtc-issue-detector), and that explains one (own).
const LOSS: f64 = 0.05;
const LOSS_SMALL: f64 = 0.02;
/// Jitter, ms (Twilio, Teams CQD), and what is trouble by itself (own).
const JITTER_MS: f64 = 30.0;
const JITTER_TROUBLE_MS: f64 = 50.0;
/// Round trip above its usual, ms (bufferbloat.net), and what is trouble by itself (own).
const RTT_OVER_MS: f64 = 100.0;
const RTT_TROUBLE_MS: f64 = 150.0;
/// Below these a hop is clean.
const CLEAN_LOSS: f64 = 0.01;
const CLEAN_RTT_OVER_MS: f64 = 60.0;
const CLEAN_S: usize = 8;
/// What a sender has when its line is the shortage, kbit/s (own).
const STARVED_KBPS: f64 = 300.0;
/// Share of the time, and of frames (ObserveRTC).
const OVER_BUDGET: f64 = 0.8;
const DROPS: f64 = 0.1;
/// Time in long frames, and pressure `serious` (own; W3C).
const BLOCKED: f64 = 0.3;
/// The same where it comes in long pieces, as on a machine that is given little of its processor (own).
const BLOCKED_LONG: f64 = 0.5;
const PRESSURE: f64 = 2.0;
/// A frozen picture, ms (Agora).
const FROZEN_MS: f64 = 500.0;
/// Packets kept back by the server, and its lateness (own).
const WITHHELD: f64 = 0.02;
const LATE_MS: f64 = 50.0;
/// A round trip passes the server twice, and each pass may wait for a timer and for the socket (own).
const LATE_TIMES: f64 = 4.0;
const CPU: f64 = 0.95;

pub(super) fn collect(scene: &Scene<'_>, findings: &mut Findings) {
    viewer_line(scene, findings);
    viewer_encoder(scene, findings);
    server(scene, findings);
    agent_line(scene, findings);
    agent_clean(scene, findings);
    agent_device(scene, findings);
}

/// Whether delays of so many ms are those of a server that is late: it answers pings and reports as late as it forwards.
pub(super) fn waits_in_server(scene: &Scene<'_>, ms: f64) -> bool {
    let late = sustained(scene.scope, LATE_MS, (3, 5), |s| s.relay.as_ref()?.late_ms);
    late.is_some_and(|hit| ms <= LATE_TIMES * hit.mean)
}

fn worst(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    a.zip(b).map(|(a, b)| a.max(b)).or(a).or(b)
}

fn up_loss(s: &Second) -> Option<f64> {
    worst(s.server.as_ref().and_then(|hop| hop.in_loss), s.viewer_up.as_ref().and_then(|hop| hop.loss))
}

fn up_jitter(s: &Second) -> Option<f64> {
    worst(s.server.as_ref().and_then(|hop| hop.in_jitter_ms), s.viewer_up.as_ref().and_then(|hop| hop.jitter_ms))
}

fn up_rtt_over(s: &Second) -> Option<f64> {
    worst(s.server.as_ref().and_then(|hop| hop.in_rtt_over_ms), s.viewer_up.as_ref().and_then(|hop| hop.rtt_over_ms))
}

fn viewer_line(scene: &Scene<'_>, findings: &mut Findings) {
    let lane = LaneName::ViewerUp;
    if let Some(hit) = sustained(scene.scope, LOSS, (3, 5), up_loss) {
        let limit = Some((LOSS, source::ISSUE_DETECTOR));
        let evidence = told(Kind::UplinkLoss, lane, hit.mean, Unit::Percent, limit, (hit.from, hit.to));
        findings.add(evidence, Some(Trouble::Starved), &[(Vn, 3.0), (Pd, -0.5)]);
    } else if let Some(hit) = sustained(scene.scope, LOSS_SMALL, (4, 8), up_loss) {
        let limit = Some((LOSS_SMALL, source::OWN));
        let evidence = told(Kind::UplinkLoss, lane, hit.mean, Unit::Percent, limit, (hit.from, hit.to));
        findings.add(evidence, None, &[(Vn, 1.5)]);
    }
    if let Some(hit) = sustained(scene.scope, JITTER_MS, (3, 5), up_jitter) {
        let limit = Some((JITTER_MS, source::TWILIO));
        let evidence = told(Kind::UplinkJitter, lane, hit.mean, Unit::Ms, limit, (hit.from, hit.to));
        let heavy = hit.mean >= JITTER_TROUBLE_MS && !findings.found(Kind::MainThreadBlocked);
        let weights: &[_] = if heavy { &[(Vn, 1.9)] } else { &[(Vn, 0.9)] };
        let ours = waits_in_server(scene, hit.mean);
        findings.add(evidence, heavy.then_some(Trouble::Starved).filter(|_| !ours), if ours { &[] } else { weights });
    }
    if let Some(hit) = sustained(scene.scope, RTT_OVER_MS, (3, 5), up_rtt_over) {
        let limit = Some((RTT_OVER_MS, source::BUFFERBLOAT));
        let evidence = told(Kind::UplinkRttRaised, lane, hit.mean, Unit::Ms, limit, (hit.from, hit.to));
        let heavy = hit.mean >= RTT_TROUBLE_MS;
        let weights: &[_] = if heavy { &[(Vn, 2.0), (Pd, -0.4)] } else { &[(Vn, 1.4)] };
        let ours = waits_in_server(scene, hit.mean);
        let trouble = heavy.then_some(Trouble::Starved).filter(|_| !ours);
        findings.add(shortage(scene, evidence), trouble, if ours { &[] } else { weights });
    }
    let starved = |s: &Second| {
        let hop = s.viewer_up.as_ref()?;
        Some(f64::from(u8::from(hop.bandwidth_limited? && hop.available_kbps? < STARVED_KBPS)))
    };
    if let Some(hit) = sustained(scene.scope, 1.0, (4, 5), starved) {
        let rate = scene.scope.iter().filter_map(|s| s.viewer_up.as_ref()?.available_kbps).fold(STARVED_KBPS, f64::min);
        let limit = Some((STARVED_KBPS, source::OWN));
        let evidence = told(Kind::UplinkLimited, lane, rate, Unit::Kbps, limit, (hit.from, hit.to));
        findings.add(shortage(scene, evidence), Some(Trouble::Starved), &[(Vn, 1.9)]);
    }
    let down = |s: &Second| {
        worst(s.viewer_down.as_ref().and_then(|hop| hop.loss), s.server_back.as_ref().and_then(|hop| hop.out_excess))
    };
    if let Some(hit) = sustained(scene.scope, LOSS, (3, 5), down) {
        let limit = Some((LOSS, source::ISSUE_DETECTOR));
        let span = (hit.from, hit.to);
        let evidence = told(Kind::DownlinkLoss, LaneName::ViewerDown, hit.mean, Unit::Percent, limit, span);
        findings.add(evidence, Some(Trouble::Starved), &[(Vn, 2.2), (Pd, -0.4)]);
    }
}

fn viewer_encoder(scene: &Scene<'_>, findings: &mut Findings) {
    let limited = |s: &Second| s.viewer_up.as_ref()?.cpu_limited.map(|yes| f64::from(u8::from(yes)));
    let busy = |s: &Second| s.viewer_up.as_ref()?.encode_share;
    let held = sustained(scene.scope, 1.0, (3, 5), limited);
    let slow = sustained(scene.scope, OVER_BUDGET, (3, 5), busy);
    if let Some(hit) = slow.or(held) {
        let limit = Some((OVER_BUDGET, source::OBSERVE_RTC));
        let value = slow.map_or(1.0, |hit| hit.mean);
        let span = (hit.from, hit.to);
        let evidence = told(Kind::EncoderCpuLimited, LaneName::ViewerUp, value, Unit::Percent, limit, span);
        let both = slow.is_some() && held.is_some();
        let weights: &[_] = if both { &[(Vd, 2.3)] } else { &[(Vd, 1.0)] };
        findings.add(shortage(scene, evidence), both.then_some(Trouble::Rendering), weights);
    }
}

/// The viewer's side of the call shows nothing wrong. Called when all that speaks of the line is known.
pub(super) fn clean(scene: &Scene<'_>, findings: &mut Findings) {
    let Some(loss) = calm(scene.scope, CLEAN_LOSS, CLEAN_S, up_loss) else { return };
    let quiet = calm(scene.scope, CLEAN_RTT_OVER_MS, CLEAN_S, up_rtt_over).is_some()
        && calm(scene.scope, JITTER_MS, CLEAN_S, up_jitter).is_some();
    let down_lossy = findings.found(Kind::DownlinkLoss) || findings.found(Kind::LineLoss);
    if quiet && !down_lossy {
        let starved = findings.has(Trouble::Starved);
        let limit = Some((CLEAN_LOSS, source::OWN));
        let span = (loss.from, loss.to);
        let evidence = told(Kind::ViewerCallClean, LaneName::ViewerUp, loss.mean, Unit::Percent, limit, span);
        findings.add(evidence, None, if starved { &[(Vn, -1.6), (Pd, 1.0)] } else { &[(Vn, -1.2)] });
    }
}

fn server(scene: &Scene<'_>, findings: &mut Findings) {
    if let Some(hit) = sustained(scene.scope, WITHHELD, (3, 5), Second::withheld) {
        let limit = Some((WITHHELD, source::OWN));
        let span = (hit.from, hit.to);
        let evidence = told(Kind::ServerDrops, LaneName::Server, hit.mean, Unit::Percent, limit, span);
        findings.add(evidence, Some(Trouble::Agent), &[(Ms, 3.5), (An, -1.5)]);
    }
    let cpu = |s: &Second| s.relay.as_ref()?.cpu;
    let late = |s: &Second| s.relay.as_ref()?.late_ms;
    if let Some(hit) = sustained(scene.scope, LATE_MS, (3, 5), late) {
        let limit = Some((LATE_MS, source::OWN));
        let evidence = told(Kind::ServerLate, LaneName::Server, hit.mean, Unit::Ms, limit, (hit.from, hit.to));
        findings.add(evidence, Some(Trouble::Agent), &[(Ms, 2.2), (An, -0.5)]);
    } else if let Some(hit) = sustained(scene.scope, CPU, (4, 5), cpu) {
        let limit = Some((CPU, source::OWN));
        let evidence = told(Kind::ServerLate, LaneName::Server, hit.mean, Unit::Percent, limit, (hit.from, hit.to));
        findings.add(evidence, None, &[(Ms, 1.5)]);
    }
}

/// Loss on the way to the agent that the viewer's side does not explain, as far as anything tells.
fn agent_loss(s: &Second) -> Option<f64> {
    let reported = s.server.as_ref().and_then(|hop| hop.out_excess);
    let seen = s.agent_down.as_ref().and_then(|hop| hop.loss);
    let before = s.server.as_ref().and_then(|hop| hop.in_loss);
    worst(reported, seen.map(|seen| (seen - before.unwrap_or(0.0)).max(0.0)))
}

fn agent_line(scene: &Scene<'_>, findings: &mut Findings) {
    let lane = LaneName::AgentDown;
    let both_hops = scene.scope.iter().any(|s| s.server.as_ref().is_some_and(|hop| hop.in_loss.is_some()));
    if let Some(hit) = sustained(scene.scope, LOSS, (3, 5), agent_loss) {
        let limit = Some((LOSS, source::ISSUE_DETECTOR));
        let kind = if both_hops { Kind::EgressLoss } else { Kind::AgentLoss };
        let evidence = told(kind, lane, hit.mean, Unit::Percent, limit, (hit.from, hit.to));
        // Without the server's word the loss may as well be before it.
        let weights: &[_] = if both_hops { &[(An, 2.2), (Ms, 0.7)] } else { &[(An, 0.8), (Ms, 0.8), (Vn, 0.3)] };
        findings.add(evidence, Some(Trouble::Agent), weights);
    }
    let jitter = |s: &Second| {
        let before = s.server.as_ref().and_then(|hop| hop.in_jitter_ms).unwrap_or(0.0);
        Some((s.agent_down.as_ref()?.jitter_ms? - before).max(0.0))
    };
    if let Some(hit) = sustained(scene.scope, JITTER_MS, (3, 5), jitter).filter(|_| both_hops) {
        let limit = Some((JITTER_MS, source::TWILIO));
        let evidence = told(Kind::AgentJitter, lane, hit.mean, Unit::Ms, limit, (hit.from, hit.to));
        let heavy = hit.mean >= JITTER_TROUBLE_MS;
        let weights: &[_] = if heavy { &[(An, 1.9)] } else { &[(An, 0.9)] };
        let weights = if waits_in_server(scene, hit.mean) { &[] } else { weights };
        findings.add(evidence, heavy.then_some(Trouble::Agent), weights);
    }
    let rtt = |s: &Second| {
        let seen = s.agent_down.as_ref().and_then(|hop| hop.rtt_over_ms);
        worst(s.server.as_ref().and_then(|hop| hop.out_rtt_over_ms), seen)
    };
    if let Some(hit) = sustained(scene.scope, RTT_OVER_MS, (3, 5), rtt) {
        let limit = Some((RTT_OVER_MS, source::BUFFERBLOAT));
        let evidence = told(Kind::AgentRttRaised, lane, hit.mean, Unit::Ms, limit, (hit.from, hit.to));
        let heavy = hit.mean >= RTT_TROUBLE_MS;
        let weights: &[_] = if heavy { &[(An, 2.0), (Ms, -0.5)] } else { &[(An, 1.4), (Ms, -0.3)] };
        let weights = if waits_in_server(scene, hit.mean) { &[] } else { weights };
        findings.add(evidence, heavy.then_some(Trouble::Agent), weights);
    }
    let sent = |s: &Second| {
        let seen = s.agent_up.as_ref().and_then(|hop| hop.loss);
        worst(s.server_back.as_ref().and_then(|hop| hop.in_loss), seen)
    };
    if let Some(hit) = sustained(scene.scope, LOSS, (3, 5), sent) {
        let limit = Some((LOSS, source::ISSUE_DETECTOR));
        let span = (hit.from, hit.to);
        let evidence = told(Kind::AgentUplinkLoss, LaneName::AgentUp, hit.mean, Unit::Percent, limit, span);
        findings.add(evidence, Some(Trouble::Agent), &[(An, 2.4), (Ms, -0.5)]);
    }
}

/// The agent's own preflight: it tells the agent's line from the server.
fn agent_clean(scene: &Scene<'_>, findings: &mut Findings) {
    let Some((at, preflight)) = latest(scene, Side::Agent) else { return };
    let (Some(loss), _) = echo_worst(preflight) else { return };
    // A look from before the loss began says nothing of the line in it.
    let since = sustained(scene.scope, LOSS, (3, 5), agent_loss).map(|hit| hit.from);
    let troubled = findings.has(Trouble::Agent) && since.is_none_or(|from| at >= from);
    if loss >= LOSS_SMALL {
        let limit = Some((LOSS_SMALL, source::OWN));
        let evidence = told(Kind::AgentLineLoss, LaneName::Preflights, loss, Unit::Percent, limit, (at, at));
        findings.add(evidence, None, &[(An, 1.8), (Ms, -0.5)]);
    } else if loss < CLEAN_LOSS && troubled {
        let limit = Some((CLEAN_LOSS, source::OWN));
        let evidence = told(Kind::AgentLineClean, LaneName::Preflights, loss, Unit::Percent, limit, (at, at));
        findings.add(evidence, None, &[(An, -1.5), (Ms, 1.5)]);
    }
}

fn agent_device(scene: &Scene<'_>, findings: &mut Findings) {
    let lane = LaneName::AgentDown;
    let trouble = Some(Trouble::Agent);
    if let Some(hit) = sustained(scene.scope, OVER_BUDGET, (3, 5), |s| s.agent_down.as_ref()?.decode_share) {
        let limit = Some((OVER_BUDGET, source::OBSERVE_RTC));
        let evidence = told(Kind::AgentDecodeOverBudget, lane, hit.mean, Unit::Percent, limit, (hit.from, hit.to));
        findings.add(evidence, trouble, &[(Ad, 2.2)]);
    }
    let drops = |s: &Second| s.agent_down.as_ref().filter(|hop| hop.loss.unwrap_or(0.0) < LOSS_SMALL)?.drop_share;
    if let Some(hit) = sustained(scene.scope, DROPS, (3, 5), drops) {
        let limit = Some((DROPS, source::OBSERVE_RTC));
        let evidence = told(Kind::AgentFramesDropped, lane, hit.mean, Unit::Percent, limit, (hit.from, hit.to));
        findings.add(evidence, trouble, &[(Ad, 2.2)]);
    }
    let blocked = |s: &Second| s.agent_device.as_ref()?.blocked;
    let often = sustained(scene.scope, BLOCKED, (3, 5), blocked);
    if let Some(hit) = often.or_else(|| sustained(scene.scope, BLOCKED_LONG, (2, 5), blocked)) {
        let limit = Some((BLOCKED, source::OWN));
        let span = (hit.from, hit.to);
        let evidence = told(Kind::AgentMainThreadBlocked, LaneName::AgentDevice, hit.mean, Unit::Percent, limit, span);
        findings.add(evidence, trouble, &[(Ad, 2.2)]);
    }
    if let Some(hit) = sustained(scene.scope, PRESSURE, (3, 5), |s| s.agent_device.as_ref()?.pressure) {
        let limit = Some((PRESSURE, source::W3C));
        let span = (hit.from, hit.to);
        let evidence = told(Kind::AgentDevicePressure, LaneName::AgentDevice, hit.worst, Unit::Count, limit, span);
        findings.add(evidence, None, &[(Ad, 1.0)]);
    }
    let stuck = |s: &Second| s.agent_down.as_ref()?.stuck.map(|yes| f64::from(u8::from(yes)));
    if let Some(hit) = sustained(scene.scope, 1.0, (2, 3), stuck) {
        #[expect(clippy::cast_precision_loss, reason = "at most a day's seconds")]
        let seconds = hit.seconds as f64;
        let evidence = told(Kind::AgentStuck, lane, seconds, Unit::Seconds, None, (hit.from, hit.to));
        findings.add(evidence, trouble, &[(Ad, 0.6), (Ms, 0.6), (An, 0.2)]);
    }
    let line = findings.found(Kind::UplinkLoss) || findings.found(Kind::EgressLoss);
    if let Some(hit) = sustained(scene.scope, FROZEN_MS, (2, 8), |s| s.agent_down.as_ref()?.frozen_ms) {
        let limit = Some((FROZEN_MS, source::AGORA));
        let evidence = told(Kind::AgentFreeze, lane, hit.mean, Unit::Ms, limit, (hit.from, hit.to));
        // With loss on either hop the freeze is its effect and no trouble of its own.
        findings.add(evidence, trouble.filter(|_| !line), &[(An, 0.2), (Ad, 0.2), (Ms, 0.2)]);
    }
}
