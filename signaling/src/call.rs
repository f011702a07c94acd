//! The life of a call as a state machine: which step is legal in which stage.

use crate::timeline::{AuthorKind, EndReason};
use crate::wire::{CallStage, ErrorCode, Refusal};

/// How long an invitation stays open. Long enough to read the card and find the window, short enough that the agent
/// notices.
pub const INVITATION_MS: i64 = 120_000;

/// Something that moves a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallEvent {
    /// The viewer accepted.
    Accepted,
    /// The agent decoded its first frame.
    FirstFrame,
    /// It ended.
    Ended,
}

/// The stage after `event`.
///
/// # Errors
/// [`ErrorCode::OutOfOrder`] when the stage does not allow it.
pub fn advance(stage: CallStage, event: CallEvent) -> Result<CallStage, Refusal> {
    match (stage, event) {
        (CallStage::Invited, CallEvent::Accepted) => Ok(CallStage::Connecting),
        (CallStage::Connecting, CallEvent::FirstFrame) => Ok(CallStage::Live),
        (CallStage::Invited | CallStage::Connecting | CallStage::Live, CallEvent::Ended) => Ok(CallStage::Ended),
        (CallStage::Ended, _) => Err(Refusal::new(ErrorCode::OutOfOrder, "the call is over")),
        (_, CallEvent::Accepted) => Err(Refusal::new(ErrorCode::OutOfOrder, "the call was accepted already")),
        (_, CallEvent::FirstFrame) => Err(Refusal::new(ErrorCode::OutOfOrder, "no picture is expected now")),
    }
}

/// The reason to record when `side` ends a call in `stage` and gave `asked`: nobody may speak for the other side.
#[must_use]
pub fn end_reason(side: AuthorKind, stage: CallStage, asked: Option<EndReason>) -> EndReason {
    match (side, stage, asked) {
        (AuthorKind::Viewer, CallStage::Invited, _) => EndReason::Declined,
        (AuthorKind::Viewer, _, Some(EndReason::CaptureEnded)) => EndReason::CaptureEnded,
        (AuthorKind::Viewer, _, Some(EndReason::MediaFailed)) => EndReason::MediaFailed,
        // The server's own reasons stand.
        (AuthorKind::System, _, Some(reason)) => reason,
        // A reloaded page finds a call that it no longer has.
        (AuthorKind::Viewer, _, Some(EndReason::ViewerLeft)) => EndReason::ViewerLeft,
        (AuthorKind::Viewer, _, _) => EndReason::ViewerStopped,
        (_, CallStage::Invited, _) => EndReason::Cancelled,
        (_, _, _) => EndReason::AgentEnded,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_only_moves_forward() {
        use CallEvent::{Accepted, Ended, FirstFrame};
        use CallStage as S;
        assert_eq!(advance(S::Invited, Accepted), Ok(S::Connecting));
        assert_eq!(advance(S::Connecting, FirstFrame), Ok(S::Live));
        assert_eq!(advance(S::Live, Ended), Ok(S::Ended));
        assert_eq!(advance(S::Invited, Ended), Ok(S::Ended));
        for (stage, event) in [
            (S::Live, Accepted),
            (S::Invited, FirstFrame),
            (S::Ended, Ended),
            (S::Ended, Accepted),
            (S::Live, FirstFrame),
        ] {
            assert!(advance(stage, event).is_err(), "{stage:?} {event:?}");
        }
    }

    #[test]
    fn nobody_speaks_for_the_other_side() {
        let asked = Some(EndReason::AgentEnded);
        assert_eq!(end_reason(AuthorKind::Viewer, CallStage::Live, asked), EndReason::ViewerStopped);
        assert_eq!(
            end_reason(AuthorKind::Agent, CallStage::Live, Some(EndReason::ViewerStopped)),
            EndReason::AgentEnded
        );
        assert_eq!(end_reason(AuthorKind::Agent, CallStage::Invited, None), EndReason::Cancelled);
    }
}
