//! Pictures in chats: upload and download.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::{Body, BodyDataStream, Bytes};
use axum::extract::{FromRequestParts as _, Path, Query, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures_util::StreamExt as _;
use serde::Deserialize;
use signaling::limits::{CLIENT_ID_BYTES_MAX, KEY_CHARS_MAX, KEY_CHARS_MIN, PICTURE_BYTES_MAX};
use signaling::timeline::{Author, Entry};
use signaling::wire::{ErrorCode, Refusal};
use signaling::{ConversationId, PictureId};
use tokio::time::timeout;

use super::cors::{check_origin, with_cors};
use super::principal::Principal;
use super::{ApiRefusal, ClientAddress};
use crate::app::App;
use crate::pictures::PictureError;
use crate::pictures::sniff::MediaType;
use crate::random;
use crate::storage::{ConversationRow, PictureRow};
use crate::support::refusal;

/// How long an upload may send nothing. A line that is silent for so long is gone; the client tries again.
const SILENCE_MAX: Duration = Duration::from_secs(20);
/// How long an upload may take: 8 MiB at half a megabit a second.
const UPLOAD_MAX: Duration = Duration::from_secs(150);
/// Bytes that are still read of a body that is refused, so that the browser reads the refusal instead of a broken
/// connection: a photograph that nobody has scaled down.
const DISCARDED_BYTES_MAX: usize = 64 * 1024 * 1024;
/// How long that may take.
const DISCARD_MAX: Duration = Duration::from_secs(15);
/// Entity tag and address of a picture never change their content.
const CACHE: &str = "private, max-age=31536000, immutable";
/// Nothing in a picture may run, wherever a browser opens it.
const POLICY: &str = "sandbox; default-src 'none'";

/// Query of an upload.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
pub(super) struct UploadQuery {
    /// Unique in the conversation; sending it again changes nothing and is answered the same.
    client_id: String,
    /// Agents: the conversation. Viewers leave it out, their key names it.
    conversation: Option<String>,
}

/// Adds a picture to a conversation: a viewer's own by `Authorization: Viewer KEY`, an agent's by session.
#[utoipa::path(post, path = "/api/v1/pictures", tag = "pictures", params(UploadQuery),
    security(("viewer_key" = []), ("session" = [])),
    request_body(content = Vec<u8>, content_type = "application/octet-stream",
        description = "PNG, JPEG, WebP or GIF, at most 8 MiB; told by its content"),
    responses((status = 200, body = Entry, description = "Stored and committed"),
              (status = 400, description = "Not a picture, cut off, or damaged"),
              (status = 401, description = "Neither key nor session"), (status = 403, description = "Not your conversation"),
              (status = 404, description = "The key has no conversation yet"),
              (status = 409, description = "The conversation takes no more pictures"),
              (status = 413, description = "Too many bytes or pixels"), (status = 429, description = "Too many pictures")))]
pub(super) async fn upload(
    State(app): State<Arc<App>>,
    ClientAddress(address): ClientAddress,
    Query(query): Query<UploadQuery>,
    request: Request,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let mut body = body.into_data_stream();
    let result = async {
        app.gate.picture(address)?;
        let _place = app.pictures.place(address)?;
        let (conversation, author) = sender(&app, &mut parts, query.conversation).await?;
        take(&app, &conversation, author, query.client_id, &parts.headers, &mut body).await
    };
    let response = match result.await {
        Ok(entry) => Json(entry).into_response(),
        Err(refusal) => refusal.into_response(),
    };
    discard(body).await;
    with_cors(&app, &parts.headers, response)
}

/// A picture's bytes, for its viewer by `Authorization: Viewer KEY`, and for agents.
#[utoipa::path(get, path = "/api/v1/pictures/{id}", tag = "pictures", params(("id" = String, Path)),
    security(("viewer_key" = []), ("session" = []), ("api_key" = [])),
    responses((status = 200, content_type = "image/*", description = "The bytes"), (status = 304),
              (status = 401, description = "Neither key nor session"),
              (status = 404, description = "No such picture, or not one of this viewer's")))]
pub(super) async fn download(State(app): State<Arc<App>>, Path(id): Path<String>, request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    let response = match serve(&app, &mut parts, PictureId(id)).await {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(),
    };
    with_cors(&app, &parts.headers, response)
}

/// Who uploads, and where.
async fn sender(
    app: &Arc<App>,
    parts: &mut Parts,
    conversation: Option<String>,
) -> Result<(ConversationId, Author), ApiRefusal> {
    if let Some(key) = viewer_key(&parts.headers) {
        check_origin(app, &parts.headers)?;
        let row = conversation_of(app, key).await?;
        return Ok((row.id, Author::viewer(&row.viewer_name)));
    }
    let Principal::User(user) = Principal::from_request_parts(parts, app).await? else {
        return Err(ApiRefusal::new(ErrorCode::Forbidden, "the API key is not a user"));
    };
    let conversation = conversation.ok_or_else(|| ApiRefusal::new(ErrorCode::Invalid, "conversation is missing"))?;
    let conversation = ConversationId(conversation);
    app.desk.owned(&conversation, Some(&user.id)).await?;
    Ok((conversation, Author::agent(user.id, &user.name)))
}

async fn take(
    app: &App,
    conversation: &ConversationId,
    author: Author,
    client_id: String,
    headers: &HeaderMap,
    body: &mut BodyDataStream,
) -> Result<Entry, ApiRefusal> {
    if client_id.is_empty() || client_id.len() > CLIENT_ID_BYTES_MAX {
        return Err(ApiRefusal::new(ErrorCode::Invalid, "client_id has 1 to 64 bytes"));
    }
    if let Some(entry) = app.pictures.sent_before(&app.desk, conversation, &author, &client_id).await? {
        return Ok(entry);
    }
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|bytes| bytes > PICTURE_BYTES_MAX as u64) {
        return Err(too_large().into());
    }
    let bytes = timeout(UPLOAD_MAX, read(body)).await.map_err(|_| too_slow())??;
    Ok(app.pictures.add(&app.desk, conversation, author, client_id, bytes).await?)
}

/// Reads a body up to the bound.
async fn read(body: &mut BodyDataStream) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    while let Some(piece) = next_piece(body).await? {
        if bytes.len() + piece.len() > PICTURE_BYTES_MAX {
            return Err(too_large());
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

async fn next_piece(body: &mut BodyDataStream) -> Result<Option<Bytes>, Refusal> {
    match timeout(SILENCE_MAX, body.next()).await.map_err(|_| too_slow())? {
        Some(Ok(piece)) => Ok(Some(piece)),
        Some(Err(_)) => Err(Refusal::new(ErrorCode::Malformed, "the upload broke off")),
        None => Ok(None),
    }
}

/// Reads what is left of a refused body, within bounds.
async fn discard(mut body: BodyDataStream) {
    let reading = async {
        let mut bytes = 0;
        while let Ok(Some(piece)) = next_piece(&mut body).await {
            bytes += piece.len();
            if bytes > DISCARDED_BYTES_MAX {
                return;
            }
        }
    };
    let _ = timeout(DISCARD_MAX, reading).await;
}

async fn serve(app: &Arc<App>, parts: &mut Parts, id: PictureId) -> Result<Response, ApiRefusal> {
    let row = match viewer_key(&parts.headers) {
        Some(key) => {
            check_origin(app, &parts.headers)?;
            let conversation = conversation_of(app, key).await?;
            find(app, &id).await?.filter(|row| row.conversation == conversation.id)
        }
        None => {
            Principal::from_request_parts(parts, app).await?;
            find(app, &id).await?
        }
    };
    let row = row.ok_or_else(|| ApiRefusal::new(ErrorCode::NotFound, "no such picture"))?;
    let kind = MediaType::from_name(&row.media_type)
        .ok_or_else(|| ApiRefusal::new(ErrorCode::Internal, "the picture's kind is not known here"))?;
    let tag = format!("\"{}\"", row.id);
    let lasting = [
        (header::CACHE_CONTROL, CACHE.to_owned()),
        (header::ETAG, tag.clone()),
        // One address, several readers: who may not read it must not find it in the browser's cache.
        (header::VARY, "authorization, cookie".to_owned()),
    ];
    if is_known(&parts.headers, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, lasting).into_response());
    }
    let pieces = app.pictures.files.get(&row.id).await.map_err(unreadable)?;
    let name = format!("inline; filename=\"sightline-{}.{}\"", row.id, kind.extension());
    let facts = [
        (header::CONTENT_TYPE, kind.as_str().to_owned()),
        (header::CONTENT_LENGTH, row.bytes.to_string()),
        (header::CONTENT_DISPOSITION, name),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (header::CONTENT_SECURITY_POLICY, POLICY.to_owned()),
        // Pages that embed the widget read it by script, which this does not concern; no other page may show it.
        (header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin".to_owned()),
    ];
    Ok((lasting, facts, Body::from_stream(pieces)).into_response())
}

async fn find(app: &App, id: &PictureId) -> Result<Option<PictureRow>, ApiRefusal> {
    if !random::is_id(id.as_str(), 'p') {
        return Ok(None);
    }
    Ok(app.desk.store.picture(id).await.map_err(refusal)?)
}

/// The key in `Authorization: Viewer KEY`.
fn viewer_key(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Viewer ").map(str::trim)
}

async fn conversation_of(app: &App, key: &str) -> Result<ConversationRow, ApiRefusal> {
    if !(KEY_CHARS_MIN..=KEY_CHARS_MAX).contains(&key.len()) {
        return Err(ApiRefusal::new(ErrorCode::Unauthorized, "this is no viewer's key"));
    }
    let row = app.desk.conversation_by_key(&random::sha256(key)).await?;
    row.ok_or_else(|| ApiRefusal::new(ErrorCode::NotFound, "write a message first"))
}

/// Whether `If-None-Match` names this tag (RFC 9110, section 13.1.2).
fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let tags = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    tags.flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

fn unreadable(error: PictureError) -> ApiRefusal {
    match error {
        PictureError::NotFound => ApiRefusal::new(ErrorCode::NotFound, "the picture's bytes are not on this node"),
        other => {
            tracing::error!(error = %other, "a picture could not be read");
            ApiRefusal::new(ErrorCode::Internal, "the picture could not be read")
        }
    }
}

fn too_large() -> Refusal {
    let message = format!("a picture has at most {} MiB", PICTURE_BYTES_MAX / 1024 / 1024);
    Refusal::new(ErrorCode::TooLarge, message)
}

fn too_slow() -> Refusal {
    Refusal::new(ErrorCode::Malformed, "the upload took too long, try again")
}
