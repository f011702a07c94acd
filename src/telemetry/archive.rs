//! Where segments lie: the active folder of local files, and the object store of closed ones.
//!
//! A segment is in the active folder until it is complete in the object store, so a reader looks there first and then in
//! the store. The store is the local file system here; the code uses nothing but the `object_store` interface, behind
//! which S3 and its kin fit as well.

use std::collections::{BTreeMap, HashSet};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use object_store::local::LocalFileSystem;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStore, ObjectStoreExt as _};
use signaling::wire::Leg;
use signaling::{CallId, ConversationId};

use super::segment::{self, Found};
use super::{BlockHeader, TelemetryError, log};
use crate::storage::{BlockRow, Store};

/// Most bytes one read returns; blocks beyond are left out with a warning. Twenty thousand blocks of a usual 3 KB.
const READ_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Rows handed to the index at once when a segment is indexed again.
const ROWS_PER_WRITE: usize = 500;

/// The two places.
pub(super) struct Archive {
    active: PathBuf,
    closed: Arc<dyn ObjectStore>,
}

impl Archive {
    pub(super) fn open(dir: &Path) -> Result<Self, TelemetryError> {
        let (active, segments) = (dir.join("active"), dir.join("segments"));
        for folder in [&active, &segments] {
            std::fs::create_dir_all(folder).map_err(|error| io(folder, &error))?;
        }
        let closed = LocalFileSystem::new_with_prefix(&segments)
            .map_err(|error| TelemetryError::Io(error.to_string()))?
            .with_fsync(true);
        Ok(Self { active, closed: Arc::new(closed) })
    }

    pub(super) fn active_folder(&self) -> &Path {
        &self.active
    }

    /// Moves a closed segment from the active folder to the object store.
    pub(super) async fn store(&self, name: &str) -> Result<(), TelemetryError> {
        let path = self.active.join(name);
        let bytes = tokio::fs::read(&path).await.map_err(|error| io(&path, &error))?;
        self.closed
            .put(&ObjectPath::from(name), bytes.into())
            .await
            .map_err(|error| TelemetryError::Io(error.to_string()))?;
        tokio::fs::remove_file(&path).await.map_err(|error| io(&path, &error))
    }

    /// Removes a closed segment; false when it is (still) an active one. One that is gone is removed.
    pub(super) async fn remove(&self, name: &str) -> Result<bool, TelemetryError> {
        if self.active.join(name).exists() {
            return Ok(false);
        }
        match self.closed.delete(&ObjectPath::from(name)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(true),
            Err(error) => Err(TelemetryError::Io(error.to_string())),
        }
    }

    /// Deals with the segments that an earlier process left in the active folder: cuts torn tails off, indexes them
    /// again and moves them to the object store. Those that a living process holds are left alone.
    pub(super) async fn recover(&self, store: &Store) -> Result<(), TelemetryError> {
        for name in self.left_behind()? {
            let path = self.active.join(&name);
            let Some((lock, rows)) = blocking(move || recover_file(&path)).await? else { continue };
            let blocks = rows.len();
            for part in rows.chunks(ROWS_PER_WRITE) {
                store.index_blocks(part.to_vec()).await?;
            }
            if blocks == 0 {
                let path = self.active.join(&name);
                std::fs::remove_file(&path).map_err(|error| io(&path, &error))?;
            } else {
                self.store(&name).await?;
                tracing::info!(segment = name, blocks, "telemetry of an earlier run is indexed and closed");
            }
            drop(lock);
        }
        Ok(())
    }

    fn left_behind(&self) -> Result<Vec<String>, TelemetryError> {
        let mut names = Vec::new();
        for file in std::fs::read_dir(&self.active).map_err(|error| io(&self.active, &error))? {
            let file = file.map_err(|error| io(&self.active, &error))?;
            if let Ok(name) = file.file_name().into_string() {
                names.push(name);
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Reads the blocks behind index rows, in the order of the rows, each once.
    pub(super) async fn read(&self, rows: Vec<BlockRow>) -> Result<Vec<(BlockHeader, Vec<u8>)>, TelemetryError> {
        let (mut seen, mut bytes_total, mut dropped) = (HashSet::new(), 0u64, 0usize);
        let mut by_segment: BTreeMap<String, Vec<(usize, Range<u64>)>> = BTreeMap::new();
        for (place, row) in rows.iter().enumerate() {
            let len = u64::from(row.len);
            if !seen.insert(identity(row)) {
                continue;
            }
            if bytes_total + len > READ_BYTES_MAX {
                dropped += 1;
                continue;
            }
            bytes_total += len;
            by_segment.entry(row.segment.clone()).or_default().push((place, row.offset..row.offset + len));
        }
        let mut records: BTreeMap<usize, Vec<u8>> = BTreeMap::new();
        for (name, wanted) in by_segment {
            match self.read_segment(&name, wanted.iter().map(|(_, range)| range.clone()).collect()).await {
                Ok(found) => records.extend(wanted.into_iter().map(|(place, _)| place).zip(found)),
                Err(error) => {
                    tracing::warn!(%error, segment = name, blocks = wanted.len(), "telemetry cannot be read here");
                }
            }
        }
        if dropped > 0 {
            tracing::warn!(dropped, "a conversation has more telemetry than one read returns");
        }
        Ok(records.into_iter().filter_map(|(place, record)| open(&rows[place], &record)).collect())
    }

    async fn read_segment(&self, name: &str, ranges: Vec<Range<u64>>) -> Result<Vec<Vec<u8>>, TelemetryError> {
        let (path, wanted) = (self.active.join(name), ranges.clone());
        if let Some(found) = blocking(move || read_local(&path, &wanted)).await? {
            return Ok(found);
        }
        let found = self
            .closed
            .get_ranges(&ObjectPath::from(name), &ranges)
            .await
            .map_err(|error| TelemetryError::Io(error.to_string()))?;
        Ok(found.into_iter().map(|bytes| bytes.to_vec()).collect())
    }
}

/// What makes two blocks the same one.
fn identity(row: &BlockRow) -> (ConversationId, Option<CallId>, Leg, String, u32) {
    (row.conversation.clone(), row.call.clone(), row.leg, row.source.clone(), row.seq)
}

fn open(row: &BlockRow, record: &[u8]) -> Option<(BlockHeader, Vec<u8>)> {
    let decoded = segment::decode(record).filter(|(header, _)| header.conversation == row.conversation);
    if decoded.is_none() {
        tracing::warn!(segment = row.segment, offset = row.offset, "a telemetry record is damaged and skipped");
    }
    decoded.map(|(header, bytes)| (header, bytes.to_vec()))
}

/// Ranges of a file of the active folder; `None` when it is not there (any more).
fn read_local(path: &Path, ranges: &[Range<u64>]) -> Result<Option<Vec<Vec<u8>>>, TelemetryError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(path, &error)),
    };
    let read = |range: &Range<u64>| {
        let mut bytes = vec![0; usize::try_from(range.end - range.start).unwrap_or(0)];
        file.read_exact_at(&mut bytes, range.start).map_err(|error| io(path, &error))?;
        Ok(bytes)
    };
    ranges.iter().map(read).collect::<Result<_, _>>().map(Some)
}

/// Locks a segment that was left behind, cuts its torn tail off and lists its records. `None` when another process holds
/// it or has just dealt with it.
fn recover_file(path: &Path) -> Result<Option<(File, Vec<BlockRow>)>, TelemetryError> {
    let file = match OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(path, &error)),
    };
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(io(path, &error)),
    }
    // Another process may have moved it between the opening and the lock.
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(path, &error)),
    };
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut rows = Vec::new();
    for found in segment::scan(&bytes) {
        match found {
            Found::Record { offset, len, header } => rows.push(log::block_row(header, &name, offset as u64, len)),
            Found::Damaged { offset } => {
                tracing::warn!(segment = name, offset, "a telemetry record is damaged and skipped");
            }
            Found::End { offset, torn: true } if offset < bytes.len() => {
                tracing::warn!(segment = name, bytes = bytes.len() - offset, "a torn tail of telemetry is cut off");
                file.set_len(offset as u64).and_then(|()| file.sync_all()).map_err(|error| io(path, &error))?;
            }
            Found::End { offset, torn } => {
                if !torn {
                    tracing::warn!(segment = name, offset, "the rest of a telemetry segment is damaged");
                }
            }
        }
    }
    Ok(Some((file, rows)))
}

fn io(path: &Path, error: &std::io::Error) -> TelemetryError {
    TelemetryError::Io(format!("{}: {error}", path.display()))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, TelemetryError> + Send + 'static,
) -> Result<T, TelemetryError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(TelemetryError::Io(error.to_string())))
}
