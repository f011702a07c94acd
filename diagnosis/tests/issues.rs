//! Issues: raised with hysteresis, updated, resolved, excluded; and the table of thresholds in docs/diagnosis.md.

mod support;

use std::time::Instant;

use diagnosis::issues::{Bad, IssueKind, State, thresholds};
use diagnosis::model::Trace;
use diagnosis::{Change, Window, changes, diagnose};
use support::{Call, PAGE, Page, START, call, page};

#[test]
fn an_issue_is_raised_updated_and_resolved() {
    let mut trace = Trace::new();
    call(&mut trace, 0, 60, |s| Call { in_loss: if (20..32).contains(&s) { 0.1 } else { 0.0 }, ..Call::default() });
    let at = |second: i64| {
        let window = Window { from_ms: START * 1_000, to_ms: (START + second) * 1_000 };
        diagnose(&trace, Some(window))
            .issues
            .into_iter()
            .filter(|i| i.kind == IssueKind::UplinkLoss)
            .collect::<Vec<_>>()
    };
    assert!(at(21).is_empty());
    let raised = at(22);
    assert!(matches!(changes(&[], &raised)[..], [Change::Raised(_)]));
    assert_eq!(raised[0].from_ms, (START + 20) * 1_000);
    let later = at(31);
    assert!(matches!(changes(&raised, &later)[..], [Change::Updated(_)]));
    assert!(changes(&later, &later).is_empty());
    let over = at(50);
    assert!(matches!(changes(&later, &over)[..], [Change::Resolved(_)]));
    assert_eq!((over[0].state, over[0].duration_ms), (State::Resolved, 12_000));
    assert!((over[0].evidence.worst - 0.1).abs() < 0.001 && over[0].evidence.source == "webrtc-issue-detector");
}

#[test]
fn a_single_bad_second_raises_nothing_and_a_counter_reset_is_none() {
    let mut trace = Trace::new();
    call(&mut trace, 0, 40, |s| Call { in_loss: if s == 20 { 0.5 } else { 0.0 }, ..Call::default() });
    assert!(diagnose(&trace, None).issues.is_empty());
    let mut reset = Trace::new();
    page(&mut reset, PAGE, 30, |_| Page { dropped: 0.1, ..Page::default() });
    let mut again = Trace::new();
    page(&mut again, PAGE, 30, |_| Page::default());
    for (second, sample) in again.player.iter() {
        reset.player.push(((second + 30) * 1_000) as f64, sample.clone());
    }
    assert!(diagnose(&reset, None).issues.is_empty());
}

/// The documentation's table is made from the code; `UPDATE_DOCS=1` writes it.
#[test]
fn the_documented_thresholds_are_the_code_s() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/diagnosis.md");
    let text = std::fs::read_to_string(path).expect("docs");
    let (begin, end) = ("<!-- thresholds: begin -->\n", "<!-- thresholds: end -->");
    let (before, rest) = text.split_once(begin).expect("begin");
    let (_, after) = rest.split_once(end).expect("end");
    let name = |value: serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let mut table =
        "| issue | family | lane | measure | raise | clear | N of M | source |\n|---|---|---|---|---|---|---|---|\n"
            .to_owned();
    for row in thresholds() {
        let kind = name(serde_json::to_value(row.kind).expect("JSON"));
        let family = name(serde_json::to_value(row.family).expect("JSON"));
        let sign = if row.bad == Bad::Above { "≥" } else { "≤" };
        let context = if row.context { " (context)" } else { "" };
        let unit = if row.unit.is_empty() { String::new() } else { format!(" {}", row.unit) };
        table.push_str(&format!(
            "| `{kind}`{context} | {family} | {} | {} | {sign} {}{unit} | {}{unit} | {} of {} | {} |\n",
            row.lane.as_str(),
            row.measure,
            row.raise,
            row.clear,
            row.need,
            row.of,
            row.source
        ));
    }
    let wanted = format!("{before}{begin}{table}{end}{after}");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, &wanted).expect("written");
    } else {
        assert!(text == wanted, "docs/diagnosis.md is out of date: run with UPDATE_DOCS=1");
    }
}

/// Not a bound, since machines differ: prints what an answer costs; docs/diagnosis.md has the command.
#[test]
#[ignore = "a measurement"]
fn cost_of_a_diagnosis() {
    let mut trace = Trace::new();
    page(
        &mut trace,
        PAGE,
        60,
        |s| if s >= 40 { Page { load: 1.6, ..Page::default().stalled() } } else { Page::default() },
    );
    let measure = |name: &str, trace: &Trace| {
        #[expect(clippy::disallowed_methods, reason = "a measurement")]
        let start = Instant::now();
        for _ in 0..1_000 {
            assert!(!diagnose(trace, None).issues.is_empty());
        }
        println!("{name}: {:.0} µs", start.elapsed().as_secs_f64() * 1e3);
    };
    measure("player, 60 s", &trace);
    call(&mut trace, 0, 60, |s| Call { in_loss: if s > 25 { 0.08 } else { 0.0 }, ..Call::default() });
    measure("player and call, 60 s", &trace);
}
