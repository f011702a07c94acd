//! The command line: arguments, the run, the report, the exit code.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use signaling::api::TokenRequest;

use crate::assertion::{Assertion, Verdict};
use crate::client::{ClientError, RestClient, unix_ms};
use crate::engine::str0m::Str0mEngine;
use crate::engine::{MediaEngine, VideoCodec};
use crate::report::{REPORT_FORMAT, Report, Tally};
use crate::scenarios::chat::{self, ChatPlan};
use crate::scenarios::connect::{self, ConnectPlan, Mode};
use crate::scenarios::{Pace, Stop};
use crate::target::Target;

/// Exit code when an assertion fell.
const EXIT_FELL: u8 = 1;
/// Exit code when the run could not be done or was broken off.
const EXIT_COULD_NOT_RUN: u8 = 2;
/// Viewer tokens minted for a chat run; more viewers share them by turns.
const CHAT_TOKENS_MAX: u64 = 64;

/// Load test for a Sightline server.
#[derive(Debug, Parser)]
#[command(
    name = "sightline-loadtest",
    version,
    about,
    after_help = "Exit code: 0 all assertions held, 1 one fell, 2 could not run."
)]
pub struct Cli {
    #[command(subcommand)]
    scenario: Scenario,
}

#[derive(Debug, Subcommand)]
enum Scenario {
    /// Consent to first picture: viewers arrive at a rate, are invited, share, and the agent's first frame is timed.
    Connect(ConnectArgs),
    /// Messages: many viewers write at a rate; acknowledgements are timed, loss, doubles and order checked.
    Chat(ChatArgs),
}

#[derive(Debug, Args)]
struct CommonArgs {
    /// Server, such as http://127.0.0.1:8080.
    #[arg(long, env = "SIGHTLINE_URL")]
    url: String,
    /// API key; viewer tokens are minted with it. Without it viewers are anonymous.
    #[arg(long, env = "SIGHTLINE_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// For how long viewers arrive or write.
    #[arg(long, default_value = "30s", value_parser = parse_duration)]
    duration: Duration,
    /// Writes the report as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// A condition, such as connect.total.p95<600ms; may be repeated.
    #[arg(long = "assert", value_name = "CONDITION")]
    asserts: Vec<Assertion>,
    /// Allows a target that is neither loopback nor private.
    #[arg(long)]
    i_own_this_host: bool,
    /// Shows no progress.
    #[arg(long, short)]
    quiet: bool,
}

#[derive(Debug, Args)]
struct ConnectArgs {
    #[command(flatten)]
    common: CommonArgs,
    /// When the media connection is made: at the consent, while the card is read, or both by turns.
    #[arg(long, value_enum, default_value = "both")]
    mode: Mode,
    /// Consents a second.
    #[arg(long, default_value = "1/s")]
    arrivals: Pace,
    /// How long before its intended consent a viewer arrives and writes.
    #[arg(long, default_value = "1s", value_parser = parse_duration)]
    lead: Duration,
    /// How long before its intended consent a viewer is invited. An agent is busy from then to the end of the call.
    #[arg(long, default_value = "250ms", value_parser = parse_duration)]
    card: Duration,
    /// How long a call lasts after its first frame.
    #[arg(long, default_value = "100ms", value_parser = parse_duration)]
    hold: Duration,
    /// Agents at work; each has one call at a time. Default: one a login.
    #[arg(long)]
    agents: Option<usize>,
    /// Agent's login; may be repeated. Without it the demo agent is used, on demo servers.
    #[arg(long, value_name = "LOGIN")]
    agent_login: Vec<String>,
    /// Password of all those logins.
    #[arg(long, env = "SIGHTLINE_AGENT_PASSWORD", hide_env_values = true)]
    agent_password: Option<String>,
    /// WebRTC stack of the bots.
    #[arg(long, value_enum, default_value = "str0m")]
    engine: Engine,
    /// What viewers publish.
    #[arg(long, value_enum, default_value = "vp8")]
    codec: VideoCodec,
}

#[derive(Debug, Args)]
struct ChatArgs {
    #[command(flatten)]
    common: CommonArgs,
    /// Viewers that write.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=20_000))]
    viewers: u64,
    /// Messages of all viewers together.
    #[arg(long, default_value = "50/s")]
    rate: Pace,
}

/// WebRTC stacks to choose from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Engine {
    /// Light, for large runs.
    Str0m,
}

impl Engine {
    fn start(self) -> Arc<dyn MediaEngine> {
        match self {
            Self::Str0m => Arc::new(Str0mEngine::new()),
        }
    }
}

/// What a finished scenario hands over for its report.
struct Finished {
    scenario: &'static str,
    common: CommonArgs,
    settings: serde_json::Value,
    tally: Tally,
    started_at_ms: f64,
    invariants: &'static [&'static str],
    phases: &'static [&'static str],
    /// The total without which nothing was shown.
    essential: &'static str,
}

/// Runs the command line and says how it ended.
pub async fn run(cli: Cli) -> ExitCode {
    let finished = match cli.scenario {
        Scenario::Connect(args) => run_connect(args).await,
        Scenario::Chat(args) => run_chat(args).await,
    };
    match finished.and_then(report) {
        Ok(code) => code,
        Err(reason) => {
            eprintln!("could not run: {reason}");
            ExitCode::from(EXIT_COULD_NOT_RUN)
        }
    }
}

async fn run_connect(args: ConnectArgs) -> Result<Finished, String> {
    check_names(&args.common.asserts, &["connect", "cold", "warm"], &connect::PHASES)?;
    let (target, address) = aim(&args.common).await?;
    let rest = RestClient::new(&target, args.common.token.clone()).map_err(|error| error.to_string())?;
    let minter = args.common.token.is_some().then(|| rest.clone());
    if let Some(minter) = &minter {
        mint(minter, 0).await?;
    }
    let agents = sign_in_agents(&rest.with_bearer(None), &args).await?;
    let engine = args.engine.start();
    let settings = serde_json::json!({
        "mode": format!("{:?}", args.mode).to_lowercase(),
        "arrivals_per_s": args.arrivals.per_second(),
        "duration_s": args.common.duration.as_secs_f64(),
        "lead_s": args.lead.as_secs_f64(),
        "card_s": args.card.as_secs_f64(),
        "hold_s": args.hold.as_secs_f64(),
        "agents": agents.len(),
        "engine": engine.name(),
        "codec": args.codec.as_str(),
    });
    let plan = ConnectPlan {
        target,
        address,
        mode: args.mode,
        arrivals: args.arrivals,
        duration: args.common.duration,
        lead: args.lead,
        card: args.card,
        hold: args.hold,
        agents,
        minter,
        engine,
        codec: args.codec,
    };
    let started_at_ms = unix_ms();
    let progress = progress_bar(args.common.quiet);
    let tally = connect::run(plan, stop_on_ctrl_c(), progress.clone()).await.map_err(|error| error.to_string())?;
    progress.finish_and_clear();
    Ok(Finished {
        scenario: "connect",
        common: args.common,
        settings,
        tally,
        started_at_ms,
        invariants: &[],
        phases: &connect::PHASES,
        essential: "completed",
    })
}

async fn run_chat(args: ChatArgs) -> Result<Finished, String> {
    check_names(&args.common.asserts, &["chat"], &chat::PHASES)?;
    let (target, address) = aim(&args.common).await?;
    let mut tokens = Vec::new();
    if args.common.token.is_some() {
        let rest = RestClient::new(&target, args.common.token.clone()).map_err(|error| error.to_string())?;
        for n in 0..args.viewers.min(CHAT_TOKENS_MAX) {
            tokens.push(mint(&rest, n).await?);
        }
    }
    let settings = serde_json::json!({
        "viewers": args.viewers,
        "messages_per_s": args.rate.per_second(),
        "duration_s": args.common.duration.as_secs_f64(),
    });
    let plan =
        ChatPlan { target, address, viewers: args.viewers, rate: args.rate, duration: args.common.duration, tokens };
    let started_at_ms = unix_ms();
    let progress = progress_bar(args.common.quiet);
    let tally = chat::run(plan, stop_on_ctrl_c(), progress.clone()).await.map_err(|error| error.to_string())?;
    progress.finish_and_clear();
    Ok(Finished {
        scenario: "chat",
        common: args.common,
        settings,
        tally,
        started_at_ms,
        invariants: &chat::INVARIANTS,
        phases: &chat::PHASES,
        essential: "acknowledged",
    })
}

fn report(finished: Finished) -> Result<ExitCode, String> {
    let Finished { scenario, common, settings, mut tally, started_at_ms, invariants, phases, essential } = finished;
    let invariants = invariants.iter().filter_map(|text| text.parse::<Assertion>().ok());
    let conditions: Vec<Assertion> = invariants.chain(common.asserts).collect();
    let asserts: Vec<Verdict> = conditions.iter().map(|condition| condition.evaluate(&tally, scenario)).collect();
    let shown = tally.totals.get(essential).copied().unwrap_or(0);
    if shown == 0 && tally.broken_off.is_none() && !tally.interrupted {
        tally.broken_off = Some("nothing succeeded; see the errors".to_owned());
    }
    let report = Report {
        format: REPORT_FORMAT,
        scenario,
        target: common.url,
        started_at_ms,
        duration_s: (unix_ms() - started_at_ms) / 1_000.0,
        settings,
        phases: tally.phases.summary(),
        totals: tally.totals,
        errors: tally.errors,
        asserts,
        interrupted: tally.interrupted,
        broken_off: tally.broken_off,
    };
    print!("{}", report.table(phases));
    if let Some(path) = &common.json {
        let json = serde_json::to_vec_pretty(&report).map_err(|error| error.to_string())?;
        std::fs::write(path, json).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    }
    Ok(if report.broken_off.is_some() {
        ExitCode::from(EXIT_COULD_NOT_RUN)
    } else if report.asserts.iter().any(|verdict| !verdict.held) {
        ExitCode::from(EXIT_FELL)
    } else {
        ExitCode::SUCCESS
    })
}

fn check_names(asserts: &[Assertion], modes: &[&str], phases: &[&str]) -> Result<(), String> {
    asserts.iter().try_for_each(|assertion| assertion.check_names(modes, phases))
}

async fn aim(common: &CommonArgs) -> Result<(Target, std::net::IpAddr), String> {
    let target = Target::parse(&common.url).map_err(|error| format!("--url: {error}"))?;
    let address = target.check_allowed(common.i_own_this_host).await.map_err(|error| error.to_string())?;
    let connecting = tokio::net::TcpStream::connect(address);
    match tokio::time::timeout(Duration::from_secs(5), connecting).await {
        Ok(Ok(_)) => Ok((target, address.ip())),
        Ok(Err(error)) => Err(format!("the server at {} cannot be reached: {error}", target.base())),
        Err(_) => Err(format!("the server at {} does not answer", target.base())),
    }
}

async fn mint(rest: &RestClient, n: u64) -> Result<String, String> {
    let request = TokenRequest {
        external_id: format!("loadtest-{n}"),
        name: format!("Bot {n}"),
        level: None,
        lang: Some("en".to_owned()),
        ttl_s: None,
    };
    match rest.mint_token(&request).await {
        Ok(answer) => Ok(answer.token),
        Err(ClientError::Rest { status: 401 | 403, message, .. }) => {
            Err(format!("the API key (--token, SIGHTLINE_TOKEN) was refused: {message}"))
        }
        Err(error) => Err(format!("no viewer token: {error}")),
    }
}

/// Session tokens for the run's agents.
async fn sign_in_agents(rest: &RestClient, args: &ConnectArgs) -> Result<Vec<String>, String> {
    let mut tokens = Vec::new();
    if args.agent_login.is_empty() {
        let session = rest.demo_sign_in().await.map_err(|error| match error {
            ClientError::Rest { status: 404, .. } => {
                "this is no demo server: give --agent-login and --agent-password".to_owned()
            }
            error => format!("the demo agent cannot sign in: {error}"),
        })?;
        tokens.extend(session.token);
    }
    for login in &args.agent_login {
        let Some(password) = &args.agent_password else {
            return Err("--agent-login needs --agent-password (or SIGHTLINE_AGENT_PASSWORD)".to_owned());
        };
        let session = rest.sign_in(login, password).await;
        let session = session.map_err(|error| format!("agent {login:?} cannot sign in: {error}"))?;
        tokens.extend(session.token);
    }
    if tokens.is_empty() {
        return Err("the server gave no session token for the agents".to_owned());
    }
    let count = args.agents.unwrap_or(tokens.len()).max(1);
    Ok(tokens.into_iter().cycle().take(count).collect())
}

fn stop_on_ctrl_c() -> Stop {
    let (switch, stop) = Stop::new();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            // Nobody listens any more when the run is over.
            let _ = switch.send(true);
        }
    });
    stop
}

fn progress_bar(quiet: bool) -> ProgressBar {
    if quiet {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{msg:18} {wide_bar} {pos}/{len} {elapsed}") {
        bar.set_style(style);
    }
    bar
}

/// Reads `60s`, `2m`, `500ms`.
fn parse_duration(text: &str) -> Result<Duration, String> {
    let (number, unit_ms) = if let Some(number) = text.strip_suffix("ms") {
        (number, 1.0)
    } else if let Some(number) = text.strip_suffix('s') {
        (number, 1_000.0)
    } else if let Some(number) = text.strip_suffix('m') {
        (number, 60_000.0)
    } else {
        return Err(format!("{text:?} is no duration; expected 60s, 2m or 500ms"));
    };
    let number: f64 = number.parse().map_err(|_| format!("{text:?} is no duration; expected 60s, 2m or 500ms"))?;
    let ms = number * unit_ms;
    if !(0.0..=86_400_000.0).contains(&ms) {
        return Err("a duration is between 0 and a day".to_owned());
    }
    Ok(Duration::from_secs_f64(ms / 1_000.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_command_is_understood() {
        let command = "sightline-loadtest connect --url http://127.0.0.1:8080 --token KEY --mode both --arrivals 20/s \
            --duration 60s --engine str0m --json out.json --assert connect.total.p95<600ms";
        let cli = Cli::try_parse_from(command.split_ascii_whitespace()).unwrap();
        let Scenario::Connect(args) = cli.scenario else { panic!("connect") };
        assert_eq!(args.common.duration, Duration::from_secs(60));
        assert_eq!(args.mode, Mode::Both);
    }

    #[test]
    fn wrong_arguments_are_told() {
        for command in [
            "x connect",
            "x connect --url http://x --arrivals fast",
            "x connect --url http://x --duration 60",
            "x connect --url http://x --assert total<1",
            "x chat --url http://x --viewers 0",
        ] {
            assert!(Cli::try_parse_from(command.split_ascii_whitespace()).is_err(), "{command}");
        }
    }

    #[tokio::test]
    async fn an_unreachable_server_is_told() {
        let command = "x chat --url http://127.0.0.1:1 --quiet";
        let cli = Cli::try_parse_from(command.split_ascii_whitespace()).unwrap();
        let Scenario::Chat(args) = cli.scenario else { panic!("chat") };
        assert!(run_chat(args).await.err().unwrap().contains("cannot be reached"));
    }
}
