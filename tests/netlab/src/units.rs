//! Settings as people write them: `100ms`, `2mbit`, `50kB`, `2%`, and `up.rate=2mbit`.

use serde_json::{Map, Value, json};

use crate::settings::LineSettings;

/// Keys of [`parse_change`] with what they take, for help texts.
pub const KEYS: &str = "  rtt=100ms              half of it as delay each way (without a direction alone)
  delay=50ms             time on the line, one way
  jitter=10ms            at most this much more, wandering; order is kept
  jitter-reorders=yes    each packet draws its own jitter; order is not kept
  loss=2%                packets lost, each by itself
  ge=P:R[:GOOD[:BAD]]    Gilbert–Elliott: chance to turn bad, chance to turn good, loss in each (0, 1); ge=none
  reorder=1%             packets held back, so that later ones overtake
  reorder-by=10ms        for how long
  duplicate=1%           packets that arrive twice
  rate=2mbit             rate limit; rate=none
  burst=1500B            what passes an idle link at once
  queue=50kB             what may wait for the rate; more is dropped
  nat=on                 address translation (without a direction alone)";

/// A change to one site, from `KEY=VALUE` arguments.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Change {
    /// Fields of the link from the site.
    pub up: Map<String, Value>,
    /// Fields of the link to it.
    pub down: Map<String, Value>,
    /// Address translation.
    pub nat: Option<bool>,
}

impl Change {
    /// This change, then another.
    pub fn extend(&mut self, other: Self) {
        self.up.extend(other.up);
        self.down.extend(other.down);
        self.nat = other.nat.or(self.nat);
    }
}

/// Reads one `[up.|down.]KEY=VALUE`. Without a direction it is for both.
///
/// # Errors
/// A sentence on what is wrong with it.
pub fn parse_change(text: &str) -> Result<Change, String> {
    let (key, value) = text.split_once('=').ok_or_else(|| format!("{text:?} is not KEY=VALUE"))?;
    let mut change = Change::default();
    match key {
        "nat" => {
            change.nat = Some(switch(value)?);
            return Ok(change);
        }
        "rtt" => {
            let field = Map::from_iter([("delayMs".to_owned(), json!(duration_ms(value)? / 2.0))]);
            (change.up, change.down) = (field.clone(), field);
        }
        _ => {
            let (direction, key) = match key.split_once('.') {
                Some((direction @ ("up" | "down"), key)) => (Some(direction), key),
                Some((other, _)) => return Err(format!("a direction is up or down, not {other:?}")),
                None => (None, key),
            };
            let fields = Map::from_iter([field(key, value)?]);
            if direction != Some("down") {
                change.up.clone_from(&fields);
            }
            if direction != Some("up") {
                change.down = fields;
            }
        }
    }
    for fields in [&change.up, &change.down] {
        LineSettings::default().merged(fields).map_err(|error| error.to_string())?;
    }
    Ok(change)
}

fn field(key: &str, value: &str) -> Result<(String, Value), String> {
    let (name, value) = match key {
        "delay" => ("delayMs", json!(duration_ms(value)?)),
        "jitter" => ("jitterMs", json!(duration_ms(value)?)),
        "jitter-reorders" => ("jitterReorders", json!(switch(value)?)),
        "loss" => ("loss", json!(share(value)?)),
        "ge" => ("gilbertElliott", chain(value)?),
        "reorder" => ("reorder", json!(share(value)?)),
        "reorder-by" => ("reorderByMs", json!(duration_ms(value)?)),
        "duplicate" => ("duplicate", json!(share(value)?)),
        "rate" if value == "none" => ("rateBps", Value::Null),
        "rate" => ("rateBps", json!(rate_bps(value)?)),
        "burst" => ("burstBytes", json!(size_bytes(value)?)),
        "queue" => ("queueBytes", json!(size_bytes(value)?)),
        _ => return Err(format!("no setting {key:?}; there are:\n{KEYS}")),
    };
    Ok((name.to_owned(), value))
}

fn chain(text: &str) -> Result<Value, String> {
    if text == "none" {
        return Ok(Value::Null);
    }
    let parts = text.split(':').map(share).collect::<Result<Vec<_>, _>>()?;
    match parts[..] {
        [p, r] => Ok(json!({"p": p, "r": r})),
        [p, r, good] => Ok(json!({"p": p, "r": r, "lossGood": good})),
        [p, r, good, bad] => Ok(json!({"p": p, "r": r, "lossGood": good, "lossBad": bad})),
        _ => Err(format!("{text:?} is not P:R, P:R:GOOD or P:R:GOOD:BAD, such as 1%:25%")),
    }
}

fn switch(text: &str) -> Result<bool, String> {
    match text {
        "on" | "yes" | "true" => Ok(true),
        "off" | "no" | "false" => Ok(false),
        _ => Err(format!("{text:?} is neither on nor off")),
    }
}

/// A time in ms: `100ms`, `1.5s`, `250us`, `0`.
///
/// # Errors
/// A sentence on what is wrong with it.
pub fn duration_ms(text: &str) -> Result<f64, String> {
    scaled(text, &[("us", 1e-3), ("ms", 1.0), ("s", 1e3)], "a time such as 100ms, 1.5s or 250us")
}

/// A share of 1: `2%` or `0.02`.
///
/// # Errors
/// A sentence on what is wrong with it.
pub fn share(text: &str) -> Result<f64, String> {
    scaled(text, &[("%", 0.01), ("", 1.0)], "a share such as 2% or 0.02")
}

/// A rate in bit/s: `2mbit`, `500kbit`, `2Mbit/s`.
///
/// # Errors
/// A sentence on what is wrong with it.
pub fn rate_bps(text: &str) -> Result<u64, String> {
    let plain = text.strip_suffix("/s").unwrap_or(text);
    let units = [("gbit", 1e9), ("mbit", 1e6), ("kbit", 1e3), ("bit", 1.0)];
    scaled(plain, &units, "a rate such as 2mbit or 500kbit").map(|rate| rate.round() as u64)
}

/// A size in bytes: `50kB`, `64KiB`, `1500B`.
///
/// # Errors
/// A sentence on what is wrong with it.
pub fn size_bytes(text: &str) -> Result<usize, String> {
    let units = [("kib", 1024.0), ("mib", 1024.0 * 1024.0), ("kb", 1e3), ("mb", 1e6), ("b", 1.0)];
    scaled(text, &units, "a size such as 50kB, 64KiB or 1500B").map(|bytes| bytes.round() as usize)
}

fn scaled(text: &str, units: &[(&str, f64)], what: &str) -> Result<f64, String> {
    let wrong = || format!("{text:?} is not {what}");
    let lower = text.to_ascii_lowercase();
    let digits = lower.trim_end_matches(|one: char| one.is_ascii_alphabetic() || one == '%');
    let number: f64 = digits.parse().map_err(|_| wrong())?;
    let unit = &lower[digits.len()..];
    if !number.is_finite() || number < 0.0 {
        return Err(wrong());
    }
    match units.iter().find(|(name, _)| *name == unit) {
        Some((_, factor)) => Ok(number * factor),
        // Nothing is nothing in every unit.
        None if number == 0.0 && unit.is_empty() => Ok(0.0),
        None => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_read_as_people_write_them() {
        assert_eq!(duration_ms("100ms"), Ok(100.0));
        assert_eq!(duration_ms("1.5s"), Ok(1_500.0));
        assert_eq!(duration_ms("250us"), Ok(0.25));
        assert_eq!(duration_ms("0"), Ok(0.0));
        assert_eq!(share("2%"), Ok(0.02));
        assert_eq!(share("0.5"), Ok(0.5));
        assert_eq!(rate_bps("2mbit"), Ok(2_000_000));
        assert_eq!(rate_bps("1.5Mbit/s"), Ok(1_500_000));
        assert_eq!(size_bytes("50kB"), Ok(50_000));
        assert_eq!(size_bytes("64KiB"), Ok(65_536));
        for wrong in ["100", "ms", "-1ms", "nanms", "1h", "1 ms", "ß", ""] {
            assert!(duration_ms(wrong).is_err(), "{wrong}");
        }
        assert_eq!(rate_bps("2MB").unwrap_err(), "\"2MB\" is not a rate such as 2mbit or 500kbit");
    }

    #[test]
    fn a_change_is_for_one_direction_or_both() {
        let change = parse_change("up.rate=2mbit").unwrap();
        assert_eq!((change.up["rateBps"].as_u64(), change.down.len()), (Some(2_000_000), 0));
        let change = parse_change("loss=2%").unwrap();
        assert_eq!(change.up, change.down);
        let change = parse_change("rtt=100ms").unwrap();
        assert_eq!((change.up["delayMs"].as_f64(), change.down["delayMs"].as_f64()), (Some(50.0), Some(50.0)));
        let change = parse_change("down.ge=1%:25%:0:90%").unwrap();
        assert_eq!(change.down["gilbertElliott"], json!({"p": 0.01, "r": 0.25, "lossGood": 0.0, "lossBad": 0.9}));
        assert_eq!(parse_change("rate=none").unwrap().up["rateBps"], Value::Null);
        assert_eq!(parse_change("nat=on").unwrap().nat, Some(true));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let wrong = |text: &str| parse_change(text).unwrap_err();
        assert_eq!(wrong("loss"), "\"loss\" is not KEY=VALUE");
        assert!(wrong("lag=3ms").starts_with("no setting \"lag\"; there are:\n  rtt="));
        assert_eq!(wrong("left.loss=1%"), "a direction is up or down, not \"left\"");
        assert!(wrong("loss=200%").starts_with("loss must be 0 to 1"));
        assert!(wrong("queue=10B").starts_with("queueBytes must be 1500"));
        assert_eq!(wrong("nat=maybe"), "\"maybe\" is neither on nor off");
        assert!(wrong("ge=1").contains("P:R"));
    }
}
