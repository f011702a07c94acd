//! `kill -9` in the middle of a chat at 50 messages a second: what was acknowledged is there once and in order, clients
//! resume by themselves, and the call that ran is ended with a reason and offered again by one invitation.

use std::collections::HashMap;
use std::time::Duration;

use loadtest::client::{AgentClient, ViewerClient};
use loadtest::engine::VideoCodec;
use loadtest::scenarios::{Stop, StopReason};
use signaling::timeline::{EndReason, Entry, EntryBody};
use signaling::wire::CallStage;
use tokio::time::sleep;

use crate::support::{CallInProgress, LIMIT, Site, WarmAgent, expect, open_ticket, read_until, write_until};

/// Writers, ten messages a second each: fifty a second together.
const WRITERS: usize = 5;
const EVERY: Duration = Duration::from_millis(100);
/// Time of writing before the kill, and after the restart.
const WRITING: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledged_message_is_there_once_and_in_order() {
    let mut site = Site::running().await;
    site.add_agent("kim").await;
    let mut robin = site.agent("robin").await;
    let (stop, stopped) = Stop::new();
    let mut writers = Vec::new();
    let mut conversations = Vec::new();
    for _ in 0..WRITERS {
        let mut viewer = site.viewer().await;
        let (conversation, ticket) = open_ticket(&mut viewer, "it stutters").await;
        robin.take(&conversation, LIMIT).await.expect("taken");
        conversations.push((conversation, ticket));
        writers.push(tokio::spawn(write_until(viewer, EVERY, stopped.clone())));
    }
    let reader = tokio::spawn(read_until(robin, stopped));
    let mut kim = WarmAgent::new(site.agent("kim").await).await;
    let mut caller = site.viewer().await;
    let (conversation, _) = open_ticket(&mut caller, "please look").await;
    let call = CallInProgress::begin(&mut kim, &mut caller, &conversation, VideoCodec::Vp8).await;

    sleep(WRITING).await;
    site.kill().await;
    sleep(Duration::from_millis(300)).await;
    site.start().await;

    the_call_ended_and_can_be_offered_again(&mut kim.client, &mut caller, &call).await;
    sleep(WRITING).await;
    stop.stop(StopReason::Operator);

    let robin = reader.await.expect("the reader ends well");
    for (writer, (conversation, ticket)) in writers.into_iter().zip(conversations) {
        let (viewer, written) = writer.await.expect("the writer ends well");
        let rate = written.len() as u128 * 1_000 / (2 * WRITING).as_millis();
        assert!(rate >= 9, "{} messages are no ten a second", written.len());
        check_story(&viewer, &written);
        let stored = site.rest().ticket(ticket).await.expect("the ticket can be read").timeline;
        assert_eq!(stored, viewer.chat.history.entries, "the ticket and the viewer tell the same story");
        let again = site.viewer_again(viewer.key()).await;
        let again = wait_for_length(again, stored.len()).await;
        assert_eq!(again.chat.history.entries, stored, "a new device is told the same story");
        check_reader(robin.chats.get(&conversation).map(|chat| &chat.history.entries[..]), &stored);
    }
}

/// Once, in order, and where the acknowledgement said.
fn check_story(viewer: &ViewerClient, written: &[String]) {
    let history = &viewer.chat.history;
    assert!(history.findings.is_empty(), "{:?}", history.findings);
    let mut places: HashMap<&str, Vec<i64>> = HashMap::new();
    for entry in &history.entries {
        if let Some(client_id) = &entry.client_id {
            places.entry(client_id).or_default().push(entry.seq);
        }
    }
    let mut last = 0;
    for client_id in written {
        let place = places.get(client_id.as_str()).map(Vec::as_slice).unwrap_or_default();
        let acknowledged = viewer.chat.acked.get(client_id).copied();
        assert_eq!(place, acknowledged.as_slice(), "{client_id} is not there exactly once, as acknowledged");
        assert!(place[0] > last, "{client_id} is out of order");
        last = place[0];
    }
}

async fn wait_for_length(mut viewer: ViewerClient, entries: usize) -> ViewerClient {
    expect(&mut viewer, "history", |viewer| (viewer.chat.history.entries.len() >= entries).then_some(())).await;
    viewer
}

/// The agent stopped reading a moment before the last entries came: it holds a beginning of the story.
fn check_reader(held: Option<&[Entry]>, stored: &[Entry]) {
    let held = held.expect("the agent followed");
    assert!(held.len() + 200 > stored.len() && !held.is_empty(), "{} of {}", held.len(), stored.len());
    assert_eq!(held, &stored[..held.len()], "the agent was told the same story");
}

async fn the_call_ended_and_can_be_offered_again(
    agent: &mut AgentClient,
    viewer: &mut ViewerClient,
    call: &CallInProgress,
) {
    viewer.resume(LIMIT).await.expect("the caller resumes");
    agent.resume(LIMIT).await.expect("the agent resumes");
    let reason = expect(viewer, "end of the call", |viewer| {
        viewer.chat.history.entries.iter().find_map(|entry| match &entry.body {
            EntryBody::CallEnded { call: ended, reason, .. } if *ended == call.id => Some(*reason),
            _ => None,
        })
    });
    assert_eq!(reason.await, EndReason::ServerRestarted);
    let running = viewer.conversation.as_ref().and_then(|conversation| conversation.call.clone());
    assert!(running.is_none(), "the viewer is told of a call that is over: {running:?}");
    expect(agent, "desk", |agent| {
        agent.desk.get(&call.conversation).is_some_and(|row| row.call.is_none() && row.viewer_online).then_some(())
    })
    .await;
    let again = agent.invite(&call.conversation, LIMIT).await.expect("one invitation is enough");
    assert_eq!(again.stage, CallStage::Invited);
    expect(viewer, "second invitation", |viewer| viewer.call.clone().filter(|seen| seen.id == again.id)).await;
}
