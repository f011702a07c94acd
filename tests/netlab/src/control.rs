//! The client's end of the control protocol.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::protocol::{Answer, CountersView, LabView, Request};

/// A bridge that takes longer than this to answer is stuck.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection to a laboratory's control socket.
pub struct Control {
    stream: BufReader<UnixStream>,
}

impl Control {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens there.
    pub fn connect(socket: &Path) -> anyhow::Result<Self> {
        let stream = UnixStream::connect(socket).with_context(|| format!("cannot reach {}", socket.display()))?;
        stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Asks; changes are in force on return.
    ///
    /// # Errors
    /// When the laboratory refuses (with its reason), or is gone.
    pub fn ask(&mut self, request: &Request) -> anyhow::Result<Answer> {
        let mut line = serde_json::to_vec(request)?;
        line.push(b'\n');
        self.stream.get_mut().write_all(&line).context("the laboratory is gone")?;
        let mut answer = String::new();
        if self.stream.read_line(&mut answer).context("the laboratory does not answer")? == 0 {
            bail!("the laboratory is gone");
        }
        let answer: Answer = serde_json::from_str(&answer).context("not an answer")?;
        match answer.error {
            Some(error) if !answer.ok => bail!(error),
            _ => Ok(answer),
        }
    }

    /// The laboratory as it is now.
    ///
    /// # Errors
    /// As [`Control::ask`].
    pub fn get(&mut self) -> anyhow::Result<LabView> {
        self.ask(&Request::Get)?.lab.context("an answer without the laboratory")
    }

    /// Counters of all sites.
    ///
    /// # Errors
    /// As [`Control::ask`].
    pub fn counters(&mut self) -> anyhow::Result<CountersView> {
        self.ask(&Request::Counters { site: None, reset: false })?.counters.context("an answer without counters")
    }
}
