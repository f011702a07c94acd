//! When things happen: open-loop schedules, the operator's stop, source addresses.

use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

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

/// The operator's wish to stop, seen by every task of a run.
#[derive(Debug, Clone)]
pub struct Stop {
    asked: watch::Receiver<bool>,
}

impl Stop {
    /// A stop and the switch for it. Dropping the switch is no stop.
    #[must_use]
    pub fn new() -> (watch::Sender<bool>, Self) {
        let (switch, asked) = watch::channel(false);
        (switch, Self { asked })
    }

    /// Whether it was asked for.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        *self.asked.borrow()
    }

    /// Sleeps until `at`, or shorter when asked to stop; `false` then.
    pub async fn sleep_until(&mut self, at: Instant) -> bool {
        tokio::select! {
            () = tokio::time::sleep_until(at) => !self.is_asked(),
            () = Self::asked(&mut self.asked) => false,
        }
    }

    /// Waits until it is asked for.
    pub async fn wait(&mut self) {
        Self::asked(&mut self.asked).await;
    }

    async fn asked(asked: &mut watch::Receiver<bool>) {
        if asked.wait_for(|stop| *stop).await.is_err() {
            std::future::pending::<()>().await;
        }
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

    #[tokio::test]
    async fn a_stop_wakes_sleepers() {
        let (switch, mut stop) = Stop::new();
        let sleeper = tokio::spawn(async move { stop.sleep_until(Instant::now() + Duration::from_secs(60)).await });
        switch.send(true).unwrap();
        assert!(!sleeper.await.unwrap());
    }
}
