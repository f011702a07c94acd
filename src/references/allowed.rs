//! Which hosts may be asked. The addresses come from pages that strangers control: what is not on the list is never asked,
//! and a name on the list does not lead into private networks unless those addresses are listed themselves.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::config::MediaHost;

/// Longest address that is taken, bytes.
pub(super) const URI_BYTES_MAX: usize = 2_048;

/// The list.
#[derive(Debug, Clone)]
pub(super) struct AllowedHosts(Arc<[MediaHost]>);

impl AllowedHosts {
    /// Of the configuration.
    pub(super) fn new(hosts: &[MediaHost]) -> Self {
        Self(hosts.into())
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The address that a text stands for, if it may be asked; without a fragment.
    pub(super) fn check(&self, uri: &str) -> Option<Url> {
        let mut url = Url::parse(uri).ok().filter(|_| uri.len() <= URI_BYTES_MAX)?;
        if !matches!(url.scheme(), "http" | "https") || !url.username().is_empty() || url.password().is_some() {
            return None;
        }
        let host = url.host_str()?.trim_matches(['[', ']']).to_owned();
        let listed = |known: &MediaHost| {
            known.host == host
                && match known.port {
                    Some(port) => url.port_or_known_default() == Some(port),
                    None => url.port().is_none(),
                }
        };
        if !self.0.iter().any(listed) {
            return None;
        }
        url.set_fragment(None);
        Some(url)
    }

    /// Whether a connection may go to an address that a listed name stands for.
    fn leads_to(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        is_public(address) || self.0.iter().any(|known| known.host.parse() == Ok(address))
    }
}

/// Looks names up and leaves out addresses that are not to be asked.
impl Resolve for AllowedHosts {
    fn resolve(&self, name: Name) -> Resolving {
        let allowed = self.clone();
        Box::pin(async move {
            // The port is the caller's; it is set afterwards.
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let kept: Vec<SocketAddr> = found.filter(|found| allowed.leads_to(found.ip())).collect();
            if kept.is_empty() {
                return Err("the name leads to no address that may be asked".into());
            }
            Ok(Box::new(kept.into_iter()) as Addrs)
        })
    }
}

/// Whether an address belongs to the public internet, by the registries of special addresses (RFC 6890).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(v4: Ipv4Addr) -> bool {
    let [a, b, c, _] = v4.octets();
    let special = v4.is_private()
        || v4.is_loopback()
        || v4.is_link_local()
        || v4.is_documentation()
        || v4.is_multicast()
        // This network; shared by carriers; protocol assignments; benchmarks; reserved and broadcast.
        || a == 0
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (18..20).contains(&b))
        || a >= 240;
    !special
}

fn is_public_v6(v6: Ipv6Addr) -> bool {
    let [first, second, ..] = v6.segments();
    // Global unicast without documentation, Teredo, ORCHID and their neighbours (2001::/23), and without IPv4 within
    // IPv6 (2002::/16), which leads wherever its IPv4 address does.
    (first & 0xe000) == 0x2000
        && first != 0x2002
        && !(first == 0x2001 && second < 0x0200)
        && !(first == 0x2001 && second == 0x0db8)
        && !(first == 0x3fff && second < 0x1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(list: &[(&str, Option<u16>)]) -> AllowedHosts {
        let host = |(host, port): &(&str, Option<u16>)| MediaHost { host: (*host).to_owned(), port: *port };
        AllowedHosts::new(&list.iter().map(host).collect::<Vec<_>>())
    }

    #[test]
    fn only_listed_hosts_are_asked() {
        let allowed = hosts(&[("cdn.example", None), ("cdn.example", Some(8443)), ("::1", Some(80))]);
        let yes = [
            "https://cdn.example/a.m4s",
            "http://CDN.example:80/a",
            "https://cdn.example:8443/",
            "http://[::1]/live/1.ts#x",
        ];
        for uri in yes {
            assert!(allowed.check(uri).is_some(), "{uri}");
        }
        let no = [
            "https://cdn.example:444/",
            "https://cdn.example.evil.test/",
            "https://evil.test/cdn.example",
            "https://cdn.example@evil.test/",
            "https://user:key@cdn.example/",
            "https://evil.test\\@cdn.example/",
            "ftp://cdn.example/a",
            "file:///etc/passwd",
            "//cdn.example/a",
            "https://[::1]:81/",
            "",
        ];
        for uri in no {
            assert!(allowed.check(uri).is_none(), "{uri}");
        }
        assert!(allowed.check(&format!("https://cdn.example/{}", "a".repeat(URI_BYTES_MAX))).is_none());
        assert_eq!(allowed.check("http://[::1]/a#b").expect("allowed").as_str(), "http://[::1]/a");
    }

    #[test]
    fn private_addresses_are_asked_only_if_listed_themselves() {
        let allowed = hosts(&[("cdn.example", None), ("10.0.0.7", Some(8080))]);
        for address in ["8.8.8.8", "2606:4700::1111", "10.0.0.7", "::ffff:10.0.0.7"] {
            assert!(allowed.leads_to(address.parse().expect("an address")), "{address}");
        }
        let private = [
            "10.0.0.8",
            "127.0.0.1",
            "169.254.169.254",
            "192.168.1.1",
            "172.16.0.1",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "2002:7f00:1::",
            "64:ff9b::7f00:1",
            "2001:db8::1",
        ];
        for address in private {
            assert!(!allowed.leads_to(address.parse().expect("an address")), "{address}");
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_home_is_not_followed() {
        let lookup = |allowed: AllowedHosts| async move { allowed.resolve("localhost".parse().expect("a name")).await };
        assert!(lookup(hosts(&[("localhost", None)])).await.is_err());
        let found = lookup(hosts(&[("localhost", None), ("127.0.0.1", None)])).await.expect("listed itself");
        assert!(found.into_iter().all(|address| address.ip() == IpAddr::from([127, 0, 0, 1])));
    }
}
