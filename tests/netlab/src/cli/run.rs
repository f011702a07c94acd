//! `netlab run`: a laboratory that lasts until a signal, the end of standard input, or `netlab stop`.

use std::io::Write as _;
use std::os::fd::AsRawFd as _;
use std::process::ExitCode;

use super::{SiteChange, Usage, parse_site_change};
use crate::lab::{Lab, LabOptions, SiteOptions};
use crate::units::KEYS;
use crate::{lab, sys};

/// Arguments of `run`.
#[derive(clap::Args, Debug)]
#[command(after_help = format!("Settings, each also as up.KEY=VALUE (from the site) or down.KEY=VALUE (to it):\n{KEYS}"))]
pub(super) struct RunArgs {
    /// Sites beside the server's [default: viewer, agent].
    #[arg(long = "site", value_name = "NAME")]
    sites: Vec<String>,
    /// Decides which packets are lost, held back and doubled.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print the laboratory as one line of JSON when it is ready.
    #[arg(long)]
    json: bool,
    /// End when standard input is closed: when the program that started this one has ended, however it did.
    #[arg(long)]
    until_stdin_closes: bool,
    /// Let the bridge run as an ordinary thread.
    #[arg(long)]
    no_real_time: bool,
    /// Settings of all sites, or of one: rtt=100ms, viewer:up.rate=2mbit.
    #[arg(value_name = "[SITE:]KEY=VALUE", value_parser = parse_site_change)]
    changes: Vec<SiteChange>,
}

pub(super) fn run(args: RunArgs) -> anyhow::Result<ExitCode> {
    let names = if args.sites.is_empty() { vec!["viewer".to_owned(), "agent".to_owned()] } else { args.sites };
    let sites = sites(&names, &args.changes)?;
    let signals = sys::signals()?;
    let lab = Lab::start(LabOptions { sites, seed: args.seed, real_time: !args.no_real_time })?;
    if args.json {
        println!("{}", serde_json::to_string(lab.view())?);
    } else {
        println!("Laboratory {} is ready.\n", lab.view().id);
        super::remote::print_view(lab.view());
        println!(
            "\n  Change a line     {me} set {0} rtt=100ms loss=2% up.rate=500kbit\n  Look              {me} counters\n  Run something     {me} exec {0} -- curl http://{1}/\n\nCtrl-C ends it.",
            names[0],
            lab.view().server.address,
            me = super::called_as()
        );
    }
    std::io::stdout().flush()?;
    let mut fds = vec![signals.as_raw_fd(), lab.ended_fd()];
    if args.until_stdin_closes {
        fds.push(libc::STDIN_FILENO);
    }
    loop {
        let ready = sys::wait_for_any(&fds)?;
        if ready[0] || ready[1] {
            break;
        }
        // What is written there is of no use; its end is.
        if sys::read(libc::STDIN_FILENO, &mut [0; 512]).is_ok_and(|count| count == 0) {
            break;
        }
    }
    lab.finish()
}

/// Sites with their settings.
pub(super) fn sites(names: &[String], changes: &[SiteChange]) -> anyhow::Result<Vec<SiteOptions>> {
    if let Some(stranger) = changes.iter().filter_map(|one| one.site.as_ref()).find(|site| !names.contains(site)) {
        return Err(Usage(format!("no site {stranger}; there are: {}", names.join(", "))).into());
    }
    let site = |name: &String| {
        let mut site = SiteOptions { name: name.clone(), ..SiteOptions::default() };
        for one in changes.iter().filter(|one| one.site.as_ref().is_none_or(|wanted| wanted == name)) {
            site.up = site.up.merged(&one.change.up)?;
            site.down = site.down.merged(&one.change.down)?;
            site.nat = one.change.nat.unwrap_or(site.nat);
        }
        Ok(site)
    };
    let sites = names.iter().map(site).collect::<anyhow::Result<Vec<_>>>()?;
    lab::check(&sites).map_err(|error| Usage(format!("{error:#}")))?;
    Ok(sites)
}
