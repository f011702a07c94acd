//! Prepared answers: read and written by every agent.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use signaling::CannedReplyId;
use signaling::api::{CannedReplies, CannedReply, CannedReplyDraft};

use super::ApiRefusal;
use super::principal::Principal;
use crate::app::App;

/// Largest body, bytes: the longest text in characters of four bytes, escaped, and room.
pub(super) const BODY_BYTES_MAX: usize = 64 * 1024;

/// All prepared answers, by shortcut and language.
#[utoipa::path(get, path = "/api/v1/canned-replies", tag = "canned replies",
    responses((status = 200, body = CannedReplies), (status = 401, description = "No session and no API key")))]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    _principal: Principal,
) -> Result<Json<CannedReplies>, ApiRefusal> {
    Ok(Json(CannedReplies { replies: app.desk.canned_replies().await? }))
}

/// Adds a prepared answer.
#[utoipa::path(post, path = "/api/v1/canned-replies", tag = "canned replies", request_body = CannedReplyDraft,
    responses((status = 201, body = CannedReply), (status = 400, description = "A field is out of its bounds"),
              (status = 401, description = "No session and no API key"),
              (status = 409, description = "The shortcut is used in this language, or there are too many")))]
pub(super) async fn add(
    State(app): State<Arc<App>>,
    _principal: Principal,
    Json(draft): Json<CannedReplyDraft>,
) -> Result<(StatusCode, Json<CannedReply>), ApiRefusal> {
    Ok((StatusCode::CREATED, Json(app.desk.add_canned_reply(draft).await?)))
}

/// Replaces a prepared answer.
#[utoipa::path(put, path = "/api/v1/canned-replies/{id}", tag = "canned replies", params(("id" = String, Path)),
    request_body = CannedReplyDraft,
    responses((status = 200, body = CannedReply), (status = 400, description = "A field is out of its bounds"),
              (status = 401, description = "No session and no API key"), (status = 404, description = "No such answer"),
              (status = 409, description = "The shortcut is another's in this language")))]
pub(super) async fn change(
    State(app): State<Arc<App>>,
    _principal: Principal,
    Path(id): Path<String>,
    Json(draft): Json<CannedReplyDraft>,
) -> Result<Json<CannedReply>, ApiRefusal> {
    Ok(Json(app.desk.change_canned_reply(CannedReplyId(id), draft).await?))
}

/// Removes a prepared answer.
#[utoipa::path(delete, path = "/api/v1/canned-replies/{id}", tag = "canned replies", params(("id" = String, Path)),
    responses((status = 204), (status = 401, description = "No session and no API key"),
              (status = 404, description = "No such answer")))]
pub(super) async fn remove(
    State(app): State<Arc<App>>,
    _principal: Principal,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiRefusal> {
    app.desk.delete_canned_reply(&CannedReplyId(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}
