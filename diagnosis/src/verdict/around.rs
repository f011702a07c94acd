//! Evidence around the viewer: how others fare, and what our own fetch of the stream shows.

use super::Cause::{
    MediaServer as Ms, PlatformDelivery as Pd, PlatformSource as Ps, ViewerDevice as Vd, ViewerNetwork as Vn,
};
use super::Scene;
use super::evidence::{Evidence, EvidenceKind as Kind, Findings, Trouble, Unit, told};
use crate::model::{FetchError, LaneName, Others, Reference, Scope};
use crate::thresholds::source;

/// Others that must be heard of, and that must be affected (own).
const OTHERS_MIN: f64 = 5.0;
const AFFECTED_MIN: f64 = 3.0;
/// Times the usual share (own), and the least share.
const TIMES_USUAL: f64 = 3.0;
const SHARE_MIN: f64 = 0.15;
/// Counts and fetches count for trouble that they are within so many seconds of.
const NEAR_S: i64 = 120;
/// A fetch of ours says nothing about trouble that came so many seconds later; one is shared by all viewers for so long.
const REFERENCE_GOOD_S: i64 = 30;
/// First byte of our own fetch, ms; load time of the media's length; age of the playlist, s (own).
const REFERENCE_TTFB_MS: f64 = 800.0;
const REFERENCE_LOAD: f64 = 1.0;
const REFERENCE_STALE_S: f64 = 10.0;
/// Share of pictures that shows the same damage, and that shows none (own).
const LIKEWISE: f64 = 0.3;
const SOUND: f64 = 0.05;
const STILL: f64 = 0.8;

pub(super) fn collect(scene: &Scene<'_>, findings: &mut Findings) {
    others(scene, findings);
    references(scene, findings);
}

fn others(scene: &Scene<'_>, findings: &mut Findings) {
    let (Some(first), Some(last)) = (scene.scope.first(), scene.scope.last()) else { return };
    for scope in Scope::ALL {
        let near = scene.trace.others.within(first.at - NEAR_S, last.at + NEAR_S).rev();
        let Some((at, others)) = near.into_iter().find(|(_, others)| others.scope == Some(*scope)) else { continue };
        one_scope(*scope, at, others, findings);
    }
}

fn one_scope(scope: Scope, at: i64, others: &Others, findings: &mut Findings) {
    let (Some(affected), Some(total)) = (others.affected, others.total.filter(|total| *total >= 1.0)) else { return };
    let usual = others.baseline.unwrap_or(0.0).clamp(0.0, 1.0);
    let share = (affected / total).clamp(0.0, 1.0);
    let limit = (TIMES_USUAL * usual).max(SHARE_MIN);
    let fact = |kind| told(kind, LaneName::Others, share, Unit::Percent, Some((limit, source::OWN)), (at, at));
    if affected >= AFFECTED_MIN && share >= limit {
        let (kind, weights): (_, &[_]) = match scope {
            Scope::Edge => (Kind::OthersOnEdge, &[(Pd, 2.5), (Vn, -1.5), (Vd, -0.5)]),
            Scope::Stream => (Kind::OthersOnStream, &[(Ps, 1.5), (Pd, 0.9), (Vn, -1.0), (Vd, -1.0)]),
            Scope::Network => (Kind::OthersInNetwork, &[(Vn, 1.8), (Pd, -0.3)]),
            Scope::Region => (Kind::OthersInNetwork, &[(Vn, 0.6), (Pd, 0.6)]),
            Scope::Device | Scope::Decoder => (Kind::OthersWithDevice, &[(Vd, 1.5), (Ps, -1.0)]),
            Scope::Node => (Kind::OthersOnNode, &[(Ms, 2.0)]),
        };
        findings.add(fact(kind), None, weights);
    } else if total >= OTHERS_MIN && share <= usual.max(SHARE_MIN / 2.0) {
        let damaged = findings.found(Kind::PictureDamaged);
        let weights: &[_] = match scope {
            Scope::Edge => &[(Pd, -1.5), (Vn, 0.4)],
            Scope::Stream if damaged => &[(Ps, -2.0), (Vd, 1.5), (Pd, -0.3)],
            Scope::Stream => &[(Ps, -1.5), (Pd, -0.3)],
            Scope::Node => &[(Ms, -0.7)],
            _ => &[],
        };
        findings.add(fact(Kind::OthersFine), None, weights);
    }
}

fn references(scene: &Scene<'_>, findings: &mut Findings) {
    let (Some(first), Some(last)) = (scene.scope.first(), scene.scope.last()) else { return };
    let mut near: Vec<(i64, &Reference)> =
        scene.trace.references.within(first.at - REFERENCE_GOOD_S, last.at + NEAR_S).collect();
    // The worst of what we fetched decides, since a fault may come and go. What is shown was fetched a buffer earlier; the
    // timing of what was fetched in the trouble itself counts before that of earlier ones.
    shown(&near, findings);
    if near.last().is_some_and(|(at, _)| *at >= first.at) {
        near.retain(|(at, _)| *at >= first.at);
    }
    fetched(&near, findings);
}

/// What we fetched near the scope is like that, by a share of its time.
pub(super) fn likewise(scene: &Scene<'_>, read: fn(&Reference) -> Option<f64>) -> bool {
    let (Some(first), Some(last)) = (scene.scope.first(), scene.scope.last()) else { return false };
    let mut near = scene.trace.references.within(first.at - REFERENCE_GOOD_S, last.at + NEAR_S);
    near.any(|(_, reference)| read(reference).is_some_and(|share| share >= STILL))
}

fn fact(kind: Kind, value: f64, unit: Unit, limit: Option<f64>, at: i64) -> Evidence {
    told(kind, LaneName::References, value, unit, limit.map(|limit| (limit, source::OWN)), (at, at))
}

fn fetched(near: &[(i64, &Reference)], findings: &mut Findings) {
    let starved = findings.has(Trouble::Starved);
    let refused = |r: &Reference| {
        matches!(r.error, Some(FetchError::Http | FetchError::Parsing | FetchError::Timeout))
            || r.status.is_some_and(|status| status >= 400.0)
    };
    let load = |r: &Reference| Some(r.duration_ms? / (r.media_s.filter(|media_s| *media_s > 0.0)? * 1e3));
    if let Some((at, stale)) =
        near.iter().find_map(|(at, r)| Some((*at, r.stale_s.filter(|s| *s >= REFERENCE_STALE_S)?)))
    {
        let evidence = fact(Kind::PlaylistStale, stale, Unit::Seconds, Some(REFERENCE_STALE_S), at);
        findings.add(evidence, Some(Trouble::Starved), &[(Ps, 2.5), (Pd, -0.5), (Vn, -1.0)]);
    }
    if let Some((at, reference)) = near.iter().find(|(_, r)| refused(r)) {
        let evidence = fact(Kind::ReferenceSlow, reference.status.unwrap_or(0.0), Unit::Count, None, *at);
        findings.add(evidence, None, &[(Pd, 2.5), (Vn, -1.0), (Vd, -0.5)]);
    } else if let Some((at, ttfb)) =
        near.iter().find_map(|(at, r)| Some((*at, r.ttfb_ms.filter(|ms| *ms >= REFERENCE_TTFB_MS)?)))
    {
        let evidence = fact(Kind::ReferenceSlow, ttfb, Unit::Ms, Some(REFERENCE_TTFB_MS), at);
        findings.add(evidence, None, &[(Pd, 2.5), (Vn, -1.0)]);
    } else if let Some((at, load)) =
        near.iter().find_map(|(at, r)| Some((*at, load(r).filter(|load| *load >= REFERENCE_LOAD)?)))
    {
        let evidence = fact(Kind::ReferenceSlow, load, Unit::Percent, Some(REFERENCE_LOAD), at);
        findings.add(evidence, None, &[(Pd, 2.5), (Vn, -1.0)]);
    } else if let Some((at, ttfb)) = near.iter().find_map(|(at, r)| Some((*at, r.ttfb_ms?))).filter(|_| starved) {
        let evidence = fact(Kind::ReferenceQuick, ttfb, Unit::Ms, Some(REFERENCE_TTFB_MS), at);
        findings.add(evidence, None, &[(Vn, 0.5), (Pd, -0.6)]);
    }
}

fn shown(near: &[(i64, &Reference)], findings: &mut Findings) {
    let stopped = findings.found(Kind::PictureStopped);
    let black = findings.found(Kind::PictureBlack);
    let errors = findings.found(Kind::MediaErrors);
    let damaged = findings.found(Kind::PictureDamaged) || errors;
    // Our decoder is content also with a picture that was damaged before it was encoded: then what comes is sound, and shows
    // the damage. It is the way here that is cleared.
    let otherwise: &'static [_] = &[(Ps, -2.5), (Vd, 1.6)];
    let wanted = [
        (stopped, STILL, (|r| r.frozen) as fn(&Reference) -> Option<f64>, otherwise),
        (black, STILL, |r| r.black, otherwise),
        (damaged, LIKEWISE, |r| r.corrupt, if errors { otherwise } else { &[(Pd, -1.0)] }),
    ];
    for (troubled, limit, read, unless_sound) in wanted {
        let worst = near.iter().filter_map(|(at, r)| Some((*at, read(r)?))).max_by(|a, b| a.1.total_cmp(&b.1));
        let Some((at, share)) = worst.filter(|_| troubled) else { continue };
        if share >= limit {
            let evidence = fact(Kind::ReferenceLikewise, share, Unit::Percent, Some(limit), at);
            findings.add(evidence, None, &[(Ps, 3.0), (Vd, -1.5), (Vn, -0.5)]);
        } else if share <= SOUND {
            let evidence = fact(Kind::ReferenceSound, share, Unit::Percent, Some(SOUND), at);
            findings.add(evidence, None, unless_sound);
        }
    }
}
