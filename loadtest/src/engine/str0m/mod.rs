//! The light engine: str0m in frame mode, one UDP socket and one task a peer.
//!
//! Owns the sockets and the clock that str0m refuses to. It estimates no bandwidth and paces nothing: a bot's video is a
//! tenth of a megabit, and its cost on the generating machine is what counts.

mod drive;
mod slots;

use std::collections::HashMap;
use std::sync::Mutex;

use tokio::net::UdpSocket;

use super::{EngineError, MediaEngine, MediaOptions, Peer, VideoCodec};

/// The str0m engine. One value serves all peers of a run.
#[derive(Debug, Default)]
pub struct Str0mEngine {
    /// Codec lines by the codecs offered, made once: making them takes a scratch connection with its own certificate.
    templates: Mutex<HashMap<Vec<VideoCodec>, slots::CodecLines>>,
}

impl Str0mEngine {
    /// An engine.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn codec_lines(&self, codecs: &[VideoCodec]) -> Result<slots::CodecLines, EngineError> {
        let mut templates = self.templates.lock().map_err(|_| EngineError::Closed)?;
        if let Some(known) = templates.get(codecs) {
            return Ok(known.clone());
        }
        let lines = slots::CodecLines::of(codecs)?;
        templates.insert(codecs.to_vec(), lines.clone());
        Ok(lines)
    }
}

impl MediaEngine for Str0mEngine {
    fn name(&self) -> &'static str {
        "str0m"
    }

    fn open(&self, options: MediaOptions) -> Result<Peer, EngineError> {
        let lines = self.codec_lines(&options.codecs)?;
        let socket = bind(options.local)?;
        let connection = slots::Connection::new(options.part, &options.codecs, lines);
        let (peer, ends) = Peer::pair();
        tokio::spawn(drive::Driver::new(connection, socket, options, ends)?.run());
        Ok(peer)
    }
}

/// A UDP socket on a free port.
fn bind(local: std::net::IpAddr) -> Result<UdpSocket, EngineError> {
    let failed = |error: std::io::Error| EngineError::Socket(error.to_string());
    let socket = std::net::UdpSocket::bind((local, 0)).map_err(failed)?;
    socket.set_nonblocking(true).map_err(failed)?;
    UdpSocket::from_std(socket).map_err(failed)
}
