//! A viewer who reloads, an agent who closes the tab, a line that breaks: the other side is told with the reason, or the call
//! goes on.

use std::time::Duration;

use loadtest::engine::VideoCodec;
use signaling::ClientMessage;
use signaling::timeline::EndReason;
use signaling::wire::{CallStage, ConversationStatus};

use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::support::{
    CallInProgress, LIMIT, Site, WarmAgent, expect, meanwhile, open_ticket, wait_agent_call, wait_viewer_call,
};

/// A site with a call running.
async fn in_a_call() -> (Site, WarmAgent, loadtest::client::ViewerClient, CallInProgress) {
    let site = Site::running().await;
    let mut agent = WarmAgent::new(site.agent("robin").await).await;
    let mut viewer = site.viewer().await;
    let (conversation, _) = open_ticket(&mut viewer, "it freezes").await;
    let call = CallInProgress::begin(&mut agent, &mut viewer, &conversation, VideoCodec::Vp8).await;
    (site, agent, viewer, call)
}

#[tokio::test]
async fn a_viewer_who_leaves_the_page_ends_the_call() {
    let (_site, mut agent, mut viewer, call) = in_a_call().await;
    viewer.session.close().await;
    let ended = wait_agent_call(&mut agent.client, "end", |seen| seen.id == call.id && seen.stage == CallStage::Ended);
    assert_eq!(ended.await.reason, Some(EndReason::ViewerLeft));
    expect(&mut agent.client, "absence", |agent| {
        agent.desk.get(&call.conversation).is_some_and(|row| !row.viewer_online).then_some(())
    })
    .await;
    let refused = agent.client.invite(&call.conversation, LIMIT).await.expect_err("nobody is there to be invited");
    assert!(refused.to_string().contains("ViewerOffline"), "{refused}");
}

/// A dying page may say goodbye and be gone in the same moment, with messages unread: its close frame still counts, though
/// the server's next write to it fails.
#[tokio::test]
async fn a_goodbye_counts_even_when_nobody_waits_for_the_answer() {
    let (_site, mut agent, mut viewer, call) = in_a_call().await;
    let goodbye = CloseFrame { code: CloseCode::Away, reason: "".into() };
    viewer.session.send_raw(Message::Close(Some(goodbye))).await.expect("sent");
    viewer.session.cut();
    let begun = std::time::Instant::now();
    let ended = wait_agent_call(&mut agent.client, "end", |seen| seen.id == call.id && seen.stage == CallStage::Ended);
    assert_eq!(ended.await.reason, Some(EndReason::ViewerLeft));
    assert!(begun.elapsed() < Duration::from_secs(5), "the agent was left wondering for {:?}", begun.elapsed());
}

#[tokio::test]
async fn a_viewer_who_reloads_finds_the_call_over() {
    let (site, mut agent, mut viewer, call) = in_a_call().await;
    // A reload that said no goodbye: the new page knows the key and nothing else.
    viewer.session.cut();
    let mut again = site.viewer_again(viewer.key()).await;
    if let Some(running) = again.conversation.as_ref().and_then(|conversation| conversation.call.clone()) {
        // docs/protocol.md, Session 5: a page that has no connection for a running call ends it.
        let _ = again.end_call(&running.id, Some(EndReason::ViewerLeft), LIMIT).await;
    }
    let ended = wait_agent_call(&mut agent.client, "end", |seen| seen.id == call.id && seen.stage == CallStage::Ended);
    assert_eq!(ended.await.reason, Some(EndReason::ViewerLeft));
    let next = CallInProgress::begin(&mut agent, &mut again, &call.conversation, VideoCodec::Vp8).await;
    assert_ne!(next.id, call.id);
}

#[tokio::test]
async fn an_agent_who_closes_the_console_ends_the_call() {
    let (site, mut agent, mut viewer, call) = in_a_call().await;
    agent.client.session.close().await;
    let ended = wait_viewer_call(&mut viewer, "end", |seen| seen.id == call.id && seen.stage == CallStage::Ended).await;
    assert_eq!(ended.reason, Some(EndReason::AgentLeft));
    expect(&mut viewer, "absence", |viewer| {
        viewer.conversation.as_ref().is_some_and(|conversation| !conversation.agent_online).then_some(())
    })
    .await;
    viewer.say("are you still there?", LIMIT).await.expect("the chat goes on");
    let mut back = site.agent("robin").await;
    back.follow(&call.conversation, LIMIT).await.expect("followed");
    expect(&mut back, "message", |agent| {
        let chat = agent.chats.get(&call.conversation)?;
        chat.history.texts().contains(&"are you still there?").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_call_outlives_a_broken_socket_of_either_side() {
    let (_site, mut agent, mut viewer, call) = in_a_call().await;
    viewer.session.cut();
    agent.client.session.cut();
    let (before, desks) = (agent.peer.counts.frames_so_far(), agent.client.desks);
    tokio::time::sleep(Duration::from_secs(1)).await;
    viewer.resume(LIMIT).await.expect("the viewer resumes");
    agent.client.resume(LIMIT).await.expect("the agent resumes");
    let told = expect(&mut agent.client, "call", |agent| {
        let fresh = agent.desks > desks;
        agent.desk.get(&call.conversation)?.call.clone().filter(|_| fresh)
    });
    let told = told.await;
    assert_eq!((&told.id, told.stage), (&call.id, CallStage::Live));
    let running = viewer.conversation.as_ref().and_then(|conversation| conversation.call.clone());
    assert_eq!(running.map(|call| call.id), Some(call.id.clone()), "the viewer's call goes on");
    let more = async {
        while agent.peer.counts.frames_so_far() < before + 30 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(LIMIT, meanwhile(&mut viewer, more)).await.expect("the picture goes on");
    viewer.end_call(&call.id, None, LIMIT).await.expect("the resumed session still owns its call");
    let ended = wait_agent_call(&mut agent.client, "end", |seen| seen.id == call.id && seen.stage == CallStage::Ended);
    assert_eq!(ended.await.reason, Some(EndReason::ViewerStopped));
}

#[tokio::test]
async fn resolving_and_releasing_end_the_call_with_the_conversation() {
    let (_site, mut agent, mut viewer, call) = in_a_call().await;
    let release = ClientMessage::Release { conversation: call.conversation.clone() };
    agent.client.request(release, LIMIT).await.expect("released");
    let ended = wait_viewer_call(&mut viewer, "end", |seen| seen.id == call.id && seen.stage == CallStage::Ended).await;
    assert_eq!(ended.reason, Some(EndReason::ConversationClosed));
    expect(&mut agent.client, "released", |agent| {
        agent.desk.get(&call.conversation).is_some_and(|row| row.status == ConversationStatus::Waiting).then_some(())
    })
    .await;
    let next = CallInProgress::begin(&mut agent, &mut viewer, &call.conversation, VideoCodec::Vp8).await;
    let resolve = ClientMessage::Resolve { conversation: call.conversation.clone() };
    agent.client.request(resolve, LIMIT).await.expect("resolved");
    let ended = wait_viewer_call(&mut viewer, "end", |seen| seen.id == next.id && seen.stage == CallStage::Ended).await;
    assert_eq!(ended.reason, Some(EndReason::ConversationClosed));
    expect(&mut viewer, "resolved", |viewer| {
        viewer
            .conversation
            .as_ref()
            .filter(|conversation| conversation.status == ConversationStatus::Resolved)
            .map(|_| ())
    })
    .await;
    viewer.say("it is back", LIMIT).await.expect("a message reopens the ticket");
    expect(&mut viewer, "reopened", |viewer| {
        viewer
            .conversation
            .as_ref()
            .filter(|conversation| conversation.status == ConversationStatus::Waiting)
            .map(|_| ())
    })
    .await;
}

#[tokio::test]
async fn a_declined_and_a_withdrawn_invitation_are_told() {
    let site = Site::running().await;
    let mut agent = WarmAgent::new(site.agent("robin").await).await;
    let mut viewer = site.viewer().await;
    let (conversation, _) = open_ticket(&mut viewer, "no camera please").await;
    agent.client.take(&conversation, LIMIT).await.expect("taken");
    let call = agent.client.invite(&conversation, LIMIT).await.expect("invited").id;
    wait_viewer_call(&mut viewer, "card", |seen| seen.id == call && seen.stage == CallStage::Invited).await;
    viewer.request(ClientMessage::Decline { call: call.clone() }, LIMIT).await.expect("declined");
    let ended = wait_agent_call(&mut agent.client, "end", |seen| seen.id == call && seen.stage == CallStage::Ended);
    assert_eq!(ended.await.reason, Some(EndReason::Declined));

    let call = agent.client.invite(&conversation, LIMIT).await.expect("invited again").id;
    wait_viewer_call(&mut viewer, "card", |seen| seen.id == call && seen.stage == CallStage::Invited).await;
    let withdraw = ClientMessage::EndCall { call: call.clone(), reason: None };
    agent.client.request(withdraw, LIMIT).await.expect("withdrawn");
    let ended = wait_viewer_call(&mut viewer, "end", |seen| seen.id == call && seen.stage == CallStage::Ended).await;
    assert_eq!(ended.reason, Some(EndReason::Cancelled));
}
