//! Arguments of the command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::assertion::Assertion;
use crate::engine::VideoCodec;
use crate::faults::Fault;
use crate::foreign::Foreign;
use crate::scenarios::Pace;
use crate::scenarios::connect::Mode;

/// Load test for a Sightline server: connect times, chat, storms, capacity, idle cost.
#[derive(Debug, Parser)]
#[command(
    name = "sightline-loadtest",
    version,
    about,
    after_help = "Exit code: 0 all assertions held, 1 one fell or a comparison is worse, 2 could not run or was broken off, 130 Ctrl-C.\n\
        It aims at loopback and private addresses only, unless told --i-own-this-host."
)]
pub struct Cli {
    #[command(subcommand)]
    pub(super) scenario: Scenario,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Scenario {
    /// Consent to first picture: viewers arrive at a rate, are invited, share, and the agent's first frame is timed.
    Connect(ConnectArgs),
    /// As connect, and calls are held with media flowing: frames, freezes and loss at the agent.
    Call(ConnectArgs),
    /// Calls that colleagues join: one publisher, several receivers.
    Fanout(FanoutArgs),
    /// Calls at a modest rate for hours: drift of latency and memory.
    Soak(ConnectArgs),
    /// Messages: many viewers write at a rate; acknowledgements are timed, loss, doubles and order checked.
    Chat(ChatArgs),
    /// Everybody at once: thousands of viewers within seconds, each to be told its place; chats of those already in.
    Storm(StormArgs),
    /// Many open chats that say nothing: memory of each and CPU of all.
    Idle(IdleArgs),
    /// Many pages that send what they measure: each block's way to the disk is timed, loss checked, CPU told.
    Reporters(ReportersArgs),
    /// Raises the rate until an assertion falls; names the knee and what was short.
    Capacity(CapacityArgs),
    /// Two JSON reports side by side; exit code 1 when the second is worse beyond the tolerance.
    Compare(CompareArgs),
    /// Whether UDP gets to a server's media port and back: probes that the server answers without a session.
    Reach(ReachArgs),
    /// A worker process of `idle`.
    #[command(hide = true)]
    IdleWorker(IdleWorkerArgs),
}

/// The server, and how it is reached.
#[derive(Debug, Clone, Args)]
pub(super) struct ServerArgs {
    /// Server, such as http://127.0.0.1:8080 or https://support.example.internal.
    #[arg(long, env = "SIGHTLINE_URL", required_unless_present = "target")]
    url: Option<String>,
    /// Another media server instead of --url: janus:ws://HOST:8188, or whip:URL,whep:URL with {n} for the viewer's number.
    /// For connect and call.
    #[arg(long, value_name = "SERVER")]
    pub(super) target: Option<Foreign>,
    /// Bearer token for --target; --token is never shown to another server.
    #[arg(long, env = "SIGHTLINE_TARGET_BEARER", hide_env_values = true)]
    pub(super) bearer: Option<String>,
    /// API key: viewer tokens and agents are made with it, and the server leaves out its limits per address.
    #[arg(long, env = super::API_KEY_VARIABLE, hide_env_values = true)]
    pub(super) token: Option<String>,
    /// PEM file of the certificate authority that the server's certificate must come from.
    #[arg(long, value_name = "FILE", conflicts_with = "insecure")]
    pub(super) ca: Option<PathBuf>,
    /// Believes any certificate.
    #[arg(long)]
    pub(super) insecure: bool,
    /// Allows a target that is neither loopback nor private.
    #[arg(long)]
    pub(super) i_own_this_host: bool,
}

impl ServerArgs {
    /// The server, as given.
    pub(super) fn name(&self) -> String {
        let foreign = self.target.as_ref().map(ToString::to_string);
        foreign.or_else(|| self.url.clone()).unwrap_or_default()
    }
}

/// What all scenarios have.
#[derive(Debug, Clone, Args)]
pub(super) struct CommonArgs {
    #[command(flatten)]
    pub(super) server: ServerArgs,
    /// Writes the report as JSON (docs/loadtest.schema.json).
    #[arg(long, value_name = "FILE")]
    pub(super) json: Option<PathBuf>,
    /// Writes the report as a page that stands alone.
    #[arg(long, value_name = "FILE")]
    pub(super) html: Option<PathBuf>,
    /// A condition, such as connect.total.p95<600ms; may be repeated.
    #[arg(long = "assert", value_name = "CONDITION")]
    pub(super) asserts: Vec<Assertion>,
    /// Shows no progress.
    #[arg(long, short)]
    pub(super) quiet: bool,
}

/// Arguments of `connect`, `call` and `soak`.
#[derive(Debug, Clone, Args)]
pub(super) struct ConnectArgs {
    #[command(flatten)]
    pub(super) common: CommonArgs,
    /// When the media connection is made: at the consent, while the card is read, or both by turns.
    #[arg(long, value_enum, default_value = "both")]
    pub(super) mode: Mode,
    /// Consents a second. Default: 2/s.
    #[arg(long)]
    pub(super) arrivals: Option<Pace>,
    /// For how long viewers arrive. Default: 30s; soak: 60m.
    #[arg(long, value_parser = super::parse_duration)]
    pub(super) duration: Option<Duration>,
    /// How long before its intended consent a viewer arrives and writes.
    #[arg(long, default_value = "1s", value_parser = super::parse_duration)]
    pub(super) lead: Duration,
    /// How long before its intended consent a viewer is invited. An agent is busy from then to the end of the call.
    #[arg(long, default_value = "250ms", value_parser = super::parse_duration)]
    pub(super) card: Duration,
    /// How long a call lasts after its first frame. Default: 100ms; call: 30s; soak: 5s.
    #[arg(long, value_parser = super::parse_duration)]
    pub(super) hold: Option<Duration>,
    /// Agents at work; each has one call at a time. Default: enough for the rate.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=500))]
    pub(super) agents: Option<u32>,
    /// Agent's login; may be repeated. Default: agents made with the API key for the run, or the demo agent.
    #[arg(long, value_name = "LOGIN")]
    pub(super) agent_login: Vec<String>,
    /// Password of all those logins.
    #[arg(long, env = "SIGHTLINE_AGENT_PASSWORD", hide_env_values = true)]
    pub(super) agent_password: Option<String>,
    /// WebRTC stack of the bots.
    #[arg(long, value_enum, default_value = "str0m")]
    pub(super) engine: Engine,
    /// What viewers publish.
    #[arg(long, value_enum, default_value = "vp8")]
    pub(super) codec: VideoCodec,
    /// A fault during the run, such as drop:5%@20s (clients vanish) or cut:10%@30s (sockets are cut); may be repeated.
    #[arg(long = "fault", value_name = "FAULT")]
    pub(super) faults: Vec<Fault>,
}

/// Arguments of `fanout`.
#[derive(Debug, Clone, Args)]
pub(super) struct FanoutArgs {
    #[command(flatten)]
    pub(super) connect: ConnectArgs,
    /// Receivers of each call: its agent and the colleagues who join. A call has room for three colleagues.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=4))]
    pub(super) receivers: u32,
}

/// Arguments of `chat`.
#[derive(Debug, Clone, Args)]
pub(super) struct ChatArgs {
    #[command(flatten)]
    pub(super) common: CommonArgs,
    /// For how long viewers write.
    #[arg(long, default_value = "30s", value_parser = super::parse_duration)]
    pub(super) duration: Duration,
    /// Viewers that write.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=20_000))]
    pub(super) viewers: u64,
    /// Messages of all viewers together.
    #[arg(long, default_value = "50/s")]
    pub(super) rate: Pace,
    /// A fault during the run, such as drop:5%@20s (pages are lost and opened again) or cut:10%@30s; may be repeated.
    #[arg(long = "fault", value_name = "FAULT")]
    pub(super) faults: Vec<Fault>,
}

/// Arguments of `storm`.
#[derive(Debug, Clone, Args)]
pub(super) struct StormArgs {
    #[command(flatten)]
    pub(super) common: CommonArgs,
    /// How many come.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=18_000))]
    pub(super) viewers: u64,
    /// Within which time.
    #[arg(long, default_value = "10s", value_parser = super::parse_duration)]
    pub(super) within: Duration,
    /// Chats that go on through the storm.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    pub(super) residents: u64,
    /// How long the residents chat before it.
    #[arg(long, default_value = "10s", value_parser = super::parse_duration)]
    pub(super) before: Duration,
    /// How long everybody stays after it.
    #[arg(long, default_value = "10s", value_parser = super::parse_duration)]
    pub(super) hold: Duration,
}

/// Arguments of `idle`.
#[derive(Debug, Clone, Args)]
pub(super) struct IdleArgs {
    #[command(flatten)]
    pub(super) common: CommonArgs,
    /// How many connections.
    #[arg(long, default_value_t = 15_000, value_parser = clap::value_parser!(u64).range(3..=60_000))]
    pub(super) connections: u64,
    /// How many one worker process holds.
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(1..=6_000))]
    pub(super) per_process: u64,
    /// Connections opened a second.
    #[arg(long, default_value = "500/s")]
    pub(super) arrivals: Pace,
    /// How long all of them stay, while CPU is measured.
    #[arg(long, default_value = "30s", value_parser = super::parse_duration)]
    pub(super) hold: Duration,
    /// Viewers say hello and nothing else. Without it each has written, and thereby has a ticket and a place in line.
    #[arg(long)]
    pub(super) silent: bool,
}

/// Arguments of `reporters`.
#[derive(Debug, Clone, Args)]
pub(super) struct ReportersArgs {
    #[command(flatten)]
    pub(super) common: CommonArgs,
    /// How many pages report.
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(1..=15_000))]
    pub(super) viewers: u64,
    /// Viewers opened a second.
    #[arg(long, default_value = "200/s")]
    pub(super) arrivals: Pace,
    /// How long all of them report.
    #[arg(long, default_value = "60s", value_parser = super::parse_duration)]
    pub(super) duration: Duration,
    /// Time between two blocks of one page.
    #[arg(long, default_value = "5s", value_parser = super::parse_duration)]
    pub(super) every: Duration,
}

/// Arguments of a worker of `idle`.
#[derive(Debug, Clone, Args)]
pub(super) struct IdleWorkerArgs {
    #[command(flatten)]
    pub(super) server: ServerArgs,
    /// Which worker.
    #[arg(long)]
    pub(super) worker: u64,
}

/// Arguments of `capacity`.
#[derive(Debug, Clone, Args)]
pub(super) struct CapacityArgs {
    #[command(flatten)]
    pub(super) connect: ConnectArgs,
    /// What is repeated: connects (--arrivals is the first rate) or messages.
    #[arg(long, value_enum, default_value = "connect")]
    pub(super) probe: ProbeName,
    /// Viewers that write, with --probe chat.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=20_000))]
    pub(super) viewers: u64,
    /// Factor from one rate to the next.
    #[arg(long, default_value_t = 1.6)]
    pub(super) factor: f64,
    /// Highest rate tried.
    #[arg(long, default_value = "400/s")]
    pub(super) max_rate: Pace,
}

/// Arguments of `compare`.
#[derive(Debug, Clone, Args)]
pub(super) struct CompareArgs {
    /// The report to compare with.
    pub(super) before: PathBuf,
    /// The report to judge.
    pub(super) after: PathBuf,
    /// How much slower a percentile may be.
    #[arg(long, default_value = "10%", value_parser = super::parse_percent)]
    pub(super) tolerance: f64,
    /// Differences below this are noise.
    #[arg(long, default_value = "5ms", value_parser = super::parse_duration)]
    pub(super) floor: Duration,
    /// Measurements that a phase needs on both sides to be judged.
    #[arg(long, default_value_t = 20)]
    pub(super) min_count: u64,
}

/// Arguments of `reach`.
#[derive(Debug, Clone, Args)]
pub(super) struct ReachArgs {
    /// Address and port of a media worker, such as 10.0.0.5:20000.
    #[arg(value_name = "HOST:PORT")]
    pub(super) address: String,
    /// How many; ten a second.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=6_000))]
    pub(super) probes: u16,
    /// Allows an address that is neither loopback nor private.
    #[arg(long)]
    pub(super) i_own_this_host: bool,
}

/// What `capacity` repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ProbeName {
    /// Connects.
    Connect,
    /// Messages.
    Chat,
}

/// WebRTC stacks to choose from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Engine {
    /// Light, for large runs.
    Str0m,
}
