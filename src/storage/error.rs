//! Errors of the storage layer, sorted by who can do something about them.
//!
//! [`StorageError`] is what callers see. Inside a transaction the code works with [`TxError`], which keeps the
//! database's own error until it is known whether the transaction can be tried again.

use sea_orm::{DbErr, RuntimeErr, SqlErr};

/// Why a storage request was not carried out. Nothing of the request is in the database then, but for
/// [`StorageError::Backend`] and [`StorageError::Unavailable`] during the commit itself, when it may be: repeating an
/// idempotent request (a message with its `client_id`) is always right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StorageError {
    /// More writes are queued than the bound allows, or the database was locked for too long. Try again later.
    #[error("the database is busy; try again")]
    Busy,
    /// The row is in a state that does not allow this: someone else has it, it exists already, it is over.
    #[error("the record is in a state that does not allow this")]
    Conflict,
    /// There is no such row.
    #[error("no such record")]
    NotFound,
    /// The database was written by a newer version of the server.
    #[error(
        "the database has format {found}, this server knows formats up to {supported}: start a newer server version"
    )]
    TooNew {
        /// Format of the database.
        found: i64,
        /// Newest format of this server.
        supported: i64,
    },
    /// The database URL cannot be used.
    #[error("database URL: {0}")]
    Url(String),
    /// The database cannot be reached, or the store was closed.
    #[error("the database cannot be reached: {0}")]
    Unavailable(String),
    /// The database, or what is stored in it, failed.
    #[error("the database failed: {0}")]
    Backend(String),
}

/// What can end a transaction's work.
#[derive(Debug)]
pub(super) enum TxError {
    /// Our own rules said no.
    Refused(StorageError),
    /// The database said no.
    Database(DbErr),
}

impl TxError {
    /// Whether running the same transaction again can succeed: a lost race for a unique key (the next run sees the
    /// winner's row), a deadlock or a serialization failure.
    pub(super) fn is_transient(&self) -> bool {
        let Self::Database(error) = self else { return false };
        if matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) {
            return true;
        }
        // PostgreSQL: serialization_failure, deadlock_detected, lock_not_available.
        matches!(sql_state(error).as_deref(), Some("40001" | "40P01" | "55P03"))
    }
}

impl From<DbErr> for TxError {
    fn from(error: DbErr) -> Self {
        Self::Database(error)
    }
}

impl From<StorageError> for TxError {
    fn from(error: StorageError) -> Self {
        Self::Refused(error)
    }
}

impl From<TxError> for StorageError {
    fn from(error: TxError) -> Self {
        match error {
            TxError::Refused(error) => error,
            TxError::Database(error) => error.into(),
        }
    }
}

impl From<DbErr> for StorageError {
    fn from(error: DbErr) -> Self {
        if matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) {
            return Self::Conflict;
        }
        if is_locked(&error) {
            return Self::Busy;
        }
        match error {
            DbErr::ConnectionAcquire(sea_orm::ConnAcquireErr::Timeout) => Self::Busy,
            DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => Self::Unavailable(error.to_string()),
            other => Self::Backend(other.to_string()),
        }
    }
}

/// Whether SQLite said that another connection holds the lock (`SQLITE_BUSY`, `SQLITE_LOCKED` and their extended
/// codes).
pub(super) fn is_locked(error: &DbErr) -> bool {
    database_error(error).is_some_and(|database| {
        database.try_downcast_ref::<sea_orm::sqlx::sqlite::SqliteError>().is_some()
            && database
                .code()
                .and_then(|code| code.parse::<u32>().ok())
                .is_some_and(|code| matches!(code & 0xff, 5 | 6))
    })
}

fn sql_state(error: &DbErr) -> Option<String> {
    let database = database_error(error)?;
    database.try_downcast_ref::<sea_orm::sqlx::postgres::PgDatabaseError>().map(|error| error.code().to_owned())
}

fn database_error(error: &DbErr) -> Option<&dyn sea_orm::sqlx::error::DatabaseError> {
    match error {
        DbErr::Exec(RuntimeErr::SqlxError(inner))
        | DbErr::Query(RuntimeErr::SqlxError(inner))
        | DbErr::Conn(RuntimeErr::SqlxError(inner)) => inner.as_database_error(),
        _ => None,
    }
}
