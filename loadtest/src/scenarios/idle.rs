//! Scenario `idle`: many chats that are open and say nothing; what each costs the server.
//!
//! The connections are held by worker processes of this program, so that neither a process's limit of open files nor its
//! memory is in the way. Memory is read at a third of the connections and at all of them, each time when it has settled; the
//! slope between the two is what one connection costs, whatever the server needs for itself.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::{Aim, ProgressBar, Stop};
use crate::client::{QUIET_AFTER, RestClient};
use crate::fleet::{Fleet, HerdStatus, WorkerOptions};
use crate::report::Tally;
use crate::watch::{LAG_MAX, Measured};

/// Phases of opening.
pub const PHASES: [&str; 6] = ["dns", "tcp", "tls", "ws", "hello", "ack"];
/// What always has to hold.
pub const INVARIANTS: [&str; 2] = ["totals.lost_connections==0", "totals.not_opened==0"];
/// Time between two looks at the memory while it settles.
const SETTLE_STEP: Duration = Duration::from_secs(1);
/// Memory has settled when it changes by less than this share in a step.
const SETTLED_SHARE: f64 = 0.002;
/// From the last connection until all are idle: the chat has to fall quiet, and its last ping of the busy kind to be over.
const FALL_QUIET: Duration = Duration::from_secs(QUIET_AFTER.as_secs() + 10);
/// It settles for this long at most.
const SETTLE_MAX: u32 = 15;

/// What to run.
#[derive(Debug, Clone)]
pub struct IdlePlan {
    /// Where, and as whom.
    pub aim: Aim,
    /// How many connections.
    pub connections: u64,
    /// How many one worker process holds.
    pub per_process: u64,
    /// Connections opened a second.
    pub rate: f64,
    /// How long all of them stay.
    pub hold: Duration,
    /// Whether each has written a message, and thereby has a ticket and a place in line.
    pub ticket: bool,
    /// This program.
    pub program: PathBuf,
    /// How workers reach the server.
    pub worker: WorkerOptions,
}

/// Runs the scenario.
///
/// # Errors
/// In words, when no worker can be started or the server does not tell its memory.
pub async fn run(plan: IdlePlan, rest: RestClient, mut stop: Stop, progress: ProgressBar) -> Result<Tally, String> {
    let mut tally = Tally::default();
    tally.course.begin(Instant::now());
    Measured::ask(&rest).await.map_err(|error| format!("the server does not tell its memory: {error}"))?;
    progress.set_length(plan.connections);
    progress.set_message("opening");
    let workers = plan.connections.div_ceil(plan.per_process.max(1)).max(1);
    let mut fleet = Fleet::start(&plan.program, &plan.worker, workers).await?;
    let third = plan.connections / 3;
    let mut marks: Vec<(u64, f64)> = Vec::new();
    let empty = settled(&rest, &mut stop).await;
    for goal in [third, plan.connections] {
        if goal == 0 || stop.is_asked() {
            continue;
        }
        let status = fleet.open_up_to(goal, plan.rate, plan.ticket, &progress, &mut stop).await?;
        progress.set_message("settling");
        if let Some(measured) = settled(&rest, &mut stop).await
            && let Some(rss) = measured.rss_bytes
        {
            marks.push((status.open, rss));
        }
    }
    progress.set_message("falling quiet");
    stop.sleep_until(tokio::time::Instant::now() + FALL_QUIET).await;
    progress.set_message("idle");
    let before = (Instant::now(), Measured::ask(&rest).await.ok());
    stop.sleep_until(tokio::time::Instant::now() + plan.hold).await;
    let after = (Instant::now(), Measured::ask(&rest).await.ok());
    if let (Some(Some(was)), Some(Some(is))) = (before.1.map(|m| m.cpu_s), after.1.map(|m| m.cpu_s)) {
        tally.figure("idle_cpu_percent", (is - was) / (after.0 - before.0).as_secs_f64() * 100.0);
    }
    let status = fleet.status().await?;
    fleet.end().await;
    note(&mut tally, &plan, status, &marks, empty.and_then(|measured| measured.rss_bytes));
    stop.mark(&mut tally);
    Ok(tally)
}

fn note(tally: &mut Tally, plan: &IdlePlan, status: HerdStatus, marks: &[(u64, f64)], empty: Option<f64>) {
    tally.count("viewers", plan.connections);
    tally.count("completed", status.open);
    tally.count("lost_connections", status.lost);
    tally.count("not_opened", status.failed.values().sum());
    for (kind, times) in &status.failed {
        tally.fail_times(&format!("open: {kind}"), *times);
    }
    if status.lost > 0 {
        tally.fail_times("lost: connection closed", status.lost);
    }
    for (phase, micros) in &status.samples_us {
        micros.iter().for_each(|us| tally.phases.record(&format!("idle.{phase}"), Duration::from_micros(*us)));
    }
    if let [(few, at_few), .., (many, at_many)] = marks
        && many > few
    {
        if at_many > at_few {
            tally.figure("rss_bytes_per_connection", (at_many - at_few) / (many - few) as f64);
        } else {
            let words = "the server's memory did not grow: it had room left from earlier; start it afresh to measure a connection";
            tally.notes.push(words.to_owned());
        }
        tally.figure("rss_bytes_at_a_third", *at_few);
        tally.figure("rss_bytes_at_all", *at_many);
    }
    if let Some(empty) = empty {
        tally.figure("rss_bytes_before", empty);
    }
    tally.figure("worker_lag_p99_ms", status.lag_p99_ms);
    if status.lag_p99_ms > LAG_MAX.as_secs_f64() * 1_000.0 {
        tally.notes.push("a worker process of the load test was late; the machine was too busy".to_owned());
    }
}

/// The server once its memory stands still.
async fn settled(rest: &RestClient, stop: &mut Stop) -> Option<Measured> {
    let mut last: Option<Measured> = None;
    for _ in 0..SETTLE_MAX {
        let now = Measured::ask(rest).await.ok();
        if let (Some(was), Some(is)) = (last.and_then(|m| m.rss_bytes), now.and_then(|m| m.rss_bytes))
            && (is - was).abs() < was * SETTLED_SHARE
        {
            return now;
        }
        last = now.or(last);
        if stop.is_asked() {
            break;
        }
        sleep(SETTLE_STEP).await;
    }
    last
}
