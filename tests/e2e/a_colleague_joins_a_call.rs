//! A colleague whose warm connection lives on another worker joins a running call: the connection is made while the chat is
//! looked at, the picture comes at the click, everyone is told, and the ticket says so.

use std::time::Duration;

use loadtest::call;
use loadtest::client::{AgentClient, Pump as _};
use loadtest::engine::{Channel, MediaEvent, Peer, VideoCodec};
use signaling::timeline::{EndReason, EntryBody};
use signaling::wire::{CallGuest, CallStage, SourceState, Sources};
use signaling::{CallId, ClientMessage, ServerMessage};

use crate::support::{
    CallInProgress, LIMIT, Site, WarmAgent, meanwhile, open_peer, open_ticket, wait_agent_call, wait_viewer_call,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_picture_comes_at_the_click_and_everyone_is_told() {
    let mut site = Site::prepared("[media]\nworkers = 4\n").await;
    site.add_agent("kim").await;
    site.start().await;
    let mut agent = WarmAgent::new(site.agent("robin").await).await;
    let mut colleague = WarmAgent::new(site.agent("kim").await).await;
    let mut viewer = site.viewer().await;
    let (conversation, ticket) = open_ticket(&mut viewer, "stripes").await;
    let call = CallInProgress::begin(&mut agent, &mut viewer, &conversation, VideoCodec::Vp8).await;

    let mut guest = meanwhile(&mut viewer, meanwhile(&mut agent.client, watch(&mut colleague.client, &call.id))).await;
    let joined = async {
        colleague.client.request(ClientMessage::JoinCall { call: call.id.clone() }, LIMIT).await.expect("joined");
        let picture =
            guest.wait("picture", LIMIT, |event| matches!(event, MediaEvent::FirstFrame { .. }).then_some(()));
        meanwhile(&mut colleague.client, picture).await.expect("the colleague sees the picture");
    };
    meanwhile(&mut viewer, meanwhile(&mut agent.client, joined)).await;
    let told = wait_viewer_call(&mut viewer, "guest", |seen| seen.guests.iter().any(|guest| guest.name == "kim"));
    told.await;
    wait_agent_call(&mut agent.client, "guest", |seen| seen.id == call.id && seen.guests.len() == 1).await;

    // Its microphone is told to both ends; who is in no call says nothing there.
    let sources = Sources { audio: SourceState::On, ..Sources::default() };
    let sending = || ClientMessage::Sending { call: call.id.clone(), sources };
    meanwhile(&mut viewer, colleague.client.request(sending(), LIMIT)).await.expect("the colleague says what it sends");
    let speaks = |guests: &[CallGuest]| guests.iter().any(|guest| guest.audio == SourceState::On);
    wait_viewer_call(&mut viewer, "the colleague's voice", |seen| speaks(&seen.guests)).await;
    wait_agent_call(&mut agent.client, "the colleague's voice", |seen| speaks(&seen.guests)).await;
    let mut stranger = site.agent("kim").await;
    let refused = stranger.request(sending(), LIMIT).await.expect_err("another page of the colleague's");
    assert!(refused.to_string().contains("Forbidden"), "{refused}");

    let own = ClientMessage::JoinCall { call: call.id.clone() };
    let refused = meanwhile(&mut viewer, agent.client.request(own, LIMIT)).await.expect_err("not one's own call");
    assert!(refused.to_string().contains("watch_call"), "{refused}");
    let leave = ClientMessage::LeaveCall { call: call.id.clone() };
    meanwhile(&mut viewer, colleague.client.request(leave, LIMIT)).await.expect("left");
    wait_viewer_call(&mut viewer, "no guest", |seen| seen.guests.is_empty()).await;

    // Once more, and the call ends under it.
    let mut guest = meanwhile(&mut viewer, meanwhile(&mut agent.client, watch(&mut colleague.client, &call.id))).await;
    let join = ClientMessage::JoinCall { call: call.id.clone() };
    meanwhile(&mut viewer, colleague.client.request(join, LIMIT)).await.expect("joined again");
    meanwhile(&mut agent.client, async {
        viewer.end_call(&call.id, Some(EndReason::ViewerStopped), LIMIT).await.expect("ended");
    })
    .await;
    let closed = guest.wait("end", LIMIT, |event| matches!(event, MediaEvent::Closed).then_some(()));
    let _ = meanwhile(&mut colleague.client, tokio::time::timeout(Duration::from_secs(5), closed)).await;
    wait_agent_call(&mut agent.client, "end", |seen| seen.id == call.id && seen.stage == CallStage::Ended).await;
    let stored = site.rest().ticket(ticket).await.expect("the ticket can be read");
    let came = stored.timeline.iter().filter(|entry| matches!(entry.body, EntryBody::CallJoined { .. })).count();
    let left = stored.timeline.iter().filter(|entry| matches!(entry.body, EntryBody::CallLeft { .. })).count();
    assert_eq!((came, left), (2, 1), "the end of the call says the rest");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_and_a_call_that_is_over_are_not_joined() {
    let mut site = Site::prepared("").await;
    site.add_agent("kim").await;
    site.start().await;
    let mut agent = WarmAgent::new(site.agent("robin").await).await;
    let mut colleague = site.agent("kim").await;
    let mut viewer = site.viewer().await;
    let (conversation, _) = open_ticket(&mut viewer, "stripes").await;
    agent.client.take(&conversation, LIMIT).await.expect("taken");
    let call = meanwhile(&mut viewer, agent.client.invite(&conversation, LIMIT)).await.expect("invited").id;
    let _guest = meanwhile(&mut viewer, watch(&mut colleague, &call)).await;
    let join = || ClientMessage::JoinCall { call: call.clone() };
    let early = meanwhile(&mut viewer, colleague.request(join(), LIMIT)).await.expect_err("not accepted yet");
    assert!(early.to_string().contains("accepted"), "{early}");
    meanwhile(&mut viewer, agent.client.request(ClientMessage::EndCall { call: call.clone(), reason: None }, LIMIT))
        .await
        .expect("withdrawn");
    let late = meanwhile(&mut viewer, colleague.request(join(), LIMIT)).await.expect_err("over");
    assert!(late.to_string().contains("no such call") || late.to_string().contains("over"), "{late}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_only_looks_keeps_nobody_out() {
    let names = ["kim", "ali", "eva", "noa"];
    let mut site = Site::prepared("").await;
    for name in names {
        site.add_agent(name).await;
    }
    site.start().await;
    let mut agent = WarmAgent::new(site.agent("robin").await).await;
    let mut viewer = site.viewer().await;
    let (conversation, _) = open_ticket(&mut viewer, "stripes").await;
    let call = CallInProgress::begin(&mut agent, &mut viewer, &conversation, VideoCodec::Vp8).await;
    let join = || ClientMessage::JoinCall { call: call.id.clone() };
    let mut colleagues = Vec::new();
    for name in names {
        let mut colleague = site.agent(name).await;
        let peer = meanwhile(&mut viewer, meanwhile(&mut agent.client, watch(&mut colleague, &call.id))).await;
        // The first one only looks; its place goes to the fourth.
        if name != "kim" {
            let joined = meanwhile(&mut viewer, meanwhile(&mut agent.client, colleague.request(join(), LIMIT))).await;
            joined.unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        colleagues.push((colleague, peer));
    }
    wait_viewer_call(&mut viewer, "three", |seen| seen.guests.len() == 3).await;
    let late = meanwhile(&mut viewer, colleagues[0].0.request(join(), LIMIT)).await.expect_err("no place any more");
    assert!(late.to_string().contains("watch_call"), "{late}");
    let mut sixth = site.agent("robin").await;
    let refused = meanwhile(&mut viewer, sixth.request(watching(&call.id), LIMIT)).await.expect_err("one's own call");
    assert!(refused.to_string().contains("own call"), "{refused}");
    let full = meanwhile(&mut viewer, colleagues[0].0.request(watching(&call.id), LIMIT)).await.expect_err("full");
    assert!(full.to_string().contains("three colleagues"), "{full}");
}

/// An offer whose content does not matter.
fn watching(call: &CallId) -> ClientMessage {
    ClientMessage::WatchCall { call: call.clone(), sdp: "v=0\r\n".to_owned(), restart: false }
}

/// Makes the connection to a colleague's call, up to the open data channels.
async fn watch(colleague: &mut AgentClient, call: &CallId) -> Peer {
    let mut peer = open_peer(&VideoCodec::ALL);
    let sdp = peer.offer(false).await.expect("an offer");
    colleague
        .session
        .ask(ClientMessage::WatchCall { call: call.clone(), sdp, restart: false })
        .await
        .expect("the request leaves");
    let answer = loop {
        let message = tokio::time::timeout(LIMIT, colleague.next()).await.expect("in time").expect("the socket stands");
        match message {
            ServerMessage::WatchAnswer { call: about, sdp } => {
                assert_eq!(about, *call);
                break sdp;
            }
            ServerMessage::Error { code, message, .. } => panic!("refused: {code:?} {message}"),
            _ => {}
        }
    };
    peer.answer(answer).await.expect("the answer is taken");
    call::connected(&mut peer).await.expect("the connection comes up");
    let open = peer.wait("channel", LIMIT, |event| matches!(event, MediaEvent::Open(Channel::Fast, _)).then_some(()));
    meanwhile(colleague, open).await.expect("the channels open");
    peer.arm().await.expect("ready for the picture");
    peer
}
