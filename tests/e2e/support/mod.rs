//! What the scenarios stand on: a server process with its data, clients signed in, calls set up.

mod calls;
#[path = "../../storage/held_lock.rs"]
mod held_lock;
// A PostgreSQL of the test run's own; the storage tests have the same need.
#[path = "../../storage/postgres.rs"]
pub(crate) mod postgres;
mod process;
pub(crate) mod strace;

pub(crate) use calls::{CallInProgress, WarmAgent, meanwhile, open_peer, wait_agent_call, wait_viewer_call};
pub(crate) use held_lock::HeldLock;
pub(crate) use process::{SERVER, Site};

use std::time::Duration;

use loadtest::client::{AgentClient, Pump, ViewerClient, wait_for};
use loadtest::scenarios::Stop;
use signaling::ConversationId;
use tokio::time::Instant;

/// Bound on every wait. Far above what anything takes here; a test that needs it has failed.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

/// Waits with the usual bound; panics with what was missing.
pub(crate) async fn expect<C: Pump, T>(client: &mut C, what: &str, found: impl FnMut(&mut C) -> Option<T>) -> T {
    match wait_for(client, what, LIMIT, found).await {
        Ok(value) => value,
        Err(error) => panic!("{what}: {error}"),
    }
}

/// Writes a first message and returns the conversation it made.
pub(crate) async fn open_ticket(viewer: &mut ViewerClient, text: &str) -> (ConversationId, i64) {
    viewer.say(text, LIMIT).await.expect("the first message is acknowledged");
    expect(viewer, "conversation", |viewer| {
        viewer.conversation.as_ref().map(|conversation| (conversation.id.clone(), conversation.ticket.0))
    })
    .await
}

/// Reads an agent's messages until told to stop, resuming after breaks. Gives the client back.
pub(crate) async fn read_until(mut agent: AgentClient, mut stop: Stop) -> AgentClient {
    loop {
        tokio::select! {
            () = stop.wait() => return agent,
            message = agent.next() => if message.is_err() {
                agent.resume(LIMIT).await.expect("the agent resumes");
            }
        }
    }
}

/// Writes `every` so often until told to stop, resuming after breaks, then waits for the last acknowledgement. Gives the
/// client and the client ids back, in the order they were written.
pub(crate) async fn write_until(
    mut viewer: ViewerClient,
    every: Duration,
    mut stop: Stop,
) -> (ViewerClient, Vec<String>) {
    let mut written = Vec::new();
    let mut ticks = tokio::time::interval(every);
    loop {
        let alive = tokio::select! {
            () = stop.wait() => break,
            _ = ticks.tick() => {
                let sent = viewer.send(&format!("message {}", written.len())).await;
                // A message that met a dead socket waits in the outbox.
                written.push(viewer.chat.outbox.back().expect("just written").0.clone());
                sent.is_ok()
            }
            message = viewer.next() => message.is_ok(),
        };
        if !alive {
            viewer.resume(LIMIT).await.expect("the viewer resumes");
        }
    }
    let deadline = Instant::now() + LIMIT;
    while !viewer.chat.outbox.is_empty() || !has_all(&viewer, &written) {
        assert!(Instant::now() < deadline, "{} messages were never acknowledged", viewer.chat.outbox.len());
        if viewer.next().await.is_err() {
            viewer.resume(LIMIT).await.expect("the viewer resumes");
        }
    }
    (viewer, written)
}

fn has_all(viewer: &ViewerClient, written: &[String]) -> bool {
    let last = written.last();
    viewer.chat.history.entries.iter().rev().any(|entry| entry.client_id.as_ref() == last) || last.is_none()
}

/// Says why a test cannot run here. In CI nothing may be skipped.
pub(crate) fn skip(reason: &str) {
    assert!(std::env::var_os("CI").is_none(), "in CI this test must run: {reason}");
    eprintln!("SKIPPED: {reason}");
}
