//! The resume rule: a client sees every entry of a conversation once, in order, whatever the path delivered.
//!
//! Entries reach a session from two sides: read from the database after a (re)connect, and pushed live by the bus. The
//! bus may repeat, reorder across nodes or drop when a session lags. [`Cursor`] decides what may go to the client.

use crate::timeline::Entry;

/// What has been delivered of one conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    last_seq: i64,
}

/// What to do with entries that arrived.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// All of them were delivered before.
    Nothing,
    /// Deliver these; the cursor has moved past them.
    Deliver(Vec<Entry>),
    /// Something between is missing: read the database after this entry, then offer what it returns.
    Fetch {
        /// Last delivered entry.
        after_seq: i64,
    },
}

impl Cursor {
    /// A client that holds everything up to `last_seq` (0: nothing).
    #[must_use]
    pub fn new(last_seq: i64) -> Self {
        Self { last_seq: last_seq.max(0) }
    }

    /// Last delivered entry.
    #[must_use]
    pub fn last_seq(&self) -> i64 {
        self.last_seq
    }

    /// Offers entries in ascending order.
    pub fn offer(&mut self, entries: Vec<Entry>) -> Step {
        let mut fresh: Vec<Entry> = entries.into_iter().filter(|entry| entry.seq > self.last_seq).collect();
        let contiguous =
            fresh.iter().zip(self.last_seq + 1..).take_while(|(entry, expected)| entry.seq == *expected).count();
        if fresh.is_empty() {
            return Step::Nothing;
        }
        if contiguous == 0 {
            return Step::Fetch { after_seq: self.last_seq };
        }
        fresh.truncate(contiguous);
        self.last_seq = fresh[contiguous - 1].seq;
        Step::Deliver(fresh)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::timeline::{Author, EntryBody};

    fn entry(seq: i64) -> Entry {
        Entry {
            seq,
            at_ms: seq,
            author: Author::viewer("v"),
            client_id: None,
            body: EntryBody::Message { text: seq.to_string() },
        }
    }

    #[test]
    fn delivers_in_order_and_asks_for_what_is_missing() {
        let mut cursor = Cursor::new(2);
        assert_eq!(cursor.offer(vec![entry(1), entry(2)]), Step::Nothing);
        assert_eq!(cursor.offer(vec![entry(2), entry(3)]), Step::Deliver(vec![entry(3)]));
        assert_eq!(cursor.offer(vec![entry(5)]), Step::Fetch { after_seq: 3 });
        assert_eq!(cursor.offer(vec![entry(4), entry(5)]), Step::Deliver(vec![entry(4), entry(5)]));
    }

    proptest! {
        #[test]
        fn any_delivery_order_yields_each_entry_once(batches in prop::collection::vec((1i64..30, 1i64..5), 1..60)) {
            let log: Vec<Entry> = (1..=34).map(entry).collect();
            let mut cursor = Cursor::new(0);
            let mut seen = Vec::new();
            for (start, count) in batches {
                let mut step = cursor.offer((start..start + count).map(entry).collect());
                if let Step::Fetch { after_seq } = step {
                    let fetched = log[after_seq as usize..(start + count - 1) as usize].to_vec();
                    step = cursor.offer(fetched);
                }
                if let Step::Deliver(entries) = step {
                    seen.extend(entries.iter().map(|entry| entry.seq));
                }
            }
            let expected: Vec<i64> = (1..=cursor.last_seq()).collect();
            prop_assert_eq!(seen, expected);
        }
    }
}
