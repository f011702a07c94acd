//! What a waiting viewer may honestly be told.

/// How far back takes count towards an estimate, ms: an hour; the desk of this morning says little about tonight.
pub(super) const WAITS_WINDOW_MS: i64 = 3_600_000;
/// Takes looked at, newest first.
pub(super) const WAITS_MAX: u64 = 20;
/// Takes below which nothing is said.
const WAITS_MIN: usize = 3;
/// Nobody is told less than this, ms: a shorter promise is broken by one slow click.
const ESTIMATE_MIN_MS: i64 = 30_000;

/// Expected rest of the wait in ms, or `None` when nothing honest can be said: nobody on line, or fewer than three
/// takes in the last hour.
///
/// The third quartile of the recent waits, scaled by how many people stand before this one per agent on line, less the
/// time already waited.
pub(super) fn wait_estimate_ms(recent_waits_ms: &[i64], place: u32, agents_online: u32, waited_ms: i64) -> Option<i64> {
    if agents_online == 0 || recent_waits_ms.len() < WAITS_MIN {
        return None;
    }
    let mut waits = recent_waits_ms.to_vec();
    waits.sort_unstable();
    let third_quartile = waits[(waits.len() * 3 / 4).min(waits.len() - 1)];
    let rounds = i64::from(place.max(1).div_ceil(agents_online));
    Some((third_quartile.saturating_mul(rounds) - waited_ms).max(ESTIMATE_MIN_MS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_nothing_without_grounds() {
        assert_eq!(wait_estimate_ms(&[60_000, 70_000], 1, 2, 0), None);
        assert_eq!(wait_estimate_ms(&[60_000; 5], 1, 0, 0), None);
    }

    #[test]
    fn grows_with_the_line_and_shrinks_with_time_and_agents() {
        let waits = [40_000, 60_000, 80_000, 100_000];
        let at = |place, agents, waited| wait_estimate_ms(&waits, place, agents, waited).expect("known");
        assert_eq!(at(1, 1, 0), 100_000);
        assert_eq!(at(3, 1, 0), 300_000);
        assert_eq!(at(3, 3, 0), 100_000);
        assert_eq!(at(1, 1, 50_000), 50_000);
        assert_eq!(at(1, 1, 99_000), ESTIMATE_MIN_MS);
    }
}
