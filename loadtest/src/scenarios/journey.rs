//! One viewer's way: arrive, write, be invited, consent, share, stay, leave; each step timed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use signaling::CallId;
use signaling::timeline::{EndReason, Surface};
use signaling::wire::{CallStage, Phase};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{Instant as TokioInstant, sleep_until};

use super::connect::{ConnectPlan, Staff};
use super::crew::{Assignment, CallMedia, Crew, Picture, PictureResult};
use super::guests::GuestView;
use crate::call::{self, CallError};
use crate::client::{ClientError, Pump, ViewerClient, wait_for};
use crate::engine::{MediaOptions, Part, Peer};
use crate::faults::{Fate, FaultKind, FaultOutcome, strikes};

/// Bound on each wait of a viewer.
const STEP_LIMIT: Duration = Duration::from_secs(15);
/// Share of the call after which colleagues leave, so that none is cut off by its end.
const GUESTS_STAY: f64 = 0.9;
/// Bound on a recovery from a fault. A server gives a broken line up after 20 s and a silent one after 30.
const RECOVERY_LIMIT: Duration = Duration::from_secs(60);

/// One viewer's phases, or where and why it failed.
pub(super) struct Outcome {
    /// `cold` or `warm`.
    pub(super) mode: &'static str,
    /// Phases reached, by full name.
    pub(super) phases: Vec<(String, Duration)>,
    /// Intended moment of the consent.
    pub(super) intended: Instant,
    /// How far behind its schedule the generator was.
    pub(super) late: Duration,
    /// From the intended consent to the picture.
    pub(super) total: Option<Duration>,
    /// What the agent saw of the call.
    pub(super) media: Option<CallMedia>,
    /// What colleagues saw who joined.
    pub(super) guests: Vec<GuestView>,
    /// A fault that hit it.
    pub(super) fault: Option<FaultOutcome>,
    /// The step that failed, and why.
    pub(super) failure: Option<(&'static str, String)>,
}

impl Outcome {
    /// Of viewer `n` before it has done anything.
    pub(super) fn before(plan: &ConnectPlan, n: u64, intended: Instant) -> Self {
        let due = intended.checked_sub(plan.lead).unwrap_or(intended);
        Self {
            mode: plan.mode.of(n),
            phases: Vec::new(),
            intended,
            late: Instant::now().saturating_duration_since(due),
            total: None,
            media: None,
            guests: Vec::new(),
            fault: None,
            failure: None,
        }
    }

    /// Notes a phase of its mode.
    pub(super) fn note(&mut self, phase: &str, duration: Duration) {
        self.phases.push((format!("{}.{phase}", self.mode), duration));
    }

    /// Whether there was no server.
    pub(super) fn cannot_reach(&self) -> bool {
        self.failure.as_ref().is_some_and(|(_, kind)| kind == "unreachable")
    }
}

/// One viewer on its way.
pub(super) struct Journey {
    plan: Arc<ConnectPlan>,
    run_start: Instant,
    /// Where it is, for the failure's name.
    step: &'static str,
    outcome: Outcome,
}

impl Journey {
    /// Viewer `n`, who is to consent at `intended`.
    pub(super) fn new(plan: Arc<ConnectPlan>, run_start: Instant, n: u64, intended: Instant) -> Self {
        let outcome = Outcome::before(&plan, n, intended);
        Self { plan, run_start, step: "connect", outcome }
    }

    /// Goes the whole way.
    pub(super) async fn run(mut self, staff: Arc<Staff>, n: u64) -> Outcome {
        if let Err(kind) = self.travel(&staff, n).await {
            self.outcome.failure = Some((self.step, kind));
        }
        self.outcome
    }

    fn note(&mut self, phase: &str, duration: Duration) {
        self.outcome.note(phase, duration);
    }

    async fn travel(&mut self, staff: &Arc<Staff>, n: u64) -> Result<(), String> {
        let intended = self.outcome.intended;
        let warm = self.outcome.mode == "warm";
        let mut client = self.arrive(n).await.map_err(|error| error.kind())?;
        let (call, assignment) = self.be_invited(&mut client, &staff.crew, n).await?;
        let media =
            MediaOptions { part: Part::Desk, codecs: vec![self.plan.codec], local: self.plan.aim.local_address() };
        let mut peer = self.plan.engine.open(media).map_err(|error| CallError::from(error).kind())?;
        let answer = self.describe(&mut client, &mut peer, &call).await.map_err(|error| error.kind())?;
        // Cold, the answer waits for the consent.
        let mut answer = Some(answer);
        if let Some(answer) = answer.take_if(|_| warm) {
            self.connect_media(&mut peer, answer).await.map_err(|error| error.kind())?;
        }
        self.step = "accept";
        idle_until(&mut client, intended).await.map_err(|error| error.kind())?;
        consent(&mut client, &call).await.map_err(|error| error.kind())?;
        peer.publish(true).await.map_err(|error| CallError::from(error).kind())?;
        let consented = Instant::now();
        let ready = match answer {
            Some(answer) => self.connect_media(&mut peer, answer).await.map_err(|error| error.kind())?,
            None => consented,
        };
        self.step = "picture";
        let picture = wait_picture(&mut client, assignment.picture).await?;
        let first_packet = picture.first_packet.unwrap_or(picture.first_frame);
        self.note("first_packet", first_packet.saturating_duration_since(ready));
        self.note("first_frame", picture.first_frame.saturating_duration_since(first_packet));
        let total = picture.first_frame.saturating_duration_since(intended);
        self.note("total", total);
        self.outcome.total = Some(total);
        let visits = self.invite_guests(staff, &call);
        self.stay(client, peer, &call, assignment.summary).await?;
        self.see_off(visits).await
    }

    async fn arrive(&mut self, n: u64) -> Result<ViewerClient, ClientError> {
        let client = ViewerClient::open(&self.plan.aim.target, self.plan.aim.viewer(n)).await?;
        let dialed = client.session.dialed;
        for (phase, duration) in [("dns", dialed.dns), ("tcp", dialed.tcp), ("tls", dialed.tls), ("ws", dialed.ws)] {
            self.note(phase, duration);
        }
        self.note("hello", client.session.hello);
        Ok(client)
    }

    async fn be_invited(
        &mut self,
        client: &mut ViewerClient,
        crew: &Crew,
        n: u64,
    ) -> Result<(CallId, Assignment), String> {
        self.step = "chat";
        let began = Instant::now();
        client.say(&format!("Load test viewer {n}"), STEP_LIMIT).await.map_err(|error| error.kind())?;
        self.outcome.phases.push(("prepare.chat".to_owned(), began.elapsed()));
        let conversation = wait_for(client, "conversation", STEP_LIMIT, |client| {
            client.conversation.as_ref().map(|conversation| conversation.id.clone())
        })
        .await
        .map_err(|error| error.kind())?;
        self.step = "invite";
        let intended = self.outcome.intended;
        let invite_at = intended.checked_sub(self.plan.card).unwrap_or(intended);
        idle_until(client, invite_at).await.map_err(|error| error.kind())?;
        let began = Instant::now();
        let assignment = crew.assign(conversation, STEP_LIMIT).await?;
        self.outcome.phases.push(("prepare.agent".to_owned(), began.elapsed()));
        let began = Instant::now();
        let invited = wait_for(client, "invitation", STEP_LIMIT, |client| {
            client.call.as_ref().filter(|call| call.stage == CallStage::Invited).map(|call| call.id.clone())
        });
        let call = invited.await.map_err(|error| error.kind())?;
        self.outcome.phases.push(("prepare.invite".to_owned(), began.elapsed()));
        let shown = Instant::now();
        client.session.report_phase(&call, Phase::CardShown, shown).await.map_err(|error| error.kind())?;
        Ok((call, assignment))
    }

    /// Offers a media connection and is answered.
    async fn describe(
        &mut self,
        client: &mut ViewerClient,
        peer: &mut Peer,
        call: &CallId,
    ) -> Result<String, CallError> {
        self.step = "media";
        let began = Instant::now();
        let (exchange, answer) = call::describe(client, peer, Some(call), false).await?;
        client.session.report_phase(call, Phase::Offer, exchange.offered).await?;
        self.note("offer", exchange.offered.saturating_duration_since(began));
        self.note("answer", exchange.answered.saturating_duration_since(exchange.offered));
        Ok(answer)
    }

    /// Makes the connection that was answered. Returns when DTLS was up.
    async fn connect_media(&mut self, peer: &mut Peer, answer: String) -> Result<Instant, CallError> {
        self.step = "media";
        let began = Instant::now();
        peer.answer(answer).await?;
        let up = call::connected(peer).await?;
        self.note("ice", up.ice.saturating_duration_since(began));
        self.note("dtls", up.dtls.saturating_duration_since(up.ice));
        Ok(up.dtls)
    }

    /// Lets the planned number of colleagues join.
    fn invite_guests(&self, staff: &Arc<Staff>, call: &CallId) -> JoinSet<Result<GuestView, String>> {
        let until = Instant::now() + self.plan.hold.mul_f64(GUESTS_STAY);
        let mut visits = JoinSet::new();
        for _ in 0..self.plan.guests {
            let (staff, call) = (Arc::clone(staff), call.clone());
            visits.spawn(async move { staff.guests.join(&call, until).await });
        }
        visits
    }

    async fn see_off(&mut self, mut visits: JoinSet<Result<GuestView, String>>) -> Result<(), String> {
        self.step = "guest";
        while let Some(visit) = visits.join_next().await {
            self.outcome.guests.push(visit.map_err(|_| "panicked".to_owned())??);
        }
        Ok(())
    }

    /// Shares for as long as planned, through the faults that hit it, and leaves.
    async fn stay(
        &mut self,
        mut client: ViewerClient,
        mut peer: Peer,
        call: &CallId,
        mut summary: oneshot::Receiver<CallMedia>,
    ) -> Result<(), String> {
        self.step = "hold";
        let until = Instant::now() + self.plan.hold;
        let fate = self.plan.faults.fate(self.run_start, Instant::now()).filter(|fate| fate.at < until);
        tokio::select! {
            held = idle_until(&mut client, until) => held.map_err(|error| error.kind())?,
            fate = strikes(fate) => match fate.kind {
                FaultKind::Drop => {
                    client.session.cut();
                    peer.vanish().await;
                    self.outcome.fault = Some(given_up(fate, summary).await);
                    return Ok(());
                }
                FaultKind::Cut => {
                    self.outcome.fault = Some(resumed(fate, &mut client).await?);
                    idle_until(&mut client, until).await.map_err(|error| error.kind())?;
                }
            },
        }
        self.step = "end";
        leave(&mut client, call).await.map_err(|error| error.kind())?;
        // The agent hears of the end at the same time; what it saw is worth a moment's wait.
        self.outcome.media = tokio::time::timeout(STEP_LIMIT, &mut summary).await.ok().and_then(Result::ok);
        Ok(())
    }
}

/// Waits until the server has freed the agent of a viewer that vanished.
async fn given_up(fate: Fate, summary: oneshot::Receiver<CallMedia>) -> FaultOutcome {
    let began = Instant::now();
    let freed = tokio::time::timeout(RECOVERY_LIMIT, summary).await.is_ok_and(|seen| seen.is_ok());
    FaultOutcome { index: fate.index, recovered: freed.then(|| began.elapsed()) }
}

/// Cuts the socket and resumes the session.
async fn resumed(fate: Fate, client: &mut ViewerClient) -> Result<FaultOutcome, String> {
    let began = Instant::now();
    client.session.cut();
    client.resume(RECOVERY_LIMIT).await.map_err(|error| format!("not resumed: {}", error.kind()))?;
    Ok(FaultOutcome { index: fate.index, recovered: Some(began.elapsed()) })
}

async fn consent(client: &mut ViewerClient, call: &CallId) -> Result<(), ClientError> {
    let now = Instant::now();
    client.session.report_phase(call, Phase::Click, now).await?;
    client.session.report_phase(call, Phase::CaptureReady, now).await?;
    let accept = signaling::ClientMessage::Accept { call: call.clone(), surface: Surface::Screen };
    client.session.ask(accept).await.map(drop)
}

/// Reads messages until a moment.
async fn idle_until(client: &mut ViewerClient, at: Instant) -> Result<(), ClientError> {
    let deadline = TokioInstant::from_std(at);
    loop {
        tokio::select! {
            message = client.next() => drop(message?),
            () = sleep_until(deadline) => return Ok(()),
        }
    }
}

async fn wait_picture(
    client: &mut ViewerClient,
    mut picture: oneshot::Receiver<PictureResult>,
) -> Result<Picture, String> {
    let deadline = TokioInstant::now() + STEP_LIMIT;
    loop {
        tokio::select! {
            seen = &mut picture => return seen.map_err(|_| "the agent is gone".to_owned())?,
            message = client.next() => drop(message.map_err(|error| error.kind())?),
            () = sleep_until(deadline) => return Err("no picture".to_owned()),
        }
    }
}

async fn leave(client: &mut ViewerClient, call: &CallId) -> Result<(), ClientError> {
    client.end_call(call, Some(EndReason::ViewerStopped), STEP_LIMIT).await?;
    wait_for(client, "end of the call", STEP_LIMIT, |client| {
        client.call.as_ref().is_some_and(|call| call.stage == CallStage::Ended).then_some(())
    })
    .await?;
    client.session.close().await;
    Ok(())
}
