//! What is watched while a scenario runs: the server by its `/metrics`, this tool by its own delay and CPU.

mod generator;
mod server;

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use generator::{GENERATOR_LAG, Generator, GeneratorReport, LAG_MAX};
pub use server::{Measured, ServerReport, ServerSample, Spread};

use crate::client::RestClient;
use crate::report::Phases;
use crate::scenarios::StopSwitch;

/// Time between two looks at either side.
const EVERY: Duration = Duration::from_secs(1);
/// Looks in a row that find nobody listening, after which the server is taken for dead.
const GONE_LOOKS: u32 = 3;

/// A watch over both sides of a run.
#[derive(Debug)]
pub struct Watch {
    done: watch::Sender<bool>,
    server: JoinHandle<Option<ServerReport>>,
    generator: Generator,
}

impl Watch {
    /// Begins to watch. A server that is gone stops the run by `stop`; one without `rest` is not looked at.
    #[must_use]
    pub fn start(rest: Option<RestClient>, stop: StopSwitch) -> Self {
        let (done, ended) = watch::channel(false);
        let look = async move { server::watch(rest?, stop, ended).await };
        Self { done, server: tokio::spawn(look), generator: Generator::start() }
    }

    /// Ends it. The generator's delays are added to `phases` as `generator.lag`.
    pub async fn finish(self, phases: &mut Phases) -> (Option<ServerReport>, GeneratorReport) {
        // The task may have ended by itself.
        let _ = self.done.send(true);
        let server = self.server.await.ok().flatten();
        (server, self.generator.finish(phases))
    }
}
