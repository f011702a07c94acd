//! `connect` and `call` with `--target`: another media server through the same phases.

use std::process::ExitCode;

use super::args::ConnectArgs;
use super::conduct::{Manner, conduct, could_not_begin};
use super::setup::foreign_aim;
use super::{ARRIVALS_DEFAULT, Defaults, connect_settings};
use crate::faults::FaultPlan;
use crate::foreign::Foreign;
use crate::scenarios::Pace;
use crate::scenarios::connect::ConnectPlan;
use crate::scenarios::foreign;

/// Scenarios that need no desk.
const SCENARIOS: [&str; 2] = ["connect", "call"];

/// Runs the scenario against `server`.
pub(super) async fn run(manner: Manner, args: &ConnectArgs, server: &Foreign, defaults: Defaults) -> ExitCode {
    let scenario = manner.scenario;
    let common = &args.common;
    let begun = async {
        if !SCENARIOS.contains(&scenario) {
            return Err(format!("--target goes with {} only: {scenario} needs a desk", SCENARIOS.join(" and ")));
        }
        if !args.faults.is_empty() {
            return Err("--fault is about resuming a chat; other servers have none".to_owned());
        }
        manner.check(&common.asserts)?;
        let (aim, server) = foreign_aim(&common.server, server).await?;
        let arrivals = args.arrivals.or_else(|| Pace::of(ARRIVALS_DEFAULT)).ok_or("no rate")?;
        let plan = ConnectPlan {
            aim,
            mode: args.mode,
            arrivals,
            duration: args.duration.unwrap_or(defaults.duration),
            lead: args.lead,
            card: args.card,
            hold: args.hold.unwrap_or(defaults.hold),
            agents: Vec::new(),
            engine: args.engine.start(),
            codec: args.codec,
            faults: FaultPlan::new(Vec::new()),
            guests: 0,
            guest_agents: Vec::new(),
        };
        Ok((plan, server))
    };
    let (plan, server) = match begun.await {
        Ok(begun) => begun,
        Err(reason) => return could_not_begin(scenario, common, reason),
    };
    let settings = connect_settings(&plan, args);
    conduct(manner, common, settings, None, |stop, progress| async move {
        Ok(foreign::run(plan, server, stop, progress).await)
    })
    .await
}
