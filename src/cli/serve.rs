//! `sightline serve`.

use std::net::IpAddr;
use std::path::PathBuf;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{DataArgs, banner, lan};
use crate::config::Config;
use crate::process;
use crate::server::{Server, ServerOptions};

/// Open files for everything but WebSockets: database, telemetry, media, pages and API requests at the same time.
const FILES_BESIDE_SOCKETS: usize = 1_000;

/// Arguments of `serve`.
#[derive(clap::Args, Debug)]
pub(super) struct ServeArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Address to listen on; wins over the configuration.
    #[arg(long, value_name = "ADDRESS")]
    bind: Option<IpAddr>,
    /// Port to listen on; 0 takes a free one and prints it.
    #[arg(long)]
    port: Option<u16>,
    /// PEM certificate chain, for https and wss.
    #[arg(long, requires = "tls_key", value_name = "FILE")]
    tls_cert: Option<PathBuf>,
    /// PEM private key.
    #[arg(long, requires = "tls_cert", value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// Seconds that running calls may go on after SIGTERM or Ctrl-C; wins over `limits.drain_seconds`. A second signal
    /// ends them at once.
    #[arg(long, value_name = "SECONDS")]
    drain: Option<u64>,
    /// Check the configuration and exit.
    #[arg(long)]
    check: bool,
    /// Demo: a live event, sample tickets, scripted viewers, a demo account. Never for real viewers.
    #[arg(long)]
    demo: bool,
    /// With --demo: serve https on this machine's network address, with a generated certificate.
    #[arg(long, requires = "demo")]
    lan: bool,
}

/// Runs the server until SIGTERM or Ctrl-C.
pub(super) async fn run(args: ServeArgs) -> anyhow::Result<()> {
    let mut config = args.data.load()?;
    if let Some(address) = args.bind {
        config.http.bind.0.set_ip(address);
    }
    if let Some(port) = args.port {
        config.http.bind.0.set_port(port);
    }
    if args.tls_cert.is_some() {
        config.http.tls_cert = args.tls_cert;
        config.http.tls_key = args.tls_key;
    }
    if let Some(seconds) = args.drain {
        config.limits.drain_seconds = seconds;
    }
    if args.check {
        println!("the configuration is valid");
        return Ok(());
    }
    let lan = if args.lan { Some(lan::prepare(&mut config)?) } else { None };
    fit_sockets(&mut config);
    let server = Server::start(ServerOptions { config, demo: args.demo, bus: None }).await?;
    banner::print(&server, lan.as_ref()).await;
    let mut signals = Signals::listen()?;
    signals.next().await;
    eprintln!("shutting down; once more to end running calls at once");
    server.shutdown(signals.next()).await;
    Ok(())
}

/// Raises the limit of open files and fits the number of sockets to it, so that the last ones are refused with words and
/// not by a failing accept; says what this process can hold.
fn fit_sockets(config: &mut Config) {
    let Some(files) = process::raise_open_files() else { return };
    let room = usize::try_from(files).unwrap_or(usize::MAX).saturating_sub(FILES_BESIDE_SOCKETS);
    let wanted = config.limits.sockets_max;
    config.limits.sockets_max = wanted.min(room.max(1));
    if config.limits.sockets_max < wanted {
        tracing::warn!(
            files,
            wanted,
            sockets = config.limits.sockets_max,
            "fewer WebSockets than limits.sockets_max: the limit of open files (ulimit -Hn) leaves no more"
        );
    } else {
        tracing::info!(files, sockets = wanted, "room for WebSockets");
    }
}

/// What asks the process to end.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
