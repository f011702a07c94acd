//! Where a request comes from: the client's address behind trusted proxies, and the page's origin.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};

use crate::app::App;
use crate::config::Network;

/// The client's address: the peer, or what trusted proxies say of it.
#[derive(Debug, Clone, Copy)]
pub struct ClientAddress(pub IpAddr);

impl FromRequestParts<Arc<App>> for ClientAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Infallible> {
        let peer = parts
            .extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |info| info.0.ip().to_canonical());
        Ok(Self(behind_proxies(peer, &parts.headers, &app.config.http.trusted_proxies)))
    }
}

/// Whether the `Host` of a request is an address or localhost, so that no name of somebody else's resolves to us (DNS
/// rebinding makes any web page "local" by its own name).
#[must_use]
pub fn host_is_local(headers: &HeaderMap) -> bool {
    let host = headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host
        .rsplit_once(':')
        .map_or(host, |(name, port)| if port.bytes().all(|byte| byte.is_ascii_digit()) { name } else { host });
    name.eq_ignore_ascii_case("localhost") || name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
}

/// Whether the browser reached us by https: directly, or by what a trusted proxy says.
#[derive(Debug, Clone, Copy)]
pub struct Https(pub bool);

impl FromRequestParts<Arc<App>> for Https {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_canonical());
        let trusted =
            peer.is_some_and(|peer| app.config.http.trusted_proxies.iter().any(|network| network.contains(peer)));
        let forwarded = parts.headers.get("x-forwarded-proto").is_some_and(|scheme| scheme == "https");
        Ok(Self(app.tls || (trusted && forwarded)))
    }
}

/// Walks `X-Forwarded-For` from the right for as long as the speaker is trusted.
fn behind_proxies(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut address = peer;
    let forwarded: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    for hop in forwarded.iter().rev() {
        if !is_trusted(address) {
            break;
        }
        match hop.trim().parse::<IpAddr>() {
            Ok(hop) => address = hop.to_canonical(),
            Err(_) => break,
        }
    }
    address
}

/// HTTP/2, which browsers speak over TLS, has no `Host`: the name stands in `:authority` (RFC 9113, section 8.3.1), and
/// wins where a request has both.
pub(super) async fn with_host(mut request: Request) -> Request {
    if let Some(authority) = request.uri().authority()
        && let Ok(host) = HeaderValue::from_str(authority.as_str())
    {
        request.headers_mut().insert(header::HOST, host);
    }
    request
}

/// Whether the page that made this request is this server's own, or it is no page at all (no `Origin`).
#[must_use]
pub fn own_origin(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get("origin") else { return true };
    origin.to_str().is_ok_and(|origin| is_own(&origin.to_ascii_lowercase(), headers))
}

/// Whether the page that opened this request may: no `Origin` (not a browser), the server's own, or a configured one.
#[must_use]
pub fn origin_allowed(app: &App, headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get("origin") else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    let origin = origin.to_ascii_lowercase();
    if app.config.http.allowed_origins.iter().any(|allowed| allowed.0 == origin) {
        return true;
    }
    is_own(&origin, headers)
}

fn is_own(origin: &str, headers: &HeaderMap) -> bool {
    let host = headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or_default().to_ascii_lowercase();
    // Behind a proxy that ends TLS the scheme differs from ours; the host is what tells pages apart.
    let origin_host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    !host.is_empty() && origin_host == Some(host.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trusted_proxies_are_believed() {
        let config = crate::config::parse("[http]\ntrusted_proxies = [\"10.0.0.0/8\"]\n", std::path::Path::new("t"))
            .expect("parses");
        let trusted = &config.http.trusted_proxies;
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", "6.6.6.6, 1.2.3.4, 10.0.0.9".parse().expect("header"));
        let at = |peer: [u8; 4]| behind_proxies(peer.into(), &headers, trusted);
        assert_eq!(at([10, 0, 0, 1]), IpAddr::from([1, 2, 3, 4]));
        assert_eq!(at([8, 8, 8, 8]), IpAddr::from([8, 8, 8, 8]));
    }

    #[tokio::test]
    async fn the_authority_of_http_2_is_the_host() {
        let request = |uri: &str| Request::builder().uri(uri).header("host", "old").body(axum::body::Body::empty());
        let host = async |uri: &str| with_host(request(uri).expect("request")).await.headers()["host"].clone();
        assert_eq!(host("https://example.org:8443/ws").await, "example.org:8443");
        assert_eq!(host("/ws").await, "old");
    }
}
