//! Eight agents on four workers: each call is placed where its agent's warm connection lives, so that every first agent
//! joins warm, and the load is spread.

use loadtest::engine::VideoCodec;
use signaling::api::ConnectMode;

use crate::support::{CallInProgress, Site, WarmAgent, open_ticket};

/// Agents, and workers.
const AGENTS: usize = 8;
const WORKERS: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_first_agent_joins_warm_wherever_it_lives() {
    let mut site = Site::prepared(&format!("[media]\nworkers = {WORKERS}\n")).await;
    let names: Vec<String> = (1..AGENTS).map(|n| format!("agent{n}")).collect();
    for name in &names {
        site.add_agent(name).await;
    }
    site.start().await;
    let mut agents = vec![WarmAgent::new(site.agent("robin").await).await];
    for name in &names {
        agents.push(WarmAgent::new(site.agent(name).await).await);
    }
    let mut running = Vec::new();
    let mut tickets = Vec::new();
    for agent in &mut agents {
        let mut viewer = site.viewer().await;
        let (conversation, ticket) = open_ticket(&mut viewer, "stripes").await;
        let call = CallInProgress::begin(agent, &mut viewer, &conversation, VideoCodec::Vp8).await;
        tickets.push(ticket);
        running.push((viewer, call));
    }
    let ops = site.rest().ops().await.expect("the node tells of itself");
    let spread: Vec<_> = ops.workers.iter().map(|worker| (worker.peers, worker.rooms)).collect();
    assert_eq!(spread, [(4, 2); WORKERS], "two calls a worker, both ends of each on it");
    for ticket in tickets {
        let stored = site.rest().ticket(ticket).await.expect("the ticket can be read");
        assert_eq!(stored.calls[0].connect.mode, Some(ConnectMode::Warm), "ticket {ticket}");
    }
}
