//! A viewer's measurement of its line: a connection with the server that carries nothing but the data channel `fast`.

use std::time::Duration;

use signaling::limits::PREFLIGHT_MS_MAX;
use signaling::wire::{Refusal, ServerMessage};
use tokio::sync::oneshot;

use crate::app::App;
use crate::calls::media_refusal;

/// The measurement of one socket. It ends with its socket, with the next one, and after [`PREFLIGHT_MS_MAX`].
#[derive(Default)]
pub(super) struct Preflight {
    /// Dropped, it closes the connection.
    running: Option<oneshot::Sender<()>>,
}

impl Preflight {
    /// Ends the one that runs and makes way for another; what is returned belongs to [`connect`].
    pub(super) fn begin(&mut self) -> oneshot::Receiver<()> {
        let (running, ended) = oneshot::channel();
        self.running = Some(running);
        ended
    }

    /// Ends it.
    pub(super) fn end(&mut self) {
        self.running = None;
    }
}

/// Connects, and closes the connection when `ended` is.
///
/// # Errors
/// That of a bad offer, or of workers that take nobody.
pub(super) async fn connect(app: &App, sdp: String, ended: oneshot::Receiver<()>) -> Result<ServerMessage, Refusal> {
    let media = app.calls.media().clone();
    let connected = media.connect(None, sdp).await.map_err(media_refusal)?;
    tokio::spawn(async move {
        // Ended or forgotten, it is over.
        let _ = tokio::time::timeout(Duration::from_millis(PREFLIGHT_MS_MAX), ended).await;
        media.close_peer(connected.peer).await;
    });
    Ok(ServerMessage::PreflightAnswer { sdp: connected.answer })
}
