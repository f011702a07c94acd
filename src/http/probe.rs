//! Bytes for measuring what a viewer's line carries from this server.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use signaling::limits::PROBE_BYTES_MAX;
use signaling::wire::ErrorCode;

use super::{ApiRefusal, ClientAddress, cors};
use crate::app::App;
use crate::random;

/// So many bytes that cannot be compressed, for the line's rate. Refused while the server is busy.
#[utoipa::path(get, path = "/api/v1/probe/{bytes}", tag = "diagnosis", security(()),
    params(("bytes" = usize, Path, description = "1 to 300000")),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"),
              (status = 429, description = "Too many from this address"), (status = 503, description = "Busy")))]
pub(super) async fn probe(
    State(app): State<Arc<App>>,
    ClientAddress(address): ClientAddress,
    headers: HeaderMap,
    Path(bytes): Path<usize>,
) -> Result<Response, ApiRefusal> {
    cors::check_origin(&app, &headers)?;
    app.gate.preflight(address)?;
    if !(1..=PROBE_BYTES_MAX).contains(&bytes) {
        return Err(ApiRefusal::new(ErrorCode::Invalid, format!("1 to {PROBE_BYTES_MAX} bytes")));
    }
    let mut body = vec![0; bytes];
    random::fill(&mut body);
    let head = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::HeaderName::from_static("timing-allow-origin"), HeaderValue::from_static("*")),
    ];
    Ok(cors::with_cors(&app, &headers, (head, Body::from(body)).into_response()))
}
