//! While commits wait, sockets go on: pings are answered and notes delivered, a client's requests keep their order, too many
//! of them are refused with words, and what was asked before a goodbye is done. Commits are held back by the database's
//! lock, for less than the five seconds after which the server gives up waiting for it.

use loadtest::client::{ClientError, Pump, ViewerOptions};
use signaling::{ClientMessage, ErrorCode, ServerMessage};
use tokio::time::timeout;

use crate::support::{HeldLock, LIMIT, Site, expect, open_ticket};

/// Sends a ping and reads until its pong. Returns what was read before it.
async fn ping<C: Pump>(client: &mut C, mark: f64) -> Vec<ServerMessage> {
    client.session().post(ClientMessage::Ping { client_ms: mark }).await.expect("sent");
    let mut before = Vec::new();
    loop {
        let message = timeout(LIMIT, client.next()).await.expect("a pong comes").expect("the connection stays");
        if matches!(message, ServerMessage::Pong { client_ms, .. } if client_ms == mark) {
            return before;
        }
        before.push(message);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pings_are_answered_and_nothing_is_lost_while_commits_wait() {
    let site = Site::running().await;
    let mut agent = site.agent("robin").await;
    let mut viewer = site.viewer().await;
    let (conversation, _) = open_ticket(&mut viewer, "before").await;
    agent.take(&conversation, LIMIT).await.expect("taken");
    agent.follow(&conversation, LIMIT).await.expect("followed");
    expect(&mut viewer, "agent", |viewer| viewer.conversation.as_ref()?.agent_name.clone()).await;

    let lock = HeldLock::of(&site.database()).await;
    for text in ["first", "second", "third"] {
        viewer.send(text).await.expect("sent");
    }
    let rated = viewer.session.ask(ClientMessage::Rate { score: 5, comment: String::new() }).await.expect("sent");
    let typing = ClientMessage::Typing { conversation: Some(conversation.clone()), on: true };
    agent.request(typing, LIMIT).await.expect("told");
    expect(&mut viewer, "typing", |viewer| viewer.agent_types.then_some(())).await;
    ping(&mut viewer, 1.0).await;
    agent.send(&conversation, "answer").await.expect("sent");
    ping(&mut agent, 2.0).await;
    assert_eq!(viewer.chat.outbox.len(), 3, "nothing is acknowledged before its commit");
    assert_eq!(agent.chats[&conversation].outbox.len(), 1, "nothing is acknowledged before its commit");
    lock.release().await;

    let mut acks = Vec::new();
    while viewer.session.take_answer(rated).is_none() {
        let message = timeout(LIMIT, viewer.next()).await.expect("all is answered").expect("the connection stays");
        if let ServerMessage::Ack { seq, .. } = message {
            acks.push(seq);
        }
    }
    assert_eq!(acks.len(), 3, "the rating is answered after the messages before it");
    assert!(acks.is_sorted(), "{acks:?}");
    expect(&mut viewer, "entries", |viewer| (viewer.chat.history.messages >= 5).then_some(())).await;
    let mut texts = viewer.chat.history.texts();
    texts.retain(|text| *text != "answer");
    assert_eq!(texts, ["before", "first", "second", "third"]);
    expect(&mut agent, "acknowledgement", |agent| agent.chats[&conversation].outbox.is_empty().then_some(())).await;
    assert!(viewer.session.errors.is_empty(), "{:?}", viewer.session.errors);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_requests_are_refused_with_words() {
    let site = Site::running().await;
    let mut viewer = site.viewer().await;
    open_ticket(&mut viewer, "before").await;
    let lock = HeldLock::of(&site.database()).await;
    viewer.send("held").await.expect("sent");
    let mut asked = Vec::new();
    // Fewer than the rate's burst: none of them is slowed down.
    for _ in 0..400 {
        let typing = ClientMessage::Typing { conversation: None, on: true };
        asked.push(viewer.session.ask(typing).await.expect("sent"));
    }
    ping(&mut viewer, 1.0).await;
    let mut refused = 0;
    asked.retain(|id| match viewer.session.take_answer(*id) {
        Some(Err(ClientError::Refused { code: ErrorCode::Overloaded, .. })) => {
            refused += 1;
            false
        }
        Some(other) => panic!("answered while an earlier request waits: {other:?}"),
        None => true,
    });
    assert!(refused > 0 && asked.len() > 256, "{refused} refused, {} wait", asked.len());
    lock.release().await;
    for id in asked {
        expect(&mut viewer, "answer", |viewer| viewer.session.take_answer(id)).await.expect("done");
    }
    assert!(viewer.chat.outbox.is_empty(), "the message before them is acknowledged");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_said_before_a_goodbye_is_kept() {
    let site = Site::running().await;
    let key = ViewerOptions::default().key;
    let mut viewer = site.viewer_again(&key).await;
    open_ticket(&mut viewer, "before").await;
    let lock = HeldLock::of(&site.database()).await;
    viewer.send("held").await.expect("sent");
    viewer.send("held behind it").await.expect("sent");
    // The socket closes while both wait.
    let closing = tokio::spawn(async move { viewer.session.close().await });
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    lock.release().await;
    closing.await.expect("closed");
    let mut again = site.viewer_again(&key).await;
    expect(&mut again, "both messages", |viewer| (viewer.chat.history.messages == 3).then_some(())).await;
    assert_eq!(again.chat.history.texts(), ["before", "held", "held behind it"]);
}
