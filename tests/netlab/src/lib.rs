//! A laboratory for networks: namespaces joined by TUN devices and a bridge in user space that delays, loses, reorders,
//! doubles, limits and translates, seeded and changeable while it runs. docs/netlab.md tells how to use it.
//!
//! The rules are pure and tested by themselves ([`settings`], [`dice`], [`mod@line`], [`packet`], [`nat`], [`hub`]); the rest
//! needs Linux and root: devices and namespaces ([`lab`]), the bridge's loop, and its control socket ([`control`]).

mod bridge;
mod certificate;
pub mod cli;
pub mod control;
pub mod counters;
pub mod dice;
pub mod hub;
pub mod lab;
pub mod line;
pub mod namespaces;
pub mod nat;
pub mod packet;
pub mod protocol;
pub mod registry;
pub mod settings;
pub mod sys;
pub mod units;
