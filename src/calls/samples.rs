//! Collects the server's one-second samples of a call into telemetry blocks.

use serde_json::{Value, json};
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

    /// Adds what was measured of one end in a second; returns a block when one was full. The viewer's figures are the
    /// sample's own, the agent's are in its member `agent`.
    pub(super) fn push(&mut self, of_viewer: bool, sample: Value) -> Option<ServerBlock> {
        let Value::Object(mut figures) = sample else { return None };
        let t = figures.remove("t")?;
        let worker = figures.remove("worker");
        let same_second = self.samples.last().is_some_and(|last| last.get("t") == Some(&t));
        let full = if !same_second && self.samples.len() >= BLOCK_SAMPLES { self.flush() } else { None };
        if !same_second {
            self.samples.push(json!({ "t": t }));
        }
        if let Some(Value::Object(second)) = self.samples.last_mut() {
            if let Some(worker) = worker {
                second.insert("worker".to_owned(), worker);
            }
            if of_viewer {
                second.append(&mut figures);
            } else {
                second.insert("agent".to_owned(), Value::Object(figures));
            }
        }
        full
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_of_a_second_are_one_sample() {
        let mut buffer = SampleBuffer::new("c_1".into(), "k_1".into(), "node".to_owned());
        for second in 0..5 {
            assert!(buffer.push(true, json!({"t": second * 1_000, "in": {"packets": second}})).is_none());
            assert!(buffer.push(false, json!({"t": second * 1_000, "audio": {"in": {"packets": 7}}})).is_none());
        }
        let block = buffer.push(false, json!({"t": 5_000, "audio": {}})).expect("five seconds are full");
        let samples: Vec<Value> = serde_json::from_slice(&block.bytes).expect("JSON");
        assert_eq!(samples.len(), 5);
        assert_eq!(samples[3], json!({"t": 3_000, "in": {"packets": 3}, "agent": {"audio": {"in": {"packets": 7}}}}));
        assert_eq!((block.header.seq, block.header.t0_ms), (0, 0.0));
        let rest = buffer.flush().expect("the sixth second");
        assert_eq!(rest.header.seq, 1);
        assert_eq!(buffer.push(true, json!(7)).map(|block| block.header.seq), None);
    }
}
