//! Signing in and out, and the demo's one-click sign-in.

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::json;
use signaling::api::{SessionView, SignIn};
use signaling::wire::ErrorCode;

use super::principal::{COOKIE, Principal, bearer, session_cookie};
use super::{ApiRefusal, ClientAddress, Https, host_is_local, own_origin};
use crate::app::App;
use crate::auth::SESSION_MS;
use crate::demo::DEMO_LOGIN;
use crate::storage::UserRow;
use crate::support::refusal;

/// Largest body of a sign-in, bytes.
pub(super) const BODY_BYTES_MAX: usize = 4 * 1024;

/// The page's question whether this is a demo.
pub(super) fn demo_facts_router() -> Router<Arc<App>> {
    Router::new().route("/api/v1/demo", get(demo_facts))
}

/// Routes that exist on demo servers alone.
pub(super) fn demo_router() -> Router<Arc<App>> {
    Router::new().route("/api/v1/demo/sign-in", post(demo_sign_in)).layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
}

/// Signs an agent in; the answer sets the session cookie.
#[utoipa::path(post, path = "/api/v1/session", tag = "session", request_body = SignIn,
    responses((status = 200, body = SessionView), (status = 401, description = "Login or password is wrong"),
              (status = 429, description = "Too many attempts from this address")))]
pub(super) async fn sign_in(
    State(app): State<Arc<App>>,
    ClientAddress(address): ClientAddress,
    https: Https,
    headers: HeaderMap,
    Json(body): Json<SignIn>,
) -> Result<Response, ApiRefusal> {
    check_origin(&headers)?;
    app.gate.sign_in(address)?;
    let (user, token) = app.auth.sign_in(&body.login, body.password).await?;
    Ok(signed_in(https, &user, token))
}

/// Who is signed in.
#[utoipa::path(get, path = "/api/v1/session", tag = "session",
    responses((status = 200, body = SessionView), (status = 204, description = "Nobody"),
              (status = 401, description = "The bearer token is not known")))]
pub(super) async fn who(headers: HeaderMap, principal: Result<Principal, ApiRefusal>) -> Result<Response, ApiRefusal> {
    match principal {
        Ok(Principal::User(user)) => Ok(Json(view(&user, None)).into_response()),
        Ok(Principal::ApiKey) => Err(ApiRefusal::new(ErrorCode::Forbidden, "the API key is not a user")),
        Err(refusal) if refusal.0.code == ErrorCode::Unauthorized && bearer(&headers).is_none() => {
            Ok(StatusCode::NO_CONTENT.into_response())
        }
        Err(refusal) => Err(refusal),
    }
}

/// Signs out.
#[utoipa::path(delete, path = "/api/v1/session", tag = "session", responses((status = 204)))]
pub(super) async fn sign_out(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Response, ApiRefusal> {
    check_origin(&headers)?;
    let token = session_cookie(&headers).or_else(|| bearer(&headers).map(str::to_owned));
    if let Some(token) = token {
        app.auth.close_session(&token).await.map_err(refusal)?;
    }
    let gone = format!("{COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict");
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, gone)]).into_response())
}

async fn demo_facts(State(app): State<Arc<App>>) -> Json<serde_json::Value> {
    Json(if app.demo { json!({"demo": true, "agent_login": DEMO_LOGIN}) } else { json!({"demo": false}) })
}

async fn demo_sign_in(
    State(app): State<Arc<App>>,
    ClientAddress(address): ClientAddress,
    https: Https,
    headers: HeaderMap,
) -> Result<Response, ApiRefusal> {
    check_origin(&headers)?;
    if !host_is_local(&headers) {
        return Err(ApiRefusal::new(ErrorCode::Origin, "the demo is reached by localhost or an address"));
    }
    app.gate.sign_in(address)?;
    let user = app.desk.store.user_by_login(DEMO_LOGIN).await.map_err(refusal)?;
    let user = user.ok_or_else(|| ApiRefusal::new(ErrorCode::NotFound, "the demo agent is gone"))?;
    let token = app.auth.open_session(&user).await.map_err(refusal)?;
    Ok(signed_in(https, &user, token))
}

fn check_origin(headers: &HeaderMap) -> Result<(), ApiRefusal> {
    if own_origin(headers) {
        return Ok(());
    }
    Err(ApiRefusal::new(ErrorCode::Origin, "this page's origin may not sign in here"))
}

fn signed_in(https: Https, user: &UserRow, token: String) -> Response {
    let secure = if https.0 { "; Secure" } else { "" };
    let age_s = SESSION_MS / 1000;
    let cookie = format!("{COOKIE}={token}; Path=/; Max-Age={age_s}; HttpOnly; SameSite=Strict{secure}");
    ([(header::SET_COOKIE, cookie)], Json(view(user, Some(token)))).into_response()
}

fn view(user: &UserRow, token: Option<String>) -> SessionView {
    SessionView { user: user.id.clone(), name: user.name.clone(), role: user.role, token }
}
