//! The way of a verdict: into the conversation's row, then to the agents; and a ticket's diagnosis when it is asked for.

use std::sync::Arc;

use diagnosis::{Diagnosis, Trace};
use signaling::ConversationId;
use signaling::wire::ErrorCode;
use signaling::wire::Refusal;
use tokio::sync::mpsc;

use super::{Judged, LiveVerdicts};
use crate::clock;
use crate::storage::{ConversationRow, Store};
use crate::support::{Desk, refusal};
use crate::telemetry::{TelemetryLog, export};

/// Keeps and tells verdicts until there are no more.
pub async fn tell(desk: Arc<Desk>, mut judged: mpsc::Receiver<Judged>) {
    while let Some(Judged { conversation, brief }) = judged.recv().await {
        if let Err(error) = desk.store.set_verdict(&conversation, &brief).await {
            // The next change is told; what is on disk can be judged again at any time.
            tracing::warn!(%error, "a verdict was not kept");
            continue;
        }
        if let Ok(row) = desk.conversation(&conversation).await {
            desk.tell_agents(&row);
        }
    }
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
        return json(&now);
    }
    let judged = of_log(telemetry, store, row).await?;
    if judged.window.is_none()
        && let Some(kept) = store.kept_diagnosis(&row.id).await.map_err(refusal)?
    {
        return Ok(kept);
    }
    json(&judged)
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
        store.keep_diagnosis(conversation, &json(&judged)?, clock::now_ms()).await.map_err(refusal)
    };
    if let Err(error) = kept.await {
        let error: Refusal = error;
        tracing::warn!(%error, "the last diagnosis of a ticket was not kept");
    }
}

fn json(diagnosis: &Diagnosis) -> Result<serde_json::Value, Refusal> {
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
