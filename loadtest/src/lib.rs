//! Headless clients and load scenarios for Sightline.
//!
//! Owns: a WebSocket client that speaks `docs/protocol.md` ([`client`]), a media client on its own UDP socket
//! ([`engine`]), the scenarios an operator runs before opening a desk ([`scenarios`]), their figures ([`report`]) and the
//! conditions on them ([`assertion`]). Refuses: the server's own crates and the `media` crate, so that no bug hides at
//! both ends. The end-to-end tests of the server use this library as their clients.

pub mod assertion;
pub mod call;
pub mod cli;
pub mod client;
pub mod engine;
pub mod faults;
pub mod fleet;
pub mod foreign;
pub mod report;
pub mod scenarios;
pub mod target;
pub mod watch;
