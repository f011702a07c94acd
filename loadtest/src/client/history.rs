//! What a client holds of one conversation, and the oracle on it: in order, without holes, nothing twice.

use std::collections::{HashMap, VecDeque};

use signaling::limits;
use signaling::timeline::{Entry, EntryBody};

use super::ClientError;

/// Findings kept of one history; the first ones tell the story.
const FINDINGS_MAX: usize = 32;

/// Entries of one conversation as they came.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// Highest entry held; 0 before the first.
    pub last_seq: i64,
    /// The entries, when the client keeps them.
    pub entries: Vec<Entry>,
    /// Messages among what came.
    pub messages: u64,
    /// Entries that came a second time and were dropped, as the protocol allows after a resume.
    pub repeated: u64,
    /// Breaches of the order, in words.
    pub findings: Vec<String>,
    discard: bool,
}

impl History {
    /// A history that counts and checks, but keeps no entries: for large runs.
    #[must_use]
    pub fn discarding() -> Self {
        Self { discard: true, ..Self::default() }
    }

    /// Takes in entries. Returns how many were new.
    pub fn extend(&mut self, entries: &[Entry]) -> usize {
        let mut fresh = 0;
        for entry in entries {
            if entry.seq <= self.last_seq {
                self.repeated += 1;
                continue;
            }
            if entry.seq != self.last_seq + 1 {
                self.find(format!("entry {} follows entry {}", entry.seq, self.last_seq));
            }
            self.last_seq = entry.seq;
            fresh += 1;
            if matches!(entry.body, EntryBody::Message { .. }) {
                self.messages += 1;
            }
            if !self.discard {
                self.entries.push(entry.clone());
            }
        }
        fresh
    }

    /// Texts of the messages held, in order.
    #[must_use]
    pub fn texts(&self) -> Vec<&str> {
        self.entries
            .iter()
            .filter_map(|entry| match &entry.body {
                EntryBody::Message { text } => Some(text.as_str()),
                _ => None,
            })
            .collect()
    }

    fn find(&mut self, finding: String) {
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(finding);
        }
    }
}

/// One chat as its writer sees it: what came, what is still unacknowledged, what was acknowledged.
#[derive(Debug, Clone, Default)]
pub struct Chat {
    /// What came.
    pub history: History,
    /// Sent and not acknowledged, oldest first: client id and text.
    pub outbox: VecDeque<(String, String)>,
    /// Acknowledged: client id to `seq`. Kept only by histories that keep their entries.
    pub acked: HashMap<String, i64>,
}

impl Chat {
    /// A chat for large runs, whose history keeps no entries.
    #[must_use]
    pub fn discarding() -> Self {
        Self { history: History::discarding(), ..Self::default() }
    }

    /// Puts a message into the outbox.
    ///
    /// # Errors
    /// [`ClientError::OutboxFull`] at [`limits::UNACKED_MAX`].
    pub(crate) fn push(&mut self, client_id: &str, text: &str) -> Result<(), ClientError> {
        if self.outbox.len() >= limits::UNACKED_MAX {
            return Err(ClientError::OutboxFull(self.outbox.len()));
        }
        self.outbox.push_back((client_id.to_owned(), text.to_owned()));
        Ok(())
    }

    /// Notes an acknowledgement.
    pub(crate) fn acknowledge(&mut self, client_id: &str, seq: i64) {
        self.outbox.retain(|(id, _)| id != client_id);
        if self.history.discard {
            return;
        }
        if let Some(known) = self.acked.insert(client_id.to_owned(), seq)
            && known != seq
        {
            self.history.find(format!("{client_id} was acknowledged as {known} and as {seq}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use signaling::timeline::Author;

    use super::*;

    fn entry(seq: i64) -> Entry {
        Entry {
            seq,
            at_ms: 0,
            author: Author::viewer("v"),
            client_id: None,
            body: EntryBody::Message { text: seq.to_string() },
        }
    }

    #[test]
    fn holes_are_found_and_repeats_dropped() {
        let mut history = History::default();
        assert_eq!(history.extend(&[entry(1), entry(2)]), 2);
        assert_eq!(history.extend(&[entry(2), entry(3)]), 1);
        assert!(history.findings.is_empty());
        history.extend(&[entry(5)]);
        assert_eq!(history.findings, ["entry 5 follows entry 3"]);
        assert_eq!(history.texts(), ["1", "2", "3", "5"]);
        assert_eq!(history.repeated, 1);
    }

    #[test]
    fn an_acknowledgement_that_moves_is_a_finding() {
        let mut chat = Chat::default();
        chat.push("a", "text").unwrap();
        chat.acknowledge("a", 4);
        assert!(chat.outbox.is_empty());
        chat.acknowledge("a", 4);
        assert!(chat.history.findings.is_empty());
        chat.acknowledge("a", 5);
        assert_eq!(chat.history.findings.len(), 1);
    }

    #[test]
    fn the_outbox_is_bounded() {
        let mut chat = Chat::discarding();
        for n in 0..limits::UNACKED_MAX {
            chat.push(&n.to_string(), "x").unwrap();
        }
        assert!(matches!(chat.push("more", "x"), Err(ClientError::OutboxFull(_))));
    }
}
