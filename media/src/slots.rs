//! The slot plan of `docs/protocol.md`: which m-line carries what, in every participant's one peer connection.

use serde::{Deserialize, Serialize};

/// What a participant may send. One m-line each, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// The microphone, m-line 0.
    Audio,
    /// The screen, a tab, or the page's player, m-line 1.
    Screen,
    /// The camera, m-line 2.
    Camera,
}

/// Sound or picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MediaKind {
    /// Sound.
    Audio,
    /// Picture.
    Video,
}

/// Number of things a participant may send.
pub const SOURCES: usize = 3;
/// Number of receive slots: two for sound, then two for pictures.
pub const RECEIVE_SLOTS: usize = 4;
/// Number of m-lines in an offer, the data channels' included.
pub const MEDIA_LINES: usize = 8;

impl SourceKind {
    /// All kinds in the order of their m-lines.
    pub const ALL: [SourceKind; SOURCES] = [SourceKind::Audio, SourceKind::Screen, SourceKind::Camera];

    /// Index of the m-line, which is also its `mid`.
    pub fn index(self) -> usize {
        self as usize
    }

    /// Whether it is sound or picture.
    pub fn media(self) -> MediaKind {
        match self {
            SourceKind::Audio => MediaKind::Audio,
            SourceKind::Screen | SourceKind::Camera => MediaKind::Video,
        }
    }

    /// The kind sent on m-line `index`, none for other m-lines.
    pub fn from_index(index: usize) -> Option<Self> {
        Self::ALL.get(index).copied()
    }
}

/// One of the receive slots of a participant, 0 to 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReceiveSlot(u8);

impl ReceiveSlot {
    /// All slots in the order of their m-lines.
    pub const ALL: [ReceiveSlot; RECEIVE_SLOTS] = [ReceiveSlot(0), ReceiveSlot(1), ReceiveSlot(2), ReceiveSlot(3)];

    /// Position among the receive slots, 0 to 3.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// Index of the m-line, 3 to 6, which is also its `mid`.
    pub fn line(self) -> usize {
        self.index() + SOURCES
    }

    /// The slot of m-line `line`, none for other m-lines.
    pub fn from_line(line: usize) -> Option<Self> {
        Self::ALL.get(line.checked_sub(SOURCES)?).copied()
    }

    /// Whether it takes sound or pictures.
    pub fn media(self) -> MediaKind {
        if self.0 < 2 { MediaKind::Audio } else { MediaKind::Video }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_slots_correspond() {
        assert_eq!(SourceKind::from_index(1), Some(SourceKind::Screen));
        assert_eq!(SourceKind::from_index(3), None);
        assert_eq!(ReceiveSlot::from_line(2), None);
        assert_eq!(ReceiveSlot::from_line(7), None);
        for slot in ReceiveSlot::ALL {
            assert_eq!(ReceiveSlot::from_line(slot.line()), Some(slot));
        }
        assert_eq!(ReceiveSlot::from_line(4).map(ReceiveSlot::media), Some(MediaKind::Audio));
        assert_eq!(ReceiveSlot::from_line(5).map(ReceiveSlot::media), Some(MediaKind::Video));
    }
}
