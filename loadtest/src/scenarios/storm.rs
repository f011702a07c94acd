//! Scenario `storm`: an event goes wrong and everybody asks for help at once.
//!
//! Some residents chat first, in quiet and then through the storm; the slowdown is the ratio of the 99th percentiles of
//! their acknowledgements. The storm's viewers arrive open-loop; each says hello, writes, and has to be told its place in
//! line (or be taken). All times run from the intended arrival, but for `hello`, which runs from the message itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use signaling::wire::ConversationStatus;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant as TokioInstant, sleep_until, timeout_at};

use super::stop::raised;
use super::{Aim, ProgressBar, Stop};
use crate::client::{ClientError, Pump, ViewerClient, ViewerOptions, wait_for};
use crate::report::Tally;

/// Phases of the storm's viewers: dial steps, `hello`, then from the intended arrival `welcome`, `ack` (the first message is
/// committed) and `place` (told its place, or taken).
pub const PHASES: [&str; 8] = ["dns", "tcp", "tls", "ws", "hello", "welcome", "ack", "place"];
/// Phases of the residents.
pub const RESIDENT_PHASES: [&str; 1] = ["ack"];
/// What always has to hold.
pub const INVARIANTS: [&str; 3] = ["totals.unserved==0", "totals.lost_connections==0", "figures.resident_slowdown<3"];
/// Bound on each wait of a viewer: far above what anybody would wait for.
const STEP_LIMIT: Duration = Duration::from_secs(30);
/// Messages a second of each resident.
const RESIDENT_PACE: Duration = Duration::from_millis(500);
/// First client number of the residents, so that their addresses differ from the viewers'.
const FIRST_RESIDENT: u64 = 55_000;

/// What to run.
#[derive(Debug, Clone)]
pub struct StormPlan {
    /// Where, and as whom.
    pub aim: Aim,
    /// How many come.
    pub viewers: u64,
    /// Within which time.
    pub within: Duration,
    /// Chats that go on through the storm.
    pub residents: u64,
    /// How long the residents chat before it.
    pub quiet: Duration,
    /// How long everybody stays after it.
    pub hold: Duration,
}

/// How far one viewer came.
#[derive(Default)]
struct Outcome {
    phases: Vec<(&'static str, Duration)>,
    served: Option<Duration>,
    lost: bool,
    failure: Option<String>,
}

/// One resident's acknowledgements with their intended moments.
type Acks = Vec<(Instant, Duration)>;

/// Runs the scenario. What was measured comes back however it ends.
///
/// # Errors
/// [`ClientError`] when no resident can be opened.
pub async fn run(plan: StormPlan, mut stop: Stop, progress: ProgressBar) -> Result<Tally, ClientError> {
    let mut tally = Tally::default();
    let (over_in, over) = watch::channel(false);
    progress.set_message("quiet");
    let mut residents = open_residents(&plan, &over).await?;
    tally.count("residents", residents.len() as u64);
    stop.sleep_until(TokioInstant::now() + plan.quiet).await;

    progress.set_message("storm");
    progress.set_length(plan.viewers);
    let start = TokioInstant::now();
    tally.course.begin(start.into_std());
    let connected = Arc::new(AtomicU64::new(0));
    let mut viewers: JoinSet<(Instant, Outcome)> = JoinSet::new();
    for n in 0..plan.viewers {
        let at = start + plan.within.mul_f64(n as f64 / plan.viewers.max(1) as f64);
        if !stop.sleep_until(at).await {
            break;
        }
        tally.course.intended(at.into_std());
        let (target, options) = (plan.aim.target.clone(), plan.aim.viewer(n));
        let visit = Visit { intended: at.into_std(), over: over.clone(), connected: Arc::clone(&connected) };
        let progress = progress.clone();
        viewers.spawn(async move {
            let intended = visit.intended;
            let outcome = visit.run(ViewerClient::new(target, options), &progress).await;
            (intended, outcome)
        });
    }
    progress.set_message("everybody stays");
    let storm_ended = TokioInstant::now();
    stop.sleep_until(storm_ended + plan.hold).await;
    wait_until_served(&progress, plan.viewers, storm_ended + STEP_LIMIT, &mut stop).await;
    tally.count("connected_at_the_end", connected.load(Ordering::Relaxed));
    // Everybody is told at once; nobody listens any more when all have failed.
    let _ = over_in.send(true);
    while let Some(Ok((intended, outcome))) = viewers.join_next().await {
        note(&mut tally, intended, outcome);
    }
    let mut acks = Vec::new();
    while let Some(resident) = residents.join_next().await {
        match resident {
            Ok(Ok(own)) => acks.extend(own),
            Ok(Err(kind)) => tally.fail(&format!("resident: {kind}")),
            Err(_) => tally.fail("resident: panicked"),
        }
    }
    note_residents(&mut tally, &acks, start.into_std(), storm_ended.into_std());
    stop.mark(&mut tally);
    Ok(tally)
}

/// Gives those who are still waiting their time, but not longer than everybody needs.
async fn wait_until_served(progress: &ProgressBar, viewers: u64, limit: TokioInstant, stop: &mut Stop) {
    while progress.position() < viewers && TokioInstant::now() < limit && !stop.is_asked() {
        stop.sleep_until(TokioInstant::now() + Duration::from_millis(100)).await;
    }
}

fn note(tally: &mut Tally, intended: Instant, outcome: Outcome) {
    tally.count("viewers", 1);
    for (phase, took) in &outcome.phases {
        tally.phases.record(&format!("storm.{phase}"), *took);
    }
    tally.count("unserved", u64::from(outcome.served.is_none()));
    tally.count("lost_connections", u64::from(outcome.lost));
    if let Some(served) = outcome.served {
        tally.count("completed", 1);
        tally.course.completed(intended, served, "place told");
    }
    if let Some(kind) = outcome.failure {
        tally.fail(&format!("storm: {kind}"));
        tally.course.failed(Instant::now());
    }
}

fn note_residents(tally: &mut Tally, acks: &Acks, storm: Instant, ended: Instant) {
    for (at, took) in acks {
        let mode = if *at < storm { "quiet" } else { "resident" };
        // The slowdown is judged by the storm itself, not by the calm after it.
        if mode == "quiet" || *at <= ended {
            tally.phases.record(&format!("{mode}.ack"), *took);
        }
        if mode == "resident" {
            tally.course.completed(*at, *took, "residents' messages");
        }
    }
    let p99 = |phase: &str| tally.phases.get(phase).map(|row| row.p99);
    if let (Some(quiet), Some(storm)) = (p99("quiet.ack"), p99("resident.ack")) {
        tally.figure("resident_slowdown", storm / quiet.max(0.001));
    }
}

/// One viewer of the storm.
struct Visit {
    intended: Instant,
    over: watch::Receiver<bool>,
    connected: Arc<AtomicU64>,
}

impl Visit {
    async fn run(mut self, mut client: ViewerClient, progress: &ProgressBar) -> Outcome {
        let mut outcome = Outcome::default();
        if let Err(error) = self.be_served(&mut client, &mut outcome).await {
            outcome.failure = Some(error.kind());
            progress.inc(1);
            return outcome;
        }
        progress.inc(1);
        self.connected.fetch_add(1, Ordering::Relaxed);
        loop {
            tokio::select! {
                message = client.next() => if let Err(error) = message {
                    outcome.lost = true;
                    outcome.failure = Some(format!("lost: {}", error.kind()));
                    self.connected.fetch_sub(1, Ordering::Relaxed);
                    return outcome;
                },
                () = raised(&mut self.over) => return outcome,
            }
        }
    }

    async fn be_served(&self, client: &mut ViewerClient, outcome: &mut Outcome) -> Result<(), ClientError> {
        client.connect().await?;
        let dialed = client.session.dialed;
        outcome.phases.extend([
            ("dns", dialed.dns),
            ("tcp", dialed.tcp),
            ("tls", dialed.tls),
            ("ws", dialed.ws),
            ("hello", client.session.hello),
            ("welcome", self.intended.elapsed()),
        ]);
        client.say("The picture stutters", STEP_LIMIT).await?;
        outcome.phases.push(("ack", self.intended.elapsed()));
        wait_for(client, "place in line", STEP_LIMIT, |client| {
            let conversation = client.conversation.as_ref()?;
            let told = conversation.place.is_some() || conversation.status == ConversationStatus::Taken;
            told.then_some(())
        })
        .await?;
        let served = self.intended.elapsed();
        outcome.phases.push(("place", served));
        outcome.served = Some(served);
        Ok(())
    }
}

async fn open_residents(
    plan: &StormPlan,
    over: &watch::Receiver<bool>,
) -> Result<JoinSet<Result<Acks, String>>, ClientError> {
    let mut residents = JoinSet::new();
    let start = TokioInstant::now();
    for n in 0..plan.residents {
        let options: ViewerOptions = plan.aim.viewer(FIRST_RESIDENT + n);
        let mut client = ViewerClient::open(&plan.aim.target, options).await?;
        client.say("Is anybody there?", STEP_LIMIT).await?;
        // Spread over the interval, so that they do not write in one breath.
        let first = start + RESIDENT_PACE.mul_f64(n as f64 / plan.residents as f64);
        residents.spawn(reside(client, first, over.clone()));
    }
    Ok(residents)
}

/// Writes steadily and times each acknowledgement from its intended moment.
async fn reside(
    mut client: ViewerClient,
    first: TokioInstant,
    mut over: watch::Receiver<bool>,
) -> Result<Acks, String> {
    let mut acks = Vec::new();
    let mut due = first.max(TokioInstant::now());
    loop {
        tokio::select! {
            message = client.next() => drop(message.map_err(|error| error.kind())?),
            () = raised(&mut over) => return Ok(acks),
            () = sleep_until(due) => {
                let said = timeout_at(TokioInstant::now() + STEP_LIMIT, client.say("still here", STEP_LIMIT)).await;
                said.map_err(|_| "no acknowledgement".to_owned())?.map_err(|error| error.kind())?;
                acks.push((due.into_std(), due.elapsed()));
                due += RESIDENT_PACE;
            }
        }
    }
}
