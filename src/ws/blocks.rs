//! Telemetry blocks from clients: checked, stored, acknowledged.

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use signaling::wire::{Block, ErrorCode, Leg, Refusal, ServerMessage};
use signaling::{CallId, ConversationId, UserId};

use super::link::Link;
use crate::app::App;
use crate::clock;
use crate::storage::CallRow;
use crate::support::refusal;
use crate::telemetry::{BlockHeader, is_codec};

/// Resolves to the acknowledgement once the block is on disk.
pub(super) type BlockFuture = BoxFuture<'static, ServerMessage>;

/// Telemetry blocks of one socket on their way to the disk. More wait in the socket: chat comes first.
pub(super) const BLOCKS_MAX: usize = 8;
/// Calls whose samples one session may send; remembered so that each is looked up once.
const CALLS_KNOWN_MAX: usize = 256;

/// How old samples may be, ms: what a client holds through a break, with room.
const AGE_MS_MAX: f64 = 20.0 * 60_000.0;
/// How far a client's clock estimate may lead, ms.
const FUTURE_MS_MAX: f64 = 10_000.0;
/// How long after the end of a call its last samples are taken, ms: a break of the line, and the way back.
const LATE_MS_MAX: i64 = 10 * 60_000;

/// Whose block it is.
pub(super) enum Sender<'a> {
    /// The viewer of this conversation.
    Viewer(&'a ConversationId),
    /// This agent.
    Agent(&'a UserId),
}

/// Calls that were checked already.
#[derive(Default)]
pub(super) struct KnownCalls(HashSet<CallId>);

impl KnownCalls {
    /// Stores a block of `sender`; its acknowledgement comes out of [`Link::blocks`].
    ///
    /// # Errors
    /// The refusal of a block that is not taken.
    pub(super) async fn take(
        &mut self,
        link: &mut Link,
        sender: Sender<'_>,
        id: Option<u32>,
        block: Block,
    ) -> Result<(), Refusal> {
        let app = std::sync::Arc::clone(&link.app);
        if !link.block_allowed() {
            return Err(Refusal::new(ErrorCode::RateLimited, "too many telemetry blocks"));
        }
        let (header, bytes) = self.check(&app, &sender, block).await?;
        if matches!(sender, Sender::Viewer(_)) {
            app.verdicts.met(&header.conversation, link.address);
        }
        let telemetry = app.telemetry.clone();
        let acknowledge = ServerMessage::BlockAck { leg: header.leg, source: header.source.clone(), seq: header.seq };
        let stored = async move {
            match telemetry.append(header, bytes).await {
                Ok(()) => acknowledge,
                Err(error) => {
                    tracing::warn!(%error, "a telemetry block was not stored");
                    let message = "the samples were not stored, send them again".to_owned();
                    ServerMessage::Error { id, code: ErrorCode::Overloaded, message, fatal: false }
                }
            }
        };
        link.blocks.push(stored.boxed());
        Ok(())
    }

    async fn check(&mut self, app: &App, sender: &Sender<'_>, block: Block) -> Result<(BlockHeader, Vec<u8>), Refusal> {
        let age_ms = clock::now_ms_f64() - block.t0_ms;
        if !(-FUTURE_MS_MAX..=AGE_MS_MAX).contains(&age_ms) {
            return Err(Refusal::new(ErrorCode::Invalid, "t0_ms is not a time of this visit"));
        }
        let conversation = match (sender, &block.leg, block.conversation) {
            (Sender::Viewer(own), Leg::Player | Leg::ViewerUp, _) => (*own).clone(),
            (Sender::Agent(_), Leg::AgentDown, Some(conversation)) => conversation,
            _ => return Err(Refusal::new(ErrorCode::Forbidden, "this leg is measured by another side")),
        };
        if let Some(call) = &block.call {
            self.check_call(app, sender, call, &conversation).await?;
        }
        if !is_codec(&block.codec) {
            return Err(Refusal::new(ErrorCode::Invalid, "codec is json1, lanes1 or lanes1z"));
        }
        let bytes =
            STANDARD.decode(&block.bytes).map_err(|_| Refusal::new(ErrorCode::Invalid, "bytes is not base64"))?;
        let header = BlockHeader {
            conversation,
            call: block.call,
            leg: block.leg,
            source: block.source,
            seq: block.seq,
            t0_ms: block.t0_ms,
            codec: block.codec,
        };
        Ok((header, bytes))
    }

    async fn check_call(
        &mut self,
        app: &App,
        sender: &Sender<'_>,
        call: &CallId,
        conversation: &ConversationId,
    ) -> Result<(), Refusal> {
        if self.0.contains(call) {
            return Ok(());
        }
        let row = app.desk.store.call(call).await.map_err(refusal)?;
        let now_ms = clock::now_ms();
        let belongs = |row: &CallRow| {
            row.conversation == *conversation
                && row.ended_at_ms.is_none_or(|ended| now_ms - ended <= LATE_MS_MAX)
                && match sender {
                    Sender::Viewer(_) => true,
                    Sender::Agent(user) => row.agent == **user,
                }
        };
        if !row.is_some_and(|row| belongs(&row)) {
            return Err(Refusal::new(ErrorCode::Forbidden, "not a call of yours"));
        }
        if self.0.len() >= CALLS_KNOWN_MAX {
            self.0.clear();
        }
        self.0.insert(call.clone());
        Ok(())
    }
}
