//! Scenarios `connect`, `call`, `fanout` and `soak`: how long from a viewer's consent to the agent's picture, and how the picture fares
//! while the call is held.
//!
//! Viewers arrive on a schedule that does not care how earlier ones fare (open loop). Each opens a socket and writes `lead`
//! before its intended moment, is taken and invited `card` before it, and accepts at it. `total` runs from that *intended*
//! moment to the first complete key frame at the agent: what a viewer loses because the preparation, the generator or the
//! server was late is in it (no coordinated omission). A failure is a failure; nothing is tried again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::task::JoinSet;
use tokio::time::sleep_until;

use super::crew::{CallMedia, Crew};
use super::guests::Guests;
use super::journey::{Journey, Outcome};
use super::{Aim, Pace, ProgressBar, Stop};
use crate::call::CallError;
use crate::engine::{MediaEngine, MediaOptions, Part, VideoCodec};
use crate::faults::{FaultOutcome, FaultPlan};
use crate::report::Tally;

/// Phases of a connect, in the order they happen. Each lasts from the end of the one before it, but for `total`.
pub const PHASES: [&str; 12] =
    ["dns", "tcp", "tls", "ws", "hello", "offer", "answer", "ice", "dtls", "first_packet", "first_frame", "total"];
/// Phases of the preparation, before the consent: the first message's acknowledgement, the wait for an idle agent (more than a
/// moment means that the run has too few of them), and the invitation's way.
pub const PREPARATION: [&str; 3] = ["chat", "agent", "invite"];
/// Phases of colleagues who join: their connection, and from joining to the first frame.
pub const GUEST_PHASES: [&str; 2] = ["watch", "first_frame"];
/// Phase name of the generator's own delay behind its schedule.
pub const LATE: &str = "generator.late";
/// Failures to reach the server in a row after which the run is broken off.
const UNREACHABLE_MAX: u32 = 10;

/// When the media connection is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Mode {
    /// At the consent; descriptions are exchanged while the card is read, as the widget does without its warm connection.
    Cold,
    /// While the consent card is read.
    Warm,
    /// Cold and warm viewers by turns.
    Both,
}

impl Mode {
    /// The mode of viewer `n`.
    pub(super) fn of(self, n: u64) -> &'static str {
        match self {
            Self::Cold => "cold",
            Self::Warm => "warm",
            Self::Both if n.is_multiple_of(2) => "cold",
            Self::Both => "warm",
        }
    }
}

/// What to run.
#[derive(Clone)]
pub struct ConnectPlan {
    /// Where, and as whom.
    pub aim: Aim,
    /// Cold, warm or both.
    pub mode: Mode,
    /// Arrivals.
    pub arrivals: Pace,
    /// For how long viewers arrive.
    pub duration: Duration,
    /// How long before its consent a viewer arrives.
    pub lead: Duration,
    /// How long before its consent a viewer is invited: the time in which it reads the card and warms its connection.
    pub card: Duration,
    /// How long a call lasts after its first frame.
    pub hold: Duration,
    /// Session tokens, one an agent.
    pub agents: Vec<String>,
    /// The media stack.
    pub engine: Arc<dyn MediaEngine>,
    /// What viewers publish.
    pub codec: VideoCodec,
    /// Faults on purpose; they hit viewers in a call.
    pub faults: FaultPlan,
    /// Colleagues who join each call once its picture is there.
    pub guests: u32,
    /// Session tokens of all the colleagues.
    pub guest_agents: Vec<String>,
}

/// Everybody on the agents' side.
pub(super) struct Staff {
    /// Those who have calls.
    pub(super) crew: Crew,
    /// Those who join them.
    pub(super) guests: Guests,
}

/// Runs the scenario. What was measured comes back however it ends.
///
/// # Errors
/// [`CallError`] when the agents cannot be set up: nothing was measured then.
pub async fn run(plan: ConnectPlan, stop: Stop, progress: ProgressBar) -> Result<Tally, CallError> {
    progress.set_message("agents");
    let staff = open_staff(&plan).await?;
    Ok(run_with(plan, staff, stop, progress).await)
}

/// Opens the agents of a plan, for one run or several in a row.
///
/// # Errors
/// [`CallError`] of the first agent that cannot be set up.
pub(super) async fn open_staff(plan: &ConnectPlan) -> Result<Arc<Staff>, CallError> {
    let media = MediaOptions { part: Part::Desk, codecs: VideoCodec::ALL.to_vec(), local: plan.aim.local_address() };
    let crew = Crew::open(&plan.aim, &plan.agents, &plan.engine, &media).await?;
    let guests = Guests::open(&plan.aim, &plan.guest_agents, Arc::clone(&plan.engine), media).await?;
    Ok(Arc::new(Staff { crew, guests }))
}

/// Runs with agents that are up.
pub(super) async fn run_with(plan: ConnectPlan, staff: Arc<Staff>, stop: Stop, progress: ProgressBar) -> Tally {
    let plan = Arc::new(plan);
    let journeys = Arc::clone(&plan);
    let begin = move |start: Instant, n: u64, intended: Instant| {
        let journey = Journey::new(Arc::clone(&journeys), start, n, intended);
        journey.run(Arc::clone(&staff), n).boxed()
    };
    run_arrivals(&plan, stop, progress, begin).await
}

/// Lets viewers arrive on schedule. `begin` gets the start of the run, the viewer's number and its intended consent.
pub(super) async fn run_arrivals(
    plan: &ConnectPlan,
    mut stop: Stop,
    progress: ProgressBar,
    begin: impl Fn(Instant, u64, Instant) -> BoxFuture<'static, Outcome>,
) -> Tally {
    progress.set_message("viewers");
    let arrivals = plan.arrivals.events_in(plan.duration);
    progress.set_length(arrivals);
    let start = tokio::time::Instant::now();
    let mut book = Book::new(start.into_std() + plan.lead);
    let mut running: JoinSet<Outcome> = JoinSet::new();
    let mut unreachable = 0;
    let mut next = 0;
    while next < arrivals || !running.is_empty() {
        tokio::select! {
            () = sleep_until(start + plan.arrivals.at(next)), if next < arrivals => {
                let intended = (start + plan.arrivals.at(next) + plan.lead).into_std();
                book.tally.course.intended(intended);
                running.spawn(begin(start.into_std(), next, intended));
                next += 1;
            }
            Some(outcome) = running.join_next() => {
                progress.inc(1);
                let Ok(outcome) = outcome else { continue };
                unreachable = if outcome.cannot_reach() { unreachable + 1 } else { 0 };
                book.note(outcome);
                if unreachable >= UNREACHABLE_MAX {
                    let reason = format!("the server could not be reached {unreachable} times in a row");
                    book.tally.broken_off = Some(reason);
                    break;
                }
            }
            () = stop.wait() => break,
        }
    }
    book.tally.count("arrivals", next);
    book.tally.count("agents", plan.agents.len() as u64);
    book.tally.count("unfinished", running.len() as u64);
    running.shutdown().await;
    stop.mark(&mut book.tally);
    book.close(plan)
}

/// What a run writes down.
struct Book {
    tally: Tally,
    faults: Vec<FaultOutcome>,
    media: CallMedia,
    guests: CallMedia,
    guest_visits: u64,
    calls: u64,
    with_freezes: u64,
}

impl Book {
    fn new(start: Instant) -> Self {
        let mut tally = Tally::default();
        tally.course.begin(start);
        tally.count("completed", 0);
        tally.count("failed", 0);
        Self {
            tally,
            faults: Vec::new(),
            media: CallMedia::default(),
            guests: CallMedia::default(),
            guest_visits: 0,
            calls: 0,
            with_freezes: 0,
        }
    }

    fn note(&mut self, outcome: Outcome) {
        for (phase, duration) in &outcome.phases {
            self.tally.phases.record(phase, *duration);
        }
        self.tally.phases.record(LATE, outcome.late);
        self.faults.extend(outcome.fault);
        if let Some(media) = outcome.media {
            self.calls += 1;
            self.with_freezes += u64::from(media.freezes > 0);
            self.media.add(&media);
        }
        for view in &outcome.guests {
            self.guest_visits += 1;
            self.guests.add(&view.media);
            self.tally.phases.record("guest.watch", view.watch);
            self.tally.phases.record("guest.first_frame", view.first_frame);
        }
        match (outcome.failure, outcome.total) {
            (None, Some(total)) => {
                self.tally.count("completed", 1);
                self.tally.course.completed(outcome.intended, total, outcome.mode);
            }
            (failure, _) => {
                let (step, kind) = failure.unwrap_or(("picture", "no picture".to_owned()));
                self.tally.count("failed", 1);
                self.tally.fail(&format!("{step}: {kind}"));
                self.tally.course.failed(Instant::now());
            }
        }
    }

    fn close(mut self, plan: &ConnectPlan) -> Tally {
        plan.faults.record(&self.faults, &mut self.tally);
        let media = self.media;
        if self.calls > 0 {
            let tally = &mut self.tally;
            tally.count("frames_received", media.frames);
            tally.count("packets_expected", media.packets_expected);
            tally.count("packets_lost", media.packets_expected.saturating_sub(media.packets_received));
            tally.count("freezes", media.freezes);
            tally.count("calls_with_freezes", self.with_freezes);
            let lost = media.packets_expected.saturating_sub(media.packets_received) as f64;
            tally.figure("loss_percent", lost * 100.0 / (media.packets_expected.max(1) as f64));
            let watched = media.watched.as_secs_f64().max(1e-3);
            tally.figure("frozen_percent", media.frozen.as_secs_f64() * 100.0 / watched);
            tally.figure("frames_per_s", media.frames as f64 / watched);
        }
        if self.guest_visits > 0 {
            let (tally, media) = (&mut self.tally, self.guests);
            let lost = media.packets_expected.saturating_sub(media.packets_received);
            let watched = media.watched.as_secs_f64().max(1e-3);
            tally.count("guest_visits", self.guest_visits);
            tally.count("guest_freezes", media.freezes);
            tally.figure("guest_loss_percent", lost as f64 * 100.0 / media.packets_expected.max(1) as f64);
            tally.figure("guest_frozen_percent", media.frozen.as_secs_f64() * 100.0 / watched);
            tally.figure("guest_frames_per_s", media.frames as f64 / watched);
        }
        self.tally
    }
}
