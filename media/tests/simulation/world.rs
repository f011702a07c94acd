//! Runs a scenario on a virtual clock that jumps from one thing to do to the next, and watches while it runs.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use media::{Core, CoreConfig, Event, Output, PeerKey, RoomKey};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::network::{Datagram, Network, Rate};
use crate::oracle::{self, Findings, Liveness};
use crate::participant::Participant;
use crate::scenario::{CALM_MS, END_MS, Ending, PUBLISH_MS, STOP_MS, Scenario, Step};
use crate::tap::{Header, Stream};

const SERVER: &str = "10.0.0.1:3478";
/// How often decoders and bounds are looked at, ms.
const LOOK_MS: u64 = 20;
/// Rate and queue of a squeezed line.
const SQUEEZED: Rate = Rate { kbps: 300, queue_bytes: 30_000 };
/// An ICE restart takes this long at most, beyond four round trips: one for offer and answer, one for the check, and
/// repetitions of a lost check every quarter of a second.
const RESTART_MS: u64 = 2_000;
/// What is left of vanished peers is gone after this long: `CONNECT_WITHIN`, and 30 s until ICE misses them.
const FORGOTTEN_MS: u64 = 180_000;

/// Something to do at a time.
#[derive(Debug)]
enum Task {
    Step(Step),
    /// An offer reaches the server, the answer the client.
    Offer(usize, String),
    Answer(usize, String),
    Reoffer(usize, String),
    /// Look at decoders and bounds.
    Look,
    Sample,
    Calm(bool),
    Stop,
}

pub(crate) struct World {
    pub(crate) scenario: Scenario,
    pub(crate) core: Core,
    pub(crate) participants: Vec<Participant>,
    pub(crate) network: Network,
    pub(crate) events: Vec<(u64, Event)>,
    /// What the server sent: by destination and SSRC.
    pub(crate) sent: HashMap<(SocketAddr, u32), Stream>,
    pub(crate) liveness: Liveness,
    pub(crate) server_bytes: u64,
    pub(crate) wakes: u64,
    server: SocketAddr,
    room: RoomKey,
    rng: ChaCha8Rng,
    start: Instant,
    tasks: BTreeMap<(u64, u64), Task>,
    next_task: u64,
    wake: Option<Instant>,
    ms: u64,
    trace: bool,
}

impl World {
    /// Runs a scenario to its end and judges it.
    pub(crate) fn run(scenario: Scenario, trace: bool) -> Result<Findings, String> {
        let mut world = World::new(scenario, trace);
        world.run_until(END_MS)?;
        let findings = oracle::judge(&world)?;
        world.finish()?;
        Ok(findings)
    }

    pub(crate) fn new(scenario: Scenario, trace: bool) -> World {
        let start = Instant::now();
        let server: SocketAddr = SERVER.parse().unwrap();
        let mut core = Core::new(CoreConfig::new(vec![server]), start);
        let room = core.create_room().unwrap();
        let mut network = Network::new(scenario.seed, &scenario.lines);
        network.calm = !scenario.rough_start;
        let mut world = World {
            core,
            participants: Vec::new(),
            network,
            events: Vec::new(),
            sent: HashMap::new(),
            liveness: Liveness::default(),
            server_bytes: 0,
            wakes: 0,
            server,
            room,
            rng: ChaCha8Rng::seed_from_u64(scenario.seed ^ 0x5eed),
            start,
            scenario,
            tasks: BTreeMap::new(),
            next_task: 0,
            wake: None,
            ms: 0,
            trace,
        };
        if trace {
            eprintln!("{:#?}", world.scenario);
        }
        for (at, step) in world.scenario.steps.clone() {
            world.plan(at, Task::Step(step));
        }
        world.plan(PUBLISH_MS, Task::Calm(false));
        world.plan(CALM_MS, Task::Calm(true));
        world.plan(STOP_MS, Task::Stop);
        world.plan(0, Task::Look);
        world.plan(1_000, Task::Sample);
        world
    }

    fn plan(&mut self, at: u64, task: Task) {
        self.tasks.insert((at, self.next_task), task);
        self.next_task += 1;
    }

    fn note(&self, ms: u64, text: impl FnOnce() -> String) {
        if self.trace {
            eprintln!("{ms:>6} {}", text());
        }
    }

    pub(crate) fn at(&self, ms: u64) -> Instant {
        self.start + Duration::from_millis(ms)
    }

    /// Goes on to a time, which is not yet worked through.
    pub(crate) fn run_until(&mut self, end_ms: u64) -> Result<(), String> {
        while self.ms < end_ms {
            self.step(self.ms)?;
            self.ms = self.next_ms(self.ms).min(end_ms);
        }
        Ok(())
    }

    fn ms_of(&self, at: Instant) -> u64 {
        at.saturating_duration_since(self.start).as_nanos().div_ceil(1_000_000) as u64
    }

    /// When the next thing is to be done, a millisecond on at least.
    fn next_ms(&self, ms: u64) -> u64 {
        let clients = self.participants.iter().filter(|p| !p.vanished);
        let times = clients.flat_map(|p| [Some(self.ms_of(p.client.wake)), p.next_ms()]);
        let others = [
            self.network.next_ms(),
            self.wake.map(|at| self.ms_of(at)),
            self.tasks.first_key_value().map(|((at, _), _)| *at),
        ];
        times.chain(others).flatten().min().unwrap_or(u64::MAX).max(ms + 1)
    }

    fn step(&mut self, ms: u64) -> Result<(), String> {
        let now = self.at(ms);
        while let Some(entry) = self.tasks.first_entry().filter(|e| e.key().0 <= ms) {
            let task = entry.remove();
            self.task(task, ms, now)?;
        }
        for participant in &mut self.participants {
            participant.publish(&self.scenario, now, ms, &mut self.rng);
        }
        self.tick_due(ms)?;
        while let Some(datagram) = self.network.due(ms) {
            self.deliver(datagram, ms)?;
        }
        if self.wake.is_some_and(|at| at <= now) {
            self.wakes += 1;
            self.core.handle_timeout(now);
        }
        self.drain(ms);
        Ok(())
    }

    fn deliver(&mut self, datagram: Datagram, ms: u64) -> Result<(), String> {
        let now = self.at(ms);
        if datagram.to == self.server {
            if let Some(header) = Header::of(&datagram.bytes)
                && let Some(from) = self.participants.iter_mut().find(|p| p.address == datagram.from)
            {
                from.arrived(header.ssrc, header.sequence, ms);
            }
            self.core.handle_datagram(now, datagram.from, datagram.to, &datagram.bytes);
            self.drain(ms);
        } else if let Some(to) = self.participants.iter().position(|p| p.address == datagram.to && !p.vanished) {
            self.participants[to].client.handle(now, datagram.from, &datagram.bytes);
            self.tick(to, ms)?;
        }
        Ok(())
    }

    fn tick_due(&mut self, ms: u64) -> Result<(), String> {
        let now = self.at(ms);
        for index in 0..self.participants.len() {
            if self.participants[index].client.wake <= now {
                self.tick(index, ms)?;
            }
        }
        Ok(())
    }

    /// Lets a client do what it has to, and takes what it sends.
    fn tick(&mut self, index: usize, ms: u64) -> Result<(), String> {
        let now = self.at(ms);
        let participant = &mut self.participants[index];
        if participant.vanished {
            return Ok(());
        }
        let mut out = Vec::new();
        let asked = participant.client.asked.len();
        participant.client.tick(now, ms, &mut out);
        if self.trace && participant.client.asked.len() > asked {
            eprintln!("{ms:>6} participant {index} is asked for a key frame");
        }
        participant.read(ms).map_err(|e| format!("at {ms} ms, participant {index}: {e}"))?;
        let (from, person) = (participant.address, participant.person);
        for (to, bytes) in out {
            self.network.send(ms, person, true, Datagram { from, to, bytes });
        }
        Ok(())
    }

    fn drain(&mut self, ms: u64) {
        loop {
            match self.core.poll_output() {
                Output::Transmit { source, destination, contents } => {
                    self.server_bytes += contents.len() as u64;
                    if let Some(header) = Header::of(&contents) {
                        self.sent.entry((destination, header.ssrc)).or_default().note(header, ms);
                    }
                    // What is sent to a device that is gone does not load the line of the one in its place.
                    let to = self.participants.iter().find(|p| p.address == destination && !p.vanished);
                    if let Some(person) = to.map(|p| p.person) {
                        let datagram = Datagram { from: source, to: destination, bytes: contents };
                        self.network.send(ms, person, false, datagram);
                    }
                }
                Output::Event(event) => self.event(event, ms),
                Output::Timeout(at) => {
                    self.wake = at;
                    return;
                }
            }
        }
    }

    fn event(&mut self, event: Event, ms: u64) {
        if !matches!(event, Event::Sample { .. }) {
            self.note(ms, || format!("{event:?}"));
        }
        let of = |key: &PeerKey| self.participants.iter().position(|p| p.key == Some(*key));
        match &event {
            Event::DtlsConnected { peer, .. } => {
                if let Some(index) = of(peer) {
                    self.participants[index].connected_ms = Some(ms);
                }
            }
            Event::IceConnected { peer, .. } => {
                if let Some(index) = of(peer) {
                    self.participants[index].restarting_until_ms = 0;
                }
            }
            Event::Closed { peer } => {
                if let Some(index) = of(peer) {
                    self.participants[index].closed = true;
                }
            }
            _ => {}
        }
        self.events.push((ms, event));
    }

    fn task(&mut self, task: Task, ms: u64, now: Instant) -> Result<(), String> {
        match task {
            Task::Step(step) => {
                self.note(ms, || format!("{step:?}"));
                self.scenario_step(step, ms, now);
            }
            Task::Offer(index, offer) => {
                let (key, answer) = self.core.connect(now, &offer).map_err(|e| format!("offer refused: {e}"))?;
                self.participants[index].key = Some(key);
                let back = self.one_way_ms(index);
                self.plan(ms + back, Task::Answer(index, answer));
                if self.participants[index].joined_ms.is_some() {
                    self.core.join(now, self.room, key).map_err(|e| e.to_string())?;
                }
            }
            Task::Answer(index, answer) => {
                self.participants[index].client.answer(&answer);
                self.participants[index].client.wake = now;
            }
            Task::Reoffer(index, offer) => {
                let Some(key) = self.participants[index].key.filter(|_| !self.participants[index].closed) else {
                    return Ok(());
                };
                let answer = self.core.reoffer(now, key, &offer).map_err(|e| format!("restart refused: {e}"))?;
                let back = self.one_way_ms(index);
                self.plan(ms + back, Task::Answer(index, answer));
            }
            Task::Look => {
                self.look(ms, now)?;
                self.plan(ms + LOOK_MS, Task::Look);
            }
            Task::Sample => {
                self.core.sample(now);
                self.plan(ms + 1_000, Task::Sample);
            }
            Task::Calm(calm) => self.network.calm = calm,
            Task::Stop => {
                for sending in self.participants.iter_mut().flat_map(|p| p.sends.values_mut()) {
                    sending.on = false;
                }
            }
        }
        self.drain(ms);
        Ok(())
    }

    fn look(&mut self, ms: u64, now: Instant) -> Result<(), String> {
        for (index, participant) in self.participants.iter_mut().enumerate() {
            let rtt_ms = self.network.rtt_ms(participant.person);
            for line in participant.ask(now, ms, rtt_ms) {
                if self.trace {
                    let state = participant.decoders[&line].state();
                    eprintln!("{ms:>6} participant {index} asks for a key frame on line {line}: {state}");
                }
            }
        }
        let mut liveness = std::mem::take(&mut self.liveness);
        let result = liveness.look(self, ms);
        self.liveness = liveness;
        result
    }

    fn one_way_ms(&self, index: usize) -> u64 {
        self.network.rtt_ms(self.participants[index].person) / 2
    }

    /// The latest connection of a person, if it has not ended.
    fn of(&self, person: usize) -> Option<usize> {
        self.participants.iter().rposition(|p| p.person == person && !p.closed && !p.vanished)
    }

    fn scenario_step(&mut self, step: Step, ms: u64, now: Instant) {
        match step {
            Step::Arrive(person) => self.arrive(person, ms, now),
            Step::Join(person) => self.join(person, ms, now),
            Step::Leave(person) => self.leave(person, ms, now),
            Step::Send(person, line) => {
                if let Some(index) = self.of(person) {
                    self.participants[index].start(index, line, ms, &mut self.rng);
                }
            }
            Step::Pause(person, line) => {
                if let Some(index) = self.of(person)
                    && let Some(sending) = self.participants[index].sends.get_mut(&line)
                {
                    sending.on = false;
                }
            }
            Step::Close(person) => {
                if let Some(key) = self.of(person).and_then(|index| self.participants[index].key) {
                    self.core.close_peer(now, key);
                }
            }
            Step::Vanish(person) => {
                if let Some(index) = self.of(person) {
                    self.participants[index].vanished = true;
                }
            }
            Step::RestartIce(person) => self.restart_ice(person, ms),
            Step::Cut(person, for_ms) => {
                self.network.cut(person, ms + for_ms);
                self.liveness.down(person, ms + for_ms);
            }
            Step::Squeeze(person, for_ms) => {
                self.network.squeeze(person, ms + for_ms, SQUEEZED);
                self.liveness.down(person, ms + for_ms);
            }
        }
    }

    fn arrive(&mut self, person: usize, ms: u64, now: Instant) {
        if self.of(person).is_some() {
            return;
        }
        let index = self.participants.len();
        let (participant, offer) = Participant::new(&self.scenario, index, person, now, ms);
        self.participants.push(participant);
        let there = self.one_way_ms(index);
        self.plan(ms + there, Task::Offer(index, offer));
    }

    fn join(&mut self, person: usize, ms: u64, now: Instant) {
        let Some(index) = self.of(person) else { return };
        if self.participants[index].joined_ms.is_some() {
            return;
        }
        // Without a connection yet, it joins as soon as the server has its offer.
        self.participants[index].joined_ms = Some(ms);
        if let Some(key) = self.participants[index].key {
            self.core.join(now, self.room, key).unwrap();
        }
    }

    fn leave(&mut self, person: usize, ms: u64, now: Instant) {
        let Some(index) = self.of(person) else { return };
        if self.participants[index].joined_ms.take().is_some()
            && let Some(key) = self.participants[index].key
        {
            self.participants[index].left_ms.push(ms);
            self.core.leave(now, self.room, key).unwrap();
        }
    }

    fn restart_ice(&mut self, person: usize, ms: u64) {
        let Some(index) = self.of(person).filter(|i| self.participants[*i].client.connected_ms.is_some()) else {
            return;
        };
        let rtt_ms = self.network.rtt_ms(person);
        let participant = &mut self.participants[index];
        // One restart at a time: browsers do not make an offer before the last one is answered.
        if ms < participant.restarting_until_ms {
            return;
        }
        let Some(offer) = participant.client.restart_ice() else { return };
        participant.restarting_until_ms = ms + RESTART_MS + 4 * rtt_ms;
        self.plan(ms + rtt_ms / 2, Task::Reoffer(index, offer));
    }

    /// Everyone goes; nothing may be left.
    fn finish(mut self) -> Result<(), String> {
        let now = self.at(END_MS);
        match self.scenario.ending {
            Ending::Closed => {
                let keys: Vec<PeerKey> = self.participants.iter().filter_map(|p| p.key).collect();
                keys.into_iter().for_each(|key| self.core.close_peer(now, key));
            }
            Ending::HungUp => self.participants.iter_mut().for_each(|p| p.vanished |= !p.client.hang_up(now)),
            Ending::Vanished => self.participants.iter_mut().for_each(|p| p.vanished = true),
        }
        let mut ms = END_MS;
        self.drain(ms);
        while self.core.peers() > 0 && ms < END_MS + FORGOTTEN_MS {
            self.step(ms)?;
            ms = self.next_ms(ms);
        }
        self.core.close_room(self.at(ms), self.room);
        self.drain(ms);
        if (self.core.peers(), self.core.rooms(), self.core.dropped()) != (0, 0, 0) {
            let (peers, rooms, dropped) = (self.core.peers(), self.core.rooms(), self.core.dropped());
            return Err(format!("{peers} peers and {rooms} rooms are left at {ms} ms, {dropped} datagrams dropped"));
        }
        // Entries of the heap whose peers are gone may come due, but nothing new may come of them.
        let later = self.at(ms + FORGOTTEN_MS);
        self.core.handle_timeout(later);
        match self.core.poll_output() {
            Output::Timeout(None) => Ok(()),
            other => Err(format!("an empty core still has {other:?}")),
        }
    }
}
