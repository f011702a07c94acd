//! Samples of a page: its player, the segments it fetched, its device, what its picture looked like.

use super::lane::Event;
use crate::lenient::{names, sample};

sample! { "camelCase",
    /// A second of the page's `<video>`, as docs/protocol.md has it, and what richer collectors add. Counters are
    /// cumulative.
    PlayerSample {
        /// Position, s.
        current_time: f64,
        /// Stands still because somebody wants it to.
        paused: bool,
        /// Is over.
        ended: bool,
        /// Is being moved to another position.
        seeking: bool,
        /// `HTMLMediaElement.readyState`.
        ready_state: f64,
        /// Media ahead of the position without a gap, s.
        buffered_ahead_s: f64,
        /// Times the picture waited for data.
        stalls: f64,
        /// Their summed length with that of one going on, ms.
        stalled_ms: f64,
        /// Waits at this moment.
        waiting: bool,
        /// Counter.
        dropped_video_frames: f64,
        /// Counter; Firefox leaves it at 0 for streams.
        total_video_frames: f64,
        /// Counter of frames that reached the screen (`requestVideoFrameCallback`).
        rendered_frames: f64,
        /// Pixels; 0 before the first picture.
        video_width: f64,
        /// Pixels.
        video_height: f64,
        /// 1 is normal.
        playback_rate: f64,
        /// The tab is hidden.
        hidden: bool,
        /// Our own share runs.
        sharing: bool,
        /// From the wish to play to the first picture, ms.
        startup_ms: f64,
        /// Nominal rate of the stream's pictures, frames/s.
        frame_rate: f64,
        /// Bit rate of the level in use, kbit/s.
        bitrate_kbps: f64,
        /// Number of the level in use.
        level: f64,
        /// Counter of changes of the level.
        level_switches: f64,
        /// Mean time from frame to picture of the frames of this second (`processingDuration`), ms.
        decode_ms: f64,
        /// How long the request for media that is under way has been, ms; absent when there is none.
        pending_ms: f64,
        /// Bytes of it that have come.
        pending_bytes: f64,
        /// Behind the live edge, s.
        latency_s: f64,
        /// Time since the playlist last told something new, s.
        playlist_age_s: f64,
        /// Counter of errors of decoder and parser.
        media_errors: f64,
        /// Name of the player: `hls.js` ….
        engine: String,
    }
}

names! {
    /// Why a request for media failed.
    FetchError {
        /// The answer's status was an error.
        Http,
        /// No answer: name, connection or TLS.
        Network,
        /// Given up.
        Timeout,
        /// It came and is not what it should be.
        Parsing,
    }
}

sample! { "camelCase",
    /// A request for media that is over (Resource Timing, or the player library's word).
    Segment {
        /// When it was over, ms since the Unix epoch.
        t: f64,
        /// From the request to the first byte of the answer, ms.
        ttfb_ms: f64,
        /// From the request to the last byte, ms.
        duration_ms: f64,
        /// Of the body.
        bytes: f64,
        /// Status of the answer; absent where the page may not know.
        status: f64,
        /// Host that it was asked of.
        host: String,
        /// Media in it, s; absent for playlists.
        media_s: f64,
        /// Bit rate of its level, kbit/s.
        bitrate_kbps: f64,
        /// Came from a cache on the device.
        cached: bool,
        /// Why it failed.
        error: FetchError,
    }
}

impl Event for Segment {
    fn t_ms(&self) -> f64 {
        self.t.unwrap_or(f64::NAN)
    }
}

names! {
    /// Compute Pressure API's states.
    Pressure {
        /// Nothing to say.
        Nominal,
        /// Bearable.
        Fair,
        /// Too much for long.
        Serious,
        /// The device slows itself down.
        Critical,
    }
}

sample! { "camelCase",
    /// A second of a device and its page.
    DeviceSample {
        /// Logical cores.
        hardware_concurrency: f64,
        /// GiB, rounded by the browser.
        device_memory: f64,
        /// Name of the player's decoder, where known.
        decoder: String,
        /// The decoder is one of hardware (Media Capabilities, `powerEfficientDecoder`).
        power_efficient: bool,
        /// Of the processor.
        pressure: Pressure,
        /// Time of this second in which the main thread was in frames or tasks of over 50 ms, ms.
        blocked_ms: f64,
        /// The longest of them, ms.
        longest_ms: f64,
        /// The tab is hidden.
        hidden: bool,
        /// Charge, 0 to 1.
        battery: f64,
        /// Runs from the battery.
        discharging: bool,
        /// Round trip of the chat's socket, ms.
        ping_ms: f64,
        /// Browser, such as `Firefox`.
        browser: String,
        /// Operating system, such as `Android`.
        system: String,
        /// IANA name of the time zone.
        time_zone: String,
        /// Version of the host's player or app, as its page says it.
        app: String,
        /// Network Information API: Mbit/s.
        downlink: f64,
        /// Network Information API: `4g` ….
        effective_type: String,
        /// Network Information API: `wifi`, `cellular` ….
        network_type: String,
    }
}

sample! { "camelCase",
    /// What detectors saw in the pictures of a second. Shares are of the frames inspected in it, 0 to 1.
    PictureSample {
        /// Whether the page could read the pictures; false for tainted canvases and DRM.
        inspectable: bool,
        /// Why not.
        reason: String,
        /// Frames inspected.
        frames: f64,
        /// Mean difference to the frame before, 0 to 1 of full scale.
        motion: f64,
        /// Like the frame before.
        frozen: f64,
        /// Nothing but black.
        black: f64,
        /// Green, or torn apart: a decoder without its references.
        corrupt: f64,
        /// A grid of blocks.
        blocky: f64,
        /// Stripes across.
        striped: f64,
        /// Steps where a gradient should be.
        banded: f64,
        /// Halves of two frames in one.
        torn: f64,
    }
}
