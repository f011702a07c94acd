//! The schema and its history, and the version of what is stored.
//!
//! A database carries the version of its format. An older one is migrated when it is opened; a newer one is refused
//! before anything is read or written. Several processes may open a new database at once: one migrates, the others wait.

mod m0001_first;
mod m0002_pictures_requests_replies;
mod m0003_verdicts;

use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, EntityTrait, IntoActiveModel,
    SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use sea_orm_migration::{MigrationTrait, MigratorTrait, SchemaManager};

use super::entity::format;
use super::error::StorageError;

/// Version of what this server stores. It goes up with every change that an older server would misread.
pub const FORMAT_VERSION: i64 = 3;

/// Key of the advisory lock under which PostgreSQL is migrated: "sightlin" as a number.
const ADVISORY_LOCK: i64 = 0x7369_6768_746c_696e;

struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_first::Migration),
            Box::new(m0002_pictures_requests_replies::Migration),
            Box::new(m0003_verdicts::Migration),
        ]
    }
}

/// Brings the schema to [`FORMAT_VERSION`], in one transaction that keeps others out.
///
/// # Errors
/// [`StorageError::TooNew`] for the database of a newer server.
pub(super) async fn migrate(connection: &DatabaseConnection) -> Result<(), StorageError> {
    let options = TransactionOptions {
        sqlite_transaction_mode: (connection.get_database_backend() == DbBackend::Sqlite)
            .then_some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    let tx = connection.begin_with_options(options).await?;
    if tx.get_database_backend() == DbBackend::Postgres {
        tx.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({ADVISORY_LOCK})")).await?;
    }
    let found = stored_version(&tx).await?;
    if let Some(found) = found.filter(|found| *found > FORMAT_VERSION) {
        return Err(StorageError::TooNew { found, supported: FORMAT_VERSION });
    }
    Migrator::up(&tx, None).await?;
    let row = format::Model { id: format::ROW, version: FORMAT_VERSION };
    format::Entity::insert(row.into_active_model())
        .on_conflict(OnConflict::column(format::Column::Id).update_column(format::Column::Version).to_owned())
        .exec_without_returning(&tx)
        .await?;
    Ok(tx.commit().await?)
}

async fn stored_version(tx: &DatabaseTransaction) -> Result<Option<i64>, StorageError> {
    if !SchemaManager::new(tx).has_table("format").await? {
        return Ok(None);
    }
    Ok(format::Entity::find_by_id(format::ROW).one(tx).await?.map(|row| row.version))
}
