//! Reading a configuration file.

use std::path::{Path, PathBuf};

use super::{Config, Diagnosis};

/// Why a configuration was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("cannot read {path}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A line is wrong; the text names it and shows it.
    #[error("{path} is not a valid configuration\n{detail}")]
    Parse {
        /// Which file.
        path: PathBuf,
        /// Line, column, the line itself and what is wrong with it.
        detail: String,
    },
    /// Keys that are fine alone but not together.
    #[error("{path}: {detail}")]
    Conflict {
        /// Which file.
        path: PathBuf,
        /// Which keys, and what to do.
        detail: String,
    },
}

/// Reads and checks a file.
///
/// # Errors
/// [`ConfigError`], which names the file and the wrong line.
pub fn load(path: &Path) -> Result<Config, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    parse(&text, path)
}

/// Checks the text of a file; `path` is for the messages.
///
/// # Errors
/// [`ConfigError`], which names the wrong line.
pub fn parse(text: &str, path: &Path) -> Result<Config, ConfigError> {
    let config: Config = toml::from_str(text)
        .map_err(|error| ConfigError::Parse { path: path.to_owned(), detail: error.to_string() })?;
    check_together(&config).map_err(|(key, detail)| {
        let line = text.lines().position(|line| line.trim_start().starts_with(key)).map(|index| index + 1);
        let place = line.map_or_else(String::new, |line| format!("line {line}: "));
        ConfigError::Conflict { path: path.to_owned(), detail: format!("{place}{detail}") }
    })?;
    Ok(config)
}

fn check_together(config: &Config) -> Result<(), (&'static str, &'static str)> {
    match (&config.http.tls_cert, &config.http.tls_key) {
        (Some(_), None) => return Err(("tls_cert", "http.tls_cert needs http.tls_key beside it")),
        (None, Some(_)) => return Err(("tls_key", "http.tls_key needs http.tls_cert beside it")),
        _ => {}
    }
    if config.media.video_codecs.is_empty() {
        return Err(("video_codecs", "media.video_codecs must name at least one codec"));
    }
    let workers = u16::try_from(config.media.workers).unwrap_or(u16::MAX);
    if config.media.first_port != 0 && config.media.first_port.checked_add(workers.max(4)).is_none() {
        return Err(("first_port", "media.first_port leaves no room for the workers' ports below 65536"));
    }
    if workers > 64 {
        return Err(("workers", "media.workers is at most 64"));
    }
    check_diagnosis(&config.diagnosis)?;
    let limits = &config.limits;
    if limits.connects_per_address_per_minute == 0
        || limits.messages_per_second == 0
        || limits.sign_ins_per_address_per_minute == 0
        || limits.tickets_per_address_per_minute == 0
        || limits.pictures_per_address_per_minute == 0
    {
        return Err(("[limits]", "rates in [limits] must be at least 1"));
    }
    if !(1..=120).contains(&limits.away_seconds_max) {
        return Err(("away_seconds_max", "limits.away_seconds_max is 1 to 120"));
    }
    Ok(())
}

/// Most hosts of media: each is compared with every address.
const REFERENCE_HOSTS_MAX: usize = 100;

fn check_diagnosis(diagnosis: &Diagnosis) -> Result<(), (&'static str, &'static str)> {
    if diagnosis.reference_hosts.len() > REFERENCE_HOSTS_MAX {
        return Err(("reference_hosts", "diagnosis.reference_hosts holds at most 100 hosts"));
    }
    if !(1..=64).contains(&diagnosis.reference_mib_max) {
        return Err(("reference_mib_max", "diagnosis.reference_mib_max is 1 to 64"));
    }
    if !(1..=60).contains(&diagnosis.reference_seconds_max) {
        return Err(("reference_seconds_max", "diagnosis.reference_seconds_max is 1 to 60"));
    }
    if !(1..=32).contains(&diagnosis.references_at_once_max) {
        return Err(("references_at_once_max", "diagnosis.references_at_once_max is 1 to 32"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        parse(text, Path::new("test.toml")).expect_err("refused").to_string()
    }

    #[test]
    fn the_sample_is_the_defaults() {
        let sample = include_str!("../../config.sample.toml");
        let parsed = parse(sample, Path::new("config.sample.toml")).expect("the sample is valid");
        assert_eq!(format!("{parsed:?}"), format!("{:?}", Config::default()));
    }

    #[test]
    fn a_wrong_line_is_named() {
        let text = "[http]\nbind = \"127.0.0.1:8080\"\n\n[media]\nfirst_port = 70000\n";
        assert!(error(text).contains("line 5"), "{}", error(text));
        let text = "[http]\nbind = \"localhost\"\n";
        assert!(error(text).contains("line 2") && error(text).contains("127.0.0.1:8080"), "{}", error(text));
        assert!(error("[http]\nbnid = \"x\"\n").contains("line 2"));
        let text = "[http]\n# comment\ntls_cert = \"a.pem\"\n";
        assert!(error(text).contains("line 3: http.tls_cert needs"), "{}", error(text));
    }
}
