//! Colleagues who join running calls: the receivers of `fanout` beside the call's own agent.

use std::sync::Arc;
use std::time::{Duration, Instant};

use signaling::{CallId, ClientMessage};
use tokio::sync::{Mutex, mpsc};
use tokio::time::sleep_until;

use super::Aim;
use super::crew::CallMedia;
use crate::call::{self, CallError};
use crate::client::{AgentClient, AgentOptions, Pump, wait_for};
use crate::engine::{MediaEngine, MediaEvent, MediaOptions, Peer};

/// Bound on each wait of a colleague.
const STEP_LIMIT: Duration = Duration::from_secs(15);
/// First client number of the colleagues, so that their addresses differ from the others'.
const FIRST_NUMBER: u64 = 61_000;

/// What one colleague saw.
#[derive(Debug, Clone, Copy)]
pub(super) struct GuestView {
    /// From its offer to a connection that is up.
    pub(super) watch: Duration,
    /// From joining to the first complete key frame.
    pub(super) first_frame: Duration,
    /// What came from there on.
    pub(super) media: CallMedia,
}

/// Colleagues who wait for a call to join.
pub(super) struct Guests {
    idle: Mutex<mpsc::Receiver<AgentClient>>,
    back: mpsc::Sender<AgentClient>,
    engine: Arc<dyn MediaEngine>,
    media: MediaOptions,
}

impl Guests {
    /// Connects one colleague a token, without media.
    ///
    /// # Errors
    /// The first one's failure.
    pub(super) async fn open(
        aim: &Aim,
        tokens: &[String],
        engine: Arc<dyn MediaEngine>,
        media: MediaOptions,
    ) -> Result<Self, CallError> {
        let (back, idle) = mpsc::channel(tokens.len().max(1));
        for (number, token) in (FIRST_NUMBER..).zip(tokens) {
            let options = AgentOptions { token: Some(token.clone()), dial: aim.dial(number), forgets: true };
            let client = AgentClient::open(&aim.target, options).await?;
            // The channel has room for all of them.
            let _ = back.send(client).await;
        }
        Ok(Self { idle: Mutex::new(idle), back, engine, media })
    }

    /// Lets the next colleague join a call until a moment.
    ///
    /// # Errors
    /// In words; the colleague is lost then.
    pub(super) async fn join(&self, call: &CallId, until: Instant) -> Result<GuestView, String> {
        let waiting = tokio::time::timeout(STEP_LIMIT, async { self.idle.lock().await.recv().await }).await;
        let mut client = waiting.ok().flatten().ok_or("no colleague was free")?;
        let mut peer = self.engine.open(self.media.clone()).map_err(|error| CallError::from(error).kind())?;
        let view = visit(&mut client, &mut peer, call, until).await?;
        // Nobody waits for it when the run is over.
        let _ = self.back.send(client).await;
        Ok(view)
    }
}

async fn visit(client: &mut AgentClient, peer: &mut Peer, call: &CallId, until: Instant) -> Result<GuestView, String> {
    let began = Instant::now();
    watch(client, peer, call).await.map_err(|error| error.kind())?;
    let watch = began.elapsed();
    let join = ClientMessage::JoinCall { call: call.clone() };
    let joined_at = Instant::now();
    let request = client.session.ask(join).await.map_err(|error| error.kind())?;
    let mut first: Option<(Instant, crate::engine::ArrivalSnapshot)> = None;
    let limit = joined_at + STEP_LIMIT;
    loop {
        let deadline = if first.is_some() { until } else { limit };
        tokio::select! {
            message = client.next() => {
                message.map_err(|error| error.kind())?;
                if let Some(Err(refused)) = client.session.take_answer(request) {
                    return Err(refused.kind());
                }
            }
            event = peer.event() => match event {
                MediaEvent::FirstFrame { at, .. } => drop(first.get_or_insert((at, peer.counts.snapshot()))),
                MediaEvent::Closed => return Err("media closed".to_owned()),
                _ => {}
            },
            () = sleep_until(deadline.into()) => break,
        }
    }
    let (at, start) = first.ok_or("no picture")?;
    let media = CallMedia::between(at, start, peer.counts.snapshot());
    let leave = ClientMessage::LeaveCall { call: call.clone() };
    client.request(leave, STEP_LIMIT).await.map_err(|error| error.kind())?;
    Ok(GuestView { watch, first_frame: at.saturating_duration_since(joined_at), media })
}

/// Makes a connection to a colleague's call.
async fn watch(client: &mut AgentClient, peer: &mut Peer, call: &CallId) -> Result<(), CallError> {
    let sdp = peer.offer(false).await?;
    client.session.watch_answer = None;
    let id = client.session.ask(ClientMessage::WatchCall { call: call.clone(), sdp, restart: false }).await?;
    let answer = wait_for(client, "answer to watch_call", STEP_LIMIT, |client| {
        if let Some(Err(refused)) = client.session.take_answer(id) {
            return Some(Err(refused));
        }
        client.session.watch_answer.take().map(Ok)
    })
    .await??;
    peer.answer(answer).await?;
    call::connected(peer).await?;
    Ok(())
}
