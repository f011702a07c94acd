//! Scenario `connect`: how long from a viewer's consent to the agent's picture.
//!
//! Viewers arrive on a schedule that does not care how earlier ones fare (open loop). Each opens a socket and writes `lead`
//! before its intended moment, is taken and invited `card` before it, and accepts at it. `total` runs from that *intended* moment to the first complete key frame at the agent: what a viewer loses because the preparation, the
//! generator or the server was late is in it (no coordinated omission). A failure is a failure; nothing is tried again.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use signaling::CallId;
use signaling::api::TokenRequest;
use signaling::timeline::{EndReason, Surface};
use signaling::wire::{CallStage, Phase};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{Instant as TokioInstant, sleep_until};

use super::crew::{Crew, Picture, PictureResult};
use super::{Pace, ProgressBar, Stop, bot_page, source_address};
use crate::call::{self, CallError};
use crate::client::{ClientError, DialOptions, Pump, RestClient, ViewerClient, ViewerOptions, random_key, wait_for};
use crate::engine::{MediaEngine, MediaOptions, VideoCodec};
use crate::report::Tally;
use crate::target::Target;

/// Phases of a connect, in the order they happen. Each lasts from the end of the one before it, but for `total`; `late` is
/// how far behind its schedule the generator itself was. `agent` is the wait for an idle agent: more than a moment
/// means that the run has too few of them.
pub const PHASES: [&str; 14] = [
    "dns",
    "tcp",
    "ws",
    "hello",
    "chat",
    "agent",
    "invite",
    "offer",
    "answer",
    "ice",
    "dtls",
    "first_packet",
    "first_frame",
    "total",
];
/// Phase name of the generator's own delay.
pub const LATE: &str = "generator.late";
/// Bound on each wait of a viewer.
const STEP_LIMIT: Duration = Duration::from_secs(15);
/// Failures to reach the server in a row after which the run is broken off.
const UNREACHABLE_MAX: u32 = 10;

/// When the media connection is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Mode {
    /// At the consent.
    Cold,
    /// While the consent card is read.
    Warm,
    /// Cold and warm viewers by turns.
    Both,
}

impl Mode {
    fn of(self, n: u64) -> &'static str {
        match self {
            Self::Cold => "cold",
            Self::Warm => "warm",
            Self::Both if n.is_multiple_of(2) => "cold",
            Self::Both => "warm",
        }
    }
}

/// What to run.
pub struct ConnectPlan {
    /// Where.
    pub target: Target,
    /// Its address.
    pub address: IpAddr,
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
    /// Mints viewer tokens; anonymous viewers without it.
    pub minter: Option<RestClient>,
    /// The media stack.
    pub engine: Arc<dyn MediaEngine>,
    /// What viewers publish.
    pub codec: VideoCodec,
}

/// One viewer's phases, or where and why it failed.
struct Outcome {
    mode: &'static str,
    phases: Vec<(&'static str, Duration)>,
    late: Duration,
    failure: Option<(&'static str, String)>,
}

/// Runs the scenario. What was measured comes back however it ends.
///
/// # Errors
/// [`CallError`] when the agents cannot be set up: nothing was measured then.
pub async fn run(plan: ConnectPlan, mut stop: Stop, progress: ProgressBar) -> Result<Tally, CallError> {
    let media = MediaOptions { codecs: VideoCodec::ALL.to_vec(), local: local_address(plan.address) };
    progress.set_message("agents");
    let crew = Arc::new(Crew::open(&plan.target, &plan.agents, &plan.engine, &media).await?);
    progress.set_message("viewers");
    let plan = Arc::new(plan);
    let arrivals = plan.arrivals.events_in(plan.duration);
    progress.set_length(arrivals);
    let start = TokioInstant::now();
    let mut tally = Tally::default();
    let mut running: JoinSet<Outcome> = JoinSet::new();
    let mut unreachable = 0;
    let mut next = 0;
    while next < arrivals || !running.is_empty() {
        tokio::select! {
            () = sleep_until(start + plan.arrivals.at(next)), if next < arrivals => {
                let intended = start + plan.arrivals.at(next) + plan.lead;
                running.spawn(viewer(plan.clone(), crew.clone(), next, intended.into_std()));
                next += 1;
            }
            Some(outcome) = running.join_next() => {
                progress.inc(1);
                let Ok(outcome) = outcome else { continue };
                unreachable = if outcome.cannot_reach() { unreachable + 1 } else { 0 };
                note(&mut tally, outcome);
                if unreachable >= UNREACHABLE_MAX {
                    tally.broken_off = Some(format!("the server could not be reached {unreachable} times in a row"));
                    break;
                }
            }
            () = stop.wait() => {
                tally.interrupted = true;
                break;
            }
        }
    }
    tally.count("arrivals", next);
    tally.count("unfinished", running.len() as u64);
    running.shutdown().await;
    Ok(tally)
}

impl Outcome {
    fn cannot_reach(&self) -> bool {
        self.failure.as_ref().is_some_and(|(_, kind)| kind == "unreachable")
    }
}

fn note(tally: &mut Tally, outcome: Outcome) {
    for (phase, duration) in &outcome.phases {
        tally.phases.record(&format!("{}.{phase}", outcome.mode), *duration);
    }
    tally.phases.record(LATE, outcome.late);
    match outcome.failure {
        None => tally.count("completed", 1),
        Some((step, kind)) => {
            tally.count("failed", 1);
            tally.fail(&format!("{step}: {kind}"));
        }
    }
}

/// An address of ours that reaches the target.
fn local_address(target: IpAddr) -> IpAddr {
    if target.is_loopback() {
        return target;
    }
    let any: IpAddr = if target.is_ipv4() { [0, 0, 0, 0].into() } else { [0_u16; 8].into() };
    // Connecting a UDP socket sends nothing; it asks the routing table.
    let probe = std::net::UdpSocket::bind((any, 0)).and_then(|socket| {
        socket.connect((target, 9))?;
        socket.local_addr()
    });
    probe.map_or(any, |address| address.ip())
}

async fn viewer(plan: Arc<ConnectPlan>, crew: Arc<Crew>, n: u64, intended: Instant) -> Outcome {
    let mode = plan.mode.of(n);
    let late =
        TokioInstant::now().into_std().saturating_duration_since(intended.checked_sub(plan.lead).unwrap_or(intended));
    let mut journey = Journey { plan, phases: Vec::new(), step: "connect" };
    let failure = journey.travel(&crew, n, intended, mode == "warm").await.err();
    let step = journey.step;
    Outcome { mode, phases: journey.phases, late, failure: failure.map(|kind| (step, kind)) }
}

/// One viewer on its way.
struct Journey {
    plan: Arc<ConnectPlan>,
    phases: Vec<(&'static str, Duration)>,
    /// Where it is, for the failure's name.
    step: &'static str,
}

impl Journey {
    async fn travel(&mut self, crew: &Crew, n: u64, intended: Instant, warm: bool) -> Result<(), String> {
        let mut client = self.arrive(n).await.map_err(|error| error.kind())?;
        let (call, picture) = self.be_invited(&mut client, crew, n, intended).await?;
        let media = MediaOptions { codecs: vec![self.plan.codec], local: local_address(self.plan.address) };
        let mut peer = self.plan.engine.open(media).map_err(|error| CallError::from(error).kind())?;
        if warm {
            let began = Instant::now();
            self.connect_media(&mut client, &mut peer, &call, began).await.map_err(|error| error.kind())?;
        }
        self.step = "accept";
        idle_until(&mut client, intended).await.map_err(|error| error.kind())?;
        self.consent(&mut client, &call).await.map_err(|error| error.kind())?;
        peer.publish(true).await.map_err(|error| CallError::from(error).kind())?;
        let consented = Instant::now();
        let mut ready = consented;
        if !warm {
            ready = self.connect_media(&mut client, &mut peer, &call, intended).await.map_err(|error| error.kind())?;
        }
        self.step = "picture";
        let picture = wait_picture(&mut client, picture).await?;
        let first_packet = picture.first_packet.unwrap_or(picture.first_frame);
        self.phases.push(("first_packet", first_packet.saturating_duration_since(ready.max(consented))));
        self.phases.push(("first_frame", picture.first_frame.saturating_duration_since(first_packet)));
        self.phases.push(("total", picture.first_frame.saturating_duration_since(intended)));
        self.step = "end";
        idle_until(&mut client, Instant::now() + self.plan.hold).await.map_err(|error| error.kind())?;
        leave(&mut client, &call).await.map_err(|error| error.kind())
    }

    async fn arrive(&mut self, n: u64) -> Result<ViewerClient, ClientError> {
        let token = match &self.plan.minter {
            Some(minter) => {
                let request = TokenRequest {
                    external_id: format!("loadtest-{n}"),
                    name: format!("Bot {n}"),
                    level: None,
                    lang: Some("en".to_owned()),
                    ttl_s: None,
                };
                Some(minter.mint_token(&request).await?.token)
            }
            None => None,
        };
        let dial = DialOptions { from: source_address(self.plan.address, n), ..DialOptions::default() };
        let options = ViewerOptions {
            key: random_key(),
            token,
            page: Some(bot_page()),
            dial,
            keep_entries: false,
            ..ViewerOptions::default()
        };
        let client = ViewerClient::open(&self.plan.target, options).await?;
        let dialed = client.session.dialed;
        self.phases.extend([
            ("dns", dialed.dns),
            ("tcp", dialed.tcp),
            ("ws", dialed.ws),
            ("hello", client.session.hello),
        ]);
        Ok(client)
    }

    async fn be_invited(
        &mut self,
        client: &mut ViewerClient,
        crew: &Crew,
        n: u64,
        intended: Instant,
    ) -> Result<(CallId, oneshot::Receiver<PictureResult>), String> {
        self.step = "chat";
        let began = Instant::now();
        client.say(&format!("Load test viewer {n}"), STEP_LIMIT).await.map_err(|error| error.kind())?;
        self.phases.push(("chat", began.elapsed()));
        let conversation = wait_for(client, "conversation", STEP_LIMIT, |client| {
            client.conversation.as_ref().map(|conversation| conversation.id.clone())
        })
        .await
        .map_err(|error| error.kind())?;
        self.step = "invite";
        let invite_at = intended.checked_sub(self.plan.card).unwrap_or(intended);
        idle_until(client, invite_at).await.map_err(|error| error.kind())?;
        let began = Instant::now();
        let picture = crew.assign(conversation, STEP_LIMIT).await?;
        self.phases.push(("agent", began.elapsed()));
        let began = Instant::now();
        let invited = wait_for(client, "invitation", STEP_LIMIT, |client| {
            client.call.as_ref().filter(|call| call.stage == CallStage::Invited).map(|call| call.id.clone())
        });
        let call = invited.await.map_err(|error| error.kind())?;
        self.phases.push(("invite", began.elapsed()));
        let shown = Instant::now();
        client.session.report_phase(&call, Phase::CardShown, shown).await.map_err(|error| error.kind())?;
        Ok((call, picture))
    }

    /// Makes the media connection. Returns when DTLS was up.
    async fn connect_media(
        &mut self,
        client: &mut ViewerClient,
        peer: &mut crate::engine::Peer,
        call: &CallId,
        began: Instant,
    ) -> Result<Instant, CallError> {
        self.step = "media";
        let exchange = call::exchange(client, peer, Some(call), false).await?;
        client.session.report_phase(call, Phase::Offer, exchange.offered).await?;
        let up = call::connected(peer).await?;
        self.phases.push(("offer", exchange.offered.saturating_duration_since(began)));
        self.phases.push(("answer", exchange.answered.saturating_duration_since(exchange.offered)));
        self.phases.push(("ice", up.ice.saturating_duration_since(exchange.answered)));
        self.phases.push(("dtls", up.dtls.saturating_duration_since(up.ice)));
        Ok(up.dtls)
    }

    async fn consent(&mut self, client: &mut ViewerClient, call: &CallId) -> Result<(), ClientError> {
        let now = Instant::now();
        client.session.report_phase(call, Phase::Click, now).await?;
        client.session.report_phase(call, Phase::CaptureReady, now).await?;
        let accept = signaling::ClientMessage::Accept { call: call.clone(), surface: Surface::Screen };
        client.session.ask(accept).await.map(drop)
    }
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
