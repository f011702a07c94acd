//! What has to hold in every run, whatever the seed.
//!
//! While it runs: every receiver that can have a picture has one, and a fresh one, within a bound ([`Liveness`]). At its
//! end: what the server sent, number by number, is what the publishers sent ([`judge`] and `streams`).

use std::collections::BTreeMap;

use media::limits::{KEY_FRAME_INTERVAL_MIN, KEY_FRAME_RETRY, SOURCE_SILENT_AFTER};

use crate::participant::{Participant, Sending};
use crate::picture::{Part, Source};
use crate::scenario::{CALM_MS, MICROPHONE, STOP_MS};
use crate::streams;
use crate::world::World;

/// On clean lines a picture is there after two round trips and the publisher's answer time: from the moment on at which
/// the receiver has joined and its handshake is done at the server, or the publisher began to send. The answer time is
/// that until the publisher's next picture, and this for the oracle's own look.
const LOOK_MS: u64 = 22;
/// On lines that lose and queue: this, and [`ROUGH_ROUND_TRIPS`] of the two lines together. A decoder waits 200 ms and a
/// round trip for a repair until it asks; a request that is lost is repeated by the server after 300 ms; a key frame of 30
/// packets at 10 % loss is repaired in three rounds, or else all of it is done again.
const ROUGH_MS: u64 = 3_500;
const ROUGH_ROUND_TRIPS: u64 = 10;
/// A handshake on a line that loses a tenth: its timers run from a second on and double.
const CONNECT_MS: u64 = 9_000;
/// From a free slot to a picture in it, on a calm network.
const SLOT_MS: u64 = 1_500;
/// Requests for key frames in any second, beyond one for every receiver that joined or connected in it: the interval of
/// 300 ms allows for four, and jitter may push a fifth among them.
const REQUESTS_PER_SECOND: usize = 5;

/// Figures of a run.
#[derive(Debug, Default, Clone)]
pub(crate) struct Findings {
    /// Longest wait for a first picture, ms: beyond two round trips on clean lines, in all on others.
    pub(crate) first_ms: [u64; 2],
    /// Longest time without a new picture, ms, on clean lines and on others.
    pub(crate) stall_ms: [u64; 2],
    pub(crate) pictures: usize,
    pub(crate) asked: usize,
    pub(crate) requests: usize,
    /// Runs of one source in one slot that were looked at, and packets in them.
    pub(crate) runs: usize,
    pub(crate) packets: usize,
}

/// Who owes whom a picture, and since when.
#[derive(Debug, Default)]
pub(crate) struct Liveness {
    down: Vec<(usize, u64)>,
    owed: BTreeMap<(usize, Source), Owed>,
    first_ms: [u64; 2],
    stall_ms: [u64; 2],
}

#[derive(Debug, Clone, Copy)]
struct Owed {
    since_ms: u64,
    /// When receiver joined and sender began: other values begin another debt.
    of: (Option<u64>, u64),
}

impl Liveness {
    /// A person's line cannot be used until then.
    pub(crate) fn down(&mut self, person: usize, until_ms: u64) {
        self.down.push((person, until_ms));
    }

    /// Checks every receiver against every source of the others.
    pub(crate) fn look(&mut self, world: &World, ms: u64) -> Result<(), String> {
        for (index, receiver) in world.participants.iter().enumerate() {
            let sources = world.participants.iter().enumerate().filter(|(i, _)| *i != index);
            for (_, sender) in sources {
                for sending in sender.sends.iter().filter(|(line, _)| **line != MICROPHONE).map(|(_, s)| s) {
                    self.look_at(world, ms, (index, receiver), (sender, sending))?;
                }
            }
        }
        Ok(())
    }

    fn look_at(
        &mut self,
        world: &World,
        ms: u64,
        (index, receiver): (usize, &Participant),
        (sender, sending): (&Participant, &Sending),
    ) -> Result<(), String> {
        let entry = (index, sending.source);
        let usable = |p: &Participant| p.is_in() && p.is_up(ms) && !self.is_down(p.person, ms);
        let owed = usable(receiver) && usable(sender) && sending.on && rivals(world, index, ms) <= 2;
        if !owed || ms >= STOP_MS {
            self.owed.remove(&entry);
            return Ok(());
        }
        let of = (receiver.joined_ms, sending.since_ms);
        let owed = self.owed.entry(entry).or_insert(Owed { since_ms: ms, of });
        if owed.of != of {
            *owed = Owed { since_ms: ms, of };
        }
        let rtt = |p: &Participant| world.network.rtt_ms(p.person);
        // What comes sooner was on its way before.
        let under_way = owed.since_ms + (rtt(receiver) + rtt(sender)) / 2;
        let shown = receiver.shown_ms(sending.source).filter(|at| *at >= under_way);
        let waited = ms - shown.unwrap_or(owed.since_ms);
        let scenario = &world.scenario;
        let clean = scenario.is_clean(receiver.person) && scenario.is_clean(sender.person);
        let bound = match (clean, shown) {
            (true, None) => 2 * rtt(receiver).max(rtt(sender)) + scenario.frame_ms + LOOK_MS,
            (true, Some(_)) => scenario.frame_ms + LOOK_MS,
            // The handshake is done at the server one flight before it is at the receiver, and that flight may be lost.
            (false, None) => CONNECT_MS + ROUGH_ROUND_TRIPS * (rtt(receiver) + rtt(sender)),
            (false, Some(_)) => ROUGH_MS + ROUGH_ROUND_TRIPS * (rtt(receiver) + rtt(sender)),
        };
        let figures = if shown.is_none() { &mut self.first_ms } else { &mut self.stall_ms };
        let figure = &mut figures[usize::from(!clean)];
        *figure = (*figure).max(waited);
        if waited > bound {
            let what = if shown.is_none() { "first picture" } else { "new picture" };
            return Err(format!(
                "at {ms} ms participant {index} waits for a {what} of {:?} for {waited} ms, bound {bound}",
                sending.source
            ));
        }
        Ok(())
    }

    fn is_down(&self, person: usize, ms: u64) -> bool {
        self.down.iter().any(|(p, until)| *p == person && ms < *until)
    }
}

/// Sources of pictures that may hold a receiver's slots: there are two of these.
fn rivals(world: &World, receiver: usize, ms: u64) -> usize {
    let others = world.participants.iter().enumerate().filter(|(i, p)| *i != receiver && p.is_in());
    let pictures = others.flat_map(|(_, p)| p.sends.iter().filter(|(line, _)| **line != MICROPHONE));
    let silent_ms = SOURCE_SILENT_AFTER.as_millis() as u64 + 1_000;
    pictures.filter(|(_, s)| s.last_ms.is_some_and(|at| ms < at + silent_ms)).count()
}

/// Judges a run at its end.
pub(crate) fn judge(world: &World) -> Result<Findings, String> {
    let mut findings =
        Findings { first_ms: world.liveness.first_ms, stall_ms: world.liveness.stall_ms, ..Default::default() };
    for (index, participant) in world.participants.iter().enumerate() {
        let judged = everyone_connected(world, participant)
            .and_then(|()| streams::judge(world, participant, &mut findings))
            .and_then(|()| requests(world, participant, &mut findings))
            .and_then(|()| last_of_everything(world, index));
        judged.map_err(|e| format!("participant {index}: {e}"))?;
        findings.pictures += participant.decoders.values().map(|d| d.pictures).sum::<usize>();
        findings.asked += participant.decoders.values().map(|d| d.asked).sum::<usize>();
    }
    Ok(findings)
}

fn everyone_connected(world: &World, participant: &Participant) -> Result<(), String> {
    let gone = participant.vanished || participant.closed;
    let had = STOP_MS.saturating_sub(participant.arrived_ms);
    if participant.connected_ms.is_some() || gone || had < CONNECT_MS + 10 * world.network.rtt_ms(participant.person) {
        return Ok(());
    }
    Err(format!("not connected after {had} ms"))
}

/// Requests for key frames come neither in a storm nor for nothing.
fn requests(world: &World, participant: &Participant, findings: &mut Findings) -> Result<(), String> {
    let causes: Vec<u64> = world.participants.iter().flat_map(|p| [p.joined_ms, p.connected_ms]).flatten().collect();
    for line in participant.sends.keys() {
        let times: Vec<u64> = participant.client.asked.iter().filter(|(l, _)| l == line).map(|(_, at)| *at).collect();
        findings.requests += times.len();
        for (i, begin) in times.iter().enumerate() {
            let burst = times[i..].iter().take_while(|at| **at < begin + 1_000).count();
            let due = causes.iter().filter(|at| (begin.saturating_sub(1_000)..begin + 1_000).contains(*at)).count();
            if burst > REQUESTS_PER_SECOND + due {
                return Err(format!("{burst} requests for key frames within a second of {begin} ms on line {line}"));
            }
        }
        // On clean lines only those who come need one; it is asked for again where the answer takes longer.
        let everyone_clean = world.participants.iter().all(|p| world.scenario.is_clean(p.person));
        let answer_ms = 2 * world.network.rtt_ms(participant.person) + world.scenario.frame_ms;
        let each = 1 + answer_ms as usize / KEY_FRAME_RETRY.min(KEY_FRAME_INTERVAL_MIN).as_millis() as usize;
        if everyone_clean && times.len() > joins(world) * each {
            return Err(format!("{} requests for key frames on clean lines: {times:?}", times.len()));
        }
    }
    Ok(())
}

/// How often somebody came into the room or got connected.
fn joins(world: &World) -> usize {
    let steps = world.scenario.steps.iter();
    steps.filter(|(_, s)| matches!(s, crate::scenario::Step::Join(_) | crate::scenario::Step::Arrive(_))).count()
}

/// Whoever was there when the network became calm and stayed has the very last picture and sound of every source.
fn last_of_everything(world: &World, index: usize) -> Result<(), String> {
    let receiver = &world.participants[index];
    let settled = |p: &Participant| {
        let there = |at: Option<u64>| at.is_some_and(|at| at < CALM_MS);
        p.is_in()
            && p.is_up(STOP_MS)
            && !p.vanished
            && there(p.joined_ms)
            && there(p.connected_ms)
            && there(p.client.connected_ms)
    };
    // A source that got its slot only now may have nothing there yet.
    if !settled(receiver) || rivals(world, index, STOP_MS - SLOT_MS) > 2 {
        return Ok(());
    }
    let others = world.participants.iter().enumerate().filter(|(i, p)| *i != index && settled(p));
    for sending in others.flat_map(|(_, p)| p.sends.values()) {
        let stayed = sending.last_ms.is_some_and(|at| at + 500 > STOP_MS) && sending.since_ms < CALM_MS;
        let Some((_, last)) = sending.sent.last_key_value().filter(|_| stayed) else { continue };
        let wanted = Part::of(&last.payload);
        let got = receiver.received.values().flat_map(|s| s.values()).any(|(part, _)| *part == wanted);
        let shown = receiver.shown_ms(sending.source).or(sending.last_ms) >= sending.last_ms;
        if !got || !shown {
            return Err(format!("does not have the last of {:?} (received {got}, shown {shown})", sending.source));
        }
    }
    Ok(())
}
