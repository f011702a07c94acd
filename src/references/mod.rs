//! Our own look at a stream: when a viewer is in trouble, the segment that was just played is fetched from its host and
//! measured, so that "broken at the source" and "broken at the viewer" differ.
//!
//! Owns the outbound requests, their list of hosts (`allowed`) and bounds (`client`), the reading of playlists (`playlist`)
//! and pictures (`pictures`), and what is remembered of streams (`streams`). A look becomes a sample of the lane
//! `references` in the telemetry log. Refuses: judgement (that is the crate `diagnosis`), whom to look after (that is
//! [`crate::verdicts`]).

mod allowed;
mod client;
mod desk;
mod measure;
mod pictures;
mod playlist;
mod streams;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use diagnosis::LaneName;
use diagnosis::model::Reference;
use futures_util::future::join_all;
use signaling::ConversationId;
use signaling::wire::Leg;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::app::App;
use crate::clock;
use crate::config::{Config, MediaHost};
use crate::media_driver::outward;
use crate::telemetry::{BlockHeader, lanes_document};
use crate::verdicts::{InTrouble, Played};

use allowed::AllowedHosts;
use client::BoundedClient;
use desk::{Asked, LookDesk};
use measure::{Measurer, Outcome};
use pictures::PictureProbe;

pub use client::AGENT;

/// Conversations in trouble that wait to be looked after; they come again with their next block.
const TROUBLE_QUEUE: usize = 256;
/// A look with all its requests may take so long; what hangs for longer is given up.
const LOOK_MAX: Duration = Duration::from_secs(45);

/// Lets the demo look at its own stream, under each address by which its pages are opened on this machine and network.
pub fn allow_own(config: &mut Config, listening: SocketAddr) {
    let mut hosts = vec!["localhost".to_owned(), Ipv4Addr::LOCALHOST.to_string(), Ipv6Addr::LOCALHOST.to_string()];
    hosts.extend(
        Some(listening.ip()).filter(|ip| !ip.is_unspecified()).or_else(outward).map(|ip: IpAddr| ip.to_string()),
    );
    let own = hosts.into_iter().map(|host| MediaHost { host, port: Some(listening.port()) });
    config.diagnosis.reference_hosts.extend(own);
}

/// Looks at what viewers in trouble have played, until the server ends. Without a listed host it does nothing.
pub async fn run(app: Arc<App>) {
    let allowed = AllowedHosts::new(&app.config.diagnosis.reference_hosts);
    if allowed.is_empty() {
        return;
    }
    let measurer = match measurer(&app, allowed).await {
        Ok(measurer) => Arc::new(measurer),
        Err(error) => {
            tracing::warn!(%error, "streams cannot be looked at: no client for outbound requests");
            return;
        }
    };
    let (to, mut trouble) = mpsc::channel::<InTrouble>(TROUBLE_QUEUE);
    app.verdicts.tell_trouble(to);
    let mut desk = LookDesk::new(usize::try_from(app.config.diagnosis.references_at_once_max).unwrap_or(1));
    let mut looks: JoinSet<(Played, Outcome)> = JoinSet::new();
    loop {
        tokio::select! {
            asked = trouble.recv() => match asked {
                None => return,
                Some(InTrouble { conversation, played }) => match desk.ask(&conversation, &played, Instant::now()) {
                    Asked::Look => {
                        let measurer = Arc::clone(&measurer);
                        looks.spawn(look(measurer, played));
                    }
                    Asked::Known(reference) => keep(&app, vec![conversation], &reference).await,
                    Asked::Waits | Asked::NotNow => {}
                },
            },
            Some(done) = looks.join_next() => match done {
                Ok((played, outcome)) => {
                    count(&outcome);
                    let waiting = desk.done(&played, &outcome, Instant::now());
                    if let Outcome::Measured(reference) = outcome {
                        keep(&app, waiting, &reference).await;
                    }
                }
                Err(error) => tracing::error!(%error, "a look at a stream was not taken back"),
            },
        }
    }
}

/// One look. A task of its own: what goes wrong in it must not leave the desk waiting.
async fn look(measurer: Arc<Measurer>, played: Played) -> (Played, Outcome) {
    let wanted = played.clone();
    let looking = async move { tokio::time::timeout(LOOK_MAX, measurer.measure(&wanted)).await };
    let outcome = match tokio::spawn(looking).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => Outcome::Nothing("gave_up"),
        Err(error) => {
            tracing::error!(%error, "a look at a stream failed");
            Outcome::Nothing("failed")
        }
    };
    (played, outcome)
}

async fn measurer(app: &App, allowed: AllowedHosts) -> reqwest::Result<Measurer> {
    let bounds = &app.config.diagnosis;
    let mut roots = Vec::new();
    // The demo's certificate is its own; it may be asked by its own name only.
    if app.demo
        && let Some(cert) = &app.config.http.tls_cert
        && let Ok(pem) = tokio::fs::read(cert).await
    {
        roots = reqwest::Certificate::from_pem_bundle(&pem)?;
    }
    let bytes_max = usize::try_from(bounds.reference_mib_max).unwrap_or(1) * 1024 * 1024;
    let limit = Duration::from_secs(u64::from(bounds.reference_seconds_max));
    let client = BoundedClient::new(allowed, bytes_max, limit, roots)?;
    let pictures = PictureProbe::find(&bounds.ffmpeg);
    match &pictures {
        Some(probe) => {
            tracing::info!(ffmpeg = %probe.program().display(), "segments of viewers in trouble are looked at")
        }
        None => tracing::info!("segments of viewers in trouble are fetched and timed; their pictures need ffmpeg"),
    }
    Ok(Measurer::new(client, pictures))
}

/// A look becomes part of the samples of those who asked.
async fn keep(app: &App, conversations: Vec<ConversationId>, reference: &Reference) {
    let Ok(row) = serde_json::to_value(reference) else { return };
    let bytes = lanes_document(LaneName::References, &[row]).to_string().into_bytes();
    let now_ms = clock::now_ms();
    let append = |conversation| {
        let header = BlockHeader {
            conversation,
            call: None,
            leg: Leg::Server,
            source: format!("{}-ref", app.node.0),
            // A conversation gets one in many seconds: the second numbers it, also over restarts.
            seq: u32::try_from(now_ms / 1_000).unwrap_or(u32::MAX),
            t0_ms: reference.t.unwrap_or_default(),
            codec: "lanes1".to_owned(),
        };
        app.telemetry.append(header, bytes.clone())
    };
    for failed in join_all(conversations.into_iter().map(append)).await.into_iter().filter_map(Result::err) {
        tracing::warn!(error = %failed, "a look at a stream was not kept");
    }
}

fn count(outcome: &Outcome) {
    let name = match outcome {
        Outcome::Nothing(why) => why,
        Outcome::Measured(reference) => match reference.error {
            None => "sound_answer",
            Some(diagnosis::model::FetchError::Http) => "http",
            Some(diagnosis::model::FetchError::Network) => "network",
            Some(diagnosis::model::FetchError::Timeout) => "timeout",
            Some(diagnosis::model::FetchError::Parsing) => "parsing",
        },
    };
    metrics::counter!("sightline_references_total", "outcome" => name).increment(1);
}
