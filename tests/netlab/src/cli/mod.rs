//! The command line: `netlab run`, `demo`, and the commands that talk to a laboratory that runs.

mod browser;
mod demo;
mod remote;
mod run;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::units::{Change, KEYS, parse_change};

/// A laboratory for networks: namespaces joined by a bridge that delays, loses, reorders, limits and translates.
///
/// Needs root, Linux and iproute2. `netlab demo` starts the product in one and says what to open; `netlab set` and the others
/// change it meanwhile from another terminal.
#[derive(Parser)]
#[command(name = "netlab", version, arg_required_else_help = true, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start a laboratory and keep it until Ctrl-C.
    Run(run::RunArgs),
    /// Start the product's demo in a laboratory, and say what to open in the viewer's and the agent's site.
    Demo(demo::DemoArgs),
    /// Change a site's line while the laboratory runs.
    #[command(after_help = format!("Settings, each also as up.KEY=VALUE (from the site) or down.KEY=VALUE (to it):\n{KEYS}"))]
    Set(remote::SetArgs),
    /// Show a laboratory's sites, addresses and settings.
    Show(remote::LabArgs),
    /// Show what has passed, was lost, and waits.
    Counters(remote::CountersArgs),
    /// Cut a site's link.
    Down(remote::DownArgs),
    /// Mend a site's link.
    Up(remote::SiteArgs),
    /// Give a site behind address translation new public ports.
    Rebind(remote::RebindArgs),
    /// Run a command in a site.
    Exec(remote::ExecArgs),
    /// Open Chromium in a site, or make a picture of a page there.
    Browser(browser::BrowserArgs),
    /// List the laboratories that run.
    List,
    /// End a laboratory.
    Stop(remote::LabArgs),
}

/// What the caller can mend in the arguments: exit code 2, where other failures have 1.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Usage(String);

/// Parses the arguments and runs the command. Exit code 2 for wrong arguments, 1 for what went wrong afterwards.
#[must_use]
pub fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Run(args) => run::run(args),
        Command::Demo(args) => demo::run(args),
        Command::Set(args) => remote::set(args),
        Command::Show(args) => remote::show(&args),
        Command::Counters(args) => remote::counters(&args),
        Command::Down(args) => remote::down(args),
        Command::Up(args) => remote::up(args),
        Command::Rebind(args) => remote::rebind(args),
        Command::Exec(args) => remote::exec(args),
        Command::Browser(args) => browser::run(args),
        Command::List => remote::list(),
        Command::Stop(args) => remote::stop(&args),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("netlab: {error:#}");
            if error.is::<Usage>() { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}

/// How this program is called again: through cargo (`cargo xtask netlab` says so in the environment), or by its path.
fn called_as() -> String {
    std::env::var("NETLAB_CALLED_AS")
        .or_else(|_| std::env::current_exe().map(|path| path.display().to_string()))
        .unwrap_or_else(|_| "netlab".to_owned())
}

/// `[SITE:]KEY=VALUE`: a change to one site, or to all.
#[derive(Clone, Debug)]
struct SiteChange {
    site: Option<String>,
    change: Change,
}

fn parse_site_change(text: &str) -> Result<SiteChange, String> {
    // A site's name comes before the `=`; Gilbert–Elliott's numbers have colons after it.
    let key = text.split('=').next().unwrap_or_default();
    let (site, rest) = match key.split_once(':') {
        Some((site, _)) => (Some(site.to_owned()), &text[site.len() + 1..]),
        None => (None, text),
    };
    Ok(SiteChange { site, change: parse_change(rest)? })
}
