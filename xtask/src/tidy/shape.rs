//! How a file opens and how long it and its functions are. Longer is allowed with a reason: a comment
//! `// tidy: long because …` above the function, or among the first lines of the file.

use proc_macro2::Delimiter;

use super::Finding;
use super::tokens::{Placed, Token, ident, is_punct};

/// Longest function, in lines from `fn` to its closing brace: a screen.
const FUNCTION_LINES_MAX: usize = 70;
/// Longest file without its tests, in lines: a sitting.
const FILE_LINES_MAX: usize = 600;
/// The words that let something be longer; a reason follows.
const EXCUSE: &str = "tidy: long because ";
/// Where a file's own excuse may stand: its first lines.
const FILE_EXCUSE_LINES: usize = 40;

/// Checks a Rust file.
pub(super) fn rust(file: &str, text: &str, tokens: &[Placed]) -> Vec<Finding> {
    let lines: Vec<&str> = text.lines().collect();
    let mut findings = Vec::new();
    let opens = lines.iter().find(|line| !line.trim().is_empty() && !line.starts_with("#!"));
    if !opens.is_some_and(|line| line.starts_with("//!")) {
        findings.push(Finding::new(file, 1, "opens without `//!`: what does this file own, what does it refuse?"));
    }
    let own = lines.len() - test_lines(tokens);
    if !is_tests(file) && own > FILE_LINES_MAX && !lines.iter().take(FILE_EXCUSE_LINES).any(|line| excuses(line)) {
        findings.push(too_long(file, 0, "file", own, FILE_LINES_MAX));
    }
    for (start, end) in functions(tokens) {
        let length = end - start + 1;
        if length > FUNCTION_LINES_MAX && !excused(&lines, start) {
            findings.push(too_long(file, start, "function", length, FUNCTION_LINES_MAX));
        }
    }
    findings
}

/// Checks a web source: it opens with a comment and is no longer than a Rust file may be.
pub(super) fn web(file: &str, text: &str) -> Vec<Finding> {
    let generated = text.starts_with("// Generated");
    let test = file.contains(".test.") || file.starts_with("tests/");
    let mut findings = Vec::new();
    let opens = text.lines().find(|line| !line.trim().is_empty() && !line.starts_with("#!")).unwrap_or_default();
    if !(test || opens.starts_with("//") || opens.starts_with("/*")) {
        findings.push(Finding::new(file, 1, "opens without a comment: what does this file own?"));
    }
    let length = text.lines().count();
    if !test && !generated && length > FILE_LINES_MAX && !text.lines().take(FILE_EXCUSE_LINES).any(excuses) {
        findings.push(too_long(file, 0, "file", length, FILE_LINES_MAX));
    }
    findings
}

fn too_long(file: &str, line: usize, what: &str, length: usize, most: usize) -> Finding {
    Finding::new(file, line, format!("{what} of {length} lines, at most {most}: split it, or say `// {EXCUSE}…`"))
}

fn excuses(line: &str) -> bool {
    let line = line.trim_start_matches(['/', '*', '!', ' ', '\t']);
    line.strip_prefix(EXCUSE).is_some_and(|reason| reason.trim().len() > 3)
}

/// Whether the comments and attributes right above line `start` hold an excuse.
fn excused(lines: &[&str], start: usize) -> bool {
    let above = lines[..start.saturating_sub(1).min(lines.len())].iter().rev();
    above
        .take_while(|line| {
            let line = line.trim_start();
            line.starts_with("//") || line.starts_with("#[") || line.starts_with(')') || line.starts_with(']')
        })
        .any(|line| excuses(line))
}

/// A file of tests alone.
fn is_tests(file: &str) -> bool {
    file.starts_with("tests/") || file.contains("/tests/") || file.ends_with("/tests.rs") || file.ends_with("_tests.rs")
}

/// Lines of the `#[cfg(test)] mod … { … }`s of a file.
fn test_lines(tokens: &[Placed]) -> usize {
    let mut total = 0;
    for at in 0..tokens.len() {
        let gate =
            is_punct(tokens, at, '#') && ident(tokens, at + 2) == Some("cfg") && ident(tokens, at + 4) == Some("test");
        // # [ cfg ( test ) ] mod name {
        if !gate || ident(tokens, at + 7) != Some("mod") {
            continue;
        }
        if let Some(Token::Open { delimiter: Delimiter::Brace, close }) = tokens.get(at + 9).map(|placed| &placed.token)
        {
            total += tokens[*close].line - tokens[at].line + 1;
        }
    }
    total
}

/// First and last line of every function that has a body.
fn functions(tokens: &[Placed]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for at in 0..tokens.len() {
        // `fn` before a name is a function; before a bracket it is a type.
        if ident(tokens, at) != Some("fn") || ident(tokens, at + 1).is_none() {
            continue;
        }
        let mut next = at + 2;
        while let Some(placed) = tokens.get(next) {
            match &placed.token {
                Token::Open { delimiter: Delimiter::Brace, close } => {
                    found.push((tokens[at].line, tokens[*close].line));
                    break;
                }
                Token::Open { close, .. } => next = close + 1,
                Token::Punct(';') | Token::Close => break,
                _ => next += 1,
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::tokens::read;
    use super::*;

    fn findings(file: &str, text: &str) -> Vec<String> {
        rust(file, text, &read(text).expect("Rust")).into_iter().map(|finding| finding.message).collect()
    }

    fn function(lines: usize) -> String {
        format!("fn f() {{\n{}}}\n", "    g();\n".repeat(lines - 2))
    }

    #[test]
    fn a_file_says_what_it_owns() {
        assert!(findings("src/x.rs", "//! X.\nfn f() {}\n").is_empty());
        assert_eq!(findings("src/x.rs", "// X.\nfn f() {}\n").len(), 1);
        assert!(findings("src/x.rs", "#!/usr/bin/env x\n//! X.\n").is_empty());
        assert_eq!(findings("src/x.rs", "").len(), 1);
    }

    #[test]
    fn long_functions_need_a_reason() {
        assert!(findings("src/x.rs", &format!("//! X.\n{}", function(70))).is_empty());
        assert_eq!(findings("src/x.rs", &format!("//! X.\n{}", function(71))).len(), 1);
        let excused = format!("//! X.\n// tidy: long because it is a table.\n#[must_use]\npub {}", function(90));
        assert!(findings("src/x.rs", &excused).is_empty());
        let bare = format!("//! X.\n// tidy: long because\n{}", function(90));
        assert_eq!(findings("src/x.rs", &bare).len(), 1);
        assert!(findings("src/x.rs", "//! X.\ntype F = fn(u8) -> u8;\ntrait T { fn f(&self); }\n").is_empty());
    }

    #[test]
    fn long_files_need_a_reason_and_tests_do_not_count() {
        let body = "const X: u8 = 1;\n".repeat(620);
        assert_eq!(findings("src/x.rs", &format!("//! X.\n{body}")).len(), 1);
        assert!(findings("src/x.rs", &format!("//! X.\n// tidy: long because it is a table.\n{body}")).is_empty());
        assert!(findings("src/x.rs", &format!("//! X.\n#[cfg(test)]\nmod tests {{\n{body}}}\n")).is_empty());
        assert!(findings("src/desk/tests.rs", &format!("//! X.\n{body}")).is_empty());
    }

    #[test]
    fn web_sources_open_with_a_comment() {
        assert!(web("web-demo/src/a.ts", "// A.\nexport {};\n").is_empty());
        assert_eq!(web("web-demo/src/a.ts", "export {};\n").len(), 1);
        assert!(web("web-demo/src/a.test.ts", "export {};\n").is_empty());
        assert!(web("scripts/a.mjs", "#!/usr/bin/env node\n// A.\n").is_empty());
        assert!(web("web-demo/src/a.ts", &format!("// Generated by x\n{}", "x\n".repeat(700))).is_empty());
    }
}
