//! The course of a run over time: what was due, what was done, how long single ones took.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// Seconds of a run that are told apart: a day. What comes later is counted to the last one.
const SECONDS_MAX: usize = 86_400;
/// Single measurements kept for the scatter plot. When there are more, every second one is given up.
const POINTS_MAX: usize = 4_000;

/// One second of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Second {
    /// Due by the schedule.
    pub intended: u32,
    /// Succeeded.
    pub completed: u32,
    /// Failed.
    pub failed: u32,
}

/// One measurement at the moment it was intended for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Intended moment, seconds after the start of the run.
    pub t_s: f64,
    /// From there to its end, ms.
    pub ms: f64,
    /// Which kind, such as `warm`.
    pub series: String,
}

/// The course of a run.
#[derive(Debug, Clone, Default)]
pub struct Course {
    began: Option<Instant>,
    /// Seconds from the start on.
    pub seconds: Vec<Second>,
    /// A sample of the single measurements, evenly thinned out.
    pub points: Vec<Point>,
    stride: u64,
    seen: u64,
}

impl Course {
    /// Sets the start; without it the first note is the start.
    pub fn begin(&mut self, at: Instant) {
        self.began = Some(at);
    }

    /// Something was due at `at`.
    pub fn intended(&mut self, at: Instant) {
        self.second(at).intended += 1;
    }

    /// What was intended for `intended` took `took` from there and succeeded.
    pub fn completed(&mut self, intended: Instant, took: Duration, series: &str) {
        self.second(intended + took).completed += 1;
        self.seen += 1;
        let stride = self.stride.max(1);
        if !self.seen.is_multiple_of(stride) {
            return;
        }
        let t_s = self.since(intended).as_secs_f64();
        self.points.push(Point { t_s, ms: took.as_secs_f64() * 1_000.0, series: series.to_owned() });
        if self.points.len() >= POINTS_MAX {
            let mut keep = false;
            self.points.retain(|_| {
                keep = !keep;
                keep
            });
            self.stride = stride * 2;
        }
    }

    /// Something failed at `at`.
    pub fn failed(&mut self, at: Instant) {
        self.second(at).failed += 1;
    }

    fn since(&mut self, at: Instant) -> Duration {
        at.saturating_duration_since(*self.began.get_or_insert(at))
    }

    fn second(&mut self, at: Instant) -> &mut Second {
        let index = (self.since(at).as_secs() as usize).min(SECONDS_MAX - 1);
        if self.seconds.len() <= index {
            self.seconds.resize(index + 1, Second::default());
        }
        &mut self.seconds[index]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_count_what_fell_into_them() {
        let mut course = Course::default();
        let start = Instant::now();
        course.begin(start);
        course.intended(start);
        course.intended(start + Duration::from_millis(900));
        course.completed(start, Duration::from_millis(1_500), "warm");
        course.failed(start + Duration::from_secs(2));
        let seen: Vec<_> = course.seconds.iter().map(|s| (s.intended, s.completed, s.failed)).collect();
        assert_eq!(seen, [(2, 0, 0), (0, 1, 0), (0, 0, 1)]);
        assert_eq!(course.points[0].t_s, 0.0);
    }

    #[test]
    fn points_are_bounded_and_span_the_run() {
        let mut course = Course::default();
        let start = Instant::now();
        course.begin(start);
        for n in 0..20_000 {
            course.completed(start + Duration::from_millis(n), Duration::from_millis(5), "chat");
        }
        assert!(course.points.len() < POINTS_MAX && course.points.len() > POINTS_MAX / 4);
        assert!(course.points.last().unwrap().t_s > 19.0);
    }
}
