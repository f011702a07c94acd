//! Diagnoses of tickets, the agents' word about them, and the long measurement of a viewer's line.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde_json::Value;
use signaling::limits::WORD_NOTE_CHARS_MAX;
use signaling::verdict::{Accuracy, VerdictWord, VerdictWordDraft};
use signaling::wire::{ErrorCode, ServerMessage};

use super::ApiRefusal;
use super::principal::{Operator, Principal};
use super::tickets::find;
use crate::app::App;
use crate::clock;
use crate::cluster::{Note, Topic};
use crate::support::refusal;
use crate::verdicts::diagnosis_of;

/// Who says it when a program does.
const PROGRAM: &str = "API";

/// Why the picture stuttered, as the samples of a ticket say: causes, evidence, issues and scores (docs/diagnosis.md), what
/// to do about it (`remedy`), and the agent's word (`word`).
#[utoipa::path(get, path = "/api/v1/tickets/{number}/diagnosis", tag = "diagnosis", params(("number" = i64, Path)),
    responses((status = 200, body = Object), (status = 404, description = "No such ticket")))]
pub(super) async fn diagnosis(
    State(app): State<Arc<App>>,
    _principal: Principal,
    Path(number): Path<i64>,
) -> Result<Json<Value>, ApiRefusal> {
    let row = find(&app, number).await?;
    let store = &app.desk.store;
    let mut judged = diagnosis_of(&app.verdicts, &app.telemetry, store, &row).await?;
    let remedy = judged.pointer("/verdict/cause").cloned().and_then(|cause| serde_json::from_value(cause).ok());
    let word = store.word(&row.id).await.map_err(refusal)?;
    if let Value::Object(members) = &mut judged {
        if let Some(cause) = remedy {
            members.insert("remedy".to_owned(), json(&diagnosis::verdict::remedies::remedy(cause))?);
        }
        if let Some(word) = word {
            members.insert("word".to_owned(), json(&word)?);
        }
    }
    Ok(Json(judged))
}

fn json<T: serde::Serialize>(value: &T) -> Result<Value, ApiRefusal> {
    serde_json::to_value(value).map_err(|error| ApiRefusal::new(ErrorCode::Internal, error.to_string()))
}

/// What the agent says of the verdict, in place of what was said before.
#[utoipa::path(put, path = "/api/v1/tickets/{number}/diagnosis/word", tag = "diagnosis",
    params(("number" = i64, Path)), request_body = VerdictWordDraft,
    responses((status = 200, body = VerdictWord), (status = 409, description = "The ticket has no verdict"),
              (status = 404, description = "No such ticket")))]
pub(super) async fn word(
    State(app): State<Arc<App>>,
    principal: Principal,
    Path(number): Path<i64>,
    Json(draft): Json<VerdictWordDraft>,
) -> Result<Json<VerdictWord>, ApiRefusal> {
    if draft.note.chars().count() > WORD_NOTE_CHARS_MAX {
        return Err(ApiRefusal::new(ErrorCode::Invalid, format!("note has at most {WORD_NOTE_CHARS_MAX} characters")));
    }
    let row = find(&app, number).await?;
    let Some(verdict) = &row.verdict else {
        return Err(ApiRefusal::new(ErrorCode::OutOfOrder, "this ticket has no verdict"));
    };
    let by = match principal {
        Principal::User(user) => user.name.clone(),
        Principal::ApiKey => PROGRAM.to_owned(),
    };
    let word = VerdictWord {
        said: verdict.cause,
        right: draft.right,
        cause: draft.cause.filter(|_| !draft.right),
        note: draft.note,
        by,
        at_ms: clock::now_ms(),
    };
    app.desk.store.set_word(&row.id, &word).await.map_err(refusal)?;
    Ok(Json(word))
}

/// How right the verdicts are, by the agents' word.
#[utoipa::path(get, path = "/api/v1/diagnosis/accuracy", tag = "diagnosis", responses((status = 200, body = Accuracy)))]
pub(super) async fn accuracy(State(app): State<Arc<App>>, _operator: Operator) -> Result<Json<Accuracy>, ApiRefusal> {
    Ok(Json(app.desk.store.accuracy().await.map_err(refusal)?))
}

/// Asks the viewer's page to measure its line at length; the result comes as samples, within some ten seconds.
#[utoipa::path(post, path = "/api/v1/tickets/{number}/preflight", tag = "diagnosis", params(("number" = i64, Path)),
    responses((status = 202, description = "The page was asked"), (status = 404, description = "No such ticket"),
              (status = 409, description = "The viewer is not on line")))]
pub(super) async fn preflight(
    State(app): State<Arc<App>>,
    _principal: Principal,
    Path(number): Path<i64>,
) -> Result<StatusCode, ApiRefusal> {
    let row = find(&app, number).await?;
    if !app.desk.presence.viewer_online(&row.id) {
        return Err(ApiRefusal::new(ErrorCode::ViewerOffline, "the viewer is not on line"));
    }
    app.desk.bus.publish(Topic::Viewer(row.id), Note::Direct(Box::new(ServerMessage::Preflight {})));
    Ok(StatusCode::ACCEPTED)
}

/// Whether a ticket's samples stay for good.
#[derive(Debug, serde::Deserialize, utoipa::ToSchema)]
pub(super) struct Pin {
    /// They do.
    pinned: bool,
}

/// Pins a ticket, so that its samples and its diagnosis outlive `storage.samples_days` and `storage.diagnoses_months`.
#[utoipa::path(put, path = "/api/v1/tickets/{number}/pin", tag = "tickets", params(("number" = i64, Path)),
    request_body = Pin, responses((status = 204), (status = 404, description = "No such ticket")))]
pub(super) async fn pin(
    State(app): State<Arc<App>>,
    _principal: Principal,
    Path(number): Path<i64>,
    Json(Pin { pinned }): Json<Pin>,
) -> Result<StatusCode, ApiRefusal> {
    let row = find(&app, number).await?;
    app.desk.store.pin(&row.id, pinned).await.map_err(refusal)?;
    Ok(StatusCode::NO_CONTENT)
}
