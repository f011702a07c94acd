//! The bitrate of a first picture, from what is known of the viewer's line.
//!
//! Too low, and a browser scales the first picture down to 320 pixels; too high, and the key frame fills the queue of a
//! slow line: at 500 kbit/s a 100 KB key frame takes 1.6 s and pushes the player's requests aside. The viewer's page
//! corrects this figure with a measurement of its own where it has the time for one.

use signaling::wire::LineKnowledge;

/// Share of a known uplink that the first picture takes: the rest is for the page and for error.
const UPLINK_SHARE: f64 = 0.7;
/// What an unknown uplink is taken to be of a known downlink. Cable and DSL lines are sold 1:10 to 1:4, mobile measures 1:4.
const UP_OF_DOWN: f64 = 0.2;
/// Below this a picture of 1280 pixels has no chance anyway, kbit/s.
const MIN_KBPS: f64 = 250.0;
/// The most that makes a first picture sooner sharp on an uplink that was measured, kbit/s: a page of dense text is 200 to
/// 300 KB at once.
const MAX_KBPS: f64 = 12_000.0;
/// The most on one that is only guessed, kbit/s.
const GUESSED_MAX_KBPS: f64 = 4_000.0;

/// What the first picture may use, kbit/s; `otherwise` when nothing is known.
pub(super) fn start_kbps(line: Option<&LineKnowledge>, otherwise: Option<u32>) -> Option<u32> {
    let Some(uplink) = line.and_then(uplink_kbps) else { return otherwise };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 250 to 12,000")]
    Some((uplink * UPLINK_SHARE).clamp(MIN_KBPS, MAX_KBPS) as u32)
}

/// The uplink as known from an earlier connection of the page, else as guessed from the downlink. The rate of the player's
/// segments is a lower bound of that; the browser's own figure is capped and coarse, and counts where it is higher.
fn uplink_kbps(line: &LineKnowledge) -> Option<f64> {
    if let Some(up) = line.up_kbps.filter(|up| *up > 0) {
        return Some(f64::from(up));
    }
    let down = line.player_down_kbps.max(line.browser_down_kbps).filter(|down| *down > 0)?;
    Some((f64::from(down) * UP_OF_DOWN).min(GUESSED_MAX_KBPS) / UPLINK_SHARE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line(up: Option<u32>, player: Option<u32>, browser: Option<u32>) -> LineKnowledge {
        LineKnowledge { up_kbps: up, player_down_kbps: player, browser_down_kbps: browser, ..LineKnowledge::default() }
    }

    #[test]
    fn nothing_known_is_the_setting() {
        assert_eq!(start_kbps(None, Some(2_000)), Some(2_000));
        assert_eq!(start_kbps(Some(&line(None, None, Some(0))), None), None);
    }

    #[test]
    fn a_known_uplink_counts_before_a_guess() {
        assert_eq!(start_kbps(Some(&line(Some(1_000), Some(50_000), None)), Some(2_000)), Some(700));
        assert_eq!(start_kbps(Some(&line(None, Some(5_000), Some(10_000))), Some(2_000)), Some(2_000));
        assert_eq!(start_kbps(Some(&line(None, Some(2_000), None)), Some(2_000)), Some(400));
        assert_eq!(start_kbps(Some(&line(Some(100), None, None)), Some(2_000)), Some(250));
        assert_eq!(start_kbps(Some(&line(Some(900_000), None, None)), None), Some(12_000));
        assert_eq!(start_kbps(Some(&line(None, Some(900_000), None)), None), Some(4_000));
    }

    proptest! {
        #[test]
        fn more_line_is_never_less_rate(a in 1u32.., b in 1u32..) {
            let rate = |up| start_kbps(Some(&line(Some(up), None, None)), None);
            prop_assert!((a <= b) == (rate(a) <= rate(b)) || rate(a) == rate(b));
            let guess = |down| start_kbps(Some(&line(None, Some(down), None)), None);
            prop_assert!((a <= b) == (guess(a) <= guess(b)) || guess(a) == guess(b));
        }
    }
}
