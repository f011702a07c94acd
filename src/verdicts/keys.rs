//! What viewers may share: their edge, stream, network, device.

use std::net::IpAddr;

use diagnosis::Trace;
use signaling::verdict::IncidentScope as Scope;

use super::crowd::{Keys, SCOPES};

/// What the newest samples of a page tell; its network and stream are known elsewhere.
#[must_use]
pub fn of_trace(trace: &Trace) -> Keys {
    let device = trace.device.iter().next_back().map(|(_, device)| device);
    let edge = trace.segments.iter().rev().find_map(|segment| segment.host.clone());
    let kind = device.and_then(|device| match (&device.browser, &device.system) {
        (Some(browser), Some(system)) => Some(format!("{browser} / {system}")),
        (one, other) => one.clone().or_else(|| other.clone()),
    });
    SCOPES.map(|scope| match scope {
        Scope::Edge => edge.clone(),
        Scope::Decoder => device.and_then(|device| device.decoder.clone()),
        Scope::Device => kind.clone(),
        Scope::App => device.and_then(|device| device.app.clone()),
        Scope::Region => device.and_then(|device| device.time_zone.clone()),
        Scope::Stream | Scope::Network => None,
    })
}

/// The network of an address: its /24, or of IPv6 its /48. Nothing finer is kept.
#[must_use]
pub fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(address) => {
            let [a, b, c, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}::/48")
        }
    }
}

/// The page of a stream: its address without query and fragment, which may hold what is private.
#[must_use]
pub fn stream(page: &str) -> String {
    page.split(['?', '#']).next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_no_finer_than_promised() {
        assert_eq!(network("203.0.113.77".parse().expect("an address")), "203.0.113.0/24");
        assert_eq!(network("2001:db8:1:2::7".parse().expect("an address")), "2001:db8:1::/48");
        assert_eq!(network("::ffff:10.1.2.3".parse().expect("an address")), "10.1.2.0/24");
        assert_eq!(stream("https://tv.example/live?user=7#t"), "https://tv.example/live");
    }
}
