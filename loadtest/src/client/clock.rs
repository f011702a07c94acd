//! The server's clock as a client knows it (docs/protocol.md, Session 2).

use std::sync::LazyLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

static START: LazyLock<(Instant, f64)> = LazyLock::new(|| {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (Instant::now(), unix.as_secs_f64() * 1_000.0)
});

/// Milliseconds since the Unix epoch on this machine's clock. Steps of the wall clock during the run do not show.
#[must_use]
pub fn unix_ms() -> f64 {
    unix_ms_at(Instant::now())
}

/// The same for a moment that was taken before.
#[must_use]
pub(crate) fn unix_ms_at(at: Instant) -> f64 {
    let (start, unix) = *START;
    let ahead = at.saturating_duration_since(start).as_secs_f64();
    let behind = start.saturating_duration_since(at).as_secs_f64();
    unix + (ahead - behind) * 1_000.0
}

/// Offset between this machine and the server, from the exchange with the smallest round trip.
#[derive(Debug, Clone, Copy, Default)]
pub struct ServerClock {
    best: Option<(f64, f64)>,
}

impl ServerClock {
    /// Takes in one exchange; all in milliseconds, `sent` and `received` on this machine's clock.
    pub fn note(&mut self, sent_ms: f64, received_ms: f64, server_ms: f64) {
        let round_trip = received_ms - sent_ms;
        if !round_trip.is_finite() || round_trip < 0.0 || !server_ms.is_finite() {
            return;
        }
        let offset = server_ms - f64::midpoint(sent_ms, received_ms);
        if self.best.is_none_or(|(known, _)| round_trip < known) {
            self.best = Some((round_trip, offset));
        }
    }

    /// What to add to this machine's clock, ms; 0 until an exchange was seen.
    #[must_use]
    pub fn offset_ms(&self) -> f64 {
        self.best.map_or(0.0, |(_, offset)| offset)
    }

    /// Smallest round trip seen, ms.
    #[must_use]
    pub fn round_trip_ms(&self) -> Option<f64> {
        self.best.map(|(round_trip, _)| round_trip)
    }

    /// Now, on the server's clock, ms since the Unix epoch.
    #[must_use]
    pub fn now_ms(&self) -> f64 {
        unix_ms() + self.offset_ms()
    }

    /// A moment taken on this machine, on the server's clock, ms since the Unix epoch.
    #[must_use]
    pub fn at_ms(&self, at: Instant) -> f64 {
        unix_ms_at(at) + self.offset_ms()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_round_trip_wins() {
        let mut clock = ServerClock::default();
        clock.note(1_000.0, 1_100.0, 5_050.0);
        assert_eq!(clock.offset_ms(), 4_000.0);
        clock.note(2_000.0, 2_010.0, 6_015.0);
        assert_eq!(clock.offset_ms(), 4_010.0);
        clock.note(3_000.0, 3_500.0, 9_000.0);
        assert_eq!(clock.offset_ms(), 4_010.0);
        assert_eq!(clock.round_trip_ms(), Some(10.0));
    }

    #[test]
    fn nonsense_is_ignored() {
        let mut clock = ServerClock::default();
        clock.note(10.0, 5.0, 1.0);
        clock.note(f64::NAN, 5.0, 1.0);
        assert_eq!(clock.round_trip_ms(), None);
    }
}
