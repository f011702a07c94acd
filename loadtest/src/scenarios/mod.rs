//! What a load test can play.

pub mod capacity;
pub mod chat;
pub mod connect;
mod crew;
pub mod foreign;
mod guests;
pub mod idle;
mod journey;
mod pace;
pub mod reporters;
mod stop;
pub mod storm;

use std::net::IpAddr;
use std::sync::Arc;

pub use indicatif::ProgressBar;
pub use pace::{Pace, source_address};
pub use stop::{Stop, StopReason, StopSwitch};

use signaling::wire::Page;

use crate::client::{DialOptions, ViewerOptions, random_key};
use crate::target::Target;

/// Where bots go, and as whom.
#[derive(Debug, Clone)]
pub struct Aim {
    /// The server.
    pub target: Target,
    /// Its address.
    pub address: IpAddr,
    /// API key, sent with every upgrade.
    pub api_key: Option<Arc<str>>,
    /// Viewer tokens, used by turns; anonymous viewers when empty.
    pub tokens: Vec<String>,
}

impl Aim {
    /// How client `n` dials: from an address of its own towards loopback.
    #[must_use]
    pub fn dial(&self, n: u64) -> DialOptions {
        DialOptions { from: source_address(self.address, n), api_key: self.api_key.clone(), ..DialOptions::default() }
    }

    /// How viewer `n` of a large run presents itself: a new conversation, entries counted and not kept.
    #[must_use]
    pub fn viewer(&self, n: u64) -> ViewerOptions {
        let turn = usize::try_from(n).unwrap_or(0) % self.tokens.len().max(1);
        ViewerOptions {
            key: random_key(),
            token: self.tokens.get(turn).cloned(),
            page: Some(bot_page()),
            dial: self.dial(n),
            keep_entries: false,
            ..ViewerOptions::default()
        }
    }

    /// An address of ours that reaches the target, for media.
    #[must_use]
    pub fn local_address(&self) -> IpAddr {
        if self.address.is_loopback() {
            return self.address;
        }
        let any: IpAddr = if self.address.is_ipv4() { [0, 0, 0, 0].into() } else { [0_u16; 8].into() };
        // Connecting a UDP socket sends nothing; it asks the routing table.
        let probe = std::net::UdpSocket::bind((any, 0)).and_then(|socket| {
            socket.connect((self.address, 9))?;
            socket.local_addr()
        });
        probe.map_or(any, |address| address.ip())
    }
}

/// The page that bots say to be on.
#[must_use]
pub fn bot_page() -> Page {
    Page {
        url: "http://loadtest.invalid/".to_owned(),
        title: "Load test".to_owned(),
        client: concat!("sightline-loadtest ", env!("CARGO_PKG_VERSION")).to_owned(),
    }
}
