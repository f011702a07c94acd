//! Scenario `capacity`: the rate is raised until an assertion falls, then narrowed down; the knee is the highest rate that held.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::chat::{self, ChatPlan};
use super::connect::{self, ConnectPlan, Staff};
use super::{Pace, ProgressBar, Stop};
use crate::assertion::Assertion;
use crate::client::RestClient;
use crate::report::{CapacityStep, Percentiles, Tally};
use crate::watch::{Generator, GeneratorReport, Measured};

/// Times that the gap between the knee and the first rate that fell is halved.
const HALVINGS: u32 = 3;
/// Steps in all.
const STEPS_MAX: usize = 40;
/// Rest between two steps, so that one does not pay for the other.
const REST: Duration = Duration::from_secs(2);
/// Share of the machine's cores above which CPU is what is short.
const BUSY_SHARE: f64 = 0.85;
/// Waits for an agent above which agents are what is short, ms.
const AGENT_WAIT_MS: f64 = 200.0;

/// What is repeated at each rate.
pub enum Probe {
    /// Connects; the rate is arrivals a second.
    Connect(Box<ConnectPlan>),
    /// Messages; the rate is messages a second of all viewers.
    Chat(Box<ChatPlan>),
}

/// What to run.
pub struct CapacityPlan {
    /// What is repeated.
    pub probe: Probe,
    /// First rate, a second.
    pub from: f64,
    /// Factor between rates.
    pub factor: f64,
    /// Highest rate, a second.
    pub most: f64,
    /// What has to hold.
    pub criteria: Vec<Assertion>,
    /// Whether the server runs on this machine and shares its cores.
    pub same_machine: bool,
}

/// Runs the scenario.
///
/// # Errors
/// In words, when the first step cannot be set up.
pub async fn run(plan: CapacityPlan, rest: RestClient, mut stop: Stop, progress: ProgressBar) -> Result<Tally, String> {
    let mut whole = Tally::default();
    whole.course.begin(Instant::now());
    let staff = match &plan.probe {
        Probe::Connect(connect) => {
            progress.set_message("agents");
            Some(connect::open_staff(connect).await.map_err(|error| error.to_string())?)
        }
        Probe::Chat(_) => None,
    };
    let (mut knee, mut fell): (f64, Option<f64>) = (0.0, None);
    let mut halvings = 0;
    let mut rate = plan.from;
    while whole.steps.len() < STEPS_MAX && !stop.is_asked() {
        let step = try_rate(&plan, rate, staff.clone(), &rest, &stop, &progress, &mut whole).await?;
        if stop.is_asked() {
            // A step that was cut short says nothing.
            break;
        }
        if step.held {
            knee = knee.max(rate)
        } else {
            fell = Some(fell.map_or(rate, |known| known.min(rate)))
        }
        whole.steps.push(step);
        rate = match fell {
            None if rate >= plan.most => break,
            None => (rate * plan.factor).min(plan.most),
            Some(_) if halvings >= HALVINGS || knee <= 0.0 => break,
            Some(fell) => {
                halvings += 1;
                f64::midpoint(knee, fell)
            }
        };
        stop.sleep_until(tokio::time::Instant::now() + REST).await;
    }
    conclude(&mut whole, knee, fell, plan.most);
    stop.mark(&mut whole);
    Ok(whole)
}

fn conclude(whole: &mut Tally, knee: f64, fell: Option<f64>, most: f64) {
    whole.figure("knee_per_s", knee);
    whole.count("completed", u64::from(knee > 0.0));
    let words = match fell {
        None if knee >= most => format!("every rate up to {most}/s held: the knee is beyond --max-rate"),
        None => "the run ended before an assertion fell".to_owned(),
        Some(fell) => {
            let at = whole.steps.iter().filter(|step| !step.held).min_by(|a, b| a.rate_per_s.total_cmp(&b.rate_per_s));
            let short = at.and_then(|step| step.short_of.clone()).unwrap_or_default();
            format!("the knee is at {knee:.1}/s; at {fell:.1}/s an assertion fell, short of {short}")
        }
    };
    whole.notes.push(words);
}

async fn try_rate(
    plan: &CapacityPlan,
    rate: f64,
    staff: Option<Arc<Staff>>,
    rest: &RestClient,
    stop: &Stop,
    progress: &ProgressBar,
    whole: &mut Tally,
) -> Result<CapacityStep, String> {
    let pace = Pace::of(rate).ok_or("a rate is above 0 and at most 100000")?;
    progress.reset();
    let generator = Generator::start();
    let before = (Instant::now(), Measured::ask(rest).await.ok().and_then(|measured| measured.cpu_s));
    let (mut tally, scenario, latency) = match (&plan.probe, staff) {
        (Probe::Connect(connect), Some(staff)) => {
            let step = ConnectPlan { arrivals: pace, ..(**connect).clone() };
            (connect::run_with(step, staff, stop.clone(), progress.clone()).await, "connect", "total")
        }
        (Probe::Chat(chat), _) => {
            let step = ChatPlan { rate: pace, ..(**chat).clone() };
            let tally = chat::run(step, stop.clone(), progress.clone()).await.map_err(|error| error.to_string())?;
            (tally, "chat", "ack")
        }
        (Probe::Connect(_), None) => return Err("there are no agents".to_owned()),
    };
    let after = (Instant::now(), Measured::ask(rest).await.ok().and_then(|measured| measured.cpu_s));
    let server_cpu_percent = match (before.1, after.1) {
        (Some(was), Some(is)) => Some((is - was) / (after.0 - before.0).as_secs_f64() * 100.0),
        _ => None,
    };
    let generator = generator.finish(&mut tally.phases);
    let asserts: Vec<_> = plan.criteria.iter().map(|criterion| criterion.evaluate(&tally, None, scenario)).collect();
    let held = asserts.iter().all(|verdict| verdict.held) && !generator.saturated;
    let latency_ms = tally.phases.merged(|name| {
        name.split_once('.').is_some_and(|(mode, phase)| phase == latency && !mode.starts_with("fault"))
    });
    let short_of = (!held).then(|| short_of(plan, &tally, &generator, server_cpu_percent));
    add(whole, &tally);
    Ok(CapacityStep {
        rate_per_s: rate,
        held,
        asserts,
        latency_ms,
        errors: tally.errors,
        server_cpu_percent,
        generator_cpu_percent: generator.cpu_percent.map_or(0.0, |cpu| cpu.mean),
        short_of,
    })
}

/// The whole run's totals; percentiles over different rates would mean nothing, and are left to the steps.
fn add(whole: &mut Tally, step: &Tally) {
    for (name, count) in &step.totals {
        if name != "completed" && name != "agents" {
            whole.count(name, *count);
        }
    }
    whole.notes.extend(step.notes.iter().cloned());
}

/// What was short when a rate did not hold.
fn short_of(plan: &CapacityPlan, tally: &Tally, generator: &GeneratorReport, server_cpu: Option<f64>) -> String {
    let cores = generator.cores as f64 * 100.0;
    let own = generator.cpu_percent.map_or(0.0, |cpu| cpu.mean);
    let server = server_cpu.unwrap_or(0.0);
    let agent_wait = tally.phases.get("prepare.agent").map_or(0.0, |row: Percentiles| row.p95);
    let mut causes = Vec::new();
    if plan.same_machine && own + server >= cores * BUSY_SHARE {
        causes.push(format!("CPU of this machine, {cores:.0} %: server {server:.0} %, generator {own:.0} %"));
    } else if own >= cores * BUSY_SHARE {
        causes.push(format!("generator CPU: {own:.0} % of {cores:.0} %"));
    } else if plan.same_machine && server >= cores * BUSY_SHARE {
        causes.push(format!("server CPU: {server:.0} % of {cores:.0} %"));
    } else if generator.saturated {
        causes.push("generator: its tasks ran late".to_owned());
    }
    if agent_wait > AGENT_WAIT_MS {
        causes.push(format!("agents: the wait for an idle one was {agent_wait:.0} ms at p95 (--agents)"));
    }
    if let Some((kind, times)) = most_frequent(&tally.errors) {
        causes.push(format!("errors: {kind}, {times} times"));
    }
    if causes.is_empty() {
        let told = server_cpu.map_or("not told".to_owned(), |cpu| format!("{cpu:.0} % of one core"));
        return format!("neither CPU nor agents, and no errors: latency alone (server CPU {told})");
    }
    causes.join("; ")
}

fn most_frequent(errors: &BTreeMap<String, u64>) -> Option<(&String, &u64)> {
    errors.iter().max_by_key(|(_, times)| **times)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_conclusion_names_knee_and_shortage() {
        let step = |rate_per_s, held, short: &str| CapacityStep {
            rate_per_s,
            held,
            asserts: Vec::new(),
            latency_ms: None,
            errors: BTreeMap::new(),
            server_cpu_percent: None,
            generator_cpu_percent: 0.0,
            short_of: (!held).then(|| short.to_owned()),
        };
        let mut tally = Tally {
            steps: vec![step(10.0, true, ""), step(40.0, false, "a"), step(20.0, false, "b")],
            ..Tally::default()
        };
        conclude(&mut tally, 10.0, Some(20.0), 100.0);
        assert_eq!(tally.figures["knee_per_s"], 10.0);
        assert!(tally.notes[0].contains("10.0/s") && tally.notes[0].ends_with("short of b"), "{}", tally.notes[0]);
    }
}
