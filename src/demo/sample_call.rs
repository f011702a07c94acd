//! The one-second samples of the sample call: fifty quiet seconds of a shared player, but for nine in which the viewer's
//! wireless line loses packets and the player stalls. Invented, in the form that clients and the server report.

use std::f64::consts::TAU;

use serde_json::{Value, json};
use signaling::wire::Leg;
use signaling::{CallId, ConversationId};

use crate::telemetry::BlockHeader;

/// Length of the sample call, seconds.
pub(super) const LENGTH_S: i64 = 50;
/// The seconds of the call in which the line is bad.
const BAD_S: std::ops::Range<i64> = 21..30;
/// How long before the chat the player's samples begin, seconds: the widget's ring.
const RING_S: i64 = 60;
/// Samples in a block; 20 of the largest kind have about 14 KB of the 32 allowed.
const BLOCK_SAMPLES: usize = 20;
/// The player stalls once in about half a minute even before the call.
const STALL_EVERY_S: i64 = 29;

/// Every block of the call and of the player around it.
pub(super) fn blocks(
    conversation: &ConversationId,
    call: &CallId,
    node: &str,
    opened_at_ms: i64,
    accepted_at_ms: i64,
) -> Vec<(BlockHeader, Vec<u8>)> {
    let first_s = accepted_at_ms.div_euclid(1_000) + 1;
    let (mut viewer_up, mut agent_down, mut server) = (Vec::new(), Vec::new(), Vec::new());
    let mut totals = Totals::default();
    for second in 0..LENGTH_S - 1 {
        let line = Line::at(second);
        totals.add(&line);
        let t = (first_s + second) * 1_000;
        viewer_up.push(viewer_sample(t, &line, &totals));
        agent_down.push(agent_sample(t, &line, &totals));
        server.push(server_sample(t, &line, &totals));
    }
    let player = player_samples(opened_at_ms.div_euclid(1_000) - RING_S, first_s);
    let header = |leg: Leg, source: &str| BlockHeader {
        conversation: conversation.clone(),
        call: (leg != Leg::Player).then(|| call.clone()),
        leg,
        source: source.to_owned(),
        seq: 0,
        t0_ms: 0.0,
        codec: "json1".to_owned(),
    };
    [
        (header(Leg::ViewerUp, "sample-viewer"), viewer_up),
        (header(Leg::AgentDown, "sample-agent"), agent_down),
        (header(Leg::Server, node), server),
        (header(Leg::Player, "sample-viewer"), player),
    ]
    .into_iter()
    .flat_map(|(header, samples)| cut(&header, &samples))
    .collect()
}

fn cut(header: &BlockHeader, samples: &[Value]) -> Vec<(BlockHeader, Vec<u8>)> {
    let block = |(seq, part): (usize, &[Value])| {
        let t0_ms = part.first().and_then(|sample| sample["t"].as_f64()).unwrap_or_default();
        let header = BlockHeader { seq: seq as u32, t0_ms, ..header.clone() };
        (header, json!(part).to_string().into_bytes())
    };
    samples.chunks(BLOCK_SAMPLES).enumerate().map(block).collect()
}

/// The line in one second.
struct Line {
    bad: bool,
    rtt_s: f64,
    jitter_s: f64,
    kbps: f64,
    fps: f64,
    lost_share: f64,
}

impl Line {
    fn at(second: i64) -> Self {
        let bad = BAD_S.contains(&second);
        let sway = (second as f64 / 11.0 * TAU).sin();
        // The sender finds its bit rate over the first seconds.
        let ramp = (0.45 + second as f64 * 0.12).min(1.0);
        if bad {
            Self { bad, rtt_s: 0.168 + 0.03 * sway, jitter_s: 0.031, kbps: 720.0, fps: 17.0, lost_share: 0.064 }
        } else {
            let kbps = (1_900.0 + 120.0 * sway) * ramp;
            Self { bad, rtt_s: 0.041 + 0.004 * sway, jitter_s: 0.004, kbps, fps: 30.0, lost_share: 0.001 }
        }
    }
}

/// What has been counted since the start of the call.
#[derive(Default)]
struct Totals {
    seconds: f64,
    frames: f64,
    bytes: f64,
    packets: f64,
    lost: f64,
    freezes: u32,
    freeze_s: f64,
    bad_before: bool,
}

impl Totals {
    fn add(&mut self, line: &Line) {
        let bytes = line.kbps * 125.0;
        self.seconds += 1.0;
        self.frames += line.fps;
        self.bytes += bytes;
        self.packets += (bytes / 1_080.0).ceil();
        self.lost += (bytes / 1_080.0 * line.lost_share).round();
        if line.bad {
            self.freeze_s += 0.34;
            self.freezes += u32::from(!self.bad_before);
        }
        self.bad_before = line.bad;
    }
}

fn viewer_sample(t: i64, line: &Line, totals: &Totals) -> Value {
    json!({
        "t": t,
        "pair": {
            "currentRoundTripTime": round(line.rtt_s, 4), "availableOutgoingBitrate": (line.kbps * 1_350.0).round(),
            "protocol": "udp", "localCandidateType": "host", "remoteCandidateType": "host",
        },
        "video": {
            "mimeType": "video/VP8", "frameWidth": 1280, "frameHeight": 720, "framesPerSecond": line.fps,
            "framesEncoded": totals.frames, "framesSent": totals.frames,
            "keyFramesEncoded": 1 + totals.freezes, "bytesSent": totals.bytes.round(), "packetsSent": totals.packets,
            "retransmittedPacketsSent": totals.lost, "nackCount": totals.lost, "pliCount": totals.freezes, "firCount": 0,
            "qpSum": (totals.frames * 31.0).round(), "totalEncodeTime": round(totals.frames * 0.0058, 3),
            "targetBitrate": (line.kbps * 1_000.0).round(),
            "qualityLimitationReason": if line.bad { "bandwidth" } else { "none" },
            "encoderImplementation": "libvpx", "powerEfficientEncoder": false,
            "roundTripTime": round(line.rtt_s, 4), "fractionLost": line.lost_share, "packetsLost": totals.lost,
            "jitter": line.jitter_s,
        },
    })
}

fn agent_sample(t: i64, line: &Line, totals: &Totals) -> Value {
    // What was lost on the way up came late by retransmission, some of it too late.
    let dropped = (totals.lost * 0.3).round();
    json!({
        "t": t,
        "pair": {
            "currentRoundTripTime": 0.012, "protocol": "udp", "localCandidateType": "host", "remoteCandidateType": "host",
        },
        "video": {
            "mimeType": "video/VP8", "frameWidth": 1280, "frameHeight": 720, "framesPerSecond": line.fps,
            "framesReceived": totals.frames, "framesDecoded": totals.frames - dropped, "framesDropped": dropped,
            "keyFramesDecoded": 1 + totals.freezes, "bytesReceived": totals.bytes.round(),
            "packetsReceived": totals.packets, "packetsLost": 0, "packetsDiscarded": 0, "jitter": line.jitter_s,
            "jitterBufferDelay": round(totals.frames * 0.042, 3), "jitterBufferEmittedCount": totals.frames,
            "nackCount": 0, "pliCount": totals.freezes, "firCount": 0, "freezeCount": totals.freezes,
            "totalFreezesDuration": round(totals.freeze_s, 2), "pauseCount": 0, "totalPausesDuration": 0,
            "qpSum": (totals.frames * 31.0).round(), "totalDecodeTime": round(totals.frames * 0.0021, 3),
            "totalInterFrameDelay": totals.seconds, "decoderImplementation": "libvpx", "powerEfficientDecoder": false,
        },
    })
}

fn server_sample(t: i64, line: &Line, totals: &Totals) -> Value {
    json!({
        "t": t,
        "in": {
            "packets": totals.packets, "bytes": totals.bytes.round(), "lost": totals.lost, "nacks_sent": totals.lost,
            "plis_sent": totals.freezes, "rtt_ms": round(line.rtt_s * 1e3, 1), "jitter_ms": round(line.jitter_s * 1e3, 1),
        },
        "out": {
            "packets": totals.packets, "bytes": totals.bytes.round(), "nacks_received": 0,
            "plis_received": totals.freezes, "rtx_packets": 0, "loss": 0.0, "rtt_ms": 12.0, "estimate_kbps": 6_400.0,
        },
    })
}

/// The player from `from_s` to the end of the call that began at `call_s`, both seconds since the Unix epoch.
fn player_samples(from_s: i64, call_s: i64) -> Vec<Value> {
    let (mut stalls, mut stalled_ms, mut played_s, mut dropped) = (0_u32, 0_i64, 0.0, 0_u32);
    let mut was_waiting = false;
    let mut samples = Vec::new();
    for second in from_s..call_s + LENGTH_S - 1 {
        let in_call = second - call_s;
        // Two seconds of every 29 before the call; in it, while the line is bad, three of its nine.
        let waiting = if in_call >= 0 {
            (BAD_S.start + 3..BAD_S.start + 6).contains(&in_call)
        } else {
            (second - from_s) % STALL_EVERY_S >= STALL_EVERY_S - 2
        };
        stalls += u32::from(waiting && !was_waiting);
        stalled_ms += if waiting { 1_000 } else { 0 };
        played_s += if waiting { 0.0 } else { 1.0 };
        dropped += u32::from(waiting && !was_waiting) * 2;
        let ahead = if waiting { 0.0 } else { 4.0 + ((second as f64) / 7.0 * TAU).sin() * 1.4 };
        was_waiting = waiting;
        samples.push(json!({
            "t": second * 1_000, "currentTime": round(812.4 + played_s, 3), "paused": false, "ended": false,
            "readyState": if waiting { 2 } else { 4 }, "bufferedAheadS": round(ahead, 2), "stalls": stalls,
            "stalledMs": stalled_ms, "waiting": waiting, "droppedVideoFrames": dropped,
            "totalVideoFrames": (played_s * 30.0) as i64, "videoWidth": 1280, "videoHeight": 720, "playbackRate": 1,
            "hidden": false, "sharing": in_call >= 0,
        }));
    }
    samples
}

fn round(value: f64, digits: i32) -> f64 {
    let scale = 10_f64.powi(digits);
    (value * scale).round() / scale
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn made() -> Vec<(BlockHeader, Vec<u8>)> {
        blocks(&"c_1".into(), &"k_1".into(), "n1", 1_700_000_000_000, 1_700_000_064_394)
    }

    fn by_leg() -> BTreeMap<String, Vec<Value>> {
        let mut legs: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for (header, bytes) in made() {
            let samples: Vec<Value> = serde_json::from_slice(&bytes).expect("json1");
            legs.entry(header.leg.as_str().to_owned()).or_default().extend(samples);
        }
        legs
    }

    #[test]
    fn every_second_of_the_call_but_the_last_has_a_sample_of_each_leg() {
        let legs = by_leg();
        assert_eq!(legs.len(), 4);
        for leg in ["viewer_up", "agent_down", "server"] {
            let times: Vec<i64> = legs[leg].iter().map(|sample| sample["t"].as_i64().expect("t")).collect();
            assert_eq!(times.len() as i64, LENGTH_S - 1, "{leg}");
            assert!(times.windows(2).all(|pair| pair[1] == pair[0] + 1_000));
            assert_eq!(times[0], 1_700_000_065_000);
        }
    }

    #[test]
    fn counters_never_go_down_and_the_trouble_shows() {
        let legs = by_leg();
        for (leg, path) in [
            ("viewer_up", "/video/bytesSent"),
            ("agent_down", "/video/framesDecoded"),
            ("server", "/in/lost"),
            ("player", "/stalledMs"),
        ] {
            let values: Vec<f64> =
                legs[leg].iter().map(|s| s.pointer(path).and_then(Value::as_f64).expect(path)).collect();
            assert!(values.windows(2).all(|pair| pair[1] >= pair[0]), "{leg} {path}");
            assert!(values.last() > values.first());
        }
    }

    #[test]
    fn blocks_keep_to_the_bound() {
        for (header, bytes) in made() {
            assert!(bytes.len() <= signaling::limits::BLOCK_BYTES_MAX, "{} bytes", bytes.len());
            assert!(header.t0_ms > 0.0);
        }
    }
}
