//! Calls and their samples as the REST API shows them.

use std::collections::BTreeMap;

use serde_json::Value;
use signaling::TicketNumber;
use signaling::api::{Call, CallMedia, CallParticipant, Connect, LegSeries, Series, TelemetryExport};
use signaling::wire::{Leg, Phase};

use crate::storage::CallRow;

/// Name and version of the export's format.
pub const EXPORT_FORMAT: &str = "sightline-telemetry/1";

/// Longest codec name taken from a sample, characters. The longest registered ones have under 20.
const CODEC_CHARS_MAX: usize = 24;

/// Largest width and height believed, pixels: the limit of VP8 and more than any encoder here makes.
const SIDE_MAX: f64 = 16_383.0;

/// What was measured of a conversation.
#[derive(Debug, Clone, Default)]
pub struct Measured {
    /// Its calls with the samples of their legs.
    pub calls: Vec<Call>,
    /// The page's player.
    pub player: Series,
    /// Every other lane, by its name.
    pub lanes: BTreeMap<String, Vec<Value>>,
}

/// A ticket's telemetry as a file that stands alone.
#[must_use]
pub fn export(ticket: TicketNumber, measured: Measured) -> TelemetryExport {
    let Measured { calls, player, lanes } = measured;
    TelemetryExport { format: EXPORT_FORMAT.to_owned(), ticket, calls, player, lanes }
}

/// A call as the API shows it. What carried it is taken from the newest samples where it was not told otherwise.
#[must_use]
pub fn call_view(call: CallRow, legs: Vec<LegSeries>) -> Call {
    let participant = |role: &str, name: &str| CallParticipant { role: role.to_owned(), name: name.to_owned() };
    let (connect, media) = (connect_view(&call), media(&call, &legs));
    Call {
        id: call.id,
        participants: vec![participant("viewer", &call.viewer_name), participant("agent", &call.agent_name)],
        invited_at_ms: call.invited_at_ms,
        accepted_at_ms: call.accepted_at_ms,
        ended_at_ms: call.ended_at_ms,
        end_reason: call.reason,
        surface: call.surface,
        connect,
        media,
        legs,
    }
}

/// How a call connected, with times relative to the invitation.
#[must_use]
pub fn connect_view(call: &CallRow) -> Connect {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 fit a double's 53 bits")]
    let invited_ms = call.invited_at_ms as f64;
    let phases_ms: BTreeMap<String, f64> =
        call.phases.iter().map(|(phase, at_ms)| (phase.as_str().to_owned(), at_ms - invited_ms)).collect();
    let between = |from: Phase, to: Phase| Some(call.phases.get(&to)? - call.phases.get(&from)?);
    Connect {
        mode: call.mode,
        phases_ms,
        // A picture before the capture was ready cannot be: clocks disagree, and no number is better than a wrong one.
        consent_to_first_frame_ms: between(Phase::CaptureReady, Phase::FirstFrame).filter(|ms| *ms >= 0.0),
        consent_to_legible_ms: between(Phase::CaptureReady, Phase::Legible).filter(|ms| *ms >= 0.0),
    }
}

fn media(call: &CallRow, legs: &[LegSeries]) -> CallMedia {
    let told = &call.media;
    let viewer = Newest::of(legs, Leg::ViewerUp);
    let agent = Newest::of(legs, Leg::AgentDown);
    CallMedia {
        codec: told.codec.clone().or_else(|| agent.codec()).or_else(|| viewer.codec()),
        width: told.width.or_else(|| agent.side("frameWidth")),
        height: told.height.or_else(|| agent.side("frameHeight")),
        viewer_path: told.viewer_path.clone().or_else(|| viewer.path()),
        agent_path: told.agent_path.clone().or_else(|| agent.path()),
    }
}

/// The samples of one leg, searched from the newest for the first that has what is asked for.
struct Newest<'s>(&'s [Value]);

impl<'s> Newest<'s> {
    fn of(legs: &'s [LegSeries], leg: Leg) -> Self {
        Self(legs.iter().find(|series| series.leg == leg).map_or(&[], |series| &series.series.samples))
    }

    fn find<T>(&self, pick: impl Fn(&Value) -> Option<T>) -> Option<T> {
        self.0.iter().rev().find_map(pick)
    }

    /// `video/VP8` → `VP8`.
    fn codec(&self) -> Option<String> {
        self.find(|sample| {
            let (kind, name) = sample.get("video")?.get("mimeType")?.as_str()?.split_once('/')?;
            let sound = kind.eq_ignore_ascii_case("video")
                && (1..=CODEC_CHARS_MAX).contains(&name.len())
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'+'));
            sound.then(|| name.to_owned())
        })
    }

    fn side(&self, field: &str) -> Option<u32> {
        self.find(|sample| {
            let pixels = sample.get("video")?.get(field)?.as_f64().filter(|side| (1.0..=SIDE_MAX).contains(side))?;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked: 1 to 16,383")]
            Some(pixels as u32)
        })
    }

    /// `relay` when a relay is in the path, else `udp` or `tcp`.
    fn path(&self) -> Option<String> {
        self.find(|sample| {
            let pair = sample.get("pair")?;
            let text = |field: &str| pair.get(field).and_then(Value::as_str).unwrap_or_default();
            if !text("relayProtocol").is_empty()
                || text("localCandidateType") == "relay"
                || text("remoteCandidateType") == "relay"
            {
                return Some("relay".to_owned());
            }
            let protocol = text("protocol").to_ascii_lowercase();
            matches!(protocol.as_str(), "udp" | "tcp").then_some(protocol)
        })
    }
}

#[cfg(test)]
mod tests;
