//! What can be told of a stream from its arrivals: packets that are missing, pictures that froze.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Streams followed at once; a peer receives two pictures and two sounds, each with a repair stream.
const STREAMS_MAX: usize = 32;
/// Intervals between frames that make up the mean.
const INTERVALS_MAX: usize = 30;
/// W3C webrtc-stats, `freezeCount`: a frame is late when it comes this long after the mean interval, or after three of them.
const FREEZE_BEYOND: Duration = Duration::from_millis(150);

/// Counts how many packets were sent, by the sequence numbers that came.
#[derive(Debug, Default)]
pub(crate) struct Sequences {
    /// Highest number of each source.
    streams: HashMap<u32, u16>,
}

impl Sequences {
    /// Takes in an RTP packet. Returns how many more packets are known to have been sent than before it.
    pub(crate) fn note(&mut self, packet: &[u8]) -> u64 {
        // RFC 3550, 5.1: the sequence number is in bytes 2 and 3, the source in bytes 8 to 11.
        let [_, _, high, low, _, _, _, _, a, b, c, d, ..] = *packet else { return 0 };
        let (number, source) = (u16::from_be_bytes([high, low]), u32::from_be_bytes([a, b, c, d]));
        let room = self.streams.len() < STREAMS_MAX;
        match self.streams.get_mut(&source) {
            Some(highest) => {
                let ahead = number.wrapping_sub(*highest);
                // Half the number space ahead is behind: late or repeated.
                if ahead == 0 || ahead > u16::MAX / 2 {
                    return 0;
                }
                *highest = number;
                u64::from(ahead)
            }
            None if room => {
                self.streams.insert(source, number);
                1
            }
            None => 0,
        }
    }
}

/// Finds freezes in the arrivals of frames.
#[derive(Debug, Default)]
pub(crate) struct FramePace {
    last: Option<Instant>,
    intervals: std::collections::VecDeque<Duration>,
}

impl FramePace {
    /// Takes in a frame. Returns the length of the freeze that it ended.
    pub(crate) fn note(&mut self, at: Instant) -> Option<Duration> {
        let interval = at.saturating_duration_since(self.last.replace(at)?);
        let count = self.intervals.len() as u32;
        let mean = self.intervals.iter().sum::<Duration>().checked_div(count);
        self.intervals.push_back(interval);
        if self.intervals.len() > INTERVALS_MAX {
            self.intervals.pop_front();
        }
        mean.filter(|mean| interval > (*mean * 3).max(*mean + FREEZE_BEYOND)).map(|_| interval)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(number: u16) -> [u8; 12] {
        let [high, low] = number.to_be_bytes();
        [0x80, 96, high, low, 0, 0, 0, 0, 0, 0, 0, 7]
    }

    #[test]
    fn holes_are_counted_and_late_packets_are_not() {
        let mut sequences = Sequences::default();
        let mut expected = 0;
        for number in [65_534, 65_535, 2, 1, 3, 3] {
            expected += sequences.note(&packet(number));
        }
        assert_eq!(expected, 6, "65534 to 3, around the corner");
        assert_eq!(sequences.note(&[0x80, 96]), 0);
    }

    #[test]
    fn a_freeze_is_longer_than_its_neighbours() {
        let mut pace = FramePace::default();
        let start = Instant::now();
        for n in 0..10 {
            assert_eq!(pace.note(start + Duration::from_millis(n * 66)), None);
        }
        assert_eq!(pace.note(start + Duration::from_millis(9 * 66 + 180)), None, "late, yet no freeze");
        let frozen = pace.note(start + Duration::from_millis(9 * 66 + 180 + 900));
        assert_eq!(frozen, Some(Duration::from_millis(900)));
    }
}
