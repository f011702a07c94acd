//! Chrome's webrtc-internals dump: for each connection, a column of values for each member of each report.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::reports::{Connections, Reports};
use super::{Form, ReadError, Remarks, kind, malformed};
use crate::lenient::Lenient;
use crate::model::lane::second_of;
use crate::model::{Side, Trace};

/// Connections and columns of one that are read.
const CONNECTIONS_MAX: usize = 64;
const COLUMNS_MAX: usize = 20_000;
/// Values of a column that are read: six hours at one a second, and some.
const VALUES_MAX: usize = 25_000;

/// Reports that are used; the columns of others are not even parsed.
const TYPES: [&str; 8] = [
    "inbound-rtp",
    "outbound-rtp",
    "remote-inbound-rtp",
    "candidate-pair",
    "transport",
    "local-candidate",
    "remote-candidate",
    "codec",
];

/// One report over time.
#[derive(Default)]
struct Table {
    kind: String,
    times_ms: Vec<f64>,
    times: Option<Column>,
    columns: Vec<(String, Column)>,
}

/// Values with the times that Chrome gives for the first and the last.
struct Column {
    start: String,
    end: String,
    values: Vec<Value>,
}

pub(super) fn read(value: &Value, side: Option<Side>, remarks: &mut Remarks) -> Result<Trace, ReadError> {
    let Some(Value::Object(list)) = value.get("PeerConnections") else {
        return Err(malformed(Form::WebrtcInternals, "PeerConnections", "an object is needed"));
    };
    let mut connections = Connections::default();
    for (name, connection) in list.iter().take(CONNECTIONS_MAX) {
        let place = format!("PeerConnections.{}", name.chars().take(60).collect::<String>());
        match connection.get("stats") {
            Some(Value::Object(stats)) => {
                let tables = tables(stats, &place, remarks);
                feed(name, &tables, &mut connections);
            }
            Some(other) => remarks.add(|| format!("{place}.stats: an object is needed, not a {}", kind(other))),
            None => remarks.add(|| format!("{place}: no `stats`")),
        }
    }
    Ok(connections.into_trace(side, remarks))
}

fn tables(stats: &Map<String, Value>, place: &str, remarks: &mut Remarks) -> BTreeMap<String, Table> {
    let mut tables: BTreeMap<String, Table> = BTreeMap::new();
    for (name, series) in stats.iter().take(COLUMNS_MAX) {
        // Computed columns are named `[…]`; ids may hold dashes, members never do.
        let Some((id, member)) = name.rsplit_once('-').filter(|_| !name.ends_with(']')) else { continue };
        let Some(kind) = series.get("statsType").and_then(Value::as_str).filter(|kind| TYPES.contains(kind)) else {
            continue;
        };
        let Some(column) = column(series) else {
            remarks.add(|| format!("{place}.stats.{}: `values` is no list", name.chars().take(80).collect::<String>()));
            continue;
        };
        let table = tables.entry(id.to_owned()).or_default();
        kind.clone_into(&mut table.kind);
        if member == "timestamp" {
            table.times = Some(column);
        } else {
            table.columns.push((member.to_owned(), column));
        }
    }
    for (id, table) in &mut tables {
        table.times_ms = times_ms(table);
        if table.times_ms.is_empty() {
            remarks
                .add(|| format!("{place}.stats: {} has no times, left out", id.chars().take(60).collect::<String>()));
        }
    }
    tables
}

fn column(series: &Value) -> Option<Column> {
    let text = |name: &str| series.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut values = match series.get("values")? {
        Value::String(list) => serde_json::from_str::<Vec<Value>>(list).ok()?,
        Value::Array(list) => list.clone(),
        _ => return None,
    };
    values.truncate(VALUES_MAX);
    Some(Column { start: text("startTime"), end: text("endTime"), values })
}

/// The times of a table's rows: its own column, or, before Chrome 117, evenly from the start to the end of its longest one.
fn times_ms(table: &Table) -> Vec<f64> {
    if let Some(times) = &table.times {
        return times.values.iter().map(|t| f64::lenient(t).unwrap_or(f64::NAN)).collect();
    }
    let Some((_, longest)) = table.columns.iter().max_by_key(|(_, column)| column.values.len()) else {
        return Vec::new();
    };
    let (Some(start), Some(end)) = (iso_ms(&longest.start), iso_ms(&longest.end)) else { return Vec::new() };
    #[expect(clippy::cast_precision_loss, reason = "at most some ten thousand rows")]
    let step = (end - start).max(0.0) / (longest.values.len().max(2) - 1) as f64;
    #[expect(clippy::cast_precision_loss, reason = "at most some ten thousand rows")]
    (0..longest.values.len()).map(|row| start + step * row as f64).collect()
}

/// The row of a column's first value: columns that begin later end with the table, others begin with it.
fn first_row(table: &Table, column: &Column) -> usize {
    let (rows, values) = (table.times_ms.len(), column.values.len());
    let same_start = table.times.as_ref().is_some_and(|times| times.start == column.start && times.end != column.end);
    if same_start { 0 } else { rows.saturating_sub(values) }
}

fn feed(connection: &str, tables: &BTreeMap<String, Table>, connections: &mut Connections) {
    let mut rows: BTreeMap<i64, Vec<(&str, usize)>> = BTreeMap::new();
    for (id, table) in tables {
        for (row, t_ms) in table.times_ms.iter().enumerate() {
            if let Some(second) = second_of(*t_ms) {
                rows.entry(second).or_default().push((id, row));
            }
        }
    }
    // Reports that are told rarely (codecs, candidates) hold until they are told anew.
    let mut standing = Reports::new();
    for (second, places) in rows {
        standing
            .retain(|_, report| !report.get("type").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("rtp")));
        for (id, row) in places {
            if let Some(table) = tables.get(id) {
                standing.insert(id.to_owned(), report(table, row));
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "ms since 1970 fit a double's 53 bits")]
        connections.add(connection, Some(second as f64 * 1e3), &standing);
    }
}

fn report(table: &Table, row: usize) -> Value {
    let value = |column: &Column| column.values.get(row.checked_sub(first_row(table, column))?).cloned();
    let mut fields: Map<String, Value> =
        table.columns.iter().filter_map(|(member, column)| Some((member.clone(), value(column)?))).collect();
    fields.insert("type".to_owned(), Value::from(table.kind.as_str()));
    Value::Object(fields)
}

/// `2025-09-25T10:04:24.377Z` in ms since the Unix epoch.
fn iso_ms(text: &str) -> Option<f64> {
    let (date, time) = text.trim_end_matches('Z').split_once('T')?;
    let mut date = date.splitn(3, '-').map(str::parse::<i64>);
    let (year, month, day) = (date.next()?.ok()?, date.next()?.ok()?, date.next()?.ok()?);
    let mut time = time.splitn(3, ':');
    let (hour, minute) = (time.next()?.parse::<i64>().ok()?, time.next()?.parse::<i64>().ok()?);
    let second: f64 = time.next()?.parse().ok()?;
    let sound = (1970..=2286).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    if !sound || !(0..24).contains(&hour) || !(0..60).contains(&minute) || !(0.0..61.0).contains(&second) {
        return None;
    }
    // Days since the epoch by the civil calendar; the year begins in March so that leap days come last.
    let (year, month) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468;
    #[expect(clippy::cast_precision_loss, reason = "ms since 1970 fit a double's 53 bits")]
    Some((days * 86_400 + hour * 3_600 + minute * 60) as f64 * 1e3 + second * 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chrome_s_times_are_understood() {
        assert_eq!(iso_ms("1970-01-01T00:00:00.000Z"), Some(0.0));
        assert_eq!(iso_ms("2025-09-25T10:04:18.088Z").map(f64::round), Some(1_758_794_658_088.0));
        assert_eq!(iso_ms("2024-02-29T00:00:00Z"), Some(1_709_164_800_000.0));
        for nonsense in ["", "T", "2025-13-01T00:00:00Z", "2025-09-25", "9999999999999999999-1-1T1:1:1Z", "a-b-cTd:e:f"]
        {
            assert_eq!(iso_ms(nonsense), None, "{nonsense}");
        }
    }
}
