//! Bounds of the public port: sockets in all and per address, connects and sign-ins per address and minute; and nobody new
//! while this process does not keep up.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use governor::clock::DefaultClock;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};
use signaling::ConversationId;
use signaling::wire::{ErrorCode, Refusal};

use crate::config::Limits;
use crate::pressure::Pressure;

/// How often the rate limiters forget quiet addresses. What they hold is bounded by the connects of a minute.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// Measurements of lines that one address may begin in a minute, each of one connection and some fetches: a school's or an
/// office's viewers come from one address.
const PREFLIGHTS_PER_MINUTE: NonZeroU32 = NonZeroU32::new(120).unwrap();
/// Requests for a call a minute in one conversation: a person changes their mind a few times, a script fills the timeline.
const CALL_REQUESTS_PER_MINUTE: NonZeroU32 = NonZeroU32::new(6).unwrap();

/// Sockets that may wait for the answer to their hello: what a small server answers in about three seconds. More would wait
/// longer than anybody does, and keep those behind them waiting.
const GREETING_MAX: usize = 4_000;

type PerAddress = RateLimiter<IpAddr, DefaultKeyedStateStore<IpAddr>, DefaultClock>;
type PerConversation = RateLimiter<ConversationId, DefaultKeyedStateStore<ConversationId>, DefaultClock>;

/// Lets sockets and sign-ins through, or not.
pub struct Gate {
    connects: PerAddress,
    sign_ins: PerAddress,
    tickets: PerAddress,
    pictures: PerAddress,
    preflights: PerAddress,
    call_requests: PerConversation,
    swept: Mutex<Instant>,
    sockets_max: usize,
    per_address_max: usize,
    open: Arc<Mutex<Open>>,
    pressure: Arc<Pressure>,
}

#[derive(Default)]
struct Open {
    all: usize,
    /// Sockets whose hello has not been answered.
    greeting: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// Who asks for a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// Anybody.
    Public,
    /// Somebody with the API key, such as a load test: limits per address do not count.
    Trusted,
}

/// One socket's place; given back when dropped.
pub struct Pass {
    address: IpAddr,
    caller: Caller,
    greeting: bool,
    open: Arc<Mutex<Open>>,
}

impl Gate {
    /// A gate with these bounds.
    #[must_use]
    pub fn new(limits: &Limits, pressure: Arc<Pressure>) -> Self {
        let per_minute =
            |rate: u32| RateLimiter::keyed(Quota::per_minute(NonZeroU32::new(rate).unwrap_or(NonZeroU32::MIN)));
        Self {
            connects: per_minute(limits.connects_per_address_per_minute),
            sign_ins: per_minute(limits.sign_ins_per_address_per_minute),
            tickets: per_minute(limits.tickets_per_address_per_minute),
            pictures: per_minute(limits.pictures_per_address_per_minute),
            preflights: RateLimiter::keyed(Quota::per_minute(PREFLIGHTS_PER_MINUTE)),
            call_requests: RateLimiter::keyed(Quota::per_minute(CALL_REQUESTS_PER_MINUTE)),
            swept: Mutex::new(Instant::now()),
            sockets_max: limits.sockets_max,
            per_address_max: limits.sockets_per_address_max,
            open: Arc::default(),
            pressure,
        }
    }

    /// A place for a new socket.
    ///
    /// # Errors
    /// [`ErrorCode::RateLimited`] or [`ErrorCode::Overloaded`].
    pub fn socket(&self, address: IpAddr, caller: Caller) -> Result<Pass, Refusal> {
        let address = subscriber_of(address);
        self.sweep();
        if caller == Caller::Public {
            check(&self.connects, address, "too many connections from this address, wait a minute")?;
        }
        if self.pressure.is_overloaded() {
            return Err(shed("the server is overloaded, try again shortly"));
        }
        let mut open = lock(&self.open);
        if open.all >= self.sockets_max {
            return Err(shed("the server has no more places, try again shortly"));
        }
        if open.greeting >= GREETING_MAX {
            return Err(shed("too many arrive at once, try again shortly"));
        }
        let mine = open.by_address.entry(address).or_default();
        if caller == Caller::Public && *mine >= self.per_address_max {
            return Err(Refusal::new(ErrorCode::RateLimited, "too many open connections from this address"));
        }
        *mine += 1;
        open.all += 1;
        open.greeting += 1;
        metrics::gauge!("sightline_sockets").set(open.all as f64);
        Ok(Pass { address, caller, greeting: true, open: Arc::clone(&self.open) })
    }

    /// Leave to begin a call.
    ///
    /// # Errors
    /// [`ErrorCode::Overloaded`] while this process does not keep up: those who are in a call come first.
    pub fn call(&self) -> Result<(), Refusal> {
        if self.pressure.is_overloaded() {
            return Err(shed("the server is overloaded, try again shortly"));
        }
        Ok(())
    }

    /// Leave to try a password.
    ///
    /// # Errors
    /// [`ErrorCode::RateLimited`].
    pub fn sign_in(&self, address: IpAddr) -> Result<(), Refusal> {
        check(&self.sign_ins, subscriber_of(address), "too many sign-in attempts, wait a minute")
    }

    /// Leave to open a ticket without a signed token.
    ///
    /// # Errors
    /// [`ErrorCode::RateLimited`].
    pub fn open_ticket(&self, address: IpAddr) -> Result<(), Refusal> {
        check(&self.tickets, subscriber_of(address), "too many new tickets from this address, wait a minute")
    }

    /// A step of measuring a line. Refused while this process does not keep up: a measurement would not be of the line.
    ///
    /// # Errors
    /// [`ErrorCode::Overloaded`], [`ErrorCode::RateLimited`].
    pub fn preflight(&self, address: IpAddr) -> Result<(), Refusal> {
        if self.pressure.is_overloaded() {
            return Err(shed("the server is overloaded, try again shortly"));
        }
        check(&self.preflights, subscriber_of(address), "too many measurements from this address, wait a minute")
    }

    /// Leave to upload a picture.
    ///
    /// # Errors
    /// [`ErrorCode::RateLimited`].
    pub fn picture(&self, address: IpAddr) -> Result<(), Refusal> {
        check(&self.pictures, subscriber_of(address), "too many pictures from this address, wait a minute")
    }

    /// Leave to ask for a call in a conversation.
    ///
    /// # Errors
    /// [`ErrorCode::RateLimited`].
    pub fn call_request(&self, conversation: &ConversationId) -> Result<(), Refusal> {
        self.call_requests
            .check_key(conversation)
            .map_err(|_| Refusal::new(ErrorCode::RateLimited, "too many requests for a call, wait a minute"))
    }

    /// Forgets addresses that have been quiet, once a minute at most.
    fn sweep(&self) {
        let mut swept = self.swept.lock().unwrap_or_else(PoisonError::into_inner);
        if swept.elapsed() >= SWEEP_EVERY {
            *swept = Instant::now();
            for limiter in [&self.connects, &self.sign_ins, &self.tickets, &self.pictures, &self.preflights] {
                limiter.retain_recent();
            }
            self.call_requests.retain_recent();
        }
    }
}

impl Pass {
    /// Whose socket it is.
    #[must_use]
    pub fn caller(&self) -> Caller {
        self.caller
    }

    /// The hello was answered: another one may come in.
    pub fn greeted(&mut self) {
        if std::mem::take(&mut self.greeting) {
            let mut open = lock(&self.open);
            open.greeting = open.greeting.saturating_sub(1);
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.greeted();
        let mut open = lock(&self.open);
        open.all = open.all.saturating_sub(1);
        if let Some(mine) = open.by_address.get_mut(&self.address) {
            *mine = mine.saturating_sub(1);
            if *mine == 0 {
                open.by_address.remove(&self.address);
            }
        }
        metrics::gauge!("sightline_sockets").set(open.all as f64);
    }
}

fn shed(message: &str) -> Refusal {
    metrics::counter!("sightline_shed_total").increment(1);
    Refusal::new(ErrorCode::Overloaded, message)
}

fn check(limiter: &PerAddress, address: IpAddr, message: &str) -> Result<(), Refusal> {
    limiter.check_key(&address).map_err(|_| Refusal::new(ErrorCode::RateLimited, message))
}

/// What one subscriber holds: an IPv4 address, or a /64 of IPv6 (RFC 6177: at least that much is given to a site).
pub(crate) fn subscriber_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
        address => address,
    }
}

fn lock(open: &Mutex<Open>) -> MutexGuard<'_, Open> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_and_given_back() {
        let limits = Limits { sockets_max: 3, sockets_per_address_max: 2, ..Limits::default() };
        let gate = Gate::new(&limits, Arc::default());
        let (one, two): (IpAddr, IpAddr) = ([127, 0, 0, 1].into(), [127, 0, 0, 2].into());
        let first = gate.socket(one, Caller::Public).expect("place");
        let _second = gate.socket(one, Caller::Public).expect("place");
        assert_eq!(gate.socket(one, Caller::Public).err().map(|refusal| refusal.code), Some(ErrorCode::RateLimited));
        let _third = gate.socket(two, Caller::Public).expect("place");
        assert_eq!(gate.socket(two, Caller::Public).err().map(|refusal| refusal.code), Some(ErrorCode::Overloaded));
        drop(first);
        assert!(gate.socket(two, Caller::Public).is_ok());
    }

    #[test]
    fn connects_and_sign_ins_are_limited_per_address() {
        let limits =
            Limits { connects_per_address_per_minute: 1, sign_ins_per_address_per_minute: 1, ..Limits::default() };
        let gate = Gate::new(&limits, Arc::default());
        let one: IpAddr = [127, 0, 0, 1].into();
        assert!(gate.socket(one, Caller::Public).is_ok());
        assert!(gate.socket(one, Caller::Public).is_err());
        assert!(gate.socket(one, Caller::Trusted).is_ok(), "the API key lifts limits per address");
        assert!(gate.sign_in(one).is_ok());
        assert!(gate.sign_in(one).is_err());
        assert!(gate.sign_in([127, 0, 0, 2].into()).is_ok());
    }

    #[test]
    fn too_many_who_wait_for_their_greeting_are_shed() {
        let limits = Limits { sockets_max: 10_000, sockets_per_address_max: 10_000, ..Limits::default() };
        let gate = Gate::new(&limits, Arc::default());
        let address = [127, 0, 0, 1].into();
        let mut waiting: Vec<Pass> =
            (0..GREETING_MAX).map(|_| gate.socket(address, Caller::Trusted).expect("place")).collect();
        let refused = gate.socket(address, Caller::Trusted).err().map(|refusal| refusal.code);
        assert_eq!(refused, Some(ErrorCode::Overloaded));
        waiting[0].greeted();
        assert!(gate.socket(address, Caller::Trusted).is_ok());
    }
}
