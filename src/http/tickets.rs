//! Tickets and tokens.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use signaling::TicketNumber;
use signaling::api::{Series, TelemetryExport, Ticket, TicketList, TokenAnswer, TokenRequest};
use signaling::wire::{ConversationStatus, ErrorCode};

use super::ApiRefusal;
use super::principal::{ApiKey, Principal};
use crate::app::App;
use crate::auth::{Auth, VIEWER_TOKEN_S_MAX};
use crate::storage::{ConversationRow, TicketFilter};
use crate::support::refusal;
use crate::telemetry::{self, Measured};

/// Tickets on a page unless asked otherwise.
const PAGE_DEFAULT: u32 = 50;
/// Tickets on a page at most.
const PAGE_MAX: u32 = 200;
/// Timeline entries read at once.
const ENTRIES_STEP: u64 = 500;
/// Timeline entries of a ticket at most: a year of chatting; the answer stays below a few MB.
const ENTRIES_MAX: usize = 20_000;

/// Query of the list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
pub(super) struct ListQuery {
    /// Only tickets that stand there.
    status: Option<ConversationStatus>,
    /// Only tickets with a smaller number.
    before: Option<i64>,
    /// At most so many, 1 to 200; default 50.
    limit: Option<u32>,
}

/// Tickets, newest first.
#[utoipa::path(get, path = "/api/v1/tickets", tag = "tickets", params(ListQuery),
    responses((status = 200, body = TicketList), (status = 401, description = "No session and no API key")))]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    _principal: Principal,
    Query(query): Query<ListQuery>,
) -> Result<Json<TicketList>, ApiRefusal> {
    let limit = query.limit.unwrap_or(PAGE_DEFAULT).clamp(1, PAGE_MAX);
    let filter = TicketFilter { status: query.status, before: query.before, limit: limit + 1 };
    let mut tickets = app.desk.store.tickets(filter).await.map_err(refusal)?;
    let more = tickets.len() > limit as usize;
    tickets.truncate(limit as usize);
    let next_before = tickets.last().filter(|_| more).map(|last| last.number.0);
    Ok(Json(TicketList { tickets, next_before }))
}

/// One ticket with everything on it.
#[utoipa::path(get, path = "/api/v1/tickets/{number}", tag = "tickets", params(("number" = i64, Path)),
    responses((status = 200, body = Ticket), (status = 404, description = "No such ticket")))]
pub(super) async fn one(
    State(app): State<Arc<App>>,
    _principal: Principal,
    Path(number): Path<i64>,
) -> Result<Json<Ticket>, ApiRefusal> {
    let row = find(&app, number).await?;
    let store = &app.desk.store;
    let summary = store.ticket(row.ticket).await.map_err(refusal)?;
    let summary = summary.ok_or_else(no_such_ticket)?;
    let mut timeline = Vec::new();
    while timeline.len() < ENTRIES_MAX {
        let after_seq = timeline.last().map_or(0, |entry: &signaling::timeline::Entry| entry.seq);
        let more = store.entries(&row.id, after_seq, ENTRIES_STEP).await.map_err(refusal)?;
        if more.is_empty() {
            break;
        }
        timeline.extend(more);
    }
    let Measured { calls, player, .. } = measured(&app, &row).await?;
    Ok(Json(Ticket {
        summary,
        page: row.page,
        lang: row.lang,
        agent: row.agent,
        rating_comment: row.rating_comment,
        timeline,
        calls,
        player,
    }))
}

/// Query of the file.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
pub(super) struct FileQuery {
    /// `own` (default) or `rtcstats`, a dump that rtcstats tools read.
    form: Option<FileForm>,
}

/// Forms of the file.
#[derive(Debug, Clone, Copy, Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum FileForm {
    /// Ours.
    #[default]
    Own,
    /// Of rtcstats.
    Rtcstats,
}

/// All samples of a ticket as a file.
#[utoipa::path(get, path = "/api/v1/tickets/{number}/telemetry", tag = "tickets", params(("number" = i64, Path), FileQuery),
    responses((status = 200, body = TelemetryExport), (status = 404, description = "No such ticket")))]
pub(super) async fn telemetry_file(
    State(app): State<Arc<App>>,
    _principal: Principal,
    Path(number): Path<i64>,
    Query(FileQuery { form }): Query<FileQuery>,
) -> Result<Response, ApiRefusal> {
    let row = find(&app, number).await?;
    let export = telemetry::export(row.ticket, measured(&app, &row).await?);
    let attachment = |name: String| [(header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\""))];
    match form.unwrap_or_default() {
        FileForm::Own => Ok((attachment(format!("sightline-ticket-{number}.json")), Json(export)).into_response()),
        FileForm::Rtcstats => {
            let dump = tokio::task::spawn_blocking(move || {
                let value = serde_json::to_value(export).ok()?;
                let trace = diagnosis::read::parse_value(&value, None).ok()?.trace;
                Some(diagnosis::write::rtcstats(&trace))
            });
            let dump = dump.await.ok().flatten();
            let none = || ApiRefusal::new(ErrorCode::NotFound, "this ticket has no samples");
            Ok((attachment(format!("rtcstats-ticket-{number}.jsonl")), dump.ok_or_else(none)?).into_response())
        }
    }
}

/// Query of the player's samples.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
pub(super) struct PlayerQuery {
    /// Only samples after this time, ms since the Unix epoch; default: the last three minutes there are.
    after_ms: Option<f64>,
}

/// The newest samples of a ticket's player, for watching them come in.
#[utoipa::path(get, path = "/api/v1/tickets/{number}/player", tag = "tickets", params(("number" = i64, Path), PlayerQuery),
    responses((status = 200, body = Series), (status = 404, description = "No such ticket")))]
pub(super) async fn player(
    State(app): State<Arc<App>>,
    _principal: Principal,
    Path(number): Path<i64>,
    Query(query): Query<PlayerQuery>,
) -> Result<Json<Series>, ApiRefusal> {
    let row = find(&app, number).await?;
    app.telemetry.player_since(&row.id, query.after_ms).await.map(Json).map_err(unreadable)
}

/// A viewer token, for hosts that do not sign their own.
#[utoipa::path(post, path = "/api/v1/tokens", tag = "tokens", request_body = TokenRequest,
    responses((status = 200, body = TokenAnswer), (status = 401, description = "No API key")))]
pub(super) async fn token(
    State(app): State<Arc<App>>,
    _key: ApiKey,
    Json(request): Json<TokenRequest>,
) -> Result<Json<TokenAnswer>, ApiRefusal> {
    let bounded = |text: &str| !text.is_empty() && text.chars().count() <= 200;
    if !bounded(&request.external_id) || !bounded(&request.name) {
        return Err(ApiRefusal::new(ErrorCode::Invalid, "external_id and name have 1 to 200 characters"));
    }
    let ttl_s = request.ttl_s.unwrap_or(3_600).min(VIEWER_TOKEN_S_MAX);
    let claims = Auth::viewer_claims(&request.external_id, &request.name, request.level, request.lang, ttl_s);
    let token = app.auth.viewer_token(&claims)?;
    Ok(Json(TokenAnswer { token, expires_at_s: claims.exp }))
}

pub(super) async fn find(app: &App, number: i64) -> Result<ConversationRow, ApiRefusal> {
    let row = app.desk.store.conversation_by_ticket(TicketNumber(number)).await.map_err(refusal)?;
    row.ok_or_else(no_such_ticket)
}

pub(super) fn no_such_ticket() -> ApiRefusal {
    ApiRefusal::new(ErrorCode::NotFound, "no such ticket")
}

async fn measured(app: &App, row: &ConversationRow) -> Result<Measured, ApiRefusal> {
    let calls = app.desk.store.calls_of(&row.id).await.map_err(refusal)?;
    app.telemetry.of_conversation(&row.id, calls).await.map_err(unreadable)
}

fn unreadable(error: telemetry::TelemetryError) -> ApiRefusal {
    tracing::error!(%error, "telemetry could not be read");
    ApiRefusal::new(ErrorCode::Internal, "the samples of this ticket could not be read")
}
