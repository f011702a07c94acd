//! The agents of a run: each with a warm media connection, one call at a time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use signaling::wire::{CallStage, Phase};
use signaling::{CallId, ClientMessage, ConversationId, ServerMessage};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinSet;

use super::Aim;
use crate::call::{self, CallError};
use crate::client::{AgentClient, AgentOptions, Pump};
use crate::engine::{ArrivalSnapshot, MediaEngine, MediaEvent, MediaOptions, Peer};

/// Jobs waiting for one agent. An agent is lent out one at a time, so one is enough.
const JOBS_MAX: usize = 1;

/// What an agent saw of a call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Picture {
    /// First RTP packet after the invitation.
    pub(super) first_packet: Option<Instant>,
    /// First complete key frame.
    pub(super) first_frame: Instant,
}

/// The picture, or in words why there is none.
pub(super) type PictureResult = Result<Picture, String>;

/// What an agent received of a call, from its first frame to its end.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct CallMedia {
    /// Complete frames.
    pub(super) frames: u64,
    /// Packets that came.
    pub(super) packets_received: u64,
    /// Packets that were sent, by their sequence numbers.
    pub(super) packets_expected: u64,
    /// Freezes as W3C webrtc-stats counts them.
    pub(super) freezes: u64,
    /// Their length together.
    pub(super) frozen: Duration,
    /// From the first frame to the end.
    pub(super) watched: Duration,
}

impl CallMedia {
    /// What came between a first frame at `at` and now.
    pub(super) fn between(at: Instant, first: ArrivalSnapshot, last: ArrivalSnapshot) -> Self {
        Self {
            frames: last.frames - first.frames,
            packets_received: last.packets_received.saturating_sub(first.packets_received),
            packets_expected: last.packets_expected.saturating_sub(first.packets_expected),
            freezes: last.freezes - first.freezes,
            frozen: Duration::from_millis(last.frozen_ms - first.frozen_ms),
            watched: at.elapsed(),
        }
    }

    /// Adds another call.
    pub(super) fn add(&mut self, other: &Self) {
        self.frames += other.frames;
        self.packets_received += other.packets_received;
        self.packets_expected += other.packets_expected;
        self.freezes += other.freezes;
        self.frozen += other.frozen;
        self.watched += other.watched;
    }
}

/// What comes back of a conversation that was given to an agent.
pub(super) struct Assignment {
    /// The first picture.
    pub(super) picture: oneshot::Receiver<PictureResult>,
    /// The whole call, once the agent is told of its end.
    pub(super) summary: oneshot::Receiver<CallMedia>,
}

/// One conversation to be taken and escalated.
struct Job {
    conversation: ConversationId,
    picture: oneshot::Sender<PictureResult>,
    summary: oneshot::Sender<CallMedia>,
}

/// An agent that is up, or why not.
type Opened = Result<(AgentClient, Peer), CallError>;

/// Agents that are set up at the same time.
const OPENING_MAX: usize = 8;
/// First client number of the agents, so that their addresses differ from the viewers'.
const FIRST_NUMBER: u64 = 60_000;

/// The agents.
pub(super) struct Crew {
    idle: Mutex<mpsc::Receiver<usize>>,
    jobs: Vec<mpsc::Sender<Job>>,
    /// Ends with the crew.
    _tasks: JoinSet<()>,
}

impl Crew {
    /// Signs nobody in: opens one agent a token, with its media connection up.
    ///
    /// # Errors
    /// The first agent's failure.
    pub(super) async fn open(
        aim: &Aim,
        tokens: &[String],
        engine: &Arc<dyn MediaEngine>,
        media: &MediaOptions,
    ) -> Result<Self, CallError> {
        let (idle_in, idle) = mpsc::channel(tokens.len().max(1));
        let mut crew = Self { idle: Mutex::new(idle), jobs: Vec::new(), _tasks: JoinSet::new() };
        let mut opening = JoinSet::new();
        for (number, token) in (FIRST_NUMBER..).zip(tokens) {
            while opening.len() >= OPENING_MAX {
                crew.join(opening.join_next().await, &idle_in)?;
            }
            let options = AgentOptions { token: Some(token.clone()), dial: aim.dial(number), forgets: true };
            let (target, engine, media) = (aim.target.clone(), Arc::clone(engine), media.clone());
            opening.spawn(async move {
                let mut client = AgentClient::open(&target, options).await?;
                let mut peer = engine.open(media)?;
                call::establish(&mut client, &mut peer, None).await?;
                Ok((client, peer))
            });
        }
        while !opening.is_empty() {
            crew.join(opening.join_next().await, &idle_in)?;
        }
        Ok(crew)
    }

    /// Takes an agent that is up into the crew.
    fn join(
        &mut self,
        opened: Option<Result<Opened, tokio::task::JoinError>>,
        idle: &mpsc::Sender<usize>,
    ) -> Result<(), CallError> {
        let Some(Ok(opened)) = opened else { return Ok(()) };
        let (client, peer) = opened?;
        let (jobs_in, jobs) = mpsc::channel(JOBS_MAX);
        let index = self.jobs.len();
        self.jobs.push(jobs_in);
        self._tasks.spawn(Bot { index, client, peer, active: None, idle: idle.clone() }.run(jobs));
        Ok(())
    }

    /// Gives a conversation to the next idle agent, waiting for one up to `limit`.
    ///
    /// # Errors
    /// In words, when no agent is free or left.
    pub(super) async fn assign(&self, conversation: ConversationId, limit: Duration) -> Result<Assignment, String> {
        let index = tokio::time::timeout(limit, async { self.idle.lock().await.recv().await })
            .await
            .map_err(|_| "no agent was free".to_owned())?
            .ok_or_else(|| "no agent is left".to_owned())?;
        let (picture_in, picture) = oneshot::channel();
        let (summary_in, summary) = oneshot::channel();
        let job = Job { conversation, picture: picture_in, summary: summary_in };
        self.jobs[index].send(job).await.map_err(|_| "the agent is gone".to_owned())?;
        Ok(Assignment { picture, summary })
    }
}

/// One agent.
struct Bot {
    index: usize,
    client: AgentClient,
    peer: Peer,
    active: Option<Active>,
    idle: mpsc::Sender<usize>,
}

/// The conversation an agent is busy with.
struct Active {
    conversation: ConversationId,
    picture: Option<oneshot::Sender<PictureResult>>,
    summary: Option<oneshot::Sender<CallMedia>>,
    /// What had been received at the first frame, and when that was.
    first: Option<(Instant, ArrivalSnapshot)>,
    take: u32,
    invite: u32,
    call: Option<CallId>,
    first_packet: Option<Instant>,
}

impl Active {
    fn settle(&mut self, result: PictureResult) {
        if let Some(picture) = self.picture.take() {
            // A viewer that gave up does not wait any more.
            let _ = picture.send(result);
        }
    }

    fn sum_up(&mut self, last: ArrivalSnapshot) {
        let Some(summary) = self.summary.take() else { return };
        let media = self.first.map_or_else(CallMedia::default, |(at, first)| CallMedia::between(at, first, last));
        // A viewer that gave up does not wait any more.
        let _ = summary.send(media);
    }
}

impl Bot {
    async fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        if self.idle.send(self.index).await.is_err() {
            return;
        }
        loop {
            let lived = tokio::select! {
                job = jobs.recv() => match job {
                    Some(job) => self.begin(job).await,
                    None => break,
                },
                message = self.client.next() => match message {
                    Ok(message) => self.note(&message).await,
                    Err(error) => Err(error.kind()),
                },
                event = self.peer.event() => self.note_media(event).await,
            };
            if let Err(reason) = lived {
                tracing::debug!(agent = self.index, reason, "an agent is lost");
                if let Some(mut active) = self.active.take() {
                    active.settle(Err(format!("agent: {reason}")));
                }
                return;
            }
        }
        self.client.session.close().await;
    }

    async fn begin(&mut self, job: Job) -> Result<(), String> {
        let words = |error: &dyn std::fmt::Display| error.to_string();
        self.peer.arm().await.map_err(|error| words(&error))?;
        let session = &mut self.client.session;
        let conversation = job.conversation;
        let take = session.ask(ClientMessage::Take { conversation: conversation.clone() }).await;
        let take = take.map_err(|error| error.kind())?;
        let invite = session.ask(ClientMessage::Invite { conversation: conversation.clone() }).await;
        let invite = invite.map_err(|error| error.kind())?;
        self.active = Some(Active {
            conversation,
            picture: Some(job.picture),
            summary: Some(job.summary),
            first: None,
            take,
            invite,
            call: None,
            first_packet: None,
        });
        Ok(())
    }

    async fn note(&mut self, message: &ServerMessage) -> Result<(), String> {
        let Some(active) = self.active.as_mut() else { return Ok(()) };
        for request in [active.take, active.invite] {
            if let Some(Err(error)) = self.client.session.take_answer(request) {
                active.settle(Err(format!("agent: {}", error.kind())));
                return self.rest().await;
            }
        }
        if let ServerMessage::Call(call) = message
            && call.conversation == active.conversation
        {
            active.call = Some(call.id.clone());
            if call.stage == CallStage::Ended {
                active.sum_up(self.peer.counts.snapshot());
                active.settle(Err(format!("the call ended ({:?})", call.reason)));
                let resolve = ClientMessage::Resolve { conversation: active.conversation.clone() };
                self.client.session.post(resolve).await.map_err(|error| error.kind())?;
                return self.rest().await;
            }
        }
        Ok(())
    }

    async fn note_media(&mut self, event: MediaEvent) -> Result<(), String> {
        match (event, self.active.as_mut()) {
            (MediaEvent::Closed, _) => return Err("media closed".to_owned()),
            (MediaEvent::FirstPacket(at), Some(active)) => active.first_packet = Some(at),
            (MediaEvent::FirstFrame { at, .. }, Some(active)) => {
                active.first.get_or_insert_with(|| (at, self.peer.counts.snapshot()));
                active.settle(Ok(Picture { first_packet: active.first_packet, first_frame: at }));
                if let Some(call) = active.call.clone() {
                    let told = self.client.session.report_phase(&call, Phase::FirstFrame, at).await;
                    told.map_err(|error| error.kind())?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Back to the pool.
    async fn rest(&mut self) -> Result<(), String> {
        self.active = None;
        self.idle.send(self.index).await.map_err(|_| "the run is over".to_owned())
    }
}
