//! The calls that run now, on whatever node, by conversation.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use signaling::wire::{CallStage, CallState};
use signaling::{CallId, ConversationId, UserId};

use crate::cluster::{NodeId, RoomHandle};

/// Where each running call lives and how it stands. Ended calls leave at once.
#[derive(Default)]
pub struct CallBook {
    calls: Mutex<Running>,
}

#[derive(Default)]
struct Running {
    /// A conversation has one call at a time.
    by_conversation: HashMap<ConversationId, (RoomHandle, CallState)>,
    /// Where to look a call up.
    conversations: HashMap<CallId, ConversationId>,
}

impl Running {
    fn put(&mut self, handle: &RoomHandle, state: &CallState) {
        let call = (handle.clone(), state.clone());
        if let Some((_, old)) = self.by_conversation.insert(state.conversation.clone(), call)
            && old.id != state.id
        {
            self.conversations.remove(&old.id);
        }
        self.conversations.insert(state.id.clone(), state.conversation.clone());
    }

    fn end(&mut self, call: &CallId) {
        if let Some(conversation) = self.conversations.remove(call) {
            self.by_conversation.remove(&conversation);
        }
    }

    fn find(&self, call: &CallId) -> Option<&(RoomHandle, CallState)> {
        self.by_conversation.get(self.conversations.get(call)?)
    }
}

impl CallBook {
    /// Notes the newest state of a call.
    pub fn note(&self, handle: &RoomHandle, state: &CallState) {
        let mut calls = self.calls();
        if state.stage == CallStage::Ended {
            calls.end(&state.id);
        } else {
            calls.put(handle, state);
        }
    }

    /// The running call of a conversation.
    #[must_use]
    pub fn of(&self, conversation: &ConversationId) -> Option<(RoomHandle, CallState)> {
        self.calls().by_conversation.get(conversation).cloned()
    }

    /// A running call by its id.
    #[must_use]
    pub fn find(&self, call: &CallId) -> Option<(RoomHandle, CallState)> {
        self.calls().find(call).cloned()
    }

    /// Whether the viewer of this conversation is in an accepted call.
    #[must_use]
    pub fn viewer_in_call(&self, conversation: &ConversationId) -> bool {
        self.calls().by_conversation.get(conversation).is_some_and(|(_, state)| state.accepted_at_ms.is_some())
    }

    /// Whether this agent is in an accepted call.
    #[must_use]
    pub fn agent_in_call(&self, user: &UserId) -> bool {
        let joined = |state: &CallState| state.guests.iter().any(|guest| guest.user == *user);
        let own = |state: &CallState| state.agent == *user && state.accepted_at_ms.is_some();
        self.calls().by_conversation.values().any(|(_, state)| own(state) || joined(state))
    }

    /// Forgets the calls of a node that is gone.
    pub fn forget_node(&self, node: &NodeId) {
        let mut calls = self.calls();
        calls.by_conversation.retain(|_, (handle, _)| handle.node != *node);
        let Running { by_conversation, conversations } = &mut *calls;
        conversations.retain(|_, conversation| by_conversation.contains_key(conversation));
    }

    /// Running calls.
    #[must_use]
    pub fn len(&self) -> usize {
        self.calls().by_conversation.len()
    }

    /// Whether none runs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.calls().by_conversation.is_empty()
    }

    fn calls(&self) -> MutexGuard<'_, Running> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    fn call(id: &str, conversation: &str, stage: &str) -> CallState {
        let state = json!({ "id": id, "conversation": conversation, "stage": stage, "agent": "u_1",
            "agent_name": "Ada", "expires_at_ms": 0 });
        from_value(state).unwrap()
    }

    fn at(node: &str, room: &str) -> RoomHandle {
        RoomHandle { node: NodeId(node.into()), room: CallId::from(room) }
    }

    #[test]
    fn a_call_is_found_by_either_name_until_it_ends() {
        let book = CallBook::default();
        let (first, second) = (CallId::from("k_1"), CallId::from("k_2"));
        book.note(&at("a", "k_1"), &call("k_1", "c_1", "invited"));
        assert_eq!(book.find(&first).map(|(handle, _)| handle), Some(at("a", "k_1")));
        assert_eq!(book.of(&ConversationId::from("c_1")).map(|(_, state)| state.id), Some(first.clone()));
        // The next call of the same chat takes the place of the first, whose end is told late.
        book.note(&at("a", "k_2"), &call("k_2", "c_1", "invited"));
        assert!(book.find(&first).is_none());
        book.note(&at("a", "k_1"), &call("k_1", "c_1", "ended"));
        assert!(book.find(&second).is_some());
        book.note(&at("a", "k_2"), &call("k_2", "c_1", "ended"));
        assert!(book.find(&second).is_none() && book.is_empty());
    }

    #[test]
    fn calls_of_a_node_that_is_gone_are_found_no_more() {
        let book = CallBook::default();
        book.note(&at("a", "k_1"), &call("k_1", "c_1", "invited"));
        book.note(&at("b", "k_2"), &call("k_2", "c_2", "invited"));
        book.forget_node(&NodeId("a".into()));
        assert!(book.find(&CallId::from("k_1")).is_none());
        assert!(book.find(&CallId::from("k_2")).is_some());
        assert_eq!(book.len(), 1);
    }
}
