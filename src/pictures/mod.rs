//! Pictures in chats: what may be one ([`sniff`]), where their bytes lie, and how one comes in.
//!
//! A picture's bytes are in the object store before its entry is committed, so an entry always has its bytes. What a crash
//! left without an entry is removed at the next start.

mod files;
mod intake;
mod places;
pub mod sniff;

pub use files::{PictureError, PictureFiles};
pub use intake::Pictures;
pub use places::Place;
