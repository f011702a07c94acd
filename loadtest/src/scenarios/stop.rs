//! The end of a run before its time: by the operator, or because the server is gone.

use tokio::sync::watch;
use tokio::time::Instant;

use crate::report::Tally;

/// Why a run is to stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StopReason {
    /// The operator pressed Ctrl-C.
    Operator,
    /// It makes no sense any more; in words why.
    Broken(String),
}

/// Stops a run; clones stop the same one.
#[derive(Debug, Clone)]
pub struct StopSwitch {
    asked: watch::Sender<Option<StopReason>>,
}

impl StopSwitch {
    /// Stops the run. The first reason counts.
    pub fn stop(&self, reason: StopReason) {
        self.asked.send_if_modified(|asked| {
            let first = asked.is_none();
            if first {
                *asked = Some(reason);
            }
            first
        });
    }
}

/// Waits until a flag is raised; for ever when nobody is left to raise it.
pub(super) async fn raised(flag: &mut watch::Receiver<bool>) {
    if flag.wait_for(|raised| *raised).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// The wish to stop, seen by every task of a run.
#[derive(Debug, Clone)]
pub struct Stop {
    asked: watch::Receiver<Option<StopReason>>,
}

impl Stop {
    /// A stop and the switch for it. Dropping the switch is no stop.
    #[must_use]
    pub fn new() -> (StopSwitch, Self) {
        let (switch, asked) = watch::channel(None);
        (StopSwitch { asked: switch }, Self { asked })
    }

    /// Whether it was asked for.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.asked.borrow().is_some()
    }

    /// Sleeps until `at`, or shorter when asked to stop; `false` then.
    pub async fn sleep_until(&mut self, at: Instant) -> bool {
        tokio::select! {
            () = tokio::time::sleep_until(at) => !self.is_asked(),
            () = Self::asked(&mut self.asked) => false,
        }
    }

    /// Waits until it is asked for.
    pub async fn wait(&mut self) {
        Self::asked(&mut self.asked).await;
    }

    /// Notes in a tally how the run ended.
    pub fn mark(&self, tally: &mut Tally) {
        match &*self.asked.borrow() {
            Some(StopReason::Operator) => tally.interrupted = true,
            Some(StopReason::Broken(reason)) => tally.broken_off = Some(reason.clone()),
            None => {}
        }
    }

    async fn asked(asked: &mut watch::Receiver<Option<StopReason>>) {
        if asked.wait_for(Option::is_some).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_stop_wakes_sleepers_and_its_first_reason_counts() {
        let (switch, mut stop) = Stop::new();
        let seen = stop.clone();
        let sleeper = tokio::spawn(async move { stop.sleep_until(Instant::now() + Duration::from_secs(60)).await });
        switch.stop(StopReason::Broken("gone".to_owned()));
        switch.stop(StopReason::Operator);
        assert!(!sleeper.await.unwrap());
        let mut tally = Tally::default();
        seen.mark(&mut tally);
        assert_eq!((tally.broken_off.as_deref(), tally.interrupted), (Some("gone"), false));
    }
}
