//! Reading files: our own form, Chrome's webrtc-internals dump, rtcstats dumps, a Firefox `getStats` series.
//!
//! Owns the telling apart of forms by their content, the bounds, and the errors. Bytes come from strangers: nothing here panics,
//! what is damaged in part is read in part and said so, and what cannot be read at all is an error that names the form and
//! the place.

mod internals;
mod own;
mod reports;
mod rtcstats;
mod rtcstats_names;
mod series;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::lenient::names;
use crate::model::{LaneName, Side, Trace};

pub(crate) use rtcstats::{MAGIC as DUMP_MAGIC, OWN_METHOD};

/// Largest file read. A call of six hours with two connections is below.
pub const FILE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Most remarks kept about one file.
const REMARKS_MAX: usize = 32;

names! {
    /// The form of a file.
    Form {
        /// Ours: a ticket's telemetry download, or a trace as [`Trace::to_json`] writes it.
        Sightline,
        /// `chrome://webrtc-internals` → "Create a WebRTC-Internals dump".
        WebrtcInternals,
        /// rtcstats: `RTCStatsDump` lines, array lines alone, or an object of peer connections.
        Rtcstats,
        /// A JSON array of `{timestamp, reports}`.
        GetStatsSeries,
    }
}

impl Form {
    fn as_str(self) -> &'static str {
        match self {
            Self::Sightline => "Sightline telemetry",
            Self::WebrtcInternals => "webrtc-internals dump",
            Self::Rtcstats => "rtcstats dump",
            Self::GetStatsSeries => "getStats series",
        }
    }
}

/// A file that was read.
#[derive(Debug, Clone)]
pub struct Parsed {
    /// What it was.
    pub form: Form,
    /// What it held.
    pub trace: Trace,
    /// What was left out or looks wrong, in words with a place. At most 32.
    pub remarks: Vec<String>,
    /// Lanes that it does not hold.
    pub lanes_missing: Vec<LaneName>,
}

/// Why a file was not read. The place is a line, a byte or a path in the JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadError {
    /// Nothing in it.
    #[error("the file is empty")]
    Empty,
    /// More bytes than [`FILE_BYTES_MAX`].
    #[error("the file has {bytes} bytes, more than the {max} that are read")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The bound.
        max: usize,
    },
    /// It is compressed.
    #[error("the file is compressed ({kind}); unpack it first")]
    Compressed {
        /// With what.
        kind: String,
    },
    /// It is no text.
    #[error("the file is not UTF-8 text: byte {at} is wrong")]
    NotText {
        /// Where.
        at: usize,
    },
    /// It is no JSON, or ends too early.
    #[error("not JSON at line {line}, column {column}: {reason}")]
    NotJson {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// The parser's word.
        reason: String,
    },
    /// JSON of a form that we do not know.
    #[error("unknown form: {hint}")]
    Unknown {
        /// What was found, and what was looked for.
        hint: String,
    },
    /// Of a form that we know, with a fault that leaves nothing to judge.
    #[error("{form}: {place}: {reason}")]
    Malformed {
        /// The form.
        form: String,
        /// Where.
        place: String,
        /// What is wrong.
        reason: String,
    },
}

fn malformed(form: Form, place: impl Into<String>, reason: impl Into<String>) -> ReadError {
    ReadError::Malformed { form: form.as_str().to_owned(), place: place.into(), reason: reason.into() }
}

/// Remarks about one file, bounded.
#[derive(Debug, Default)]
struct Remarks(Vec<String>);

impl Remarks {
    fn add(&mut self, remark: impl FnOnce() -> String) {
        if self.0.len() < REMARKS_MAX {
            self.0.push(remark());
        }
    }
}

/// Reads a file of any form that we know.
///
/// # Errors
/// [`ReadError`] says what and where.
pub fn parse(bytes: &[u8]) -> Result<Parsed, ReadError> {
    parse_as(bytes, None)
}

/// The same where it is known whose connections a file of another tool holds. Without that, a connection that sends at
/// least as much video as it receives is the viewer's; a remark says so.
///
/// # Errors
/// [`ReadError`] says what and where.
pub fn parse_as(bytes: &[u8], side: Option<Side>) -> Result<Parsed, ReadError> {
    let text = text(bytes)?;
    let mut remarks = Remarks::default();
    let (form, trace) = if rtcstats::is_lines(text) {
        (Form::Rtcstats, rtcstats::read_lines(text, side, &mut remarks)?)
    } else {
        let value: Value = serde_json::from_str(text).map_err(not_json)?;
        return parse_value(&value, side);
    };
    parsed(form, trace, remarks)
}

/// The same of JSON that is there already, such as a ticket's telemetry.
///
/// # Errors
/// [`ReadError`] says what and where.
pub fn parse_value(value: &Value, side: Option<Side>) -> Result<Parsed, ReadError> {
    let mut remarks = Remarks::default();
    let form = tell(value)?;
    let trace = match form {
        Form::Sightline => own::read(value, &mut remarks)?,
        Form::WebrtcInternals => internals::read(value, side, &mut remarks)?,
        Form::Rtcstats => rtcstats::read_value(value, side, &mut remarks)?,
        Form::GetStatsSeries => series::read(value, side, &mut remarks)?,
    };
    parsed(form, trace, remarks)
}

fn parsed(form: Form, trace: Trace, remarks: Remarks) -> Result<Parsed, ReadError> {
    if trace.is_empty() {
        let found = remarks.0.first().cloned().unwrap_or_else(|| "no sample in it".to_owned());
        return Err(malformed(form, "the whole file", format!("nothing to judge: {found}")));
    }
    Ok(Parsed { form, lanes_missing: trace.lanes_missing(), trace, remarks: remarks.0 })
}

fn text(bytes: &[u8]) -> Result<&str, ReadError> {
    if bytes.len() > FILE_BYTES_MAX {
        return Err(ReadError::TooLarge { bytes: bytes.len(), max: FILE_BYTES_MAX });
    }
    let packed = [(&b"\x1f\x8b"[..], "gzip"), (b"PK\x03\x04", "zip"), (b"\x28\xb5\x2f\xfd", "zstd"), (b"BZh", "bzip2")];
    if let Some((_, kind)) = packed.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return Err(ReadError::Compressed { kind: (*kind).to_owned() });
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|error| ReadError::NotText { at: error.valid_up_to() })?;
    if text.trim().is_empty() { Err(ReadError::Empty) } else { Ok(text.trim_start()) }
}

fn not_json(error: serde_json::Error) -> ReadError {
    let reason = if error.is_eof() { "the text ends too early".to_owned() } else { error.to_string() };
    ReadError::NotJson { line: error.line(), column: error.column(), reason }
}

/// Tells the form by content.
fn tell(value: &Value) -> Result<Form, ReadError> {
    let unknown = |hint: String| Err(ReadError::Unknown { hint });
    match value {
        Value::Object(fields) => {
            let has = |name: &str| fields.contains_key(name);
            if has("format") || has("lanes") || (has("calls") && has("player")) {
                return Ok(Form::Sightline);
            }
            if has("PeerConnections") {
                return Ok(Form::WebrtcInternals);
            }
            if has("peerConnections") || fields.values().any(is_trace) {
                return Ok(Form::Rtcstats);
            }
            let names: Vec<&str> = fields.keys().take(5).map(String::as_str).collect();
            unknown(format!(
                "an object with {names:?}; looked for `format` (ours), `PeerConnections` (webrtc-internals) or `peerConnections` (rtcstats)"
            ))
        }
        Value::Array(items) => match items.iter().find(|item| !item.is_null()) {
            Some(Value::Array(_)) => Ok(Form::Rtcstats),
            Some(Value::Object(_)) => Ok(Form::GetStatsSeries),
            _ => unknown("an array without objects; looked for `{timestamp, reports}` (getStats series)".to_owned()),
        },
        other => unknown(format!("a single {}; looked for an object or an array", kind(other))),
    }
}

/// A list of rtcstats events under some connection's name.
fn is_trace(value: &Value) -> bool {
    let Value::Array(events) = value else { return false };
    events
        .iter()
        .find(|event| !event.is_null())
        .is_some_and(|event| event.get("type").is_some_and(Value::is_string) && event.get("value").is_some())
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "yes or no",
        Value::Number(_) => "number",
        Value::String(_) => "text",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
