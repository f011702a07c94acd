//! A virtual participant: a full ICE agent with the slot plan's offer, in RTP mode.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::channel::{ChannelConfig, ChannelId, Reliability};
use str0m::format::Codec;
use str0m::media::{Direction, KeyframeRequestKind, MediaKind, Mid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::RtpWrite;
use str0m::{Candidate, Event, Input, Output, Rtc};

pub(crate) struct Client {
    pub(crate) rtc: Rtc,
    pub(crate) address: SocketAddr,
    pub(crate) connected: bool,
    pub(crate) key_frames_asked: usize,
    /// Received on any video slot: sequence number to payload.
    pub(crate) video: BTreeMap<u64, Vec<u8>>,
    pub(crate) audio: BTreeMap<u64, Vec<u8>>,
    pub(crate) first_video_ms: Option<u64>,
    pub(crate) echoes: Vec<Vec<u8>>,
    was_broken: bool,
    mids: Vec<Mid>,
    names: Vec<String>,
    pending: Option<SdpPendingOffer>,
    fast: Option<ChannelId>,
    next_timeout: Instant,
    sequence: HashMap<usize, u64>,
}

impl Client {
    pub(crate) fn new(address: SocketAddr, now: Instant) -> (Self, String) {
        let mut rtc = Rtc::builder()
            .set_rtp_mode(true)
            .clear_codecs()
            .enable_opus(true, false)
            .enable_vp8(true)
            .enable_h264(true)
            .set_dtls_version(str0m::config::DtlsVersion::Dtls12)
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
            connected: false,
            key_frames_asked: 0,
            video: BTreeMap::new(),
            audio: BTreeMap::new(),
            first_video_ms: None,
            echoes: Vec::new(),
            was_broken: false,
            mids,
            names: Vec::new(),
            pending: Some(pending),
            fast: None,
            next_timeout: now,
            sequence: HashMap::new(),
        };
        let offer = client.number_mids(&offer.to_sdp_string());
        (client, offer)
    }

    /// A new offer on the same connection: an ICE restart. The answer goes to [`answer`](Self::answer), too.
    pub(crate) fn restart_ice(&mut self) -> String {
        let mut api = self.rtc.sdp_api();
        api.ice_restart(true);
        let (offer, pending) = api.apply().unwrap();
        self.pending = Some(pending);
        self.number_mids(&offer.to_sdp_string())
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
        let screen = self.mids[1];
        let mut api = self.rtc.direct_api();
        api.stream_tx_by_mid(screen, None).unwrap().set_rtx_cache(1_024, Duration::from_secs(3), None);
    }

    pub(crate) fn handle(&mut self, now: Instant, from: SocketAddr, bytes: &[u8]) {
        if let Ok(receive) = Receive::new(Protocol::Udp, from, self.address, bytes) {
            let _ = self.rtc.handle_input(Input::Receive(now, receive));
        }
    }

    pub(crate) fn tick(&mut self, now: Instant, now_ms: u64, out: &mut Vec<(SocketAddr, Vec<u8>)>) {
        if self.next_timeout <= now {
            self.rtc.handle_input(Input::Timeout(now)).unwrap();
        }
        loop {
            match self.rtc.poll_output().unwrap() {
                Output::Timeout(at) => {
                    self.next_timeout = at;
                    return;
                }
                Output::Transmit(t) => out.push((t.destination, t.contents.to_vec())),
                Output::Event(event) => self.event(event, now_ms),
            }
        }
    }

    fn event(&mut self, event: Event, now_ms: u64) {
        match event {
            Event::Connected => self.connected = true,
            Event::KeyframeRequest(_) => self.key_frames_asked += 1,
            Event::ChannelOpen(id, label) if label == "fast" => self.fast = Some(id),
            Event::ChannelData(data) => self.echoes.push(data.data),
            Event::RtpPacket(packet) => {
                let mid = self.rtc.direct_api().stream_rx(&packet.header.ssrc).unwrap().mid();
                let line = self.mids.iter().position(|m| *m == mid).unwrap();
                let received = if line >= 5 {
                    self.first_video_ms.get_or_insert(now_ms);
                    &mut self.video
                } else {
                    &mut self.audio
                };
                let before = received.insert(*packet.seq_no, packet.payload.to_vec());
                assert!(before.is_none(), "a packet was delivered twice");
            }
            _ => {}
        }
    }

    /// Skips so many sequence numbers on a line.
    pub(crate) fn skip(&mut self, line: usize, numbers: u64) {
        *self.sequence.entry(line).or_insert(65_500) += numbers;
    }

    pub(crate) fn send_rtp(&mut self, now: Instant, line: usize, time: u32, marker: bool, payload: Vec<u8>) {
        let codec = if line == 0 { Codec::Opus } else { Codec::Vp8 };
        let pt = self.rtc.codec_config().find(|p| p.spec().codec == codec).unwrap().pt();
        let sequence = self.sequence.entry(line).or_insert(65_500);
        *sequence += 1;
        let number = *sequence;
        let mid = self.mids[line];
        let mut api = self.rtc.direct_api();
        let stream = api.stream_tx_by_mid(mid, None).unwrap();
        let write = RtpWrite::new(pt, number.into(), time, now, payload);
        stream.write_rtp(write.marker(marker).nackable(line != 0));
        self.next_timeout = now;
    }

    /// The number of the first packet that begins a key frame.
    pub(crate) fn first_key_frame(&self) -> Option<u64> {
        self.video.iter().find(|(_, p)| p[..2] == [0x10, 0x00]).map(|(number, _)| *number)
    }

    /// Numbers that are missing after the first key frame's beginning.
    pub(crate) fn holes(&self) -> Vec<u64> {
        let (Some(first), Some((last, _))) = (self.first_key_frame(), self.video.last_key_value()) else {
            return Vec::new();
        };
        (first..*last).filter(|number| !self.video.contains_key(number)).collect()
    }

    /// Whether a decoder could not show what came last: no key frame yet, or none after a hole.
    pub(crate) fn is_broken(&self) -> bool {
        let Some(hole) = self.holes().last().copied() else {
            return self.first_key_frame().is_none();
        };
        !self.video.range(hole..).any(|(_, p)| p[..2] == [0x10, 0x00])
    }

    /// Does what a decoder does that cannot go on: asks for a key frame, again and again.
    pub(crate) fn repair(&mut self, now_ms: u64) {
        if !now_ms.is_multiple_of(500) || self.video.is_empty() {
            return;
        }
        // A hole gets the time it takes to repair it.
        let broken = self.is_broken();
        if broken && std::mem::replace(&mut self.was_broken, broken) {
            let mid = self.mids[5];
            if let Some(stream) = self.rtc.direct_api().stream_rx_by_mid(mid, None) {
                stream.request_keyframe(KeyframeRequestKind::Pli);
            }
        }
        self.was_broken = broken;
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
