//! Made-up traces of every cause, the player alone and in a call, controls with nothing wrong, two causes at once, our own
//! share, and absent data. Each says what a person with the same numbers would say.

mod support;

use diagnosis::model::{
    DeviceSample, MarkKind, PictureSample, Preflight, Scope, ServerSample, Side, Trace, WorkerSample,
};
use diagnosis::{Cause, Diagnosis, diagnose};
use support::{Call, PAGE, PLAYER_ALONE, Page, call, changed, fetch, mark, others, page, preflight, reference};

/// Seconds of a ring buffer, and where the fault begins in it.
const RING: i64 = 60;
const FAULT: i64 = 40;

fn told(diagnosis: &Diagnosis) -> String {
    serde_json::to_string_pretty(&diagnosis.verdict).expect("JSON")
}

fn expect(trace: &Trace, cause: Cause) -> Diagnosis {
    let diagnosis = diagnose(trace, None);
    assert_eq!(diagnosis.verdict.cause, cause, "{}", told(&diagnosis));
    diagnosis
}

fn well() -> Trace {
    let mut trace = Trace::new();
    page(&mut trace, PAGE, RING, |_| Page::default());
    trace
}

fn faulty(fault: impl Fn(Page) -> Page) -> Trace {
    let mut trace = Trace::new();
    page(&mut trace, PAGE, RING, |s| if s >= FAULT { fault(Page::default()) } else { Page::default() });
    trace
}

#[test]
fn a_lossy_line_of_a_viewer_without_a_call() {
    let mut trace = faulty(|p| Page { load: 1.6, ..p.stalled() });
    trace.preflights.push(preflight(RING - 2, 0.08, 12.0, 40.0, 60.0));
    let verdict = expect(&trace, Cause::ViewerNetwork).verdict;
    assert!(verdict.confidence > 0.8, "{}", verdict.confidence);
    assert!(verdict.summary.agent.en.contains("8 %"), "{}", verdict.summary.agent.en);
    assert!(verdict.ruled_out.iter().any(|out| out.cause == Cause::ViewerDevice) || verdict.evidence.len() > 1);
}

#[test]
fn a_narrow_line_whose_first_bytes_come_soon() {
    let mut trace = faulty(|p| Page { load: 1.8, ping_ms: 240.0, ..p.stalled() });
    expect(&trace, Cause::ViewerNetwork);
    let mut slow = preflight(RING - 2, 0.0, 8.0, 40.0, 260.0);
    slow.line_kbps = Some(600.0);
    slow.fetch = fetch(560.0);
    trace.preflights.push(slow);
    expect(&trace, Cause::ViewerNetwork);
}

#[test]
fn a_host_that_answers_late() {
    let mut trace = faulty(|p| Page { ttfb_ms: 2_600.0, load: 1.4, ..p.stalled() });
    expect(&trace, Cause::PlatformDelivery);
    trace.preflights.push(preflight(RING - 2, 0.0, 4.0, 40.0, 55.0));
    let verdict = expect(&trace, Cause::PlatformDelivery).verdict;
    assert!(verdict.ruled_out.iter().any(|out| out.cause == Cause::ViewerNetwork), "{verdict:#?}");
}

#[test]
fn a_throttled_edge_with_a_line_that_has_room() {
    let mut trace = faulty(|p| Page { load: 1.7, ..p.stalled() });
    let mut measured = preflight(RING - 2, 0.0, 4.0, 40.0, 50.0);
    measured.line_kbps = Some(9_000.0);
    measured.fetch = fetch(500.0);
    trace.preflights.push(measured);
    expect(&trace, Cause::PlatformDelivery);
}

#[test]
fn segments_that_are_refused() {
    expect(&faulty(|p| Page { status: 404.0, ..p.stalled() }), Cause::PlatformDelivery);
}

#[test]
fn a_request_that_is_never_answered_while_the_line_is_quiet() {
    expect(&faulty(|p| Page { pending: Some((6_000.0, 0.0)), ..p.stalled() }), Cause::PlatformDelivery);
}

#[test]
fn others_on_the_edge_decide() {
    let mut trace = faulty(|p| Page { load: 1.5, ping_ms: 45.0, ..p.stalled() });
    trace.others.push(others(RING - 1, Scope::Edge, 9.0, 14.0));
    expect(&trace, Cause::PlatformDelivery);
    let mut of_network = faulty(|p| Page { load: 1.5, ping_ms: 180.0, ..p.stalled() });
    of_network.others.push(others(RING - 1, Scope::Network, 6.0, 9.0));
    of_network.others.push(others(RING - 1, Scope::Edge, 0.0, 40.0));
    expect(&of_network, Cause::ViewerNetwork);
}

#[test]
fn a_device_that_drops_frames() {
    expect(&faulty(|p| Page { dropped: 9.0, decode_ms: 31.0, ..p }), Cause::ViewerDevice);
    let mut alone = Trace::new();
    page(&mut alone, PLAYER_ALONE, RING, |s| Page { dropped: if s >= FAULT { 8.0 } else { 0.0 }, ..Page::default() });
    expect(&alone, Cause::ViewerDevice);
}

#[test]
fn a_busy_main_thread() {
    expect(&faulty(|p| Page { blocked_ms: 700.0, ..p }), Cause::ViewerDevice);
    // A blocked page measures its own slowness; that is not the line's.
    let mut trace = faulty(|p| Page { blocked_ms: 700.0, dropped: 6.0, ping_ms: 400.0, ..p });
    trace.preflights.push(preflight(RING - 2, 0.03, 60.0, 45.0, 60.0));
    expect(&trace, Cause::ViewerDevice);
}

#[test]
fn a_source_that_stops_goes_black_or_breaks() {
    expect(&faulty(|p| Page { frozen: 1.0, ..p }), Cause::PlatformSource);
    expect(&faulty(|p| Page { black: 1.0, ..p }), Cause::PlatformSource);
    let mut broken = faulty(|p| Page { corrupt: 0.9, ..p });
    let mut likewise = reference(RING - 2);
    likewise.corrupt = Some(0.8);
    broken.references.push(likewise);
    expect(&broken, Cause::PlatformSource);
    // Damaged before it was encoded: our decoder has nothing to complain of.
    let mut before = faulty(|p| Page { corrupt: 0.9, ..p });
    before.references.push(reference(RING - 2));
    expect(&before, Cause::PlatformSource);
    // All others see a sound picture.
    let mut drawn = faulty(|p| Page { corrupt: 0.9, ..p });
    drawn.others.push(others(RING - 1, Scope::Stream, 0.0, 40.0));
    expect(&drawn, Cause::ViewerDevice);
}

#[test]
fn a_frozen_source_when_the_chat_was_opened_long_after() {
    let mut trace = Trace::new();
    page(&mut trace, PAGE, RING, |_| Page { frozen: 1.0, ..Page::default() });
    // Nothing says that it ever moved: it might be a slide.
    expect(&trace, Cause::NoneObserved);
    let mut looked = reference(RING - 2);
    (looked.frozen, looked.moved_before) = (Some(1.0), Some(true));
    trace.references.push(looked);
    expect(&trace, Cause::PlatformSource);
}

#[test]
fn our_own_fetch_speaks_of_its_own_time() {
    let slow_at = |second| {
        let mut slow = reference(second);
        slow.ttfb_ms = Some(3_000.0);
        slow
    };
    let narrow = |page: Page| Page { load: 1.8, ping_ms: 240.0, ..page.stalled() };
    let mut trace = faulty(narrow);
    trace.references.push(slow_at(FAULT - 70));
    expect(&trace, Cause::ViewerNetwork);
    // One that shared its answer shortly before speaks until there is one of this trouble.
    trace.references.push(slow_at(FAULT - 20));
    expect(&trace, Cause::PlatformDelivery);
    trace.references.push(reference(RING - 5));
    expect(&trace, Cause::ViewerNetwork);
    // A source that has just recovered: what is shown still was fetched before.
    let mut recovered = faulty(|page| Page { frozen: 1.0, ..page });
    let mut frozen = reference(RING - 25);
    frozen.frozen = Some(1.0);
    recovered.references.push(frozen);
    recovered.references.push(reference(RING - 1));
    expect(&recovered, Cause::PlatformSource);
}

fn in_call(fault: impl Fn(Call) -> Call) -> Trace {
    let mut trace = well();
    call(&mut trace, 10, 50, |s| if s >= 25 { fault(Call::default()) } else { Call::default() });
    trace
}

#[test]
fn the_viewer_s_line_in_a_call() {
    expect(&in_call(|c| Call { in_loss: 0.08, ..c }), Cause::ViewerNetwork);
    expect(&in_call(|c| Call { in_rtt_ms: 420.0, ..c }), Cause::ViewerNetwork);
    expect(&in_call(|c| Call { in_jitter_ms: 80.0, ..c }), Cause::ViewerNetwork);
}

#[test]
fn a_player_that_stalls_while_the_call_is_clean() {
    let mut trace = faulty(|p| Page { load: 1.5, ..p.stalled() });
    call(&mut trace, 10, 50, |_| Call::default());
    expect(&trace, Cause::PlatformDelivery);
}

#[test]
fn the_viewer_s_device_in_a_call() {
    expect(&in_call(|c| Call { encode: 0.95, limitation: "cpu", ..c }), Cause::ViewerDevice);
}

#[test]
fn the_server_keeps_packets_back() {
    expect(&in_call(|c| Call { dropped: 0.12, ..c }), Cause::MediaServer);
}

#[test]
fn what_waits_in_a_late_server_is_not_the_lines() {
    let late = |late_ms: f64| {
        let mut trace = in_call(|c| Call { in_rtt_ms: 220.0, in_jitter_ms: 70.0, out_rtt_ms: 190.0, ..c });
        trace.server = changed(&trace.server, |s, server| {
            let late_ms = Some(if s >= support::START + 35 { late_ms } else { 4.0 });
            ServerSample { worker: Some(WorkerSample { late_ms, ..WorkerSample::default() }), ..server }
        });
        trace
    };
    expect(&late(90.0), Cause::MediaServer);
    expect(&late(8.0), Cause::ViewerNetwork);
}

#[test]
fn the_agent_s_line() {
    let diagnosis = expect(&in_call(|c| Call { out_loss: 0.1, ..c }), Cause::AgentNetwork);
    assert!(diagnosis.verdict.ruled_out.iter().any(|out| out.cause == Cause::ViewerNetwork), "{}", told(&diagnosis));
    expect(&in_call(|c| Call { out_rtt_ms: 350.0, ..c }), Cause::AgentNetwork);
}

#[test]
fn the_agent_s_device() {
    expect(&in_call(|c| Call { agent_decode: 0.97, agent_drops: 0.3, ..c }), Cause::AgentDevice);
    let mut trace = in_call(|c| c);
    trace.agent_device = changed(&trace.device, |s, device| DeviceSample {
        blocked_ms: Some(if s >= support::START + FAULT { 600.0 } else { 5.0 }),
        ..device
    });
    expect(&trace, Cause::AgentDevice);
    // In long pieces, with pauses: little of the processor is given.
    trace.agent_device = changed(&trace.device, |s, device| DeviceSample {
        blocked_ms: Some(if s >= support::START + FAULT && s % 3 == 0 { 800.0 } else { 5.0 }),
        ..device
    });
    expect(&trace, Cause::AgentDevice);
}

#[test]
fn nothing_is_wrong_with_healthy_lines_of_all_kinds() {
    expect(&well(), Cause::NoneObserved);
    let mut alone = Trace::new();
    page(&mut alone, PLAYER_ALONE, RING, |_| Page::default());
    expect(&alone, Cause::NoneObserved);
    // Far away: every first byte takes two round trips.
    let mut far = Trace::new();
    page(&mut far, PAGE, RING, |_| Page { ttfb_ms: 720.0, load: 0.5, ping_ms: 320.0, ..Page::default() });
    far.preflights.push(preflight(50, 0.0, 6.0, 320.0, 340.0));
    expect(&far, Cause::NoneObserved);
    call(&mut far, 5, 55, |_| Call { in_rtt_ms: 330.0, ..Call::default() });
    expect(&far, Cause::NoneObserved);
    // Slow, and enough.
    let mut slow = Trace::new();
    page(&mut slow, PAGE, RING, |s| Page { load: 0.75, ping_ms: 50.0 + (s % 5) as f64 * 6.0, ..Page::default() });
    let mut measured = preflight(50, 0.0, 9.0, 50.0, 170.0);
    measured.line_kbps = Some(1_500.0);
    slow.preflights.push(measured);
    expect(&slow, Cause::NoneObserved);
    call(&mut slow, 5, 55, |s| {
        let wave = (s % 7) as f64 * 8.0;
        Call { limitation: "bandwidth", available_kbps: 700.0, in_rtt_ms: 50.0 + wave, ..Call::default() }
    });
    expect(&slow, Cause::NoneObserved);
}

#[test]
fn slides_and_dark_scenes_are_no_fault() {
    let mut slides = Trace::new();
    page(&mut slides, PAGE, RING, |s| Page { frozen: if s % 9 == 0 { 0.3 } else { 1.0 }, ..Page::default() });
    let mut looked = reference(RING - 2);
    looked.frozen = Some(1.0);
    slides.references.push(looked);
    expect(&slides, Cause::NoneObserved);
    let mut dark = Trace::new();
    page(&mut dark, PAGE, RING, |s| Page { black: if s % 4 == 0 { 0.4 } else { 0.0 }, ..Page::default() });
    expect(&dark, Cause::NoneObserved);
}

#[test]
fn a_tab_that_was_hidden_or_paused_is_no_fault() {
    let mut trace = Trace::new();
    page(&mut trace, PAGE, RING, |s| {
        let away = (30..45).contains(&s);
        Page { hidden: away, dropped: if away { 25.0 } else { 0.0 }, blocked_ms: 10.0, ..Page::default() }
    });
    expect(&trace, Cause::NoneObserved);
    let mut paused = Trace::new();
    page(&mut paused, PAGE, RING, |s| Page {
        paused: s > 30,
        frozen: if s > 30 { 1.0 } else { 0.0 },
        ..Page::default()
    });
    expect(&paused, Cause::NoneObserved);
}

#[test]
fn a_change_of_layer_is_no_fault() {
    expect(&in_call(|c| Call { width: 640.0, ..c }), Cause::NoneObserved);
}

#[test]
fn clean_now_means_that_the_ring_is_judged() {
    let mut trace = Trace::new();
    page(&mut trace, PAGE, RING, |s| {
        if (8..20).contains(&s) {
            Page { ttfb_ms: 2_400.0, load: 1.3, ..Page::default().stalled() }
        } else {
            Page::default()
        }
    });
    let verdict = expect(&trace, Cause::PlatformDelivery).verdict;
    assert_eq!(verdict.when, Some(diagnosis::verdict::When::Earlier));
    assert!(verdict.summary.agent.en.contains("not there now"), "{}", verdict.summary.agent.en);
}

#[test]
fn single_damaged_frames_are_no_fault() {
    let damaged = |each: i64| {
        let mut trace = well();
        trace.picture = changed(&trace.picture, |s, picture| PictureSample {
            corrupt: Some(if s >= support::START + FAULT && s % each == 0 { 1.0 } else { 0.0 }),
            ..picture
        });
        trace
    };
    expect(&damaged(4), Cause::NoneObserved);
    expect(&damaged(2), Cause::PlatformSource);
}

#[test]
fn a_line_that_loses_a_sixth_explains_late_answers() {
    let mut trace = faulty(|p| Page { ttfb_ms: 1_900.0, load: 1.2, ..p.stalled() });
    trace.preflights.push(preflight(RING - 3, 0.3, 9.0, 40.0, 60.0));
    expect(&trace, Cause::ViewerNetwork);
}

#[test]
fn two_causes_at_once_are_both_named() {
    let mut trace = faulty(|p| Page { dropped: 9.0, blocked_ms: 500.0, ..p });
    call(&mut trace, 10, 50, |s| Call { in_loss: if s > 25 { 0.07 } else { 0.0 }, ..Call::default() });
    let verdict = diagnose(&trace, None).verdict;
    let named = [Some(verdict.cause), verdict.also.as_ref().map(|also| also.cause)];
    assert!(named.contains(&Some(Cause::ViewerDevice)) && named.contains(&Some(Cause::ViewerNetwork)), "{verdict:#?}");
    let mut same = faulty(|p| Page { status: 503.0, load: 1.5, ..p.stalled() });
    same.preflights.push(preflight(RING - 2, 0.12, 20.0, 40.0, 60.0));
    let verdict = diagnose(&same, None).verdict;
    let named = [Some(verdict.cause), verdict.also.as_ref().map(|also| also.cause)];
    assert!(
        named.contains(&Some(Cause::PlatformDelivery)) && named.contains(&Some(Cause::ViewerNetwork)),
        "{verdict:#?}"
    );
    let mut far = faulty(|p| Page { frozen: 1.0, ..p });
    call(&mut far, 10, 50, |s| Call { out_loss: if s > 25 { 0.1 } else { 0.0 }, ..Call::default() });
    let verdict = diagnose(&far, None).verdict;
    let named = [Some(verdict.cause), verdict.also.as_ref().map(|also| also.cause)];
    assert!(named.contains(&Some(Cause::PlatformSource)) && named.contains(&Some(Cause::AgentNetwork)), "{verdict:#?}");
}

#[test]
fn a_shortage_that_our_share_causes_is_nobody_s() {
    let mut trace = Trace::new();
    page(&mut trace, PAGE, RING, |s| {
        let shared = Page { sharing: s >= 30, ..Page::default() };
        if (33..50).contains(&s) { Page { load: 1.4, ping_ms: 230.0, ..shared.stalled() } } else { shared }
    });
    trace.marks.push(mark(30, MarkKind::ShareStarted));
    let diagnosis = diagnose(&trace, None);
    let verdict = &diagnosis.verdict;
    assert!(verdict.own_share, "{}", told(&diagnosis));
    assert!(matches!(verdict.cause, Cause::NoneObserved | Cause::Undetermined), "{}", told(&diagnosis));
    assert!(diagnosis.issues.iter().any(|issue| issue.own_share));
    // A fault that begins long after the share did is not the share's.
    let mut later = Trace::new();
    page(&mut later, PAGE, RING, |s| {
        let shared = Page { sharing: s >= 10, ..Page::default() };
        if s >= FAULT { Page { load: 1.6, ping_ms: 240.0, ..shared.stalled() } } else { shared }
    });
    assert!(!expect(&later, Cause::ViewerNetwork).verdict.own_share);
}

#[test]
fn stalls_alone_decide_nothing() {
    let mut trace = Trace::new();
    page(&mut trace, PLAYER_ALONE, RING, |s| if s >= FAULT { Page::default().stalled() } else { Page::default() });
    let verdict = expect(&trace, Cause::Undetermined).verdict;
    assert!(!verdict.needs.is_empty());
    assert!(verdict.summary.agent.zh.contains("卡顿"), "{}", verdict.summary.agent.zh);
}

#[test]
fn nothing_measured_is_undetermined() {
    expect(&Trace::new(), Cause::Undetermined);
    let mut short = Trace::new();
    page(&mut short, PAGE, 4, |_| Page::default());
    expect(&short, Cause::Undetermined);
}

#[test]
fn the_agent_s_lane_alone_does_not_decide_who_lost_it() {
    let mut trace = in_call(|c| Call { out_loss: 0.12, ..c });
    trace = Trace { agent_down: trace.agent_down, ..Trace::new() };
    let verdict = expect(&trace, Cause::Undetermined).verdict;
    assert!(verdict.needs.contains(&diagnosis::LaneName::Server));
}

#[test]
fn the_agent_s_preflight_tells_line_from_server() {
    let mut trace = in_call(|c| Call { out_loss: 0.12, ..c });
    let mut agent = preflight(RING - 2, 0.0, 3.0, 15.0, 20.0);
    agent.side = Some(Side::Agent);
    trace.preflights.push(agent.clone());
    expect(&trace, Cause::MediaServer);
    // A look from before the loss says nothing of the line in it.
    let mut before = in_call(|c| Call { out_loss: 0.12, ..c });
    before.preflights.push(Preflight { t: agent.t.map(|t| t - 40_000.0), ..agent.clone() });
    expect(&before, Cause::AgentNetwork);
    agent.up = Some(diagnosis::model::EchoSample { loss: Some(0.09), jitter_ms: Some(8.0) });
    agent.t = agent.t.map(|t| t + 1_000.0);
    trace.preflights.push(agent);
    expect(&trace, Cause::AgentNetwork);
}

#[test]
fn a_right_verdict_within_ten_seconds_of_the_fault() {
    let rows: [(Trace, Cause); 4] = [
        (faulty(|p| Page { status: 404.0, ..p.stalled() }), Cause::PlatformDelivery),
        (faulty(|p| Page { dropped: 9.0, ..p }), Cause::ViewerDevice),
        (faulty(|p| Page { frozen: 1.0, ..p }), Cause::PlatformSource),
        (faulty(|p| Page { load: 1.8, ping_ms: 240.0, ..p.stalled() }), Cause::ViewerNetwork),
    ];
    for (trace, cause) in rows {
        let right = |after: &i64| {
            let to_ms = (support::START + FAULT + after) * 1_000;
            let window = diagnosis::Window { from_ms: support::START * 1_000, to_ms };
            diagnose(&trace, Some(window)).verdict.cause == cause
        };
        let first = (0..RING - FAULT).find(right).expect("found at all");
        assert!(first <= 8, "{cause:?} after {first} s");
    }
}
