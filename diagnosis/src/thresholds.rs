//! Every number that decides, with its unit and where it comes from. `docs/diagnosis.md` shows the same table.
//!
//! "own" marks what no published tool gives; those are set on our own labelled runs and move with [`crate::VERSION`].

/// A round trip is idle at this share of a lane's values: the least but for outliers (own).
pub const IDLE_PERCENTILE: f64 = 0.1;
/// Round trips that a first byte takes on a warm connection, with one to spare for a lost or new one (own).
pub const FIRST_BYTE_ROUND_TRIPS: f64 = 2.0;
/// A position that moves by less than this for each second stands still (own).
pub const POSITION_RATE_MIN: f64 = 0.5;
/// Frame rates outside of these are taken for the nearest, frames/s (own).
pub const FRAME_RATE_MIN: f64 = 5.0;
/// See [`FRAME_RATE_MIN`].
pub const FRAME_RATE_MAX: f64 = 120.0;

/// Seconds that must be known of a picture before its standing still means that it stopped (own): pages compare two frames
/// every 6 s before anybody asks.
pub const MOTION_SECONDS_MIN: u32 = 3;
/// Share of these in which it must have moved (own): slides stay far below, films far above.
pub const MOTION_SHARE_MIN: f64 = 0.6;
/// Share of a second's frames like the one before that makes it stand still (own).
pub const STILL_SHARE: f64 = 0.9;

/// Where the numbers come from.
pub mod source {
    /// github.com/VLprojects/webrtc-issue-detector.
    pub const ISSUE_DETECTOR: &str = "webrtc-issue-detector";
    /// github.com/ObserveRTC.
    pub const OBSERVE_RTC: &str = "ObserveRTC";
    /// Microsoft Teams' Call Quality Dashboard.
    pub const TEAMS: &str = "Teams CQD";
    /// Twilio's network quality warnings.
    pub const TWILIO: &str = "Twilio";
    /// Agora's call quality inspection.
    pub const AGORA: &str = "Agora";
    /// Bufferbloat test's grades.
    pub const BUFFERBLOAT: &str = "bufferbloat.net";
    /// ITU-R BT.1359-1, limit of acceptability.
    pub const BT1359: &str = "ITU-R BT.1359-1";
    /// W3C.
    pub const W3C: &str = "W3C";
    /// Set on our own runs.
    pub const OWN: &str = "own";
}
