//! The support desk: chat, queue, tickets. Rules are pure and get `now` passed in; [`Desk`] carries them out on the
//! store and tells the bus. Knows no socket and no media.

mod callbook;
mod canned;
mod desk;
mod line;
mod queue;
mod views;

pub use callbook::CallBook;
pub(crate) use desk::refusal;
pub use desk::{Desk, Sent, Viewer};
pub use line::{Line, LineView, keep_line};
pub use views::call_state;
