//! CPU and memory of the server, sampled from its `/metrics`.

use std::fmt;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::{EVERY, GONE_LOOKS};
use crate::client::{ClientError, RestClient};
use crate::scenarios::{StopReason, StopSwitch};

/// Samples kept: a day of seconds. When there are more, every second one is given up.
const SAMPLES_MAX: usize = 86_400;

/// One look at `/metrics`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// CPU time used since the process began, seconds.
    pub cpu_s: Option<f64>,
    /// Resident memory, bytes.
    pub rss_bytes: Option<f64>,
    /// Open WebSockets.
    pub sockets: Option<f64>,
    /// Running calls.
    pub calls: Option<f64>,
}

impl Measured {
    /// Asks a server.
    ///
    /// # Errors
    /// [`ClientError`], also when the server does not let us see.
    pub async fn ask(rest: &RestClient) -> Result<Self, ClientError> {
        let (status, text) = rest.text("/metrics").await?;
        if status != 200 {
            let message = text.chars().take(120).collect();
            return Err(ClientError::Rest { method: "GET", path: "/metrics".into(), status, code: None, message });
        }
        Ok(Self::parse(&text))
    }

    /// Reads the Prometheus text format as far as it is ours.
    fn parse(text: &str) -> Self {
        let value = |name: &str| {
            let line = text.lines().find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')))?;
            line.rsplit(' ').next()?.parse::<f64>().ok().filter(|value| value.is_finite())
        };
        Self {
            cpu_s: value("process_cpu_seconds_total"),
            rss_bytes: value("process_resident_memory_bytes"),
            sockets: value("sightline_sockets"),
            calls: value("sightline_calls"),
        }
    }
}

/// The server in one second of a run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ServerSample {
    /// Seconds after the start of the run.
    pub t_s: f64,
    /// CPU in the second before, percent of one core.
    pub cpu_percent: Option<f64>,
    /// Resident memory, bytes.
    pub rss_bytes: Option<f64>,
    /// Open WebSockets.
    pub sockets: Option<f64>,
    /// Running calls.
    pub calls: Option<f64>,
}

/// Mean and extremes of a series.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// First value.
    pub first: f64,
    /// Last value.
    pub last: f64,
    /// Mean.
    pub mean: f64,
    /// Largest.
    pub max: f64,
}

impl Spread {
    /// Of a series; `None` when it is empty.
    #[must_use]
    pub fn of(values: impl Iterator<Item = f64>) -> Option<Self> {
        let (mut spread, mut count) = (None::<Self>, 0.0);
        for value in values {
            count += 1.0;
            let known = spread.get_or_insert(Self { first: value, last: value, mean: 0.0, max: value });
            known.last = value;
            known.max = known.max.max(value);
            known.mean += (value - known.mean) / count;
        }
        spread
    }
}

/// The server during a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServerReport {
    /// CPU, percent of one core.
    pub cpu_percent: Option<Spread>,
    /// Resident memory, bytes.
    pub rss_bytes: Option<Spread>,
    /// Second by second.
    pub samples: Vec<ServerSample>,
}

impl ServerReport {
    fn of(samples: Vec<ServerSample>) -> Self {
        Self {
            cpu_percent: Spread::of(samples.iter().filter_map(|sample| sample.cpu_percent)),
            rss_bytes: Spread::of(samples.iter().filter_map(|sample| sample.rss_bytes)),
            samples,
        }
    }
}

impl fmt::Display for ServerReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cpu_percent {
            Some(cpu) => write!(f, "server CPU: mean {:.0} %, max {:.0} % of one core", cpu.mean, cpu.max)?,
            None => write!(f, "server CPU: not told")?,
        }
        if let Some(rss) = &self.rss_bytes {
            let mib = |bytes: f64| bytes / 1_048_576.0;
            write!(f, "; memory {:.0} → {:.0} MiB, max {:.0}", mib(rss.first), mib(rss.last), mib(rss.max))?;
        }
        Ok(())
    }
}

/// Looks once a second until told to end; `None` when the server never told anything.
pub(super) async fn watch(
    rest: RestClient,
    stop: StopSwitch,
    mut ended: watch::Receiver<bool>,
) -> Option<ServerReport> {
    let began = Instant::now();
    let mut samples: Vec<ServerSample> = Vec::new();
    let mut before: Option<(Instant, f64)> = None;
    let mut gone = 0;
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = ended.wait_for(|ended| *ended) => break,
        }
        let measured = tokio::select! {
            measured = Measured::ask(&rest) => measured,
            _ = ended.wait_for(|ended| *ended) => break,
        };
        match measured {
            Ok(measured) => {
                gone = 0;
                let now = Instant::now();
                let cpu_percent = measured.cpu_s.and_then(|cpu_s| {
                    let (at, known) = before.replace((now, cpu_s))?;
                    Some((cpu_s - known).max(0.0) / (now - at).as_secs_f64() * 100.0)
                });
                let t_s = (now - began).as_secs_f64();
                let Measured { rss_bytes, sockets, calls, .. } = measured;
                samples.push(ServerSample { t_s, cpu_percent, rss_bytes, sockets, calls });
                thin_out(&mut samples);
            }
            // A server that does not let us see, or is too busy to answer, is not gone.
            Err(ClientError::Unreachable { reason, .. }) if !reason.contains("timed out") => {
                gone += 1;
                before = None;
                if gone >= GONE_LOOKS {
                    let after = began.elapsed().as_secs_f64();
                    stop.stop(StopReason::Broken(format!("the server went away {after:.0} s into the run: {reason}")));
                    break;
                }
            }
            Err(_) => {}
        }
    }
    (!samples.is_empty()).then(|| ServerReport::of(samples))
}

fn thin_out(samples: &mut Vec<ServerSample>) {
    if samples.len() >= SAMPLES_MAX {
        let mut keep = false;
        samples.retain(|_| {
            keep = !keep;
            keep
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_format_is_read() {
        let text = "# TYPE sightline_calls gauge\nsightline_calls 3\nsightline_calls_invited_total 9\n\
            process_cpu_seconds_total 12.5\nprocess_resident_memory_bytes 104857600\n";
        let found = Measured::parse(text);
        assert_eq!(found.cpu_s, Some(12.5));
        assert_eq!(found.calls, Some(3.0));
        assert_eq!(found.rss_bytes, Some(104_857_600.0));
        assert_eq!(found.sockets, None);
    }

    #[test]
    fn a_spread_is_of_its_values() {
        let spread = Spread::of([1.0, 4.0, 1.0].into_iter()).unwrap();
        assert_eq!((spread.first, spread.last, spread.mean, spread.max), (1.0, 1.0, 2.0, 4.0));
        assert!(Spread::of(std::iter::empty()).is_none());
    }
}
