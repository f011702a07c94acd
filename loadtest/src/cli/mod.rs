//! The command line: arguments, the runs, the exit code.

mod args;
mod conduct;
mod foreign;
mod reach;
mod setup;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

pub use args::Cli;
use args::{
    CapacityArgs, ChatArgs, CompareArgs, ConnectArgs, Engine, FanoutArgs, IdleArgs, IdleWorkerArgs, ProbeName,
    ReportersArgs, Scenario, StormArgs,
};
use conduct::{Manner, conduct, could_not_begin};
use setup::{Agents, Setup};

use crate::assertion::Assertion;
use crate::engine::MediaEngine;
use crate::engine::str0m::Str0mEngine;
use crate::faults::FaultPlan;
use crate::fleet::{self, WorkerOptions};
use crate::report::{Report, Tally, Tolerance, compare};
use crate::scenarios::capacity::{self, CapacityPlan, Probe};
use crate::scenarios::chat::{self, ChatPlan};
use crate::scenarios::connect::{self, ConnectPlan};
use crate::scenarios::idle::{self, IdlePlan};
use crate::scenarios::reporters::{self, ReportersPlan};
use crate::scenarios::storm::{self, StormPlan};
use crate::scenarios::{Aim, Pace};
use crate::watch::ServerReport;

/// Environment variable of the API key.
pub const API_KEY_VARIABLE: &str = "SIGHTLINE_API_KEY";
/// Exit code when an assertion fell.
const EXIT_FELL: u8 = 1;
/// Exit code when the run could not be done or was broken off.
const EXIT_COULD_NOT_RUN: u8 = 2;
/// Exit code after Ctrl-C, as shells have it: 128 and the signal's number.
const EXIT_INTERRUPTED: u8 = 130;
/// Consents a second unless asked otherwise.
const ARRIVALS_DEFAULT: f64 = 2.0;
/// What an agent needs around a call: the way of the end, the next conversation.
const AGENT_TURNAROUND_S: f64 = 1.0;
/// What capacity asks of connects and of messages unless told otherwise.
const CONNECT_CRITERIA: [&str; 2] = ["errors.total==0", "connect.total.p95<1s"];
const CHAT_CRITERIA: [&str; 2] = ["errors.total==0", "chat.ack.p95<250ms"];

/// Phases of the scenarios that connect.
const CONNECT_NAMES: crate::assertion::PhaseNames<'static> = &[
    ("cold", &connect::PHASES),
    ("warm", &connect::PHASES),
    ("prepare", &connect::PREPARATION),
    ("guest", &connect::GUEST_PHASES),
];

impl Engine {
    fn start(self) -> Arc<dyn MediaEngine> {
        match self {
            Self::Str0m => Arc::new(Str0mEngine::new()),
        }
    }
}

/// Runs the command line and says how it ended.
pub async fn run(cli: Cli) -> ExitCode {
    raise_open_files();
    match cli.scenario {
        Scenario::Connect(args) => {
            let (duration, hold) = (Duration::from_secs(30), Duration::from_millis(100));
            run_connect("connect", &args, Defaults { duration, hold, guests: 0 }, nothing).await
        }
        Scenario::Call(args) => {
            let (duration, hold) = (Duration::from_secs(30), Duration::from_secs(30));
            run_connect("call", &args, Defaults { duration, hold, guests: 0 }, nothing).await
        }
        Scenario::Soak(args) => {
            let (duration, hold) = (Duration::from_secs(3_600), Duration::from_secs(5));
            run_connect("soak", &args, Defaults { duration, hold, guests: 0 }, note_drift).await
        }
        Scenario::Fanout(FanoutArgs { connect, receivers }) => {
            let (duration, hold) = (Duration::from_secs(30), Duration::from_secs(10));
            let defaults = Defaults { duration, hold, guests: receivers - 1 };
            run_connect("fanout", &connect, defaults, nothing).await
        }
        Scenario::Chat(args) => run_chat(&args).await,
        Scenario::Storm(args) => run_storm(&args).await,
        Scenario::Idle(args) => run_idle(&args).await,
        Scenario::Capacity(args) => run_capacity(&args).await,
        Scenario::Compare(args) => run_compare(&args),
        Scenario::Reach(args) => reach::run(&args).await,
        Scenario::Reporters(args) => run_reporters(&args).await,
        Scenario::IdleWorker(args) => run_idle_worker(&args).await,
    }
}

/// Each connection is an open file; the hard limit is what the operator allows.
fn raise_open_files() {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the pointer is to a live rlimit.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } == 0 {
        limit.rlim_cur = limit.rlim_max;
        // SAFETY: the pointer is to a live rlimit; the call only reads it. When it fails the soft limit holds.
        unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) };
    }
}

fn nothing(_tally: &mut Tally, _server: Option<&ServerReport>) {}

/// What the scenarios that connect have instead of an argument.
struct Defaults {
    duration: Duration,
    hold: Duration,
    guests: u32,
}

async fn run_connect(
    scenario: &'static str,
    args: &ConnectArgs,
    defaults: Defaults,
    finish: fn(&mut Tally, Option<&ServerReport>),
) -> ExitCode {
    let manner = Manner {
        scenario,
        phases: CONNECT_NAMES,
        invariants: &[],
        essential: "completed",
        criteria_only: false,
        finish,
    };
    if let Some(server) = &args.common.server.target {
        return foreign::run(manner, args, server, defaults).await;
    }
    let begun = async {
        manner.check(&args.common.asserts)?;
        prepare_connect(args, &defaults, None).await
    };
    let (setup, plan, agents) = match begun.await {
        Ok(begun) => begun,
        Err(reason) => return could_not_begin(scenario, &args.common, reason),
    };
    let settings = connect_settings(&plan, args);
    let code = conduct(manner, &args.common, settings, Some(setup.rest.clone()), |stop, progress| async move {
        connect::run(plan, stop, progress).await.map_err(|error| error.to_string())
    })
    .await;
    agents.close(&setup.rest).await;
    code
}

/// Reaches the server and gets the agents. `most` is the highest rate that they must serve.
async fn prepare_connect(
    args: &ConnectArgs,
    defaults: &Defaults,
    most: Option<(f64, u32)>,
) -> Result<(Setup, ConnectPlan, Agents), String> {
    let (duration, hold) = (args.duration.unwrap_or(defaults.duration), args.hold.unwrap_or(defaults.hold));
    let mut setup = Setup::new(&args.common.server).await?;
    setup.mint_for(u64::MAX).await?;
    let arrivals = match args.arrivals {
        Some(arrivals) => arrivals,
        None => Pace::of(ARRIVALS_DEFAULT).ok_or("no rate")?,
    };
    let (rate, steps) = most.unwrap_or((arrivals.per_second(), 1));
    let busy_s = (args.card + hold).as_secs_f64() + AGENT_TURNAROUND_S;
    let wanted = args.agents.unwrap_or((rate * busy_s).ceil() as u32 + 2);
    let all = wanted.saturating_mul(1 + defaults.guests);
    let agents = Agents::open(&setup.rest, args, all, (duration + hold + args.lead) * steps).await?;
    let (own, guest_agents) = agents.split(defaults.guests);
    let plan = ConnectPlan {
        aim: setup.aim.clone(),
        mode: args.mode,
        arrivals,
        duration,
        lead: args.lead,
        card: args.card,
        hold,
        agents: own,
        engine: args.engine.start(),
        codec: args.codec,
        faults: FaultPlan::new(args.faults.clone()),
        guests: defaults.guests,
        guest_agents,
    };
    Ok((setup, plan, agents))
}

fn connect_settings(plan: &ConnectPlan, args: &ConnectArgs) -> serde_json::Value {
    json!({
        "mode": format!("{:?}", plan.mode).to_lowercase(),
        "arrivals_per_s": plan.arrivals.per_second(),
        "duration_s": plan.duration.as_secs_f64(),
        "lead_s": plan.lead.as_secs_f64(),
        "card_s": plan.card.as_secs_f64(),
        "hold_s": plan.hold.as_secs_f64(),
        "agents": plan.agents.len(),
        "receivers": plan.guests + 1,
        "engine": plan.engine.name(),
        "codec": plan.codec.as_str(),
        "tls": plan.aim.target.is_secure(),
        "faults": args.faults.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

/// Figures of a soak: how memory and latency drift.
fn note_drift(tally: &mut Tally, server: Option<&ServerReport>) {
    if let Some(slope) = server.and_then(memory_slope) {
        tally.figure("rss_bytes_per_hour", slope);
    }
    let points = &tally.course.points;
    let Some(last) = points.iter().map(|point| point.t_s).reduce(f64::max) else { return };
    let p95 = |from: f64, to: f64| {
        let mut part: Vec<f64> =
            points.iter().filter(|point| (from..to).contains(&point.t_s)).map(|point| point.ms).collect();
        part.sort_by(f64::total_cmp);
        part.get((part.len() * 95 / 100).min(part.len().saturating_sub(1))).copied()
    };
    let (first, end) = (p95(0.0, last / 3.0), p95(last * 2.0 / 3.0, last + 1.0));
    if let (Some(first), Some(end)) = (first, end) {
        tally.figure("p95_first_third_ms", first);
        tally.figure("p95_last_third_ms", end);
    }
}

/// Growth of the server's memory after its first tenth, bytes an hour, by least squares.
fn memory_slope(server: &ServerReport) -> Option<f64> {
    let skip = server.samples.len() / 10;
    let points: Vec<(f64, f64)> =
        server.samples.iter().skip(skip).filter_map(|sample| Some((sample.t_s, sample.rss_bytes?))).collect();
    let count = points.len() as f64;
    let (mean_t, mean_rss) = (
        points.iter().map(|point| point.0).sum::<f64>() / count,
        points.iter().map(|point| point.1).sum::<f64>() / count,
    );
    let spread: f64 = points.iter().map(|point| (point.0 - mean_t).powi(2)).sum();
    let together: f64 = points.iter().map(|point| (point.0 - mean_t) * (point.1 - mean_rss)).sum();
    (points.len() > 2 && spread > 0.0).then(|| together / spread * 3_600.0)
}

async fn run_chat(args: &ChatArgs) -> ExitCode {
    let manner = Manner {
        scenario: "chat",
        phases: &[("chat", &chat::PHASES)],
        invariants: &chat::INVARIANTS,
        essential: "acknowledged",
        criteria_only: false,
        finish: nothing,
    };
    let begun = async {
        manner.check(&args.common.asserts)?;
        let mut setup = Setup::new(&args.common.server).await?;
        setup.mint_for(args.viewers).await?;
        Ok(setup)
    };
    let setup = match begun.await {
        Ok(setup) => setup,
        Err(reason) => return could_not_begin("chat", &args.common, reason),
    };
    let settings = json!({
        "viewers": args.viewers,
        "messages_per_s": args.rate.per_second(),
        "duration_s": args.duration.as_secs_f64(),
        "tls": setup.aim.target.is_secure(),
        "faults": args.faults.iter().map(ToString::to_string).collect::<Vec<_>>(),
    });
    let plan = ChatPlan {
        aim: setup.aim,
        viewers: args.viewers,
        rate: args.rate,
        duration: args.duration,
        faults: FaultPlan::new(args.faults.clone()),
    };
    conduct(manner, &args.common, settings, Some(setup.rest), |stop, progress| async move {
        chat::run(plan, stop, progress).await.map_err(|error| error.to_string())
    })
    .await
}

async fn run_storm(args: &StormArgs) -> ExitCode {
    let manner = Manner {
        scenario: "storm",
        phases: &[("storm", &storm::PHASES), ("resident", &storm::RESIDENT_PHASES), ("quiet", &storm::RESIDENT_PHASES)],
        invariants: &storm::INVARIANTS,
        essential: "completed",
        criteria_only: false,
        finish: nothing,
    };
    let begun = async {
        manner.check(&args.common.asserts)?;
        let mut setup = Setup::new(&args.common.server).await?;
        setup.mint_for(args.viewers).await?;
        Ok(setup)
    };
    let setup = match begun.await {
        Ok(setup) => setup,
        Err(reason) => return could_not_begin("storm", &args.common, reason),
    };
    let settings = json!({
        "viewers": args.viewers,
        "within_s": args.within.as_secs_f64(),
        "residents": args.residents,
        "before_s": args.before.as_secs_f64(),
        "hold_s": args.hold.as_secs_f64(),
        "tls": setup.aim.target.is_secure(),
    });
    let plan = StormPlan {
        aim: setup.aim,
        viewers: args.viewers,
        within: args.within,
        residents: args.residents,
        quiet: args.before,
        hold: args.hold,
    };
    conduct(manner, &args.common, settings, Some(setup.rest), |stop, progress| async move {
        storm::run(plan, stop, progress).await.map_err(|error| error.to_string())
    })
    .await
}

async fn run_idle(args: &IdleArgs) -> ExitCode {
    let manner = Manner {
        scenario: "idle",
        phases: &[("idle", &idle::PHASES)],
        invariants: &idle::INVARIANTS,
        essential: "completed",
        criteria_only: false,
        finish: nothing,
    };
    let begun = async {
        manner.check(&args.common.asserts)?;
        let program = std::env::current_exe().map_err(|error| format!("this program cannot be found: {error}"))?;
        Ok((Setup::new(&args.common.server).await?, program))
    };
    let (setup, program) = match begun.await {
        Ok(begun) => begun,
        Err(reason) => return could_not_begin("idle", &args.common, reason),
    };
    let settings = json!({
        "connections": args.connections,
        "per_process": args.per_process,
        "arrivals_per_s": args.arrivals.per_second(),
        "hold_s": args.hold.as_secs_f64(),
        "ticket": !args.silent,
        "tls": setup.aim.target.is_secure(),
    });
    let plan = IdlePlan {
        aim: setup.aim,
        connections: args.connections,
        per_process: args.per_process,
        rate: args.arrivals.per_second(),
        hold: args.hold,
        ticket: !args.silent,
        program,
        worker: worker_options(args),
    };
    let rest = setup.rest.clone();
    conduct(manner, &args.common, settings, Some(setup.rest), |stop, progress| idle::run(plan, rest, stop, progress))
        .await
}

async fn run_reporters(args: &ReportersArgs) -> ExitCode {
    let manner = Manner {
        scenario: "reporters",
        phases: &[("reporters", &reporters::PHASES)],
        invariants: &reporters::INVARIANTS,
        essential: "completed",
        criteria_only: false,
        finish: nothing,
    };
    let begun = async {
        manner.check(&args.common.asserts)?;
        Setup::new(&args.common.server).await
    };
    let setup = match begun.await {
        Ok(setup) => setup,
        Err(reason) => return could_not_begin("reporters", &args.common, reason),
    };
    let settings = json!({
        "viewers": args.viewers,
        "arrivals_per_s": args.arrivals.per_second(),
        "duration_s": args.duration.as_secs_f64(),
        "every_s": args.every.as_secs_f64(),
        "tls": setup.aim.target.is_secure(),
    });
    let plan = ReportersPlan {
        aim: setup.aim,
        viewers: args.viewers,
        rate: args.arrivals.per_second(),
        duration: args.duration,
        every: args.every,
    };
    let rest = setup.rest.clone();
    conduct(manner, &args.common, settings, Some(setup.rest), |stop, progress| {
        reporters::run(plan, rest, stop, progress)
    })
    .await
}

fn worker_options(args: &IdleArgs) -> WorkerOptions {
    let server = &args.common.server;
    let mut arguments = vec!["--url".to_owned(), server.name()];
    if let Some(ca) = &server.ca {
        arguments.extend(["--ca".to_owned(), ca.display().to_string()]);
    }
    for (given, flag) in [(server.insecure, "--insecure"), (server.i_own_this_host, "--i-own-this-host")] {
        if given {
            arguments.push(flag.to_owned());
        }
    }
    WorkerOptions { arguments, api_key: server.token.clone() }
}

async fn run_idle_worker(args: &IdleWorkerArgs) -> ExitCode {
    let aim: Result<Aim, String> = setup::worker_aim(&args.server).await;
    let worked = match aim {
        Ok(aim) => fleet::work(aim, args.worker).await.map_err(|error| error.to_string()),
        Err(reason) => Err(reason),
    };
    match worked {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("worker {}: {reason}", args.worker);
            ExitCode::from(EXIT_COULD_NOT_RUN)
        }
    }
}

async fn run_capacity(args: &CapacityArgs) -> ExitCode {
    let manner = Manner {
        scenario: "capacity",
        phases: &[],
        invariants: &[],
        essential: "completed",
        criteria_only: true,
        finish: nothing,
    };
    let (plan, setup, agents) = match prepare_capacity(args).await {
        Ok(begun) => begun,
        Err(reason) => return could_not_begin("capacity", &args.connect.common, reason),
    };
    let settings = json!({
        "probe": format!("{:?}", args.probe).to_lowercase(),
        "from_per_s": plan.from,
        "factor": plan.factor,
        "max_per_s": plan.most,
        "step_s": args.connect.duration.unwrap_or(STEP_DEFAULT).as_secs_f64(),
        "agents": agents.tokens.len(),
    });
    let rest = setup.rest.clone();
    let code = conduct(manner, &args.connect.common, settings, Some(setup.rest.clone()), |stop, progress| {
        capacity::run(plan, rest, stop, progress)
    })
    .await;
    agents.close(&setup.rest).await;
    code
}

/// Length of a step of `capacity` unless asked otherwise.
const STEP_DEFAULT: Duration = Duration::from_secs(10);

async fn prepare_capacity(args: &CapacityArgs) -> Result<(CapacityPlan, Setup, Agents), String> {
    if !(1.05..=10.0).contains(&args.factor) {
        return Err("--factor is between 1.05 and 10".to_owned());
    }
    let (scenario, names, usual): (_, crate::assertion::PhaseNames<'_>, _) = match args.probe {
        ProbeName::Connect => ("connect", CONNECT_NAMES, CONNECT_CRITERIA),
        ProbeName::Chat => ("chat", &[("chat", &chat::PHASES)], CHAT_CRITERIA),
    };
    let asked = &args.connect.common.asserts;
    asked.iter().try_for_each(|assertion| assertion.check_names(scenario, names))?;
    let criteria: Vec<Assertion> =
        if asked.is_empty() { usual.iter().filter_map(|text| text.parse().ok()).collect() } else { asked.clone() };
    let defaults = Defaults { duration: STEP_DEFAULT, hold: Duration::from_millis(100), guests: 0 };
    let duration = args.connect.duration.unwrap_or(STEP_DEFAULT);
    let (setup, probe, agents, from) = match args.probe {
        ProbeName::Connect => {
            let most = Some((args.max_rate.per_second().min(100.0), 40));
            let (setup, plan, agents) = prepare_connect(&args.connect, &defaults, most).await?;
            let from = plan.arrivals.per_second();
            (setup, Probe::Connect(Box::new(plan)), agents, from)
        }
        ProbeName::Chat => {
            let mut setup = Setup::new(&args.connect.common.server).await?;
            setup.mint_for(args.viewers).await?;
            let from = args.connect.arrivals.map_or(50.0, |arrivals| arrivals.per_second());
            let rate = Pace::of(from).ok_or("no rate")?;
            let faults = FaultPlan::default();
            let plan = ChatPlan { aim: setup.aim.clone(), viewers: args.viewers, rate, duration, faults };
            (setup, Probe::Chat(Box::new(plan)), Agents::default(), from)
        }
    };
    let same_machine = setup.aim.address.is_loopback();
    let most = args.max_rate.per_second();
    let plan = CapacityPlan { probe, from, factor: args.factor, most, criteria, same_machine };
    Ok((plan, setup, agents))
}

fn run_compare(args: &CompareArgs) -> ExitCode {
    let read = |path: &Path| -> Result<Report, String> {
        let text = std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        serde_json::from_str(&text).map_err(|error| format!("{} is no report of this tool: {error}", path.display()))
    };
    let (before, after) = match (read(&args.before), read(&args.after)) {
        (Ok(before), Ok(after)) => (before, after),
        (Err(reason), _) | (_, Err(reason)) => {
            eprintln!("could not run: {reason}");
            return ExitCode::from(EXIT_COULD_NOT_RUN);
        }
    };
    let tolerance =
        Tolerance { share: args.tolerance, floor_ms: args.floor.as_secs_f64() * 1_000.0, count_min: args.min_count };
    let comparison = compare(&before, &after, tolerance);
    print!("{comparison}");
    if comparison.is_worse() {
        eprintln!("the second report is worse beyond the tolerance");
        return ExitCode::from(EXIT_FELL);
    }
    ExitCode::SUCCESS
}

/// Reads `60s`, `2m`, `500ms`, `1h`.
///
/// # Errors
/// A sentence with what was expected.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let (number, unit_ms) = if let Some(number) = text.strip_suffix("ms") {
        (number, 1.0)
    } else if let Some(number) = text.strip_suffix('s') {
        (number, 1_000.0)
    } else if let Some(number) = text.strip_suffix('m') {
        (number, 60_000.0)
    } else if let Some(number) = text.strip_suffix('h') {
        (number, 3_600_000.0)
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

/// Reads `10%` as 0.1.
fn parse_percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').and_then(|number| number.parse::<f64>().ok());
    match number {
        Some(percent) if (0.0..=1_000.0).contains(&percent) => Ok(percent / 100.0),
        _ => Err(format!("{text:?} is no share; expected 10%")),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::scenarios::connect::Mode;

    #[test]
    fn the_documented_command_is_understood() {
        let command = "sightline-loadtest connect --url http://127.0.0.1:8080 --token KEY --mode both --arrivals 20/s \
            --duration 60s --engine str0m --json out.json --html out.html --assert connect.total.p95<600ms \
            --fault drop:5%@20s --fault cut:10%@30s";
        let cli = Cli::try_parse_from(command.split_ascii_whitespace()).unwrap();
        let Scenario::Connect(args) = cli.scenario else { panic!("connect") };
        assert_eq!(args.duration, Some(Duration::from_secs(60)));
        assert_eq!(args.mode, Mode::Both);
        assert_eq!(args.faults.len(), 2);
    }

    #[test]
    fn wrong_arguments_are_told() {
        for command in [
            "x connect",
            "x connect --url http://x --arrivals fast",
            "x connect --url http://x --duration 60",
            "x connect --url http://x --assert total<1",
            "x connect --url http://x --fault burn:1%@1s",
            "x chat --url http://x --viewers 0",
            "x storm --url http://x --viewers 50000",
            "x compare one.json",
        ] {
            assert!(Cli::try_parse_from(command.split_ascii_whitespace()).is_err(), "{command}");
        }
    }

    #[test]
    fn shares_are_read() {
        assert_eq!(parse_percent("10%"), Ok(0.1));
        assert!(parse_percent("10").is_err());
        assert_eq!(parse_duration("1h"), Ok(Duration::from_secs(3_600)));
    }
}
