//! Connect phases: which side may report which, how far its clock is believed, and the steps between them for monitoring.

use std::collections::BTreeMap;

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
        AuthorKind::Agent => matches!(phase, Phase::FirstFrame | Phase::Legible),
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

/// The steps of a connect, each from one phase to another, by the label of `sightline_connect_step_seconds`.
const STEPS: [(&str, Phase, Phase); 9] = [
    ("answer", Phase::Offer, Phase::Answer),
    ("ice", Phase::Answer, Phase::Ice),
    ("dtls", Phase::Ice, Phase::Dtls),
    ("capture", Phase::Click, Phase::CaptureReady),
    ("first_packet_in", Phase::CaptureReady, Phase::FirstPacketIn),
    ("first_packet_out", Phase::FirstPacketIn, Phase::FirstPacketOut),
    ("first_frame", Phase::FirstPacketOut, Phase::FirstFrame),
    ("total", Phase::CaptureReady, Phase::FirstFrame),
    ("legible", Phase::CaptureReady, Phase::Legible),
];

/// How long each step took, seconds. A step that ends before it begins is left out: in a warm call the connection is there
/// before the capture, and two clocks may disagree by a few milliseconds.
pub(super) fn steps(phases: &BTreeMap<Phase, f64>) -> impl Iterator<Item = (&'static str, f64)> {
    STEPS.iter().filter_map(|(label, from, to)| {
        let ms = phases.get(to)? - phases.get(from)?;
        (ms >= 0.0).then_some((*label, ms / 1e3))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_measured_between_known_phases() {
        let phases = BTreeMap::from([
            (Phase::Ice, 500.0),
            (Phase::Dtls, 450.0),
            (Phase::CaptureReady, 1_000.0),
            (Phase::FirstPacketIn, 1_120.0),
            (Phase::FirstFrame, 1_180.0),
        ]);
        let found: Vec<_> = steps(&phases).collect();
        assert_eq!(found, [("first_packet_in", 0.12), ("total", 0.18)]);
    }

    #[test]
    fn each_side_reports_its_own() {
        assert!(check(AuthorKind::Viewer, Phase::Click, 1e6, 1e6).is_ok());
        assert!(check(AuthorKind::Viewer, Phase::FirstFrame, 1e6, 1e6).is_err());
        assert!(check(AuthorKind::Agent, Phase::FirstFrame, 1e6, 1e6).is_ok());
        assert!(check(AuthorKind::Agent, Phase::FirstFrame, 1e6 + 6e3, 1e6).is_err());
        assert!(check(AuthorKind::Viewer, Phase::Dtls, 1e6, 1e6).is_err());
    }
}
