//! Incidents, and the health beacons of pages without a chat.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use signaling::verdict::{IncidentScope as Scope, Incidents};
use signaling::wire::ErrorCode;

use super::principal::Operator;
use super::{ApiRefusal, ClientAddress, cors};
use crate::app::App;
use crate::clock;
use crate::verdicts::{SCOPES, keys};

/// Longest member of a beacon, characters.
const MEMBER_CHARS_MAX: usize = 200;

/// How a page's player fares, without a name: sent only where the host page switched it on (`beacons`), by a sample of its
/// viewers.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub(super) struct Beacon {
    /// Random per page load.
    page: String,
    /// What is watched: the page's address without query.
    #[serde(default)]
    stream: Option<String>,
    /// Host of the segments.
    #[serde(default)]
    edge: Option<String>,
    /// Browser and system.
    #[serde(default)]
    device: Option<String>,
    /// Decoder.
    #[serde(default)]
    decoder: Option<String>,
    /// Version of the host's player or app.
    #[serde(default)]
    app: Option<String>,
    /// IANA name of the time zone.
    #[serde(default)]
    region: Option<String>,
    /// Whether the player was in trouble since the last beacon: it stalled, or dropped a tenth of its frames.
    trouble: bool,
}

/// Takes a beacon. Nothing is kept beyond minutes, and of the address only its network.
#[utoipa::path(post, path = "/api/v1/beacons", tag = "diagnosis", security(()), request_body = Beacon,
    responses((status = 204), (status = 403, description = "This origin may not embed the widget"),
              (status = 429, description = "Too many from this address")))]
pub(super) async fn beacon(
    State(app): State<Arc<App>>,
    ClientAddress(address): ClientAddress,
    headers: HeaderMap,
    Json(beacon): Json<Beacon>,
) -> Result<Response, ApiRefusal> {
    cors::check_origin(&app, &headers)?;
    app.gate.preflight(address)?;
    let members = [&beacon.stream, &beacon.edge, &beacon.device, &beacon.decoder, &beacon.app, &beacon.region];
    let bounded = |text: &str| !text.is_empty() && text.chars().count() <= MEMBER_CHARS_MAX;
    if !bounded(&beacon.page) || !members.into_iter().flatten().all(|text| bounded(text)) {
        let message = format!("members have 1 to {MEMBER_CHARS_MAX} characters");
        return Err(ApiRefusal::new(ErrorCode::Invalid, message));
    }
    let keys = SCOPES.map(|scope| match scope {
        Scope::Stream => beacon.stream.as_deref().map(keys::stream),
        Scope::Edge => beacon.edge.clone(),
        Scope::Network => Some(keys::network(address)),
        Scope::Decoder => beacon.decoder.clone(),
        Scope::App => beacon.app.clone(),
        Scope::Device => beacon.device.clone(),
        Scope::Region => beacon.region.clone(),
    });
    app.verdicts.beacon(&beacon.page, keys, beacon.trouble, clock::now_ms());
    Ok(cors::with_cors(&app, &headers, StatusCode::NO_CONTENT.into_response()))
}

/// Incidents that last, and those of the last day.
#[utoipa::path(get, path = "/api/v1/incidents", tag = "diagnosis", responses((status = 200, body = Incidents)))]
pub(super) async fn incidents(State(app): State<Arc<App>>, _operator: Operator) -> Json<Incidents> {
    Json(Incidents { list: app.verdicts.incidents() })
}
