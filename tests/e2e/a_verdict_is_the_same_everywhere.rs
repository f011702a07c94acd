//! The verdict of a ticket is the one that its file gives on the command line.

use std::io::Write as _;
use std::process::{Command, Output};

use loadtest::client::{json_block, wait_for};
use signaling::wire::Leg;

use crate::support::{LIMIT, SERVER, Site, open_ticket};

/// Seconds of a player that drops two frames of five for want of a faster device, nothing else being wrong.
const SECONDS: i32 = 30;

#[tokio::test]
async fn a_ticket_and_its_file_give_the_same_verdict() {
    let site = Site::running().await;
    let mut viewer = site.viewer().await;
    let (_, ticket) = open_ticket(&mut viewer, "it stutters").await;
    let before = site.rest().diagnosis(ticket).await.expect("a ticket without samples is judged");
    assert_eq!(before["verdict"]["cause"], "undetermined", "{before}");

    let now = viewer.session.clock.now_ms().floor();
    let samples: Vec<_> =
        (0..SECONDS).map(|second| sample(now - f64::from(SECONDS - second) * 1_000.0, second)).collect();
    let block = json_block(Leg::Player, "page-1", 0, None, None, &samples);
    viewer.session.send_block(block).await.expect("sent");
    let stored = wait_for(&mut viewer, "block acknowledgement", LIMIT, |viewer| {
        (viewer.session.blocks_on_disk.len() == 1).then_some(())
    });
    stored.await.expect("the block is on disk");

    let judged = site.rest().diagnosis(ticket).await.expect("the ticket is judged");
    assert_eq!(judged["verdict"]["cause"], "viewer_device", "{judged}");
    let export = site.rest().telemetry(ticket).await.expect("the file can be had");
    let file = site.file("ticket.json");
    std::fs::write(&file, serde_json::to_vec(&export).expect("it is JSON")).expect("written");
    let path = file.to_str().expect("a plain path");
    let printed: serde_json::Value =
        serde_json::from_slice(&diagnose(&[path, "--json"], 0).stdout).expect("the command prints JSON");
    assert_eq!(judged["remedy"]["cause"], "viewer_device", "what to do about it comes with it");
    for member in ["version", "window", "scores", "issues", "verdict", "lanes_missing"] {
        assert_eq!(printed[member], judged[member], "{member}");
    }
    // Packed, as browsers write their dumps.
    let packed = site.file("ticket.json.gz");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&std::fs::read(&file).expect("read")).expect("packed");
    std::fs::write(&packed, gzip.finish().expect("packed")).expect("written");
    let of_packed = diagnose(&[packed.to_str().expect("a plain path"), "--json"], 0).stdout;
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&of_packed).expect("JSON"), printed);
    for (lang, word) in [("en", "device"), ("zh", "设备")] {
        let text = String::from_utf8(diagnose(&[path, "--lang", lang], 0).stdout).expect("UTF-8");
        assert!(text.contains(word) && text.contains("viewer_device"), "{text}");
    }
}

#[test]
fn what_is_no_measurement_is_refused_with_its_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let cases: [(&str, &[u8], &str); 6] = [
        ("empty.json", b"", "the file is empty"),
        ("cut.json", br#"{"format":"sightline-telemetry/1","calls":["#, "ends too early"),
        ("other.json", br#"{"hello":"world"}"#, "unknown form"),
        ("packed.gz", b"\x1f\x8b\x08\x00", "unexpected end of file"),
        ("packed.zip", b"PK\x03\x04", "unpack it first"),
        ("picture.png", b"\x89PNG\xff", "not UTF-8"),
    ];
    for (name, bytes, said) in cases {
        let file = folder.path().join(name);
        std::fs::write(&file, bytes).expect("written");
        let output = diagnose(&[file.to_str().expect("a plain path")], 2);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(text.contains(said) && text.contains(name), "{text}");
    }
    let missing = folder.path().join("missing.json");
    let output = diagnose(&[missing.to_str().expect("a plain path")], 2);
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot read"), "{output:?}");
}

/// Of 25 frames a second ten are dropped; the buffer is full.
fn sample(t: f64, second: i32) -> serde_json::Value {
    serde_json::json!({
        "t": t, "currentTime": second, "paused": false, "ended": false, "readyState": 4, "bufferedAheadS": 12.0,
        "stalls": 0, "stalledMs": 0, "waiting": false, "droppedVideoFrames": second * 10, "totalVideoFrames": second * 25,
        "videoWidth": 1280, "videoHeight": 720, "playbackRate": 1.0, "hidden": false, "sharing": false,
    })
}

fn diagnose(args: &[&str], code: i32) -> Output {
    let output = Command::new(SERVER).arg("diagnose").args(args).output().expect("the program runs");
    assert_eq!(output.status.code(), Some(code), "{args:?}: {output:?}");
    output
}
