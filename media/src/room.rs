//! Who is in a room, and which source each receive slot shows. Pure rules: no packets, no time.

use crate::core::PeerKey;
use crate::slots::{MediaKind, RECEIVE_SLOTS, ReceiveSlot, SourceKind};

/// A participant's source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SourceId {
    /// Who sends it.
    pub peer: PeerKey,
    /// What it is.
    pub kind: SourceKind,
}

/// A source that may be shown, and whether it sends now.
#[derive(Debug, Clone, Copy)]
pub struct Candidate {
    /// The source.
    pub id: SourceId,
    /// Whether packets of it arrive.
    pub active: bool,
}

/// What each receive slot of one participant shows.
pub type Assignment = [Option<SourceId>; RECEIVE_SLOTS];

/// A room: its participants in the order of joining.
#[derive(Debug, Default)]
pub struct Room {
    /// The participants.
    pub participants: Vec<PeerKey>,
}

/// Assigns sources to slots. Slots are filled before anything is sent, so that the receiver is subscribed before the
/// first packet; what a slot shows stays there as long as it exists; a source that sends takes the slot of one that
/// does not when there are more sources than slots. `candidates` are in the order of preference.
pub fn assign(current: &Assignment, candidates: &[Candidate]) -> Assignment {
    let mut next: Assignment =
        std::array::from_fn(|slot| current[slot].filter(|assigned| candidates.iter().any(|c| c.id == *assigned)));
    for media in [MediaKind::Audio, MediaKind::Video] {
        let wanted = || candidates.iter().filter(|c| c.id.kind.media() == media);
        let slots = || ReceiveSlot::ALL.into_iter().filter(|slot| slot.media() == media);
        for active in [true, false] {
            for candidate in wanted().filter(|c| c.active == active) {
                if next.contains(&Some(candidate.id)) {
                    continue;
                }
                let free = slots().find(|slot| next[slot.index()].is_none());
                let silent = || {
                    slots()
                        .rev()
                        .find(|slot| next[slot.index()].is_some_and(|id| wanted().any(|c| c.id == id && !c.active)))
                };
                if let Some(slot) = free.or_else(|| active.then(silent).flatten()) {
                    next[slot.index()] = Some(candidate.id);
                }
            }
        }
    }
    next
}

#[cfg(test)]
mod tests {
    use super::*;
    use SourceKind::{Audio, Camera, Screen};
    use proptest::prelude::*;

    fn candidate(peer: u64, kind: SourceKind, active: bool) -> Candidate {
        Candidate { id: SourceId { peer: PeerKey(peer), kind }, active }
    }

    #[test]
    fn slots_are_filled_before_anything_is_sent() {
        let next =
            assign(&[None; 4], &[candidate(1, Audio, false), candidate(1, Screen, false), candidate(1, Camera, false)]);
        let kinds: Vec<_> = next.iter().map(|id| id.map(|id| id.kind)).collect();
        assert_eq!(kinds, [Some(Audio), None, Some(Screen), Some(Camera)]);
    }

    #[test]
    fn an_active_source_takes_a_silent_ones_slot_and_keeps_others_in_place() {
        let mut candidates = vec![candidate(1, Screen, true), candidate(2, Screen, false), candidate(1, Camera, false)];
        let first = assign(&[None; 4], &candidates);
        assert_eq!(first[2], Some(candidates[0].id));
        assert_eq!(first[3], Some(candidates[1].id));
        candidates[2].active = true;
        let second = assign(&first, &candidates);
        assert_eq!(second[2], Some(candidates[0].id));
        assert_eq!(second[3], Some(candidates[2].id));
        candidates[1].active = true;
        assert_eq!(assign(&second, &candidates), second, "nobody active is displaced");
    }

    #[test]
    fn the_slot_of_one_who_left_is_free() {
        let first = assign(&[None; 4], &[candidate(1, Screen, true), candidate(2, Screen, true)]);
        let second = assign(&first, &[candidate(2, Screen, true)]);
        assert_eq!(second[2], None);
        assert_eq!(second[3], first[3]);
    }

    proptest! {
        #[test]
        fn assignments_are_sound(
            sources in proptest::collection::vec((0_u64..4, 0_usize..3, any::<bool>()), 0..12),
            before in proptest::collection::vec((0_u64..4, 0_usize..3, any::<bool>()), 0..12),
        ) {
            let list = |v: &[(u64, usize, bool)]| {
                let mut out: Vec<Candidate> = Vec::new();
                for (peer, kind, active) in v {
                    let c = candidate(*peer, SourceKind::ALL[*kind], *active);
                    if !out.iter().any(|o| o.id == c.id) {
                        out.push(c);
                    }
                }
                out
            };
            let candidates = list(&sources);
            let current = assign(&[None; 4], &list(&before));
            let next = assign(&current, &candidates);
            for slot in ReceiveSlot::ALL {
                if let Some(id) = next[slot.index()] {
                    prop_assert_eq!(id.kind.media(), slot.media());
                    prop_assert!(candidates.iter().any(|c| c.id == id));
                    prop_assert_eq!(next.iter().filter(|o| **o == Some(id)).count(), 1);
                }
            }
            // An active source is left out only if active ones have all slots of its medium.
            for c in candidates.iter().filter(|c| c.active && !next.contains(&Some(c.id))) {
                for slot in ReceiveSlot::ALL.iter().filter(|s| s.media() == c.id.kind.media()) {
                    let shown = next[slot.index()];
                    prop_assert!(candidates.iter().any(|o| Some(o.id) == shown && o.active));
                }
            }
            prop_assert_eq!(assign(&next, &candidates), next);
        }
    }
}
