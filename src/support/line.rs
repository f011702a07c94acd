//! The line of those who wait, worked out once for everyone who stands in it.
//!
//! Each waiting viewer used to ask the database for its own place at every move of the line: with ten thousand waiting that
//! is ten thousand counts over ten thousand rows for one who leaves. Now one task of the node reads the line once per move,
//! not more often than it can afford, and sockets look their own place up in the result. They are told of it a part at a time:
//! ten thousand tasks that wake at once keep everybody else waiting.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use signaling::ConversationId;
use tokio::sync::watch;

use super::desk::Desk;
use super::queue;
use crate::clock;
use crate::cluster::Topic;

/// Shortest time between two readings: faster nobody reads a number that moves.
const EVERY_MIN: Duration = Duration::from_millis(250);
/// Longest line that is worked out. Far more than can be connected to a node (`limits.sockets_max`); who stands behind it
/// is told no place.
const LINE_MAX: u64 = 50_000;
/// After a reading that failed.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
/// A reading may take this share of the time until the next one.
const COST_SHARE: u32 = 10;
/// Time that each who waits adds to the time between two readings: all of them look at the result.
const EVERY_PER_WAITING: Duration = Duration::from_micros(100);
/// Parts of those who wait that are told one after the other: some dozens of tasks wake together in a line of ten thousand.
const PARTS: usize = 128;
/// Time that each who waits adds to the time in which all are told.
const TOLD_PER_WAITING: Duration = Duration::from_micros(50);

/// The line at one moment.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct LineView {
    places: HashMap<ConversationId, u32>,
    /// Recent waits for a first agent, ms.
    waits_ms: Vec<i64>,
    /// Different agents on line.
    pub agents_online: u32,
}

impl LineView {
    /// Place in line from 1; `None` for who does not wait, or has come since.
    #[must_use]
    pub fn place(&self, conversation: &ConversationId) -> Option<u32> {
        self.places.get(conversation).copied()
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether nobody waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Expected rest of the wait of somebody at `place` who has waited `waited_ms`, ms; `None` when nothing honest can be
    /// said.
    #[must_use]
    pub fn wait_estimate_ms(&self, place: u32, waited_ms: i64) -> Option<i64> {
        queue::wait_estimate_ms(&self.waits_ms, place, self.agents_online, waited_ms)
    }
}

/// The newest [`LineView`] of a node.
#[derive(Debug)]
pub struct Line {
    newest: Mutex<Arc<LineView>>,
    parts: [watch::Sender<Arc<LineView>>; PARTS],
}

impl Default for Line {
    fn default() -> Self {
        Self { newest: Mutex::default(), parts: std::array::from_fn(|_| watch::Sender::default()) }
    }
}

impl Line {
    /// The newest view.
    #[must_use]
    pub fn view(&self) -> Arc<LineView> {
        Arc::clone(&self.newest())
    }

    /// Follows the views from now on. `spread` is any number that differs from viewer to viewer; it decides who is told together.
    #[must_use]
    pub fn follow(&self, spread: u64) -> watch::Receiver<Arc<LineView>> {
        self.parts[(spread % PARTS as u64) as usize].subscribe()
    }

    /// Takes a new view; tells everyone, when it is another one than before.
    async fn renew(&self, view: LineView) {
        if **self.newest() == view {
            return;
        }
        let view = Arc::new(view);
        *self.newest() = Arc::clone(&view);
        let step = TOLD_PER_WAITING * u32::try_from(view.len() / PARTS).unwrap_or(u32::MAX);
        for part in &self.parts {
            part.send_replace(Arc::clone(&view));
            if !step.is_zero() {
                tokio::time::sleep(step).await;
            }
        }
    }

    fn newest(&self) -> MutexGuard<'_, Arc<LineView>> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps the line of a node up to date for as long as the process lives.
pub async fn keep_line(desk: Arc<Desk>) {
    let mut subscriber = desk.bus.attach();
    desk.bus.subscribe(&subscriber, Topic::Queue);
    loop {
        // What is told from here on is read next time; what was told before is in this reading.
        while let Some(Some(_)) = subscriber.next().now_or_never() {}
        let begun = Instant::now();
        let spent;
        match read(&desk).await {
            Ok(view) => {
                metrics::gauge!("sightline_waiting").set(view.len() as f64);
                spent = begun.elapsed();
                desk.line.renew(view).await;
            }
            Err(error) => {
                // Perhaps nothing moves any more, and those who came last have no place yet.
                tracing::warn!(%error, "the line could not be read and is read again");
                tokio::time::sleep(AGAIN_AFTER).await;
                continue;
            }
        }
        let waiting = u32::try_from(desk.line.view().len()).unwrap_or(u32::MAX);
        let rest = (spent * COST_SHARE).max(EVERY_MIN).max(EVERY_PER_WAITING * waiting);
        tokio::time::sleep(rest.saturating_sub(begun.elapsed())).await;
        if subscriber.next().await.is_none() {
            return;
        }
    }
}

async fn read(desk: &Desk) -> Result<LineView, crate::storage::StorageError> {
    let waiting = desk.store.waiting_line(LINE_MAX).await?;
    let waits_ms = if waiting.is_empty() {
        Vec::new()
    } else {
        desk.store.recent_waits_ms(clock::now_ms() - queue::WAITS_WINDOW_MS, queue::WAITS_MAX).await?
    };
    let places = waiting.into_iter().zip(1..).collect();
    Ok(LineView { places, waits_ms, agents_online: desk.presence.agents_online() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_long_line_is_told_a_part_at_a_time_and_only_when_it_moved() {
        let line = Line::default();
        let mut parts: Vec<_> = (0..PARTS as u64).map(|n| line.follow(n)).collect();
        let places = |count: u32| (1..=count).map(|n| (ConversationId(format!("c_{n}")), n)).collect();
        let long = || LineView { places: places(10_000), ..LineView::default() };
        let begun = tokio::time::Instant::now();
        let half_way = async {
            tokio::time::sleep(TOLD_PER_WAITING * 5_000).await;
            assert_eq!(line.view().len(), 10_000, "who asks is told at once");
            parts.iter().filter(|part| part.has_changed().unwrap()).count()
        };
        let ((), told) = tokio::join!(line.renew(long()), half_way);
        assert!((PARTS / 3..PARTS * 2 / 3).contains(&told), "{told}");
        assert!(begun.elapsed() < Duration::from_secs(1));
        assert!(parts.iter_mut().all(|part| part.borrow_and_update().len() == 10_000));
        line.renew(long()).await;
        assert!(!parts.iter().any(|part| part.has_changed().unwrap()));
        // Nobody waits between the parts of a short line.
        let begun = tokio::time::Instant::now();
        line.renew(LineView { places: places(50), ..LineView::default() }).await;
        assert!(begun.elapsed().is_zero() && parts.iter().all(|part| part.has_changed().unwrap()));
    }

    #[test]
    fn a_view_tells_places_and_estimates() {
        let ids = ["c_1", "c_2", "c_3"].map(ConversationId::from);
        let places = ids.iter().cloned().zip(1..).collect();
        let view = LineView { places, waits_ms: vec![40_000, 60_000, 80_000, 100_000], agents_online: 1 };
        assert_eq!(view.place(&ids[1]), Some(2));
        assert_eq!(view.place(&ConversationId::from("c_9")), None);
        assert_eq!(view.wait_estimate_ms(3, 0), Some(300_000));
        assert_eq!(view.len(), 3);
    }
}
