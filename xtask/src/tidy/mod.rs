//! `cargo xtask tidy`: the rules of the house that no compiler checks. ARCHITECTURE.md says why they hold.
//!
//! Owns the walk over the tree and the report. The rules live in `edges` (who may know whom) and `shape` (how a file
//! opens, how long it and its functions are); `tokens` reads Rust without its comments and strings.

mod edges;
mod shape;
mod tokens;

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use crate::codegen;

/// Folders that hold no text of ours.
const SKIPPED: [&str; 6] = ["target", "node_modules", "dist", "test-results", "vendor", "data"];

/// A rule broken in one place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    /// File, relative to the root, with forward slashes.
    file: String,
    /// From 1; 0 when the file as a whole is meant.
    line: usize,
    /// What is wrong and what would be right.
    message: String,
}

impl Finding {
    fn new(file: &str, line: usize, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.message),
            line => write!(f, "{}:{line}: {}", self.file, self.message),
        }
    }
}

/// Checks the whole tree.
///
/// # Errors
/// When a rule is broken, after printing every place; or when a file cannot be read.
pub(crate) fn run() -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask has a parent folder")?;
    let mut files = Vec::new();
    collect(root, root, &mut files)?;
    files.sort();
    let mut findings = Vec::new();
    for file in &files {
        let text = std::fs::read_to_string(root.join(file)).with_context(|| format!("cannot read {file}"))?;
        findings.extend(check(file, &text));
    }
    if let Err(error) = codegen::run(true) {
        findings.push(Finding::new("web-demo/src/protocol/generated.ts", 0, error.to_string()));
    }
    findings.sort();
    for finding in &findings {
        eprintln!("{finding}");
    }
    match findings.len() {
        0 => {
            println!("tidy: {} files, nothing to say", files.len());
            Ok(())
        }
        count => bail!("tidy: {count} findings in {} files", files.len()),
    }
}

/// Every rule that concerns this file.
fn check(file: &str, text: &str) -> Vec<Finding> {
    if file.ends_with("Cargo.toml") {
        return edges::manifest(file, text);
    }
    if file.ends_with(".rs") {
        let tokens = match tokens::read(text) {
            Ok(tokens) => tokens,
            Err(error) => return vec![Finding::new(file, 0, format!("cannot be read as Rust: {error}"))],
        };
        let mut findings = edges::rust(file, &tokens);
        findings.extend(shape::rust(file, text, &tokens));
        return findings;
    }
    let mut findings = edges::web(file, text);
    findings.extend(shape::web(file, text));
    findings
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<String>) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with('.') || SKIPPED.contains(&name.as_str()) {
            continue;
        }
        if path.is_dir() {
            collect(root, &path, files)?;
        } else if wanted(&path, &name) {
            files.push(path.strip_prefix(root)?.to_string_lossy().replace('\\', "/"));
        }
    }
    Ok(())
}

fn wanted(path: &Path, name: &str) -> bool {
    let kind = PathBuf::from(path).extension().unwrap_or_default().to_string_lossy().into_owned();
    name == "Cargo.toml" || matches!(kind.as_str(), "rs" | "ts" | "tsx" | "mjs" | "css")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_say_where() {
        assert_eq!(Finding::new("a.rs", 3, "no").to_string(), "a.rs:3: no");
        assert_eq!(Finding::new("a.rs", 0, "no").to_string(), "a.rs: no");
    }

    #[test]
    fn every_kind_of_file_meets_its_rules() {
        assert_eq!(check("src/x.rs", "//! X.\nfn f() { crate::http::go() }").len(), 0);
        assert_eq!(check("src/support/x.rs", "//! X.\nfn f() { crate::http::go() }").len(), 1);
        assert_eq!(check("media/Cargo.toml", "[dependencies]\ntokio = \"1\"").len(), 1);
        assert_eq!(check("web-demo/src/ui/x.ts", "// X.\nimport { a } from '../client/agent.ts';").len(), 1);
        assert_eq!(check("src/x.rs", "//! X.\nfn f( {").len(), 1);
    }
}
