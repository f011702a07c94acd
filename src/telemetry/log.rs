//! The log: blocks go in, are acknowledged after their fsync, and come out again.
//!
//! One `std::thread` writes. It takes what is queued, writes it to the active segment, syncs once for all of it, hands
//! the index rows to the indexer (`index`) and only then acknowledges. The log is the truth: index rows may follow the
//! acknowledgement, and what they missed in a crash is indexed again at the next start (`archive`).

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use signaling::ConversationId;
use signaling::api::Series;
use signaling::wire::Leg;
use tokio::sync::{mpsc, oneshot};

use super::archive::Archive;
use super::index::{IndexCommand, Indexer};
use super::samples::ConversationSeries;
use super::view::{Measured, call_view};
use super::{BlockHeader, TelemetryError, TelemetryOptions, segment};
use crate::storage::{BlockRow, CallRow, Store};

/// Blocks that may wait for the disk; more are refused with [`TelemetryError::Busy`]. At 5 s a block this is the
/// arrival of some thousand calls during a stall of a second.
pub const BLOCKS_QUEUED_MAX: usize = 1_024;

/// Blocks on their way to whoever judges them; two seconds of five thousand reporters.
const TAP_MAX: usize = 2_048;

/// Blocks that are on disk.
pub type Tap = mpsc::Receiver<(BlockHeader, Vec<u8>)>;

/// Bytes written before a sync; bounds the memory of a group and how long its first block waits.
const GROUP_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Longest time that one block of a client spans, ms; they hold 5 s, the first one the minute before the chat.
const BLOCK_SPAN_MS_MAX: f64 = 120_000.0;

/// Samples of the player that are given unless asked otherwise, ms.
const PLAYER_RECENT_MS: f64 = 180_000.0;

/// How long a reader waits for blocks that are on disk but not yet in the index.
const SETTLE_WAIT_MAX: Duration = Duration::from_secs(2);

/// How long [`TelemetryLog::close`] waits for the disk and the index.
pub const CLOSE_WAIT_MAX: Duration = Duration::from_secs(5);

/// The telemetry of this node; clones share it.
#[derive(Clone)]
pub struct TelemetryLog {
    shared: Arc<Shared>,
}

struct Shared {
    store: Store,
    archive: Arc<Archive>,
    /// `None` once closed; the thread ends when the last sender is gone.
    queue: Mutex<Option<mpsc::Sender<Command>>>,
    /// Where blocks go once they are on disk.
    tap: mpsc::Sender<(BlockHeader, Vec<u8>)>,
    indexer: tokio::sync::Mutex<Option<tokio::task::JoinHandle<()>>>,
}

enum Command {
    Append(QueuedBlock),
    Flush { done: oneshot::Sender<()> },
}

/// A block on its way to the disk.
struct QueuedBlock {
    record: Vec<u8>,
    header: BlockHeader,
    done: oneshot::Sender<Result<(), TelemetryError>>,
}

impl TelemetryLog {
    /// Opens the log: cuts torn tails off, indexes what a crash left out of the index, moves old segments to the object
    /// store, and starts the writing thread. Segments that another process is writing are left alone.
    ///
    /// # Errors
    /// [`TelemetryError::Io`] when the folder cannot be used, [`TelemetryError::Index`] when the index cannot.
    /// The second half is what was appended, once it is on disk.
    pub async fn open(options: TelemetryOptions, store: Store) -> Result<(Self, Tap), TelemetryError> {
        let archive = Arc::new(Archive::open(&options.dir)?);
        archive.recover(&store).await?;
        let (queue, commands) = mpsc::channel(BLOCKS_QUEUED_MAX);
        let (to_index, indexer) = Indexer::start(store.clone(), Arc::clone(&archive));
        let mut writer = LogWriter {
            folder: archive.active_folder().to_owned(),
            node: file_name_part(&options.node),
            segment_bytes_max: options.segment_bytes_max,
            commands,
            to_index,
            active: None,
            syncs: 0,
        };
        std::thread::Builder::new()
            .name("telemetry-log".to_owned())
            .spawn(move || writer.run())
            .map_err(|error| TelemetryError::Io(error.to_string()))?;
        let (tap, tapped) = mpsc::channel(TAP_MAX);
        let shared = Shared {
            store,
            archive,
            queue: Mutex::new(Some(queue)),
            tap,
            indexer: tokio::sync::Mutex::new(Some(indexer)),
        };
        Ok((Self { shared: Arc::new(shared) }, tapped))
    }

    /// Appends a block and returns once it is on disk. A repetition is appended too, and dropped when reading.
    ///
    /// # Errors
    /// [`TelemetryError::Busy`] when too many blocks wait, [`TelemetryError::Invalid`] for one out of bounds,
    /// [`TelemetryError::Io`] when the disk failed, [`TelemetryError::Closed`] after [`TelemetryLog::close`].
    pub async fn append(&self, header: BlockHeader, bytes: Vec<u8>) -> Result<(), TelemetryError> {
        let record = segment::encode(&header, &bytes)?;
        let tapped = header.clone();
        let (done, acknowledged) = oneshot::channel();
        self.sender()?.try_send(Command::Append(QueuedBlock { record, header, done })).map_err(
            |error| match error {
                mpsc::error::TrySendError::Full(_) => TelemetryError::Busy,
                mpsc::error::TrySendError::Closed(_) => TelemetryError::Closed,
            },
        )?;
        acknowledged.await.unwrap_or(Err(TelemetryError::Closed))?;
        if self.shared.tap.try_send((tapped, bytes)).is_err() {
            // It is on disk; the next block of its conversation is judged, and all of them when the ticket is resolved.
            metrics::counter!("sightline_verdict_blocks_skipped_total").increment(1);
        }
        Ok(())
    }

    /// Waits until every block that was appended before is on disk and in the index.
    ///
    /// # Errors
    /// [`TelemetryError::Closed`] after [`TelemetryLog::close`].
    pub async fn flush(&self) -> Result<(), TelemetryError> {
        let (done, flushed) = oneshot::channel();
        self.sender()?.send(Command::Flush { done }).await.map_err(|_| TelemetryError::Closed)?;
        flushed.await.map_err(|_| TelemetryError::Closed)
    }

    /// Takes no more blocks, writes and indexes what is queued, and ends; waits for that no longer than
    /// [`CLOSE_WAIT_MAX`]. What is left out of the index then is indexed at the next start.
    pub async fn close(&self) {
        drop(self.shared.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        let Some(indexer) = self.shared.indexer.lock().await.take() else { return };
        let abort = indexer.abort_handle();
        match tokio::time::timeout(CLOSE_WAIT_MAX, indexer).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the telemetry indexer ended badly"),
            Err(_) => {
                abort.abort();
                tracing::warn!("telemetry was not indexed in time; the next start does it");
            }
        }
    }

    /// Blocks of a conversation in the order in which they start, repetitions dropped. What cannot be read (a damaged
    /// record, a segment that only another node has) is left out with a warning.
    ///
    /// # Errors
    /// [`TelemetryError::Index`] when the index cannot be read.
    pub async fn read(&self, conversation: &ConversationId) -> Result<Vec<(BlockHeader, Vec<u8>)>, TelemetryError> {
        self.settle().await;
        let rows = self.shared.store.blocks(conversation, None).await?;
        self.shared.archive.read(rows).await
    }

    /// The samples of a conversation: the player's and those of its calls.
    ///
    /// # Errors
    /// As [`TelemetryLog::read`].
    pub async fn series(&self, conversation: &ConversationId) -> Result<ConversationSeries, TelemetryError> {
        Ok(ConversationSeries::from_blocks(&self.read(conversation).await?))
    }

    /// The player's samples after a time (default: the last three minutes there are), for a page that looks again and
    /// again: only their blocks are read.
    ///
    /// # Errors
    /// As [`TelemetryLog::read`].
    pub async fn player_since(
        &self,
        conversation: &ConversationId,
        after_ms: Option<f64>,
    ) -> Result<Series, TelemetryError> {
        self.settle().await;
        let mut rows = self.shared.store.blocks(conversation, None).await?;
        rows.retain(|row| row.leg == Leg::Player);
        let newest_ms = rows.iter().map(|row| row.t0_ms).fold(f64::NEG_INFINITY, f64::max);
        let after_ms = after_ms.unwrap_or(newest_ms - PLAYER_RECENT_MS);
        // A block begins before its last samples.
        rows.retain(|row| row.t0_ms >= after_ms - BLOCK_SPAN_MS_MAX);
        let mut series = ConversationSeries::from_blocks(&self.shared.archive.read(rows).await?).player();
        series
            .samples
            .retain(|sample| sample.get("t").and_then(serde_json::Value::as_f64).is_some_and(|t| t > after_ms));
        Ok(series)
    }

    /// Calls with their samples, the player's samples and every other lane, as the ticket of a conversation shows them.
    ///
    /// # Errors
    /// As [`TelemetryLog::read`].
    pub async fn of_conversation(
        &self,
        conversation: &ConversationId,
        calls: Vec<CallRow>,
    ) -> Result<Measured, TelemetryError> {
        let series = self.series(conversation).await?;
        let view = |call: CallRow| {
            let legs = series.legs(&call);
            call_view(call, legs)
        };
        let calls = calls.into_iter().map(view).collect();
        Ok(Measured { calls, player: series.player(), lanes: series.lanes() })
    }

    /// Lets the index catch up, so that a block is readable once it is acknowledged. A slow index is not waited for
    /// longer than [`SETTLE_WAIT_MAX`]: an incomplete answer is better than none.
    async fn settle(&self) {
        if tokio::time::timeout(SETTLE_WAIT_MAX, self.flush()).await.is_err() {
            tracing::warn!("the telemetry index is behind; the newest samples may be missing");
        }
    }

    /// The index's database.
    pub(super) fn store(&self) -> &Store {
        &self.shared.store
    }

    /// Removes a closed segment; one that is being written is left alone, and false is returned.
    pub(super) async fn remove_segment(&self, name: &str) -> Result<bool, TelemetryError> {
        self.shared.archive.remove(name).await
    }

    fn sender(&self) -> Result<mpsc::Sender<Command>, TelemetryError> {
        self.shared.queue.lock().unwrap_or_else(PoisonError::into_inner).clone().ok_or(TelemetryError::Closed)
    }
}

/// A node's name as part of a file name: what is not a letter, digit, `-` or `_` becomes `_`.
fn file_name_part(node: &str) -> String {
    let kept = |c: char| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '_' };
    node.chars().take(40).map(kept).collect()
}

/// The thread that writes.
struct LogWriter {
    folder: PathBuf,
    node: String,
    segment_bytes_max: u64,
    commands: mpsc::Receiver<Command>,
    to_index: mpsc::Sender<IndexCommand>,
    active: Option<ActiveSegment>,
    /// Syncs so far; each covers a whole group.
    syncs: u64,
}

/// What one round of the thread deals with.
#[derive(Default)]
struct Group {
    blocks: Vec<QueuedBlock>,
    flushes: Vec<oneshot::Sender<()>>,
}

impl LogWriter {
    fn run(&mut self) {
        while let Some(first) = self.commands.blocking_recv() {
            let Group { blocks, flushes } = self.collect(first);
            if !blocks.is_empty() {
                self.write_group(blocks);
            }
            for done in flushes {
                // The indexer answers once it has dealt with everything before.
                let _ = self.to_index.blocking_send(IndexCommand::Flush { done });
            }
        }
        tracing::debug!(syncs = self.syncs, "the telemetry log is closed");
    }

    /// Everything that is queued, up to the bound on a group.
    fn collect(&mut self, first: Command) -> Group {
        let (mut group, mut bytes) = (Group::default(), 0);
        let mut next = Some(first);
        while let Some(command) = next {
            match command {
                Command::Append(block) => {
                    bytes += block.record.len();
                    group.blocks.push(block);
                }
                Command::Flush { done } => group.flushes.push(done),
            }
            next = if bytes < GROUP_BYTES_MAX { self.commands.try_recv().ok() } else { None };
        }
        group
    }

    fn write_group(&mut self, blocks: Vec<QueuedBlock>) {
        let (records, waiting): (Vec<_>, Vec<_>) =
            blocks.into_iter().map(|block| ((block.record, block.header), block.done)).unzip();
        let outcome = match self.write_synced(records) {
            Ok(rows) => {
                // Backpressure: a database that is behind slows the log down, and a full queue is `Busy` to the
                // senders. Without an indexer (the runtime is going down) the log stands alone until the next start.
                let _ = self.to_index.blocking_send(IndexCommand::Rows(rows));
                Ok(())
            }
            Err(error) => {
                tracing::error!(%error, blocks = waiting.len(), "telemetry could not be written");
                Err(TelemetryError::Io(error.to_string()))
            }
        };
        // After a failure it is not certain what the disk holds of this segment; the next block starts another one.
        if outcome.is_err() || self.active.as_ref().is_some_and(|active| active.len >= self.segment_bytes_max) {
            self.seal();
        }
        for done in waiting {
            let _ = done.send(outcome.clone());
        }
    }

    fn write_synced(&mut self, records: Vec<(Vec<u8>, BlockHeader)>) -> std::io::Result<Vec<BlockRow>> {
        let active = match &mut self.active {
            Some(active) => active,
            None => self.active.insert(ActiveSegment::create(&self.folder, &self.node)?),
        };
        let mut bytes = Vec::with_capacity(records.iter().map(|(record, _)| record.len()).sum());
        let mut rows = Vec::with_capacity(records.len());
        for (record, header) in records {
            let offset = active.len + bytes.len() as u64;
            bytes.extend_from_slice(&record);
            rows.push(block_row(header, &active.name, offset, record.len()));
        }
        active.file.write_all(&bytes)?;
        active.file.sync_data()?;
        self.syncs += 1;
        active.len += bytes.len() as u64;
        Ok(rows)
    }

    fn seal(&mut self) {
        if let Some(active) = self.active.take() {
            let sealed = IndexCommand::Sealed { name: active.name, lock: active.file };
            let _ = self.to_index.blocking_send(sealed);
        }
    }
}

/// The segment being written. Its file stays locked, so that another process that starts on the same folder does not
/// take it for one left behind by a crash.
struct ActiveSegment {
    name: String,
    file: File,
    len: u64,
}

impl ActiveSegment {
    fn create(folder: &Path, node: &str) -> std::io::Result<Self> {
        let mut random = [0u8; 4];
        getrandom::fill(&mut random).map_err(|error| std::io::Error::other(error.to_string()))?;
        let name = format!("{node}.{}.{:08x}", crate::clock::now_ms(), u32::from_le_bytes(random));
        let file = OpenOptions::new().create_new(true).append(true).open(folder.join(&name))?;
        file.try_lock().map_err(std::io::Error::from)?;
        // The file's name must survive a crash as well as its bytes.
        File::open(folder)?.sync_all()?;
        Ok(Self { name, file, len: 0 })
    }
}

/// The index row of a record.
pub(super) fn block_row(header: BlockHeader, segment: &str, offset: u64, len: usize) -> BlockRow {
    BlockRow {
        conversation: header.conversation,
        call: header.call,
        leg: header.leg,
        source: header.source,
        seq: header.seq,
        t0_ms: header.t0_ms,
        codec: header.codec,
        segment: segment.to_owned(),
        offset,
        len: u32::try_from(len).unwrap_or(u32::MAX),
    }
}

#[cfg(test)]
mod tests;
