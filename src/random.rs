//! Identifiers and secrets from the operating system's random source.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

/// Crockford's alphabet in lower case: no letters that people confuse when they read an id aloud.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// A globally unique identifier: `<letter>_` and 26 characters with 130 random bits.
///
/// # Panics
/// When the operating system has no randomness to give; nothing safe can be done then.
#[must_use]
pub fn id(letter: char) -> String {
    let mut bytes = [0u8; 26];
    fill(&mut bytes);
    let mut text = String::with_capacity(28);
    text.push(letter);
    text.push('_');
    text.extend(bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte & 31)])));
    text
}

/// Whether `text` has the form of an [`id`] with this letter.
#[must_use]
pub fn is_id(text: &str, letter: char) -> bool {
    let mut parts = text.splitn(2, '_');
    parts.next().is_some_and(|head| head.len() == letter.len_utf8() && head.starts_with(letter))
        && parts.next().is_some_and(|rest| rest.len() == 26 && rest.bytes().all(|byte| ALPHABET.contains(&byte)))
}

/// A secret of 192 random bits in base64url (32 characters).
#[must_use]
pub fn secret() -> String {
    let mut bytes = [0u8; 24];
    fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// What is stored of a secret. The secrets are random and long, so a plain hash needs no salt.
#[must_use]
pub fn sha256(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

/// Fills with random bytes.
///
/// # Panics
/// When the operating system has no randomness to give.
pub fn fill(bytes: &mut [u8]) {
    getrandom::fill(bytes).expect("the operating system has a random source");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_their_shape_and_differ() {
        let first = id('c');
        assert_eq!(first.len(), 28);
        assert!(first.starts_with("c_"));
        assert_ne!(first, id('c'));
        assert!(is_id(&first, 'c') && !is_id(&first, 's') && !is_id("c_short", 'c') && !is_id("", 'c'));
        assert_eq!(secret().len(), 32);
    }
}
