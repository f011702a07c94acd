//! Configuration: a TOML file becomes checked values, or an error that names the line.
//!
//! `config.sample.toml` documents every key. Knows nothing of the rest of the server.

mod load;
mod values;

pub use load::{ConfigError, load, parse};
pub use values::{Address, Codec, DatabaseLocation, Ffmpeg, MediaHost, Network, Origin};

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use serde::Deserialize;

/// Everything that can be configured. Missing keys have the defaults of `config.sample.toml`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Web server.
    pub http: Http,
    /// Media.
    pub media: Media,
    /// Where data lives.
    pub storage: Storage,
    /// Who may chat.
    pub viewers: Viewers,
    /// Bounds.
    pub limits: Limits,
    /// Why does it stutter.
    pub diagnosis: Diagnosis,
    /// This node among others.
    pub node: Node,
}

/// Web server.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    /// Address and port to listen on; port 0 takes a free one and prints it.
    pub bind: Address,
    /// PEM certificate chain; with `tls_key` the server speaks https and wss.
    pub tls_cert: Option<PathBuf>,
    /// PEM private key.
    pub tls_key: Option<PathBuf>,
    /// Origins of the pages that embed the widget. The server's own origin is always allowed.
    pub allowed_origins: Vec<Origin>,
    /// Networks of reverse proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            bind: Address(SocketAddr::from((Ipv4Addr::LOCALHOST, 8080))),
            tls_cert: None,
            tls_key: None,
            allowed_origins: Vec::new(),
            trusted_proxies: Vec::new(),
        }
    }
}

/// Media.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Media {
    /// Address the UDP sockets bind to.
    pub bind: IpAddr,
    /// Addresses that clients are told; empty: the bind address, or all addresses of the machine when it is unspecified.
    pub external_addresses: Vec<IpAddr>,
    /// First UDP port; worker i uses `first_port` + i. 0 takes free ones.
    pub first_port: u16,
    /// Worker threads, each with one UDP port; 0: one per core, at most 4.
    pub workers: usize,
    /// Video codecs in order of preference.
    pub video_codecs: Vec<Codec>,
    /// Bitrate that a sender is told to start with, kbit/s; 0: leave it to the browser.
    pub start_bitrate_kbps: u32,
}

impl Default for Media {
    fn default() -> Self {
        Self {
            bind: IpAddr::V4(Ipv4Addr::LOCALHOST),
            external_addresses: Vec::new(),
            first_port: 0,
            workers: 0,
            video_codecs: vec![Codec::Vp8, Codec::Vp9, Codec::H264, Codec::Av1],
            start_bitrate_kbps: 2000,
        }
    }
}

/// Where data lives.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Storage {
    /// Folder of the embedded database, telemetry segments and generated secrets.
    pub data: PathBuf,
    /// `sqlite` (a file in `data`) or `postgres://user:password@host/name`.
    pub database: DatabaseLocation,
    /// Days that raw samples stay; those of pinned tickets stay for good.
    pub samples_days: u32,
    /// Months that the diagnoses of resolved tickets stay, likewise.
    pub diagnoses_months: u32,
}

impl Default for Storage {
    fn default() -> Self {
        Self {
            data: PathBuf::from("data"),
            database: DatabaseLocation::Embedded,
            samples_days: 30,
            diagnoses_months: 13,
        }
    }
}

/// Who may chat.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Viewers {
    /// Whether viewers without a host-signed token may chat.
    pub anonymous: bool,
}

impl Default for Viewers {
    fn default() -> Self {
        Self { anonymous: true }
    }
}

/// Bounds of the public port. Each has its reason in `config.sample.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// WebSockets at once.
    pub sockets_max: usize,
    /// WebSockets at once from one address.
    pub sockets_per_address_max: usize,
    /// New WebSockets a minute from one address.
    pub connects_per_address_per_minute: u32,
    /// Messages a second of one socket, on average; bursts of five times as many pass.
    pub messages_per_second: u32,
    /// Sign-in attempts a minute from one address.
    pub sign_ins_per_address_per_minute: u32,
    /// New tickets a minute from one address, of viewers without a signed token.
    pub tickets_per_address_per_minute: u32,
    /// Pictures uploaded a minute from one address.
    pub pictures_per_address_per_minute: u32,
    /// Seconds that an end of a call may be away, its socket or media path broken without a goodbye.
    pub away_seconds_max: u32,
    /// Peer connections of one media worker.
    pub peers_per_worker_max: usize,
    /// Rooms of one media worker.
    pub rooms_per_worker_max: usize,
    /// Seconds that running calls may go on when the server is told to end.
    pub drain_seconds: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sockets_max: 15_000,
            sockets_per_address_max: 500,
            connects_per_address_per_minute: 600,
            messages_per_second: 100,
            sign_ins_per_address_per_minute: 10,
            tickets_per_address_per_minute: 30,
            pictures_per_address_per_minute: 60,
            away_seconds_max: 90,
            peers_per_worker_max: 1_000,
            rooms_per_worker_max: 500,
            drain_seconds: 10,
        }
    }
}

/// Why does it stutter: what this server may look at by itself.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Diagnosis {
    /// Hosts of streams, from which a segment may be fetched that a viewer in trouble has just played. Empty: none is.
    pub reference_hosts: Vec<MediaHost>,
    /// What looks into the pictures of such a segment.
    pub ffmpeg: Ffmpeg,
    /// Bytes of one answer, MiB.
    pub reference_mib_max: u32,
    /// Seconds that one answer may take.
    pub reference_seconds_max: u32,
    /// Segments that are looked at, at once.
    pub references_at_once_max: u32,
}

impl Default for Diagnosis {
    fn default() -> Self {
        Self {
            reference_hosts: Vec::new(),
            ffmpeg: Ffmpeg::Auto,
            reference_mib_max: 8,
            reference_seconds_max: 10,
            references_at_once_max: 4,
        }
    }
}

/// This node among others.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Node {
    /// Name; stays the same over restarts, so that the node can end the calls it had. Default: made once and kept.
    pub name: Option<String>,
}
