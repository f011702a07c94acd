//! The end of old samples: segments in which everything is too old go, file and index rows.

use std::time::Duration;

use super::{TelemetryError, TelemetryLog};
use crate::clock;

/// How often is looked.
const LOOK_EVERY: Duration = Duration::from_secs(3_600);
const DAY_MS: i64 = 24 * 3_600_000;
/// Days of a month, on average.
const MONTH_MS: i64 = 304 * DAY_MS / 10;

/// How long things stay.
#[derive(Debug, Clone, Copy)]
pub struct Retention {
    /// Samples, days.
    pub samples_days: u32,
    /// Diagnoses of resolved tickets, months.
    pub diagnoses_months: u32,
}

/// Looks every hour, for ever.
pub async fn keep_tidy(log: TelemetryLog, retention: Retention) {
    loop {
        match tidy_up(&log, retention, clock::now_ms()).await {
            Ok(0) => {}
            Ok(segments) => tracing::info!(segments, "old samples were removed"),
            Err(error) => tracing::warn!(%error, "old samples could not be removed"),
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Removes what is too old at `now_ms`; says how many segments went.
///
/// # Errors
/// [`TelemetryError::Io`], [`TelemetryError::Index`]; what is left goes the next time.
pub(super) async fn tidy_up(log: &TelemetryLog, retention: Retention, now_ms: i64) -> Result<usize, TelemetryError> {
    let store = log.store();
    store.forget_diagnoses(now_ms - i64::from(retention.diagnoses_months) * MONTH_MS).await?;
    let before_ms = now_ms - i64::from(retention.samples_days) * DAY_MS;
    let mut removed = 0;
    for segment in store.expired_segments(before_ms).await? {
        // The file goes first: rows without a file are no samples, a file without rows would be indexed again.
        if log.remove_segment(&segment).await? {
            store.forget_segment(&segment).await?;
            removed += 1;
        }
    }
    Ok(removed)
}
