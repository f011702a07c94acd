//! Checks that an offer has exactly the slot plan's m-lines before anything else looks at it.

use thiserror::Error;

use crate::limits::SDP_BYTES_MAX;
use crate::slots::{MEDIA_LINES, MediaKind, ReceiveSlot, SourceKind};

/// What is wrong with an offer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OfferError {
    /// Larger than [`SDP_BYTES_MAX`].
    #[error("session description of {0} bytes is too large")]
    TooLarge(usize),
    /// Does not begin like SDP, or the parser refuses it.
    #[error("not a session description: {0}")]
    NotSdp(String),
    /// Another number of m-lines than the plan has.
    #[error("{0} m-lines, expected {MEDIA_LINES}")]
    LineCount(usize),
    /// An m-line of another kind than the plan's at that index.
    #[error("m-line {line} is {found}, expected {expected}")]
    Kind {
        /// Index of the m-line.
        line: usize,
        /// What the plan has there.
        expected: &'static str,
        /// What the offer has there, shortened.
        found: String,
    },
    /// An m-line in another direction than the plan's.
    #[error("m-line {line} is {found}, expected {expected}")]
    Direction {
        /// Index of the m-line.
        line: usize,
        /// What the plan has there.
        expected: &'static str,
        /// What the offer has there.
        found: &'static str,
    },
    /// An m-line whose `mid` is not its index.
    #[error("m-line {line} has mid {found:?}")]
    Mid {
        /// Index of the m-line.
        line: usize,
        /// What the offer has there, shortened; empty when there is none.
        found: String,
    },
    /// The offer has the right form, but the transport cannot accept it.
    #[error("offer refused: {0}")]
    Refused(String),
}

const DIRECTIONS: [&str; 4] = ["sendrecv", "sendonly", "recvonly", "inactive"];
/// Characters of a peer's text repeated in an error.
const QUOTED_CHARS_MAX: usize = 32;

struct Line<'a> {
    kind: &'a str,
    mid: &'a str,
    direction: &'static str,
}

/// Checks size, m-lines, their kinds, directions and `mid`s against the slot plan.
pub(crate) fn check(sdp: &str) -> Result<(), OfferError> {
    if sdp.len() > SDP_BYTES_MAX {
        return Err(OfferError::TooLarge(sdp.len()));
    }
    if !sdp.starts_with("v=0") {
        return Err(OfferError::NotSdp("no v= line".into()));
    }
    let lines = media_lines(sdp);
    if lines.len() != MEDIA_LINES {
        return Err(OfferError::LineCount(lines.len()));
    }
    for (index, line) in lines.iter().enumerate() {
        let (kind, direction) = expected(index);
        if line.kind != kind {
            return Err(OfferError::Kind { line: index, expected: kind, found: quote(line.kind) });
        }
        if line.mid != index.to_string() {
            return Err(OfferError::Mid { line: index, found: quote(line.mid) });
        }
        if let Some(direction) = direction.filter(|expected| *expected != line.direction) {
            return Err(OfferError::Direction { line: index, expected: direction, found: line.direction });
        }
    }
    Ok(())
}

fn media_lines(sdp: &str) -> Vec<Line<'_>> {
    let mut lines: Vec<Line<'_>> = Vec::with_capacity(MEDIA_LINES);
    for text in sdp.lines() {
        if let Some(media) = text.strip_prefix("m=") {
            let kind = media.split(' ').next().unwrap_or_default();
            lines.push(Line { kind, mid: "", direction: "sendrecv" });
        } else if let (Some(line), Some(attribute)) = (lines.last_mut(), text.strip_prefix("a=")) {
            if let Some(mid) = attribute.strip_prefix("mid:") {
                line.mid = mid.trim_end();
            } else if let Some(direction) = DIRECTIONS.iter().find(|d| **d == attribute.trim_end()) {
                line.direction = direction;
            }
        }
    }
    lines
}

fn expected(line: usize) -> (&'static str, Option<&'static str>) {
    let name = |kind| if kind == MediaKind::Audio { "audio" } else { "video" };
    if let Some(source) = SourceKind::from_index(line) {
        (name(source.media()), Some("sendonly"))
    } else if let Some(slot) = ReceiveSlot::from_line(line) {
        (name(slot.media()), Some("recvonly"))
    } else {
        ("application", None)
    }
}

fn quote(text: &str) -> String {
    text.chars().take(QUOTED_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn offer(lines: &[(&str, &str, &str)]) -> String {
        let mut sdp = String::from("v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n");
        for (kind, mid, direction) in lines {
            sdp += &format!("m={kind} 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:{mid}\r\na={direction}\r\n");
        }
        sdp
    }

    const PLAN: [(&str, &str, &str); 8] = [
        ("audio", "0", "sendonly"),
        ("video", "1", "sendonly"),
        ("video", "2", "sendonly"),
        ("audio", "3", "recvonly"),
        ("audio", "4", "recvonly"),
        ("video", "5", "recvonly"),
        ("video", "6", "recvonly"),
        ("application", "7", "x"),
    ];

    #[test]
    fn the_plan_is_accepted() {
        assert_eq!(check(&offer(&PLAN)), Ok(()));
    }

    #[test]
    fn deviations_are_named() {
        assert!(matches!(check("hello"), Err(OfferError::NotSdp(_))));
        assert_eq!(check(&offer(&PLAN[..7])), Err(OfferError::LineCount(7)));
        let mut swapped = PLAN;
        swapped.swap(0, 1);
        assert!(matches!(check(&offer(&swapped)), Err(OfferError::Kind { line: 0, .. })));
        let mut turned = PLAN;
        turned[5].2 = "sendrecv";
        assert!(matches!(check(&offer(&turned)), Err(OfferError::Direction { line: 5, .. })));
        let mut renamed = PLAN;
        renamed[2].1 = "camera";
        assert!(matches!(check(&offer(&renamed)), Err(OfferError::Mid { line: 2, .. })));
        let large = format!("v=0\r\n{}", "a=x\r\n".repeat(SDP_BYTES_MAX / 5));
        assert!(matches!(check(&large), Err(OfferError::TooLarge(_))));
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in ".{0,300}") {
            let _ = check(&text);
            let _ = check(&format!("v=0\nm={text}\na={text}"));
        }
    }
}
