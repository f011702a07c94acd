//! Where the sockets are bound, which addresses are told to clients, and from where datagrams are taken.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};

use socket2::SockAddr;

/// Who can reach the sockets, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reach {
    /// Address the sockets are bound to.
    pub(super) bind: IpAddr,
    /// Addresses told to clients, best first.
    pub(super) told: Vec<IpAddr>,
    /// Datagrams are taken from this machine alone.
    pub(super) own_machine: bool,
}

impl Reach {
    /// For the configured `bind` and `external` addresses.
    ///
    /// Bound to 127.0.0.1 with nothing else configured, the server is for this machine alone, and that needs a second
    /// address: Firefox has no loopback candidates and pairs none with loopback, but finds the machine by the address of
    /// its default route. Datagrams of other machines are dropped unread.
    pub(super) fn of(bind: IpAddr, external: &[IpAddr]) -> io::Result<Self> {
        if bind == IpAddr::V4(Ipv4Addr::LOCALHOST)
            && external.is_empty()
            && let Some(outward) = outward()
        {
            return Ok(Self { bind: Ipv4Addr::UNSPECIFIED.into(), told: vec![bind, outward], own_machine: true });
        }
        Ok(Self { bind, told: advertised(bind, external)?, own_machine: false })
    }

    /// Whether a datagram from `source` is taken. The kernel drops what comes from outside under an address of ours.
    pub(super) fn takes(&self, source: IpAddr) -> bool {
        !self.own_machine || source.is_loopback() || self.told.contains(&source)
    }
}

/// The address from which this machine reaches others. Nothing is sent: connecting a UDP socket only picks a route.
pub(crate) fn outward() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((Ipv4Addr::new(198, 51, 100, 1), 9)).ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_unspecified() && !address.is_loopback()).then_some(address)
}

/// The addresses to advertise for a socket bound to `bind`: those configured, else the bound one, else, bound to all,
/// those of all interfaces, loopback last.
fn advertised(bind: IpAddr, external: &[IpAddr]) -> io::Result<Vec<IpAddr>> {
    if !external.is_empty() {
        return Ok(external.to_vec());
    }
    if !bind.is_unspecified() {
        return Ok(vec![bind]);
    }
    let mut found: Vec<IpAddr> = interfaces()?.into_iter().filter(|ip| usable(*ip, bind)).collect();
    found.sort_by_key(|ip| (ip.is_loopback(), ip.is_ipv6()));
    found.dedup();
    Ok(found)
}

fn usable(ip: IpAddr, bind: IpAddr) -> bool {
    let link_local = match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    // `0.0.0.0` takes no IPv6; `::` takes both.
    !link_local && !ip.is_unspecified() && (ip.is_ipv4() || bind == IpAddr::V6(Ipv6Addr::UNSPECIFIED))
}

fn interfaces() -> io::Result<Vec<IpAddr>> {
    let mut list: *mut libc::ifaddrs = std::ptr::null_mut();
    // SAFETY: getifaddrs writes a list's head to the pointer given.
    if unsafe { libc::getifaddrs(&raw mut list) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let mut found = Vec::new();
    let mut entry = list;
    // SAFETY: the entries of the list are valid until freeifaddrs; their `ifa_addr` is null or an address whose family
    // tells its size. The list is freed once, after the last use.
    unsafe {
        while let Some(interface) = entry.as_ref() {
            let up = interface.ifa_flags & libc::IFF_UP as libc::c_uint != 0;
            if let Some(address) = interface.ifa_addr.as_ref().filter(|_| up) {
                found.extend(ip(interface.ifa_addr, address.sa_family));
            }
            entry = interface.ifa_next;
        }
        libc::freeifaddrs(list);
    }
    Ok(found)
}

/// # Safety
///
/// `address` points to a socket address of the given family.
unsafe fn ip(address: *const libc::sockaddr, family: libc::sa_family_t) -> Option<IpAddr> {
    let length = match i32::from(family) {
        libc::AF_INET => size_of::<libc::sockaddr_in>(),
        libc::AF_INET6 => size_of::<libc::sockaddr_in6>(),
        _ => return None,
    };
    // SAFETY: an address of this family has `length` bytes, which is at most the storage's size.
    let parsed = unsafe {
        SockAddr::try_init(|storage, size| {
            std::ptr::copy_nonoverlapping(address.cast::<u8>(), storage.cast::<u8>(), length);
            *size = length as libc::socklen_t;
            Ok(())
        })
    };
    parsed.ok()?.1.as_socket().map(|a| a.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bound_to_all_the_interfaces_are_told_loopback_last() {
        let found = advertised(Ipv4Addr::UNSPECIFIED.into(), &[]).unwrap();
        assert!(found.iter().all(IpAddr::is_ipv4));
        assert_eq!(found.last(), Some(&Ipv4Addr::LOCALHOST.into()));
    }

    #[test]
    fn configured_addresses_win() {
        let external = [IpAddr::from([203, 0, 113, 7])];
        assert_eq!(advertised(Ipv4Addr::UNSPECIFIED.into(), &external).unwrap(), external);
        assert_eq!(advertised(Ipv4Addr::LOCALHOST.into(), &[]).unwrap(), [IpAddr::from([127, 0, 0, 1])]);
    }

    #[test]
    fn bound_to_loopback_only_this_machine_is_served() {
        let loopback = IpAddr::from(Ipv4Addr::LOCALHOST);
        let reach = Reach::of(loopback, &[]).unwrap();
        assert_eq!(reach.told[0], loopback);
        assert!(reach.told.iter().all(|own| reach.takes(*own)));
        assert!(reach.takes([127, 0, 0, 9].into()));
        // A machine without a route has loopback alone, and nobody else can reach that.
        assert_eq!(reach.own_machine, reach.told.len() == 2);
        assert_eq!(reach.takes([203, 0, 113, 7].into()), !reach.own_machine);
    }

    #[test]
    fn loopback_told_on_purpose_stays_strict() {
        let loopback = IpAddr::from(Ipv4Addr::LOCALHOST);
        let reach = Reach::of(loopback, &[loopback]).unwrap();
        assert_eq!(reach, Reach { bind: loopback, told: vec![loopback], own_machine: false });
    }
}
