//! The storage layer on both databases: one suite, run on SQLite and on a real PostgreSQL.

mod blocks;
mod calls;
mod canned;
mod concurrency;
mod conversations;
mod database;
mod format;
mod held_lock;
mod pictures;
mod postgres;
mod sqlite;
mod users;

/// Runs scenarios on both databases, each on a new one of its own.
macro_rules! on_both_databases {
    ($($module:ident: $($scenario:ident),+;)+) => {
        mod on_sqlite {
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $scenario() {
                    crate::$module::$scenario(&crate::database::TestDatabase::sqlite()).await;
                }
            )+)+
        }
        mod on_postgres {
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $scenario() {
                    if let Some(database) = crate::database::TestDatabase::postgres(stringify!($scenario)).await {
                        crate::$module::$scenario(&database).await;
                    }
                }
            )+)+
        }
    };
}

on_both_databases! {
    conversations:
        the_first_message_opens_a_ticket,
        a_known_key_resumes_its_conversation,
        a_resend_changes_nothing,
        the_queue_gives_each_conversation_to_one_agent,
        a_released_conversation_keeps_its_place,
        a_viewer_message_reopens_a_resolved_ticket,
        read_marks_only_go_up,
        an_answer_stops_the_waiting_clock,
        a_second_rating_replaces_the_first,
        waits_are_measured_to_the_first_take,
        tickets_are_listed_newest_first_in_pages,
        entries_come_in_pages,
        any_text_is_kept,
        a_note_is_no_message,
        a_request_for_a_call_stands_until_it_is_settled;
    calls:
        a_call_runs_from_invitation_to_end,
        one_call_at_a_time,
        of_two_invitations_one_is_accepted,
        the_first_value_of_a_phase_stays,
        media_is_completed_bit_by_bit,
        calls_are_found_by_node_and_by_time;
    pictures:
        a_picture_is_one_transaction_with_its_entry,
        a_conversation_takes_so_many_pictures;
    canned:
        canned_replies_are_kept_by_shortcut_and_language,
        shipped_replies_come_once;
    users:
        users_sign_in_and_out,
        a_new_password_ends_the_sessions,
        settings_are_made_once;
    blocks:
        blocks_are_indexed_once_and_come_in_order;
    concurrency:
        two_servers_number_one_conversation_without_holes,
        two_servers_open_one_key_once,
        tickets_are_numbered_without_holes,
        a_crowd_opens_at_once,
        one_of_many_agents_gets_the_conversation,
        two_of_many_invitations_are_committed_and_one_is_accepted,
        a_failing_write_does_not_spoil_its_neighbours,
        servers_agree_on_a_setting,
        servers_start_on_a_new_database_at_once;
    format:
        a_newer_format_is_refused,
        format_1_is_brought_up_to_date,
        what_is_committed_is_there_after_opening_again,
        a_closed_store_says_so;
}
