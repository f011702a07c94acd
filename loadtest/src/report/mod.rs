//! Figures of a run: HDR histograms by phase, totals, errors, and the report made of them.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::assertion::Verdict;

/// Name and version of the JSON report's layout.
pub const REPORT_FORMAT: &str = "sightline-loadtest/1";
/// Largest value a histogram tells, µs: ten minutes; a later one counts as this.
const VALUE_US_MAX: u64 = 600_000_000;
/// Significant decimal digits of a histogram.
const DIGITS: u8 = 3;
/// Different kinds of errors kept apart; the rest is counted together.
const ERROR_KINDS_MAX: usize = 64;

/// Histograms by phase, such as `warm.total`.
#[derive(Debug, Default)]
pub struct Phases {
    histograms: BTreeMap<String, Histogram<u64>>,
}

impl Phases {
    /// Adds one measurement.
    pub fn record(&mut self, phase: &str, value: Duration) {
        let us = u64::try_from(value.as_micros()).unwrap_or(u64::MAX).clamp(1, VALUE_US_MAX);
        if let Some(histogram) = self.histograms.get_mut(phase) {
            histogram.saturating_record(us);
        } else if let Some(mut histogram) = empty() {
            histogram.saturating_record(us);
            self.histograms.insert(phase.to_owned(), histogram);
        }
    }

    /// Percentiles of all phases that match `matches` taken together; `None` when nothing was measured.
    #[must_use]
    pub fn merged(&self, matches: impl Fn(&str) -> bool) -> Option<Percentiles> {
        let mut sum = empty()?;
        for (_, histogram) in self.histograms.iter().filter(|(name, _)| matches(name)) {
            sum.add(histogram).ok()?;
        }
        (!sum.is_empty()).then(|| Percentiles::of(&sum))
    }

    /// Percentiles of every phase.
    #[must_use]
    pub fn summary(&self) -> BTreeMap<String, Percentiles> {
        self.histograms.iter().map(|(name, histogram)| (name.clone(), Percentiles::of(histogram))).collect()
    }
}

fn empty() -> Option<Histogram<u64>> {
    // The bounds are constants that the library accepts.
    Histogram::new_with_bounds(1, VALUE_US_MAX, DIGITS).ok()
}

/// One phase in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Percentiles {
    /// Measurements.
    pub count: u64,
    /// Smallest.
    pub min: f64,
    /// Median.
    pub p50: f64,
    /// 90th percentile.
    pub p90: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 99th percentile.
    pub p99: f64,
    /// Largest.
    pub max: f64,
}

impl Percentiles {
    /// Names that [`Self::get`] knows.
    pub const STATISTICS: [&'static str; 7] = ["count", "min", "p50", "p90", "p95", "p99", "max"];

    fn of(histogram: &Histogram<u64>) -> Self {
        let ms = |us: u64| us as f64 / 1_000.0;
        Self {
            count: histogram.len(),
            min: ms(histogram.min()),
            p50: ms(histogram.value_at_quantile(0.50)),
            p90: ms(histogram.value_at_quantile(0.90)),
            p95: ms(histogram.value_at_quantile(0.95)),
            p99: ms(histogram.value_at_quantile(0.99)),
            max: ms(histogram.max()),
        }
    }

    /// A statistic by its name.
    #[must_use]
    pub fn get(&self, statistic: &str) -> Option<f64> {
        Some(match statistic {
            "count" => self.count as f64,
            "min" => self.min,
            "p50" => self.p50,
            "p90" => self.p90,
            "p95" => self.p95,
            "p99" => self.p99,
            "max" => self.max,
            _ => return None,
        })
    }
}

/// What a scenario counts while it runs.
#[derive(Debug, Default)]
pub struct Tally {
    /// Durations.
    pub phases: Phases,
    /// Counts by name.
    pub totals: BTreeMap<String, u64>,
    /// Failures by kind.
    pub errors: BTreeMap<String, u64>,
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

    /// Counts a failure.
    pub fn fail(&mut self, kind: &str) {
        let kind = if self.errors.len() < ERROR_KINDS_MAX || self.errors.contains_key(kind) { kind } else { "other" };
        *self.errors.entry(kind.to_owned()).or_default() += 1;
    }

    /// All failures.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.errors.values().sum()
    }
}

/// The JSON report.
#[derive(Debug, Serialize)]
pub struct Report {
    /// [`REPORT_FORMAT`].
    pub format: &'static str,
    /// `connect` or `chat`.
    pub scenario: &'static str,
    /// Where it was aimed.
    pub target: String,
    /// Start of the run, ms since the Unix epoch, this machine's clock.
    pub started_at_ms: f64,
    /// Length of the run, seconds.
    pub duration_s: f64,
    /// What was asked for.
    pub settings: serde_json::Value,
    /// Percentiles by phase, ms.
    pub phases: BTreeMap<String, Percentiles>,
    /// Counts.
    pub totals: BTreeMap<String, u64>,
    /// Failures by kind.
    pub errors: BTreeMap<String, u64>,
    /// The assertions and how they came out.
    pub asserts: Vec<Verdict>,
    /// Whether the operator stopped it; the figures are of what ran until then.
    pub interrupted: bool,
    /// Why it ended early.
    pub broken_off: Option<String>,
}

impl Report {
    /// The summary for a terminal, the phases of each mode in the given order.
    #[must_use]
    pub fn table(&self, order: &[&str]) -> String {
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
        let mut rows: Vec<_> = self.phases.iter().collect();
        rows.sort_by_key(|(name, _)| {
            let (mode, phase) = name.split_once('.').unwrap_or((name, ""));
            (mode.to_owned(), order.iter().position(|known| *known == phase))
        });
        for (name, row) in rows {
            let _ = writeln!(
                text,
                "{name:<22}{:>8}{:>10.1}{:>10.1}{:>10.1}{:>10.1}{:>10.1}{:>10.1}",
                row.count, row.min, row.p50, row.p90, row.p95, row.p99, row.max
            );
        }
        let _ = writeln!(text);
        for (name, count) in &self.totals {
            let _ = writeln!(text, "{name:<22}{count:>8}");
        }
        for (kind, count) in &self.errors {
            let _ = writeln!(text, "error: {kind:<40}{count:>8}");
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_what_was_recorded() {
        let mut phases = Phases::default();
        for ms in 1..=100 {
            phases.record("warm.total", Duration::from_millis(ms));
        }
        phases.record("cold.total", Duration::from_millis(1_000));
        let warm = phases.merged(|name| name == "warm.total").unwrap();
        assert_eq!(warm.count, 100);
        assert!((warm.p95 - 95.0).abs() < 0.2, "{warm:?}");
        assert!((warm.max - 100.0).abs() < 0.2);
        let both = phases.merged(|name| name.ends_with(".total")).unwrap();
        assert_eq!(both.count, 101);
        assert!(phases.merged(|name| name == "nothing").is_none());
    }

    #[test]
    fn error_kinds_are_bounded() {
        let mut tally = Tally::default();
        for n in 0..200 {
            tally.fail(&n.to_string());
        }
        assert!(tally.errors.len() <= ERROR_KINDS_MAX + 1);
        assert_eq!(tally.failures(), 200);
    }
}
