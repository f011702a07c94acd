//! Rust source as a flat list of tokens with line numbers: no comments, groups kept as pairs of brackets, so that a
//! rule can look for `crate :: http` and find it in macros too, and never in a comment.

use proc_macro2::{Delimiter, LexError, TokenStream, TokenTree};

/// One token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A name or keyword.
    Ident(String),
    /// A single character of punctuation.
    Punct(char),
    /// A literal as written, quotes included. Doc comments are left out.
    Literal(String),
    /// An opening bracket; `close` is the index of its partner.
    Open {
        /// Which kind of bracket.
        delimiter: Delimiter,
        /// Index of the closing token.
        close: usize,
    },
    /// A closing bracket.
    Close,
}

/// A token and the line it stands on, from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Placed {
    /// The token.
    pub(super) token: Token,
    /// Its line.
    pub(super) line: usize,
}

/// Reads a file.
pub(super) fn read(text: &str) -> Result<Vec<Placed>, LexError> {
    let mut out = Vec::new();
    flatten(text.parse()?, &mut out);
    Ok(out)
}

fn flatten(stream: TokenStream, out: &mut Vec<Placed>) {
    let mut doc = DocComment::No;
    for tree in stream {
        let line = tree.span().start().line;
        doc = doc.next(&tree);
        match tree {
            TokenTree::Ident(ident) => out.push(Placed { token: Token::Ident(ident.to_string()), line }),
            TokenTree::Punct(punct) => out.push(Placed { token: Token::Punct(punct.as_char()), line }),
            TokenTree::Literal(literal) => {
                if doc != DocComment::Text {
                    out.push(Placed { token: Token::Literal(literal.to_string()), line });
                }
            }
            TokenTree::Group(group) => {
                let open = out.len();
                let delimiter = group.delimiter();
                out.push(Placed { token: Token::Open { delimiter, close: 0 }, line: group.span_open().start().line });
                flatten(group.stream(), out);
                out[open].token = Token::Open { delimiter, close: out.len() };
                out.push(Placed { token: Token::Close, line: group.span_close().start().line });
            }
        }
    }
}

/// Where we are in `doc = "…"`, which is what a doc comment becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DocComment {
    No,
    Name,
    Equals,
    Text,
}

impl DocComment {
    fn next(self, tree: &TokenTree) -> Self {
        match (self, tree) {
            (_, TokenTree::Ident(ident)) if ident == "doc" => Self::Name,
            (Self::Name, TokenTree::Punct(punct)) if punct.as_char() == '=' => Self::Equals,
            (Self::Equals, TokenTree::Literal(_)) => Self::Text,
            _ => Self::No,
        }
    }
}

/// Whether `tokens[at..]` begins with the path `names[0]::names[1]::…`.
pub(super) fn path_at(tokens: &[Placed], at: usize, names: &[&str]) -> bool {
    let mut at = at;
    for (index, name) in names.iter().enumerate() {
        if index > 0 {
            if !(is_punct(tokens, at, ':') && is_punct(tokens, at + 1, ':')) {
                return false;
            }
            at += 2;
        }
        if ident(tokens, at) != Some(name) {
            return false;
        }
        at += 1;
    }
    true
}

/// The name at `at`, if there is one.
pub(super) fn ident(tokens: &[Placed], at: usize) -> Option<&str> {
    match &tokens.get(at)?.token {
        Token::Ident(name) => Some(name),
        _ => None,
    }
}

/// Whether the token at `at` is this character.
pub(super) fn is_punct(tokens: &[Placed], at: usize, character: char) -> bool {
    matches!(tokens.get(at), Some(Placed { token: Token::Punct(found), .. }) if *found == character)
}

/// Whether the path at `at` is the beginning of one: not the tail of `a::b`.
pub(super) fn begins_path(tokens: &[Placed], at: usize) -> bool {
    at < 2 || !(is_punct(tokens, at - 1, ':') && is_punct(tokens, at - 2, ':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_documentation_are_not_tokens() {
        let tokens = read("/// crate::http \"SELECT 1\"\n// crate::ws\nfn f() {}").expect("Rust");
        assert!(!tokens.iter().any(|placed| matches!(placed.token, Token::Literal(_))));
        assert!(!(0..tokens.len()).any(|at| ident(&tokens, at) == Some("crate")));
    }

    #[test]
    fn paths_are_found_in_macros_with_their_lines() {
        let tokens = read("fn f() {\n  info!(x = ?crate::ws::hub());\n}").expect("Rust");
        let at = (0..tokens.len()).find(|at| path_at(&tokens, *at, &["crate", "ws"])).expect("path");
        assert_eq!(tokens[at].line, 2);
        assert!(begins_path(&tokens, at) && !begins_path(&tokens, at + 3));
    }
}
