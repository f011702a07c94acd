//! A `getStats` series: a JSON array of `{timestamp, reports}`, as pages of Firefox and others write it. `reports` may be an
//! object by id, an array of reports, or an array of `[id, report]`.

use serde_json::Value;

use super::reports::{Connections, Reports};
use super::{Form, ReadError, Remarks, kind, malformed};
use crate::lenient::Lenient;
use crate::model::{Side, Trace};

/// Names under which reports and their time are found.
const REPORTS: [&str; 4] = ["reports", "report", "stats", "getStats"];
const TIMES: [&str; 4] = ["timestamp", "t", "time", "ts"];

pub(super) fn read(value: &Value, side: Option<Side>, remarks: &mut Remarks) -> Result<Trace, ReadError> {
    let Value::Array(items) = value else {
        return Err(malformed(Form::GetStatsSeries, "the whole file", "an array is needed"));
    };
    let mut connections = Connections::default();
    for (number, item) in items.iter().enumerate() {
        if let Err(reason) = one(item, &mut connections) {
            remarks.add(|| format!("[{number}]: {reason}, left out"));
        }
    }
    Ok(connections.into_trace(side, remarks))
}

fn one(item: &Value, connections: &mut Connections) -> Result<(), String> {
    let Value::Object(fields) = item else { return Err(format!("an object is needed, not a {}", kind(item))) };
    let Some(reports) = REPORTS.iter().find_map(|name| fields.get(*name)) else {
        return Err("no `reports`".to_owned());
    };
    let t_ms = TIMES.iter().find_map(|name| f64::lenient(fields.get(*name)?));
    let connection = ["connection", "pc", "id"].iter().find_map(|name| fields.get(*name)?.as_str()).unwrap_or("series");
    let by_id = by_id(reports).ok_or_else(|| format!("`reports` is a {}", kind(reports)))?;
    if connections.add(connection, t_ms, &by_id) { Ok(()) } else { Err("no usable `timestamp`".to_owned()) }
}

/// Reports by their ids, of any of the three shapes.
fn by_id(reports: &Value) -> Option<Reports> {
    match reports {
        Value::Object(by_id) => Some(by_id.clone()),
        Value::Array(list) => Some(list.iter().filter_map(identified).collect()),
        Value::String(text) => {
            serde_json::from_str(text).ok().filter(|value: &Value| !value.is_string()).as_ref().and_then(by_id)
        }
        _ => None,
    }
}

fn identified(report: &Value) -> Option<(String, Value)> {
    match report {
        Value::Array(pair) => Some((pair.first()?.as_str()?.to_owned(), pair.get(1)?.clone())),
        Value::Object(fields) => Some((fields.get("id")?.as_str()?.to_owned(), report.clone())),
        _ => None,
    }
}
