//! Address translation of one site, as a home router does it: every port of the site gets one of the public address, the
//! same toward every peer, and answers find their way back. On command the mappings are forgotten, so that the next packet
//! gets another public port (rebinding), or the public address changes (another network). No clock: `now` is passed in.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use crate::line::Nanos;
use crate::packet::{End, Transport, addresses, port, rewrite};

/// Ports that one site may have mapped at once: a browser uses some tens. The longest unused one makes room.
pub const MAPPINGS_MAX: usize = 4_096;
/// Public ports are taken from here on, in turn.
const FIRST_PORT: u16 = 20_000;
/// And up to here.
const LAST_PORT: u16 = 59_999;

type Private = (Transport, Ipv4Addr, u16);

struct Mapping {
    public_port: u16,
    used: Nanos,
}

/// The translation table of a site.
pub struct Nat {
    public: Vec<Ipv4Addr>,
    current: usize,
    outward: HashMap<Private, Mapping>,
    inward: HashMap<(Transport, u16), (Ipv4Addr, u16)>,
    next_port: u16,
}

impl Nat {
    /// A table without mappings that uses the first of these public addresses.
    ///
    /// # Panics
    /// When there is no public address.
    #[must_use]
    pub fn new(public: Vec<Ipv4Addr>) -> Self {
        assert!(!public.is_empty(), "a translation needs a public address");
        Self { public, current: 0, outward: HashMap::new(), inward: HashMap::new(), next_port: FIRST_PORT }
    }

    /// The public address in use.
    #[must_use]
    pub fn public(&self) -> Ipv4Addr {
        self.public[self.current]
    }

    /// Ports mapped now.
    #[must_use]
    pub fn mappings(&self) -> usize {
        self.outward.len()
    }

    /// Translates a packet that leaves the site. False when it has no port that could be mapped.
    pub fn outbound(&mut self, now: Nanos, packet: &mut [u8]) -> bool {
        let (Some((from, _)), Some((transport, private_port))) = (addresses(packet), port(packet, End::Source)) else {
            return false;
        };
        let public_port = self.map(now, (transport, from, private_port));
        rewrite(packet, End::Source, self.public(), public_port)
    }

    /// Translates a packet that comes for the public address. False when nothing is mapped there (any more).
    pub fn inbound(&mut self, now: Nanos, packet: &mut [u8]) -> bool {
        let (Some((_, to)), Some((transport, public_port))) = (addresses(packet), port(packet, End::Destination))
        else {
            return false;
        };
        if to != self.public() {
            return false;
        }
        let Some((address, private_port)) = self.inward.get(&(transport, public_port)).copied() else { return false };
        if let Some(mapping) = self.outward.get_mut(&(transport, address, private_port)) {
            mapping.used = now;
        }
        rewrite(packet, End::Destination, address, private_port)
    }

    /// Forgets mappings: those of UDP, and with `tcp` all. With `address` the public address changes too, to the next one
    /// in turn, and all are forgotten.
    pub fn rebind(&mut self, tcp: bool, address: bool) {
        if address {
            self.current = (self.current + 1) % self.public.len();
        }
        let keep = |transport: Transport| transport == Transport::Tcp && !tcp && !address;
        self.outward.retain(|(transport, _, _), _| keep(*transport));
        self.inward.retain(|(transport, _), _| keep(*transport));
    }

    fn map(&mut self, now: Nanos, private: Private) -> u16 {
        if let Some(mapping) = self.outward.get_mut(&private) {
            mapping.used = now;
            return mapping.public_port;
        }
        if self.outward.len() >= MAPPINGS_MAX {
            self.forget_oldest();
        }
        let (transport, address, private_port) = private;
        // There are ten times as many ports as mappings: one is free.
        while self.inward.contains_key(&(transport, self.next_port)) {
            self.advance_port();
        }
        let public_port = self.next_port;
        self.advance_port();
        self.outward.insert(private, Mapping { public_port, used: now });
        self.inward.insert((transport, public_port), (address, private_port));
        public_port
    }

    fn advance_port(&mut self) {
        self.next_port = if self.next_port == LAST_PORT { FIRST_PORT } else { self.next_port + 1 };
    }

    fn forget_oldest(&mut self) {
        let oldest = self.outward.iter().min_by_key(|(_, mapping)| mapping.used).map(|(private, _)| *private);
        if let Some(private) = oldest
            && let Some(mapping) = self.outward.remove(&private)
        {
            self.inward.remove(&(private.0, mapping.public_port));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::tests::packet;

    const INSIDE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
    const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 9, 1);

    fn nat() -> Nat {
        Nat::new(vec![Ipv4Addr::new(10, 0, 5, 1), Ipv4Addr::new(10, 0, 5, 2)])
    }

    /// Sends from a port inside and returns what the server sees.
    fn out(nat: &mut Nat, transport: Transport, from: u16) -> (Ipv4Addr, u16) {
        let mut bytes = packet(transport, (INSIDE, from), (SERVER, 443), b"x");
        assert!(nat.outbound(0, &mut bytes));
        (addresses(&bytes).unwrap().0, port(&bytes, End::Source).unwrap().1)
    }

    /// Where an answer to a public address ends up.
    fn back(nat: &mut Nat, transport: Transport, to: (Ipv4Addr, u16)) -> Option<(Ipv4Addr, u16)> {
        let mut bytes = packet(transport, (SERVER, if transport == Transport::Echo { to.1 } else { 443 }), to, b"y");
        nat.inbound(0, &mut bytes).then(|| (addresses(&bytes).unwrap().1, port(&bytes, End::Destination).unwrap().1))
    }

    #[test]
    fn answers_come_back_to_the_port_that_asked() {
        let mut nat = nat();
        for transport in [Transport::Udp, Transport::Tcp, Transport::Echo] {
            let seen = out(&mut nat, transport, 5_000);
            assert_eq!(seen.0, Ipv4Addr::new(10, 0, 5, 1));
            assert_eq!(back(&mut nat, transport, seen), Some((INSIDE, 5_000)));
            assert_eq!(out(&mut nat, transport, 5_000), seen);
        }
        let nobody = (nat.public(), 1);
        assert_eq!(back(&mut nat, Transport::Udp, nobody), None);
    }

    #[test]
    fn rebinding_gives_a_new_port_and_the_old_one_is_dead() {
        let mut nat = nat();
        let (udp, tcp) = (out(&mut nat, Transport::Udp, 5_000), out(&mut nat, Transport::Tcp, 5_000));
        nat.rebind(false, false);
        assert_eq!(back(&mut nat, Transport::Udp, udp), None);
        let again = out(&mut nat, Transport::Udp, 5_000);
        assert!(again.0 == udp.0 && again.1 != udp.1);
        assert_eq!(out(&mut nat, Transport::Tcp, 5_000), tcp);
        nat.rebind(true, false);
        assert_ne!(out(&mut nat, Transport::Tcp, 5_000), tcp);
    }

    #[test]
    fn a_new_address_forgets_everything() {
        let mut nat = nat();
        let (udp, tcp) = (out(&mut nat, Transport::Udp, 5_000), out(&mut nat, Transport::Tcp, 5_000));
        nat.rebind(false, true);
        assert_eq!(nat.public(), Ipv4Addr::new(10, 0, 5, 2));
        assert_eq!((back(&mut nat, Transport::Udp, udp), back(&mut nat, Transport::Tcp, tcp)), (None, None));
        assert_eq!(nat.mappings(), 0);
    }

    #[test]
    fn the_table_is_bounded_and_the_longest_unused_makes_room() {
        let mut nat = nat();
        for number in 0..=MAPPINGS_MAX as u16 {
            let mut bytes = packet(Transport::Udp, (INSIDE, number), (SERVER, 443), b"x");
            assert!(nat.outbound(Nanos::from(number), &mut bytes));
        }
        assert_eq!((nat.mappings(), nat.inward.len()), (MAPPINGS_MAX, MAPPINGS_MAX));
        assert!(!nat.outward.contains_key(&(Transport::Udp, INSIDE, 0)));
    }
}
