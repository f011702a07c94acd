//! Writing a trace as an rtcstats dump that rtcstats' own tools open: the call's lanes as `getStats` of two connections,
//! `viewer` and `agent`, delta-compressed; our other lanes as events of methods that those tools pass over.

use serde_json::{Map, Value, json};

use crate::model::{CallSample, Lane, LaneName, PairSample, StreamSample, Trace};
use crate::read::{DUMP_MAGIC, OWN_METHOD};

/// Version of rtcstats' file format.
const FILE_FORMAT: u32 = 3;

/// One line in the making: its time, its order within a second, what it says.
type Line = (i64, u8, Value, Value, Value);

/// The dump as text.
#[must_use]
pub fn rtcstats(trace: &Trace) -> String {
    let mut lines: Vec<Line> = Vec::new();
    connection(&mut lines, "viewer", &trace.viewer_up, &trace.viewer_down);
    connection(&mut lines, "agent", &trace.agent_up, &trace.agent_down);
    own_lanes(&mut lines, trace);
    lines.sort_by_key(|(t_ms, order, ..)| (*t_ms, *order));
    let start = lines.first().map_or(0, |(t_ms, ..)| *t_ms);
    let head = json!({ "fileFormat": FILE_FORMAT, "clientProtocol": "sightline", "startTime": start });
    let mut text = format!("{DUMP_MAGIC}\n{head}\n");
    let mut before = 0;
    for (t_ms, _, method, id, value) in lines {
        let event = json!([method, id, value, t_ms - before]);
        before = t_ms;
        text.push_str(&event.to_string());
        text.push('\n');
    }
    text
}

/// Lanes that are no connection of W3C's, each sample an event.
fn own_lanes(lines: &mut Vec<Line>, trace: &Trace) {
    let json = trace.to_json();
    let Some(lanes) = json.get("lanes").and_then(Value::as_object) else { return };
    let calls =
        [LaneName::ViewerUp, LaneName::ViewerDown, LaneName::AgentUp, LaneName::AgentDown].map(LaneName::as_str);
    for (name, samples) in lanes.iter().filter(|(name, _)| !calls.contains(&name.as_str())) {
        for sample in samples.as_array().into_iter().flatten() {
            #[expect(clippy::cast_possible_truncation, reason = "times of a trace lie far inside an i64")]
            let t_ms = sample.get("t").and_then(Value::as_f64).unwrap_or(0.0) as i64;
            lines.push((t_ms, 2, json!(format!("{OWN_METHOD}{name}")), Value::Null, sample.clone()));
        }
    }
}

fn connection(lines: &mut Vec<Line>, name: &str, up: &Lane<CallSample>, down: &Lane<CallSample>) {
    let mut seconds: Vec<i64> = up.iter().chain(down.iter()).map(|(second, _)| second).collect();
    seconds.sort_unstable();
    seconds.dedup();
    let Some(first) = seconds.first() else { return };
    lines.push((first * 1_000, 0, json!("create"), json!(name), json!({})));
    let (mut ups, mut downs) = (up.iter().peekable(), down.iter().peekable());
    let mut before = Map::new();
    for second in seconds {
        let mut reports = Map::new();
        let sent = ups.next_if(|(at, _)| *at == second);
        let received = downs.next_if(|(at, _)| *at == second);
        if let Some((_, sample)) = sent {
            put_streams(&mut reports, sample, true);
        }
        if let Some((_, sample)) = received {
            put_streams(&mut reports, sample, false);
        }
        let pair = |sample: Option<(i64, &CallSample)>| sample.and_then(|(_, sample)| sample.pair.clone());
        if let Some(pair) = pair(sent).or_else(|| pair(received)) {
            put_pair(&mut reports, &pair);
        }
        push_delta(lines, name, second * 1_000, &before, &reports);
        before = reports;
    }
}

fn push_delta(lines: &mut Vec<Line>, name: &str, t_ms: i64, before: &Map<String, Value>, now: &Map<String, Value>) {
    let mut gone = Map::new();
    let mut delta = Map::new();
    for (id, old) in before {
        // A member can only be taken away with its whole report, which is then told anew.
        let lost = |new: &Value| members(old).any(|(member, _)| new.get(member).is_none());
        if now.get(id).is_none_or(lost) {
            gone.insert(id.clone(), Value::Null);
        }
    }
    for (id, new) in now {
        let old = before.get(id).filter(|_| !gone.contains_key(id));
        let differs =
            |(member, value): &(&String, &Value)| old.and_then(|old| old.get(member.as_str())) != Some(*value);
        let changed: Map<String, Value> =
            members(new).filter(differs).map(|(member, value)| (member.clone(), value.clone())).collect();
        if !changed.is_empty() {
            delta.insert(id.clone(), Value::Object(changed));
        }
    }
    for (order, mut changes) in [(0, gone), (1, delta)] {
        if order == 1 || !changes.is_empty() {
            changes.insert("t".to_owned(), Value::from(t_ms));
            lines.push((t_ms, order, json!("getStats"), json!(name), Value::Object(changes)));
        }
    }
}

fn members(report: &Value) -> impl Iterator<Item = (&String, &Value)> {
    report.as_object().into_iter().flatten()
}

/// A report out of a sample's members and what names it.
fn report<T: serde::Serialize>(sample: &T, more: &[(&str, &str)]) -> Map<String, Value> {
    let mut fields = match serde_json::to_value(sample) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    for (name, value) in more {
        fields.insert((*name).to_owned(), Value::from(*value));
    }
    fields
}

fn put_streams(reports: &mut Map<String, Value>, sample: &CallSample, up: bool) {
    for (kind, stream) in [("video", &sample.video), ("audio", &sample.audio)] {
        let Some(stream) = stream else { continue };
        let direction = if up { "outbound" } else { "inbound" };
        let (id, remote_id) = (format!("{direction}-{kind}"), format!("remote-{kind}"));
        let codec_id = format!("codec-{direction}-{kind}");
        let mut names = vec![("type", if up { "outbound-rtp" } else { "inbound-rtp" }), ("kind", kind)];
        let mut own = stream.clone();
        if let Some(mime_type) = own.mime_type.take() {
            names.push(("codecId", &codec_id));
            let codec = json!({ "type": "codec", "mimeType": mime_type });
            reports.insert(codec_id.clone(), codec);
        }
        if up {
            let remote = StreamSample {
                round_trip_time: own.round_trip_time.take(),
                fraction_lost: own.fraction_lost.take(),
                packets_lost: own.packets_lost.take(),
                jitter: own.jitter.take(),
                ..StreamSample::default()
            };
            if remote != StreamSample::default() {
                names.push(("remoteId", &remote_id));
                let fields = report(&remote, &[("type", "remote-inbound-rtp"), ("kind", kind), ("localId", &id)]);
                reports.insert(remote_id.clone(), Value::Object(fields));
            }
        }
        let fields = report(&own, &names);
        reports.insert(id, Value::Object(fields));
    }
}

fn put_pair(reports: &mut Map<String, Value>, pair: &PairSample) {
    let local = PairSample {
        protocol: pair.protocol.clone(),
        relay_protocol: pair.relay_protocol.clone(),
        network_type: pair.network_type.clone(),
        ..PairSample::default()
    };
    let rates = PairSample {
        current_round_trip_time: pair.current_round_trip_time,
        available_outgoing_bitrate: pair.available_outgoing_bitrate,
        available_incoming_bitrate: pair.available_incoming_bitrate,
        ..PairSample::default()
    };
    let candidate = |sample: &PairSample, kind: &str, candidate: &Option<String>| {
        let mut fields = report(sample, &[("type", kind)]);
        if let Some(candidate) = candidate {
            fields.insert("candidateType".to_owned(), Value::from(candidate.as_str()));
        }
        Value::Object(fields)
    };
    let names = [
        ("type", "candidate-pair"),
        ("state", "succeeded"),
        ("localCandidateId", "local"),
        ("remoteCandidateId", "remote"),
    ];
    let mut fields = report(&rates, &names);
    fields.insert("nominated".to_owned(), Value::Bool(true));
    reports.insert("pair".to_owned(), Value::Object(fields));
    reports.insert("transport".to_owned(), json!({ "type": "transport", "selectedCandidatePairId": "pair" }));
    reports.insert("local".to_owned(), candidate(&local, "local-candidate", &pair.local_candidate_type));
    let remote = candidate(&PairSample::default(), "remote-candidate", &pair.remote_candidate_type);
    reports.insert("remote".to_owned(), remote);
}
