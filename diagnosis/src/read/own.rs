//! Our own form: a ticket's telemetry download as the server gives it today, and a trace as we write it.

use serde_json::Value;

use super::{Form, ReadError, Remarks, kind, malformed};
use crate::lenient::Lenient;
use crate::model::{FORMAT, LaneName, Mark, MarkKind, SampleError, Trace};

/// Calls of one ticket that are read; more are left out. A ticket has one or two.
const CALLS_MAX: usize = 64;

pub(super) fn read(value: &Value, remarks: &mut Remarks) -> Result<Trace, ReadError> {
    match value.get("format").map(|format| format.as_str().unwrap_or_default()) {
        Some(FORMAT) => {}
        Some(format) => {
            let shown: String = format.chars().take(40).collect();
            return Err(malformed(Form::Sightline, "format", format!("`{shown}` is not `{FORMAT}`")));
        }
        None => remarks.add(|| format!("format: absent; taken for `{FORMAT}`")),
    }
    let mut trace = Trace::new();
    if let Some(player) = value.get("player") {
        series(&mut trace, LaneName::Player, player, "player", remarks)?;
    }
    if let Some(calls) = value.get("calls") {
        let Value::Array(calls) = calls else {
            return Err(malformed(Form::Sightline, "calls", format!("an array is needed, not a {}", kind(calls))));
        };
        if calls.len() > CALLS_MAX {
            remarks.add(|| format!("calls: {} of them, {CALLS_MAX} are read", calls.len()));
        }
        for (number, call) in calls.iter().take(CALLS_MAX).enumerate() {
            self::call(&mut trace, call, &format!("calls[{number}]"), remarks)?;
        }
    }
    match value.get("lanes") {
        Some(Value::Object(lanes)) => {
            for (name, samples) in lanes {
                let place = format!("lanes.{}", name.chars().take(40).collect::<String>());
                match LaneName::lenient(&Value::from(name.as_str())) {
                    Some(lane) => series(&mut trace, lane, samples, &place, remarks)?,
                    None => remarks.add(|| format!("{place}: an unknown lane, left out")),
                }
            }
        }
        Some(other) => {
            return Err(malformed(Form::Sightline, "lanes", format!("an object is needed, not a {}", kind(other))));
        }
        None => {}
    }
    Ok(trace)
}

fn call(trace: &mut Trace, call: &Value, place: &str, remarks: &mut Remarks) -> Result<(), ReadError> {
    let time = |name: &str| call.get(name).and_then(f64::lenient);
    let shares = call.get("surface").is_none_or(|surface| surface.as_str() != Some("audio"));
    for (t, kind) in [(time("accepted_at_ms"), MarkKind::ShareStarted), (time("ended_at_ms"), MarkKind::ShareEnded)] {
        if let Some(t) = t.filter(|_| shares) {
            trace.marks.push(Mark { t: Some(t), kind: Some(kind), side: None });
        }
    }
    let Some(legs) = call.get("legs") else { return Ok(()) };
    let Value::Array(legs) = legs else {
        return Err(malformed(
            Form::Sightline,
            format!("{place}.legs"),
            format!("an array is needed, not a {}", kind(legs)),
        ));
    };
    for (number, leg) in legs.iter().enumerate().take(LaneName::ALL.len()) {
        let place = format!("{place}.legs[{number}]");
        let lane = leg.get("leg").and_then(LaneName::lenient);
        match (lane, leg.get("series")) {
            (Some(lane), Some(samples)) => series(trace, lane, samples, &place, remarks)?,
            _ => remarks.add(|| format!("{place}: no known `leg` with `series`, left out")),
        }
    }
    Ok(())
}

/// Samples as an array, or under `samples`.
fn series(
    trace: &mut Trace,
    lane: LaneName,
    value: &Value,
    place: &str,
    remarks: &mut Remarks,
) -> Result<(), ReadError> {
    let samples = value.get("samples").unwrap_or(value);
    let Value::Array(samples) = samples else {
        return Err(malformed(Form::Sightline, place, format!("samples are needed, not a {}", kind(samples))));
    };
    let (mut wrong, mut first) = (0usize, None);
    for (number, sample) in samples.iter().enumerate() {
        match trace.push(lane, sample) {
            Ok(()) | Err(SampleError::NotKept) => {}
            Err(error) => {
                wrong += 1;
                first.get_or_insert((number, error));
            }
        }
    }
    if let Some((number, error)) = first {
        remarks.add(|| {
            format!("{place}: {wrong} of {} samples left out, the first is [{number}]: {error}", samples.len())
        });
    }
    Ok(())
}
