//! Calls: joins the desk's records with the media of this node.
//!
//! A call lives on the node of the agent who invited, in the room of that agent's warm connection. [`Calls`] keeps the
//! running ones in memory, writes every change to the store before it tells anyone, and ends what cannot go on. The
//! sessions of both ends reach it by [`crate::cluster::CallCommand`], wherever they are.

mod agents;
mod commands;
mod ends;
mod events;
mod first_rate;
mod guests;
mod live;
mod phases;
mod samples;
mod service;

pub use service::{Calls, media_refusal};
