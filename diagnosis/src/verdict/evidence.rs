//! Evidence: what was found, with its number, and by how much it speaks for or against causes.

use serde::{Deserialize, Serialize};

use super::Cause;
use crate::lenient::names;
use crate::model::LaneName;
use crate::timeline::Second;

names! {
    /// What was found. Stable names: texts, tests and screens use them.
    EvidenceKind {
        /// The picture waited for data.
        PlayerStalled,
        /// The picture never waited.
        PlayerNeverStalled,
        /// The player has never shown a picture.
        NeverStarted,
        /// A request has brought nothing for long.
        RequestWithoutAnswer,
        /// A request goes on for long.
        RequestUnfinished,
        /// Segments took longer than they last.
        SlowSegments,
        /// First bytes came late.
        SlowFirstByte,
        /// First bytes came soon while bodies were slow.
        PromptFirstByte,
        /// Requests were refused or brought something broken.
        SegmentErrors,
        /// Requests broke on the way.
        SegmentsBroken,
        /// The player could not parse or decode.
        MediaErrors,
        /// The playlist told nothing new.
        PlaylistStale,
        /// The player asks for the playlist again and again and finds nothing new.
        NothingNew,
        /// Small requests to the player's host are answered at once.
        ListsPrompt,
        /// Small requests to the player's host wait longer than they did.
        ListsSlow,
        /// Some of them do.
        ListsUneven,
        /// The same segment was fetched again and again.
        FetchedAgain,
        /// Frames were dropped.
        FramesDropped,
        /// They were not.
        NoFramesDropped,
        /// Decoding took nearly all the time.
        DecodeOverBudget,
        /// The position moved without frames.
        PlayerStuck,
        /// The main thread was blocked.
        MainThreadBlocked,
        /// The processor was under pressure.
        DevicePressure,
        /// Neither.
        DeviceCalm,
        /// The encoder was held back by the processor.
        EncoderCpuLimited,
        /// The echo lost packets.
        LineLoss,
        /// The echo came unevenly.
        LineJitter,
        /// Round trips grow under load.
        LineBufferbloat,
        /// Round trips of the page's socket grew.
        PingRaised,
        /// The line is quiet and even.
        LineClean,
        /// The line carries less than the stream needs.
        LineTooSlow,
        /// The line carries much more than the stream needs.
        LineFastEnough,
        /// The player's host is much slower than the line.
        HostSlow,
        /// The player's host answers late.
        HostAnswersLate,
        /// The player's host refuses.
        HostRefuses,
        /// The call's packets from the viewer were lost.
        UplinkLoss,
        /// They came unevenly.
        UplinkJitter,
        /// The viewer's round trips grew.
        UplinkRttRaised,
        /// The viewer's sender was held back by the line.
        UplinkLimited,
        /// The call's packets to the viewer were lost.
        DownlinkLoss,
        /// The viewer's side of the call is clean.
        ViewerCallClean,
        /// Packets were lost after the server.
        EgressLoss,
        /// Packets were missing at the agent.
        AgentLoss,
        /// They came unevenly.
        AgentJitter,
        /// The agent's round trips grew.
        AgentRttRaised,
        /// What the agent sends is lost.
        AgentUplinkLoss,
        /// The agent's line loses packets of the echo.
        AgentLineLoss,
        /// The agent's line is clean.
        AgentLineClean,
        /// The server kept packets back.
        ServerDrops,
        /// The media worker was late.
        ServerLate,
        /// The agent's picture froze.
        AgentFreeze,
        /// No picture came out of the agent's packets.
        AgentStuck,
        /// The agent's decoder was too slow.
        AgentDecodeOverBudget,
        /// The agent dropped frames.
        AgentFramesDropped,
        /// The agent's page was blocked.
        AgentMainThreadBlocked,
        /// The agent's processor was under pressure.
        AgentDevicePressure,
        /// The picture stopped.
        PictureStopped,
        /// It was black.
        PictureBlack,
        /// It was damaged.
        PictureDamaged,
        /// Our own fetch showed the same.
        ReferenceLikewise,
        /// Our own fetch showed a sound picture.
        ReferenceSound,
        /// Our own fetch was slow or failed.
        ReferenceSlow,
        /// It was quick.
        ReferenceQuick,
        /// Others on the same host are affected.
        OthersOnEdge,
        /// Others on the same stream are.
        OthersOnStream,
        /// Others in the same network are.
        OthersInNetwork,
        /// Others with the same decoder or device are.
        OthersWithDevice,
        /// Other calls of the same server are.
        OthersOnNode,
        /// Others are not.
        OthersFine,
    }
}

/// A fact with its number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// What.
    pub kind: EvidenceKind,
    /// Where it was seen.
    pub lane: LaneName,
    /// The number.
    pub value: f64,
    /// Its unit; `%` for shares, empty for counts.
    pub unit: String,
    /// What it is compared to, in the same unit; absent where the fact itself counts.
    pub threshold: Option<f64>,
    /// Where that comes from.
    pub source: String,
    /// First second, ms.
    pub from_ms: i64,
    /// End of the last, ms.
    pub to_ms: i64,
    /// It may be an effect of our own share and weighs nothing.
    pub own_share: bool,
}

/// Kinds of trouble. Causes of one exclude each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Data come too late to the viewer, or packets from there.
    Starved,
    /// The page does not keep up.
    Rendering,
    /// What is shown is wrong.
    Picture,
    /// The agent's picture suffers on its way from the server.
    Agent,
}

pub(crate) const TROUBLES: [Trouble; 4] = [Trouble::Starved, Trouble::Rendering, Trouble::Picture, Trouble::Agent];

impl Trouble {
    pub(crate) fn explained_by(self) -> &'static [Cause] {
        match self {
            Self::Starved => &[Cause::ViewerNetwork, Cause::PlatformDelivery, Cause::PlatformSource],
            Self::Rendering => &[Cause::ViewerDevice],
            Self::Picture => &[Cause::PlatformSource, Cause::ViewerDevice, Cause::PlatformDelivery],
            Self::Agent => &[Cause::MediaServer, Cause::AgentNetwork, Cause::AgentDevice],
        }
    }
}

/// A fact that speaks.
pub(crate) struct Finding {
    pub(crate) evidence: Evidence,
    pub(crate) weights: &'static [(Cause, f64)],
    /// Trouble that somebody sees; `None` for what merely explains.
    pub(crate) trouble: Option<Trouble>,
}

/// All facts.
#[derive(Default)]
pub(crate) struct Findings {
    list: Vec<Finding>,
}

impl Findings {
    pub(crate) fn add(&mut self, evidence: Evidence, trouble: Option<Trouble>, weights: &'static [(Cause, f64)]) {
        // What our own share causes explains nothing, and is no trouble of theirs.
        let own = evidence.own_share;
        self.list.push(Finding {
            evidence,
            weights: if own { &[] } else { weights },
            trouble: trouble.filter(|_| !own),
        });
    }

    pub(crate) fn has(&self, trouble: Trouble) -> bool {
        self.list.iter().any(|finding| finding.trouble == Some(trouble))
    }

    pub(crate) fn any_trouble(&self) -> bool {
        self.list.iter().any(|finding| finding.trouble.is_some())
    }

    pub(crate) fn found(&self, kind: EvidenceKind) -> bool {
        self.list.iter().any(|finding| finding.evidence.kind == kind)
    }

    pub(crate) fn weight(&self, cause: Cause) -> f64 {
        self.list.iter().map(|finding| weight_for(finding, cause)).sum()
    }

    /// Weight of what speaks for this cause and for no other.
    pub(crate) fn own_weight(&self, cause: Cause) -> f64 {
        let own = |finding: &&Finding| finding.weights.iter().all(|(other, weight)| *other == cause || *weight <= 0.0);
        self.list.iter().filter(own).map(|finding| weight_for(finding, cause).max(0.0)).sum()
    }

    /// What speaks for a cause, the heaviest first.
    pub(crate) fn for_cause(&self, cause: Cause) -> Vec<Evidence> {
        self.by_weight(|finding| weight_for(finding, cause))
    }

    /// What speaks against it.
    pub(crate) fn against(&self, cause: Cause) -> Vec<Evidence> {
        self.by_weight(|finding| -weight_for(finding, cause))
    }

    /// The weight of what speaks most against a cause; 0 or below.
    pub(crate) fn heaviest_against(&self, cause: Cause) -> f64 {
        self.list.iter().map(|finding| weight_for(finding, cause)).fold(0.0, f64::min)
    }

    /// Troubles and what our own share caused, whoever is to blame.
    pub(crate) fn troubles(&self) -> Vec<Evidence> {
        let told = self.list.iter().filter(|finding| finding.trouble.is_some() || finding.evidence.own_share);
        told.map(|finding| finding.evidence.clone()).collect()
    }

    fn by_weight(&self, weight: impl Fn(&Finding) -> f64) -> Vec<Evidence> {
        let mut told: Vec<(f64, &Finding)> = self.list.iter().map(|finding| (weight(finding), finding)).collect();
        told.retain(|(weight, _)| *weight > 0.0);
        told.sort_by(|a, b| b.0.total_cmp(&a.0));
        told.into_iter().map(|(_, finding)| finding.evidence.clone()).collect()
    }
}

fn weight_for(finding: &Finding, cause: Cause) -> f64 {
    finding.weights.iter().find(|(other, _)| *other == cause).map_or(0.0, |(_, weight)| *weight)
}

/// Seconds beyond a threshold, so many of so many in a row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hit {
    pub(crate) mean: f64,
    pub(crate) worst: f64,
    pub(crate) from: i64,
    pub(crate) to: i64,
    pub(crate) seconds: usize,
}

/// Looks for `need` of `of` readings in a row at or above a threshold; tells of all readings beyond it.
pub(crate) fn sustained(
    scope: &[Second],
    threshold: f64,
    (need, of): (usize, usize),
    read: impl Fn(&Second) -> Option<f64>,
) -> Option<Hit> {
    let readings: Vec<(i64, f64)> =
        scope.iter().filter_map(|s| Some((s.at, read(s).filter(|v| v.is_finite())?))).collect();
    let beyond = |reading: &&(i64, f64)| reading.1 >= threshold;
    let of = of.min(readings.len().max(1));
    if !readings.windows(of).any(|window| window.iter().filter(beyond).count() >= need) {
        return None;
    }
    let hits: Vec<&(i64, f64)> = readings.iter().filter(beyond).collect();
    let (first, last) = (hits.first()?, hits.last()?);
    #[expect(clippy::cast_precision_loss, reason = "at most a day's seconds")]
    let count = hits.len() as f64;
    Some(Hit {
        mean: hits.iter().map(|hit| hit.1).sum::<f64>() / count,
        worst: hits.iter().map(|hit| hit.1).fold(first.1, f64::max),
        from: first.0,
        to: last.0,
        seconds: hits.len(),
    })
}

/// The readings of a scope, if there are at least `least` of them, and all but a tenth are below `threshold`: calm.
pub(crate) fn calm(
    scope: &[Second],
    threshold: f64,
    least: usize,
    read: impl Fn(&Second) -> Option<f64>,
) -> Option<Hit> {
    let readings: Vec<(i64, f64)> =
        scope.iter().filter_map(|s| Some((s.at, read(s).filter(|v| v.is_finite())?))).collect();
    let above = readings.iter().filter(|reading| reading.1 >= threshold).count();
    if readings.len() < least || above * 10 > readings.len() {
        return None;
    }
    let (first, last) = (readings.first()?, readings.last()?);
    #[expect(clippy::cast_precision_loss, reason = "at most a day's seconds")]
    let count = readings.len() as f64;
    Some(Hit {
        mean: readings.iter().map(|reading| reading.1).sum::<f64>() / count,
        worst: readings.iter().map(|reading| reading.1).fold(first.1, f64::max),
        from: first.0,
        to: last.0,
        seconds: readings.len(),
    })
}

/// How a number is told.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Unit {
    Percent,
    Ms,
    Seconds,
    Kbps,
    Count,
}

impl Unit {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Percent => "%",
            Self::Ms => "ms",
            Self::Seconds => "s",
            Self::Kbps => "kbit/s",
            Self::Count => "",
        }
    }

    /// Shares are told in percent; everything is rounded as it is read.
    pub(crate) fn told(self, value: f64) -> f64 {
        let value = if matches!(self, Self::Percent) { value * 100.0 } else { value };
        if value.abs() < 10.0 { (value * 10.0).round() / 10.0 } else { value.round() }
    }
}

/// Makes evidence of seconds.
pub(crate) fn told(
    kind: EvidenceKind,
    lane: LaneName,
    value: f64,
    unit: Unit,
    limit: Option<(f64, &str)>,
    (from, to): (i64, i64),
) -> Evidence {
    Evidence {
        kind,
        lane,
        value: unit.told(value),
        unit: unit.name().to_owned(),
        threshold: limit.map(|(threshold, _)| unit.told(threshold)),
        source: limit.map_or_else(String::new, |(_, source)| source.to_owned()),
        from_ms: from * 1_000,
        to_ms: (to + 1) * 1_000,
        own_share: false,
    }
}
