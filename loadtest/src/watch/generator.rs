//! This tool as a suspect: its own delay and CPU. A generator that cannot keep up measures itself and not the server.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;
use tokio::time::{Instant as TokioInstant, sleep_until};

use super::{EVERY, Spread};
use crate::report::{Percentiles, Phases};

/// Phase name of the delay with which this tool's tasks get to run.
pub const GENERATOR_LAG: &str = "generator.lag";
/// Delay above which, at the 99th percentile, a run is not about the server any more: figures of tens of milliseconds
/// cannot be told by a clock that is late by as much.
pub const LAG_MAX: Duration = Duration::from_millis(50);
/// Share of all cores above which the tool itself is short of CPU.
const CPU_SHARE_MAX: f64 = 0.95;
/// Time between two probes of the delay.
const PROBE_EVERY: Duration = Duration::from_millis(10);
/// CPU samples kept, one a second: a day.
const SAMPLES_MAX: usize = 86_400;

/// This tool during a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GeneratorReport {
    /// CPU, percent of one core.
    pub cpu_percent: Option<Spread>,
    /// CPU second by second, percent of one core.
    pub cpu_samples: Vec<f64>,
    /// Delay of a task that was due, ms.
    pub lag_ms: Option<Percentiles>,
    /// Cores it may use.
    pub cores: u64,
    /// Whether it could not keep up.
    pub saturated: bool,
}

impl fmt::Display for GeneratorReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cpu = self.cpu_percent.map_or(0.0, |cpu| cpu.mean);
        let lag = self.lag_ms.map_or(0.0, |lag| lag.p99);
        write!(f, "generator CPU: mean {cpu:.0} % of one core, {} cores; delay p99 {lag:.1} ms", self.cores)?;
        if self.saturated { write!(f, "; SATURATED") } else { Ok(()) }
    }
}

#[derive(Debug, Default)]
struct Seen {
    lag: Phases,
    cpu: Vec<f64>,
}

/// Watches this process.
#[derive(Debug)]
pub struct Generator {
    seen: Arc<Mutex<Seen>>,
    task: JoinHandle<()>,
}

impl Generator {
    /// Begins to watch.
    #[must_use]
    pub fn start() -> Self {
        let seen = Arc::new(Mutex::new(Seen::default()));
        Self { task: tokio::spawn(probe(Arc::clone(&seen))), seen }
    }

    /// The delays until now.
    #[must_use]
    pub fn lag_so_far(&self) -> Option<Percentiles> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).lag.get(GENERATOR_LAG)
    }

    /// Ends it; the delays are added to `phases`.
    #[must_use]
    pub fn finish(self, phases: &mut Phases) -> GeneratorReport {
        self.task.abort();
        let seen = std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner));
        phases.add(&seen.lag);
        let lag_ms = seen.lag.get(GENERATOR_LAG);
        let cpu_percent = Spread::of(seen.cpu.iter().copied());
        let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
        let late = lag_ms.is_some_and(|lag| lag.p99 > LAG_MAX.as_secs_f64() * 1_000.0);
        let busy = cpu_percent.is_some_and(|cpu| cpu.mean > cores as f64 * 100.0 * CPU_SHARE_MAX);
        GeneratorReport { cpu_percent, cpu_samples: seen.cpu, lag_ms, cores, saturated: late || busy }
    }
}

async fn probe(seen: Arc<Mutex<Seen>>) {
    let mut due = TokioInstant::now() + PROBE_EVERY;
    let mut before = (Instant::now(), own_cpu_s());
    loop {
        sleep_until(due).await;
        let now = TokioInstant::now();
        let lag = now.saturating_duration_since(due);
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.lag.record(GENERATOR_LAG, lag);
        if before.0.elapsed() >= EVERY {
            let after = (Instant::now(), own_cpu_s());
            if let (Some(was), Some(is)) = (before.1, after.1)
                && seen.cpu.len() < SAMPLES_MAX
            {
                seen.cpu.push((is - was).max(0.0) / (after.0 - before.0).as_secs_f64() * 100.0);
            }
            before = after;
        }
        // Probes that were missed were late as well; going on from now keeps the count of probes honest enough.
        due = (due + PROBE_EVERY).max(now);
    }
}

/// CPU time of this process, seconds.
fn own_cpu_s() -> Option<f64> {
    // SAFETY: rusage is plain data for which all zeroes are a valid value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a live rusage of the right type.
    if unsafe { libc::getrusage(libc::RUSAGE_SELF, &raw mut usage) } != 0 {
        return None;
    }
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    Some(seconds(usage.ru_utime) + seconds(usage.ru_stime))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_blocked_generator_is_seen() {
        let generator = Generator::start();
        tokio::time::sleep(Duration::from_millis(30)).await;
        for _ in 0..4 {
            // Blocks the one thread of this test's runtime, as too much work does.
            std::thread::sleep(Duration::from_millis(120));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let mut phases = Phases::default();
        let report = generator.finish(&mut phases);
        assert!(report.saturated, "{report}");
        assert!(phases.get(GENERATOR_LAG).is_some());
    }
}
