//! The index of telemetry blocks.

use sightline::storage::BlockRow;
use signaling::CallId;
use signaling::wire::Leg;

use crate::database::{TestDatabase, conversation_id};

fn block(conversation: u64, call: Option<&str>, offset: u64, t0_ms: f64) -> BlockRow {
    BlockRow {
        conversation: conversation_id(conversation),
        call: call.map(CallId::from),
        leg: if call.is_some() { Leg::AgentDown } else { Leg::Player },
        source: "page\0".to_owned(),
        seq: u32::MAX,
        t0_ms,
        codec: "json1".to_owned(),
        segment: "node.1.abc".to_owned(),
        offset,
        len: 100,
    }
}

pub(crate) async fn blocks_are_indexed_once_and_come_in_order(database: &TestDatabase) {
    let store = database.open().await;
    store.index_blocks(Vec::new()).await.unwrap();
    let rows = vec![
        block(1, None, 0, 3_000.5),
        block(1, Some("k_1"), 100, 1_000.0),
        block(2, None, 200, 0.0),
        block(1, None, 300, -2.0),
    ];
    store.index_blocks(rows.clone()).await.unwrap();
    store.index_blocks(rows).await.unwrap();
    let found = store.blocks(&conversation_id(1), None).await.unwrap();
    assert_eq!(found.iter().map(|row| row.offset).collect::<Vec<_>>(), [300, 100, 0]);
    assert_eq!(found[1], BlockRow { source: "page\u{fffd}".to_owned(), ..block(1, Some("k_1"), 100, 1_000.0) });
    let of_call = store.blocks(&conversation_id(1), Some(&CallId::from("k_1"))).await.unwrap();
    assert_eq!(of_call.len(), 1);
    let many: Vec<_> = (0..1_200).map(|place| block(3, None, 1_000 + place, 0.0)).collect();
    store.index_blocks(many).await.unwrap();
    let found = store.blocks(&conversation_id(3), None).await.unwrap();
    assert_eq!(found.iter().map(|row| row.offset).collect::<Vec<_>>(), (1_000..2_200).collect::<Vec<_>>());
}
