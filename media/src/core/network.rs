//! Datagrams and time: finding the peer, driving transports, collecting what they want sent.
//!
//! Work is done only for peers that got something or whose deadline has come: an idle peer costs nothing.

use std::cmp::Reverse;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::{Core, Event, Output, PeerKey};
use crate::limits::{ADDRESSES_PER_PEER_MAX, OUTPUTS_PENDING_MAX, POLLS_PER_TURN_MAX};
use crate::slots::SourceKind;
use crate::stun;
use crate::transport::{Channel, TransportEvent, TransportOutput};

/// An entry of the heap: the earliest comes out first.
pub(super) type Deadline = Reverse<(Instant, PeerKey)>;

/// A peer whose timer is due again and again is left alone for this long.
const OVERDUE_PAUSE: Duration = Duration::from_millis(1);

impl Core {
    /// Hands in a datagram received at `now`. `destination` is the one of our addresses it was sent to.
    ///
    /// STUN goes to the peer whose user name fragment it names, anything else only to a peer from whose address an
    /// authenticated check has come. A binding request that names nobody is answered within bounds (`reach.rs`); what else
    /// belongs to nobody is ignored.
    pub fn handle_datagram(&mut self, now: Instant, source: SocketAddr, destination: SocketAddr, datagram: &[u8]) {
        self.advance(now);
        let check = stun::local_ufrag(datagram).map(|ufrag| self.by_ufrag.get(ufrag));
        if check.is_none()
            && let Some(answer) = self.reach.answer(now, source, datagram)
        {
            return self.transmit(destination, source, answer);
        }
        let Some(&key) = check.unwrap_or_else(|| self.by_address.get(&source)) else { return };
        let Some(peer) = self.peers.get_mut(&key) else { return };
        if !peer.transport.handle_datagram(now, source, destination, datagram) {
            return;
        }
        if check.is_some() {
            self.learn(key, source);
        }
        self.drain(key);
    }

    /// Does what is due at `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.advance(now);
        while let Some(Reverse((at, key))) = self.deadlines.peek().copied() {
            if at > now {
                break;
            }
            self.deadlines.pop();
            let Some(peer) = self.peers.get_mut(&key) else { continue };
            if peer.armed != Some(at) {
                continue;
            }
            peer.armed = None;
            if peer.deadline().is_some_and(|deadline| deadline <= now) {
                self.due(key);
            } else {
                self.arm(key);
            }
        }
    }

    /// Takes out the next datagram, event or deadline.
    pub fn poll_output(&mut self) -> Output {
        loop {
            if let Some(output) = self.outputs.pop_front() {
                return output;
            }
            let Some(key) = self.dirty.pop_front() else { break };
            if let Some(peer) = self.peers.get_mut(&key) {
                peer.dirty = false;
                self.drive(key);
            }
        }
        Output::Timeout(self.deadlines.peek().map(|Reverse((at, _))| *at))
    }

    /// Notes that a peer's transport was changed and has to be driven.
    pub(super) fn mark(&mut self, key: PeerKey) {
        if let Some(peer) = self.peers.get_mut(&key)
            && !peer.dirty
        {
            peer.dirty = true;
            self.dirty.push_back(key);
        }
    }

    pub(super) fn event(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    /// Closes a peer and forgets it.
    pub(super) fn remove(&mut self, key: PeerKey) {
        self.take_out(key);
        let Some(mut peer) = self.peers.remove(&key) else { return };
        self.by_ufrag.remove(&peer.ufrag);
        for address in &peer.addresses {
            if self.by_address.get(address) == Some(&key) {
                self.by_address.remove(address);
            }
        }
        peer.transport.close();
        for _ in 0..POLLS_PER_TURN_MAX {
            match peer.transport.poll() {
                TransportOutput::Transmit { source, destination, contents } => {
                    self.transmit(source, destination, contents);
                }
                TransportOutput::Event(_) => {}
                TransportOutput::Timeout(_) => break,
            }
        }
        self.event(Event::Closed { peer: key });
    }

    fn due(&mut self, key: PeerKey) {
        let now = self.now;
        let Some(peer) = self.peers.get_mut(&key) else { return };
        if peer.give_up_at.is_some_and(|at| at <= now) {
            self.remove(key);
            return;
        }
        for kind in SourceKind::ALL {
            let source = &mut peer.sources[kind.index()];
            let silent = !source.is_active(now);
            let requests = &mut source.requests;
            if requests.handle_timeout(now, silent) && !peer.transport.request_key_frame(kind) {
                requests.clear();
            }
        }
        self.drive(key);
    }

    /// Tells a transport the time and takes out what it has.
    fn drive(&mut self, key: PeerKey) {
        let now = self.now;
        let Some(peer) = self.peers.get_mut(&key) else { return };
        // What was enqueued since the last poll is taken note of first, as the engine's contract wants.
        peer.transport.handle_timeout(now);
        self.drain(key);
    }

    fn drain(&mut self, key: PeerKey) {
        let now = self.now;
        for _ in 0..POLLS_PER_TURN_MAX {
            let Some(peer) = self.peers.get_mut(&key) else { return };
            match peer.transport.poll() {
                TransportOutput::Transmit { source, destination, contents } => {
                    self.transmit(source, destination, contents);
                }
                TransportOutput::Event(event) => self.transport_event(key, event),
                TransportOutput::Timeout(at) if at <= now && !peer.closed => peer.transport.handle_timeout(now),
                TransportOutput::Timeout(at) => {
                    peer.transport_deadline = Some(at);
                    self.finish(key);
                    return;
                }
            }
        }
        if let Some(peer) = self.peers.get_mut(&key) {
            peer.transport_deadline = Some(now + OVERDUE_PAUSE);
            self.finish(key);
        }
    }

    fn finish(&mut self, key: PeerKey) {
        if self.peers.get(&key).is_some_and(|peer| peer.closed) {
            self.remove(key);
        } else {
            self.arm(key);
        }
    }

    /// Sees to it that the heap has an entry no later than the peer's deadline. An earlier one is left: when it comes,
    /// the deadline is looked at again. So the heap holds little more than one entry a peer.
    fn arm(&mut self, key: PeerKey) {
        let Some(peer) = self.peers.get_mut(&key) else { return };
        let Some(deadline) = peer.deadline() else { return };
        if peer.armed.is_none_or(|armed| deadline < armed) {
            peer.armed = Some(deadline);
            self.deadlines.push(Reverse((deadline, key)));
        }
    }

    /// Notes that an authenticated check came from an address. The address in use is checked again and again, so it is
    /// never the one that has to go.
    fn learn(&mut self, key: PeerKey, address: SocketAddr) {
        let known = self.by_address.insert(address, key) == Some(key);
        let Some(peer) = self.peers.get_mut(&key) else { return };
        if known && peer.addresses.back() == Some(&address) {
            return;
        }
        peer.addresses.retain(|known| *known != address);
        peer.addresses.push_back(address);
        if peer.addresses.len() > ADDRESSES_PER_PEER_MAX
            && let Some(oldest) = peer.addresses.pop_front()
            && self.by_address.get(&oldest) == Some(&key)
        {
            self.by_address.remove(&oldest);
        }
    }

    fn transmit(&mut self, source: SocketAddr, destination: SocketAddr, contents: Vec<u8>) {
        if self.outputs.len() >= OUTPUTS_PENDING_MAX {
            self.dropped += 1;
            return;
        }
        self.outputs.push_back(Output::Transmit { source, destination, contents });
    }

    fn transport_event(&mut self, key: PeerKey, event: TransportEvent) {
        let at = self.now;
        let Some(peer) = self.peers.get_mut(&key) else { return };
        match event {
            TransportEvent::IceConnected => {
                if peer.transport.is_connected() {
                    peer.give_up_at = None;
                }
                self.event(Event::IceConnected { peer: key, at });
            }
            TransportEvent::IceDisconnected => {
                peer.lost(at);
                self.event(Event::Disconnected { peer: key });
            }
            TransportEvent::DtlsConnected => {
                peer.give_up_at = None;
                self.event(Event::DtlsConnected { peer: key, at });
                self.receiver_connected(key);
            }
            TransportEvent::Closed => peer.closed = true,
            TransportEvent::Packet(kind, packet) => self.packet(key, kind, packet),
            TransportEvent::KeyFrameWanted(slot) => self.key_frame_wanted(key, slot),
            TransportEvent::Message { channel: Channel::Fast, binary: true, data } => {
                if let Some(answer) = peer.echo.answer(data, at.saturating_duration_since(self.begun)) {
                    peer.transport.send_message(Channel::Fast, true, &answer);
                }
            }
            // Nothing is defined on `control` toward the server yet, and no text on `fast`.
            TransportEvent::Message { .. } => {}
        }
    }
}
