//! The calls that run now, on whatever node, by conversation.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use signaling::wire::{CallStage, CallState};
use signaling::{CallId, ConversationId, UserId};

use crate::cluster::{NodeId, RoomHandle};

/// Where each running call lives and how it stands. Ended calls leave at once.
#[derive(Default)]
pub struct CallBook {
    calls: Mutex<HashMap<ConversationId, (RoomHandle, CallState)>>,
}

impl CallBook {
    /// Notes the newest state of a call.
    pub fn note(&self, handle: &RoomHandle, state: &CallState) {
        let mut calls = self.calls();
        if state.stage == CallStage::Ended {
            if calls.get(&state.conversation).is_some_and(|(_, known)| known.id == state.id) {
                calls.remove(&state.conversation);
            }
        } else {
            calls.insert(state.conversation.clone(), (handle.clone(), state.clone()));
        }
    }

    /// The running call of a conversation.
    #[must_use]
    pub fn of(&self, conversation: &ConversationId) -> Option<(RoomHandle, CallState)> {
        self.calls().get(conversation).cloned()
    }

    /// A running call by its id.
    #[must_use]
    pub fn find(&self, call: &CallId) -> Option<(RoomHandle, CallState)> {
        self.calls().values().find(|(_, state)| state.id == *call).cloned()
    }

    /// Whether the viewer of this conversation is in an accepted call.
    #[must_use]
    pub fn viewer_in_call(&self, conversation: &ConversationId) -> bool {
        self.calls().get(conversation).is_some_and(|(_, state)| state.accepted_at_ms.is_some())
    }

    /// Whether this agent is in an accepted call.
    #[must_use]
    pub fn agent_in_call(&self, user: &UserId) -> bool {
        let joined = |state: &CallState| state.guests.iter().any(|guest| guest.user == *user);
        let own = |state: &CallState| state.agent == *user && state.accepted_at_ms.is_some();
        self.calls().values().any(|(_, state)| own(state) || joined(state))
    }

    /// Forgets the calls of a node that is gone.
    pub fn forget_node(&self, node: &NodeId) {
        self.calls().retain(|_, (handle, _)| handle.node != *node);
    }

    /// Running calls.
    #[must_use]
    pub fn len(&self) -> usize {
        self.calls().len()
    }

    /// Whether none runs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.calls().is_empty()
    }

    fn calls(&self) -> MutexGuard<'_, HashMap<ConversationId, (RoomHandle, CallState)>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
