//! Plots as inline SVG: lines, areas and dots over time, and the waterfall of phases. Colours come from the page's style,
//! so that one drawing serves light and dark.

use std::fmt::Write as _;

/// Size of a plot in its own units; the page scales it.
const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 250.0;
/// Room for the labels of the axes.
const LEFT: f64 = 62.0;
const RIGHT: f64 = 26.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 40.0;
/// Ticks wanted on an axis.
const TICKS: f64 = 5.0;

/// How a series is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// A line through the points.
    Line,
    /// A line with the space below it filled.
    Area,
    /// Points alone.
    Dots,
}

/// One series of a plot.
#[derive(Debug, Clone)]
pub(super) struct Series {
    /// Name in the legend.
    pub(super) name: String,
    /// How it is drawn.
    pub(super) mark: Mark,
    /// Number of its colour in the page's style, from 1.
    pub(super) colour: usize,
    /// Where.
    pub(super) points: Vec<(f64, f64)>,
}

/// A plot with two axes that begin at zero.
#[derive(Debug, Clone)]
pub(super) struct Chart {
    /// What it shows, for those who do not see it.
    pub(super) title: String,
    /// Label of the horizontal axis.
    pub(super) x: String,
    /// Label of the vertical axis.
    pub(super) y: String,
    /// What is drawn, the last one on top.
    pub(super) series: Vec<Series>,
    /// Moments to mark with a vertical line and a word.
    pub(super) marks: Vec<(f64, String)>,
    /// Ticks of the horizontal axis with their words; even ones when empty.
    pub(super) ticks: Vec<(f64, String)>,
}

/// Text for HTML and SVG.
pub(super) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

/// A number with as many digits as it deserves.
pub(super) fn number(value: f64) -> String {
    let digits = match value.abs() {
        0.0 => 0,
        size if size < 1.0 => 2,
        size if size < 100.0 => 1,
        _ => 0,
    };
    let text = format!("{value:.digits$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    let (sign, text) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (whole, part) = text.split_once('.').map_or((text, String::new()), |(whole, part)| (whole, format!(".{part}")));
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            grouped.push('\u{202f}');
        }
        grouped.push(digit);
    }
    format!("{sign}{grouped}{part}")
}

/// Step between ticks: 1, 2 or 5 times a power of ten.
fn step(most: f64) -> f64 {
    let raw = (most / TICKS).max(1e-9);
    let power = 10_f64.powf(raw.log10().floor());
    let factor = [1.0, 2.0, 5.0, 10.0].into_iter().find(|factor| factor * power >= raw).unwrap_or(10.0);
    factor * power
}

impl Chart {
    /// Draws it, with its legend.
    pub(super) fn svg(&self) -> String {
        let all = || self.series.iter().flat_map(|series| series.points.iter());
        let x_most = all().map(|point| point.0).fold(0.0, f64::max).max(1e-6);
        let y_step = step(all().map(|point| point.1).fold(0.0, f64::max).max(1e-6) * 1.05);
        let y_most = (all().map(|point| point.1).fold(0.0, f64::max) * 1.05 / y_step).ceil().max(1.0) * y_step;
        let across = |x: f64| LEFT + x / x_most * (WIDTH - LEFT - RIGHT);
        let down = |y: f64| HEIGHT - BOTTOM - y / y_most * (HEIGHT - TOP - BOTTOM);
        let mut svg =
            format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">", escape(&self.title));
        let mut y = 0.0;
        while y <= y_most * 1.001 {
            let at = down(y);
            let _ = write!(
                svg,
                "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/><text class=\"tick\" \
                 x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                WIDTH - RIGHT,
                LEFT - 8.0,
                at + 4.0,
                number(y)
            );
            y += y_step;
        }
        for (x, word) in self.x_ticks(x_most) {
            let _ = write!(
                svg,
                "<text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                across(x),
                HEIGHT - BOTTOM + 16.0,
                escape(&word)
            );
        }
        self.label_axes(&mut svg);
        for series in &self.series {
            draw(&mut svg, series, &across, &down);
        }
        for (x, word) in self.marks.iter().filter(|(x, _)| *x <= x_most) {
            let at = across(*x);
            let _ = write!(
                svg,
                "<line class=\"mark\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{TOP}\" y2=\"{:.1}\"/><text class=\"tick\" \
                 x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                HEIGHT - BOTTOM,
                at + 4.0,
                TOP + 10.0,
                escape(word)
            );
        }
        svg.push_str("</svg>");
        svg + &self.legend()
    }

    fn x_ticks(&self, most: f64) -> Vec<(f64, String)> {
        if !self.ticks.is_empty() {
            return self.ticks.clone();
        }
        let step = step(most);
        let count = (most / step).floor() as u32;
        (0..=count).map(|n| f64::from(n) * step).map(|x| (x, number(x))).collect()
    }

    fn label_axes(&self, svg: &mut String) {
        let (middle, bottom) = ((LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 6.0);
        let _ = write!(
            svg,
            "<text class=\"axis\" x=\"{middle:.1}\" y=\"{bottom:.1}\" text-anchor=\"middle\">{}</text>\
             <text class=\"axis\" transform=\"translate(14 {:.1}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
            escape(&self.x),
            (TOP + HEIGHT - BOTTOM) / 2.0,
            escape(&self.y)
        );
    }

    fn legend(&self) -> String {
        let mut html = String::from("<div class=\"legend\">");
        for series in &self.series {
            let _ = write!(html, "<span><i class=\"key c{}\"></i>{}</span>", series.colour, escape(&series.name));
        }
        html + "</div>"
    }
}

fn draw(svg: &mut String, series: &Series, across: &impl Fn(f64) -> f64, down: &impl Fn(f64) -> f64) {
    let colour = series.colour;
    let path = || {
        let mut path = String::new();
        for (n, (x, y)) in series.points.iter().enumerate() {
            let _ = write!(path, "{}{:.1} {:.1}", if n == 0 { 'M' } else { 'L' }, across(*x), down(*y));
        }
        path
    };
    match (series.mark, series.points.first(), series.points.last()) {
        (_, None, _) | (_, _, None) => {}
        (Mark::Dots, ..) => {
            for (x, y) in &series.points {
                let _ = write!(
                    svg,
                    "<circle class=\"dot c{colour}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"2.4\"/>",
                    across(*x),
                    down(*y)
                );
            }
        }
        (Mark::Area, Some(first), Some(last)) => {
            let base = down(0.0);
            let (from, to) = (across(first.0), across(last.0));
            let line = path();
            let _ = write!(
                svg,
                "<path class=\"area c{colour}\" d=\"{line}L{to:.1} {base:.1}L{from:.1} {base:.1}Z\"/>\
                 <path class=\"line c{colour}\" d=\"{line}\"/>"
            );
        }
        (Mark::Line, ..) => {
            let _ = write!(svg, "<path class=\"line c{colour}\" d=\"{}\"/>", path());
        }
    }
}

/// One bar of a waterfall.
#[derive(Debug, Clone)]
pub(super) struct Bar {
    /// Name of the phase.
    pub(super) name: String,
    /// Median, ms: the bar's length.
    pub(super) p50: f64,
    /// 95th percentile, ms: how far the whisker reaches.
    pub(super) p95: f64,
    /// Whether the person waits for it.
    pub(super) counted: bool,
}

/// Bars one below the other, each beginning where the medians of those before it end.
pub(super) fn waterfall(title: &str, bars: &[Bar]) -> String {
    const ROW: f64 = 22.0;
    const NAMES: f64 = 104.0;
    let height = bars.len() as f64 * ROW + 30.0;
    let mut begin = 0.0;
    let mut reach: f64 = 1e-6;
    for bar in bars {
        reach = reach.max(begin + bar.p95.max(bar.p50));
        begin += bar.p50;
    }
    let scale = (WIDTH - NAMES - 120.0) / reach;
    let mut svg = format!("<svg viewBox=\"0 0 {WIDTH} {height:.0}\" role=\"img\" aria-label=\"{}\">", escape(title));
    let mut begin = 0.0;
    for (n, bar) in bars.iter().enumerate() {
        let y = n as f64 * ROW + 4.0;
        let x = NAMES + begin * scale;
        let (long, longest) = ((bar.p50 * scale).max(1.0), (bar.p95.max(bar.p50) * scale).max(1.0));
        let class = if bar.counted { "c1" } else { "c6" };
        let _ = write!(
            svg,
            "<text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\
             <rect class=\"soft {class}\" x=\"{x:.1}\" y=\"{:.1}\" width=\"{longest:.1}\" height=\"6\" rx=\"2\"/>\
             <rect class=\"bar {class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{long:.1}\" height=\"14\" rx=\"2\"/>\
             <text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\">{} <tspan class=\"dim\">p95 {}</tspan></text>",
            NAMES - 8.0,
            y + 11.0,
            escape(&bar.name),
            y + 4.0,
            x + longest + 6.0,
            y + 11.0,
            number(bar.p50),
            number(bar.p95)
        );
        begin += bar.p50;
    }
    let _ = write!(
        svg,
        "<text class=\"axis\" x=\"{NAMES}\" y=\"{:.1}\">medians one after the other, ms; the thin bar reaches to p95</text></svg>",
        height - 8.0
    );
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_grouped() {
        assert_eq!(number(0.0), "0");
        assert_eq!(number(0.25), "0.25");
        assert_eq!(number(12.50), "12.5");
        assert_eq!(number(12.0), "12");
        assert_eq!(number(1_234_567.0), "1\u{202f}234\u{202f}567");
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(step(1.0), 0.2);
        assert_eq!(step(43.0), 10.0);
        assert_eq!(step(1_200.0), 500.0);
    }

    #[test]
    fn a_plot_without_points_is_still_a_plot() {
        let series = Series { name: "<none>".into(), mark: Mark::Area, colour: 1, points: Vec::new() };
        let chart = Chart {
            title: "a & b".into(),
            x: "s".into(),
            y: "ms".into(),
            series: vec![series],
            marks: Vec::new(),
            ticks: Vec::new(),
        };
        let svg = chart.svg();
        assert!(svg.contains("a &amp; b") && svg.contains("&lt;none&gt;") && !svg.contains("NaN"), "{svg}");
    }
}
