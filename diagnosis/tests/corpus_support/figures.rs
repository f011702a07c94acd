//! The figures of the corpus as Markdown: confusion matrix, shares with their intervals, false blame, time to a verdict.

use std::fmt::Write as _;

use diagnosis::Cause;

use super::name;
use super::replay::{AFTER_CHAT_S, Outcome};
use super::run::Split;

/// Of a normal distribution, for 95 % of it.
const Z: f64 = 1.96;

/// Who has suffered for so long opens the chat on account of it, s: by then a player's buffer is empty.
const HAD_IT_S: f64 = 12.0;

/// A chat that was opened within so many seconds of the fault was open, or as good as open, when it began, s.
const SOON_S: f64 = 6.0;

/// Everything that docs/diagnosis-corpus.md says.
pub(crate) fn report(outcomes: &[Outcome]) -> String {
    let mut text = String::from(
        "# The corpus: figures\n\nWritten by `UPDATE=1 cargo test -p sightline-diagnosis --test corpus`; docs/diagnosis.md says how the \
         runs are recorded. Rows: what was done. Columns: the verdict at the end of the recording.\n",
    );
    for (split, name) in [(Split::Reported, "Reported half"), (Split::Tuning, "Tuning half")] {
        let _ = write!(text, "\n## {name}\n");
        for (call, title) in [(false, "Without a call"), (true, "In a call")] {
            let one_cause: Vec<&Outcome> = outcomes
                .iter()
                .filter(|outcome| outcome.run.split == split && outcome.run.call == call && outcome.run.also.is_none())
                .collect();
            if !one_cause.is_empty() {
                let _ = write!(text, "\n### {title}\n\n{}", part(&one_cause));
            }
        }
        let both: Vec<&Outcome> =
            outcomes.iter().filter(|outcome| outcome.run.split == split && outcome.run.also.is_some()).collect();
        if !both.is_empty() {
            let primary = both.iter().filter(|outcome| outcome.is_right()).count();
            let second = both.iter().filter(|outcome| outcome.is_right() && outcome.names_both()).count();
            let _ = write!(
                text,
                "\n### Two causes at once\n\n{} runs: the stronger one is the verdict in {primary}, the other is named besides in {second}.\n",
                both.len()
            );
        }
    }
    text
}

/// Mean over the causes of the share that is right, of the runs with one cause of a half.
pub(crate) fn macro_right(outcomes: &[Outcome], split: Split) -> f64 {
    let of: Vec<&Outcome> =
        outcomes.iter().filter(|outcome| outcome.run.split == split && outcome.run.also.is_none()).collect();
    mean_share(&of)
}

fn causes(outcomes: &[&Outcome]) -> Vec<Cause> {
    let labelled = |cause: &&Cause| outcomes.iter().any(|outcome| outcome.run.label == **cause);
    Cause::ALL.iter().filter(labelled).copied().collect()
}

fn mean_share(outcomes: &[&Outcome]) -> f64 {
    let causes = causes(outcomes);
    let shares: f64 = causes.iter().map(|cause| share(counted(outcomes, *cause))).sum();
    shares / number(causes.len()).max(1.0)
}

/// Runs of a cause that are right, and all.
fn counted(outcomes: &[&Outcome], cause: Cause) -> (usize, usize) {
    let of = outcomes.iter().filter(|outcome| outcome.run.label == cause);
    (of.clone().filter(|outcome| outcome.is_right()).count(), of.count())
}

fn part(outcomes: &[&Outcome]) -> String {
    let mut text = matrix(outcomes);
    let right = outcomes.iter().filter(|outcome| outcome.is_right()).count();
    let (low, high) = wilson(right, outcomes.len());
    let _ = write!(
        text,
        "\nMacro top-1 {:.1} %; {right} of {} runs right, 95 % Wilson interval {:.1} to {:.1} %.\n",
        100.0 * mean_share(outcomes),
        outcomes.len(),
        100.0 * low,
        100.0 * high
    );
    let controls: Vec<&&Outcome> = outcomes.iter().filter(|outcome| outcome.run.label == Cause::NoneObserved).collect();
    if !controls.is_empty() {
        let at_end = controls.iter().filter(|outcome| Cause::BLAMED.contains(&outcome.last.verdict.cause)).count();
        let ever = controls.iter().filter(|outcome| !outcome.blamed.is_empty()).count();
        let _ = writeln!(
            text,
            "Clean controls: {} of {} blame somebody at the end, {ever} at any second.",
            at_end,
            controls.len()
        );
    }
    text.push_str(&times(outcomes));
    text.push_str(&by_family(outcomes));
    text
}

/// How soon a verdict is right; where none ever is, later than any.
fn times(outcomes: &[&Outcome]) -> String {
    let faulty: Vec<&&Outcome> = outcomes.iter().filter(|outcome| outcome.run.fault_s.is_some()).collect();
    let mut text = String::new();
    let Some((median, right)) = median_right(&faulty) else { return text };
    let _ = writeln!(
        text,
        "From the fault's start to a right verdict that holds: median {median:.0} s over all {} (never right counts as longest; {right} are).",
        faulty.len(),
    );
    let opened_s = |outcome: &&&Outcome| outcome.run.fault_s.map(|fault_s| outcome.run.chat_s - fault_s);
    let soon: Vec<&&Outcome> = faulty
        .iter()
        .filter(|outcome| opened_s(outcome).is_some_and(|s| (0.0..=SOON_S).contains(&s)))
        .copied()
        .collect();
    if let Some((median, right)) = median_right(&soon) {
        let _ = writeln!(
            text,
            "Of the {} whose chat was opened within {SOON_S} s of the fault: median {median:.0} s ({right} right).",
            soon.len()
        );
    }
    let had_it = |outcome: &&&Outcome| {
        !outcome.run.call && outcome.run.fault_s.is_some_and(|fault_s| outcome.run.chat_s - fault_s >= HAD_IT_S)
    };
    let suffering: Vec<&&Outcome> = faulty.into_iter().filter(had_it).collect();
    if !suffering.is_empty() {
        let right = |place: usize| {
            suffering.iter().filter(|outcome| outcome.after_chat[place] == Some(outcome.run.label)).count()
        };
        let _ = writeln!(
            text,
            "Before a word: in {} the viewer had it for {HAD_IT_S} s or more when the chat was opened; the verdict is right {} s after the ring came in {}, \
             after {} s, with the line check, in {}.",
            suffering.len(),
            AFTER_CHAT_S[0],
            right(0),
            AFTER_CHAT_S[1],
            right(1)
        );
    }
    text
}

/// Median time to a right verdict, s, infinite for those that never are, and how many are.
fn median_right(outcomes: &[&&Outcome]) -> Option<(f64, usize)> {
    let mut times: Vec<f64> = outcomes.iter().map(|outcome| outcome.right_after_s.unwrap_or(f64::INFINITY)).collect();
    times.sort_by(f64::total_cmp);
    Some((*times.get(times.len() / 2)?, times.iter().filter(|time| time.is_finite()).count()))
}

fn matrix(outcomes: &[&Outcome]) -> String {
    let said: Vec<Cause> = Cause::ALL
        .iter()
        .filter(|cause| {
            outcomes.iter().any(|outcome| outcome.last.verdict.cause == **cause || outcome.run.label == **cause)
        })
        .copied()
        .collect();
    let mut text = String::from("| |");
    for cause in &said {
        let _ = write!(text, " {} |", name(*cause));
    }
    text.push_str(" right | Wilson |\n|---|");
    text.push_str(&"---|".repeat(said.len() + 2));
    text.push('\n');
    for label in causes(outcomes) {
        let _ = write!(text, "| **{}** |", name(label));
        let row: Vec<&&Outcome> = outcomes.iter().filter(|outcome| outcome.run.label == label).collect();
        for cause in &said {
            let count = row.iter().filter(|outcome| outcome.last.verdict.cause == *cause).count();
            if count == 0 {
                text.push_str(" · |");
            } else {
                let _ = write!(text, " {count} |");
            }
        }
        let (right, all) = counted(outcomes, label);
        let (low, high) = wilson(right, all);
        let _ = writeln!(text, " {:.0} % | {:.0}–{:.0} % |", 100.0 * share((right, all)), 100.0 * low, 100.0 * high);
    }
    text
}

fn by_family(outcomes: &[&Outcome]) -> String {
    let mut families: Vec<&str> = outcomes.iter().map(|outcome| outcome.run.family.as_str()).collect();
    families.sort_unstable();
    families.dedup();
    let of = |family: &&str| {
        let runs = outcomes.iter().filter(|outcome| outcome.run.family == **family);
        format!("{family} {}/{}", runs.clone().filter(|outcome| outcome.is_right()).count(), runs.count())
    };
    format!("By family: {}.\n", families.iter().map(of).collect::<Vec<_>>().join(", "))
}

/// Wilson's score interval of `right` of `all`.
fn wilson(right: usize, all: usize) -> (f64, f64) {
    if all == 0 {
        return (0.0, 1.0);
    }
    let (n, p) = (number(all), share((right, all)));
    let middle = (p + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n);
    let half = Z / (1.0 + Z * Z / n) * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    ((middle - half).max(0.0), (middle + half).min(1.0))
}

fn share((right, all): (usize, usize)) -> f64 {
    number(right) / number(all).max(1.0)
}

#[expect(clippy::cast_precision_loss, reason = "runs")]
fn number(count: usize) -> f64 {
    count as f64
}

#[test]
fn the_interval_is_wilsons() {
    let (low, high) = wilson(19, 20);
    assert!((low - 0.764).abs() < 0.001 && (high - 0.991).abs() < 0.001, "{low} {high}");
    assert_eq!(wilson(0, 0), (0.0, 1.0));
}
