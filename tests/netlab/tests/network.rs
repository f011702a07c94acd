//! The laboratory with its namespaces and devices: how exact it is, and that nothing of it is left behind. Needs root and TUN
//! devices; without them every test is counted as ignored, and in CI that is a failure.

#[path = "network/accuracy.rs"]
mod accuracy;
#[path = "network/commands.rs"]
mod commands;
#[path = "network/lines.rs"]
mod lines;
#[path = "network/traffic.rs"]
mod traffic;

use libtest_mimic::{Arguments, Failed, Trial};

type Test = (&'static str, fn() -> Result<(), Failed>);

/// All of them.
const TESTS: [Test; 17] = [
    ("delay_is_within_a_millisecond_at_5000_packets_a_second_each_way", accuracy::delay),
    ("random_loss_is_within_its_confidence_interval", accuracy::random_loss),
    ("burst_loss_is_within_its_confidence_interval", accuracy::burst_loss),
    ("the_same_seed_loses_the_same_packets", accuracy::same_seed),
    ("the_rate_is_within_two_percent_and_the_queue_within_its_bound", accuracy::rate_and_queue),
    ("an_idle_laboratory_costs_nothing", accuracy::idle),
    ("settings_change_while_packets_flow", lines::change),
    ("a_cut_link_carries_nothing_and_a_mended_one_does", lines::cut),
    ("a_rebinding_gives_the_site_a_new_port_and_the_old_one_is_dead", lines::rebind),
    ("a_pulled_cable_is_seen_inside", lines::carrier),
    ("tcp_crosses_and_the_host_reaches_the_server", lines::tcp),
    ("wrong_requests_are_refused_with_a_reason", lines::refusals),
    ("wrong_arguments_end_with_2_and_say_why", commands::arguments),
    ("a_laboratory_is_changed_from_another_terminal", commands::by_hand),
    ("nothing_is_left_behind_however_it_ends", commands::left_behind),
    ("nothing_is_left_behind_by_a_panic", commands::panic),
    ("the_demo_says_what_to_open_and_ends_with_its_server", commands::demo),
];

fn main() {
    let mut arguments = Arguments::from_args();
    // Times are measured: one at a time.
    arguments.test_threads = Some(1);
    let obstacle = netlab::lab::obstacle();
    let strict = std::env::var_os("CI").is_some();
    if let Some(obstacle) = &obstacle {
        eprintln!("SKIPPED: {} tests of the laboratory: {obstacle}", TESTS.len());
    }
    let trial = |(name, test): Test| match obstacle.clone() {
        Some(obstacle) if strict => Trial::test(name, move || Err(format!("not skipped in CI: {obstacle}").into())),
        other => Trial::test(name, test).with_ignored_flag(other.is_some()),
    };
    libtest_mimic::run(&arguments, TESTS.into_iter().map(trial).collect()).exit();
}
