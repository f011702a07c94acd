//! Server.

pub mod clock;
pub mod demo;

pub mod storage;
