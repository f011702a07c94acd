//! Faults on purpose: `drop:5%@20s` makes clients vanish, `cut:10%@30s` cuts their sockets; both report the recovery.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::report::Tally;

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// The client vanishes without a word, with socket and media, and does not come back. Recovered: the server has
    /// ended what the client had.
    Drop,
    /// The WebSocket is cut; the media goes on. Recovered: the client has resumed its session.
    Cut,
}

impl FaultKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Drop => "drop",
            Self::Cut => "cut",
        }
    }
}

/// One fault as asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fault {
    /// What happens.
    pub kind: FaultKind,
    /// To which share of the clients there are then, 0 to 1.
    pub share: f64,
    /// When, after the start of the run.
    pub at: Duration,
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no fault; expected drop:5%@20s or cut:10%@30s");
        let (kind, rest) = text.split_once(':').ok_or_else(wrong)?;
        let (share, at) = rest.split_once('@').ok_or_else(wrong)?;
        let kind = match kind {
            "drop" => FaultKind::Drop,
            "cut" => FaultKind::Cut,
            _ => return Err(wrong()),
        };
        let percent: f64 = share.strip_suffix('%').and_then(|number| number.parse().ok()).ok_or_else(wrong)?;
        if !(0.0..=100.0).contains(&percent) {
            return Err("a share is between 0% and 100%".to_owned());
        }
        Ok(Self { kind, share: percent / 100.0, at: crate::cli::parse_duration(at)? })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}%@{}s", self.kind.as_str(), self.share * 100.0, self.at.as_secs_f64())
    }
}

/// The faults of a run.
#[derive(Debug, Clone, Default)]
pub struct FaultPlan {
    faults: Vec<Fault>,
}

/// What is in store for one client.
#[derive(Debug, Clone, Copy)]
pub struct Fate {
    /// Which of the plan's faults.
    pub index: usize,
    /// What happens.
    pub kind: FaultKind,
    /// When.
    pub at: Instant,
}

/// How one client fared.
#[derive(Debug, Clone, Copy)]
pub struct FaultOutcome {
    /// Which of the plan's faults.
    pub index: usize,
    /// How long the recovery took; `None` when there was none.
    pub recovered: Option<Duration>,
}

/// A fault and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FaultRecord {
    /// What happened.
    pub kind: FaultKind,
    /// To which share of the clients, percent.
    pub percent: f64,
    /// When, seconds after the start.
    pub at_s: f64,
    /// Clients that it hit.
    pub affected: u64,
    /// Clients that recovered.
    pub recovered: u64,
    /// The longest recovery, ms.
    pub slowest_ms: Option<f64>,
}

impl fmt::Display for FaultRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "fault {}:{}%@{}s: hit {}, recovered {}",
            self.kind.as_str(),
            self.percent,
            self.at_s,
            self.affected,
            self.recovered
        )?;
        match self.slowest_ms {
            Some(slowest) => write!(f, ", the slowest after {slowest:.0} ms"),
            None => Ok(()),
        }
    }
}

impl FaultPlan {
    /// A plan.
    #[must_use]
    pub fn new(faults: Vec<Fault>) -> Self {
        Self { faults }
    }

    /// The first fault that hits a client which comes now. Each client has its own luck, so that a fault hits its share of
    /// those who are there.
    #[must_use]
    pub fn fate(&self, run_start: Instant, now: Instant) -> Option<Fate> {
        self.faults
            .iter()
            .enumerate()
            .filter(|(_, fault)| run_start + fault.at > now && rand::random::<f64>() < fault.share)
            .map(|(index, fault)| Fate { index, kind: fault.kind, at: run_start + fault.at })
            .min_by_key(|fate| fate.at)
    }

    /// Adds records and recovery times of all outcomes to a tally.
    pub fn record(&self, outcomes: &[FaultOutcome], tally: &mut Tally) {
        for (index, fault) in self.faults.iter().enumerate() {
            let own = || outcomes.iter().filter(move |outcome| outcome.index == index);
            let recoveries: Vec<Duration> = own().filter_map(|outcome| outcome.recovered).collect();
            for recovery in &recoveries {
                tally.phases.record(&format!("fault.{}", fault.kind.as_str()), *recovery);
            }
            tally.faults.push(FaultRecord {
                kind: fault.kind,
                percent: fault.share * 100.0,
                at_s: fault.at.as_secs_f64(),
                affected: own().count() as u64,
                recovered: recoveries.len() as u64,
                slowest_ms: recoveries.iter().max().map(|slowest| slowest.as_secs_f64() * 1_000.0),
            });
        }
    }
}

/// Waits for a fate; for ever when there is none.
pub async fn strikes(fate: Option<Fate>) -> Fate {
    match fate {
        Some(fate) => {
            tokio::time::sleep_until(fate.at.into()).await;
            fate
        }
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_read() {
        let fault: Fault = "drop:5%@20s".parse().unwrap();
        assert_eq!(fault, Fault { kind: FaultKind::Drop, share: 0.05, at: Duration::from_secs(20) });
        assert_eq!("cut:100%@500ms".parse::<Fault>().unwrap().to_string(), "cut:100%@0.5s");
        for text in ["", "drop", "drop:5@20s", "burn:5%@20s", "cut:101%@1s", "cut:5%@soon"] {
            assert!(text.parse::<Fault>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_fault_hits_its_share_of_those_who_are_there() {
        let plan = FaultPlan::new(vec!["cut:25%@10s".parse().unwrap()]);
        let start = Instant::now();
        let hit = (0..4_000).filter(|_| plan.fate(start, start).is_some()).count();
        assert!((700..1_300).contains(&hit), "{hit}");
        assert!(plan.fate(start, start + Duration::from_secs(11)).is_none(), "too late to be hit");
    }

    #[test]
    fn outcomes_are_counted() {
        let plan = FaultPlan::new(vec!["cut:100%@1s".parse().unwrap()]);
        let mut tally = Tally::default();
        let outcome = |ms: Option<u64>| FaultOutcome { index: 0, recovered: ms.map(Duration::from_millis) };
        plan.record(&[outcome(Some(300)), outcome(Some(100)), outcome(None)], &mut tally);
        let record = &tally.faults[0];
        assert_eq!((record.affected, record.recovered, record.slowest_ms), (3, 2, Some(300.0)));
        assert_eq!(tally.phases.get("fault.cut").map(|row| row.count), Some(2));
    }
}
