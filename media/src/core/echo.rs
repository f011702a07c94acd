//! What the server answers on the data channel `fast`: echoes, and the stamps of a probe.
//!
//! A probe is a train of datagrams that the client sends at once, or evenly, each answered by a short stamp: when it
//! arrived, and how many of its train have. From the stamps the client learns the rate of its uplink (dispersion of a
//! packet train), loss by direction and one-way jitter. An answer is never larger than what it answers.

use std::time::Duration;

use crate::limits::ECHO_BYTES_MAX;

/// First byte of an echo request.
const ECHO_REQUEST: u8 = 1;
/// First byte of its answer.
const ECHO_RESPONSE: u8 = 2;
/// First byte of a probe: then the train (u32), the index in it (u16), and padding.
const PROBE: u8 = 3;
/// First byte of a stamp: then train (u32) and index (u16) as sent, the count of the train's probes that arrived (u16)
/// and the time of arrival (u64, microseconds of a clock of the server that begins anywhere). All big-endian.
const STAMP: u8 = 4;
/// Bytes before a probe's padding.
const PROBE_BYTES_MIN: usize = 7;
/// Length of a stamp.
const STAMP_BYTES: usize = 17;

/// The answering side of one peer's `fast` channel.
#[derive(Debug, Default)]
pub(super) struct Echo {
    train: u32,
    arrived: u16,
}

impl Echo {
    /// The answer to a binary message that arrived at `since` the beginning of the server's clock; none to what is
    /// neither an echo request nor a probe.
    pub(super) fn answer(&mut self, mut message: Vec<u8>, since: Duration) -> Option<Vec<u8>> {
        match message.first() {
            Some(&ECHO_REQUEST) if message.len() <= ECHO_BYTES_MAX => {
                message[0] = ECHO_RESPONSE;
                Some(message)
            }
            Some(&PROBE) if message.len() >= STAMP_BYTES => {
                let train = u32::from_be_bytes([message[1], message[2], message[3], message[4]]);
                if train != self.train || self.arrived == 0 {
                    *self = Self { train, arrived: 0 };
                }
                self.arrived = self.arrived.saturating_add(1);
                message[0] = STAMP;
                message.truncate(PROBE_BYTES_MIN);
                message.extend_from_slice(&self.arrived.to_be_bytes());
                let micros = u64::try_from(since.as_micros()).unwrap_or(u64::MAX);
                message.extend_from_slice(&micros.to_be_bytes());
                Some(message)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn probe(train: u32, index: u16, length: usize) -> Vec<u8> {
        let mut message = vec![PROBE];
        message.extend_from_slice(&train.to_be_bytes());
        message.extend_from_slice(&index.to_be_bytes());
        message.resize(length, 0);
        message
    }

    #[test]
    fn an_echo_comes_back() {
        let mut echo = Echo::default();
        assert_eq!(echo.answer(vec![1, 42], Duration::ZERO), Some(vec![2, 42]));
        assert_eq!(echo.answer(vec![9], Duration::ZERO), None);
        assert_eq!(echo.answer(vec![], Duration::ZERO), None);
        assert_eq!(echo.answer(vec![1; ECHO_BYTES_MAX + 1], Duration::ZERO), None);
    }

    #[test]
    fn a_train_is_counted_and_stamped() {
        let mut echo = Echo::default();
        let mut at = |train, index, us| {
            let stamp = echo.answer(probe(train, index, 1_100), Duration::from_micros(us)).expect("a stamp");
            assert_eq!(stamp.len(), STAMP_BYTES);
            (
                u16::from_be_bytes([stamp[5], stamp[6]]),
                u16::from_be_bytes([stamp[7], stamp[8]]),
                u64::from_be_bytes(stamp[9..17].try_into().expect("eight bytes")),
            )
        };
        assert_eq!(at(7, 0, 1_000), (0, 1, 1_000));
        assert_eq!(at(7, 2, 1_900), (2, 2, 1_900), "index 1 was lost");
        assert_eq!(at(8, 0, 5_000), (0, 1, 5_000), "another train begins anew");
        assert_eq!(at(0, 0, 6_000), (0, 1, 6_000));
    }

    proptest! {
        #[test]
        fn an_answer_is_never_larger(message in proptest::collection::vec(any::<u8>(), 0..1300)) {
            let length = message.len();
            if let Some(answer) = Echo::default().answer(message, Duration::from_secs(1)) {
                prop_assert!(answer.len() <= length);
            }
        }
    }
}
