//! Evidence of what the player's picture looks like.

use super::Cause::{PlatformDelivery as Pd, PlatformSource as Ps, ViewerDevice as Vd};
use super::Scene;
use super::around;
use super::evidence::{EvidenceKind as Kind, Findings, Trouble, Unit, sustained, told};
use crate::model::LaneName;
use crate::thresholds::{self as limit, source};

/// Share of a second's frames that makes the second black, and damaged (own).
const BLACK: f64 = 0.9;
const DAMAGED: f64 = 0.4;

pub(super) fn collect(scene: &Scene<'_>, findings: &mut Findings) {
    let lane = LaneName::Picture;
    let trouble = Some(Trouble::Picture);
    // A still second more or less: what our own fetch shows, too, is believed sooner.
    let (need, of) = if around::likewise(scene, |r| r.frozen) { (3u8, 4) } else { (4, 5) };
    if let Some(hit) = sustained(scene.scope, limit::STILL_SHARE, (need.into(), of), |s| s.picture.as_ref()?.stopped) {
        #[expect(clippy::cast_precision_loss, reason = "at most a day's seconds")]
        let seconds = hit.seconds as f64;
        let evidence = told(
            Kind::PictureStopped,
            lane,
            seconds,
            Unit::Seconds,
            Some((f64::from(need), source::OWN)),
            (hit.from, hit.to),
        );
        // Frames flow and show the same: what is fed in stands still. A page that drops frames may do that, too.
        let weights: &[_] = if findings.found(Kind::FramesDropped) || findings.found(Kind::PlayerStuck) {
            &[(Ps, 0.4), (Vd, 0.6)]
        } else {
            &[(Ps, 2.0), (Vd, 0.3)]
        };
        findings.add(evidence, trouble, weights);
    }
    let need = if around::likewise(scene, |r| r.black) { (2, 3) } else { (3, 4) };
    if let Some(hit) = sustained(scene.scope, BLACK, need, |s| s.picture.as_ref()?.black) {
        let span = (hit.from, hit.to);
        let evidence = told(Kind::PictureBlack, lane, hit.mean, Unit::Percent, Some((BLACK, source::OWN)), span);
        findings.add(evidence, trouble, &[(Ps, 2.0), (Vd, 0.4)]);
    }
    let damage = |s: &crate::timeline::Second| {
        let picture = s.picture.as_ref()?;
        let kinds = [picture.corrupt, picture.blocky, picture.striped, picture.torn, picture.banded];
        kinds.into_iter().flatten().reduce(f64::max)
    };
    if let Some(hit) = sustained(scene.scope, DAMAGED, (3, 8), damage) {
        let span = (hit.from, hit.to);
        let evidence = told(Kind::PictureDamaged, lane, hit.mean, Unit::Percent, Some((DAMAGED, source::OWN)), span);
        // What arrives by a reliable transport arrives whole: without an error of the decoder the picture was so when it was
        // encoded. A device that draws wrong is the rarer one, and others on the stream are fine then.
        let errors = findings.found(Kind::MediaErrors);
        let weights: &[_] = if errors { &[(Ps, 0.8), (Vd, 0.8), (Pd, 0.3)] } else { &[(Ps, 2.2), (Vd, 0.8)] };
        findings.add(evidence, trouble, weights);
    }
}
