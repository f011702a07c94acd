//! What the core spends on forwarding a packet: one publisher, 200 packets/s of 1,000 bytes, to 1, 2 and 4 receivers, all
//! of it in memory with real SRTP. Only the core's own calls are timed. Compare the rows of one run.
#![allow(clippy::disallowed_methods, reason = "the virtual clock needs a beginning, and a bench a stopwatch")]

#[allow(dead_code, reason = "shared with the simulation, which asks it more")]
#[path = "../tests/simulation/client.rs"]
mod client;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use client::Client;
use media::{Core, CoreConfig, Output, PeerKey};

const SERVER: &str = "10.0.0.1:3478";
/// Until then everyone connects; virtual milliseconds.
const JOIN_MS: u64 = 1_000;
/// Publishing begins.
const PUBLISH_MS: u64 = 1_500;
/// And ends: 20 s, 4,000 packets in.
const END_MS: u64 = 21_500;
/// A packet every 5 ms; every 20th ends a frame.
const PACKET_MS: u64 = 5;

fn main() {
    println!("receivers  packets out  us/packet out  ratio to 1 receiver");
    let mut first = None;
    for receivers in [1, 2, 4] {
        let (packets, spent) = Bench::new(receivers).run();
        let each_us = spent.as_secs_f64() * 1e6 / packets as f64;
        let ratio = each_us / *first.get_or_insert(each_us);
        println!("{receivers:>9}  {packets:>11}  {each_us:>13.2}  {ratio:>19.2}");
    }
}

struct Bench {
    core: Core,
    clients: Vec<Client>,
    keys: Vec<PeerKey>,
    start: Instant,
    wake: Option<Instant>,
    spent: Duration,
    to_clients: Vec<(SocketAddr, Vec<u8>)>,
}

impl Bench {
    fn new(receivers: u8) -> Self {
        let start = Instant::now();
        let mut core = Core::new(CoreConfig::new(vec![SERVER.parse().expect("an address")]), start);
        let (mut clients, mut keys) = (Vec::new(), Vec::new());
        for index in 0..=receivers {
            let (mut client, offer) = Client::new(SocketAddr::from(([10, 0, 1, index], 5_000)), start);
            let (key, answer) = core.connect(start, &offer).expect("connects");
            client.answer(&answer);
            clients.push(client);
            keys.push(key);
        }
        Self { core, clients, keys, start, wake: None, spent: Duration::ZERO, to_clients: Vec::new() }
    }

    fn run(mut self) -> (usize, Duration) {
        let room = self.core.create_room().expect("a room");
        for ms in 0..END_MS {
            let now = self.start + Duration::from_millis(ms);
            if ms == JOIN_MS {
                assert!(self.clients.iter().all(|client| client.connected_ms.is_some()), "everyone is connected");
                self.keys.iter().for_each(|key| self.core.join(now, room, *key).expect("joins"));
            }
            if ms == PUBLISH_MS {
                self.spent = Duration::ZERO;
            }
            if ms >= PUBLISH_MS && ms.is_multiple_of(PACKET_MS) {
                self.publish(now, (ms - PUBLISH_MS) / PACKET_MS);
            }
            self.tick(now, ms);
        }
        (self.clients[1..].iter().map(|client| client.video().len()).sum(), self.spent)
    }

    fn publish(&mut self, now: Instant, number: u64) {
        let frame = number / 20;
        let begins = number.is_multiple_of(20);
        let mut payload = vec![if begins { 0x10 } else { 0 }, u8::from(!frame.is_multiple_of(30))];
        payload.resize(1_000, 7);
        self.clients[0].send_rtp(now, 1, (frame * 9_000) as u32, number % 20 == 19, payload);
    }

    /// One millisecond: what clients send goes into the core, what comes out goes to the clients.
    fn tick(&mut self, now: Instant, ms: u64) {
        let server: SocketAddr = SERVER.parse().expect("an address");
        for index in 0..self.clients.len() {
            let mut out = Vec::new();
            self.clients[index].tick(now, ms, &mut out);
            let from = self.clients[index].address;
            for (_, bytes) in out {
                self.timed(|core| core.handle_datagram(now, from, server, &bytes));
            }
        }
        if self.wake.is_some_and(|at| at <= now) {
            self.timed(|core| core.handle_timeout(now));
        }
        for (to, bytes) in std::mem::take(&mut self.to_clients) {
            if let Some(client) = self.clients.iter_mut().find(|client| client.address == to) {
                client.handle(now, server, &bytes);
                let mut out = Vec::new();
                client.tick(now, ms, &mut out);
                let from = client.address;
                for (_, bytes) in out {
                    self.timed(|core| core.handle_datagram(now, from, server, &bytes));
                }
            }
        }
    }

    /// Runs the core and empties it, on the stopwatch.
    fn timed<T>(&mut self, run: impl FnOnce(&mut Core) -> T) {
        let begun = Instant::now();
        run(&mut self.core);
        loop {
            match self.core.poll_output() {
                Output::Transmit { destination, contents, .. } => self.to_clients.push((destination, contents)),
                Output::Event(_) => {}
                Output::Timeout(at) => {
                    self.wake = at;
                    break;
                }
            }
        }
        self.spent += begun.elapsed();
    }
}
