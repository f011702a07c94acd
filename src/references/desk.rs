//! Who is looked after, and when: one look per conversation in a while, one look for all who played the same, so many at once.
//! Pure; time comes in.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use diagnosis::model::Reference;
use signaling::ConversationId;

use super::measure::Outcome;
use crate::verdicts::Played;

/// A conversation is looked after again after this at the earliest; the verdict looks at the last 20 s.
const AGAIN_AFTER: Duration = Duration::from_secs(10);
/// What was found is good for so long.
const GOOD_FOR: Duration = Duration::from_secs(30);
/// When a conversation was looked after is forgotten after this, if room is needed: nothing that was found is good any more.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60);
/// Conversations whose time is remembered: as many as may send samples.
const CONVERSATIONS_MAX: usize = 20_000;
/// Findings remembered: those of half a minute with some to spare.
const FINDINGS_MAX: usize = 1_000;
/// Conversations that wait for one look; a block of each goes to the log at once.
const WAITING_MAX: usize = 256;

/// What comes of asking.
#[derive(Debug, PartialEq)]
pub(super) enum Asked {
    /// It is to be looked at, and then [`LookDesk::done`] told.
    Look,
    /// It was looked at.
    Known(Reference),
    /// It is being looked at.
    Waits,
    /// It was looked after not long ago, or too much is going on.
    NotNow,
}

/// When a conversation was looked after, and the time of what it was told then.
#[derive(Debug, Clone, Copy)]
struct LookedAfter {
    at: Instant,
    told_ms: Option<f64>,
}

/// The desk.
#[derive(Debug)]
pub(super) struct LookDesk {
    at_once_max: usize,
    asked: HashMap<ConversationId, LookedAfter>,
    running: HashMap<Played, Vec<ConversationId>>,
    /// What was found; `None` when nothing was.
    found: HashMap<Played, (Instant, Option<Reference>)>,
}

impl LookDesk {
    /// A desk that looks at so many things at once.
    pub(super) fn new(at_once_max: usize) -> Self {
        Self { at_once_max, asked: HashMap::new(), running: HashMap::new(), found: HashMap::new() }
    }

    /// A conversation is in trouble.
    pub(super) fn ask(&mut self, conversation: &ConversationId, played: &Played, now: Instant) -> Asked {
        let asked = self.asked.get(conversation).copied();
        if asked.is_some_and(|asked| now.duration_since(asked.at) < AGAIN_AFTER) {
            return Asked::NotNow;
        }
        let known = self.found.get(played).filter(|(at, found)| now.duration_since(*at) < good_for(found.as_ref()));
        let (answer, told_ms) = match known.map(|(_, found)| found.clone()) {
            // Nobody is told the same twice.
            Some(found) => match found.filter(|found| asked.and_then(|asked| asked.told_ms) != found.t) {
                Some(found) => (Asked::Known(found.clone()), found.t),
                None => (Asked::NotNow, asked.and_then(|asked| asked.told_ms)),
            },
            None => match self.look(conversation, played) {
                Asked::NotNow => return Asked::NotNow,
                answer => (answer, None),
            },
        };
        self.remember(conversation, LookedAfter { at: now, told_ms });
        answer
    }

    fn look(&mut self, conversation: &ConversationId, played: &Played) -> Asked {
        if let Some(waiting) = self.running.get_mut(played) {
            if waiting.len() >= WAITING_MAX {
                return Asked::NotNow;
            }
            waiting.push(conversation.clone());
            return Asked::Waits;
        }
        if self.running.len() >= self.at_once_max {
            return Asked::NotNow;
        }
        self.running.insert(played.clone(), vec![conversation.clone()]);
        Asked::Look
    }

    /// A look is over; returns those who asked.
    pub(super) fn done(&mut self, played: &Played, outcome: &Outcome, now: Instant) -> Vec<ConversationId> {
        self.found.retain(|_, (at, _)| now.duration_since(*at) < GOOD_FOR);
        if self.found.len() < FINDINGS_MAX {
            let reference = match outcome {
                Outcome::Measured(reference) => Some((**reference).clone()),
                Outcome::Nothing(_) => None,
            };
            self.found.insert(played.clone(), (now, reference));
        }
        let waiting = self.running.remove(played).unwrap_or_default();
        for conversation in &waiting {
            let told_ms = match outcome {
                Outcome::Measured(reference) => reference.t,
                Outcome::Nothing(_) => None,
            };
            if let Some(asked) = self.asked.get_mut(conversation) {
                asked.told_ms = told_ms;
            }
        }
        waiting
    }

    fn remember(&mut self, conversation: &ConversationId, looked: LookedAfter) {
        if self.asked.len() >= CONVERSATIONS_MAX {
            self.asked.retain(|_, asked| looked.at.duration_since(asked.at) < FORGOTTEN_AFTER);
        }
        if self.asked.len() < CONVERSATIONS_MAX || self.asked.contains_key(conversation) {
            self.asked.insert(conversation.clone(), looked);
        }
    }
}

/// How long a finding is good: a stream that stands still gets staler every second.
fn good_for(found: Option<&Reference>) -> Duration {
    let stale = found.and_then(|found| found.stale_s).is_some_and(|stale_s| stale_s > 0.0);
    if stale { AGAIN_AFTER } else { GOOD_FOR }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn played(uri: &str) -> Played {
        Played { uri: uri.to_owned(), init: None, playlist: None, refused: false, waiting: false }
    }

    fn found(t_ms: f64) -> Outcome {
        Outcome::Measured(Box::new(Reference { t: Some(t_ms), ..Reference::default() }))
    }

    fn id(name: &str) -> ConversationId {
        ConversationId::from(name)
    }

    #[test]
    fn many_viewers_of_one_segment_cause_one_look() {
        let (mut desk, now) = (LookDesk::new(4), Instant::now());
        assert_eq!(desk.ask(&id("a"), &played("1"), now), Asked::Look);
        assert_eq!(desk.ask(&id("b"), &played("1"), now), Asked::Waits);
        assert_eq!(desk.ask(&id("a"), &played("2"), now), Asked::NotNow);
        assert_eq!(desk.done(&played("1"), &found(7.0), now), [id("a"), id("b")]);
        let Asked::Known(reference) = desk.ask(&id("c"), &played("1"), now) else { panic!("it is known") };
        assert_eq!(reference.t, Some(7.0));
        assert_eq!(desk.ask(&id("a"), &played("1"), now + AGAIN_AFTER), Asked::NotNow, "it was told");
        assert_eq!(desk.ask(&id("d"), &played("1"), now + GOOD_FOR), Asked::Look);
        assert_eq!(desk.ask(&id("a"), &played("1"), now + GOOD_FOR), Asked::Waits);
    }

    #[test]
    fn so_many_at_once_and_who_came_too_late_comes_again() {
        let (mut desk, now) = (LookDesk::new(2), Instant::now());
        assert_eq!(desk.ask(&id("a"), &played("1"), now), Asked::Look);
        assert_eq!(desk.ask(&id("b"), &played("2"), now), Asked::Look);
        assert_eq!(desk.ask(&id("c"), &played("3"), now), Asked::NotNow);
        desk.done(&played("1"), &Outcome::Nothing("refused"), now);
        assert_eq!(desk.ask(&id("c"), &played("3"), now), Asked::Look);
        assert_eq!(desk.ask(&id("d"), &played("1"), now), Asked::NotNow, "nothing was found there");
    }

    #[test]
    fn a_stale_stream_is_looked_at_again_sooner() {
        let (mut desk, now) = (LookDesk::new(1), Instant::now());
        desk.ask(&id("a"), &played("1"), now);
        let stale = Reference { t: Some(7.0), stale_s: Some(3.0), ..Reference::default() };
        desk.done(&played("1"), &Outcome::Measured(Box::new(stale)), now);
        assert_eq!(desk.ask(&id("a"), &played("1"), now + AGAIN_AFTER), Asked::Look);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (mut desk, now) = (LookDesk::new(1), Instant::now());
        for number in 0..FINDINGS_MAX + 10 {
            desk.ask(&id(&number.to_string()), &played(&number.to_string()), now);
            desk.done(&played(&number.to_string()), &found(1.0), now);
        }
        assert_eq!(desk.found.len(), FINDINGS_MAX);
        desk.asked
            .extend((0..CONVERSATIONS_MAX).map(|n| (id(&format!("x{n}")), LookedAfter { at: now, told_ms: None })));
        desk.remember(&id("y"), LookedAfter { at: now + FORGOTTEN_AFTER, told_ms: None });
        assert_eq!(desk.asked.len(), 1);
    }
}
