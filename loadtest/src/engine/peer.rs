//! The handle of a media peer: commands in, events and counts out. An engine holds the other ends.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

use super::VideoCodec;

/// Commands waiting for an engine; a peer gets a few in its life.
const COMMANDS_MAX: usize = 32;
/// Events waiting for their reader. They are rare (frames are counted, not told); a reader that does not read loses them.
const EVENTS_MAX: usize = 256;

/// Slots of sound and picture.
const SLOTS: usize = 7;

/// What a peer is to the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Part {
    /// A viewer or an agent, with the slots of docs/protocol.md.
    #[default]
    Desk,
    /// Sends one picture and nothing else, to whatever server.
    Publisher,
    /// Receives one picture and nothing else.
    Player,
}

/// How a peer is set up.
#[derive(Debug, Clone)]
pub struct MediaOptions {
    /// What it is.
    pub part: Part,
    /// Codecs to offer, best first; the first one is what the peer publishes.
    pub codecs: Vec<VideoCodec>,
    /// Local address to bind; an address that can reach the server.
    pub local: IpAddr,
}

/// What went wrong in an engine.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EngineError {
    /// No UDP socket.
    #[error("no UDP socket: {0}")]
    Socket(String),
    /// The stack refused.
    #[error("media: {0}")]
    Stack(String),
    /// The server's answer cannot be used.
    #[error("the answer cannot be used: {0}")]
    Answer(String),
    /// The peer is closed.
    #[error("the media connection is closed")]
    Closed,
    /// Nothing came in time.
    #[error("no {what} within {} ms", limit.as_millis())]
    Timeout {
        /// What was waited for.
        what: &'static str,
        /// How long.
        limit: Duration,
    },
}

/// The two data channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// Reliable and ordered.
    Control,
    /// Unordered, no retransmission.
    Fast,
}

impl Channel {
    /// Its label.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Control => "control",
            Self::Fast => "fast",
        }
    }
}

/// What happened at a peer. Moments are taken where the packet was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MediaEvent {
    /// ICE found a path.
    Ice(Instant),
    /// DTLS is up.
    Dtls(Instant),
    /// A data channel is open.
    Open(Channel, Instant),
    /// First RTP packet since the connection or the last [`Command::Arm`], on whatever slot.
    FirstPacket(Instant),
    /// First complete key frame since the connection or the last [`Command::Arm`].
    FirstFrame {
        /// Slot it came on.
        mid: String,
        /// When its last packet was read.
        at: Instant,
    },
    /// A message on a data channel that is no echo of ours.
    Message(Channel, Vec<u8>),
    /// The server asked for a key frame.
    KeyFrameAsked,
    /// The connection is over.
    Closed,
}

/// What an engine is told.
#[derive(Debug)]
pub enum Command {
    /// Make an offer; with `true` for an ICE restart of the connection that exists.
    Offer(bool, oneshot::Sender<Result<String, EngineError>>),
    /// Take the server's offer and answer it.
    Accept(String, oneshot::Sender<Result<String, EngineError>>),
    /// Take the server's answer.
    Answer(String, oneshot::Sender<Result<(), EngineError>>),
    /// Put the track on the screen sender (`true`) or take it off (`false`).
    Publish(bool),
    /// The same for the camera's sender, with the same clip.
    ShowCamera(bool),
    /// Send sound (silence, in Opus frames of 20 ms), or stop.
    Speak(bool),
    /// Report the next packet and key frame as first ones again.
    Arm,
    /// Send an echo request of so many bytes on `fast`; answered with the round trip.
    Echo(usize, oneshot::Sender<Duration>),
    /// Send a message.
    Send(Channel, Vec<u8>),
    /// End without telling the server, as a phone that loses its battery does.
    Vanish,
    /// Take another local port, as after a network switch, without telling the server.
    Rebind(oneshot::Sender<Result<(), EngineError>>),
}

/// Frames and bytes that a peer has received and sent.
#[derive(Debug, Default)]
pub struct ArrivalCounts {
    /// Complete frames received.
    pub frames: AtomicU64,
    /// Key frames among them.
    pub key_frames: AtomicU64,
    /// Frames received whose bytes are those of a frame of our clip.
    pub known_frames: AtomicU64,
    /// Frames that came after a gap.
    pub gaps: AtomicU64,
    /// Bytes of frames received.
    pub bytes: AtomicU64,
    /// Frames sent.
    pub frames_sent: AtomicU64,
    /// RTP packets received.
    pub packets: AtomicU64,
    /// RTP packets that were sent, by their sequence numbers.
    pub packets_expected: AtomicU64,
    /// Freezes as W3C webrtc-stats counts them.
    pub freezes: AtomicU64,
    /// Their length together, ms.
    pub frozen_ms: AtomicU64,
    /// Frames of sound or picture received, by the number of the slot's m-line.
    pub frames_by_slot: [AtomicU64; SLOTS],
}

/// Some of the counts at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ArrivalSnapshot {
    /// Complete frames received.
    pub frames: u64,
    /// RTP packets received.
    pub packets_received: u64,
    /// RTP packets that were sent, by their sequence numbers.
    pub packets_expected: u64,
    /// Freezes as W3C webrtc-stats counts them.
    pub freezes: u64,
    /// Their length together, ms.
    pub frozen_ms: u64,
}

impl ArrivalCounts {
    /// Adds one.
    pub(crate) fn bump(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// The counts now.
    #[must_use]
    pub fn snapshot(&self) -> ArrivalSnapshot {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ArrivalSnapshot {
            frames: read(&self.frames),
            packets_received: read(&self.packets),
            packets_expected: read(&self.packets_expected),
            freezes: read(&self.freezes),
            frozen_ms: read(&self.frozen_ms),
        }
    }

    /// Frames of sound or picture that came on a slot; 0 for a slot that does not exist.
    #[must_use]
    pub fn frames_on(&self, mid: &str) -> u64 {
        let slot = mid.parse::<usize>().ok().and_then(|line| self.frames_by_slot.get(line));
        slot.map_or(0, |count| count.load(Ordering::Relaxed))
    }

    /// Frames received so far.
    #[must_use]
    pub fn frames_so_far(&self) -> u64 {
        self.frames.load(Ordering::Relaxed)
    }
}

/// A media peer. Dropping it closes the connection.
#[derive(Debug)]
pub struct Peer {
    commands: mpsc::Sender<Command>,
    events: mpsc::Receiver<MediaEvent>,
    /// What came and went.
    pub counts: Arc<ArrivalCounts>,
}

/// The engine's ends of a [`Peer`].
#[derive(Debug)]
pub struct PeerEnds {
    /// Closed when the peer was dropped: the engine ends then.
    pub commands: mpsc::Receiver<Command>,
    /// Events are dropped when full.
    pub events: mpsc::Sender<MediaEvent>,
    /// Shared with the handle.
    pub counts: Arc<ArrivalCounts>,
}

impl Peer {
    /// A handle and its engine's ends.
    #[must_use]
    pub fn pair() -> (Self, PeerEnds) {
        let (commands, commands_in) = mpsc::channel(COMMANDS_MAX);
        let (events_out, events) = mpsc::channel(EVENTS_MAX);
        let counts = Arc::new(ArrivalCounts::default());
        let ends = PeerEnds { commands: commands_in, events: events_out, counts: counts.clone() };
        (Self { commands, events, counts }, ends)
    }

    /// An offer; `restart` for an ICE restart.
    ///
    /// # Errors
    /// [`EngineError`].
    pub async fn offer(&mut self, restart: bool) -> Result<String, EngineError> {
        let (reply, answer) = oneshot::channel();
        self.tell(Command::Offer(restart, reply)).await?;
        answer.await.map_err(|_| EngineError::Closed)?
    }

    /// Answers a server that offers, as some do to those who receive.
    ///
    /// # Errors
    /// [`EngineError`].
    pub async fn accept(&mut self, sdp: String) -> Result<String, EngineError> {
        let (reply, answer) = oneshot::channel();
        self.tell(Command::Accept(sdp, reply)).await?;
        answer.await.map_err(|_| EngineError::Closed)?
    }

    /// Takes the server's answer.
    ///
    /// # Errors
    /// [`EngineError`].
    pub async fn answer(&mut self, sdp: String) -> Result<(), EngineError> {
        let (reply, answer) = oneshot::channel();
        self.tell(Command::Answer(sdp, reply)).await?;
        answer.await.map_err(|_| EngineError::Closed)?
    }

    /// Starts or stops publishing on the screen slot.
    ///
    /// # Errors
    /// [`EngineError::Closed`].
    pub async fn publish(&mut self, on: bool) -> Result<(), EngineError> {
        self.tell(Command::Publish(on)).await
    }

    /// Starts or stops publishing on the camera's slot.
    ///
    /// # Errors
    /// [`EngineError::Closed`].
    pub async fn show_camera(&mut self, on: bool) -> Result<(), EngineError> {
        self.tell(Command::ShowCamera(on)).await
    }

    /// Starts or stops sending sound.
    ///
    /// # Errors
    /// [`EngineError::Closed`].
    pub async fn speak(&mut self, on: bool) -> Result<(), EngineError> {
        self.tell(Command::Speak(on)).await
    }

    /// Reports the next packet and key frame as first ones again.
    ///
    /// # Errors
    /// [`EngineError::Closed`].
    pub async fn arm(&mut self) -> Result<(), EngineError> {
        self.tell(Command::Arm).await
    }

    /// Sends an echo request on `fast` and waits for it; a lost one is a timeout.
    ///
    /// # Errors
    /// [`EngineError::Closed`], [`EngineError::Timeout`].
    pub async fn echo(&mut self, bytes: usize, limit: Duration) -> Result<Duration, EngineError> {
        let (reply, answer) = oneshot::channel();
        self.tell(Command::Echo(bytes, reply)).await?;
        match tokio::time::timeout(limit, answer).await {
            Ok(Ok(round_trip)) => Ok(round_trip),
            Ok(Err(_)) => Err(EngineError::Closed),
            Err(_) => Err(EngineError::Timeout { what: "echo", limit }),
        }
    }

    /// Sends a message on a data channel.
    ///
    /// # Errors
    /// [`EngineError::Closed`].
    pub async fn send(&mut self, channel: Channel, bytes: Vec<u8>) -> Result<(), EngineError> {
        self.tell(Command::Send(channel, bytes)).await
    }

    /// Moves to another local port.
    ///
    /// # Errors
    /// [`EngineError`].
    pub async fn rebind(&mut self) -> Result<(), EngineError> {
        let (reply, answer) = oneshot::channel();
        self.tell(Command::Rebind(reply)).await?;
        answer.await.map_err(|_| EngineError::Closed)?
    }

    /// Ends the connection without a word to the server.
    pub async fn vanish(&mut self) {
        // A peer that is closed already has vanished.
        let _ = self.tell(Command::Vanish).await;
    }

    /// The next event; [`MediaEvent::Closed`] for ever once the engine has ended. Cancelling loses nothing.
    pub async fn event(&mut self) -> MediaEvent {
        self.events.recv().await.unwrap_or(MediaEvent::Closed)
    }

    /// Reads events until `found` likes one.
    ///
    /// # Errors
    /// [`EngineError::Timeout`] naming `what`, [`EngineError::Closed`].
    pub async fn wait<T>(
        &mut self,
        what: &'static str,
        limit: Duration,
        mut found: impl FnMut(&MediaEvent) -> Option<T>,
    ) -> Result<T, EngineError> {
        let search = async {
            loop {
                let event = self.event().await;
                if let Some(value) = found(&event) {
                    return Ok(value);
                }
                if event == MediaEvent::Closed {
                    return Err(EngineError::Closed);
                }
            }
        };
        tokio::time::timeout(limit, search).await.unwrap_or(Err(EngineError::Timeout { what, limit }))
    }

    async fn tell(&mut self, command: Command) -> Result<(), EngineError> {
        self.commands.send(command).await.map_err(|_| EngineError::Closed)
    }
}
