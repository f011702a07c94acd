//! One peer's connection: ICE, DTLS, SRTP, RTCP and data channels. The only place that knows `str0m`.
//!
//! Rules kept here: after every mutation [`Transport::poll`] is called until it answers a timeout before the next
//! datagram or timeout is handed in. Only the enqueuing of outgoing packets ([`Transport::send`]) may be repeated
//! without that, so that a batch leaves together.

pub mod config;
pub mod offer;
mod packet;
mod setup;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use str0m::bwe::{Bitrate, BweKind};
use str0m::channel::ChannelId;
use str0m::media::{Direction, KeyframeRequestKind, Mid, Rid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::RtpWrite;
use str0m::{Event, IceConnectionState, Input, Output, Reason, Rtc};

use crate::limits::{CHANNEL_MESSAGE_BYTES_MAX, CHANNELS_MAX, RTP_PAYLOAD_BYTES_MAX};
use crate::slots::{MediaKind, RECEIVE_SLOTS, ReceiveSlot, SOURCES, SourceKind};
use config::TransportConfig;
use offer::OfferError;
pub use packet::{Extensions, OutgoingPacket, Payload, RtpPacket};

/// A data channel of the plan, known by its label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// Reliable and ordered.
    Control,
    /// Unordered, never retransmitted.
    Fast,
}

/// What happened on a transport.
#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "made once a packet and taken apart at once; a box would be an allocation each"
)]
pub enum TransportEvent {
    /// A candidate pair was nominated: datagrams can be sent.
    IceConnected,
    /// No pair is alive any more; an ICE restart can bring it back.
    IceDisconnected,
    /// The DTLS handshake is done: media can flow.
    DtlsConnected,
    /// The peer closed the connection, or it failed for good. Nothing follows.
    Closed,
    /// A packet of a source arrived.
    Packet(SourceKind, RtpPacket),
    /// The peer asks for a key frame in a receive slot.
    KeyFrameWanted(ReceiveSlot),
    /// A message within the bound arrived on a data channel.
    Message {
        /// The channel.
        channel: Channel,
        /// Whether it was sent as binary.
        binary: bool,
        /// Its content.
        data: Vec<u8>,
    },
}

/// One step of [`Transport::poll`].
#[derive(Debug)]
pub enum TransportOutput {
    /// A datagram to send.
    Transmit {
        /// The local address to send from.
        source: SocketAddr,
        /// Where to.
        destination: SocketAddr,
        /// The bytes.
        contents: Vec<u8>,
    },
    /// Something happened.
    Event(TransportEvent),
    /// Nothing more to do before this time.
    Timeout(Instant),
}

/// Statistics of a source's hop, from the peer to us. Cumulative.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct IngressStats {
    /// NACK messages sent.
    pub nacks_sent: u64,
    /// PLI and FIR messages sent.
    pub plis_sent: u64,
    /// Round trip time, ms.
    pub rtt_ms: Option<f64>,
    /// Interarrival jitter, RTP ticks.
    pub jitter_ticks: u32,
}

/// Statistics of a receive slot's hop, from us to the peer. Cumulative.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct EgressStats {
    /// Packets sent, retransmissions included.
    pub packets: u64,
    /// NACK messages received.
    pub nacks_received: u64,
    /// PLI and FIR messages received.
    pub plis_received: u64,
    /// Round trip time by receiver reports, ms.
    pub rtt_ms: Option<f64>,
    /// Share of packets lost by the last receiver report, 0 to 1.
    pub loss: Option<f64>,
    /// Packets handed to the transport when these figures were taken.
    pub packets_written: u64,
}

/// How often the engine's statistics are read. Samples are taken once a second.
const STATS_INTERVAL: Duration = Duration::from_secs(1);
/// The estimator's 25 ms timer runs even when nothing is sent. A peer without media is woken for it only this often;
/// all its other timers (reports, SCTP retransmission) are a second and more apart and bear the delay.
const IDLE_TIMER_GRANULARITY: Duration = Duration::from_millis(250);
/// A peer counts as without media this long after its last datagram other than checks and reports.
const IDLE_AFTER: Duration = Duration::from_secs(2);

/// One peer's connection.
pub struct Transport {
    rtc: Rtc,
    config: TransportConfig,
    ice_connected: bool,
    dtls_connected: bool,
    closed: bool,
    channels: Vec<(ChannelId, Option<Channel>)>,
    rids: [Option<Rid>; SOURCES],
    sending: [bool; RECEIVE_SLOTS],
    written: [u64; RECEIVE_SLOTS],
    ingress: [IngressStats; SOURCES],
    egress: [EgressStats; RECEIVE_SLOTS],
    estimate_kbps: Option<f64>,
    last_traffic: Instant,
    last_now: Instant,
}

impl Transport {
    /// Answers an offer that has the plan's m-lines. `addresses` are ours, told to the client as candidates.
    pub fn accept(
        config: &TransportConfig,
        addresses: &[SocketAddr],
        offer: &str,
        now: Instant,
    ) -> Result<(Self, String), OfferError> {
        offer::check(offer)?;
        let (rtc, answer) = setup::accept(config, addresses, offer, now)?;
        let mut transport = Self {
            rtc,
            config: config.clone(),
            ice_connected: false,
            dtls_connected: false,
            closed: false,
            channels: Vec::new(),
            rids: [None; SOURCES],
            sending: [false; RECEIVE_SLOTS],
            written: [0; RECEIVE_SLOTS],
            ingress: Default::default(),
            egress: Default::default(),
            estimate_kbps: None,
            last_traffic: now,
            last_now: now,
        };
        transport.apply_directions();
        Ok((transport, answer))
    }

    /// Answers a new offer on the same connection: an ICE restart, if its credentials are new; then our user name
    /// fragment is new too.
    pub fn reoffer(&mut self, offer: &str, now: Instant) -> Result<String, OfferError> {
        offer::check(offer)?;
        let before = self.ufrag();
        let answer = setup::reaccept(&mut self.rtc, &self.config, offer)?;
        if self.ufrag() != before {
            self.ice_connected = false;
        }
        self.last_now = now;
        self.apply_directions();
        Ok(answer)
    }

    /// The user name fragment by which the client's checks are known.
    pub fn ufrag(&mut self) -> String {
        self.rtc.direct_api().local_ice_credentials().ufrag
    }

    /// Hands in a datagram. False if it is not well-formed or not this peer's; then nothing was changed.
    pub fn handle_datagram(
        &mut self,
        now: Instant,
        source: SocketAddr,
        destination: SocketAddr,
        datagram: &[u8],
    ) -> bool {
        let Ok(receive) = Receive::new(Protocol::Udp, source, destination, datagram) else { return false };
        let input = Input::Receive(now, receive);
        if !self.rtc.accepts(&input) {
            return false;
        }
        self.last_now = self.last_now.max(now);
        if !is_upkeep(datagram) {
            self.last_traffic = now;
        }
        self.check(|rtc| rtc.handle_input(input));
        true
    }

    /// Tells the time.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.last_now = self.last_now.max(now);
        self.check(|rtc| rtc.handle_input(Input::Timeout(now)));
    }

    /// Takes out the next datagram, event or deadline. To be called until it answers a timeout.
    pub fn poll(&mut self) -> TransportOutput {
        loop {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(at)) => {
                    if !self.rtc.is_alive() && !self.closed {
                        self.closed = true;
                        return TransportOutput::Event(TransportEvent::Closed);
                    }
                    return TransportOutput::Timeout(self.coarse(at));
                }
                Ok(Output::Transmit(t)) => {
                    return TransportOutput::Transmit {
                        source: t.source,
                        destination: t.destination,
                        contents: t.contents.into(),
                    };
                }
                Ok(Output::Event(event)) => {
                    if let Some(event) = self.event(event) {
                        return TransportOutput::Event(event);
                    }
                }
                Err(error) => {
                    tracing::debug!(%error, "transport failed");
                    self.rtc.disconnect();
                }
            }
        }
    }

    /// Begins to close: the peer is told, then [`TransportEvent::Closed`] follows.
    pub fn close(&mut self) {
        if self.rtc.close().is_err() {
            self.rtc.disconnect();
        }
    }

    /// What a payload type of the peer stands for.
    pub fn payload(&self, payload_type: u8) -> Option<Payload> {
        let params = self.rtc.codec_config().params().iter();
        params.copied().find(|p| *p.pt() == payload_type).map(Payload)
    }

    /// The payload type under which this peer receives what another peer sends, by codec and format parameters.
    pub fn payload_type_for(&self, slot: ReceiveSlot, payload: &Payload) -> Option<u8> {
        let own = self.rtc.codec_config().match_params(payload.0)?.pt();
        let media = self.rtc.media(mid(slot.line()))?;
        media.remote_pts().contains(&own).then_some(*own)
    }

    /// Turns a receive slot on or off. While none is on, nothing is estimated, probed or padded toward this peer.
    pub fn set_sending(&mut self, slot: ReceiveSlot, on: bool) {
        if self.sending[slot.index()] == on {
            return;
        }
        self.sending[slot.index()] = on;
        self.apply_directions();
    }

    /// Enqueues a packet in a receive slot. It leaves with the next [`handle_timeout`](Self::handle_timeout).
    pub fn send(&mut self, slot: ReceiveSlot, packet: OutgoingPacket) {
        let video = slot.media() == MediaKind::Video;
        let mut api = self.rtc.direct_api();
        let Some(stream) = api.stream_tx_by_mid(mid(slot.line()), None) else { return };
        let write = RtpWrite::new(
            packet.payload_type.into(),
            packet.sequence.into(),
            packet.timestamp,
            packet.received_at,
            packet.payload,
        );
        stream.write_rtp(write.marker(packet.marker).ext_vals(packet.extensions.into_values()).nackable(video));
        self.written[slot.index()] += 1;
    }

    /// Asks the peer for a key frame of a source. False if the source has not sent anything yet.
    pub fn request_key_frame(&mut self, source: SourceKind) -> bool {
        let rid = self.rids[source.index()];
        let mut api = self.rtc.direct_api();
        let Some(stream) = api.stream_rx_by_mid(mid(source.index()), rid) else { return false };
        stream.request_keyframe(KeyframeRequestKind::Pli);
        true
    }

    /// Sends a message on a data channel, if it is open and has room.
    pub fn send_message(&mut self, channel: Channel, binary: bool, data: &[u8]) -> bool {
        let Some((id, _)) = self.channels.iter().find(|(_, c)| *c == Some(channel)) else { return false };
        let Some(mut channel) = self.rtc.channel(*id) else { return false };
        channel.write(binary, data).unwrap_or(false)
    }

    /// Whether the DTLS handshake is done.
    pub fn is_connected(&self) -> bool {
        self.dtls_connected
    }

    /// Statistics of a source, at most a second old.
    pub fn ingress(&self, source: SourceKind) -> IngressStats {
        self.ingress[source.index()]
    }

    /// Statistics of a receive slot, at most a second old.
    pub fn egress(&self, slot: ReceiveSlot) -> EgressStats {
        self.egress[slot.index()]
    }

    /// Estimated rate available toward the peer, kbit/s; none while nothing is sent.
    pub fn estimate_kbps(&self) -> Option<f64> {
        self.estimate_kbps.filter(|_| self.sending.iter().any(|on| *on))
    }

    fn check(&mut self, act: impl FnOnce(&mut Rtc) -> Result<(), str0m::RtcError>) {
        if let Err(error) = act(&mut self.rtc) {
            // A malformed record or a failed handshake. What cannot go on shows in `is_alive`.
            tracing::debug!(%error, "transport input refused");
        }
    }

    /// Receive slots without a source are made inactive on our side, without negotiation: the engine then neither
    /// probes nor pads toward a peer that is only waiting. The client's view stays as negotiated.
    fn apply_directions(&mut self) {
        let mut wanted = Bitrate::ZERO;
        for slot in ReceiveSlot::ALL {
            let on = self.sending[slot.index()];
            let direction = if on { Direction::SendOnly } else { Direction::Inactive };
            self.rtc.sdp_api().set_direction(mid(slot.line()), direction);
            if on && slot.media() == MediaKind::Video {
                wanted = Bitrate::kbps(self.config.estimate_wanted_kbps);
            }
        }
        self.rtc.bwe().set_bitrate(Bitrate::ZERO, wanted);
    }

    fn coarse(&mut self, at: Instant) -> Instant {
        let estimator = matches!(self.rtc.last_timeout_reason(), Reason::BweDelayControl | Reason::BweProbeControl);
        let idle = self.dtls_connected
            && !self.sending.iter().any(|on| *on)
            && self.last_now >= self.last_traffic + IDLE_AFTER;
        if estimator && idle { at.max(self.last_now + IDLE_TIMER_GRANULARITY) } else { at }
    }

    fn event(&mut self, event: Event) -> Option<TransportEvent> {
        match event {
            Event::IceConnectionStateChange(state) => self.ice_state(state),
            Event::Connected => {
                self.dtls_connected = true;
                Some(TransportEvent::DtlsConnected)
            }
            Event::RtpPacket(packet) => self.packet(packet),
            Event::KeyframeRequest(request) => {
                let slot = ReceiveSlot::from_line(line(request.mid)?)?;
                Some(TransportEvent::KeyFrameWanted(slot))
            }
            Event::ChannelOpen(id, label) => {
                self.channel_open(id, &label);
                None
            }
            Event::ChannelClose(id) => {
                self.channels.retain(|(known, _)| *known != id);
                None
            }
            Event::ChannelData(message) => {
                let (_, channel) = self.channels.iter().find(|(id, _)| *id == message.id)?;
                if message.data.len() > CHANNEL_MESSAGE_BYTES_MAX {
                    return None;
                }
                Some(TransportEvent::Message { channel: (*channel)?, binary: message.binary, data: message.data })
            }
            other => {
                self.statistics(other);
                None
            }
        }
    }

    fn ice_state(&mut self, state: IceConnectionState) -> Option<TransportEvent> {
        match state {
            IceConnectionState::Connected | IceConnectionState::Completed if !self.ice_connected => {
                self.ice_connected = true;
                Some(TransportEvent::IceConnected)
            }
            IceConnectionState::Disconnected => {
                self.ice_connected = false;
                Some(TransportEvent::IceDisconnected)
            }
            _ => None,
        }
    }

    fn packet(&mut self, packet: str0m::rtp::RtpPacket) -> Option<TransportEvent> {
        if packet.payload.len() > RTP_PAYLOAD_BYTES_MAX {
            tracing::debug!(bytes = packet.payload.len(), "packet too large to forward");
            return None;
        }
        let payload_type = *packet.header.payload_type;
        let ssrc = packet.header.ssrc;
        let (source, rid) = {
            let mut api = self.rtc.direct_api();
            let stream = api.stream_rx(&ssrc)?;
            (SourceKind::from_index(line(stream.mid())?)?, stream.rid())
        };
        // Of several encodings the first that arrives is forwarded; choosing among them needs layers.
        let chosen = &mut self.rids[source.index()];
        if rid.is_some() && *chosen.get_or_insert(rid?) != rid? {
            return None;
        }
        let params = self.rtc.codec_config().params().iter().find(|p| *p.pt() == payload_type)?;
        let spec = params.spec();
        Some(TransportEvent::Packet(
            source,
            RtpPacket {
                ssrc: *ssrc,
                payload_type,
                codec: packet::codec(spec.codec)?,
                sequence: *packet.seq_no,
                timestamp: packet.header.timestamp,
                clock_rate: spec.clock_rate.get(),
                marker: packet.header.marker,
                extensions: Extensions::passing(packet.header.ext_vals),
                payload: packet.payload,
                received_at: packet.timestamp,
            },
        ))
    }

    fn channel_open(&mut self, id: ChannelId, label: &str) {
        if self.channels.len() >= CHANNELS_MAX {
            self.rtc.direct_api().close_data_channel(id);
            return;
        }
        let channel = match label {
            "control" => Some(Channel::Control),
            "fast" => Some(Channel::Fast),
            _ => None,
        };
        self.channels.push((id, channel));
    }

    fn statistics(&mut self, event: Event) {
        let ms = |d: Duration| d.as_secs_f64() * 1e3;
        match event {
            Event::MediaIngressStats(s) => {
                let Some(kind) = line(s.mid).and_then(SourceKind::from_index) else { return };
                if s.rid.is_some() && s.rid != self.rids[kind.index()] {
                    return;
                }
                self.ingress[kind.index()] = IngressStats {
                    nacks_sent: s.nacks,
                    plis_sent: s.plis + s.firs,
                    rtt_ms: s.rtt.map(ms),
                    jitter_ticks: s.jitter,
                };
            }
            Event::MediaEgressStats(s) => {
                let Some(slot) = line(s.mid).and_then(ReceiveSlot::from_line) else { return };
                self.egress[slot.index()] = EgressStats {
                    packets: s.packets,
                    nacks_received: s.nacks,
                    plis_received: s.plis + s.firs,
                    rtt_ms: s.rtt.map(ms),
                    loss: s.loss.map(f64::from).or(self.egress[slot.index()].loss),
                    packets_written: self.written[slot.index()],
                };
            }
            Event::EgressBitrateEstimate(BweKind::Twcc { estimate, .. }) => {
                self.estimate_kbps = Some(estimate.as_f64() / 1e3);
            }
            _ => {}
        }
    }
}

/// STUN and RTCP, which come whether anything is sent or not, told apart by RFC 7983 and RFC 5761 section 4.
fn is_upkeep(datagram: &[u8]) -> bool {
    match datagram {
        [0..=1, ..] => true,
        [128..=191, second, ..] => (64..96).contains(&(second & 0x7f)),
        _ => false,
    }
}

/// The `mid` of an m-line is its index.
fn mid(line: usize) -> Mid {
    const NAMES: [&str; 8] = ["0", "1", "2", "3", "4", "5", "6", "7"];
    Mid::from(NAMES[line])
}

fn line(mid: Mid) -> Option<usize> {
    mid.trim_end().parse().ok()
}
