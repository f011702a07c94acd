//! One connection of a person: what it sends, what it receives, how far it has come.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::time::Instant;

use media::PeerKey;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use str0m::config::DtlsVersion;

use crate::client::Client;
use crate::decoder::Decoder;
use crate::picture::{Part, Source};
use crate::scenario::{MICROPHONE, Scenario};
use crate::tap::extend;

/// Time between two packets of sound, ms.
const SOUND_MS: u64 = 20;
/// First m-line of the receive slots for pictures.
const PICTURE_LINES: usize = 5;

pub(crate) struct Participant {
    pub(crate) client: Client,
    pub(crate) person: usize,
    pub(crate) address: SocketAddr,
    pub(crate) key: Option<PeerKey>,
    pub(crate) arrived_ms: u64,
    pub(crate) joined_ms: Option<u64>,
    /// When it was taken out of the room.
    pub(crate) left_ms: Vec<u64>,
    /// When the server had its DTLS handshake done.
    pub(crate) connected_ms: Option<u64>,
    /// Until then an ICE restart is under way.
    pub(crate) restarting_until_ms: u64,
    pub(crate) vanished: bool,
    pub(crate) closed: bool,
    pub(crate) sends: BTreeMap<usize, Sending>,
    pub(crate) decoders: BTreeMap<usize, Decoder>,
    /// By SSRC: what was received under which number, and with which timestamp.
    pub(crate) received: BTreeMap<u32, BTreeMap<u64, (Part, u32)>>,
    read: usize,
    ssrcs: HashMap<u32, usize>,
}

/// What is sent on one m-line.
pub(crate) struct Sending {
    pub(crate) source: Source,
    pub(crate) on: bool,
    pub(crate) since_ms: u64,
    pub(crate) next_ms: u64,
    pub(crate) last_ms: Option<u64>,
    pub(crate) sent: BTreeMap<u64, Original>,
    frame: u32,
    key_frame_due: bool,
    answered: usize,
}

/// A packet as it was sent.
pub(crate) struct Original {
    pub(crate) timestamp: u32,
    pub(crate) payload: Vec<u8>,
    /// When it came to the server by itself, not by repair.
    pub(crate) arrived_ms: Option<u64>,
}

impl Participant {
    pub(crate) fn new(scenario: &Scenario, index: usize, person: usize, now: Instant, ms: u64) -> (Self, String) {
        let address = SocketAddr::from(([10, 0, 1, person as u8], 5_000 + index as u16));
        let dtls = if scenario.dtls13 { DtlsVersion::Dtls13 } else { DtlsVersion::Dtls12 };
        let (client, offer) = Client::with(address, now, scenario.codec, dtls);
        let participant = Self {
            client,
            person,
            address,
            key: None,
            arrived_ms: ms,
            joined_ms: None,
            left_ms: Vec::new(),
            connected_ms: None,
            restarting_until_ms: 0,
            vanished: false,
            closed: false,
            sends: BTreeMap::new(),
            decoders: BTreeMap::new(),
            received: BTreeMap::new(),
            read: 0,
            ssrcs: HashMap::new(),
        };
        (participant, offer)
    }

    /// Whether it is one of the room now, as far as anybody can know.
    pub(crate) fn is_in(&self) -> bool {
        self.joined_ms.is_some() && !self.closed
    }

    /// Whether packets can pass between it and the server, lines aside.
    pub(crate) fn is_up(&self, ms: u64) -> bool {
        self.connected_ms.is_some() && !self.vanished && !self.closed && ms >= self.restarting_until_ms
    }

    /// Begins or goes on to send on an m-line. Mostly a new start brings a key frame, as a replaced track does.
    pub(crate) fn start(&mut self, index: usize, line: usize, ms: u64, rng: &mut ChaCha8Rng) {
        let first = rng.random_range(100..65_000);
        let client = &mut self.client;
        let sending = self.sends.entry(line).or_insert_with(|| {
            client.number_from(line, first);
            Sending::new(Source { participant: index as u16, line: line as u8 })
        });
        if sending.on {
            return;
        }
        (sending.on, sending.since_ms, sending.next_ms) = (true, ms, ms);
        sending.key_frame_due = sending.frame == 0 || rng.random_bool(0.7);
    }

    /// When it next sends a picture or sound.
    pub(crate) fn next_ms(&self) -> Option<u64> {
        let on = self.sends.values().filter(|s| s.on && self.client.connected_ms.is_some() && !self.vanished);
        on.map(|s| s.next_ms).min()
    }

    /// Sends what is due.
    pub(crate) fn publish(&mut self, scenario: &Scenario, now: Instant, ms: u64, rng: &mut ChaCha8Rng) {
        if self.client.connected_ms.is_none() || self.vanished {
            return;
        }
        let Self { client, sends, ssrcs, .. } = self;
        for (&line, sending) in sends.iter_mut().filter(|(_, s)| s.on && s.next_ms <= ms) {
            ssrcs.insert(client.ssrc(line), line);
            if line == MICROPHONE {
                sending.next_ms = ms + SOUND_MS;
                sending.packet(client, scenario, now, ms, (0, 1, false), 100);
                continue;
            }
            sending.next_ms = ms + scenario.frame_ms;
            let asked = client.asked.iter().filter(|(l, _)| *l == line).count();
            let key = std::mem::take(&mut sending.key_frame_due) || asked > sending.answered;
            sending.answered = asked;
            let count = if key { scenario.key_packets } else { rng.random_range(1..4) };
            for index in 0..count {
                let bytes = if key { 1_100 } else { rng.random_range(200..1_100) };
                sending.packet(client, scenario, now, ms, (index, count, key), bytes);
            }
            sending.frame += 1;
        }
    }

    /// Notes that a packet came to the server.
    pub(crate) fn arrived(&mut self, ssrc: u32, sequence: u16, ms: u64) {
        let usable = self.is_in() && self.connected_ms.is_some();
        let Some(sending) = self.ssrcs.get(&ssrc).and_then(|line| self.sends.get_mut(line)) else { return };
        let number = extend(sending.sent.last_key_value().map(|(n, _)| *n), sequence);
        if let Some(original) = sending.sent.get_mut(&number).filter(|o| usable && o.arrived_ms.is_none()) {
            original.arrived_ms = Some(ms);
        }
    }

    /// Looks at what was received since the last time.
    pub(crate) fn read(&mut self, ms: u64) -> Result<(), String> {
        for received in &self.client.received[self.read..] {
            let part = Part::of(&received.payload);
            let stream = self.received.entry(received.ssrc).or_default();
            if stream.insert(received.sequence, (part, received.timestamp)).is_some() {
                return Err(format!("number {} came twice", received.sequence));
            }
            if received.line >= PICTURE_LINES {
                self.decoders.entry(received.line).or_default().packet(received.sequence, part, ms)?;
            }
        }
        self.read = self.client.received.len();
        Ok(())
    }

    /// Asks for key frames where they are wanted; answers on which lines.
    pub(crate) fn ask(&mut self, now: Instant, ms: u64, rtt_ms: u64) -> Vec<usize> {
        let wanting = self.decoders.iter_mut().filter(|_| !self.vanished);
        let lines: Vec<usize> = wanting.filter_map(|(line, d)| d.asks(ms, rtt_ms).then_some(*line)).collect();
        lines.iter().for_each(|line| self.client.ask(now, *line));
        lines
    }

    /// When the first picture was shown on any slot.
    pub(crate) fn first_ms(&self) -> Option<u64> {
        self.decoders.values().filter_map(|d| d.first_ms).min()
    }

    /// When a picture of a source was last shown on any slot.
    pub(crate) fn shown_ms(&self, source: Source) -> Option<u64> {
        self.decoders.values().filter_map(|d| d.shown_at_ms.get(&source).copied()).max()
    }
}

impl Sending {
    fn new(source: Source) -> Self {
        Self {
            source,
            on: false,
            since_ms: 0,
            next_ms: 0,
            last_ms: None,
            sent: BTreeMap::new(),
            frame: 0,
            key_frame_due: true,
            answered: 0,
        }
    }

    fn packet(
        &mut self,
        client: &mut Client,
        scenario: &Scenario,
        now: Instant,
        ms: u64,
        (index, count, key): (u16, u16, bool),
        bytes: usize,
    ) {
        let line = usize::from(self.source.line);
        let sequence = client.next_sequence(line);
        let part = Part { source: self.source, sequence, frame: self.frame, index, count, key };
        let sound = line == MICROPHONE;
        let codec = if sound { str0m::format::Codec::Opus } else { scenario.codec };
        let timestamp = (ms * if sound { 48 } else { 90 }) as u32;
        let payload = part.payload(codec, bytes);
        client.send_rtp(now, line, timestamp, index + 1 == count, payload.clone());
        self.sent.insert(sequence, Original { timestamp, payload, arrived_ms: None });
        self.last_ms = Some(ms);
    }
}
