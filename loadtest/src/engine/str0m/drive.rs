//! The task of one str0m peer: its socket, its clock, its publishing, its counts.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use str0m::channel::ChannelData;
use str0m::format::{Codec, PayloadParams};
use str0m::media::{Frequency, MediaData, MediaTime, Mid, Pt};
use str0m::net::{Protocol, Receive};
use str0m::{Candidate, Event, IceConnectionState, Input, Output};
use tokio::net::UdpSocket;
use tokio::sync::oneshot;
use tokio::time::{Instant as TokioInstant, sleep_until};

use super::{bind, slots::Connection};
use crate::engine::arrivals::{FramePace, Sequences};
use crate::engine::{
    ArrivalCounts, CLIP_FPS, Channel, Command, EngineError, MediaEvent, MediaOptions, PeerEnds, SLOT_AUDIO_SEND,
    SLOT_CAMERA_SEND, VideoCodec, clip,
};

/// Receive buffer, bytes: the largest UDP datagram that crosses an Ethernet without fragments, and room.
const DATAGRAM_BYTES_MAX: usize = 2_000;
/// First byte of an echo request on `fast` (docs/protocol.md, Slots).
const ECHO_REQUEST: u8 = 1;
/// First byte of its answer.
const ECHO_ANSWER: u8 = 2;
/// Longest echo, bytes; longer ones are not returned.
const ECHO_BYTES_MAX: usize = 256;
/// Bytes of an echo that are ours: the kind and the number.
const ECHO_HEADER_BYTES: usize = 5;
/// Echo requests in flight; older ones are given up.
const ECHOES_MAX: usize = 64;
/// Time of one Opus frame, and its ticks at 48 kHz (RFC 7587, section 4.1).
const SOUND_EVERY: Duration = Duration::from_millis(20);
const SOUND_TICKS: u64 = 960;
/// An Opus frame of silence.
const OPUS_SILENCE: [u8; 3] = [0xf8, 0xff, 0xfe];
/// Clock of video in RTP, ticks a second (RFC 7741 and its sisters).
const VIDEO_CLOCK_HZ: u64 = 90_000;

/// One peer's state.
pub(super) struct Driver {
    connection: Connection,
    socket: UdpSocket,
    local: SocketAddr,
    options: MediaOptions,
    ends: PeerEnds,
    connected: bool,
    publishing: bool,
    camera: bool,
    speaking: bool,
    sound_at: Instant,
    sounds_sent: u64,
    frame: usize,
    frame_at: Instant,
    frames_sent: u64,
    first_packet_due: bool,
    first_frame_due: bool,
    echoes: BTreeMap<u32, (Instant, oneshot::Sender<Duration>)>,
    next_echo: u32,
    sequences: Sequences,
    pace: FramePace,
    vanished: bool,
}

impl Driver {
    /// A driver for a connection that has not offered yet.
    ///
    /// # Errors
    /// [`EngineError`] when the socket has no address.
    pub(super) fn new(
        mut connection: Connection,
        socket: UdpSocket,
        options: MediaOptions,
        ends: PeerEnds,
    ) -> Result<Self, EngineError> {
        let local = add_candidate(&mut connection, &socket)?;
        Ok(Self {
            connection,
            socket,
            local,
            options,
            ends,
            connected: false,
            publishing: false,
            camera: false,
            speaking: false,
            sound_at: Instant::now(),
            sounds_sent: 0,
            frame: 0,
            frame_at: Instant::now(),
            frames_sent: 0,
            first_packet_due: true,
            first_frame_due: true,
            echoes: BTreeMap::new(),
            next_echo: 0,
            sequences: Sequences::default(),
            pace: FramePace::default(),
            vanished: false,
        })
    }

    /// Runs until the handle is dropped or the stack is done.
    pub(super) async fn run(mut self) {
        let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
        while let Ok(wake_at) = self.drain() {
            if !self.connection.rtc.is_alive() {
                break;
            }
            let sending = (self.publishing || self.camera) && self.connected;
            let speaking = self.speaking && self.connected;
            let done = tokio::select! {
                command = self.ends.commands.recv() => match command {
                    Some(command) => { self.obey(command); Ok(()) }
                    None => break,
                },
                got = self.socket.recv_from(&mut buffer) => match got {
                    Ok((length, from)) => self.receive(&buffer[..length], from),
                    // A refused port (ICMP) shows as an error of the socket; ICE notices by itself.
                    Err(_) => Ok(()),
                },
                () = sleep_until(TokioInstant::from_std(wake_at)) => self.tick(),
                () = sleep_until(TokioInstant::from_std(self.frame_at)), if sending => self.send_frame(),
                () = sleep_until(TokioInstant::from_std(self.sound_at)), if speaking => self.send_sound(),
            };
            if done.is_err() || self.vanished {
                break;
            }
        }
        if !self.vanished {
            self.say_goodbye();
        }
        self.tell(MediaEvent::Closed);
    }

    /// Takes everything out of the stack; the next time it wants to be woken.
    fn drain(&mut self) -> Result<Instant, ()> {
        loop {
            match self.connection.rtc.poll_output() {
                Ok(Output::Timeout(at)) => return Ok(at),
                Ok(Output::Transmit(transmit)) => {
                    // A full socket buffer loses the packet, as a network would.
                    let _ = self.socket.try_send_to(&transmit.contents, transmit.destination);
                }
                Ok(Output::Event(event)) => self.note(event),
                Err(error) => {
                    tracing::debug!(%error, "the stack gave up");
                    return Err(());
                }
            }
        }
    }

    fn receive(&mut self, datagram: &[u8], from: SocketAddr) -> Result<(), ()> {
        let now = Instant::now();
        if is_rtp(datagram) {
            ArrivalCounts::bump(&self.ends.counts.packets);
            let more = self.sequences.note(datagram);
            self.ends.counts.packets_expected.fetch_add(more, std::sync::atomic::Ordering::Relaxed);
            if std::mem::take(&mut self.first_packet_due) {
                self.tell(MediaEvent::FirstPacket(now));
            }
        }
        // What cannot be parsed is not for us.
        let Ok(receive) = Receive::new(Protocol::Udp, from, self.local, datagram) else { return Ok(()) };
        self.feed(Input::Receive(now, receive))
    }

    fn tick(&mut self) -> Result<(), ()> {
        self.feed(Input::Timeout(Instant::now()))
    }

    fn feed(&mut self, input: Input<'_>) -> Result<(), ()> {
        self.connection.rtc.handle_input(input).map_err(|error| tracing::debug!(%error, "the stack refused input"))
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Offer(restart, reply) => {
                let offer = self.connection.offer(restart);
                let _ = reply.send(offer);
            }
            Command::Accept(sdp, reply) => {
                let accepted = self.connection.accept(&sdp);
                let _ = reply.send(accepted);
            }
            Command::Answer(sdp, reply) => {
                let taken = self.connection.answer(&sdp);
                let _ = reply.send(taken);
            }
            Command::Publish(on) => {
                self.publishing = on;
                self.begin_clip();
            }
            Command::ShowCamera(on) => {
                self.camera = on;
                self.begin_clip();
            }
            Command::Speak(on) => {
                self.speaking = on;
                self.sound_at = Instant::now();
            }
            Command::Vanish => self.vanished = true,
            Command::Arm => {
                // The next call's picture has a pace and numbers of its own.
                self.pace = FramePace::default();
                self.sequences = Sequences::default();
                self.first_packet_due = true;
                self.first_frame_due = true;
            }
            Command::Echo(bytes, reply) => self.send_echo(bytes, reply),
            Command::Send(channel, bytes) => {
                self.write(channel, &bytes);
            }
            Command::Rebind(reply) => {
                let moved = self.rebind();
                let _ = reply.send(moved);
            }
        }
    }

    fn note(&mut self, event: Event) {
        let now = Instant::now();
        match event {
            Event::IceConnectionStateChange(IceConnectionState::Connected | IceConnectionState::Completed) => {
                self.tell(MediaEvent::Ice(now));
            }
            Event::Connected => {
                self.connected = true;
                self.frame_at = now;
                self.tell(MediaEvent::Dtls(now));
            }
            Event::ChannelOpen(id, _) => {
                if let Some(channel) = self.connection.channel_of(id) {
                    self.tell(MediaEvent::Open(channel, now));
                }
            }
            Event::ChannelData(data) => self.note_message(data, now),
            Event::MediaData(data) => self.note_frame(&data),
            Event::KeyframeRequest(_) => {
                self.frame = 0;
                self.tell(MediaEvent::KeyFrameAsked);
            }
            _ => {}
        }
    }

    /// A sender that begins, begins with a key frame.
    fn begin_clip(&mut self) {
        self.frame = 0;
        self.frame_at = Instant::now();
    }

    fn note_frame(&mut self, data: &MediaData) {
        let counts = self.ends.counts.clone();
        if let Some(slot) = data.mid.trim_end().parse::<usize>().ok().and_then(|line| counts.frames_by_slot.get(line)) {
            ArrivalCounts::bump(slot);
        }
        let Some(codec) = ours(data.params.spec().codec) else { return };
        ArrivalCounts::bump(&counts.frames);
        counts.bytes.fetch_add(data.data.len() as u64, std::sync::atomic::Ordering::Relaxed);
        if let Some(frozen) = self.pace.note(Instant::now()) {
            ArrivalCounts::bump(&counts.freezes);
            let frozen_ms = u64::try_from(frozen.as_millis()).unwrap_or(u64::MAX);
            counts.frozen_ms.fetch_add(frozen_ms, std::sync::atomic::Ordering::Relaxed);
        }
        if !data.contiguous {
            ArrivalCounts::bump(&counts.gaps);
        }
        if clip(codec).frames.iter().any(|frame| **frame == *data.data) {
            ArrivalCounts::bump(&counts.known_frames);
        }
        if data.is_keyframe() {
            ArrivalCounts::bump(&counts.key_frames);
            if std::mem::take(&mut self.first_frame_due) {
                // Receivers decode from a key frame on; `now` is when the frame was complete.
                self.tell(MediaEvent::FirstFrame { mid: data.mid.to_string(), at: Instant::now() });
            }
        }
    }

    fn note_message(&mut self, data: ChannelData, now: Instant) {
        let Some(channel) = self.connection.channel_of(data.id) else { return };
        if channel == Channel::Fast
            && let [ECHO_ANSWER, a, b, c, d, ..] = data.data[..]
            && let Some((sent, reply)) = self.echoes.remove(&u32::from_be_bytes([a, b, c, d]))
        {
            let _ = reply.send(now - sent);
            return;
        }
        self.tell(MediaEvent::Message(channel, data.data));
    }

    fn send_echo(&mut self, bytes: usize, reply: oneshot::Sender<Duration>) {
        self.next_echo = self.next_echo.wrapping_add(1);
        let number = self.next_echo;
        let mut message = vec![0; bytes.clamp(ECHO_HEADER_BYTES, ECHO_BYTES_MAX)];
        message[0] = ECHO_REQUEST;
        message[1..ECHO_HEADER_BYTES].copy_from_slice(&number.to_be_bytes());
        if self.write(Channel::Fast, &message) {
            while self.echoes.len() >= ECHOES_MAX {
                self.echoes.pop_first();
            }
            self.echoes.insert(number, (Instant::now(), reply));
        }
    }

    fn write(&mut self, channel: Channel, bytes: &[u8]) -> bool {
        let Some(mut channel) = self.connection.id_of(channel).and_then(|id| self.connection.rtc.channel(id)) else {
            return false;
        };
        channel.write(true, bytes).unwrap_or(false)
    }

    /// Sends the next frame of the clip and sets the time of the one after it.
    fn send_frame(&mut self) -> Result<(), ()> {
        let interval = Duration::from_secs(1) / CLIP_FPS;
        let now = Instant::now();
        // A generator that fell behind goes on from now instead of bursting.
        self.frame_at = if now > self.frame_at + Duration::from_secs(1) { now } else { self.frame_at } + interval;
        let Some(codec) = self.options.codecs.first().copied() else { return Ok(()) };
        let ticks = self.frames_sent * VIDEO_CLOCK_HZ / u64::from(CLIP_FPS);
        let time = MediaTime::new(ticks, Frequency::NINETY_KHZ);
        let camera = Mid::from(SLOT_CAMERA_SEND);
        for (slot, on) in [(self.connection.picture, self.publishing), (camera, self.camera)] {
            let Some(writer) = self.connection.rtc.writer(slot).filter(|_| on) else { continue };
            let Some(pt) = payload_type(writer.payload_params(), codec) else { continue };
            let frames = &clip(codec).frames;
            let data = frames[self.frame % frames.len()].clone();
            writer.write(pt, now, time, data).map_err(|error| tracing::debug!(%error, "a frame was refused"))?;
            // Between two writes the stack has to be emptied.
            self.drain()?;
        }
        self.frame += 1;
        self.frames_sent += 1;
        ArrivalCounts::bump(&self.ends.counts.frames_sent);
        Ok(())
    }

    /// Sends the next 20 ms of sound.
    fn send_sound(&mut self) -> Result<(), ()> {
        let now = Instant::now();
        self.sound_at = if now > self.sound_at + Duration::from_secs(1) { now } else { self.sound_at } + SOUND_EVERY;
        let Some(writer) = self.connection.rtc.writer(Mid::from(SLOT_AUDIO_SEND)) else { return Ok(()) };
        let opus = writer.payload_params().find(|param| param.spec().codec == Codec::Opus).map(PayloadParams::pt);
        let Some(pt) = opus else { return Ok(()) };
        let time = MediaTime::new(self.sounds_sent * SOUND_TICKS, Frequency::FORTY_EIGHT_KHZ);
        let silence = OPUS_SILENCE.to_vec();
        writer.write(pt, now, time, silence).map_err(|error| tracing::debug!(%error, "a sound was refused"))?;
        self.sounds_sent += 1;
        Ok(())
    }

    fn rebind(&mut self) -> Result<(), EngineError> {
        let old = Candidate::host(self.local, Protocol::Udp).map_err(|error| EngineError::Stack(error.to_string()))?;
        self.connection.rtc.direct_api().invalidate_candidate(&old);
        self.socket = bind(self.options.local)?;
        self.local = add_candidate(&mut self.connection, &self.socket)?;
        Ok(())
    }

    /// Tells the server at once that the peer is gone, as a browser's `close()` does.
    fn say_goodbye(&mut self) {
        if self.connection.rtc.close().is_ok() {
            let _ = self.drain();
        }
    }

    fn tell(&self, event: MediaEvent) {
        // A reader that does not read loses events; its counts stay right.
        let _ = self.ends.events.try_send(event);
    }
}

fn add_candidate(connection: &mut Connection, socket: &UdpSocket) -> Result<SocketAddr, EngineError> {
    let local = socket.local_addr().map_err(|error| EngineError::Socket(error.to_string()))?;
    let candidate = Candidate::host(local, Protocol::Udp).map_err(|error| EngineError::Stack(error.to_string()))?;
    connection.rtc.add_local_candidate(candidate);
    Ok(local)
}

/// Whether a datagram is RTP: RFC 7983 gives RTP and RTCP the first bytes 128 to 191, RFC 5761 tells them apart by the
/// second.
fn is_rtp(datagram: &[u8]) -> bool {
    matches!(datagram, [128..=191, second, ..] if !(64..=95).contains(&(second & 0x7f)))
}

fn ours(codec: Codec) -> Option<VideoCodec> {
    match codec {
        Codec::Vp8 => Some(VideoCodec::Vp8),
        Codec::Vp9 => Some(VideoCodec::Vp9),
        Codec::H264 => Some(VideoCodec::H264),
        Codec::Av1 => Some(VideoCodec::Av1),
        _ => None,
    }
}

/// The payload type to send a codec with. For H.264 the clip needs packetization mode 1; any baseline profile will do.
fn payload_type<'a>(params: impl Iterator<Item = &'a PayloadParams>, codec: VideoCodec) -> Option<Pt> {
    let mut fallback = None;
    for param in params.filter(|param| ours(param.spec().codec) == Some(codec)) {
        let format = param.spec().format;
        if codec != VideoCodec::H264 {
            return Some(param.pt());
        }
        let baseline = format.profile_level_id.is_some_and(|id| id >> 16 == 0x42);
        if format.packetization_mode == Some(1) && baseline {
            return Some(param.pt());
        }
        fallback = fallback.or(Some(param.pt()));
    }
    fallback
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rtp_is_told_from_the_rest() {
        assert!(is_rtp(&[0x80, 96, 0, 0]));
        assert!(is_rtp(&[0x90, 0x80 | 111, 0, 0]));
        assert!(!is_rtp(&[0x80, 200, 0, 0]), "sender report");
        assert!(!is_rtp(&[0x80, 206, 0, 0]), "feedback");
        assert!(!is_rtp(&[22, 254, 253]), "DTLS");
        assert!(!is_rtp(&[0, 1, 0, 0]), "STUN");
        assert!(!is_rtp(&[]));
    }
}
