//! What every request handler of this node shares.

use std::sync::Arc;
use std::time::Instant;

use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::watch;

use crate::auth::Auth;
use crate::calls::Calls;
use crate::cluster::NodeId;
use crate::config::Config;
use crate::doorman::Doorman;
use crate::gate::Gate;
use crate::pictures::Pictures;
use crate::pressure::Pressure;
use crate::support::Desk;
use crate::telemetry::TelemetryLog;
use crate::verdicts::LiveVerdicts;
use crate::ws::Sessions;

/// One node's parts.
pub struct App {
    /// As loaded.
    pub config: Config,
    /// This node.
    pub node: NodeId,
    /// Changes with every start.
    pub boot: String,
    /// When the process came up.
    pub started: Instant,
    /// True for `--demo`.
    pub demo: bool,
    /// True when the server itself speaks https.
    pub tls: bool,
    /// Passwords, sessions, tokens.
    pub auth: Auth,
    /// Chat, queue, tickets.
    pub desk: Arc<Desk>,
    /// Calls.
    pub calls: Arc<Calls>,
    /// Samples.
    pub telemetry: TelemetryLog,
    /// Conversations that send samples now.
    pub verdicts: LiveVerdicts,
    /// Pictures in chats.
    pub pictures: Pictures,
    /// Bounds of the public port.
    pub gate: Gate,
    /// Whether this process keeps up.
    pub pressure: Arc<Pressure>,
    /// Lets newcomers in a few at a time.
    pub doorman: Doorman,
    /// Sockets of each session here: one that broke may be counted still when the next one has resumed.
    pub sessions: Sessions,
    /// Prometheus text.
    pub metrics: PrometheusHandle,
    /// How far a shutdown has come.
    pub closing: watch::Receiver<Closing>,
}

/// How far a shutdown has come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Closing {
    /// There is none.
    No,
    /// No call begins; running ones may go on until then. Who is in no call goes to another node, if there is one.
    Draining {
        /// Server clock, ms.
        until_ms: f64,
    },
    /// Everyone is sent away.
    Now,
}
