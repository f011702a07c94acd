//! Whether this process keeps up. When it does not, whoever comes is told so at once, so that those who are in are served.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Time between two probes.
const PROBE_EVERY: Duration = Duration::from_millis(20);
/// Mean delay of a task that is due, above which nobody new is let in. A greeting takes some ten turns of tasks: at this delay
/// it takes longer than anybody waits.
const TOO_LATE: Duration = Duration::from_millis(500);
/// Mean delay below which the doors open again.
const ON_TIME: Duration = Duration::from_millis(100);
/// Weight of a new probe in the mean: about the last second counts.
const WEIGHT: f64 = 0.025;
/// The same for what is true at this moment: some ten probes.
const WEIGHT_NOW: f64 = 0.2;

/// How far behind this process is.
#[derive(Debug, Default)]
pub struct Pressure {
    overloaded: AtomicBool,
    lag_us: AtomicU64,
    lag_now_us: AtomicU64,
}

impl Pressure {
    /// Whether nobody new should be let in.
    #[must_use]
    pub fn is_overloaded(&self) -> bool {
        self.overloaded.load(Ordering::Relaxed)
    }

    /// Mean delay of tasks that are due.
    #[must_use]
    pub fn lag(&self) -> Duration {
        Duration::from_micros(self.lag_us.load(Ordering::Relaxed))
    }

    /// The same over the last tenths of a second.
    #[must_use]
    pub fn lag_now(&self) -> Duration {
        Duration::from_micros(self.lag_now_us.load(Ordering::Relaxed))
    }

    /// Probes for as long as the process lives.
    pub async fn watch(self: Arc<Self>) {
        let (mut mean, mut mean_now) = (Duration::ZERO, Duration::ZERO);
        let mut due = Instant::now() + PROBE_EVERY;
        loop {
            sleep_until(due).await;
            let now = Instant::now();
            let late = now.saturating_duration_since(due);
            // A delay of many intervals stands for as many probes that could not be made.
            let missed = (late.as_secs_f64() / PROBE_EVERY.as_secs_f64()).clamp(1.0, 100.0);
            mean = mix(mean, late, 1.0 - (1.0 - WEIGHT).powf(missed));
            mean_now = mix(mean_now, late, 1.0 - (1.0 - WEIGHT_NOW).powf(missed));
            self.note_now(mean_now);
            self.note(mean);
            due = now + PROBE_EVERY;
        }
    }

    pub(crate) fn note_now(&self, mean: Duration) {
        self.lag_now_us.store(u64::try_from(mean.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn note(&self, mean: Duration) {
        self.lag_us.store(u64::try_from(mean.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        if mean > TOO_LATE && !self.overloaded.swap(true, Ordering::Relaxed) {
            tracing::warn!(lag_ms = mean.as_millis(), "overloaded: nobody new is let in");
            metrics::counter!("sightline_overloads_total").increment(1);
        } else if mean < ON_TIME && self.overloaded.swap(false, Ordering::Relaxed) {
            tracing::info!("no longer overloaded");
        }
    }
}

fn mix(mean: Duration, new: Duration, weight: f64) -> Duration {
    mean.mul_f64(1.0 - weight) + new.mul_f64(weight)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_doors_close_late_and_open_when_all_is_well() {
        let pressure = Pressure::default();
        pressure.note(Duration::from_millis(300));
        assert!(!pressure.is_overloaded());
        pressure.note(Duration::from_millis(600));
        assert!(pressure.is_overloaded());
        pressure.note(Duration::from_millis(300));
        assert!(pressure.is_overloaded(), "between the two marks nothing changes");
        pressure.note(Duration::from_millis(10));
        assert!(!pressure.is_overloaded());
    }
}
