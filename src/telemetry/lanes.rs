//! Reading blocks: which lanes a block holds, and its samples.
//!
//! A block's bytes come from a peer. Its codec is `json1`, a JSON array of samples of the lane that is named like the leg, or
//! `lanes1`, several lanes by columns of differences, or `lanes1z`, the same deflated (docs/protocol.md). What cannot be
//! decoded, is too large, or is not for this leg to say, is left out.

use diagnosis::LaneName;
use serde_json::{Map, Value, json};
use signaling::wire::Leg;

/// Largest document after inflating, bytes: a minute of all lanes of a page has some 60 KB as JSON.
const DOCUMENT_BYTES_MAX: usize = 512 * 1024;
/// Most rows of one lane in one block: a minute before the chat with a dozen requests a second.
const ROWS_MAX: usize = 2_000;
/// Most columns of one lane; `getStats` of both kinds of media fills sixty.
const COLUMNS_MAX: usize = 200;
/// Most cells that one block may fill, so that constants cannot be blown up.
const CELLS_MAX: usize = 200_000;
/// Levels of a nested member: `agent.audio.in.packets`.
const DEPTH_MAX: usize = 4;
/// Largest scale: differences are in units of 10^-6 at the finest.
const SCALE_MAX: u64 = 6;

/// The lane that a leg's `json1` blocks hold.
fn own_lane(leg: Leg) -> LaneName {
    match leg {
        Leg::Player => LaneName::Player,
        Leg::ViewerUp => LaneName::ViewerUp,
        Leg::AgentDown => LaneName::AgentDown,
        Leg::Server => LaneName::Server,
    }
}

/// Whether whoever reports a leg may fill a lane.
fn may_fill(leg: Leg, lane: LaneName) -> bool {
    use LaneName as L;
    match leg {
        Leg::Player => {
            matches!(lane, L::Player | L::Segments | L::Picture | L::Device | L::Preflights | L::Marks)
        }
        Leg::ViewerUp => matches!(lane, L::ViewerUp | L::ViewerDown | L::Marks),
        Leg::AgentDown => {
            matches!(lane, L::AgentDown | L::AgentUp | L::AgentDevice | L::Surface | L::Preflights | L::Marks)
        }
        Leg::Server => matches!(lane, L::Server | L::Others | L::References | L::Marks),
    }
}

/// The samples of a block, by lane; `None` when it cannot be decoded at all.
pub(super) fn decode(leg: Leg, codec: &str, bytes: &[u8]) -> Option<Vec<(LaneName, Vec<Value>)>> {
    match codec {
        "json1" => Some(vec![(own_lane(leg), serde_json::from_slice(bytes).ok()?)]),
        "lanes1" => document(leg, bytes),
        "lanes1z" => {
            let inflated = miniz_oxide::inflate::decompress_to_vec_with_limit(bytes, DOCUMENT_BYTES_MAX).ok()?;
            document(leg, &inflated)
        }
        _ => None,
    }
}

/// Whether a codec is one of ours.
pub fn is_codec(codec: &str) -> bool {
    matches!(codec, "json1" | "lanes1" | "lanes1z")
}

/// A document of codec `lanes1` with one lane, for samples of our own.
#[must_use]
pub fn lanes_document(lane: LaneName, samples: &[Value]) -> Value {
    let mut columns: Map<String, Value> = Map::new();
    for (row, sample) in samples.iter().enumerate() {
        for (name, value) in sample.as_object().into_iter().flatten() {
            let column =
                columns.entry(name.clone()).or_insert_with(|| json!({ "v": vec![Value::Null; samples.len()] }));
            column["v"][row] = value.clone();
        }
    }
    json!({ "lanes": { lane.as_str(): { "n": samples.len(), "c": columns } } })
}

fn document(leg: Leg, bytes: &[u8]) -> Option<Vec<(LaneName, Vec<Value>)>> {
    if bytes.len() > DOCUMENT_BYTES_MAX {
        return None;
    }
    let document: Value = serde_json::from_slice(bytes).ok()?;
    let lanes = document.get("lanes")?.as_object()?;
    let mut cells = 0;
    let known = lanes.iter().filter_map(|(name, lane)| {
        let name = LaneName::ALL.iter().copied().find(|known| known.as_str() == name)?;
        may_fill(leg, name).then_some(())?;
        Some((name, rows(lane, &mut cells)?))
    });
    Some(known.collect())
}

/// The rows of one lane. A column that is no column is left out.
fn rows(lane: &Value, cells: &mut usize) -> Option<Vec<Value>> {
    let count = usize::try_from(lane.get("n")?.as_u64()?).ok().filter(|count| *count <= ROWS_MAX)?;
    let columns = lane.get("c")?.as_object()?;
    *cells += count.checked_mul(columns.len())?;
    if columns.len() > COLUMNS_MAX || *cells > CELLS_MAX {
        return None;
    }
    let mut rows = vec![Map::new(); count];
    for (path, column) in columns {
        if path.split('.').count() > DEPTH_MAX {
            continue;
        }
        let Some(values) = values(column, count) else { continue };
        for (row, value) in rows.iter_mut().zip(values) {
            if let Some(value) = value {
                put(row, path, value);
            }
        }
    }
    Some(rows.into_iter().map(Value::Object).collect())
}

/// A column's values; `None` in it where a row has none.
fn values(column: &Value, count: usize) -> Option<Vec<Option<Value>>> {
    if let Some(value) = column.get("k") {
        return Some(vec![(!value.is_null()).then(|| value.clone()); count]);
    }
    let list = |name: &str| column.get(name)?.as_array().filter(|list| list.len() == count);
    if let Some(list) = list("v") {
        return Some(list.iter().map(|value| (!value.is_null()).then(|| value.clone())).collect());
    }
    let scale = column.get("s").map_or(Some(0), Value::as_u64).filter(|scale| *scale <= SCALE_MAX)?;
    let unit = 10f64.powi(i32::try_from(scale).ok()?);
    let mut sum: i64 = 0;
    let steps = list("d")?.iter().map(|step| match step {
        Value::Null => Some(None),
        step => {
            sum = sum.checked_add(step.as_i64()?)?;
            Some(Some(number(sum, scale, unit)))
        }
    });
    steps.collect()
}

fn number(sum: i64, scale: u64, unit: f64) -> Value {
    #[expect(clippy::cast_precision_loss, reason = "clients keep to integers that a double holds")]
    if scale == 0 { Value::from(sum) } else { Value::from(sum as f64 / unit) }
}

/// Puts a value at a path of members. Where a path runs through a value that is no object, it is left out.
fn put(row: &mut Map<String, Value>, path: &str, value: Value) {
    match path.split_once('.') {
        None => {
            row.insert(path.to_owned(), value);
        }
        Some((first, rest)) => {
            let inner = row.entry(first).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_documents_are_read_back() {
        let rows =
            [json!({"t": 5, "scope": "edge", "affected": 3}), json!({"t": 5, "scope": "network", "baseline": 0.5})];
        let document = lanes_document(LaneName::Others, &rows).to_string();
        let read = decode(Leg::Server, "lanes1", document.as_bytes()).expect("a document");
        assert_eq!(read, [(LaneName::Others, rows.to_vec())]);
    }

    fn lanes(leg: Leg, document: &Value) -> Vec<(LaneName, Vec<Value>)> {
        decode(leg, "lanes1", document.to_string().as_bytes()).expect("a document")
    }

    #[test]
    fn columns_become_samples_and_absent_stays_absent() {
        let document = json!({"lanes": {"viewer_up": {"n": 3, "c": {
            "t": {"d": [5000, 1000, 1000]},
            "video.bytesSent": {"d": [100, null, 50]},
            "video.mimeType": {"k": "video/VP8"},
            "pair.currentRoundTripTime": {"d": [12, 3, -5], "s": 3},
            "video.qualityLimitationReason": {"v": [null, "cpu", "none"]},
        }}}});
        let expected = [
            json!({"t": 5000, "video": {"bytesSent": 100, "mimeType": "video/VP8"}, "pair": {"currentRoundTripTime": 0.012}}),
            json!({"t": 6000, "video": {"mimeType": "video/VP8", "qualityLimitationReason": "cpu"}, "pair": {"currentRoundTripTime": 0.015}}),
            json!({"t": 7000, "video": {"bytesSent": 150, "mimeType": "video/VP8", "qualityLimitationReason": "none"}, "pair": {"currentRoundTripTime": 0.01}}),
        ];
        assert_eq!(lanes(Leg::ViewerUp, &document), [(LaneName::ViewerUp, expected.to_vec())]);
    }

    #[test]
    fn nobody_fills_the_lanes_of_others() {
        let lane = json!({"n": 1, "c": {"t": {"k": 1000}}});
        let document =
            json!({"lanes": {"player": lane, "others": lane, "server": lane, "agent_down": lane, "nonsense": lane}});
        let names = |leg| lanes(leg, &document).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(names(Leg::Player), [LaneName::Player]);
        assert_eq!(names(Leg::AgentDown), [LaneName::AgentDown]);
        assert_eq!(names(Leg::Server), [LaneName::Others, LaneName::Server]);
    }

    #[test]
    fn what_is_too_large_or_no_document_is_refused() {
        assert_eq!(decode(Leg::Player, "lanes1", b"[]"), None);
        assert_eq!(decode(Leg::Player, "lanes9", b"{}"), None);
        assert_eq!(decode(Leg::Player, "lanes1z", b"not deflated"), None);
        let bomb = miniz_oxide::deflate::compress_to_vec(&vec![b' '; 4 * DOCUMENT_BYTES_MAX], 9);
        assert_eq!(decode(Leg::Player, "lanes1z", &bomb), None);
        let many = json!({"lanes": {"player": {"n": 1_000_000, "c": {"t": {"k": 0}}}}});
        assert_eq!(lanes(Leg::Player, &many), []);
        let overflow =
            json!({"lanes": {"player": {"n": 2, "c": {"t": {"d": [i64::MAX, 1]}, "a.b": {"k": 1}, "a": {"k": 2}}}}});
        assert_eq!(lanes(Leg::Player, &overflow)[0].1.len(), 2);
    }

    #[test]
    fn deflated_is_the_same() {
        let document = json!({"lanes": {"marks": {"n": 1, "c": {"t": {"k": 7}, "kind": {"k": "hidden"}}}}}).to_string();
        let deflated = miniz_oxide::deflate::compress_to_vec(document.as_bytes(), 6);
        let samples = decode(Leg::Player, "lanes1z", &deflated).expect("inflates");
        assert_eq!(samples, [(LaneName::Marks, vec![json!({"t": 7, "kind": "hidden"})])]);
    }
}
