//! Headless clients: viewer, agent, REST.
//!
//! A client is one value owned by one task. It does nothing on its own: its owner calls `next` (or a `wait`), which reads
//! one message, keeps the clock and applies the message to the client's state; reconnecting is the owner's decision.

mod agent;
mod clock;
mod dial;
mod error;
mod history;
mod rest;
mod session;
mod tls;
mod viewer;

pub use agent::{AgentClient, AgentOptions};
pub use clock::{ServerClock, unix_ms};
pub use dial::{DialOptions, DialTimings, Wire, WsStream, dial};
pub(crate) use dial::{dial_at, open_wire};
pub use error::ClientError;
pub use history::{Chat, History};
pub use rest::RestClient;
pub use session::{QUIET_AFTER, Session, WireError, json_block};
pub use tls::{Trust, client_config};
pub use viewer::{ViewerClient, ViewerOptions, random_key};

use std::future::Future;
use std::time::Duration;

use signaling::ServerMessage;
use tokio::time::{Instant, timeout_at};

/// A client whose messages can be waited for.
pub trait Pump: Send {
    /// Socket and common state.
    fn session(&mut self) -> &mut Session;

    /// Reads one message and applies it to the client's state.
    ///
    /// # Errors
    /// [`ClientError::Closed`] when the socket is gone.
    fn next(&mut self) -> impl Future<Output = Result<ServerMessage, ClientError>> + Send;
}

/// Reads messages until `found` says something about the client's state. It is asked before the first message too.
///
/// # Errors
/// [`ClientError::Timeout`] naming `what` after `limit`, or [`ClientError::Closed`].
pub async fn wait_for<C: Pump, T>(
    client: &mut C,
    what: &str,
    limit: Duration,
    mut found: impl FnMut(&mut C) -> Option<T>,
) -> Result<T, ClientError> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(value) = found(client) {
            return Ok(value);
        }
        match timeout_at(deadline, client.next()).await {
            Ok(message) => drop(message?),
            Err(_) => return Err(ClientError::Timeout { what: what.to_owned(), limit }),
        }
    }
}

/// Back-off before attempt `attempt` (from 0) as docs/protocol.md has it: 0.25 s doubling to 8 s, ± 50 % jitter, so that
/// a restarted server is not met by all its clients in the same instant.
#[must_use]
pub fn back_off(attempt: u32) -> Duration {
    const FIRST_MS: f64 = 250.0;
    const LAST_MS: f64 = 8_000.0;
    let base = (FIRST_MS * f64::from(1_u32 << attempt.min(10))).min(LAST_MS);
    Duration::from_secs_f64(base * (0.5 + rand::random::<f64>()) / 1_000.0)
}
