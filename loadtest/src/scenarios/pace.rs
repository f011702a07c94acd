//! When things happen (open-loop schedules) and from where (source addresses).

use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;
use std::time::Duration;

/// Events a second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    per_second: f64,
}

impl Pace {
    /// Time of event `n` after the start. It does not depend on how earlier events went (open loop).
    #[must_use]
    pub fn at(&self, n: u64) -> Duration {
        Duration::from_secs_f64(n as f64 / self.per_second)
    }

    /// Events in a span of time.
    #[must_use]
    pub fn events_in(&self, span: Duration) -> u64 {
        (self.per_second * span.as_secs_f64()).ceil() as u64
    }

    /// A pace of so many events a second; `None` unless above 0 and at most 100,000.
    #[must_use]
    pub fn of(per_second: f64) -> Option<Self> {
        (per_second.is_finite() && per_second > 0.0 && per_second <= 100_000.0).then_some(Self { per_second })
    }

    /// Events a second.
    #[must_use]
    pub fn per_second(&self) -> f64 {
        self.per_second
    }
}

impl FromStr for Pace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, seconds) = match text.split_once('/') {
            None => (text, 1.0),
            Some((number, "s")) => (number, 1.0),
            Some((number, "m")) => (number, 60.0),
            Some((_, unit)) => return Err(format!("{unit:?} is neither s nor m")),
        };
        let number: f64 = number.trim().parse().map_err(|_| format!("{text:?} is no rate; expected 20/s or 300/m"))?;
        if !(number.is_finite() && number > 0.0 && number <= 100_000.0) {
            return Err("a rate is above 0 and at most 100000".to_owned());
        }
        Ok(Self { per_second: number / seconds })
    }
}

/// Local address for client `n`. Towards a loopback server clients spread over 127.0.0.0/8, as real viewers have addresses
/// of their own: one address has 28,000 ports, and limits per address would measure themselves.
#[must_use]
pub fn source_address(target: IpAddr, n: u64) -> Option<IpAddr> {
    match target {
        IpAddr::V4(ip) if ip.is_loopback() => {
            let host = n % (250 * 250);
            let (third, fourth) = ((host / 250) as u8, (host % 250) as u8 + 1);
            Some(IpAddr::V4(Ipv4Addr::new(127, 1, third, fourth)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read() {
        assert_eq!("20/s".parse::<Pace>().unwrap().at(40), Duration::from_secs(2));
        assert_eq!("120/m".parse::<Pace>().unwrap().at(2), Duration::from_secs(1));
        assert_eq!("5".parse::<Pace>().unwrap().events_in(Duration::from_secs(10)), 50);
        for text in ["", "0/s", "-1", "20/h", "fast", "NaN"] {
            assert!(text.parse::<Pace>().is_err(), "{text}");
        }
    }

    #[test]
    fn loopback_clients_have_addresses_of_their_own() {
        let loopback = "127.0.0.1".parse().unwrap();
        assert_ne!(source_address(loopback, 1), source_address(loopback, 2));
        assert_eq!(source_address(loopback, 0), Some("127.1.0.1".parse().unwrap()));
        assert_eq!(source_address("10.0.0.1".parse().unwrap(), 0), None);
    }
}
