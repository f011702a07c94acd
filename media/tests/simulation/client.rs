//! A virtual participant: a full ICE agent with the slot plan's offer, in RTP mode.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::channel::{ChannelConfig, ChannelId, Reliability};
use str0m::config::DtlsVersion;
use str0m::format::Codec;
use str0m::media::{Direction, KeyframeRequestKind, MediaKind, Mid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::RtpWrite;
use str0m::{Candidate, Event, Input, Output, Rtc, RtcError};

/// A wake-up that never comes: longer than any scenario.
const NEVER: Duration = Duration::from_secs(100_000);

/// A packet as a participant got it.
pub(crate) struct Received {
    /// Index of the m-line.
    pub(crate) line: usize,
    pub(crate) ssrc: u32,
    /// Extended beyond 16 bits.
    pub(crate) sequence: u64,
    pub(crate) timestamp: u32,
    pub(crate) payload: Vec<u8>,
}

pub(crate) struct Client {
    pub(crate) rtc: Rtc,
    pub(crate) address: SocketAddr,
    /// When its own handshake was done, ms: a flight after the server's.
    pub(crate) connected_ms: Option<u64>,
    /// Requests for a key frame that came: m-line and time, ms.
    pub(crate) asked: Vec<(usize, u64)>,
    /// Everything received, in the order of arrival.
    pub(crate) received: Vec<Received>,
    pub(crate) echoes: Vec<Vec<u8>>,
    /// When it wants to be told the time.
    pub(crate) wake: Instant,
    /// It is over: nothing is done or said any more.
    closed: bool,
    codec: Codec,
    mids: Vec<Mid>,
    names: Vec<String>,
    pending: Option<SdpPendingOffer>,
    fast: Option<ChannelId>,
    sequence: HashMap<usize, u64>,
}

impl Client {
    /// One that sends VP8 and speaks DTLS 1.2, with its offer.
    pub(crate) fn new(address: SocketAddr, now: Instant) -> (Self, String) {
        Self::with(address, now, Codec::Vp8, DtlsVersion::Dtls12)
    }

    pub(crate) fn with(address: SocketAddr, now: Instant, codec: Codec, dtls: DtlsVersion) -> (Self, String) {
        let mut rtc = Rtc::builder()
            .set_rtp_mode(true)
            .clear_codecs()
            .enable_opus(true, false)
            .enable_vp8(true)
            .enable_vp9(true)
            .enable_h264(true)
            .enable_av1(true)
            .set_dtls_version(dtls)
            .build(now);
        rtc.add_local_candidate(Candidate::host(address, "udp").unwrap());
        let mut api = rtc.sdp_api();
        let (send, receive) = (Direction::SendOnly, Direction::RecvOnly);
        let plan = [
            (MediaKind::Audio, send),
            (MediaKind::Video, send),
            (MediaKind::Video, send),
            (MediaKind::Audio, receive),
            (MediaKind::Audio, receive),
            (MediaKind::Video, receive),
            (MediaKind::Video, receive),
        ];
        let mids: Vec<Mid> = plan.iter().map(|(k, d)| api.add_media(*k, *d, None, None, None)).collect();
        api.add_channel("control".into());
        let fast = ChannelConfig {
            label: "fast".into(),
            ordered: false,
            reliability: Reliability::MaxRetransmits { retransmits: 0 },
            ..Default::default()
        };
        api.add_channel_with_config(fast);
        let (offer, pending) = api.apply().unwrap();
        let mut client = Self {
            rtc,
            address,
            connected_ms: None,
            asked: Vec::new(),
            received: Vec::new(),
            echoes: Vec::new(),
            wake: now,
            codec,
            mids,
            names: Vec::new(),
            pending: Some(pending),
            fast: None,
            sequence: HashMap::new(),
            closed: false,
        };
        let offer = client.number_mids(&offer.to_sdp_string());
        (client, offer)
    }

    /// A new offer on the same connection: an ICE restart. The answer goes to [`answer`](Self::answer), too.
    /// None while the last offer is not answered.
    pub(crate) fn restart_ice(&mut self) -> Option<String> {
        if self.pending.is_some() {
            return None;
        }
        let mut api = self.rtc.sdp_api();
        api.ice_restart(true);
        let (offer, pending) = api.apply().unwrap();
        self.pending = Some(pending);
        Some(self.number_mids(&offer.to_sdp_string()))
    }

    /// The engine invents `mid`s; the plan has the m-line's index.
    fn number_mids(&mut self, sdp: &str) -> String {
        let mut names: Vec<String> = self.mids.iter().map(|m| m.trim_end().to_string()).collect();
        let all = sdp.lines().filter_map(|l| l.strip_prefix("a=mid:")).map(str::to_string);
        for name in all {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let plan = rename(sdp, |mid| names.iter().position(|n| n == mid).map(|i| i.to_string()));
        self.names = names;
        plan
    }

    pub(crate) fn answer(&mut self, answer: &str) {
        let back = rename(answer, |mid| self.names.get(mid.parse::<usize>().ok()?).cloned());
        let answer = SdpAnswer::from_sdp_string(&back).unwrap();
        self.rtc.sdp_api().accept_answer(self.pending.take().unwrap(), answer).unwrap();
        // Browsers have no ceiling on retransmissions.
        for mid in [self.mids[1], self.mids[2]] {
            let mut api = self.rtc.direct_api();
            api.stream_tx_by_mid(mid, None).unwrap().set_rtx_cache(1_024, Duration::from_secs(3), None);
        }
    }

    pub(crate) fn handle(&mut self, now: Instant, from: SocketAddr, bytes: &[u8]) {
        if let Ok(receive) = Receive::new(Protocol::Udp, from, self.address, bytes) {
            let _ = self.rtc.handle_input(Input::Receive(now, receive));
        }
    }

    pub(crate) fn tick(&mut self, now: Instant, now_ms: u64, out: &mut Vec<(SocketAddr, Vec<u8>)>) {
        if self.closed {
            return;
        }
        if self.wake <= now {
            self.rtc.handle_input(Input::Timeout(now)).unwrap();
        }
        loop {
            let output = match self.rtc.poll_output() {
                Ok(output) => output,
                // The server closed the connection while its data channels were being set up, and str0m has nothing to
                // shut down yet. Whoever ought to be there is missed by the oracle.
                Err(RtcError::Sctp(error)) if format!("{error:?}").contains("ErrShutdownNonEstablished") => {
                    self.closed = true;
                    self.wake = now + NEVER;
                    return;
                }
                Err(error) => panic!("{error}"),
            };
            match output {
                Output::Timeout(at) => {
                    self.wake = at;
                    return;
                }
                Output::Transmit(t) => out.push((t.destination, t.contents.to_vec())),
                Output::Event(event) => self.event(event, now_ms),
            }
        }
    }

    fn event(&mut self, event: Event, now_ms: u64) {
        match event {
            Event::Connected => self.connected_ms = Some(now_ms),
            Event::KeyframeRequest(request) => {
                let line = self.mids.iter().position(|m| *m == request.mid).unwrap();
                self.asked.push((line, now_ms));
            }
            Event::ChannelOpen(id, label) if label == "fast" => self.fast = Some(id),
            Event::ChannelData(data) => self.echoes.push(data.data),
            Event::RtpPacket(packet) => {
                let mid = self.rtc.direct_api().stream_rx(&packet.header.ssrc).unwrap().mid();
                self.received.push(Received {
                    line: self.mids.iter().position(|m| *m == mid).unwrap(),
                    ssrc: *packet.header.ssrc,
                    sequence: *packet.seq_no,
                    timestamp: packet.header.timestamp,
                    payload: packet.payload.to_vec(),
                });
            }
            _ => {}
        }
    }

    /// What was received on the receive slots for pictures, in the order of the numbers.
    pub(crate) fn video(&self) -> Vec<&Received> {
        let mut video: Vec<&Received> = self.received.iter().filter(|r| r.line >= 5).collect();
        video.sort_by_key(|r| r.sequence);
        video
    }

    /// Begins the numbering of a line; the next packet has the number after this one.
    pub(crate) fn number_from(&mut self, line: usize, sequence: u64) {
        self.sequence.insert(line, sequence);
    }

    /// The SSRC a line is sent with.
    pub(crate) fn ssrc(&mut self, line: usize) -> u32 {
        let mid = self.mids[line];
        *self.rtc.direct_api().stream_tx_by_mid(mid, None).unwrap().ssrc()
    }

    /// Skips so many sequence numbers on a line.
    pub(crate) fn skip(&mut self, line: usize, numbers: u64) {
        let to = self.next_sequence(line) - 1 + numbers;
        self.number_from(line, to);
    }

    /// Sends a packet on a line; answers its number.
    pub(crate) fn send_rtp(&mut self, now: Instant, line: usize, time: u32, marker: bool, payload: Vec<u8>) -> u64 {
        let codec = if line == 0 { Codec::Opus } else { self.codec };
        let pt = self.rtc.codec_config().find(|p| p.spec().codec == codec).unwrap().pt();
        let number = self.next_sequence(line);
        self.sequence.insert(line, number);
        let mid = self.mids[line];
        let mut api = self.rtc.direct_api();
        let stream = api.stream_tx_by_mid(mid, None).unwrap();
        let write = RtpWrite::new(pt, number.into(), time, now, payload);
        stream.write_rtp(write.marker(marker).nackable(line != 0));
        self.wake = now;
        number
    }

    /// The number the next packet on a line has. Unless told otherwise they soon pass 2^16.
    pub(crate) fn next_sequence(&self, line: usize) -> u64 {
        self.sequence.get(&line).copied().unwrap_or(65_500) + 1
    }

    /// Asks for a key frame on a receive slot, as a decoder does that cannot go on.
    pub(crate) fn ask(&mut self, now: Instant, line: usize) {
        let mid = self.mids[line];
        if let Some(stream) = self.rtc.direct_api().stream_rx_by_mid(mid, None) {
            stream.request_keyframe(KeyframeRequestKind::Pli);
            self.wake = now;
        }
    }

    /// Says goodbye. False if it cannot: the engine refuses that while its SCTP association is being set up.
    pub(crate) fn hang_up(&mut self, now: Instant) -> bool {
        self.wake = now;
        self.rtc.close().is_ok()
    }

    pub(crate) fn send_fast(&mut self, bytes: &[u8]) -> bool {
        let Some(id) = self.fast else { return false };
        self.rtc.channel(id).is_some_and(|mut c| c.write(true, bytes).unwrap())
    }
}

/// Renames `mid`s where a session description has them.
fn rename(sdp: &str, name: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::new();
    for line in sdp.lines() {
        let line = if let Some(mid) = line.strip_prefix("a=mid:") {
            format!("a=mid:{}", name(mid).unwrap())
        } else if let Some(mids) = line.strip_prefix("a=group:BUNDLE ") {
            let mids: Vec<String> = mids.split(' ').map(|m| name(m).unwrap()).collect();
            format!("a=group:BUNDLE {}", mids.join(" "))
        } else {
            line.to_string()
        };
        out += &line;
        out += "\r\n";
    }
    out
}
