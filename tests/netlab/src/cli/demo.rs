//! `netlab demo`: the product's demo in a laboratory, by one command, with what to open and how to change the line.

use std::io::{BufRead as _, BufReader};
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::ValueEnum;
use serde_json::{Map, Value, json};

use super::{SiteChange, run::sites};
use crate::lab::{self, Lab, LabOptions, SERVER};
use crate::sys::{self, Flag};
use crate::units::{Change, duration_ms, rate_bps, share, size_bytes};

/// A server that does not listen by then does not start: the demo prepares a clip and sample tickets.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// A server that was asked to stop is killed after this long.
const STOP_TIMEOUT: Duration = Duration::from_secs(15);
/// Port of https: the site is the server's own, so it is free.
const PORT: u16 = 443;

/// Whose line is bad.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Whose {
    /// The viewer's.
    Viewer,
    /// The agent's.
    Agent,
    /// Both.
    Both,
}

/// Arguments of `demo`.
#[derive(clap::Args, Debug)]
pub(super) struct DemoArgs {
    /// Round-trip time of the line, half of it each way.
    #[arg(long, default_value = "100ms", value_parser = duration_ms)]
    rtt: f64,
    /// Packets lost, each way.
    #[arg(long, default_value = "0%", value_parser = share)]
    loss: f64,
    /// Rate limit, each way [default: none].
    #[arg(long, value_parser = rate_bps)]
    rate: Option<u64>,
    /// Bytes that may wait for the rate limit [default: 256kB].
    #[arg(long, requires = "rate", value_parser = size_bytes)]
    queue: Option<usize>,
    /// Whose line that is; the other's is untouched.
    #[arg(long, value_enum, default_value_t = Whose::Both)]
    on: Whose,
    /// Decides which packets are lost.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The server [default: built in development mode from this repository].
    #[arg(long, env = "SIGHTLINE_BIN", value_name = "PROGRAM")]
    server: Option<PathBuf>,
}

impl DemoArgs {
    fn changes(&self) -> Vec<SiteChange> {
        let mut fields = Map::from_iter([
            ("delayMs".to_owned(), json!(self.rtt / 2.0)),
            ("loss".to_owned(), json!(self.loss)),
            ("rateBps".to_owned(), json!(self.rate)),
        ]);
        fields.extend(self.queue.map(|queue| ("queueBytes".to_owned(), Value::from(queue))));
        let site = match self.on {
            Whose::Viewer => Some("viewer".to_owned()),
            Whose::Agent => Some("agent".to_owned()),
            Whose::Both => None,
        };
        vec![SiteChange { site, change: Change { up: fields.clone(), down: fields, nat: None } }]
    }
}

pub(super) fn run(args: DemoArgs) -> anyhow::Result<ExitCode> {
    let sites = sites(&["viewer".to_owned(), "agent".to_owned()], &args.changes())?;
    if let Some(obstacle) = lab::obstacle() {
        bail!(obstacle);
    }
    let program = match args.server {
        Some(program) => program,
        None => build()?,
    };
    let signals = sys::signals()?;
    let mut lab = Lab::start(LabOptions { sites, seed: args.seed, real_time: true })?;
    let url = format!("https://{}", lab.view().server.address);
    lab.set_url(&url)?;
    let mut server = Server::start(&lab, &program)?;
    if !server.listens(signals.as_raw_fd())? {
        return lab.finish();
    }
    print_guide(&lab, &url);
    let ready = sys::wait_for_any(&[signals.as_raw_fd(), lab.ended_fd(), server.ended.fd()])?;
    if ready[2] {
        bail!("the server has ended: {}", server.child.wait()?);
    }
    println!("ending");
    server.stop();
    lab.finish()
}

/// Builds the server of this repository in development mode.
fn build() -> anyhow::Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().context("the repository is gone")?;
    if !root.join("web-demo/dist/widget.js").exists() {
        bail!("the web pages are not built: npm install --prefix web-demo && npm run --prefix web-demo build");
    }
    eprintln!("building the server (the first time takes minutes)");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .current_dir(&root)
        .args(["build", "--quiet", "--package", "sightline", "--bin", "sightline"])
        .status()
        .context("cannot run cargo")?;
    if !built.success() {
        bail!("the server does not build");
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    Ok(target.join("debug/sightline"))
}

/// The product in the server's site.
struct Server {
    child: Child,
    listening: Receiver<()>,
    /// Raised when it has ended.
    ended: Arc<Flag>,
}

impl Server {
    fn start(lab: &Lab, program: &Path) -> anyhow::Result<Self> {
        let (view, folder) = (lab.view(), lab.folder());
        let config = folder.join("sightline.toml");
        // Clients are told the address that media binds to.
        std::fs::write(&config, format!("[media]\nbind = \"{}\"\n", view.server.address))?;
        let mut command = Command::new(program);
        command
            .args(["serve", "--demo", "--bind", &view.server.address, "--port", &PORT.to_string()])
            .args(["--tls-cert", &view.certificate.cert, "--tls-key", &view.certificate.key])
            .arg("--config")
            .arg(config)
            .arg("--data")
            .arg(folder.join("data"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let child = lab.within(SERVER, || command.spawn())?;
        let mut child = child.with_context(|| format!("cannot run {}", program.display()))?;
        let output = child.stdout.take().context("the server has no output")?;
        let (told, listening) = channel();
        let ended = Arc::new(Flag::new()?);
        let flag = Arc::clone(&ended);
        std::thread::spawn(move || follow(output, &told, &flag));
        Ok(Self { child, listening, ended })
    }

    /// Waits until it listens. False when a signal came meanwhile.
    fn listens(&mut self, signals: i32) -> anyhow::Result<bool> {
        /// How often a signal is looked for, ms.
        const LOOK: Duration = Duration::from_millis(100);
        let mut waited = Duration::ZERO;
        while waited < START_TIMEOUT {
            if self.listening.recv_timeout(LOOK).is_ok() {
                return Ok(true);
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("the server has ended: {status}; its messages are above");
            }
            if sys::is_readable(signals)? {
                return Ok(false);
            }
            waited += LOOK;
        }
        bail!("the server does not listen");
    }

    /// Asks it to end, and waits for that.
    fn stop(&mut self) {
        sys::terminate(self.child.id());
        let mut left = STOP_TIMEOUT.as_millis() / 50;
        while left > 0 && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(50));
            left -= 1;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads what the server says until it ends.
fn follow(output: ChildStdout, listening: &Sender<()>, ended: &Flag) {
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        if line.starts_with("listening on ") {
            let _ = listening.send(());
        }
    }
    ended.raise();
}

fn print_guide(lab: &Lab, url: &str) {
    let view = lab.view();
    println!("\nThe demo runs in laboratory {} at {url}\n", view.id);
    super::remote::print_view(view);
    let me = super::called_as();
    let lab = if crate::registry::living().len() > 1 { format!(" --lab {}", view.id) } else { String::new() };
    println!(
        "
In another terminal, as root:

  The viewer's window   {me} browser{lab} viewer
  The agent's window    {me} browser{lab} agent        (button \"Sign in as the demo agent\")
  Without a display     {me} browser{lab} viewer --screenshot viewer.png
  By hand               {me} exec{lab} viewer -- chromium --no-sandbox --user-data-dir=/tmp/viewer \\
                          --ignore-certificate-errors-spki-list={spki} {url}/demo

  Change the line       {me} set{lab} viewer up.rate=500kbit up.queue=25kB loss=5%
  Cut it, mend it       {me} down{lab} viewer      {me} up{lab} viewer
  New public port       {me} set{lab} viewer nat=on, then {me} rebind{lab} viewer
  What passed           {me} counters{lab}

From this machine, past the line: {url}/ (its certificate is its own). Ctrl-C ends it.",
        spki = view.certificate.spki
    );
}
