//! Evidence of a playback that never began: no wait is counted then, since nothing was interrupted.

use super::Cause::{PlatformDelivery as Pd, PlatformSource as Ps, ViewerDevice as Vd, ViewerNetwork as Vn};
use super::Scene;
use super::evidence::{EvidenceKind as Kind, Findings, Trouble, Unit, told};
use super::player::shortage;
use super::rhythm::is_media;
use crate::model::{LaneName, PlayerSample};
use crate::thresholds::source;

/// A start that takes longer never comes, s: an impatient viewer has left by then (own).
const NEVER_S: i64 = 10;
/// `HTMLMediaElement.HAVE_CURRENT_DATA`: below, there is no picture to show.
const HAVE_CURRENT_DATA: f64 = 2.0;
/// So many segments that came whole would have been enough (own).
const WHOLE_MIN: usize = 3;

pub(super) fn collect(scene: &Scene<'_>, findings: &mut Findings) {
    let Some(last) = scene.scope.last().map(|second| second.at) else { return };
    let mut before = scene.trace.player.iter().rev().skip_while(|(at, _)| *at > last).peekable();
    // Nearly every player has shown something: nothing is counted then.
    if !before.peek().is_some_and(|(_, sample)| has_nothing(sample)) {
        return;
    }
    let whole = scene.trace.segments.within(i64::MIN, last).filter(|(_, segment)| is_media(segment)).count();
    // A player that gave up or tries anew is paused by itself; with segments in hand it would have a picture all the same.
    let meant = |sample: &PlayerSample| sample.paused == Some(false) || whole >= WHOLE_MIN;
    let waiting = before.take_while(|(_, sample)| has_nothing(sample) && meant(sample)).last();
    let Some(from) = waiting.map(|(at, _)| at).filter(|from| last - from >= NEVER_S) else { return };
    #[expect(clippy::cast_precision_loss, reason = "at most a day's seconds")]
    let (seconds, limit) = ((last - from) as f64, Some((NEVER_S as f64, source::OWN)));
    let evidence = told(Kind::NeverStarted, LaneName::Player, seconds, Unit::Seconds, limit, (from, last));
    // What came whole and was not shown is broken, or this device cannot play it.
    let weights: &[_] =
        if whole >= WHOLE_MIN { &[(Pd, 2.2), (Ps, 0.8), (Vd, 0.5), (Vn, -1.5)] } else { &[(Vn, 0.3), (Pd, 0.3)] };
    findings.add(shortage(scene, evidence), Some(Trouble::Starved), weights);
}

/// It has not shown anything yet, and could not.
fn has_nothing(sample: &PlayerSample) -> bool {
    sample.hidden != Some(true)
        && sample.total_video_frames == Some(0.0)
        && sample.ready_state.is_some_and(|state| state < HAVE_CURRENT_DATA)
}
