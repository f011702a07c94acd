//! The clip that the demo's live stream loops: embedded fragmented MP4, and what it takes to move a segment in time.
//!
//! `assets/make-clip.mjs` makes it: [`SEGMENTS`] segments of [`SEGMENT_MS`] a rendition, decode times counted from the
//! start of the loop. A loop is a whole number of video frames *and* of AAC frames, so that a segment's decode times in
//! the n-th loop are its own plus n loops, and the stream never needs a discontinuity.

use std::borrow::Cow;
use std::sync::LazyLock;

use bytes::Bytes;
use rust_embed::Embed;
use thiserror::Error;

/// Segments in one loop.
pub const SEGMENTS: u64 = 12;
/// Length of a segment, milliseconds.
pub const SEGMENT_MS: u64 = 2_000;
/// Length of a loop, seconds.
const LOOP_S: u64 = SEGMENTS * SEGMENT_MS / 1_000;
/// How deep boxes may nest on the way to the ones we read (`moov/trak/mdia/mdhd`).
const DEPTH_MAX: usize = 4;

#[derive(Embed)]
#[folder = "$CARGO_MANIFEST_DIR/assets/clip/"]
struct Files;

/// One quality of the clip.
#[derive(Debug)]
pub struct Rendition {
    /// Name in addresses, such as `720p`.
    pub name: &'static str,
    /// Picture size as in a playlist's `RESOLUTION`.
    pub resolution: &'static str,
    /// RFC 6381 codecs.
    pub codecs: &'static str,
    /// Highest bit rate of a segment, bit/s.
    pub peak_bps: u64,
    /// Mean bit rate, bit/s.
    pub mean_bps: u64,
    /// The initialisation segment.
    pub init: Bytes,
    segments: Vec<Segment>,
    frozen: Vec<Segment>,
    black: Vec<Segment>,
}

/// A picture that does not move, though the encoder goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Still {
    /// The first picture of the clip.
    Frozen,
    /// Nothing.
    Black,
}

#[derive(Debug)]
struct Segment {
    bytes: Bytes,
    /// Where the fragment's own number stands.
    sequence_at: usize,
    clocks: Vec<Clock>,
}

/// A decode time in a segment.
#[derive(Debug)]
struct Clock {
    at: usize,
    ticks: u64,
    ticks_per_s: u64,
}

/// Why the embedded clip cannot be played. A fault of the build, not of a peer.
#[derive(Debug, Error)]
pub enum ClipError {
    /// A file is not there.
    #[error("the clip has no file {0}")]
    Missing(String),
    /// A file is not the ISO file that the recipe makes.
    #[error("{file}: {what}")]
    Format {
        /// Which.
        file: String,
        /// What is wrong with it.
        what: &'static str,
    },
}

static RENDITIONS: LazyLock<Result<Vec<Rendition>, ClipError>> = LazyLock::new(|| {
    Ok(vec![
        Rendition::load("720p", "1280x720", "avc1.4d401f,mp4a.40.2")?,
        Rendition::load("360p", "640x360", "avc1.42c01e,mp4a.40.2")?,
    ])
});

/// The clip's renditions, best first.
///
/// # Errors
/// When the embedded files are not what the recipe makes.
pub fn renditions() -> Result<&'static [Rendition], &'static ClipError> {
    RENDITIONS.as_ref().map(Vec::as_slice)
}

impl Rendition {
    fn load(name: &'static str, resolution: &'static str, codecs: &'static str) -> Result<Self, ClipError> {
        let init = file(&format!("{name}/init.mp4"))?;
        let timescales =
            timescales(&init).map_err(|what| ClipError::Format { file: format!("{name}/init.mp4"), what })?;
        let loop_of = |folder: String| -> Result<Vec<Segment>, ClipError> {
            let read = |index: u64| {
                let path = format!("{folder}/{index:02}.m4s");
                Segment::read(file(&path)?, &timescales).map_err(|what| ClipError::Format { file: path, what })
            };
            (0..SEGMENTS).map(read).collect()
        };
        let segments = loop_of(name.to_owned())?;
        let bits = |segment: &Segment| segment.bytes.len() as u64 * 8;
        Ok(Self {
            name,
            resolution,
            codecs,
            peak_bps: segments.iter().map(bits).max().unwrap_or(0) * 1_000 / SEGMENT_MS,
            mean_bps: segments.iter().map(bits).sum::<u64>() / LOOP_S,
            init,
            segments,
            frozen: loop_of(format!("{name}-frozen"))?,
            black: loop_of(format!("{name}-black"))?,
        })
    }

    /// The segment that stands at `sequence` of the endless stream, with that place's decode times.
    #[must_use]
    pub fn segment(&self, sequence: u64) -> Vec<u8> {
        at(&self.segments, sequence)
    }

    /// The same of a picture that stands still, with the clip's sound.
    #[must_use]
    pub fn still(&self, still: Still, sequence: u64) -> Vec<u8> {
        let segments = match still {
            Still::Frozen => &self.frozen,
            Still::Black => &self.black,
        };
        at(segments, sequence)
    }
}

/// The segment of a loop at `sequence` of the endless stream.
fn at(segments: &[Segment], sequence: u64) -> Vec<u8> {
    let segment = &segments[(sequence % SEGMENTS) as usize];
    let loops = sequence / SEGMENTS;
    let mut bytes = segment.bytes.to_vec();
    // 32 bits by the format; it only has to rise within what one player sees.
    let number = (sequence as u32).to_be_bytes();
    bytes[segment.sequence_at..segment.sequence_at + 4].copy_from_slice(&number);
    for clock in &segment.clocks {
        let ticks = clock.ticks + loops * LOOP_S * clock.ticks_per_s;
        bytes[clock.at..clock.at + 8].copy_from_slice(&ticks.to_be_bytes());
    }
    bytes
}

impl Segment {
    fn read(bytes: Bytes, timescales: &[(u32, u64)]) -> Result<Self, &'static str> {
        let (mut track, mut sequence_at, mut clocks) = (None, None, Vec::new());
        walk(&bytes, 0, 0, &mut |kind, at, body| {
            match kind {
                b"mfhd" => sequence_at = body.get(4..8).map(|_| at + 4),
                b"tfhd" => track = read_u32(body, 4),
                b"tfdt" => {
                    if body.first() != Some(&1) {
                        return Err("decode time is not of 64 bits");
                    }
                    let ticks = read_u64(body, 4).ok_or("decode time is cut off")?;
                    let scale = timescales.iter().find(|(id, _)| Some(*id) == track).ok_or("unknown track")?;
                    clocks.push(Clock { at: at + 4, ticks, ticks_per_s: scale.1 });
                }
                _ => {}
            }
            Ok(())
        })?;
        if clocks.len() != timescales.len() {
            return Err("a track is missing");
        }
        Ok(Self { sequence_at: sequence_at.ok_or("fragment has no number")?, bytes, clocks })
    }
}

/// Track ids of an initialisation segment with their ticks per second.
fn timescales(init: &[u8]) -> Result<Vec<(u32, u64)>, &'static str> {
    let (mut ids, mut scales) = (Vec::new(), Vec::new());
    walk(init, 0, 0, &mut |kind, _, body| {
        // Version 1 of both boxes has two 64-bit times before the field, version 0 two 32-bit ones.
        let at = if body.first() == Some(&1) { 20 } else { 12 };
        match kind {
            b"tkhd" => ids.push(read_u32(body, at).ok_or("tkhd is cut off")?),
            b"mdhd" => scales.push(u64::from(read_u32(body, at).ok_or("mdhd is cut off")?)),
            _ => {}
        }
        Ok(())
    })?;
    if ids.is_empty() || ids.len() != scales.len() {
        return Err("no tracks");
    }
    Ok(ids.into_iter().zip(scales).collect())
}

/// Calls `see(type, offset of the body in the file, body)` for every box, and inside those that only hold boxes
/// (ISO/IEC 14496-12 §4.2).
fn walk(
    bytes: &[u8],
    base: usize,
    depth: usize,
    see: &mut impl FnMut(&[u8; 4], usize, &[u8]) -> Result<(), &'static str>,
) -> Result<(), &'static str> {
    if depth > DEPTH_MAX {
        return Err("boxes nest too deep");
    }
    let mut at = 0;
    while at < bytes.len() {
        let size = read_u32(bytes, at).ok_or("box is cut off")? as usize;
        let kind: &[u8; 4] = bytes.get(at + 4..at + 8).and_then(|kind| kind.try_into().ok()).ok_or("box is cut off")?;
        let body = bytes.get(at + 8..at + size).ok_or("box is larger than its place")?;
        see(kind, base + at + 8, body)?;
        if matches!(kind, b"moov" | b"trak" | b"mdia" | b"moof" | b"traf") {
            walk(body, base + at + 8, depth + 1, see)?;
        }
        at += size;
    }
    Ok(())
}

fn read_u32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn read_u64(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

fn file(path: &str) -> Result<Bytes, ClipError> {
    let file = Files::get(path).ok_or_else(|| ClipError::Missing(path.to_owned()))?;
    Ok(match file.data {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => Bytes::from(bytes),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decode times and lengths, in seconds, of (video, audio) as a player reads them off a segment.
    fn times(rendition: &Rendition, sequence: u64) -> Vec<f64> {
        let scales = timescales(&rendition.init).expect("init");
        let segment = Segment::read(Bytes::from(rendition.segment(sequence)), &scales).expect("segment");
        segment.clocks.iter().map(|clock| clock.ticks as f64 / clock.ticks_per_s as f64).collect()
    }

    #[test]
    fn the_clip_is_there_and_small() {
        let renditions = renditions().expect("clip");
        assert_eq!(renditions.len(), 2);
        let total: usize = renditions.iter().flat_map(|r| &r.segments).map(|s| s.bytes.len()).sum();
        assert!(total < 4_000_000, "{total} bytes");
        assert!(renditions[0].mean_bps > renditions[1].mean_bps);
    }

    #[test]
    fn decode_times_go_on_across_the_loop() {
        for rendition in renditions().expect("clip") {
            let mut last = times(rendition, 0);
            for sequence in 1..3 * SEGMENTS {
                let now = times(rendition, sequence);
                assert!((now[0] - last[0] - 2.0).abs() < 1e-9, "video steps by 2 s at {sequence}");
                // Audio frames of 1024/48000 s do not divide 2 s; a segment begins within one frame of its time.
                assert!((now[1] - 2.0 * sequence as f64).abs() < 0.0214, "audio of {sequence} is at {}", now[1]);
                assert!(now[1] > last[1]);
                last = now;
            }
        }
    }

    #[test]
    fn moving_a_segment_changes_nothing_else() {
        let rendition = &renditions().expect("clip")[0];
        let (here, there) = (rendition.segment(3), rendition.segment(3 + 500_000_000 * SEGMENTS));
        assert_eq!(here.len(), there.len());
        let changed = here.iter().zip(&there).filter(|(a, b)| a != b).count();
        assert!(changed <= 4 + 8 + 8, "{changed} bytes differ");
    }

    #[test]
    fn damaged_boxes_are_refused() {
        assert!(timescales(&[]).is_err());
        assert!(timescales(&[0, 0, 0, 200, b'm', b'o', b'o', b'v']).is_err());
        assert!(timescales(&[0, 0, 0, 0, b'f', b'r', b'e', b'e']).is_err());
        assert!(Segment::read(Bytes::from_static(b"\0\0\0\x08free"), &[(1, 90_000)]).is_err());
    }
}
