//! rtcstats dumps: lines of `[method, connection, value, …, time]` after a head, the same as one array, or an object of
//! connections with events. Statistics are deltas to the reading before, of either of the two kinds that rtcstats has had.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::reports::{Connections, Reports};
use super::rtcstats_names::{member, report_type};
use super::{Form, ReadError, Remarks, kind, malformed};
use crate::lenient::Lenient;
use crate::model::{LaneName, Side, Trace};

/// First line of a dump.
pub(crate) const MAGIC: &str = "RTCStatsDump";
/// Methods of ours begin with this; the lane follows.
pub(crate) const OWN_METHOD: &str = "sightline.";
/// Connections whose last reading is kept; more are left out.
const CONNECTIONS_MAX: usize = 64;
/// Reports of one connection that are kept.
const REPORTS_MAX: usize = 2_000;
/// A time of an event that is not below this is one since 1970, and else the distance to the event before: 1973.
const ABSOLUTE_MS: f64 = 1e11;

/// True for line-oriented dumps.
pub(super) fn is_lines(text: &str) -> bool {
    if text.starts_with(MAGIC) {
        return true;
    }
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let is_event = |line: Option<&str>| {
        let event = line.and_then(|line| serde_json::from_str::<Value>(line).ok());
        event.is_some_and(|event| {
            event.get(0).is_some_and(|method| method.is_string() || method.is_number()) && event.is_array()
        })
    };
    text.starts_with('[') && is_event(lines.next()) && lines.next().is_some()
}

pub(super) fn read_lines(text: &str, side: Option<Side>, remarks: &mut Remarks) -> Result<Trace, ReadError> {
    let mut reading = Reading::default();
    let (mut broken, mut first_broken, mut events) = (0usize, None, 0usize);
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() || (number == 0 && line.starts_with(MAGIC)) {
            continue;
        }
        match serde_json::from_str::<Value>(line) {
            Ok(Value::Array(event)) => {
                events += 1;
                reading.event(&event);
            }
            // The head's second line, and whatever servers add.
            Ok(_) => {}
            Err(error) => {
                broken += 1;
                first_broken.get_or_insert((number + 1, error.to_string()));
            }
        }
    }
    if let Some((line, reason)) = first_broken {
        if events == 0 {
            return Err(malformed(Form::Rtcstats, format!("line {line}"), format!("not JSON: {reason}")));
        }
        remarks.add(|| format!("{broken} lines are not JSON and left out, the first is line {line}: {reason}"));
    }
    Ok(reading.into_trace(side, remarks))
}

pub(super) fn read_value(value: &Value, side: Option<Side>, remarks: &mut Remarks) -> Result<Trace, ReadError> {
    let mut reading = Reading::default();
    match value {
        Value::Array(events) => {
            for event in events {
                if let Value::Array(event) = event {
                    reading.event(event);
                }
            }
        }
        Value::Object(fields) => {
            let list = fields.get("peerConnections").unwrap_or(value);
            let Value::Object(list) = list else {
                return Err(malformed(
                    Form::Rtcstats,
                    "peerConnections",
                    format!("an object is needed, not a {}", kind(list)),
                ));
            };
            for (name, events) in list {
                for event in events.as_array().into_iter().flatten() {
                    reading.named_event(name, event);
                }
            }
        }
        other => return Err(malformed(Form::Rtcstats, "the whole file", format!("a {} is no dump", kind(other)))),
    }
    Ok(reading.into_trace(side, remarks))
}

/// A dump while it is read.
#[derive(Default)]
struct Reading {
    now_ms: f64,
    last: BTreeMap<String, Reports>,
    connections: Connections,
    /// Lanes that our own writer adds.
    own: Trace,
    unusable: usize,
}

impl Reading {
    /// `[method, connection, value, …, time]`.
    fn event(&mut self, event: &[Value]) {
        let Some((method, rest)) = event.split_first() else { return };
        if let Some(time) = event.last().and_then(f64::lenient).filter(|_| event.len() >= 3) {
            self.now_ms = if time >= ABSOLUTE_MS { time } else { self.now_ms + time };
        }
        let connection = rest.first().and_then(Value::as_str).unwrap_or_default();
        if is_stats(method) {
            if let Some(value) = rest.get(1) {
                self.stats(connection, value);
            }
        } else if let Some(lane) = method.as_str().and_then(|method| method.strip_prefix(OWN_METHOD)) {
            let lane = LaneName::lenient(&Value::from(lane));
            if let (Some(lane), Some(sample)) = (lane, rest.get(1)) {
                // What is known already or has no time costs nothing but itself.
                self.unusable += usize::from(self.own.push(lane, sample).is_err());
            }
        }
    }

    /// `{type, value, time}` or `{type, value, timestamp}` of a connection.
    fn named_event(&mut self, connection: &str, event: &Value) {
        if !event.get("type").or_else(|| event.get("method")).is_some_and(is_stats) {
            return;
        }
        if let Some(time) = ["timestamp", "time"].iter().find_map(|name| f64::lenient(event.get(*name)?)) {
            self.now_ms = time;
        }
        match event.get("value") {
            Some(Value::String(text)) => match serde_json::from_str(text) {
                Ok(value) => self.stats(connection, &value),
                Err(_) => self.unusable += 1,
            },
            Some(value) => self.stats(connection, value),
            None => {}
        }
    }

    fn stats(&mut self, connection: &str, delta: &Value) {
        let Value::Object(delta) = delta else {
            self.unusable += 1;
            return;
        };
        if self.last.len() >= CONNECTIONS_MAX && !self.last.contains_key(connection) {
            self.unusable += 1;
            return;
        }
        let last = self.last.entry(connection.to_owned()).or_default();
        apply(last, delta);
        let t_ms = (self.now_ms > 0.0).then_some(self.now_ms);
        self.unusable += usize::from(!self.connections.add(connection, t_ms, last));
    }

    fn into_trace(self, side: Option<Side>, remarks: &mut Remarks) -> Trace {
        if self.unusable > 0 {
            remarks.add(|| format!("{} events without usable statistics or time are left out", self.unusable));
        }
        let calls = self.connections.into_trace(side, remarks);
        Trace {
            viewer_up: calls.viewer_up,
            viewer_down: calls.viewer_down,
            agent_up: calls.agent_up,
            agent_down: calls.agent_down,
            ..self.own
        }
    }
}

fn is_stats(method: &Value) -> bool {
    match method {
        Value::String(name) => matches!(name.as_str(), "getStats" | "getstats" | "g"),
        Value::Number(number) => number.as_u64() == Some(1),
        _ => false,
    }
}

/// Makes the next reading out of the last and a delta. Today's rtcstats (told by the short name of the common time, `t`)
/// leaves reports out that did not change and sends null for those that are gone; the one before leaves out those that are
/// gone.
fn apply(last: &mut Reports, delta: &Map<String, Value>) {
    let today = delta.contains_key("t");
    let common = delta.get(if today { "t" } else { "timestamp" }).and_then(f64::lenient);
    if !today {
        last.retain(|id, _| delta.contains_key(id));
    }
    for (id, change) in delta {
        match change {
            Value::Null => {
                last.remove(id);
            }
            Value::Object(change) if last.len() < REPORTS_MAX || last.contains_key(id) => {
                let report = last.entry(id.clone()).or_insert_with(|| Value::Object(Map::new()));
                merge(report, change, common);
            }
            // The common time, reports beyond the bound, and nothing else that we know.
            _ => {}
        }
    }
    if let Some(t_ms) = common.filter(|_| today) {
        for (id, report) in last.iter_mut() {
            let own =
                delta.get(id).is_some_and(|change| change.get("timestamp").is_some() || change.get("t").is_some());
            if let Some(report) = report.as_object_mut().filter(|_| !own) {
                report.insert("timestamp".to_owned(), Value::from(t_ms));
            }
        }
    }
}

fn merge(report: &mut Value, change: &Map<String, Value>, common: Option<f64>) {
    let Value::Object(report) = report else { return };
    for (name, value) in change {
        let name = if name == "t" { "timestamp" } else { member(name) };
        let value = match (name, value) {
            ("type", Value::Number(number)) => match number.as_u64().and_then(report_type) {
                Some(name) => Value::from(name),
                None => continue,
            },
            // Zero stands for the common time.
            ("timestamp", Value::Number(number)) if number.as_f64() == Some(0.0) => match common {
                Some(t_ms) => Value::from(t_ms),
                None => continue,
            },
            _ => value.clone(),
        };
        report.insert(name.to_owned(), value);
    }
}
