//! Which side may report which connect phase, and how far its clock is believed.

use signaling::timeline::AuthorKind;
use signaling::wire::{ErrorCode, Phase, Refusal};

/// How far a client's time may lie from the server's, ms. The offset is estimated to half a round trip; more than a few
/// seconds is a wrong clock or a lie.
const CLOCK_ERROR_MS_MAX: f64 = 5_000.0;

/// Accepts a reported phase.
///
/// # Errors
/// [`ErrorCode::Forbidden`] for a phase of the other side or of the server, [`ErrorCode::Invalid`] for a time that
/// cannot be.
pub(super) fn check(side: AuthorKind, phase: Phase, at_ms: f64, now_ms: f64) -> Result<(), Refusal> {
    let own = match side {
        AuthorKind::Viewer => matches!(phase, Phase::CardShown | Phase::Offer | Phase::Click | Phase::CaptureReady),
        AuthorKind::Agent => phase == Phase::FirstFrame,
        AuthorKind::System => false,
    };
    if !own {
        return Err(Refusal::new(ErrorCode::Forbidden, "this phase is reported by another side"));
    }
    // Reports may come late (after a reconnect), never from the future.
    if at_ms > now_ms + CLOCK_ERROR_MS_MAX || at_ms < now_ms - 120_000.0 {
        return Err(Refusal::new(ErrorCode::Invalid, "at_ms is not a time of this call"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_side_reports_its_own() {
        assert!(check(AuthorKind::Viewer, Phase::Click, 1e6, 1e6).is_ok());
        assert!(check(AuthorKind::Viewer, Phase::FirstFrame, 1e6, 1e6).is_err());
        assert!(check(AuthorKind::Agent, Phase::FirstFrame, 1e6, 1e6).is_ok());
        assert!(check(AuthorKind::Agent, Phase::FirstFrame, 1e6 + 6e3, 1e6).is_err());
        assert!(check(AuthorKind::Viewer, Phase::Dtls, 1e6, 1e6).is_err());
    }
}
