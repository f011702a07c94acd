//! Chores of the repository, run as `cargo xtask <chore>`.

mod codegen;
mod tidy;

use std::process::ExitCode;

use clap::Parser;

/// Chores of the repository.
#[derive(Parser)]
#[command(name = "cargo xtask")]
enum Chore {
    /// Write the TypeScript side of the wire protocol (or only check it).
    Codegen {
        /// Fail when the file on disk is out of date instead of writing it.
        #[arg(long)]
        check: bool,
    },
    /// Check what compilers do not: who may know whom, how files open, how long they and their functions are.
    Tidy,
}

fn main() -> ExitCode {
    let done = match Chore::parse() {
        Chore::Codegen { check } => codegen::run(check),
        Chore::Tidy => tidy::run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
