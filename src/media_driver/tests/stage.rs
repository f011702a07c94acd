//! A stage for trying real browsers on the driver alone, by hand or by a script: `POST /connect` takes an offer and
//! answers `{peer, answer}`, `POST /reoffer/{peer}` an ICE restart, `POST /join/{peer}` puts the peer into the one room,
//! `GET /events` answers what happened so far. `STAGE_PORT=8090 cargo test stage -- --ignored --nocapture`

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{Html, Json};
use axum::routing::{get, post};
use serde_json::json;

use super::{Connected, MediaError, MediaHandle, PeerId, media};
use crate::media_driver::RoomId;

/// How long the stage stands unless `STAGE_S` says otherwise.
const STANDS_S: u64 = 600;

#[derive(Clone)]
struct Stage {
    media: MediaHandle,
    room: RoomId,
    peers: Arc<Mutex<Vec<PeerId>>>,
    events: Arc<Mutex<Vec<String>>>,
}

type Answer = Result<Json<serde_json::Value>, (StatusCode, String)>;

impl Stage {
    fn peer(&self, index: usize) -> PeerId {
        self.peers.lock().unwrap()[index]
    }
}

fn refused(error: MediaError) -> (StatusCode, String) {
    (StatusCode::BAD_REQUEST, error.to_string())
}

async fn connect(State(stage): State<Stage>, offer: String) -> Answer {
    let Connected { peer, answer } = stage.media.connect(None, offer).await.map_err(refused)?;
    let mut peers = stage.peers.lock().unwrap();
    peers.push(peer);
    Ok(Json(json!({"peer": peers.len() - 1, "answer": answer})))
}

async fn reoffer(State(stage): State<Stage>, Path(peer): Path<usize>, offer: String) -> Answer {
    let answer = stage.media.reoffer(stage.peer(peer), offer).await.map_err(refused)?;
    Ok(Json(json!({"answer": answer})))
}

async fn join(State(stage): State<Stage>, Path(peer): Path<usize>) -> Answer {
    stage.media.join(stage.room, stage.peer(peer)).await.map_err(refused)?;
    Ok(Json(json!({})))
}

async fn events(State(stage): State<Stage>) -> Json<serde_json::Value> {
    Json(json!(*stage.events.lock().unwrap()))
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a stage for trying browsers, not a test"]
async fn stage() {
    let number = |name: &str, default| std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default);
    let (media, mut receiver) = media(1, Ipv4Addr::UNSPECIFIED.into());
    let room = media.create_room(None).await.unwrap();
    let stage = Stage { media, room, peers: Arc::default(), events: Arc::default() };
    let told = stage.events.clone();
    tokio::spawn(async move {
        while let Some(event) = receiver.recv().await {
            told.lock().unwrap().push(format!("{event:?}"));
        }
    });
    let app = axum::Router::new()
        .route("/", get(|| async { Html("<!doctype html><title>stage</title><video muted autoplay></video>") }))
        .route("/connect", post(connect))
        .route("/reoffer/{peer}", post(reoffer))
        .route("/join/{peer}", post(join))
        .route("/events", get(events))
        .with_state(stage.clone());
    let address = SocketAddr::from(([127, 0, 0, 1], number("STAGE_PORT", 0) as u16));
    let listener = tokio::net::TcpListener::bind(address).await.unwrap();
    println!("stage on http://{}", listener.local_addr().unwrap());
    let server = axum::serve(listener, app);
    let _ = tokio::time::timeout(Duration::from_secs(number("STAGE_S", STANDS_S)), server).await;
    stage.media.shutdown().await;
}
