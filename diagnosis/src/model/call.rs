//! Samples of a call: of each end, with W3C webrtc-stats identifiers, and of the server, as docs/protocol.md has them.

use crate::lenient::sample;

sample! { "camelCase",
    /// The candidate pair in use.
    PairSample {
        /// Round trip of the last connectivity check, s.
        current_round_trip_time: f64,
        /// What the sender may send, bit/s.
        available_outgoing_bitrate: f64,
        /// What the receiver estimates, bit/s.
        available_incoming_bitrate: f64,
        /// `udp` or `tcp`, of the local candidate.
        protocol: String,
        /// `host`, `srflx`, `prflx` or `relay`.
        local_candidate_type: String,
        /// The same of the other end.
        remote_candidate_type: String,
        /// How the relay is reached: `udp`, `tcp` or `tls`.
        relay_protocol: String,
        /// Kind of network, where the browser tells: `wifi`, `cellular`, `ethernet` ….
        network_type: String,
    }
}

sample! { "camelCase",
    /// One stream of a leg. On a leg that sends, `roundTripTime`, `fractionLost`, `packetsLost` and `jitter` are the other
    /// end's word (`remote-inbound-rtp`); on a leg that receives, `packetsLost` and `jitter` are its own. Counters are
    /// cumulative.
    StreamSample {
        /// Codec, such as `video/VP8`.
        mime_type: String,
        /// Pixels.
        frame_width: f64,
        /// Pixels.
        frame_height: f64,
        /// Frames of the last second.
        frames_per_second: f64,
        /// Counter.
        frames_encoded: f64,
        /// Counter.
        frames_sent: f64,
        /// Counter.
        key_frames_encoded: f64,
        /// Counter.
        bytes_sent: f64,
        /// Counter.
        packets_sent: f64,
        /// Counter.
        retransmitted_packets_sent: f64,
        /// Counter of messages.
        nack_count: f64,
        /// Counter of messages.
        pli_count: f64,
        /// Counter of messages.
        fir_count: f64,
        /// Sum of quantizers of the frames en- or decoded.
        qp_sum: f64,
        /// s, sum over frames.
        total_encode_time: f64,
        /// Aim of the encoder, bit/s.
        target_bitrate: f64,
        /// `none`, `cpu`, `bandwidth` or `other`.
        quality_limitation_reason: String,
        /// Name of the encoder.
        encoder_implementation: String,
        /// True when an encoder of hardware is used.
        power_efficient_encoder: bool,
        /// s, by the reports of the other end.
        round_trip_time: f64,
        /// Share of packets lost since the last report, 0 to 1.
        fraction_lost: f64,
        /// Counter; may fall when late packets come.
        packets_lost: f64,
        /// Interarrival jitter, s.
        jitter: f64,
        /// Counter.
        frames_received: f64,
        /// Counter.
        frames_decoded: f64,
        /// Counter.
        frames_dropped: f64,
        /// Counter.
        key_frames_decoded: f64,
        /// Counter.
        bytes_received: f64,
        /// Counter.
        packets_received: f64,
        /// Counter.
        packets_discarded: f64,
        /// s, sum over what was emitted.
        jitter_buffer_delay: f64,
        /// Counter of frames or samples emitted.
        jitter_buffer_emitted_count: f64,
        /// Counter.
        freeze_count: f64,
        /// s, sum; counted when a freeze is over.
        total_freezes_duration: f64,
        /// Counter.
        pause_count: f64,
        /// s, sum.
        total_pauses_duration: f64,
        /// s, sum over frames.
        total_decode_time: f64,
        /// s, sum over frames.
        total_inter_frame_delay: f64,
        /// Name of the decoder.
        decoder_implementation: String,
        /// True when a decoder of hardware is used.
        power_efficient_decoder: bool,
        /// Counter of samples that were made up to fill gaps.
        concealed_samples: f64,
        /// Counter of those of them that are silence.
        silent_concealed_samples: f64,
        /// Counter of all samples played.
        total_samples_received: f64,
        /// NTP time of what is being played, ms.
        estimated_playout_timestamp: f64,
    }
}

sample! { "camelCase",
    /// A second of one direction of an end's connection.
    CallSample {
        /// The path.
        pair: PairSample,
        /// The picture.
        video: StreamSample,
        /// The sound.
        audio: StreamSample,
    }
}

sample! { "snake_case",
    /// From an end to the server, seen by the server. Counters are cumulative.
    IngressSample {
        /// Packets received, each once.
        packets: f64,
        /// Payload bytes of these.
        bytes: f64,
        /// Packets that did not come by themselves, repaired later or not.
        lost: f64,
        /// Messages.
        nacks_sent: f64,
        /// Messages.
        plis_sent: f64,
        /// ms.
        rtt_ms: f64,
        /// ms.
        jitter_ms: f64,
    }
}

sample! { "snake_case",
    /// From the server to the receivers: sums of the counters, the worst of the measurements.
    EgressSample {
        /// Packets forwarded, without retransmissions.
        packets: f64,
        /// Payload bytes of these.
        bytes: f64,
        /// Messages.
        nacks_received: f64,
        /// Messages.
        plis_received: f64,
        /// Packets retransmitted.
        rtx_packets: f64,
        /// Packets that the server itself threw away instead of sending them.
        dropped: f64,
        /// Largest share lost that a receiver reported, 0 to 1.
        loss: f64,
        /// ms.
        rtt_ms: f64,
        /// Smallest estimate of what a receiver's path carries, kbit/s.
        estimate_kbps: f64,
        /// Receivers that the counters are summed over.
        receivers: f64,
    }
}

sample! { "snake_case",
    /// Both hops of a sound or of what the agent sends.
    HopsSample {
        /// To the server.
        #[serde(rename = "in")]
        ingress: IngressSample,
        /// From the server.
        #[serde(rename = "out")]
        egress: EgressSample,
        /// Its sound.
        audio: SoundSample,
    }
}

sample! { "snake_case",
    /// Both hops of a sound.
    SoundSample {
        /// To the server.
        #[serde(rename = "in")]
        ingress: IngressSample,
        /// From the server.
        #[serde(rename = "out")]
        egress: EgressSample,
    }
}

sample! { "snake_case",
    /// How the server's media worker fared.
    WorkerSample {
        /// Share of a core, 0 to 1.
        cpu: f64,
        /// Longest time a packet waited inside, ms.
        queue_ms: f64,
        /// How late the worker's timers ran at most, ms.
        late_ms: f64,
        /// Key frames that were forwarded; counter.
        key_frames: f64,
        /// Datagrams that went out, of all its calls; counter.
        sent: f64,
        /// Datagrams that it threw away instead; counter.
        dropped: f64,
    }
}

sample! { "snake_case",
    /// A second of a call, seen by the server: what the viewer sends, and in `agent` what the agent sends.
    ServerSample {
        /// Viewer to server.
        #[serde(rename = "in")]
        ingress: IngressSample,
        /// Server to agent.
        #[serde(rename = "out")]
        egress: EgressSample,
        /// The viewer's sound over both hops.
        audio: SoundSample,
        /// The same of what the agent sends.
        agent: HopsSample,
        /// The worker.
        worker: WorkerSample,
    }
}
