//! The load test's program: parses, runs, exits.

use std::process::ExitCode;

use clap::Parser;
use loadtest::cli::{Cli, run};

#[tokio::main]
async fn main() -> ExitCode {
    run(Cli::parse()).await
}
