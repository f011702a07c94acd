//! Agents of load tests: users that are made together, live for a while and go together.
//!
//! They are ordinary rows of `desk_user`, told by their login, which nobody else can have: `sightline user add` refuses it.
//! Their password hash matches nothing, so that a session made for them is the only way in.

use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect};
use signaling::UserId;
use signaling::api::Role;

use super::Store;
use super::entity::{clean, session, to_word, user};
use super::error::{StorageError, TxError};
use super::rows::UserRow;

/// How the logins of load test agents begin.
pub const LOAD_TEST_LOGIN: &str = "loadtest:";
/// A password hash that no password has: it is not in PHC form.
const NO_PASSWORD: &str = "!";

/// An agent to be made for a load test.
#[derive(Debug, Clone)]
pub struct NewLoadTestAgent {
    /// Its id.
    pub id: UserId,
    /// Its name.
    pub name: String,
    /// SHA-256 of its session token.
    pub token_hash: [u8; 32],
}

impl UserRow {
    /// Whether this user was made for a load test.
    #[must_use]
    pub fn is_load_test(&self) -> bool {
        self.login.starts_with(LOAD_TEST_LOGIN)
    }
}

impl Store {
    /// Makes the agents of a batch with their sessions, and removes those of earlier batches whose sessions are over at
    /// `now_ms`.
    ///
    /// # Errors
    /// [`StorageError::Busy`], [`StorageError::Unavailable`], [`StorageError::Backend`].
    pub async fn add_load_test_agents(
        &self,
        batch: &str,
        agents: Vec<NewLoadTestAgent>,
        now_ms: i64,
        expires_at_ms: i64,
    ) -> Result<(), StorageError> {
        self.write((batch.to_owned(), agents, now_ms, expires_at_ms), |tx, (batch, agents, now_ms, expires_at_ms)| {
            Box::pin(add(tx, batch, agents, *now_ms, *expires_at_ms))
        })
        .await
    }

    /// Removes the agents of a batch and ends their sessions; says how many there were.
    ///
    /// # Errors
    /// As [`Store::add_load_test_agents`].
    pub async fn remove_load_test_agents(&self, batch: &str) -> Result<u64, StorageError> {
        self.write(batch.to_owned(), |tx, batch| Box::pin(remove(tx, batch))).await
    }
}

async fn add(
    tx: &DatabaseTransaction,
    batch: &str,
    agents: &[NewLoadTestAgent],
    now_ms: i64,
    expires_at_ms: i64,
) -> Result<(), TxError> {
    purge(tx, now_ms).await?;
    for (number, agent) in agents.iter().enumerate() {
        let model = user::Model {
            id: clean(&agent.id.0),
            login: format!("{LOAD_TEST_LOGIN}{}:{number}", clean(batch)),
            name: clean(&agent.name),
            role: to_word(&Role::Agent)?,
            tier: 1,
            password_hash: NO_PASSWORD.to_owned(),
        };
        user::Entity::insert(model.into_active_model()).exec_without_returning(tx).await?;
        let model =
            session::Model { token_hash: agent.token_hash.to_vec(), user_id: clean(&agent.id.0), expires_at_ms };
        session::Entity::insert(model.into_active_model()).exec_without_returning(tx).await?;
    }
    Ok(())
}

async fn remove(tx: &DatabaseTransaction, batch: &str) -> Result<u64, TxError> {
    let own = user::Column::Login.starts_with(format!("{LOAD_TEST_LOGIN}{}:", clean(batch)));
    // Their sessions go with them.
    Ok(user::Entity::delete_many().filter(own).exec(tx).await?.rows_affected)
}

/// Removes agents whose session is over.
async fn purge(tx: &DatabaseTransaction, now_ms: i64) -> Result<(), TxError> {
    session::Entity::delete_many().filter(session::Column::ExpiresAtMs.lte(now_ms)).exec(tx).await?;
    let alive: Vec<String> =
        session::Entity::find().select_only().column(session::Column::UserId).into_tuple().all(tx).await?;
    let left = user::Entity::find().filter(user::Column::Login.starts_with(LOAD_TEST_LOGIN)).all(tx).await?;
    for gone in left.into_iter().filter(|agent| !alive.contains(&agent.id)) {
        user::Entity::delete_by_id(gone.id).exec(tx).await?;
    }
    Ok(())
}
