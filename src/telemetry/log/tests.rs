//! The log on a real disk: what is acknowledged is there, after a crash at any point.

use signaling::CallId;
use signaling::wire::Leg;

use super::*;

/// A log with its database in a folder of its own.
struct Bench {
    folder: tempfile::TempDir,
    store: Store,
}

impl Bench {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = Store::open(&format!("sqlite://{}", folder.path().join("test.db").display())).await;
        Self { store: store.expect("the database opens"), folder }
    }

    fn options(&self, node: &str) -> TelemetryOptions {
        TelemetryOptions::new(self.folder.path().join("telemetry"), node)
    }

    async fn open(&self, node: &str) -> TelemetryLog {
        TelemetryLog::open(self.options(node), self.store.clone()).await.expect("the log opens").0
    }

    fn files(&self, place: &str) -> Vec<PathBuf> {
        let folder = self.folder.path().join("telemetry").join(place);
        std::fs::read_dir(folder).expect("the folder is there").map(|file| file.expect("a file").path()).collect()
    }
}

fn header(conversation: &str, seq: u32) -> BlockHeader {
    BlockHeader {
        conversation: conversation.into(),
        call: Some(CallId::from("k_1")),
        leg: Leg::Server,
        source: "node-a".to_owned(),
        seq,
        t0_ms: f64::from(seq) * 5_000.0,
        codec: "json1".to_owned(),
    }
}

fn samples(seq: u32) -> Vec<u8> {
    format!("[{{\"t\":{}}}]", seq * 5_000).into_bytes()
}

async fn append(log: &TelemetryLog, conversation: &str, seq: u32) {
    log.append(header(conversation, seq), samples(seq)).await.expect("the block is stored");
}

async fn seqs(log: &TelemetryLog, conversation: &str) -> Vec<u32> {
    let blocks = log.read(&conversation.into()).await.expect("the blocks are read");
    assert!(blocks.iter().all(|(header, bytes)| *bytes == samples(header.seq)));
    blocks.into_iter().map(|(header, _)| header.seq).collect()
}

#[tokio::test]
async fn blocks_come_back_in_order_and_once() {
    let bench = Bench::new().await;
    let log = bench.open("node-a").await;
    for seq in [2, 0, 1, 0, 2] {
        append(&log, "c_1", seq).await;
    }
    append(&log, "c_2", 9).await;
    assert_eq!(seqs(&log, "c_1").await, [0, 1, 2]);
    assert_eq!(seqs(&log, "c_2").await, [9]);
    assert_eq!(seqs(&log, "c_3").await, [0u32; 0]);
    let player = BlockHeader { call: None, leg: Leg::Player, ..header("c_1", 0) };
    log.append(player, b"[{\"t\":7000}]".to_vec()).await.expect("the block is stored");
    let series = log.series(&"c_1".into()).await.expect("the series is read");
    assert_eq!(series.player().samples, [serde_json::json!({"t": 7000})]);
}

#[tokio::test]
async fn a_segment_that_is_full_is_closed_and_stays_readable() {
    let bench = Bench::new().await;
    let options = TelemetryOptions { segment_bytes_max: 1_000, ..bench.options("node/a") };
    let (log, _tap) = TelemetryLog::open(options, bench.store.clone()).await.expect("the log opens");
    for seq in 0..40 {
        append(&log, "c_1", seq).await;
    }
    assert_eq!(seqs(&log, "c_1").await, (0..40).collect::<Vec<_>>());
    let (active, closed) = (bench.files("active"), bench.files("segments"));
    assert!(active.len() <= 1 && closed.len() >= 4, "{active:?} {closed:?}");
    for file in &closed {
        let name = file.file_name().unwrap().to_str().unwrap();
        assert!(name.starts_with("node_a."), "{name}");
        assert!(std::fs::metadata(file).unwrap().len() < 1_400);
    }
    log.close().await;
    let log = bench.open("node/a").await;
    assert_eq!(bench.files("active").len(), 0, "what was left is closed, and nothing new is begun without a block");
    assert_eq!(seqs(&log, "c_1").await, (0..40).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_crash_that_lost_the_index_loses_no_block() {
    let bench = Bench::new().await;
    let log = bench.open("node-a").await;
    for seq in 0..5 {
        append(&log, "c_1", seq).await;
    }
    // What a machine that starts again finds: the files, and a database that knows nothing of them.
    let after = Bench::new().await;
    let active = after.folder.path().join("telemetry/active");
    std::fs::create_dir_all(&active).unwrap();
    for file in bench.files("active") {
        std::fs::copy(&file, active.join(file.file_name().unwrap())).unwrap();
    }
    let recovered = after.open("node-b").await;
    assert_eq!(seqs(&recovered, "c_1").await, [0, 1, 2, 3, 4]);
}

#[tokio::test]
async fn a_tail_torn_at_any_byte_costs_only_the_last_block() {
    let bench = Bench::new().await;
    let mut segment = Vec::new();
    for seq in 0..3 {
        segment.extend(segment::encode(&header("c_1", seq), &samples(seq)).expect("it fits"));
    }
    let last = segment::encode(&header("c_1", 2), &samples(2)).expect("it fits").len();
    let folder = bench.folder.path().join("telemetry");
    for cut in 1..=last {
        // A name of its own for every cut; the conversation is found through the newest rows alone.
        let name = format!("node-a.{cut}.00000000");
        let archive = Archive::open(&folder).expect("the folder is made");
        std::fs::write(archive.active_folder().join(&name), &segment[..segment.len() - cut]).expect("it is written");
        archive.recover(&bench.store).await.expect("the log recovers");
        let kept = std::fs::read(folder.join("segments").join(&name)).expect("the segment is closed");
        assert_eq!(kept, segment[..segment.len() - last], "cut by {cut} bytes");
        let rows = bench.store.blocks(&"c_1".into(), None).await.expect("the index is read");
        assert_eq!(rows.iter().filter(|row| row.segment == name).count(), 2, "cut by {cut} bytes");
    }
    let log = bench.open("node-a").await;
    assert_eq!(seqs(&log, "c_1").await, [0, 1]);
}

#[tokio::test]
async fn a_damaged_record_is_left_out() {
    let bench = Bench::new().await;
    let log = bench.open("node-a").await;
    for seq in 0..3 {
        append(&log, "c_1", seq).await;
    }
    log.close().await;
    let file = bench.files("active").pop().expect("a segment");
    let mut bytes = std::fs::read(&file).expect("it is read");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes).expect("it is written");
    let log = bench.open("node-a").await;
    assert_eq!(seqs(&log, "c_1").await, [0, 2]);
}

#[tokio::test]
async fn two_processes_share_a_folder() {
    let bench = Bench::new().await;
    let first = bench.open("node-a").await;
    append(&first, "c_1", 0).await;
    // Even with the same name: a segment that is being written is not taken for one left behind.
    let second = bench.open("node-a").await;
    append(&second, "c_1", 1).await;
    append(&first, "c_1", 2).await;
    second.flush().await.expect("the second is flushed");
    assert_eq!(bench.files("active").len(), 2);
    assert_eq!(seqs(&first, "c_1").await, [0, 1, 2]);
    assert_eq!(seqs(&second, "c_1").await, [0, 1, 2]);
}

#[tokio::test]
async fn a_closed_log_says_so_and_lost_nothing() {
    let bench = Bench::new().await;
    let log = bench.open("node-a").await;
    let appends = (0..20).map(|seq| log.append(header("c_1", seq), samples(seq)));
    let (outcomes, ()) = tokio::join!(futures_util::future::join_all(appends), log.close());
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert_eq!(log.append(header("c_1", 99), samples(99)).await, Err(TelemetryError::Closed));
    assert_eq!(log.flush().await, Err(TelemetryError::Closed));
    assert_eq!(seqs(&log, "c_1").await, (0..20).collect::<Vec<_>>(), "reading still works");
}

#[tokio::test]
async fn a_disk_that_fails_is_told_and_used_again_when_it_is_back() {
    let bench = Bench::new().await;
    let log = bench.open("node-a").await;
    let active = bench.folder.path().join("telemetry/active");
    std::fs::remove_dir(&active).expect("it is empty");
    let failed = log.append(header("c_1", 0), samples(0)).await;
    assert!(matches!(failed, Err(TelemetryError::Io(_))), "{failed:?}");
    std::fs::create_dir(&active).expect("it is back");
    append(&log, "c_1", 0).await;
    assert_eq!(seqs(&log, "c_1").await, [0]);
}

#[test]
fn one_sync_covers_all_that_waits() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (queue, commands) = mpsc::channel(BLOCKS_QUEUED_MAX);
    let (to_index, mut indexed) = mpsc::channel(8);
    let mut acknowledgements = Vec::new();
    for seq in 0..100 {
        let (done, acknowledged) = oneshot::channel();
        let record = segment::encode(&header("c_1", seq), &samples(seq)).expect("it fits");
        let block = QueuedBlock { record, header: header("c_1", seq), done };
        queue.try_send(Command::Append(block)).expect("there is room");
        acknowledgements.push(acknowledged);
    }
    drop(queue);
    let mut writer = LogWriter {
        folder: folder.path().to_owned(),
        node: "node-a".to_owned(),
        segment_bytes_max: TelemetryOptions::SEGMENT_BYTES_MAX,
        commands,
        to_index,
        active: None,
        syncs: 0,
    };
    writer.run();
    assert_eq!(writer.syncs, 1);
    assert!(acknowledgements.iter_mut().all(|acknowledged| acknowledged.try_recv() == Ok(Ok(()))));
    let Ok(IndexCommand::Rows(rows)) = indexed.try_recv() else { panic!("the rows go to the index") };
    let bytes = std::fs::read(folder.path().join(&rows[0].segment)).expect("the segment is there");
    assert_eq!(rows.len(), 100);
    for row in rows {
        let from = usize::try_from(row.offset).unwrap();
        let record = &bytes[from..from + row.len as usize];
        assert_eq!(segment::decode(record).map(|(header, _)| header.seq), Some(row.seq));
    }
}

#[tokio::test]
async fn what_is_too_old_goes_unless_its_ticket_is_pinned() {
    use crate::storage::{NewConversation, NewEntry};
    use crate::telemetry::retention::{Retention, tidy_up};
    use signaling::timeline::{Author, EntryBody};

    let bench = Bench::new().await;
    let new = NewConversation {
        id: "c_pinned".into(),
        key_hash: [7; 32],
        viewer_name: "Kim".to_owned(),
        viewer_external: None,
        viewer_level: None,
        lang: String::new(),
        page: None,
        sample: false,
    };
    let body = EntryBody::Message { text: "it stutters".to_owned() };
    let first = NewEntry { author: Author::viewer("Kim"), client_id: None, body, at_ms: 1 };
    bench.store.open_conversation(new, first).await.expect("a conversation");
    bench.store.pin(&"c_pinned".into(), true).await.expect("pinned");
    // Three segments: of a ticket, of a pinned one, and of one that is still being written to.
    for conversation in ["c_old", "c_pinned"] {
        let log = bench.open("node-a").await;
        append(&log, conversation, 0).await;
        log.close().await;
    }
    let log = bench.open("node-a").await;
    append(&log, "c_now", 1).await;
    log.flush().await.expect("indexed");
    let retention = Retention { samples_days: 30, diagnoses_months: 13 };
    let day = 24 * 3_600_000;
    assert_eq!(tidy_up(&log, retention, 29 * day).await, Ok(0), "nothing is too old yet");
    assert_eq!(tidy_up(&log, retention, 31 * day).await, Ok(1));
    assert_eq!(seqs(&log, "c_old").await, [0u32; 0]);
    assert_eq!(seqs(&log, "c_pinned").await, [0]);
    assert_eq!(seqs(&log, "c_now").await, [1]);
    assert_eq!(bench.files("segments").len(), 1);
}
