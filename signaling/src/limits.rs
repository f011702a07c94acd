//! Bounds on everything a peer may send, each with the reason for its value.

/// Largest WebSocket text frame, bytes. A Chromium offer of our seven m-lines has about 9 KB, a telemetry block at most
/// [`BLOCK_BYTES_MAX`] in base64; twice the larger of them.
pub const FRAME_BYTES_MAX: usize = 128 * 1024;
/// Largest session description, bytes. Chromium's offer for our slots is about 9 KB; browsers with many codecs reach 25.
pub const SDP_BYTES_MAX: usize = 48 * 1024;
/// Longest chat message, in characters. Four screens of text; longer belongs in a file.
pub const TEXT_CHARS_MAX: usize = 4_000;
/// Longest client id of a message, bytes. A UUID has 36.
pub const CLIENT_ID_BYTES_MAX: usize = 64;
/// Longest host-signed token, bytes. A JWT with all our claims has under 1 KB.
pub const TOKEN_BYTES_MAX: usize = 4 * 1024;
/// A conversation key is the viewer's secret: at least 128 bits in base64url.
pub const KEY_CHARS_MIN: usize = 22;
/// Longest conversation key, characters.
pub const KEY_CHARS_MAX: usize = 64;
/// Longest page address or title kept with a conversation, characters.
pub const PAGE_CHARS_MAX: usize = 2_000;
/// Longest rating comment, characters.
pub const COMMENT_CHARS_MAX: usize = 1_000;
/// Largest telemetry block, bytes before base64. Five seconds of samples are about 4 KB.
pub const BLOCK_BYTES_MAX: usize = 32 * 1024;
/// Timeline entries sent in one message; longer histories arrive in several.
pub const ENTRIES_PER_MESSAGE_MAX: usize = 200;
/// Conversations an agent's socket may follow at once. Five are a full desk; a supervisor watches more.
pub const SUBSCRIPTIONS_MAX: usize = 64;
/// Sends a client may have unacknowledged; more are refused until some are committed.
pub const UNACKED_MAX: usize = 256;
/// Colleagues who may join a call beside its viewer and agent: a tier above, a supervisor, and one to learn.
pub const CALL_GUESTS_MAX: usize = 3;
/// Largest picture in a chat, bytes. A phone's photograph has 2 to 5 MB; clients scale larger ones down first.
pub const PICTURE_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Largest width and height of a picture, pixels. Twice a 4K screen; more is a decoder's burden, not evidence.
pub const PICTURE_SIDE_MAX: u32 = 8_192;
/// Pictures in one conversation.
pub const PICTURES_PER_CONVERSATION_MAX: u32 = 50;
/// Canned replies of a desk. More cannot be found by typing a few letters.
pub const CANNED_REPLIES_MAX: usize = 500;
/// Longest shortcut of a canned reply, characters, without its "/".
pub const CANNED_SHORTCUT_CHARS_MAX: usize = 32;
/// Longest title of a canned reply, characters.
pub const CANNED_TITLE_CHARS_MAX: usize = 120;
/// Longest time that a connection for measuring a line lives, ms: the long preflight takes 8 s, and setting up on a bad line
/// some more.
pub const PREFLIGHT_MS_MAX: u64 = 15_000;
/// Longest remark of an agent on a verdict, characters.
pub const WORD_NOTE_CHARS_MAX: usize = 500;
/// Most bytes of one answer of `GET /api/v1/probe/{bytes}`: the whole of a light preflight.
pub const PROBE_BYTES_MAX: usize = 300_000;
