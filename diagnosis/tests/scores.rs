//! Scores: golden vectors kept as a file, monotonicity, states, sessions; and that more loss never raises anything.

mod support;

use diagnosis::model::{LaneName, MarkKind, Trace};
use diagnosis::scores::{LegScores, Part, SliceState, formulas};
use diagnosis::{Cause, diagnose};
use proptest::prelude::*;
use serde_json::Value;
use support::{Call, PAGE, Page, call, mark, page};

fn leg(trace: &Trace, wanted: LaneName) -> LegScores {
    diagnose(trace, None).scores.legs.into_iter().find(|leg| leg.leg == wanted).expect("measured")
}

#[test]
fn the_formulas_give_the_golden_vectors() {
    let file = include_str!("golden/formulas.json");
    let vectors: Vec<Value> = serde_json::from_str(file).expect("JSON");
    for vector in &vectors {
        let x: Vec<f64> = vector["in"].as_array().expect("list").iter().map(|n| n.as_f64().expect("number")).collect();
        let got = match vector["formula"].as_str().expect("name") {
            "call_delivery" => formulas::call_delivery(x[0], x[1]),
            "call_interaction" => formulas::call_interaction(x[0]),
            "continuity" => formulas::continuity(x[0], x[1]),
            "sender_continuity" => formulas::sender_continuity(x[0]),
            "call_fidelity" => formulas::call_fidelity(x[0], x[1]),
            "player_delivery" => formulas::player_delivery(x[0], x[1], x[2]),
            "player_fidelity" => formulas::player_fidelity(x[0]),
            "player_interaction" => formulas::player_interaction(x[0]),
            other => panic!("no formula {other}"),
        };
        let out = vector["out"].as_f64().expect("number");
        assert!((got - out).abs() < 0.01, "{vector}: {got}");
    }
    assert!(vectors.len() >= 24);
}

#[test]
fn a_slice_is_its_least_part_and_a_session_its_worst() {
    let mut trace = Trace::new();
    page(&mut trace, PAGE, 120, |s| if (60..90).contains(&s) { Page::default().stalled() } else { Page::default() });
    let player = leg(&trace, LaneName::Player);
    let bad = player.slices.iter().find(|slice| slice.from_ms == (support::START + 70) * 1_000).expect("there");
    assert_eq!((bad.state, bad.reason, bad.score), (SliceState::Scored, Some(Part::Continuity), Some(0.0)));
    assert_eq!(player.p10, Some(0.0));
    let worst = player.worst_30_s.expect("half a minute");
    assert_eq!((worst.from_ms, worst.score), ((support::START + 60) * 1_000, 0.0));
}

#[test]
fn states_are_told_apart() {
    let mut trace = Trace::new();
    page(&mut trace, PAGE, 30, |s| Page { paused: (10..20).contains(&s), ..Page::default() });
    call(&mut trace, 15, 15, |_| Call::default());
    trace.marks.push(mark(25, MarkKind::Muted));
    let player: Vec<SliceState> = leg(&trace, LaneName::Player).slices.iter().map(|slice| slice.state).collect();
    assert_eq!(player[2], SliceState::Muted);
    let up: Vec<SliceState> = leg(&trace, LaneName::ViewerUp).slices.iter().map(|slice| slice.state).collect();
    assert_eq!(
        up,
        [
            SliceState::Unknown,
            SliceState::Unknown,
            SliceState::Unknown,
            SliceState::Muted,
            SliceState::Scored,
            SliceState::Muted
        ]
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn worse_values_never_raise_a_formula(a in 0.0..2.0f64, b in 0.0..2.0f64, more in 0.0..2.0f64) {
        let ms = 1_000.0;
        prop_assert!(formulas::call_delivery(a + more, b * ms) <= formulas::call_delivery(a, b * ms));
        prop_assert!(formulas::call_delivery(a, (b + more) * ms) <= formulas::call_delivery(a, b * ms));
        prop_assert!(formulas::call_interaction((a + more) * ms) <= formulas::call_interaction(a * ms));
        prop_assert!(formulas::continuity(a + more, b) <= formulas::continuity(a, b));
        prop_assert!(formulas::continuity(a, b + more) <= formulas::continuity(a, b));
        prop_assert!(formulas::call_fidelity(a + more, b) <= formulas::call_fidelity(a, b));
        prop_assert!(formulas::player_delivery(a + more, b * ms, 0.0) <= formulas::player_delivery(a, b * ms, 0.0));
        prop_assert!(formulas::player_delivery(a, (b + more) * ms, a) <= formulas::player_delivery(a, b * ms, a));
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            prop_assert!((0.0..=100.0).contains(&formulas::call_delivery(value, b)));
        }
    }

    #[test]
    fn more_loss_never_raises_a_score_and_is_never_blamed_on_what_was_not_measured(loss in 0.0..0.4f64, more in 0.0..0.4f64) {
        let with = |loss: f64| {
            let mut trace = Trace::new();
            call(&mut trace, 0, 40, |_| Call { in_loss: loss, ..Call::default() });
            trace
        };
        let (less, worse) = (with(loss), with(loss + more));
        for lane in [LaneName::ViewerUp, LaneName::AgentDown, LaneName::Server] {
            let (a, b) = (leg(&less, lane), leg(&worse, lane));
            prop_assert!(b.p10.expect("scored") <= a.p10.expect("scored") + 1e-9);
        }
        let cause = diagnose(&worse, None).verdict.cause;
        prop_assert!(matches!(cause, Cause::ViewerNetwork | Cause::NoneObserved | Cause::Undetermined), "{cause:?}");
    }
}
