//! Verdicts on conversations while they go on: blocks that are on disk are judged, and what changes is kept with the
//! conversation and told to the agents.
//!
//! Owns the traces of conversations that send samples now (`live`), the counts of how others fare and the incidents (`crowd`), and the way of a verdict to rows and consoles (`tell`).
//! Refuses: the judgement itself (that is the crate `diagnosis`), the log of samples (that is [`crate::telemetry`]).

mod brief;
mod crowd;
pub mod keys;
mod live;
mod playing;
mod tell;

pub use brief::brief;
pub use crowd::{Keys, Others, SCOPES};
pub use live::{Judged, LiveVerdicts, News};
pub use playing::{InTrouble, Played};
pub use tell::{diagnosis_of, keep_last, tell};
