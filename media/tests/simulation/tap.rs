//! Reads the RTP headers that pass on the wire: SRTP leaves them in the clear.

use std::collections::BTreeMap;

/// An RTP header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) ssrc: u32,
    pub(crate) marker: bool,
}

impl Header {
    /// None if the datagram is not RTP (RFC 7983, RFC 5761).
    pub(crate) fn of(datagram: &[u8]) -> Option<Self> {
        if datagram.len() < 12 || !(128..192).contains(&datagram[0]) || (64..96).contains(&(datagram[1] & 0x7f)) {
            return None;
        }
        let word = |at: usize| u32::from_be_bytes(datagram[at..at + 4].try_into().expect("four bytes"));
        Some(Self {
            sequence: u16::from_be_bytes([datagram[2], datagram[3]]),
            timestamp: word(4),
            ssrc: word(8),
            marker: datagram[1] & 0x80 != 0,
        })
    }
}

/// One stream as it was sent: by number, extended.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    highest: Option<u64>,
    pub(crate) sent: BTreeMap<u64, Sent>,
    /// Numbers sent more than once.
    pub(crate) twice: Vec<u64>,
}

/// A packet as it was sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sent {
    pub(crate) timestamp: u32,
    pub(crate) at_ms: u64,
}

impl Stream {
    pub(crate) fn note(&mut self, header: Header, at_ms: u64) {
        let number = extend(self.highest, header.sequence);
        self.highest = self.highest.max(Some(number));
        if self.sent.insert(number, Sent { timestamp: header.timestamp, at_ms }).is_some() {
            self.twice.push(number);
        }
    }
}

/// The number nearest to `highest` that ends in these 16 bits.
pub(crate) fn extend(highest: Option<u64>, sequence: u16) -> u64 {
    let Some(highest) = highest else { return u64::from(sequence) };
    let ahead = sequence.wrapping_sub(highest as u16) as i16;
    highest.saturating_add_signed(i64::from(ahead))
}
