//! What happens in a run: who has which line, who comes, goes, sends, pauses and restarts when. All of it from the seed.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use str0m::format::Codec;

use crate::network::{Conditions, Rate};

/// When the picture begins, if its publisher is connected. Lines only delay before, unless the start is rough.
pub(crate) const PUBLISH_MS: u64 = 2_000;
/// From then on lines only delay: whoever has no picture now has to get one back.
pub(crate) const CALM_MS: u64 = 8_500;
/// Nobody sends any more.
pub(crate) const STOP_MS: u64 = 11_000;
/// What was under way has arrived.
pub(crate) const END_MS: u64 = 11_700;

/// The viewer: sends the picture.
pub(crate) const VIEWER: usize = 0;
/// The agent: is there from the beginning.
pub(crate) const AGENT: usize = 1;
/// Comes later.
pub(crate) const COLLEAGUE: usize = 2;
/// Number of persons.
pub(crate) const PERSONS: usize = 3;
/// M-lines of microphone, screen and camera.
pub(crate) const MICROPHONE: usize = 0;
pub(crate) const SCREEN: usize = 1;
pub(crate) const CAMERA: usize = 2;

/// Something a person does or suffers. Persons are the indices above; a new connection takes the place of the old one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Step {
    /// Sends an offer for a new connection.
    Arrive(usize),
    /// Is put into the room.
    Join(usize),
    /// Is taken out of the room; the connection stays.
    Leave(usize),
    /// Sends on an m-line from now on.
    Send(usize, usize),
    /// Sends nothing on it any more.
    Pause(usize, usize),
    /// The server closes the connection.
    Close(usize),
    /// The person's device is gone without a word.
    Vanish(usize),
    /// Offers an ICE restart.
    RestartIce(usize),
    /// The line is dead for so long, ms.
    Cut(usize, u64),
    /// The line has a fraction of its rate for so long, ms.
    Squeeze(usize, u64),
}

/// How it ends. In every case nothing may be left in the core.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The server closes every connection and the room.
    Closed,
    /// The clients say goodbye.
    HungUp,
    /// The clients are gone without a word.
    Vanished,
}

#[derive(Debug, Clone)]
pub(crate) struct Scenario {
    pub(crate) seed: u64,
    pub(crate) lines: Vec<Conditions>,
    /// Whether lines are bad before anything is published, while connections are made.
    pub(crate) rough_start: bool,
    pub(crate) codec: Codec,
    pub(crate) dtls13: bool,
    /// Time between two pictures, ms.
    pub(crate) frame_ms: u64,
    /// Packets of a key frame.
    pub(crate) key_packets: u16,
    pub(crate) steps: Vec<(u64, Step)>,
    pub(crate) ending: Ending,
}

impl Scenario {
    /// The plainest one: everyone connects on lines of 20 ms, the viewer shows a screen, nobody comes late.
    pub(crate) fn plain(seed: u64) -> Self {
        let mut steps = vec![(0, Step::Arrive(VIEWER)), (0, Step::Arrive(AGENT)), (0, Step::Arrive(COLLEAGUE))];
        steps.extend([
            (1_000, Step::Join(VIEWER)),
            (1_000, Step::Join(AGENT)),
            (PUBLISH_MS, Step::Send(VIEWER, SCREEN)),
        ]);
        Self {
            seed,
            lines: vec![Conditions::clean(20); PERSONS],
            rough_start: false,
            codec: Codec::Vp8,
            dtls13: false,
            frame_ms: 33,
            key_packets: 20,
            steps,
            ending: Ending::Closed,
        }
    }

    pub(crate) fn from_seed(seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        // Every fifth run has clean lines: there the bounds are exact, and a single missing packet is an error.
        let clean = seed.is_multiple_of(5);
        let lines = (0..PERSONS).map(|_| line(&mut rng, clean)).collect();
        let mut scenario = Self {
            lines,
            rough_start: rng.random_bool(0.4),
            codec: pick(&mut rng, &[Codec::Vp8, Codec::Vp8, Codec::Vp9, Codec::H264, Codec::Av1]),
            dtls13: rng.random_bool(0.5),
            frame_ms: pick(&mut rng, &[33, 33, 50, 100, 200]),
            key_packets: rng.random_range(2..30),
            ending: pick(&mut rng, &[Ending::Closed, Ending::HungUp, Ending::Vanished]),
            ..Self::plain(seed)
        };
        scenario.steps = beginning(&mut rng);
        for _ in 0..rng.random_range(0..4) {
            let at = rng.random_range(PUBLISH_MS + 1_000..CALM_MS - 1_000);
            turn(&mut rng, at, &mut scenario.steps);
        }
        scenario
    }

    /// Whether a person's line never loses, delays or reorders anything beyond its plain delay.
    pub(crate) fn is_clean(&self, person: usize) -> bool {
        let hurt =
            |step: &Step| matches!(step, Step::Cut(p, _) | Step::Squeeze(p, _) | Step::RestartIce(p) if *p == person);
        self.lines[person].is_clean() && !self.steps.iter().any(|(_, step)| hurt(step))
    }
}

fn pick<T: Copy>(rng: &mut ChaCha8Rng, from: &[T]) -> T {
    from[rng.random_range(0..from.len())]
}

fn line(rng: &mut ChaCha8Rng, clean: bool) -> Conditions {
    let plain = Conditions::clean(pick(rng, &[0, 3, 10, 25, 50, 100, 150]));
    if clean || rng.random_bool(0.2) {
        return plain;
    }
    let rate = Rate { kbps: pick(rng, &[2_500, 4_000, 8_000]), queue_bytes: pick(rng, &[40_000, 80_000, 200_000]) };
    Conditions {
        jitter_ms: pick(rng, &[0, 5, 20]),
        overtaken: pick(rng, &[0.0, 0.01, 0.05]),
        loss: pick(rng, &[0.0, 0.01, 0.03, 0.06, 0.1]),
        burst: pick(rng, &[1.0, 1.0, 3.0, 8.0]),
        rate: rng.random_bool(0.35).then_some(rate),
        ..plain
    }
}

/// Viewer and agent meet, the picture begins; mostly a colleague joins later, on a warm connection or a new one.
fn beginning(rng: &mut ChaCha8Rng) -> Vec<(u64, Step)> {
    let mut steps = vec![(0, Step::Arrive(VIEWER)), (rng.random_range(0..300), Step::Arrive(AGENT))];
    steps.push((rng.random_range(300..1_900), Step::Join(VIEWER)));
    steps.push((rng.random_range(300..1_900), Step::Join(AGENT)));
    steps.push((PUBLISH_MS, Step::Send(VIEWER, SCREEN)));
    if rng.random_bool(0.6) {
        steps.push((rng.random_range(PUBLISH_MS - 500..PUBLISH_MS + 1_500), Step::Send(VIEWER, MICROPHONE)));
    }
    if rng.random_bool(0.25) {
        let (who, at) = (pick(rng, &[VIEWER, AGENT]), rng.random_range(PUBLISH_MS..PUBLISH_MS + 3_000));
        steps.push((at, Step::Send(who, CAMERA)));
    }
    if rng.random_bool(0.85) {
        let joins = rng.random_range(PUBLISH_MS..CALM_MS - 1_500);
        let arrives = if rng.random_bool(0.5) { 100 } else { joins - rng.random_range(0..400) };
        steps.extend([(arrives, Step::Arrive(COLLEAGUE)), (joins, Step::Join(COLLEAGUE))]);
    }
    steps
}

/// Something that goes otherwise than planned.
fn turn(rng: &mut ChaCha8Rng, at: u64, steps: &mut Vec<(u64, Step)>) {
    let who = rng.random_range(0..PERSONS);
    match rng.random_range(0..7) {
        0 => steps.extend([(at, Step::Leave(who)), (at + rng.random_range(0..1_500), Step::Join(who))]),
        1 => {
            let line = pick(rng, &[SCREEN, SCREEN, MICROPHONE]);
            let resumes = at + rng.random_range(30..2_500);
            steps.extend([(at, Step::Pause(VIEWER, line)), (resumes, Step::Send(VIEWER, line))]);
        }
        2 => {
            let gone = pick(rng, &[Step::Close(VIEWER), Step::Vanish(VIEWER)]);
            let back = at + rng.random_range(0..500);
            let joined = back + rng.random_range(0..300);
            steps.extend([(at, gone), (back, Step::Arrive(VIEWER)), (joined, Step::Join(VIEWER))]);
            steps.push((joined, Step::Send(VIEWER, SCREEN)));
        }
        3 | 4 => steps.push((at, Step::RestartIce(who))),
        5 => steps.push((at, Step::Cut(who, rng.random_range(100..2_500)))),
        _ => steps.push((at, Step::Squeeze(who, rng.random_range(300..2_000)))),
    }
}
