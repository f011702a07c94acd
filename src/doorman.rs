//! Lets newcomers in a few at a time, and more slowly while this process is late: who is in keeps the share that a chat needs.
//!
//! A hello and the message that opens a conversation are a newcomer's work. A crowd that does all of it at once fills every
//! queue of the process, and each step of everybody else stands behind all of them. Here the crowd stands in one queue instead,
//! first come first served.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::sleep;

use crate::pressure::Pressure;

/// Newcomers whose work goes on at the same time: enough to keep the readers of the database busy and to fill a batch of
/// openings, few enough for somebody in a chat to stand behind.
const TURNS: usize = 24;
/// A task that is due later than this by the measure of the last moments holds newcomers back.
const LATE: Duration = Duration::from_millis(4);
/// How long one is held back before the measure is looked at again.
const HOLD: Duration = Duration::from_millis(8);
/// Times that one is held back at most: a machine that is late whatever we do lets people in all the same.
const HOLDS_MAX: u32 = 6;

/// The door.
#[derive(Debug)]
pub struct Doorman {
    turns: Semaphore,
    pressure: Arc<Pressure>,
}

/// A newcomer's turn; over when dropped.
#[derive(Debug)]
pub struct Turn<'d> {
    _permit: Option<SemaphorePermit<'d>>,
}

impl Doorman {
    /// A door that opens as `pressure` allows.
    #[must_use]
    pub fn new(pressure: Arc<Pressure>) -> Self {
        Self { turns: Semaphore::new(TURNS), pressure }
    }

    /// Waits for a turn, in the order of arrival.
    pub async fn turn(&self) -> Turn<'_> {
        // The semaphore is never closed; without a permit one is let in unpaced rather than not at all.
        let permit = self.turns.acquire().await.ok();
        for _ in 0..HOLDS_MAX {
            if self.pressure.lag_now() < LATE {
                break;
            }
            sleep(HOLD).await;
        }
        Turn { _permit: permit }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use tokio::time::Instant;

    use super::*;

    #[tokio::test]
    async fn so_many_work_at_once_and_the_next_in_line_follows() {
        let door = Doorman::new(Arc::default());
        let mut inside: Vec<Turn<'_>> = Vec::new();
        for _ in 0..TURNS {
            inside.push(door.turn().now_or_never().expect("there is room"));
        }
        let (mut first, mut second) = (Box::pin(door.turn()), Box::pin(door.turn()));
        assert!(first.as_mut().now_or_never().is_none() && second.as_mut().now_or_never().is_none());
        inside.pop();
        assert!(second.as_mut().now_or_never().is_none(), "the first one waits longer");
        let turn = first.now_or_never().expect("one has gone");
        drop(turn);
        assert!(second.now_or_never().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_process_that_is_late_lets_people_in_slowly_but_for_ever() {
        let pressure = Arc::new(Pressure::default());
        let door = Doorman::new(Arc::clone(&pressure));
        pressure.note_now(LATE * 10);
        let begun = Instant::now();
        drop(door.turn().await);
        assert_eq!(begun.elapsed(), HOLD * HOLDS_MAX);
        let begun = Instant::now();
        let turn = door.turn();
        let relief = async {
            sleep(HOLD / 2).await;
            pressure.note_now(Duration::ZERO);
        };
        tokio::join!(turn, relief);
        assert_eq!(begun.elapsed(), HOLD, "it is looked at again after each hold");
    }
}
