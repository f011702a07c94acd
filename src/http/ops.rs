//! What the operations page shows.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use signaling::api::{Ops, OpsCall, OpsWorker};
use signaling::wire::ConversationStatus;

use super::ApiRefusal;
use super::principal::Operator;
use crate::app::App;
use crate::clock;
use crate::support::refusal;
use crate::telemetry;

/// Calls shown.
const RECENT_CALLS: u64 = 50;

/// State of this node.
#[utoipa::path(get, path = "/api/v1/ops", tag = "operations",
    responses((status = 200, body = Ops), (status = 401, description = "Not on this machine and no API key")))]
pub(super) async fn ops(State(app): State<Arc<App>>, _operator: Operator) -> Result<Json<Ops>, ApiRefusal> {
    let open = app.desk.open_conversations().await?;
    let waiting = || open.iter().filter(|row| row.status == ConversationStatus::Waiting);
    let now_ms = clock::now_ms();
    let recent = app.desk.store.recent_calls(RECENT_CALLS).await.map_err(refusal)?;
    let recent_calls = recent
        .into_iter()
        .filter_map(|(ticket, row)| {
            let accepted_at_ms = row.accepted_at_ms?;
            let call = telemetry::call_view(row, Vec::new());
            Some(OpsCall { ticket, call: call.id, accepted_at_ms, connect: call.connect, end_reason: call.end_reason })
        })
        .collect();
    let workers = app.calls.media().workers().into_iter().map(|worker| OpsWorker {
        index: worker.index,
        udp_port: worker.udp_port,
        peers: worker.peers,
        rooms: worker.rooms,
        packets_in: worker.packets_in,
        packets_out: worker.packets_out,
        restarts: worker.restarts,
    });
    let agents_online = app.desk.presence.agents_online();
    Ok(Json(Ops {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        node: app.node.0.clone(),
        uptime_ms: i64::try_from(app.started.elapsed().as_millis()).unwrap_or(i64::MAX),
        database: app.desk.store.kind().as_str().to_owned(),
        viewers_online: app.desk.presence.viewers_online(),
        agents_online,
        waiting: count(waiting().count()),
        taken: count(open.iter().filter(|row| row.status == ConversationStatus::Taken).count()),
        longest_wait_ms: waiting().map(|row| now_ms - row.waiting_since_ms.unwrap_or(row.opened_at_ms)).max(),
        calls: count(app.desk.calls.len()),
        workers: workers.collect(),
        recent_calls,
        rss_bytes: crate::process::rss_bytes(),
        cpu_s: crate::process::cpu_s(),
    }))
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
