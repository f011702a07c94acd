//! Scenario `chat`: many viewers write at a steady rate; how long until each message is committed, and whether any is lost,
//! doubled or out of order.
//!
//! A message's latency runs from its scheduled moment to its acknowledgement. A viewer whose socket breaks resumes by
//! itself and goes on: that is what the product promises, and the time it takes is in the figures.

use std::collections::VecDeque;
use std::time::Duration;

use signaling::timeline::{AuthorKind, Entry};
use signaling::{ErrorCode, ServerMessage};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use super::{Aim, Pace, ProgressBar, Stop};
use crate::client::{ClientError, Pump, Session, ViewerClient};
use crate::faults::{Fate, FaultKind, FaultOutcome, FaultPlan, strikes};
use crate::report::Tally;

/// Phases of the scenario.
pub const PHASES: [&str; 7] = ["dns", "tcp", "tls", "ws", "hello", "ack", "resume"];
/// What always has to hold, asked for or not.
pub const INVARIANTS: [&str; 4] = ["totals.lost==0", "totals.doubled==0", "totals.reordered==0", "totals.holes==0"];
/// Viewers opened a second: opening is not what this scenario measures.
const OPEN_PER_SECOND: u64 = 200;
/// Time for the last acknowledgements after the last message.
const TAIL: Duration = Duration::from_secs(15);
/// Time in which a broken viewer must be back.
const RESUME_LIMIT: Duration = Duration::from_secs(60);

/// What to run.
#[derive(Debug, Clone)]
pub struct ChatPlan {
    /// Where, and as whom.
    pub aim: Aim,
    /// How many write.
    pub viewers: u64,
    /// Messages of all of them together.
    pub rate: Pace,
    /// For how long.
    pub duration: Duration,
    /// Faults on purpose; a viewer that is dropped is a page that was lost: its person opens it again at once.
    pub faults: FaultPlan,
}

/// Runs the scenario. What was measured comes back however it ends.
///
/// # Errors
/// [`ClientError`] when not one viewer can be opened.
pub async fn run(plan: ChatPlan, stop: Stop, progress: ProgressBar) -> Result<Tally, ClientError> {
    progress.set_message("opening viewers");
    let mut tally = Tally::default();
    let writers = open_all(&plan, &mut tally, &stop).await?;
    let messages = plan.rate.events_in(plan.duration);
    progress.set_length(messages);
    progress.set_message("messages");
    let start = Instant::now() + Duration::from_millis(100);
    tally.course.begin(start.into_std());
    for n in 0..messages {
        tally.course.intended((start + plan.rate.at(n)).into_std());
    }
    let mut running = JoinSet::new();
    let count = writers.len() as u64;
    for (n, client) in (0..).zip(writers) {
        let schedule = Schedule { first: n, step: count, messages, rate: plan.rate, start };
        let fate = plan.faults.fate(start.into_std(), std::time::Instant::now());
        running.spawn(Writer::new(client, schedule, fate, progress.clone()).run(stop.clone()));
    }
    let mut outcomes = Vec::new();
    while let Some(finished) = running.join_next().await {
        if let Ok(finished) = finished {
            outcomes.extend(finished.outcome);
            finished.add_to(&mut tally);
        }
    }
    plan.faults.record(&outcomes, &mut tally);
    stop.mark(&mut tally);
    Ok(tally)
}

async fn open_all(plan: &ChatPlan, tally: &mut Tally, stop: &Stop) -> Result<Vec<ViewerClient>, ClientError> {
    let mut opening = JoinSet::new();
    let start = Instant::now();
    for n in 0..plan.viewers {
        sleep_until(start + Duration::from_millis(n * 1_000 / OPEN_PER_SECOND)).await;
        if stop.is_asked() {
            break;
        }
        let (target, options) = (plan.aim.target.clone(), plan.aim.viewer(n));
        opening.spawn(async move { ViewerClient::open(&target, options).await });
    }
    let mut clients = Vec::new();
    let mut failure = None;
    while let Some(opened) = opening.join_next().await {
        match opened {
            Ok(Ok(client)) => {
                let dialed = client.session.dialed;
                for (phase, took) in [
                    ("chat.dns", dialed.dns),
                    ("chat.tcp", dialed.tcp),
                    ("chat.tls", dialed.tls),
                    ("chat.ws", dialed.ws),
                    ("chat.hello", client.session.hello),
                ] {
                    tally.phases.record(phase, took);
                }
                clients.push(client);
            }
            Ok(Err(error)) => {
                tally.fail(&format!("open: {}", error.kind()));
                failure = Some(error);
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

/// Which messages of the run are one writer's, and when.
struct Schedule {
    first: u64,
    step: u64,
    messages: u64,
    rate: Pace,
    start: Instant,
}

impl Schedule {
    /// Moment of the writer's message number `k`, if there is one.
    fn at(&self, k: u64) -> Option<Instant> {
        let n = self.first + k * self.step;
        (n < self.messages).then(|| self.start + self.rate.at(n))
    }
}

/// One viewer that writes.
struct Writer {
    client: ViewerClient,
    schedule: Schedule,
    progress: ProgressBar,
    /// Scheduled moments of the unacknowledged messages, oldest first, beside the client's outbox.
    due: VecDeque<(String, Instant)>,
    sent: u64,
    acked: u64,
    /// Own messages seen in the timeline.
    seen: u64,
    /// Highest entry before the message being read; what a resume repeats is not new.
    held_seq: i64,
    doubled: u64,
    reordered: u64,
    resumed: u64,
    throttled: u64,
    /// Intended moments and how long each acknowledgement took from there.
    acks: Vec<(std::time::Instant, Duration)>,
    fate: Option<Fate>,
    outcome: Option<FaultOutcome>,
    resumes: Vec<Duration>,
    failure: Option<String>,
}

impl Writer {
    fn new(client: ViewerClient, schedule: Schedule, fate: Option<Fate>, progress: ProgressBar) -> Self {
        Self {
            client,
            schedule,
            progress,
            due: VecDeque::new(),
            sent: 0,
            acked: 0,
            seen: 0,
            held_seq: 0,
            doubled: 0,
            reordered: 0,
            resumed: 0,
            throttled: 0,
            acks: Vec::new(),
            fate,
            outcome: None,
            resumes: Vec::new(),
            failure: None,
        }
    }

    /// Writes on schedule, waits for the last acknowledgements, leaves. Asked to stop it ends at once, with what it has.
    async fn run(mut self, mut stop: Stop) -> Self {
        let ended = tokio::select! {
            ended = self.work() => Some(ended),
            () = stop.wait() => None,
        };
        match ended {
            None => {}
            Some(Err(error)) => self.failure = Some(error.kind()),
            Some(Ok(())) => {
                if timeout(TAIL, self.finish()).await.is_err() {
                    self.failure = Some("no acknowledgement".to_owned());
                }
                self.client.session.close().await;
            }
        }
        self
    }

    async fn work(&mut self) -> Result<(), ClientError> {
        while let Some(at) = self.schedule.at(self.sent) {
            tokio::select! {
                message = self.client.next() => self.take_in(message).await?,
                () = sleep_until(at) => self.write(at).await?,
                fate = strikes(self.fate) => self.suffer(fate).await?,
            }
        }
        Ok(())
    }

    /// Reads until all of the own messages were acknowledged and seen.
    async fn finish(&mut self) {
        while self.acked < self.sent || self.seen < self.sent {
            let message = self.client.next().await;
            if let Err(error) = self.take_in(message).await {
                self.failure = Some(error.kind());
                return;
            }
        }
    }

    async fn write(&mut self, at: Instant) -> Result<(), ClientError> {
        let text = format!("message {}", self.sent);
        self.sent += 1;
        match self.client.send(&text).await {
            Ok(client_id) => {
                self.due.push_back((client_id, at));
                Ok(())
            }
            Err(ClientError::Closed { .. }) => {
                // The client keeps it in its outbox and sends it when it is back.
                if let Some((client_id, _)) = self.client.chat.outbox.back() {
                    self.due.push_back((client_id.clone(), at));
                }
                self.resume().await
            }
            Err(error) => Err(error),
        }
    }

    async fn take_in(&mut self, message: Result<ServerMessage, ClientError>) -> Result<(), ClientError> {
        match message {
            Ok(ServerMessage::Ack { client_id, .. }) => self.note_ack(&client_id),
            Ok(ServerMessage::Entries { entries, .. }) => self.note_entries(&entries),
            // Told to slow down, and served all the same: the latency says the rest.
            Ok(ServerMessage::Error { code: ErrorCode::RateLimited, fatal: false, .. }) => self.throttled += 1,
            Ok(ServerMessage::Error { code, message, id: None, .. }) => {
                return Err(ClientError::Refused { code, message });
            }
            Ok(_) => {}
            Err(ClientError::Closed { .. }) => return self.resume().await,
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn note_ack(&mut self, client_id: &str) {
        let Some(place) = self.due.iter().position(|(id, _)| id == client_id) else { return };
        if let Some((_, at)) = self.due.remove(place) {
            self.acked += 1;
            self.acks.push((at.into_std(), at.elapsed()));
            self.progress.inc(1);
        }
    }

    /// Own messages must come once each, in the order they were sent: client ids end in their number.
    fn note_entries(&mut self, entries: &[Entry]) {
        let held = std::mem::replace(&mut self.held_seq, self.client.chat.history.last_seq);
        let own = entries.iter().filter(|entry| entry.seq > held && entry.author.kind == AuthorKind::Viewer);
        for number in own.filter_map(|entry| entry.client_id.as_deref()?.rsplit('-').next()?.parse::<u64>().ok()) {
            if number == self.seen + 1 {
                self.seen = number;
            } else if number <= self.seen {
                self.doubled += 1;
            } else {
                self.reordered += 1;
                self.seen = number;
            }
        }
    }

    async fn resume(&mut self) -> Result<(), ClientError> {
        let began = Instant::now();
        self.client.resume(RESUME_LIMIT).await?;
        self.resumed += 1;
        self.resumes.push(began.elapsed());
        Ok(())
    }

    async fn suffer(&mut self, fate: Fate) -> Result<(), ClientError> {
        self.fate = None;
        let began = Instant::now();
        match fate.kind {
            FaultKind::Cut => self.client.session.cut(),
            // A new page knows its key and nothing of the session.
            FaultKind::Drop => self.client.session = Session::default(),
        }
        let back = self.resume().await;
        let recovered = back.is_ok().then(|| began.elapsed());
        self.outcome = Some(FaultOutcome { index: fate.index, recovered });
        back
    }

    fn add_to(self, tally: &mut Tally) {
        for (at, ack) in &self.acks {
            tally.phases.record("chat.ack", *ack);
            tally.course.completed(*at, *ack, "chat");
        }
        for resume in &self.resumes {
            tally.phases.record("chat.resume", *resume);
        }
        tally.count("sent", self.sent);
        tally.count("acknowledged", self.acked);
        tally.count("lost", self.acked.saturating_sub(self.seen));
        tally.count("doubled", self.doubled);
        tally.count("reordered", self.reordered);
        tally.count("holes", self.client.chat.history.findings.len() as u64);
        tally.count("resumed", self.resumed);
        tally.count("throttled", self.throttled);
        if let Some(kind) = self.failure {
            tally.fail(&format!("chat: {kind}"));
            tally.course.failed(std::time::Instant::now());
        }
    }
}
