//! When a viewer is in trouble the server fetches what the player has just fetched, from listed hosts alone, and what it finds
//! there tells a fault of the source from one of the viewer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use base64::Engine as _;
use loadtest::client::ViewerClient;
use serde_json::{Map, Value, json};
use sightline::demo::clip::{self, Rendition, SEGMENT_MS, Still};
use signaling::wire::{Block, Leg};

use crate::support::{LIMIT, Site, open_ticket, skip};

/// Segments that the playlist lists; the page has fetched the one before the last.
const LISTED: std::ops::Range<u64> = 100..106;
/// Seconds that the page tells.
const SECONDS: u64 = 24;

/// What the host does.
#[derive(Clone, Copy, PartialEq)]
enum Fault {
    None,
    /// The picture has stood still for the last four segments.
    Frozen,
    /// First bytes of segments come late.
    SlowFirstByte,
    /// Segments are elsewhere, by redirect.
    Elsewhere(u16),
    /// The playlist lists segments of another host.
    ListsElsewhere(u16),
}

/// A host of a live stream.
struct Cdn {
    port: u16,
    asked: Arc<AtomicUsize>,
}

#[derive(Clone)]
struct Serving {
    fault: Fault,
    asked: Arc<AtomicUsize>,
}

impl Cdn {
    async fn serving(fault: Fault) -> Self {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let asked = Arc::new(AtomicUsize::new(0));
        let router =
            Router::new().route("/live/{file}", get(serve)).with_state(Serving { fault, asked: Arc::clone(&asked) });
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { port, asked }
    }

    fn address(&self, file: &str) -> String {
        format!("http://127.0.0.1:{}/live/{file}", self.port)
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn rendition() -> &'static Rendition {
    &clip::renditions().expect("the clip")[1]
}

async fn serve(State(serving): State<Serving>, Path(file): Path<String>) -> Response {
    serving.asked.fetch_add(1, Ordering::SeqCst);
    match file.as_str() {
        "index.m3u8" => playlist(serving.fault).into_response(),
        "init.mp4" => rendition().init.clone().into_response(),
        segment => match segment.strip_suffix(".m4s").and_then(|number| number.parse().ok()) {
            Some(number) if LISTED.contains(&number) => media(serving.fault, number).await,
            _ => StatusCode::NOT_FOUND.into_response(),
        },
    }
}

fn playlist(fault: Fault) -> String {
    let folder = match fault {
        Fault::ListsElsewhere(port) => format!("http://127.0.0.1:{port}/live/"),
        _ => String::new(),
    };
    let segments: String = LISTED.map(|number| format!("#EXTINF:2.000,\n{folder}{number}.m4s\n")).collect();
    format!(
        "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:{}\n#EXT-X-MAP:URI=\"init.mp4\"\n{segments}",
        LISTED.start
    )
}

async fn media(fault: Fault, number: u64) -> Response {
    match fault {
        Fault::Frozen if number >= LISTED.end - 4 => rendition().still(Still::Frozen, number).into_response(),
        Fault::SlowFirstByte => {
            tokio::time::sleep(Duration::from_millis(1_500)).await;
            rendition().segment(number).into_response()
        }
        Fault::Elsewhere(port) => {
            let place = format!("http://127.0.0.1:{port}/live/{number}.m4s");
            (StatusCode::FOUND, [(header::LOCATION, place)]).into_response()
        }
        _ => rendition().segment(number).into_response(),
    }
}

#[tokio::test]
async fn a_picture_that_is_frozen_at_its_source_is_the_sources_fault() {
    if !ffmpeg() {
        return skip("no ffmpeg");
    }
    let cdn = Cdn::serving(Fault::Frozen).await;
    let (site, mut viewer, ticket) = watching(&cdn, "").await;
    // The chat was opened after the picture stopped: nothing the page measured says that it ever moved.
    tell(&mut viewer, &cdn, Look::Frozen, 0).await;
    let judged = judged_by(&site, ticket, "reference_likewise").await;
    assert_eq!(judged["verdict"]["cause"], "platform_source", "{}", judged["verdict"]);
    let reference = reference(&site, ticket).await;
    assert!(reference["frozen"].as_f64() > Some(0.9) && reference["black"] == 0.0, "{reference}");
    assert_eq!((&reference["movedBefore"], &reference["status"]), (&json!(true), &json!(200.0)), "{reference}");
    assert!(reference["bytes"].as_f64() > Some(1_000.0) && reference["mediaS"] == 2.0, "{reference}");
    assert!(reference.get("error").is_none(), "{reference}");
}

#[tokio::test]
async fn damage_that_our_decoder_does_not_mind_was_there_before_the_encoder() {
    if !ffmpeg() {
        return skip("no ffmpeg");
    }
    let cdn = Cdn::serving(Fault::None).await;
    let (site, mut viewer, ticket) = watching(&cdn, "").await;
    tell(&mut viewer, &cdn, Look::Damaged, 0).await;
    let judged = judged_by(&site, ticket, "reference_sound").await;
    assert_eq!(judged["verdict"]["cause"], "platform_source", "{}", judged["verdict"]);
    assert_eq!(judged["verdict"]["ruled_out"][0]["cause"], "platform_delivery", "{}", judged["verdict"]);
    assert_eq!(reference(&site, ticket).await["corrupt"], 0.0);
}

#[tokio::test]
async fn a_slow_first_byte_is_slow_for_us_too() {
    let cdn = Cdn::serving(Fault::SlowFirstByte).await;
    let (site, mut viewer, ticket) = watching(&cdn, "ffmpeg = \"off\"").await;
    tell(&mut viewer, &cdn, Look::Starving, 0).await;
    let judged = judged_by(&site, ticket, "reference_slow").await;
    assert_eq!(judged["verdict"]["cause"], "platform_delivery", "{}", judged["verdict"]);
    let reference = reference(&site, ticket).await;
    assert!(reference["ttfbMs"].as_f64() >= Some(1_500.0) && reference.get("frozen").is_none(), "{reference}");
    // Told again at once, nothing is fetched again.
    let asked = cdn.asked();
    tell(&mut viewer, &cdn, Look::Starving, 1).await;
    judged_by(&site, ticket, "reference_slow").await;
    assert_eq!(cdn.asked(), asked);
}

#[tokio::test]
async fn a_host_that_is_not_listed_is_never_asked() {
    let stranger = Cdn::serving(Fault::None).await;
    for fault in [Fault::Elsewhere(stranger.port), Fault::ListsElsewhere(stranger.port)] {
        let cdn = Cdn::serving(fault).await;
        let (site, mut viewer, _) = watching(&cdn, "").await;
        tell(&mut viewer, &cdn, Look::Starving, 0).await;
        let expected = if matches!(fault, Fault::Elsewhere(_)) { "refused" } else { "not_allowed" };
        counted(&site, expected).await;
        assert!(cdn.asked() > 0);
    }
    let cdn = Cdn::serving(Fault::None).await;
    let (site, mut viewer, ticket) = watching(&cdn, "").await;
    tell(&mut viewer, &stranger, Look::Starving, 0).await;
    counted(&site, "not_allowed").await;
    let exported = site.rest().telemetry(ticket).await.expect("the file");
    assert!(!exported.lanes.contains_key("references"), "{:?}", exported.lanes.get("references"));
    assert_eq!((stranger.asked(), cdn.asked()), (0, 0));
}

fn ffmpeg() -> bool {
    std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).any(|folder| folder.join("ffmpeg").is_file())
}

/// An installation that may ask a host, and a viewer with a ticket.
async fn watching(cdn: &Cdn, more: &str) -> (Site, ViewerClient, i64) {
    let config = format!("[diagnosis]\nreference_hosts = [\"127.0.0.1:{}\"]\n{more}\n", cdn.port);
    let mut site = Site::prepared(&config).await;
    site.start().await;
    let mut viewer = site.viewer().await;
    let (_, ticket) = open_ticket(&mut viewer, "the picture").await;
    (site, viewer, ticket)
}

/// What the page sees.
#[derive(Clone, Copy, PartialEq)]
enum Look {
    Frozen,
    Damaged,
    Starving,
}

/// Sends what a page measured in the last seconds.
async fn tell(viewer: &mut ViewerClient, cdn: &Cdn, look: Look, seq: u32) {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a time of today")]
    let now_ms = viewer.session.clock.now_ms() as u64;
    let first_ms = now_ms / 1_000 * 1_000 - SECONDS * 1_000;
    let starved = |s: u64| if look == Look::Starving { s.saturating_sub(12) * 700 } else { 0 };
    let player = |s: u64| {
        json!({"t": first_ms + s * 1_000, "currentTime": (s * 1_000 - starved(s)) as f64 / 1e3, "stalledMs": starved(s),
               "stalls": u64::from(starved(s) > 0), "bufferedAheadS": if starved(s) > 0 { 0 } else { 8 }, "readyState": 4,
               "totalVideoFrames": (s * 1_000 - starved(s)) * 30 / 1_000, "droppedVideoFrames": 0, "playbackRate": 1,
               "paused": false, "ended": false, "hidden": false, "waiting": false})
    };
    let picture = |s: u64| {
        json!({"t": first_ms + s * 1_000, "inspectable": true, "frames": 4, "motion": 0.01, "black": 0,
               "frozen": u64::from(look == Look::Frozen), "corrupt": if look == Look::Damaged { 0.6 } else { 0.0 }})
    };
    let segment = |n: u64| {
        let late_ms = if look == Look::Starving && n * 2 >= 12 { 2_900 } else { 0 };
        let mut segment = json!({"t": first_ms + n * SEGMENT_MS + 100, "ttfbMs": 40 + late_ms, "durationMs": 100 + late_ms,
                                 "bytes": 200_000, "status": 200, "host": format!("127.0.0.1:{}", cdn.port), "mediaS": 2});
        if n + 1 == SECONDS / 2 {
            segment["uri"] = json!(cdn.address(&format!("{}.m4s", LISTED.end - 2)));
            segment["init"] = json!(cdn.address("init.mp4"));
            segment["playlist"] = json!(cdn.address("index.m3u8"));
        }
        segment
    };
    let document = json!({"lanes": {
        "player": lane((0..SECONDS).map(player)),
        "picture": lane((0..SECONDS).map(picture)),
        "segments": lane((0..SECONDS / 2).map(segment)),
    }});
    let block = Block {
        conversation: None,
        call: None,
        leg: Leg::Player,
        seq,
        source: "page-1".to_owned(),
        t0_ms: first_ms as f64,
        codec: "lanes1".to_owned(),
        bytes: base64::engine::general_purpose::STANDARD.encode(document.to_string()),
    };
    viewer.session.send_block(block).await.expect("sent");
}

/// Rows as columns.
fn lane(rows: impl Iterator<Item = Value>) -> Value {
    let rows: Vec<Value> = rows.collect();
    let names = rows.iter().filter_map(Value::as_object).flat_map(Map::keys);
    let column =
        |name: &String| (name.clone(), json!({"v": rows.iter().map(|row| row[name].clone()).collect::<Vec<_>>()}));
    json!({"n": rows.len(), "c": names.map(column).collect::<Map<_, _>>()})
}

/// The ticket's diagnosis once it has a kind of evidence, for its cause or against another.
async fn judged_by(site: &Site, ticket: i64, kind: &str) -> Value {
    let mut judged = Value::Null;
    let found = async {
        loop {
            judged = site.rest().diagnosis(ticket).await.expect("judged");
            let verdict = &judged["verdict"];
            let mut told = verdict["evidence"].as_array().into_iter().flatten();
            let mut out = verdict["ruled_out"].as_array().into_iter().flatten();
            if told.any(|evidence| evidence["kind"] == kind) || out.any(|one| one["by"]["kind"] == kind) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    if tokio::time::timeout(LIMIT, found).await.is_err() {
        panic!("no {kind}: {:#}", site.rest().diagnosis(ticket).await.expect("judged")["verdict"]);
    }
    judged
}

/// The only look that the ticket's file holds.
async fn reference(site: &Site, ticket: i64) -> Value {
    let exported = site.rest().telemetry(ticket).await.expect("the file");
    let [reference] = exported.lanes["references"].as_slice() else { panic!("{:?}", exported.lanes["references"]) };
    reference.clone()
}

/// Waits until looks with an outcome were counted.
async fn counted(site: &Site, outcome: &str) {
    let line = format!("sightline_references_total{{outcome=\"{outcome}\"}}");
    let counted = async {
        while !site.rest().text("/metrics").await.expect("metrics").1.contains(&line) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    assert!(tokio::time::timeout(LIMIT, counted).await.is_ok(), "nothing was counted as {outcome}");
}
