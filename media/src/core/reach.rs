//! Answers STUN binding requests of strangers (RFC 8489): whether datagrams get here, and as whose.
//!
//! Nobody is asked who they are, so what could be misused is bounded: an answer is never larger than its request (a request
//! too short for one, as without padding, gets none), an address gets a few a second, and a table of addresses holds no more
//! than [`ADDRESSES_MAX`]. ICE checks, which name a peer, do not come here.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::Instant;

use crate::stun::{HEADER_BYTES, MAGIC_COOKIE, is_stun};

/// Answers that an address may have at once, and every second after that: a tool's train of 50 probes over some seconds.
const BURST: f64 = 30.0;
const PER_SECOND: f64 = 20.0;
/// Addresses remembered. One that has had nothing for two seconds is as good as unknown; when so many have, others wait.
const ADDRESSES_MAX: usize = 4_096;
/// Message types, RFC 8489 section 5 and 18.1: class and method in one.
const BINDING_REQUEST: [u8; 2] = [0x00, 0x01];
const BINDING_SUCCESS: [u8; 2] = [0x01, 0x01];
/// Attribute type XOR-MAPPED-ADDRESS, section 14.2, and its families.
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const FAMILY_V4: u8 = 1;
const FAMILY_V6: u8 = 2;

/// What an address may still have.
#[derive(Debug)]
struct Bucket {
    left: f64,
    at: Instant,
}

/// The answering side.
#[derive(Debug, Default)]
pub(super) struct Reach {
    buckets: HashMap<IpAddr, Bucket>,
}

impl Reach {
    /// The answer to a datagram without a user name; none to what is no binding request, is too short or comes too often.
    pub(super) fn answer(&mut self, now: Instant, source: SocketAddr, datagram: &[u8]) -> Option<Vec<u8>> {
        if !is_binding_request(datagram) {
            return None;
        }
        let answer = success(&datagram[8..HEADER_BYTES], source);
        (answer.len() <= datagram.len() && self.allows(now, source.ip())).then_some(answer)
    }

    fn allows(&mut self, now: Instant, address: IpAddr) -> bool {
        let address = network(address);
        if self.buckets.len() >= ADDRESSES_MAX && !self.buckets.contains_key(&address) {
            self.buckets.retain(|_, bucket| bucket.left_at(now) < BURST);
            if self.buckets.len() >= ADDRESSES_MAX {
                return false;
            }
        }
        let bucket = self.buckets.entry(address).or_insert(Bucket { left: BURST, at: now });
        *bucket = Bucket { left: bucket.left_at(now), at: now };
        if bucket.left < 1.0 {
            return false;
        }
        bucket.left -= 1.0;
        true
    }
}

impl Bucket {
    fn left_at(&self, now: Instant) -> f64 {
        (self.left + PER_SECOND * now.saturating_duration_since(self.at).as_secs_f64()).min(BURST)
    }
}

/// What one subscriber has: of IPv6 addresses, the first 64 bits (RFC 6177).
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

fn is_binding_request(datagram: &[u8]) -> bool {
    is_stun(datagram)
        && datagram[..2] == BINDING_REQUEST
        && usize::from(u16::from_be_bytes([datagram[2], datagram[3]])) == datagram.len() - HEADER_BYTES
}

/// A success response with XOR-MAPPED-ADDRESS: port and address, each combined with the cookie, and with the transaction for IPv6.
fn success(transaction: &[u8], source: SocketAddr) -> Vec<u8> {
    let key = [&MAGIC_COOKIE, transaction].concat();
    let (family, address) = match source.ip().to_canonical() {
        IpAddr::V4(v4) => (FAMILY_V4, v4.octets().to_vec()),
        IpAddr::V6(v6) => (FAMILY_V6, v6.octets().to_vec()),
    };
    let mixed = |bytes: &[u8]| bytes.iter().zip(&key).map(|(byte, key)| byte ^ key).collect::<Vec<u8>>();
    let mut value = vec![0, family];
    value.extend(mixed(&source.port().to_be_bytes()));
    value.extend(mixed(&address));
    let length = |bytes: usize| u16::try_from(bytes).unwrap_or(u16::MAX).to_be_bytes();
    let mut answer = BINDING_SUCCESS.to_vec();
    answer.extend(length(4 + value.len()));
    answer.extend(key);
    answer.extend(XOR_MAPPED_ADDRESS.to_be_bytes());
    answer.extend(length(value.len()));
    answer.extend(value);
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    /// A request padded by so many bytes (PADDING, RFC 5780 section 7.6).
    fn request(transaction: [u8; 12], padding: u16) -> Vec<u8> {
        let mut bytes = BINDING_REQUEST.to_vec();
        bytes.extend((4 + padding).to_be_bytes());
        bytes.extend(MAGIC_COOKIE);
        bytes.extend(transaction);
        bytes.extend([0x00, 0x26]);
        bytes.extend(padding.to_be_bytes());
        bytes.resize(bytes.len() + usize::from(padding), 0);
        bytes
    }

    /// RFC 5769 section 2.2's example, its SOFTWARE, integrity and fingerprint left out: 192.0.2.1, port 32853.
    #[test]
    fn the_address_is_told_as_in_the_test_vector() {
        let transaction = [0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae];
        let source = "192.0.2.1:32853".parse().expect("an address");
        let answer = Reach::default().answer(Instant::now(), source, &request(transaction, 12)).expect("an answer");
        assert_eq!(answer[..2], BINDING_SUCCESS);
        assert_eq!(answer[8..20], transaction);
        assert_eq!(answer[20..], [0x00, 0x20, 0x00, 0x08, 0x00, 0x01, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43]);
    }

    /// RFC 5769 section 2.3: 2001:db8:1234:5678:11:2233:4455:6677, port 32853.
    #[test]
    fn so_is_one_of_ipv6() {
        let transaction = [0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae];
        let source = "[2001:db8:1234:5678:11:2233:4455:6677]:32853".parse().expect("an address");
        let answer = Reach::default().answer(Instant::now(), source, &request(transaction, 20)).expect("an answer");
        let told = [
            0x00, 0x20, 0x00, 0x14, 0x00, 0x02, 0xa1, 0x47, 0x01, 0x13, 0xa9, 0xfa, 0xa5, 0xd3, 0xf1, 0x79, 0xbc, 0x25,
            0xf4, 0xb5, 0xbe, 0xd2, 0xb9, 0xd9,
        ];
        assert_eq!(answer[20..], told);
    }

    #[test]
    fn a_request_without_room_for_the_answer_gets_none() {
        let source = "192.0.2.1:1000".parse().expect("an address");
        let mut reach = Reach::default();
        assert!(reach.answer(Instant::now(), source, &request([1; 12], 4)).is_none(), "28 bytes");
        assert!(reach.answer(Instant::now(), source, &request([1; 12], 8)).is_some(), "32 bytes");
        let mut longer = request([1; 12], 8);
        longer.push(0);
        assert!(reach.answer(Instant::now(), source, &longer).is_none(), "its length says otherwise");
        let mut indication = request([1; 12], 8);
        indication[1] = 0x11;
        assert!(reach.answer(Instant::now(), source, &indication).is_none());
    }

    #[test]
    fn an_address_gets_a_few_a_second_whatever_its_port() {
        let (start, mut reach) = (Instant::now(), Reach::default());
        let mut answered = |after_ms: u64, ip: &str, count: u16| {
            let asked = (0..count).filter(|n| {
                let source = SocketAddr::new(ip.parse().expect("an address"), 1_000 + n);
                reach.answer(start + Duration::from_millis(after_ms), source, &request([2; 12], 40)).is_some()
            });
            asked.count()
        };
        assert_eq!(answered(0, "192.0.2.1", 100), 30);
        assert_eq!(answered(500, "192.0.2.1", 100), 10);
        assert_eq!(answered(500, "192.0.2.2", 5), 5, "others have their own");
        assert_eq!(answered(600, "2001:db8::1", 100), 30);
        assert_eq!(answered(600, "2001:db8::2", 100), 0, "a subscriber has them all");
    }

    #[test]
    fn many_addresses_are_not_all_remembered() {
        let (start, mut reach) = (Instant::now(), Reach::default());
        let ask = |reach: &mut Reach, at: Instant, n: u32| {
            reach.answer(at, SocketAddr::new(IpAddr::V4((0x0a00_0000 + n).into()), 9), &request([3; 12], 40)).is_some()
        };
        let most = u32::try_from(ADDRESSES_MAX).expect("a few thousand");
        assert!((0..most).all(|n| ask(&mut reach, start, n)));
        assert!(!ask(&mut reach, start, most + 1));
        assert!(ask(&mut reach, start + Duration::from_secs(3), most + 1));
        assert!(reach.buckets.len() <= ADDRESSES_MAX);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived_and_no_answer_is_larger(bytes in proptest::collection::vec(any::<u8>(), 0..200), v6: bool) {
            let source: SocketAddr = if v6 { "[2001:db8::1]:7" } else { "192.0.2.1:7" }.parse().expect("an address");
            let mut framed = request([4; 12], 0);
            framed.extend(&bytes);
            let length = framed.len();
            framed[2..4].copy_from_slice(&u16::try_from(length - HEADER_BYTES).expect("short").to_be_bytes());
            for datagram in [&bytes, &framed] {
                if let Some(answer) = Reach::default().answer(Instant::now(), source, datagram) {
                    prop_assert!(answer.len() <= datagram.len());
                }
            }
        }
    }
}
