//! What the corpus test is made of: the manifest, the replay of a trace, the figures.

pub(crate) mod figures;
pub(crate) mod replay;
pub(crate) mod run;

/// A cause as files and the API name it.
pub(crate) fn name(cause: diagnosis::Cause) -> String {
    serde_json::to_value(cause).ok().and_then(|name| Some(name.as_str()?.to_owned())).unwrap_or_default()
}
