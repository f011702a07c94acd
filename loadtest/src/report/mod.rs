//! Figures of a run: HDR histograms by phase, totals, errors, course over time, and the report made of them.
//!
//! The JSON report's schema is `docs/loadtest.schema.json`.

mod compare;
mod course;
mod histogram;
mod html;
mod plot;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use compare::{Comparison, Tolerance, compare};
pub use course::{Course, Point, Second};
pub use histogram::{Percentiles, Phases};

use crate::assertion::Verdict;
use crate::faults::FaultRecord;
use crate::watch::{GeneratorReport, ServerReport};

/// Name and version of the JSON report's layout.
pub const REPORT_FORMAT: &str = "sightline-loadtest/1";
/// Different kinds of errors kept apart; the rest is counted together.
const ERROR_KINDS_MAX: usize = 64;
/// Phases whose distribution is drawn: those that a person waits for.
const CURVE_ENDS: [&str; 4] = ["total", "ack", "welcome", "place"];

/// What a scenario counts while it runs.
#[derive(Debug, Default)]
pub struct Tally {
    /// Durations.
    pub phases: Phases,
    /// Counts by name.
    pub totals: BTreeMap<String, u64>,
    /// Other numbers by name, the unit in the name.
    pub figures: BTreeMap<String, f64>,
    /// Failures by kind.
    pub errors: BTreeMap<String, u64>,
    /// What happened when.
    pub course: Course,
    /// Faults that were injected, and how the clients came back.
    pub faults: Vec<FaultRecord>,
    /// Steps of a `capacity` run.
    pub steps: Vec<CapacityStep>,
    /// Sentences for the reader.
    pub notes: Vec<String>,
    /// Why the run ended early; `None` when it ran to its end.
    pub broken_off: Option<String>,
    /// Whether the operator stopped it.
    pub interrupted: bool,
}

impl Tally {
    /// Adds to a total.
    pub fn count(&mut self, name: &str, add: u64) {
        *self.totals.entry(name.to_owned()).or_default() += add;
    }

    /// Sets a figure.
    pub fn figure(&mut self, name: &str, value: f64) {
        self.figures.insert(name.to_owned(), value);
    }

    /// Counts a failure.
    pub fn fail(&mut self, kind: &str) {
        self.fail_times(kind, 1);
    }

    /// Counts failures of one kind.
    pub fn fail_times(&mut self, kind: &str, times: u64) {
        let kind = if self.errors.len() < ERROR_KINDS_MAX || self.errors.contains_key(kind) { kind } else { "other" };
        *self.errors.entry(kind.to_owned()).or_default() += times;
    }

    /// All failures.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.errors.values().sum()
    }
}

/// One rate that a `capacity` run tried.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CapacityStep {
    /// Arrivals or messages a second.
    pub rate_per_s: f64,
    /// Whether every assertion held.
    pub held: bool,
    /// The assertions.
    pub asserts: Vec<Verdict>,
    /// What a person waits for, ms.
    pub latency_ms: Option<Percentiles>,
    /// Failures by kind.
    pub errors: BTreeMap<String, u64>,
    /// Mean CPU of the server, percent of one core.
    pub server_cpu_percent: Option<f64>,
    /// Mean CPU of this tool, percent of one core.
    pub generator_cpu_percent: f64,
    /// What was short, in words, when it fell.
    pub short_of: Option<String>,
}

/// The machine that generated the load.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Cores this process may use.
    pub cores: u64,
    /// Memory, bytes.
    pub memory_bytes: Option<u64>,
    /// Operating system and architecture.
    pub system: String,
}

impl Machine {
    /// This machine.
    #[must_use]
    pub fn here() -> Self {
        let memory = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
            let line = text.lines().find(|line| line.starts_with("MemTotal:"))?;
            line.split_ascii_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib * 1_024)
        });
        Self {
            cores: std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64),
            memory_bytes: memory,
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        }
    }
}

/// The JSON report.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Report {
    /// [`REPORT_FORMAT`].
    pub format: String,
    /// Version of this tool.
    pub tool: String,
    /// Name of the scenario.
    pub scenario: String,
    /// Where it was aimed.
    pub target: String,
    /// The command line, secrets left out.
    pub command: String,
    /// Where the load came from.
    pub machine: Machine,
    /// Start of the run, ms since the Unix epoch, this machine's clock.
    pub started_at_ms: f64,
    /// Length of the run, seconds.
    pub duration_s: f64,
    /// What was asked for.
    pub settings: serde_json::Value,
    /// Percentiles by phase, ms.
    pub phases: BTreeMap<String, Percentiles>,
    /// Curves of the phases that people wait for: quantile (0 to 1) and ms.
    pub curves: BTreeMap<String, Vec<(f64, f64)>>,
    /// Counts.
    pub totals: BTreeMap<String, u64>,
    /// Other numbers, the unit in the name.
    pub figures: BTreeMap<String, f64>,
    /// Failures by kind.
    pub errors: BTreeMap<String, u64>,
    /// CPU and memory of the server; `null` when it did not tell.
    pub server: Option<ServerReport>,
    /// CPU and delay of this tool.
    pub generator: GeneratorReport,
    /// The run second by second.
    pub seconds: Vec<Second>,
    /// A sample of single measurements.
    pub points: Vec<Point>,
    /// Injected faults.
    pub faults: Vec<FaultRecord>,
    /// Steps of a `capacity` run.
    pub steps: Vec<CapacityStep>,
    /// The assertions and how they came out.
    pub asserts: Vec<Verdict>,
    /// Sentences for the reader.
    pub notes: Vec<String>,
    /// Whether the operator stopped it; the figures are of what ran until then.
    pub interrupted: bool,
    /// Why it ended early.
    pub broken_off: Option<String>,
}

/// What a report is made of, beside the tally.
#[derive(Debug, Clone)]
pub struct Frame {
    /// Name of the scenario.
    pub scenario: String,
    /// Where it was aimed.
    pub target: String,
    /// The command line, secrets left out.
    pub command: String,
    /// Start, ms since the Unix epoch.
    pub started_at_ms: f64,
    /// Length, seconds.
    pub duration_s: f64,
    /// What was asked for.
    pub settings: serde_json::Value,
}

impl Report {
    /// A report of a tally.
    #[must_use]
    pub fn new(
        frame: Frame,
        tally: Tally,
        asserts: Vec<Verdict>,
        server: Option<ServerReport>,
        generator: GeneratorReport,
    ) -> Self {
        Self {
            format: REPORT_FORMAT.to_owned(),
            tool: env!("CARGO_PKG_VERSION").to_owned(),
            scenario: frame.scenario,
            target: frame.target,
            command: frame.command,
            machine: Machine::here(),
            started_at_ms: frame.started_at_ms,
            duration_s: frame.duration_s,
            settings: frame.settings,
            phases: tally.phases.summary(),
            curves: tally.phases.curves(&CURVE_ENDS),
            totals: tally.totals,
            figures: tally.figures,
            errors: tally.errors,
            server,
            generator,
            seconds: tally.course.seconds,
            points: tally.course.points,
            faults: tally.faults,
            steps: tally.steps,
            asserts,
            notes: tally.notes,
            interrupted: tally.interrupted,
            broken_off: tally.broken_off,
        }
    }

    /// The report as a page that stands alone: no script, no network, light and dark.
    #[must_use]
    pub fn html(&self) -> String {
        html::page(self)
    }

    /// Names of the phases in the order they happen, mode by mode.
    #[must_use]
    pub fn ordered_phases(&self) -> Vec<(&str, &Percentiles)> {
        let mut rows: Vec<_> = self.phases.iter().map(|(name, row)| (name.as_str(), row)).collect();
        rows.sort_by_key(|(name, _)| {
            let (mode, phase) = name.split_once('.').unwrap_or((name, ""));
            let mode_place = ["cold", "warm"].iter().position(|known| *known == mode).unwrap_or(9);
            (mode_place, mode.to_owned(), phase_place(phase), phase.to_owned())
        });
        rows
    }

    /// The summary for a terminal.
    #[must_use]
    pub fn table(&self) -> String {
        use std::fmt::Write as _;
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{} against {}, {:.1} s", self.scenario, self.target, self.duration_s);
        if !self.phases.is_empty() {
            let head = format!(
                "{:<22}{:>8}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}",
                "phase (ms)", "count", "min", "p50", "p90", "p95", "p99", "max"
            );
            let _ = writeln!(text, "\n{head}");
        }
        for (name, row) in self.ordered_phases() {
            let _ = writeln!(
                text,
                "{name:<22}{:>8}{:>10.1}{:>10.1}{:>10.1}{:>10.1}{:>10.1}{:>10.1}",
                row.count, row.min, row.p50, row.p90, row.p95, row.p99, row.max
            );
        }
        let _ = writeln!(text);
        for (name, count) in &self.totals {
            let _ = writeln!(text, "{name:<34}{count:>12}");
        }
        for (name, value) in &self.figures {
            let _ = writeln!(text, "{name:<34}{value:>12.1}");
        }
        if let Some(server) = &self.server {
            let _ = writeln!(text, "{server}");
        }
        let _ = writeln!(text, "{}", self.generator);
        for step in &self.steps {
            let verdict = if step.held { "held" } else { "FELL" };
            let p95 = step.latency_ms.map_or(f64::NAN, |row| row.p95);
            let short = step.short_of.as_deref().map(|short| format!("; short of {short}")).unwrap_or_default();
            let _ = writeln!(text, "step {:>8.1}/s: {verdict}, p95 {p95:.1} ms{short}", step.rate_per_s);
        }
        for fault in &self.faults {
            let _ = writeln!(text, "{fault}");
        }
        for (kind, count) in &self.errors {
            let _ = writeln!(text, "error: {kind:<40}{count:>8}");
        }
        for note in &self.notes {
            let _ = writeln!(text, "note: {note}");
        }
        for verdict in &self.asserts {
            let _ = writeln!(text, "{verdict}");
        }
        if self.interrupted {
            let _ = writeln!(text, "stopped by the operator; the figures are of what ran until then");
        }
        if let Some(reason) = &self.broken_off {
            let _ = writeln!(text, "broken off: {reason}");
        }
        text
    }
}

/// Place of a phase among those of a connect.
fn phase_place(phase: &str) -> usize {
    const ORDER: [&str; 12] =
        ["dns", "tcp", "tls", "ws", "hello", "offer", "answer", "ice", "dtls", "first_packet", "first_frame", "total"];
    ORDER.iter().position(|known| *known == phase).unwrap_or(ORDER.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_kinds_are_bounded() {
        let mut tally = Tally::default();
        for n in 0..200 {
            tally.fail(&n.to_string());
        }
        assert!(tally.errors.len() <= ERROR_KINDS_MAX + 1);
        assert_eq!(tally.failures(), 200);
    }

    #[test]
    fn phases_stand_in_the_order_they_happen() {
        assert!(phase_place("dns") < phase_place("tls"));
        assert!(phase_place("dtls") < phase_place("total"));
    }
}
