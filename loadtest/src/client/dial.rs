//! Opening a WebSocket, step by step, each step timed.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as WsError, http};

use super::{ClientError, tls};
use crate::target::Target;

/// What a WebSocket lies on: TCP, or TLS on it.
pub trait Wire: AsyncRead + AsyncWrite + std::fmt::Debug + Unpin + Send + Sync {}
impl<T: AsyncRead + AsyncWrite + std::fmt::Debug + Unpin + Send + Sync> Wire for T {}

/// The socket of a client.
pub type WsStream = WebSocketStream<Box<dyn Wire>>;

/// Read buffer of a socket, bytes. The library's default of 128 KiB a connection would be most of a large run's memory;
/// all but session descriptions and histories fit.
const READ_BUFFER_BYTES: usize = 4 * 1024;
/// Largest message taken from a server, bytes: a full `entries` of 200 messages of 4,000 characters, four bytes each.
const MESSAGE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// How to open the socket.
#[derive(Debug, Clone)]
pub struct DialOptions {
    /// `Origin` header; absent as in all clients but browsers.
    pub origin: Option<String>,
    /// Local address to connect from, to spread large runs over 127.0.0.0/8; any when absent.
    pub from: Option<std::net::IpAddr>,
    /// API key sent with the upgrade: the server then leaves out its limits per address, which would measure themselves.
    pub api_key: Option<std::sync::Arc<str>>,
    /// Bound on all steps together.
    pub limit: Duration,
}

impl Default for DialOptions {
    fn default() -> Self {
        Self { origin: None, from: None, api_key: None, limit: Duration::from_secs(10) }
    }
}

/// How long each step took.
#[derive(Debug, Clone, Copy, Default)]
pub struct DialTimings {
    /// Name lookup.
    pub dns: Duration,
    /// TCP handshake.
    pub tcp: Duration,
    /// TLS handshake; zero on a plain target.
    pub tls: Duration,
    /// WebSocket upgrade.
    pub ws: Duration,
}

/// Opens the WebSocket of a target.
///
/// # Errors
/// [`ClientError::Unreachable`], [`ClientError::Upgrade`], [`ClientError::Timeout`], [`ClientError::Target`].
pub async fn dial(target: &Target, options: &DialOptions) -> Result<(WsStream, DialTimings), ClientError> {
    dial_at(target, "/ws", None, options).await
}

/// The same at any path, for a protocol of RFC 6455, section 1.9.
///
/// # Errors
/// As [`dial`].
pub(crate) async fn dial_at(
    target: &Target,
    path: &str,
    protocol: Option<&'static str>,
    options: &DialOptions,
) -> Result<(WsStream, DialTimings), ClientError> {
    let steps = async {
        let (wire, mut timings) = wire_steps(target, options).await?;
        let started = Instant::now();
        let socket = upgrade(&target.websocket_at(path), protocol, options, wire).await?;
        timings.ws = started.elapsed();
        Ok((socket, timings))
    };
    within(options.limit, steps).await
}

/// Opens TCP, and TLS where the target wants it.
///
/// # Errors
/// As [`dial`], but for the upgrade.
pub(crate) async fn open_wire(
    target: &Target,
    options: &DialOptions,
) -> Result<(Box<dyn Wire>, DialTimings), ClientError> {
    within(options.limit, wire_steps(target, options)).await
}

async fn within<T>(limit: Duration, steps: impl Future<Output = Result<T, ClientError>>) -> Result<T, ClientError> {
    match tokio::time::timeout(limit, steps).await {
        Ok(result) => result,
        Err(_) => Err(ClientError::Timeout { what: "connection".to_owned(), limit }),
    }
}

async fn wire_steps(target: &Target, options: &DialOptions) -> Result<(Box<dyn Wire>, DialTimings), ClientError> {
    let mut timings = DialTimings::default();
    let started = Instant::now();
    let address = target.resolve().await?;
    timings.dns = started.elapsed();

    let started = Instant::now();
    let stream = connect(address, options.from)
        .await
        .map_err(|error| ClientError::Unreachable { address: address.to_string(), reason: error.to_string() })?;
    timings.tcp = started.elapsed();

    let started = Instant::now();
    let wire: Box<dyn Wire> = if target.is_secure() {
        let stream = tls::handshake(target, stream).await?;
        timings.tls = started.elapsed();
        Box::new(stream)
    } else {
        Box::new(stream)
    };
    Ok((wire, timings))
}

async fn connect(address: SocketAddr, from: Option<std::net::IpAddr>) -> std::io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if let Some(ip) = from {
        socket.bind(SocketAddr::new(ip, 0))?;
    }
    let stream = socket.connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn upgrade(
    url: &str,
    protocol: Option<&'static str>,
    options: &DialOptions,
    wire: Box<dyn Wire>,
) -> Result<WsStream, ClientError> {
    let mut request = url
        .into_client_request()
        .map_err(|error| ClientError::Protocol(format!("the address makes no request: {error}")))?;
    if let Some(protocol) = protocol {
        request.headers_mut().insert(http::header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(protocol));
    }
    if let Some(origin) = &options.origin {
        let value = HeaderValue::from_str(origin)
            .map_err(|_| ClientError::Protocol("the origin is no header value".to_owned()))?;
        request.headers_mut().insert(http::header::ORIGIN, value);
    }
    if let Some(key) = &options.api_key {
        let value = HeaderValue::from_str(&format!("Bearer {key}"))
            .map_err(|_| ClientError::Protocol("the API key is no header value".to_owned()))?;
        request.headers_mut().insert(http::header::AUTHORIZATION, value);
    }
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_message_size(Some(MESSAGE_BYTES_MAX))
        .max_frame_size(Some(MESSAGE_BYTES_MAX));
    match tokio_tungstenite::client_async_with_config(request, wire, Some(config)).await {
        Ok((socket, _response)) => Ok(socket),
        Err(WsError::Http(response)) => {
            let body = response.body().as_deref().unwrap_or_default();
            let body: String = String::from_utf8_lossy(body).chars().take(200).collect();
            Err(ClientError::Upgrade { status: response.status().as_u16(), body })
        }
        Err(error) => Err(ClientError::Closed { reason: error.to_string() }),
    }
}
