//! What the seconds of a call say: each end's hop, and the server's two.

use super::{Place, Second, Step, Timeline, percentile};
use crate::model::{CallSample, EgressSample, IngressSample, Lane, ServerSample, StreamSample, Trace};
use crate::thresholds as limit;

/// Fewest packets a second that are a stream; below, shares and frames say nothing.
const STREAM_PACKETS_MIN: f64 = 10.0;

/// One direction of an end's connection in a second. What must not be judged is absent.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hop {
    pub(crate) rtt_ms: Option<f64>,
    /// Above the usual least of this lane.
    pub(crate) rtt_over_ms: Option<f64>,
    /// Share of packets, 0 to 1.
    pub(crate) loss: Option<f64>,
    pub(crate) jitter_ms: Option<f64>,
    pub(crate) available_kbps: Option<f64>,
    /// Share of the time in which the encoder was at work.
    pub(crate) encode_share: Option<f64>,
    /// The same of the decoder.
    pub(crate) decode_share: Option<f64>,
    /// Frames dropped of those received.
    pub(crate) drop_share: Option<f64>,
    /// Time frozen in this second, ms.
    pub(crate) frozen_ms: Option<f64>,
    /// Packets come, and no picture comes out of them.
    pub(crate) stuck: Option<bool>,
    /// Requests for key frames, each second.
    pub(crate) key_frame_requests: Option<f64>,
    /// Key frames, each second.
    pub(crate) key_frames: Option<f64>,
    pub(crate) cpu_limited: Option<bool>,
    pub(crate) bandwidth_limited: Option<bool>,
    /// Quantizer on a scale of 0 (finest) to 1.
    pub(crate) quantizer: Option<f64>,
    pub(crate) frame_rate: Option<f64>,
    /// Samples made up, of those played.
    pub(crate) concealed: Option<f64>,
    /// Picture behind (above 0) or before the sound, ms.
    pub(crate) picture_late_ms: Option<f64>,
    pub(crate) software: Option<bool>,
    pub(crate) tcp: Option<bool>,
    pub(crate) relayed: Option<bool>,
    pub(crate) path_changed: Option<bool>,
    /// Packets of pictures and sound each second.
    pub(crate) packets: Option<f64>,
}

/// What the server saw of one sender in a second.
#[derive(Debug, Clone, Default)]
pub(crate) struct ServerHop {
    pub(crate) in_loss: Option<f64>,
    pub(crate) in_rtt_ms: Option<f64>,
    pub(crate) in_rtt_over_ms: Option<f64>,
    pub(crate) in_jitter_ms: Option<f64>,
    pub(crate) in_packets: Option<f64>,
    pub(crate) out_packets: Option<f64>,
    /// Loss that a receiver reports.
    pub(crate) out_loss: Option<f64>,
    /// That of it which the way in does not explain.
    pub(crate) out_excess: Option<f64>,
    pub(crate) out_rtt_ms: Option<f64>,
    pub(crate) out_rtt_over_ms: Option<f64>,
    pub(crate) out_estimate_kbps: Option<f64>,
    /// Share of packets that came in and did not leave again, by the server's own count.
    pub(crate) withheld: Option<f64>,
    pub(crate) key_frame_requests: Option<f64>,
    pub(crate) out_kbps: Option<f64>,
}

/// How the server's worker fared in a second.
#[derive(Debug, Clone, Default)]
pub(crate) struct Relay {
    pub(crate) cpu: Option<f64>,
    /// The longer of queueing and lateness, ms.
    pub(crate) late_ms: Option<f64>,
    /// Share of what it had to send that it threw away.
    pub(crate) dropped: Option<f64>,
}

/// Lays the call's lanes into the timeline.
pub(super) fn fill(trace: &Trace, timeline: &mut Timeline) {
    lay(timeline, &trace.viewer_up, Direction::Up, |second, hop| second.viewer_up = Some(hop));
    lay(timeline, &trace.viewer_down, Direction::Down, |second, hop| second.viewer_down = Some(hop));
    lay(timeline, &trace.agent_up, Direction::Up, |second, hop| second.agent_up = Some(hop));
    lay(timeline, &trace.agent_down, Direction::Down, |second, hop| second.agent_down = Some(hop));
    lay_server(timeline, &trace.server);
    hide(timeline);
}

/// What a hidden page or a muted picture makes meaningless.
fn hide(timeline: &mut Timeline) {
    for second in &mut timeline.seconds {
        if second.hidden || second.muted {
            let hops = [&mut second.viewer_up, &mut second.agent_down].into_iter().flatten();
            for hop in hops {
                unjudge_picture(hop);
            }
        }
    }
}

fn unjudge_picture(hop: &mut Hop) {
    (hop.drop_share, hop.frozen_ms, hop.stuck, hop.quantizer, hop.frame_rate) = (None, None, None, None, None);
    (hop.encode_share, hop.decode_share, hop.cpu_limited) = (None, None, None);
}

#[derive(Clone, Copy, PartialEq)]
enum Direction {
    Up,
    Down,
}

fn lay(timeline: &mut Timeline, lane: &Lane<CallSample>, direction: Direction, put: impl Fn(&mut Second, Hop)) {
    let idle_ms = idle(lane.iter().filter_map(|(_, sample)| rtt_ms(sample)));
    let mut changed_at = i64::MIN;
    let derive = |place: &Place, now: &CallSample, step: Option<&Step<'_, CallSample>>| {
        if step.is_some_and(size_changed) {
            changed_at = place.at;
        }
        let mut hop = hop(now, step, direction);
        hop.rtt_over_ms = over(hop.rtt_ms, idle_ms);
        if place.warming_up() {
            let context = (hop.software, hop.tcp, hop.relayed, hop.packets);
            hop = Hop::default();
            (hop.software, hop.tcp, hop.relayed, hop.packets) = context;
        } else if place.at.saturating_sub(changed_at) <= super::LAYER_CHANGE_S {
            unjudge_picture(&mut hop);
        }
        hop
    };
    timeline.along(lane, derive, put);
}

/// The usual least of a lane's round trips.
fn idle(rtts_ms: impl Iterator<Item = f64>) -> Option<f64> {
    percentile(&mut rtts_ms.collect::<Vec<_>>(), limit::IDLE_PERCENTILE)
}

pub(super) fn over(value: Option<f64>, idle: Option<f64>) -> Option<f64> {
    Some((value? - idle?).max(0.0))
}

fn rtt_ms(sample: &CallSample) -> Option<f64> {
    let pair = sample.pair.as_ref().and_then(|pair| pair.current_round_trip_time);
    let stream = || sample.video.as_ref().or(sample.audio.as_ref())?.round_trip_time;
    pair.or_else(stream).filter(|rtt| *rtt >= 0.0).map(|rtt| rtt * 1e3)
}

fn size_changed(step: &Step<'_, CallSample>) -> bool {
    let size = |sample: &CallSample| {
        let video = sample.video.as_ref()?;
        Some((video.frame_width?, video.frame_height?))
    };
    matches!((size(step.before), size(step.now)), (Some(a), Some(b)) if a != b)
}

fn hop(now: &CallSample, step: Option<&Step<'_, CallSample>>, direction: Direction) -> Hop {
    let mut hop = Hop { rtt_ms: rtt_ms(now), ..Hop::default() };
    path(now, step, &mut hop);
    if let Some(video) = &now.video {
        hop.software = match direction {
            Direction::Up => video.power_efficient_encoder.map(|hardware| !hardware),
            Direction::Down => video.power_efficient_decoder.map(|hardware| !hardware),
        };
        hop.cpu_limited = video.quality_limitation_reason.as_ref().map(|reason| reason == "cpu");
        hop.bandwidth_limited = video.quality_limitation_reason.as_ref().map(|reason| reason == "bandwidth");
        hop.frame_rate = video.frames_per_second;
    }
    if let (Some(video), Some(audio)) = (&now.video, &now.audio) {
        let shown = |stream: &StreamSample| stream.estimated_playout_timestamp.filter(|ms| *ms > 0.0);
        hop.picture_late_ms = shown(audio).zip(shown(video)).map(|(audio, video)| audio - video);
    }
    let Some(step) = step else { return hop };
    let packets = |sample: &CallSample| {
        let count = |stream: &Option<StreamSample>| {
            let stream = stream.as_ref()?;
            if direction == Direction::Up { stream.packets_sent } else { stream.packets_received }
        };
        match (count(&sample.video), count(&sample.audio)) {
            (Some(video), Some(audio)) => Some(video + audio),
            (video, audio) => video.or(audio),
        }
    };
    hop.packets = step.rate(packets);
    loss_and_jitter(step, direction, &mut hop);
    pictures(step, direction, &mut hop);
    hop.concealed = step.each(
        |s| {
            let audio = s.audio.as_ref()?;
            Some(audio.concealed_samples? - audio.silent_concealed_samples.unwrap_or(0.0))
        },
        |s| s.audio.as_ref()?.total_samples_received,
    );
    hop
}

fn path(now: &CallSample, step: Option<&Step<'_, CallSample>>, hop: &mut Hop) {
    let Some(pair) = &now.pair else { return };
    hop.available_kbps = pair.available_outgoing_bitrate.map(|rate| rate / 1e3);
    let relay = |kind: &Option<String>| kind.as_deref() == Some("relay");
    let known = pair.local_candidate_type.is_some() || pair.remote_candidate_type.is_some();
    hop.relayed = known.then(|| {
        relay(&pair.local_candidate_type) || relay(&pair.remote_candidate_type) || pair.relay_protocol.is_some()
    });
    hop.tcp = pair.protocol.as_ref().map(|protocol| protocol.eq_ignore_ascii_case("tcp"));
    let names = |sample: &CallSample| {
        let pair = sample.pair.as_ref()?;
        Some((pair.protocol.clone()?, pair.local_candidate_type.clone()?, pair.network_type.clone()))
    };
    hop.path_changed = step.and_then(|step| Some(names(step.before)? != names(step.now)?));
}

/// Loss and jitter of the picture, or of the sound where there is no picture.
fn loss_and_jitter(step: &Step<'_, CallSample>, direction: Direction, hop: &mut Hop) {
    let picture = step.now.video.is_some();
    let stream = |sample: &CallSample| if picture { sample.video.clone() } else { sample.audio.clone() };
    let (Some(before), Some(now)) = (stream(step.before), stream(step.now)) else { return };
    let step = Step { before: &before, now: &now, seconds: step.seconds };
    let flows = |count: Option<f64>| count.is_some_and(|rate| rate >= STREAM_PACKETS_MIN);
    let moving = match direction {
        Direction::Up => flows(step.rate(|s| s.packets_sent)),
        Direction::Down => flows(step.rate(|s| Some(s.packets_received? + s.packets_lost.unwrap_or(0.0).max(0.0)))),
    };
    if moving || !picture {
        hop.loss = match direction {
            // Where the report tells no share, what it counts as lost, of what was sent.
            Direction::Up => now
                .fraction_lost
                .or_else(|| step.each(|s| s.packets_lost, |s| s.packets_sent))
                .map(|share| share.clamp(0.0, 1.0)),
            Direction::Down => step.lost_share(|s| s.packets_lost, |s| s.packets_received),
        };
        hop.jitter_ms = now.jitter.filter(|jitter| *jitter >= 0.0).map(|jitter| jitter * 1e3);
    }
}

fn pictures(step: &Step<'_, CallSample>, direction: Direction, hop: &mut Hop) {
    let (Some(before), Some(now)) = (&step.before.video, &step.now.video) else { return };
    let step = Step { before, now, seconds: step.seconds };
    let frames = |s: &StreamSample| if direction == Direction::Up { s.frames_encoded } else { s.frames_decoded };
    hop.quantizer = step.each(|s| s.qp_sum, frames).map(|qp| (qp / qp_max(now.mime_type.as_deref())).min(1.0));
    hop.key_frame_requests = step.rate(|s| Some(s.pli_count? + s.fir_count.unwrap_or(0.0)));
    match direction {
        Direction::Up => {
            hop.encode_share = step.rate(|s| s.total_encode_time);
            hop.key_frames = step.rate(|s| s.key_frames_encoded);
        }
        Direction::Down => {
            hop.decode_share = step.rate(|s| s.total_decode_time);
            hop.key_frames = step.rate(|s| s.key_frames_decoded);
            hop.drop_share = step.each(|s| s.frames_dropped, |s| s.frames_received);
            hop.frozen_ms = step.rate(|s| s.total_freezes_duration).map(|share| (share * 1e3).min(1e3));
            let packets = step.rate(|s| s.packets_received);
            let decoded = step.grown(|s| s.frames_decoded);
            hop.stuck = packets.zip(decoded).map(|(rate, frames)| rate >= STREAM_PACKETS_MIN && frames == 0.0);
        }
    }
}

/// Largest quantizer index of a codec.
fn qp_max(mime_type: Option<&str>) -> f64 {
    let name = mime_type.and_then(|mime| mime.split('/').next_back()).unwrap_or_default().to_ascii_uppercase();
    match name.as_str() {
        "H264" | "H265" => 51.0,
        "VP9" | "AV1" => 255.0,
        _ => 127.0,
    }
}

fn lay_server(timeline: &mut Timeline, lane: &Lane<ServerSample>) {
    let there = |s: &ServerSample| (ingress(s).cloned(), egress(s).cloned());
    let back = |s: &ServerSample| {
        let agent = s.agent.as_ref();
        let sound = agent.and_then(|agent| agent.audio.as_ref());
        (
            agent.and_then(|agent| agent.ingress.clone()).or_else(|| sound.and_then(|sound| sound.ingress.clone())),
            agent.and_then(|agent| agent.egress.clone()).or_else(|| sound.and_then(|sound| sound.egress.clone())),
        )
    };
    lay_hops(timeline, lane, there, |second, hop| second.server = Some(hop));
    lay_hops(timeline, lane, back, |second, hop| second.server_back = Some(hop));
    let relay = |_: &Place, now: &ServerSample, step: Option<&Step<'_, ServerSample>>| {
        let worker = now.worker.as_ref();
        let late = worker.and_then(|worker| worker.late_ms);
        let queue = worker.and_then(|worker| worker.queue_ms);
        Relay {
            cpu: worker.and_then(|worker| worker.cpu),
            late_ms: late.zip(queue).map(|(a, b)| a.max(b)).or(late).or(queue),
            dropped: step.and_then(dropped),
        }
    };
    timeline.along(lane, relay, |second, relay| second.relay = Some(relay));
}

fn ingress(sample: &ServerSample) -> Option<&IngressSample> {
    sample.ingress.as_ref().or_else(|| sample.audio.as_ref()?.ingress.as_ref())
}

fn egress(sample: &ServerSample) -> Option<&EgressSample> {
    sample.egress.as_ref().or_else(|| sample.audio.as_ref()?.egress.as_ref())
}

type Hops = (Option<IngressSample>, Option<EgressSample>);

fn lay_hops(
    timeline: &mut Timeline,
    lane: &Lane<ServerSample>,
    hops: impl Fn(&ServerSample) -> Hops,
    put: impl Fn(&mut Second, ServerHop),
) {
    let idle_in = idle(lane.iter().filter_map(|(_, s)| hops(s).0?.rtt_ms));
    let idle_out = idle(lane.iter().filter_map(|(_, s)| hops(s).1?.rtt_ms));
    let derive = |place: &Place, now: &ServerSample, step: Option<&Step<'_, ServerSample>>| {
        if place.warming_up() {
            return None;
        }
        let now = hops(now);
        if now.0.is_none() && now.1.is_none() {
            return None;
        }
        let before = step.map(|step| (hops(step.before), step.seconds));
        let mut hop =
            server_hop(&now, before.as_ref().map(|(before, seconds)| Step { before, now: &now, seconds: *seconds }));
        hop.in_rtt_over_ms = over(hop.in_rtt_ms, idle_in);
        hop.out_rtt_over_ms = over(hop.out_rtt_ms, idle_out);
        Some(hop)
    };
    timeline.along(lane, derive, |second, hop| {
        if let Some(hop) = hop {
            put(second, hop);
        }
    });
}

fn server_hop(now: &Hops, step: Option<Step<'_, Hops>>) -> ServerHop {
    let mut hop = ServerHop::default();
    if let Some(ingress) = &now.0 {
        (hop.in_rtt_ms, hop.in_jitter_ms) = (ingress.rtt_ms, ingress.jitter_ms);
    }
    if let Some(egress) = &now.1 {
        (hop.out_rtt_ms, hop.out_estimate_kbps) = (egress.rtt_ms, egress.estimate_kbps);
    }
    let Some(step) = step else { return hop };
    hop.in_packets = step.rate(|s| s.0.as_ref()?.packets);
    hop.out_packets = step.rate(|s| s.1.as_ref()?.packets);
    hop.out_kbps = step.rate(|s| s.1.as_ref()?.bytes).map(|bytes| bytes / 125.0);
    hop.key_frame_requests = step.rate(|s| s.1.as_ref()?.plis_received);
    if hop.in_packets.is_some_and(|rate| rate >= STREAM_PACKETS_MIN) {
        hop.in_loss = step.lost_share(|s| s.0.as_ref()?.lost, |s| s.0.as_ref()?.packets);
    }
    if hop.out_packets.is_some_and(|rate| rate >= STREAM_PACKETS_MIN) {
        hop.out_loss = now.1.as_ref().and_then(|egress| egress.loss).map(|share| share.clamp(0.0, 1.0));
        hop.out_excess = hop.out_loss.map(|out| (out - hop.in_loss.unwrap_or(0.0)).max(0.0));
    }
    hop.withheld = withheld(&step, &hop);
    hop
}

/// Share of what the worker had to send that it threw away.
fn dropped(step: &Step<'_, ServerSample>) -> Option<f64> {
    let dropped = step.grown(|s| s.worker.as_ref()?.dropped)?;
    let all = dropped + step.grown(|s| s.worker.as_ref()?.sent)?;
    (all > 0.0).then(|| dropped / all)
}

/// What the server kept back: by its count of drops, or, with one receiver, by what came and did not go.
fn withheld(step: &Step<'_, Hops>, hop: &ServerHop) -> Option<f64> {
    let dropped = step.grown(|s| s.1.as_ref()?.dropped);
    let forwarded = step.grown(|s| s.1.as_ref()?.packets);
    if let Some((dropped, forwarded)) = dropped.zip(forwarded) {
        let all = dropped + forwarded;
        return (all > 0.0).then(|| dropped / all);
    }
    let single = step.now.1.as_ref()?.receivers? == 1.0;
    let come = hop.in_packets.filter(|rate| single && *rate >= STREAM_PACKETS_MIN)?;
    Some((1.0 - hop.out_packets? / come).clamp(0.0, 1.0))
}
