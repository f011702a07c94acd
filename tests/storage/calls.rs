//! Calls: stages, exclusivity, phases, media, lists.

use sightline::storage::{NewCall, StorageError};
use signaling::CallId;
use signaling::api::{CallMedia, ConnectMode};
use signaling::timeline::{Author, EndReason, EntryBody, Surface};
use signaling::wire::{CallStage, Phase};

use crate::database::{NOON_MS, TestDatabase, agent, conversation_id, open};

/// A call of Ada's in a conversation.
pub(crate) fn new_call(id: &str, conversation: u64, name: &str) -> NewCall {
    NewCall {
        id: id.into(),
        conversation: conversation_id(conversation),
        node: "node-a".to_owned(),
        agent: agent(name),
        agent_name: name.to_owned(),
    }
}

pub(crate) async fn a_call_runs_from_invitation_to_end(database: &TestDatabase) {
    let store = database.open().await;
    open(&store, 1, 0).await;
    let (call, ada, viewer) = (CallId::from("k_1"), Author::agent(agent("ada"), "Ada"), Author::viewer("Viewer 1"));
    let not_own = store.invite_call(new_call("k_1", 1, "ada"), ada.clone(), NOON_MS).await;
    assert_eq!(not_own.unwrap_err(), StorageError::Conflict);
    store.take(&conversation_id(1), &agent("ada"), "Ada", NOON_MS).await.unwrap();
    let (row, appended) = store.invite_call(new_call("k_1", 1, "ada"), ada.clone(), NOON_MS + 10).await.unwrap();
    assert_eq!(
        (row.stage, row.invited_at_ms, row.viewer_name.as_str()),
        (CallStage::Invited, NOON_MS + 10, "Viewer 1")
    );
    #[expect(clippy::cast_precision_loss, reason = "a test's time")]
    let invited = (NOON_MS + 10) as f64;
    assert_eq!(row.phases.get(&Phase::Invited), Some(&invited));
    assert_eq!(appended.entries[0].body, EntryBody::CallInvited { call: call.clone() });
    assert_eq!(store.set_call_live(&call).await.unwrap(), None, "nobody has accepted");
    let (row, appended) = store.accept_call(&call, Surface::Player, viewer.clone(), NOON_MS + 1_000).await.unwrap();
    assert_eq!(
        (row.stage, row.surface, row.accepted_at_ms),
        (CallStage::Connecting, Some(Surface::Player), Some(NOON_MS + 1_000))
    );
    assert_eq!(appended.entries[0].body, EntryBody::CallAccepted { call: call.clone(), surface: Surface::Player });
    let twice = store.accept_call(&call, Surface::Screen, viewer.clone(), NOON_MS + 1_001).await;
    assert_eq!(twice.unwrap_err(), StorageError::Conflict);
    assert_eq!(store.set_call_live(&call).await.unwrap().map(|row| row.stage), Some(CallStage::Live));
    assert_eq!(store.set_call_live(&call).await.unwrap(), None);
    let (row, appended) =
        store.end_call(&call, EndReason::ViewerStopped, viewer.clone(), NOON_MS + 61_000).await.unwrap().unwrap();
    assert_eq!(
        (row.stage, row.reason, row.ended_at_ms),
        (CallStage::Ended, Some(EndReason::ViewerStopped), Some(NOON_MS + 61_000))
    );
    let body = EntryBody::CallEnded { call: call.clone(), reason: EndReason::ViewerStopped, duration_ms: 60_000 };
    assert_eq!(appended.entries[0].body, body);
    assert_eq!(store.end_call(&call, EndReason::AgentEnded, ada, NOON_MS + 62_000).await.unwrap(), None);
    assert_eq!(store.call(&call).await.unwrap(), Some(row.clone()));
    assert_eq!(store.calls_of(&conversation_id(1)).await.unwrap(), [row]);
    let missing = CallId::from("k_none");
    assert_eq!(store.call(&missing).await.unwrap(), None);
    let ended = store.end_call(&missing, EndReason::AgentEnded, viewer.clone(), NOON_MS).await;
    assert_eq!(ended.unwrap_err(), StorageError::NotFound);
    let accepted = store.accept_call(&missing, Surface::Screen, viewer, NOON_MS).await;
    assert_eq!(accepted.unwrap_err(), StorageError::NotFound);
}

pub(crate) async fn one_call_at_a_time(database: &TestDatabase) {
    let store = database.open().await;
    for number in 1..=3 {
        open(&store, number, number as i64 - 1).await;
    }
    let invite = async |id: &str, conversation, name: &str| {
        store.invite_call(new_call(id, conversation, name), Author::system(), NOON_MS).await.map(|(row, _)| row.id)
    };
    assert_eq!(invite("k_1", 1, "ada").await, Ok("k_1".into()));
    assert_eq!(invite("k_2", 1, "bob").await, Err(StorageError::Conflict), "the conversation has a call");
    assert_eq!(invite("k_1", 2, "bob").await, Err(StorageError::Conflict), "the id is used");
    assert_eq!(invite("k_2", 77, "bob").await, Err(StorageError::NotFound));
    assert_eq!(invite("k_2", 2, "bob").await, Ok("k_2".into()));
    let (_, ended) =
        store.end_call(&"k_1".into(), EndReason::Declined, Author::viewer("V"), NOON_MS + 9).await.unwrap().unwrap();
    let body = EntryBody::CallEnded { call: "k_1".into(), reason: EndReason::Declined, duration_ms: 0 };
    assert_eq!(ended.entries[0].body, body);
    assert_eq!(invite("k_3", 1, "ada").await, Ok("k_3".into()), "offered again after the end");
    assert_eq!(
        store.entries(&conversation_id(1), 0, 100).await.unwrap().len(),
        4,
        "refused invitations leave no entry"
    );
}

pub(crate) async fn of_two_invitations_one_is_accepted(database: &TestDatabase) {
    let store = database.open().await;
    for number in 1..=3 {
        open(&store, number, number as i64 - 1).await;
    }
    let viewer = || Author::viewer("V");
    let invite = async |id: &str, conversation| {
        store.invite_call(new_call(id, conversation, "ada"), Author::system(), NOON_MS).await.map(|(row, _)| row.id)
    };
    assert_eq!(invite("k_1", 1).await, Ok("k_1".into()));
    assert_eq!(invite("k_2", 2).await, Ok("k_2".into()));
    assert_eq!(invite("k_3", 3).await, Err(StorageError::Conflict), "two are open");
    store.accept_call(&"k_2".into(), Surface::Tab, viewer(), NOON_MS).await.unwrap();
    let late = store.accept_call(&"k_1".into(), Surface::Player, viewer(), NOON_MS).await;
    assert_eq!(late.unwrap_err(), StorageError::Conflict, "the agent is in the other call");
    assert_eq!(invite("k_3", 3).await, Ok("k_3".into()), "the accepted one is not an open invitation");
    store.end_call(&"k_2".into(), EndReason::AgentEnded, Author::system(), NOON_MS).await.unwrap();
    store.accept_call(&"k_1".into(), Surface::Player, viewer(), NOON_MS).await.unwrap();
}

pub(crate) async fn the_first_value_of_a_phase_stays(database: &TestDatabase) {
    let store = database.open().await;
    open(&store, 1, 0).await;
    let call = CallId::from("k_1");
    store.invite_call(new_call("k_1", 1, "ada"), Author::system(), NOON_MS).await.unwrap();
    let phases = [(Phase::Click, 10.5), (Phase::CaptureReady, 20.25), (Phase::Click, 99.0), (Phase::Ice, f64::NAN)];
    store.record_phases(&call, &phases, None).await.unwrap();
    let later = [(Phase::Click, 11.0), (Phase::FirstFrame, 30.0), (Phase::Ice, 5.0)];
    let row = store.record_phases(&call, &later, Some(ConnectMode::Warm)).await.unwrap();
    let row_again = store.record_phases(&call, &[], Some(ConnectMode::Cold)).await.unwrap();
    assert_eq!(row, row_again);
    assert_eq!(row.mode, Some(ConnectMode::Warm));
    let known: Vec<_> =
        row.phases.iter().filter(|(phase, _)| **phase != Phase::Invited).map(|(p, at)| (*p, *at)).collect();
    assert_eq!(
        known,
        [(Phase::Ice, 5.0), (Phase::Click, 10.5), (Phase::CaptureReady, 20.25), (Phase::FirstFrame, 30.0)]
    );
    let missing = store.record_phases(&"k_none".into(), &later, None).await;
    assert_eq!(missing.unwrap_err(), StorageError::NotFound);
}

pub(crate) async fn media_is_completed_bit_by_bit(database: &TestDatabase) {
    let store = database.open().await;
    open(&store, 1, 0).await;
    let call = CallId::from("k_1");
    store.invite_call(new_call("k_1", 1, "ada"), Author::system(), NOON_MS).await.unwrap();
    let path = CallMedia { viewer_path: Some("udp".to_owned()), width: Some(640), ..CallMedia::default() };
    store.set_call_media(&call, &path).await.unwrap();
    let picture =
        CallMedia { codec: Some("VP8".to_owned()), width: Some(1280), height: Some(720), ..CallMedia::default() };
    let row = store.set_call_media(&call, &picture).await.unwrap();
    assert_eq!(row.media, CallMedia { viewer_path: Some("udp".to_owned()), ..picture });
}

pub(crate) async fn calls_are_found_by_node_and_by_time(database: &TestDatabase) {
    let store = database.open().await;
    for number in 1..=3 {
        open(&store, number, 0).await;
        let id = format!("k_{number}");
        let at_ms = NOON_MS + i64::try_from(number).unwrap();
        let mut new = new_call(&id, number, &format!("agent{number}"));
        new.node = if number == 3 { "node-b".to_owned() } else { "node-a".to_owned() };
        store.invite_call(new, Author::system(), at_ms).await.unwrap();
        if number != 2 {
            store.accept_call(&id.as_str().into(), Surface::Screen, Author::viewer("V"), at_ms + 100).await.unwrap();
        }
    }
    let left: Vec<_> = store.unended_calls("node-a").await.unwrap().into_iter().map(|row| row.id.0).collect();
    assert_eq!(left, ["k_1", "k_2"]);
    store.end_call(&"k_1".into(), EndReason::ServerRestarted, Author::system(), NOON_MS + 500).await.unwrap();
    assert_eq!(store.unended_calls("node-a").await.unwrap().len(), 1);
    let recent = store.recent_calls(10).await.unwrap();
    let recent: Vec<_> = recent.into_iter().map(|(ticket, row)| (ticket.0, row.id.0)).collect();
    assert_eq!(recent, [(1003, "k_3".to_owned()), (1001, "k_1".to_owned())]);
}
