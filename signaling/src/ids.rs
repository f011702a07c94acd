//! Identifiers as newtypes, so that a call can never be passed where a conversation is meant.
//!
//! All of them are globally unique strings made by the server (`<letter>_<26 characters of base 32>`), but for the
//! ticket number, which people read aloud: a counter of the database.

use serde::{Deserialize, Serialize};

/// Longest identifier accepted from a peer, in bytes. Ours have 28; the rest is room for other generators.
pub const ID_BYTES_MAX: usize = 64;

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        pub struct $name(pub String);

        impl $name {
            /// The identifier as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }
    };
}

text_id!(
    /// One chat between a viewer and the desk.
    ConversationId
);
text_id!(
    /// One escalation: an invitation and, if accepted, its media.
    CallId
);
text_id!(
    /// An agent, supervisor or admin.
    UserId
);
text_id!(
    /// A picture in a chat.
    PictureId
);
text_id!(
    /// A prepared answer.
    CannedReplyId
);

/// The number of a ticket as people say it. One conversation has one ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TicketNumber(pub i64);

impl std::fmt::Display for TicketNumber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}
