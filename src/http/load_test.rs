//! Agents for load tests: made and removed by whoever holds the API key.
//!
//! A test of fifty calls a second needs dozens of agents, since one has one call at a time. They have no password, end by
//! themselves, and viewers are never told that they are on line.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use signaling::UserId;
use signaling::load_test::{AGENTS_MAX, LoadTestAgent, LoadTestAgents, LoadTestAgentsRequest, TTL_S_MAX};
use signaling::wire::ErrorCode;

use super::ApiRefusal;
use super::principal::ApiKey;
use crate::app::App;
use crate::clock;
use crate::random;
use crate::storage::NewLoadTestAgent;
use crate::support::refusal;

/// Makes agents for a load test.
#[utoipa::path(post, path = "/api/v1/load-test/agents", tag = "load test", request_body = LoadTestAgentsRequest,
    responses((status = 200, body = LoadTestAgents), (status = 400, description = "Too many or too long"),
              (status = 401, description = "No API key")))]
pub(super) async fn make(
    State(app): State<Arc<App>>,
    _key: ApiKey,
    Json(request): Json<LoadTestAgentsRequest>,
) -> Result<Json<LoadTestAgents>, ApiRefusal> {
    if !(1..=AGENTS_MAX).contains(&request.count) || !(1..=TTL_S_MAX).contains(&request.ttl_s) {
        let message = format!("count is 1 to {AGENTS_MAX}, ttl_s 1 to {TTL_S_MAX}");
        return Err(ApiRefusal::new(ErrorCode::Invalid, message));
    }
    let batch = random::id('l');
    let now_ms = clock::now_ms();
    let expires_at_ms = now_ms + i64::from(request.ttl_s) * 1_000;
    let agents: Vec<LoadTestAgent> = (1..=request.count)
        .map(|number| LoadTestAgent {
            user: UserId(random::id('u')),
            name: format!("Load test {number}"),
            token: random::secret(),
        })
        .collect();
    let rows = agents.iter().map(|agent| NewLoadTestAgent {
        id: agent.user.clone(),
        name: agent.name.clone(),
        token_hash: random::sha256(&agent.token),
    });
    let store = &app.desk.store;
    store.add_load_test_agents(&batch, rows.collect(), now_ms, expires_at_ms).await.map_err(refusal)?;
    tracing::info!(batch, count = request.count, "agents for a load test were made");
    Ok(Json(LoadTestAgents { batch, agents, expires_at_ms }))
}

/// Removes the agents of a load test.
#[utoipa::path(delete, path = "/api/v1/load-test/agents/{batch}", tag = "load test", params(("batch" = String, Path)),
    responses((status = 204), (status = 404, description = "No such batch"), (status = 401, description = "No API key")))]
pub(super) async fn remove(
    State(app): State<Arc<App>>,
    _key: ApiKey,
    Path(batch): Path<String>,
) -> Result<StatusCode, ApiRefusal> {
    let known = random::is_id(&batch, 'l');
    let gone = if known { app.desk.store.remove_load_test_agents(&batch).await.map_err(refusal)? } else { 0 };
    if gone == 0 {
        return Err(ApiRefusal::new(ErrorCode::NotFound, "no such batch of agents"));
    }
    Ok(StatusCode::NO_CONTENT)
}
