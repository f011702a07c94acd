//! How many have the same trouble: counts over everyone who was heard of in the last minutes, by what they share, against
//! what is usual there. Pure: time comes in.
//!
//! Those counted are conversations with a verdict and pages that send beacons. One is *affected* in a scope when its trouble is
//! one that a fault of that scope would explain: three viewers with bad lines of their own on one edge say nothing about
//! the edge.

use std::collections::HashMap;

use signaling::verdict::{Cause, Incident, IncidentScope as Scope};

/// What was said longer ago than this does not count, ms.
const WINDOW_MS: i64 = 180_000;
/// Everyone who is heard of in a window at most; the rest would not change a share.
const REPORTERS_MAX: usize = 50_000;
/// Different hosts, streams, networks … counted at once.
const KEYS_MAX: usize = 50_000;
/// Longest key, characters.
const KEY_CHARS_MAX: usize = 200;
/// Affected at least, and times of the usual, for an incident (own).
const AFFECTED_MIN: u32 = 3;
const TIMES_USUAL: f64 = 3.0;
/// Share of those heard of that must be affected at least (own).
const SHARE_MIN: f64 = 0.15;
/// The share among those who do not have the key must be smaller by this factor: else it is not what they share (own).
const TIMES_OTHERS: f64 = 2.0;
/// An incident is over when it was below its limits for so long, ms.
const FADE_MS: i64 = 120_000;
/// Weight of a minute in what is usual: an hour counts.
const USUAL_STEP: f64 = 1.0 / 60.0;
/// How often what is usual is learned, ms.
const LEARN_MS: i64 = 60_000;
/// Incidents remembered, and how long, ms.
const INCIDENTS_MAX: usize = 100;
const REMEMBERED_MS: i64 = 24 * 3_600_000;
/// Tickets told with an incident.
const TICKETS_MAX: usize = 100;

/// The scopes, the most telling first: of several that hold the same viewers the first is the incident.
pub const SCOPES: [Scope; 7] =
    [Scope::Stream, Scope::Edge, Scope::Network, Scope::Decoder, Scope::App, Scope::Device, Scope::Region];

/// What a viewer shares with others, by scope in the order of [`SCOPES`].
pub type Keys = [Option<String>; SCOPES.len()];

/// What is known of one viewer.
#[derive(Debug, Clone, Default)]
pub(super) struct Report {
    /// What it shares.
    pub keys: Keys,
    /// Its trouble; `None` when it is well.
    pub trouble: Option<Cause>,
    /// Its ticket, if it is no beacon.
    pub ticket: Option<i64>,
}

/// How others fare who share one thing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Others {
    /// What.
    pub scope: Scope,
    /// Those with a trouble that the scope explains.
    pub affected: u32,
    /// All that were heard of.
    pub total: u32,
    /// Share that is usually affected.
    pub baseline: f64,
}

struct Heard {
    at_ms: i64,
    report: Report,
}

#[derive(Default)]
struct Count {
    affected: u32,
    total: u32,
    usual_share: f64,
    /// Affected at one time, usually.
    usual_affected: f64,
}

/// Everyone who was heard of.
#[derive(Default)]
pub(super) struct Crowd {
    heard: HashMap<String, Heard>,
    counts: HashMap<(usize, String), Count>,
    /// Affected by scope, all keys together, and everyone who has a key there.
    all: [(u32, u32); SCOPES.len()],
    incidents: Vec<Incident>,
    learned_ms: i64,
    numbered: u64,
}

/// Whether a fault of the scope would explain the trouble. `Undetermined` is a trouble without a winner.
fn explains(scope: Scope, trouble: Cause) -> bool {
    use Cause as C;
    if trouble == C::Undetermined {
        return true;
    }
    match scope {
        Scope::Edge => trouble == C::PlatformDelivery,
        Scope::Stream => matches!(trouble, C::PlatformSource | C::PlatformDelivery),
        Scope::Network | Scope::Region => matches!(trouble, C::ViewerNetwork | C::PlatformDelivery),
        Scope::Device | Scope::Decoder | Scope::App => matches!(trouble, C::ViewerDevice | C::PlatformSource),
    }
}

impl Crowd {
    /// Takes what is known of a viewer now, in place of what was.
    pub(super) fn note(&mut self, id: &str, mut report: Report, now_ms: i64) {
        self.forget(id);
        if self.heard.len() >= REPORTERS_MAX {
            return;
        }
        for (place, key) in report.keys.iter_mut().enumerate() {
            let Some(text) = key else { continue };
            if text.is_empty() || text.chars().count() > KEY_CHARS_MAX {
                *key = None;
                continue;
            }
            let at = (place, text.clone());
            if self.counts.len() >= KEYS_MAX && !self.counts.contains_key(&at) {
                *key = None;
                continue;
            }
            let hit = report.trouble.is_some_and(|trouble| explains(SCOPES[place], trouble));
            let count = self.counts.entry(at).or_default();
            count.total += 1;
            count.affected += u32::from(hit);
            self.all[place].0 += u32::from(hit);
            self.all[place].1 += 1;
        }
        self.heard.insert(id.to_owned(), Heard { at_ms: now_ms, report });
    }

    fn forget(&mut self, id: &str) {
        let Some(Heard { report, .. }) = self.heard.remove(id) else { return };
        for (place, key) in report.keys.into_iter().enumerate() {
            let Some(key) = key else { continue };
            let hit = u32::from(report.trouble.is_some_and(|trouble| explains(SCOPES[place], trouble)));
            self.all[place].0 = self.all[place].0.saturating_sub(hit);
            self.all[place].1 = self.all[place].1.saturating_sub(1);
            if let Some(count) = self.counts.get_mut(&(place, key)) {
                count.total = count.total.saturating_sub(1);
                count.affected = count.affected.saturating_sub(hit);
            }
        }
    }

    /// How others fare who share something with this one; scopes in which nobody else was heard of are left out.
    #[must_use]
    pub(super) fn others(&self, id: &str) -> Vec<Others> {
        let Some(Heard { report, .. }) = self.heard.get(id) else { return Vec::new() };
        let others = report.keys.iter().enumerate().filter_map(|(place, key)| {
            let scope = SCOPES[place];
            let count = self.counts.get(&(place, key.clone()?))?;
            let own = u32::from(report.trouble.is_some_and(|trouble| explains(scope, trouble)));
            let total = count.total.saturating_sub(1);
            let affected = count.affected.saturating_sub(own);
            (total > 0).then_some(Others { scope, affected, total, baseline: count.usual_share })
        });
        others.collect()
    }

    /// Forgets the old, learns what is usual, raises and resolves incidents. True when an incident changed. To be called
    /// every few seconds.
    pub(super) fn look(&mut self, now_ms: i64) -> bool {
        let old: Vec<String> =
            self.heard.iter().filter(|(_, heard)| now_ms - heard.at_ms > WINDOW_MS).map(|(id, _)| id.clone()).collect();
        for id in old {
            self.forget(&id);
        }
        let changed = self.resolve(now_ms) | self.raise(now_ms);
        if now_ms - self.learned_ms >= LEARN_MS {
            self.learned_ms = now_ms;
            self.learn();
        }
        self.incidents.retain(|incident| incident.resolved_ms.is_none_or(|at| now_ms - at < REMEMBERED_MS));
        changed
    }

    /// Incidents, the newest first.
    #[must_use]
    pub(super) fn incidents(&self) -> Vec<Incident> {
        let mut list = self.incidents.clone();
        list.sort_by_key(|incident| std::cmp::Reverse(incident.since_ms));
        list
    }

    /// What lasts is not learned: an incident must not become what is usual.
    fn learn(&mut self) {
        let lasting: Vec<(usize, String)> = self.lasting().map(|i| (place_of(i.scope), i.key.clone())).collect();
        for (at, count) in &mut self.counts {
            if lasting.contains(at) {
                continue;
            }
            let share = share(count.affected, count.total);
            count.usual_share += (share - count.usual_share) * USUAL_STEP;
            count.usual_affected += (f64::from(count.affected) - count.usual_affected) * USUAL_STEP;
        }
        // A key that nobody has and of which nothing unusual is known need not be kept.
        self.counts.retain(|_, count| count.total > 0 || count.usual_affected > 0.01);
    }

    fn lasting(&self) -> impl Iterator<Item = &Incident> {
        self.incidents.iter().filter(|incident| incident.resolved_ms.is_none())
    }

    fn beyond(&self, place: usize, count: &Count) -> bool {
        let share_of = share(count.affected, count.total);
        let (all_affected, all) = self.all[place];
        let others = share(all_affected - count.affected.min(all_affected), all - count.total.min(all));
        count.affected >= AFFECTED_MIN
            && f64::from(count.affected) >= TIMES_USUAL * count.usual_affected
            && share_of >= (TIMES_USUAL * count.usual_share).max(SHARE_MIN)
            && share_of >= TIMES_OTHERS * others
    }

    fn raise(&mut self, now_ms: i64) -> bool {
        let hot = self.counts.iter().filter(|((place, _), count)| self.beyond(*place, count));
        let mut hot: Vec<(f64, usize, String)> =
            hot.map(|((place, key), count)| (share(count.affected, count.total), *place, key.clone())).collect();
        // What holds most of those affected and fewest others says best what it is.
        hot.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let mut changed = false;
        for (_, place, key) in hot {
            let lasting = |i: &Incident| i.resolved_ms.is_none() && i.scope == SCOPES[place] && i.key == key;
            if let Some(at) = self.incidents.iter().position(lasting) {
                let fresh = self.describe(place, &key, now_ms);
                let known = &mut self.incidents[at];
                changed |= known.tickets != fresh.tickets || known.cause != fresh.cause;
                *known = Incident { id: known.id.clone(), since_ms: known.since_ms, ..fresh };
            } else if !self.explained(place, &key) && self.incidents.len() < INCIDENTS_MAX {
                let incident = self.describe(place, &key, now_ms);
                self.numbered += 1;
                self.incidents.push(incident);
                changed = true;
            }
        }
        changed
    }

    /// Most of those affected here are in an incident that lasts already.
    fn explained(&self, place: usize, key: &str) -> bool {
        let affected: Vec<&Report> = self.affected(place, key).collect();
        self.lasting().any(|incident| {
            let there = place_of(incident.scope);
            let same = affected.iter().filter(|report| report.keys[there].as_deref() == Some(&incident.key)).count();
            same * 5 >= affected.len() * 4
        })
    }

    fn affected<'c>(&'c self, place: usize, key: &'c str) -> impl Iterator<Item = &'c Report> {
        let hit = move |report: &&Report| {
            report.keys[place].as_deref() == Some(key)
                && report.trouble.is_some_and(|trouble| explains(SCOPES[place], trouble))
        };
        self.heard.values().map(|heard| &heard.report).filter(hit)
    }

    fn describe(&self, place: usize, key: &str, now_ms: i64) -> Incident {
        let mut tickets: Vec<i64> = self.affected(place, key).filter_map(|report| report.ticket).collect();
        tickets.sort_unstable_by(|a, b| b.cmp(a));
        tickets.truncate(TICKETS_MAX);
        let count = self.counts.get(&(place, key.to_owned()));
        let (affected, total, baseline) = count.map_or((0, 0, 0.0), |c| (c.affected, c.total, c.usual_share));
        Incident {
            id: format!("i_{now_ms}_{}", self.numbered),
            scope: SCOPES[place],
            key: key.to_owned(),
            cause: self.common_cause(place, key),
            affected,
            total,
            baseline,
            since_ms: now_ms,
            tickets,
            resolved_ms: None,
        }
    }

    /// The cause that more than half of those affected have.
    fn common_cause(&self, place: usize, key: &str) -> Option<Cause> {
        let mut votes: HashMap<Cause, usize> = HashMap::new();
        let mut all = 0;
        for report in self.affected(place, key) {
            all += 1;
            *votes.entry(report.trouble?).or_default() += 1;
        }
        votes
            .into_iter()
            .filter(|(cause, n)| *cause != Cause::Undetermined && n * 2 > all)
            .map(|(cause, _)| cause)
            .next()
    }

    fn resolve(&mut self, now_ms: i64) -> bool {
        let mut changed = false;
        for at in 0..self.incidents.len() {
            let incident = &self.incidents[at];
            if incident.resolved_ms.is_some() {
                continue;
            }
            let (place, key) = (place_of(incident.scope), incident.key.clone());
            let holds = self
                .counts
                .get(&(place, key))
                .is_some_and(|count| count.affected >= AFFECTED_MIN && share(count.affected, count.total) >= SHARE_MIN);
            // The window forgets by itself: what is below its limits has faded for most of that time.
            if !holds && now_ms - incident.since_ms >= FADE_MS {
                self.incidents[at].resolved_ms = Some(now_ms);
                changed = true;
            }
        }
        changed
    }
}

fn place_of(scope: Scope) -> usize {
    SCOPES.iter().position(|known| *known == scope).unwrap_or(0)
}

fn share(affected: u32, total: u32) -> f64 {
    if total == 0 { 0.0 } else { f64::from(affected) / f64::from(total) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(edge: &str, stream: &str, trouble: Option<Cause>, ticket: i64) -> Report {
        let mut keys = Keys::default();
        keys[place_of(Scope::Edge)] = Some(edge.to_owned());
        keys[place_of(Scope::Stream)] = Some(stream.to_owned());
        Report { keys, trouble, ticket: Some(ticket) }
    }

    fn crowd(bad: u32, edge: &str, cause: Cause) -> Crowd {
        let mut crowd = Crowd::default();
        for n in 0..20 {
            crowd.note(&format!("well-{n}"), report("edge-1", "/live", None, n), 1_000);
        }
        for n in 0..bad {
            let id = i64::from(100 + n);
            crowd.note(&format!("bad-{n}"), report(edge, "/live", Some(cause), id), 1_000);
        }
        crowd
    }

    #[test]
    fn an_edge_that_fails_is_one_incident_with_its_tickets_and_fades() {
        let mut crowd = crowd(5, "edge-2", Cause::PlatformDelivery);
        assert!(crowd.look(2_000));
        let list = crowd.incidents();
        assert_eq!(list.len(), 1, "{list:?}");
        assert_eq!(
            (list[0].scope, list[0].key.as_str(), list[0].cause),
            (Scope::Edge, "edge-2", Some(Cause::PlatformDelivery))
        );
        assert_eq!((list[0].affected, list[0].total, &list[0].tickets[..]), (5, 5, &[104, 103, 102, 101, 100][..]));
        assert!(!crowd.look(3_000), "nothing new");
        assert!(crowd.look(1_000 + WINDOW_MS + FADE_MS));
        assert!(crowd.incidents()[0].resolved_ms.is_some());
    }

    #[test]
    fn bad_lines_of_their_own_are_nobodys_incident() {
        let mut crowd = crowd(5, "edge-2", Cause::ViewerNetwork);
        assert!(!crowd.look(2_000));
        assert_eq!(crowd.incidents(), []);
    }

    #[test]
    fn others_are_counted_without_oneself() {
        let crowd = crowd(3, "edge-1", Cause::PlatformDelivery);
        let others = crowd.others("bad-0");
        let edge = others.iter().find(|others| others.scope == Scope::Edge).expect("the edge");
        assert_eq!((edge.affected, edge.total), (2, 22));
        assert!(crowd.others("nobody").is_empty());
    }

    #[test]
    fn what_is_usual_is_no_incident() {
        let mut crowd = Crowd::default();
        for minute in 0..240 {
            for n in 0..10 {
                let trouble = (n < 3).then_some(Cause::PlatformDelivery);
                crowd.note(&format!("{n}"), report("edge-1", &format!("/{n}"), trouble, n), minute * LEARN_MS);
            }
            if minute < 200 {
                // Learned before anybody asks.
                crowd.learn();
            }
        }
        assert!(!crowd.look(240 * LEARN_MS));
        assert_eq!(crowd.incidents(), []);
    }

    #[test]
    fn a_report_replaces_the_one_before() {
        let mut crowd = Crowd::default();
        for n in 0..50 {
            crowd.note("one", report(&format!("edge-{n}"), "/live", Some(Cause::Undetermined), 1), n);
        }
        assert_eq!(crowd.all[place_of(Scope::Stream)], (1, 1));
        crowd.forget("one");
        assert!(crowd.counts.values().all(|count| count.total == 0 && count.affected == 0));
    }
}
