//! Differences of counters: the one place that guards against resets, gaps and repetition.

/// Two samples of a lane that follow each other.
pub(crate) struct Step<'s, T> {
    /// The earlier one.
    pub(crate) before: &'s T,
    /// The later one.
    pub(crate) now: &'s T,
    /// Time between them, s; above 0.
    pub(crate) seconds: f64,
}

impl<T> Step<'_, T> {
    /// By how much a counter grew; `None` when it is absent at either end, or fell: then a stream began anew, and how
    /// much was counted since is not known.
    pub(crate) fn grown(&self, read: impl Fn(&T) -> Option<f64>) -> Option<f64> {
        let (before, now) = (read(self.before)?, read(self.now)?);
        (before >= 0.0 && now >= before).then_some(now - before)
    }

    /// The same per second.
    pub(crate) fn rate(&self, read: impl Fn(&T) -> Option<f64>) -> Option<f64> {
        Some(self.grown(read)? / self.seconds)
    }

    /// Growth of one counter for each one of another; `None` when the other did not grow.
    pub(crate) fn each(&self, part: impl Fn(&T) -> Option<f64>, whole: impl Fn(&T) -> Option<f64>) -> Option<f64> {
        let whole = self.grown(whole).filter(|grown| *grown > 0.0)?;
        Some(self.grown(part)? / whole)
    }

    /// Share of `lost` in `lost + come`, 0 to 1. `lost` may fall when late packets come, which is no loss; `come` tells
    /// whether the stream began anew.
    pub(crate) fn lost_share(&self, lost: impl Fn(&T) -> Option<f64>, come: impl Fn(&T) -> Option<f64>) -> Option<f64> {
        let come = self.grown(come)?;
        let lost = (lost(self.now)? - lost(self.before)?).max(0.0);
        let all = come + lost;
        (all > 0.0).then(|| lost / all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Counters = (Option<f64>, Option<f64>);

    fn step(before: &'static Counters, now: &'static Counters) -> Step<'static, Counters> {
        Step { before, now, seconds: 2.0 }
    }

    #[test]
    fn a_counter_that_falls_says_nothing() {
        let grows = step(&(Some(10.0), Some(100.0)), &(Some(14.0), Some(116.0)));
        assert_eq!(grows.grown(|c| c.0), Some(4.0));
        assert_eq!(grows.rate(|c| c.0), Some(2.0));
        assert_eq!(grows.each(|c| c.0, |c| c.1), Some(0.25));
        let reset = step(&(Some(10.0), Some(100.0)), &(Some(2.0), Some(5.0)));
        assert_eq!((reset.grown(|c| c.0), reset.lost_share(|c| c.0, |c| c.1)), (None, None));
        let absent = step(&(None, Some(1.0)), &(Some(2.0), Some(1.0)));
        assert_eq!((absent.grown(|c| c.0), absent.each(|c| c.0, |c| c.1)), (None, None));
    }

    #[test]
    fn late_packets_are_no_loss_and_no_reset() {
        let late = step(&(Some(10.0), Some(100.0)), &(Some(8.0), Some(200.0)));
        assert_eq!(late.lost_share(|c| c.0, |c| c.1), Some(0.0));
        let lost = step(&(Some(10.0), Some(100.0)), &(Some(20.0), Some(190.0)));
        assert_eq!(lost.lost_share(|c| c.0, |c| c.1), Some(0.1));
        let still = step(&(Some(10.0), Some(100.0)), &(Some(10.0), Some(100.0)));
        assert_eq!(still.lost_share(|c| c.0, |c| c.1), None);
    }
}
