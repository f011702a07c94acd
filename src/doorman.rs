//! Lets newcomers in a few at a time, and more slowly while this process is late: who is in keeps the share that a chat needs.
//!
//! A hello and the message that opens a conversation are a newcomer's work. A crowd that does all of it at once fills every
//! queue of the process, and each step of everybody else stands behind all of them. Here the crowd stands in one queue instead,
//! first come first served.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use crate::pressure::Pressure;

/// Newcomers whose work goes on at the same time: enough to keep the readers of the database busy and to fill a batch of
/// openings, few enough for somebody in a chat to stand behind.
const TURNS: usize = 24;
/// How long a newcomer's work keeps the next one waiting. On a machine that has no time for this process each work takes long,
/// for nothing that it does itself; some thousand a second are let in all the same.
const TURN_MAX: Duration = Duration::from_millis(20);
/// A task that is due later than this by the measure of the last moments holds newcomers back.
const LATE: Duration = Duration::from_millis(4);
/// How long one is held back then, ahead of its turn's time.
const HOLD: Duration = Duration::from_millis(20);

/// The door.
#[derive(Debug)]
pub struct Doorman {
    turns: Semaphore,
    pressure: Arc<Pressure>,
}

impl Doorman {
    /// A door that opens as `pressure` allows.
    #[must_use]
    pub fn new(pressure: Arc<Pressure>) -> Self {
        Self { turns: Semaphore::new(TURNS), pressure }
    }

    /// Does a newcomer's work when its turn has come, in the order of arrival.
    pub async fn pace<W: Future + Unpin>(&self, mut work: W) -> W::Output {
        // The semaphore is never closed; without a permit one is let in unpaced rather than not at all.
        let turn = self.turns.acquire().await.ok();
        if self.pressure.lag_now() > LATE {
            sleep(HOLD).await;
        }
        let in_time = timeout(TURN_MAX, &mut work).await;
        drop(turn);
        match in_time {
            Ok(done) => done,
            Err(_) => work.await,
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use futures_util::future::pending;
    use tokio::time::Instant;

    use super::*;

    fn endless() -> impl Future<Output = ()> + Unpin {
        Box::pin(pending())
    }

    #[tokio::test(start_paused = true)]
    async fn so_many_work_at_once_and_the_next_in_line_follows() {
        let door = Arc::new(Doorman::new(Arc::default()));
        let mut inside: Vec<_> = (0..TURNS).map(|_| Box::pin(door.pace(endless()))).collect();
        assert!(inside.iter_mut().all(|work| work.now_or_never().is_none()), "they work");
        let (first, second) = (door.pace(Box::pin(async { 1 })), door.pace(Box::pin(async { 2 })));
        let (mut first, mut second) = (Box::pin(first), Box::pin(second));
        assert!(first.as_mut().now_or_never().is_none() && second.as_mut().now_or_never().is_none());
        inside.pop();
        assert!(second.as_mut().now_or_never().is_none(), "the first one waits longer");
        assert_eq!(first.now_or_never(), Some(1));
        assert_eq!(second.now_or_never(), Some(2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_work_that_takes_long_goes_on_beside_the_next_ones() {
        let door = Doorman::new(Arc::default());
        let long = futures_util::future::join_all((0..TURNS).map(|_| {
            door.pace(Box::pin(async {
                sleep(TURN_MAX * 10).await;
                true
            }))
        }));
        let begun = Instant::now();
        let next = async {
            door.pace(Box::pin(async {})).await;
            begun.elapsed()
        };
        let (done, waited) = tokio::join!(long, next);
        assert!(done.into_iter().all(|done| done));
        assert_eq!(waited, TURN_MAX);
    }

    #[tokio::test(start_paused = true)]
    async fn a_process_that_is_late_lets_people_in_more_slowly() {
        let pressure = Arc::new(Pressure::default());
        let door = Doorman::new(Arc::clone(&pressure));
        let begun = Instant::now();
        door.pace(Box::pin(async {})).await;
        assert!(begun.elapsed().is_zero());
        pressure.note_now(LATE * 2);
        door.pace(Box::pin(async {})).await;
        assert_eq!(begun.elapsed(), HOLD);
    }
}
