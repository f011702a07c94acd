//! The demo: a live event to watch, a few tickets to look at, a few viewers who write. In demo mode alone; nothing in
//! the rest of the server knows of it but the place that starts it.

pub mod clip;
pub mod scripts;
pub mod stream;
