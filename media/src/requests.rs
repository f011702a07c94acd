//! When to ask a source for a key frame: requests are coalesced, never lost, repeated until answered.

use std::time::{Duration, Instant};

use crate::limits::{KEY_FRAME_INTERVAL_MIN, KEY_FRAME_RETRY, KEY_FRAME_RETRY_MAX};

/// Why a key frame is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// A subscription has just begun and shows nothing yet: never made to wait.
    First,
    /// A receiver lost the picture (PLI or FIR): at most one request per interval.
    Repair,
}

/// The state of key frame requests toward one source.
#[derive(Debug, Default)]
pub struct KeyFrameRequests {
    sent_at: Option<Instant>,
    outstanding: Option<Outstanding>,
    deferred: bool,
}

#[derive(Debug)]
struct Outstanding {
    repeat_at: Instant,
    wait: Duration,
}

impl KeyFrameRequests {
    /// Somebody wants a key frame. True if the request is to be sent now. A request that is still unanswered covers
    /// the new one: the key frame it brings comes later than this moment.
    pub fn want(&mut self, now: Instant, want: Want) -> bool {
        if self.outstanding.is_some() {
            return false;
        }
        let too_soon = self.sent_at.is_some_and(|sent| now < sent + KEY_FRAME_INTERVAL_MIN);
        if want == Want::Repair && too_soon {
            self.deferred = true;
            return false;
        }
        self.send(now, KEY_FRAME_RETRY);
        true
    }

    /// A key frame began to arrive: what was asked for is there. A request deferred before is answered by it too.
    pub fn key_frame_arrived(&mut self) {
        self.outstanding = None;
        self.deferred = false;
    }

    /// Nobody waits any more, for example because the source left.
    pub fn clear(&mut self) {
        self.outstanding = None;
        self.deferred = false;
    }

    /// True if a request is to be sent now, because an earlier one is unanswered or was deferred. A `silent` source, one
    /// that has sent nothing for long, is asked a few times, as a still picture's is too; then the request is forgotten.
    /// Whoever waits asks anew when the source sends again.
    pub fn handle_timeout(&mut self, now: Instant, silent: bool) -> bool {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return false;
        }
        if silent && self.outstanding.as_ref().is_some_and(|o| o.wait >= KEY_FRAME_RETRY_MAX) {
            self.clear();
            return false;
        }
        let wait = match self.outstanding.take() {
            Some(outstanding) => (outstanding.wait * 2).min(KEY_FRAME_RETRY_MAX),
            None => KEY_FRAME_RETRY,
        };
        self.send(now, wait);
        true
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due.
    pub fn deadline(&self) -> Option<Instant> {
        match (&self.outstanding, self.deferred, self.sent_at) {
            (Some(outstanding), _, _) => Some(outstanding.repeat_at),
            (None, true, Some(sent)) => Some(sent + KEY_FRAME_INTERVAL_MIN),
            _ => None,
        }
    }

    fn send(&mut self, now: Instant, wait: Duration) {
        self.sent_at = Some(now);
        self.deferred = false;
        self.outstanding = Some(Outstanding { repeat_at: now + wait, wait });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn requests_are_coalesced_while_one_is_unanswered() {
        let now = Instant::now();
        let mut requests = KeyFrameRequests::default();
        assert!(requests.want(now, Want::First));
        assert!(!requests.want(now + ms(5), Want::First));
        assert!(!requests.want(now + ms(5), Want::Repair));
        requests.key_frame_arrived();
        assert_eq!(requests.deadline(), None);
    }

    #[test]
    fn a_repair_too_soon_is_deferred_not_lost() {
        let now = Instant::now();
        let mut requests = KeyFrameRequests::default();
        assert!(requests.want(now, Want::Repair));
        requests.key_frame_arrived();
        assert!(!requests.want(now + ms(100), Want::Repair));
        assert!(!requests.handle_timeout(now + ms(299), false));
        assert!(requests.handle_timeout(now + ms(300), false));
    }

    #[test]
    fn a_first_key_frame_never_waits() {
        let now = Instant::now();
        let mut requests = KeyFrameRequests::default();
        assert!(requests.want(now, Want::Repair));
        requests.key_frame_arrived();
        assert!(requests.want(now + ms(1), Want::First));
    }

    #[test]
    fn unanswered_requests_are_repeated_ever_slower() {
        let now = Instant::now();
        let mut requests = KeyFrameRequests::default();
        assert!(requests.want(now, Want::First));
        let mut sent = Vec::new();
        for t in 1..10_000 {
            if requests.handle_timeout(now + ms(t), false) {
                sent.push(t);
            }
        }
        assert_eq!(sent, [300, 900, 2_100, 4_100, 6_100, 8_100]);
    }

    #[test]
    fn a_silent_source_is_asked_a_few_times_and_again_when_somebody_wants() {
        let now = Instant::now();
        let mut requests = KeyFrameRequests::default();
        assert!(requests.want(now, Want::First));
        let sent: Vec<u64> = (1..60_000).filter(|t| requests.handle_timeout(now + ms(*t), true)).collect();
        assert_eq!(sent, [300, 900, 2_100]);
        assert_eq!(requests.deadline(), None, "nothing is due any more");
        assert!(requests.want(now + ms(60_000), Want::First));
    }
}
