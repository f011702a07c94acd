//! Made-up traces: a player at 30 frames a second with two-second segments, and a call, both well until told otherwise.
#![allow(dead_code, reason = "each test file uses its part")]

use diagnosis::model::{
    CallSample, DeviceSample, EchoSample, EgressSample, IngressSample, Lane, Mark, MarkKind, Others, PairSample,
    PictureSample, PlayerSample, Preflight, ProbeFetch, Reference, Scope, Segment, ServerSample, Side, StreamSample,
    Trace,
};

/// First second of every trace.
pub(crate) const START: i64 = 1_790_000_000;

/// How the page fares in one second.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    pub(crate) stalled_ms: f64,
    pub(crate) dropped: f64,
    pub(crate) frames: f64,
    pub(crate) moves: bool,
    pub(crate) buffer_s: f64,
    pub(crate) ttfb_ms: f64,
    /// Load time of the segment's length.
    pub(crate) load: f64,
    pub(crate) status: f64,
    pub(crate) blocked_ms: f64,
    pub(crate) ping_ms: f64,
    pub(crate) decode_ms: f64,
    pub(crate) pending: Option<(f64, f64)>,
    pub(crate) frozen: f64,
    pub(crate) black: f64,
    pub(crate) corrupt: f64,
    pub(crate) hidden: bool,
    pub(crate) paused: bool,
    pub(crate) sharing: bool,
}

impl Default for Page {
    fn default() -> Self {
        Self {
            stalled_ms: 0.0,
            dropped: 0.0,
            frames: 30.0,
            moves: true,
            buffer_s: 6.0,
            ttfb_ms: 60.0,
            load: 0.2,
            status: 200.0,
            blocked_ms: 10.0,
            ping_ms: 40.0,
            decode_ms: 5.0,
            pending: None,
            frozen: 0.0,
            black: 0.0,
            corrupt: 0.0,
            hidden: false,
            paused: false,
            sharing: false,
        }
    }
}

impl Page {
    /// Waits for data nearly all of the second.
    pub(crate) fn stalled(self) -> Self {
        Self { stalled_ms: 900.0, frames: 3.0, buffer_s: 0.1, ..self }
    }
}

/// What lanes a page has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lanes {
    pub(crate) segments: bool,
    pub(crate) device: bool,
    pub(crate) picture: bool,
}

pub(crate) const PLAYER_ALONE: Lanes = Lanes { segments: false, device: false, picture: false };
pub(crate) const PAGE: Lanes = Lanes { segments: true, device: true, picture: true };

/// A page over `seconds`; `at` says how each second is.
pub(crate) fn page(trace: &mut Trace, lanes: Lanes, seconds: i64, at: impl Fn(i64) -> Page) {
    let (mut position, mut stalled, mut stalls, mut total, mut dropped, mut stalling) =
        (900.0, 0.0, 0.0, 0.0, 0.0, false);
    for second in 0..seconds {
        let page = at(second);
        let t = ((START + second) * 1_000) as f64;
        position += if page.moves && !page.paused { 1.0 - page.stalled_ms / 1e3 } else { 0.0 };
        stalled += page.stalled_ms;
        stalls += f64::from(u8::from(page.stalled_ms > 0.0 && !stalling));
        stalling = page.stalled_ms > 0.0;
        total += page.frames;
        dropped += page.dropped;
        trace.player.push(
            t,
            PlayerSample {
                current_time: Some(position),
                paused: Some(page.paused),
                ended: Some(false),
                buffered_ahead_s: Some(page.buffer_s),
                stalls: Some(stalls),
                stalled_ms: Some(stalled),
                waiting: Some(stalling),
                total_video_frames: Some(total),
                dropped_video_frames: Some(dropped),
                video_height: Some(360.0),
                playback_rate: Some(1.0),
                hidden: Some(page.hidden),
                sharing: Some(page.sharing),
                decode_ms: lanes.device.then_some(page.decode_ms),
                frame_rate: lanes.device.then_some(30.0),
                pending_ms: page.pending.map(|pending| pending.0),
                pending_bytes: page.pending.map(|pending| pending.1),
                ..PlayerSample::default()
            },
        );
        if lanes.segments && second % 2 == 0 && page.pending.is_none() {
            trace.segments.push(Segment {
                t: Some(t + 300.0),
                ttfb_ms: Some(page.ttfb_ms),
                duration_ms: Some(page.ttfb_ms.max(page.load * 2_000.0)),
                bytes: Some(250_000.0),
                status: Some(page.status),
                media_s: Some(2.0),
                ..Segment::default()
            });
        }
        if lanes.device {
            let device = DeviceSample {
                blocked_ms: Some(page.blocked_ms),
                ping_ms: Some(page.ping_ms),
                ..DeviceSample::default()
            };
            trace.device.push(t, device);
        }
        if lanes.picture {
            trace.picture.push(
                t,
                PictureSample {
                    inspectable: Some(true),
                    frozen: Some(page.frozen),
                    black: Some(page.black),
                    corrupt: Some(page.corrupt),
                    ..PictureSample::default()
                },
            );
        }
    }
}

/// How a call fares in one second.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) in_loss: f64,
    pub(crate) in_rtt_ms: f64,
    pub(crate) in_jitter_ms: f64,
    pub(crate) out_loss: f64,
    pub(crate) out_rtt_ms: f64,
    pub(crate) dropped: f64,
    pub(crate) agent_decode: f64,
    pub(crate) agent_drops: f64,
    pub(crate) encode: f64,
    pub(crate) limitation: &'static str,
    pub(crate) available_kbps: f64,
    pub(crate) frames: f64,
    pub(crate) frozen_ms: f64,
    pub(crate) width: f64,
}

impl Default for Call {
    fn default() -> Self {
        Self {
            in_loss: 0.0,
            in_rtt_ms: 40.0,
            in_jitter_ms: 5.0,
            out_loss: 0.0,
            out_rtt_ms: 15.0,
            dropped: 0.0,
            agent_decode: 0.1,
            agent_drops: 0.0,
            encode: 0.2,
            limitation: "none",
            available_kbps: 4_000.0,
            frames: 30.0,
            frozen_ms: 0.0,
            width: 1280.0,
        }
    }
}

#[derive(Default)]
struct Sums {
    sent: f64,
    lost: f64,
    came: f64,
    out: f64,
    dropped: f64,
    agent_came: f64,
    agent_lost: f64,
    frames: f64,
    agent_frames: f64,
    agent_dropped: f64,
    encode: f64,
    decode: f64,
    frozen: f64,
}

/// Packets of a second.
const PACKETS: f64 = 200.0;

/// A call from second `from` for `seconds`.
pub(crate) fn call(trace: &mut Trace, from: i64, seconds: i64, at: impl Fn(i64) -> Call) {
    let mut sums = Sums::default();
    for second in 0..seconds {
        let call = at(second);
        let t = ((START + from + second) * 1_000) as f64;
        let came = PACKETS * (1.0 - call.in_loss);
        sums.sent += PACKETS;
        sums.lost += PACKETS * call.in_loss;
        sums.came += came;
        sums.dropped += came * call.dropped;
        sums.out += came * (1.0 - call.dropped);
        sums.agent_came += came * (1.0 - call.dropped) * (1.0 - call.out_loss);
        sums.agent_lost += came * (1.0 - (1.0 - call.dropped) * (1.0 - call.out_loss));
        sums.frames += call.frames;
        sums.agent_frames += call.frames;
        sums.agent_dropped += call.frames * call.agent_drops;
        sums.encode += call.encode;
        sums.decode += call.agent_decode;
        sums.frozen += call.frozen_ms / 1e3;
        trace.viewer_up.push(t, viewer_up(&call, &sums));
        trace.agent_down.push(t, agent_down(&call, &sums));
        trace.server.push(t, server(&call, &sums));
    }
}

fn pair(rtt_ms: f64, available_kbps: f64) -> Option<PairSample> {
    Some(PairSample {
        current_round_trip_time: Some(rtt_ms / 1e3),
        available_outgoing_bitrate: Some(available_kbps * 1e3),
        protocol: Some("udp".to_owned()),
        local_candidate_type: Some("host".to_owned()),
        remote_candidate_type: Some("host".to_owned()),
        ..PairSample::default()
    })
}

fn viewer_up(call: &Call, sums: &Sums) -> CallSample {
    let video = StreamSample {
        mime_type: Some("video/VP8".to_owned()),
        frame_width: Some(call.width),
        frame_height: Some(720.0),
        frames_per_second: Some(call.frames),
        frames_encoded: Some(sums.frames),
        packets_sent: Some(sums.sent),
        bytes_sent: Some(sums.sent * 1_100.0),
        qp_sum: Some(sums.frames * 30.0),
        total_encode_time: Some(sums.encode),
        quality_limitation_reason: Some(call.limitation.to_owned()),
        fraction_lost: Some(call.in_loss),
        packets_lost: Some(sums.lost),
        jitter: Some(call.in_jitter_ms / 1e3),
        ..StreamSample::default()
    };
    CallSample { pair: pair(call.in_rtt_ms, call.available_kbps), video: Some(video), audio: None }
}

fn agent_down(call: &Call, sums: &Sums) -> CallSample {
    let video = StreamSample {
        mime_type: Some("video/VP8".to_owned()),
        frame_width: Some(call.width),
        frame_height: Some(720.0),
        frames_per_second: Some(call.frames),
        frames_received: Some(sums.agent_frames),
        frames_decoded: Some(sums.agent_frames - sums.agent_dropped),
        frames_dropped: Some(sums.agent_dropped),
        packets_received: Some(sums.agent_came),
        bytes_received: Some(sums.agent_came * 1_100.0),
        packets_lost: Some(sums.agent_lost + sums.lost),
        jitter: Some(call.in_jitter_ms / 1e3),
        total_decode_time: Some(sums.decode),
        total_freezes_duration: Some(sums.frozen),
        ..StreamSample::default()
    };
    CallSample { pair: pair(call.out_rtt_ms, 0.0), video: Some(video), audio: None }
}

fn server(call: &Call, sums: &Sums) -> ServerSample {
    let ingress = IngressSample {
        packets: Some(sums.came),
        bytes: Some(sums.came * 1_080.0),
        lost: Some(sums.lost),
        rtt_ms: Some(call.in_rtt_ms),
        jitter_ms: Some(call.in_jitter_ms),
        ..IngressSample::default()
    };
    let egress = EgressSample {
        packets: Some(sums.out),
        bytes: Some(sums.out * 1_080.0),
        dropped: (sums.dropped > 0.0).then_some(sums.dropped),
        loss: Some(1.0 - (1.0 - call.in_loss) * (1.0 - call.dropped) * (1.0 - call.out_loss)),
        rtt_ms: Some(call.out_rtt_ms),
        ..EgressSample::default()
    };
    ServerSample { ingress: Some(ingress), egress: Some(egress), ..ServerSample::default() }
}

/// A preflight of the viewer's line: loss both ways, jitter, idle and loaded round trip.
pub(crate) fn preflight(second: i64, loss: f64, jitter_ms: f64, rtt_ms: f64, loaded_rtt_ms: f64) -> Preflight {
    let echo = || Some(EchoSample { loss: Some(loss), jitter_ms: Some(jitter_ms) });
    Preflight {
        t: Some(((START + second) * 1_000) as f64),
        side: Some(Side::Viewer),
        udp_reachable: Some(true),
        rtt_ms: Some(rtt_ms),
        loaded_rtt_ms: Some(loaded_rtt_ms),
        up: echo(),
        down: echo(),
        ..Preflight::default()
    }
}

pub(crate) fn others(second: i64, scope: Scope, affected: f64, total: f64) -> Others {
    let t = Some(((START + second) * 1_000) as f64);
    Others { t, scope: Some(scope), affected: Some(affected), total: Some(total), baseline: Some(0.02) }
}

pub(crate) fn reference(second: i64) -> Reference {
    Reference {
        t: Some(((START + second) * 1_000) as f64),
        status: Some(200.0),
        ttfb_ms: Some(20.0),
        duration_ms: Some(100.0),
        media_s: Some(2.0),
        frozen: Some(0.0),
        black: Some(0.0),
        corrupt: Some(0.0),
        ..Reference::default()
    }
}

pub(crate) fn mark(second: i64, kind: MarkKind) -> Mark {
    Mark { t: Some(((START + second) * 1_000) as f64), kind: Some(kind), side: None }
}

pub(crate) fn fetch(kbps: f64) -> Option<ProbeFetch> {
    Some(ProbeFetch { kbps: Some(kbps), ttfb_ms: Some(60.0), status: Some(200.0), ..ProbeFetch::default() })
}

/// A lane with every sample changed.
pub(crate) fn changed<T: Clone>(lane: &Lane<T>, change: impl Fn(i64, T) -> T) -> Lane<T> {
    let mut out = Lane::default();
    for (second, sample) in lane.iter() {
        out.push((second * 1_000) as f64, change(second, sample.clone()));
    }
    out
}
