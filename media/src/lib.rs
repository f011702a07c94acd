//! Sans-IO selective forwarding unit.
//!
//! This crate owns what happens to media between a publisher's datagram and the receivers' datagrams: transports,
//! rooms, the assignment of sources to receive slots, rewriting of RTP, key frame requests, statistics. It has no
//! socket, clock, thread or randomness of its own: a driver feeds [`Core`] with commands, datagrams and the time, and
//! takes out datagrams, events and the next deadline. `str0m` is known to [`transport`] alone.

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests need a time to begin with"))]

pub mod core;
pub mod forwarding;
pub mod keyframe;
pub mod limits;
pub mod requests;
pub mod room;
pub mod slots;
pub mod source;
pub mod stats;
pub mod stun;
pub mod transport;

pub use crate::core::{Core, CoreConfig, CoreError, Event, Output, PeerKey, RoomKey, SlotUse};
pub use slots::{MediaKind, SourceKind};
pub use stats::ServerSample;
pub use transport::config::{DtlsRole, DtlsVersions, TransportConfig};
