//! The traces of conversations that send samples now, judged by a thread of their own at most once a second each.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use diagnosis::{Diagnosis, Trace, diagnose};
use signaling::ConversationId;
use signaling::verdict::{Cause, Incident, Seen, VerdictBrief};
use tokio::sync::mpsc;

use super::crowd::{Crowd, Keys, Others, Report, SCOPES};
use super::playing::{InTrouble, Playing};
use super::{brief, keys};
use crate::clock;
use crate::telemetry::{BlockHeader, lanes_of_block};

/// A conversation is judged again after this at the earliest.
const JUDGE_EVERY: Duration = Duration::from_secs(1);
/// What only changes in its figures is told again after this, while there is trouble, and when all is well.
const TELL_EVERY: Duration = Duration::from_secs(5);
const TELL_CALM_EVERY: Duration = Duration::from_secs(30);
/// With more conversations than this, so many times less often: each telling is a row of the database.
const TELL_EASILY: usize = 500;
/// A change of confidence that is told at once.
const CONFIDENCE_STEP: f64 = 0.1;
/// How much of a conversation is kept in memory, ms: a trouble of some minutes ago is still judged; after that the ticket's
/// log is.
const KEPT_MS: i64 = 300_000;
/// A conversation that has sent nothing for so long is forgotten here; its verdict stays with it.
const IDLE_MAX: Duration = Duration::from_secs(120);
/// Conversations judged at once. More are beyond what one machine serves; their blocks are on disk all the same.
const LIVE_MAX: usize = 20_000;
/// Verdicts on their way to the database.
const JUDGED_QUEUE: usize = 1_024;
/// Blocks taken before the due conversations are looked at again.
const BLOCKS_AT_ONCE: usize = 256;

/// How often the crowd is looked at: incidents are raised and fade.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How often a conversation in trouble is told how others fare.
const OTHERS_EVERY: Duration = Duration::from_secs(10);

/// What comes of the samples.
#[derive(Debug)]
pub enum News {
    /// A verdict that is to be kept and told.
    Judged(Judged),
    /// How others fare who share something with a conversation in trouble.
    Others(ConversationId, Vec<Others>),
    /// Incidents changed.
    Incidents(Vec<Incident>),
}

/// A verdict that is to be kept and told.
#[derive(Debug)]
pub struct Judged {
    /// Of which conversation.
    pub conversation: ConversationId,
    /// What.
    pub brief: VerdictBrief,
}

/// The conversations that send samples now; clones share them.
#[derive(Clone, Default)]
pub struct LiveVerdicts {
    shared: Arc<Mutex<HashMap<ConversationId, Live>>>,
    crowd: Arc<Mutex<Crowd>>,
    /// Who looks at what viewers in trouble have played.
    lookout: Arc<OnceLock<mpsc::Sender<InTrouble>>>,
}

struct Live {
    trace: Trace,
    playing: Playing,
    touched: Instant,
    judged: Option<Instant>,
    dirty: bool,
    told: Option<(Instant, VerdictBrief)>,
    others_told: Option<(Instant, Vec<Others>)>,
    network: Option<String>,
    stream: Option<String>,
    ticket: Option<i64>,
}

impl Live {
    fn new(now: Instant) -> Self {
        Self {
            trace: Trace::new(),
            playing: Playing::default(),
            touched: now,
            judged: None,
            dirty: false,
            told: None,
            others_told: None,
            network: None,
            stream: None,
            ticket: None,
        }
    }

    /// What the crowd is told of it.
    fn report(&self, brief: &VerdictBrief) -> Report {
        let mut keys: Keys = keys::of_trace(&self.trace);
        for (scope, key) in SCOPES.iter().zip(&mut keys) {
            match scope {
                signaling::verdict::IncidentScope::Network => key.clone_from(&self.network),
                signaling::verdict::IncidentScope::Stream => key.clone_from(&self.stream),
                _ => {}
            }
        }
        let troubled = brief.when == Some(Seen::Now) && brief.cause != Cause::NoneObserved;
        Report { keys, trouble: troubled.then_some(brief.cause), ticket: self.ticket }
    }
}

impl LiveVerdicts {
    /// Starts judging what comes out of `tap`, the blocks that are on disk. The thread ends with the tap.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(tap: mpsc::Receiver<(BlockHeader, Vec<u8>)>) -> std::io::Result<(Self, mpsc::Receiver<News>)> {
        let live = Self::default();
        let (to, judged) = mpsc::channel(JUDGED_QUEUE);
        let judging = live.clone();
        std::thread::Builder::new().name("verdicts".to_owned()).spawn(move || judging.run(tap, &to))?;
        Ok((live, judged))
    }

    /// The diagnosis of a conversation as of its newest samples; `None` when it sends none.
    #[must_use]
    pub fn diagnosis(&self, conversation: &ConversationId) -> Option<Diagnosis> {
        let trace = self.lock().get(conversation)?.trace.clone();
        Some(diagnose(&trace, None))
    }

    /// Tells `to`, from now on, about each conversation in trouble whose page says what it plays, as often as it is judged.
    /// What does not fit into the queue is left out. The first caller alone is told.
    pub fn tell_trouble(&self, to: mpsc::Sender<InTrouble>) {
        let _ = self.lookout.set(to);
    }

    /// A block of a conversation came from this address.
    pub fn met(&self, conversation: &ConversationId, address: IpAddr) {
        if let Some(live) = self.entry(&mut self.lock(), conversation) {
            live.network.get_or_insert_with(|| keys::network(address));
        }
    }

    /// What the desk knows of a conversation: its ticket, and the page on which it watches.
    pub fn know(&self, conversation: &ConversationId, ticket: i64, page: Option<&str>) {
        if let Some(live) = self.entry(&mut self.lock(), conversation) {
            live.ticket = Some(ticket);
            live.stream = page.map(keys::stream);
        }
    }

    /// A page without a chat says how it fares.
    pub fn beacon(&self, page: &str, keys: Keys, trouble: bool, now_ms: i64) {
        let report = Report { keys, trouble: trouble.then_some(Cause::Undetermined), ticket: None };
        self.crowd().note(&format!("page:{page}"), report, now_ms);
    }

    /// Incidents, the newest first.
    #[must_use]
    pub fn incidents(&self) -> Vec<Incident> {
        self.crowd().incidents()
    }

    fn entry<'a>(
        &self,
        all: &'a mut HashMap<ConversationId, Live>,
        conversation: &ConversationId,
    ) -> Option<&'a mut Live> {
        if all.len() >= LIVE_MAX && !all.contains_key(conversation) {
            return None;
        }
        Some(all.entry(conversation.clone()).or_insert_with(|| Live::new(Instant::now())))
    }

    /// Conversations that send samples now.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether none sends samples now.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn run(&self, mut tap: mpsc::Receiver<(BlockHeader, Vec<u8>)>, to: &mpsc::Sender<News>) {
        let mut blocks = Vec::new();
        let (mut swept, mut looked) = (Instant::now(), Instant::now());
        loop {
            // While something is due the thread looks every tenth of a second, else it sleeps until a block comes.
            let waits = self.lock().values().any(|live| live.dirty);
            if waits {
                while blocks.len() < BLOCKS_AT_ONCE {
                    match tap.try_recv() {
                        Ok(block) => blocks.push(block),
                        Err(mpsc::error::TryRecvError::Empty) => break,
                        Err(mpsc::error::TryRecvError::Disconnected) => return,
                    }
                }
                if blocks.is_empty() {
                    std::thread::sleep(JUDGE_EVERY / 10);
                }
            } else if tap.blocking_recv_many(&mut blocks, BLOCKS_AT_ONCE) == 0 {
                return;
            }
            for (header, bytes) in blocks.drain(..) {
                self.take(&header, &bytes, Instant::now());
            }
            self.judge_due(to, Instant::now());
            if looked.elapsed() > LOOK_EVERY {
                looked = Instant::now();
                let mut crowd = self.crowd();
                if crowd.look(clock::now_ms()) {
                    // Agents who missed it are told with the next change, and when they come.
                    let _ = to.try_send(News::Incidents(crowd.incidents()));
                }
            }
            if swept.elapsed() > IDLE_MAX / 4 {
                swept = Instant::now();
                self.lock().retain(|_, live| live.dirty || live.touched.elapsed() < IDLE_MAX);
            }
        }
    }

    fn take(&self, header: &BlockHeader, bytes: &[u8], now: Instant) {
        let Some(lanes) = lanes_of_block(header, bytes) else { return };
        let mut all = self.lock();
        let Some(live) = self.entry(&mut all, &header.conversation) else { return };
        for (lane, samples) in lanes {
            live.playing.note(lane, &samples);
            for sample in &samples {
                // A sample that is none is the ticket's matter; here it is left out.
                let _ = live.trace.push(lane, sample);
            }
        }
        if let Some((_, newest)) = live.trace.span() {
            live.trace.forget_before(newest * 1_000 - KEPT_MS);
        }
        live.touched = now;
        live.dirty = true;
    }

    /// Judges what changed and is due, each conversation under its own short lock.
    fn judge_due(&self, to: &mpsc::Sender<News>, now: Instant) {
        let due = |live: &Live| live.dirty && live.judged.is_none_or(|at| now.duration_since(at) >= JUDGE_EVERY);
        let (ids, crowded): (Vec<ConversationId>, usize) = {
            let all = self.lock();
            (all.iter().filter(|(_, live)| due(live)).map(|(id, _)| id.clone()).collect(), all.len() / TELL_EASILY)
        };
        let crowded = u32::try_from(crowded).unwrap_or(u32::MAX).max(1);
        for id in ids {
            let mut all = self.lock();
            let Some(live) = all.get_mut(&id) else { continue };
            let brief = brief(&diagnose(&live.trace, None));
            live.judged = Some(now);
            self.compare(&id, live, &brief, to, now);
            if let Some(lookout) = self.lookout.get()
                && let Some(played) = live.playing.in_trouble(&brief)
            {
                // It comes again with the next block while the trouble lasts.
                let _ = lookout.try_send(InTrouble { conversation: id.clone(), played });
            }
            let since = |at: &Instant| now.duration_since(*at) / crowded;
            if live.told.as_ref().is_some_and(|(at, told)| !worth_telling(told, &brief, since(at))) {
                live.dirty = false;
                continue;
            }
            // A full queue is tried again a second later.
            if to.try_send(News::Judged(Judged { conversation: id, brief: brief.clone() })).is_ok() {
                live.told = Some((now, brief));
                live.dirty = false;
            }
        }
    }

    /// Tells the crowd how this one fares, and this one, when it is in trouble, how others do.
    fn compare(
        &self,
        id: &ConversationId,
        live: &mut Live,
        brief: &VerdictBrief,
        to: &mpsc::Sender<News>,
        now: Instant,
    ) {
        let mut crowd = self.crowd();
        crowd.note(id.as_str(), live.report(brief), clock::now_ms());
        let due = live.others_told.as_ref().is_none_or(|(at, _)| now.duration_since(*at) >= OTHERS_EVERY);
        if brief.when != Some(Seen::Now) || !due {
            return;
        }
        let others = crowd.others(id.as_str());
        let known = live.others_told.as_ref().is_some_and(|(_, told)| *told == others);
        if !known && !others.is_empty() && to.try_send(News::Others(id.clone(), others.clone())).is_ok() {
            live.others_told = Some((now, others));
        }
    }

    fn crowd(&self) -> std::sync::MutexGuard<'_, Crowd> {
        self.crowd.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<ConversationId, Live>> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Another answer is told at once, other figures now and then.
fn worth_telling(told: &VerdictBrief, now: &VerdictBrief, since: Duration) -> bool {
    let same = (told.cause, told.when, told.also, told.own_share) == (now.cause, now.when, now.also, now.own_share)
        && (told.confidence - now.confidence).abs() < CONFIDENCE_STEP;
    let every = if now.when == Some(Seen::Now) { TELL_EVERY } else { TELL_CALM_EVERY };
    !same || (since >= every && told.agent != now.agent)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use signaling::verdict::Cause;
    use signaling::wire::Leg;

    use super::*;

    fn block(conversation: &str, samples: &[Value]) -> (BlockHeader, Vec<u8>) {
        let header = BlockHeader {
            conversation: ConversationId::from(conversation),
            call: None,
            leg: Leg::Player,
            source: "s".to_owned(),
            seq: 0,
            t0_ms: 0.0,
            codec: "json1".to_owned(),
        };
        (header, Value::from(samples.to_vec()).to_string().into_bytes())
    }

    fn healthy(from_s: i64, seconds: i64) -> Vec<Value> {
        let sample = |s: i64| {
            json!({"t": s * 1_000, "currentTime": s, "paused": false, "ended": false, "readyState": 4, "bufferedAheadS": 8,
                   "stalls": 0, "stalledMs": 0, "waiting": false, "droppedVideoFrames": 0, "totalVideoFrames": s * 30,
                   "playbackRate": 1, "hidden": false})
        };
        (from_s..from_s + seconds).map(sample).collect()
    }

    #[test]
    fn a_block_is_judged_and_told_once() {
        let (send, tap) = mpsc::channel(8);
        let (live, mut judged) = LiveVerdicts::start(tap).expect("a thread");
        send.blocking_send(block("c_1", &healthy(1_700_000_000, 30))).expect("room");
        let News::Judged(first) = judged.blocking_recv().expect("a verdict") else { panic!("a verdict comes first") };
        assert_eq!((first.conversation.as_str(), first.brief.cause), ("c_1", Cause::NoneObserved));
        assert_eq!(first.brief.at_ms, 1_700_000_029_000);
        assert!(live.diagnosis(&ConversationId::from("c_1")).is_some());
        assert!(live.diagnosis(&ConversationId::from("c_2")).is_none());
        assert_eq!(live.len(), 1);
        drop(send);
        assert!(judged.blocking_recv().is_none(), "nothing changed, so nothing is told, and the thread ends");
    }

    #[test]
    fn figures_alone_are_told_now_and_then() {
        let trace = Trace::new();
        let told = brief(&diagnose(&trace, None));
        let mut other = told.clone();
        other.agent.en.push_str(" 5 %");
        assert!(!worth_telling(&told, &other, Duration::from_secs(1)));
        assert!(!worth_telling(&told, &other, TELL_EVERY));
        assert!(worth_telling(&told, &other, TELL_CALM_EVERY));
        (other.when, other.cause) = (Some(Seen::Now), told.cause);
        let mut worse = other.clone();
        worse.agent.en.push_str(" 6 %");
        assert!(worth_telling(&other, &worse, TELL_EVERY));
        other.cause = Cause::ViewerNetwork;
        assert!(worth_telling(&told, &other, Duration::ZERO));
    }
}
