//! SIGTERM: calls end with a reason, samples are flushed, clients are told, the process ends in bounded time.

use std::time::Duration;

use loadtest::client::{ClientError, Pump};
use loadtest::engine::VideoCodec;
use signaling::ServerMessage;
use signaling::timeline::EndReason;
use signaling::wire::{CallStage, Leg};

use crate::support::{
    CallInProgress, LIMIT, Site, WarmAgent, expect, meanwhile, open_ticket, wait_agent_call, wait_viewer_call,
};

/// Two seconds of drain and the work after it.
const BOUND: Duration = Duration::from_secs(8);
/// A drain that nobody waits for to its end.
const LONG_DRAIN: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_terminated_server_ends_calls_and_keeps_what_was_measured() {
    let mut site = Site::prepared("[limits]\ndrain_seconds = 2\n").await;
    site.start().await;
    let mut agent = WarmAgent::new(site.agent("robin").await).await;
    let mut viewer = site.viewer().await;
    let (conversation, ticket) = open_ticket(&mut viewer, "look").await;
    let call = CallInProgress::begin(&mut agent, &mut viewer, &conversation, VideoCodec::Vp8).await;
    let idle = site.viewer().await;
    let mut typist = site.viewer().await;
    open_ticket(&mut typist, "me too").await;
    meanwhile(&mut viewer, meanwhile(&mut agent.client, tokio::time::sleep(Duration::from_millis(3_500)))).await;

    let watch_agent = async {
        let ended =
            wait_agent_call(&mut agent.client, "end", |seen| seen.id == call.id && seen.stage == CallStage::Ended);
        assert_eq!(ended.await.reason, Some(EndReason::ServerShutdown));
    };
    let watch_viewer = async {
        let ended = wait_viewer_call(&mut viewer, "end", |seen| seen.id == call.id && seen.stage == CallStage::Ended);
        assert_eq!(ended.await.reason, Some(EndReason::ServerShutdown));
        until_told_to_go(&mut viewer).await;
    };
    let watch_typist = until_told_to_go(&mut typist);
    let ((status, took), (), (), ()) = tokio::join!(site.terminate(), watch_agent, watch_viewer, watch_typist);
    assert!(status.success(), "{status}: {}", site.log_text());
    assert!(took < BOUND, "the end took {took:?}");
    drop(idle);

    site.start().await;
    let stored = site.rest().ticket(ticket).await.expect("the ticket is there");
    let record = &stored.calls[0];
    assert_eq!(record.end_reason, Some(EndReason::ServerShutdown));
    let server = record.legs.iter().find(|leg| leg.leg == Leg::Server).expect("the server's samples were flushed");
    assert!(server.series.samples.len() >= 2, "{:?}", server.series.samples);
    viewer.resume(LIMIT).await.expect("the viewer resumes");
    viewer.say("and on it goes", LIMIT).await.expect("the chat goes on");
    expect(&mut viewer, "message", |viewer| viewer.chat.history.texts().contains(&"and on it goes").then_some(()))
        .await;
    assert!(viewer.chat.history.findings.is_empty(), "{:?}", viewer.chat.history.findings);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_call_may_end_by_itself_while_the_server_drains() {
    let mut site = Site::prepared(&format!("[limits]\ndrain_seconds = {}\n", LONG_DRAIN.as_secs())).await;
    site.start().await;
    let mut agent = WarmAgent::new(site.agent("robin").await).await;
    let mut viewer = site.viewer().await;
    let (conversation, ticket) = open_ticket(&mut viewer, "look").await;
    let call = CallInProgress::begin(&mut agent, &mut viewer, &conversation, VideoCodec::Vp8).await;
    let mut other = site.viewer().await;
    let (waiting, _) = open_ticket(&mut other, "me too").await;
    agent.client.take(&waiting, LIMIT).await.expect("taken");
    let ready = format!("http://127.0.0.1:{}/readyz", site.port());

    let ends_by_itself = async {
        loop {
            match viewer.next().await.expect("the socket stands while the call runs") {
                ServerMessage::Draining { until_ms } => {
                    assert!(until_ms > 0.0);
                    break;
                }
                ServerMessage::GoingAway {} => panic!("sent away in the middle of a call"),
                _ => {}
            }
        }
        let answer = reqwest::get(&ready).await.expect("still served");
        assert_eq!(answer.status(), 503, "no longer ready");
        let refused = meanwhile(&mut viewer, agent.client.invite(&waiting, LIMIT)).await;
        assert!(refused.is_err(), "a call began while the server drains");
        meanwhile(&mut agent.client, async {
            viewer.end_call(&call.id, Some(EndReason::ViewerStopped), LIMIT).await.expect("ended");
        })
        .await;
    };
    let ((status, took), ()) = tokio::join!(site.terminate(), ends_by_itself);
    assert!(status.success(), "{status}: {}", site.log_text());
    assert!(took < LONG_DRAIN / 2, "the end took {took:?}");
    site.start().await;
    let stored = site.rest().ticket(ticket).await.expect("the ticket is there");
    assert_eq!(stored.calls[0].end_reason, Some(EndReason::ViewerStopped));
}

/// `going_away`, then the close.
async fn until_told_to_go(viewer: &mut loadtest::client::ViewerClient) {
    let mut told = false;
    let end = tokio::time::timeout(LIMIT, async {
        loop {
            match viewer.next().await {
                Ok(ServerMessage::GoingAway {}) => told = true,
                Ok(_) => {}
                Err(error) => return error,
            }
        }
    });
    let end = end.await.expect("the socket is closed");
    assert!(told, "going_away came before the close: {end}");
    assert!(matches!(end, ClientError::Closed { .. }), "{end}");
}
