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

/// Where a packet stands in a key frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyFrame {
    /// In none, or not at its beginning.
    No,
    /// A decoder can begin with this packet.
    Begins,
    /// The picture itself begins here, but H.264's parameter sets may come in a packet before it, without which a decoder
    /// that has just joined can make nothing of it.
    Picture,
}

impl KeyFrame {
    /// Where a packet stands. Always [`KeyFrame::No`] for sound.
    pub fn of(codec: Codec, payload: &[u8]) -> Self {
        let begins = match codec {
            Codec::Opus => None,
            Codec::Vp8 => vp8(payload),
            Codec::Vp9 => vp9(payload),
            Codec::H264 => return h264(payload).unwrap_or(Self::No),
            Codec::Av1 => av1(payload),
        };
        if begins.unwrap_or(false) { Self::Begins } else { Self::No }
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
fn h264(payload: &[u8]) -> Option<KeyFrame> {
    const IDR: u8 = 5;
    const SEQUENCE_PARAMETERS: u8 = 7;
    const STAP_A: u8 = 24;
    const FU_A: u8 = 28;
    let of = |unit: u8| match unit & 0x1f {
        SEQUENCE_PARAMETERS => KeyFrame::Begins,
        IDR => KeyFrame::Picture,
        _ => KeyFrame::No,
    };
    match payload.first()? & 0x1f {
        STAP_A => {
            let mut rest = &payload[1..];
            while rest.len() > 2 {
                let size = usize::from(u16::from_be_bytes([rest[0], rest[1]]));
                // Parameter sets come before the slices that need them.
                if of(rest[2]) != KeyFrame::No {
                    return Some(of(rest[2]));
                }
                rest = rest.get(2 + size..)?;
            }
            Some(KeyFrame::No)
        }
        FU_A => {
            let header = *payload.get(1)?;
            Some(if header & 0x80 != 0 { of(header) } else { KeyFrame::No })
        }
        unit => Some(of(unit)),
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

    fn begins(codec: Codec, payload: &[u8]) -> bool {
        KeyFrame::of(codec, payload) == KeyFrame::Begins
    }

    #[test]
    fn vp8_key_frames_are_told_from_others() {
        assert!(begins(Codec::Vp8, &[0x10, 0x50, 0x01]));
        assert!(!begins(Codec::Vp8, &[0x10, 0x51, 0x01]), "inter frame");
        assert!(!begins(Codec::Vp8, &[0x00, 0x50, 0x01]), "continuation");
        // Extended: 15 bit picture id, TL0PICIDX, TID.
        assert!(begins(Codec::Vp8, &[0x90, 0xe0, 0x81, 0x02, 0x03, 0x20, 0x50]));
        assert!(!begins(Codec::Vp8, &[0x90, 0xe0, 0x81, 0x02, 0x03, 0x20, 0x51]));
    }

    #[test]
    fn vp9_key_frames_are_told_from_others() {
        assert!(begins(Codec::Vp9, &[0x88, 0x01]));
        assert!(begins(Codec::Vp9, &[0xa8, 0x81, 0x02, 0x00]));
        assert!(!begins(Codec::Vp9, &[0xa8, 0x81, 0x02, 0x02]), "second spatial layer");
        assert!(!begins(Codec::Vp9, &[0xc8, 0x01]), "inter-predicted");
        assert!(!begins(Codec::Vp9, &[0x80, 0x01]), "continuation");
    }

    #[test]
    fn h264_key_frames_are_told_from_others() {
        let of = |payload: &[u8]| KeyFrame::of(Codec::H264, payload);
        assert_eq!(of(&[0x67, 0x42]), KeyFrame::Begins);
        assert_eq!(of(&[0x78, 0, 2, 0x67, 0x42, 0, 1, 0x68]), KeyFrame::Begins);
        assert_eq!(of(&[0x78, 0, 1, 0x68, 0, 1, 0x65]), KeyFrame::Picture, "no sequence parameters in it");
        assert_eq!(of(&[0x65, 0x00]), KeyFrame::Picture);
        assert_eq!(of(&[0x7c, 0x85, 0x00]), KeyFrame::Picture);
        assert_eq!(of(&[0x7c, 0x05, 0x00]), KeyFrame::No, "middle of an IDR slice");
        assert_eq!(of(&[0x61, 0x00]), KeyFrame::No);
    }

    #[test]
    fn av1_sequences_are_told_from_others() {
        assert!(begins(Codec::Av1, &[0x18, 0x0a]));
        assert!(!begins(Codec::Av1, &[0x10, 0x32]));
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            for codec in [Codec::Opus, Codec::Vp8, Codec::Vp9, Codec::H264, Codec::Av1] {
                let _ = KeyFrame::of(codec, &bytes);
            }
        }
    }
}
