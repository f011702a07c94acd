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

    let text = std::fs::read_to_string(&file).expect("the trace can be read");
    let checked = check(&Trace::parse(&text));
    assert_eq!(checked, VIEWERS * (ALONE + AT_ONCE), "every acknowledgement was found in the trace");
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
