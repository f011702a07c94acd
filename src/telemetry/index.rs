//! The indexer: a task that puts the rows of written blocks into the database, and closed segments into the archive.

use std::collections::HashSet;
use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::archive::Archive;
use crate::storage::{BlockRow, StorageError, Store};

/// Groups of rows that may wait for the database before the log itself waits.
const GROUPS_QUEUED_MAX: usize = 64;

/// First and longest pause before rows are tried again. A database that comes back is used within seconds, one that
/// stays away is not pestered.
const RETRY_FIRST: Duration = Duration::from_millis(50);
const RETRY_MAX: Duration = Duration::from_secs(5);

/// Tries for rows that the database refuses for a reason of its own; a busy or absent database is waited for.
const REFUSED_TRIES_MAX: u32 = 3;

/// What the log's thread tells the indexer, in the order of writing.
pub(super) enum IndexCommand {
    /// These blocks are on disk.
    Rows(Vec<BlockRow>),
    /// No more blocks come into this segment. `lock` keeps other processes away from it until it is moved.
    Sealed { name: String, lock: File },
    /// Say when everything before is done.
    Flush { done: oneshot::Sender<()> },
}

/// The task's state.
pub(super) struct Indexer {
    store: Store,
    archive: Arc<Archive>,
    commands: mpsc::Receiver<IndexCommand>,
    /// Segments with rows that could not be indexed: they stay where the next start finds and indexes them.
    unindexed: HashSet<String>,
}

impl Indexer {
    /// Starts the task; it ends when the last sender is gone and everything is done.
    pub(super) fn start(
        store: Store,
        archive: Arc<Archive>,
    ) -> (mpsc::Sender<IndexCommand>, tokio::task::JoinHandle<()>) {
        let (sender, commands) = mpsc::channel(GROUPS_QUEUED_MAX);
        let indexer = Self { store, archive, commands, unindexed: HashSet::new() };
        (sender, tokio::spawn(indexer.run()))
    }

    async fn run(mut self) {
        while let Some(command) = self.commands.recv().await {
            match command {
                IndexCommand::Rows(rows) => self.index(rows).await,
                IndexCommand::Sealed { name, lock } => self.archive_segment(&name, lock).await,
                IndexCommand::Flush { done } => {
                    let _ = done.send(());
                }
            }
        }
    }

    async fn index(&mut self, rows: Vec<BlockRow>) {
        let (mut pause, mut refused) = (RETRY_FIRST, 0);
        loop {
            match self.store.index_blocks(rows.clone()).await {
                Ok(()) => return,
                Err(StorageError::Busy | StorageError::Unavailable(_)) => {}
                Err(error) => {
                    refused += 1;
                    if refused >= REFUSED_TRIES_MAX {
                        tracing::error!(%error, blocks = rows.len(), "telemetry blocks are on disk but not in the index");
                        self.unindexed.extend(rows.into_iter().map(|row| row.segment));
                        return;
                    }
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(RETRY_MAX);
        }
    }

    async fn archive_segment(&mut self, name: &str, lock: File) {
        if self.unindexed.remove(name) {
            return;
        }
        if let Err(error) = self.archive.store(name).await {
            tracing::warn!(%error, segment = name, "a closed segment stays in the active folder until the next start");
        }
        drop(lock);
    }
}
