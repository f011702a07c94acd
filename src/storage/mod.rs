//! Durable state: conversations, calls, users, settings and the index of telemetry blocks.
//!
//! Owns the schema, its migrations and every line of SQL; callers see plain rows and [`Store`]. Two databases are
//! behind the same queries: SQLite, embedded, with one writer that commits in groups (`writer`), and PostgreSQL for
//! clusters. No method that writes returns before its commit is on disk. Refuses: clocks and randomness (times and ids
//! come from the caller), permissions (who may do what is the desk's business; here is only what the data allows).

mod blocks;
mod calls;
mod canned;
mod conversations;
#[expect(unreachable_pub, reason = "sea-orm's derives make tables and columns public; the module is private")]
mod entity;
mod error;
mod load_test;
mod migration;
mod open;
mod openings;
mod pictures;
mod postgres;
mod retention;
mod rows;
mod timeline;
mod users;
mod verdicts;
mod writer;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use sea_orm::{DatabaseConnection, DatabaseTransaction};

pub use blocks::BLOCKS_READ_MAX;
pub use error::StorageError;
pub use load_test::{LOAD_TEST_LOGIN, NewLoadTestAgent};
pub use migration::FORMAT_VERSION;
pub use open::DatabaseUrl;
pub use rows::{
    Appended, BlockRow, CallRow, ConversationRow, DatabaseKind, NewCall, NewConversation, NewEntry, NewUser,
    PictureRow, SUBJECT_CHARS_MAX, TicketFilter, UserRow,
};

use error::TxError;

/// Most rows a list method returns, whatever limit it is asked for: a page of the console shows 50, and the longest
/// list anyone reads at once, the open conversations of a desk, stays below this.
pub const LIST_ROWS_MAX: u64 = 5_000;

/// Writes that may wait for their turn; more are refused with [`StorageError::Busy`]. SQLite's writer does some 2,700
/// appends a second (measured on two shared cores, unoptimised), so this is a backlog of under two seconds, after which
/// a client does better to come back.
pub const WRITES_QUEUED_MAX: usize = 4_096;

/// A handle to the database; clones share it.
#[derive(Clone)]
pub struct Store {
    backend: Arc<Backend>,
}

enum Backend {
    Sqlite { readers: DatabaseConnection, writer: Arc<writer::Writer>, openings: openings::Openings },
    Postgres(postgres::Cluster),
}

/// The work of one transaction, on borrowed arguments so that it can be run again.
type TxFuture<'t, T> = Pin<Box<dyn Future<Output = Result<T, TxError>> + Send + 't>>;
type Run<A, T> = for<'t> fn(&'t DatabaseTransaction, &'t A) -> TxFuture<'t, T>;

impl Store {
    /// Opens the database, creates or migrates its schema, and starts the writer.
    ///
    /// # Errors
    /// [`StorageError::Url`] for a URL that is neither `sqlite://` nor `postgres://`, [`StorageError::TooNew`] for a
    /// database of a newer server, [`StorageError::Unavailable`] when it cannot be reached.
    pub async fn open(url: &str) -> Result<Self, StorageError> {
        let backend = match DatabaseUrl::parse(url)? {
            DatabaseUrl::Sqlite(path) => {
                let (readers, writer) = open::sqlite(&path).await?;
                let writer = Arc::new(writer);
                let openings = openings::Openings::start(Arc::clone(&writer));
                Backend::Sqlite { readers, writer, openings }
            }
            DatabaseUrl::Postgres(url) => Backend::Postgres(postgres::Cluster::open(&url).await?),
        };
        Ok(Self { backend: Arc::new(backend) })
    }

    /// Which database this is.
    #[must_use]
    pub fn kind(&self) -> DatabaseKind {
        match &*self.backend {
            Backend::Sqlite { .. } => DatabaseKind::Sqlite,
            Backend::Postgres(_) => DatabaseKind::Postgres,
        }
    }

    /// Asks the database for a sign of life.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] or [`StorageError::Busy`] when there is none.
    pub async fn ping(&self) -> Result<(), StorageError> {
        Ok(self.reader().ping().await?)
    }

    /// Carries out what is queued, then closes every connection. Later requests fail with
    /// [`StorageError::Unavailable`].
    pub async fn close(&self) {
        match &*self.backend {
            Backend::Sqlite { readers, writer, openings } => {
                openings.close().await;
                writer.close().await;
                if let Err(error) = readers.close_by_ref().await {
                    tracing::warn!(%error, "closing the readers failed");
                }
            }
            Backend::Postgres(cluster) => cluster.close().await,
        }
    }

    fn reader(&self) -> &DatabaseConnection {
        match &*self.backend {
            Backend::Sqlite { readers, .. } => readers,
            Backend::Postgres(cluster) => cluster.pool(),
        }
    }

    /// Runs `run` in a transaction and returns its result once the commit is on disk. `run` may be started more than
    /// once; only its last run counts.
    async fn write<A, T>(&self, args: A, run: Run<A, T>) -> Result<T, StorageError>
    where
        A: Send + Sync + 'static,
        T: Send + 'static,
    {
        match &*self.backend {
            Backend::Sqlite { writer, .. } => writer.write(writer::Lane::Prompt, args, run).await,
            // The server schedules its connections itself.
            Backend::Postgres(cluster) => cluster.write(args, run).await,
        }
    }

    /// Opens a conversation behind everything that somebody in a conversation waits for.
    async fn write_opening(&self, new: NewConversation, first: NewEntry) -> Result<Appended, StorageError> {
        match &*self.backend {
            Backend::Sqlite { openings, .. } => openings.open(new, first).await,
            Backend::Postgres(cluster) => {
                cluster.write((new, first), |tx, (new, first)| Box::pin(timeline::open(tx, new, first))).await
            }
        }
    }
}
