//! A trace as the desk sees it grow: second by second, and the verdict at its end.

use std::path::Path;

use diagnosis::{Cause, Diagnosis, LaneName, Trace, diagnose};
use serde_json::Value;

use super::name;
use super::run::Run;

/// A verdict that was right for so many seconds in a row was not right by chance.
const HOLDS_S: usize = 3;

/// Seconds after the page's last minute came at which the verdict is looked at: with that alone, and with the line check.
pub(crate) const AFTER_CHAT_S: [f64; 2] = [2.0, 5.0];

/// What became of a run.
pub(crate) struct Outcome {
    pub(crate) run: Run,
    /// At the end of the recording.
    pub(crate) last: Diagnosis,
    /// Seconds from the fault's start to the first verdict that was right and held.
    pub(crate) right_after_s: Option<f64>,
    /// The verdicts [`AFTER_CHAT_S`] after the page's last minute came.
    pub(crate) after_chat: [Option<Cause>; 2],
    /// What was blamed at any second of a run in which nothing was wrong.
    pub(crate) blamed: Vec<Cause>,
}

impl Outcome {
    /// The verdict is the label.
    pub(crate) fn is_right(&self) -> bool {
        self.last.verdict.cause == self.run.label
    }

    /// The second cause is named, where there is one.
    pub(crate) fn names_both(&self) -> bool {
        self.run.also.is_none() || self.last.verdict.also.as_ref().map(|also| also.cause) == self.run.also
    }

    /// For tuning: the run and what was said of it.
    pub(crate) fn line(&self) -> String {
        let Run { id, family, severity, content, label, .. } = &self.run;
        let verdict = &self.last.verdict;
        let mark = if self.is_right() { ' ' } else { '!' };
        let after = self.right_after_s.map_or("never".to_owned(), |s| format!("{s:.0} s"));
        let facts: Vec<String> =
            verdict.evidence.iter().map(|fact| format!("{:?} {:.2}", fact.kind, fact.value)).collect();
        let (label, cause) = (name(*label), name(verdict.cause));
        let also = verdict.also.as_ref().map_or(String::new(), |also| format!(" + {}", name(also.cause)));
        let facts = facts.join(", ");
        let soon = self.after_chat.map(|cause| cause.map_or("nothing".to_owned(), name));
        let soon = soon.join(", ");
        let ever: Vec<String> = self.blamed.iter().map(|cause| name(*cause)).collect();
        let ever = if ever.is_empty() { String::new() } else { format!("; blamed {}", ever.join(", ")) };
        format!(
            "{mark} {id} {family}/{severity}/{content}: {label} -> {cause}{also} ({after}; at the chat: {soon}{ever}) [{facts}]"
        )
    }
}

/// Replays a run.
pub(crate) fn replay(folder: &Path, run: Run) -> Outcome {
    let file: Value = serde_json::from_str(&run.text(folder)).expect("JSON");
    let mut samples: Vec<(i64, LaneName, &Value)> = Vec::new();
    for name in LaneName::ALL {
        let lane = file["lanes"][name.as_str()].as_array();
        for sample in lane.into_iter().flatten() {
            samples.push((second(sample), *name, sample));
        }
    }
    samples.sort_by_key(|(at, ..)| *at);
    let first = samples.first().map_or(0, |(at, ..)| *at);
    let mut trace = Trace::new();
    let mut said: Vec<(f64, Cause)> = Vec::new();
    for seconds in samples.chunk_by(|a, b| a.0 == b.0) {
        for (_, lane, sample) in seconds {
            // What cannot be kept is the other test's matter.
            let _ = trace.push(*lane, sample);
        }
        #[expect(clippy::cast_precision_loss, reason = "a minute")]
        let at = (seconds.first().map_or(first, |(at, ..)| *at) - first) as f64;
        said.push((at, diagnose(&trace, None).verdict.cause));
    }
    let arrived_s = arrival(&run, &file, first);
    let after_chat = AFTER_CHAT_S.map(|wait_s| {
        let by_then = said.iter().rfind(|(at, _)| *at <= arrived_s + wait_s);
        by_then.map(|(_, cause)| *cause)
    });
    Outcome {
        right_after_s: right_after(&run, &said),
        after_chat,
        blamed: blamed(&run, &said),
        last: diagnose(&trace, None),
        run,
    }
}

/// When the page's last minute reached the desk: the chat's socket had its first answer by then, which takes its time on a bad line.
fn arrival(run: &Run, file: &Value, first: i64) -> f64 {
    let answered = |sample: &Value| sample["pingMs"].is_number();
    let lane = file["lanes"]["device"].as_array();
    #[expect(clippy::cast_precision_loss, reason = "a minute")]
    let seconds = lane.into_iter().flatten().filter(|s| answered(s)).map(|s| (second(s) - first) as f64);
    seconds.filter(|at| *at >= run.chat_s - 1.0).reduce(f64::min).map_or(run.chat_s, |at| at.max(run.chat_s))
}

fn second(sample: &Value) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "a time")]
    let second = (sample["t"].as_f64().unwrap_or(0.0) / 1_000.0).round() as i64;
    second
}

fn right_after(run: &Run, said: &[(f64, Cause)]) -> Option<f64> {
    let fault_s = run.fault_s?;
    let since: Vec<&(f64, Cause)> = said.iter().filter(|(at, _)| *at >= fault_s).collect();
    let holds = |place: &usize| {
        let next = &since[*place..since.len().min(place + HOLDS_S)];
        next.iter().all(|(_, cause)| *cause == run.label)
    };
    (0..since.len()).find(holds).map(|place| since[place].0 - fault_s)
}

/// Causes blamed in a run without a fault, each once, the first second first.
fn blamed(run: &Run, said: &[(f64, Cause)]) -> Vec<Cause> {
    let mut blamed = Vec::new();
    if run.label != Cause::NoneObserved {
        return blamed;
    }
    for (_, cause) in said {
        if Cause::BLAMED.contains(cause) && !blamed.contains(cause) {
            blamed.push(*cause);
        }
    }
    blamed
}
