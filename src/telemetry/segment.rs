//! The format of a segment file: how a block becomes a record, and how records are read back from bytes that may be torn
//! or damaged.
//!
//! ```text
//! segment = record*
//! record  = payload length (u32 LE) · CRC-32 of the payload (u32 LE) · CRC-32 of the 8 bytes before (u32 LE) · payload
//! payload = header length (u16 LE) · header (JSON) · the block's bytes
//! ```
//!
//! The head has a checksum of its own so that a damaged payload can be stepped over. There is no search for the next
//! record after a damaged head: blocks hold what a peer sent, and bytes that look like a record inside one must never be
//! taken for one. Records behind a damaged head are still found through the index.

use serde::{Deserialize, Serialize};
use signaling::limits::BLOCK_BYTES_MAX;
use signaling::wire::Leg;
use signaling::{CallId, ConversationId};

use super::{BlockHeader, TelemetryError};

/// Bytes before a record's payload.
pub(super) const HEAD_BYTES: usize = 12;

/// Longest text in a header, bytes: identifiers have at most 64, and a node's name should not be longer either.
const HEADER_TEXT_BYTES_MAX: usize = 64;

/// Longest header, bytes: four texts of [`HEADER_TEXT_BYTES_MAX`], each byte escaped to six, and the numbers.
const HEADER_BYTES_MAX: usize = 2 * 1024;

/// Longest payload, bytes; a length above it is damage.
const PAYLOAD_BYTES_MAX: usize = 2 + HEADER_BYTES_MAX + BLOCK_BYTES_MAX;

/// The header as it is stored. Apart from [`BlockHeader`] so that the file format does not change with the code.
#[derive(Serialize, Deserialize)]
struct StoredHeader {
    conversation: ConversationId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    call: Option<CallId>,
    leg: Leg,
    source: String,
    seq: u32,
    t0_ms: f64,
    codec: String,
}

/// Makes a record.
///
/// # Errors
/// [`TelemetryError::Invalid`] when the header or the bytes are out of bounds.
pub(super) fn encode(header: &BlockHeader, bytes: &[u8]) -> Result<Vec<u8>, TelemetryError> {
    check(header, bytes)?;
    let stored = StoredHeader {
        conversation: header.conversation.clone(),
        call: header.call.clone(),
        leg: header.leg,
        source: header.source.clone(),
        seq: header.seq,
        t0_ms: header.t0_ms,
        codec: header.codec.clone(),
    };
    let json = serde_json::to_vec(&stored).map_err(|_| TelemetryError::Invalid("header has no JSON form"))?;
    let json_len = u16::try_from(json.len()).map_err(|_| TelemetryError::Invalid("header is too long"))?;
    let mut payload = Vec::with_capacity(2 + json.len() + bytes.len());
    payload.extend_from_slice(&json_len.to_le_bytes());
    payload.extend_from_slice(&json);
    payload.extend_from_slice(bytes);
    let payload_len = u32::try_from(payload.len())
        .ok()
        .filter(|_| payload.len() <= PAYLOAD_BYTES_MAX)
        .ok_or(TelemetryError::Invalid("record is too long"))?;
    let mut record = Vec::with_capacity(HEAD_BYTES + payload.len());
    record.extend_from_slice(&payload_len.to_le_bytes());
    record.extend_from_slice(&crc32fast::hash(&payload).to_le_bytes());
    record.extend_from_slice(&crc32fast::hash(&record).to_le_bytes());
    record.extend_from_slice(&payload);
    Ok(record)
}

fn check(header: &BlockHeader, bytes: &[u8]) -> Result<(), TelemetryError> {
    if bytes.len() > BLOCK_BYTES_MAX {
        return Err(TelemetryError::Invalid("block has too many bytes"));
    }
    if !header.t0_ms.is_finite() {
        return Err(TelemetryError::Invalid("t0_ms is not a number"));
    }
    let call = header.call.as_ref().map_or("", CallId::as_str);
    let texts = [header.conversation.as_str(), call, &header.source, &header.codec];
    if texts.iter().any(|text| text.len() > HEADER_TEXT_BYTES_MAX) {
        return Err(TelemetryError::Invalid("a name in the header is too long"));
    }
    Ok(())
}

/// Reads one record that is known to fill `record` exactly. `None` when it is damaged.
pub(super) fn decode(record: &[u8]) -> Option<(BlockHeader, &[u8])> {
    let head = Head::read(record)?;
    let payload = record.get(HEAD_BYTES..)?;
    (payload.len() == head.payload_len).then_some(())?;
    head.open(payload)
}

/// What [`scan`] found at a place in a segment.
#[derive(Debug, PartialEq)]
pub(super) enum Found {
    /// A sound record: where it starts, how long it is, its header.
    Record { offset: usize, len: usize, header: BlockHeader },
    /// A record whose payload is damaged; it is stepped over.
    Damaged { offset: usize },
    /// The rest is no record. `torn` when it is what a crash during the last write leaves behind: it was never
    /// acknowledged and can be cut off.
    End { offset: usize, torn: bool },
}

/// Walks through a segment from its start. The last item is always [`Found::End`].
pub(super) fn scan(bytes: &[u8]) -> impl Iterator<Item = Found> + '_ {
    let mut offset = 0;
    let mut ended = false;
    std::iter::from_fn(move || {
        if ended {
            return None;
        }
        let found = next(bytes, offset);
        match &found {
            Found::Record { len, .. } => offset += len,
            Found::Damaged { .. } => {
                offset += HEAD_BYTES + Head::read(&bytes[offset..]).map_or(0, |head| head.payload_len)
            }
            Found::End { .. } => ended = true,
        }
        Some(found)
    })
}

fn next(bytes: &[u8], offset: usize) -> Found {
    let rest = &bytes[offset..];
    let Some(head) = Head::read(rest) else {
        // Shorter than a head, or a hole that the file system left where data should have come.
        let torn = rest.len() < HEAD_BYTES || rest.iter().all(|byte| *byte == 0);
        return Found::End { offset, torn };
    };
    let len = HEAD_BYTES + head.payload_len;
    let Some(payload) = rest.get(HEAD_BYTES..len) else { return Found::End { offset, torn: true } };
    match head.open(payload) {
        Some((header, _)) => Found::Record { offset, len, header },
        // The very last record: its pages did not all reach the disk.
        None if rest.len() == len => Found::End { offset, torn: true },
        None => Found::Damaged { offset },
    }
}

struct Head {
    payload_len: usize,
    payload_crc: u32,
}

impl Head {
    /// `None` when there are too few bytes or they are no head.
    fn read(bytes: &[u8]) -> Option<Self> {
        let word = |at: usize| bytes.get(at..at + 4).and_then(|word| word.try_into().ok()).map(u32::from_le_bytes);
        let (len, payload_crc, head_crc) = (word(0)?, word(4)?, word(8)?);
        let payload_len = usize::try_from(len).ok().filter(|len| (2..=PAYLOAD_BYTES_MAX).contains(len))?;
        (crc32fast::hash(&bytes[..8]) == head_crc).then_some(Self { payload_len, payload_crc })
    }

    fn open<'p>(&self, payload: &'p [u8]) -> Option<(BlockHeader, &'p [u8])> {
        if crc32fast::hash(payload) != self.payload_crc {
            return None;
        }
        let (json_len, rest) = payload.split_first_chunk::<2>()?;
        let (json, bytes) = rest.split_at_checked(usize::from(u16::from_le_bytes(*json_len)))?;
        let stored: StoredHeader = serde_json::from_slice(json).ok()?;
        let header = BlockHeader {
            conversation: stored.conversation,
            call: stored.call,
            leg: stored.leg,
            source: stored.source,
            seq: stored.seq,
            t0_ms: stored.t0_ms,
            codec: stored.codec,
        };
        Some((header, bytes))
    }
}

#[cfg(test)]
mod tests;
