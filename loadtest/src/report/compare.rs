//! Two reports side by side: what got slower, what fails more.

use std::fmt;

use super::{Percentiles, Report};

/// Statistics that are compared, in the order of the table.
const COMPARED: [&str; 3] = ["p50", "p95", "p99"];

/// How much worse the second report may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tolerance {
    /// Share of the first value, 0.1 for ten percent.
    pub share: f64,
    /// Differences below this are noise whatever their share, ms.
    pub floor_ms: f64,
    /// Measurements that both sides need for a row to be judged; fewer have no percentiles worth the name.
    pub count_min: u64,
}

impl Default for Tolerance {
    fn default() -> Self {
        Self { share: 0.10, floor_ms: 5.0, count_min: 20 }
    }
}

/// One statistic of one phase in both reports.
#[derive(Debug, Clone, PartialEq)]
struct Row {
    phase: String,
    statistic: &'static str,
    before: f64,
    after: f64,
    /// Whether both sides have enough measurements to be judged by.
    judged: bool,
    worse: bool,
}

/// Two reports side by side.
#[derive(Debug, Clone)]
pub struct Comparison {
    rows: Vec<Row>,
    missing: Vec<String>,
    failures: ((u64, u64), (u64, u64)),
    fails_more: bool,
    notes: Vec<String>,
}

impl Comparison {
    /// Whether the second report is worse beyond the tolerance.
    #[must_use]
    pub fn is_worse(&self) -> bool {
        self.fails_more || !self.missing.is_empty() || self.rows.iter().any(|row| row.worse)
    }
}

/// Compares phase by phase. Phases of the generator are left out: they are this machine's.
#[must_use]
pub fn compare(before: &Report, after: &Report, tolerance: Tolerance) -> Comparison {
    let mut rows = Vec::new();
    let mut missing = Vec::new();
    for (phase, old) in before.ordered_phases() {
        if phase.starts_with("generator.") {
            continue;
        }
        match after.phases.get(phase) {
            Some(new) => rows.extend(COMPARED.iter().filter_map(|name| row(phase, name, old, new, tolerance))),
            None => missing.push(phase.to_owned()),
        }
    }
    let failures = (failures(before), failures(after));
    let rate = |(failed, all): (u64, u64)| failed as f64 / all.max(1) as f64;
    let mut notes = Vec::new();
    if before.scenario != after.scenario {
        notes.push(format!("different scenarios: {} and {}", before.scenario, after.scenario));
    }
    if before.settings != after.settings {
        notes.push("the settings differ".to_owned());
    }
    if before.machine != after.machine {
        notes.push("the load came from different machines".to_owned());
    }
    for (name, report) in [("first", before), ("second", after)] {
        if report.generator.saturated {
            notes.push(format!("the generator of the {name} run was saturated"));
        }
        if report.interrupted || report.broken_off.is_some() {
            notes.push(format!("the {name} run did not run to its end"));
        }
    }
    Comparison { rows, missing, failures, fails_more: rate(failures.1) > rate(failures.0) + 0.001, notes }
}

fn row(
    phase: &str,
    statistic: &'static str,
    old: &Percentiles,
    new: &Percentiles,
    tolerance: Tolerance,
) -> Option<Row> {
    let (before, after) = (old.get(statistic)?, new.get(statistic)?);
    let judged = old.count.min(new.count) >= tolerance.count_min;
    let worse = judged && after - before > (before * tolerance.share).max(tolerance.floor_ms);
    Some(Row { phase: phase.to_owned(), statistic, before, after, judged, worse })
}

/// Failures, and what was tried.
fn failures(report: &Report) -> (u64, u64) {
    let failed: u64 = report.errors.values().sum();
    let tried = ["arrivals", "sent", "viewers"].iter().find_map(|name| report.totals.get(*name)).copied();
    (failed, tried.unwrap_or(failed))
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<26}{:>6}{:>12}{:>12}{:>11}{:>9}", "phase (ms)", "", "first", "second", "delta", "")?;
        for row in &self.rows {
            let delta = row.after - row.before;
            let percent =
                if row.before > 0.0 { format!("{:+.0} %", delta / row.before * 100.0) } else { String::new() };
            let mark = match (row.worse, row.judged) {
                (true, _) => "  WORSE",
                (false, false) => "  (few)",
                (false, true) => "",
            };
            writeln!(
                f,
                "{:<26}{:>6}{:>12.1}{:>12.1}{:>+11.1}{percent:>9}{mark}",
                row.phase, row.statistic, row.before, row.after, delta
            )?;
        }
        let ((failed_before, all_before), (failed_after, all_after)) = self.failures;
        let mark = if self.fails_more { "  WORSE" } else { "" };
        writeln!(f, "failures: {failed_before} of {all_before}, then {failed_after} of {all_after}{mark}")?;
        for phase in &self.missing {
            writeln!(f, "{phase}: not measured in the second run  WORSE")?;
        }
        for note in &self.notes {
            writeln!(f, "note: {note}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::{Frame, Tally};
    use super::*;
    use crate::watch::Generator;

    async fn report(ms: u64, failed: u64) -> Report {
        let mut tally = Tally::default();
        for n in 0..100 {
            tally.phases.record("warm.total", Duration::from_millis(ms + n));
        }
        tally.count("arrivals", 100);
        if failed > 0 {
            tally.fail_times("picture: no picture", failed);
        }
        let frame = Frame {
            scenario: "connect".to_owned(),
            target: "http://127.0.0.1:1".to_owned(),
            command: String::new(),
            started_at_ms: 0.0,
            duration_s: 1.0,
            settings: serde_json::json!({}),
        };
        let generator = Generator::start().finish(&mut tally.phases);
        Report::new(frame, tally, Vec::new(), None, generator)
    }

    #[tokio::test]
    async fn slower_beyond_the_tolerance_is_worse() {
        let base = report(100, 0).await;
        assert!(!compare(&base, &report(104, 0).await, Tolerance::default()).is_worse(), "within the floor");
        assert!(!compare(&base, &report(60, 0).await, Tolerance::default()).is_worse(), "faster");
        let slower = compare(&base, &report(140, 0).await, Tolerance::default());
        assert!(slower.is_worse());
        assert!(slower.to_string().contains("WORSE"));
    }

    #[tokio::test]
    async fn more_failures_and_missing_phases_are_worse() {
        let base = report(100, 0).await;
        assert!(compare(&base, &report(100, 3).await, Tolerance::default()).is_worse());
        let mut without = report(100, 0).await;
        without.phases.clear();
        assert!(compare(&base, &without, Tolerance::default()).is_worse());
    }

    #[tokio::test]
    async fn few_measurements_are_not_judged() {
        let strict = Tolerance { count_min: 1_000, ..Tolerance::default() };
        assert!(!compare(&report(100, 0).await, &report(900, 0).await, strict).is_worse());
    }
}
