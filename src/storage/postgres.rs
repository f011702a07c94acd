//! PostgreSQL: plain transactions on a pool.
//!
//! Rows that a decision rests on are locked (`FOR UPDATE`) by the code that reads them; races for a unique key, deadlocks
//! and serialization failures are tried again here.

use std::time::Duration;

use sea_orm::{ConnectOptions, Database, DatabaseConnection, TransactionTrait};
use tokio::sync::{Semaphore, TryAcquireError};

use super::error::{StorageError, TxError};
use super::{Run, WRITES_QUEUED_MAX, migration};

/// Connections of one server process. PostgreSQL's default allows 100 in all; this leaves room for several nodes.
const CONNECTIONS_MAX: u32 = 16;

/// How long a request waits for a connection before it is refused as busy.
const ACQUIRE_WAIT_MAX: Duration = Duration::from_secs(5);

/// Runs of one transaction before its transient failure is reported. A lost race needs two; three in a row lost means
/// a crowd.
const ATTEMPTS_MAX: u32 = 5;

/// A pool of connections to one PostgreSQL database.
pub(super) struct Cluster {
    pool: DatabaseConnection,
    writes: Semaphore,
}

impl Cluster {
    pub(super) async fn open(url: &str) -> Result<Self, StorageError> {
        let mut options = ConnectOptions::new(url);
        options
            .max_connections(CONNECTIONS_MAX)
            .acquire_timeout(ACQUIRE_WAIT_MAX)
            .connect_timeout(ACQUIRE_WAIT_MAX)
            .sqlx_logging(false);
        let pool = Database::connect(options).await?;
        migration::migrate(&pool).await?;
        Ok(Self { pool, writes: Semaphore::new(WRITES_QUEUED_MAX) })
    }

    pub(super) fn pool(&self) -> &DatabaseConnection {
        &self.pool
    }

    pub(super) async fn write<A, T>(&self, args: A, run: Run<A, T>) -> Result<T, StorageError> {
        let _permit = self.writes.try_acquire().map_err(|error| match error {
            TryAcquireError::NoPermits => StorageError::Busy,
            TryAcquireError::Closed => StorageError::Unavailable("the store is closed".to_owned()),
        })?;
        let mut attempt = 1;
        loop {
            match self.attempt(&args, run).await {
                Err(error) if error.is_transient() && attempt < ATTEMPTS_MAX => attempt += 1,
                outcome => return outcome.map_err(StorageError::from),
            }
        }
    }

    async fn attempt<A, T>(&self, args: &A, run: Run<A, T>) -> Result<T, TxError> {
        let tx = self.pool.begin().await?;
        match run(&tx, args).await {
            Ok(result) => {
                tx.commit().await?;
                Ok(result)
            }
            Err(error) => {
                tx.rollback().await?;
                Err(error)
            }
        }
    }

    pub(super) async fn close(&self) {
        self.writes.close();
        if let Err(error) = self.pool.close_by_ref().await {
            tracing::warn!(%error, "closing the pool failed");
        }
    }
}
