//! The one-second samples, and what else is looked at once a second.

use super::{Core, Event, PeerKey, RoomKey};
use crate::limits::SAMPLE_SILENCE_MAX;
use crate::slots::{MediaKind, ReceiveSlot, SourceKind};
use crate::stats::{
    AudioEgressSample, AudioIngressSample, AudioSample, EgressSample, IngressSample, ServerSample, least, worst,
};
use std::time::Instant;

/// The sources that count together as pictures.
const PICTURES: [SourceKind; 2] = [SourceKind::Screen, SourceKind::Camera];
/// And as sound.
const SOUND: [SourceKind; 1] = [SourceKind::Audio];

impl Core {
    /// Takes a sample of every publisher. To be called once a second, at whole seconds of the clock.
    pub fn sample(&mut self, now: Instant) {
        self.advance(now);
        self.quiet_silent_slots();
        let publishers: Vec<(RoomKey, PeerKey)> =
            self.peers.iter().filter_map(|(key, peer)| Some((peer.room?, *key))).collect();
        for (room, publisher) in publishers {
            let sample = self.sample_of(publisher);
            if sample != ServerSample::default() {
                self.event(Event::Sample { room, publisher, sample: Box::new(sample) });
            }
        }
    }

    fn sample_of(&self, publisher: PeerKey) -> ServerSample {
        let mut sample = ServerSample::default();
        if self.sends(publisher, &PICTURES) {
            sample.ingress = Some(self.ingress(publisher, &PICTURES));
            sample.egress = Some(self.egress(publisher, &PICTURES));
        }
        if self.sends(publisher, &SOUND) {
            let (came, went) = (self.ingress(publisher, &SOUND), self.egress(publisher, &SOUND));
            let ingress = AudioIngressSample {
                packets: came.packets,
                bytes: came.bytes,
                lost: came.lost,
                rtt_ms: came.rtt_ms,
                jitter_ms: came.jitter_ms,
            };
            let egress =
                AudioEgressSample { packets: went.packets, bytes: went.bytes, loss: went.loss, rtt_ms: went.rtt_ms };
            sample.audio = Some(AudioSample { ingress, egress });
        }
        sample
    }

    fn sends(&self, publisher: PeerKey, kinds: &[SourceKind]) -> bool {
        let recent = |at: Instant| self.now < at + SAMPLE_SILENCE_MAX;
        self.peers.get(&publisher).is_some_and(|peer| {
            kinds.iter().any(|kind| peer.sources[kind.index()].arrivals.last_at.is_some_and(recent))
        })
    }

    fn ingress(&self, publisher: PeerKey, kinds: &[SourceKind]) -> IngressSample {
        let mut sample = IngressSample::default();
        let Some(peer) = self.peers.get(&publisher) else { return sample };
        for kind in kinds.iter().copied() {
            let arrivals = &peer.sources[kind.index()].arrivals;
            if arrivals.last_at.is_none() {
                continue;
            }
            let hop = peer.transport.ingress(kind);
            sample.packets += arrivals.packets;
            sample.bytes += arrivals.bytes;
            sample.lost += arrivals.lost;
            sample.nacks_sent += hop.nacks_sent;
            sample.plis_sent += hop.plis_sent;
            sample.rtt_ms = worst(sample.rtt_ms, hop.rtt_ms);
            let jitter = f64::from(hop.jitter_ticks) * 1e3 / f64::from(arrivals.clock_rate.max(1));
            sample.jitter_ms = worst(sample.jitter_ms, Some(jitter));
        }
        sample
    }

    fn egress(&self, publisher: PeerKey, kinds: &[SourceKind]) -> EgressSample {
        let mut sample = EgressSample::default();
        let Some(peer) = self.peers.get(&publisher) else { return sample };
        for kind in kinds {
            for (to, slot) in &peer.sources[kind.index()].subscribers {
                self.add_receiver(&mut sample, *to, *slot);
            }
        }
        sample
    }

    fn add_receiver(&self, sample: &mut EgressSample, to: PeerKey, slot: ReceiveSlot) {
        let Some(receiver) = self.peers.get(&to) else { return };
        let Some(shown) = receiver.slots[slot.index()].shows.as_ref().filter(|shown| shown.packets > 0) else {
            return;
        };
        let (hop, before) = (receiver.transport.egress(slot), &shown.baseline);
        let retransmitted = |stats: &crate::transport::EgressStats| stats.packets.saturating_sub(stats.packets_written);
        sample.packets += shown.packets;
        sample.bytes += shown.bytes;
        sample.nacks_received += hop.nacks_received.saturating_sub(before.nacks_received);
        sample.plis_received += hop.plis_received.saturating_sub(before.plis_received);
        sample.rtx_packets += retransmitted(&hop).saturating_sub(retransmitted(before));
        sample.loss = worst(sample.loss, hop.loss);
        sample.rtt_ms = worst(sample.rtt_ms, hop.rtt_ms);
        sample.estimate_kbps = least(sample.estimate_kbps, receiver.transport.estimate_kbps());
    }

    /// Ends bandwidth estimation toward slots whose source has fallen silent; its next packet turns it on again.
    fn quiet_silent_slots(&mut self) {
        let now = self.now;
        let mut silent: Vec<(PeerKey, ReceiveSlot)> = Vec::new();
        for peer in self.peers.values() {
            for source in peer.sources.iter().filter(|s| s.arrivals.last_at.is_some() && !s.is_active(now)) {
                silent.extend(source.subscribers.iter().filter(|(_, slot)| slot.media() == MediaKind::Video));
            }
        }
        for (key, slot) in silent {
            if let Some(peer) = self.peers.get_mut(&key) {
                peer.transport.set_sending(slot, false);
                self.mark(key);
            }
        }
    }
}
