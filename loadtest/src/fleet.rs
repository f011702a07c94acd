//! Worker processes that hold connections, and the parent that tells them what to do.
//!
//! A worker reads a line a command from its standard input (`open COUNT RATE TICKET`, `status`), answers each with one line of
//! JSON, and ends when the input does. The API key goes by the environment, never by the command line.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::client::{ClientError, Pump, ViewerClient};
use crate::scenarios::{Aim, ProgressBar, Stop};
use crate::watch::Generator;

/// Bound on one connection's opening.
const OPEN_LIMIT: Duration = Duration::from_secs(20);
/// Measurements of one phase that a worker reports.
const SAMPLES_MAX: usize = 2_000;
/// Connections of one command; more are opened by several, so that the progress shows.
const BATCH: u64 = 250;
/// Client numbers of one worker; keeps their addresses apart.
const NUMBERS_PER_WORKER: u64 = 6_000;

/// How a worker reaches the server: arguments as the parent got them.
#[derive(Debug, Clone, Default)]
pub struct WorkerOptions {
    /// Arguments after the hidden command's name.
    pub arguments: Vec<String>,
    /// API key.
    pub api_key: Option<String>,
}

/// What a worker holds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct HerdStatus {
    /// Connections that are open.
    pub open: u64,
    /// Connections that were open and broke.
    pub lost: u64,
    /// Failures to open, by kind.
    pub failed: BTreeMap<String, u64>,
    /// Some measurements by phase, µs.
    pub samples_us: BTreeMap<String, Vec<u64>>,
    /// The worker's own delay, 99th percentile, ms.
    pub lag_p99_ms: f64,
}

impl HerdStatus {
    fn add(&mut self, other: Self) {
        self.open += other.open;
        self.lost += other.lost;
        for (kind, times) in other.failed {
            *self.failed.entry(kind).or_default() += times;
        }
        for (phase, samples) in other.samples_us {
            self.samples_us.entry(phase).or_default().extend(samples);
        }
        self.lag_p99_ms = self.lag_p99_ms.max(other.lag_p99_ms);
    }
}

/// The connections of one process.
struct Herd {
    aim: Aim,
    first: u64,
    tried: u64,
    status: Arc<Mutex<HerdStatus>>,
    tasks: JoinSet<()>,
}

fn lock(status: &Mutex<HerdStatus>) -> MutexGuard<'_, HerdStatus> {
    status.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Herd {
    /// Opens `count` more, and returns when each is open or has failed.
    async fn open(&mut self, count: u64, rate: f64, ticket: bool) {
        let start = Instant::now();
        let (done_in, mut done) = tokio::sync::mpsc::channel(1);
        for n in 0..count {
            sleep_until(start + Duration::from_secs_f64(n as f64 / rate.max(0.1))).await;
            let options = self.aim.viewer(self.first + self.tried);
            self.tried += 1;
            let client = ViewerClient::new(self.aim.target.clone(), options);
            self.tasks.spawn(hold(client, ticket, Arc::clone(&self.status), done_in.clone()));
        }
        drop(done_in);
        // Every task drops its end when it is open or has failed.
        while done.recv().await.is_some() {}
    }
}

async fn hold(
    mut client: ViewerClient,
    ticket: bool,
    status: Arc<Mutex<HerdStatus>>,
    opening: tokio::sync::mpsc::Sender<()>,
) {
    let opened = tokio::time::timeout(OPEN_LIMIT, open_one(&mut client, ticket, &status)).await;
    let opened = opened.unwrap_or_else(|_| Err(ClientError::Timeout { what: "chat".to_owned(), limit: OPEN_LIMIT }));
    match opened {
        Ok(()) => lock(&status).open += 1,
        Err(error) => {
            *lock(&status).failed.entry(error.kind()).or_default() += 1;
            return;
        }
    }
    drop(opening);
    while client.next().await.is_ok() {}
    let mut status = lock(&status);
    status.open -= 1;
    status.lost += 1;
}

async fn open_one(client: &mut ViewerClient, ticket: bool, status: &Mutex<HerdStatus>) -> Result<(), ClientError> {
    client.connect().await?;
    let dialed = client.session.dialed;
    let mut phases = vec![
        ("dns", dialed.dns),
        ("tcp", dialed.tcp),
        ("tls", dialed.tls),
        ("ws", dialed.ws),
        ("hello", client.session.hello),
    ];
    if ticket {
        let began = Instant::now();
        client.say("Load test: an idle chat", OPEN_LIMIT).await?;
        phases.push(("ack", began.elapsed()));
    }
    let mut status = lock(status);
    for (phase, took) in phases {
        let samples = status.samples_us.entry(phase.to_owned()).or_default();
        if samples.len() < SAMPLES_MAX {
            samples.push(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
        }
    }
    Ok(())
}

/// The body of a worker process: obeys its standard input until it ends.
///
/// # Errors
/// When standard input or output fails.
pub async fn work(aim: Aim, worker: u64) -> std::io::Result<()> {
    let generator = Generator::start();
    let status = Arc::new(Mutex::new(HerdStatus::default()));
    let mut herd =
        Herd { aim, first: worker * NUMBERS_PER_WORKER, tried: 0, status: Arc::clone(&status), tasks: JoinSet::new() };
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let mut output = tokio::io::stdout();
    while let Some(line) = lines.next_line().await? {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        if let ["open", count, rate, ticket] = words[..] {
            let (count, rate) = (count.parse().unwrap_or(0), rate.parse().unwrap_or(1.0));
            herd.open(count, rate, ticket == "true").await;
        }
        let mut answer = lock(&status).clone();
        if words.first() != Some(&"status") {
            // The measurements are many; once at the end is enough.
            answer.samples_us.clear();
        } else {
            answer.lag_p99_ms = generator.lag_so_far().map_or(0.0, |lag| lag.p99);
        }
        let mut text = serde_json::to_string(&answer)?;
        text.push('\n');
        output.write_all(text.as_bytes()).await?;
        output.flush().await?;
    }
    Ok(())
}

/// One worker as its parent sees it.
struct Worker {
    child: Child,
    commands: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    open: u64,
}

impl Worker {
    async fn tell(&mut self, command: &str) -> Result<HerdStatus, String> {
        let lost = |error: &dyn std::fmt::Display| format!("a worker process is gone: {error}");
        self.commands.write_all(format!("{command}\n").as_bytes()).await.map_err(|error| lost(&error))?;
        self.commands.flush().await.map_err(|error| lost(&error))?;
        let line = self.answers.next_line().await.map_err(|error| lost(&error))?;
        let line = line.ok_or_else(|| lost(&"it ended"))?;
        let status: HerdStatus = serde_json::from_str(&line).map_err(|error| lost(&error))?;
        self.open = status.open;
        Ok(status)
    }
}

/// The workers.
pub struct Fleet {
    workers: Vec<Worker>,
}

impl Fleet {
    /// Starts `count` workers.
    ///
    /// # Errors
    /// In words, when one cannot be started.
    pub async fn start(program: &Path, options: &WorkerOptions, count: u64) -> Result<Self, String> {
        let mut workers = Vec::new();
        for number in 0..count {
            let mut command = Command::new(program);
            command.arg("idle-worker").arg("--worker").arg(number.to_string()).args(&options.arguments);
            if let Some(key) = &options.api_key {
                command.env(crate::cli::API_KEY_VARIABLE, key);
            }
            let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn();
            let mut child = spawned.map_err(|error| format!("no worker process: {error}"))?;
            let (Some(commands), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
                return Err("a worker process has no pipes".to_owned());
            };
            let mut worker = Worker { child, commands, answers: BufReader::new(output).lines(), open: 0 };
            worker.tell("hello").await?;
            workers.push(worker);
        }
        Ok(Self { workers })
    }

    /// Opens connections until all workers together hold `goal`, or were told to open as many.
    ///
    /// # Errors
    /// In words, when a worker is gone.
    pub async fn open_up_to(
        &mut self,
        goal: u64,
        rate: f64,
        ticket: bool,
        progress: &ProgressBar,
        stop: &mut Stop,
    ) -> Result<HerdStatus, String> {
        let held: u64 = self.workers.iter().map(|worker| worker.open).sum();
        let mut left = goal.saturating_sub(held);
        let share = rate / self.workers.len().max(1) as f64;
        while left > 0 && !stop.is_asked() {
            let each = left.div_ceil(self.workers.len() as u64).min(BATCH);
            let mut orders = Vec::new();
            for worker in &mut self.workers {
                let count = each.min(left);
                left -= count;
                if count > 0 {
                    orders.push(async move { worker.tell(&format!("open {count} {share} {ticket}")).await });
                }
            }
            for answer in futures_util::future::join_all(orders).await {
                answer?;
            }
            progress.set_position(self.workers.iter().map(|worker| worker.open).sum());
        }
        self.status().await
    }

    /// What all workers hold.
    ///
    /// # Errors
    /// In words, when a worker is gone.
    pub async fn status(&mut self) -> Result<HerdStatus, String> {
        let mut sum = HerdStatus::default();
        for worker in &mut self.workers {
            sum.add(worker.tell("status").await?);
        }
        Ok(sum)
    }

    /// Ends the workers and their connections.
    pub async fn end(self) {
        for mut worker in self.workers {
            drop(worker.commands);
            // A worker that hangs is killed when its handle is dropped.
            let _ = tokio::time::timeout(Duration::from_secs(5), worker.child.wait()).await;
        }
    }
}
