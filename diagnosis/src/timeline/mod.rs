//! The timeline: what every second of a trace says, as rates, shares and means on one grid of seconds, with exclusions
//! applied. Detectors, scores and verdict read this and nothing else of the lanes.
//!
//! A datum that must not be judged is absent here: the first seconds of a stream, what is muted or hidden, the seconds
//! after a change of layer. So no reader can forget an exclusion.

mod call;
mod counters;
pub(crate) mod given_up;
mod page;

use crate::model::{Lane, MarkKind, Side, Trace};
use crate::{Window, thresholds as limit};

pub(crate) use call::{Hop, Relay, ServerHop};
pub(crate) use counters::Step;
pub(crate) use page::{Device, Fetch, Picture, Player, failed, failed_at_host, line_rtt_ms, load_share, wait_ms};

/// Longest time between samples over which a counter's growth is spread, s. Players are sampled every 10 s where no chat is
/// open; what is further apart is a gap.
pub(crate) const GAP_S_MAX: i64 = 12;

/// Seconds at the start of a stream that are not judged: the encoder finds its rate, buffers fill.
pub(crate) const WARM_UP_S: i64 = 5;

/// Seconds after a change of layer or size in which the picture is not judged.
const LAYER_CHANGE_S: i64 = 2;

/// One second of everything.
#[derive(Debug, Clone, Default)]
pub(crate) struct Second {
    /// Since the Unix epoch.
    pub(crate) at: i64,
    pub(crate) player: Option<Player>,
    pub(crate) fetch: Fetch,
    pub(crate) picture: Option<Picture>,
    pub(crate) device: Option<Device>,
    pub(crate) viewer_up: Option<Hop>,
    pub(crate) viewer_down: Option<Hop>,
    /// Viewer to agent over the server.
    pub(crate) server: Option<ServerHop>,
    /// Agent to viewer over the server.
    pub(crate) server_back: Option<ServerHop>,
    pub(crate) relay: Option<Relay>,
    pub(crate) agent_down: Option<Hop>,
    pub(crate) agent_up: Option<Hop>,
    pub(crate) agent_device: Option<Device>,
    pub(crate) surface: Option<Picture>,
    /// Our own share runs.
    pub(crate) sharing: bool,
    /// The viewer's page is hidden.
    pub(crate) hidden: bool,
    /// Pictures are not meant to come from the viewer.
    pub(crate) muted: bool,
}

impl Second {
    /// Share that the server kept back: by its worker's count, else as it looks from what came and went.
    pub(crate) fn withheld(&self) -> Option<f64> {
        let counted = self.relay.as_ref().and_then(|relay| relay.dropped);
        counted.or_else(|| self.server.as_ref()?.withheld)
    }
}

/// Waiting for data in a second that makes it one in which the picture stands, ms (own).
const STANDS_MS: f64 = 900.0;
/// So many of them at the end mean that it stands now (own).
const STANDS_S: usize = 3;

/// The seconds of a window, ascending, without holes.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    pub(crate) seconds: Vec<Second>,
}

impl Timeline {
    /// The timeline of a trace: of all of it, or of a window.
    pub(crate) fn of(trace: &Trace, window: Option<Window>) -> Self {
        let Some((first, last)) = trace.span() else { return Self::default() };
        let asked = window.map(|window| (window.from_ms.div_euclid(1_000), window.to_ms.div_euclid(1_000)));
        let (from, to) = asked.map_or((first, last), |(from, to)| (from.max(first), to.min(last)));
        if from > to {
            return Self::default();
        }
        let from = from.max(to - Window::SECONDS_MAX + 1);
        let mut timeline = Self { seconds: (from..=to).map(|at| Second { at, ..Second::default() }).collect() };
        timeline.mark(trace);
        page::fill(trace, &mut timeline);
        call::fill(trace, &mut timeline);
        timeline
    }

    /// The window as it was judged.
    pub(crate) fn window(&self) -> Option<Window> {
        let (first, last) = (self.seconds.first()?, self.seconds.last()?);
        Some(Window { from_ms: first.at * 1_000, to_ms: last.at * 1_000 })
    }

    pub(crate) fn from(&self) -> i64 {
        self.seconds.first().map_or(0, |second| second.at)
    }

    pub(crate) fn to(&self) -> i64 {
        self.seconds.last().map_or(-1, |second| second.at)
    }

    /// The second `at`, if it is in the window.
    fn second_mut(&mut self, at: i64) -> Option<&mut Second> {
        let place = usize::try_from(at - self.from()).ok()?;
        self.seconds.get_mut(place)
    }

    /// The last `seconds` of the window. A picture that stands since longer is judged from `before` seconds before it
    /// stopped on, at most `most` in all: a player that has given up asks for nothing more that could be judged.
    pub(crate) fn now(&self, seconds: usize, before: usize, most: usize) -> &[Second] {
        let all = self.seconds.len();
        let stands =
            |s: &Second| s.player.as_ref().and_then(|player| player.stalled_ms).is_some_and(|ms| ms >= STANDS_MS);
        let stood_from = self.seconds.iter().rposition(|s| !stands(s)).map_or(0, |moved| moved + 1);
        let standing = all - stood_from;
        let wanted = if standing >= STANDS_S { seconds.max(standing + before) } else { seconds };
        &self.seconds[all.saturating_sub(wanted.min(most))..]
    }

    /// Goes through a lane's samples in the window. `derive` gets a sample's second, the second its stream began at, the
    /// sample, and the step from the one before, if that is near; `put` lays the result into every second that the
    /// sample stands for.
    fn along<T, D: Clone>(
        &mut self,
        lane: &Lane<T>,
        mut derive: impl FnMut(&Place, &T, Option<&Step<'_, T>>) -> D,
        put: impl Fn(&mut Second, D),
    ) {
        let mut before: Option<(i64, &T)> = None;
        let mut began = lane.span().map_or(0, |(first, _)| first);
        for (at, now) in lane.with_predecessor(self.from(), self.to()) {
            let near = before.filter(|(then, _)| at - then <= GAP_S_MAX);
            if near.is_none() && before.is_some() {
                began = at;
            }
            #[expect(clippy::cast_precision_loss, reason = "at most a dozen seconds")]
            let step = near.map(|(then, before)| Step { before, now, seconds: (at - then) as f64 });
            let derived = derive(&Place { at, began }, now, step.as_ref());
            for second in near.map_or(at, |(then, _)| then + 1)..=at {
                if let Some(second) = self.second_mut(second) {
                    put(second, derived.clone());
                }
            }
            before = Some((at, now));
        }
    }

    /// Goes through a lane's samples in the window, of which each stands for its own second alone: a look at a picture says
    /// nothing about the seconds in which nobody looked.
    fn each<T>(&mut self, lane: &Lane<T>, put: impl Fn(&mut Second, &T)) {
        for (at, sample) in lane.with_predecessor(self.from(), self.to()) {
            if let Some(second) = self.second_mut(at) {
                put(second, sample);
            }
        }
    }

    /// Applies the marks: who shares, is hidden or muted, and when.
    fn mark(&mut self, trace: &Trace) {
        let (mut sharing, mut hidden, mut muted) = (false, false, false);
        let mut marks = trace.marks.iter().filter(|mark| mark.side != Some(Side::Agent)).peekable();
        for second in &mut self.seconds {
            while let Some(mark) = marks.next_if(|mark| mark.t.is_some_and(|t| t <= second.at_ms())) {
                match mark.kind {
                    Some(MarkKind::ShareStarted) => sharing = true,
                    Some(MarkKind::ShareEnded) => sharing = false,
                    Some(MarkKind::Hidden) => hidden = true,
                    Some(MarkKind::Visible) => hidden = false,
                    Some(MarkKind::Muted) => muted = true,
                    Some(MarkKind::Unmuted) => muted = false,
                    Some(
                        MarkKind::LayerChanged
                        | MarkKind::NetworkChanged
                        | MarkKind::HelpOffered
                        | MarkKind::HelpWithheld
                        | MarkKind::HelpTaken,
                    )
                    | None => {}
                }
            }
            (second.sharing, second.hidden, second.muted) = (sharing, hidden, muted);
        }
    }
}

/// Where a sample stands in its lane.
struct Place {
    at: i64,
    /// The first second of its stream: of the lane, or after the last gap.
    began: i64,
}

impl Place {
    /// The stream is too young to be judged.
    fn warming_up(&self) -> bool {
        self.at - self.began < WARM_UP_S
    }
}

impl Second {
    #[expect(clippy::cast_precision_loss, reason = "ms since 1970 fit a double's 53 bits")]
    fn at_ms(&self) -> f64 {
        self.at as f64 * 1_000.0
    }
}

/// The value below which `share` of the values lie; sorts them.
pub(crate) fn percentile(values: &mut [f64], share: f64) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    values.sort_unstable_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a place in a list of at most a day's seconds"
    )]
    let place = ((values.len() - 1) as f64 * share.clamp(0.0, 1.0)).round() as usize;
    values.get(place).copied()
}

/// The mean of what is there.
#[expect(clippy::cast_precision_loss, reason = "at most a day's seconds")]
pub(crate) fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0usize), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / count as f64)
}

/// Time of a frame at a rate, ms.
pub(crate) fn frame_budget_ms(frame_rate: f64) -> f64 {
    1_000.0 / frame_rate.clamp(limit::FRAME_RATE_MIN, limit::FRAME_RATE_MAX)
}
