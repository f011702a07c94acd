//! Where a load test aims, and the rule that it aims at nobody else's machine.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use rustls::ClientConfig;

/// Address of a Sightline server, and whose certificates are believed there.
#[derive(Debug, Clone)]
pub struct Target {
    secure: bool,
    host: String,
    port: u16,
    tls: Option<Arc<ClientConfig>>,
}

/// Why a target was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// The text is no `http://host:port`.
    #[error("{0:?} is not a server address: expected http://HOST:PORT or https://HOST:PORT")]
    Malformed(String),
    /// The name has no address.
    #[error("cannot resolve {host}: {reason}")]
    Resolve {
        /// As given.
        host: String,
        /// The resolver's words.
        reason: String,
    },
    /// An address on the public internet, without the flag that says whose it is.
    #[error(
        "{host} is {ip}, a public address: a load test may hit loopback and private addresses only, unless --i-own-this-host is given"
    )]
    Public {
        /// As given.
        host: String,
        /// What it resolves to.
        ip: IpAddr,
    },
}

impl Target {
    /// Reads `http://host[:port][/]`, `https://host[:port][/]` or `host:port`.
    ///
    /// # Errors
    /// [`TargetError::Malformed`].
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        let malformed = || TargetError::Malformed(text.to_owned());
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        let secure = match scheme {
            "http" | "ws" => false,
            "https" | "wss" => true,
            _ => return Err(malformed()),
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.is_empty() || authority.contains(['/', '?', '#', '@', ' ']) {
            return Err(malformed());
        }
        let (host, port) = split_port(authority).ok_or_else(malformed)?;
        if host.is_empty() {
            return Err(malformed());
        }
        let port = port.unwrap_or(if secure { 443 } else { 80 });
        Ok(Self { secure, host: host.to_owned(), port, tls: None })
    }

    /// The same target with the TLS settings to reach it by. Without them the system's certificate authorities count.
    #[must_use]
    pub fn with_tls(mut self, tls: Arc<ClientConfig>) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Whether it is reached by TLS.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// TLS settings, when some were given.
    #[must_use]
    pub fn tls(&self) -> Option<Arc<ClientConfig>> {
        self.tls.clone()
    }

    /// Name or address, without port.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// A plain target at a known address.
    #[must_use]
    pub fn plain(address: SocketAddr) -> Self {
        Self { secure: false, host: address.ip().to_string(), port: address.port(), tls: None }
    }

    /// `http://host:port`, without a slash at the end.
    #[must_use]
    pub fn base(&self) -> String {
        format!("{}://{}", if self.secure { "https" } else { "http" }, self.authority())
    }

    /// Address of the WebSocket.
    #[must_use]
    pub fn websocket(&self) -> String {
        self.websocket_at("/ws")
    }

    /// Address of a WebSocket at another path.
    #[must_use]
    pub fn websocket_at(&self, path: &str) -> String {
        format!("{}://{}{path}", if self.secure { "wss" } else { "ws" }, self.authority())
    }

    /// `host:port` as a `Host` header has it.
    #[must_use]
    pub fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// Looks the name up; the first address is used.
    ///
    /// # Errors
    /// [`TargetError::Resolve`].
    pub async fn resolve(&self) -> Result<SocketAddr, TargetError> {
        let failed = |reason: String| TargetError::Resolve { host: self.host.clone(), reason };
        if let Ok(ip) = self.host.parse::<IpAddr>() {
            return Ok(SocketAddr::new(ip, self.port));
        }
        let mut found = tokio::net::lookup_host((self.host.as_str(), self.port))
            .await
            .map_err(|error| failed(error.to_string()))?;
        found.next().ok_or_else(|| failed("no address".to_owned()))
    }

    /// Refuses public addresses unless `owned`.
    ///
    /// # Errors
    /// [`TargetError::Public`], or what [`Self::resolve`] says.
    pub async fn check_allowed(&self, owned: bool) -> Result<SocketAddr, TargetError> {
        let address = self.resolve().await?;
        if owned || is_private(address.ip()) {
            return Ok(address);
        }
        Err(TargetError::Public { host: self.host.clone(), ip: address.ip() })
    }
}

/// Whether an address cannot be somebody else's server on the internet: loopback, private, link-local, unique local.
#[must_use]
pub fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => is_private_v4(v4),
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or_else(|| is_private_v6(v6), is_private_v4),
    }
}

fn is_private_v4(ip: Ipv4Addr) -> bool {
    // RFC 6598: 100.64.0.0/10 is shared address space behind a carrier's NAT, used as private by container networks.
    let shared = ip.octets()[0] == 100 && (64..128).contains(&ip.octets()[1]);
    ip.is_loopback() || ip.is_private() || ip.is_link_local() || ip.is_unspecified() || shared
}

fn is_private_v6(ip: Ipv6Addr) -> bool {
    ip.is_loopback() || ip.is_unicast_link_local() || ip.is_unique_local() || ip.is_unspecified()
}

/// Splits a port off; the outer `None` is a port that is no number, the inner one its absence.
fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, after) = rest.split_once(']')?;
        host.parse::<Ipv6Addr>().ok()?;
        return match after.strip_prefix(':') {
            Some(port) => Some((host, Some(port.parse().ok()?))),
            None if after.is_empty() => Some((host, None)),
            None => None,
        };
    }
    match authority.split_once(':') {
        Some((host, port)) => Some((host, Some(port.parse().ok()?))),
        None => Some((authority, None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        let target = Target::parse("http://127.0.0.1:8080/").unwrap();
        assert_eq!(target.base(), "http://127.0.0.1:8080");
        assert_eq!(target.websocket(), "ws://127.0.0.1:8080/ws");
        assert_eq!(Target::parse("localhost:9").unwrap().authority(), "localhost:9");
        assert_eq!(Target::parse("http://[::1]:9").unwrap().authority(), "[::1]:9");
        assert_eq!(Target::parse("http://desk").unwrap().authority(), "desk:80");
        let secure = Target::parse("https://desk").unwrap();
        assert_eq!((secure.base(), secure.websocket()), ("https://desk:443".into(), "wss://desk:443/ws".into()));
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "http://", "ftp://x:1", "http://x:port", "http://x:1/path", "http://[zz]:1", "http://u@x:1"] {
            assert!(matches!(Target::parse(text), Err(TargetError::Malformed(_))), "{text}");
        }
    }

    #[test]
    fn public_addresses_are_told_from_private_ones() {
        for ip in [
            "127.0.0.1",
            "127.9.9.9",
            "10.1.2.3",
            "192.168.0.1",
            "172.16.0.1",
            "100.64.0.1",
            "::1",
            "fe80::1",
            "fd00::1",
            "::ffff:10.0.0.1",
        ] {
            assert!(is_private(ip.parse().unwrap()), "{ip}");
        }
        for ip in ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1", "::ffff:8.8.8.8"] {
            assert!(!is_private(ip.parse().unwrap()), "{ip}");
        }
    }

    #[tokio::test]
    async fn a_public_target_needs_the_flag() {
        let target = Target::parse("http://203.0.113.7:80").unwrap();
        assert!(matches!(target.check_allowed(false).await, Err(TargetError::Public { .. })));
        assert!(target.check_allowed(true).await.is_ok());
    }
}
