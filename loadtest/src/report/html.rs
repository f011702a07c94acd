//! The report as a page that stands alone: tables, plots and words, for a review.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::plot::{Bar, Chart, Mark, Series, escape, number, waterfall};
use super::{Percentiles, Report};

const STYLE: &str = include_str!("page.css");
/// Phases of a connect that come before the consent in both modes.
const ARRIVAL: [&str; 5] = ["dns", "tcp", "tls", "ws", "hello"];
/// Phases of the media connection.
const MEDIA: [&str; 4] = ["offer", "answer", "ice", "dtls"];
/// Those of them in which nothing of the connection crosses the line.
const DESCRIPTIONS: [&str; 2] = ["offer", "answer"];
/// Phases of the picture.
const PICTURE: [&str; 2] = ["first_packet", "first_frame"];

/// The page.
pub(super) fn page(report: &Report) -> String {
    let mut html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>{} · Sightline load test</title><style>{STYLE}</style><main>",
        escape(&report.scenario)
    );
    head(&mut html, report);
    tiles(&mut html, report);
    asserts(&mut html, report);
    steps(&mut html, report);
    over_time(&mut html, report);
    waterfalls(&mut html, report);
    curves(&mut html, report);
    phases(&mut html, report);
    machines(&mut html, report);
    faults(&mut html, report);
    errors(&mut html, report);
    settings(&mut html, report);
    html + "</main></html>"
}

fn section(html: &mut String, title: &str, note: &str, body: &str) {
    let note = if note.is_empty() { String::new() } else { format!("<p class=\"note\">{}</p>", escape(note)) };
    let _ = write!(html, "<section><h2>{}</h2>{note}{body}</section>", escape(title));
}

/// The verdict in one line, and its class.
fn verdict(report: &Report) -> (&'static str, String) {
    let fallen = report.asserts.iter().filter(|verdict| !verdict.held).count();
    if let Some(reason) = &report.broken_off {
        return ("bad", format!("Broken off: {reason}"));
    }
    if report.interrupted {
        return ("warn", "Stopped by the operator; the figures are of what ran until then".to_owned());
    }
    if report.generator.saturated {
        return ("bad", "The generator was saturated: these figures are about it, not about the server".to_owned());
    }
    match (fallen, report.asserts.len()) {
        (0, 0) => ("plain", "No assertions were made".to_owned()),
        (0, all) => ("good", format!("All {all} assertions held")),
        (fallen, all) => ("bad", format!("{fallen} of {all} assertions fell")),
    }
}

fn head(html: &mut String, report: &Report) {
    let (class, words) = verdict(report);
    let sign = match class {
        "good" => "✓",
        "bad" => "✕",
        "warn" => "!",
        _ => "·",
    };
    let memory = report
        .machine
        .memory_bytes
        .map_or(String::new(), |bytes| format!(", {} GiB", number((bytes as f64 / 1_073_741_824.0).round())));
    let _ = write!(
        html,
        "<header><p class=\"brand\">Sightline load test {}</p><h1>{}</h1><p class=\"verdict {class}\"><b>{sign}</b> {}</p>\
         <dl><dt>Target</dt><dd>{}</dd><dt>Started</dt><dd>{}</dd><dt>Length</dt><dd>{} s</dd><dt>Load from</dt>\
         <dd>{} cores{memory}, {}</dd></dl><pre>{}</pre></header>",
        escape(&report.tool),
        escape(&report.scenario),
        escape(&words),
        escape(&report.target),
        utc(report.started_at_ms),
        number(report.duration_s),
        report.machine.cores,
        escape(&report.machine.system),
        escape(&report.command)
    );
    for note in &report.notes {
        let _ = write!(html, "<p class=\"note\">{}</p>", escape(note));
    }
}

/// Date and time in UTC of milliseconds since the Unix epoch.
fn utc(ms: f64) -> String {
    let seconds = (ms / 1_000.0) as i64;
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Civil date from days (H. Hinnant): eras of 400 years that begin on the 1st of March.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_place = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_place + 2) / 5 + 1;
    let month = if month_place < 10 { month_place + 3 } else { month_place - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02} UTC", rest / 3_600, rest / 60 % 60, rest % 60)
}

fn tiles(html: &mut String, report: &Report) {
    let mut tiles: Vec<(String, String, String)> = Vec::new();
    for (name, row) in report.ordered_phases() {
        let Some((mode, phase)) = name.split_once('.') else { continue };
        if ["total", "ack", "place"].contains(&phase) {
            let under = format!("p95 {} · p99 {} · n {}", number(row.p95), number(row.p99), row.count);
            tiles.push((format!("{mode} {phase}, median"), format!("{} ms", number(row.p50)), under));
        }
    }
    for (name, value) in &report.figures {
        tiles.push((name.replace('_', " "), number(*value), String::new()));
    }
    for name in ["completed", "acknowledged", "failed", "viewers"] {
        if let Some(count) = report.totals.get(name) {
            tiles.push((name.to_owned(), number(*count as f64), String::new()));
        }
    }
    let errors: u64 = report.errors.values().sum();
    tiles.push(("errors".to_owned(), number(errors as f64), String::new()));
    html.push_str("<div class=\"tiles\">");
    for (name, value, under) in tiles.iter().take(12) {
        let _ = write!(
            html,
            "<div><span>{}</span><b>{}</b><small>{}</small></div>",
            escape(name),
            escape(value),
            escape(under)
        );
    }
    html.push_str("</div>");
}

fn asserts(html: &mut String, report: &Report) {
    if report.asserts.is_empty() {
        return;
    }
    let mut rows = String::from("<table><tr><th>Assertion<th>Measured<th>Came out</tr>");
    for verdict in &report.asserts {
        let (class, word) = if verdict.held { ("good", "✓ held") } else { ("bad", "✕ fell") };
        let value = verdict.value.map_or_else(|| "nothing".to_owned(), number);
        let _ = write!(
            rows,
            "<tr><td><code>{}</code><td class=\"n\">{value}<td class=\"n {class}\">{word}</tr>",
            escape(&verdict.assertion)
        );
    }
    section(html, "Assertions", "", &(rows + "</table>"));
}

fn steps(html: &mut String, report: &Report) {
    if report.steps.is_empty() {
        return;
    }
    let mut rows = String::from(
        "<table><tr><th>Rate, 1/s<th>Came out<th>p50, ms<th>p95<th>p99<th>Server CPU, %<th>Generator CPU, %<th>Errors<th>Short of</tr>",
    );
    for step in &report.steps {
        let (class, word) = if step.held { ("good", "✓ held") } else { ("bad", "✕ fell") };
        let cell = |statistic: &str| step.latency_ms.and_then(|row| row.get(statistic)).map_or("–".to_owned(), number);
        let _ = write!(
            rows,
            "<tr><td class=\"n\">{}<td class=\"{class}\">{word}<td class=\"n\">{}<td class=\"n\">{}<td class=\"n\">{}\
             <td class=\"n\">{}<td class=\"n\">{}<td class=\"n\">{}<td>{}</tr>",
            number(step.rate_per_s),
            cell("p50"),
            cell("p95"),
            cell("p99"),
            step.server_cpu_percent.map_or("–".to_owned(), number),
            number(step.generator_cpu_percent),
            step.errors.values().sum::<u64>(),
            escape(step.short_of.as_deref().unwrap_or(""))
        );
    }
    let curve = Series {
        name: "p95".to_owned(),
        mark: Mark::Dots,
        colour: 1,
        points: report.steps.iter().filter_map(|step| Some((step.rate_per_s, step.latency_ms?.p95))).collect(),
    };
    let chart = Chart {
        title: "Latency by rate".to_owned(),
        x: "rate, 1/s".to_owned(),
        y: "p95, ms".to_owned(),
        series: vec![curve],
        marks: report.figures.get("knee_per_s").map(|knee| (*knee, "knee".to_owned())).into_iter().collect(),
        ticks: Vec::new(),
    };
    section(
        html,
        "Capacity",
        "Each rate ran by itself; the knee is the highest that held.",
        &(chart.svg() + &rows + "</table>"),
    );
}

fn over_time(html: &mut String, report: &Report) {
    let marks: Vec<_> = report.faults.iter().map(|fault| (fault.at_s, "fault".to_owned())).collect();
    if report.seconds.len() > 1 {
        let line = |name: &str, colour, mark, value: &dyn Fn(&super::Second) -> u32| Series {
            name: name.to_owned(),
            mark,
            colour,
            points: report.seconds.iter().enumerate().map(|(t, second)| (t as f64, f64::from(value(second)))).collect(),
        };
        let chart = Chart {
            title: "Arrivals and completions by second".to_owned(),
            x: "seconds into the run".to_owned(),
            y: "per second".to_owned(),
            series: vec![
                line("due by the schedule", 6, Mark::Area, &|second| second.intended),
                line("completed", 1, Mark::Line, &|second| second.completed),
                line("failed", 4, Mark::Line, &|second| second.failed),
            ],
            marks: marks.clone(),
            ticks: Vec::new(),
        };
        section(html, "Arrivals and completions", "", &chart.svg());
    }
    if report.points.len() > 1 {
        section(
            html,
            "Latency from the intended moment",
            "Each dot is one measurement at the moment it was due. What waited because something before it was late shows its wait.",
            &latency_chart(report, marks).svg(),
        );
    }
}

fn latency_chart(report: &Report, marks: Vec<(f64, String)>) -> Chart {
    let mut by_series: BTreeMap<&str, Vec<(f64, f64)>> = BTreeMap::new();
    let mut by_second: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
    for point in &report.points {
        by_series.entry(&point.series).or_default().push((point.t_s, point.ms));
        by_second.entry(point.t_s as u64).or_default().push(point.ms);
    }
    let mut series: Vec<Series> = by_series
        .into_iter()
        .enumerate()
        .map(|(n, (name, points))| Series { name: name.to_owned(), mark: Mark::Dots, colour: n % 5 + 1, points })
        .collect();
    let slow = by_second.into_iter().map(|(second, mut values)| {
        values.sort_by(f64::total_cmp);
        let at = (values.len() * 95).div_ceil(100).saturating_sub(1);
        (second as f64 + 0.5, values[at])
    });
    let points: Vec<_> = slow.collect();
    if points.len() > 1 {
        series.push(Series { name: "p95 of the second".to_owned(), mark: Mark::Line, colour: 6, points });
    }
    Chart {
        title: "Latency over time".to_owned(),
        x: "intended moment, seconds into the run".to_owned(),
        y: "ms".to_owned(),
        series,
        marks,
        ticks: Vec::new(),
    }
}

fn waterfalls(html: &mut String, report: &Report) {
    let mut body = String::new();
    for mode in ["cold", "warm"] {
        let bar = |phase: &&str, counted: bool| {
            let row = report.phases.get(&format!("{mode}.{phase}"))?;
            Some(Bar { name: (*phase).to_owned(), p50: row.p50, p95: row.p95, counted })
        };
        let mut bars: Vec<Bar> = ARRIVAL.iter().filter_map(|phase| bar(phase, false)).collect();
        // Descriptions are exchanged while the card is read, but with other servers, which have no card.
        let early = |phase: &&str| DESCRIPTIONS.contains(phase) && report.phases.contains_key("prepare.invite");
        bars.extend(MEDIA.iter().filter_map(|phase| bar(phase, mode == "cold" && !early(phase))));
        bars.extend(PICTURE.iter().filter_map(|phase| bar(phase, true)));
        if !bars.is_empty() {
            let _ = write!(body, "<h3>{mode}</h3>{}", waterfall(&format!("Phases, {mode}"), &bars));
        }
    }
    if !body.is_empty() {
        section(
            html,
            "Where the time goes",
            "Strong bars count towards the total, which begins at the consent; pale ones happen before it.",
            &body,
        );
    }
}

fn curves(html: &mut String, report: &Report) {
    // A logarithmic axis of one minus the quantile: each nine is as wide as the one before it.
    let place = |quantile: f64| -(1.0 - quantile.min(0.999)).log10();
    let series: Vec<Series> = report
        .curves
        .iter()
        .enumerate()
        .map(|(n, (name, curve))| Series {
            name: name.clone(),
            mark: Mark::Line,
            colour: n % 5 + 1,
            points: curve.iter().filter(|(quantile, _)| *quantile <= 0.999).map(|(q, ms)| (place(*q), *ms)).collect(),
        })
        .collect();
    if series.is_empty() {
        return;
    }
    let ticks = [(0.0, "0"), (0.5, "50 %"), (0.9, "90 %"), (0.95, "95 %"), (0.99, "99 %"), (0.999, "99.9 %")];
    let chart = Chart {
        title: "Distribution".to_owned(),
        x: "share that was at least this fast".to_owned(),
        y: "ms".to_owned(),
        series,
        marks: Vec::new(),
        ticks: ticks.map(|(quantile, word)| (place(quantile), word.to_owned())).to_vec(),
    };
    section(html, "Distribution", "", &chart.svg());
}

fn phases(html: &mut String, report: &Report) {
    if report.phases.is_empty() {
        return;
    }
    let mut rows = String::from("<table><tr><th>Phase, ms<th>count<th>min<th>p50<th>p90<th>p95<th>p99<th>max</tr>");
    let mut known = "";
    for (name, row) in report.ordered_phases() {
        let mode = name.split_once('.').map_or(name, |(mode, _)| mode);
        let class = if mode == known { "" } else { " class=\"new\"" };
        known = mode;
        let _ = write!(rows, "<tr{class}><td>{}", escape(name));
        for statistic in Percentiles::STATISTICS {
            let _ = write!(rows, "<td class=\"n\">{}", number(row.get(statistic).unwrap_or(0.0)));
        }
        rows.push_str("</tr>");
    }
    section(html, "Percentiles", "", &(rows + "</table>"));
}

fn machines(html: &mut String, report: &Report) {
    let mut body = String::new();
    let line = |name: &str, colour, points: Vec<(f64, f64)>| Series {
        name: name.to_owned(),
        mark: Mark::Line,
        colour,
        points,
    };
    let mut cpu = Vec::new();
    if let Some(server) = &report.server {
        let points = server.samples.iter().filter_map(|sample| Some((sample.t_s, sample.cpu_percent?))).collect();
        cpu.push(line("server", 1, points));
        let memory = server.samples.iter().filter_map(|sample| Some((sample.t_s, sample.rss_bytes? / 1_048_576.0)));
        let chart = Chart {
            title: "Memory of the server".to_owned(),
            x: "seconds into the run".to_owned(),
            y: "MiB".to_owned(),
            series: vec![line("server, resident", 2, memory.collect())],
            marks: Vec::new(),
            ticks: Vec::new(),
        };
        body = chart.svg();
    }
    let own = report.generator.cpu_samples.iter().enumerate().map(|(t, cpu)| (t as f64 + 1.0, *cpu));
    cpu.push(line("generator", 6, own.collect()));
    let chart = Chart {
        title: "CPU".to_owned(),
        x: "seconds into the run".to_owned(),
        y: "% of one core".to_owned(),
        series: cpu,
        marks: Vec::new(),
        ticks: Vec::new(),
    };
    let server =
        report.server.as_ref().map_or("The server did not tell its CPU and memory.".to_owned(), ToString::to_string);
    section(html, "Server and generator", &format!("{server}. {}.", report.generator), &(chart.svg() + &body));
}

fn faults(html: &mut String, report: &Report) {
    if report.faults.is_empty() {
        return;
    }
    let mut rows = String::from("<table><tr><th>Fault<th>Hit<th>Recovered<th>Slowest recovery, ms</tr>");
    for fault in &report.faults {
        let words = fault.to_string();
        let name = words.split_once(": ").map_or(words.as_str(), |(name, _)| name.trim_start_matches("fault "));
        let _ = write!(
            rows,
            "<tr><td><code>{}</code><td class=\"n\">{}<td class=\"n\">{}<td class=\"n\">{}</tr>",
            escape(name),
            fault.affected,
            fault.recovered,
            fault.slowest_ms.map_or("–".to_owned(), number)
        );
    }
    section(html, "Faults", "", &(rows + "</table>"));
}

fn errors(html: &mut String, report: &Report) {
    if report.errors.is_empty() {
        return section(html, "Errors", "None. Nothing was tried twice: a retry counts as a failure.", "");
    }
    let mut rows = String::from("<table><tr><th>Where and what<th>Times</tr>");
    let mut kinds: Vec<_> = report.errors.iter().collect();
    kinds.sort_by_key(|(_, times)| std::cmp::Reverse(**times));
    for (kind, times) in kinds {
        let _ = write!(rows, "<tr><td>{}<td class=\"n\">{times}</tr>", escape(kind));
    }
    section(html, "Errors", "", &(rows + "</table>"));
}

fn settings(html: &mut String, report: &Report) {
    let mut rows = String::from("<table>");
    for (name, value) in report.settings.as_object().into_iter().flatten() {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let _ = write!(rows, "<tr><td>{}<td>{}</tr>", escape(name), escape(&value));
    }
    for (name, count) in &report.totals {
        let _ = write!(rows, "<tr><td>{}<td class=\"n\">{}</tr>", escape(name), number(*count as f64));
    }
    section(html, "Settings and totals", "", &(rows + "</table>"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_right() {
        assert_eq!(utc(0.0), "1970-01-01 00:00:00 UTC");
        assert_eq!(utc(951_782_400_000.0), "2000-02-29 00:00:00 UTC");
        assert_eq!(utc(1_798_761_599_000.0), "2026-12-31 23:59:59 UTC");
    }
}
