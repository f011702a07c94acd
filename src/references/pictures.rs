//! What is in a segment: its container by its first bytes, its pictures by ffmpeg where there is one.
//!
//! ffmpeg gets the bytes through a pipe, is told the container, and may open nothing else: a segment that is a playlist
//! cannot make it fetch. One runs at a time, niced, for a bounded time, and what it writes is read up to a bound.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;
use tokio::sync::Semaphore;

use crate::config::Ffmpeg;

/// How long ffmpeg may take: ten times what a segment of two seconds takes on one slow core.
const RUN_MAX: Duration = Duration::from_secs(5);
/// How long a segment waits for its turn; after that its pictures are not looked into.
const TURN_MAX: Duration = Duration::from_secs(10);
/// Bytes kept of each of ffmpeg's outputs: two thousand lines.
const OUTPUT_BYTES_MAX: usize = 256 * 1024;
/// Media looked at, s; longer segments are judged by their beginning.
const MEDIA_S_MAX: u32 = 30;
/// Largest picture decoded: 4096 by 2304.
const PIXELS_MAX: u32 = 4_096 * 2_304;
/// Added to our own niceness: media and chat come first.
const NICER_BY: libc::c_int = 15;
/// Black: 98 % of the pixels within a fiftieth of the range from black, for a tenth of a second; with ffmpeg's own tenth a
/// street at night is black. Frozen: less difference than an encoder makes of a picture that stands still, for longer than a
/// film repeats a picture.
const FILTERS: &str = "blackdetect=d=0.1:pix_th=0.02,freezedetect=n=-50dB:d=0.4";
/// Errors of a decoder that begins in the middle of a stream; they say nothing about damage.
const NO_DAMAGE: [&str; 3] = ["non-existing", "no frame!", "decode_slice_header"];

/// A container of media, as ffmpeg calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Container {
    /// Boxes (ISO/IEC 14496-12).
    Boxes,
    /// MPEG-2 transport stream.
    Transport,
    /// Matroska and WebM.
    Matroska,
}

/// An initialisation segment: boxes, and neither a fragment nor media among them.
pub(super) fn is_only_head(bytes: &[u8]) -> bool {
    /// Boxes looked at; a segment's own come first.
    const BOXES_MAX: usize = 32;
    let mut rest = bytes;
    let mut head = false;
    for _ in 0..BOXES_MAX {
        let Some((size, kind)) = rest.first_chunk::<8>().map(|b| ([b[0], b[1], b[2], b[3]], [b[4], b[5], b[6], b[7]]))
        else {
            return head;
        };
        match &kind {
            b"moof" | b"mdat" => return false,
            b"moov" => head = true,
            _ => {}
        }
        let size = usize::try_from(u32::from_be_bytes(size)).unwrap_or(usize::MAX).max(8);
        rest = rest.get(size..).unwrap_or_default();
    }
    head
}

impl Container {
    /// The container that some bytes begin; `None` for any other.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        const BOXES: [&[u8; 4]; 7] = [b"styp", b"moof", b"sidx", b"emsg", b"prft", b"ftyp", b"moov"];
        const PACKET: usize = 188;
        if bytes.get(4..8).is_some_and(|kind| BOXES.iter().any(|known| *known == kind)) {
            return Some(Self::Boxes);
        }
        if bytes.first() == Some(&0x47) && bytes.get(PACKET).is_none_or(|byte| *byte == 0x47) {
            return Some(Self::Transport);
        }
        bytes.starts_with(&[0x1a, 0x45, 0xdf, 0xa3]).then_some(Self::Matroska)
    }

    fn demuxer(self) -> &'static str {
        match self {
            Self::Boxes => "mp4",
            Self::Transport => "mpegts",
            Self::Matroska => "matroska",
        }
    }
}

/// What the pictures of a segment are like. Shares, 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Looked {
    /// Of its time, in which nothing moves.
    pub(super) frozen: f64,
    /// Of its time, black.
    pub(super) black: f64,
    /// The decoder's complaints a picture.
    pub(super) corrupt: f64,
}

/// What came of a look.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Look {
    /// It was decoded.
    Seen(Looked),
    /// It is no media, or nothing of it can be decoded.
    Unreadable,
    /// There are no pictures in it, or it could not be looked at.
    Nothing,
}

/// Looks into segments, one at a time.
#[derive(Debug)]
pub(super) struct PictureProbe {
    program: PathBuf,
    turn: Semaphore,
}

impl PictureProbe {
    /// By the ffmpeg that is configured or found; `None` without one.
    pub(super) fn find(wanted: &Ffmpeg) -> Option<Self> {
        let program = match wanted {
            Ffmpeg::Off => return None,
            Ffmpeg::Program(path) => path.clone(),
            Ffmpeg::Auto => in_path("ffmpeg")?,
        };
        Some(Self { program, turn: Semaphore::new(1) })
    }

    /// The program.
    pub(super) fn program(&self) -> &Path {
        &self.program
    }

    /// Looks at a segment with its initialisation segment before it, if it has one.
    pub(super) async fn look(&self, container: Container, media: Vec<u8>) -> Look {
        let Ok(Ok(_turn)) = tokio::time::timeout(TURN_MAX, self.turn.acquire()).await else { return Look::Nothing };
        match tokio::time::timeout(RUN_MAX, self.run(container, media)).await {
            Ok(Ok((progress, log))) => read_output(&progress, &log),
            Ok(Err(error)) => {
                tracing::warn!(%error, program = %self.program.display(), "ffmpeg could not be run");
                Look::Nothing
            }
            Err(_) => Look::Nothing,
        }
    }

    async fn run(&self, container: Container, media: Vec<u8>) -> std::io::Result<(String, String)> {
        let mut child = Command::new(&self.program)
            .args(["-hide_banner", "-nostdin", "-nostats", "-loglevel", "repeat+level+info", "-threads", "1"])
            .args(["-max_pixels", &PIXELS_MAX.to_string(), "-protocol_whitelist", "pipe"])
            .args(["-f", container.demuxer(), "-i", "pipe:0", "-t", &MEDIA_S_MAX.to_string()])
            .args(["-map", "0:v:0", "-vf", FILTERS, "-progress", "pipe:1", "-f", "null", "-"])
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        if let Some(id) = child.id() {
            // SAFETY: plain numbers; a process that has ended in the meantime is not found, since it is still our child.
            unsafe { libc::setpriority(libc::PRIO_PROCESS, id, NICER_BY) };
        }
        let (Some(mut stdin), Some(stdout), Some(stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(std::io::Error::other("no pipes"));
        };
        let feed = async move {
            // It may have read enough and closed.
            let _ = stdin.write_all(&media).await;
        };
        let ((), progress, log) = tokio::join!(feed, head_of(stdout), head_of(stderr));
        child.wait().await?;
        Ok((progress?, log?))
    }
}

/// The first [`OUTPUT_BYTES_MAX`] bytes of an output; the rest is read away, so that the writer does not wait.
async fn head_of(mut output: impl AsyncRead + Unpin) -> std::io::Result<String> {
    let (mut kept, mut chunk) = (Vec::new(), [0; 8 * 1024]);
    loop {
        let read = output.read(&mut chunk).await?;
        if read == 0 {
            return Ok(String::from_utf8_lossy(&kept).into_owned());
        }
        let room = OUTPUT_BYTES_MAX - kept.len();
        kept.extend_from_slice(&chunk[..read.min(room)]);
    }
}

/// A program in the folders of `PATH`.
fn in_path(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

/// Reads ffmpeg's `-progress` and its log.
fn read_output(progress: &str, log: &str) -> Look {
    let last = |key: &str| {
        let values = progress.lines().filter_map(|line| line.trim().strip_prefix(key)?.strip_prefix('='));
        values.filter_map(|value| value.trim().parse::<f64>().ok()).rfind(|value| value.is_finite())
    };
    let (frames, length_s) = (last("frame").unwrap_or(0.0), last("out_time_us").unwrap_or(0.0) / 1e6);
    if frames < 1.0 || length_s <= 0.0 {
        let no_pictures = log.contains("matches no streams") || log.contains("not contain any stream");
        return if no_pictures || !log.contains("[error]") { Look::Nothing } else { Look::Unreadable };
    }
    let damage = |line: &&str| {
        let complaint = line.contains("[error]") || line.contains("[fatal]");
        complaint && !NO_DAMAGE.iter().any(|harmless| line.contains(harmless))
    };
    let complaints = log.lines().filter(damage).count().max(log.matches("concealing ").count());
    #[expect(clippy::cast_precision_loss, reason = "lines of a bounded text")]
    let corrupt = complaints as f64 / frames;
    let thousandths = |share: f64| (share.clamp(0.0, 1.0) * 1e3).round() / 1e3;
    let black_s = numbers(log, "black_duration:").fold(0.0, |sum, seconds| sum + seconds.max(0.0));
    let frozen = thousandths(frozen_s(log, length_s) / length_s);
    Look::Seen(Looked { frozen, black: thousandths(black_s / length_s), corrupt: thousandths(corrupt) })
}

/// Time in which the picture stood still; what has no end lasts to the end of the segment.
fn frozen_s(log: &str, length_s: f64) -> f64 {
    let starts = numbers(log, "freeze_start: ");
    let mut ends = numbers(log, "freeze_end: ");
    starts.fold(0.0, |sum, start| sum + (ends.next().unwrap_or(length_s) - start).max(0.0))
}

/// The numbers that follow a word, in order.
fn numbers<'a>(log: &'a str, word: &'a str) -> impl Iterator<Item = f64> + 'a {
    let number = |rest: &str| rest.split_whitespace().next()?.parse::<f64>().ok().filter(|number| number.is_finite());
    log.split(word).skip(1).filter_map(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::clip::{self, Still};

    const PROGRESS: &str =
        "frame=1\nout_time_us=33333\nprogress=continue\nframe=60\nout_time_us=2000000\nprogress=end\n";

    fn seen(log: &str) -> Looked {
        match read_output(PROGRESS, log) {
            Look::Seen(looked) => looked,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_head_without_media_is_told_from_a_segment() {
        let one = |kind: &[u8; 4], body: &[u8]| {
            let size = u32::try_from(body.len() + 8).expect("small");
            [&size.to_be_bytes()[..], kind, body].concat()
        };
        let head = [one(b"ftyp", b"iso5"), one(b"moov", &[0; 40])].concat();
        assert!(is_only_head(&head));
        assert!(!is_only_head(&[head, one(b"moof", &[0; 9]), one(b"mdat", &[1; 9])].concat()));
        assert!(!is_only_head(&one(b"styp", b"msdh")));
        assert!(!is_only_head(b"") && !is_only_head(&[0xff; 50]) && !is_only_head(&[0; 50]));
    }

    #[test]
    fn shares_are_of_the_segments_time() {
        let log = "[freezedetect @ 0x1] [info] lavfi.freezedetect.freeze_start: 0.5\n\
                   [freezedetect @ 0x1] [info] lavfi.freezedetect.freeze_duration: 0.5\n\
                   [freezedetect @ 0x1] [info] lavfi.freezedetect.freeze_end: 1\n\
                   [freezedetect @ 0x1] [info] lavfi.freezedetect.freeze_start: 1.5\n\
                   [blackdetect @ 0x2] [info] black_start:0 black_end:0.5 black_duration:0.5\n\
                   [h264 @ 0x3] [error] error while decoding MB 1 2, bytestream 3\n\
                   [h264 @ 0x3] [info] concealing 8 DC, 8 AC, 8 MV errors in P frame\n\
                   [h264 @ 0x3] [info] concealing 8 DC, 8 AC, 8 MV errors in P frame\n\
                   [h264 @ 0x3] [info] concealing 8 DC, 8 AC, 8 MV errors in P frame\n\
                   [h264 @ 0x3] [error] non-existing PPS 0 referenced\n";
        assert_eq!(seen(log), Looked { frozen: 0.5, black: 0.25, corrupt: 0.05 });
        assert_eq!(seen("").corrupt, 0.0);
    }

    #[test]
    fn what_is_odd_stays_within_bounds() {
        let odd = "freeze_start: NaN\nfreeze_start: -9\nfreeze_start: 1e300\nfreeze_end: inf\nblack_duration:\nblack_duration:1e9 ";
        assert_eq!(seen(odd), Looked { frozen: 1.0, black: 1.0, corrupt: 0.0 });
        assert_eq!(seen(&"[error] x\n".repeat(500)).corrupt, 1.0);
        assert_eq!(read_output("", ""), Look::Nothing);
        assert_eq!(read_output("frame=9\nout_time_us=N/A\n", ""), Look::Nothing);
        assert_eq!(read_output("frame=0\n", "[error] Cannot determine format"), Look::Unreadable);
        assert_eq!(read_output("", "[fatal] Stream map '0:v:0' matches no streams.\n[error] x"), Look::Nothing);
    }

    #[test]
    fn containers_are_told_by_their_first_bytes() {
        assert_eq!(Container::of(b"\0\0\0\x18styp...."), Some(Container::Boxes));
        let mut packets = vec![0; 400];
        (packets[0], packets[188]) = (0x47, 0x47);
        assert_eq!(Container::of(&packets), Some(Container::Transport));
        packets[188] = 0;
        assert_eq!(Container::of(&packets), None);
        assert_eq!(Container::of(b""), None);
        assert_eq!(Container::of(b"#EXTM3U\n"), None);
    }

    #[tokio::test]
    async fn a_real_ffmpeg_sees_what_is_wrong() {
        let Some(probe) = PictureProbe::find(&Ffmpeg::Auto) else {
            assert!(std::env::var_os("CI").is_none(), "in CI this test must run: no ffmpeg");
            eprintln!("SKIPPED: no ffmpeg");
            return;
        };
        let clip = &clip::renditions().expect("the clip")[1];
        let look = async |segment: Vec<u8>| {
            let media = [clip.init.to_vec(), segment].concat();
            match probe.look(Container::Boxes, media).await {
                Look::Seen(looked) => looked,
                other => panic!("{other:?}"),
            }
        };
        let sound = look(clip.segment(40)).await;
        assert!(sound.frozen < 0.5 && sound.black < 0.05 && sound.corrupt < 0.05, "{sound:?}");
        let frozen = look(clip.still(Still::Frozen, 41)).await;
        assert!(frozen.frozen > 0.9 && frozen.black < 0.05, "{frozen:?}");
        let black = look(clip.still(Still::Black, 42)).await;
        assert!(black.black > 0.9, "{black:?}");
        let mut damaged = clip.segment(43);
        let from = damaged.len() / 5;
        damaged[from..].iter_mut().step_by(700).for_each(|byte| *byte ^= 0x5a);
        assert!(look(damaged).await.corrupt > 0.3);
        let mut garbage = clip.init.to_vec();
        garbage.extend(b"no media at all ".repeat(2_000));
        assert_eq!(probe.look(Container::Boxes, garbage).await, Look::Unreadable);
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_or_hangs_costs_nothing_but_the_look() {
        let missing = PictureProbe::find(&Ffmpeg::Program("/nonexistent/ffmpeg".into())).expect("configured");
        assert_eq!(missing.look(Container::Boxes, vec![0; 10]).await, Look::Nothing);
        assert!(PictureProbe::find(&Ffmpeg::Off).is_none());
    }
}
