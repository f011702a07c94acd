//! One socket: sends with a deadline, reads with a rate, and knows whose session it is.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures_util::SinkExt as _;
use futures_util::stream::FuturesUnordered;
use governor::clock::DefaultClock;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use signaling::ConversationId;
use signaling::resume::{Cursor, Step};
use signaling::timeline::Entry;
use signaling::wire::{ErrorCode, Refusal, ServerMessage};

use super::blocks::BlockFuture;
use crate::app::App;
use crate::cluster::SessionId;
use crate::gate::Caller;
use crate::support::Sent;

/// How long a client may take to accept a message. A line that is dead for so long is given up; the client resumes.
const SEND_DEADLINE: Duration = Duration::from_secs(10);
/// Telemetry blocks a second of one socket: a player's and a call's legs make one in 5 s each.
const BLOCKS_PER_SECOND: NonZeroU32 = NonZeroU32::new(2).unwrap();
/// Blocks at once: what a client holds of the ten minutes before its ticket, or of a broken line.
const BLOCKS_BURST: NonZeroU32 = NonZeroU32::new(300).unwrap();

/// The clock of all rate limiters. Each of its own asks the processor what it is, which a virtual machine answers slowly.
static CLOCK: LazyLock<DefaultClock> = LazyLock::new(DefaultClock::default);

/// The socket is closed or as good as closed.
#[derive(Debug)]
pub(super) struct Gone;

/// One client's socket.
pub(super) struct Link {
    pub(super) app: Arc<App>,
    pub(super) session: SessionId,
    pub(super) address: IpAddr,
    pub(super) caller: Caller,
    pub(super) socket: WebSocket,
    pub(super) blocks: FuturesUnordered<BlockFuture>,
    /// Whether entries that are for agents alone may be sent. Nobody may before they have shown that they are one.
    pub(super) sees_notes: bool,
    limiter: DefaultDirectRateLimiter,
    block_limiter: DefaultDirectRateLimiter,
    warned_at: Option<Instant>,
    /// A write failed: none will succeed any more, and none is waited for.
    gone: bool,
}

impl Link {
    pub(super) fn new(app: Arc<App>, socket: WebSocket, address: IpAddr, caller: Caller) -> Self {
        let rate = NonZeroU32::new(app.config.limits.messages_per_second).unwrap_or(NonZeroU32::MIN);
        let burst = rate.saturating_mul(NonZeroU32::new(5).unwrap_or(NonZeroU32::MIN));
        let limiter = RateLimiter::direct_with_clock(Quota::per_second(rate).allow_burst(burst), CLOCK.clone());
        let block_quota = Quota::per_second(BLOCKS_PER_SECOND).allow_burst(BLOCKS_BURST);
        let block_limiter = RateLimiter::direct_with_clock(block_quota, CLOCK.clone());
        Self {
            app,
            session: SessionId(crate::random::id('s')),
            address,
            caller,
            socket,
            blocks: FuturesUnordered::new(),
            sees_notes: false,
            limiter,
            block_limiter,
            warned_at: None,
            gone: false,
        }
    }

    /// Sends a message.
    pub(super) async fn send(&mut self, message: &ServerMessage) -> Result<(), Gone> {
        let text = serde_json::to_string(message).map_err(|_| Gone)?;
        self.send_raw(Message::text(text)).await
    }

    /// Sends a refusal.
    pub(super) async fn refuse(&mut self, id: Option<u32>, refusal: Refusal, fatal: bool) -> Result<(), Gone> {
        metrics::counter!("sightline_refusals_total").increment(1);
        self.send(&ServerMessage::Error { id, code: refusal.code, message: refusal.message, fatal }).await
    }

    /// Passes on entries that the bus brought, or reads the database where something before them is missing.
    pub(super) async fn deliver(
        &mut self,
        conversation: &ConversationId,
        cursor: &mut Cursor,
        entries: Vec<Entry>,
    ) -> Result<(), Gone> {
        match cursor.offer(entries) {
            Step::Nothing => Ok(()),
            Step::Deliver(entries) => self.send_entries(conversation, entries).await,
            Step::Fetch { .. } => self.send_missing(conversation, cursor).await,
        }
    }

    /// Sends what the database holds after the cursor.
    pub(super) async fn send_missing(
        &mut self,
        conversation: &ConversationId,
        cursor: &mut Cursor,
    ) -> Result<(), Gone> {
        loop {
            let entries = match self.app.desk.entries(conversation, cursor.last_seq()).await {
                Ok(entries) => entries,
                Err(refusal) => return self.refuse(None, refusal, false).await,
            };
            let Step::Deliver(entries) = cursor.offer(entries) else { return Ok(()) };
            self.send_entries(conversation, entries).await?;
        }
    }

    async fn send_entries(&mut self, conversation: &ConversationId, entries: Vec<Entry>) -> Result<(), Gone> {
        let entries = if self.sees_notes { entries } else { entries.into_iter().map(Entry::for_viewer).collect() };
        self.send(&ServerMessage::Entries { conversation: conversation.clone(), entries }).await
    }

    /// Acknowledges a message, which is committed.
    pub(super) async fn acknowledge(&mut self, client_id: String, sent: &Sent) -> Result<(), Gone> {
        let conversation = sent.conversation.id.clone();
        self.send(&ServerMessage::Ack { client_id, conversation, seq: sent.seq, at_ms: sent.at_ms }).await
    }

    /// Answers a request that has a number.
    pub(super) async fn answer(&mut self, id: Option<u32>, result: Result<(), Refusal>) -> Result<(), Gone> {
        match (result, id) {
            (Ok(()), Some(id)) => self.send(&ServerMessage::Done { id }).await,
            (Ok(()), None) => Ok(()),
            (Err(refusal), id) => self.refuse(id, refusal, false).await,
        }
    }

    /// Closes with a code of RFC 6455, section 7.4.
    pub(super) async fn close(mut self, code: u16, reason: &'static str) {
        let frame = CloseFrame { code, reason: reason.into() };
        let _ = self.send_raw(Message::Close(Some(frame))).await;
        let _ = tokio::time::timeout(Duration::from_secs(1), self.socket.close()).await;
    }

    /// Waits when the client sends too fast, after telling it so.
    pub(super) async fn throttle(&mut self) -> Result<(), Gone> {
        if self.limiter.check().is_ok() {
            return Ok(());
        }
        if self.warned_at.is_none_or(|at| at.elapsed() >= Duration::from_secs(1)) {
            self.warned_at = Some(Instant::now());
            let refusal = Refusal::new(ErrorCode::RateLimited, "too many messages: they are taken more slowly now");
            self.refuse(None, refusal, false).await?;
        }
        self.limiter.until_ready().await;
        Ok(())
    }

    /// Whether another telemetry block may come now.
    pub(super) fn block_allowed(&self) -> bool {
        self.block_limiter.check().is_ok()
    }

    async fn send_raw(&mut self, message: Message) -> Result<(), Gone> {
        if self.gone {
            return Err(Gone);
        }
        match tokio::time::timeout(SEND_DEADLINE, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            _ => {
                self.gone = true;
                Err(Gone)
            }
        }
    }
}
