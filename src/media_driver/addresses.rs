//! Which addresses are told to clients.

use std::io;
use std::net::{IpAddr, Ipv6Addr};

use socket2::SockAddr;

/// The addresses to advertise for a socket bound to `bind`: those configured, else the bound one, else, bound to all,
/// those of all interfaces, loopback last.
pub(super) fn advertised(bind: IpAddr, external: &[IpAddr]) -> io::Result<Vec<IpAddr>> {
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
    use std::net::Ipv4Addr;

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
}
