//! No acknowledgement leaves before the sync that covers it: the server runs under strace, and for every acknowledged message
//! the trace must show, in this order: the frame was read, a write to the write-ahead log that holds the message, a sync of
//! that log begun after it and finished, and only then the write to the socket that carries the acknowledgement.

use std::collections::HashMap;
use std::process::{Command, Stdio};

use crate::support::strace::{Direction, Event, Trace};
use crate::support::{LIMIT, Site, expect, skip};

/// Messages sent one after the other, and then at once by every viewer.
const ALONE: usize = 10;
const AT_ONCE: usize = 40;
const VIEWERS: usize = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledgement_follows_its_sync() {
    if let Err(reason) = can_trace() {
        return skip(&format!("strace cannot trace here: {reason}"));
    }
    let mut site = Site::prepared("").await;
    let file = site.file("trace");
    // -D keeps the server our child; whole buffers in hexadecimal; descriptors with their paths and addresses.
    site.wrap(&[
        "strace",
        "-D",
        "-f",
        "-yy",
        "-xx",
        "-s",
        "1000000",
        "-e",
        "signal=none",
        "-e",
        "trace=recvfrom,read,recvmsg,readv,sendto,write,sendmsg,writev,pwrite64,pwritev,fsync,fdatasync",
        "-o",
        file.to_str().expect("a plain path"),
    ]);
    site.start().await;

    let mut clients = Vec::new();
    for _ in 0..VIEWERS {
        let mut viewer = site.viewer().await;
        for n in 0..ALONE {
            viewer.say(&format!("alone {n}"), LIMIT).await.expect("acknowledged");
        }
        clients.push(viewer);
    }
    let mut running = Vec::new();
    for mut viewer in clients {
        running.push(tokio::spawn(async move {
            for n in 0..AT_ONCE {
                viewer.send(&format!("at once {n}")).await.expect("sent");
            }
            expect(&mut viewer, "acknowledgements", |viewer| viewer.chat.outbox.is_empty().then_some(())).await;
        }));
    }
    for task in running {
        task.await.expect("all acknowledged");
    }
    site.terminate().await;

    let text = whole_trace(&file).await;
    let checked = check(&Trace::parse(&text));
    assert_eq!(checked, VIEWERS * (ALONE + AT_ONCE), "every acknowledgement was found in the trace");
}

/// The trace, once the tracer has written its end: it is no child of ours and outlives the server by a moment.
async fn whole_trace(file: &std::path::Path) -> String {
    let deadline = tokio::time::Instant::now() + LIMIT;
    let mut before = 0;
    loop {
        let text = std::fs::read_to_string(file).expect("the trace can be read");
        if text.len() == before && text.trim_end().ends_with("+++") {
            return text;
        }
        assert!(tokio::time::Instant::now() < deadline, "the trace has no end");
        before = text.len();
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    }
}

/// Checks every acknowledgement of a trace; returns how many there were.
fn check(trace: &Trace) -> usize {
    let mut received: HashMap<&str, usize> = HashMap::new();
    let mut checked = 0;
    for message in &trace.messages {
        let Some(client_id) = message.json["client_id"].as_str() else { continue };
        match (message.direction, message.json["t"].as_str()) {
            (Direction::In, Some("send")) => {
                received.entry(client_id).or_insert(message.at);
            }
            (Direction::Out, Some("ack")) => {
                let read_at = *received.get(client_id).expect("nothing is acknowledged that was not read");
                check_one(trace, client_id, read_at, message.at);
                checked += 1;
            }
            _ => {}
        }
    }
    checked
}

/// One message, read at `read_at`, acknowledged by the write begun at `acked_at`.
fn check_one(trace: &Trace, client_id: &str, read_at: usize, acked_at: usize) {
    let logged = trace.events.iter().find_map(|event| match event {
        Event::LogWrite { ended, data, .. } if *ended > read_at && contains(data, client_id.as_bytes()) => Some(*ended),
        _ => None,
    });
    let logged = logged.unwrap_or_else(|| panic!("{client_id} was acknowledged and never written to the log"));
    let synced = trace.events.iter().any(
        |event| matches!(event, Event::LogSync { begun, ended, ok: true } if *begun > logged && *ended < acked_at),
    );
    assert!(
        synced,
        "{client_id}: read at line {read_at}, logged at {logged}, acknowledged at {acked_at}, and no sync between"
    );
}

fn contains(data: &[u8], part: &[u8]) -> bool {
    data.windows(part.len()).any(|window| window == part)
}

fn can_trace() -> Result<(), String> {
    let mut probe = Command::new("strace");
    probe.args(["-f", "-o", "/dev/null", "true"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let output = probe.output().map_err(|error| format!("strace does not start: {error}"))?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()) }
}

/// The judge is judged: traces made up, good and bad.
mod judged {
    use super::{Trace, check};

    const READ: usize = 2;
    const SYNC_BEGUN: &str = r"2 fdatasync(5<WAL> <unfinished ...>";
    const SYNC_ENDED: &str = r"2 <... fdatasync resumed>) = 0";

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect()
    }

    /// A text frame, masked with a key of ones when it is a client's.
    fn frame(text: &str, masked: bool) -> Vec<u8> {
        let length = u8::try_from(text.len()).expect("short");
        let mut bytes = vec![0x81, length | if masked { 0x80 } else { 0 }];
        if masked {
            bytes.extend([1; 4]);
        }
        bytes.extend(text.bytes().map(|byte| byte ^ u8::from(masked)));
        bytes
    }

    /// A call on the one socket of the trace.
    fn socket(call: &str, bytes: &[u8]) -> String {
        format!("1 {call}(9<TCP:[127.0.0.1:1->127.0.0.1:2]>, \"{}\", {}) = {}", hex(bytes), bytes.len(), bytes.len())
    }

    /// The lines of one message: upgrade, read, log, sync, acknowledgement.
    fn lines() -> Vec<String> {
        let log = "5<WAL>".to_owned();
        vec![
            socket("recvfrom", b"GET /ws HTTP/1.1\r\n\r\n"),
            socket("sendto", b"HTTP/1.1 101\r\n\r\n"),
            socket("recvfrom", &frame(r#"{"t":"send","client_id":"m1"}"#, true)),
            format!("2 pwrite64({log}, \"{}\", 4, 0) = 4", hex(b".m1.")),
            format!("2 fdatasync({log}) = 0"),
            socket("sendto", &frame(r#"{"t":"ack","client_id":"m1"}"#, false)),
        ]
    }

    fn judge(lines: &[String]) -> usize {
        let text = lines.join("\n").replace("WAL", &hex(b"/data/sightline.db-wal"));
        check(&Trace::parse(&text))
    }

    #[test]
    fn a_sync_in_its_place_is_seen() {
        assert_eq!(judge(&lines()), 1);
        let mut split = lines();
        split.splice(4..5, [SYNC_BEGUN.to_owned(), SYNC_ENDED.to_owned()]);
        assert_eq!(judge(&split), 1);
    }

    #[test]
    #[should_panic(expected = "no sync between")]
    fn an_acknowledgement_before_the_sync_is_caught() {
        let mut lines = lines();
        lines.swap(4, 5);
        judge(&lines);
    }

    #[test]
    #[should_panic(expected = "no sync between")]
    fn a_sync_that_began_before_the_write_does_not_count() {
        let mut lines = lines();
        lines.splice(4..5, [SYNC_ENDED.to_owned()]);
        lines.insert(READ + 1, SYNC_BEGUN.to_owned());
        judge(&lines);
    }

    #[test]
    #[should_panic(expected = "no sync between")]
    fn a_sync_that_ended_after_the_acknowledgement_does_not_count() {
        let mut lines = lines();
        lines.splice(4..5, [SYNC_BEGUN.to_owned()]);
        lines.push(SYNC_ENDED.to_owned());
        judge(&lines);
    }

    #[test]
    #[should_panic(expected = "no sync between")]
    fn a_sync_that_failed_does_not_count() {
        let mut lines = lines();
        lines[4] = lines[4].replace("= 0", "= -1 EIO (Input/output error)");
        judge(&lines);
    }
}
