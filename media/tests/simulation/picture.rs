//! What a virtual publisher sends: packets that carry real payload headers of their codec, so that the core sees them as a
//! browser's, and at their end what they are, so that a receiver can tell what it got.

use str0m::format::Codec;

/// Bytes of the description at the end of each payload.
const TRAILER_BYTES: usize = 20;

/// What a packet is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Part {
    /// Who sends it and on which m-line.
    pub(crate) source: Source,
    /// The publisher's sequence number, extended.
    pub(crate) sequence: u64,
    /// Number of the picture in its source, from 0.
    pub(crate) frame: u32,
    /// Number of the packet in its picture.
    pub(crate) index: u16,
    /// Packets of the picture.
    pub(crate) count: u16,
    /// Whether the picture is a key frame.
    pub(crate) key: bool,
}

/// A source: index of the participant, index of the m-line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Source {
    pub(crate) participant: u16,
    pub(crate) line: u8,
}

impl Part {
    /// Whether a decoder may begin here.
    pub(crate) fn begins_key_frame(&self) -> bool {
        self.key && self.index == 0
    }

    /// The payload, of about `bytes`.
    pub(crate) fn payload(&self, codec: Codec, bytes: usize) -> Vec<u8> {
        let mut payload = header(codec, self);
        payload.resize((bytes - TRAILER_BYTES).max(payload.len()), self.sequence as u8);
        payload.extend_from_slice(&self.source.participant.to_be_bytes());
        payload.extend_from_slice(&[self.source.line, u8::from(self.key)]);
        payload.extend_from_slice(&self.sequence.to_be_bytes());
        payload.extend_from_slice(&self.frame.to_be_bytes());
        payload.extend_from_slice(&self.index.to_be_bytes());
        payload.extend_from_slice(&self.count.to_be_bytes());
        payload
    }

    /// Reads the description of a payload.
    pub(crate) fn of(payload: &[u8]) -> Self {
        let t: [u8; TRAILER_BYTES] = *payload.last_chunk().expect("a payload of ours");
        let short = |at: usize| u16::from_be_bytes([t[at], t[at + 1]]);
        Self {
            source: Source { participant: short(0), line: t[2] },
            key: t[3] != 0,
            sequence: u64::from_be_bytes(t[4..12].try_into().expect("eight bytes")),
            frame: u32::from_be_bytes(t[12..16].try_into().expect("four bytes")),
            index: short(16),
            count: short(18),
        }
    }
}

/// How browsers begin a payload of each codec.
fn header(codec: Codec, part: &Part) -> Vec<u8> {
    let (first, last) = (part.index == 0, part.index + 1 == part.count);
    let [high, low] = (part.frame as u16 | 0x8000).to_be_bytes();
    match codec {
        // RFC 7741: descriptor with a picture id of 15 bits, and the payload header's key frame bit, inverted.
        Codec::Vp8 => vec![0x80 | if first { 0x10 } else { 0 }, 0x80, high, low, u8::from(!part.key)],
        // RFC 9628, flexible mode: picture id, inter-predicted, begins, ends.
        Codec::Vp9 => {
            let (predicted, begins, ends) = (u8::from(!part.key) << 6, u8::from(first) << 3, u8::from(last) << 2);
            vec![0x90 | predicted | begins | ends, high, low]
        }
        // RFC 6184: a FU-A; key frames have their parameter sets in a STAP-A of their own before it.
        Codec::H264 if part.key && first => vec![0x78, 0, 2, 0x67, 0x42, 0, 2, 0x68, 0xce],
        Codec::H264 => {
            let begins = if part.index == u16::from(part.key) { 0x80 } else { 0 };
            vec![0x7c, begins | if last { 0x40 } else { 0 } | if part.key { 5 } else { 1 }]
        }
        // AOM: one OBU element; Z continues, Y goes on, N begins a coded video sequence.
        Codec::Av1 => {
            let (continues, goes_on) = (u8::from(!first) << 7, u8::from(!last) << 6);
            vec![continues | goes_on | 0x10 | if part.begins_key_frame() { 0x08 } else { 0 }, 0x32]
        }
        _ => vec![0xfc],
    }
}
