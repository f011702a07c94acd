//! How many pictures come in at a time, in all and from one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use signaling::wire::{ErrorCode, Refusal};

/// Uploads at a time: at the largest picture's size half a gigabyte, and far more than come in at once in practice.
const ALL_MAX: usize = 64;
/// Uploads at a time from one address: several people behind one NAT, while nobody can hold all the places with a trickle.
const PER_ADDRESS_MAX: usize = 16;

/// The places for uploads of a node.
#[derive(Default)]
pub(super) struct Places {
    taken: Arc<Mutex<Taken>>,
}

#[derive(Default)]
struct Taken {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// One upload's place; given back when dropped.
pub struct Place {
    address: IpAddr,
    taken: Arc<Mutex<Taken>>,
}

impl Places {
    /// A place for an upload from this address.
    ///
    /// # Errors
    /// [`ErrorCode::Overloaded`] or [`ErrorCode::RateLimited`].
    pub(super) fn take(&self, address: IpAddr) -> Result<Place, Refusal> {
        let mut taken = lock(&self.taken);
        if taken.all >= ALL_MAX {
            return Err(Refusal::new(ErrorCode::Overloaded, "too many pictures are coming in, try again shortly"));
        }
        let mine = taken.by_address.entry(address).or_default();
        if *mine >= PER_ADDRESS_MAX {
            return Err(Refusal::new(ErrorCode::RateLimited, "too many pictures at a time from this address"));
        }
        *mine += 1;
        taken.all += 1;
        Ok(Place { address, taken: Arc::clone(&self.taken) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = lock(&self.taken);
        taken.all = taken.all.saturating_sub(1);
        if let Some(mine) = taken.by_address.get_mut(&self.address) {
            *mine = mine.saturating_sub(1);
            if *mine == 0 {
                taken.by_address.remove(&self.address);
            }
        }
    }
}

fn lock(taken: &Mutex<Taken>) -> MutexGuard<'_, Taken> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_holds_all_places_and_they_are_given_back() {
        let places = Places::default();
        let from = |n: u8| IpAddr::from([127, 0, 0, n]);
        let code = |refused: Result<Place, Refusal>| refused.err().map(|refusal| refusal.code);
        let mut held: Vec<Place> = (0..PER_ADDRESS_MAX).map(|_| places.take(from(1)).expect("a place")).collect();
        assert_eq!(code(places.take(from(1))), Some(ErrorCode::RateLimited));
        held.extend((PER_ADDRESS_MAX..ALL_MAX).map(|n| places.take(from(n as u8)).expect("a place")));
        assert_eq!(code(places.take(from(200))), Some(ErrorCode::Overloaded));
        held.clear();
        assert!(lock(&places.taken).by_address.is_empty());
        assert!(places.take(from(1)).is_ok());
    }
}
