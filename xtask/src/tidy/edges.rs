//! Who may know whom: the forbidden edges between crates, between the server's modules, and in the web sources.

use proc_macro2::Delimiter;

use super::Finding;
use super::tokens::{Placed, Token, begins_path, ident, is_punct, path_at};

/// What a sans-IO crate never depends on: runtimes, servers, sockets, databases, exporters.
const IO_CRATES: [&str; 12] = [
    "tokio",
    "axum",
    "axum-server",
    "hyper",
    "reqwest",
    "mio",
    "socket2",
    "sea-orm",
    "sqlx",
    "object_store",
    "metrics",
    "metrics-exporter-prometheus",
];

/// Packages that a package of this folder must not depend on, in any table.
fn forbidden_packages(folder: &str) -> Vec<&'static str> {
    let own: &[&str] = match folder {
        "media" => &["signaling", "sightline-signaling", "sightline", "loadtest"],
        "diagnosis" => {
            &["media", "sightline-media", "signaling", "sightline-signaling", "sightline", "loadtest", "str0m"]
        }
        "signaling" => &["media", "sightline-media", "sightline", "loadtest", "str0m"],
        "loadtest" => return vec!["media", "sightline-media", "sightline"],
        _ => return Vec::new(),
    };
    own.iter().chain(&IO_CRATES).copied().collect()
}

/// Checks a manifest's dependencies.
pub(super) fn manifest(file: &str, text: &str) -> Vec<Finding> {
    let folder = file.strip_suffix("/Cargo.toml").unwrap_or("");
    let forbidden = forbidden_packages(folder);
    let table: toml::Table = match text.parse() {
        Ok(table) => table,
        Err(error) => return vec![Finding::new(file, 0, format!("cannot be read: {error}"))],
    };
    let mut findings = Vec::new();
    for dependencies in dependency_tables(&table) {
        for (name, value) in dependencies {
            let package = value.get("package").and_then(toml::Value::as_str).unwrap_or(name);
            if forbidden.contains(&package) || forbidden.contains(&name.as_str()) {
                findings.push(Finding::new(file, 0, format!("`{folder}` must not depend on `{package}`")));
            }
        }
    }
    findings
}

fn dependency_tables(table: &toml::Table) -> Vec<&toml::Table> {
    let targets = table.get("target").and_then(toml::Value::as_table);
    let per_target = targets.into_iter().flat_map(|targets| targets.values().filter_map(toml::Value::as_table));
    std::iter::once(table)
        .chain(per_target)
        .flat_map(|table| ["dependencies", "dev-dependencies", "build-dependencies"].map(|name| table.get(name)))
        .filter_map(|found| found?.as_table())
        .collect()
}

/// Modules of the server that a module of it must not name, with the reason.
const MODULE_EDGES: [(&str, &[&str], &str); 4] = [
    ("src/support", &["http", "ws", "media_driver"], "support rules are pure: edges call them, not the other way"),
    ("src/diagnosis", &["http", "ws", "media_driver", "storage"], "a diagnosis is computed from what it is given"),
    (
        "src/telemetry/diagnosis",
        &["http", "ws", "media_driver", "storage"],
        "a diagnosis is computed from what it is given",
    ),
    ("src/storage", &["http", "ws", "media_driver", "support"], "storage knows rows, not rules"),
];

/// External crates that only these places may name, with the reason.
const CRATE_PLACES: [(&str, &[&str], &str); 4] = [
    ("str0m", &["media/src/transport", "media/tests/", "loadtest/"], "the engine stays behind `media::transport`"),
    ("sea_orm", &["src/storage", "tests/storage"], "SQL lives in storage"),
    ("sea_orm_migration", &["src/storage", "tests/storage"], "SQL lives in storage"),
    ("sqlx", &["src/storage"], "SQL lives in storage"),
];

/// How a statement in a string begins.
const SQL_STARTS: [&str; 9] = [
    "SELECT ",
    "INSERT INTO ",
    "UPDATE ",
    "DELETE FROM ",
    "CREATE TABLE ",
    "CREATE INDEX ",
    "ALTER TABLE ",
    "DROP TABLE ",
    "PRAGMA ",
];

/// Checks the paths and strings of a Rust file.
pub(super) fn rust(file: &str, tokens: &[Placed]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for at in 0..tokens.len() {
        let line = tokens[at].line;
        if let Token::Literal(text) = &tokens[at].token {
            let statement = text.trim_start_matches(['r', 'b', '#']).trim_start_matches('"');
            if !may_hold_sql(file) && SQL_STARTS.iter().any(|start| statement.starts_with(start)) {
                findings.push(Finding::new(file, line, "SQL outside src/storage"));
            }
        }
        if path_at(tokens, at, &["crate"]) {
            for name in modules_named(tokens, at) {
                findings.extend(module_edge(file, line, &name));
            }
        }
        findings.extend(crate_place(file, tokens, at));
    }
    findings
}

fn may_hold_sql(file: &str) -> bool {
    file.starts_with("src/storage") || file.starts_with("tests/") || file.starts_with("xtask/src/tidy")
}

/// The modules of `crate::a::…` and `crate::{a, b::c}`.
fn modules_named(tokens: &[Placed], at: usize) -> Vec<String> {
    if !(is_punct(tokens, at + 1, ':') && is_punct(tokens, at + 2, ':')) {
        return Vec::new();
    }
    match tokens.get(at + 3).map(|placed| &placed.token) {
        Some(Token::Ident(name)) => vec![name.clone()],
        Some(Token::Open { delimiter: Delimiter::Brace, close }) => (at + 4..*close)
            .filter(|inner| begins_path(tokens, *inner))
            .filter_map(|inner| ident(tokens, inner).map(str::to_owned))
            .collect(),
        _ => Vec::new(),
    }
}

fn module_edge(file: &str, line: usize, name: &str) -> Option<Finding> {
    if in_folder(file, "src/config") && name != "config" {
        return Some(Finding::new(
            file,
            line,
            format!("config must not use `crate::{name}`: it knows nothing but itself"),
        ));
    }
    MODULE_EDGES
        .iter()
        .find(|(folder, forbidden, _)| in_folder(file, folder) && forbidden.contains(&name))
        .map(|(folder, _, reason)| Finding::new(file, line, format!("{folder} must not use `crate::{name}`: {reason}")))
}

fn crate_place(file: &str, tokens: &[Placed], at: usize) -> Option<Finding> {
    let name = ident(tokens, at)?;
    // A crate is named by `name::` at the beginning of a path or by `use name`.
    let named = begins_path(tokens, at)
        && ((is_punct(tokens, at + 1, ':') && is_punct(tokens, at + 2, ':'))
            || (at > 0 && ident(tokens, at - 1) == Some("use")));
    if !named {
        return None;
    }
    if name == "media" && ["src/support", "src/diagnosis", "src/telemetry/diagnosis"].iter().any(|f| in_folder(file, f))
    {
        return Some(Finding::new(file, tokens[at].line, "pure rules must not use the crate `media`"));
    }
    CRATE_PLACES
        .iter()
        .find(|(krate, places, _)| *krate == name && !places.iter().any(|place| file.starts_with(place)))
        .map(|(krate, _, reason)| {
            Finding::new(file, tokens[at].line, format!("`{krate}` is not to be named here: {reason}"))
        })
}

/// Whether the file is the module `folder` or in it.
fn in_folder(file: &str, folder: &str) -> bool {
    file.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/') || rest == ".rs")
}

/// Checks the imports of a web source.
pub(super) fn web(file: &str, text: &str) -> Vec<Finding> {
    if !file.starts_with("web-demo/src/ui/") {
        return Vec::new();
    }
    let imports_client = |line: &str| {
        (line.contains(" from ") || line.trim_start().starts_with("import") || line.contains("import("))
            && (line.contains("/client/") || line.contains("/client'"))
    };
    let lines = text.lines().enumerate().filter(|(_, line)| imports_client(line));
    lines
        .map(|(index, _)| Finding::new(file, index + 1, "ui must not import client: shared pieces know no connection"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::tokens::read;
    use super::*;

    fn findings(file: &str, text: &str) -> usize {
        rust(file, &read(text).expect("Rust")).len()
    }

    #[test]
    fn core_crates_have_no_runtime_and_not_each_other() {
        assert_eq!(manifest("media/Cargo.toml", "[dependencies]\nstr0m = \"1\"\nserde.workspace = true").len(), 0);
        assert_eq!(manifest("media/Cargo.toml", "[dependencies]\nsignaling.workspace = true").len(), 1);
        assert_eq!(manifest("signaling/Cargo.toml", "[dev-dependencies]\ntokio = \"1\"").len(), 1);
        let renamed = "[dependencies]\nother = { package = \"sightline-media\", path = \"../media\" }";
        assert_eq!(manifest("loadtest/Cargo.toml", renamed).len(), 1);
        assert_eq!(manifest("media/Cargo.toml", "[target.'cfg(unix)'.dependencies]\nsocket2 = \"1\"").len(), 1);
        assert_eq!(manifest("Cargo.toml", "[dependencies]\ntokio = \"1\"\nmedia = { path = \"media\" }").len(), 0);
    }

    #[test]
    fn support_stays_pure() {
        assert_eq!(findings("src/support/queue.rs", "use crate::storage::Store;"), 0);
        assert_eq!(findings("src/support/queue.rs", "use crate::ws::Hub;"), 1);
        assert_eq!(findings("src/support/queue.rs", "use crate::{clock, http::{Answer, other}};"), 1);
        assert_eq!(findings("src/support.rs", "use crate::media_driver;"), 1);
        assert_eq!(findings("src/support/queue.rs", "use media::Room;"), 1);
        assert_eq!(findings("src/support/queue.rs", "use super::media::Room; // crate::ws"), 0);
        assert_eq!(findings("src/supportive.rs", "use crate::ws::Hub;"), 0);
    }

    #[test]
    fn config_knows_nothing_but_itself() {
        assert_eq!(findings("src/config/load.rs", "use crate::config::Config; use super::x; use std::fs;"), 0);
        assert_eq!(findings("src/config/load.rs", "fn f() -> i64 { crate::clock::now_ms() }"), 1);
    }

    #[test]
    fn sql_and_its_crates_stay_in_storage() {
        assert_eq!(findings("src/storage/users.rs", "use sea_orm::X; const Q: &str = \"SELECT 1\";"), 0);
        assert_eq!(findings("src/http/tickets.rs", "use sea_orm::X;"), 1);
        assert_eq!(findings("src/http/tickets.rs", "const Q: &str = \"SELECT 1\";"), 1);
        assert_eq!(findings("src/http/tickets.rs", "const Q: &str = r#\"UPDATE x SET y\"#;"), 1);
        assert_eq!(findings("src/http/tickets.rs", "const Q: &str = \"Select an agent\";"), 0);
    }

    #[test]
    fn the_engine_stays_behind_transport() {
        assert_eq!(findings("media/src/transport/peer.rs", "use str0m::Rtc;"), 0);
        assert_eq!(findings("loadtest/src/engine/str0m.rs", "use str0m::Rtc;"), 0);
        assert_eq!(findings("media/src/room.rs", "fn f(rtc: &mut str0m::Rtc) {}"), 1);
        assert_eq!(findings("src/media_driver/worker.rs", "use str0m::Rtc;"), 1);
        assert_eq!(findings("src/media_driver/worker.rs", "let str0m = 1; crate::engine::str0m::go();"), 0);
    }

    #[test]
    fn shared_pieces_know_no_connection() {
        assert_eq!(web("web-demo/src/ui/a.ts", "import { x } from '../client/agent.ts';").len(), 1);
        assert_eq!(web("web-demo/src/ui/a.ts", "import { x } from './b.ts'; // not client/").len(), 0);
        assert_eq!(web("web-demo/src/console/a.ts", "import { x } from '../client/agent.ts';").len(), 0);
    }
}
