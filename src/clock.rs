//! The server's wall clock, read here alone.

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since the Unix epoch, with the fraction.
#[must_use]
pub fn now_ms_f64() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64() * 1e3)
}

/// Whole milliseconds since the Unix epoch.
#[must_use]
pub fn now_ms() -> i64 {
    now_ms_f64() as i64
}
