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
/// A second in which the picture stood still for so long is one of standing, ms (own).
const STANDS_MS: f64 = 900.0;
/// The same segment so often in a row was of no use to the player (own).
const AGAIN_MIN: usize = 3;
/// Within this time, s.
const AGAIN_S: i64 = 15;
/// So many requests within so many seconds, three of them for the same, are turns (own).
const TURNS_MIN: usize = 6;
const TURNS_S: i64 = 3;
/// So many segments within this time, when the player had played for a while, and hardly anything in its buffer after it: none was of use (own).
const BURST_MIN: usize = 6;
const BURST_S: i64 = 3;
const PLAYED_S: i64 = 10;
const BUFFER_S: f64 = 3.0;
/// Small requests of the last so many seconds are compared with the quickest of all, s (own).
const RECENT_S: i64 = 20;
/// By this much they wait longer: the retransmission timer of TCP is at least 200 ms on the common systems, ms (own).
const LONGER_MS: f64 = 250.0;
/// Media that has not come for so many times its usual distance, and for so long, does not come, s (own).
const MISSING_TIMES: f64 = 1.6;
const MISSING_S: f64 = 3.0;

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
    small_ones(scene, last.at, findings);
    if let Some((from, count)) = nothing_new(scene, last.at, mostly_prompt) {
        let evidence = told(Kind::NothingNew, LaneName::Segments, count, Unit::Count, None, (from, last.at));
        findings.add(evidence, None, &[(Ps, 2.8), (Pd, -0.5), (Vn, -1.0)]);
        return;
    }
    if let Some((from, seconds)) = media_missing(scene, last.at).filter(|_| !findings.found(Kind::RequestWithoutAnswer))
    {
        let limit = Some((MISSING_S * 1e3, source::OWN));
        let span = (from, last.at);
        let evidence = told(Kind::RequestWithoutAnswer, LaneName::Segments, seconds * 1e3, Unit::Ms, limit, span);
        findings.add(shortage(scene, evidence), Some(Trouble::Starved), &[(Pd, 1.0), (Vn, 0.3)]);
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
pub(super) fn is_media(segment: &Segment) -> bool {
    answered(segment) && (segment.media_s.is_some() || segment.bytes.is_some_and(|bytes| bytes >= LIST_BYTES_MAX))
}

fn answered(segment: &Segment) -> bool {
    !failed(segment) && segment.status.is_some()
}

/// Since when nothing but playlists came, asked for in a row without finding anything new, and how many.
fn nothing_new(scene: &Scene<'_>, last: i64, mostly_prompt: impl Fn(&[(i64, &Segment)]) -> bool) -> Option<(i64, f64)> {
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

/// The player stands still and asks for its playlists as ever, but what they list does not come: since when, s for how long.
fn media_missing(scene: &Scene<'_>, last: i64) -> Option<(i64, f64)> {
    let stands = scene.scope.last()?.player.as_ref()?.stalled_ms.is_some_and(|ms| ms >= STANDS_MS);
    let all: Vec<(i64, &Segment)> = scene.trace.segments.within(i64::MIN, last).collect();
    let times: Vec<f64> = all.iter().filter(|(_, s)| is_media(s)).filter_map(|(_, s)| s.t).collect();
    let lists = all.iter().filter(|(_, s)| is_list(s)).filter_map(|(_, s)| s.t);
    let newest = *times.last()?;
    let usual_s = median_gap(times)? / 1e3;
    #[expect(clippy::cast_precision_loss, reason = "a second of this century")]
    let seconds = last as f64 - newest / 1e3;
    let asked = lists.filter(|t| *t > newest).count();
    let missing = stands && asked >= 2 && seconds >= MISSING_S && seconds >= MISSING_TIMES * usual_s;
    #[expect(clippy::cast_possible_truncation, reason = "a time")]
    missing.then_some(((newest / 1e3) as i64, seconds))
}

/// Small requests wait longer than they did: all of them, or some, as where packets are lost.
fn small_ones(scene: &Scene<'_>, last: i64, findings: &mut Findings) {
    // A device that is busy answers late itself.
    if [Kind::MainThreadBlocked, Kind::FramesDropped].iter().any(|kind| findings.found(*kind)) {
        return;
    }
    let lists: Vec<(i64, f64)> = scene
        .trace
        .segments
        .within(i64::MIN, last)
        .filter(|(_, s)| is_list(s))
        .filter_map(|(at, s)| Some((at, s.duration_ms.or(s.ttfb_ms)?)))
        .collect();
    let Some(least) = percentile(&mut lists.iter().map(|(_, ms)| *ms).collect::<Vec<_>>(), 0.1) else { return };
    let recent: Vec<&(i64, f64)> = lists.iter().filter(|(at, _)| *at > last - RECENT_S).collect();
    let late = recent.iter().filter(|(_, ms)| *ms >= least + LONGER_MS).count();
    if recent.len() < LISTS_MIN || late < 2 {
        return;
    }
    let worst = recent.iter().map(|(_, ms)| *ms).fold(0.0, f64::max) - least;
    let limit = Some((LONGER_MS, source::OWN));
    let span = (recent.first().map_or(last, |(at, _)| *at), last);
    let (kind, weights): (_, &[_]) = if late * 2 > recent.len() {
        (Kind::ListsSlow, &[(Vn, 1.6), (Pd, -0.4)])
    } else {
        (Kind::ListsUneven, &[(Vn, 1.4), (Pd, -0.3)])
    };
    let evidence = told(kind, LaneName::Segments, worst, Unit::Ms, limit, span);
    findings.add(shortage(scene, evidence), None, weights);
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
    let again = runs.filter(near).max_by_key(|run| run.len());
    let Some(run) = again.or_else(|| by_turns(&media)).or_else(|| burst_in_vain(scene, &media)) else { return };
    let (Some(from), Some(to)) = (run.first(), run.last()) else { return };
    #[expect(clippy::cast_precision_loss, reason = "at most a lane's events")]
    let times = run.len() as f64;
    // It came whole each time: that speaks against the line.
    let evidence = told(Kind::FetchedAgain, LaneName::Segments, times, Unit::Count, None, (from.0, to.0));
    findings.add(evidence, Some(Trouble::Starved), &[(Pd, 2.6), (Vd, 0.4), (Vn, -2.0)]);
}

/// A few segments that are fetched by turns, faster than anybody could play them.
fn by_turns<'m, 's>(media: &'m [(i64, &'s Segment)]) -> Option<&'m [(i64, &'s Segment)]> {
    let again = |run: &&[(i64, &Segment)]| {
        let same = |b: &Segment| run.iter().filter(|(_, a)| a.bytes.is_some() && a.bytes == b.bytes).count();
        run[run.len() - 1].0 - run[0].0 <= TURNS_S && run.iter().any(|(_, s)| same(s) >= AGAIN_MIN)
    };
    media.windows(TURNS_MIN).find(again)
}

/// Many segments at once in the middle of playing, after which the buffer is as good as empty.
fn burst_in_vain<'m, 's>(scene: &Scene<'_>, media: &'m [(i64, &'s Segment)]) -> Option<&'m [(i64, &'s Segment)]> {
    let played_from = scene.trace.segments.iter().find(|s| is_media(s))?.t? / 1e3;
    // A player that gave up tells nothing more.
    let buffer = |at: i64| scene.all.iter().find(|s| s.at >= at)?.player.as_ref()?.buffer_s;
    #[expect(clippy::cast_precision_loss, reason = "a second of this century")]
    let late = |at: i64| at as f64 - played_from >= PLAYED_S as f64;
    media.windows(BURST_MIN).find(|run| {
        let (first, last) = (run[0].0, run[BURST_MIN - 1].0);
        last - first <= BURST_S && late(first) && buffer(last + 2).is_none_or(|ahead| ahead < BUFFER_S)
    })
}

/// The request brought nothing for so long that it was given up.
pub(super) fn given_up(segment: &Segment) -> bool {
    segment.error == Some(FetchError::Timeout) && segment.bytes.is_none_or(|bytes| bytes <= 0.0)
}
