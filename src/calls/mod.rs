//! Calls: joins the desk's records with the media of this node.
//!
//! A call lives on the node of the agent who invited, in the room of that agent's warm connection. [`Calls`] keeps the
//! running ones in memory, writes every change to the store before it tells anyone, and ends what cannot go on. The
//! sessions of both ends reach it by [`crate::cluster::CallCommand`], wherever they are.

mod agents;
mod commands;
mod events;
mod first_rate;
mod live;
mod phases;
mod samples;
mod service;

pub use service::Calls;

/// How long a client whose socket broke without a goodbye may come back, ms. Longer than a lift ride or a switch from
/// Wi-Fi to mobile, short enough that the other side is not left wondering.
const GRACE_MS: i64 = 20_000;
