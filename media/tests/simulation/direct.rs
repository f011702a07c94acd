//! Two participants whose datagrams arrive at once, and whatever else a test hands to the core in between.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use media::{Core, CoreConfig, Event, Output, PeerKey};

use crate::client::Client;

const SERVER: &str = "10.0.0.1:3478";

pub(crate) struct Direct {
    pub(crate) core: Core,
    /// The publisher and the receiver.
    pub(crate) clients: [Client; 2],
    pub(crate) keys: [PeerKey; 2],
    pub(crate) events: Vec<Event>,
    /// The first datagram of the publisher: a check.
    pub(crate) first_check: Vec<u8>,
    /// Whether the clients hear and are heard.
    pub(crate) reachable: bool,
    start: Instant,
    ms: u64,
    /// The largest datagram the core has sent.
    pub(crate) largest_sent: usize,
}

impl Direct {
    /// Both in one room and connected.
    pub(crate) fn new() -> Self {
        let start = Instant::now();
        let mut core = Core::new(CoreConfig::new(vec![SERVER.parse().unwrap()]), start);
        let room = core.create_room().unwrap();
        let mut keys = Vec::new();
        let clients = [1, 2].map(|i| {
            let (mut client, offer) = Client::new(SocketAddr::from(([10, 0, 1, i], 5_000)), start);
            let (key, answer) = core.connect(start, &offer).unwrap();
            client.answer(&answer);
            core.join(start, room, key).unwrap();
            keys.push(key);
            client
        });
        let mut direct = Self {
            core,
            clients,
            keys: [keys[0], keys[1]],
            events: Vec::new(),
            first_check: Vec::new(),
            reachable: true,
            start,
            ms: 0,
            largest_sent: 0,
        };
        direct.run(1_000);
        assert!(direct.clients.iter().all(|c| c.connected_ms.is_some()), "both connected");
        direct
    }

    pub(crate) fn now(&self) -> Instant {
        self.start + Duration::from_millis(self.ms)
    }

    /// Lets so many milliseconds pass.
    pub(crate) fn run(&mut self, ms: u64) {
        for _ in 0..ms {
            self.step();
        }
    }

    /// Hands a datagram to the core.
    pub(crate) fn hand_in(&mut self, from: SocketAddr, bytes: &[u8]) {
        let now = self.now();
        self.core.handle_datagram(now, from, SERVER.parse().unwrap(), bytes);
        self.drain();
    }

    /// The publisher sends a packet of its screen that is a whole key frame, and its receiver gets what comes of it.
    pub(crate) fn publish(&mut self, bytes: usize) {
        let mut payload = vec![0x10, 0];
        payload.resize(bytes, 7);
        let (now, time) = (self.now(), (self.ms * 90) as u32);
        self.clients[0].send_rtp(now, 1, time, true, payload);
        self.run(40);
    }

    fn step(&mut self) {
        self.ms += 1;
        let now = self.now();
        for index in 0..2 {
            let mut out = Vec::new();
            self.clients[index].tick(now, self.ms, &mut out);
            for (_, bytes) in out {
                if self.first_check.is_empty() {
                    self.first_check = bytes.clone();
                }
                if self.reachable {
                    self.hand_in(self.clients[index].address, &bytes);
                }
            }
        }
        self.core.handle_timeout(now);
        self.drain();
    }

    fn drain(&mut self) {
        loop {
            match self.core.poll_output() {
                Output::Transmit { destination, contents, source } => {
                    self.largest_sent = self.largest_sent.max(contents.len());
                    let now = self.now();
                    let to = self.clients.iter_mut().find(|c| c.address == destination).filter(|_| self.reachable);
                    if let Some(client) = to {
                        // Its answer leaves with its next tick: the engine wants to be polled in between.
                        client.handle(now, source, &contents);
                        let mut out = Vec::new();
                        client.tick(now, self.ms, &mut out);
                        let from = client.address;
                        out.iter().for_each(|(to, bytes)| self.core.handle_datagram(now, from, *to, bytes));
                    }
                }
                Output::Event(event) => self.events.push(event),
                Output::Timeout(_) => return,
            }
        }
    }
}
