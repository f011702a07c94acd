//! Agents for a load test, made and removed over the REST API by whoever holds the API key.

use serde::{Deserialize, Serialize};

use crate::ids::UserId;

/// Agents made at once at most. One agent has one call at a time, so that this many calls run at once.
pub const AGENTS_MAX: u32 = 500;
/// Longest life of such agents, seconds: a soak over night.
pub const TTL_S_MAX: u32 = 86_400;

/// `POST /api/v1/load-test/agents`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LoadTestAgentsRequest {
    /// How many, 1 to [`AGENTS_MAX`].
    pub count: u32,
    /// Life in seconds, at most [`TTL_S_MAX`]; agents whose time is over are removed.
    pub ttl_s: u32,
}

/// Answer to a [`LoadTestAgentsRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LoadTestAgents {
    /// Name under which they are removed together: `DELETE /api/v1/load-test/agents/{batch}`.
    pub batch: String,
    /// The agents.
    pub agents: Vec<LoadTestAgent>,
    /// End of their life, ms since the Unix epoch.
    pub expires_at_ms: i64,
}

/// One agent of a load test. It has no password and never counts as an agent on line for viewers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LoadTestAgent {
    /// Its id.
    pub user: UserId,
    /// Its name, which says what it is.
    pub name: String,
    /// Session token, as a sign-in gives one.
    pub token: String,
}
