//! Who is on line, over all nodes.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use signaling::{ConversationId, UserId};

use super::{Bus, NodeId, Note, Topic};

/// One node's word on who is on line there. Each replaces what was known of those it names.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Presence {
    /// Sockets of one agent at a node; 0: gone.
    Agent {
        /// Where.
        node: NodeId,
        /// Who.
        user: UserId,
        /// Sockets.
        sockets: u32,
    },
    /// Sockets of one conversation's viewer at a node; 0: gone.
    Viewer {
        /// Where.
        node: NodeId,
        /// Whose chat.
        conversation: ConversationId,
        /// Sockets.
        sockets: u32,
    },
    /// All who are on line at a node; replaces what was known of it.
    All {
        /// Where.
        node: NodeId,
        /// Agents with their sockets.
        agents: Vec<(UserId, u32)>,
        /// Viewers with their sockets.
        viewers: Vec<(ConversationId, u32)>,
    },
    /// A node shuts down; forget what it said.
    NodeGone {
        /// Which.
        node: NodeId,
    },
}

/// What this node knows of all nodes.
pub struct PresenceBook {
    node: NodeId,
    bus: Arc<dyn Bus>,
    nodes: Mutex<HashMap<NodeId, Counts>>,
    leaving: AtomicBool,
}

#[derive(Default)]
struct Counts {
    agents: HashMap<UserId, u32>,
    viewers: HashMap<ConversationId, u32>,
}

impl PresenceBook {
    /// An empty book; what a former process of this node said is forgotten.
    #[must_use]
    pub fn new(node: NodeId, bus: Arc<dyn Bus>) -> Self {
        bus.publish(Topic::Nodes, Note::Presence(Presence::NodeGone { node: node.clone() }));
        Self { node, bus, nodes: Mutex::default(), leaving: AtomicBool::new(false) }
    }

    /// An agent's socket came (`true`) or went. Returns whether the agent is on line now.
    pub fn agent_socket(&self, user: &UserId, came: bool) -> bool {
        {
            // Told under the lock, so that two changes cannot overtake each other; publishing never waits.
            let mut nodes = self.nodes();
            let sockets = step(&mut nodes.entry(self.node.clone()).or_default().agents, user, came);
            self.tell(Presence::Agent { node: self.node.clone(), user: user.clone(), sockets });
        }
        self.agent_online(user)
    }

    /// A viewer's socket came (`true`) or went. Returns whether the viewer is on line now.
    pub fn viewer_socket(&self, conversation: &ConversationId, came: bool) -> bool {
        {
            let mut nodes = self.nodes();
            let sockets = step(&mut nodes.entry(self.node.clone()).or_default().viewers, conversation, came);
            self.tell(Presence::Viewer { node: self.node.clone(), conversation: conversation.clone(), sockets });
        }
        self.viewer_online(conversation)
    }

    /// Whether this agent has a socket at any node.
    #[must_use]
    pub fn agent_online(&self, user: &UserId) -> bool {
        self.nodes().values().any(|counts| counts.agents.contains_key(user))
    }

    /// Whether this conversation's viewer has a socket at any node.
    #[must_use]
    pub fn viewer_online(&self, conversation: &ConversationId) -> bool {
        self.nodes().values().any(|counts| counts.viewers.contains_key(conversation))
    }

    /// Different agents on line at all nodes.
    #[must_use]
    pub fn agents_online(&self) -> u32 {
        let nodes = self.nodes();
        let users: std::collections::HashSet<&UserId> =
            nodes.values().flat_map(|counts| counts.agents.keys()).collect();
        u32::try_from(users.len()).unwrap_or(u32::MAX)
    }

    /// Conversations whose viewer is on line, at all nodes.
    #[must_use]
    pub fn viewers_online(&self) -> u32 {
        let nodes = self.nodes();
        let (here, elsewhere): (Vec<_>, Vec<_>) = nodes.iter().partition(|(node, _)| **node == self.node);
        // Most are here and nowhere else: they are counted without looking at each.
        let own = here.first().map(|(_, counts)| &counts.viewers);
        let others: std::collections::HashSet<&ConversationId> = elsewhere
            .iter()
            .flat_map(|(_, counts)| counts.viewers.keys())
            .filter(|viewer| own.is_none_or(|own| !own.contains_key(*viewer)))
            .collect();
        u32::try_from(own.map_or(0, HashMap::len) + others.len()).unwrap_or(u32::MAX)
    }

    /// Whether another node is known to be up.
    #[must_use]
    pub fn other_nodes(&self) -> bool {
        self.nodes().keys().any(|node| *node != self.node)
    }

    /// Takes in what another node said.
    pub fn learn(&self, presence: &Presence) {
        let mut nodes = self.nodes();
        match presence {
            Presence::Agent { node, user, sockets } if *node != self.node => {
                set(&mut nodes.entry(node.clone()).or_default().agents, user, *sockets);
            }
            Presence::Viewer { node, conversation, sockets } if *node != self.node => {
                set(&mut nodes.entry(node.clone()).or_default().viewers, conversation, *sockets);
            }
            Presence::All { node, agents, viewers } if *node != self.node => {
                let counts =
                    Counts { agents: agents.iter().cloned().collect(), viewers: viewers.iter().cloned().collect() };
                nodes.insert(node.clone(), counts);
            }
            Presence::NodeGone { node } if *node != self.node => {
                nodes.remove(node);
            }
            _ => {}
        }
    }

    /// Tells the other nodes all who are on line here.
    pub fn tell_all(&self) {
        let nodes = self.nodes();
        let Some(own) = nodes.get(&self.node) else { return };
        self.tell(Presence::All {
            node: self.node.clone(),
            agents: own.agents.iter().map(|(user, sockets)| (user.clone(), *sockets)).collect(),
            viewers: own.viewers.iter().map(|(id, sockets)| (id.clone(), *sockets)).collect(),
        });
    }

    /// Tells the others that this node goes; nothing is told afterwards.
    pub fn leave(&self) {
        self.tell(Presence::NodeGone { node: self.node.clone() });
        self.leaving.store(true, Ordering::Release);
    }

    fn tell(&self, presence: Presence) {
        if !self.leaving.load(Ordering::Acquire) {
            self.bus.publish(Topic::Nodes, Note::Presence(presence));
        }
    }

    fn nodes(&self) -> MutexGuard<'_, HashMap<NodeId, Counts>> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn step<K: Clone + Eq + std::hash::Hash>(counts: &mut HashMap<K, u32>, key: &K, came: bool) -> u32 {
    let count = counts.get(key).copied().unwrap_or(0);
    let next = if came { count + 1 } else { count.saturating_sub(1) };
    set(counts, key, next);
    next
}

fn set<K: Clone + Eq + std::hash::Hash>(counts: &mut HashMap<K, u32>, key: &K, count: u32) {
    if count == 0 {
        counts.remove(key);
    } else {
        counts.insert(key.clone(), count);
    }
}

#[cfg(test)]
mod tests {
    use super::super::LocalBus;
    use super::*;

    #[test]
    fn an_agent_with_two_tabs_is_one_agent_until_both_close() {
        let book = PresenceBook::new(NodeId("a".into()), Arc::new(LocalBus::default()));
        let user = UserId::from("u_1");
        assert!(book.agent_socket(&user, true));
        assert!(book.agent_socket(&user, true));
        assert_eq!(book.agents_online(), 1);
        assert!(book.agent_socket(&user, false));
        assert!(!book.agent_socket(&user, false));
        let other = NodeId("b".into());
        book.learn(&Presence::Agent { node: other.clone(), user: user.clone(), sockets: 1 });
        assert!(book.agent_online(&user));
        book.learn(&Presence::NodeGone { node: other });
        assert_eq!(book.agents_online(), 0);
    }

    #[test]
    fn a_viewer_with_pages_at_two_nodes_is_one_viewer() {
        let (here, there) = (NodeId("a".into()), NodeId("b".into()));
        let book = PresenceBook::new(here, Arc::new(LocalBus::default()));
        let (one, two) = (ConversationId::from("c_1"), ConversationId::from("c_2"));
        book.learn(&Presence::All { node: there, agents: Vec::new(), viewers: vec![(one.clone(), 1), (two, 1)] });
        assert_eq!(book.viewers_online(), 2);
        book.viewer_socket(&one, true);
        assert_eq!(book.viewers_online(), 2);
        book.viewer_socket(&ConversationId::from("c_3"), true);
        assert_eq!(book.viewers_online(), 3);
    }
}
