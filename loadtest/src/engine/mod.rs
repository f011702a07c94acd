//! Media clients behind one small interface: an engine opens peers, a peer is a handle of channels.
//!
//! Slots, data channels and who offers are those of docs/protocol.md ("Calls"): the client is the controlling offerer and
//! nothing is renegotiated but ICE.

mod arrivals;
mod clip;
mod peer;
pub mod str0m;

pub use clip::{CLIP_FPS, Clip, VideoCodec, clip};
pub use peer::{
    ArrivalCounts, ArrivalSnapshot, Channel, Command, EngineError, MediaEvent, MediaOptions, Part, Peer, PeerEnds,
};

/// `mid` of the viewer's microphone.
pub const SLOT_AUDIO_SEND: &str = "0";
/// `mid` of the viewer's screen or player.
pub const SLOT_SCREEN_SEND: &str = "1";
/// `mid` of the viewer's camera.
pub const SLOT_CAMERA_SEND: &str = "2";
/// `mid`s of received sound.
pub const SLOTS_AUDIO_RECEIVE: [&str; 2] = ["3", "4"];
/// `mid`s of received pictures.
pub const SLOTS_VIDEO_RECEIVE: [&str; 2] = ["5", "6"];
/// `mid` of the data channels.
pub const SLOT_DATA: &str = "7";

/// A WebRTC stack that can play a viewer's or an agent's part.
pub trait MediaEngine: Send + Sync {
    /// Name for reports, such as `str0m`.
    fn name(&self) -> &'static str;

    /// Opens a peer on a UDP socket of its own. It offers when told to.
    ///
    /// # Errors
    /// [`EngineError`] when there is no socket or the stack fails to start.
    fn open(&self, options: MediaOptions) -> Result<Peer, EngineError>;
}
