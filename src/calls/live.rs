//! One running call.

use std::collections::BTreeMap;
use std::time::Instant;

use signaling::CallId;
use signaling::api::ConnectMode;
use signaling::timeline::Surface;
use signaling::wire::{CallState, Phase, SlotAssignment};

use super::ends::Absence;
use super::guests::Guest;
use super::samples::SampleBuffer;
use crate::cluster::{NodeId, RoomHandle, SessionId};
use crate::media_driver::{PeerId, RoomId, SourceKind};
use crate::storage::CallRow;
use crate::support::call_state;

/// State of a running call on its node.
pub(super) struct LiveCall {
    /// Where it lives, for the other nodes.
    pub(super) handle: RoomHandle,
    /// As both ends know it.
    pub(super) state: CallState,
    /// The agent's session.
    pub(super) agent_session: SessionId,
    /// The viewer's session, from its offer or acceptance on.
    pub(super) viewer_session: Option<SessionId>,
    /// Where the viewer's session said hello last: what another node says of it later is of an old socket.
    pub(super) viewer_node: Option<NodeId>,
    /// What is broken of the viewer's end.
    pub(super) viewer: Absence,
    /// What is broken of the agent's end.
    pub(super) agent: Absence,
    /// When both ends were there again after one was away, ms.
    pub(super) together_since_ms: Option<i64>,
    /// When the state of the ends was told last.
    pub(super) ends_told_at: Option<Instant>,
    /// What arrives where at the viewer, as last told; told again to a socket that resumes.
    pub(super) viewer_slots: Vec<SlotAssignment>,
    /// When a call whose media connection was closed by the viewer's end is given up, ms.
    pub(super) media_gone_until_ms: Option<i64>,
    /// The media room.
    pub(super) room: RoomId,
    /// The viewer's connection.
    pub(super) viewer_peer: Option<PeerId>,
    /// Colleagues with a connection to this call.
    pub(super) guests: Vec<Guest>,
    /// When each phase was reached, server clock, ms.
    pub(super) phases: BTreeMap<Phase, f64>,
    /// When the first packet of each of the viewer's sources came in and went out, by phase.
    pub(super) first_packets: BTreeMap<(Phase, SourceKind), f64>,
    /// Phases that are not stored yet.
    pub(super) unsaved: Vec<(Phase, f64)>,
    /// Server samples that are not stored yet.
    pub(super) samples: SampleBuffer,
}

impl LiveCall {
    /// A call to which the viewer is invited.
    pub(super) fn invited(node: &NodeId, row: &CallRow, agent_session: SessionId, room: RoomId) -> Self {
        Self {
            handle: RoomHandle { node: node.clone(), room: row.id.clone() },
            state: call_state(row),
            agent_session,
            viewer_session: None,
            viewer_node: None,
            viewer: Absence::default(),
            agent: Absence::default(),
            together_since_ms: None,
            ends_told_at: None,
            viewer_slots: Vec::new(),
            media_gone_until_ms: None,
            room,
            viewer_peer: None,
            guests: Vec::new(),
            phases: BTreeMap::new(),
            first_packets: BTreeMap::new(),
            unsaved: Vec::new(),
            samples: SampleBuffer::new(row.conversation.clone(), row.id.clone(), node.0.clone()),
        }
    }

    /// The call.
    pub(super) fn id(&self) -> &CallId {
        &self.state.id
    }

    /// Notes a phase; the first time counts.
    pub(super) fn note_phase(&mut self, phase: Phase, at_ms: f64) {
        if let std::collections::btree_map::Entry::Vacant(slot) = self.phases.entry(phase) {
            slot.insert(at_ms);
            self.unsaved.push((phase, at_ms));
        }
    }

    /// Notes the first packet of one of the viewer's sources. It is a phase of the call when it is of what is shared, which
    /// may be known only later: the packet overtakes the acceptance.
    pub(super) fn note_first_packet(&mut self, phase: Phase, kind: SourceKind, at_ms: f64) {
        self.first_packets.entry((phase, kind)).or_insert(at_ms);
        self.note_first_packets();
    }

    /// Takes the first packets of what is shared for phases of the call.
    pub(super) fn note_first_packets(&mut self) {
        let kind = match self.state.surface {
            None => return,
            Some(Surface::Audio) => SourceKind::Audio,
            Some(Surface::Camera) => SourceKind::Camera,
            Some(Surface::Player | Surface::Tab | Surface::Window | Surface::Screen) => SourceKind::Screen,
        };
        for phase in [Phase::FirstPacketIn, Phase::FirstPacketOut] {
            if let Some(at_ms) = self.first_packets.get(&(phase, kind)).copied() {
                self.note_phase(phase, at_ms);
            }
        }
    }

    /// Warm when the viewer's connection was up before the capture was ready; unknown before that.
    pub(super) fn mode(&self) -> Option<ConnectMode> {
        let capture_ready_ms = self.phases.get(&Phase::CaptureReady)?;
        Some(match self.phases.get(&Phase::Dtls) {
            Some(dtls_ms) if dtls_ms <= capture_ready_ms => ConnectMode::Warm,
            _ => ConnectMode::Cold,
        })
    }
}
