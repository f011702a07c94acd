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
/// Encodings that the build makes of every text file (`web-demo/scripts/compress.mjs`), smallest first: name in HTTP, and
/// what is added to the file's name.
const ENCODINGS: [(&str, &str); 2] = [("br", ".br"), ("gzip", ".gz")];

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
    let Some((file, encoding)) = best(name, headers) else {
        return (StatusCode::NOT_FOUND, "not found\n").into_response();
    };
    let tag = entity_tag(&file);
    // Caches between us and the browser keep one copy for each encoding.
    let vary = (header::VARY, "accept-encoding");
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, [vary], [(header::ETAG, tag), (header::CACHE_CONTROL, cache.to_owned())])
            .into_response();
    }
    let kind = mime_guess::from_path(name).first_or_octet_stream().to_string();
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
    let mut response = ([vary], answer, file.data.into_owned()).into_response();
    if let Some(encoding) = encoding {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    response
}

/// The file in the smallest encoding that the client takes; `None` beside it when it is plain.
fn best(name: &str, headers: &HeaderMap) -> Option<(EmbeddedFile, Option<&'static str>)> {
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let encoded = ENCODINGS
        .iter()
        .filter(|(encoding, _)| accepts(accepted, encoding))
        .find_map(|(encoding, suffix)| Some((Web::get(&format!("{name}{suffix}"))?, Some(*encoding))));
    encoded.or_else(|| Some((Web::get(name)?, None)))
}

/// Whether an `Accept-Encoding` names this encoding, and not with the weight 0 which forbids it.
fn accepts(header: &str, encoding: &str) -> bool {
    header.split(',').any(|item| {
        let mut parts = item.split(';').map(str::trim);
        parts.next().is_some_and(|name| name.eq_ignore_ascii_case(encoding))
            && !parts.any(|part| part.strip_prefix("q=").and_then(|q| q.parse::<f32>().ok()) == Some(0.0))
    })
}

fn entity_tag(file: &EmbeddedFile) -> String {
    let hash = file.metadata.sha256_hash();
    let short: String = hash.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{short}\"")
}

#[cfg(test)]
mod tests {
    use super::accepts;

    #[test]
    fn an_encoding_is_used_when_it_is_named_and_not_forbidden() {
        assert!(accepts("gzip, deflate, br", "br"));
        assert!(accepts("GZIP;q=0.5", "gzip"));
        assert!(accepts("br; q=1.0,gzip", "br"));
        assert!(!accepts("", "br"));
        assert!(!accepts("brotli", "br"));
        assert!(!accepts("br;q=0, gzip", "br"));
        assert!(!accepts("br; q=0.000", "br"));
    }
}
