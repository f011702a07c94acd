//! Drives the media core: one thread, one UDP socket and one port per worker, joined to the async side by bounded
//! channels and a wake-up descriptor.
//!
//! What happens to media is decided in the `media` crate; here are sockets, threads and the clock. A room lives on one
//! worker. A worker that panics loses its rooms and peers, says so, and starts again on the same port.

mod addresses;
mod load;
mod udp;
mod wait;
mod worker;

#[cfg(test)]
mod tests;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

pub use media::SourceKind;
use media::{CoreConfig, CoreError, PeerKey, RoomKey};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

use addresses::Reach;
pub(crate) use addresses::outward;
use udp::Udp;
use wait::Waker;
use worker::{Command, Counters, Worker};

/// Commands waiting for one worker. A worker takes them between two batches of datagrams; callers wait when it is full.
const COMMANDS_MAX: usize = 256;
/// Events waiting for the consumer. Samples are dropped beyond, other events wait in their worker.
const EVENTS_MAX: usize = 8_192;
/// Workers at most: more than cores is of no use.
const WORKERS_MAX: usize = 64;

/// Settings, checked by [`start`].
#[derive(Debug, Clone)]
pub struct MediaConfig {
    /// Number of workers, 1 to 64.
    pub workers: usize,
    /// Address the sockets are bound to; may be unspecified. 127.0.0.1 without `external`: for this machine alone, by all
    /// addresses under which its browsers find it.
    pub bind: IpAddr,
    /// Addresses told to clients. Empty: the bound one, or those of all interfaces when bound to all.
    pub external: Vec<IpAddr>,
    /// UDP port of the first worker, the others' follow; 0 lets the system choose all.
    pub first_port: u16,
    /// Most peers of all workers together.
    pub peers_max: usize,
    /// Most rooms of all workers together.
    pub rooms_max: usize,
}

/// A peer connection on some worker. Never given out twice in the life of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PeerId {
    /// Index of the worker it lives on.
    pub worker: usize,
    key: u64,
}

impl PeerId {
    /// Index of the worker the peer lives on.
    pub fn worker(self) -> usize {
        self.worker
    }
}

/// A room on some worker. Never given out twice in the life of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoomId {
    /// Index of the worker it lives on.
    pub worker: usize,
    key: u64,
}

impl RoomId {
    /// Index of the worker the room lives on.
    pub fn worker(self) -> usize {
        self.worker
    }
}

/// A new peer and what to tell its client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connected {
    /// The peer.
    pub peer: PeerId,
    /// The answer, SDP.
    pub answer: String,
}

/// A worker's figures, for monitoring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkerStats {
    /// Index of the worker.
    pub index: u32,
    /// Its UDP port.
    pub udp_port: u16,
    /// Peers it has now.
    pub peers: u32,
    /// Rooms it has now.
    pub rooms: u32,
    /// Datagrams received since the start.
    pub packets_in: u64,
    /// Datagrams sent since the start.
    pub packets_out: u64,
    /// Times it started again after a panic.
    pub restarts: u32,
}

/// Why something cannot be done.
#[derive(Debug, Error)]
pub enum MediaError {
    /// The offer is not one that can be answered; the text says why. The peer is to blame.
    #[error("bad session description: {0}")]
    BadSdp(String),
    /// A bound is reached; the text says which.
    #[error("no more {0}")]
    Full(&'static str),
    /// The peer, the room, the worker or all of media is gone, or there never was one.
    #[error("gone")]
    Gone,
    /// The caller mixed what does not go together; the text says what.
    #[error("{0}")]
    Conflict(&'static str),
    /// The system refused something.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// What a receive slot shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotUse {
    /// The `mid` of the client's m-line.
    pub mid: String,
    /// The room it is about.
    pub room: RoomId,
    /// Who sends it.
    pub publisher: PeerId,
    /// What is received.
    pub kind: SourceKind,
}

/// Something that happened. Times are milliseconds of the clock given to [`start`].
#[derive(Debug, Clone, PartialEq)]
pub enum MediaEvent {
    /// ICE found a way to the peer, for the first time or after a restart.
    IceConnected {
        /// The peer.
        peer: PeerId,
        /// When, ms.
        at_ms: f64,
    },
    /// The DTLS handshake is done: media can flow.
    DtlsConnected {
        /// The peer.
        peer: PeerId,
        /// When, ms.
        at_ms: f64,
    },
    /// ICE lost the peer; its client should restart ICE. Without that, [`MediaEvent::Closed`] follows in some minutes.
    Disconnected {
        /// The peer.
        peer: PeerId,
    },
    /// The peer is gone: closed by its client or by command, or given up.
    Closed {
        /// The peer.
        peer: PeerId,
    },
    /// What the peer's receive slots show now: the complete list, sent whenever it changes.
    Slots {
        /// The receiver.
        peer: PeerId,
        /// The slots in use.
        slots: Vec<SlotUse>,
    },
    /// The first packet of a source arrived. Once per join.
    FirstPacketIn {
        /// The room.
        room: RoomId,
        /// The publisher.
        peer: PeerId,
        /// What it sends.
        kind: SourceKind,
        /// When, ms.
        at_ms: f64,
    },
    /// The first packet of a source was forwarded to a receiver. Once per join.
    FirstPacketOut {
        /// The room.
        room: RoomId,
        /// The publisher.
        from: PeerId,
        /// The receiver.
        to: PeerId,
        /// What is sent.
        kind: SourceKind,
        /// When, ms.
        at_ms: f64,
    },
    /// A second of what a publisher sends; may be missing when the consumer is slow.
    Sample {
        /// The room.
        room: RoomId,
        /// The publisher.
        publisher: PeerId,
        /// A `server` sample of the protocol; `t` is a whole second in ms.
        json: serde_json::Value,
    },
    /// A worker panicked and lost all it had. It has started again, empty.
    WorkerFailed {
        /// Index of the worker.
        worker: usize,
        /// The rooms lost.
        rooms: Vec<RoomId>,
        /// The peers lost.
        peers: Vec<PeerId>,
    },
}

/// Access to all workers. Cloning is cheap.
#[derive(Clone)]
pub struct MediaHandle {
    shared: Arc<Shared>,
}

struct Shared {
    workers: Vec<Access>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// How one worker is reached.
struct Access {
    commands: mpsc::Sender<Command>,
    waker: Arc<Waker>,
    counters: Arc<Counters>,
}

/// Starts the workers. `clock` answers milliseconds since the Unix epoch; samples are taken at its whole seconds.
///
/// The receiver ends when all workers have ended. It has to be read: lifecycle events wait for it without bound.
pub fn start(config: MediaConfig, clock: fn() -> f64) -> Result<(MediaHandle, mpsc::Receiver<MediaEvent>), MediaError> {
    if config.workers == 0 || config.workers > WORKERS_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "media workers must be 1 to 64").into());
    }
    let reach = Reach::of(config.bind, &config.external)?;
    let (events, receiver) = mpsc::channel(EVENTS_MAX);
    let mut workers = Vec::with_capacity(config.workers);
    let mut starting = Vec::with_capacity(config.workers);
    for index in 0..config.workers {
        let port = worker_port(config.first_port, index)?;
        let pin_source = reach.bind.is_unspecified() && config.external.is_empty();
        let udp = Udp::bind(SocketAddr::new(reach.bind, port), pin_source)?;
        let port = udp.local().port();
        let core = CoreConfig {
            peers_max: config.peers_max.div_ceil(config.workers),
            rooms_max: config.rooms_max.div_ceil(config.workers),
            ..CoreConfig::new(reach.told.iter().map(|ip| SocketAddr::new(*ip, port)).collect())
        };
        let (commands, inbox) = mpsc::channel(COMMANDS_MAX);
        let waker = Arc::new(Waker::new()?);
        let counters = Arc::new(Counters::new(port));
        workers.push(Access { commands, waker: waker.clone(), counters: counters.clone() });
        starting.push(Worker::new(index, udp, reach.clone(), core, inbox, waker, events.clone(), counters, clock));
    }
    let mut threads = Vec::with_capacity(starting.len());
    for (index, worker) in starting.into_iter().enumerate() {
        let builder = std::thread::Builder::new().name(format!("media-{index}"));
        threads.push(builder.spawn(move || worker.run())?);
    }
    Ok((MediaHandle { shared: Arc::new(Shared { workers, threads: Mutex::new(threads) }) }, receiver))
}

fn worker_port(first: u16, index: usize) -> Result<u16, MediaError> {
    if first == 0 {
        return Ok(0);
    }
    let port = usize::from(first) + index;
    u16::try_from(port).map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "media ports exceed 65535").into())
}

impl MediaHandle {
    /// Makes a room on the given worker, or on the one with the fewest peers.
    pub async fn create_room(&self, worker: Option<usize>) -> Result<RoomId, MediaError> {
        let worker = self.choose(worker)?;
        let key = self.ask(worker, Command::CreateRoom).await??;
        Ok(RoomId { worker, key: key.0 })
    }

    /// Makes a peer on the given worker, or on the one with the fewest, and answers its client's offer.
    pub async fn connect(&self, worker: Option<usize>, offer_sdp: String) -> Result<Connected, MediaError> {
        let worker = self.choose(worker)?;
        let (key, answer) = self.ask(worker, |reply| Command::Connect { offer: offer_sdp, reply }).await??;
        Ok(Connected { peer: PeerId { worker, key: key.0 }, answer })
    }

    /// Answers a peer's new offer, an ICE restart.
    pub async fn reoffer(&self, peer: PeerId, offer_sdp: String) -> Result<String, MediaError> {
        let command = |reply| Command::Reoffer { peer: PeerKey(peer.key), offer: offer_sdp, reply };
        Ok(self.ask(peer.worker, command).await??)
    }

    /// Puts a peer into a room of the same worker. A peer is in one room at a time; being in this one is no error.
    pub async fn join(&self, room: RoomId, peer: PeerId) -> Result<(), MediaError> {
        if room.worker != peer.worker {
            return Err(MediaError::Conflict("peer and room are on different workers"));
        }
        let command = |reply| Command::Join { room: RoomKey(room.key), peer: PeerKey(peer.key), reply };
        Ok(self.ask(room.worker, command).await??)
    }

    /// Takes a peer out of a room; its connection stays.
    pub async fn leave(&self, room: RoomId, peer: PeerId) -> Result<(), MediaError> {
        if room.worker != peer.worker {
            return Err(MediaError::Gone);
        }
        let command = |reply| Command::Leave { room: RoomKey(room.key), peer: PeerKey(peer.key), reply };
        Ok(self.ask(room.worker, command).await??)
    }

    /// Ends a room. Its participants keep their connections. A room that is gone already is no error.
    pub async fn close_room(&self, room: RoomId) {
        let _ = self.ask(room.worker, |reply| Command::CloseRoom { room: RoomKey(room.key), reply }).await;
    }

    /// Closes a peer's connection. A peer that is gone already is no error.
    pub async fn close_peer(&self, peer: PeerId) {
        let _ = self.ask(peer.worker, |reply| Command::ClosePeer { peer: PeerKey(peer.key), reply }).await;
    }

    /// Makes every worker throw away a share of what it sends, as one does whose socket is full: for demonstrations and tests
    /// of the diagnosis. `share` is 0 to 1.
    pub fn drop_outgoing(&self, share: f64) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0 to 1,000")]
        let thousandths = (share.clamp(0.0, 1.0) * f64::from(load::WHOLE)).round() as u32;
        for worker in &self.shared.workers {
            worker.counters.drop_share.store(thousandths, Relaxed);
        }
    }

    /// Figures of all workers.
    pub fn workers(&self) -> Vec<WorkerStats> {
        let stats = |(index, access): (usize, &Access)| {
            let c = &access.counters;
            WorkerStats {
                index: index as u32,
                udp_port: c.udp_port,
                peers: c.peers.load(Relaxed),
                rooms: c.rooms.load(Relaxed),
                packets_in: c.packets_in.load(Relaxed),
                packets_out: c.packets_out.load(Relaxed),
                restarts: c.restarts.load(Relaxed),
            }
        };
        self.shared.workers.iter().enumerate().map(stats).collect()
    }

    /// Closes all peers, telling their clients, and ends the workers. Returns when their threads have ended.
    pub async fn shutdown(&self) {
        for worker in 0..self.shared.workers.len() {
            let _ = self.ask(worker, Command::Shutdown).await;
        }
        let threads = std::mem::take(&mut *self.shared.threads.lock().unwrap_or_else(|e| e.into_inner()));
        let joined = tokio::task::spawn_blocking(move || {
            for thread in threads {
                let _ = thread.join();
            }
        });
        let _ = joined.await;
    }

    /// Makes a worker panic.
    #[cfg(test)]
    pub(crate) async fn panic(&self, worker: usize) {
        let _ = self.ask(worker, Command::Panic).await;
    }

    fn choose(&self, worker: Option<usize>) -> Result<usize, MediaError> {
        match worker {
            Some(worker) if worker < self.shared.workers.len() => Ok(worker),
            Some(_) => Err(MediaError::Gone),
            None => {
                let all = self.shared.workers.iter().enumerate();
                let least = all.min_by_key(|(_, w)| (w.counters.peers.load(Relaxed), w.counters.rooms.load(Relaxed)));
                least.map(|(index, _)| index).ok_or(MediaError::Gone)
            }
        }
    }

    async fn ask<T>(
        &self,
        worker: usize,
        command: impl FnOnce(oneshot::Sender<T>) -> Command,
    ) -> Result<T, MediaError> {
        let access = self.shared.workers.get(worker).ok_or(MediaError::Gone)?;
        let (reply, answer) = oneshot::channel();
        access.commands.send(command(reply)).await.map_err(|_| MediaError::Gone)?;
        access.waker.wake();
        answer.await.map_err(|_| MediaError::Gone)
    }
}

impl From<CoreError> for MediaError {
    fn from(error: CoreError) -> Self {
        match error {
            CoreError::BadOffer(offer) => MediaError::BadSdp(offer.to_string()),
            CoreError::Full(what) => MediaError::Full(what),
            CoreError::Gone => MediaError::Gone,
            CoreError::InAnotherRoom => MediaError::Conflict("peer is in another room"),
        }
    }
}
