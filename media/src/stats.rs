//! The server's one-second sample of a call, as `docs/protocol.md` has it, but for its time: the driver knows the clock.

use serde::Serialize;

/// The hop from the publisher and the hops to its receivers. Counters are cumulative since the publisher joined. What it
/// does not send is absent.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ServerSample {
    /// Pictures, from the publisher to us.
    #[serde(rename = "in", skip_serializing_if = "Option::is_none")]
    pub ingress: Option<IngressSample>,
    /// Pictures, from us to the receivers: sums of the counters, the worst of the measurements.
    #[serde(rename = "out", skip_serializing_if = "Option::is_none")]
    pub egress: Option<EgressSample>,
    /// Sound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio: Option<AudioSample>,
}

/// Both hops of a publisher's sound. It is not repaired and has no key frames, so there is less to count.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AudioSample {
    /// From the publisher to us.
    #[serde(rename = "in")]
    pub ingress: AudioIngressSample,
    /// From us to the receivers: sums of the counters, the worst of the measurements.
    #[serde(rename = "out")]
    pub egress: AudioEgressSample,
}

/// What arrives of the publisher's sound.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct AudioIngressSample {
    /// Packets received.
    pub packets: u64,
    /// Payload bytes of these.
    pub bytes: u64,
    /// Packets that did not arrive.
    pub lost: u64,
    /// Round trip time, ms; null if not measured.
    pub rtt_ms: Option<f64>,
    /// Interarrival jitter, ms.
    pub jitter_ms: Option<f64>,
}

/// What is sent of it to receivers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct AudioEgressSample {
    /// Packets forwarded.
    pub packets: u64,
    /// Payload bytes of these.
    pub bytes: u64,
    /// Largest share of packets lost that a receiver reported, 0 to 1; null before the first report.
    pub loss: Option<f64>,
    /// Longest round trip time to a receiver, ms; null before the first report.
    pub rtt_ms: Option<f64>,
}

/// What arrives of the publisher's pictures.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct IngressSample {
    /// Packets received, each once.
    pub packets: u64,
    /// Payload bytes of these.
    pub bytes: u64,
    /// Packets that did not arrive by themselves, whether repaired later or not.
    pub lost: u64,
    /// NACK messages sent.
    pub nacks_sent: u64,
    /// PLI and FIR messages sent.
    pub plis_sent: u64,
    /// Round trip time, ms; null if not measured.
    pub rtt_ms: Option<f64>,
    /// Interarrival jitter, ms.
    pub jitter_ms: Option<f64>,
}

/// What is sent of them to receivers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct EgressSample {
    /// Packets forwarded, without retransmissions.
    pub packets: u64,
    /// Payload bytes of these.
    pub bytes: u64,
    /// NACK messages received.
    pub nacks_received: u64,
    /// PLI and FIR messages received.
    pub plis_received: u64,
    /// Packets retransmitted.
    pub rtx_packets: u64,
    /// Largest share of packets lost that a receiver reported, 0 to 1; null before the first report.
    pub loss: Option<f64>,
    /// Longest round trip time to a receiver, ms; null before the first report.
    pub rtt_ms: Option<f64>,
    /// Smallest estimate of the rate available to a receiver, kbit/s; null without one.
    pub estimate_kbps: Option<f64>,
}

/// The larger of two measurements, ignoring absent ones.
pub(crate) fn worst(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.max(b)),
        (a, b) => a.or(b),
    }
}

/// The smaller of two measurements, ignoring absent ones.
pub(crate) fn least(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
