//! Conversations: numbering, idempotence, the queue, read marks, ratings, lists.

use sightline::storage::{NewCall, NewEntry, StorageError, TicketFilter};
use signaling::timeline::{Author, AuthorKind, EndReason, EntryBody};
use signaling::wire::ConversationStatus;
use signaling::{ConversationId, TicketNumber, UserId};

use crate::calls::new_call;
use crate::database::{NOON_MS, TestDatabase, agent, answers, conversation_id, key, new_conversation, open, says};

pub(crate) async fn the_first_message_opens_a_ticket(database: &TestDatabase) {
    let store = database.open().await;
    let long = format!("  Stripes\n on the {}", "画".repeat(200));
    let opened = store.open_conversation(new_conversation(1), says("m1", &long, NOON_MS)).await.unwrap();
    assert!(!opened.duplicate);
    let row = &opened.conversation;
    assert_eq!(row.ticket, TicketNumber(1001));
    assert_eq!(row.status, ConversationStatus::Waiting);
    assert_eq!((row.last_seq, row.unread, row.waiting_since_ms), (1, 1, Some(NOON_MS)));
    assert_eq!((row.opened_at_ms, row.updated_at_ms, row.queued_at_ms), (NOON_MS, NOON_MS, NOON_MS));
    assert_eq!(row.subject, format!("Stripes on the {}", "画".repeat(105)));
    assert_eq!(row.last_text, row.subject);
    assert_eq!(row.page, new_conversation(1).page);
    assert_eq!(opened.entries[0].body, EntryBody::Message { text: long });
    assert_eq!((opened.entries[0].seq, opened.entries[0].client_id.as_deref()), (1, Some("m1")));
    for found in [
        store.conversation(&conversation_id(1)).await.unwrap(),
        store.conversation_by_key(&key(1)).await.unwrap(),
        store.conversation_by_ticket(TicketNumber(1001)).await.unwrap(),
    ] {
        assert_eq!(found.as_ref(), Some(row));
    }
    assert_eq!(store.conversation_by_key(&key(2)).await.unwrap(), None);
    assert_eq!(open(&store, 2, 1).await.conversation.ticket, TicketNumber(1002));
}

pub(crate) async fn a_known_key_resumes_its_conversation(database: &TestDatabase) {
    let store = database.open().await;
    open(&store, 1, 0).await;
    let mut other_id = new_conversation(1);
    other_id.id = conversation_id(99);
    let again = store.open_conversation(other_id.clone(), says("m1", "whatever", NOON_MS + 5)).await.unwrap();
    assert!(again.duplicate, "the first message was sent again after a crash");
    assert_eq!(again.conversation.id, conversation_id(1));
    assert_eq!(again.entries[0].body, EntryBody::Message { text: "The picture stutters".to_owned() });
    let more = store.open_conversation(other_id, says("m2", "Still", NOON_MS + 6)).await.unwrap();
    assert_eq!((more.conversation.id, more.entries[0].seq), (conversation_id(1), 2));
    assert_eq!(store.conversation(&conversation_id(99)).await.unwrap(), None);
    assert_eq!(open(&store, 2, 7).await.conversation.ticket, TicketNumber(1002), "no number was wasted");
}

pub(crate) async fn a_resend_changes_nothing(database: &TestDatabase) {
    let store = database.open().await;
    open(&store, 1, 0).await;
    let id = conversation_id(1);
    let first = store.append(&id, says("m2", "two", NOON_MS + 10)).await.unwrap();
    let resent = store.append(&id, says("m2", "two, changed", NOON_MS + 20)).await.unwrap();
    assert!(resent.duplicate && !first.duplicate);
    assert_eq!(resent.entries, first.entries);
    assert_eq!(resent.conversation, first.conversation);
    assert_eq!(store.entries(&id, 0, 10).await.unwrap().len(), 2);
    let missing = store.append(&ConversationId::from("c_none"), says("m1", "hello", NOON_MS)).await;
    assert_eq!(missing, Err(StorageError::NotFound));
}

pub(crate) async fn the_queue_gives_each_conversation_to_one_agent(database: &TestDatabase) {
    let store = database.open().await;
    open(&store, 1, 0).await;
    let (id, ada, bob) = (conversation_id(1), agent("ada"), agent("bob"));
    assert_eq!(store.release(&id, &ada, NOON_MS).await, Err(StorageError::Conflict), "nobody has it");
    let taken = store.take(&id, &ada, "Ada", NOON_MS + 500).await.unwrap();
    assert_eq!(taken.conversation.status, ConversationStatus::Taken);
    assert_eq!(
        (taken.conversation.agent.as_ref(), taken.conversation.agent_name.as_deref()),
        (Some(&ada), Some("Ada"))
    );
    assert_eq!(taken.conversation.taken_at_ms, Some(NOON_MS + 500));
    assert_eq!(taken.entries[0].body, EntryBody::Taken { agent: ada.clone(), name: "Ada".to_owned() });
    let again = store.take(&id, &ada, "Ada", NOON_MS + 600).await.unwrap();
    assert!(again.duplicate && again.entries.is_empty());
    assert_eq!(again.conversation, taken.conversation);
    assert_eq!(store.take(&id, &bob, "Bob", NOON_MS + 700).await, Err(StorageError::Conflict));
    assert_eq!(store.resolve(&id, &bob, NOON_MS + 700).await, Err(StorageError::Conflict));
    let resolved = store.resolve(&id, &ada, NOON_MS + 900).await.unwrap();
    assert_eq!(resolved.conversation.status, ConversationStatus::Resolved);
    assert_eq!(resolved.conversation.agent, Some(ada.clone()), "the ticket remembers who had it");
    assert_eq!((resolved.conversation.waiting_since_ms, resolved.entries[0].seq), (None, 3));
    assert_eq!(store.take(&id, &bob, "Bob", NOON_MS + 950).await, Err(StorageError::Conflict));
    assert_eq!(store.take(&ConversationId::from("c_none"), &bob, "Bob", 0).await, Err(StorageError::NotFound));
}

pub(crate) async fn a_released_conversation_keeps_its_place(database: &TestDatabase) {
    let store = database.open().await;
    let ada = agent("ada");
    for number in 1..=3 {
        open(&store, number, i64::try_from(number).unwrap()).await;
    }
    assert_eq!(store.queue_ahead(&conversation_id(3)).await.unwrap(), Some(2));
    store.take(&conversation_id(1), &ada, "Ada", NOON_MS + 10).await.unwrap();
    assert_eq!(store.queue_ahead(&conversation_id(1)).await.unwrap(), None);
    assert_eq!(store.queue_ahead(&conversation_id(3)).await.unwrap(), Some(1));
    let released = store.release(&conversation_id(1), &ada, NOON_MS + 20).await.unwrap();
    assert_eq!((released.conversation.agent, released.conversation.taken_at_ms), (None, None));
    assert_eq!(released.conversation.first_taken_at_ms, Some(NOON_MS + 10));
    assert_eq!(store.queue_ahead(&conversation_id(1)).await.unwrap(), Some(0));
    assert_eq!(store.queue_ahead(&conversation_id(3)).await.unwrap(), Some(2));
    let open_ones = store.open_conversations(2).await.unwrap();
    assert_eq!(open_ones.iter().map(|row| row.ticket.0).collect::<Vec<_>>(), [1001, 1002]);
    assert_eq!(store.queue_ahead(&ConversationId::from("c_none")).await.unwrap(), None);
}

pub(crate) async fn a_viewer_message_reopens_a_resolved_ticket(database: &TestDatabase) {
    let store = database.open().await;
    let (id, ada) = (conversation_id(1), agent("ada"));
    open(&store, 1, 0).await;
    open(&store, 2, 5).await;
    store.take(&id, &ada, "Ada", NOON_MS + 10).await.unwrap();
    store.resolve(&id, &ada, NOON_MS + 20).await.unwrap();
    let late = store.append(&id, answers(&ada, "a1", "One more thing", NOON_MS + 30)).await.unwrap();
    assert_eq!(late.conversation.status, ConversationStatus::Resolved, "an agent's message reopens nothing");
    let back = store.append(&id, says("m2", "It is back", NOON_MS + 40)).await.unwrap();
    let bodies: Vec<_> = back.entries.iter().map(|entry| (entry.seq, entry.body.clone())).collect();
    let message = EntryBody::Message { text: "It is back".to_owned() };
    assert_eq!(bodies, [(5, EntryBody::Reopened {}), (6, message)]);
    assert_eq!(back.entries[0].author, Author::system());
    let row = back.conversation;
    assert_eq!((row.status, row.agent, row.agent_name), (ConversationStatus::Waiting, None, None));
    assert_eq!((row.waiting_since_ms, row.last_seq), (Some(NOON_MS + 40), 6));
    assert_eq!(store.queue_ahead(&id).await.unwrap(), Some(1), "it queues up behind the one that waits already");
    let resent = store.append(&id, says("m2", "It is back", NOON_MS + 50)).await.unwrap();
    assert!(resent.duplicate);
    assert_eq!(resent.entries.len(), 1);
}

pub(crate) async fn read_marks_only_go_up(database: &TestDatabase) {
    let store = database.open().await;
    let (id, ada) = (conversation_id(1), agent("ada"));
    open(&store, 1, 0).await;
    for number in 2..=4 {
        store.append(&id, says(&format!("m{number}"), "more", NOON_MS + number)).await.unwrap();
    }
    store.append(&id, answers(&ada, "a1", "Hello", NOON_MS + 9)).await.unwrap();
    let row = store.mark_read(&id, AuthorKind::Agent, 2).await.unwrap().expect("it moves");
    assert_eq!((row.agent_read_seq, row.unread), (2, 2));
    assert_eq!(store.mark_read(&id, AuthorKind::Agent, 2).await.unwrap(), None);
    assert_eq!(store.mark_read(&id, AuthorKind::Agent, 1).await.unwrap(), None);
    let row = store.mark_read(&id, AuthorKind::Agent, i64::MAX).await.unwrap().expect("it moves to the end");
    assert_eq!((row.agent_read_seq, row.unread, row.viewer_read_seq), (5, 0, 0));
    let row = store.mark_read(&id, AuthorKind::Viewer, 5).await.unwrap().expect("the other side has its own");
    assert_eq!(row.viewer_read_seq, 5);
    assert_eq!(store.mark_read(&id, AuthorKind::System, 5).await.unwrap(), None);
    assert_eq!(store.mark_read(&ConversationId::from("c_none"), AuthorKind::Agent, 5).await.unwrap(), None);
}

pub(crate) async fn an_answer_stops_the_waiting_clock(database: &TestDatabase) {
    let store = database.open().await;
    let (id, ada) = (conversation_id(1), agent("ada"));
    open(&store, 1, 0).await;
    let more = store.append(&id, says("m2", "Anyone?", NOON_MS + 100)).await.unwrap();
    assert_eq!((more.conversation.waiting_since_ms, more.conversation.unread), (Some(NOON_MS), 2));
    let answered = store.append(&id, answers(&ada, "a1", "Hello", NOON_MS + 200)).await.unwrap();
    assert_eq!((answered.conversation.waiting_since_ms, answered.conversation.unread), (None, 2));
    assert_eq!(answered.conversation.last_text, "Hello");
    assert_eq!(answered.conversation.subject, "The picture stutters");
    let asked = store.append(&id, says("m3", "Thanks", NOON_MS + 300)).await.unwrap();
    assert_eq!(asked.conversation.waiting_since_ms, Some(NOON_MS + 300));
}

pub(crate) async fn a_second_rating_replaces_the_first(database: &TestDatabase) {
    let store = database.open().await;
    let id = conversation_id(1);
    open(&store, 1, 0).await;
    store.rate(&id, Author::viewer("Viewer"), 2, "slow", NOON_MS + 1).await.unwrap();
    let rated = store.rate(&id, Author::viewer("Viewer"), 5, "", NOON_MS + 2).await.unwrap();
    assert_eq!((rated.conversation.rating, rated.conversation.rating_comment.as_deref()), (Some(5), Some("")));
    assert_eq!(rated.entries[0].body, EntryBody::Rated { score: 5, comment: String::new() });
    assert_eq!(store.entries(&id, 0, 10).await.unwrap().len(), 3);
}

pub(crate) async fn waits_are_measured_to_the_first_take(database: &TestDatabase) {
    let store = database.open().await;
    let ada = agent("ada");
    for (number, wait_ms) in [(1u64, 4_000), (2, 9_000), (3, 1_000)] {
        open(&store, number, 0).await;
        store.take(&conversation_id(number), &ada, "Ada", NOON_MS + wait_ms).await.unwrap();
    }
    store.release(&conversation_id(3), &ada, NOON_MS + 20_000).await.unwrap();
    store.take(&conversation_id(3), &ada, "Ada", NOON_MS + 30_000).await.unwrap();
    assert_eq!(store.recent_waits_ms(NOON_MS, 10).await.unwrap(), [9_000, 4_000, 1_000]);
    assert_eq!(store.recent_waits_ms(NOON_MS + 4_000, 1).await.unwrap(), [9_000]);
}

pub(crate) async fn tickets_are_listed_newest_first_in_pages(database: &TestDatabase) {
    let store = database.open().await;
    let ada = agent("ada");
    for number in 1..=5 {
        open(&store, number, i64::try_from(number).unwrap()).await;
    }
    store.take(&conversation_id(2), &ada, "Ada", NOON_MS + 50).await.unwrap();
    for (call, accepted) in [("k_1", true), ("k_2", true), ("k_3", false)] {
        let new = NewCall {
            id: call.into(),
            conversation: conversation_id(2),
            node: "n1".to_owned(),
            agent: ada.clone(),
            agent_name: "Ada".to_owned(),
        };
        store.invite_call(new, Author::system(), NOON_MS).await.unwrap();
        if accepted {
            let surface = signaling::timeline::Surface::Screen;
            store.accept_call(&call.into(), surface, Author::viewer("V"), NOON_MS).await.unwrap();
        }
        let reason = signaling::timeline::EndReason::AgentEnded;
        store.end_call(&call.into(), reason, Author::system(), NOON_MS).await.unwrap();
    }
    let numbers = |page: &[signaling::api::TicketSummary]| page.iter().map(|row| row.number.0).collect::<Vec<_>>();
    let first = store.tickets(TicketFilter { limit: 2, ..TicketFilter::default() }).await.unwrap();
    assert_eq!(numbers(&first), [1005, 1004]);
    let filter = TicketFilter { before: Some(1004), limit: 10, ..TicketFilter::default() };
    let rest = store.tickets(filter).await.unwrap();
    assert_eq!(numbers(&rest), [1003, 1002, 1001]);
    assert_eq!(rest.iter().map(|row| row.call_count).collect::<Vec<_>>(), [0, 2, 0]);
    let filter = TicketFilter { status: Some(ConversationStatus::Taken), limit: 10, ..TicketFilter::default() };
    let taken = store.tickets(filter).await.unwrap();
    assert_eq!((numbers(&taken), taken[0].agent_name.as_deref()), (vec![1002], Some("Ada")));
    assert_eq!(store.ticket(TicketNumber(1003)).await.unwrap().as_ref(), Some(&rest[0]));
    assert_eq!(store.ticket(TicketNumber(i64::MAX)).await.unwrap(), None);
    assert_eq!(store.ticket(TicketNumber(7)).await.unwrap(), None);
}

pub(crate) async fn entries_come_in_pages(database: &TestDatabase) {
    let store = database.open().await;
    let id = conversation_id(1);
    open(&store, 1, 0).await;
    for number in 2..=7 {
        store.append(&id, says(&format!("m{number}"), "more", NOON_MS + number)).await.unwrap();
    }
    let seqs = |page: Vec<signaling::timeline::Entry>| page.iter().map(|entry| entry.seq).collect::<Vec<_>>();
    assert_eq!(seqs(store.entries(&id, 0, 3).await.unwrap()), [1, 2, 3]);
    assert_eq!(seqs(store.entries(&id, 3, 100).await.unwrap()), [4, 5, 6, 7]);
    assert_eq!(seqs(store.entries(&id, 7, 100).await.unwrap()), [0i64; 0]);
    assert_eq!(seqs(store.entries(&ConversationId::from("c_none"), 0, 100).await.unwrap()), [0i64; 0]);
}

pub(crate) async fn any_text_is_kept(database: &TestDatabase) {
    let store = database.open().await;
    let text = "a\0b \u{1F3A5} 画面卡顿 '; DROP TABLE entry; -- \" \\ \u{202e}";
    let mut new = new_conversation(1);
    new.viewer_name = "Eve\0".to_owned();
    new.lang = "\0".to_owned();
    let first = NewEntry { author: Author::viewer("Eve\0"), ..says("id\0", text, NOON_MS) };
    let opened = store.open_conversation(new.clone(), first.clone()).await.unwrap();
    assert_eq!(opened.conversation.viewer_name, "Eve\u{fffd}");
    assert!(store.open_conversation(new, first).await.unwrap().duplicate);
    let kept = store.entries(&conversation_id(1), 0, 10).await.unwrap();
    assert_eq!(kept[0].body, EntryBody::Message { text: text.to_owned() });
    store.rate(&conversation_id(1), Author::viewer("Eve\0"), 1, "\0", NOON_MS).await.unwrap();
    assert_eq!(store.conversation(&ConversationId::from("c\0")).await.unwrap(), None);
}

fn notes(agent: &UserId, client_id: &str, text: &str, at_ms: i64) -> NewEntry {
    NewEntry { body: EntryBody::Note { text: text.to_owned() }, ..answers(agent, client_id, "", at_ms) }
}

pub(crate) async fn a_note_is_no_message(database: &TestDatabase) {
    let store = database.open().await;
    let before = open(&store, 1, 0).await.conversation;
    let ada = agent("ada");
    let noted = store.append(&conversation_id(1), notes(&ada, "n1", "knows nothing", NOON_MS + 5)).await.unwrap();
    let after = &noted.conversation;
    assert_eq!((after.last_seq, after.unread, after.waiting_since_ms), (2, before.unread, before.waiting_since_ms));
    assert_eq!((&after.last_text, &after.subject), (&before.last_text, &before.subject));
    let again = store.append(&conversation_id(1), notes(&ada, "n1", "knows nothing", NOON_MS + 9)).await.unwrap();
    assert!(again.duplicate && again.entries == noted.entries);
    let stolen = store.append(&conversation_id(1), says("n1", "what did you write?", NOON_MS + 9)).await;
    assert_eq!(stolen, Err(StorageError::Conflict), "a viewer who guesses the note's name is told nothing of it");
    let message = store.append(&conversation_id(1), answers(&ada, "n1", "hello", NOON_MS + 9)).await;
    assert_eq!(message, Err(StorageError::Conflict));
    store.take(&conversation_id(1), &ada, "Ada", NOON_MS + 10).await.unwrap();
    store.resolve(&conversation_id(1), &ada, NOON_MS + 11).await.unwrap();
    let late = store.append(&conversation_id(1), notes(&ada, "n2", "was the router", NOON_MS + 12)).await.unwrap();
    assert_eq!(late.conversation.status, ConversationStatus::Resolved, "a note reopens nothing");
}

pub(crate) async fn a_request_for_a_call_stands_until_it_is_settled(database: &TestDatabase) {
    let store = database.open().await;
    open(&store, 1, 0).await;
    let (id, viewer, ada) = (conversation_id(1), Author::viewer("Viewer"), agent("ada"));
    let request = async |at_ms| store.request_call(&id, viewer.clone(), at_ms).await;
    let asked = request(NOON_MS + 10).await.unwrap();
    assert_eq!(asked.conversation.call_requested_at_ms, Some(NOON_MS + 10));
    assert_eq!(asked.entries[0].body, EntryBody::CallRequested {});
    let again = request(NOON_MS + 20).await.unwrap();
    assert!(again.duplicate && again.conversation.call_requested_at_ms == Some(NOON_MS + 10));
    store.close().await;
    let store = database.open().await;
    let request = async |at_ms| store.request_call(&id, viewer.clone(), at_ms).await;
    let row = store.conversation(&id).await.unwrap().unwrap();
    assert_eq!(row.call_requested_at_ms, Some(NOON_MS + 10), "a restart forgets nothing");

    let withdrawn = store.end_request(&id, viewer.clone(), NOON_MS + 30).await.unwrap();
    assert_eq!(withdrawn.conversation.call_requested_at_ms, None);
    assert_eq!(withdrawn.entries[0].body, EntryBody::CallRequestEnded {});
    assert!(store.end_request(&id, viewer.clone(), NOON_MS + 31).await.unwrap().duplicate);

    request(NOON_MS + 40).await.unwrap();
    store.take(&id, &ada, "Ada", NOON_MS + 41).await.unwrap();
    let author = Author::agent(ada.clone(), "Ada");
    let (call, invited) = store.invite_call(new_call("k_1", 1, "ada"), author, NOON_MS + 42).await.unwrap();
    assert_eq!(invited.conversation.call_requested_at_ms, None, "an invitation accepts it");
    assert_eq!(request(NOON_MS + 43).await, Err(StorageError::Conflict), "there is an invitation to answer");
    store.end_call(&call.id, EndReason::Declined, viewer.clone(), NOON_MS + 44).await.unwrap();

    request(NOON_MS + 50).await.unwrap();
    let resolved = store.resolve(&id, &ada, NOON_MS + 51).await.unwrap();
    assert_eq!(resolved.conversation.call_requested_at_ms, None, "with the ticket it is settled");
    let reopened = request(NOON_MS + 60).await.unwrap();
    assert_eq!(reopened.conversation.status, ConversationStatus::Waiting, "somebody has to see it");
    let bodies: Vec<_> = reopened.entries.into_iter().map(|entry| entry.body).collect();
    assert_eq!(bodies, [EntryBody::Reopened {}, EntryBody::CallRequested {}]);
}
