//! Evidence of the rhythm of the player's requests: what is asked for again and again, and what is answered in the meantime.
//! Also of players whose library tells nothing, since Resource Timing tells of every request.

use super::Cause::{PlatformDelivery as Pd, PlatformSource as Ps, ViewerDevice as Vd, ViewerNetwork as Vn};
use super::Scene;
use super::evidence::{EvidenceKind as Kind, Findings, Trouble, Unit, told};
use super::player::shortage;
use crate::model::{FetchError, LaneName, Segment};
use crate::thresholds::source;
use crate::timeline::{failed, line_rtt_ms, percentile, wait_ms};

/// A playlist of a live stream or a head is smaller, a segment of video larger, bytes (own).
const LIST_BYTES_MAX: f64 = 20_000.0;
/// A small answer that comes so soon beyond round trips met neither a full queue nor a lost packet, ms (own).
const PROMPT_MS: f64 = 100.0;
/// Share of small requests that must be prompt, and how many there must be.
const PROMPT_SHARE: f64 = 0.8;
const LISTS_MIN: usize = 3;
/// Without media for so long, s (own).
const QUIET_S: i64 = 5;
/// A player that finds nothing new in a playlist asks again after half the time (RFC 8216, section 6.3.4); with room for chance.
const SOONER: f64 = 0.75;
/// The same segment so often in a row was of no use to the player (own).
const AGAIN_MIN: usize = 3;
/// Within this time, s.
const AGAIN_S: i64 = 15;

pub(super) fn collect(scene: &Scene<'_>, findings: &mut Findings) {
    let (Some(first), Some(last)) = (scene.scope.first(), scene.scope.last()) else { return };
    fetched_again(scene, first.at, last.at, findings);
    if !findings.has(Trouble::Starved) {
        return;
    }
    let rtt_ms = line_rtt_ms(scene.trace);
    let prompt = |segment: &Segment| wait_ms(segment, rtt_ms).is_some_and(|ms| ms < PROMPT_MS);
    let mostly_prompt = |lists: &[(i64, &Segment)]| {
        #[expect(clippy::cast_precision_loss, reason = "at most a lane's events")]
        let share = lists.iter().filter(|(_, list)| prompt(list)).count() as f64 / lists.len().max(1) as f64;
        lists.len() >= LISTS_MIN && share >= PROMPT_SHARE
    };
    if let Some((from, count)) = nothing_new(scene, last.at, mostly_prompt) {
        let evidence = told(Kind::NothingNew, LaneName::Segments, count, Unit::Count, None, (from, last.at));
        findings.add(evidence, None, &[(Ps, 2.8), (Pd, -0.5), (Vn, -1.0)]);
        return;
    }
    let media_late = [Kind::RequestWithoutAnswer, Kind::RequestUnfinished, Kind::SlowSegments, Kind::SegmentsBroken];
    if !media_late.iter().any(|kind| findings.found(*kind)) {
        return;
    }
    let starving = scene.scope.iter().find(|s| {
        s.player.as_ref().and_then(|player| player.stalled_ms).is_some_and(|ms| ms > 0.0)
            || s.fetch.load_share.is_some_and(|share| share >= 1.0)
    });
    let from = starving.map_or(first.at, |s| s.at);
    let lists: Vec<_> = scene.trace.segments.within(from, last.at).filter(|(_, s)| is_list(s)).collect();
    if mostly_prompt(&lists) {
        let mut waits: Vec<f64> = lists.iter().filter_map(|(_, s)| wait_ms(s, rtt_ms)).collect();
        let wait = percentile(&mut waits, 0.5).unwrap_or(0.0);
        let limit = Some((PROMPT_MS, source::OWN));
        let evidence = told(Kind::ListsPrompt, LaneName::Segments, wait, Unit::Ms, limit, (from, last.at));
        findings.add(shortage(scene, evidence), None, &[(Pd, 0.8), (Vn, -0.6)]);
    }
}

/// A small answer that came: a playlist, most often.
fn is_list(segment: &Segment) -> bool {
    answered(segment)
        && segment.media_s.is_none()
        && segment.cached != Some(true)
        && segment.bytes.is_some_and(|bytes| bytes < LIST_BYTES_MAX)
}

/// Video that came.
fn is_media(segment: &Segment) -> bool {
    answered(segment) && (segment.media_s.is_some() || segment.bytes.is_some_and(|bytes| bytes >= LIST_BYTES_MAX))
}

fn answered(segment: &Segment) -> bool {
    !failed(segment) && segment.status.is_some()
}

/// Since when nothing but playlists came, asked for in a row without finding anything new, and how many.
fn nothing_new(
    scene: &Scene<'_>,
    last: i64,
    mostly_prompt: impl Fn(&[(i64, &Segment)]) -> bool,
) -> Option<(i64, f64)> {
    let before: Vec<(i64, &Segment)> = scene.trace.segments.within(i64::MIN, last).collect();
    let newest = before.iter().rposition(|(_, segment)| is_media(segment))?;
    let (known, since) = before.split_at(newest + 1);
    let media_at = known.last()?.0;
    // A request that failed or was given up asked for something new. What had an answer and was broken off is no player's.
    let in_vain = |s: &Segment| failed(s) || (s.status.is_none() && s.ttfb_ms.is_none());
    if last - media_at < QUIET_S || since.iter().any(|(_, segment)| in_vain(segment)) {
        return None;
    }
    let lists = |of: &[(i64, &'_ Segment)]| of.iter().filter(|(_, s)| is_list(s)).filter_map(|(_, s)| s.t).collect();
    let usual = median_gap(lists(known))?;
    let now = median_gap(lists(since))?;
    let asked: Vec<(i64, &Segment)> = since.iter().filter(|(_, s)| is_list(s)).copied().collect();
    #[expect(clippy::cast_precision_loss, reason = "at most a lane's events")]
    let count = asked.len() as f64;
    (now <= SOONER * usual && mostly_prompt(&asked)).then_some((media_at, count))
}

/// Median distance of times in order; `None` for fewer than three of them.
fn median_gap(times: Vec<f64>) -> Option<f64> {
    let mut gaps: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).filter(|gap| *gap > 0.0).collect();
    if gaps.len() < LISTS_MIN - 1 { None } else { percentile(&mut gaps, 0.5) }
}

/// The same video came again and again: the player could do nothing with it.
fn fetched_again(scene: &Scene<'_>, first: i64, last: i64, findings: &mut Findings) {
    let media: Vec<(i64, &Segment)> =
        scene.trace.segments.within(first, last).filter(|(_, s)| is_media(s) && s.cached != Some(true)).collect();
    // Two segments of a stream are hardly ever of one size.
    let runs = media.chunk_by(|(_, a), (_, b)| a.bytes.is_some() && a.bytes == b.bytes && a.host == b.host);
    let near = |run: &&[(i64, &Segment)]| {
        run.first().zip(run.last()).is_some_and(|(a, b)| run.len() >= AGAIN_MIN && b.0 - a.0 <= AGAIN_S)
    };
    let Some(run) = runs.filter(near).max_by_key(|run| run.len()) else { return };
    let (Some(from), Some(to)) = (run.first(), run.last()) else { return };
    #[expect(clippy::cast_precision_loss, reason = "at most a lane's events")]
    let times = run.len() as f64;
    // It came whole each time: that speaks against the line.
    let evidence = told(Kind::FetchedAgain, LaneName::Segments, times, Unit::Count, None, (from.0, to.0));
    findings.add(evidence, Some(Trouble::Starved), &[(Pd, 2.6), (Vd, 0.4), (Vn, -2.0)]);
}

/// The request brought nothing for so long that it was given up.
pub(super) fn given_up(segment: &Segment) -> bool {
    segment.error == Some(FetchError::Timeout) && segment.bytes.is_none_or(|bytes| bytes <= 0.0)
}
