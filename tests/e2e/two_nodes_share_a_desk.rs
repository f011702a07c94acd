//! Two server instances over one shared bus and one database, in one process: viewers on one, agents on the other.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use loadtest::client::{AgentClient, AgentOptions, RestClient, ViewerClient, ViewerOptions};
use loadtest::engine::VideoCodec;
use loadtest::scenarios::{Stop, StopReason};
use loadtest::target::Target;
use sightline::auth::hash_password;
use sightline::cluster::{Bus, LocalBus};
use sightline::config::{Address, Config, DatabaseLocation};
use sightline::server::{Server, ServerOptions};
use sightline::storage::NewUser;
use signaling::api::Role;
use signaling::timeline::EndReason;
use signaling::wire::{CallStage, ConversationStatus};
use signaling::{ClientMessage, ErrorCode, UserId};
use tempfile::TempDir;

use crate::support::{
    CallInProgress, LIMIT, WarmAgent, expect, meanwhile, open_ticket, postgres, read_until, wait_agent_call,
    write_until,
};

/// Password of the agents of these tests.
const PASSWORD: &str = "correct horse battery";

/// Two nodes that are one desk.
struct Pair {
    data: TempDir,
    database: DatabaseLocation,
    bus: Arc<dyn Bus>,
    north: Server,
    south: Server,
}

/// Starts a node of a desk.
async fn start_node(data: &TempDir, database: &DatabaseLocation, bus: &Arc<dyn Bus>, name: &str) -> Server {
    let mut config = Config::default();
    config.http.bind = Address((Ipv4Addr::LOCALHOST, 0).into());
    config.storage.data = data.path().to_owned();
    config.storage.database = database.clone();
    config.media.workers = 1;
    config.node.name = Some(name.to_owned());
    let options = ServerOptions { config, demo: false, bus: Some(Arc::clone(bus)) };
    Server::start(options).await.expect("the node starts")
}

impl Pair {
    async fn start(database: DatabaseLocation) -> Self {
        let data = TempDir::new().expect("a folder");
        let bus: Arc<dyn Bus> = Arc::new(LocalBus::default());
        let north = start_node(&data, &database, &bus, "north").await;
        let south = start_node(&data, &database, &bus, "south").await;
        for login in ["robin", "kim"] {
            let user = NewUser {
                id: UserId(format!("u_{login}")),
                login: login.to_owned(),
                name: login.to_owned(),
                role: Role::Agent,
                tier: 1,
                password_hash: hash_password(PASSWORD).expect("long enough"),
            };
            north.app.desk.store.add_user(user).await.expect("added");
        }
        Self { data, database, bus, north, south }
    }

    async fn viewer(&self, node: &Server) -> ViewerClient {
        ViewerClient::open(&target(node), ViewerOptions::default()).await.expect("the viewer connects")
    }

    async fn agent(&self, node: &Server, login: &str) -> AgentClient {
        let rest = RestClient::new(&target(node), None).expect("a client");
        let session = rest.sign_in(login, PASSWORD).await.expect("signed in");
        let options = AgentOptions { token: session.token, ..AgentOptions::default() };
        AgentClient::open(&target(node), options).await.expect("the agent connects")
    }

    async fn stop(self) {
        self.north.shutdown(std::future::ready(())).await;
        self.south.shutdown(std::future::ready(())).await;
    }
}

fn target(node: &Server) -> Target {
    Target::plain(node.address)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite() {
    let pair = Pair::start(DatabaseLocation::Embedded).await;
    pass_the_chat_tests(&pair).await;
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgres() {
    let Some(url) = postgres::new_database("two nodes share a desk").await else { return };
    let pair = Pair::start(DatabaseLocation::Postgres(url)).await;
    pass_the_chat_tests(&pair).await;
    pair.stop().await;
}

async fn pass_the_chat_tests(pair: &Pair) {
    chat_crosses_the_nodes(pair).await;
    one_of_two_agents_takes_it(pair).await;
    both_sides_write_at_once(pair).await;
    a_viewer_comes_back_on_the_other_node(pair).await;
    a_call_crosses_the_nodes(pair).await;
    a_node_that_comes_later_knows_the_calls(pair).await;
}

/// Messages, presence, queue, typing and read marks.
async fn chat_crosses_the_nodes(pair: &Pair) {
    let mut viewer = pair.viewer(&pair.north).await;
    let (conversation, ticket) = open_ticket(&mut viewer, "nobody there yet").await;
    let alone = viewer.conversation.clone().expect("told");
    assert_eq!((alone.status, alone.agents_online), (ConversationStatus::Waiting, 0));
    let mut agent = pair.agent(&pair.south, "robin").await;
    expect(&mut viewer, "agent on line", |viewer| {
        viewer.conversation.as_ref().is_some_and(|conversation| conversation.agents_online == 1).then_some(())
    })
    .await;
    let row = expect(&mut agent, "row", |agent| agent.desk.get(&conversation).cloned()).await;
    assert_eq!((row.ticket.0, row.viewer_online), (ticket, true));
    agent.take(&conversation, LIMIT).await.expect("taken");
    expect(&mut viewer, "agent", |viewer| {
        let seen = viewer.conversation.as_ref()?;
        (seen.agent_name.as_deref() == Some("robin") && seen.agent_online).then_some(())
    })
    .await;
    agent.say(&conversation, "good day", LIMIT).await.expect("acknowledged");
    expect(&mut viewer, "answer", |viewer| viewer.chat.history.texts().contains(&"good day").then_some(())).await;
    let typing = ClientMessage::Typing { conversation: Some(conversation.clone()), on: true };
    agent.request(typing, LIMIT).await.expect("told");
    expect(&mut viewer, "typing", |viewer| viewer.agent_types.then_some(())).await;
    let read = ClientMessage::Read { conversation: None, seq: viewer.chat.history.last_seq };
    viewer.request(read, LIMIT).await.expect("noted");
    let last_seq = viewer.chat.history.last_seq;
    expect(&mut agent, "read mark", |agent| {
        agent.desk.get(&conversation).filter(|row| row.viewer_read_seq == last_seq).map(|_| ())
    })
    .await;
    let release = ClientMessage::Release { conversation: conversation.clone() };
    agent.request(release, LIMIT).await.expect("released");
    expect(&mut viewer, "waiting again", |viewer| {
        let seen = viewer.conversation.as_ref()?;
        (seen.status == ConversationStatus::Waiting && seen.place == Some(1)).then_some(())
    })
    .await;
    agent.take(&conversation, LIMIT).await.expect("taken again");
    let resolve = ClientMessage::Resolve { conversation };
    agent.request(resolve, LIMIT).await.expect("resolved");
    agent.session.close().await;
    viewer.session.close().await;
}

/// A conversation is taken once, whatever node the agents are on.
async fn one_of_two_agents_takes_it(pair: &Pair) {
    let mut robin = pair.agent(&pair.north, "robin").await;
    let mut kim = pair.agent(&pair.south, "kim").await;
    for round in 0..5 {
        let mut viewer = pair.viewer(&pair.north).await;
        let (conversation, _) = open_ticket(&mut viewer, &format!("round {round}")).await;
        let (one, two) = tokio::join!(robin.take(&conversation, LIMIT), kim.take(&conversation, LIMIT));
        let refused = match (one, two) {
            (Ok(()), Err(error)) | (Err(error), Ok(())) => error,
            both => panic!("exactly one agent takes it: {both:?}"),
        };
        assert!(matches!(refused, loadtest::client::ClientError::Refused { code: ErrorCode::Taken, .. }), "{refused}");
        viewer.session.close().await;
    }
    robin.session.close().await;
    kim.session.close().await;
}

/// Fifty messages a second, five chats; both sides are told one story.
async fn both_sides_write_at_once(pair: &Pair) {
    let mut agent = pair.agent(&pair.south, "robin").await;
    let (switch, stop) = Stop::new();
    let mut writers = Vec::new();
    for _ in 0..5 {
        let mut viewer = pair.viewer(&pair.north).await;
        let (conversation, ticket) = open_ticket(&mut viewer, "all at once").await;
        agent.take(&conversation, LIMIT).await.expect("taken");
        for n in 0..5 {
            agent.send(&conversation, &format!("answer {n}")).await.expect("sent");
        }
        writers.push((
            conversation,
            ticket,
            tokio::spawn(write_until(viewer, Duration::from_millis(100), stop.clone())),
        ));
    }
    let reader = tokio::spawn(read_until(agent, stop));
    tokio::time::sleep(Duration::from_secs(3)).await;
    switch.stop(StopReason::Operator);
    let mut agent = reader.await.expect("the reader ends well");
    for (conversation, _ticket, writer) in writers {
        let (viewer, written) = writer.await.expect("the writer ends well");
        assert!(written.len() >= 27, "{} messages", written.len());
        let entries = viewer.chat.history.entries.clone();
        assert!(viewer.chat.history.findings.is_empty(), "{:?}", viewer.chat.history.findings);
        let own: Vec<String> = entries
            .iter()
            .filter(|entry| entry.author.user.is_none())
            .filter_map(|entry| entry.client_id.clone())
            .filter(|id| written.contains(id))
            .collect();
        assert_eq!(own, written, "once each and in order");
        expect(&mut agent, "the whole story", |agent| {
            let held = agent.chats.get(&conversation)?;
            (held.history.entries.len() >= entries.len()).then_some(())
        })
        .await;
        let held = &agent.chats[&conversation].history;
        assert!(held.findings.is_empty(), "{:?}", held.findings);
        assert_eq!(held.entries[..entries.len()], entries[..], "both sides are told one story");
    }
    agent.session.close().await;
}

/// A resume need not meet the node it left.
async fn a_viewer_comes_back_on_the_other_node(pair: &Pair) {
    let mut viewer = pair.viewer(&pair.north).await;
    let (conversation, _) = open_ticket(&mut viewer, "the lift comes").await;
    let mut agent = pair.agent(&pair.north, "kim").await;
    agent.take(&conversation, LIMIT).await.expect("taken");
    viewer.session.cut();
    agent.say(&conversation, "are you there?", LIMIT).await.expect("acknowledged");
    let options = ViewerOptions { key: viewer.key().to_owned(), ..ViewerOptions::default() };
    let mut again = ViewerClient::open(&target(&pair.south), options).await.expect("the other node takes it");
    expect(&mut again, "history", |viewer| viewer.chat.history.texts().contains(&"are you there?").then_some(())).await;
    assert!(again.chat.history.findings.is_empty());
    again.say("yes", LIMIT).await.expect("acknowledged");
    expect(&mut agent, "answer", |agent| {
        agent.chats.get(&conversation)?.history.texts().contains(&"yes").then_some(())
    })
    .await;
    again.session.close().await;
    agent.session.close().await;
}

/// The viewer's socket is on one node, the call and its media on the agent's.
async fn a_call_crosses_the_nodes(pair: &Pair) {
    let mut agent = WarmAgent::new(pair.agent(&pair.south, "robin").await).await;
    let mut viewer = pair.viewer(&pair.north).await;
    let (conversation, ticket) = open_ticket(&mut viewer, "look").await;
    let call = CallInProgress::begin(&mut agent, &mut viewer, &conversation, VideoCodec::Vp8).await;
    let before = agent.peer.counts.frames_so_far();
    let more = async {
        while agent.peer.counts.frames_so_far() < before + 20 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(LIMIT, meanwhile(&mut viewer, more)).await.expect("the picture goes on");
    viewer.session.close().await;
    let ended = wait_agent_call(&mut agent.client, "end", |seen| seen.id == call.id && seen.stage == CallStage::Ended);
    assert_eq!(ended.await.reason, Some(EndReason::ViewerLeft));
    let token = std::fs::read_to_string(pair.data.path().join("api-key")).expect("an API key").trim().to_owned();
    let rest = RestClient::new(&target(&pair.north), Some(token)).expect("a client");
    let stored = rest.ticket(ticket).await.expect("either node shows the ticket");
    assert_eq!(stored.calls[0].end_reason, Some(EndReason::ViewerLeft));
    agent.client.session.close().await;
}

/// A node that starts while calls run neither ends them nor is ignorant of them: a viewer whose line breaks comes back on it
/// and goes on sharing.
async fn a_node_that_comes_later_knows_the_calls(pair: &Pair) {
    let mut agent = WarmAgent::new(pair.agent(&pair.south, "robin").await).await;
    let mut viewer = pair.viewer(&pair.north).await;
    let (conversation, _) = open_ticket(&mut viewer, "look again").await;
    let call = CallInProgress::begin(&mut agent, &mut viewer, &conversation, VideoCodec::Vp8).await;
    let west = start_node(&pair.data, &pair.database, &pair.bus, "west").await;
    viewer.session.cut();
    viewer.move_to(target(&west));
    let back = viewer.resume(LIMIT);
    meanwhile(&mut agent.client, back).await.expect("the new node takes the viewer");
    let running = viewer.conversation.as_ref().and_then(|conversation| conversation.call.clone());
    let running = running.expect("the new node knows the call");
    assert_eq!((running.id, running.stage), (call.id.clone(), CallStage::Live));
    let before = agent.peer.counts.frames_so_far();
    let more = async {
        while agent.peer.counts.frames_so_far() < before + 20 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let more = meanwhile(&mut viewer, meanwhile(&mut agent.client, more));
    tokio::time::timeout(LIMIT, more).await.expect("the picture goes on");
    viewer.end_call(&call.id, None, LIMIT).await.expect("the viewer still owns its call");
    let ended = wait_agent_call(&mut agent.client, "end", |seen| seen.id == call.id && seen.stage == CallStage::Ended);
    assert_eq!(ended.await.reason, Some(EndReason::ViewerStopped));
    agent.client.session.close().await;
    viewer.session.close().await;
    west.shutdown(std::future::ready(())).await;
}
