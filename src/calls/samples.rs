//! Collects the server's one-second samples of a call into telemetry blocks.

use serde_json::Value;
use signaling::wire::Leg;
use signaling::{CallId, ConversationId};

use crate::telemetry::{BlockHeader, TelemetryLog};

/// Samples in a block, as clients do it: five seconds.
const BLOCK_SAMPLES: usize = 5;

/// Samples of one call that are not stored yet.
pub(super) struct SampleBuffer {
    conversation: ConversationId,
    call: CallId,
    source: String,
    seq: u32,
    samples: Vec<Value>,
}

impl SampleBuffer {
    /// An empty buffer; `source` is the node's name.
    pub(super) fn new(conversation: ConversationId, call: CallId, source: String) -> Self {
        Self { conversation, call, source, seq: 0, samples: Vec::with_capacity(BLOCK_SAMPLES) }
    }

    /// Adds a sample; returns a block when one is full.
    pub(super) fn push(&mut self, sample: Value) -> Option<ServerBlock> {
        self.samples.push(sample);
        if self.samples.len() < BLOCK_SAMPLES { None } else { self.flush() }
    }

    /// What there is, as a block.
    pub(super) fn flush(&mut self) -> Option<ServerBlock> {
        if self.samples.is_empty() {
            return None;
        }
        let samples = std::mem::take(&mut self.samples);
        let header = BlockHeader {
            conversation: self.conversation.clone(),
            call: Some(self.call.clone()),
            leg: Leg::Server,
            source: self.source.clone(),
            seq: self.seq,
            t0_ms: samples.first().and_then(|sample| sample.get("t")).and_then(Value::as_f64).unwrap_or(0.0),
            codec: "json1".to_owned(),
        };
        self.seq += 1;
        Some(ServerBlock { header, bytes: Value::Array(samples).to_string().into_bytes() })
    }
}

/// A block on its way to the log.
pub(super) struct ServerBlock {
    header: BlockHeader,
    bytes: Vec<u8>,
}

impl ServerBlock {
    /// Stores it; a failure is logged, the call goes on.
    pub(super) async fn store(self, telemetry: &TelemetryLog) {
        if let Err(error) = telemetry.append(self.header, self.bytes).await {
            tracing::warn!(%error, "a block of server samples was not stored");
        }
    }
}
