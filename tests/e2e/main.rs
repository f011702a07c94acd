//! End-to-end tests: the real server binary (or its library, for two nodes), real sockets, real media; the clients are those
//! of the load test, which share no code with the server but the wire types. One file a scenario, named as a sentence.

mod support;

mod a_colleague_joins_a_call;
mod a_stream_is_looked_at_from_here;
mod a_verdict_is_the_same_everywhere;
mod a_verdict_reaches_the_desk;
mod a_viewer_asks_for_a_call;
mod a_waiting_commit_holds_nothing_else_back;
mod an_end_that_leaves_is_told;
mod bad_input_is_refused_and_survived;
mod both_ends_are_told;
mod canned_replies_are_shared;
mod chat_survives_a_kill;
mod every_first_agent_joins_warm;
mod media_reaches_the_agent;
mod no_acknowledgement_before_its_sync;
mod notes_stay_with_agents;
mod pictures_in_the_chat;
mod shutdown_is_clean;
mod sound_and_camera_go_both_ways;
mod the_load_test_runs;
mod the_public_port_is_bounded;
mod two_nodes_share_a_desk;
