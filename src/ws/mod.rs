//! WebSockets: the upgrade, the loop of one socket, and what viewers and agents may do on it.

mod agent;
mod blocks;
mod link;
mod preflight;
mod requests;
mod sessions;
mod socket;
mod viewer;

pub use sessions::Sessions;
pub use socket::upgrade;
