//! Calls with a known fault as other tools saw them, recorded by `npm run dumps` in tests/diagnosis: each gives the cause that the
//! same call gives in our own form, cut to the lanes that the tool has, or says which lanes are missing.

use std::fs;
use std::path::Path;

use diagnosis::model::{LaneName, Trace};
use diagnosis::read::Form;
use diagnosis::{Cause, Parsed, Verdict, diagnose, parse};

/// Lengths of a gzip file's head without a name, and of its tail.
const GZIP_HEAD: usize = 10;
const GZIP_TAIL: usize = 8;
const UNPACKED_MAX: usize = 32 * 1024 * 1024;

fn unpacked(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded").join(format!("{name}.gz"));
    let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let deflated = bytes.get(GZIP_HEAD..bytes.len().saturating_sub(GZIP_TAIL)).expect("a gzip file");
    miniz_oxide::inflate::decompress_to_vec_with_limit(deflated, UNPACKED_MAX).expect("it is unpacked")
}

fn read(name: &str) -> Parsed {
    parse(&unpacked(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Verdicts of a file of another tool and of ours.
fn both(other: &str, form: Form, own: &str) -> (Verdict, Verdict) {
    let (other, own) = (read(other), read(own));
    assert_eq!(other.form, form);
    assert_eq!(own.form, Form::Sightline);
    (diagnose(&other.trace, None).verdict, diagnose(&own.trace, None).verdict)
}

fn seconds(trace: &Trace, lane: LaneName) -> usize {
    trace.len_of(lane)
}

#[test]
fn chromes_own_dump_gives_our_cause() {
    let (other, own) = both("chrome-internals.json", Form::WebrtcInternals, "chrome-own.json");
    assert_eq!(own.cause, Cause::ViewerNetwork, "{:?}", own.evidence);
    assert_eq!(other.cause, own.cause, "{:?}", other.evidence);
}

#[test]
fn a_dump_of_rtcstats_gives_our_cause() {
    let (other, own) = both("rtcstats.txt", Form::Rtcstats, "chrome-own.json");
    assert_eq!(other.cause, own.cause, "{:?}", other.evidence);
}

#[test]
fn a_series_of_firefox_gives_our_cause() {
    let (other, own) = both("firefox-series.json", Form::GetStatsSeries, "firefox-own.json");
    assert_eq!(other.cause, own.cause, "{:?} {:?}", other.evidence, own.evidence);
    assert!(own.cause != Cause::NoneObserved);
    if own.cause == Cause::Undetermined {
        assert!(other.needs.contains(&LaneName::Server), "{:?}", other.needs);
    }
}

#[test]
fn they_hold_about_the_seconds_that_ours_does() {
    for (other, own, lane) in [
        ("chrome-internals.json", "chrome-own.json", LaneName::ViewerUp),
        ("rtcstats.txt", "chrome-own.json", LaneName::ViewerUp),
        ("firefox-series.json", "firefox-own.json", LaneName::AgentDown),
    ] {
        let (other_s, own_s) = (seconds(&read(other).trace, lane), seconds(&read(own).trace, lane));
        assert!(own_s >= 20, "{own}: {own_s}");
        assert!(other_s + 5 >= own_s, "{other}: {other_s} of {own_s}");
    }
}

#[test]
fn cut_reordered_and_doubled_ones_are_survived() {
    for name in ["chrome-internals.json", "rtcstats.txt", "firefox-series.json"] {
        let whole = unpacked(name);
        for share in 1..20 {
            // An error with its place, or what there is.
            let _ = parse(&whole[..whole.len() * share / 20]).map(|parsed| diagnose(&parsed.trace, None));
        }
    }
    let text = String::from_utf8(unpacked("rtcstats.txt")).expect("UTF-8");
    let (head, lines): (Vec<&str>, Vec<&str>) = (text.lines().take(2).collect(), text.lines().skip(2).collect());
    let doubled: Vec<&str> = head.iter().chain(lines.iter().flat_map(|line| [line, line])).copied().collect();
    let cause = |lines: &[&str]| {
        parse(lines.join("\n").as_bytes()).map(|parsed| diagnose(&parsed.trace, None).verdict.cause).ok()
    };
    assert_eq!(cause(&doubled), Some(Cause::ViewerNetwork));
    let backward: Vec<&str> = head.iter().copied().chain(lines.iter().rev().copied()).collect();
    // Deltas out of their order are no readings; the file is read and nobody is blamed for it.
    let said = cause(&backward);
    assert!(matches!(said, None | Some(Cause::ViewerNetwork | Cause::Undetermined | Cause::NoneObserved)), "{said:?}");
}
