//! What a direction of a link does to packets: the settings, their bounds, and how a change is merged into them.
//!
//! Owns the form in which settings stand in JSON (control protocol, TypeScript helpers). Refuses what is out of bounds,
//! with a sentence that names the field.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Longest delay, jitter or hold-back, ms: a minute is beyond any line a call could survive.
pub const DELAY_MS_MAX: f64 = 60_000.0;
/// Lowest rate, bit/s: below it one packet takes more than ten seconds.
pub const RATE_BPS_MIN: u64 = 1_000;
/// Highest rate, bit/s: beyond it the bridge is the limit, not the setting.
pub const RATE_BPS_MAX: u64 = 10_000_000_000;
/// Smallest bucket or queue, bytes: one packet of the links' MTU has to fit.
pub const PACKET_BYTES_MAX: usize = 1_500;
/// Largest bucket or queue, bytes: 16 MB are 64 s at 2 Mbit/s.
pub const QUEUE_BYTES_MAX: usize = 16_000_000;
/// Queue of a limited direction when none was set, bytes: a home router's order of magnitude.
pub const QUEUE_BYTES_DEFAULT: usize = 256_000;

/// Loss in bursts: a chain of two states, stepped once for every packet that arrives.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GilbertElliott {
    /// Probability, at each packet, of going from the good state to the bad one.
    pub p: f64,
    /// Probability, at each packet, of going back. Bad periods last `1 / r` packets on average.
    pub r: f64,
    /// Share of packets lost in the good state.
    #[serde(default)]
    pub loss_good: f64,
    /// Share of packets lost in the bad state.
    #[serde(default = "one")]
    pub loss_bad: f64,
}

fn one() -> f64 {
    1.0
}

impl GilbertElliott {
    /// Share of packets lost in the long run.
    #[must_use]
    pub fn expected_loss(&self) -> f64 {
        let moving = self.p + self.r;
        if moving == 0.0 {
            return self.loss_good;
        }
        (self.p * self.loss_bad + self.r * self.loss_good) / moving
    }
}

/// Settings of one direction of one link. The default changes nothing: no delay, no loss, no limit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct LineSettings {
    /// Time on the line, ms, one way.
    pub delay_ms: f64,
    /// At most this much is added to the delay, ms. In order: the addition wanders slowly, so that spacing changes and order
    /// does not. With `jitter_reorders`: each packet draws its own.
    pub jitter_ms: f64,
    /// Whether jitter may make packets overtake each other.
    pub jitter_reorders: bool,
    /// Share of packets lost, each by itself.
    pub loss: f64,
    /// Loss in bursts, on top of `loss`.
    pub gilbert_elliott: Option<GilbertElliott>,
    /// Share of packets held back by `reorder_by_ms`, so that later ones overtake them.
    pub reorder: f64,
    /// How long those are held back, ms.
    pub reorder_by_ms: f64,
    /// Share of packets that arrive twice.
    pub duplicate: f64,
    /// Rate limit, bit/s of IP packets. `None`: unlimited.
    pub rate_bps: Option<u64>,
    /// Bytes that an idle link lets through at once: the token bucket's size.
    pub burst_bytes: usize,
    /// Bytes that may wait for the rate limit; what does not fit is dropped.
    pub queue_bytes: usize,
}

impl Default for LineSettings {
    fn default() -> Self {
        Self {
            delay_ms: 0.0,
            jitter_ms: 0.0,
            jitter_reorders: false,
            loss: 0.0,
            gilbert_elliott: None,
            reorder: 0.0,
            reorder_by_ms: 10.0,
            duplicate: 0.0,
            rate_bps: None,
            burst_bytes: PACKET_BYTES_MAX,
            queue_bytes: QUEUE_BYTES_DEFAULT,
        }
    }
}

/// Why settings were refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0}")]
pub struct SettingsError(pub String);

impl LineSettings {
    /// These settings with the fields of `change` (JSON names) put over them.
    ///
    /// # Errors
    /// When a field is unknown, has the wrong type, or is out of bounds.
    pub fn merged(&self, change: &Map<String, Value>) -> Result<Self, SettingsError> {
        let mut value = serde_json::to_value(self).map_err(|error| SettingsError(error.to_string()))?;
        if let Value::Object(fields) = &mut value {
            fields.extend(change.clone());
        }
        let merged: Self = serde_json::from_value(value).map_err(|error| SettingsError(error.to_string()))?;
        merged.validate()?;
        Ok(merged)
    }

    /// Checks every bound.
    ///
    /// # Errors
    /// Names the first field that is out of bounds, and the bounds.
    pub fn validate(&self) -> Result<(), SettingsError> {
        for (name, ms) in
            [("delayMs", self.delay_ms), ("jitterMs", self.jitter_ms), ("reorderByMs", self.reorder_by_ms)]
        {
            check(name, (0.0..=DELAY_MS_MAX).contains(&ms), format_args!("0 to {DELAY_MS_MAX} ms, not {ms}"))?;
        }
        let chain = self.gilbert_elliott.unwrap_or(GilbertElliott { p: 0.0, r: 0.0, loss_good: 0.0, loss_bad: 0.0 });
        for (name, share) in [
            ("loss", self.loss),
            ("reorder", self.reorder),
            ("duplicate", self.duplicate),
            ("gilbertElliott.p", chain.p),
            ("gilbertElliott.r", chain.r),
            ("gilbertElliott.lossGood", chain.loss_good),
            ("gilbertElliott.lossBad", chain.loss_bad),
        ] {
            check(name, (0.0..=1.0).contains(&share), format_args!("0 to 1 (0 % to 100 %), not {share}"))?;
        }
        if let Some(rate) = self.rate_bps {
            let fits = (RATE_BPS_MIN..=RATE_BPS_MAX).contains(&rate);
            check("rateBps", fits, format_args!("{RATE_BPS_MIN} to {RATE_BPS_MAX} bit/s, not {rate}"))?;
        }
        for (name, bytes) in [("burstBytes", self.burst_bytes), ("queueBytes", self.queue_bytes)] {
            let fits = (PACKET_BYTES_MAX..=QUEUE_BYTES_MAX).contains(&bytes);
            check(name, fits, format_args!("{PACKET_BYTES_MAX} (one packet) to {QUEUE_BYTES_MAX} bytes, not {bytes}"))?;
        }
        Ok(())
    }
}

fn check(name: &str, fits: bool, bounds: std::fmt::Arguments<'_>) -> Result<(), SettingsError> {
    if fits { Ok(()) } else { Err(SettingsError(format!("{name} must be {bounds}"))) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn change(value: &Value) -> Map<String, Value> {
        value.as_object().expect("an object").clone()
    }

    #[test]
    fn a_change_leaves_the_rest_as_it_was() {
        let slow = LineSettings::default().merged(&change(&json!({"delayMs": 50, "rateBps": 2_000_000}))).unwrap();
        let lossy = slow.merged(&change(&json!({"loss": 0.02, "gilbertElliott": {"p": 0.1, "r": 0.5}}))).unwrap();
        assert_eq!((lossy.delay_ms, lossy.rate_bps, lossy.loss), (50.0, Some(2_000_000), 0.02));
        let chain = lossy.gilbert_elliott.unwrap();
        assert_eq!((chain.loss_good, chain.loss_bad), (0.0, 1.0));
        let free = lossy.merged(&change(&json!({"rateBps": null, "gilbertElliott": null}))).unwrap();
        assert_eq!((free.rate_bps, free.gilbert_elliott, free.delay_ms), (None, None, 50.0));
    }

    #[test]
    fn what_is_out_of_bounds_is_refused_by_name() {
        let refused = |value: Value| LineSettings::default().merged(&change(&value)).unwrap_err().0;
        assert_eq!(refused(json!({"loss": 2})), "loss must be 0 to 1 (0 % to 100 %), not 2");
        assert!(refused(json!({"delayMs": -1})).starts_with("delayMs must be"));
        assert!(refused(json!({"queueBytes": 100})).starts_with("queueBytes must be 1500 (one packet)"));
        assert!(refused(json!({"rateBps": 1})).starts_with("rateBps must be"));
        assert!(refused(json!({"gilbertElliott": {"p": 1.5, "r": 0.5}})).starts_with("gilbertElliott.p"));
        assert!(refused(json!({"latency": 3})).contains("unknown field `latency`"));
        assert!(refused(json!({"delayMs": "50ms"})).contains("expected f64"));
    }

    #[test]
    fn the_expected_loss_is_the_chains_mean() {
        let chain = GilbertElliott { p: 0.02, r: 0.18, loss_good: 0.01, loss_bad: 0.61 };
        assert!((chain.expected_loss() - 0.07).abs() < 1e-12);
        let still = GilbertElliott { p: 0.0, r: 0.0, loss_good: 0.25, loss_bad: 1.0 };
        assert!((still.expected_loss() - 0.25).abs() < 1e-12);
    }
}
