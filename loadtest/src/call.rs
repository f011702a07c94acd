//! Joining a client and a media peer: the offer over the WebSocket, the connection it makes.

use std::time::{Duration, Instant};

use signaling::{CallId, ClientMessage};

use crate::client::{ClientError, Pump, wait_for};
use crate::engine::{EngineError, MediaEvent, Peer};

/// Time in which the server must answer an offer.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// Time in which ICE and DTLS must be up after the answer.
const CONNECT_LIMIT: Duration = Duration::from_secs(15);

/// Why a call did not come about.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The signaling side.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The media side.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl CallError {
    /// A few words for counting.
    #[must_use]
    pub fn kind(&self) -> String {
        match self {
            Self::Client(error) => error.kind(),
            Self::Engine(EngineError::Timeout { what, .. }) => format!("no {what}"),
            Self::Engine(EngineError::Closed) => "media closed".to_owned(),
            Self::Engine(_) => "media".to_owned(),
        }
    }
}

/// Moments of an exchange of offer and answer.
#[derive(Debug, Clone, Copy)]
pub struct Exchange {
    /// The offer left.
    pub offered: Instant,
    /// The answer came.
    pub answered: Instant,
}

/// Moments of a connection.
#[derive(Debug, Clone, Copy)]
pub struct Connected {
    /// ICE found a path.
    pub ice: Instant,
    /// DTLS is up.
    pub dtls: Instant,
}

/// Sends the peer's offer and waits for the answer, which the peer does not get yet: nothing crosses the line before
/// [`Peer::answer`]. `call` is the viewer's; an agent's warm connection has none.
///
/// # Errors
/// [`CallError`].
pub async fn describe<C: Pump>(
    client: &mut C,
    peer: &mut Peer,
    call: Option<&CallId>,
    restart: bool,
) -> Result<(Exchange, String), CallError> {
    let sdp = peer.offer(restart).await?;
    client.session().media_answer = None;
    let offer = ClientMessage::MediaOffer { call: call.cloned(), sdp, restart, line: None };
    let id = client.session().ask(offer).await?;
    let offered = Instant::now();
    let answer = wait_for(client, "media answer", ANSWER_LIMIT, |client| {
        let session = client.session();
        if let Some(Err(refused)) = session.take_answer(id) {
            return Some(Err(refused));
        }
        session.media_answer.take().map(Ok)
    })
    .await??;
    Ok((Exchange { offered, answered: Instant::now() }, answer))
}

/// [`describe`], and the peer takes the answer.
///
/// # Errors
/// [`CallError`].
pub async fn exchange<C: Pump>(
    client: &mut C,
    peer: &mut Peer,
    call: Option<&CallId>,
    restart: bool,
) -> Result<Exchange, CallError> {
    let (exchange, answer) = describe(client, peer, call, restart).await?;
    peer.answer(answer).await?;
    Ok(exchange)
}

/// Waits until the peer's connection is up. Other events before that are dropped.
///
/// # Errors
/// [`EngineError`].
pub async fn connected(peer: &mut Peer) -> Result<Connected, EngineError> {
    let mut ice = None;
    peer.wait("media connection", CONNECT_LIMIT, |event| match event {
        MediaEvent::Ice(at) => {
            ice.get_or_insert(*at);
            None
        }
        MediaEvent::Dtls(at) => Some(Connected { ice: ice.unwrap_or(*at), dtls: *at }),
        _ => None,
    })
    .await
}

/// [`exchange`], then [`connected`].
///
/// # Errors
/// [`CallError`].
pub async fn establish<C: Pump>(
    client: &mut C,
    peer: &mut Peer,
    call: Option<&CallId>,
) -> Result<(Exchange, Connected), CallError> {
    let exchange = exchange(client, peer, call, false).await?;
    Ok((exchange, connected(peer).await?))
}
