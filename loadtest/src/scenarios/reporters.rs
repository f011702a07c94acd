//! Scenario `reporters`: many pages that send what they measure; how long until each block is on disk, and whether any is lost.
//!
//! Each viewer has a ticket and sends a block of five seconds every five seconds, as a page in trouble does: all lanes of its
//! page, by columns of differences, deflated. A block's latency runs from its scheduled moment to its acknowledgement. At
//! the end the samples of some tickets are read back: an acknowledged second that is not there is a loss.

use std::time::{Duration, Instant};

use base64::Engine as _;
use serde_json::{Value, json};
use signaling::wire::{Block, Leg};
use tokio::task::JoinSet;
use tokio::time::{sleep_until, timeout};

use super::{Aim, ProgressBar, Stop};
use crate::client::{ClientError, Pump as _, RestClient, ViewerClient};
use crate::report::Tally;
use crate::watch::Measured;

/// Phases of the scenario.
pub const PHASES: [&str; 6] = ["dns", "tcp", "tls", "ws", "hello", "block"];
/// What always has to hold, asked for or not.
pub const INVARIANTS: [&str; 3] = ["totals.lost==0", "totals.lost_connections==0", "totals.not_read_back==0"];
/// Bound on one viewer's opening and its ticket.
const OPEN_LIMIT: Duration = Duration::from_secs(30);
/// Time for the last acknowledgements.
const TAIL: Duration = Duration::from_secs(20);
/// Tickets whose samples are read back.
const READ_BACK: usize = 25;
/// Seconds in a block.
const BLOCK_S: u32 = 5;

/// What to run.
#[derive(Debug, Clone)]
pub struct ReportersPlan {
    /// Where, and as whom.
    pub aim: Aim,
    /// How many report.
    pub viewers: u64,
    /// Viewers opened a second.
    pub rate: f64,
    /// How long all of them report.
    pub duration: Duration,
    /// Time between two blocks of one viewer.
    pub every: Duration,
}

/// What one reporter did.
#[derive(Debug, Default)]
struct Reported {
    latencies: Vec<Duration>,
    sent: u64,
    bytes: u64,
    broken: bool,
    ticket: Option<i64>,
}

/// Runs the scenario. What was measured comes back however it ends.
///
/// # Errors
/// In words, when not one viewer can be opened.
pub async fn run(plan: ReportersPlan, rest: RestClient, stop: Stop, progress: ProgressBar) -> Result<Tally, String> {
    let mut tally = Tally::default();
    tally.course.begin(Instant::now());
    progress.set_length(plan.viewers);
    progress.set_message("opening");
    let clients = open_all(&plan, &mut tally, &stop, &progress).await?;
    progress.set_message("reporting");
    let before = (Instant::now(), Measured::ask(&rest).await.ok());
    let start = tokio::time::Instant::now() + Duration::from_millis(200);
    let count = clients.len().max(1);
    let mut running = JoinSet::new();
    for (n, client) in clients.into_iter().enumerate() {
        // Spread over the interval, as pages are that were opened at any time.
        let first = start + plan.every.mul_f64(n as f64 / count as f64);
        running.spawn(report(client, first, plan.clone(), stop.clone()));
    }
    let mut all = Vec::new();
    while let Some(done) = running.join_next().await {
        all.extend(done.ok());
    }
    let after = (Instant::now(), Measured::ask(&rest).await.ok());
    if let (Some(Some(was)), Some(Some(is))) = (before.1.map(|m| m.cpu_s), after.1.map(|m| m.cpu_s)) {
        tally.figure("reporting_cpu_percent", (is - was) / (after.0 - before.0).as_secs_f64() * 100.0);
    }
    note(&mut tally, &all);
    progress.set_message("reading back");
    read_back(&rest, &all, &mut tally).await;
    stop.mark(&mut tally);
    Ok(tally)
}

async fn open_all(
    plan: &ReportersPlan,
    tally: &mut Tally,
    stop: &Stop,
    progress: &ProgressBar,
) -> Result<Vec<(ViewerClient, u64)>, String> {
    let start = tokio::time::Instant::now();
    let mut opening = JoinSet::new();
    for n in 0..plan.viewers {
        sleep_until(start + Duration::from_secs_f64(n as f64 / plan.rate.max(0.1))).await;
        if stop.is_asked() {
            break;
        }
        let (target, options, progress) = (plan.aim.target.clone(), plan.aim.viewer(n), progress.clone());
        opening.spawn(async move {
            let opened = async {
                let mut client = ViewerClient::open(&target, options).await?;
                client.say("Load test: it stutters", OPEN_LIMIT).await?;
                Ok::<_, ClientError>(client)
            };
            let opened = timeout(OPEN_LIMIT, opened).await;
            progress.inc(1);
            (opened.unwrap_or(Err(ClientError::Timeout { what: "chat".to_owned(), limit: OPEN_LIMIT })), n)
        });
    }
    let (mut clients, mut failure) = (Vec::new(), None);
    while let Some(opened) = opening.join_next().await {
        match opened {
            Ok((Ok(client), n)) => {
                let dialed = client.session.dialed;
                let phases = [("dns", dialed.dns), ("tcp", dialed.tcp), ("tls", dialed.tls), ("ws", dialed.ws)];
                for (phase, took) in phases.into_iter().chain([("hello", client.session.hello)]) {
                    tally.phases.record(&format!("reporters.{phase}"), took);
                }
                clients.push((client, n));
            }
            Ok((Err(error), _)) => {
                tally.fail(&format!("open: {}", error.kind()));
                failure = Some(error.to_string());
            }
            Err(_) => tally.fail("open: panicked"),
        }
    }
    tally.count("viewers", clients.len() as u64);
    match failure {
        Some(error) if clients.is_empty() => Err(error),
        _ => Ok(clients),
    }
}

/// One reporter: blocks at their moments, acknowledgements as they come.
async fn report(
    (mut client, n): (ViewerClient, u64),
    first: tokio::time::Instant,
    plan: ReportersPlan,
    stop: Stop,
) -> Reported {
    let mut reported =
        Reported { ticket: client.conversation.as_ref().map(|chat| chat.ticket.0), ..Reported::default() };
    let last = first + plan.duration;
    let mut due = first;
    let mut waiting: Vec<(u32, tokio::time::Instant)> = Vec::new();
    loop {
        let over = due >= last || stop.is_asked();
        if over && waiting.is_empty() {
            return reported;
        }
        let until = if over { due + TAIL } else { due };
        tokio::select! {
            message = client.next() => {
                if message.is_err() {
                    reported.broken = true;
                    return reported;
                }
                for (_, _, seq) in std::mem::take(&mut client.session.blocks_on_disk) {
                    if let Some(at) = waiting.iter().position(|(known, _)| *known == seq) {
                        reported.latencies.push(waiting.swap_remove(at).1.elapsed());
                    }
                }
            }
            () = sleep_until(until) => {
                if over {
                    return reported;
                }
                let seq = u32::try_from(reported.sent).unwrap_or(u32::MAX);
                let block = page_block(client.session.clock.now_ms(), n, seq);
                reported.bytes += block.bytes.len() as u64;
                reported.sent += 1;
                waiting.push((seq, due));
                if client.session.send_block(block).await.is_err() {
                    reported.broken = true;
                    return reported;
                }
                due += plan.every;
            }
        }
    }
}

fn note(tally: &mut Tally, all: &[Reported]) {
    let sum = |of: fn(&Reported) -> u64| all.iter().map(of).sum::<u64>();
    let (sent, bytes) = (sum(|one| one.sent), sum(|one| one.bytes));
    let acknowledged = sum(|one| one.latencies.len() as u64);
    for latency in all.iter().flat_map(|one| &one.latencies) {
        tally.phases.record("reporters.block", *latency);
    }
    tally.count("blocks", sent);
    tally.count("completed", acknowledged);
    tally.count("lost", sent - acknowledged);
    let broken = all.iter().filter(|one| one.broken).count() as u64;
    tally.count("lost_connections", broken);
    tally.fail_times("a block was not acknowledged", sent - acknowledged);
    tally.fail_times("connection lost", broken);
    if sent > 0 {
        tally.figure("bytes_per_block", bytes as f64 / sent as f64);
    }
}

/// Reads samples of some tickets: each acknowledged second has to be there.
async fn read_back(rest: &RestClient, all: &[Reported], tally: &mut Tally) {
    let step = (all.len() / READ_BACK).max(1);
    let mut missing = 0;
    for one in all.iter().step_by(step).take(READ_BACK) {
        let Some(ticket) = one.ticket else { continue };
        let wanted = one.latencies.len() * BLOCK_S as usize;
        match rest.telemetry(ticket).await {
            Ok(file) => missing += wanted.saturating_sub(file.player.samples.len()),
            Err(error) => {
                missing += wanted;
                tally.fail(&format!("read back: {}", error.kind()));
            }
        }
    }
    tally.count("not_read_back", missing as u64);
}

/// Five seconds of a page in trouble, ending now: its lanes as a widget sends them.
fn page_block(now_ms: f64, n: u64, seq: u32) -> Block {
    #[expect(clippy::cast_possible_truncation, reason = "a time of today")]
    let first = now_ms as i64 / 1_000 * 1_000 - i64::from(BLOCK_S) * 1_000;
    let at = i64::from(seq) * i64::from(BLOCK_S);
    let steps = |begin: i64, step: i64| {
        let rest = (1..BLOCK_S).map(|_| step);
        json!({ "d": std::iter::once(begin).chain(rest).collect::<Vec<_>>() })
    };
    let mut noise = n.wrapping_mul(0x9e37_79b9).wrapping_add(u64::from(seq) * 0x85eb_ca6b);
    let mut around = |mean: i64, spread: i64| -> Value {
        let mut last = 0;
        let values = (0..BLOCK_S).map(|_| {
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let value = mean + i64::try_from(noise >> 40).unwrap_or(0) % spread.max(1);
            value - std::mem::replace(&mut last, value)
        });
        json!({ "d": values.collect::<Vec<_>>() })
    };
    let same = |value: Value| json!({ "k": value });
    let player = json!({"n": BLOCK_S, "c": {
        "t": steps(first, 1_000), "currentTime": steps(at, 1), "bufferedAheadS": around(3, 4), "stalls": steps(at / 9, 0),
        "stalledMs": steps(at * 90, 90), "totalVideoFrames": steps(at * 30, 30), "droppedVideoFrames": steps(at / 7, 0),
        "renderedFrames": steps(at * 30, 30), "decodeMs": around(6, 9), "paused": same(json!(false)), "ended": same(json!(false)),
        "waiting": same(json!(false)), "hidden": same(json!(false)), "readyState": same(json!(4)), "videoWidth": same(json!(1280)),
        "videoHeight": same(json!(720)), "playbackRate": same(json!(1)), "level": same(json!(1)), "bitrateKbps": same(json!(1500)),
    }});
    let segments = json!({"n": BLOCK_S, "c": {
        "t": around(first, 4_000), "ttfbMs": around(60, 400), "durationMs": around(300, 900), "bytes": around(300_000, 90_000),
        "status": same(json!(200)), "host": same(json!("edge.loadtest.invalid")), "mediaS": same(json!(2)),
    }});
    let device = json!({"n": BLOCK_S, "c": {
        "t": steps(first, 1_000), "hardwareConcurrency": same(json!(8)), "blockedMs": around(0, 40), "pingMs": around(30, 60),
        "browser": same(json!("Chrome")), "system": same(json!("Windows")), "effectiveType": same(json!("4g")),
    }});
    let document = json!({"lanes": {"player": player, "segments": segments, "device": device}}).to_string();
    let bytes = miniz_oxide::deflate::compress_to_vec(document.as_bytes(), 6);
    Block {
        conversation: None,
        call: None,
        leg: Leg::Player,
        seq,
        source: "loadtest".to_owned(),
        t0_ms: first as f64,
        codec: "lanes1z".to_owned(),
        bytes: base64::engine::general_purpose::STANDARD.encode(bytes),
    }
}
