//! The commands that talk to a laboratory that runs.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::Context as _;

use super::Usage;
use crate::control::Control;
use crate::counters::Counters;
use crate::lab::SERVER;
use crate::protocol::{LabView, Request};
use crate::registry::{self, Record};
use crate::settings::LineSettings;
use crate::sys;
use crate::units::{Change, parse_change};

/// Which laboratory.
#[derive(clap::Args, Debug)]
pub(super) struct LabArgs {
    /// The laboratory, when several run (see `netlab list`).
    #[arg(long = "lab", value_name = "ID")]
    pub(super) lab: Option<String>,
}

/// Which site.
#[derive(clap::Args, Debug)]
pub(super) struct SiteArgs {
    #[command(flatten)]
    lab: LabArgs,
    /// The site.
    site: String,
}

/// Arguments of `set`.
#[derive(clap::Args, Debug)]
pub(super) struct SetArgs {
    #[command(flatten)]
    lab: LabArgs,
    /// The site, or "all".
    site: String,
    /// What to change; the rest stays.
    #[arg(value_name = "KEY=VALUE", required = true, value_parser = parse_change)]
    changes: Vec<Change>,
}

/// Arguments of `counters`.
#[derive(clap::Args, Debug)]
pub(super) struct CountersArgs {
    #[command(flatten)]
    lab: LabArgs,
    /// This site alone.
    site: Option<String>,
    /// As JSON.
    #[arg(long)]
    json: bool,
    /// Set them to zero afterwards.
    #[arg(long)]
    reset: bool,
}

/// Arguments of `down`.
#[derive(clap::Args, Debug)]
pub(super) struct DownArgs {
    #[command(flatten)]
    site: SiteArgs,
    /// Show it inside the site, as a pulled cable does; otherwise packets vanish and nobody is told.
    #[arg(long)]
    carrier: bool,
}

/// Arguments of `rebind`.
#[derive(clap::Args, Debug)]
pub(super) struct RebindArgs {
    #[command(flatten)]
    site: SiteArgs,
    /// For TCP too, which breaks its connections.
    #[arg(long)]
    tcp: bool,
    /// Change the public address too, which breaks all of them.
    #[arg(long)]
    address: bool,
}

/// Arguments of `exec`.
#[derive(clap::Args, Debug)]
pub(super) struct ExecArgs {
    #[command(flatten)]
    site: SiteArgs,
    /// The command and its arguments.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// A laboratory, its control connection, and what it looks like.
pub(super) struct Found {
    pub(super) record: Record,
    pub(super) control: Control,
    pub(super) view: LabView,
}

impl LabArgs {
    pub(super) fn find(&self) -> anyhow::Result<Found> {
        let record = registry::find(self.lab.as_deref())?;
        let mut control = Control::connect(&registry::control_socket(&record.id))?;
        let view = control.get()?;
        Ok(Found { record, control, view })
    }
}

impl Found {
    /// The sites that a name means.
    fn sites(&self, name: &str) -> anyhow::Result<Vec<String>> {
        let all: Vec<String> = self.view.sites.iter().map(|site| site.name.clone()).collect();
        match name {
            "all" => Ok(all),
            name if all.iter().any(|site| site == name) => Ok(vec![name.to_owned()]),
            _ => Err(Usage(format!("no site {name}; there are: {}", all.join(", "))).into()),
        }
    }

    /// The namespace of a site; also of the server's.
    pub(super) fn namespace(&self, name: &str) -> anyhow::Result<PathBuf> {
        if name == SERVER {
            return Ok(self.view.server.namespace.clone().into());
        }
        let site = self.view.sites.iter().find(|site| site.name == name);
        match site {
            Some(site) => Ok(site.place.namespace.clone().into()),
            None => {
                let all = self.view.sites.iter().map(|site| site.name.as_str()).collect::<Vec<_>>().join(", ");
                Err(Usage(format!("no site {name}; there are: {SERVER}, {all}")).into())
            }
        }
    }
}

pub(super) fn set(args: SetArgs) -> anyhow::Result<ExitCode> {
    let mut found = args.lab.find()?;
    let mut change = Change::default();
    args.changes.into_iter().for_each(|one| change.extend(one));
    for site in found.sites(&args.site)? {
        let Change { up, down, nat } = change.clone();
        found.control.ask(&Request::Set { site, up: Some(up), down: Some(down), nat })?;
    }
    print_view(&found.control.get()?);
    Ok(ExitCode::SUCCESS)
}

pub(super) fn show(args: &LabArgs) -> anyhow::Result<ExitCode> {
    print_view(&args.find()?.view);
    Ok(ExitCode::SUCCESS)
}

pub(super) fn counters(args: &CountersArgs) -> anyhow::Result<ExitCode> {
    let mut found = args.lab.find()?;
    if let Some(site) = &args.site {
        found.sites(site)?;
    }
    let site = args.site.clone().filter(|site| site != "all");
    let answer = found.control.ask(&Request::Counters { site, reset: args.reset })?;
    let counters = answer.counters.context("an answer without counters")?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&counters)?);
        return Ok(ExitCode::SUCCESS);
    }
    for site in &counters.sites {
        print_counters(&site.name, "up", &site.up);
        print_counters(&site.name, "down", &site.down);
    }
    println!(
        "for nobody: {} packets; without an address mapping: {}; refused by a device: {}",
        counters.unroutable, counters.untranslated, counters.refused
    );
    Ok(ExitCode::SUCCESS)
}

pub(super) fn down(args: DownArgs) -> anyhow::Result<ExitCode> {
    each(&args.site, |site| Request::Down { site, carrier: args.carrier })
}

pub(super) fn up(args: SiteArgs) -> anyhow::Result<ExitCode> {
    each(&args, |site| Request::Up { site })
}

pub(super) fn rebind(args: RebindArgs) -> anyhow::Result<ExitCode> {
    each(&args.site, |site| Request::Rebind { site, tcp: args.tcp, address: args.address })
}

pub(super) fn stop(args: &LabArgs) -> anyhow::Result<ExitCode> {
    args.find()?.control.ask(&Request::Quit)?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn list() -> anyhow::Result<ExitCode> {
    let living = registry::living();
    if living.is_empty() {
        println!("no laboratory runs");
    }
    for record in living {
        println!("{}  10.213.{}.0/24  {}", record.id, record.number, record.url.unwrap_or_default());
    }
    Ok(ExitCode::SUCCESS)
}

/// Becomes the command.
pub(super) fn exec(args: ExecArgs) -> anyhow::Result<ExitCode> {
    let found = args.site.lab.find()?;
    let namespace = found.namespace(&args.site.site)?;
    sys::enter_namespace(&namespace).with_context(|| format!("cannot enter {}", namespace.display()))?;
    let (program, rest) = args.command.split_first().context("no command")?;
    let error = Command::new(program).args(rest).exec();
    Err(error).with_context(|| format!("cannot run {}", program.display()))
}

fn each(args: &SiteArgs, request: impl Fn(String) -> Request) -> anyhow::Result<ExitCode> {
    let mut found = args.lab.find()?;
    for site in found.sites(&args.site)? {
        found.control.ask(&request(site))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints sites, addresses and settings.
pub(super) fn print_view(view: &LabView) {
    println!("  {:<16}{:<16}namespace {}", SERVER, view.server.address, name(&view.server.namespace));
    for site in &view.sites {
        let public = site.public_address.as_ref().map(|address| format!(" seen as {address}")).unwrap_or_default();
        let cut = if site.is_up { "" } else { " CUT" };
        println!("  {:<16}{:<16}namespace {}{public}{cut}", site.name, site.place.address, name(&site.place.namespace));
        println!("    up            {}\n    down          {}", describe(&site.up), describe(&site.down));
    }
    if !view.real_time {
        println!("  The bridge runs as an ordinary thread: on a busy machine delays are less exact.");
    }
}

fn name(namespace: &str) -> &str {
    namespace.rsplit('/').next().unwrap_or(namespace)
}

/// Settings in words, those that change nothing left out.
fn describe(settings: &LineSettings) -> String {
    let mut words = Vec::new();
    let mut add = |on: bool, word: String| words.extend(on.then_some(word));
    add(settings.delay_ms > 0.0, format!("{} ms", settings.delay_ms));
    let kind = if settings.jitter_reorders { " that reorders" } else { "" };
    add(settings.jitter_ms > 0.0, format!("jitter up to {} ms{kind}", settings.jitter_ms));
    add(settings.loss > 0.0, format!("loss {} %", percent(settings.loss)));
    if let Some(chain) = settings.gilbert_elliott {
        add(true, format!("bursts of loss, {} % in all", percent(chain.expected_loss())));
    }
    let held = format!("{} % held back {} ms", percent(settings.reorder), settings.reorder_by_ms);
    add(settings.reorder > 0.0, held);
    add(settings.duplicate > 0.0, format!("{} % doubled", percent(settings.duplicate)));
    if let Some(rate) = settings.rate_bps {
        add(true, format!("{} kbit/s, queue {} kB", rate as f64 / 1e3, settings.queue_bytes as f64 / 1e3));
    }
    if words.is_empty() { "untouched".to_owned() } else { words.join(", ") }
}

fn percent(share: f64) -> f64 {
    (share * 1e5).round() / 1e3
}

fn print_counters(site: &str, direction: &str, counters: &Counters) {
    let Counters { packets_in, bytes_in, packets_out, .. } = counters;
    println!("{site} {direction}: {packets_in} packets in ({bytes_in} bytes), {packets_out} out");
    println!(
        "  lost {} single, {} in bursts; dropped {} queue full, {} link down, {} overflow; {} doubled, {} reordered",
        counters.lost_random,
        counters.lost_burst,
        counters.dropped_queue,
        counters.dropped_down,
        counters.dropped_overflow,
        counters.duplicated,
        counters.reordered
    );
    println!(
        "  queue {} bytes now, {} at most; waited {:.1} ms last, {:.1} at most; late by {:.2} ms at most, {} by more than 1 ms",
        counters.queue_bytes,
        counters.queue_bytes_max,
        counters.queue_delay_ms,
        counters.queue_delay_max_ms,
        counters.late_max_ms,
        counters.late
    );
}
