//! A picture of a stranger: refused, or cleaned of what is not picture, and clean when looked at again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sightline::pictures::sniff;

fuzz_target!(|bytes: &[u8]| {
    let Ok(picture) = sniff::clean(bytes) else { return };
    let again = sniff::clean(&picture.bytes).expect("what was let through is let through again");
    assert_eq!(again, picture, "what was cleaned is clean");
});
