//! Database URLs, and how a SQLite file is opened.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sea_orm::sqlx::ConnectOptions as _;
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sea_orm::{ConnectOptions, Database, DatabaseConnection};
use tokio::time::Instant;

use super::error::{StorageError, is_locked};
use super::migration;
use super::writer::{LOCK_ATTEMPT, Writer};

/// Connections that only read. Reads are short; more than this wait on two cores for each other anyway.
const READERS: u32 = 4;

/// How long a connection waits for a lock of another one.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Where the database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// `sqlite:///absolute/path.db` or `sqlite://relative/path.db`: a file, made if it is missing.
    Sqlite(PathBuf),
    /// `postgres://user:password@host:port/database`, or `postgresql://`.
    Postgres(String),
}

impl DatabaseUrl {
    /// Reads a URL.
    ///
    /// # Errors
    /// [`StorageError::Url`] with a sentence that says what is wrong; it never repeats the URL, which may hold a
    /// password.
    pub fn parse(url: &str) -> Result<Self, StorageError> {
        if let Some(path) = url.strip_prefix("sqlite://") {
            if path.is_empty() || path.ends_with('/') {
                return Err(StorageError::Url("sqlite:// needs the path of a file".to_owned()));
            }
            if path.contains(['?', '#']) {
                return Err(StorageError::Url("sqlite:// takes a path and no options".to_owned()));
            }
            return Ok(Self::Sqlite(PathBuf::from(path)));
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self::Postgres(url.to_owned()));
        }
        Err(StorageError::Url("it must start with sqlite:// or postgres://".to_owned()))
    }
}

/// Opens a SQLite file: migrates it, then starts the writer and the readers.
pub(super) async fn sqlite(path: &Path) -> Result<(DatabaseConnection, Writer), StorageError> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .map_err(|error| StorageError::Unavailable(format!("{}: {error}", folder.display())))?;
    }
    prepare(path).await?;
    let writer = Writer::start(options(path, 1, LOCK_ATTEMPT, false)).await?;
    let readers = Database::connect(options(path, READERS, BUSY_TIMEOUT, true)).await?;
    Ok((readers, writer))
}

/// Creates the file in WAL mode and brings the schema up to date. Turning WAL on needs the file alone and does not wait
/// for it, so a second process that does the same at the same moment is waited for here.
async fn prepare(path: &Path) -> Result<(), StorageError> {
    let deadline = Instant::now() + BUSY_TIMEOUT;
    loop {
        match Database::connect(options(path, 1, BUSY_TIMEOUT, false)).await {
            Ok(connection) => {
                let migrated = migration::migrate(&connection).await;
                connection.close().await?;
                return migrated;
            }
            Err(error) if is_locked(&error) && Instant::now() < deadline => {
                tokio::time::sleep(LOCK_ATTEMPT).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

fn options(path: &Path, connections: u32, busy: Duration, query_only: bool) -> ConnectOptions {
    let path = path.to_owned();
    let mut options = ConnectOptions::new("sqlite::memory:");
    options
        .min_connections(connections)
        .max_connections(connections)
        .acquire_timeout(BUSY_TIMEOUT)
        // An idle connection costs nothing here, and opening one runs the pragmas again.
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .sqlx_logging(false)
        .map_sqlx_sqlite_opts(move |_| {
            SqliteConnectOptions::new()
                .filename(&path)
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full)
                .foreign_keys(true)
                .busy_timeout(busy)
                .pragma("query_only", if query_only { "ON" } else { "OFF" })
                .disable_statement_logging()
        });
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_name_a_file_or_a_server() {
        let file = |path: &str| Ok(DatabaseUrl::Sqlite(PathBuf::from(path)));
        assert_eq!(DatabaseUrl::parse("sqlite:///var/lib/sightline/main.db"), file("/var/lib/sightline/main.db"));
        assert_eq!(DatabaseUrl::parse("sqlite://data/main.db"), file("data/main.db"));
        let server = "postgresql://desk:secret@db.example/desk";
        assert_eq!(DatabaseUrl::parse(server), Ok(DatabaseUrl::Postgres(server.to_owned())));
        for bad in ["", "main.db", "sqlite:main.db", "sqlite:///folder/", "mysql://desk:secret@db/desk"] {
            let refused = DatabaseUrl::parse(bad).expect_err(bad);
            assert!(!refused.to_string().contains("secret"), "{refused}");
        }
    }
}
