//! The bus of one process.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use signaling::wire::ErrorCode;
use tokio::sync::mpsc;

use super::{Bus, CallCommand, CallNode, CallReply, NodeId, Note, Subscriber, Topic};

/// Delivers notes within one process. Two servers that share one see each other as two nodes.
#[derive(Default)]
pub struct LocalBus {
    next_id: AtomicU64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    topics: HashMap<Topic, Vec<Target>>,
    subscriptions: HashMap<u64, HashSet<Topic>>,
    nodes: HashMap<NodeId, Arc<dyn CallNode>>,
}

#[derive(Clone)]
struct Target {
    id: u64,
    sender: mpsc::Sender<Arc<Note>>,
    lagged: Arc<AtomicBool>,
}

impl LocalBus {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bus for LocalBus {
    fn publish(&self, topic: Topic, note: Note) {
        let note = Arc::new(note);
        let state = self.state();
        for target in state.topics.get(&topic).into_iter().flatten() {
            if target.sender.try_send(Arc::clone(&note)).is_err() {
                target.lagged.store(true, Ordering::Release);
            }
        }
    }

    fn attach(&self) -> Subscriber {
        Subscriber::new(self.next_id.fetch_add(1, Ordering::Relaxed))
    }

    fn subscribe(&self, subscriber: &Subscriber, topic: Topic) {
        let mut state = self.state();
        if state.subscriptions.entry(subscriber.id).or_default().insert(topic.clone()) {
            let target =
                Target { id: subscriber.id, sender: subscriber.sender.clone(), lagged: Arc::clone(&subscriber.lagged) };
            state.topics.entry(topic).or_default().push(target);
        }
    }

    fn unsubscribe(&self, subscriber: &Subscriber, topic: &Topic) {
        let mut state = self.state();
        if state.subscriptions.get_mut(&subscriber.id).is_some_and(|topics| topics.remove(topic)) {
            state.remove(topic, subscriber.id);
        }
    }

    fn detach(&self, subscriber: &Subscriber) {
        let mut state = self.state();
        for topic in state.subscriptions.remove(&subscriber.id).unwrap_or_default() {
            state.remove(&topic, subscriber.id);
        }
    }

    fn serve_calls(&self, node: NodeId, calls: Arc<dyn CallNode>) {
        self.state().nodes.insert(node, calls);
    }

    fn withdraw_calls(&self, node: &NodeId) {
        self.state().nodes.remove(node);
    }

    fn request(&self, node: NodeId, command: CallCommand) -> BoxFuture<'static, CallReply> {
        let target = self.state().nodes.get(&node).cloned();
        async move {
            match target {
                Some(calls) => calls.command(command).await,
                None => CallReply::Refused {
                    code: ErrorCode::NotFound,
                    message: "the server that had this call is gone".to_owned(),
                },
            }
        }
        .boxed()
    }
}

impl State {
    fn remove(&mut self, topic: &Topic, id: u64) {
        if let Some(targets) = self.topics.get_mut(topic) {
            targets.retain(|target| target.id != id);
            if targets.is_empty() {
                self.topics.remove(topic);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn notes_reach_their_topic_alone_and_lag_is_marked() {
        let bus = LocalBus::default();
        let mut one = bus.attach();
        let mut two = bus.attach();
        bus.subscribe(&one, Topic::Desk);
        bus.subscribe(&two, Topic::Queue);
        bus.publish(Topic::Desk, Note::QueueMoved);
        assert!(matches!(one.next().await.as_deref(), Some(Note::QueueMoved)));
        for _ in 0..super::super::SUBSCRIBER_QUEUE_MAX + 1 {
            bus.publish(Topic::Queue, Note::QueueMoved);
        }
        assert!(!one.take_lagged());
        assert!(two.take_lagged());
        assert!(two.next().await.is_some());
        bus.detach(&one);
        bus.detach(&two);
        assert!(bus.state().topics.is_empty() && bus.state().subscriptions.is_empty());
    }
}
