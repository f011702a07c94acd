//! What pages of other origins may ask of the API: those that embed the widget, for the viewer's own pictures.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use signaling::wire::ErrorCode;
use std::sync::Arc;

use super::{ApiRefusal, origin_allowed};
use crate::app::App;

/// How long a browser remembers what it may, seconds: a visit.
const REMEMBERED_S: &str = "600";

/// Answers a browser's question before a request with an `Authorization` header.
pub(super) async fn preflight(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    if let Err(refusal) = check_origin(&app, &headers) {
        return refusal.into_response();
    }
    let allowed = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type"),
        (header::ACCESS_CONTROL_MAX_AGE, REMEMBERED_S),
    ];
    with_cors(&app, &headers, (StatusCode::NO_CONTENT, allowed).into_response())
}

/// Refuses pages that may not embed the widget.
///
/// # Errors
/// [`ErrorCode::Origin`].
pub(super) fn check_origin(app: &App, headers: &HeaderMap) -> Result<(), ApiRefusal> {
    if origin_allowed(app, headers) {
        return Ok(());
    }
    Err(ApiRefusal::new(ErrorCode::Origin, "this page's origin is not in http.allowed_origins"))
}

/// Lets the page that asked read the answer, if its origin may. Cookies do not count for it.
pub(super) fn with_cors(app: &App, headers: &HeaderMap, mut response: Response) -> Response {
    let answer = response.headers_mut();
    answer.append(header::VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = headers.get(header::ORIGIN).filter(|_| origin_allowed(app, headers)) {
        answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        answer.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("etag"));
    }
    response
}
