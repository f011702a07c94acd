//! From a publisher's packet to its receivers, and from a receiver's request to the publisher.

use std::time::Duration;

use super::peer::Slot;
use super::{Core, Event, PeerKey, RoomKey, SlotUse};
use crate::keyframe::KeyFrame;
use crate::requests::Want;
use crate::room::{Candidate, SourceId, assign};
use crate::slots::{ReceiveSlot, SourceKind};
use crate::transport::{OutgoingPacket, Payload, RtpPacket};

/// A source begins with a key frame of its own; it is asked for another only when after this long none has come
/// through, so that one lost or overtaken packet does not cost a second key frame.
const FIRST_KEY_FRAME_GRACE: Duration = Duration::from_millis(100);

impl Core {
    /// Forwards a packet that arrived from a publisher.
    pub(super) fn packet(&mut self, from: PeerKey, kind: SourceKind, packet: RtpPacket) {
        let now = self.now;
        let Some(peer) = self.peers.get_mut(&from) else { return };
        let Some(room) = peer.room else {
            // Noted for when it joins while it is sending.
            peer.source(kind).arrivals.count(&packet, None);
            return;
        };
        let rtt = peer.transport.ingress(kind).rtt_ms.map(|ms| Duration::from_secs_f64(ms / 1e3));
        let payload = peer.transport.payload(packet.payload_type);
        let source = peer.source(kind);
        let (first, woke) = (source.arrivals.last_at.is_none(), !source.is_active(now));
        let before = source.arrivals.count(&packet, rtt);
        if KeyFrame::of(packet.codec, &packet.payload) != KeyFrame::No {
            source.requests.key_frame_arrived();
        }
        if first {
            self.event(Event::FirstPacketIn { room, peer: from, kind, at: packet.received_at });
        }
        if woke {
            self.reassign(room);
        }
        let Some(payload) = payload else { return };
        let id = SourceId { peer: from, kind };
        let subscribers = self.peers.get_mut(&from).map(|p| std::mem::take(&mut p.source(kind).subscribers));
        let Some(subscribers) = subscribers else { return };
        let mut waits = false;
        for (to, slot) in &subscribers {
            waits |= self.forward(room, id, (*to, *slot), &packet, before, &payload);
        }
        let Some(peer) = self.peers.get_mut(&from) else { return };
        let source = peer.source(kind);
        source.subscribers = subscribers;
        let begun =
            source.heard_at.is_some() || source.arrivals.first_at.is_none_or(|at| now >= at + FIRST_KEY_FRAME_GRACE);
        if waits && begun {
            // Whoever joined has asked already; this is for what came of that and was not enough.
            self.want_key_frame(id, Want::Repair);
        }
    }

    /// Forwards to one receiver. True if it waits for a key frame.
    fn forward(
        &mut self,
        room: RoomKey,
        id: SourceId,
        (to, slot): (PeerKey, ReceiveSlot),
        packet: &RtpPacket,
        before: Option<u64>,
        payload: &Payload,
    ) -> bool {
        let Some(peer) = self.peers.get_mut(&to) else { return false };
        // Before the handshake nothing can be sent; the gate stays shut, so that the key frame is not wasted.
        if !peer.transport.is_connected() {
            return false;
        }
        let Slot { stream, shows: Some(shown) } = &mut peer.slots[slot.index()] else { return false };
        let transport = &mut peer.transport;
        let lookup = || transport.payload_type_for(slot, payload);
        let Some(payload_type) = shown.subscription.payload_type(packet.payload_type, lookup) else {
            if shown.subscription.first_refusal() {
                tracing::warn!(?to, codec = ?packet.codec, "receiver has no such codec");
            }
            return false;
        };
        let mut out: Vec<OutgoingPacket> = Vec::new();
        shown.subscription.forward(stream, packet, before, payload_type, &mut out);
        let waits = shown.subscription.waits_for_key_frame();
        if out.is_empty() {
            return waits;
        }
        let first = shown.packets == 0;
        shown.packets += out.len() as u64;
        shown.bytes += out.iter().map(|p| p.payload.len() as u64).sum::<u64>();
        transport.set_sending(slot, true);
        for packet in out {
            transport.send(slot, packet);
        }
        self.mark(to);
        if first {
            let at = self.now;
            self.event(Event::FirstPacketOut { room, from: id.peer, to, kind: id.kind, at });
        }
        waits
    }

    /// A receiver lost the picture in a slot.
    pub(super) fn key_frame_wanted(&mut self, receiver: PeerKey, slot: ReceiveSlot) {
        let shown = self.peers.get(&receiver).and_then(|p| p.slots[slot.index()].shows.as_ref());
        if let Some(id) = shown.map(|shown| shown.id) {
            self.want_key_frame(id, Want::Repair);
        }
    }

    /// A peer can be sent to now: what it is subscribed to has to begin.
    pub(super) fn receiver_connected(&mut self, key: PeerKey) {
        let Some(peer) = self.peers.get(&key) else { return };
        let shown: Vec<SourceId> = peer.slots.iter().filter_map(|s| s.shows.as_ref().map(|s| s.id)).collect();
        for id in shown {
            self.want_key_frame(id, Want::First);
        }
    }

    /// Asks a publisher for a key frame, if it sends pictures there at all.
    fn want_key_frame(&mut self, id: SourceId, want: Want) {
        let now = self.now;
        if id.kind == SourceKind::Audio {
            return;
        }
        let Some(peer) = self.peers.get_mut(&id.peer) else { return };
        let source = &mut peer.sources[id.kind.index()];
        if !source.has_sent() {
            return;
        }
        if source.requests.want(now, want) && !peer.transport.request_key_frame(id.kind) {
            source.requests.clear();
        }
        self.mark(id.peer);
    }

    /// Assigns the room's sources to its participants' receive slots anew.
    pub(super) fn reassign(&mut self, room: RoomKey) {
        let now = self.now;
        let Some(participants) = self.rooms.get(&room).map(|r| r.participants.clone()) else { return };
        let mut candidates = Vec::with_capacity(participants.len() * SourceKind::ALL.len());
        for kind in SourceKind::ALL {
            for key in &participants {
                let Some(peer) = self.peers.get_mut(key) else { continue };
                let active = peer.source(kind).is_active(now);
                candidates.push(Candidate { id: SourceId { peer: *key, kind }, active });
            }
        }
        for key in participants {
            let others: Vec<Candidate> = candidates.iter().copied().filter(|c| c.id.peer != key).collect();
            let Some(peer) = self.peers.get(&key) else { continue };
            let (before, after) = (peer.assignment(), assign(&peer.assignment(), &others));
            for slot in ReceiveSlot::ALL {
                self.switch(key, slot, before[slot.index()], after[slot.index()]);
            }
            if before != after {
                self.tell_slots(key, room);
            }
        }
    }

    /// Changes what one slot shows.
    fn switch(&mut self, key: PeerKey, slot: ReceiveSlot, before: Option<SourceId>, after: Option<SourceId>) {
        if before == after {
            return;
        }
        if let Some(id) = before
            && let Some(publisher) = self.peers.get_mut(&id.peer)
        {
            publisher.source(id.kind).subscribers.retain(|subscriber| *subscriber != (key, slot));
        }
        let Some(peer) = self.peers.get_mut(&key) else { return };
        peer.show(slot, after);
        let connected = peer.transport.is_connected();
        self.mark(key);
        let Some(id) = after else { return };
        if let Some(publisher) = self.peers.get_mut(&id.peer) {
            publisher.source(id.kind).subscribers.push((key, slot));
        }
        if connected {
            self.want_key_frame(id, Want::First);
        }
    }

    fn tell_slots(&mut self, key: PeerKey, room: RoomKey) {
        let Some(peer) = self.peers.get(&key) else { return };
        let used = ReceiveSlot::ALL.iter().zip(peer.assignment());
        let slots = used
            .filter_map(|(slot, id)| {
                let SourceId { peer: publisher, kind } = id?;
                Some(SlotUse { mid: slot.line().to_string(), room, publisher, kind })
            })
            .collect();
        self.event(Event::Slots { peer: key, slots });
    }

    /// Takes a peer out of its room: nobody receives it any more, and it receives nothing.
    pub(super) fn take_out(&mut self, key: PeerKey) {
        let Some(peer) = self.peers.get_mut(&key) else { return };
        let Some(room) = peer.room.take() else { return };
        let before = peer.assignment();
        peer.sources.iter_mut().for_each(|source| source.requests.clear());
        for slot in ReceiveSlot::ALL {
            self.switch(key, slot, before[slot.index()], None);
        }
        if before.iter().any(Option::is_some) {
            self.tell_slots(key, room);
        }
        if let Some(room) = self.rooms.get_mut(&room) {
            room.participants.retain(|participant| *participant != key);
        }
        self.reassign(room);
    }

    /// After a new negotiation payload types may stand for something else, in both directions.
    pub(super) fn forget_payload_types(&mut self, key: PeerKey) {
        for (other, peer) in &mut self.peers {
            for shown in peer.slots.iter_mut().filter_map(|slot| slot.shows.as_mut()) {
                if *other == key || shown.id.peer == key {
                    shown.subscription.renegotiated();
                }
            }
        }
    }
}
