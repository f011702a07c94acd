//! Telemetry: quality samples of calls and players, kept durably and given back as series.
//!
//! Owns the segment log (`segment`, `log`): blocks are opaque bytes that are appended to a file of this node and
//! acknowledged after its fsync; SQL holds an index of them that can be made again from the log, and closed segments
//! move to an object store. Owns, too, the reading of blocks (`lanes`, `samples`) and the views the ticket shows
//! (`view`). Refuses: SQL (it uses [`crate::storage`]), sockets, judgement about the samples (that is diagnosis).

mod archive;
mod index;
mod lanes;
mod log;
mod retention;
mod samples;
mod segment;
mod view;

use std::path::PathBuf;

use signaling::wire::Leg;
use signaling::{CallId, ConversationId};

use crate::storage::StorageError;

pub use lanes::{is_codec, lanes_document};

pub use log::{BLOCKS_QUEUED_MAX, CLOSE_WAIT_MAX, Tap, TelemetryLog};
pub use retention::{Retention, keep_tidy};
pub use samples::{ConversationSeries, SERIES_SAMPLES_MAX};
pub use view::{EXPORT_FORMAT, Measured, call_view, connect_view, export};

/// The samples of a block by lane, as its leg may report them; `None` when it cannot be decoded.
#[must_use]
pub fn lanes_of_block(
    header: &BlockHeader,
    bytes: &[u8],
) -> Option<Vec<(diagnosis::LaneName, Vec<serde_json::Value>)>> {
    lanes::decode(header.leg, &header.codec, bytes)
}

/// The sound blocks of a segment file, in order; what is damaged or cut off is left out.
pub fn blocks_of_segment(segment: &[u8]) -> impl Iterator<Item = (BlockHeader, &[u8])> {
    segment::scan(segment).filter_map(|found| match found {
        segment::Found::Record { offset, len, .. } => segment::decode(segment.get(offset..offset + len)?),
        segment::Found::Damaged { .. } | segment::Found::End { .. } => None,
    })
}

/// Where and under which name the log is kept.
#[derive(Debug, Clone)]
pub struct TelemetryOptions {
    /// Folder of the log: `active/` holds segments being written, `segments/` the closed ones. Several nodes may share
    /// it.
    pub dir: PathBuf,
    /// Name of this node; it stands in the names of its segments, so two nodes never write the same one.
    pub node: String,
    /// A segment is closed once it has this many bytes.
    pub segment_bytes_max: u64,
}

impl TelemetryOptions {
    /// Default of [`TelemetryOptions::segment_bytes_max`]: 8 MiB, some 2,000 blocks. Small enough to read again after
    /// a crash in well under a second, large enough to be worth an object.
    pub const SEGMENT_BYTES_MAX: u64 = 8 * 1024 * 1024;

    /// Options with the default segment size.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>, node: &str) -> Self {
        Self { dir: dir.into(), node: node.to_owned(), segment_bytes_max: Self::SEGMENT_BYTES_MAX }
    }
}

/// What is known of a block besides its bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct BlockHeader {
    /// Conversation it belongs to.
    pub conversation: ConversationId,
    /// Call it belongs to; `None` for the player.
    pub call: Option<CallId>,
    /// Which leg.
    pub leg: Leg,
    /// Page load it came from, or the node's name for the leg `server`.
    pub source: String,
    /// Number per leg and source, from 0. A block with the same (conversation, call, leg, source, seq) is a repetition
    /// and is dropped when reading.
    pub seq: u32,
    /// Server time of the first sample, ms since the Unix epoch.
    pub t0_ms: f64,
    /// How the bytes are encoded: `json1`, `lanes1` or `lanes1z`.
    pub codec: String,
}

/// Why telemetry was not stored or not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TelemetryError {
    /// More blocks wait for the disk than the bound allows. The sender keeps the block and tries again.
    #[error("telemetry is written more slowly than it arrives; try again")]
    Busy,
    /// The block is out of its bounds: bytes, name lengths, or a time that is no number.
    #[error("telemetry block refused: {0}")]
    Invalid(&'static str),
    /// The log was closed, or its thread ended.
    #[error("the telemetry log is closed")]
    Closed,
    /// The file system or the object store failed.
    #[error("telemetry log: {0}")]
    Io(String),
    /// The index failed.
    #[error("telemetry index: {0}")]
    Index(#[from] StorageError),
}
