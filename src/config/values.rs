//! Checked values: each parses from its text and says what is wrong with it.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use serde::Deserialize;

macro_rules! parsed_from_text {
    ($type:ident) => {
        impl TryFrom<String> for $type {
            type Error = String;
            fn try_from(text: String) -> Result<Self, String> {
                Self::parse(&text)
            }
        }
    };
}

/// `address:port` to listen on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Address(pub SocketAddr);
parsed_from_text!(Address);

impl Address {
    fn parse(text: &str) -> Result<Self, String> {
        text.parse().map(Self).map_err(|_| format!("\"{text}\" is not an address and port such as 127.0.0.1:8080"))
    }
}

/// Web origin such as `https://www.example.com`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Origin(pub String);
parsed_from_text!(Origin);

impl Origin {
    fn parse(text: &str) -> Result<Self, String> {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        match rest {
            Some(host) if !host.is_empty() && !host.contains(['/', '?', '#', ' ', '*']) => {
                Ok(Self(text.to_ascii_lowercase()))
            }
            _ => Err(format!("\"{text}\" is not an origin such as https://www.example.com (no path, no wildcard)")),
        }
    }
}

/// A host of media, as it stands in addresses: a name or an IP address, with a port unless it is the scheme's own.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct MediaHost {
    /// Name in lower case, or an address; IPv6 without brackets.
    pub host: String,
    /// Port; `None`: 443 of https, 80 of http.
    pub port: Option<u16>,
}
parsed_from_text!(MediaHost);

impl MediaHost {
    fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "\"{text}\" is not a host such as cdn.example.com or cdn.example.com:8443 (no scheme, path, wildcard)"
            )
        };
        let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, "")) => (host, None),
            Some((host, rest)) => (host, Some(rest.strip_prefix(':').ok_or_else(wrong)?)),
            None if text.parse::<IpAddr>().is_ok() => (text, None),
            None => match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            },
        };
        let port = port.map(|port| port.parse().ok().filter(|port| *port > 0).ok_or_else(wrong)).transpose()?;
        let bracketed = text.starts_with('[');
        let named = !bracketed
            && !host.is_empty()
            && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'));
        match host.parse::<IpAddr>() {
            Ok(address) => Ok(Self { host: address.to_string(), port }),
            Err(_) if named => Ok(Self { host: host.to_ascii_lowercase(), port }),
            Err(_) => Err(wrong()),
        }
    }
}

/// Which ffmpeg looks into segments.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Ffmpeg {
    /// The one that is found in `PATH`, if there is one.
    Auto,
    /// None: a segment's timing alone is measured.
    Off,
    /// This program.
    Program(PathBuf),
}
parsed_from_text!(Ffmpeg);

impl Ffmpeg {
    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "off" => Ok(Self::Off),
            path if path.starts_with('/') => Ok(Self::Program(PathBuf::from(path))),
            _ => Err(format!("\"{text}\" is not \"auto\", \"off\" or an absolute path such as /usr/bin/ffmpeg")),
        }
    }
}

/// A network in CIDR form, or a single address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}
parsed_from_text!(Network);

impl Network {
    fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("\"{text}\" is not a network such as 10.0.0.0/8");
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse::<u8>().map_err(|_| wrong())?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.unwrap_or(bits);
        if prefix > bits {
            return Err(wrong());
        }
        Ok(Self { address, prefix })
    }

    /// Whether `address` lies in this network. IPv4-mapped IPv6 addresses count as IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let keep = |bits: u32, value: u128, other: u128| {
            let shift = bits - u32::from(self.prefix);
            shift >= bits || (value >> shift) == (other >> shift)
        };
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(mine), IpAddr::V4(theirs)) => {
                keep(32, u128::from(u32::from(mine)), u128::from(u32::from(theirs)))
            }
            (IpAddr::V6(mine), IpAddr::V6(theirs)) => keep(128, u128::from(mine), u128::from(theirs)),
            _ => false,
        }
    }
}

/// A video codec the server forwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Codec {
    /// RFC 7741.
    Vp8,
    /// RFC 9628.
    Vp9,
    /// RFC 6184.
    H264,
    /// AV1 RTP payload format.
    Av1,
}
parsed_from_text!(Codec);

impl Codec {
    fn parse(text: &str) -> Result<Self, String> {
        match text.to_ascii_uppercase().as_str() {
            "VP8" => Ok(Self::Vp8),
            "VP9" => Ok(Self::Vp9),
            "H264" | "H.264" => Ok(Self::H264),
            "AV1" => Ok(Self::Av1),
            _ => Err(format!("\"{text}\" is not one of VP8, VP9, H264, AV1")),
        }
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Vp8 => "VP8",
            Self::Vp9 => "VP9",
            Self::H264 => "H264",
            Self::Av1 => "AV1",
        })
    }
}

/// Which database.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum DatabaseLocation {
    /// SQLite in the data folder.
    Embedded,
    /// PostgreSQL by its URL.
    Postgres(String),
}
parsed_from_text!(DatabaseLocation);

impl DatabaseLocation {
    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "sqlite" => Ok(Self::Embedded),
            url if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
                Ok(Self::Postgres(url.to_owned()))
            }
            _ => Err("database must be \"sqlite\" or a postgres:// URL".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_contain_what_they_should() {
        let net = Network::parse("10.1.0.0/16").expect("parses");
        assert!(net.contains("10.1.200.3".parse().expect("address")));
        assert!(net.contains("::ffff:10.1.2.3".parse().expect("address")));
        assert!(!net.contains("10.2.0.1".parse().expect("address")));
        assert!(Network::parse("0.0.0.0/0").expect("parses").contains("9.9.9.9".parse().expect("address")));
        assert!(Network::parse("::1").expect("parses").contains("::1".parse().expect("address")));
        assert!(Network::parse("10.0.0.0/33").is_err());
    }

    #[test]
    fn origins_have_no_path_and_no_wildcard() {
        assert!(Origin::parse("https://a.example").is_ok());
        assert!(Origin::parse("https://a.example/x").is_err());
        assert!(Origin::parse("*").is_err());
    }

    #[test]
    fn hosts_of_media_are_exact() {
        let parsed = |text: &str| MediaHost::parse(text).map(|host| (host.host, host.port));
        assert_eq!(parsed("CDN.example.com"), Ok(("cdn.example.com".to_owned(), None)));
        assert_eq!(parsed("cdn.example.com:8443"), Ok(("cdn.example.com".to_owned(), Some(8443))));
        assert_eq!(parsed("[::1]:80"), Ok(("::1".to_owned(), Some(80))));
        assert_eq!(parsed("::1"), Ok(("::1".to_owned(), None)));
        for wrong in
            ["", "*", "https://a.example", "a.example/x", "a.example:0", "a.example:99999", "[::1", "a@b", "[x]"]
        {
            assert!(MediaHost::parse(wrong).is_err(), "{wrong}");
        }
        assert_eq!(Ffmpeg::parse("off"), Ok(Ffmpeg::Off));
        assert!(Ffmpeg::parse("ffmpeg").is_err());
    }
}
