//! IPv4 packets as bytes: reading addresses and ports, and rewriting them with their checksums. Anything else (IPv6,
//! fragments where ports are needed, cut headers) is refused; no input panics.

use std::net::Ipv4Addr;

/// Protocol number of ICMP.
const ICMP: u8 = 1;
/// Protocol number of TCP.
const TCP: u8 = 6;
/// Protocol number of UDP.
const UDP: u8 = 17;
/// Length of an IPv4 header without options, bytes.
const HEADER_BYTES: usize = 20;

/// A transport that address rewriting knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// UDP: its port is mapped.
    Udp,
    /// TCP: its port is mapped.
    Tcp,
    /// ICMP echo: its identifier is mapped like a port.
    Echo,
}

/// Which end of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Source address and port.
    Source,
    /// Destination address and port.
    Destination,
}

/// Source and destination of an IPv4 packet; `None` for anything else.
#[must_use]
pub fn addresses(packet: &[u8]) -> Option<(Ipv4Addr, Ipv4Addr)> {
    let header = packet.get(..HEADER_BYTES)?;
    if header[0] >> 4 != 4 {
        return None;
    }
    Some((address_at(header, 12)?, address_at(header, 16)?))
}

/// Transport and port at one end. `None` for other transports, for fragments and for cut packets.
#[must_use]
pub fn port(packet: &[u8], end: End) -> Option<(Transport, u16)> {
    let layout = Layout::of(packet, end)?;
    Some((layout.transport, word(packet, layout.port_at)?))
}

/// Rewrites address and port at one end, and the checksums over them. Returns whether the packet could be rewritten; if
/// not, it is unchanged.
pub fn rewrite(packet: &mut [u8], end: End, address: Ipv4Addr, port: u16) -> bool {
    let Some(layout) = Layout::of(packet, end) else { return false };
    let address_at = if end == End::Source { 12 } else { 16 };
    let [a, b, c, d] = address.octets();
    let words = [(address_at, u16::from_be_bytes([a, b])), (address_at + 2, u16::from_be_bytes([c, d]))];
    for (at, new) in words {
        let old = replace(packet, at, new);
        fix(packet, 10, old, new, false);
        if layout.transport != Transport::Echo {
            fix(packet, layout.sum_at, old, new, layout.transport == Transport::Udp);
        }
    }
    let old = replace(packet, layout.port_at, port);
    fix(packet, layout.sum_at, old, port, layout.transport == Transport::Udp);
    true
}

/// Where a packet's port and checksum stand.
struct Layout {
    transport: Transport,
    port_at: usize,
    sum_at: usize,
}

impl Layout {
    fn of(packet: &[u8], end: End) -> Option<Self> {
        addresses(packet)?;
        let start = usize::from(packet[0] & 0x0f) * 4;
        // A fragment, the first excepted, has no transport header; the first one's checksum is over what follows.
        let fragment = word(packet, 6)? & 0x3fff != 0;
        if start < HEADER_BYTES || fragment {
            return None;
        }
        let port_at = if end == End::Source { start } else { start + 2 };
        let layout = match packet[9] {
            UDP => Self { transport: Transport::Udp, port_at, sum_at: start + 6 },
            TCP => Self { transport: Transport::Tcp, port_at, sum_at: start + 16 },
            // Echo and its reply have the identifier in one place, whichever end it stands for.
            ICMP if matches!(packet.get(start)?, 0 | 8) => {
                Self { transport: Transport::Echo, port_at: start + 4, sum_at: start + 2 }
            }
            _ => return None,
        };
        (packet.len() >= layout.sum_at + 2 && packet.len() >= layout.port_at + 2).then_some(layout)
    }
}

fn address_at(bytes: &[u8], at: usize) -> Option<Ipv4Addr> {
    let octets: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
    Some(octets.into())
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

/// Puts a word in place of another, which it returns. The caller has checked the length.
fn replace(packet: &mut [u8], at: usize, new: u16) -> u16 {
    let old = u16::from_be_bytes([packet[at], packet[at + 1]]);
    packet[at..at + 2].copy_from_slice(&new.to_be_bytes());
    old
}

/// Corrects a checksum for one changed word (RFC 1624). UDP writes "no checksum" as 0, which stays, and a sum of 0 as all ones.
fn fix(packet: &mut [u8], at: usize, old: u16, new: u16, udp: bool) {
    let sum = u16::from_be_bytes([packet[at], packet[at + 1]]);
    if udp && sum == 0 {
        return;
    }
    let mut total = u32::from(!sum) + u32::from(!old) + u32::from(new);
    total = (total & 0xffff) + (total >> 16);
    total = (total & 0xffff) + (total >> 16);
    let mut fixed = !(total as u16);
    if udp && fixed == 0 {
        fixed = 0xffff;
    }
    packet[at..at + 2].copy_from_slice(&fixed.to_be_bytes());
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ones_complement(words: &[u8], start: u32) -> u16 {
        let pairs = words.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], *pair.get(1).unwrap_or(&0)])));
        let mut total: u32 = pairs.fold(start, u32::wrapping_add);
        while total > 0xffff {
            total = (total & 0xffff) + (total >> 16);
        }
        !(total as u16)
    }

    fn transport_sum(packet: &[u8]) -> u16 {
        let body = &packet[20..];
        let pseudo: u32 = packet[12..20].chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
        let start = if packet[9] == ICMP { 0 } else { pseudo + u32::from(packet[9]) + body.len() as u32 };
        ones_complement(body, start)
    }

    /// A packet with correct checksums.
    pub(crate) fn packet(transport: Transport, from: (Ipv4Addr, u16), to: (Ipv4Addr, u16), payload: &[u8]) -> Vec<u8> {
        let (number, header, sum_at) = match transport {
            Transport::Udp => (UDP, 8, 26),
            Transport::Tcp => (TCP, 20, 36),
            Transport::Echo => (ICMP, 8, 22),
        };
        let mut packet = vec![0_u8; 20 + header];
        packet.extend_from_slice(payload);
        packet[0] = 0x45;
        let length = packet.len() as u16;
        packet[2..4].copy_from_slice(&length.to_be_bytes());
        (packet[8], packet[9]) = (64, number);
        packet[12..16].copy_from_slice(&from.0.octets());
        packet[16..20].copy_from_slice(&to.0.octets());
        if transport == Transport::Echo {
            packet[20] = 8;
            packet[24..26].copy_from_slice(&from.1.to_be_bytes());
        } else {
            packet[20..22].copy_from_slice(&from.1.to_be_bytes());
            packet[22..24].copy_from_slice(&to.1.to_be_bytes());
        }
        if transport == Transport::Udp {
            packet[24..26].copy_from_slice(&(length - 20).to_be_bytes());
        }
        let sum = transport_sum(&packet);
        packet[sum_at..sum_at + 2].copy_from_slice(&sum.to_be_bytes());
        let sum = ones_complement(&packet[..20], 0);
        packet[10..12].copy_from_slice(&sum.to_be_bytes());
        packet
    }

    fn transports() -> impl Strategy<Value = Transport> {
        prop_oneof![Just(Transport::Udp), Just(Transport::Tcp), Just(Transport::Echo)]
    }

    proptest! {
        #[test]
        fn a_rewritten_packet_has_the_new_address_and_right_checksums(
            transport in transports(), a: u32, b: u32, c: u32, ports: (u16, u16, u16),
            source: bool, payload in prop::collection::vec(any::<u8>(), 0..60),
        ) {
            let mut bytes = packet(transport, (a.into(), ports.0), (b.into(), ports.1), &payload);
            let end = if source { End::Source } else { End::Destination };
            prop_assert!(rewrite(&mut bytes, end, c.into(), ports.2));
            let (from, to) = addresses(&bytes).unwrap();
            prop_assert_eq!(if source { from } else { to }, Ipv4Addr::from(c));
            prop_assert_eq!(if source { to } else { from }, Ipv4Addr::from(if source { b } else { a }));
            prop_assert_eq!(port(&bytes, end), Some((transport, ports.2)));
            prop_assert!(matches!(ones_complement(&bytes[..20], 0), 0 | 0xffff));
            prop_assert!(matches!(transport_sum(&bytes), 0 | 0xffff));
        }

        #[test]
        fn no_input_panics(mut bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let before = bytes.clone();
            let _ = (addresses(&bytes), port(&bytes, End::Source), port(&bytes, End::Destination));
            if !rewrite(&mut bytes, End::Destination, Ipv4Addr::LOCALHOST, 9) {
                prop_assert_eq!(bytes, before);
            }
        }
    }

    #[test]
    fn udp_without_a_checksum_stays_without() {
        let mut bytes = packet(Transport::Udp, (1.into(), 1), (2.into(), 2), b"hello");
        bytes[26..28].fill(0);
        assert!(rewrite(&mut bytes, End::Source, 9.into(), 99));
        assert_eq!(bytes[26..28], [0, 0]);
    }

    #[test]
    fn fragments_and_other_protocols_have_no_port() {
        let mut bytes = packet(Transport::Udp, (1.into(), 1), (2.into(), 2), b"hello");
        bytes[6] = 0x20;
        assert_eq!(port(&bytes, End::Source), None);
        bytes[6] = 0x40;
        assert_eq!(port(&bytes, End::Source), Some((Transport::Udp, 1)));
        bytes[9] = 47;
        assert_eq!(port(&bytes, End::Source), None);
        bytes[0] = 0x65;
        assert_eq!(addresses(&bytes), None);
    }
}
