//! Conditions on a run: `connect.total.p95<600ms`, `errors.total==0`, `figures.loss_percent<1`, `server.cpu_percent.max<150`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::report::{Percentiles, Tally};
use crate::watch::ServerReport;

/// A condition as given.
#[derive(Debug, Clone, PartialEq)]
pub struct Assertion {
    text: String,
    subject: Subject,
    relation: Relation,
    limit: f64,
}

/// What is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Subject {
    /// `MODE.PHASE.STATISTIC`; the scenario's own name stands for all its modes.
    Phase { mode: String, phase: String, statistic: String },
    /// `errors.total`.
    Errors,
    /// `totals.NAME`.
    Total(String),
    /// `figures.NAME`.
    Figure(String),
    /// `server.cpu_percent.STATISTIC` and `server.rss_bytes.STATISTIC`, of `first`, `last`, `mean` and `max`.
    Server { series: String, statistic: String },
}

/// Names of one scenario's phases by mode, for telling slips of the pen.
pub type PhaseNames<'a> = &'a [(&'a str, &'a [&'a str])];

/// What can be asked of the server.
const SERVER_SERIES: [&str; 2] = ["cpu_percent", "rss_bytes"];
/// Statistics of the server's series.
const SERVER_STATISTICS: [&str; 4] = ["first", "last", "mean", "max"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relation {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
}

/// How an assertion came out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// As given.
    pub assertion: String,
    /// Whether it held.
    pub held: bool,
    /// What was measured, in ms for phases; `null` when nothing was.
    pub value: Option<f64>,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.held { "held" } else { "FELL" };
        match self.value {
            Some(value) => write!(f, "assert {}: {word} ({value:.1})", self.assertion),
            None => write!(f, "assert {}: {word} (nothing was measured)", self.assertion),
        }
    }
}

impl FromStr for Assertion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const RELATIONS: [(&str, Relation); 5] = [
            ("<=", Relation::LessOrEqual),
            (">=", Relation::GreaterOrEqual),
            ("==", Relation::Equal),
            ("<", Relation::Less),
            (">", Relation::Greater),
        ];
        let example = "expected something like connect.total.p95<600ms, errors.total==0 or totals.completed>=100";
        let found = RELATIONS.iter().find_map(|(sign, relation)| {
            text.split_once(sign).map(|(left, right)| (left.trim(), *relation, right.trim()))
        });
        let Some((left, relation, right)) = found else {
            return Err(format!("there is no comparison in it; {example}"));
        };
        let (limit, is_time) = parse_limit(right).ok_or_else(|| format!("{right:?} is no number; {example}"))?;
        let subject = match left.split('.').collect::<Vec<_>>()[..] {
            ["errors", "total"] => Subject::Errors,
            ["totals", name] if !name.is_empty() => Subject::Total(name.to_owned()),
            ["figures", name] if !name.is_empty() => Subject::Figure(name.to_owned()),
            ["server", series, statistic]
                if SERVER_SERIES.contains(&series) && SERVER_STATISTICS.contains(&statistic) =>
            {
                Subject::Server { series: series.to_owned(), statistic: statistic.to_owned() }
            }
            ["server", ..] => {
                return Err(format!(
                    "{left:?}: of the server there are {} with {}",
                    SERVER_SERIES.join(" and "),
                    SERVER_STATISTICS.join(", ")
                ));
            }
            [mode, phase, statistic] if Percentiles::STATISTICS.contains(&statistic) => {
                Subject::Phase { mode: mode.to_owned(), phase: phase.to_owned(), statistic: statistic.to_owned() }
            }
            [_, _, statistic] => {
                return Err(format!("{statistic:?} is none of {}", Percentiles::STATISTICS.join(", ")));
            }
            _ => return Err(format!("{left:?} names nothing; {example}")),
        };
        let counts = !matches!(&subject, Subject::Phase { statistic, .. } if statistic != "count");
        if is_time && counts {
            return Err(format!("{left} is a count, {right} a time"));
        }
        Ok(Self { text: text.to_owned(), subject, relation, limit })
    }
}

impl Assertion {
    /// Checks the names against a scenario's, so that a slip of the pen is told before the run and not after it. The
    /// scenario's own name stands for all its modes.
    ///
    /// # Errors
    /// A sentence with the names there are.
    pub fn check_names(&self, scenario: &str, names: PhaseNames<'_>) -> Result<(), String> {
        let Subject::Phase { mode, phase, .. } = &self.subject else { return Ok(()) };
        let mut modes: Vec<&str> = names.iter().map(|(mode, _)| *mode).collect();
        if !modes.contains(&scenario) {
            modes.insert(0, scenario);
        }
        if !modes.contains(&mode.as_str()) {
            return Err(format!("--assert {}: {mode:?} is none of {}", self.text, modes.join(", ")));
        }
        let of_mode = names.iter().filter(|(name, _)| name == mode || mode == scenario);
        let mut phases: Vec<&str> = of_mode.flat_map(|(_, phases)| phases.iter().copied()).collect();
        phases.dedup();
        if !phases.contains(&phase.as_str()) {
            return Err(format!("--assert {}: {phase:?} is none of {}", self.text, phases.join(", ")));
        }
        Ok(())
    }

    /// Compares with what was measured. `scenario` is the name that stands for all modes.
    #[must_use]
    pub fn evaluate(&self, tally: &Tally, server: Option<&ServerReport>, scenario: &str) -> Verdict {
        let value = match &self.subject {
            Subject::Errors => Some(tally.failures() as f64),
            Subject::Total(name) => tally.totals.get(name).map(|count| *count as f64),
            Subject::Figure(name) => tally.figures.get(name).copied(),
            Subject::Server { series, statistic } => server_value(server, series, statistic),
            Subject::Phase { mode, phase, statistic } => tally
                .phases
                .merged(|name| match name.split_once('.') {
                    Some((of, rest)) => rest == phase && (of == mode || mode == scenario),
                    None => false,
                })
                .and_then(|row| row.get(statistic)),
        };
        let held = value.is_some_and(|value| match self.relation {
            Relation::Less => value < self.limit,
            Relation::LessOrEqual => value <= self.limit,
            Relation::Greater => value > self.limit,
            Relation::GreaterOrEqual => value >= self.limit,
            Relation::Equal => (value - self.limit).abs() < f64::EPSILON,
        });
        Verdict { assertion: self.text.clone(), held, value }
    }
}

fn server_value(server: Option<&ServerReport>, series: &str, statistic: &str) -> Option<f64> {
    let server = server?;
    let spread = if series == "cpu_percent" { server.cpu_percent } else { server.rss_bytes }?;
    Some(match statistic {
        "first" => spread.first,
        "last" => spread.last,
        "mean" => spread.mean,
        _ => spread.max,
    })
}

/// A number, and whether it is a time; times come out in milliseconds.
fn parse_limit(text: &str) -> Option<(f64, bool)> {
    let (number, factor, is_time) = if let Some(number) = text.strip_suffix("ms") {
        (number, 1.0, true)
    } else if let Some(number) = text.strip_suffix('s') {
        (number, 1_000.0, true)
    } else {
        (text, 1.0, false)
    };
    let value: f64 = number.trim().parse().ok()?;
    (value.is_finite() && value >= 0.0).then_some((value * factor, is_time))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn tally() -> Tally {
        let mut tally = Tally::default();
        tally.phases.record("warm.total", Duration::from_millis(100));
        tally.phases.record("cold.total", Duration::from_millis(500));
        tally.count("completed", 2);
        tally.figure("loss_percent", 0.5);
        tally
    }

    fn held(text: &str) -> bool {
        text.parse::<Assertion>().unwrap().evaluate(&tally(), None, "connect").held
    }

    #[test]
    fn conditions_are_compared() {
        assert!(held("warm.total.p95<200ms"));
        assert!(!held("cold.total.p95 < 0.2s"));
        assert!(!held("connect.total.max<200ms"));
        assert!(held("connect.total.count==2"));
        assert!(held("errors.total==0"));
        assert!(held("totals.completed>=2"));
        assert!(held("figures.loss_percent<1"));
        assert!(!held("server.cpu_percent.max<100"), "a server that did not tell holds nothing");
        assert!(!held("warm.ice.p50<10ms"), "what was not measured does not hold");
    }

    #[test]
    fn slips_of_the_pen_are_told() {
        for text in [
            "",
            "total",
            "connect.total.p95=1",
            "connect.total.p96<1ms",
            "connect.total.p95<fast",
            "a<1",
            "errors.total<5ms",
            "server.cpu.max<5",
            "figures.loss_percent<5ms",
        ] {
            assert!(text.parse::<Assertion>().is_err(), "{text}");
        }
        let slip: Assertion = "warm.totel.p95<1ms".parse().unwrap();
        assert!(slip.check_names("connect", &[("warm", &["total"])]).unwrap_err().contains("totel"));
        let other: Assertion = "chat.total.p95<1ms".parse().unwrap();
        assert!(other.check_names("connect", &[("warm", &["total"])]).unwrap_err().contains("chat"));
        let whole: Assertion = "connect.total.p95<1ms".parse().unwrap();
        assert!(whole.check_names("connect", &[("warm", &["total"])]).is_ok());
    }
}
