//! The write lock of a SQLite file, held as another process would: commits wait meanwhile.

use sea_orm::{ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection};

/// The lock, until it is released.
pub(crate) struct HeldLock(DatabaseConnection);

impl HeldLock {
    /// Takes the lock. A server's writer waits five seconds for it, then refuses.
    pub(crate) async fn of(url: &str) -> Self {
        let mut options = ConnectOptions::new(url);
        options.max_connections(1).sqlx_logging(false);
        let holder = Database::connect(options).await.expect("the database can be opened");
        holder.execute_unprepared("BEGIN IMMEDIATE").await.expect("the lock is free");
        Self(holder)
    }

    /// Gives it back.
    pub(crate) async fn release(self) {
        self.0.execute_unprepared("ROLLBACK").await.expect("the lock is ours");
        self.0.close().await.expect("the connection closes");
    }
}
