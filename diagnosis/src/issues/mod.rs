//! Issues: troubles over time, raised, updated and resolved with hysteresis.
//!
//! Owns the machine that turns a detector's reading of each second into issues, and the comparison of two answers. The
//! detectors lie in a file per family; a new one is a row in a family's table. Exclusions are the timeline's business:
//! a second that must not be judged has no reading and counts neither for nor against.

mod agent;
mod delivery;
mod device;
mod network_down;
mod network_up;
mod picture;
mod sfu;

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::lenient::names;
use crate::model::LaneName;
use crate::timeline::{Second, Timeline};

/// Seconds without any reading after which an issue is over: nobody sees it any more.
const LOST_SIGHT_S: i64 = 15;

/// Most issues of one detector in an answer. A trace of six hours with one every ten minutes stays below.
const ISSUES_PER_DETECTOR_MAX: usize = 64;

names! {
    /// What is wrong.
    IssueKind {
        /// Packets from the viewer to the server are lost.
        UplinkLoss,
        /// Packets from the viewer come unevenly.
        UplinkJitter,
        /// Round trips between viewer and server are long.
        UplinkRtt,
        /// Round trips of the viewer grow under load.
        UplinkBufferbloat,
        /// The viewer's sender is held back by its line.
        BandwidthLimited,
        /// The viewer's media goes over a relay; context.
        RelayedPath,
        /// The viewer's media goes over TCP; context.
        TcpPath,
        /// The viewer's path changed.
        NetworkChange,
        /// Packets from the server to the viewer are lost.
        DownlinkLoss,
        /// Packets to the viewer come unevenly.
        DownlinkJitter,
        /// Round trips of the viewer's page are far above their usual.
        DownlinkBufferbloat,
        /// The viewer's encoder is held back by the processor.
        EncodeCpuLimited,
        /// Encoding takes nearly all of the time.
        EncodeSlow,
        /// Decoding takes nearly all of a frame's time.
        DecodeSlow,
        /// Frames are dropped instead of shown.
        RenderDrops,
        /// Pictures are decoded by software; context.
        SoftwareDecoder,
        /// The processor is under pressure.
        DevicePressure,
        /// The page's main thread is blocked.
        MainThreadBlocked,
        /// The position moves and no frames come.
        StuckPlayer,
        /// Packets are lost after the server.
        SfuEgressLoss,
        /// The server keeps packets back.
        SfuDrops,
        /// The media worker is late.
        SfuOverload,
        /// Key frames are asked for and do not come.
        KeyFrameStarvation,
        /// Key frames are asked for without end.
        KeyFrameStorm,
        /// Packets come and no picture comes out of them.
        StuckDecoder,
        /// The viewer's picture stopped coming though it should.
        PublisherFault,
        /// The player waits for data.
        PlayerStall,
        /// Segments take longer than they last.
        SlowSegments,
        /// The first byte of segments comes late.
        SlowFirstByte,
        /// Segments fail.
        SegmentErrors,
        /// The player goes up and down between levels.
        LevelOscillation,
        /// The stream's playlist tells nothing new.
        SourceStall,
        /// The player cannot decode or parse what it gets.
        MediaErrors,
        /// The player's picture stands still though it plays.
        FrozenPicture,
        /// It is black.
        BlackPicture,
        /// It is green or torn apart.
        CorruptPicture,
        /// It shows blocks.
        Blockiness,
        /// It shows stripes.
        Stripes,
        /// It shows steps in gradients.
        Banding,
        /// It shows halves of two frames.
        Tearing,
        /// The shared picture at the agent is black, green or torn apart.
        SharedPictureCorrupt,
        /// Sound is made up to fill gaps.
        AudioConcealment,
        /// Picture and sound are apart.
        AvDesync,
        /// Packets to the agent are lost.
        AgentDownlinkLoss,
        /// Packets to the agent come unevenly.
        AgentJitter,
        /// Round trips of the agent are long.
        AgentRtt,
        /// Round trips of the agent grow under load.
        AgentBufferbloat,
        /// The agent's picture freezes.
        AgentFreeze,
        /// The agent's decoder is too slow.
        AgentDecodeSlow,
        /// Frames are dropped at the agent.
        AgentRenderDrops,
        /// The agent's processor is under pressure.
        AgentPressure,
        /// The agent's page is blocked.
        AgentMainThreadBlocked,
    }
}

names! {
    /// Where an issue belongs.
    Family {
        /// The viewer's line, from the viewer.
        NetworkUp,
        /// The viewer's line, to the viewer.
        NetworkDown,
        /// The viewer's device.
        Device,
        /// The server's media.
        Sfu,
        /// How the stream is delivered.
        Delivery,
        /// What the picture looks like.
        Picture,
        /// The agent's line and device.
        Agent,
    }
}

names! {
    /// Where an issue stands.
    State {
        /// Going on.
        Open,
        /// Over.
        Resolved,
    }
}

/// Which side of a threshold is bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bad {
    /// At or above it.
    Above,
    /// At or below it.
    Below,
}

/// What an issue rests on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IssueEvidence {
    /// What was measured, in words of the table in `docs/diagnosis.md`.
    pub measure: String,
    /// The worst value.
    pub worst: f64,
    /// The mean over the bad seconds.
    pub mean: f64,
    /// Unit of the values and the threshold; empty for counts and yes or no.
    pub unit: String,
    /// The threshold.
    pub threshold: f64,
    /// Which side of it is bad.
    pub bad: Bad,
    /// Where the threshold comes from.
    pub source: String,
    /// Seconds beyond the threshold.
    pub seconds: u32,
}

/// A trouble over time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Issue {
    /// Of what kind.
    pub kind: IssueKind,
    /// Its family.
    pub family: Family,
    /// The lane that it was seen in.
    pub lane: LaneName,
    /// Whether it goes on.
    pub state: State,
    /// Its first bad second, ms since the Unix epoch.
    pub from_ms: i64,
    /// The end of its last bad second, ms.
    pub to_ms: i64,
    /// How long that was, ms.
    pub duration_ms: i64,
    /// It explains and is no trouble in itself.
    pub context: bool,
    /// It began with our own share, which may be what causes it.
    pub own_share: bool,
    /// What it rests on.
    pub evidence: IssueEvidence,
}

/// A detector: what to read of a second, and when it is bad.
pub(crate) struct Detector {
    pub(crate) kind: IssueKind,
    pub(crate) family: Family,
    pub(crate) lane: LaneName,
    pub(crate) measure: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) source: &'static str,
    pub(crate) bad: Bad,
    /// Bad at or beyond this …
    pub(crate) raise: f64,
    /// … and good again at or before this.
    pub(crate) clear: f64,
    /// Raised when so many …
    pub(crate) need: u32,
    /// … of the last so many readings are bad, and resolved when as many are good.
    pub(crate) of: u32,
    pub(crate) context: bool,
    pub(crate) read: fn(&Second) -> Option<f64>,
}

/// A row of the thresholds table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ThresholdRow {
    /// Of which issue.
    pub kind: IssueKind,
    /// Its family.
    pub family: Family,
    /// The lane it reads.
    pub lane: LaneName,
    /// What is measured.
    pub measure: String,
    /// Its unit.
    pub unit: String,
    /// Which side is bad.
    pub bad: Bad,
    /// Raises at or beyond.
    pub raise: f64,
    /// Resolves at or before.
    pub clear: f64,
    /// Seconds needed …
    pub need: u32,
    /// … of so many.
    pub of: u32,
    /// Context alone.
    pub context: bool,
    /// Where the threshold comes from.
    pub source: String,
}

/// Every detector's row, for documentation and help pages.
#[must_use]
pub fn thresholds() -> Vec<ThresholdRow> {
    let row = |detector: &Detector| ThresholdRow {
        kind: detector.kind,
        family: detector.family,
        lane: detector.lane,
        measure: detector.measure.to_owned(),
        unit: detector.unit.to_owned(),
        bad: detector.bad,
        raise: detector.raise,
        clear: detector.clear,
        need: detector.need,
        of: detector.of,
        context: detector.context,
        source: detector.source.to_owned(),
    };
    detectors().map(row).collect()
}

fn detectors() -> impl Iterator<Item = &'static Detector> {
    [
        network_up::DETECTORS,
        network_down::DETECTORS,
        device::DETECTORS,
        sfu::DETECTORS,
        delivery::DETECTORS,
        picture::DETECTORS,
        agent::DETECTORS,
    ]
    .into_iter()
    .flatten()
}

/// All issues of a timeline, by their starts.
pub(crate) fn detect(timeline: &Timeline) -> Vec<Issue> {
    let share_began = share_begin(timeline);
    let mut issues: Vec<Issue> = detectors().flat_map(|detector| Watch::over(detector, timeline)).collect();
    for issue in &mut issues {
        issue.own_share = !issue.context && share_began.is_some_and(|began| may_be_share(issue, began));
    }
    issues.sort_by_key(|issue| (issue.from_ms, issue.kind));
    issues
}

/// Seconds after the start of our share in which a shortage that begins is taken for its effect.
pub(crate) const SHARE_EFFECT_S: i64 = 10;

/// The second in which our share began, if the window shows seconds without it before.
pub(crate) fn share_begin(timeline: &Timeline) -> Option<i64> {
    let first = timeline.seconds.iter().position(|second| second.sharing)?;
    (first > 0).then(|| timeline.seconds[first].at)
}

/// Troubles of player and device that a share can cause, and that began with it.
fn may_be_share(issue: &Issue, began: i64) -> bool {
    let by_share = matches!(
        issue.kind,
        IssueKind::PlayerStall
            | IssueKind::SlowSegments
            | IssueKind::LevelOscillation
            | IssueKind::DownlinkBufferbloat
            | IssueKind::UplinkBufferbloat
            | IssueKind::RenderDrops
            | IssueKind::DecodeSlow
            | IssueKind::MainThreadBlocked
            | IssueKind::DevicePressure
            | IssueKind::EncodeCpuLimited
            | IssueKind::EncodeSlow
    );
    by_share && (began..=began + SHARE_EFFECT_S).contains(&(issue.from_ms / 1_000))
}

/// A detector at work.
struct Watch {
    detector: &'static Detector,
    /// The last readings: second, value.
    recent: VecDeque<(i64, f64)>,
    open: Option<Issue>,
    seen_at: i64,
    sum: f64,
    done: Vec<Issue>,
}

impl Watch {
    fn over(detector: &'static Detector, timeline: &Timeline) -> Vec<Issue> {
        let recent = VecDeque::with_capacity(detector.of as usize);
        let mut watch = Self { detector, recent, open: None, seen_at: i64::MIN, sum: 0.0, done: Vec::new() };
        for second in &timeline.seconds {
            match (detector.read)(second).filter(|value| value.is_finite()) {
                Some(value) => watch.reading(second.at, value),
                None => watch.nothing(second.at),
            }
        }
        watch.done.extend(watch.open.take());
        let surplus = watch.done.len().saturating_sub(ISSUES_PER_DETECTOR_MAX);
        watch.done.split_off(surplus)
    }

    fn bad(&self, value: f64) -> bool {
        match self.detector.bad {
            Bad::Above => value >= self.detector.raise,
            Bad::Below => value <= self.detector.raise,
        }
    }

    fn good(&self, value: f64) -> bool {
        match self.detector.bad {
            Bad::Above => value <= self.detector.clear,
            Bad::Below => value >= self.detector.clear,
        }
    }

    fn nothing(&mut self, at: i64) {
        if at.saturating_sub(self.seen_at) > LOST_SIGHT_S {
            self.recent.clear();
            self.resolve();
        }
    }

    fn reading(&mut self, at: i64, value: f64) {
        self.nothing(at);
        self.seen_at = at;
        self.recent.push_back((at, value));
        if self.recent.len() > self.detector.of as usize {
            self.recent.pop_front();
        }
        if self.open.is_some() {
            self.update(at, value);
        } else {
            self.raise();
        }
    }

    fn raise(&mut self) {
        let beyond: Vec<(i64, f64)> = self.recent.iter().copied().filter(|(_, value)| self.bad(*value)).collect();
        if beyond.len() < self.detector.need as usize {
            return;
        }
        let (Some((first, start)), Some((last, _))) = (beyond.first().copied(), beyond.last().copied()) else { return };
        self.sum = beyond.iter().map(|(_, value)| value).sum();
        let worst = beyond.iter().fold(start, |worst, (_, value)| self.worse(worst, *value));
        let seconds = u32::try_from(beyond.len()).unwrap_or(u32::MAX);
        let detector = self.detector;
        self.open = Some(Issue {
            kind: detector.kind,
            family: detector.family,
            lane: detector.lane,
            state: State::Open,
            from_ms: first * 1_000,
            to_ms: (last + 1) * 1_000,
            duration_ms: (last + 1 - first) * 1_000,
            context: detector.context,
            own_share: false,
            evidence: IssueEvidence {
                measure: detector.measure.to_owned(),
                worst,
                mean: self.sum / f64::from(seconds),
                unit: detector.unit.to_owned(),
                threshold: detector.raise,
                bad: detector.bad,
                source: detector.source.to_owned(),
                seconds,
            },
        });
    }

    fn worse(&self, a: f64, b: f64) -> f64 {
        match self.detector.bad {
            Bad::Above => a.max(b),
            Bad::Below => a.min(b),
        }
    }

    fn update(&mut self, at: i64, value: f64) {
        let (bad, worst) = (self.bad(value), self.open.as_ref().map_or(value, |issue| issue.evidence.worst));
        let worst = self.worse(worst, value);
        if let Some(issue) = self.open.as_mut().filter(|_| bad) {
            self.sum += value;
            issue.evidence.worst = worst;
            issue.evidence.seconds += 1;
            issue.evidence.mean = self.sum / f64::from(issue.evidence.seconds);
            issue.to_ms = (at + 1) * 1_000;
            issue.duration_ms = issue.to_ms - issue.from_ms;
        }
        let good = self.recent.iter().filter(|(_, value)| self.good(*value)).count();
        if good >= self.detector.need as usize && !bad {
            self.resolve();
            self.recent.clear();
        }
    }

    fn resolve(&mut self) {
        if let Some(mut issue) = self.open.take() {
            issue.state = State::Resolved;
            self.done.push(issue);
        }
    }
}

/// The larger of two readings of the same thing.
fn worst(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    a.zip(b).map(|(a, b)| a.max(b)).or(a).or(b)
}

/// What of a reading at the end of a path is not explained by one half way.
fn beyond(end: Option<f64>, half_way: Option<f64>) -> Option<f64> {
    end.map(|end| (end - half_way.unwrap_or(0.0)).max(0.0))
}

/// Yes and no as a reading.
fn yes(flag: Option<bool>) -> Option<f64> {
    flag.map(|flag| f64::from(u8::from(flag)))
}

/// What became of an issue between two answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "change", content = "issue")]
pub enum Change {
    /// It is new.
    Raised(Issue),
    /// It goes on and has another length or other values.
    Updated(Issue),
    /// It is over.
    Resolved(Issue),
}

/// The changes from an earlier answer to a later one about the same trace, with the same or a moved window.
#[must_use]
pub fn changes(before: &[Issue], now: &[Issue]) -> Vec<Change> {
    // A window that moves on cuts starts off, so what overlaps is the same issue.
    let known = |issue: &Issue| {
        let same = |other: &&Issue| {
            other.kind == issue.kind
                && other.lane == issue.lane
                && other.from_ms <= issue.to_ms
                && issue.from_ms <= other.to_ms
        };
        before.iter().find(same)
    };
    let change = |issue: &Issue| match (known(issue), issue.state) {
        (None, State::Open) => Some(Change::Raised(issue.clone())),
        (None, State::Resolved) => Some(Change::Resolved(issue.clone())),
        (Some(other), State::Resolved) if other.state == State::Open => Some(Change::Resolved(issue.clone())),
        (Some(other), State::Open) if other != issue => Some(Change::Updated(issue.clone())),
        _ => None,
    };
    now.iter().filter_map(change).collect()
}
