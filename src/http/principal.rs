//! Who makes a request: an agent by session, a program by API key, or somebody on this machine.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use signaling::wire::ErrorCode;

use super::{ApiRefusal, host_is_local, own_origin};
use crate::app::App;
use crate::storage::UserRow;
use crate::support::refusal;

/// Name of the session cookie.
pub(super) const COOKIE: &str = "sightline_session";

/// A caller who may read tickets: an agent or the API key.
pub(super) enum Principal {
    /// Signed in.
    User(Box<UserRow>),
    /// Bearer API key.
    ApiKey,
}

/// A caller who may see operations: the API key, a signed-in user, or somebody on this machine.
pub(super) struct Operator;

/// A caller with the API key.
pub(super) struct ApiKey;

impl FromRequestParts<Arc<App>> for Principal {
    type Rejection = ApiRefusal;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiRefusal> {
        if let Some(token) = bearer(&parts.headers) {
            if app.auth.is_api_key(token).await.map_err(refusal)? {
                return Ok(Self::ApiKey);
            }
            if let Some(user) = app.auth.session_user(token).await.map_err(refusal)? {
                return Ok(Self::User(Box::new(user)));
            }
            return Err(ApiRefusal::new(ErrorCode::Unauthorized, "this bearer token is not known here"));
        }
        let Some(token) = session_cookie(&parts.headers) else {
            return Err(ApiRefusal::new(ErrorCode::Unauthorized, "sign in, or send an API key as a bearer token"));
        };
        // A cookie travels by itself: what changes something must come from a page of ours.
        if parts.method != Method::GET && !own_origin(&parts.headers) {
            return Err(ApiRefusal::new(ErrorCode::Origin, "this page's origin may not act for you"));
        }
        match app.auth.session_user(&token).await.map_err(refusal)? {
            Some(user) => Ok(Self::User(Box::new(user))),
            None => Err(ApiRefusal::new(ErrorCode::Unauthorized, "the session is over, sign in again")),
        }
    }
}

impl FromRequestParts<Arc<App>> for ApiKey {
    type Rejection = ApiRefusal;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiRefusal> {
        match Principal::from_request_parts(parts, app).await? {
            Principal::ApiKey => Ok(Self),
            Principal::User(_) => Err(ApiRefusal::new(ErrorCode::Forbidden, "this needs the API key")),
        }
    }
}

impl FromRequestParts<Arc<App>> for Operator {
    type Rejection = ApiRefusal;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiRefusal> {
        // Loopback counts only for a direct connection: a proxy on this machine speaks for anybody.
        let direct = !parts.headers.contains_key("x-forwarded-for") && !parts.headers.contains_key("forwarded");
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_canonical());
        if direct && host_is_local(&parts.headers) && peer.is_some_and(|peer| peer.is_loopback()) {
            return Ok(Self);
        }
        Principal::from_request_parts(parts, app).await.map(|_| Self)
    }
}

/// Whether a request carries the API key. One that cannot be checked now does not.
pub async fn has_api_key(app: &App, headers: &HeaderMap) -> bool {
    match bearer(headers) {
        Some(token) => app.auth.is_api_key(token).await.unwrap_or(false),
        None => false,
    }
}

/// The session token of the cookie.
#[must_use]
pub fn session_cookie(headers: &HeaderMap) -> Option<String> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == COOKIE)
        .map(|(_, value)| value.to_owned())
}

/// The bearer token.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    value.strip_prefix("Bearer ").map(str::trim)
}
