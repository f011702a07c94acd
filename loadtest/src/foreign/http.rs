//! WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep): an offer by POST, the answer in 201, a resource that is deleted.
//!
//! One HTTP/1.1 connection an end, opened before the offer, so that its steps can be timed as those of a WebSocket are. There is no
//! trickling: the offer has the candidates it will ever have.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, LOCATION};
use hyper::{Method, Request, Response, StatusCode, body::Incoming};
use hyper_util::rt::TokioIo;

use crate::client::{DialOptions, DialTimings, open_wire};
use crate::engine::Peer;
use crate::target::{Target, TargetError};

/// Bound on one request.
const REQUEST_LIMIT: Duration = Duration::from_secs(10);
/// Longest answer, bytes: a session description of a server with dozens of candidates is a tenth of it.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// What a session description is called.
const SDP: &str = "application/sdp";

/// The URL of an endpoint.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Its server.
    pub target: Target,
    /// Its path; `{n}` stands for the viewer's number.
    pub path: String,
}

impl FromStr for Endpoint {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let (scheme, rest) = text.split_once("://").ok_or_else(|| TargetError::Malformed(text.to_owned()))?;
        let at = rest.find('/').unwrap_or(rest.len());
        let (authority, path) = rest.split_at(at);
        let target = Target::parse(&format!("{scheme}://{authority}"))?;
        if path.contains([' ', '#']) || path.chars().any(char::is_control) {
            return Err(TargetError::Malformed(text.to_owned()));
        }
        Ok(Self { target, path: if path.is_empty() { "/".to_owned() } else { path.to_owned() } })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.target.base(), self.path)
    }
}

/// Both ends.
pub(crate) struct HttpPair {
    publisher: HttpEnd,
    player: HttpEnd,
}

impl HttpPair {
    pub(super) async fn open(
        publish: &Endpoint,
        play: &Endpoint,
        n: u64,
        options: &DialOptions,
    ) -> Result<Self, String> {
        let (publisher, player) =
            tokio::try_join!(HttpEnd::open(publish, n, options), HttpEnd::open(play, n, options))?;
        Ok(Self { publisher, player })
    }

    pub(super) fn dialed(&self) -> DialTimings {
        self.publisher.dialed
    }

    pub(super) async fn publish(&mut self, offer: String) -> Result<String, String> {
        self.publisher.offer("whip", offer).await
    }

    pub(super) async fn play(&mut self, player: &mut Peer) -> Result<(), String> {
        let offer = player.offer(false).await.map_err(|error| error.to_string())?;
        let answer = self.player.offer("whep", offer).await?;
        player.answer(answer).await.map_err(|error| error.to_string())
    }

    pub(super) async fn close(self) {
        tokio::join!(self.player.close(), self.publisher.close());
    }
}

/// One end's connection.
struct HttpEnd {
    sender: SendRequest<Full<Bytes>>,
    authority: String,
    path: String,
    bearer: Option<String>,
    /// Path of the session that an offer made.
    session: Option<String>,
    dialed: DialTimings,
}

impl HttpEnd {
    async fn open(endpoint: &Endpoint, n: u64, options: &DialOptions) -> Result<Self, String> {
        let (wire, dialed) = open_wire(&endpoint.target, options).await.map_err(|error| error.kind())?;
        let (sender, connection) = handshake(TokioIo::new(wire)).await.map_err(|_| "no HTTP".to_owned())?;
        // Ends with its sender.
        tokio::spawn(connection);
        let path = endpoint.path.replace("{n}", &n.to_string());
        let bearer = options.api_key.as_ref().map(|key| format!("Bearer {key}"));
        Ok(Self { sender, authority: endpoint.target.authority(), path, bearer, session: None, dialed })
    }

    /// Posts an offer. `name` says in failures which protocol it was.
    async fn offer(&mut self, name: &str, sdp: String) -> Result<String, String> {
        let path = self.path.clone();
        let response = self.send(Method::POST, &path, Some(sdp)).await.map_err(|error| format!("{name}: {error}"))?;
        let status = response.status();
        self.session = response.headers().get(LOCATION).and_then(|to| to.to_str().ok()).map(|to| path_of(to, &path));
        if status != StatusCode::CREATED {
            return Err(format!("{name}: HTTP {}", status.as_u16()));
        }
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX);
        let body = tokio::time::timeout(REQUEST_LIMIT, body.collect()).await;
        let body = body.map_err(|_| format!("{name}: no answer"))?.map_err(|_| format!("{name}: broken answer"))?;
        String::from_utf8(body.to_bytes().to_vec()).map_err(|_| format!("{name}: broken answer"))
    }

    async fn send(&mut self, method: Method, path: &str, sdp: Option<String>) -> Result<Response<Incoming>, String> {
        let mut request = Request::builder().method(method).uri(path).header(HOST, &self.authority);
        if let Some(bearer) = &self.bearer {
            request = request.header(AUTHORIZATION, bearer);
        }
        if sdp.is_some() {
            request = request.header(CONTENT_TYPE, SDP).header(ACCEPT, SDP);
        }
        let request = request.body(Full::from(sdp.unwrap_or_default())).map_err(|_| "no request".to_owned())?;
        let sending = async {
            self.sender.ready().await.map_err(|_| "connection closed".to_owned())?;
            self.sender.send_request(request).await.map_err(|_| "connection closed".to_owned())
        };
        tokio::time::timeout(REQUEST_LIMIT, sending).await.map_err(|_| "no answer".to_owned())?
    }

    async fn close(mut self) {
        if let Some(session) = self.session.take() {
            // A session that cannot be deleted is found dead by its server.
            let _ = self.send(Method::DELETE, &session, None).await;
        }
    }
}

/// The path of a `Location`, which may be a whole URL, a path, or relative to the path that was asked for (RFC 3986).
fn path_of(location: &str, asked: &str) -> String {
    if let Some((_, rest)) = location.split_once("://") {
        return rest.find('/').map_or_else(|| "/".to_owned(), |at| rest[at..].to_owned());
    }
    if location.starts_with('/') {
        return location.to_owned();
    }
    let asked = asked.split('?').next().unwrap_or_default();
    let folder = asked.rfind('/').map_or("/", |at| &asked[..=at]);
    format!("{folder}{location}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_of_all_kinds_are_followed() {
        assert_eq!(path_of("http://h:1/a/b?c", "/x"), "/a/b?c");
        assert_eq!(path_of("https://h", "/x"), "/");
        assert_eq!(path_of("/a/b", "/x/y"), "/a/b");
        assert_eq!(path_of("b", "/x/y?z=/"), "/x/b");
    }

    #[test]
    fn endpoints_have_paths() {
        let endpoint: Endpoint = "http://h:7080/whip/endpoint/{n}".parse().unwrap();
        assert_eq!(endpoint.path, "/whip/endpoint/{n}");
        assert_eq!("https://h".parse::<Endpoint>().unwrap().to_string(), "https://h:443/");
        assert!("h/whip".parse::<Endpoint>().is_err());
        assert!("http://h/a b".parse::<Endpoint>().is_err());
    }
}
