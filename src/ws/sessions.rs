//! How many sockets each session has on this node.
//!
//! A line that breaks silently leaves its old socket open here for up to half a minute while the page resumes on a new
//! one. The end of the old socket then says nothing about the page.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::cluster::SessionId;

/// Counts sockets by session.
#[derive(Default)]
pub struct Sessions {
    sockets: Mutex<HashMap<SessionId, u32>>,
}

impl Sessions {
    /// A socket of the session came.
    pub fn came(&self, session: &SessionId) {
        *self.sockets().entry(session.clone()).or_default() += 1;
    }

    /// A socket of the session went. Returns whether it was the last one.
    pub fn went(&self, session: &SessionId) -> bool {
        let mut sockets = self.sockets();
        match sockets.get_mut(session) {
            Some(count) if *count > 1 => {
                *count -= 1;
                false
            }
            _ => {
                sockets.remove(session);
                true
            }
        }
    }

    fn sockets(&self) -> MutexGuard<'_, HashMap<SessionId, u32>> {
        self.sockets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_socket_ends_a_session() {
        let (sessions, id) = (Sessions::default(), SessionId("s_1".into()));
        sessions.came(&id);
        sessions.came(&id);
        assert!(!sessions.went(&id));
        assert!(sessions.went(&id));
        assert!(sessions.sockets().is_empty());
    }
}
