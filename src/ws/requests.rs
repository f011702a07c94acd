//! A client's requests, carried out one after another beside its socket's loop.
//!
//! A request may wait for a commit, or for the node of a call, for seconds when a crowd is at the door. Meanwhile the loop
//! answers pings and delivers entries; a client that heard nothing would take the line for dead and come again, into the
//! same crowd.

use std::collections::VecDeque;

use futures_util::future::{BoxFuture, pending};
use signaling::limits::UNACKED_MAX;
use signaling::wire::{ClientFrame, ErrorCode, Refusal};

/// Requests of one socket that wait for their turn: the messages that a client keeps unacknowledged, and sends all at once
/// after a break, with room for other requests beside them.
const REQUESTS_MAX: usize = UNACKED_MAX + 64;

/// What takes time in a request. It owns what it needs.
pub(super) type Work<D> = BoxFuture<'static, Result<D, Refusal>>;

/// How far a request came at once.
pub(super) enum Begun<D> {
    /// It is done, and answered by `done`.
    Done,
    /// It is answered by itself, later.
    Taken,
    /// It is answered when this work is done.
    Work(Work<D>),
    /// The same, and what the bus brings meanwhile is told after the answer: a call's request causes messages that build
    /// on it.
    Undisturbed(Work<D>),
}

/// Work that is done.
pub(super) struct Finished<D> {
    /// The request's number.
    pub(super) id: Option<u32>,
    /// What came of it.
    pub(super) result: Result<D, Refusal>,
}

/// The requests of one socket.
pub(super) struct Requests<D> {
    running: Option<(Option<u32>, Work<D>)>,
    undisturbed: bool,
    waiting: VecDeque<ClientFrame>,
}

impl<D> Default for Requests<D> {
    fn default() -> Self {
        Self { running: None, undisturbed: false, waiting: VecDeque::new() }
    }
}

impl<D> Requests<D> {
    /// Takes a request that cannot begin yet.
    ///
    /// # Errors
    /// [`ErrorCode::Overloaded`] when too many wait.
    pub(super) fn add(&mut self, frame: ClientFrame) -> Result<(), Refusal> {
        if self.waiting.len() >= REQUESTS_MAX {
            return Err(Refusal::new(
                ErrorCode::Overloaded,
                "too many requests wait for their answer, send this one later",
            ));
        }
        self.waiting.push_back(frame);
        Ok(())
    }

    /// Whether a request that comes now is the only one.
    pub(super) fn is_empty(&self) -> bool {
        self.running.is_none() && self.waiting.is_empty()
    }

    /// The request whose turn it is; none while one runs.
    pub(super) fn turn(&mut self) -> Option<ClientFrame> {
        if self.running.is_some() {
            return None;
        }
        let frame = self.waiting.pop_front();
        if frame.is_none() {
            // An idle socket keeps nothing of its busy times.
            self.waiting = VecDeque::new();
        }
        frame
    }

    /// A request's work runs from now on.
    pub(super) fn run(&mut self, id: Option<u32>, work: Work<D>, undisturbed: bool) {
        self.running = Some((id, work));
        self.undisturbed = undisturbed;
    }

    /// Whether what the bus brings may be told now.
    pub(super) fn let_notes_pass(&self) -> bool {
        self.running.is_none() || !self.undisturbed
    }

    /// Drops what has not begun.
    pub(super) fn forget_waiting(&mut self) {
        self.waiting.clear();
    }

    /// Waits for the running request; for ever when there is none. Cancelling loses nothing.
    pub(super) async fn next(&mut self) -> Finished<D> {
        let Some((id, work)) = &mut self.running else { return pending().await };
        let (id, result) = (*id, work.await);
        self.running = None;
        Finished { id, result }
    }

    /// Whether a request runs.
    pub(super) fn runs(&self) -> bool {
        self.running.is_some()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use signaling::wire::ClientMessage;

    use super::*;

    fn ask(id: u32) -> ClientFrame {
        ClientFrame { id: Some(id), message: ClientMessage::RequestCall {} }
    }

    #[tokio::test]
    async fn one_runs_and_the_others_keep_their_order() {
        let mut requests: Requests<u32> = Requests::default();
        assert!(requests.next().now_or_never().is_none(), "nothing runs");
        for id in 1..=2 {
            requests.add(ask(id)).unwrap();
        }
        assert_eq!(requests.turn().and_then(|frame| frame.id), Some(1));
        let (open, opened) = tokio::sync::oneshot::channel();
        requests.run(Some(1), async move { Ok(opened.await.unwrap_or(0)) }.boxed(), true);
        assert!(!requests.let_notes_pass());
        assert!(requests.turn().is_none(), "the second one waits for the first");
        assert!(requests.next().now_or_never().is_none());
        open.send(7).unwrap();
        let finished = requests.next().await;
        assert_eq!((finished.id, finished.result.ok()), (Some(1), Some(7)));
        assert!(requests.let_notes_pass());
        assert_eq!(requests.turn().and_then(|frame| frame.id), Some(2));
        assert!(requests.is_empty());
    }

    #[test]
    fn too_many_are_refused() {
        let mut requests: Requests<()> = Requests::default();
        for id in 0..u32::try_from(REQUESTS_MAX).unwrap() {
            requests.add(ask(id)).unwrap();
        }
        assert_eq!(requests.add(ask(0)).unwrap_err().code, ErrorCode::Overloaded);
        requests.forget_waiting();
        assert!(requests.is_empty());
    }
}
