//! A server process, its data folder and its port, over several lives of the process.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use loadtest::client::{AgentClient, AgentOptions, RestClient, ViewerClient, ViewerOptions};
use loadtest::target::Target;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};

use super::LIMIT;

/// The program under test.
pub(crate) const SERVER: &str = env!("CARGO_BIN_EXE_sightline");
/// Password of every agent in the tests.
const PASSWORD: &str = "correct horse battery";

/// One installation.
pub(crate) struct Site {
    dir: TempDir,
    config: Option<PathBuf>,
    wrapper: Vec<String>,
    port: u16,
    child: Option<Child>,
}

impl Site {
    /// An installation with an agent `robin`, not started.
    pub(crate) async fn prepared(config: &str) -> Self {
        let dir = TempDir::new().expect("a folder for the data");
        let config = (!config.is_empty()).then(|| {
            let path = dir.path().join("config.toml");
            std::fs::write(&path, config).expect("the configuration can be written");
            path
        });
        let site = Self { dir, config, wrapper: Vec::new(), port: 0, child: None };
        site.add_agent("robin").await;
        site
    }

    /// A running installation with an agent `robin` and the default configuration.
    pub(crate) async fn running() -> Self {
        let mut site = Self::prepared("").await;
        site.start().await;
        site
    }

    /// Runs the server under another program, such as a tracer.
    pub(crate) fn wrap(&mut self, command: &[&str]) {
        self.wrapper = command.iter().map(ToString::to_string).collect();
    }

    /// Adds a user who takes conversations.
    pub(crate) async fn add_agent(&self, login: &str) {
        let mut child = self
            .command(&[])
            .args(["user", "add", "--login", login, "--name", login, "--role", "agent", "--password-stdin"])
            .arg("--data")
            .arg(self.data())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("the program starts");
        let mut stdin = child.stdin.take().expect("piped");
        stdin.write_all(format!("{PASSWORD}\n").as_bytes()).await.expect("the password is read");
        drop(stdin);
        assert!(child.wait().await.expect("it ends").success(), "the user {login} was not added");
    }

    /// Port it listens on.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Starts the server; from the second time on, on the port it had.
    pub(crate) async fn start(&mut self) {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.log()).expect("a log file");
        let mut command = self.command(&self.wrapper);
        command.arg("serve").arg("--port").arg(self.port.to_string()).arg("--data").arg(self.data());
        if let Some(config) = &self.config {
            command.arg("--config").arg(config);
        }
        let mut child =
            command.stdout(Stdio::piped()).stderr(log).kill_on_drop(true).spawn().expect("the server starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let port = tokio::time::timeout(LIMIT, async {
            while let Ok(Some(line)) = lines.next_line().await {
                if let Some(port) = line.strip_prefix("listening on http://127.0.0.1:") {
                    return port.trim().parse::<u16>().ok();
                }
            }
            None
        });
        let port = port.await.ok().flatten();
        self.child = Some(child);
        self.port = port.expect("the server says where it listens");
        // What else it prints is read away, so that the pipe never fills.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    }

    /// Ends the process without a word, as a crash does.
    pub(crate) async fn kill(&mut self) {
        let mut child = self.child.take().expect("running");
        child.kill().await.expect("the process can be killed");
    }

    /// Asks the process to end. Returns how, and after what time.
    pub(crate) async fn terminate(&mut self) -> (ExitStatus, Duration) {
        let mut child = self.child.take().expect("running");
        let pid = child.id().expect("running").to_string();
        let begun = std::time::Instant::now();
        let told = Command::new("kill").args(["-TERM", &pid]).status().await.expect("kill runs");
        assert!(told.success());
        let status = tokio::time::timeout(LIMIT, child.wait()).await.expect("the server ends in bounded time");
        (status.expect("the end is told"), begun.elapsed())
    }

    /// Whether the process still runs.
    pub(crate) fn is_alive(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// Where the server listens.
    pub(crate) fn target(&self) -> Target {
        Target::plain(([127, 0, 0, 1], self.port).into())
    }

    /// The data folder.
    pub(crate) fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// URL of the database.
    pub(crate) fn database(&self) -> String {
        format!("sqlite://{}", self.data().join("sightline.db").display())
    }

    /// A file of the test's own.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The API key that the first start made.
    pub(crate) fn api_key(&self) -> String {
        std::fs::read_to_string(self.data().join("api-key")).expect("there is an API key").trim().to_owned()
    }

    /// The REST API with the API key.
    pub(crate) fn rest(&self) -> RestClient {
        RestClient::new(&self.target(), Some(self.api_key())).expect("a client")
    }

    /// A session token of an agent.
    pub(crate) async fn sign_in(&self, login: &str) -> String {
        let session = self.rest().with_bearer(None).sign_in(login, PASSWORD).await.expect("the agent signs in");
        session.token.expect("the answer has a token")
    }

    /// An agent, connected.
    pub(crate) async fn agent(&self, login: &str) -> AgentClient {
        let options = AgentOptions { token: Some(self.sign_in(login).await), ..AgentOptions::default() };
        AgentClient::open(&self.target(), options).await.expect("the agent connects")
    }

    /// A new viewer, connected.
    pub(crate) async fn viewer(&self) -> ViewerClient {
        ViewerClient::open(&self.target(), ViewerOptions::default()).await.expect("the viewer connects")
    }

    /// The viewer of a key on a freshly loaded page.
    pub(crate) async fn viewer_again(&self, key: &str) -> ViewerClient {
        let options = ViewerOptions { key: key.to_owned(), ..ViewerOptions::default() };
        ViewerClient::open(&self.target(), options).await.expect("the viewer connects")
    }

    /// What the server wrote to its log.
    pub(crate) fn log_text(&self) -> String {
        std::fs::read_to_string(self.log()).unwrap_or_default()
    }

    fn log(&self) -> PathBuf {
        self.dir.path().join("server.log")
    }

    fn command(&self, wrapper: &[String]) -> Command {
        let mut command = match wrapper.split_first() {
            Some((program, arguments)) => {
                let mut command = Command::new(program);
                command.args(arguments).arg(SERVER);
                command
            }
            None => Command::new(SERVER),
        };
        // The developer's own settings must not reach the test.
        for name in ["SIGHTLINE_CONFIG", "SIGHTLINE_DATA", "SIGHTLINE_LOG"] {
            command.env_remove(name);
        }
        command.current_dir(Path::new(self.dir.path()));
        command
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let log = self.log_text();
        if std::thread::panicking() {
            let tail: Vec<&str> = log.lines().rev().take(60).collect();
            eprintln!("--- end of the server's log");
            tail.iter().rev().for_each(|line| eprintln!("{line}"));
            eprintln!("---");
        } else {
            // Checked for every scenario: nothing a client does may make the server panic.
            assert!(!log.contains("panicked at"), "the server panicked:\n{log}");
        }
    }
}
