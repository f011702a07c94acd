//! What a load test can play.

pub mod chat;
pub mod connect;
mod crew;
mod pace;

pub use indicatif::ProgressBar;
pub use pace::{Pace, Stop, source_address};

use signaling::wire::Page;

/// The page that bots say to be on.
#[must_use]
pub fn bot_page() -> Page {
    Page {
        url: "http://loadtest.invalid/".to_owned(),
        title: "Load test".to_owned(),
        client: concat!("sightline-loadtest ", env!("CARGO_PKG_VERSION")).to_owned(),
    }
}
