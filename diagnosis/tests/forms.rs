//! Files of every form: the same data give the same cause, and damaged or hostile ones an error with a place, or what is left.

mod support;

use diagnosis::model::{LaneName, Trace};
use diagnosis::read::Form;
use diagnosis::{Cause, ReadError, diagnose, parse};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use support::{Call, PAGE, Page, START, call, page, preflight};

fn faulty() -> Trace {
    let mut trace = Trace::new();
    page(
        &mut trace,
        PAGE,
        60,
        |s| if s >= 40 { Page { load: 1.6, ..Page::default().stalled() } } else { Page::default() },
    );
    call(&mut trace, 10, 50, |s| Call { in_loss: if s > 25 { 0.08 } else { 0.0 }, ..Call::default() });
    trace.preflights.push(preflight(55, 0.06, 9.0, 40.0, 60.0));
    trace
}

/// The call's lanes alone, as other tools record them.
fn calls_only(trace: &Trace) -> Trace {
    Trace { viewer_up: trace.viewer_up.clone(), ..Trace::new() }
}

/// W3C reports of the viewer's connection, second by second.
fn readings(trace: &Trace) -> Vec<(i64, Map<String, Value>)> {
    let reading = |(second, sample): (i64, &diagnosis::model::CallSample)| {
        let t = second * 1_000 + 130;
        let mut out = serde_json::to_value(sample.video.clone()).expect("JSON");
        let mut remote = json!({"type": "remote-inbound-rtp", "kind": "video", "localId": "OT01V1", "timestamp": t});
        for name in ["fractionLost", "packetsLost", "jitter", "roundTripTime"] {
            if let Some(value) = out.as_object_mut().and_then(|out| out.remove(name)) {
                remote[name] = value;
            }
        }
        for (name, value) in [
            ("type", json!("outbound-rtp")),
            ("kind", json!("video")),
            ("remoteId", json!("RI-7")),
            ("timestamp", json!(t)),
            ("codecId", json!("C-96")),
        ] {
            out[name] = value;
        }
        let rtt = sample.pair.as_ref().and_then(|pair| pair.current_round_trip_time);
        let rate = sample.pair.as_ref().and_then(|pair| pair.available_outgoing_bitrate);
        let reports = json!({
            "OT01V1": out, "RI-7": remote,
            "T01": {"type": "transport", "selectedCandidatePairId": "CP-a-b", "timestamp": t},
            "CP-a-b": {"type": "candidate-pair", "localCandidateId": "L-1", "remoteCandidateId": "R-1", "nominated": true,
                       "state": "succeeded", "currentRoundTripTime": rtt, "availableOutgoingBitrate": rate, "timestamp": t},
            "L-1": {"type": "local-candidate", "candidateType": "host", "protocol": "udp", "timestamp": t},
            "R-1": {"type": "remote-candidate", "candidateType": "host", "protocol": "udp", "timestamp": t},
            "C-96": {"type": "codec", "mimeType": "video/VP8", "timestamp": t},
        });
        (t, reports.as_object().expect("object").clone())
    };
    trace.viewer_up.iter().map(reading).collect()
}

fn series(trace: &Trace) -> Vec<Value> {
    readings(trace).into_iter().map(|(t, reports)| json!({"timestamp": t, "reports": reports})).collect()
}

fn internals(trace: &Trace) -> Value {
    let readings = readings(trace);
    let mut columns: Map<String, Value> = Map::new();
    for (_, reports) in &readings {
        for (id, report) in reports {
            for (member, value) in report.as_object().expect("object") {
                if member != "type" {
                    let column = columns.entry(format!("{id}-{member}")).or_insert_with(|| {
                        json!({"startTime": "2026-09-21T14:13:30.130Z", "endTime": "2026-09-21T14:14:19.130Z",
                               "statsType": report["type"], "values": []})
                    });
                    column["values"].as_array_mut().expect("list").push(value.clone());
                }
            }
        }
    }
    for column in columns.values_mut() {
        column["values"] = Value::from(column["values"].to_string());
    }
    columns.insert("OT01V1-[bytesSent_in_bits/s]".to_owned(), json!({"statsType": "outbound-rtp", "values": "[1,2]"}));
    json!({"UserAgent": "x", "PeerConnections": {"12-1": {"pid": 1, "updateLog": [], "stats": columns}}})
}

/// As rtcstats wrote it until 2024: names in full, zero for the common time, the time of each line since 1970.
fn rtcstats_before(trace: &Trace) -> String {
    let mut text = "RTCStatsDump\n{\"fileFormat\":2}\n[\"create\",\"PC_0\",{},1790000000000]\n".to_owned();
    let mut before: Map<String, Value> = Map::new();
    for (t, reports) in readings(trace) {
        let mut delta = Map::new();
        for (id, report) in &reports {
            let changed = report.as_object().expect("object").iter().filter(|(name, value)| {
                *name == "timestamp" || before.get(id).and_then(|old| old.get(name.as_str())) != Some(value)
            });
            let mut changed: Map<String, Value> = changed.map(|(name, value)| (name.clone(), value.clone())).collect();
            changed.insert("timestamp".to_owned(), json!(0));
            delta.insert(id.clone(), Value::Object(changed));
        }
        delta.insert("timestamp".to_owned(), json!(t));
        text.push_str(&format!("{}\n", json!(["getstats", "PC_0", delta, t])));
        before = reports;
    }
    text
}

/// As it writes today: numbers for names, unchanged reports left out, times as distances.
fn rtcstats_today(trace: &Trace) -> String {
    let names = [
        ("type", "type"),
        ("kind", "11"),
        ("bytesSent", "80"),
        ("packetsSent", "79"),
        ("fractionLost", "77"),
        ("packetsLost", "15"),
        ("jitter", "16"),
        ("currentRoundTripTime", "152"),
    ];
    let types = [
        ("outbound-rtp", 2),
        ("remote-inbound-rtp", 3),
        ("transport", 5),
        ("candidate-pair", 6),
        ("local-candidate", 7),
        ("remote-candidate", 8),
        ("codec", 14),
    ];
    let mut text = "RTCStatsDump\n{\"fileFormat\":3,\"clientProtocol\":\"rtcstats#4.0\"}\n".to_owned();
    let (mut before, mut last): (Map<String, Value>, i64) = (Map::new(), 0);
    for (t, reports) in readings(trace) {
        let mut delta = Map::new();
        for (id, report) in &reports {
            let mut changed = Map::new();
            for (name, value) in report.as_object().expect("object") {
                if name == "timestamp" || before.get(id).and_then(|old| old.get(name.as_str())) == Some(value) {
                    continue;
                }
                let short = names.iter().find(|(long, _)| long == name).map_or(name.as_str(), |(_, short)| short);
                let number =
                    types.iter().find(|(long, _)| value == long && name == "type").map(|(_, number)| json!(number));
                changed.insert(short.to_owned(), number.unwrap_or_else(|| value.clone()));
            }
            if !changed.is_empty() {
                delta.insert(id.clone(), Value::Object(changed));
            }
        }
        delta.insert("t".to_owned(), json!(t));
        text.push_str(&format!("{}\n", json!(["g", "PC_0", delta, t - last])));
        (before, last) = (reports, t);
    }
    text
}

fn check(bytes: &[u8], form: Form, expected: &Trace) {
    let parsed = parse(bytes).expect("reads");
    assert_eq!(parsed.form, form);
    assert_eq!(parsed.trace.viewer_up.len(), expected.viewer_up.len(), "{:?}", parsed.remarks);
    let (theirs, ours) = (diagnose(&parsed.trace, None), diagnose(expected, None));
    assert_eq!(theirs.verdict.cause, ours.verdict.cause, "{:#?}", theirs.verdict);
    assert_eq!(theirs.verdict.cause, Cause::ViewerNetwork);
    assert!(parsed.lanes_missing.contains(&LaneName::Player));
    assert!((theirs.verdict.confidence - ours.verdict.confidence).abs() < 0.01);
}

#[test]
fn other_tools_files_give_the_cause_of_our_own() {
    let ours = calls_only(&faulty());
    check(ours.to_json().to_string().as_bytes(), Form::Sightline, &ours);
    check(internals(&ours).to_string().as_bytes(), Form::WebrtcInternals, &ours);
    check(json!(series(&ours)).to_string().as_bytes(), Form::GetStatsSeries, &ours);
    check(rtcstats_before(&ours).as_bytes(), Form::Rtcstats, &ours);
    check(rtcstats_today(&ours).as_bytes(), Form::Rtcstats, &ours);
    let events: Vec<Value> = readings(&ours)
        .into_iter()
        .map(|(t, value)| json!({"type": "getStats", "value": value.clone(), "time": t, "x": value.len()}))
        .collect();
    check(json!({"peerConnections": {"PC_0": events}}).to_string().as_bytes(), Form::Rtcstats, &ours);
    check(json!({"PC_0": events}).to_string().as_bytes(), Form::Rtcstats, &ours);
}

#[test]
fn reports_may_come_as_lists_or_pairs_and_in_any_order() {
    let ours = calls_only(&faulty());
    let mut as_pairs = series(&ours);
    for (number, item) in as_pairs.iter_mut().enumerate() {
        let reports = item["reports"].as_object().expect("object").clone();
        let list = |(id, mut report): (String, Value)| {
            report["id"] = json!(id);
            if number % 2 == 0 { report } else { json!([id, report]) }
        };
        item["reports"] = reports.into_iter().map(list).collect();
    }
    as_pairs.reverse();
    let twice: Vec<Value> = as_pairs.iter().chain(&as_pairs).cloned().collect();
    check(json!(twice).to_string().as_bytes(), Form::GetStatsSeries, &ours);
}

/// Equal but for the last bit of numbers, which a parser may round.
fn alike(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().expect("number"), b.as_f64().expect("number"));
            (a - b).abs() <= 1e-12 * a.abs().max(1.0)
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| alike(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| alike(a, b)))
        }
        _ => a == b,
    }
}

#[test]
fn our_rtcstats_dump_holds_everything() {
    let ours = faulty();
    let parsed = parse(diagnosis::write::rtcstats(&ours).as_bytes()).expect("reads");
    assert_eq!((parsed.form, parsed.remarks.len()), (Form::Rtcstats, 0), "{:?}", parsed.remarks);
    assert!(alike(&parsed.trace.to_json(), &ours.to_json()));
    let (theirs, own) = (diagnose(&parsed.trace, None), diagnose(&ours, None));
    assert_eq!((theirs.verdict.cause, theirs.verdict.summary), (own.verdict.cause, own.verdict.summary));
    assert_eq!(theirs.issues.len(), own.issues.len());
    let again = parse(ours.to_json().to_string().as_bytes()).expect("reads");
    assert!(alike(&again.trace.to_json(), &ours.to_json()));
}

#[test]
fn a_ticket_s_download_of_today_is_read() {
    let t = |second: i64| (START + second) * 1_000;
    let samples: Vec<Value> = (0..30)
        .map(|s| {
            json!({"t": t(s), "currentTime": 100 + s, "paused": false, "stalls": 0, "stalledMs": 0,
        "waiting": false, "droppedVideoFrames": null, "totalVideoFrames": 30 * s, "hidden": false, "sharing": false})
        })
        .collect();
    let legs = json!([{"leg": "server", "series": {"samples": [{"t": t(5), "in": {"packets": 1, "rtt_ms": null}}]}},
                      {"leg": "moon", "series": {"samples": []}}]);
    let file = json!({"format": "sightline-telemetry/1", "ticket": 1001, "player": {"samples": samples},
        "calls": [{"id": "k_1", "accepted_at_ms": t(4), "ended_at_ms": t(20), "surface": "screen", "legs": legs}]});
    let parsed = parse(file.to_string().as_bytes()).expect("reads");
    assert_eq!((parsed.trace.player.len(), parsed.trace.server.len(), parsed.trace.marks.len()), (30, 1, 2));
    assert_eq!(parsed.remarks.len(), 1, "{:?}", parsed.remarks);
    assert_eq!(diagnose(&parsed.trace, None).verdict.cause, Cause::NoneObserved);
}

#[test]
fn errors_name_what_and_where() {
    let message = |bytes: &[u8]| parse(bytes).expect_err("refused").to_string();
    assert_eq!(parse(b" \n").err(), Some(ReadError::Empty));
    assert!(message(b"\x1f\x8b\x08").contains("gzip"));
    assert!(message(b"{\"format\": \"sightline-tel").contains("line 1, column"));
    assert!(message(b"\xff\xfe").contains("byte 0"));
    assert!(message(b"{\"a\": 1}").contains("PeerConnections"));
    assert!(message(b"7").contains("number"));
    assert!(message(b"{\"format\": \"other/9\"}").contains("other/9"));
    assert!(message(b"{\"format\": \"sightline-telemetry/1\", \"calls\": 7}").contains("calls"));
    assert!(message(b"{\"PeerConnections\": []}").contains("PeerConnections"));
    assert!(message(b"RTCStatsDump\n{}\n[\"getSt").contains("line 3"));
    assert!(message(b"[{\"timestamp\": 1}]").contains("[0]: no `reports`"));
    assert!(message("[".repeat(100_000).as_bytes()).contains("line 1"));
    let cut = faulty().to_json().to_string();
    assert!(message(&cut.as_bytes()[..cut.len() / 2]).contains("ends too early"));
}

#[test]
fn a_dump_that_was_cut_off_gives_what_it_has() {
    let text = rtcstats_before(&calls_only(&faulty()));
    let parsed = parse(&text.as_bytes()[..text.len() - 200]).expect("reads");
    assert!(parsed.remarks[0].contains("1 lines are not JSON"), "{:?}", parsed.remarks);
    assert!(parsed.trace.viewer_up.len() > 40);
}

/// Any JSON, with the names that readers look for.
fn any_json() -> impl Strategy<Value = Value> {
    let name = prop::sample::select(vec![
        "t",
        "type",
        "value",
        "timestamp",
        "reports",
        "stats",
        "PeerConnections",
        "peerConnections",
        "values",
        "statsType",
        "lanes",
        "player",
        "calls",
        "legs",
        "leg",
        "series",
        "samples",
        "format",
        "video",
        "pair",
        "outbound-rtp",
        "kind",
        "a-timestamp",
        "a-b",
        "id",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(|n| json!(n)),
        any::<i64>().prop_map(Value::from),
        name.clone().prop_map(Value::from),
        "[a-z\\[\\],0-9-]{0,12}".prop_map(Value::from),
        Just(json!(START * 1_000))
    ];
    leaf.prop_recursive(5, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((name.clone(), inner), 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = parse(&bytes);
    }

    #[test]
    fn no_json_panics(value in any_json(), lines in any::<bool>()) {
        let text = if lines { format!("RTCStatsDump\n{{}}\n{value}\n") } else { value.to_string() };
        if let Ok(parsed) = parse(text.as_bytes()) {
            let _ = serde_json::to_string(&diagnose(&parsed.trace, None)).expect("JSON");
        }
    }

    #[test]
    fn no_damage_panics(form in 0usize..4, cut in 0.0..1.0f64, flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6)) {
        let mut trace = Trace::new();
        page(&mut trace, PAGE, 8, |_| Page::default());
        call(&mut trace, 0, 8, |_| Call::default());
        let mut bytes = match form {
            0 => trace.to_json().to_string(),
            1 => internals(&calls_only(&trace)).to_string(),
            2 => json!(series(&calls_only(&trace))).to_string(),
            _ => diagnosis::write::rtcstats(&trace),
        }.into_bytes();
        for (place, byte) in flips {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a place in a small file")]
        bytes.truncate((bytes.len() as f64 * (1.0 - cut * cut * cut)) as usize);
        if let Ok(parsed) = parse(&bytes) {
            let _ = serde_json::to_string(&diagnose(&parsed.trace, None)).expect("JSON");
        }
    }
}
