//! RTP packets as the rest of the crate sees them.

use std::sync::Arc;
use std::time::Instant;

use str0m::format::{Codec as Str0mCodec, PayloadParams};
use str0m::rtp::ExtensionValues;

use crate::keyframe::Codec;

/// A packet received from a publisher, decrypted, with repaired packets already restored to their own numbers.
#[derive(Debug, Clone)]
pub struct RtpPacket {
    /// Synchronisation source of the primary stream.
    pub ssrc: u32,
    /// Payload type in the publisher's negotiation.
    pub payload_type: u8,
    /// What the payload type stands for.
    pub codec: Codec,
    /// Sequence number, extended beyond 16 bits.
    pub sequence: u64,
    /// RTP timestamp.
    pub timestamp: u32,
    /// Ticks of the timestamp per second.
    pub clock_rate: u32,
    /// RTP's marker bit: the last packet of a picture.
    pub marker: bool,
    /// Header extensions that pass to receivers.
    pub extensions: Extensions,
    /// The payload.
    pub payload: Arc<[u8]>,
    /// When the datagram was received.
    pub received_at: Instant,
}

/// A packet to be sent in a receive slot.
#[derive(Debug, Clone)]
pub struct OutgoingPacket {
    /// Payload type in the receiver's negotiation.
    pub payload_type: u8,
    /// Sequence number in the slot's own numbering, extended beyond 16 bits.
    pub sequence: u64,
    /// RTP timestamp in the slot's own numbering.
    pub timestamp: u32,
    /// RTP's marker bit.
    pub marker: bool,
    /// Header extensions to pass.
    pub extensions: Extensions,
    /// The payload.
    pub payload: Arc<[u8]>,
    /// When the picture or sound was received: the sender report's wall clock.
    pub received_at: Instant,
}

/// Values of header extensions that describe the media and hold on every hop: audio level, orientation, content type
/// (camera or screen), playout delay, capture time. Those that belong to one hop (transport sequence number, send
/// time, MID, RID, timing) are dropped, and written anew by the transport that sends.
#[derive(Debug, Clone, Default)]
pub struct Extensions(ExtensionValues);

impl Extensions {
    pub(crate) fn passing(values: ExtensionValues) -> Self {
        Self(ExtensionValues {
            audio_level: values.audio_level,
            voice_activity: values.voice_activity,
            video_orientation: values.video_orientation,
            video_content_type: values.video_content_type,
            play_delay_min: values.play_delay_min,
            play_delay_max: values.play_delay_max,
            abs_capture_time: values.abs_capture_time,
            ..Default::default()
        })
    }

    pub(crate) fn into_values(self) -> ExtensionValues {
        self.0
    }
}

/// A codec with its parameters as negotiated with one peer.
#[derive(Debug, Clone, Copy)]
pub struct Payload(pub(crate) PayloadParams);

/// Our name of a codec, none for those that are not forwarded.
pub(crate) fn codec(codec: Str0mCodec) -> Option<Codec> {
    Some(match codec {
        Str0mCodec::Opus => Codec::Opus,
        Str0mCodec::Vp8 => Codec::Vp8,
        Str0mCodec::Vp9 => Codec::Vp9,
        Str0mCodec::H264 => Codec::H264,
        Str0mCodec::Av1 => Codec::Av1,
        _ => return None,
    })
}
