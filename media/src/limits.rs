//! Bounds of the media core, each with the reason for its value.

use std::time::Duration;

/// Peers one worker holds unless told otherwise. At 450 KB a receiving peer this is under 1 GB.
pub const PEERS_PER_WORKER_MAX: usize = 2_000;
/// Rooms one worker holds unless told otherwise. A room has two participants or more, so half the peers.
pub const ROOMS_PER_WORKER_MAX: usize = 1_000;
/// Participants of one room. A call has two to five people; the rest is room for a supervisor and a reconnection
/// whose predecessor has not timed out yet.
pub const PARTICIPANTS_MAX: usize = 8;
/// Largest session description, bytes. Chromium's offer for our slots is about 9 KB; browsers with many codecs reach 25.
pub const SDP_BYTES_MAX: usize = 48 * 1024;
/// Largest data channel message looked at, bytes; larger ones are dropped. A probe fills one datagram.
pub const CHANNEL_MESSAGE_BYTES_MAX: usize = 1_200;
/// Largest echo returned, bytes.
pub const ECHO_BYTES_MAX: usize = 256;
/// Largest message the SCTP association accepts at all, bytes. Announced to the peer, leaves room for `control`.
pub const SCTP_MESSAGE_BYTES_MAX: u32 = 16 * 1024;
/// Data waiting in one peer's SCTP association before writes are refused, bytes: 256 echoes, then the link is dead.
pub const SCTP_BUFFERED_BYTES_MAX: usize = 64 * 1024;
/// Data channels one peer may have open: the two named ones, and two more that are ignored.
pub const CHANNELS_MAX: usize = 4;
/// Addresses remembered for one peer. A handover between networks needs two; ICE may check from a dozen.
pub const ADDRESSES_PER_PEER_MAX: usize = 16;
/// Packets held per closed key frame gate, so that the rest of a key frame is there when its first packet was lost and
/// comes again. A 1080p key frame of dense text is about 300 packets.
pub const HELD_PACKETS_MAX: usize = 512;
/// Outgoing datagrams and events waiting in the core. The driver drains after each batch of input; one batch of 64
/// datagrams forwarded to seven receivers is under 500, so beyond this the driver is not draining and datagrams are dropped.
pub const OUTPUTS_PENDING_MAX: usize = 65_536;
/// Polls of one peer before the others have their turn: guards against a timer that is always due.
pub const POLLS_PER_TURN_MAX: usize = 4_096;
/// Packets kept per video slot to answer NACKs: a second at 4 Mbit/s, which covers every round trip worth repairing.
pub const RTX_CACHE_PACKETS: usize = 512;
/// Age at which a kept packet is no longer resent: past any receiver's jitter buffer.
pub const RTX_CACHE_AGE: Duration = Duration::from_millis(1_500);
/// Share of the sent bytes that may be retransmissions before queued ones are discarded. It keeps a peer that NACKs
/// everything from drawing more than twice the stream; below that, repair is cheaper than the key frame it saves.
pub const RTX_RATIO_MAX: f32 = 0.5;
/// Largest RTP payload taken from a publisher, bytes; larger ones are dropped. With header, extensions, retransmission
/// header and SRTP tag (under 100 bytes) it stays below the 1,452 bytes every path of 1,500 carries over IPv6, and far
/// below the engine's buffers, which it would overrun at 2,000. Browsers send 1,200 at most.
pub const RTP_PAYLOAD_BYTES_MAX: usize = 1_300;
/// Sequence numbers that may be skipped at once, forward or back: MAX_DROPOUT of RFC 3550 appendix A.1, ten seconds of a
/// full stream. Beyond it the publisher has begun a new numbering, or means harm; receivers are never led that far.
pub const SEQUENCE_LEAP_MAX: u64 = 3_000;
/// Longest pause an RTP timestamp takes note of when a slot is used again. Receivers compare timestamps modulo 2^32 and
/// would take one that moved by 2^31, 6.6 hours of a picture, for one of the past.
pub const PAUSE_MAX: Duration = Duration::from_secs(60 * 60);
/// Missing sequence numbers remembered per source to tell reordering from loss. More are counted as lost at once.
pub const HOLES_MAX: usize = 512;
/// A peer that never got connected is closed after this long: the answer did not arrive or nothing gets through. Longer
/// than an invitation stands (120 s), since a page may exchange descriptions with it and connect at the click.
pub const CONNECT_WITHIN: Duration = Duration::from_secs(150);
/// A peer whose ICE connection was lost is closed after this long, unless it came back, by an ICE restart or by itself. Who
/// drives this crate gives a call up sooner; this is for peers that it has forgotten.
pub const RESTART_WITHIN: Duration = Duration::from_secs(150);
/// Two requests for a key frame to one source are at least this far apart, except the first one for a subscription.
pub const KEY_FRAME_INTERVAL_MIN: Duration = Duration::from_millis(300);
/// An unanswered request for a key frame is repeated after this long: a 200 ms round trip and an encoder's turn.
pub const KEY_FRAME_RETRY: Duration = Duration::from_millis(300);
/// Repetitions back off to this; a source that sends nothing at all is then not asked any more, until it sends again.
pub const KEY_FRAME_RETRY_MAX: Duration = Duration::from_secs(2);
/// A source is taken for silent after this long without a packet; a silent one yields its slot to one that sends.
pub const SOURCE_SILENT_AFTER: Duration = Duration::from_secs(10);
/// Samples are still taken this long after the last packet of a video source: a still picture sends little.
pub const SAMPLE_SILENCE_MAX: Duration = Duration::from_secs(30);
