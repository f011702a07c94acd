//! Health and metrics.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

use super::principal::Operator;
use crate::app::{App, Closing};

/// `/healthz`, `/readyz`, `/metrics`.
pub(super) fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics_text))
}

/// Ready when the database answers and no shutdown has begun.
async fn ready(State(app): State<Arc<App>>) -> Response {
    if *app.closing.borrow() != Closing::No {
        return (StatusCode::SERVICE_UNAVAILABLE, "shutting down\n").into_response();
    }
    match app.desk.store.ping().await {
        Ok(()) => "ready\n".into_response(),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("database: {error}\n")).into_response(),
    }
}

async fn metrics_text(State(app): State<Arc<App>>, _operator: Operator) -> Response {
    let presence = &app.desk.presence;
    metrics::gauge!("sightline_agents_online").set(f64::from(presence.agents_online()));
    metrics::gauge!("sightline_viewers_online").set(f64::from(presence.viewers_online()));
    metrics::gauge!("sightline_calls").set(app.desk.calls.len() as f64);
    if let Some(bytes) = crate::process::rss_bytes() {
        metrics::gauge!("process_resident_memory_bytes").set(bytes as f64);
    }
    if let Some(seconds) = crate::process::cpu_s() {
        metrics::gauge!("process_cpu_seconds_total").set(seconds);
    }
    for worker in app.calls.media().workers() {
        let label = worker.index.to_string();
        metrics::gauge!("sightline_media_peers", "worker" => label.clone()).set(f64::from(worker.peers));
        metrics::gauge!("sightline_media_rooms", "worker" => label.clone()).set(f64::from(worker.rooms));
        metrics::counter!("sightline_media_datagrams_in_total", "worker" => label.clone()).absolute(worker.packets_in);
        metrics::counter!("sightline_media_datagrams_out_total", "worker" => label.clone())
            .absolute(worker.packets_out);
        metrics::counter!("sightline_media_worker_restarts_total", "worker" => label)
            .absolute(u64::from(worker.restarts));
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], app.metrics.render()).into_response()
}
