//! HDR histograms by phase, and the percentiles made of them.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// Largest value a histogram tells, µs: ten minutes; a later one counts as this.
const VALUE_US_MAX: u64 = 600_000_000;
/// Significant decimal digits of a histogram.
const DIGITS: u8 = 3;
/// Different phases kept apart; a scenario has some dozens.
const PHASES_MAX: usize = 256;
/// Quantiles of a distribution's curve.
const CURVE: [f64; 16] = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.975, 0.99, 0.995, 0.999, 1.0];

/// Histograms by phase, such as `warm.total`.
#[derive(Debug, Default)]
pub struct Phases {
    histograms: BTreeMap<String, Histogram<u64>>,
}

impl Phases {
    /// Adds one measurement.
    pub fn record(&mut self, phase: &str, value: Duration) {
        let us = u64::try_from(value.as_micros()).unwrap_or(u64::MAX).min(VALUE_US_MAX);
        if let Some(histogram) = self.histograms.get_mut(phase) {
            histogram.saturating_record(us);
        } else if self.histograms.len() < PHASES_MAX
            && let Some(mut histogram) = empty()
        {
            histogram.saturating_record(us);
            self.histograms.insert(phase.to_owned(), histogram);
        }
    }

    /// Takes in another run's measurements, phase by phase.
    pub fn add(&mut self, other: &Self) {
        for (phase, histogram) in &other.histograms {
            match self.histograms.get_mut(phase) {
                // Both have the same bounds.
                Some(own) => drop(own.add(histogram)),
                None => drop(self.histograms.insert(phase.clone(), histogram.clone())),
            }
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

    /// Percentiles of one phase.
    #[must_use]
    pub fn get(&self, phase: &str) -> Option<Percentiles> {
        self.histograms.get(phase).map(Percentiles::of)
    }

    /// Percentiles of every phase.
    #[must_use]
    pub fn summary(&self) -> BTreeMap<String, Percentiles> {
        self.histograms.iter().map(|(name, histogram)| (name.clone(), Percentiles::of(histogram))).collect()
    }

    /// Curves of the phases that end a measurement (`….total`, `….ack`): quantile and milliseconds.
    #[must_use]
    pub fn curves(&self, ends: &[&str]) -> BTreeMap<String, Vec<(f64, f64)>> {
        let wanted = |name: &str| name.split_once('.').is_some_and(|(_, phase)| ends.contains(&phase));
        self.histograms
            .iter()
            .filter(|(name, _)| wanted(name))
            .map(|(name, histogram)| {
                let curve = CURVE.iter().map(|quantile| (*quantile, ms(histogram.value_at_quantile(*quantile))));
                (name.clone(), curve.collect())
            })
            .collect()
    }
}

fn ms(us: u64) -> f64 {
    us as f64 / 1_000.0
}

fn empty() -> Option<Histogram<u64>> {
    // The bounds are constants that the library accepts.
    Histogram::new_with_bounds(1, VALUE_US_MAX, DIGITS).ok()
}

/// One phase in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
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
        let warm = phases.get("warm.total").unwrap();
        assert_eq!(warm.count, 100);
        assert!((warm.p95 - 95.0).abs() < 0.2, "{warm:?}");
        assert!((warm.max - 100.0).abs() < 0.2);
        let both = phases.merged(|name| name.ends_with(".total")).unwrap();
        assert_eq!(both.count, 101);
        assert!(phases.merged(|name| name == "nothing").is_none());
        let curve = &phases.curves(&["total"])["warm.total"];
        assert_eq!(curve.len(), CURVE.len());
        assert!(curve.is_sorted_by(|a, b| a.1 <= b.1));
    }

    #[test]
    fn runs_are_added_up() {
        let (mut one, mut two) = (Phases::default(), Phases::default());
        one.record("a.total", Duration::from_millis(10));
        two.record("a.total", Duration::from_millis(30));
        two.record("b.total", Duration::ZERO);
        one.add(&two);
        assert_eq!(one.get("a.total").map(|row| row.count), Some(2));
        assert_eq!(one.get("b.total").map(|row| row.max), Some(0.0));
    }
}
