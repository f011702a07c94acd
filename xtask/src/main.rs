//! Chores of the repository, run as `cargo xtask <chore>`.

mod codegen;
mod netlab;
mod tidy;

use std::ffi::OsString;
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
    /// The network laboratory (docs/netlab.md): `cargo xtask netlab --help`.
    #[command(disable_help_flag = true)]
    Netlab {
        /// Arguments of the program `netlab`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
}

fn main() -> ExitCode {
    let done = match Chore::parse() {
        Chore::Codegen { check } => codegen::run(check),
        Chore::Tidy => tidy::run(),
        Chore::Netlab { arguments } => netlab::run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
