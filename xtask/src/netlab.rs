//! `cargo xtask netlab`: builds the program `netlab` when it is out of date and becomes it, so that its exit code and signals
//! are its own.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use anyhow::Context as _;

/// Becomes `netlab` with these arguments.
///
/// # Errors
/// When cargo cannot be run.
pub(crate) fn run(arguments: &[OsString]) -> anyhow::Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let error = Command::new(cargo)
        .args(["run", "--quiet", "--package", "sightline-netlab", "--"])
        .args(arguments)
        .env("NETLAB_CALLED_AS", "cargo xtask netlab")
        .exec();
    Err(error).context("cannot run cargo")
}
