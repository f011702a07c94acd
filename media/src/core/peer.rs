//! A peer as the core keeps it: its connection, what it sends, what its receive slots show.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Instant;

use super::RoomKey;
use super::echo::Echo;
use crate::forwarding::{SlotStream, Subscription};
use crate::limits::{CONNECT_WITHIN, RESTART_WITHIN};
use crate::room::{Assignment, SourceId};
use crate::slots::{RECEIVE_SLOTS, ReceiveSlot, SOURCES, SourceKind};
use crate::source::Source;
use crate::transport::{EgressStats, Transport};

/// One peer.
pub(super) struct Peer {
    pub(super) transport: Transport,
    pub(super) ufrag: String,
    pub(super) room: Option<RoomKey>,
    pub(super) sources: [Source; SOURCES],
    pub(super) slots: [Slot; RECEIVE_SLOTS],
    /// Addresses from which authenticated checks came, the one longest without a check first.
    pub(super) addresses: VecDeque<SocketAddr>,
    /// When the transport wants to be told the time.
    pub(super) transport_deadline: Option<Instant>,
    /// When the peer is given up unless it connects.
    pub(super) give_up_at: Option<Instant>,
    /// The entry for this peer in the core's heap, if any.
    pub(super) armed: Option<Instant>,
    /// Whether it stands in the core's list of peers to be driven.
    pub(super) dirty: bool,
    /// What answers on the data channel `fast`.
    pub(super) echo: Echo,
    /// Whether the transport has ended.
    pub(super) closed: bool,
}

/// A receive slot.
#[derive(Default)]
pub(super) struct Slot {
    pub(super) stream: SlotStream,
    pub(super) shows: Option<Shown>,
}

/// What a receive slot shows.
pub(super) struct Shown {
    pub(super) id: SourceId,
    pub(super) subscription: Subscription,
    pub(super) packets: u64,
    pub(super) bytes: u64,
    /// The slot's cumulative statistics when this source was assigned.
    pub(super) baseline: EgressStats,
}

impl Peer {
    pub(super) fn new(transport: Transport, ufrag: String, now: Instant) -> Self {
        Self {
            transport,
            ufrag,
            room: None,
            sources: Default::default(),
            slots: Default::default(),
            addresses: VecDeque::new(),
            transport_deadline: None,
            give_up_at: Some(now + CONNECT_WITHIN),
            armed: None,
            dirty: false,
            echo: Echo::default(),
            closed: false,
        }
    }

    /// Begins anew in a room: counters and "first packet" events are per join.
    pub(super) fn enter(&mut self, room: RoomKey, now: Instant) {
        self.room = Some(room);
        self.sources.iter_mut().for_each(|source| source.begin_anew(now));
    }

    pub(super) fn source(&mut self, kind: SourceKind) -> &mut Source {
        &mut self.sources[kind.index()]
    }

    pub(super) fn assignment(&self) -> Assignment {
        std::array::from_fn(|i| self.slots[i].shows.as_ref().map(|s| s.id))
    }

    /// Shows a source, or nothing, in a slot.
    pub(super) fn show(&mut self, slot: ReceiveSlot, id: Option<SourceId>) {
        self.transport.set_sending(slot, false);
        let baseline = self.transport.egress(slot);
        self.slots[slot.index()].shows = id.map(|id| Shown {
            id,
            subscription: Subscription::new(id.kind != SourceKind::Audio),
            packets: 0,
            bytes: 0,
            baseline,
        });
    }

    /// The way to the peer is lost: it has to be found again in time. A time set before stays, so that a peer that
    /// neither connects nor ends is not waited for again and again.
    pub(super) fn lost(&mut self, now: Instant) {
        self.give_up_at.get_or_insert(now + RESTART_WITHIN);
    }

    /// The earliest thing to do for this peer.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let requests = self.sources.iter().filter_map(|s| s.requests.deadline());
        requests.chain(self.transport_deadline).chain(self.give_up_at).min()
    }
}
