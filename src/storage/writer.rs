//! The one writer of a SQLite file, with group commit.
//!
//! Callers queue jobs in two lanes: what somebody in a conversation waits for, and what opens new ones. A task runs what
//! is queued, up to [`GROUP_JOBS_MAX`], in one `BEGIN IMMEDIATE` transaction with a savepoint a job, commits, and only then
//! answers. With `synchronous=FULL` the commit returns after the fsync of the write-ahead log, so one fsync covers the
//! group and no answer comes before it. The first lane goes first, and a group with such a job in it is committed soon: a
//! crowd at the door does not slow down the chats inside.
//! A job that fails takes back its own savepoint alone. When the transaction itself fails, every job of the group is
//! told so and the connection is made anew.
//!
//! The task has a thread of its own: each statement is a turn to the connection's thread and back, and behind the tasks of a
//! crowd each turn back would wait for all of them.

use std::panic::AssertUnwindSafe;
use std::sync::Mutex;
use std::time::Duration;

use futures_util::FutureExt;
use sea_orm::{
    ConnectOptions, Database, DatabaseConnection, DatabaseTransaction, DbErr, SqliteTransactionMode,
    TransactionOptions, TransactionTrait,
};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::error::{StorageError, is_locked};
use super::{Run, WRITES_QUEUED_MAX};

/// Jobs in one transaction. Bounds what a failed transaction takes back.
const GROUP_JOBS_MAX: usize = 256;

/// How long a group takes in jobs of the second lane once one of the first is in it, unless the disk needs longer for a
/// commit: then as long as that, so that half of the writer's time is still work.
const PROMPT_GROUP_MAX: Duration = Duration::from_millis(4);

/// How long a group takes in jobs of the second lane when nobody in a conversation waits, unless the disk needs longer.
const GROUP_TIME_MAX: Duration = Duration::from_millis(40);

/// Jobs of the first lane in a row after which one of the second has its turn, time or not: when calls keep the writer busy,
/// new conversations still come through.
const PROMPT_IN_A_ROW_MAX: u32 = 4;

/// How long the writer tries to get the lock that another process holds before it answers
/// [`StorageError::Busy`].
const LOCK_WAIT_MAX: Duration = Duration::from_secs(5);

/// How long SQLite itself waits for the lock in one attempt. Its waits grow to 100 ms, in which a busy neighbour takes
/// the lock again and again; many short attempts give both a fair share.
pub(super) const LOCK_ATTEMPT: Duration = Duration::from_millis(20);

/// Which lane a job takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    /// Somebody in a conversation waits for it.
    Prompt,
    /// It opens something new.
    Patient,
}

/// The handle to the writer's task.
pub(super) struct Writer {
    prompt: mpsc::Sender<Box<dyn Job>>,
    patient: mpsc::Sender<Box<dyn Job>>,
    closing: tokio::sync::watch::Sender<bool>,
    /// Its sender is dropped when the thread ends.
    ended: Mutex<Option<oneshot::Receiver<()>>>,
}

impl Writer {
    /// Starts the writer on its own connection, a pool of exactly one.
    pub(super) async fn start(options: ConnectOptions) -> Result<Self, StorageError> {
        let (prompt, prompt_jobs) = mpsc::channel(WRITES_QUEUED_MAX);
        let (patient, patient_jobs) = mpsc::channel(WRITES_QUEUED_MAX);
        let (closing, closed) = tokio::sync::watch::channel(false);
        let jobs = Jobs { prompt: prompt_jobs, patient: patient_jobs, in_a_row: 0, last_commit: Duration::ZERO };
        let (started, starting) = oneshot::channel();
        let (ended, end) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| StorageError::Unavailable(format!("no runtime: {error}")))?;
        let body = move || {
            runtime.block_on(async move {
                let connected = Database::connect(options.clone()).await;
                let connection = match connected {
                    Ok(connection) => connection,
                    Err(error) => return drop(started.send(Err(error))),
                };
                if started.send(Ok(())).is_ok() {
                    WriterTask { options, connection, jobs, closed }.run().await;
                }
            });
            let _ = ended.send(());
        };
        let thread = std::thread::Builder::new().name("db-writer".to_owned()).spawn(body);
        thread.map_err(|error| StorageError::Unavailable(format!("no thread for the writer: {error}")))?;
        starting.await.map_err(|_| closed_early())??;
        Ok(Self { prompt, patient, closing, ended: Mutex::new(Some(end)) })
    }

    /// Queues a job and waits for its commit.
    pub(super) async fn write<A, T>(&self, lane: Lane, args: A, run: Run<A, T>) -> Result<T, StorageError>
    where
        A: Send + Sync + 'static,
        T: Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let job = Box::new(TypedJob { args, run, result: None, answer });
        let queue = if lane == Lane::Prompt { &self.prompt } else { &self.patient };
        queue.try_send(job).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => StorageError::Busy,
            mpsc::error::TrySendError::Closed(_) => closed(),
        })?;
        answered.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Lets the queue run dry and ends the thread.
    pub(super) async fn close(&self) {
        self.closing.send_replace(true);
        let ended = self.ended.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        if let Some(ended) = ended
            && ended.await.is_err()
        {
            tracing::error!("the database writer ended badly");
        }
    }
}

fn closed_early() -> StorageError {
    StorageError::Unavailable("the writer's thread ended at once".to_owned())
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

/// What is queued.
struct Jobs {
    prompt: mpsc::Receiver<Box<dyn Job>>,
    patient: mpsc::Receiver<Box<dyn Job>>,
    /// Jobs of the first lane since the last one of the second.
    in_a_row: u32,
    /// How long the last commit took.
    last_commit: Duration,
}

impl Jobs {
    /// Waits for a job; `None` when both lanes are closed and empty. Cancelling loses nothing.
    async fn next(&mut self) -> Option<(Lane, Box<dyn Job>)> {
        tokio::select! {
            biased;
            Some(job) = self.prompt.recv() => Some((Lane::Prompt, job)),
            Some(job) = self.patient.recv() => Some((Lane::Patient, job)),
            else => None,
        }
    }

    /// A job that is queued already; of the second lane only while there is time for it, or when it is its turn.
    fn queued(&mut self, time_left: bool) -> Option<(Lane, Box<dyn Job>)> {
        let patience_is_over = self.in_a_row >= PROMPT_IN_A_ROW_MAX;
        if patience_is_over && let Ok(job) = self.patient.try_recv() {
            self.in_a_row = 0;
            return Some((Lane::Patient, job));
        }
        if let Ok(job) = self.prompt.try_recv() {
            self.in_a_row += 1;
            return Some((Lane::Prompt, job));
        }
        if !time_left {
            return None;
        }
        self.in_a_row = 0;
        self.patient.try_recv().ok().map(|job| (Lane::Patient, job))
    }

    fn close(&mut self) {
        self.prompt.close();
        self.patient.close();
    }
}

struct WriterTask {
    options: ConnectOptions,
    connection: DatabaseConnection,
    jobs: Jobs,
    closed: tokio::sync::watch::Receiver<bool>,
}

impl WriterTask {
    async fn run(mut self) {
        let mut group: Vec<Box<dyn Job>> = Vec::with_capacity(GROUP_JOBS_MAX);
        let mut closing = false;
        loop {
            let first = tokio::select! {
                biased;
                first = self.jobs.next() => match first {
                    Some(first) => first,
                    None => break,
                },
                _ = self.closed.wait_for(|closed| *closed), if !closing => {
                    // From here nothing can be queued; what is queued is still carried out.
                    self.jobs.close();
                    closing = true;
                    continue;
                }
            };
            let committed = self.carry_out(first, &mut group).await;
            for job in group.drain(..) {
                job.answer(committed.clone());
            }
        }
        if let Err(error) = self.connection.close().await {
            tracing::warn!(%error, "closing the writer failed");
        }
    }

    /// Runs a job and those that are queued behind it. All of them are in `group` afterwards.
    async fn carry_out(
        &mut self,
        (lane, first): (Lane, Box<dyn Job>),
        group: &mut Vec<Box<dyn Job>>,
    ) -> Result<(), StorageError> {
        let committed = match self.begin().await {
            Ok(tx) => run_group(tx, (lane, first), &mut self.jobs, group).await,
            Err(error) => {
                group.push(first);
                // Nothing was started: the connection is as good as before.
                if is_locked(&error) {
                    return Err(StorageError::Busy);
                }
                Err(error)
            }
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

/// Runs jobs, each in its own savepoint, then commits. Every job that was taken is in `group`. An error means that nothing of
/// the group may be taken as done.
async fn run_group(
    tx: DatabaseTransaction,
    first: (Lane, Box<dyn Job>),
    jobs: &mut Jobs,
    group: &mut Vec<Box<dyn Job>>,
) -> Result<(), DbErr> {
    let mut patient_until = Instant::now() + GROUP_TIME_MAX.max(jobs.last_commit);
    let mut next = Some(first);
    while let Some((lane, mut job)) = next {
        if lane == Lane::Prompt {
            patient_until = patient_until.min(Instant::now() + PROMPT_GROUP_MAX.max(jobs.last_commit));
        }
        let done = run_job(&tx, &mut job).await;
        group.push(job);
        done?;
        let time_left = Instant::now() < patient_until;
        next = if group.len() < GROUP_JOBS_MAX { jobs.queued(time_left) } else { None };
    }
    let begun = Instant::now();
    let committed = tx.commit().await;
    jobs.last_commit = begun.elapsed();
    committed
}

async fn run_job(tx: &DatabaseTransaction, job: &mut Box<dyn Job>) -> Result<(), DbErr> {
    let savepoint = tx.begin().await?;
    if job.run(&savepoint).await { savepoint.commit().await } else { savepoint.rollback().await }
}

#[cfg(test)]
mod tests;
