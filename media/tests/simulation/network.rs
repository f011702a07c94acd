//! The seeded network: each datagram is delayed, sometimes lost, sometimes overtaken.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::SocketAddr;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// What a network does to datagrams.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Conditions {
    /// One-way delay, ms.
    pub(crate) delay_ms: u64,
    /// Further delay, up to this much, ms; datagrams overtake one another by it.
    pub(crate) jitter_ms: u64,
    /// Share of datagrams lost.
    pub(crate) loss: f64,
}

impl Conditions {
    pub(crate) fn clean(delay_ms: u64) -> Self {
        Self { delay_ms, jitter_ms: 0, loss: 0.0 }
    }
}

pub(crate) struct Datagram {
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) bytes: Vec<u8>,
}

#[derive(Default)]
pub(crate) struct Network {
    queue: BinaryHeap<Reverse<(u64, u64)>>,
    held: std::collections::HashMap<u64, Datagram>,
    next: u64,
}

impl Network {
    pub(crate) fn send(&mut self, now_ms: u64, conditions: &Conditions, rng: &mut ChaCha8Rng, datagram: Datagram) {
        if rng.random_bool(conditions.loss) {
            return;
        }
        let at = now_ms + conditions.delay_ms + rng.random_range(0..=conditions.jitter_ms);
        self.queue.push(Reverse((at, self.next)));
        self.held.insert(self.next, datagram);
        self.next += 1;
    }

    pub(crate) fn due(&mut self, now_ms: u64) -> Option<Datagram> {
        let Reverse((at, id)) = self.queue.peek().copied()?;
        if at > now_ms {
            return None;
        }
        self.queue.pop();
        self.held.remove(&id)
    }
}
