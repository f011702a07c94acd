//! Records: what goes in comes out, and nothing else does, whatever happens to the bytes in between.

use proptest::prelude::*;

use super::*;

fn header(seq: u32) -> BlockHeader {
    BlockHeader {
        conversation: ConversationId::from("c_00000000000000000000000001"),
        call: seq.is_multiple_of(2).then(|| CallId::from("k_00000000000000000000000001")),
        leg: Leg::ViewerUp,
        source: "s0urce".to_owned(),
        seq,
        t0_ms: 1_790_000_000_000.5,
        codec: "json1".to_owned(),
    }
}

/// A segment of three records and where each ends.
fn three() -> (Vec<u8>, Vec<usize>) {
    let mut bytes = Vec::new();
    let mut ends = Vec::new();
    for seq in 0..3 {
        bytes.extend(encode(&header(seq), format!("[{{\"t\":{seq}}}]").as_bytes()).expect("it fits"));
        ends.push(bytes.len());
    }
    (bytes, ends)
}

fn seqs(bytes: &[u8]) -> Vec<u32> {
    scan(bytes)
        .filter_map(|found| match found {
            Found::Record { header, .. } => Some(header.seq),
            _ => None,
        })
        .collect()
}

fn end(bytes: &[u8]) -> Found {
    scan(bytes).last().expect("a scan ends")
}

#[test]
fn a_record_comes_out_as_it_went_in() {
    let bytes = [0, 1, 2, 255];
    let record = encode(&header(7), &bytes).expect("it fits");
    assert_eq!(decode(&record), Some((header(7), &bytes[..])));
    let (segment, ends) = three();
    assert_eq!(seqs(&segment), [0, 1, 2]);
    assert_eq!(end(&segment), Found::End { offset: ends[2], torn: true });
    assert_eq!(end(&[]), Found::End { offset: 0, torn: true });
}

#[test]
fn what_is_out_of_bounds_is_refused() {
    let refused = |header: BlockHeader, bytes: &[u8]| matches!(encode(&header, bytes), Err(TelemetryError::Invalid(_)));
    assert!(!refused(header(0), &vec![b'x'; BLOCK_BYTES_MAX]));
    assert!(refused(header(0), &vec![b'x'; BLOCK_BYTES_MAX + 1]));
    assert!(refused(BlockHeader { t0_ms: f64::NAN, ..header(0) }, b"[]"));
    assert!(refused(BlockHeader { source: "x".repeat(65), ..header(0) }, b"[]"));
    let worst = "\u{1}".repeat(HEADER_TEXT_BYTES_MAX);
    let escaped = BlockHeader {
        conversation: ConversationId(worst.clone()),
        call: Some(CallId(worst.clone())),
        source: worst.clone(),
        codec: worst,
        ..header(0)
    };
    let record = encode(&escaped, &vec![0; BLOCK_BYTES_MAX]).expect("the worst header fits");
    assert_eq!(decode(&record).map(|(header, _)| header), Some(escaped));
}

#[test]
fn a_tail_torn_at_any_byte_is_cut_there() {
    let (segment, ends) = three();
    for len in ends[1]..ends[2] {
        assert_eq!(seqs(&segment[..len]), [0, 1], "torn after {len} bytes");
        assert_eq!(end(&segment[..len]), Found::End { offset: ends[1], torn: true }, "torn after {len} bytes");
        // The file was made longer, but the bytes never came.
        let mut holed = segment[..len].to_vec();
        holed.resize(ends[2], 0);
        if holed != segment {
            assert_eq!(seqs(&holed), [0, 1], "a hole after {len} bytes");
        }
    }
}

#[test]
fn a_damaged_payload_is_stepped_over_and_a_damaged_head_is_not_cut() {
    let (segment, ends) = three();
    let mut payload = segment.clone();
    payload[ends[0] + HEAD_BYTES + 5] ^= 1;
    assert_eq!(seqs(&payload), [0, 2]);
    assert!(scan(&payload).any(|found| found == Found::Damaged { offset: ends[0] }));
    let mut head = segment;
    head[ends[0] + 1] ^= 1;
    assert_eq!(seqs(&head), [0]);
    assert_eq!(end(&head), Found::End { offset: ends[0], torn: false });
}

#[test]
fn bytes_that_look_like_a_record_are_not_one() {
    let forged = encode(&BlockHeader { conversation: ConversationId::from("c_of_someone_else"), ..header(9) }, b"[]")
        .expect("it fits");
    let outer = encode(&header(1), &forged).expect("it fits");
    for len in 0..=outer.len() {
        assert!(!seqs(&outer[..len]).contains(&9), "torn after {len} bytes");
    }
    for byte in 0..outer.len() {
        let mut damaged = outer.clone();
        damaged[byte] ^= 0x40;
        assert!(!seqs(&damaged).contains(&9), "damaged at byte {byte}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_scanned_to_their_end(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let found: Vec<_> = scan(&bytes).collect();
        let ended = matches!(found.last(), Some(Found::End { .. }));
        prop_assert!(ended, "the scan stops before its end");
        let _ = decode(&bytes);
    }

    #[test]
    fn damage_never_changes_what_a_record_says(at in 0usize..1_000, flip in 1u8..=255) {
        let (mut bytes, _) = three();
        let at = at % bytes.len();
        bytes[at] ^= flip;
        for found in scan(&bytes) {
            if let Found::Record { offset, len, header: read } = found {
                prop_assert_eq!(&read, &header(read.seq));
                prop_assert!(decode(&bytes[offset..offset + len]).is_some());
            }
        }
    }
}
