//! From W3C reports to lanes: what forms made by other tools have in common.
//!
//! Every stream of a connection is collected by itself; in the end the one that carried most stands for its kind and
//! direction, so that counters of different streams are never mixed.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::Remarks;
use crate::lenient::Lenient;
use crate::model::lane::second_of;
use crate::model::{CallSample, Lane, LaneName, PairSample, Side, StreamSample, Trace};

/// Connections of one file, and streams of one connection, that are kept apart; more are left out.
const CONNECTIONS_MAX: usize = 64;
const STREAMS_MAX: usize = 256;

/// One report's members by the report's id.
pub(super) type Reports = Map<String, Value>;

/// A stream within a connection.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct StreamKey {
    up: bool,
    picture: bool,
    id: String,
}

/// What is known of one connection.
#[derive(Debug, Default)]
struct Connection {
    pairs: Lane<PairSample>,
    streams: BTreeMap<StreamKey, Lane<StreamSample>>,
    too_many: bool,
}

/// The connections of a file.
#[derive(Debug, Default)]
pub(super) struct Connections {
    list: BTreeMap<String, Connection>,
}

impl Connections {
    /// Takes the reports of one reading. `t_ms` is used where reports have no time of their own.
    pub(super) fn add(&mut self, connection: &str, t_ms: Option<f64>, reports: &Reports) -> bool {
        let own = reports.values().filter_map(|report| report.get("timestamp").and_then(f64::lenient));
        let t_ms = own.fold(None, |latest: Option<f64>, t| Some(latest.map_or(t, |latest| latest.max(t)))).or(t_ms);
        let Some(t_ms) = t_ms.filter(|t| second_of(*t).is_some()) else { return false };
        if self.list.len() >= CONNECTIONS_MAX && !self.list.contains_key(connection) {
            return false;
        }
        let known = self.list.entry(connection.chars().take(96).collect()).or_default();
        known.add(t_ms, reports);
        true
    }

    /// The trace: each connection as the viewer's or the agent's. `side` is the caller's word on whose they are.
    pub(super) fn into_trace(self, side: Option<Side>, remarks: &mut Remarks) -> Trace {
        let mut trace = Trace::new();
        let mut best: BTreeMap<Side, (f64, String, Connection)> = BTreeMap::new();
        for (name, connection) in self.list {
            if connection.too_many {
                remarks.add(|| format!("{name}: more than {STREAMS_MAX} streams, the rest is left out"));
            }
            let whose = side.unwrap_or_else(|| connection.side(&name));
            let carried = connection.carried();
            match best.get(&whose) {
                Some((other, kept, _)) if *other >= carried => {
                    remarks.add(|| format!("{name}: left out, {kept} carried more"));
                }
                _ => {
                    if let Some((_, other, _)) = best.insert(whose, (carried, name.clone(), connection)) {
                        remarks.add(|| format!("{other}: left out, {name} carried more"));
                    }
                }
            }
        }
        for (whose, (_, name, connection)) in best {
            if side.is_none() && name != "viewer" && name != "agent" {
                let (who, does) = if whose == Side::Viewer { ("viewer", "sends") } else { ("agent", "receives") };
                remarks.add(|| format!("{name}: taken for the {who}'s connection, since it mostly {does} video"));
            }
            let (up, down) = match whose {
                Side::Viewer => (LaneName::ViewerUp, LaneName::ViewerDown),
                Side::Agent => (LaneName::AgentUp, LaneName::AgentDown),
            };
            connection.lay(&mut trace, up, true);
            connection.lay(&mut trace, down, false);
        }
        trace
    }
}

impl Connection {
    fn add(&mut self, t_ms: f64, reports: &Reports) {
        if let Some(pair) = pair(reports) {
            self.pairs.push(t_ms, pair);
        }
        for (id, report) in reports {
            let up = match type_of(report) {
                "outbound-rtp" => true,
                "inbound-rtp" => false,
                _ => continue,
            };
            // Before there was `remote-inbound-rtp`, the other end's word came as `inbound-rtp` with this mark.
            if report.get("isRemote").and_then(Value::as_bool) == Some(true) {
                continue;
            }
            let kind = ["kind", "mediaType"].iter().find_map(|name| report.get(*name)?.as_str());
            let Some(picture) = kind.map(|kind| kind == "video") else { continue };
            let key = StreamKey { up, picture, id: id.chars().take(96).collect() };
            if self.streams.len() >= STREAMS_MAX && !self.streams.contains_key(&key) {
                self.too_many = true;
                continue;
            }
            if let Some(stream) = stream(id, report, reports, up) {
                self.streams.entry(key).or_default().push(t_ms, stream);
            }
        }
    }

    /// The stream of a kind and direction that carried most.
    fn main(&self, up: bool, picture: bool) -> Option<&Lane<StreamSample>> {
        let of_kind = self.streams.iter().filter(|(key, _)| key.up == up && key.picture == picture);
        let carried = of_kind.map(|(_, lane)| (bytes(lane), lane)).filter(|(bytes, _)| *bytes > 0.0);
        carried.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, lane)| lane)
    }

    fn carried(&self) -> f64 {
        let kinds = [(true, true), (true, false), (false, true), (false, false)];
        kinds.iter().filter_map(|(up, picture)| self.main(*up, *picture)).map(bytes).sum()
    }

    /// Whose connection it is: the viewer's when it sends at least as much video as it receives.
    fn side(&self, name: &str) -> Side {
        let video = |up| self.main(up, true).map_or(0.0, bytes);
        match name {
            "viewer" => Side::Viewer,
            "agent" => Side::Agent,
            _ if video(true) >= video(false) => Side::Viewer,
            _ => Side::Agent,
        }
    }

    fn lay(&self, trace: &mut Trace, lane: LaneName, up: bool) {
        let (video, audio) = (self.main(up, true), self.main(up, false));
        let mut samples: BTreeMap<i64, CallSample> = BTreeMap::new();
        for (at, stream) in video.into_iter().flat_map(Lane::iter) {
            samples.entry(at).or_default().video = Some(stream.clone());
        }
        for (at, stream) in audio.into_iter().flat_map(Lane::iter) {
            samples.entry(at).or_default().audio = Some(stream.clone());
        }
        for (at, pair) in self.pairs.iter() {
            if let Some(sample) = samples.get_mut(&at) {
                sample.pair = Some(pair.clone());
            }
        }
        let lane = match lane {
            LaneName::ViewerUp => &mut trace.viewer_up,
            LaneName::ViewerDown => &mut trace.viewer_down,
            LaneName::AgentUp => &mut trace.agent_up,
            _ => &mut trace.agent_down,
        };
        for (at, sample) in samples {
            #[expect(clippy::cast_precision_loss, reason = "ms since 1970 fit a double's 53 bits")]
            lane.push(at as f64 * 1e3, sample);
        }
    }
}

/// The most bytes that a stream counted.
fn bytes(lane: &Lane<StreamSample>) -> f64 {
    let counted = |s: &StreamSample| s.bytes_sent.or(s.bytes_received).or(s.packets_sent).or(s.packets_received);
    lane.iter().filter_map(|(_, sample)| counted(sample)).fold(0.0, f64::max)
}

fn type_of(report: &Value) -> &str {
    report.get("type").and_then(Value::as_str).unwrap_or_default()
}

fn text<'r>(report: &'r Value, name: &str) -> Option<&'r str> {
    report.get(name).and_then(Value::as_str)
}

fn stream(id: &str, report: &Value, reports: &Reports, up: bool) -> Option<StreamSample> {
    let mut stream = StreamSample::lenient(report)?;
    let codec = text(report, "codecId").and_then(|codec| reports.get(codec));
    stream.mime_type = codec.and_then(|codec| codec.get("mimeType")).and_then(String::lenient).or(stream.mime_type);
    if up {
        let by_reference = text(report, "remoteId").and_then(|remote| reports.get(remote));
        let remote = by_reference.or_else(|| {
            let of_this = |other: &&Value| type_of(other) == "remote-inbound-rtp" && text(other, "localId") == Some(id);
            reports.values().find(of_this)
        });
        if let Some(remote) = remote.and_then(StreamSample::lenient) {
            stream.round_trip_time = remote.round_trip_time;
            stream.fraction_lost = remote.fraction_lost;
            stream.packets_lost = remote.packets_lost;
            stream.jitter = remote.jitter;
        }
    }
    Some(stream)
}

fn pair(reports: &Reports) -> Option<PairSample> {
    let selected = reports.values().find_map(|report| reports.get(text(report, "selectedCandidatePairId")?));
    let report = selected.or_else(|| {
        let flag = |report: &Value, name: &str| report.get(name).and_then(Value::as_bool) == Some(true);
        let mut pairs = reports.values().filter(|report| type_of(report) == "candidate-pair");
        let used = |report: &&Value| {
            flag(report, "selected") || (flag(report, "nominated") && text(report, "state") == Some("succeeded"))
        };
        pairs.find(used)
    })?;
    let mut pair = PairSample::lenient(report)?;
    let candidate = |name: &str| text(report, name).and_then(|id| reports.get(id));
    if let Some(local) = candidate("localCandidateId") {
        let member = |name: &str| local.get(name).and_then(String::lenient);
        pair.protocol = member("protocol");
        pair.relay_protocol = member("relayProtocol");
        pair.local_candidate_type = member("candidateType");
        pair.network_type = member("networkType");
    }
    pair.remote_candidate_type = candidate("remoteCandidateId").and_then(|c| String::lenient(c.get("candidateType")?));
    Some(pair)
}
