//! What a page measured is judged while the chat goes on: the verdict stands in the agent's row within seconds, is kept with
//! the ticket, and the agent's word about it counts.

use std::time::{Duration, Instant};

use base64::Engine as _;
use loadtest::client::wait_for;
use serde_json::{Value, json};
use signaling::verdict::{Accuracy, Cause, VerdictWord};
use signaling::wire::{Block, Leg};

use crate::support::{LIMIT, Site, expect, open_ticket};

/// From the block's being sent to the row at the agent (issue 5: 2 s).
const SOON: Duration = Duration::from_secs(2);
/// Seconds of the ring.
const SECONDS: i64 = 60;

#[tokio::test]
async fn a_ring_of_a_starving_player_is_judged_before_a_word_of_the_agent() {
    let site = Site::running().await;
    let mut agent = site.agent("robin").await;
    let mut viewer = site.viewer().await;
    let (conversation, ticket) = open_ticket(&mut viewer, "it freezes").await;
    let now_ms = viewer.session.clock.now_ms();
    viewer.session.send_block(ring(now_ms)).await.expect("sent");
    let sent = Instant::now();
    wait_for(&mut viewer, "block acknowledgement", LIMIT, |viewer| {
        (viewer.session.blocks_on_disk.len() == 1).then_some(())
    })
    .await
    .expect("the block is on disk");
    let verdict =
        expect(&mut agent, "a verdict in the row", |agent| agent.desk.get(&conversation)?.verdict.clone()).await;
    assert!(sent.elapsed() < SOON, "{:?}", sent.elapsed());
    assert_eq!(verdict.cause, Cause::PlatformDelivery, "{verdict:?}");
    assert!(verdict.confidence > 0.5 && verdict.agent.en.contains("first byte"), "{verdict:?}");

    let path = format!("/api/v1/tickets/{ticket}/diagnosis/word");
    let word: VerdictWord = site
        .rest()
        .put(&path, &json!({"right": false, "cause": "platform_source", "note": "the encoder"}))
        .await
        .expect("kept");
    assert_eq!((word.said, word.cause), (Cause::PlatformDelivery, Some(Cause::PlatformSource)));
    let judged = site.rest().diagnosis(ticket).await.expect("judged");
    assert_eq!(judged["word"]["note"], "the encoder", "{judged}");
    let accuracy: Accuracy = site.rest().get("/api/v1/diagnosis/accuracy").await.expect("counted");
    let of = |cause| accuracy.causes.iter().find(|row| row.cause == cause).map(|row| (row.said, row.right, row.was));
    assert_eq!((of(Cause::PlatformDelivery), of(Cause::PlatformSource)), (Some((1, 0, 0)), Some((0, 0, 1))));

    let exported = site.rest().telemetry(ticket).await.expect("the file");
    assert_eq!(exported.lanes["segments"].len(), 30);
    assert_eq!(exported.player.samples.len(), 60);
    assert!(!exported.lanes.contains_key("server"), "a page does not say what the server measured");
}

/// A minute of a page as its widget sends it: the first half is well, then every segment waits for its first byte.
fn ring(now_ms: f64) -> Block {
    #[expect(clippy::cast_possible_truncation, reason = "a time of today")]
    let first = now_ms as i64 / 1_000 * 1_000 - SECONDS * 1_000;
    let stalled = |s: i64| (s - 40).clamp(0, 20) * 700;
    let player = json!({"n": SECONDS, "c": {
        "t": deltas((0..SECONDS).map(|s| first + s * 1_000)),
        "currentTime": scaled((0..SECONDS).map(|s| s * 1_000 - stalled(s)), 3),
        "stalledMs": deltas((0..SECONDS).map(stalled)),
        "stalls": deltas((0..SECONDS).map(|s| i64::from(s >= 40))),
        "bufferedAheadS": deltas((0..SECONDS).map(|s| if s < 30 { 8 } else { (38 - s).max(0) })),
        "totalVideoFrames": deltas((0..SECONDS).map(|s| (s * 1_000 - stalled(s)) * 30 / 1_000)),
        "droppedVideoFrames": {"k": 0}, "readyState": {"k": 3}, "playbackRate": {"k": 1},
        "paused": {"k": false}, "ended": {"k": false}, "hidden": {"k": false}, "waiting": {"k": false},
    }});
    let late = |n: i64| n >= 15;
    let segments = json!({"n": 30, "c": {
        "t": deltas((0..30).map(|n| first + n * 2_000 + 100)),
        "ttfbMs": deltas((0..30).map(|n| if late(n) { 2_900 } else { 40 })),
        "durationMs": deltas((0..30).map(|n| if late(n) { 2_960 } else { 100 })),
        "bytes": {"k": 400_000}, "status": {"k": 200}, "host": {"k": "edge.example"}, "mediaS": {"k": 2},
    }});
    let stray = json!({"n": 1, "c": {"t": {"k": first}}});
    let document = json!({"lanes": {"player": player, "segments": segments, "server": stray}}).to_string();
    let bytes = miniz_oxide::deflate::compress_to_vec(document.as_bytes(), 6);
    assert!(bytes.len() < 2_000, "{} bytes", bytes.len());
    Block {
        conversation: None,
        call: None,
        leg: Leg::Player,
        seq: 0,
        source: "page-1".to_owned(),
        #[expect(clippy::cast_precision_loss, reason = "a time of today")]
        t0_ms: first as f64,
        codec: "lanes1z".to_owned(),
        bytes: base64::engine::general_purpose::STANDARD.encode(bytes),
    }
}

fn deltas(values: impl Iterator<Item = i64>) -> Value {
    let mut last = 0;
    json!({"d": values.map(|value| value - std::mem::replace(&mut last, value)).collect::<Vec<_>>()})
}

fn scaled(values: impl Iterator<Item = i64>, scale: u32) -> Value {
    let mut column = deltas(values);
    column["s"] = Value::from(scale);
    column
}
