//! A lane: what one place measured, a sample a second, in order, bounded; and events beside it.

use std::collections::VecDeque;

/// Most samples of a lane: six hours at one a second. The newest are kept.
pub const LANE_SAMPLES_MAX: usize = 6 * 60 * 60;

/// Most events of a kind. Six hours of a segment a second.
pub const EVENTS_MAX: usize = 6 * 60 * 60;

/// Latest second accepted, since the Unix epoch: the year 2286. Beyond it a number is a mistake.
const SECOND_MAX: f64 = 9_999_999_999.0;

/// The whole second that a time in ms stands for; `None` for what is no time.
#[must_use]
pub fn second_of(t_ms: f64) -> Option<i64> {
    let second = (t_ms / 1_000.0).round();
    #[expect(clippy::cast_possible_truncation, reason = "a whole number, checked to lie far inside an i64")]
    (0.0..=SECOND_MAX).contains(&second).then_some(second as i64)
}

/// Samples by their second, ascending, one a second.
#[derive(Debug, Clone, PartialEq)]
pub struct Lane<T> {
    samples: VecDeque<(i64, T)>,
}

impl<T> Default for Lane<T> {
    fn default() -> Self {
        Self { samples: VecDeque::new() }
    }
}

impl<T> Lane<T> {
    /// Adds the sample of the second that `t_ms` stands for. Order does not matter; a second sample of the same second takes the
    /// place of the first. Returns false when `t_ms` is no time or older than everything in a full lane.
    pub fn push(&mut self, t_ms: f64, sample: T) -> bool {
        let Some(second) = second_of(t_ms) else { return false };
        match self.samples.back() {
            Some((last, _)) if *last >= second => match self.samples.binary_search_by_key(&second, |(at, _)| *at) {
                Ok(place) => self.samples[place].1 = sample,
                Err(0) if self.samples.len() >= LANE_SAMPLES_MAX => return false,
                Err(place) => self.samples.insert(place, (second, sample)),
            },
            _ => self.samples.push_back((second, sample)),
        }
        if self.samples.len() > LANE_SAMPLES_MAX {
            self.samples.pop_front();
        }
        true
    }

    /// Drops what is older than `second`, so that a live trace stays small.
    pub fn forget_before(&mut self, second: i64) {
        while self.samples.front().is_some_and(|(at, _)| *at < second) {
            self.samples.pop_front();
        }
    }

    /// The samples with their seconds, ascending.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (i64, &T)> {
        self.samples.iter().map(|(second, sample)| (*second, sample))
    }

    /// The samples of the seconds `from..=to`, and the one before them, to which counters are compared.
    pub(crate) fn with_predecessor(&self, from: i64, to: i64) -> impl Iterator<Item = (i64, &T)> {
        let start = self.samples.partition_point(|(at, _)| *at < from).saturating_sub(1);
        self.samples.range(start..).map(|(second, sample)| (*second, sample)).take_while(move |(at, _)| *at <= to)
    }

    /// First and last second.
    #[must_use]
    pub fn span(&self) -> Option<(i64, i64)> {
        Some((self.samples.front()?.0, self.samples.back()?.0))
    }

    /// How many samples there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// True when there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }
}

/// Something that happened at a moment.
pub trait Event: PartialEq {
    /// When, ms since the Unix epoch.
    fn t_ms(&self) -> f64;
}

/// Events by their time, ascending. The same event told twice is one.
#[derive(Debug, Clone, PartialEq)]
pub struct Events<T> {
    events: VecDeque<T>,
}

impl<T> Default for Events<T> {
    fn default() -> Self {
        Self { events: VecDeque::new() }
    }
}

impl<T: Event> Events<T> {
    /// Adds an event; order does not matter. Returns false when it is there already, has no time, or is older than
    /// everything in a full list.
    pub fn push(&mut self, event: T) -> bool {
        let t_ms = event.t_ms();
        if second_of(t_ms).is_none() {
            return false;
        }
        let place = self.events.partition_point(|other| other.t_ms() <= t_ms);
        let same_time = self.events.range(..place).rev().take_while(|other| other.t_ms() >= t_ms);
        if same_time.into_iter().any(|other| *other == event) || (place == 0 && self.events.len() >= EVENTS_MAX) {
            return false;
        }
        self.events.insert(place, event);
        if self.events.len() > EVENTS_MAX {
            self.events.pop_front();
        }
        true
    }

    /// Changes each event in its place; its time must stay.
    pub(crate) fn change(&mut self, change: impl FnMut(&mut T)) {
        self.events.iter_mut().for_each(change);
    }

    /// Drops what is older than `second`.
    pub fn forget_before(&mut self, second: i64) {
        #[expect(clippy::cast_precision_loss, reason = "seconds and their ms fit a double's 53 bits")]
        let t_ms = second as f64 * 1_000.0;
        while self.events.front().is_some_and(|event| event.t_ms() < t_ms) {
            self.events.pop_front();
        }
    }

    /// The events, ascending.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.events.iter()
    }

    /// The events of the seconds `from..=to`.
    pub(crate) fn within(&self, from: i64, to: i64) -> impl DoubleEndedIterator<Item = (i64, &T)> {
        let start = self.events.partition_point(|event| second_of(event.t_ms()).is_none_or(|second| second < from));
        let end = self.events.partition_point(|event| second_of(event.t_ms()).is_none_or(|second| second <= to));
        self.events.range(start..end.max(start)).filter_map(|event| Some((second_of(event.t_ms())?, event)))
    }

    /// First and last second.
    #[must_use]
    pub fn span(&self) -> Option<(i64, i64)> {
        Some((second_of(self.events.front()?.t_ms())?, second_of(self.events.back()?.t_ms())?))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// True when there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_repetition_do_not_matter() {
        let mut lane = Lane::default();
        for (t_ms, sample) in [(3_000.0, 3), (1_000.0, 1), (2_499.0, 2), (3_000.0, 4)] {
            assert!(lane.push(t_ms, sample));
        }
        assert_eq!(lane.iter().collect::<Vec<_>>(), [(1, &1), (2, &2), (3, &4)]);
        assert_eq!(lane.with_predecessor(3, 9).map(|(at, _)| at).collect::<Vec<_>>(), [2, 3]);
        for nonsense in [f64::NAN, f64::INFINITY, -5_000.0, 1e30] {
            assert!(!lane.push(nonsense, 0));
        }
        lane.forget_before(3);
        assert_eq!(lane.len(), 1);
    }

    #[test]
    fn a_lane_is_bounded_and_keeps_the_newest() {
        let mut lane = Lane::default();
        for second in 0..LANE_SAMPLES_MAX + 10 {
            lane.push(second as f64 * 1e3, second);
        }
        assert_eq!(lane.len(), LANE_SAMPLES_MAX);
        assert_eq!(lane.iter().next(), Some((10, &10)));
        assert!(!lane.push(3_000.0, 3));
    }

    #[derive(Debug, Clone, PartialEq)]
    struct At(f64, u8);
    impl Event for At {
        fn t_ms(&self) -> f64 {
            self.0
        }
    }

    #[test]
    fn events_of_one_moment_are_kept_apart_and_repetitions_are_not() {
        let mut events = Events::default();
        assert!(events.push(At(2_000.0, 1)));
        assert!(events.push(At(2_000.0, 2)));
        assert!(events.push(At(1_000.0, 1)));
        assert!(!events.push(At(2_000.0, 1)));
        assert!(!events.push(At(f64::NAN, 1)));
        assert_eq!(events.iter().map(|event| event.1).collect::<Vec<_>>(), [1, 1, 2]);
        assert_eq!(events.within(2, 2).count(), 2);
        assert_eq!(events.within(3, 1).count(), 0);
    }
}
