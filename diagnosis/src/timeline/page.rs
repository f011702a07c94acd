//! What the seconds of the viewer's page say: player, requests for media, device, picture.

use super::call::over;
use super::{Place, Second, Step, Timeline, WARM_UP_S, frame_budget_ms, percentile};
use crate::model::{DeviceSample, FetchError, Lane, PictureSample, PlayerSample, Pressure, Segment, Side, Trace};
use crate::thresholds as limit;

/// Fewest frames in a step of which shares are made.
const FRAMES_MIN: f64 = 5.0;

/// A position that moves by more than this beyond the time that passed was moved by somebody, s.
const SEEK_S: f64 = 2.0;

/// A position below this at the first sample means that playback has just begun, s.
const START_POSITION_S: f64 = 1.0;

/// The player in a second. What must not be judged is absent.
#[derive(Debug, Clone, Default)]
pub(crate) struct Player {
    /// The picture ought to move and the second may be judged.
    pub(crate) judged: bool,
    /// Time waited for data in this second, ms.
    pub(crate) stalled_ms: Option<f64>,
    pub(crate) buffer_s: Option<f64>,
    /// Frames dropped of all.
    pub(crate) drop_share: Option<f64>,
    /// Frames shown each second.
    pub(crate) frame_rate: Option<f64>,
    /// The position moves and no frame comes.
    pub(crate) without_frames: Option<bool>,
    /// Decode time of the budget of a frame.
    pub(crate) decode_share: Option<f64>,
    pub(crate) level_switches: Option<f64>,
    pub(crate) pending_ms: Option<f64>,
    pub(crate) pending_bytes: Option<f64>,
    pub(crate) playlist_age_s: Option<f64>,
    pub(crate) media_errors: Option<f64>,
    pub(crate) bitrate_kbps: Option<f64>,
    pub(crate) height: Option<f64>,
    pub(crate) latency_s: Option<f64>,
}

/// Requests for media that were over in a second.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fetch {
    /// Slowest first byte, ms.
    pub(crate) ttfb_ms: Option<f64>,
    /// The same without what the line's round trips explain.
    pub(crate) wait_ms: Option<f64>,
    /// Longest load as a share of the media in it; above 1 the buffer shrinks.
    pub(crate) load_share: Option<f64>,
    /// Requests that failed, of how many.
    pub(crate) failed: Option<f64>,
}

/// A device in a second.
#[derive(Debug, Clone, Default)]
pub(crate) struct Device {
    /// Share of the time in which the main thread was blocked.
    pub(crate) blocked: Option<f64>,
    /// 0 nominal to 3 critical.
    pub(crate) pressure: Option<f64>,
    pub(crate) software: Option<bool>,
    pub(crate) ping_ms: Option<f64>,
    pub(crate) ping_over_ms: Option<f64>,
}

/// A picture in a second; shares of frames.
#[derive(Debug, Clone, Default)]
pub(crate) struct Picture {
    /// Like the frame before. Slides are, too.
    pub(crate) frozen: Option<f64>,
    /// The same where it is known that the picture moved before: then it has stopped.
    pub(crate) stopped: Option<f64>,
    pub(crate) black: Option<f64>,
    pub(crate) corrupt: Option<f64>,
    pub(crate) blocky: Option<f64>,
    pub(crate) striped: Option<f64>,
    pub(crate) banded: Option<f64>,
    pub(crate) torn: Option<f64>,
}

/// Lays the page's lanes into the timeline.
pub(super) fn fill(trace: &Trace, timeline: &mut Timeline) {
    lay_player(trace, timeline);
    lay_fetches(trace, timeline);
    lay_device(timeline, &trace.device, |second, device| second.device = Some(device));
    lay_device(timeline, &trace.agent_device, |second, device| second.agent_device = Some(device));
    timeline.each(&trace.picture, |second, now| second.picture = Some(picture(now)));
    timeline.each(&trace.surface, |second, now| second.surface = Some(picture(now)));
    for second in &mut timeline.seconds {
        // A hidden tab is painted rarely, and what it shows then is no fault.
        if second.hidden || second.player.as_ref().is_some_and(|player| !player.judged) {
            second.picture = None;
        }
        if second.muted {
            second.surface = None;
        }
    }
    tell_stopped_from_still(trace, timeline);
}

/// A picture has stopped when it stands still and moved most of the time before, by its own seconds or by our look at the
/// stream. Slides stand still by nature.
fn tell_stopped_from_still(trace: &Trace, timeline: &mut Timeline) {
    let moved_before = trace.references.iter().any(|reference| reference.moved_before == Some(true));
    let (mut moving, mut all) = (0u32, 0u32);
    for picture in timeline.seconds.iter_mut().filter_map(|second| second.picture.as_mut()) {
        let Some(frozen) = picture.frozen else { continue };
        let usually_moves =
            all >= limit::MOTION_SECONDS_MIN && f64::from(moving) >= limit::MOTION_SHARE_MIN * f64::from(all);
        let still = frozen >= limit::STILL_SHARE;
        if usually_moves || moved_before {
            picture.stopped = Some(frozen);
        }
        // What stands still after motion does not change what is usual, else a long stop would become its own nature.
        if !(still && usually_moves) {
            all += 1;
            moving += u32::from(!still);
        }
    }
}

fn expects_progress(sample: &PlayerSample) -> bool {
    let is = |flag: Option<bool>| flag == Some(true);
    // A player that jumps, or loads anew, while it waits for data goes on waiting.
    let held = is(sample.paused) || is(sample.seeking);
    (is(sample.waiting) || !held) && !is(sample.ended) && !is(sample.hidden) && sample.playback_rate != Some(0.0)
}

fn lay_player(trace: &Trace, timeline: &mut Timeline) {
    let counts_frames = trace.player.iter().any(|(_, s)| s.total_video_frames.is_some_and(|frames| frames > 0.0));
    let mut starts = true;
    let mut playing_since = None;
    let derive = |place: &Place, now: &PlayerSample, step: Option<&Step<'_, PlayerSample>>| {
        if playing_since.is_none() {
            starts &= now.current_time.is_none_or(|position| position < START_POSITION_S) && now.current_time.is_some();
            if !starts || now.current_time.is_some_and(|position| position > 0.0) {
                playing_since = Some(place.at);
            }
        }
        let begins = starts && playing_since.is_none_or(|since| place.at - since < WARM_UP_S);
        let steady = step.is_none_or(|step| expects_progress(step.before) && !sought(step));
        let mut player = Player {
            judged: expects_progress(now) && steady && !begins,
            bitrate_kbps: now.bitrate_kbps,
            ..Player::default()
        };
        if player.judged {
            fill_player(now, step, counts_frames, &mut player);
        }
        (player, now.sharing, now.hidden)
    };
    timeline.along(&trace.player, derive, |second, (mut player, sharing, hidden)| {
        second.sharing |= sharing == Some(true);
        second.hidden |= hidden == Some(true);
        if second.hidden {
            player = Player::default();
        }
        second.player = Some(player);
    });
}

fn sought(step: &Step<'_, PlayerSample>) -> bool {
    let moved = step.before.current_time.zip(step.now.current_time).map(|(before, now)| now - before);
    let rate = step.now.playback_rate.unwrap_or(1.0).abs().max(1.0);
    moved.is_some_and(|moved| moved < -0.5 || moved > step.seconds * rate + SEEK_S)
}

fn fill_player(now: &PlayerSample, step: Option<&Step<'_, PlayerSample>>, counts_frames: bool, player: &mut Player) {
    player.buffer_s = now.buffered_ahead_s.filter(|ahead| *ahead >= 0.0);
    player.pending_ms = now.pending_ms;
    player.pending_bytes = now.pending_bytes;
    player.playlist_age_s = now.playlist_age_s;
    player.height = now.video_height.filter(|height| *height > 0.0);
    player.latency_s = now.latency_s;
    // Without a step the player's own word stands: it waits at this moment.
    player.stalled_ms = step.and_then(|step| step.rate(|s| s.stalled_ms)).map(|ms| ms.min(1e3));
    let Some(step) = step else { return };
    player.level_switches = step.grown(|s| s.level_switches);
    player.media_errors = step.grown(|s| s.media_errors);
    if counts_frames {
        let all = step.grown(|s| s.total_video_frames);
        let dropped = step.grown(|s| s.dropped_video_frames);
        if all.is_some_and(|all| all >= FRAMES_MIN) {
            player.drop_share = dropped.zip(all).map(|(dropped, all)| (dropped / all).min(1.0));
        }
        player.frame_rate =
            all.zip(dropped.or(Some(0.0))).map(|(all, dropped)| (all - dropped).max(0.0) / step.seconds);
        let moves = step.rate(|s| s.current_time).map(|rate| rate >= limit::POSITION_RATE_MIN);
        player.without_frames = moves.zip(all).map(|(moves, all)| moves && all == 0.0);
    }
    let rate = now.frame_rate.or(player.frame_rate);
    player.decode_share = now.decode_ms.zip(rate).map(|(decode_ms, rate)| decode_ms / frame_budget_ms(rate));
}

/// The round trip of the viewer's line when nothing else is under way, ms, where anything tells.
pub(crate) fn line_rtt_ms(trace: &Trace) -> Option<f64> {
    let of_viewer = trace.preflights.iter().filter(|preflight| preflight.side != Some(Side::Agent));
    let preflight = of_viewer.filter_map(|preflight| preflight.rtt_ms).reduce(f64::min);
    let pings = || {
        percentile(&mut trace.device.iter().filter_map(|(_, s)| s.ping_ms).collect::<Vec<_>>(), limit::IDLE_PERCENTILE)
    };
    preflight.or_else(pings)
}

/// A first byte without the round trips that it takes on this line, ms.
pub(crate) fn wait_ms(segment: &Segment, line_rtt_ms: Option<f64>) -> Option<f64> {
    Some((segment.ttfb_ms? - limit::FIRST_BYTE_ROUND_TRIPS * line_rtt_ms.unwrap_or(0.0)).max(0.0))
}

/// Time to load a segment as a share of the media in it.
pub(crate) fn load_share(segment: &Segment) -> Option<f64> {
    let media_s = segment.media_s.filter(|media_s| *media_s > 0.0)?;
    Some(segment.duration_ms? / (media_s * 1e3))
}

/// The request failed.
pub(crate) fn failed(segment: &Segment) -> bool {
    segment.error.is_some() || segment.status.is_some_and(|status| status >= 400.0)
}

/// It failed by the word of the host or by what came from it, and not on the way.
pub(crate) fn failed_at_host(segment: &Segment) -> bool {
    matches!(segment.error, Some(FetchError::Http | FetchError::Parsing))
        || segment.status.is_some_and(|status| status >= 400.0)
}

fn lay_fetches(trace: &Trace, timeline: &mut Timeline) {
    let rtt_ms = line_rtt_ms(trace);
    for (at, segment) in trace.segments.within(timeline.from(), timeline.to()) {
        if segment.cached == Some(true) {
            continue;
        }
        let Some(second) = timeline.second_mut(at) else { continue };
        let fetch = &mut second.fetch;
        fetch.ttfb_ms = worse(fetch.ttfb_ms, segment.ttfb_ms);
        fetch.wait_ms = worse(fetch.wait_ms, wait_ms(segment, rtt_ms));
        fetch.load_share = worse(fetch.load_share, load_share(segment));
        fetch.failed = Some(fetch.failed.unwrap_or(0.0) + f64::from(u8::from(failed(segment))));
    }
}

fn worse(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    a.zip(b).map(|(a, b)| a.max(b)).or(a).or(b)
}

fn lay_device(timeline: &mut Timeline, lane: &Lane<DeviceSample>, put: impl Fn(&mut Second, Device)) {
    let pings = lane.iter().filter_map(|(_, sample)| sample.ping_ms);
    let idle_ms = percentile(&mut pings.collect::<Vec<_>>(), limit::IDLE_PERCENTILE);
    let derive = |_: &Place, now: &DeviceSample, _: Option<&Step<'_, DeviceSample>>| {
        // Browsers slow hidden pages down; that is no fault of the device.
        let seen = now.hidden != Some(true);
        Device {
            blocked: now.blocked_ms.filter(|_| seen).map(|ms| (ms / 1e3).clamp(0.0, 1.0)),
            pressure: now.pressure.map(|pressure| match pressure {
                Pressure::Nominal => 0.0,
                Pressure::Fair => 1.0,
                Pressure::Serious => 2.0,
                Pressure::Critical => 3.0,
            }),
            software: now.power_efficient.map(|hardware| !hardware),
            ping_ms: now.ping_ms,
            ping_over_ms: over(now.ping_ms, idle_ms),
        }
    };
    timeline.along(lane, derive, put);
}

fn picture(now: &PictureSample) -> Picture {
    if now.inspectable == Some(false) {
        return Picture::default();
    }
    let share = |value: Option<f64>| value.map(|share| share.clamp(0.0, 1.0));
    Picture {
        frozen: share(now.frozen),
        stopped: None,
        black: share(now.black),
        corrupt: share(now.corrupt),
        blocky: share(now.blocky),
        striped: share(now.striped),
        banded: share(now.banded),
        torn: share(now.torn),
    }
}
