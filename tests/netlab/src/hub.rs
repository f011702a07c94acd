//! The laboratory's network without devices: sites, their links to the middle, address translation, and who gets what.
//! No clock and no sockets: packets and `now` come in, packets go out through a closure.
//!
//! A packet from a site goes up its link; in the middle it is for the server, or goes down another site's link. The server
//! stands in the middle itself. IPv4 alone; what is for an address that nobody has is dropped and counted.

use std::net::Ipv4Addr;

use crate::counters::Counters;
use crate::line::{Line, Nanos, Pushed};
use crate::nat::Nat;
use crate::packet::addresses;
use crate::settings::{LineSettings, PACKET_BYTES_MAX};

/// Buffers kept for reuse: as many as a busy second has under way; more are freed.
const POOL_MAX: usize = 4_096;

/// A device that packets come from and go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    /// The server's.
    Server,
    /// That of a site, by its place.
    Site(usize),
}

/// Which way along a site's link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the site.
    Up,
    /// To the site.
    Down,
}

/// Where a site is found on the network.
#[derive(Clone, Debug)]
pub struct SitePlan {
    /// Name, unique in the laboratory.
    pub name: String,
    /// Addresses that may stand on the site's device; the first one does.
    pub private: Vec<Ipv4Addr>,
    /// Addresses that translation uses in turn.
    pub public: Vec<Ipv4Addr>,
    /// Whether addresses are translated.
    pub nat: bool,
    /// The link from the site.
    pub up: LineSettings,
    /// The link to the site.
    pub down: LineSettings,
}

struct Site {
    plan: SitePlan,
    nat: Option<Nat>,
    up: Line<Vec<u8>>,
    down: Line<Vec<u8>>,
}

/// The network.
pub struct Hub {
    server: Ipv4Addr,
    sites: Vec<Site>,
    pool: Vec<Vec<u8>>,
    unroutable: u64,
    untranslated: u64,
}

impl Hub {
    /// A network with these sites. The seed decides every packet's fate.
    #[must_use]
    pub fn new(seed: u64, server: Ipv4Addr, plans: Vec<SitePlan>) -> Self {
        let sites = plans.into_iter().map(|plan| Site {
            nat: plan.nat.then(|| Nat::new(plan.public.clone())),
            up: Line::new(seed, &format!("{}/up", plan.name), plan.up.clone()),
            down: Line::new(seed, &format!("{}/down", plan.name), plan.down.clone()),
            plan,
        });
        Self { server, sites: sites.collect(), pool: Vec::new(), unroutable: 0, untranslated: 0 }
    }

    /// An empty buffer for a packet, with room for the largest.
    pub fn buffer(&mut self) -> Vec<u8> {
        self.pool.pop().unwrap_or_else(|| Vec::with_capacity(PACKET_BYTES_MAX))
    }

    /// A buffer that is not needed any more.
    pub fn recycle(&mut self, mut buffer: Vec<u8>) {
        if self.pool.len() < POOL_MAX {
            buffer.clear();
            self.pool.push(buffer);
        }
    }

    /// A packet was sent from a device.
    pub fn arrive(&mut self, now: Nanos, from: Device, packet: Vec<u8>) {
        let to = addresses(&packet).map(|(_, to)| to);
        if to.is_none_or(|to| to != self.server && self.site_of(to).is_none()) {
            self.unroutable += 1;
            return self.recycle(packet);
        }
        match from {
            Device::Server => self.go_down(now, packet),
            Device::Site(index) => {
                let bytes = packet.len();
                let pushed = self.sites.get_mut(index).map(|site| site.up.push(now, bytes, packet));
                if let Some(Pushed::Gone(buffer)) = pushed {
                    self.recycle(buffer);
                }
            }
        }
    }

    /// Releases all that is due to `emit`.
    pub fn release(&mut self, now: Nanos, mut emit: impl FnMut(Device, &[u8])) {
        for index in 0..self.sites.len() {
            while let Some(delivery) = self.sites[index].up.pop(now) {
                let mut packet = delivery.item;
                let nat = self.sites[index].nat.as_mut();
                if nat.is_some_and(|nat| !nat.outbound(now, &mut packet)) {
                    self.untranslated += 1;
                    self.recycle(packet);
                    continue;
                }
                if addresses(&packet).is_some_and(|(_, to)| to == self.server) {
                    for _ in 0..delivery.copies {
                        emit(Device::Server, &packet);
                    }
                    self.recycle(packet);
                } else {
                    for _ in 1..delivery.copies {
                        self.go_down(now, packet.clone());
                    }
                    self.go_down(now, packet);
                }
            }
        }
        for index in 0..self.sites.len() {
            while let Some(delivery) = self.sites[index].down.pop(now) {
                for _ in 0..delivery.copies {
                    emit(Device::Site(index), &delivery.item);
                }
                self.recycle(delivery.item);
            }
        }
    }

    /// When `release` may next have something.
    #[must_use]
    pub fn next_at(&self) -> Option<Nanos> {
        self.sites.iter().flat_map(|site| [site.up.next_at(), site.down.next_at()]).flatten().min()
    }

    /// From the middle toward a site.
    fn go_down(&mut self, now: Nanos, mut packet: Vec<u8>) {
        let to = addresses(&packet).map(|(_, to)| to);
        let Some(index) = to.and_then(|to| self.site_of(to)) else {
            self.unroutable += 1;
            return self.recycle(packet);
        };
        let site = &mut self.sites[index];
        if site.nat.as_mut().is_some_and(|nat| !nat.inbound(now, &mut packet)) {
            self.untranslated += 1;
            return self.recycle(packet);
        }
        let bytes = packet.len();
        if let Pushed::Gone(buffer) = site.down.push(now, bytes, packet) {
            self.recycle(buffer);
        }
    }

    /// The site that an address belongs to, seen from the middle.
    fn site_of(&self, to: Ipv4Addr) -> Option<usize> {
        self.sites.iter().position(|site| {
            let own = if site.nat.is_some() { &site.plan.public } else { &site.plan.private };
            own.contains(&to)
        })
    }

    /// The place of a site.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<usize> {
        self.sites.iter().position(|site| site.plan.name == name)
    }

    /// Number of sites, the server's not counted.
    #[must_use]
    pub fn sites(&self) -> usize {
        self.sites.len()
    }

    /// What is known of the site at a place.
    ///
    /// # Panics
    /// As do all methods that take a place: when there is no such site.
    #[must_use]
    pub fn plan(&self, index: usize) -> &SitePlan {
        &self.sites[index].plan
    }

    /// The public address of a site whose addresses are translated.
    #[must_use]
    pub fn public(&self, index: usize) -> Option<Ipv4Addr> {
        self.sites[index].nat.as_ref().map(Nat::public)
    }

    /// Settings of a direction.
    #[must_use]
    pub fn settings(&self, index: usize, direction: Direction) -> &LineSettings {
        self.line(index, direction).settings()
    }

    /// Changes a direction's settings.
    pub fn set(&mut self, now: Nanos, index: usize, direction: Direction, settings: LineSettings) {
        self.line_mut(index, direction).set(now, settings);
    }

    /// Whether a site's link is up.
    #[must_use]
    pub fn is_up(&self, index: usize) -> bool {
        self.sites[index].up.is_up()
    }

    /// Cuts a site's link, both ways, or mends it.
    pub fn set_up(&mut self, index: usize, up: bool) {
        self.sites[index].up.set_up(up);
        self.sites[index].down.set_up(up);
    }

    /// Switches address translation on or off.
    pub fn set_nat(&mut self, index: usize, on: bool) {
        let site = &mut self.sites[index];
        if on != site.nat.is_some() {
            site.nat = on.then(|| Nat::new(site.plan.public.clone()));
        }
    }

    /// Forgets a site's mappings (see [`Nat::rebind`]). False when its addresses are not translated.
    pub fn rebind(&mut self, index: usize, tcp: bool, address: bool) -> bool {
        match &mut self.sites[index].nat {
            Some(nat) => {
                nat.rebind(tcp, address);
                true
            }
            None => false,
        }
    }

    /// Counters of a direction.
    #[must_use]
    pub fn counters(&self, index: usize, direction: Direction) -> Counters {
        self.line(index, direction).counters()
    }

    /// Sets a site's counters to zero.
    pub fn reset_counters(&mut self, index: usize) {
        self.sites[index].up.reset_counters();
        self.sites[index].down.reset_counters();
    }

    /// Packets dropped because nobody has their address, or because they are not IPv4.
    #[must_use]
    pub fn unroutable(&self) -> u64 {
        self.unroutable
    }

    /// Packets dropped because no mapping fits: to a port from before a rebinding, for instance.
    #[must_use]
    pub fn untranslated(&self) -> u64 {
        self.untranslated
    }

    fn line(&self, index: usize, direction: Direction) -> &Line<Vec<u8>> {
        match direction {
            Direction::Up => &self.sites[index].up,
            Direction::Down => &self.sites[index].down,
        }
    }

    fn line_mut(&mut self, index: usize, direction: Direction) -> &mut Line<Vec<u8>> {
        match direction {
            Direction::Up => &mut self.sites[index].up,
            Direction::Down => &mut self.sites[index].down,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::tests::packet;
    use crate::packet::{End, Transport, port};

    const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

    fn address(last: u8) -> Ipv4Addr {
        Ipv4Addr::new(10, 0, 0, last)
    }

    fn hub(nat: bool) -> Hub {
        let plan = |name: &str, base: u8, delay_ms: f64| SitePlan {
            name: name.to_owned(),
            private: vec![address(base + 2), address(base + 3)],
            public: vec![address(base + 8), address(base + 9)],
            nat,
            up: LineSettings { delay_ms, ..LineSettings::default() },
            down: LineSettings { delay_ms: 2.0 * delay_ms, ..LineSettings::default() },
        };
        Hub::new(1, SERVER, vec![plan("viewer", 16, 1.0), plan("agent", 32, 4.0)])
    }

    fn udp(from: Ipv4Addr, to: (Ipv4Addr, u16)) -> Vec<u8> {
        packet(Transport::Udp, (from, 7), to, b"hello")
    }

    /// Everything that comes out, with its time.
    fn run(hub: &mut Hub) -> Vec<(Nanos, Device, Vec<u8>)> {
        let mut out = Vec::new();
        while let Some(at) = hub.next_at() {
            hub.release(at, |device, packet| out.push((at, device, packet.to_vec())));
        }
        out
    }

    #[test]
    fn a_packet_to_the_server_goes_up_one_link() {
        let mut hub = hub(false);
        hub.arrive(0, Device::Site(0), udp(address(18), (SERVER, 9)));
        assert_eq!(run(&mut hub), [(1_000_000, Device::Server, udp(address(18), (SERVER, 9)))]);
        hub.arrive(0, Device::Server, udp(SERVER, (address(34), 9)));
        assert_eq!(run(&mut hub)[0].0, 8_000_000);
        assert_eq!(hub.counters(1, Direction::Down).packets_out, 1);
    }

    #[test]
    fn sites_reach_each_other_over_both_links() {
        let mut hub = hub(false);
        hub.arrive(0, Device::Site(0), udp(address(18), (address(35), 9)));
        let out = run(&mut hub);
        assert_eq!((out[0].0, out[0].1), (9_000_000, Device::Site(1)));
    }

    #[test]
    fn what_nobody_has_is_dropped_before_it_meets_the_line() {
        let mut hub = hub(false);
        hub.arrive(0, Device::Site(0), udp(address(18), (Ipv4Addr::new(8, 8, 8, 8), 9)));
        hub.arrive(0, Device::Site(0), vec![0x60; 60]);
        hub.arrive(0, Device::Server, udp(SERVER, (address(200), 9)));
        assert_eq!((hub.unroutable(), hub.counters(0, Direction::Up).packets_in), (3, 0));
        assert_eq!(hub.next_at(), None);
    }

    #[test]
    fn a_translated_site_is_seen_by_its_public_address() {
        let mut hub = hub(true);
        hub.arrive(0, Device::Site(0), udp(address(18), (SERVER, 9)));
        let out = run(&mut hub);
        let (seen, _) = addresses(&out[0].2).unwrap();
        let (_, first) = port(&out[0].2, End::Source).unwrap();
        assert_eq!(seen, address(24));
        hub.arrive(0, Device::Server, udp(SERVER, (seen, first)));
        let back = run(&mut hub);
        assert_eq!(addresses(&back[0].2).unwrap().1, address(18));
        assert_eq!(port(&back[0].2, End::Destination).unwrap().1, 7);

        assert!(hub.rebind(0, false, false));
        hub.arrive(0, Device::Server, udp(SERVER, (seen, first)));
        // The private address is not to be reached from outside.
        hub.arrive(0, Device::Server, udp(SERVER, (address(18), 7)));
        assert_eq!(run(&mut hub), []);
        assert_eq!((hub.untranslated(), hub.unroutable()), (1, 1));
        hub.set_nat(0, false);
        hub.arrive(0, Device::Server, udp(SERVER, (address(18), 7)));
        assert_eq!(run(&mut hub).len(), 1);
    }

    #[test]
    fn buffers_are_used_again() {
        let mut hub = hub(false);
        let mut buffer = hub.buffer();
        buffer.extend(udp(address(18), (SERVER, 9)));
        let place = buffer.as_ptr();
        hub.arrive(0, Device::Site(0), buffer);
        run(&mut hub);
        let again = hub.buffer();
        assert_eq!(again.as_ptr(), place);
    }
}
