//! Why a viewer's live picture stutters: one second of telemetry after the other in, scores, issues and a verdict out.
//!
//! Owns the model of what was measured ([`Trace`]), readers of our own and of other tools' files ([`read`]), a writer of
//! rtcstats dumps ([`write`](mod@write)), and the judgement ([`diagnose`]). Refuses clocks, sockets, files and randomness: the same
//! samples always give the same diagnosis. `docs/diagnosis.md` has the formulas, thresholds and rules in words.
//!
//! What was not measured is absent and is never taken for zero; nothing is blamed for what nobody measured.

mod lenient;

pub mod issues;
pub mod model;
pub mod read;
pub mod scores;
pub mod thresholds;
mod timeline;
pub mod verdict;
pub mod write;

use serde::{Deserialize, Serialize};

pub use issues::{Change, Issue, changes};
pub use model::{LaneName, Trace};
pub use read::{Parsed, ReadError, parse};
pub use scores::Scores;
pub use verdict::{Cause, Verdict};

use timeline::Timeline;

/// Version of formulas, thresholds and rules together. It goes up whenever the same trace may give another answer.
pub const VERSION: u32 = 1;

/// The stretch of time that is judged. Times are ms since the Unix epoch on the clock of the trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// First second that counts.
    pub from_ms: i64,
    /// Last second that counts: "now" while a chat goes on.
    pub to_ms: i64,
}

impl Window {
    /// Longest window, seconds: six hours, as long as a lane. A longer one is cut at its beginning.
    pub const SECONDS_MAX: i64 = 6 * 60 * 60;

    /// The last `seconds` before `now_ms`.
    #[must_use]
    pub fn last(now_ms: i64, seconds: i64) -> Self {
        Self { from_ms: now_ms.saturating_sub(seconds.max(0).saturating_mul(1_000)), to_ms: now_ms }
    }
}

/// Everything that is said about a trace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// [`VERSION`] that gave it.
    pub version: u32,
    /// What was judged; `None` when the trace holds nothing.
    pub window: Option<Window>,
    /// How good each leg was.
    pub scores: Scores,
    /// Troubles with start and length, in the order of their starts.
    pub issues: Vec<Issue>,
    /// Why.
    pub verdict: Verdict,
    /// Lanes of which the trace holds nothing.
    pub lanes_missing: Vec<LaneName>,
}

/// Judges a trace: all of it, or the window. Cheap enough for once a second and open ticket; `docs/diagnosis.md` has the
/// figures. Issues older than the window are not in the answer.
#[must_use]
pub fn diagnose(trace: &Trace, window: Option<Window>) -> Diagnosis {
    let trace = &*timeline::given_up::marked(trace);
    let timeline = Timeline::of(trace, window);
    let issues = issues::detect(&timeline);
    Diagnosis {
        version: VERSION,
        window: timeline.window(),
        scores: scores::score(&timeline),
        verdict: verdict::judge(trace, &timeline, &issues),
        issues,
        lanes_missing: trace.lanes_missing(),
    }
}
