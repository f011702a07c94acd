//! One worker's media: its peers and rooms, commands upon them, and what comes of them.
//!
//! The order of use: any of the `handle_…` functions or commands, then [`Core::poll_output`] until it answers
//! [`Output::Timeout`]. Several inputs may be handed in before polling; what they cause leaves in one batch.

mod echo;
mod network;
mod peer;
mod reach;
mod routing;
mod sampling;

use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::Instant;

use thiserror::Error;

use crate::limits::{PARTICIPANTS_MAX, PEERS_PER_WORKER_MAX, ROOMS_PER_WORKER_MAX};
use crate::room::Room;
use crate::slots::SourceKind;
use crate::stats::ServerSample;
use crate::transport::Transport;
use crate::transport::config::TransportConfig;
use crate::transport::offer::OfferError;
use network::Deadline;
use peer::Peer;
use reach::Reach;

/// A peer of this worker. Never given out twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PeerKey(pub u64);

/// A room of this worker. Never given out twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoomKey(pub u64);

/// Settings of a core.
#[derive(Debug, Clone)]
pub struct CoreConfig {
    /// How connections are set up.
    pub transport: TransportConfig,
    /// Our addresses, told to clients as candidates.
    pub addresses: Vec<SocketAddr>,
    /// Most peers at a time.
    pub peers_max: usize,
    /// Most rooms at a time.
    pub rooms_max: usize,
    /// The first key to give out: beyond those of a core that ran before in the same worker.
    pub first_key: u64,
}

impl CoreConfig {
    /// Defaults for the given addresses.
    pub fn new(addresses: Vec<SocketAddr>) -> Self {
        Self {
            transport: TransportConfig::default(),
            addresses,
            peers_max: PEERS_PER_WORKER_MAX,
            rooms_max: ROOMS_PER_WORKER_MAX,
            first_key: 1,
        }
    }
}

/// Why a command was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CoreError {
    /// The offer is not one we can answer. The peer is to blame.
    #[error(transparent)]
    BadOffer(#[from] OfferError),
    /// A bound is reached; the text says which.
    #[error("no more {0}")]
    Full(&'static str),
    /// There is no such peer or room (any more).
    #[error("peer or room is gone")]
    Gone,
    /// The peer is in another room.
    #[error("peer is in another room")]
    InAnotherRoom,
}

/// What a receive slot shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotUse {
    /// The m-line's `mid`.
    pub mid: String,
    /// The room it is about.
    pub room: RoomKey,
    /// Who sends it.
    pub publisher: PeerKey,
    /// What is received.
    pub kind: SourceKind,
}

/// Something the driver's side wants to know.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// ICE found a way to the peer, for the first time or after a restart.
    IceConnected {
        /// The peer.
        peer: PeerKey,
        /// When.
        at: Instant,
    },
    /// The DTLS handshake with the peer is done.
    DtlsConnected {
        /// The peer.
        peer: PeerKey,
        /// When.
        at: Instant,
    },
    /// ICE lost the peer. It should restart.
    Disconnected {
        /// The peer.
        peer: PeerKey,
    },
    /// The peer is gone, by its own doing, a timeout or a command.
    Closed {
        /// The peer.
        peer: PeerKey,
    },
    /// What the peer's receive slots show now: the complete list.
    Slots {
        /// The receiver.
        peer: PeerKey,
        /// All slots in use.
        slots: Vec<SlotUse>,
    },
    /// The first packet of a source since its publisher joined.
    FirstPacketIn {
        /// The room.
        room: RoomKey,
        /// The publisher.
        peer: PeerKey,
        /// The source.
        kind: SourceKind,
        /// When it was received.
        at: Instant,
    },
    /// The first packet of a source forwarded to a receiver since that one was subscribed.
    FirstPacketOut {
        /// The room.
        room: RoomKey,
        /// The publisher.
        from: PeerKey,
        /// The receiver.
        to: PeerKey,
        /// The source.
        kind: SourceKind,
        /// When it was forwarded.
        at: Instant,
    },
    /// A second of a publisher's pictures.
    Sample {
        /// The room.
        room: RoomKey,
        /// The publisher.
        publisher: PeerKey,
        /// The figures.
        sample: Box<ServerSample>,
    },
}

/// One step of [`Core::poll_output`].
#[derive(Debug)]
pub enum Output {
    /// A datagram to send.
    Transmit {
        /// The local address to send from: one of [`CoreConfig::addresses`].
        source: SocketAddr,
        /// Where to.
        destination: SocketAddr,
        /// The bytes.
        contents: Vec<u8>,
    },
    /// Something happened.
    Event(Event),
    /// Nothing more to do before this time; none means before the next datagram or command.
    Timeout(Option<Instant>),
}

/// One worker's media.
pub struct Core {
    config: CoreConfig,
    begun: Instant,
    now: Instant,
    next_key: u64,
    peers: HashMap<PeerKey, Peer>,
    rooms: HashMap<RoomKey, Room>,
    by_address: HashMap<SocketAddr, PeerKey>,
    by_ufrag: HashMap<String, PeerKey>,
    reach: Reach,
    deadlines: BinaryHeap<Deadline>,
    dirty: VecDeque<PeerKey>,
    outputs: VecDeque<Output>,
    dropped: u64,
}

impl Core {
    /// An empty core.
    pub fn new(config: CoreConfig, now: Instant) -> Self {
        Self {
            next_key: config.first_key,
            config,
            begun: now,
            now,
            peers: HashMap::new(),
            rooms: HashMap::new(),
            by_address: HashMap::new(),
            by_ufrag: HashMap::new(),
            reach: Reach::default(),
            deadlines: BinaryHeap::new(),
            dirty: VecDeque::new(),
            outputs: VecDeque::new(),
            dropped: 0,
        }
    }

    /// Makes an empty room.
    pub fn create_room(&mut self) -> Result<RoomKey, CoreError> {
        if self.rooms.len() >= self.config.rooms_max {
            return Err(CoreError::Full("rooms"));
        }
        let key = RoomKey(self.key());
        self.rooms.insert(key, Room::default());
        Ok(key)
    }

    /// Makes a peer of an offer; answers its key and the answer.
    pub fn connect(&mut self, now: Instant, offer: &str) -> Result<(PeerKey, String), CoreError> {
        self.advance(now);
        if self.peers.len() >= self.config.peers_max {
            return Err(CoreError::Full("peers"));
        }
        let (mut transport, answer) =
            Transport::accept(&self.config.transport, &self.config.addresses, offer, self.now)?;
        let key = PeerKey(self.key());
        let ufrag = transport.ufrag();
        self.by_ufrag.insert(ufrag.clone(), key);
        self.peers.insert(key, Peer::new(transport, ufrag, self.now));
        self.mark(key);
        Ok((key, answer))
    }

    /// Takes a peer's new offer, an ICE restart; answers the answer.
    pub fn reoffer(&mut self, now: Instant, peer: PeerKey, offer: &str) -> Result<String, CoreError> {
        self.advance(now);
        let state = self.peers.get_mut(&peer).ok_or(CoreError::Gone)?;
        let answer = state.transport.reoffer(offer, self.now);
        let ufrag = state.transport.ufrag();
        if ufrag != state.ufrag {
            self.by_ufrag.remove(&state.ufrag);
            self.by_ufrag.insert(ufrag.clone(), peer);
            state.ufrag = ufrag;
            // The restart forgot the old way to the peer, so the engine will not miss it: it has to be found again, or
            // the peer is gone.
            state.lost(self.now);
        }
        self.forget_payload_types(peer);
        self.mark(peer);
        Ok(answer?)
    }

    /// Puts a peer into a room. Being there already is no error.
    pub fn join(&mut self, now: Instant, room: RoomKey, peer: PeerKey) -> Result<(), CoreError> {
        self.advance(now);
        let state = self.peers.get_mut(&peer).ok_or(CoreError::Gone)?;
        let participants = &mut self.rooms.get_mut(&room).ok_or(CoreError::Gone)?.participants;
        match state.room {
            Some(present) if present == room => return Ok(()),
            Some(_) => return Err(CoreError::InAnotherRoom),
            None => {}
        }
        if participants.len() >= PARTICIPANTS_MAX {
            return Err(CoreError::Full("participants"));
        }
        participants.push(peer);
        state.enter(room, self.now);
        self.reassign(room);
        Ok(())
    }

    /// Takes a peer out of a room. Its connection stays.
    pub fn leave(&mut self, now: Instant, room: RoomKey, peer: PeerKey) -> Result<(), CoreError> {
        self.advance(now);
        match self.peers.get(&peer) {
            Some(state) if state.room == Some(room) => {
                self.take_out(peer);
                Ok(())
            }
            _ => Err(CoreError::Gone),
        }
    }

    /// Ends a room; its participants keep their connections.
    pub fn close_room(&mut self, now: Instant, room: RoomKey) {
        self.advance(now);
        let participants = self.rooms.get(&room).map(|r| r.participants.clone()).unwrap_or_default();
        for peer in participants {
            self.take_out(peer);
        }
        self.rooms.remove(&room);
    }

    /// Closes a peer's connection and tells it so.
    pub fn close_peer(&mut self, now: Instant, peer: PeerKey) {
        self.advance(now);
        self.remove(peer);
    }

    /// Number of peers.
    pub fn peers(&self) -> usize {
        self.peers.len()
    }

    /// Number of rooms.
    pub fn rooms(&self) -> usize {
        self.rooms.len()
    }

    /// Datagrams dropped because the driver did not drain.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The key the next peer or room will have.
    pub fn next_key(&self) -> u64 {
        self.next_key
    }

    fn key(&mut self) -> u64 {
        self.next_key += 1;
        self.next_key - 1
    }

    fn advance(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }
}
