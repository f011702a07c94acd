//! A viewer asks for a call: the desk sees it, it survives a restart, and it ends by either side, by an invitation or with
//! the ticket.

use loadtest::client::{AgentClient, ViewerClient};
use signaling::wire::CallStage;
use signaling::{ClientMessage, ConversationId, ErrorCode};

use crate::support::{LIMIT, Site, expect, open_ticket, wait_viewer_call};

async fn stands_at_viewer(viewer: &mut ViewerClient, stands: bool) {
    expect(viewer, "request at the viewer", |viewer| {
        let seen = viewer.conversation.as_ref()?;
        (seen.call_requested_at_ms.is_some() == stands).then_some(())
    })
    .await;
}

async fn stands_at_desk(agent: &mut AgentClient, conversation: &ConversationId, stands: bool) {
    expect(agent, "request at the desk", |agent| {
        let row = agent.desk.get(conversation)?;
        (row.call_requested_at_ms.is_some() == stands).then_some(())
    })
    .await;
}

async fn refused(answer: Result<(), loadtest::client::ClientError>, code: ErrorCode) {
    match answer {
        Err(loadtest::client::ClientError::Refused { code: found, .. }) if found == code => {}
        other => panic!("expected {code:?}, got {other:?}"),
    }
}

const WITHDRAW: ClientMessage = ClientMessage::EndRequest { conversation: None };
const ASK: ClientMessage = ClientMessage::RequestCall {};

fn decline(conversation: &ConversationId) -> ClientMessage {
    ClientMessage::EndRequest { conversation: Some(conversation.clone()) }
}

#[tokio::test]
async fn it_is_seen_settled_and_survives_a_restart() {
    let mut site = Site::running().await;
    let mut viewer = site.viewer().await;
    refused(viewer.request(ASK, LIMIT).await, ErrorCode::OutOfOrder).await;
    let (conversation, _) = open_ticket(&mut viewer, "look at this").await;
    let mut other_tab = site.viewer_again(viewer.key()).await;
    viewer.request(ASK, LIMIT).await.expect("asked");
    viewer.request(ASK, LIMIT).await.expect("asking again changes nothing");
    stands_at_viewer(&mut viewer, true).await;
    stands_at_viewer(&mut other_tab, true).await;

    let mut agent = site.agent("robin").await;
    stands_at_desk(&mut agent, &conversation, true).await;
    refused(agent.request(decline(&conversation), LIMIT).await, ErrorCode::Forbidden).await;
    other_tab.request(WITHDRAW, LIMIT).await.expect("withdrawn");
    other_tab.request(WITHDRAW, LIMIT).await.expect("withdrawn already");
    stands_at_viewer(&mut viewer, false).await;
    stands_at_desk(&mut agent, &conversation, false).await;

    viewer.request(ASK, LIMIT).await.expect("asked");
    site.kill().await;
    site.start().await;
    viewer.resume(LIMIT).await.expect("the viewer resumes");
    agent.resume(LIMIT).await.expect("the agent resumes");
    stands_at_viewer(&mut viewer, true).await;
    stands_at_desk(&mut agent, &conversation, true).await;

    agent.take(&conversation, LIMIT).await.expect("taken");
    agent.request(decline(&conversation), LIMIT).await.expect("declined");
    stands_at_viewer(&mut viewer, false).await;
    viewer.request(ASK, LIMIT).await.expect("asked");
    stands_at_desk(&mut agent, &conversation, true).await;
    let call = agent.invite(&conversation, LIMIT).await.expect("an invitation accepts it");
    stands_at_desk(&mut agent, &conversation, false).await;
    stands_at_viewer(&mut viewer, false).await;
    refused(viewer.request(ASK, LIMIT).await, ErrorCode::CallRunning).await;
    viewer.request(ClientMessage::Decline { call: call.id.clone() }, LIMIT).await.expect("declined");
    wait_viewer_call(&mut viewer, "end", |seen| seen.id == call.id && seen.stage == CallStage::Ended).await;

    viewer.request(ASK, LIMIT).await.expect("asked");
    agent.request(ClientMessage::Resolve { conversation: conversation.clone() }, LIMIT).await.expect("resolved");
    stands_at_viewer(&mut viewer, false).await;
}

#[tokio::test]
async fn a_script_that_asks_and_withdraws_is_slowed() {
    let site = Site::running().await;
    let mut viewer = site.viewer().await;
    open_ticket(&mut viewer, "look at this").await;
    let mut asked = 0;
    let limited = loop {
        match viewer.request(ASK, LIMIT).await {
            Ok(()) => asked += 1,
            Err(refused) => break refused,
        }
        viewer.request(WITHDRAW, LIMIT).await.expect("withdrawing is always possible");
        assert!(asked < 20, "nobody is slowed");
    };
    assert!(limited.to_string().contains("RateLimited"), "{limited}");
    assert!(asked >= 5, "a person who changes their mind is not");
    viewer.say("all else goes on", LIMIT).await.expect("acknowledged");
}
