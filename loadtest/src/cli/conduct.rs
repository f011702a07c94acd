//! A run from its first look at the server to its exit code: watch, play, judge, write down.

use std::future::Future;
use std::path::Path;
use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressStyle};

use super::args::CommonArgs;
use super::{EXIT_COULD_NOT_RUN, EXIT_FELL, EXIT_INTERRUPTED};
use crate::assertion::{Assertion, PhaseNames, Verdict};
use crate::client::{RestClient, unix_ms};
use crate::report::{Frame, Report, Tally};
use crate::scenarios::{Stop, StopReason, StopSwitch};
use crate::watch::{GeneratorReport, ServerReport, Watch};

/// What always has to hold of the generator: figures of one that is late are not about the server.
const GENERATOR_INVARIANTS: [&str; 2] = ["generator.lag.p99<=50ms", "figures.generator_cpu_share_percent<=95"];
/// Phases of the generator.
const GENERATOR_PHASES: (&str, &[&str]) = ("generator", &["lag", "late"]);

/// What is special about a scenario's report.
pub(super) struct Manner {
    /// Its name.
    pub(super) scenario: &'static str,
    /// Its phases by mode.
    pub(super) phases: PhaseNames<'static>,
    /// What always has to hold.
    pub(super) invariants: &'static [&'static str],
    /// The total without which nothing was shown.
    pub(super) essential: &'static str,
    /// Whether the operator's assertions are criteria of the steps, and not of the whole.
    pub(super) criteria_only: bool,
    /// Figures that are worked out at the end.
    pub(super) finish: fn(&mut Tally, Option<&ServerReport>),
}

impl Manner {
    /// Checks the operator's assertions against the names there are.
    ///
    /// # Errors
    /// One line for the operator.
    pub(super) fn check(&self, asserts: &[Assertion]) -> Result<(), String> {
        let mut names = self.phases.to_vec();
        names.push(GENERATOR_PHASES);
        names.push(("fault", &["cut", "drop"]));
        asserts.iter().try_for_each(|assertion| assertion.check_names(self.scenario, &names))
    }
}

/// Plays a scenario and reports it. `play` says in words why it could not run.
pub(super) async fn conduct<F>(
    manner: Manner,
    common: &CommonArgs,
    settings: serde_json::Value,
    rest: Option<RestClient>,
    play: impl FnOnce(Stop, ProgressBar) -> F,
) -> ExitCode
where
    F: Future<Output = Result<Tally, String>>,
{
    let (switch, stop) = Stop::new();
    stop_on_ctrl_c(switch.clone());
    let watch = Watch::start(rest, switch);
    let progress = progress_bar(common.quiet);
    let started_at_ms = unix_ms();
    let played = play(stop, progress.clone()).await;
    progress.finish_and_clear();
    let (mut tally, could_run) = match played {
        Ok(tally) => (tally, true),
        Err(reason) => (Tally { broken_off: Some(reason), ..Tally::default() }, false),
    };
    let (server, generator) = watch.finish(&mut tally.phases).await;
    if could_run {
        note_generator(&mut tally, &generator);
        (manner.finish)(&mut tally, server.as_ref());
    }
    let asserts = judge(&manner, common, &mut tally, server.as_ref(), could_run);
    let frame = Frame {
        scenario: manner.scenario.to_owned(),
        target: common.server.name(),
        command: redacted(std::env::args()),
        started_at_ms,
        duration_s: (unix_ms() - started_at_ms) / 1_000.0,
        settings,
    };
    let report = Report::new(frame, tally, asserts, server, generator);
    conclude(&report, common, could_run)
}

/// Reports a run that never began, as far as there is something to report.
pub(super) fn could_not_begin(scenario: &str, common: &CommonArgs, reason: String) -> ExitCode {
    let frame = Frame {
        scenario: scenario.to_owned(),
        target: common.server.name(),
        command: redacted(std::env::args()),
        started_at_ms: unix_ms(),
        duration_s: 0.0,
        settings: serde_json::json!({}),
    };
    let tally = Tally { broken_off: Some(reason), ..Tally::default() };
    let generator =
        GeneratorReport { cpu_percent: None, cpu_samples: Vec::new(), lag_ms: None, cores: 1, saturated: false };
    conclude(&Report::new(frame, tally, Vec::new(), None, generator), common, false)
}

fn note_generator(tally: &mut Tally, generator: &GeneratorReport) {
    let share = generator.cpu_percent.map_or(0.0, |cpu| cpu.mean) / generator.cores.max(1) as f64;
    tally.figure("generator_cpu_share_percent", share);
}

fn judge(
    manner: &Manner,
    common: &CommonArgs,
    tally: &mut Tally,
    server: Option<&ServerReport>,
    could_run: bool,
) -> Vec<Verdict> {
    if !could_run {
        return Vec::new();
    }
    let shown = tally.totals.get(manner.essential).copied().unwrap_or(0);
    if shown == 0 && tally.broken_off.is_none() && !tally.interrupted {
        tally.broken_off = Some("nothing succeeded; see the errors".to_owned());
    }
    // A capacity run drives machine and generator over their limits on purpose.
    let generator: &[&str] = if manner.criteria_only { &[] } else { &GENERATOR_INVARIANTS };
    let always = manner.invariants.iter().chain(generator);
    let always = always.filter_map(|text| text.parse::<Assertion>().ok());
    let asked = common.asserts.iter().filter(|_| !manner.criteria_only).cloned();
    always.chain(asked).map(|condition| condition.evaluate(tally, server, manner.scenario)).collect()
}

/// Prints and writes the report; says how it ended.
fn conclude(report: &Report, common: &CommonArgs, could_run: bool) -> ExitCode {
    if could_run {
        print!("{}", report.table());
    }
    let mut written = true;
    if let Some(path) = &common.json {
        let json = serde_json::to_vec_pretty(report).map_err(|error| error.to_string());
        written &= json.map(|json| write(path, &json)).unwrap_or(false);
    }
    if let Some(path) = &common.html {
        written &= write(path, report.html().as_bytes());
    }
    if let Some(reason) = &report.broken_off {
        let what = if could_run { "broken off" } else { "could not run" };
        eprintln!("{what}: {reason}");
        return ExitCode::from(EXIT_COULD_NOT_RUN);
    }
    if report.generator.saturated && !report.steps.iter().any(|step| step.held) {
        eprintln!(
            "the generator was saturated ({}): the figures tell of this machine, not of the server",
            report.generator
        );
    }
    if report.interrupted {
        return ExitCode::from(EXIT_INTERRUPTED);
    }
    let fallen: Vec<_> = report.asserts.iter().filter(|verdict| !verdict.held).collect();
    for verdict in &fallen {
        eprintln!("{verdict}");
    }
    match (written, fallen.is_empty()) {
        (false, _) => ExitCode::from(EXIT_COULD_NOT_RUN),
        (true, false) => ExitCode::from(EXIT_FELL),
        (true, true) => ExitCode::SUCCESS,
    }
}

fn write(path: &Path, bytes: &[u8]) -> bool {
    match std::fs::write(path, bytes) {
        Ok(()) => true,
        Err(error) => {
            eprintln!("cannot write {}: {error}", path.display());
            false
        }
    }
}

/// The command line without its secrets.
fn redacted(arguments: impl Iterator<Item = String>) -> String {
    const SECRET: [&str; 3] = ["--token", "--agent-password", "--bearer"];
    let mut hide_next = false;
    let words = arguments.enumerate().map(|(n, word)| {
        if std::mem::take(&mut hide_next) {
            return "***".to_owned();
        }
        if n == 0 {
            return "sightline-loadtest".to_owned();
        }
        if let Some((name, _)) = word.split_once('=').filter(|(name, _)| SECRET.contains(name)) {
            return format!("{name}=***");
        }
        hide_next = SECRET.contains(&word.as_str());
        if word.contains([' ', '<', '>', '*', '&', ';', '\'']) { format!("'{word}'") } else { word }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Once: ends the run and reports what there is. Twice: ends at once.
fn stop_on_ctrl_c(switch: StopSwitch) {
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            eprintln!("stopping; once more ends without a report");
            switch.stop(StopReason::Operator);
        }
        if tokio::signal::ctrl_c().await.is_ok() {
            std::process::exit(i32::from(EXIT_INTERRUPTED));
        }
    });
}

fn progress_bar(quiet: bool) -> ProgressBar {
    if quiet {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{msg:18} {wide_bar} {pos}/{len} {elapsed}") {
        bar.set_style(style);
    }
    bar
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Phases;
    use crate::watch::Generator;

    #[test]
    fn secrets_are_left_out_of_the_command() {
        let words = ["/x/loadtest", "connect", "--token", "sk_1", "--agent-password=p", "--assert", "a.b.p95<1ms"];
        let said = redacted(words.into_iter().map(str::to_owned));
        assert_eq!(said, "sightline-loadtest connect --token *** --agent-password=*** --assert 'a.b.p95<1ms'");
    }

    #[tokio::test]
    async fn a_generator_at_its_limit_is_noted() {
        let mut tally = Tally::default();
        let mut report = Generator::start().finish(&mut Phases::default());
        report.cpu_percent = crate::watch::Spread::of([390.0].into_iter());
        report.cores = 4;
        note_generator(&mut tally, &report);
        let invariant: Assertion = GENERATOR_INVARIANTS[1].parse().expect("an assertion");
        assert!(!invariant.evaluate(&tally, None, "connect").held);
    }
}
