//! One worker: its thread's loop over commands, datagrams and time, and its new start after a panic.

use std::collections::{HashSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::time::{Duration, Instant};

use media::{Core, CoreConfig, CoreError, Event, Output, PeerKey, RoomKey, ServerSample};
use tokio::sync::mpsc::error::{TryRecvError, TrySendError};
use tokio::sync::{mpsc, oneshot};

use super::addresses::Reach;
use super::load::Load;
use super::udp::{BATCH, Datagram, Inbox, Udp};
use super::wait::{self, Waker};
use super::{MediaEvent, PeerId, RoomId, SlotUse};

/// Batches of datagrams taken before commands and timers have their turn: 512 datagrams, a few milliseconds.
const BATCHES_PER_TURN: usize = 8;
/// Datagrams collected before they are sent. Larger bursts leave in several system calls.
const OUTGOING_MAX: usize = 256;
/// How often events that found the channel full are tried again.
const RETRY_EVENTS: Duration = Duration::from_millis(10);
/// Pause before a worker starts again, so that a panic at the start does not spin.
const RESTART_PAUSE: Duration = Duration::from_millis(20);

type Reply<T> = oneshot::Sender<T>;

/// What a worker is asked to do; each is answered when done.
pub(super) enum Command {
    CreateRoom(Reply<Result<RoomKey, CoreError>>),
    Connect {
        offer: String,
        reply: Reply<Result<(PeerKey, String), CoreError>>,
    },
    Reoffer {
        peer: PeerKey,
        offer: String,
        reply: Reply<Result<String, CoreError>>,
    },
    Join {
        room: RoomKey,
        peer: PeerKey,
        reply: Reply<Result<(), CoreError>>,
    },
    Leave {
        room: RoomKey,
        peer: PeerKey,
        reply: Reply<Result<(), CoreError>>,
    },
    CloseRoom {
        room: RoomKey,
        reply: Reply<()>,
    },
    ClosePeer {
        peer: PeerKey,
        reply: Reply<()>,
    },
    Shutdown(Reply<()>),
    #[cfg(test)]
    Panic(Reply<()>),
}

/// Figures other threads may read.
pub(super) struct Counters {
    pub(super) udp_port: u16,
    pub(super) peers: AtomicU32,
    pub(super) rooms: AtomicU32,
    pub(super) packets_in: AtomicU64,
    pub(super) packets_out: AtomicU64,
    pub(super) restarts: AtomicU32,
    /// Share of outgoing datagrams that a demonstration wants thrown away, in thousandths.
    pub(super) drop_share: AtomicU32,
}

impl Counters {
    pub(super) fn new(udp_port: u16) -> Self {
        Self {
            udp_port,
            peers: AtomicU32::new(0),
            rooms: AtomicU32::new(0),
            packets_in: AtomicU64::new(0),
            packets_out: AtomicU64::new(0),
            restarts: AtomicU32::new(0),
            drop_share: AtomicU32::new(0),
        }
    }
}

/// What of a worker outlives a panic.
pub(super) struct Worker {
    index: usize,
    udp: Udp,
    reach: Reach,
    config: CoreConfig,
    commands: mpsc::Receiver<Command>,
    waker: Arc<Waker>,
    events: mpsc::Sender<MediaEvent>,
    counters: Arc<Counters>,
    clock: fn() -> f64,
    /// Lifecycle events for which the channel had no room, in order.
    backlog: VecDeque<MediaEvent>,
    peers: HashSet<PeerKey>,
    rooms: HashSet<RoomKey>,
    /// When the next sample is due, ms of the clock: a whole second.
    sample_at_ms: f64,
    load: Load,
    /// The load as of the sample that is being told.
    load_now: serde_json::Value,
}

/// What begins anew after a panic.
struct Turn {
    core: Core,
    inbox: Inbox,
    outgoing: Vec<Datagram>,
}

impl Worker {
    #[expect(clippy::too_many_arguments, reason = "the parts of a worker, each once")]
    pub(super) fn new(
        index: usize,
        udp: Udp,
        reach: Reach,
        config: CoreConfig,
        commands: mpsc::Receiver<Command>,
        waker: Arc<Waker>,
        events: mpsc::Sender<MediaEvent>,
        counters: Arc<Counters>,
        clock: fn() -> f64,
    ) -> Self {
        Self {
            index,
            udp,
            reach,
            config,
            commands,
            waker,
            events,
            counters,
            clock,
            backlog: VecDeque::new(),
            peers: HashSet::new(),
            rooms: HashSet::new(),
            sample_at_ms: next_second(clock()),
            load: Load::new(),
            load_now: serde_json::Value::Null,
        }
    }

    /// Runs until shut down.
    pub(super) fn run(mut self) {
        while catch_unwind(AssertUnwindSafe(|| self.serve())).is_err() {
            self.failed();
            std::thread::sleep(RESTART_PAUSE);
        }
        // The last events are worth waiting for; a consumer that is gone ends it.
        for event in std::mem::take(&mut self.backlog) {
            if self.events.blocking_send(event).is_err() {
                break;
            }
        }
    }

    fn failed(&mut self) {
        tracing::error!(worker = self.index, "media worker panicked and starts again");
        let peers: Vec<PeerId> = std::mem::take(&mut self.peers).into_iter().map(|p| self.peer(p)).collect();
        let rooms: Vec<RoomId> = std::mem::take(&mut self.rooms).into_iter().map(|r| self.room(r)).collect();
        self.counters.restarts.fetch_add(1, Relaxed);
        self.count();
        self.tell(MediaEvent::WorkerFailed { worker: self.index, rooms, peers });
    }

    /// The loop. Returns when shut down or when nobody can command any more.
    fn serve(&mut self) {
        let mut turn = Turn {
            core: Core::new(self.config.clone(), Instant::now()),
            inbox: Inbox::new(),
            outgoing: Vec::with_capacity(OUTGOING_MAX),
        };
        loop {
            if !self.obey(&mut turn) {
                return;
            }
            self.receive(&mut turn);
            turn.core.handle_timeout(Instant::now());
            let mut deadline = self.drain(&mut turn);
            let now_ms = (self.clock)();
            if now_ms >= self.sample_at_ms {
                self.load_now = self.load.tell();
                turn.core.sample(Instant::now());
                // Sampling may have given peers something to do.
                deadline = self.drain(&mut turn);
                self.sample_at_ms = next_second(now_ms);
            } else if self.sample_at_ms - now_ms > 2_000.0 {
                // The clock was set back.
                self.sample_at_ms = next_second(now_ms);
            }
            self.flush_backlog();
            self.wait(deadline);
        }
    }

    /// Carries out the waiting commands. False when it is to end.
    fn obey(&mut self, turn: &mut Turn) -> bool {
        loop {
            let command = match self.commands.try_recv() {
                Ok(command) => command,
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => {
                    self.close_all(turn);
                    return false;
                }
            };
            if let Command::Shutdown(reply) = command {
                self.close_all(turn);
                let _ = reply.send(());
                return false;
            }
            self.command(&mut turn.core, command);
            self.drain(turn);
            self.count();
        }
    }

    fn command(&mut self, core: &mut Core, command: Command) {
        let now = Instant::now();
        // A caller that no longer waits is no concern, but for what only its answer would have told it of.
        match command {
            Command::CreateRoom(reply) => {
                let room = core.create_room();
                self.rooms.extend(room.as_ref().ok());
                self.config.first_key = core.next_key();
                if let Err(Ok(room)) = reply.send(room) {
                    // Nobody knows the room, so nobody would close it.
                    core.close_room(now, room);
                    self.rooms.remove(&room);
                }
            }
            Command::Connect { offer, reply } => {
                let connected = core.connect(now, &offer);
                self.peers.extend(connected.as_ref().ok().map(|(peer, _)| peer));
                self.config.first_key = core.next_key();
                if let Err(Ok((peer, _))) = reply.send(connected) {
                    // Nobody knows the peer, so nobody would close it.
                    core.close_peer(now, peer);
                }
            }
            Command::Reoffer { peer, offer, reply } => drop(reply.send(core.reoffer(now, peer, &offer))),
            Command::Join { room, peer, reply } => drop(reply.send(core.join(now, room, peer))),
            Command::Leave { room, peer, reply } => drop(reply.send(core.leave(now, room, peer))),
            Command::CloseRoom { room, reply } => {
                core.close_room(now, room);
                self.rooms.remove(&room);
                let _ = reply.send(());
            }
            Command::ClosePeer { peer, reply } => {
                core.close_peer(now, peer);
                let _ = reply.send(());
            }
            Command::Shutdown(_) => unreachable!("handled by the caller"),
            #[cfg(test)]
            Command::Panic(reply) => {
                drop(reply);
                panic!("asked to");
            }
        }
    }

    fn close_all(&mut self, turn: &mut Turn) {
        for peer in self.peers.clone() {
            turn.core.close_peer(Instant::now(), peer);
        }
        self.drain(turn);
        self.rooms.clear();
        self.count();
    }

    fn receive(&mut self, turn: &mut Turn) {
        for _ in 0..BATCHES_PER_TURN {
            let count = match self.udp.receive(&mut turn.inbox) {
                Ok(count) => count,
                Err(error) => {
                    tracing::warn!(%error, worker = self.index, "receiving failed");
                    return;
                }
            };
            let now = Instant::now();
            for index in 0..count {
                let Some(received) = turn.inbox.get(index).filter(|r| self.reach.takes(r.source.ip())) else {
                    continue;
                };
                let Some(local) = self.local(received.source, received.destination) else { continue };
                turn.core.handle_datagram(now, received.source, local, received.bytes);
            }
            self.counters.packets_in.fetch_add(count as u64, Relaxed);
            self.drain(turn);
            if count < BATCH {
                return;
            }
        }
    }

    /// The candidate a datagram was sent to. Behind an address translation it is not the one on the datagram; then the
    /// first of the family stands for it.
    fn local(&self, source: SocketAddr, destination: Option<IpAddr>) -> Option<SocketAddr> {
        let candidates = &self.config.addresses;
        let exact = candidates.iter().find(|c| Some(c.ip()) == destination);
        exact.or_else(|| candidates.iter().find(|c| c.is_ipv4() == source.is_ipv4())).copied()
    }

    /// Sends and tells what the core has; answers its next deadline.
    fn drain(&mut self, turn: &mut Turn) -> Option<Instant> {
        loop {
            match turn.core.poll_output() {
                Output::Transmit { source, destination, contents } => {
                    turn.outgoing.push(Datagram { source, destination, contents });
                    if turn.outgoing.len() >= OUTGOING_MAX {
                        self.send(&mut turn.outgoing);
                    }
                }
                Output::Event(event) => self.event(event),
                Output::Timeout(deadline) => {
                    self.send(&mut turn.outgoing);
                    return deadline;
                }
            }
        }
    }

    fn send(&mut self, outgoing: &mut Vec<Datagram>) {
        if !outgoing.is_empty() {
            self.load.drop_share(&self.counters.drop_share, outgoing);
            let sent = self.udp.send(outgoing);
            self.load.sent(outgoing.len(), sent);
            self.counters.packets_out.fetch_add(sent as u64, Relaxed);
            outgoing.clear();
        }
    }

    fn wait(&mut self, deadline: Option<Instant>) {
        let until_sample = Duration::from_secs_f64((self.sample_at_ms - (self.clock)()).max(0.0) / 1e3);
        let mut timeout = until_sample;
        let now = Instant::now();
        if let Some(deadline) = deadline {
            self.load.was_late(now.saturating_duration_since(deadline));
            timeout = timeout.min(deadline.saturating_duration_since(now));
        }
        if !self.backlog.is_empty() {
            timeout = timeout.min(RETRY_EVENTS);
        }
        let pollfd = |fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
        let mut fds = [pollfd(self.udp.fd()), pollfd(self.waker.fd())];
        wait::poll(&mut fds, Some(timeout));
        if fds[1].revents != 0 {
            self.waker.clear();
        }
        if fds.iter().all(|fd| fd.revents == 0) {
            self.load.was_late(now.elapsed().saturating_sub(timeout));
        }
    }

    fn event(&mut self, event: Event) {
        let event = match event {
            Event::IceConnected { peer, at } => {
                MediaEvent::IceConnected { peer: self.peer(peer), at_ms: self.at_ms(at) }
            }
            Event::DtlsConnected { peer, at } => {
                MediaEvent::DtlsConnected { peer: self.peer(peer), at_ms: self.at_ms(at) }
            }
            Event::Disconnected { peer } => MediaEvent::Disconnected { peer: self.peer(peer) },
            Event::Closed { peer } => {
                self.peers.remove(&peer);
                self.count();
                MediaEvent::Closed { peer: self.peer(peer) }
            }
            Event::Slots { peer, slots } => {
                let used = |s: media::SlotUse| SlotUse {
                    mid: s.mid,
                    room: self.room(s.room),
                    publisher: self.peer(s.publisher),
                    kind: s.kind,
                };
                MediaEvent::Slots { peer: self.peer(peer), slots: slots.into_iter().map(used).collect() }
            }
            Event::FirstPacketIn { room, peer, kind, at } => {
                MediaEvent::FirstPacketIn { room: self.room(room), peer: self.peer(peer), kind, at_ms: self.at_ms(at) }
            }
            Event::FirstPacketOut { room, from, to, kind, at } => MediaEvent::FirstPacketOut {
                room: self.room(room),
                from: self.peer(from),
                to: self.peer(to),
                kind,
                at_ms: self.at_ms(at),
            },
            Event::Sample { room, publisher, sample } => {
                let json = self.sample_json(&sample);
                let event = MediaEvent::Sample { room: self.room(room), publisher: self.peer(publisher), json };
                // Behind waiting lifecycle events or without room a sample is dropped.
                if self.backlog.is_empty() {
                    let _ = self.events.try_send(event);
                }
                return;
            }
        };
        self.tell(event);
    }

    fn sample_json(&self, sample: &ServerSample) -> serde_json::Value {
        let mut json = serde_json::to_value(sample).unwrap_or_default();
        json["t"] = serde_json::Value::from(self.sample_at_ms as u64);
        json["worker"] = self.load_now.clone();
        json
    }

    fn tell(&mut self, event: MediaEvent) {
        self.backlog.push_back(event);
        self.flush_backlog();
    }

    fn flush_backlog(&mut self) {
        while let Some(event) = self.backlog.pop_front() {
            match self.events.try_send(event) {
                Ok(()) => {}
                Err(TrySendError::Full(event)) => {
                    self.backlog.push_front(event);
                    return;
                }
                // Nobody listens any more.
                Err(TrySendError::Closed(_)) => self.backlog.clear(),
            }
        }
    }

    fn count(&self) {
        self.counters.peers.store(self.peers.len() as u32, Relaxed);
        self.counters.rooms.store(self.rooms.len() as u32, Relaxed);
    }

    fn at_ms(&self, at: Instant) -> f64 {
        (self.clock)() - at.elapsed().as_secs_f64() * 1e3
    }

    fn peer(&self, key: PeerKey) -> PeerId {
        PeerId { worker: self.index, key: key.0 }
    }

    fn room(&self, key: RoomKey) -> RoomId {
        RoomId { worker: self.index, key: key.0 }
    }
}

fn next_second(now_ms: f64) -> f64 {
    ((now_ms / 1e3).floor() + 1.0) * 1e3
}
