//! The formulas. Each gives 0 to 100, clamped, and never rises when a value gets worse. Absent values are left out by the
//! caller and never stand for a perfect or a zero one.

/// Loss at which the impairment is half of its most, percent. G.107's packet-loss robustness, set for video with
/// retransmission (own).
const LOSS_ROBUSTNESS: f64 = 10.0;
/// The most that loss takes (G.107: 95 − Ie).
const LOSS_MOST: f64 = 95.0;
/// Jitter that buffers hide, ms.
const JITTER_FREE_MS: f64 = 10.0;
/// Lost for each ms of jitter above.
const JITTER_SLOPE: f64 = 0.5;
/// One-way delay above which conversation suffers, ms (G.107's simplification by Cole and Rosenbluth).
const DELAY_KNEE_MS: f64 = 177.3;

/// Into 0 to 100. What is not a number counts as the worst.
#[must_use]
pub fn clamp(score: f64) -> f64 {
    if score.is_nan() { 0.0 } else { score.clamp(0.0, 100.0) }
}

/// Delivery of a call's leg. `loss`: share, 0 to 1; `jitter_ms`.
#[must_use]
pub fn call_delivery(loss: f64, jitter_ms: f64) -> f64 {
    let percent = loss.max(0.0) * 100.0;
    let lost = LOSS_MOST * percent / (percent + LOSS_ROBUSTNESS);
    clamp(100.0 - lost - (jitter_ms - JITTER_FREE_MS).max(0.0) * JITTER_SLOPE)
}

/// Interaction of a call's leg: R's loss by delay. `rtt_ms`: round trip.
#[must_use]
pub fn call_interaction(rtt_ms: f64) -> f64 {
    let delay_ms = rtt_ms.max(0.0) / 2.0;
    clamp(100.0 - 0.024 * delay_ms - 0.11 * (delay_ms - DELAY_KNEE_MS).max(0.0))
}

/// Continuity of a picture. `stopped`: share of the time that it stood still against its will; `dropped`: share of frames.
#[must_use]
pub fn continuity(stopped: f64, dropped: f64) -> f64 {
    let still = clamp(100.0 * (1.0 - 3.0 * stopped.max(0.0)));
    let drops = clamp(100.0 * (1.0 - 2.0 * (dropped - 0.02).max(0.0)));
    still.min(drops)
}

/// Continuity of a sender. `held_back`: share of the time that the processor limited the encoder.
#[must_use]
pub fn sender_continuity(held_back: f64) -> f64 {
    clamp(100.0 - 40.0 * held_back.max(0.0))
}

/// Fidelity of a call's picture. `quantizer`: 0 finest to 1 coarsest; `held_back`: share of the time that the line limited the
/// encoder.
#[must_use]
pub fn call_fidelity(quantizer: f64, held_back: f64) -> f64 {
    clamp(100.0 - 100.0 * (quantizer - 0.3).max(0.0) / 0.7 - 15.0 * held_back.max(0.0))
}

/// Delivery of a player's stream. `load_share`: time to load of the media's length; `wait_ms`: first byte beyond the line's
/// round trips; `failed`: share of the requests.
#[must_use]
pub fn player_delivery(load_share: f64, wait_ms: f64, failed: f64) -> f64 {
    let load = clamp(100.0 * (2.0 - load_share) / 1.5);
    let wait = clamp(100.0 - (wait_ms - 300.0).max(0.0) / 27.0);
    load.min(wait).min(clamp(100.0 * (1.0 - failed)))
}

/// Fidelity of a player's picture. `damaged`: largest share of frames with one kind of damage.
#[must_use]
pub fn player_fidelity(damaged: f64) -> f64 {
    clamp(100.0 * (1.0 - damaged.max(0.0)))
}

/// Interaction of a live stream. `latency_s`: behind the live edge; 10 s are usual, a minute is as good as a recording.
#[must_use]
pub fn player_interaction(latency_s: f64) -> f64 {
    clamp(100.0 - 2.0 * (latency_s - 10.0).max(0.0))
}
