//! The slot plan of docs/protocol.md on str0m.
//!
//! str0m names media itself when they are added through its SDP interface; the protocol names them by index. So the slots
//! are declared through the direct interface, which takes names but knows no payload types before an answer came. The
//! offer that str0m writes is therefore complete but for the codec lines, and these are filled in from an offer of a
//! scratch connection with the same codecs. The data channels' m-line is renamed in the text, both ways: no packet
//! carries its name.

use std::time::Instant;

use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::channel::{ChannelConfig, ChannelId, Reliability};
use str0m::config::DtlsVersion;
use str0m::media::{Direction, MediaKind, Mid};
use str0m::rtp::Ssrc;
use str0m::{Rtc, RtcConfig};

use crate::engine::{Channel, EngineError, Part, SLOT_DATA, SLOT_SCREEN_SEND, VideoCodec};

/// Slots in the order of their m-lines: name, kind, direction.
const SLOTS: [(&str, MediaKind, Direction); 7] = [
    ("0", MediaKind::Audio, Direction::SendOnly),
    ("1", MediaKind::Video, Direction::SendOnly),
    ("2", MediaKind::Video, Direction::SendOnly),
    ("3", MediaKind::Audio, Direction::RecvOnly),
    ("4", MediaKind::Audio, Direction::RecvOnly),
    ("5", MediaKind::Video, Direction::RecvOnly),
    ("6", MediaKind::Video, Direction::RecvOnly),
];

/// Payload types and codec attributes of an m-line, by kind.
#[derive(Debug, Clone)]
pub(super) struct CodecLines {
    audio: Section,
    video: Section,
}

/// Codec part of one m-line.
#[derive(Debug, Clone, Default)]
struct Section {
    payload_types: String,
    attributes: Vec<String>,
}

impl CodecLines {
    /// The lines that str0m writes for these codecs.
    ///
    /// # Errors
    /// [`EngineError::Stack`] when it writes none.
    pub(super) fn of(codecs: &[VideoCodec]) -> Result<Self, EngineError> {
        let mut rtc = config(codecs).build(Instant::now());
        let mut change = rtc.sdp_api();
        change.add_media(MediaKind::Audio, Direction::SendRecv, None, None, None);
        change.add_media(MediaKind::Video, Direction::SendRecv, None, None, None);
        let (offer, _pending) = change.apply().ok_or_else(|| EngineError::Stack("no scratch offer".to_owned()))?;
        let mut lines = Self { audio: Section::default(), video: Section::default() };
        let mut section = None;
        for line in offer.to_sdp_string().lines() {
            if let Some(rest) = line.strip_prefix("m=") {
                let target = if rest.starts_with("audio") { &mut lines.audio } else { &mut lines.video };
                rest.split(' ').skip(3).collect::<Vec<_>>().join(" ").clone_into(&mut target.payload_types);
                section = Some(target);
            } else if let Some(section) = section.as_mut()
                && ["a=rtpmap:", "a=fmtp:", "a=rtcp-fb:"].iter().any(|head| line.starts_with(head))
            {
                section.attributes.push(line.to_owned());
            }
        }
        if lines.audio.payload_types.is_empty() || lines.video.payload_types.is_empty() {
            return Err(EngineError::Stack("the scratch offer has no codecs".to_owned()));
        }
        Ok(lines)
    }

    fn section(&self, m_line: &str) -> Option<&Section> {
        if m_line.starts_with("m=audio") {
            Some(&self.audio)
        } else if m_line.starts_with("m=video") {
            Some(&self.video)
        } else {
            None
        }
    }
}

fn config(codecs: &[VideoCodec]) -> RtcConfig {
    // 1.3 with a way back to 1.2, as browsers speak it.
    let mut config = RtcConfig::new().set_dtls_version(DtlsVersion::Auto).clear_codecs().enable_opus(true, false);
    for codec in codecs {
        config = match codec {
            VideoCodec::Vp8 => config.enable_vp8(true),
            VideoCodec::Vp9 => config.enable_vp9(true),
            VideoCodec::H264 => config.enable_h264(true),
            VideoCodec::Av1 => config.enable_av1(true),
        };
    }
    config
}

/// A str0m connection with our slots on it.
pub(super) struct Connection {
    /// The stack.
    pub(super) rtc: Rtc,
    /// Where the picture is sent.
    pub(super) picture: Mid,
    part: Part,
    lines: CodecLines,
    pending: Option<SdpPendingOffer>,
    /// str0m's own name of the data channels' m-line.
    data_mid: Option<String>,
    control: Option<ChannelId>,
    fast: Option<ChannelId>,
    /// Sources of the slots that send: name, main, retransmission.
    sources: Vec<(&'static str, Ssrc, Option<Ssrc>)>,
}

impl Connection {
    /// Declares the slots; a publisher or player has none before it offers or accepts.
    pub(super) fn new(part: Part, codecs: &[VideoCodec], lines: CodecLines) -> Self {
        let mut rtc = config(codecs).build(Instant::now());
        let mut sources = Vec::new();
        let mut api = rtc.direct_api();
        for (name, kind, direction) in SLOTS.into_iter().filter(|_| part == Part::Desk) {
            let mid = Mid::from(name);
            api.declare_media(mid, kind);
            if direction == Direction::SendOnly {
                let ssrc = api.new_ssrc();
                let rtx = (kind == MediaKind::Video).then(|| api.new_ssrc());
                api.declare_stream_tx(ssrc, rtx, mid, None);
                sources.push((name, ssrc, rtx));
            }
        }
        let picture = Mid::from(SLOT_SCREEN_SEND);
        Self { rtc, picture, part, lines, pending: None, data_mid: None, control: None, fast: None, sources }
    }

    /// An offer: the first one, or one for an ICE restart.
    ///
    /// # Errors
    /// [`EngineError::Stack`].
    pub(super) fn offer(&mut self, restart: bool) -> Result<String, EngineError> {
        let direction = match self.part {
            Part::Desk => return self.offer_slots(restart),
            Part::Publisher => Direction::SendOnly,
            Part::Player => Direction::RecvOnly,
        };
        let mut change = self.rtc.sdp_api();
        self.picture = change.add_media(MediaKind::Video, direction, None, None, None);
        let (offer, pending) = change.apply().ok_or_else(|| EngineError::Stack("nothing to offer".to_owned()))?;
        self.pending = Some(pending);
        Ok(offer.to_sdp_string())
    }

    /// Answers an offer.
    ///
    /// # Errors
    /// [`EngineError::Answer`].
    pub(super) fn accept(&mut self, sdp: &str) -> Result<String, EngineError> {
        let unusable = |error: &dyn std::fmt::Display| EngineError::Answer(error.to_string());
        let offer = SdpOffer::from_sdp_string(sdp).map_err(|error| unusable(&error))?;
        let answer = self.rtc.sdp_api().accept_offer(offer).map_err(|error| unusable(&error))?;
        Ok(answer.to_sdp_string())
    }

    fn offer_slots(&mut self, restart: bool) -> Result<String, EngineError> {
        let mut change = self.rtc.sdp_api();
        if self.control.is_none() {
            for (mid, _, direction) in SLOTS {
                change.set_direction(Mid::from(mid), direction);
            }
            self.control = Some(change.add_channel(Channel::Control.label().to_owned()));
            self.fast = Some(change.add_channel_with_config(ChannelConfig {
                label: Channel::Fast.label().to_owned(),
                ordered: false,
                reliability: Reliability::MaxRetransmits { retransmits: 0 },
                ..ChannelConfig::default()
            }));
        }
        if restart {
            change.ice_restart(true);
        }
        let (offer, pending) = change.apply().ok_or_else(|| EngineError::Stack("nothing to offer".to_owned()))?;
        self.pending = Some(pending);
        Ok(self.complete(&offer.to_sdp_string()))
    }

    /// Takes the answer.
    ///
    /// # Errors
    /// [`EngineError::Answer`].
    pub(super) fn answer(&mut self, sdp: &str) -> Result<(), EngineError> {
        let Some(pending) = self.pending.take() else {
            return Err(EngineError::Answer("there is no offer".to_owned()));
        };
        let sdp = rename_data(sdp, self.data_mid.as_deref().unwrap_or(SLOT_DATA));
        let answer = SdpAnswer::from_sdp_string(&sdp).map_err(|error| EngineError::Answer(error.to_string()))?;
        self.rtc.sdp_api().accept_answer(pending, answer).map_err(|error| EngineError::Answer(error.to_string()))
    }

    /// Which of the two channels an id is.
    pub(super) fn channel_of(&self, id: ChannelId) -> Option<Channel> {
        match Some(id) {
            id if id == self.control => Some(Channel::Control),
            id if id == self.fast => Some(Channel::Fast),
            _ => None,
        }
    }

    /// The id of a channel, once offered.
    pub(super) fn id_of(&self, channel: Channel) -> Option<ChannelId> {
        match channel {
            Channel::Control => self.control,
            Channel::Fast => self.fast,
        }
    }

    /// Turns str0m's offer into ours: without candidates (docs/protocol.md: a client never sends any), the data channels
    /// named by their index, and the first one with codecs and sources.
    fn complete(&mut self, offer: &str) -> String {
        if self.data_mid.is_none() {
            self.data_mid = data_mid_of(offer).map(str::to_owned);
        }
        let first = !offer.contains("a=rtpmap:");
        let mut text = String::with_capacity(offer.len() * 3);
        let mut section = None;
        for line in offer.lines().filter(|line| !line.starts_with("a=candidate:")) {
            if line.starts_with("m=") {
                section = self.lines.section(line).filter(|_| first);
            }
            match section {
                Some(codecs) if line.starts_with("m=") => {
                    let kind = line.split(' ').next().unwrap_or_default();
                    push_line(&mut text, &format!("{kind} 9 UDP/TLS/RTP/SAVPF {}", codecs.payload_types));
                }
                Some(codecs) if line.starts_with("a=rtcp-mux") => {
                    push_line(&mut text, line);
                    codecs.attributes.iter().for_each(|attribute| push_line(&mut text, attribute));
                }
                Some(_) if line.starts_with("a=mid:") => {
                    push_line(&mut text, line);
                    self.push_sources(&mut text, line["a=mid:".len()..].trim());
                }
                _ if first && line.starts_with("a=group:BUNDLE") => {
                    let mids: Vec<&str> = SLOTS.iter().map(|(mid, ..)| *mid).collect();
                    let data = self.data_mid.as_deref().unwrap_or(SLOT_DATA);
                    push_line(&mut text, &format!("a=group:BUNDLE {} {data}", mids.join(" ")));
                }
                _ => push_line(&mut text, line),
            }
        }
        rename_data(&text, SLOT_DATA)
    }

    /// The lines that name a slot's stream and its sources (RFC 8830, RFC 5576, RFC 4588).
    fn push_sources(&self, text: &mut String, mid: &str) {
        let Some(media) = self.rtc.media(Mid::from(mid)) else { return };
        let (stream, track, cname) = (media.stream_id(), media.track_id(), media.cname());
        push_line(text, &format!("a=msid:{stream} {track}"));
        let Some((_, main, repair)) = self.sources.iter().find(|(name, ..)| *name == mid) else { return };
        for ssrc in [Some(*main), *repair].into_iter().flatten() {
            push_line(text, &format!("a=ssrc:{ssrc} cname:{cname}"));
        }
        if let Some(repair) = repair {
            push_line(text, &format!("a=ssrc-group:FID {main} {repair}"));
        }
    }
}

fn push_line(text: &mut String, line: &str) {
    text.push_str(line.trim_end());
    text.push_str("\r\n");
}

/// Name of the data channels' m-line.
fn data_mid_of(sdp: &str) -> Option<&str> {
    let (_, section) = sdp.split_once("m=application")?;
    section
        .lines()
        .take_while(|line| !line.starts_with("m="))
        .find_map(|line| line.strip_prefix("a=mid:"))
        .map(str::trim)
}

/// Gives the data channels' m-line another name, there and in the bundle group.
fn rename_data(sdp: &str, to: &str) -> String {
    let Some(from) = data_mid_of(sdp).map(str::to_owned) else { return sdp.to_owned() };
    let mut text = String::with_capacity(sdp.len());
    let mut in_data = false;
    for line in sdp.lines() {
        if line.starts_with("m=") {
            in_data = line.starts_with("m=application");
        }
        if let Some(group) = line.strip_prefix("a=group:BUNDLE") {
            text.push_str("a=group:BUNDLE");
            for mid in group.split_ascii_whitespace() {
                text.push(' ');
                text.push_str(if mid == from { to } else { mid });
            }
        } else if in_data && line.strip_prefix("a=mid:").is_some_and(|mid| mid.trim() == from) {
            text.push_str("a=mid:");
            text.push_str(to);
        } else {
            text.push_str(line.trim_end());
        }
        text.push_str("\r\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use str0m::net::Protocol;
    use str0m::{Candidate, Event, Input, Output};

    use super::*;

    fn m_lines(sdp: &str) -> Vec<(String, String, String)> {
        let mut rows = Vec::new();
        for section in sdp.split("\r\nm=").skip(1) {
            let kind = section.split(' ').next().unwrap_or_default().to_owned();
            let field = |head: &str| section.lines().find_map(|line| line.strip_prefix(head)).unwrap_or("").to_owned();
            let direction = ["sendonly", "recvonly", "sendrecv", "inactive"]
                .iter()
                .find(|name| section.contains(&format!("a={name}\r\n")))
                .map_or(String::new(), ToString::to_string);
            rows.push((kind, field("a=mid:"), direction));
        }
        rows
    }

    #[test]
    fn the_offer_has_the_slots_of_the_protocol() {
        let codecs = [VideoCodec::Vp8, VideoCodec::H264];
        let mut connection = Connection::new(Part::Desk, &codecs, CodecLines::of(&codecs).unwrap());
        let offer = connection.offer(false).unwrap();
        let rows = m_lines(&offer);
        let expected = [
            ("audio", "0", "sendonly"),
            ("video", "1", "sendonly"),
            ("video", "2", "sendonly"),
            ("audio", "3", "recvonly"),
            ("audio", "4", "recvonly"),
            ("video", "5", "recvonly"),
            ("video", "6", "recvonly"),
            ("application", "7", ""),
        ];
        let expected: Vec<_> =
            expected.iter().map(|(kind, mid, dir)| (kind.to_string(), mid.to_string(), dir.to_string())).collect();
        assert_eq!(rows, expected, "{offer}");
        assert!(offer.contains("a=group:BUNDLE 0 1 2 3 4 5 6 7\r\n"), "{offer}");
        assert_eq!(offer.matches("VP8/90000").count(), 4);
        assert!(!offer.contains("a=candidate:"));
        SdpOffer::from_sdp_string(&offer).unwrap();
    }

    /// Two connections joined by function calls: the offer negotiates, the data channels open, a restart keeps the slots.
    #[test]
    fn the_offer_connects() {
        let codecs = [VideoCodec::Vp8];
        let mut client = Connection::new(Part::Desk, &codecs, CodecLines::of(&codecs).unwrap());
        let mut server = RtcConfig::new().set_ice_lite(true).build(Instant::now());
        let (here, there) = ("127.0.0.1:1000".parse().unwrap(), "127.0.0.1:2000".parse().unwrap());
        client.rtc.add_local_candidate(Candidate::host(here, Protocol::Udp).unwrap());
        server.add_local_candidate(Candidate::host(there, Protocol::Udp).unwrap());
        let offer = client.offer(false).unwrap();
        let answer = server.sdp_api().accept_offer(SdpOffer::from_sdp_string(&offer).unwrap()).unwrap();
        client.answer(&answer.to_sdp_string()).unwrap();

        let mut now = Instant::now();
        let mut opened = 0;
        let (mut to_server, mut to_client) = (Vec::new(), Vec::new());
        drain(&mut client.rtc, &mut to_server);
        for _ in 0..2_000 {
            now += std::time::Duration::from_millis(5);
            for packet in std::mem::take(&mut to_server) {
                feed(&mut server, now, here, there, &packet);
                drain(&mut server, &mut to_client);
            }
            server.handle_input(Input::Timeout(now)).unwrap();
            drain(&mut server, &mut to_client);
            for packet in std::mem::take(&mut to_client) {
                feed(&mut client.rtc, now, there, here, &packet);
                opened += drain(&mut client.rtc, &mut to_server);
            }
            client.rtc.handle_input(Input::Timeout(now)).unwrap();
            opened += drain(&mut client.rtc, &mut to_server);
            if opened == 2 {
                break;
            }
        }
        assert_eq!(opened, 2, "both data channels open");
        let again = client.offer(true).unwrap();
        assert_eq!(m_lines(&again), m_lines(&offer));
        server.sdp_api().accept_offer(SdpOffer::from_sdp_string(&again).unwrap()).unwrap();
    }

    fn feed(rtc: &mut Rtc, now: Instant, from: SocketAddr, to: SocketAddr, packet: &[u8]) {
        let receive = str0m::net::Receive::new(Protocol::Udp, from, to, packet).unwrap();
        rtc.handle_input(Input::Receive(now, receive)).unwrap();
    }

    /// Takes the packets out; counts data channels that opened.
    fn drain(rtc: &mut Rtc, packets: &mut Vec<Vec<u8>>) -> usize {
        let mut opened = 0;
        loop {
            match rtc.poll_output().unwrap() {
                Output::Timeout(_) => return opened,
                Output::Transmit(transmit) => packets.push(transmit.contents.to_vec()),
                Output::Event(Event::ChannelOpen(..)) => opened += 1,
                Output::Event(_) => {}
            }
        }
    }
}
