//! Small pre-made videos that bots publish: two seconds of a test pattern, 320×180 at 15 frames a second, one key frame at
//! the start. The files in `assets/` were made with `ffmpeg -f lavfi -i testsrc2`, so that any real decoder shows them.

use std::sync::{Arc, LazyLock};

/// Video codecs that bots can publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, clap::ValueEnum)]
pub enum VideoCodec {
    /// VP8.
    Vp8,
    /// VP9, profile 0.
    Vp9,
    /// H.264, constrained baseline, packetization mode 1.
    H264,
    /// AV1, main profile.
    Av1,
}

impl VideoCodec {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Vp8, Self::Vp9, Self::H264, Self::Av1];

    /// The name in a session description.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Vp8 => "VP8",
            Self::Vp9 => "VP9",
            Self::H264 => "H264",
            Self::Av1 => "AV1",
        }
    }
}

/// Frames of a clip, to be sent in a loop. The first one is the only key frame.
#[derive(Debug)]
pub struct Clip {
    /// Encoded frames.
    pub frames: Vec<Arc<[u8]>>,
}

/// Frames a second of all clips.
pub const CLIP_FPS: u32 = 15;

/// The clip of a codec.
#[must_use]
pub fn clip(codec: VideoCodec) -> &'static Clip {
    static VP8: LazyLock<Clip> = LazyLock::new(|| from_ivf(include_bytes!("../../assets/clip.vp8.ivf")));
    static VP9: LazyLock<Clip> = LazyLock::new(|| from_ivf(include_bytes!("../../assets/clip.vp9.ivf")));
    static AV1: LazyLock<Clip> = LazyLock::new(|| from_ivf(include_bytes!("../../assets/clip.av1.ivf")));
    static H264: LazyLock<Clip> = LazyLock::new(|| from_annex_b(include_bytes!("../../assets/clip.h264")));
    match codec {
        VideoCodec::Vp8 => &VP8,
        VideoCodec::Vp9 => &VP9,
        VideoCodec::H264 => &H264,
        VideoCodec::Av1 => &AV1,
    }
}

/// Splits an IVF file: a header of 32 bytes, then frames of a 4-byte length, 8 bytes of time stamp and the data.
fn from_ivf(bytes: &[u8]) -> Clip {
    const FILE_HEADER: usize = 32;
    const FRAME_HEADER: usize = 12;
    let mut frames = Vec::new();
    let mut rest = bytes.get(FILE_HEADER..).unwrap_or_default();
    while let Some((header, after)) = rest.split_at_checked(FRAME_HEADER) {
        let length = u32::from_le_bytes([header[0], header[1], header[2], header[3]]) as usize;
        let Some((frame, after)) = after.split_at_checked(length) else { break };
        frames.push(Arc::from(frame));
        rest = after;
    }
    Clip { frames }
}

/// Splits an H.264 byte stream (ITU-T H.264 annex B) at its access unit delimiters and drops these.
fn from_annex_b(bytes: &[u8]) -> Clip {
    const ACCESS_UNIT_DELIMITER: u8 = 9;
    let mut frames: Vec<Arc<[u8]>> = Vec::new();
    let mut frame: Vec<u8> = Vec::new();
    for unit in nal_units(bytes) {
        if unit[0] & 0x1f == ACCESS_UNIT_DELIMITER {
            if !frame.is_empty() {
                frames.push(Arc::from(std::mem::take(&mut frame)));
            }
            continue;
        }
        frame.extend_from_slice(&[0, 0, 0, 1]);
        frame.extend_from_slice(unit);
    }
    if !frame.is_empty() {
        frames.push(Arc::from(frame));
    }
    Clip { frames }
}

/// The units between start codes `00 00 01`, without the zero byte that a four-byte start code puts before it.
fn nal_units(bytes: &[u8]) -> Vec<&[u8]> {
    let starts: Vec<usize> =
        bytes.windows(3).enumerate().filter(|(_, code)| *code == [0, 0, 1]).map(|(at, _)| at).collect();
    let mut units = Vec::with_capacity(starts.len());
    for (n, start) in starts.iter().enumerate() {
        let end = starts.get(n + 1).copied().unwrap_or(bytes.len());
        let mut unit = &bytes[start + 3..end];
        while let Some((0, head)) = unit.split_last() {
            unit = head;
        }
        if !unit.is_empty() {
            units.push(unit);
        }
    }
    units
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_clip_has_two_seconds() {
        for codec in VideoCodec::ALL {
            let clip = clip(codec);
            assert_eq!(clip.frames.len(), 30, "{codec:?}");
            assert!(clip.frames.iter().all(|frame| !frame.is_empty()), "{codec:?}");
        }
    }

    #[test]
    fn the_vp8_clip_starts_with_its_only_key_frame() {
        // RFC 6386, 9.1: bit 0 of the first byte is 0 for a key frame; a start code and the size follow.
        let frames = &clip(VideoCodec::Vp8).frames;
        assert_eq!(frames[0][3..10], [0x9d, 0x01, 0x2a, 0x40, 0x01, 0xb4, 0x00]);
        assert_eq!(frames.iter().filter(|frame| frame[0] & 1 == 0).count(), 1);
    }

    #[test]
    fn the_h264_clip_starts_with_parameter_sets() {
        let types: Vec<u8> = nal_units(&clip(VideoCodec::H264).frames[0]).iter().map(|unit| unit[0] & 0x1f).collect();
        assert_eq!(types[..2], [7, 8]);
        assert!(types.contains(&5));
    }
}
