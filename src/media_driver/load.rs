//! How a worker fares: processor time, lateness, and datagrams it sent and threw away. Told once a second beside the samples.

use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::udp::Datagram;

/// A share of all, in thousandths.
pub(super) const WHOLE: u32 = 1_000;

/// Figures of one worker.
pub(super) struct Load {
    since: Instant,
    cpu_before: Option<Duration>,
    late: Duration,
    sent: u64,
    dropped: u64,
    random: u32,
}

impl Load {
    pub(super) fn new() -> Self {
        Self {
            since: Instant::now(),
            cpu_before: thread_cpu(),
            late: Duration::ZERO,
            sent: 0,
            dropped: 0,
            random: 0x9e37_79b9,
        }
    }

    /// The worker did what was due so much later than it was.
    pub(super) fn was_late(&mut self, by: Duration) {
        self.late = self.late.max(by);
    }

    /// So many datagrams were handed over, and so many of them taken by the network.
    pub(super) fn sent(&mut self, handed: usize, taken: usize) {
        self.sent += taken as u64;
        self.dropped += handed.saturating_sub(taken) as u64;
    }

    /// Throws away a share of what is to be sent, as a worker does whose socket is full: the fault that a demonstration or
    /// a test asks for. `share` is in thousandths.
    pub(super) fn drop_share(&mut self, share: &AtomicU32, outgoing: &mut Vec<Datagram>) {
        let share = share.load(Relaxed);
        if share == 0 {
            return;
        }
        let before = outgoing.len();
        outgoing.retain(|_| {
            // Xorshift (Marsaglia 2003): which datagram it hits need not be a secret.
            self.random ^= self.random << 13;
            self.random ^= self.random >> 17;
            self.random ^= self.random << 5;
            self.random % WHOLE >= share
        });
        self.dropped += (before - outgoing.len()) as u64;
    }

    /// The figures since the last call; `dropped` and `sent` since the worker began.
    pub(super) fn tell(&mut self) -> Value {
        let wall = self.since.elapsed().as_secs_f64();
        let cpu = thread_cpu();
        let used = cpu.zip(self.cpu_before).map(|(now, before)| now.saturating_sub(before).as_secs_f64());
        let share = used.filter(|_| wall > 0.0).map(|used| (used / wall).min(1.0));
        let late_ms = self.late.as_secs_f64() * 1e3;
        (self.since, self.cpu_before, self.late) = (Instant::now(), cpu, Duration::ZERO);
        let mut figures =
            json!({ "late_ms": (late_ms * 10.0).round() / 10.0, "sent": self.sent, "dropped": self.dropped });
        if let Some(share) = share {
            figures["cpu"] = Value::from((share * 1e3).round() / 1e3);
        }
        figures
    }
}

/// Processor time of this thread.
fn thread_cpu() -> Option<Duration> {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a live timespec of ours, which the call fills.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) } != 0;
    let (seconds, nanos) = (u64::try_from(time.tv_sec).ok()?, u32::try_from(time.tv_nsec).ok()?);
    (!failed).then(|| Duration::new(seconds, nanos))
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};

    use super::*;

    #[test]
    fn what_is_thrown_away_is_counted() {
        let mut load = Load::new();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 9));
        let one = || Datagram { source: address, destination: address, contents: vec![0] };
        let mut outgoing: Vec<_> = (0..10_000).map(|_| one()).collect();
        load.drop_share(&AtomicU32::new(0), &mut outgoing);
        assert_eq!(outgoing.len(), 10_000);
        load.drop_share(&AtomicU32::new(200), &mut outgoing);
        assert!((7_700..8_300).contains(&outgoing.len()), "{}", outgoing.len());
        load.sent(outgoing.len(), outgoing.len() - 5);
        load.was_late(Duration::from_millis(7));
        let told = load.tell();
        assert_eq!(told["dropped"], 10_000 - outgoing.len() + 5);
        assert_eq!(told["late_ms"], 7.0);
        assert!(told["cpu"].as_f64().is_some_and(|cpu| (0.0..=1.0).contains(&cpu)));
        assert_eq!(load.tell()["late_ms"], 0.0);
    }
}
