//! The program `netlab`.

use std::process::ExitCode;

fn main() -> ExitCode {
    netlab::cli::main()
}
