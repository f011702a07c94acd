//! Scenarios `connect` and `call` against another media server: the same arrivals and phases, without a desk.
//!
//! Cold: nothing but signaling is there at the intended consent; the publisher offers then, and the player subscribes as soon as
//! the server lets it. Warm: both connections are made while the card would be read, and the consent starts the picture.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use tokio::time::Instant as TokioInstant;

use super::connect::{ConnectPlan, run_arrivals};
use super::crew::CallMedia;
use super::journey::Outcome;
use super::{ProgressBar, Stop};
use crate::call::{self, CallError};
use crate::engine::{EngineError, MediaEvent, MediaOptions, Part, Peer};
use crate::foreign::{Foreign, Pair};
use crate::report::Tally;

/// Bound on the wait for the picture.
const PICTURE_LIMIT: Duration = Duration::from_secs(15);

/// Runs the scenario.
pub async fn run(plan: ConnectPlan, server: Foreign, stop: Stop, progress: ProgressBar) -> Tally {
    let (plan, server) = (Arc::new(plan), Arc::new(server));
    let journeys = Arc::clone(&plan);
    let begin = move |_start: Instant, n: u64, intended: Instant| {
        let outcome = Outcome::before(&journeys, n, intended);
        let visit = Visit { plan: Arc::clone(&journeys), step: "connect", outcome };
        visit.run(Arc::clone(&server), n).boxed()
    };
    run_arrivals(&plan, stop, progress, begin).await
}

/// One viewer and its player.
struct Visit {
    plan: Arc<ConnectPlan>,
    step: &'static str,
    outcome: Outcome,
}

/// What a player saw first.
struct First {
    packet: Option<Instant>,
    frame: Instant,
}

impl Visit {
    async fn run(mut self, server: Arc<Foreign>, n: u64) -> Outcome {
        match server.open(n, &self.plan.aim.dial(n)).await {
            Err(kind) => self.outcome.failure = Some((self.step, kind)),
            Ok(mut pair) => {
                if let Err(kind) = self.travel(&mut pair).await {
                    self.outcome.failure = Some((self.step, kind));
                }
                pair.close().await;
            }
        }
        self.outcome
    }

    async fn travel(&mut self, pair: &mut Pair) -> Result<(), String> {
        let (intended, warm) = (self.outcome.intended, self.outcome.mode == "warm");
        let dialed = pair.dialed();
        for (phase, took) in [("dns", dialed.dns), ("tcp", dialed.tcp), ("tls", dialed.tls), ("ws", dialed.ws)] {
            self.outcome.note(phase, took);
        }
        if let Some(hello) = pair.hello() {
            self.outcome.note("hello", hello);
        }
        let open = |part| {
            let options = MediaOptions { part, codecs: vec![self.plan.codec], local: self.plan.aim.local_address() };
            self.plan.engine.open(options).map_err(|error| kind(&error))
        };
        let (mut publisher, mut player) = (open(Part::Publisher)?, open(Part::Player)?);
        let mut ready = None;
        if warm {
            let early = intended.checked_sub(self.plan.card).unwrap_or(intended);
            pair.idle_until(TokioInstant::from_std(early)).await?;
            self.publish(pair, &mut publisher, Instant::now()).await?;
            let began = Instant::now();
            self.play(pair, &mut player).await?;
            self.outcome.phases.push(("prepare.agent".to_owned(), began.elapsed()));
        }
        self.step = "accept";
        pair.idle_until(TokioInstant::from_std(intended)).await?;
        if !warm {
            ready = Some(self.publish(pair, &mut publisher, intended).await?);
        }
        publisher.publish(true).await.map_err(|error| kind(&error))?;
        let started = Instant::now();
        if !warm {
            self.play(pair, &mut player).await?;
        }
        self.step = "picture";
        let first = first_picture(&mut player).await?;
        let packet = first.packet.unwrap_or(first.frame);
        self.outcome.note("first_packet", packet.saturating_duration_since(ready.unwrap_or(started)));
        self.outcome.note("first_frame", first.frame.saturating_duration_since(packet));
        let total = first.frame.saturating_duration_since(intended);
        self.outcome.note("total", total);
        self.outcome.total = Some(total);
        self.step = "hold";
        let (seen_at, seen) = (Instant::now(), player.counts.snapshot());
        pair.idle_until(TokioInstant::now() + self.plan.hold).await?;
        self.outcome.media = Some(CallMedia::between(seen_at, seen, player.counts.snapshot()));
        Ok(())
    }

    /// Makes the publisher's connection; returns when DTLS was up.
    async fn publish(&mut self, pair: &mut Pair, publisher: &mut Peer, began: Instant) -> Result<Instant, String> {
        self.step = "media";
        let offer = publisher.offer(false).await.map_err(|error| kind(&error))?;
        let offered = Instant::now();
        let answer = pair.publish(offer).await?;
        let answered = Instant::now();
        publisher.answer(answer).await.map_err(|error| kind(&error))?;
        let up = call::connected(publisher).await.map_err(|error| kind(&error))?;
        self.outcome.note("offer", offered.saturating_duration_since(began));
        self.outcome.note("answer", answered.saturating_duration_since(offered));
        self.outcome.note("ice", up.ice.saturating_duration_since(answered));
        self.outcome.note("dtls", up.dtls.saturating_duration_since(up.ice));
        Ok(up.dtls)
    }

    /// Makes the player's connection.
    async fn play(&mut self, pair: &mut Pair, player: &mut Peer) -> Result<(), String> {
        self.step = "play";
        pair.play(player).await?;
        call::connected(player).await.map(drop).map_err(|error| kind(&error))
    }
}

fn kind(error: &EngineError) -> String {
    CallError::from(error.clone()).kind()
}

async fn first_picture(player: &mut Peer) -> Result<First, String> {
    let mut packet = None;
    let seen = player.wait("picture", PICTURE_LIMIT, |event| match event {
        MediaEvent::FirstPacket(at) => {
            packet = Some(*at);
            None
        }
        MediaEvent::FirstFrame { at, .. } => Some(*at),
        _ => None,
    });
    let frame = seen.await.map_err(|error| kind(&error))?;
    Ok(First { packet, frame })
}
