//! The recorded corpus (tests/diagnosis): every trace replayed, its verdict held against what was really done to the run.
//!
//! `cargo test -p sightline-diagnosis --test corpus -- --nocapture` prints the figures; with `UPDATE=1` they are written to
//! docs/diagnosis-corpus.md. `CORPUS=FOLDER` replays other recordings, `SPLIT=tuning` shows that half run by run.

mod corpus_support;

use std::fs;
use std::path::{Path, PathBuf};

use corpus_support::figures;
use corpus_support::replay::{Outcome, replay};
use corpus_support::run::{Run, Split, read_manifest};

/// All traces together, bytes: they live in the repository.
const CORPUS_BYTES_MAX: u64 = 20 * 1024 * 1024;

/// What the reported half has to reach for the build to be green. It follows the figures of docs/diagnosis-corpus.md upwards:
/// a change that loses ground fails here.
const REPORTED_RIGHT_MIN: f64 = 0.94;

fn folder() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/diagnosis/traces");
    std::env::var_os("CORPUS").map_or(own, PathBuf::from)
}

fn outcomes() -> Vec<Outcome> {
    read_manifest(&folder()).into_iter().filter(Run::counts).map(|run| replay(&folder(), run)).collect()
}

#[test]
fn every_line_has_its_trace_and_nothing_tells_the_recipe() {
    let folder = folder();
    let runs = read_manifest(&folder);
    let mut bytes = 0;
    for run in &runs {
        assert_eq!(run.split, Split::of(run), "{}: the halves are frozen", run.id);
        let path = folder.join(format!("{}.json.gz", run.id));
        bytes += fs::metadata(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).len();
        let text = run.text(&folder);
        for word in [run.family.as_str(), run.content.as_str()] {
            for told in [format!("\"{word}\""), format!("/{word}/"), format!("\"{word}/")] {
                assert!(!text.contains(&told), "{} names {word}", run.id);
            }
        }
        assert!(!text.contains("10.213."), "{} names an address", run.id);
        let parsed = diagnosis::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{}: {error}", run.id));
        assert!(parsed.remarks.is_empty(), "{}: {:?}", run.id, parsed.remarks);
    }
    assert!(bytes <= CORPUS_BYTES_MAX, "{bytes} bytes of traces");
    let ids: std::collections::HashSet<&str> = runs.iter().map(|run| run.id.as_str()).collect();
    assert_eq!(ids.len(), runs.len(), "a run is listed twice");
    let files = fs::read_dir(&folder).expect("the folder").flatten().filter(|file| {
        let name = file.file_name().to_string_lossy().into_owned();
        name.strip_suffix(".json.gz").is_some_and(|id| !ids.contains(id))
    });
    assert_eq!(files.count(), 0, "traces without a line");
}

#[test]
fn verdicts_of_the_recorded_runs() {
    let outcomes = outcomes();
    assert!(!outcomes.is_empty(), "no runs in {}", folder().display());
    let text = figures::report(&outcomes);
    println!("{text}");
    if let Some(split) = std::env::var("SPLIT").ok().and_then(|name| Split::named(&name)) {
        for outcome in outcomes.iter().filter(|outcome| outcome.run.split == split) {
            println!("{}", outcome.line());
        }
    }
    if std::env::var_os("UPDATE").is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/diagnosis-corpus.md");
        fs::write(&path, text).expect("docs/diagnosis-corpus.md");
    }
    let right = figures::macro_right(&outcomes, Split::Reported);
    assert!(right >= REPORTED_RIGHT_MIN, "{right:.3} of the reported half is right, {REPORTED_RIGHT_MIN} is needed");
}
