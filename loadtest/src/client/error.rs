//! What can go wrong at a client, sorted by who is to blame.

use std::time::Duration;

use signaling::ErrorCode;

use crate::target::TargetError;

/// A client's failure.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The target is unusable.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// Nothing listens there, or the network refused.
    #[error("cannot reach {address}: {reason}")]
    Unreachable {
        /// Socket address or URL.
        address: String,
        /// The system's words.
        reason: String,
    },
    /// TLS came to nothing.
    #[error("TLS failed: {0}")]
    Tls(String),
    /// The server answered the upgrade with an HTTP error.
    #[error("the server refused the WebSocket with HTTP {status}: {body}")]
    Upgrade {
        /// HTTP status.
        status: u16,
        /// Start of the body.
        body: String,
    },
    /// The socket is gone; reconnecting may help.
    #[error("the connection was closed: {reason}")]
    Closed {
        /// Close reason or socket error.
        reason: String,
    },
    /// The server refused a request or the session.
    #[error("the server refused: {code:?}: {message}")]
    Refused {
        /// Machine-readable.
        code: ErrorCode,
        /// The server's sentence.
        message: String,
    },
    /// Nothing came in time.
    #[error("no {what} within {} ms", limit.as_millis())]
    Timeout {
        /// What was waited for.
        what: String,
        /// How long.
        limit: Duration,
    },
    /// The server broke the protocol.
    #[error("the server broke the protocol: {0}")]
    Protocol(String),
    /// Too many messages are unacknowledged; the caller must wait.
    #[error("{0} messages wait for their acknowledgement already")]
    OutboxFull(usize),
    /// The REST API said no.
    #[error("{method} {path}: HTTP {status}: {message}")]
    Rest {
        /// HTTP method.
        method: &'static str,
        /// Path.
        path: String,
        /// HTTP status.
        status: u16,
        /// The server's code, when the body had one.
        code: Option<ErrorCode>,
        /// The server's sentence or the start of the body.
        message: String,
    },
}

impl ClientError {
    /// Whether further attempts are pointless (docs/protocol.md, Session 4).
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Refused { code: ErrorCode::Version | ErrorCode::Unauthorized | ErrorCode::Origin, .. })
    }

    /// A few words for counting, without addresses and numbers.
    #[must_use]
    pub fn kind(&self) -> String {
        match self {
            Self::Target(_) => "target".to_owned(),
            Self::Unreachable { .. } => "unreachable".to_owned(),
            Self::Tls(_) => "TLS failed".to_owned(),
            Self::Upgrade { status, .. } => format!("upgrade refused ({status})"),
            Self::Closed { .. } => "connection closed".to_owned(),
            Self::Refused { code, .. } => format!("refused ({code:?})"),
            Self::Timeout { what, .. } => format!("no {what}"),
            Self::Protocol(_) => "protocol".to_owned(),
            Self::OutboxFull(_) => "outbox full".to_owned(),
            Self::Rest { status, .. } => format!("rest ({status})"),
        }
    }
}
