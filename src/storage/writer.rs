//! The one writer of a SQLite file, with group commit.
//!
//! Callers queue jobs; a task takes everything that is queued, up to [`GROUP_JOBS_MAX`], runs it in one
//! `BEGIN IMMEDIATE` transaction with a savepoint a job, commits, and only then answers. With `synchronous=FULL` the
//! commit returns after the fsync of the write-ahead log, so one fsync covers the group and no answer comes before it.
//! A job that fails takes back its own savepoint alone. When the transaction itself fails, every job of the group is
//! told so and the connection is made anew.

use std::panic::AssertUnwindSafe;
use std::sync::Mutex;
use std::time::Duration;

use futures_util::FutureExt;
use sea_orm::{
    ConnectOptions, Database, DatabaseConnection, DatabaseTransaction, DbErr, SqliteTransactionMode,
    TransactionOptions, TransactionTrait,
};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::error::{StorageError, is_locked};
use super::{Run, WRITES_QUEUED_MAX};

/// Jobs in one transaction. Bounds how long the first of them waits for the last: 256 jobs take under 100 ms, unoptimised.
const GROUP_JOBS_MAX: usize = 256;

/// How long the writer tries to get the lock that another process holds before it answers
/// [`StorageError::Busy`].
const LOCK_WAIT_MAX: Duration = Duration::from_secs(5);

/// How long SQLite itself waits for the lock in one attempt. Its waits grow to 100 ms, in which a busy neighbour takes
/// the lock again and again; many short attempts give both a fair share.
pub(super) const LOCK_ATTEMPT: Duration = Duration::from_millis(20);

/// The handle to the writer's task.
pub(super) struct Writer {
    queue: mpsc::Sender<Box<dyn Job>>,
    closing: tokio::sync::watch::Sender<bool>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    /// Starts the writer on its own connection, a pool of exactly one.
    pub(super) async fn start(options: ConnectOptions) -> Result<Self, StorageError> {
        let connection = Database::connect(options.clone()).await?;
        let (queue, jobs) = mpsc::channel(WRITES_QUEUED_MAX);
        let (closing, closed) = tokio::sync::watch::channel(false);
        let task = tokio::spawn(WriterTask { options, connection, jobs, closed }.run());
        Ok(Self { queue, closing, task: Mutex::new(Some(task)) })
    }

    /// Queues a job and waits for its commit.
    pub(super) async fn write<A, T>(&self, args: A, run: Run<A, T>) -> Result<T, StorageError>
    where
        A: Send + Sync + 'static,
        T: Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let job = Box::new(TypedJob { args, run, result: None, answer });
        self.queue.try_send(job).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => StorageError::Busy,
            mpsc::error::TrySendError::Closed(_) => closed(),
        })?;
        answered.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Lets the queue run dry and ends the task.
    pub(super) async fn close(&self) {
        self.closing.send_replace(true);
        let task = self.task.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        if let Some(task) = task
            && let Err(error) = task.await
        {
            tracing::error!(%error, "the database writer ended badly");
        }
    }
}

fn closed() -> StorageError {
    StorageError::Unavailable("the store is closed".to_owned())
}

/// One queued transaction, whatever its types.
trait Job: Send {
    /// Does the work inside a savepoint and keeps the result. The error is why the savepoint must be taken back.
    fn run<'j>(&'j mut self, tx: &'j DatabaseTransaction) -> JobFuture<'j>;
    /// Tells the caller, after the commit (`Ok`) or after its failure.
    fn answer(self: Box<Self>, committed: Result<(), StorageError>);
}

type JobFuture<'j> = std::pin::Pin<Box<dyn Future<Output = bool> + Send + 'j>>;

struct TypedJob<A, T> {
    args: A,
    run: Run<A, T>,
    result: Option<Result<T, StorageError>>,
    answer: oneshot::Sender<Result<T, StorageError>>,
}

impl<A: Send + Sync + 'static, T: Send + 'static> Job for TypedJob<A, T> {
    fn run<'j>(&'j mut self, tx: &'j DatabaseTransaction) -> JobFuture<'j> {
        Box::pin(async move {
            // A panic in one job is that job's failure, not the writer's.
            let outcome = AssertUnwindSafe((self.run)(tx, &self.args)).catch_unwind().await;
            let result = match outcome {
                Ok(result) => result.map_err(StorageError::from),
                Err(_) => Err(StorageError::Backend("the transaction panicked".to_owned())),
            };
            let keep = result.is_ok();
            self.result = Some(result);
            keep
        })
    }

    fn answer(self: Box<Self>, committed: Result<(), StorageError>) {
        let result = match committed {
            Ok(()) => self.result.unwrap_or_else(|| Err(closed())),
            // What the job itself found stays true: it wrote nothing.
            Err(error) => match self.result {
                Some(Err(own)) => Err(own),
                _ => Err(error),
            },
        };
        // The caller may have gone away; the commit stands all the same.
        let _ = self.answer.send(result);
    }
}

struct WriterTask {
    options: ConnectOptions,
    connection: DatabaseConnection,
    jobs: mpsc::Receiver<Box<dyn Job>>,
    closed: tokio::sync::watch::Receiver<bool>,
}

impl WriterTask {
    async fn run(mut self) {
        let mut group: Vec<Box<dyn Job>> = Vec::with_capacity(GROUP_JOBS_MAX);
        loop {
            tokio::select! {
                biased;
                received = self.jobs.recv_many(&mut group, GROUP_JOBS_MAX) => {
                    if received == 0 {
                        break;
                    }
                }
                _ = self.closed.wait_for(|closed| *closed) => {
                    // From here nothing can be queued; what is queued is still carried out.
                    self.jobs.close();
                    continue;
                }
            }
            let committed = self.carry_out(&mut group).await;
            for job in group.drain(..) {
                job.answer(committed.clone());
            }
        }
        if let Err(error) = self.connection.close().await {
            tracing::warn!(%error, "closing the writer failed");
        }
    }

    async fn carry_out(&mut self, group: &mut [Box<dyn Job>]) -> Result<(), StorageError> {
        let committed = match self.begin().await {
            Ok(tx) => run_group(tx, group).await,
            // Nothing was started: the connection is as good as before.
            Err(error) if is_locked(&error) => return Err(StorageError::Busy),
            Err(error) => Err(error),
        };
        if let Err(error) = &committed {
            tracing::error!(%error, jobs = group.len(), "a group of writes failed; opening the database again");
            self.reconnect().await;
        }
        committed.map_err(StorageError::from)
    }

    async fn begin(&self) -> Result<DatabaseTransaction, DbErr> {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let deadline = Instant::now() + LOCK_WAIT_MAX;
        loop {
            match self.connection.begin_with_options(options).await {
                Err(error) if is_locked(&error) && Instant::now() < deadline => {}
                outcome => return outcome,
            }
        }
    }

    async fn reconnect(&mut self) {
        match Database::connect(self.options.clone()).await {
            Ok(fresh) => {
                let old = std::mem::replace(&mut self.connection, fresh);
                if let Err(error) = old.close().await {
                    tracing::warn!(%error, "closing the failed connection failed");
                }
            }
            // The old one stays; the next group tries again.
            Err(error) => tracing::error!(%error, "the database cannot be opened again"),
        }
    }
}

/// Runs every job in its own savepoint, then commits. An error means that nothing of the group may be taken as done.
async fn run_group(tx: DatabaseTransaction, group: &mut [Box<dyn Job>]) -> Result<(), DbErr> {
    for job in group.iter_mut() {
        let savepoint = tx.begin().await?;
        if job.run(&savepoint).await {
            savepoint.commit().await?;
        } else {
            savepoint.rollback().await?;
        }
    }
    tx.commit().await
}

#[cfg(test)]
mod tests;
