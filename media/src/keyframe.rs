//! Tells from an RTP payload whether a key frame starts in it, for each codec we forward.
//!
//! Used to open a subscription at a picture a decoder can start with. Nothing here judges whether the payload is
//! otherwise valid.

/// The codecs that are forwarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// Opus, RFC 7587.
    Opus,
    /// VP8, RFC 7741.
    Vp8,
    /// VP9, RFC 9628.
    Vp9,
    /// H.264, RFC 6184.
    H264,
    /// AV1, the AOM's RTP payload format.
    Av1,
}

impl Codec {
    /// Whether subscriptions to it have to start at a key frame.
    pub fn is_video(self) -> bool {
        self != Codec::Opus
    }
}

/// Whether a key frame begins in this packet. Always false for sound.
pub fn starts_key_frame(codec: Codec, payload: &[u8]) -> bool {
    match codec {
        Codec::Opus => false,
        Codec::Vp8 => vp8(payload).unwrap_or(false),
        Codec::Vp9 => vp9(payload).unwrap_or(false),
        Codec::H264 => h264(payload).unwrap_or(false),
        Codec::Av1 => av1(payload).unwrap_or(false),
    }
}

/// RFC 7741 sections 4.2 and 4.3: start of partition 0, and the inverse key frame flag of the payload header is 0.
fn vp8(payload: &[u8]) -> Option<bool> {
    let first = *payload.first()?;
    let (extended, start, partition) = (first & 0x80 != 0, first & 0x10 != 0, first & 0x07);
    if !start || partition != 0 {
        return Some(false);
    }
    let mut at = 1;
    if extended {
        let flags = *payload.get(at)?;
        at += 1;
        if flags & 0x80 != 0 {
            at += if *payload.get(at)? & 0x80 != 0 { 2 } else { 1 };
        }
        if flags & 0x40 != 0 {
            at += 1;
        }
        if flags & 0x30 != 0 {
            at += 1;
        }
    }
    Some(payload.get(at)? & 0x01 == 0)
}

/// RFC 9628 section 4.2: start of a frame that is not inter-predicted, in the lowest spatial layer.
fn vp9(payload: &[u8]) -> Option<bool> {
    let first = *payload.first()?;
    let picture_id = first & 0x80 != 0;
    let inter_predicted = first & 0x40 != 0;
    let layers = first & 0x20 != 0;
    let start = first & 0x08 != 0;
    if inter_predicted || !start {
        return Some(false);
    }
    if !layers {
        return Some(true);
    }
    let at = match (picture_id, payload.get(1)) {
        (true, Some(id)) if id & 0x80 != 0 => 3,
        (true, Some(_)) => 2,
        (true, None) => return None,
        (false, _) => 1,
    };
    let spatial_layer = (payload.get(at)? >> 1) & 0x07;
    Some(spatial_layer == 0)
}

/// RFC 6184: a sequence parameter set or the start of an IDR slice, alone, in a STAP-A or at the start of a FU-A.
fn h264(payload: &[u8]) -> Option<bool> {
    const IDR: u8 = 5;
    const SEQUENCE_PARAMETERS: u8 = 7;
    const STAP_A: u8 = 24;
    const FU_A: u8 = 28;
    let starts = |unit: u8| unit == IDR || unit == SEQUENCE_PARAMETERS;
    match payload.first()? & 0x1f {
        STAP_A => {
            let mut rest = &payload[1..];
            while rest.len() > 2 {
                let size = usize::from(u16::from_be_bytes([rest[0], rest[1]]));
                if starts(rest[2] & 0x1f) {
                    return Some(true);
                }
                rest = rest.get(2 + size..)?;
            }
            Some(false)
        }
        FU_A => {
            let header = *payload.get(1)?;
            Some(header & 0x80 != 0 && starts(header & 0x1f))
        }
        unit => Some(starts(unit)),
    }
}

/// AOM's RTP payload format section 4.4: the N bit marks the first packet of a coded video sequence.
fn av1(payload: &[u8]) -> Option<bool> {
    Some(payload.first()? & 0x08 != 0 && payload.len() > 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn vp8_key_frames_are_told_from_others() {
        assert!(starts_key_frame(Codec::Vp8, &[0x10, 0x50, 0x01]));
        assert!(!starts_key_frame(Codec::Vp8, &[0x10, 0x51, 0x01]), "inter frame");
        assert!(!starts_key_frame(Codec::Vp8, &[0x00, 0x50, 0x01]), "continuation");
        // Extended: 15 bit picture id, TL0PICIDX, TID.
        assert!(starts_key_frame(Codec::Vp8, &[0x90, 0xe0, 0x81, 0x02, 0x03, 0x20, 0x50]));
        assert!(!starts_key_frame(Codec::Vp8, &[0x90, 0xe0, 0x81, 0x02, 0x03, 0x20, 0x51]));
    }

    #[test]
    fn vp9_key_frames_are_told_from_others() {
        assert!(starts_key_frame(Codec::Vp9, &[0x88, 0x01]));
        assert!(starts_key_frame(Codec::Vp9, &[0xa8, 0x81, 0x02, 0x00]));
        assert!(!starts_key_frame(Codec::Vp9, &[0xa8, 0x81, 0x02, 0x02]), "second spatial layer");
        assert!(!starts_key_frame(Codec::Vp9, &[0xc8, 0x01]), "inter-predicted");
        assert!(!starts_key_frame(Codec::Vp9, &[0x80, 0x01]), "continuation");
    }

    #[test]
    fn h264_key_frames_are_told_from_others() {
        assert!(starts_key_frame(Codec::H264, &[0x67, 0x42]));
        assert!(starts_key_frame(Codec::H264, &[0x65, 0x00]));
        assert!(starts_key_frame(Codec::H264, &[0x78, 0, 2, 0x67, 0x42, 0, 1, 0x68]));
        assert!(starts_key_frame(Codec::H264, &[0x7c, 0x85, 0x00]));
        assert!(!starts_key_frame(Codec::H264, &[0x7c, 0x05, 0x00]), "middle of an IDR slice");
        assert!(!starts_key_frame(Codec::H264, &[0x61, 0x00]));
    }

    #[test]
    fn av1_sequences_are_told_from_others() {
        assert!(starts_key_frame(Codec::Av1, &[0x18, 0x0a]));
        assert!(!starts_key_frame(Codec::Av1, &[0x10, 0x32]));
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            for codec in [Codec::Opus, Codec::Vp8, Codec::Vp9, Codec::H264, Codec::Av1] {
                let _ = starts_key_frame(codec, &bytes);
            }
        }
    }
}
