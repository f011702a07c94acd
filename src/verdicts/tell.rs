//! The way of a verdict: into the conversation's row, then to the agents; and a ticket's diagnosis when it is asked for.

use std::sync::Arc;

use diagnosis::{Diagnosis, LaneName, Trace};
use serde_json::json;
use signaling::ConversationId;
use signaling::verdict::{IncidentScope, Incidents};
use signaling::wire::{ErrorCode, Leg, Refusal, ServerMessage};
use tokio::sync::mpsc;

use super::{Judged, LiveVerdicts, News, Others};
use crate::app::App;
use crate::clock;
use crate::cluster::{Note, Topic};
use crate::storage::{ConversationRow, Store};
use crate::support::refusal;
use crate::telemetry::{BlockHeader, TelemetryLog, export, lanes_document};

/// Keeps and tells what comes of the samples until there is no more.
pub async fn tell(app: Arc<App>, mut news: mpsc::Receiver<News>) {
    while let Some(news) = news.recv().await {
        match news {
            News::Judged(judged) => tell_verdict(&app, judged).await,
            News::Others(conversation, others) => keep_others(&app, conversation, &others).await,
            News::Incidents(list) => {
                let message = ServerMessage::Incidents(Incidents { list });
                app.desk.bus.publish(Topic::Desk, Note::Direct(Box::new(message)));
            }
        }
    }
}

async fn tell_verdict(app: &App, Judged { conversation, brief }: Judged) {
    if let Err(error) = app.desk.store.set_verdict(&conversation, &brief).await {
        // The next change is told; what is on disk can be judged again at any time.
        tracing::warn!(%error, "a verdict was not kept");
        return;
    }
    if let Ok(row) = app.desk.conversation(&conversation).await {
        app.desk.tell_agents(&row);
        app.verdicts.know(&conversation, row.ticket.0, row.page.as_ref().map(|page| page.url.as_str()));
    }
}

/// How others fare becomes part of the ticket's samples: its file says the same as the desk did.
async fn keep_others(app: &App, conversation: ConversationId, others: &[Others]) {
    let now_ms = clock::now_ms();
    let rows: Vec<serde_json::Value> = others
        .iter()
        .filter_map(|others| {
            let scope = scope_in_trace(others.scope)?;
            Some(json!({
                "t": now_ms, "scope": scope, "affected": others.affected, "total": others.total, "baseline": others.baseline,
            }))
        })
        .collect();
    if rows.is_empty() {
        return;
    }
    let header = BlockHeader {
        conversation,
        call: None,
        leg: Leg::Server,
        source: format!("{}-others", app.node.0),
        // One block in many seconds: the second numbers it, also over restarts.
        seq: u32::try_from(now_ms / 1_000).unwrap_or(u32::MAX),
        #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 fit a double's 53 bits")]
        t0_ms: now_ms as f64,
        codec: "lanes1".to_owned(),
    };
    let bytes = lanes_document(LaneName::Others, &rows).to_string().into_bytes();
    if let Err(error) = app.telemetry.append(header, bytes).await {
        tracing::warn!(%error, "how others fare was not kept");
    }
}

/// As the trace calls it; it knows no versions of apps.
fn scope_in_trace(scope: IncidentScope) -> Option<&'static str> {
    Some(match scope {
        IncidentScope::Edge => "edge",
        IncidentScope::Stream => "stream",
        IncidentScope::Network => "network",
        IncidentScope::Region => "region",
        IncidentScope::Device => "device",
        IncidentScope::Decoder => "decoder",
        IncidentScope::App => return None,
    })
}

/// The diagnosis of a ticket: as of now while its viewer sends samples, else of all that is on disk, else the one that was
/// kept when it was resolved. Without any sample it is undetermined.
///
/// # Errors
/// [`ErrorCode::Internal`] when samples or database cannot be read.
pub async fn diagnosis_of(
    live: &LiveVerdicts,
    telemetry: &TelemetryLog,
    store: &Store,
    row: &ConversationRow,
) -> Result<serde_json::Value, Refusal> {
    if let Some(now) = live.diagnosis(&row.id) {
        return as_json(&now);
    }
    let judged = of_log(telemetry, store, row).await?;
    if judged.window.is_none()
        && let Some(kept) = store.kept_diagnosis(&row.id).await.map_err(refusal)?
    {
        return Ok(kept);
    }
    as_json(&judged)
}

/// Judges all samples of a resolved ticket once more and keeps the answer: it outlives them.
pub async fn keep_last(telemetry: &TelemetryLog, store: &Store, conversation: &ConversationId) {
    let kept = async {
        let row = store.conversation(conversation).await.map_err(refusal)?;
        let Some(row) = row else { return Ok(()) };
        let judged = of_log(telemetry, store, &row).await?;
        if judged.window.is_none() {
            return Ok(());
        }
        store.set_verdict(conversation, &super::brief(&judged)).await.map_err(refusal)?;
        store.keep_diagnosis(conversation, &as_json(&judged)?, clock::now_ms()).await.map_err(refusal)
    };
    if let Err(error) = kept.await {
        let error: Refusal = error;
        tracing::warn!(%error, "the last diagnosis of a ticket was not kept");
    }
}

fn as_json(diagnosis: &Diagnosis) -> Result<serde_json::Value, Refusal> {
    serde_json::to_value(diagnosis).map_err(|error| Refusal::new(ErrorCode::Internal, error.to_string()))
}

async fn of_log(telemetry: &TelemetryLog, store: &Store, row: &ConversationRow) -> Result<Diagnosis, Refusal> {
    let calls = store.calls_of(&row.id).await.map_err(refusal)?;
    let measured = telemetry.of_conversation(&row.id, calls).await.map_err(|error| {
        tracing::error!(%error, "telemetry could not be read");
        Refusal::new(ErrorCode::Internal, "the samples of this ticket could not be read")
    })?;
    let file = export(row.ticket, measured);
    // Hours of samples take milliseconds: not on the threads that serve sockets.
    let judged = tokio::task::spawn_blocking(move || {
        let parsed = serde_json::to_value(&file).ok().and_then(|value| diagnosis::read::parse_value(&value, None).ok());
        diagnosis::diagnose(&parsed.map_or_else(Trace::new, |parsed| parsed.trace), None)
    });
    judged.await.map_err(|error| {
        tracing::error!(%error, ticket = row.ticket.0, "the samples could not be judged");
        Refusal::new(ErrorCode::Internal, "the samples of this ticket could not be judged")
    })
}
