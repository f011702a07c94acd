//! The viewer's line, from the server to the viewer.

use super::{Bad, Detector, Family, IssueKind};
use crate::model::LaneName;
use crate::thresholds::source;

pub(super) const DETECTORS: &[Detector] = &[
    Detector {
        kind: IssueKind::DownlinkLoss,
        family: Family::NetworkDown,
        lane: LaneName::ViewerDown,
        measure: "share of packets lost",
        unit: "",
        source: source::ISSUE_DETECTOR,
        bad: Bad::Above,
        raise: 0.05,
        clear: 0.02,
        need: 3,
        of: 5,
        context: false,
        read: |s| {
            super::worst(
                s.viewer_down.as_ref().and_then(|hop| hop.loss),
                s.server_back.as_ref().and_then(|hop| hop.out_excess),
            )
        },
    },
    Detector {
        kind: IssueKind::DownlinkJitter,
        family: Family::NetworkDown,
        lane: LaneName::ViewerDown,
        measure: "interarrival jitter",
        unit: "ms",
        source: source::TWILIO,
        bad: Bad::Above,
        raise: 30.0,
        clear: 20.0,
        need: 3,
        of: 5,
        context: false,
        read: |s| s.viewer_down.as_ref()?.jitter_ms,
    },
    Detector {
        kind: IssueKind::DownlinkBufferbloat,
        family: Family::NetworkDown,
        lane: LaneName::Device,
        measure: "round trip of the page's socket above its usual",
        unit: "ms",
        source: source::BUFFERBLOAT,
        bad: Bad::Above,
        raise: 100.0,
        clear: 60.0,
        need: 3,
        of: 5,
        context: false,
        read: |s| s.device.as_ref()?.ping_over_ms,
    },
];
