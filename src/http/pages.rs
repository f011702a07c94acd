//! Pages, the widget's loader and their assets, from the binary.

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::app::App;

/// The built web pages. A development build reads them from the folder, so that the server need not be built again.
#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/web-demo/dist"]
#[allow_missing = true]
struct Web;

/// Policy of our own pages. Workers from blob: hls.js and the statistics timer; media from blob: Media Source.
const PAGE_POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; \
    media-src 'self' blob:; connect-src 'self'; worker-src 'self' blob:; frame-src 'self'; frame-ancestors 'self'; \
    base-uri 'none'; object-src 'none'; form-action 'self'";
/// Hashed names never change their content.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";
/// Names that stay: ask again, the entity tag makes it cheap.
const REVALIDATE: &str = "no-cache";
/// The loader: five minutes at hosts' pages, so that a fix spreads soon.
const LOADER: &str = "public, max-age=300";

/// `/`, `/demo`, `/agent`, `/ops`, `/c`, `/widget.js`, `/assets/…`.
pub(super) fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(|headers: HeaderMap| async move { page("landing.html", &headers) }))
        .route("/demo", get(|headers: HeaderMap| async move { page("demo.html", &headers) }))
        .route("/agent", get(|headers: HeaderMap| async move { page("agent.html", &headers) }))
        .route("/ops", get(|headers: HeaderMap| async move { page("ops.html", &headers) }))
        .route("/c", get(|headers: HeaderMap| async move { page("link.html", &headers) }))
        .route("/widget.js", get(|headers: HeaderMap| async move { file("widget.js", LOADER, &headers) }))
        .route("/favicon.ico", get(|headers: HeaderMap| async move { file("favicon.ico", REVALIDATE, &headers) }))
        .route("/assets/{*path}", get(asset))
}

fn page(name: &str, headers: &HeaderMap) -> Response {
    let mut response = file(name, REVALIDATE, headers);
    let answer = response.headers_mut();
    answer.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(PAGE_POLICY));
    answer.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response
}

async fn asset(Path(path): Path<String>, headers: HeaderMap) -> Response {
    file(&format!("assets/{path}"), IMMUTABLE, &headers)
}

fn file(name: &str, cache: &'static str, headers: &HeaderMap) -> Response {
    let Some(file) = Web::get(name) else {
        return (StatusCode::NOT_FOUND, "not found\n").into_response();
    };
    let tag = entity_tag(&file);
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response();
    }
    let kind = file.metadata.mimetype().to_owned();
    let kind = if kind.starts_with("text/") { format!("{kind}; charset=utf-8") } else { kind };
    let answer = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, cache.to_owned()),
        (header::ETAG, tag),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        // The widget's parts are loaded by pages of other origins.
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*".to_owned()),
        (header::HeaderName::from_static("cross-origin-resource-policy"), "cross-origin".to_owned()),
    ];
    (answer, file.data.into_owned()).into_response()
}

fn entity_tag(file: &EmbeddedFile) -> String {
    let hash = file.metadata.sha256_hash();
    let short: String = hash.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{short}\"")
}
