//! Runs as tests/diagnosis/run/manifest.ts lists them, and their traces.

use std::fs;
use std::path::Path;

use diagnosis::Cause;
use serde::Deserialize;

/// Bytes of a gzip file before and after its deflate stream, as Node writes it: no name, no extra field.
const GZIP_HEAD: usize = 10;
const GZIP_TAIL: usize = 8;
/// Largest trace taken, bytes inflated.
const TRACE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Share of the processors that must have been free during a control: else the machine itself was the fault.
const FREE_MIN: f64 = 0.4;

/// The half of the corpus that a run is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Split {
    /// Thresholds may be set on it.
    Tuning,
    /// Figures are told of it.
    Reported,
}

impl Split {
    /// By family, severity and content alone; manifest.ts has the same rule.
    pub(crate) fn of(run: &Run) -> Self {
        let letters = run.family.bytes().chain(run.content.bytes()).map(u32::from).sum::<u32>();
        if (letters + run.severity).is_multiple_of(2) { Self::Tuning } else { Self::Reported }
    }

    /// By its name in the manifest.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "tuning" => Some(Self::Tuning),
            "reported" => Some(Self::Reported),
            _ => None,
        }
    }
}

/// Of the machine's processors while a run was recorded, 0 to 1.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Machine {
    /// Idle.
    pub(crate) idle: f64,
    /// Used by what ran with low priority: free to a browser, which goes first.
    pub(crate) nice: f64,
}

/// A line of the manifest. Times are seconds from the trace's first.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Run {
    pub(crate) id: String,
    pub(crate) family: String,
    pub(crate) severity: u32,
    pub(crate) content: String,
    pub(crate) label: Cause,
    pub(crate) also: Option<Cause>,
    pub(crate) call: bool,
    pub(crate) split: Split,
    pub(crate) fault_s: Option<f64>,
    pub(crate) chat_s: f64,
    pub(crate) machine: Machine,
}

impl Run {
    /// Controls on a machine without room to spare say nothing.
    pub(crate) fn counts(&self) -> bool {
        self.label != Cause::NoneObserved || self.machine.idle + self.machine.nice >= FREE_MIN
    }

    /// The trace's text.
    pub(crate) fn text(&self, folder: &Path) -> String {
        let path = folder.join(format!("{}.json.gz", self.id));
        let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let deflated = bytes.get(GZIP_HEAD..bytes.len().saturating_sub(GZIP_TAIL)).expect("a gzip file");
        let text = miniz_oxide::inflate::decompress_to_vec_with_limit(deflated, TRACE_BYTES_MAX);
        String::from_utf8(text.unwrap_or_else(|error| panic!("{}: {error}", path.display()))).expect("UTF-8")
    }
}

/// All lines of a folder's manifest.
pub(crate) fn read_manifest(folder: &Path) -> Vec<Run> {
    let path = folder.join("manifest.jsonl");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let line = |(number, line): (usize, &str)| {
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{}:{}: {error}", path.display(), number + 1))
    };
    text.lines().enumerate().filter(|(_, text)| !text.is_empty()).map(line).collect()
}
