//! Sightline's server: the only crate with sockets, clocks and databases.
//!
//! [`server::Server`] puts the parts together; `ARCHITECTURE.md` says who may know whom.

pub mod app;
pub mod auth;
pub mod calls;
pub mod cli;
pub mod clock;
pub mod cluster;
pub mod config;
pub mod demo;
pub mod doorman;
pub mod gate;
pub mod http;
pub mod media_driver;
pub mod pictures;
pub mod pressure;
pub mod process;
pub mod random;
pub mod references;
pub mod server;
pub mod storage;
pub mod support;
pub mod telemetry;
pub mod verdicts;
pub mod ws;
