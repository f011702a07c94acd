//! Faults that the demo injects on request: into what its server sends, what its encoder is fed with, the viewer's line and the
//! media workers. They are real: bytes come late, wrong or not at all, and the diagnosis has to find out by itself.
//!
//! One set for the whole demo, switched by `PUT /api/v1/demo/faults`; the demo alone has these routes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use bytes::Bytes;
use futures_util::stream;
use serde::{Deserialize, Serialize};
use signaling::wire::ErrorCode;

use super::clip::{self, Still};
use super::stream::media_playlist;
use crate::app::App;
use crate::clock;
use crate::http::{ApiRefusal, own_origin};
use crate::references::AGENT;

/// How long a stalled request stays without an answer. Players give up before.
const STALL: Duration = Duration::from_secs(60);
/// Wait for a first byte, longer than a segment.
const SLOW_FIRST_BYTE: Duration = Duration::from_millis(3_000);
/// What a throttled edge gives one request, bit/s: less than the lowest level needs.
const EDGE_BPS: f64 = 220_000.0;
/// What the viewer's bad line carries, bit/s, for everything together, and how far away it makes the server.
const LINE_BPS: f64 = 300_000.0;
const LINE_DELAY: Duration = Duration::from_millis(120);
/// Bytes that a shaped body lets through at once.
const CHUNK_BYTES: usize = 2_048;
/// Largest body that is shaped: a segment has 0.4 MB.
const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Of so many bytes of a corrupt segment one is wrong.
const CORRUPT_EVERY: usize = 700;

/// What happens to segments on their way from the platform's host.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum DeliveryFault {
    /// Nothing.
    #[default]
    None,
    /// No answer.
    Stall,
    /// The first byte comes late.
    SlowFirstByte,
    /// The body comes slowly.
    Throttled,
    /// Not found.
    Missing,
    /// Bytes that are no media.
    Garbage,
}

/// What is wrong with the stream itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SourceFault {
    /// Nothing.
    #[default]
    None,
    /// The picture stands still.
    Frozen,
    /// The picture is black.
    Black,
    /// The pictures are damaged, for everybody alike.
    Corrupt,
    /// The encoder delivers nothing new.
    Stale,
}

/// The faults that are on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct FaultSet {
    /// On the way to the viewers.
    delivery: DeliveryFault,
    /// In the stream.
    source: SourceFault,
    /// The viewer's line is slow.
    line: bool,
    /// Share of the media server's packets that it throws away, 0 to 0.5.
    server_drop: f64,
}

/// The faults of this demo.
struct Faults {
    app: Arc<App>,
    on: Mutex<FaultSet>,
    /// When the source stopped, ms since the Unix epoch.
    stale_since_ms: Mutex<i64>,
    line: Line,
}

/// A line that everything sent over it shares.
struct Line {
    free_at: Mutex<Instant>,
}

impl Line {
    /// When so many bytes are through.
    fn through(&self, bytes: usize) -> Instant {
        let mut free_at = self.free_at.lock().unwrap_or_else(PoisonError::into_inner);
        #[expect(clippy::cast_precision_loss, reason = "at most a chunk")]
        let took = Duration::from_secs_f64(bytes as f64 * 8.0 / LINE_BPS);
        *free_at = (*free_at).max(Instant::now()) + took;
        *free_at
    }
}

/// Adds the switches, and the faults to everything that `router` answers.
pub fn with_faults(router: Router, app: &Arc<App>) -> Router {
    let faults = Arc::new(Faults {
        app: Arc::clone(app),
        on: Mutex::default(),
        stale_since_ms: Mutex::new(0),
        line: Line { free_at: Mutex::new(Instant::now()) },
    });
    let switches = Router::new().route("/api/v1/demo/faults", get(read).put(switch)).with_state(Arc::clone(&faults));
    router.layer(from_fn_with_state(faults, inject)).merge(switches)
}

impl Faults {
    fn now(&self) -> FaultSet {
        *self.on.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn read(State(faults): State<Arc<Faults>>) -> Json<FaultSet> {
    Json(faults.now())
}

async fn switch(
    State(faults): State<Arc<Faults>>,
    headers: HeaderMap,
    Json(mut wanted): Json<FaultSet>,
) -> Result<Json<FaultSet>, ApiRefusal> {
    if !own_origin(&headers) {
        return Err(ApiRefusal::new(ErrorCode::Origin, "only the demo's own pages switch its faults"));
    }
    wanted.server_drop = if wanted.server_drop.is_finite() { wanted.server_drop.clamp(0.0, 0.5) } else { 0.0 };
    let before = std::mem::replace(&mut *faults.on.lock().unwrap_or_else(PoisonError::into_inner), wanted);
    if wanted.source == SourceFault::Stale && before.source != SourceFault::Stale {
        *faults.stale_since_ms.lock().unwrap_or_else(PoisonError::into_inner) = clock::now_ms();
    }
    faults.app.calls.media().drop_outgoing(wanted.server_drop);
    tracing::info!(?wanted, "the demo's faults were switched");
    Ok(Json(wanted))
}

/// Answers as the faults that are on have it.
async fn inject(State(faults): State<Arc<Faults>>, request: Request, next: Next) -> Response {
    let mut on = faults.now();
    // Our own look at the stream does not come over the viewer's line.
    on.line &= request.headers().get(header::USER_AGENT).is_none_or(|agent| agent != AGENT);
    let path = request.uri().path().to_owned();
    let live = path.strip_prefix("/live/demo/");
    let crosses_line = live.is_some() || path.starts_with("/api/v1/probe/");
    if on == FaultSet::default() || !crosses_line {
        return next.run(request).await;
    }
    if on.line {
        tokio::time::sleep(LINE_DELAY).await;
    }
    let mut response = match live {
        Some(file) if file.ends_with(".m4s") => segment(on, file, request, next).await,
        Some(file) if on.source == SourceFault::Stale && file.contains('/') && file.ends_with(".m3u8") => {
            let since_ms = *faults.stale_since_ms.lock().unwrap_or_else(PoisonError::into_inner);
            with_body(next.run(request).await, Bytes::from(media_playlist(since_ms)))
        }
        _ => next.run(request).await,
    };
    if on.delivery == DeliveryFault::Throttled && path.ends_with(".m4s") {
        let began = Instant::now();
        let mut sent = 0.0;
        response = paced(response, move |bytes| {
            #[expect(clippy::cast_precision_loss, reason = "at most a chunk")]
            let bits = bytes as f64 * 8.0;
            sent += bits;
            began + Duration::from_secs_f64(sent / EDGE_BPS)
        })
        .await;
    }
    if on.line {
        let faults = Arc::clone(&faults);
        response = paced(response, move |bytes| faults.line.through(bytes)).await;
    }
    response
}

async fn segment(on: FaultSet, file: &str, request: Request, next: Next) -> Response {
    match on.delivery {
        DeliveryFault::Stall => {
            tokio::time::sleep(STALL).await;
            return StatusCode::GATEWAY_TIMEOUT.into_response();
        }
        DeliveryFault::SlowFirstByte => tokio::time::sleep(SLOW_FIRST_BYTE).await,
        DeliveryFault::Missing => return StatusCode::NOT_FOUND.into_response(),
        DeliveryFault::None | DeliveryFault::Throttled | DeliveryFault::Garbage => {}
    }
    let answer = next.run(request).await;
    if answer.status() != StatusCode::OK {
        return answer;
    }
    if on.delivery == DeliveryFault::Garbage {
        let length = answer.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        let mut garbage = vec![0; length.unwrap_or(CHUNK_BYTES).min(BODY_BYTES_MAX)];
        crate::random::fill(&mut garbage);
        return with_body(answer, Bytes::from(garbage));
    }
    let still = match on.source {
        SourceFault::Frozen => Still::Frozen,
        SourceFault::Black => Still::Black,
        SourceFault::Corrupt => return corrupt(answer).await,
        SourceFault::None | SourceFault::Stale => return answer,
    };
    let body = file.split_once('/').and_then(|(rendition, name)| {
        let sequence = name.strip_suffix(".m4s")?.parse().ok()?;
        clip::renditions().ok()?.iter().find(|known| known.name == rendition).map(|known| known.still(still, sequence))
    });
    match body {
        Some(body) => with_body(answer, Bytes::from(body)),
        None => answer,
    }
}

/// Wrong bytes in the media of a segment, the same for everybody who asks for it.
async fn corrupt(answer: Response) -> Response {
    let (parts, body) = answer.into_parts();
    let Ok(bytes) = axum::body::to_bytes(body, BODY_BYTES_MAX).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let mut bytes = bytes.to_vec();
    let media = bytes.windows(4).position(|name| name == b"mdat").map_or(bytes.len(), |at| at + 4);
    // The first tenth holds the key frame's head; without it there would be no picture at all.
    let from = media + (bytes.len() - media) / 10;
    for at in (from..bytes.len()).step_by(CORRUPT_EVERY) {
        bytes[at] ^= 0x5a;
    }
    with_body(Response::from_parts(parts, Body::empty()), Bytes::from(bytes))
}

fn with_body(answer: Response, body: Bytes) -> Response {
    let (mut parts, _) = answer.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(body))
}

/// An answer whose body leaves in chunks, each when `through` says that it is through.
async fn paced(answer: Response, through: impl FnMut(usize) -> Instant + Send + 'static) -> Response {
    let (parts, body) = answer.into_parts();
    let Ok(bytes) = axum::body::to_bytes(body, BODY_BYTES_MAX).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let chunks = stream::unfold((bytes, through), |(mut left, mut through)| async move {
        if left.is_empty() {
            return None;
        }
        let chunk = left.split_to(left.len().min(CHUNK_BYTES));
        tokio::time::sleep_until(through(chunk.len()).into()).await;
        Some((Ok::<_, std::io::Error>(chunk), (left, through)))
    });
    Response::from_parts(parts, Body::from_stream(chunks))
}
