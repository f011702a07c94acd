//! One bounded GET: no redirects, no cookies, no proxy, so many bytes and so many seconds.

use std::time::{Duration, Instant};

use reqwest::{Certificate, Client, Url, header, redirect};

use super::allowed::AllowedHosts;
use super::playlist::ByteRange;

/// How we name ourselves to the hosts we ask.
pub const AGENT: &str = concat!("Sightline-Reference/", env!("CARGO_PKG_VERSION"));
/// How long an unused connection is kept: between two looks at a stream.
const IDLE_MAX: Duration = Duration::from_secs(30);
/// Connections kept to one host: as many as are used at once.
const IDLE_PER_HOST_MAX: usize = 4;

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Answer {
    /// Its status.
    pub(super) status: u16,
    /// From the request to the head of the answer, ms.
    pub(super) ttfb_ms: f64,
    /// From the request to the last byte, ms.
    pub(super) duration_ms: f64,
    /// The body; empty when the status is no success.
    pub(super) body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// The host is not on the list.
    NotAllowed,
    /// Not in time.
    Timeout,
    /// Name, connection or TLS.
    Network,
    /// More bytes than may be.
    TooLarge,
}

/// Asks hosts on the list.
#[derive(Debug, Clone)]
pub(super) struct BoundedClient {
    http: Client,
    allowed: AllowedHosts,
    bytes_max: usize,
    /// How long one answer may take.
    pub(super) limit: Duration,
}

impl BoundedClient {
    /// A client with these bounds; `roots` are trusted besides the system's.
    ///
    /// # Errors
    /// What the TLS implementation or the system's list of authorities say.
    pub(super) fn new(
        allowed: AllowedHosts,
        bytes_max: usize,
        limit: Duration,
        roots: Vec<Certificate>,
    ) -> reqwest::Result<Self> {
        crate::server::install_crypto();
        let http = Client::builder()
            .user_agent(AGENT)
            .redirect(redirect::Policy::none())
            .referer(false)
            .no_proxy()
            .pool_idle_timeout(IDLE_MAX)
            .pool_max_idle_per_host(IDLE_PER_HOST_MAX)
            .tls_certs_merge(roots)
            .dns_resolver(allowed.clone())
            .build()?;
        Ok(Self { http, allowed, bytes_max, limit })
    }

    /// The address of a text, if its host may be asked.
    pub(super) fn check(&self, uri: &str) -> Option<Url> {
        self.allowed.check(uri)
    }

    /// Fetches a file or a part of one.
    pub(super) async fn get(&self, url: &Url, range: Option<ByteRange>) -> Result<Answer, Failure> {
        // An address out of a playlist is no better than one out of a page.
        let url = self.allowed.check(url.as_str()).ok_or(Failure::NotAllowed)?;
        tokio::time::timeout(self.limit, self.answer(url, range)).await.unwrap_or(Err(Failure::Timeout))
    }

    async fn answer(&self, url: Url, range: Option<ByteRange>) -> Result<Answer, Failure> {
        let mut request = self.http.get(url);
        if let Some(ByteRange { from, len }) = range {
            request = request.header(header::RANGE, format!("bytes={from}-{}", from.saturating_add(len - 1)));
        }
        let began = Instant::now();
        let mut response = request.send().await.map_err(|_| Failure::Network)?;
        let ttfb_ms = ms_since(began);
        let status = response.status();
        let mut body = Vec::new();
        if status.is_success() {
            let announced = response.content_length().unwrap_or(0);
            // A host without parts of files sends all of it.
            if usize::try_from(announced).is_ok_and(|bytes| bytes > self.bytes_max)
                || (range.is_some() && status.as_u16() != 206)
            {
                return Err(Failure::TooLarge);
            }
            while let Some(chunk) = response.chunk().await.map_err(|_| Failure::Network)? {
                if body.len() + chunk.len() > self.bytes_max {
                    return Err(Failure::TooLarge);
                }
                body.extend_from_slice(&chunk);
            }
        }
        Ok(Answer { status: status.as_u16(), ttfb_ms, duration_ms: ms_since(began), body })
    }
}

fn ms_since(began: Instant) -> f64 {
    began.elapsed().as_secs_f64() * 1e3
}
