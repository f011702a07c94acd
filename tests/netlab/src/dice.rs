//! Seeded decisions of one direction: which packet is lost, held back, doubled, and how jitter goes.
//!
//! Every kind of decision has a random stream of its own, and every packet that arrives draws once from each. So the n-th
//! packet's fate depends on the seed, the site, the direction, n and the settings at that moment; not on timing, and
//! not on whether another impairment is on.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

use crate::line::Nanos;
use crate::settings::{GilbertElliott, LineSettings};

/// Jitter that keeps the order picks a new target no more often than this, ns: between two targets it moves evenly.
const WANDER_NS_MIN: Nanos = 20_000_000;

/// What is decided for a packet when it arrives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fate {
    /// Lost on the line, by itself.
    pub lost_random: bool,
    /// Lost on the line, in a burst.
    pub lost_burst: bool,
    /// Held back.
    pub held: bool,
    /// Arrives twice.
    pub doubled: bool,
    /// 0 to 1: the share of the jitter that this packet gets when jitter may reorder.
    pub jitter: f64,
}

/// The decisions of one direction of one link.
pub struct Dice {
    loss: ChaCha8Rng,
    moves: ChaCha8Rng,
    burst: ChaCha8Rng,
    held: ChaCha8Rng,
    doubled: ChaCha8Rng,
    jitter: ChaCha8Rng,
    wander: Wander,
    bad: bool,
}

impl Dice {
    /// Dice for the direction called `name` (such as `viewer/up`): same seed and name, same decisions.
    #[must_use]
    pub fn new(seed: u64, name: &str) -> Self {
        let stream = |purpose: &str| {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream(fnv1a(&format!("{name}/{purpose}")));
            rng
        };
        Self {
            loss: stream("loss"),
            moves: stream("burst moves"),
            burst: stream("burst loss"),
            held: stream("held"),
            doubled: stream("doubled"),
            jitter: stream("jitter"),
            wander: Wander { rng: stream("wander"), knot: None, from: 0.0, to: 0.0 },
            bad: false,
        }
    }

    /// Decides for the next packet.
    pub fn next(&mut self, settings: &LineSettings) -> Fate {
        let fate = Fate {
            lost_random: share(&mut self.loss) < settings.loss,
            lost_burst: self.burst_loss(settings.gilbert_elliott),
            held: share(&mut self.held) < settings.reorder,
            doubled: share(&mut self.doubled) < settings.duplicate,
            jitter: share(&mut self.jitter),
        };
        Fate { lost_burst: fate.lost_burst && !fate.lost_random, ..fate }
    }

    fn burst_loss(&mut self, chain: Option<GilbertElliott>) -> bool {
        let (step, lost) = (share(&mut self.moves), share(&mut self.burst));
        let Some(chain) = chain else {
            self.bad = false;
            return false;
        };
        self.bad = if self.bad { step >= chain.r } else { step < chain.p };
        lost < if self.bad { chain.loss_bad } else { chain.loss_good }
    }

    /// Jitter that keeps the order, 0 to 1 of its bound `jitter`, at time `at` (both ns). A function of time: it goes evenly
    /// from one drawn target to the next, never falling faster than time passes, so that no packet can overtake.
    pub fn wander(&mut self, at: Nanos, jitter: Nanos) -> f64 {
        self.wander.value(at, jitter.max(WANDER_NS_MIN))
    }
}

/// A polyline through random points, `spacing` apart.
struct Wander {
    rng: ChaCha8Rng,
    knot: Option<(Nanos, Nanos)>,
    from: f64,
    to: f64,
}

impl Wander {
    fn value(&mut self, at: Nanos, spacing: Nanos) -> f64 {
        let index = at / spacing;
        if self.knot != Some((index, spacing)) {
            self.knot = Some((index, spacing));
            self.from = self.target(index);
            self.to = self.target(index + 1);
        }
        let part = (at % spacing) as f64 / spacing as f64;
        self.from + (self.to - self.from) * part
    }

    /// The n-th target: two words of the stream each, so that it can be found at once after any pause.
    fn target(&mut self, index: Nanos) -> f64 {
        self.rng.set_word_pos(u128::from(index) * 2);
        share(&mut self.rng)
    }
}

/// Evenly distributed, 0 up to but not including 1.
fn share(rng: &mut ChaCha8Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

/// FNV-1a: turns a stream's name into its number, the same in every build.
fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// 99 % of a normal distribution lie within this many standard deviations.
    const Z99: f64 = 2.576;

    fn losses(seed: u64, settings: &LineSettings, count: usize) -> Vec<bool> {
        let mut dice = Dice::new(seed, "viewer/up");
        (0..count).map(|_| dice.next(settings)).map(|fate| fate.lost_random || fate.lost_burst).collect()
    }

    fn mean(losses: &[bool]) -> f64 {
        losses.iter().filter(|lost| **lost).count() as f64 / losses.len() as f64
    }

    #[test]
    fn random_loss_is_within_its_confidence_interval() {
        let count = 200_000;
        for loss in [0.001, 0.02, 0.1, 0.5] {
            let settings = LineSettings { loss, ..LineSettings::default() };
            let interval = Z99 * (loss * (1.0 - loss) / count as f64).sqrt();
            let off = (mean(&losses(7, &settings, count)) - loss).abs();
            assert!(off < interval, "loss {loss}: off by {off}, interval {interval}");
        }
    }

    #[test]
    fn burst_loss_is_within_its_confidence_interval_and_bursts_last_as_long_as_said() {
        let count = 400_000;
        let chain = GilbertElliott { p: 0.01, r: 0.25, loss_good: 0.0, loss_bad: 1.0 };
        let settings = LineSettings { gilbert_elliott: Some(chain), ..LineSettings::default() };
        let lost = losses(11, &settings, count);
        // Neighbours are correlated by λ = 1 - p - r, which widens the mean's interval by (1 + λ) / (1 - λ).
        let expected = chain.expected_loss();
        let lambda = 1.0 - chain.p - chain.r;
        let variance = expected * (1.0 - expected) * (1.0 + lambda) / (1.0 - lambda);
        let interval = Z99 * (variance / count as f64).sqrt();
        assert!((mean(&lost) - expected).abs() < interval, "mean {} of {expected}", mean(&lost));

        let bursts: Vec<usize> = lost.split(|lost| !lost).map(<[bool]>::len).filter(|length| *length > 0).collect();
        let length = bursts.iter().sum::<usize>() as f64 / bursts.len() as f64;
        // A geometric distribution: mean 1 / r, variance (1 - r) / r².
        let interval = Z99 * ((1.0 - chain.r) / chain.r.powi(2) / bursts.len() as f64).sqrt();
        assert!((length - 1.0 / chain.r).abs() < interval, "bursts of {length}, expected {}", 1.0 / chain.r);
    }

    #[test]
    fn partial_loss_in_both_states_adds_up() {
        let count = 400_000;
        let chain = GilbertElliott { p: 0.05, r: 0.2, loss_good: 0.01, loss_bad: 0.4 };
        let settings = LineSettings { gilbert_elliott: Some(chain), ..LineSettings::default() };
        let expected = chain.expected_loss();
        let (bad, lambda) = (chain.p / (chain.p + chain.r), 1.0 - chain.p - chain.r);
        let states = bad * (1.0 - bad) * (chain.loss_bad - chain.loss_good).powi(2);
        let variance = expected * (1.0 - expected) + states * 2.0 * lambda / (1.0 - lambda);
        let interval = Z99 * (variance / count as f64).sqrt();
        let off = (mean(&losses(5, &settings, count)) - expected).abs();
        assert!(off < interval, "off by {off}, interval {interval}");
    }

    #[test]
    fn the_pattern_depends_on_seed_and_name_and_on_no_other_impairment() {
        let plain = LineSettings { loss: 0.05, ..LineSettings::default() };
        let busy = LineSettings { reorder: 0.3, duplicate: 0.2, jitter_ms: 9.0, ..plain.clone() };
        assert_eq!(losses(3, &plain, 2_000), losses(3, &busy, 2_000));
        assert_ne!(losses(3, &plain, 2_000), losses(4, &plain, 2_000));
        let mut other = Dice::new(3, "viewer/down");
        let down: Vec<bool> = (0..2_000).map(|_| other.next(&plain).lost_random).collect();
        assert_ne!(losses(3, &plain, 2_000), down);
    }

    proptest! {
        #[test]
        fn wandering_jitter_never_falls_faster_than_time(seed: u64, jitter in 1_u64..500_000_000, start in 0_u64..1 << 40,
                                                          steps in prop::collection::vec(0_u64..40_000_000, 1..200)) {
            let mut dice = Dice::new(seed, "x/up");
            let (mut at, mut leaves) = (start, 0);
            for step in steps {
                at += step;
                let share = dice.wander(at, jitter);
                prop_assert!((0.0..1.0).contains(&share));
                let next = at + (share * jitter as f64).round() as u64;
                // One ns of rounding on each side.
                prop_assert!(next + 2 >= leaves);
                leaves = leaves.max(next);
            }
        }

        #[test]
        fn wandering_jitter_is_a_function_of_time(seed: u64, jitter in 1_u64..500_000_000, at in 0_u64..1 << 50) {
            let mut walked = Dice::new(seed, "x/up");
            for back in (0..20).rev() {
                walked.wander(at.saturating_sub(back * 7_000_000), jitter);
            }
            prop_assert_eq!(walked.wander(at, jitter), Dice::new(seed, "x/up").wander(at, jitter));
        }
    }
}
