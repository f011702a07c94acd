//! The demo: a live event to watch, a few tickets to look at, a few viewers who write. In demo mode alone; nothing in
//! the rest of the server knows of it but the place that starts it.

pub mod clip;
mod faults;
mod sample_call;
pub mod samples;
pub mod scripts;
mod sink;
pub mod stream;

use std::sync::Arc;

use signaling::UserId;
use signaling::api::Role;

use crate::app::App;
use crate::auth::hash_password;
use crate::storage::{NewUser, StorageError, Store, UserRow};
use crate::support::Desk;
use crate::{clock, random};

pub use faults::with_faults;
pub use stream::router as stream_router;

/// Login of the demo's agent.
pub const DEMO_LOGIN: &str = "agent";
/// Password of the demo's agent: public, which is why a demo's data folder is refused outside the demo.
pub const DEMO_PASSWORD: &str = "sightline-demo";
/// Name of the demo's agent.
const DEMO_NAME: &str = "Robin Vale";
/// Conversations of an earlier run looked at.
const LEFTOVERS_MAX: u64 = 500;

/// Makes sure that the demo's account and its sample tickets exist.
///
/// # Errors
/// What the store refuses.
pub async fn prepare(app: &App) -> Result<(), StorageError> {
    let store = &app.desk.store;
    let agent = demo_agent(store).await?;
    if let Err(error) = samples::seed(store, &app.telemetry, &agent, &app.node.0, clock::now_ms()).await {
        // The demo works without them; an empty list is no reason not to start.
        tracing::warn!(%error, "the sample tickets were not made");
    }
    resolve_leftovers(store, &agent).await
}

/// The scripted viewers of an earlier run are gone; their open conversations would wait for ever.
async fn resolve_leftovers(store: &Store, agent: &UserRow) -> Result<(), StorageError> {
    let now_ms = clock::now_ms();
    for row in store.open_conversations(LEFTOVERS_MAX).await? {
        if !row.sample || row.agent.as_ref().is_some_and(|owner| *owner != agent.id) {
            continue;
        }
        store.take(&row.id, &agent.id, &agent.name, now_ms).await?;
        store.resolve(&row.id, &agent.id, now_ms).await?;
    }
    Ok(())
}

/// The demo's agent, made if need be.
async fn demo_agent(store: &Store) -> Result<UserRow, StorageError> {
    if let Some(agent) = store.user_by_login(DEMO_LOGIN).await? {
        return Ok(agent);
    }
    let password_hash = hash_password(DEMO_PASSWORD).map_err(StorageError::Backend)?;
    let user = NewUser {
        id: UserId(random::id('u')),
        login: DEMO_LOGIN.to_owned(),
        name: DEMO_NAME.to_owned(),
        role: Role::Agent,
        tier: 1,
        password_hash,
    };
    store.add_user(user.clone()).await?;
    Ok(user)
}

/// Lets the scripted viewers write until all of them are quiet.
pub async fn run_scripts(desk: Arc<Desk>, boot: String) {
    scripts::run(Arc::new(sink::DeskSink::new(desk, boot))).await;
}
