//! Wire protocol and session state machines of Sightline.
//!
//! Owns: every type that crosses the WebSocket ([`wire`]) or the REST API ([`api`]), the bounds on what a peer may send
//! ([`limits`]), the order in which a session and a call may move ([`session`], [`call`]), and the resume rule
//! ([`resume`]). Refuses: sockets, clocks, randomness, databases. The TypeScript side is generated from here by
//! `cargo xtask codegen`.

pub mod api;
pub mod call;
pub mod ids;
pub mod limits;
pub mod load_test;
pub mod resume;
pub mod session;
pub mod timeline;
pub mod verdict;
pub mod wire;

pub use ids::{CallId, CannedReplyId, ConversationId, PictureId, TicketNumber, UserId};
pub use wire::{ClientFrame, ClientMessage, ErrorCode, PROTOCOL_VERSION, ServerMessage};
