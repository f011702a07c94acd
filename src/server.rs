//! One node from start to end: opens what it needs, serves, and shuts down in bounded time.

use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use axum_server::tls_rustls::RustlsConfig;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use signaling::timeline::EndReason;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::app::{App, Closing};
use crate::auth::Auth;
use crate::calls::Calls;
use crate::cluster::{Bus, CallNode, LocalBus, NodeId, Note, Presence, PresenceBook, Topic};
use crate::config::{Config, DatabaseLocation};
use crate::doorman::Doorman;
use crate::gate::Gate;
use crate::media_driver::{self, MediaConfig, MediaError, MediaEvent, MediaHandle};
use crate::pictures::{PictureError, PictureFiles, Pictures};
use crate::pressure::Pressure;
use crate::storage::{StorageError, Store};
use crate::support::{CallBook, Desk, Line, keep_line};
use crate::telemetry::{Retention, TelemetryError, TelemetryLog, TelemetryOptions, keep_tidy};
use crate::verdicts::{LiveVerdicts, News, tell};
use crate::ws::Sessions;
use crate::{clock, demo, http, random, references};

/// How long clients get to send their last samples after their calls were ended by a shutdown.
const LAST_SAMPLES: Duration = Duration::from_millis(500);
/// How long the end of calls, the last requests and the last writes may take together.
const SHUTDOWN_MAX: Duration = Duration::from_secs(8);
/// How often a drain looks whether calls still run.
const DRAIN_LOOK: Duration = Duration::from_millis(100);
/// Connects, tickets and pictures a minute from one address in the demo.
const DEMO_RATE: u32 = 60_000;
/// How long a client may take to send the head of a request.
const REQUEST_HEAD_MAX: Duration = Duration::from_secs(20);
/// Bounds of the connect-time histogram, seconds.
const CONNECT_BUCKETS_S: [f64; 12] = [0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8, 1.2, 2.0, 4.0, 8.0];

/// What a server is started with.
pub struct ServerOptions {
    /// Checked configuration.
    pub config: Config,
    /// Sample data, demo account, live stream.
    pub demo: bool,
    /// Connects this node to others; default: a bus of its own.
    pub bus: Option<Arc<dyn Bus>>,
}

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The port is taken, or the address is not this machine's.
    #[error("cannot listen on {address}{}", hint(source))]
    Listen {
        /// Wanted address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file or folder of the server.
    #[error("cannot use {path}")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Certificate or key.
    #[error("cannot use TLS certificate {cert} or key {key}")]
    Tls {
        /// Certificate file.
        cert: PathBuf,
        /// Key file.
        key: PathBuf,
        /// What is wrong.
        source: std::io::Error,
    },
    /// Database.
    #[error("cannot open the database")]
    Storage(#[from] StorageError),
    /// Telemetry log.
    #[error("cannot open the telemetry log")]
    Telemetry(#[from] TelemetryError),
    /// Folder of the pictures.
    #[error("cannot open the folder of pictures")]
    Pictures(#[from] PictureError),
    /// Media ports or threads.
    #[error("cannot start the media workers")]
    Media(#[from] MediaError),
    /// A demo folder outside the demo.
    #[error(
        "the data folder {0} belongs to a demo, with its public password: choose another (storage.data) or start with --demo"
    )]
    DemoData(PathBuf),
}

fn hint(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::AddrInUse => " (another program has this port; choose one with --port, 0 takes a free one)",
        std::io::ErrorKind::PermissionDenied => " (ports below 1024 need the right to bind them)",
        _ => "",
    }
}

/// A running server.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// Shared parts.
    pub app: Arc<App>,
    /// The API key, when this start made it.
    pub new_api_key: Option<String>,
    bus: Arc<dyn Bus>,
    http: axum_server::Handle<SocketAddr>,
    serving: JoinHandle<std::io::Result<()>>,
    closing: watch::Sender<Closing>,
    tasks: Vec<JoinHandle<()>>,
}

impl Server {
    /// Opens everything and starts serving. Returns once the port accepts connections.
    ///
    /// # Errors
    /// [`ServerError`], which says what to mend.
    pub async fn start(options: ServerOptions) -> Result<Self, ServerError> {
        let ServerOptions { mut config, demo, bus } = options;
        if demo {
            lift_limits(&mut config);
        }
        let data = config.storage.data.clone();
        create_private_dir(&data)?;
        let address = config.http.bind.0;
        let listener = listen(address).map_err(|source| ServerError::Listen { address, source })?;
        let address = listener.local_addr().map_err(|source| ServerError::Listen { address, source })?;
        if demo {
            references::allow_own(&mut config, address);
        }
        let tls = load_tls(&config).await?;

        let store = Store::open(&database_url(&config)).await?;
        claim_for_demo(&store, demo, &data).await?;
        let node = NodeId(node_name(&config, &data)?);
        let auth = Auth::open(store.clone()).await?;
        let new_api_key = first_api_key(&auth, &data).await?;
        let (telemetry, tap) =
            TelemetryLog::open(TelemetryOptions::new(data.join("telemetry"), &node.0), store.clone()).await?;
        let (verdicts, news) = LiveVerdicts::start(tap).map_err(|error| TelemetryError::Io(error.to_string()))?;
        let pictures = PictureFiles::open(&data.join("pictures"))?;
        let (media, media_events) = media_driver::start(media_config(&config), clock::now_ms_f64)?;

        let alone = bus.is_none();
        let bus = bus.unwrap_or_else(|| Arc::new(LocalBus::default()));
        let presence = PresenceBook::new(node.clone(), Arc::clone(&bus));
        let desk = Arc::new(Desk {
            store,
            bus: Arc::clone(&bus),
            presence,
            calls: CallBook::default(),
            line: Line::default(),
        });
        let calls = make_calls(&config, &node, &desk, media, &telemetry);
        take_up_calls(&calls, &*bus, &node, alone).await?;

        let (closing, closing_seen) = watch::channel(Closing::No);
        let pressure = Arc::new(Pressure::default());
        let app = Arc::new(App {
            node,
            boot: random::id('b'),
            started: Instant::now(),
            demo,
            tls: tls.is_some(),
            auth,
            pictures: Pictures::new(pictures.clone()),
            gate: Gate::new(&config.limits, Arc::clone(&pressure)),
            doorman: Doorman::new(Arc::clone(&pressure)),
            pressure,
            sessions: Sessions::default(),
            desk,
            calls: Arc::clone(&calls),
            telemetry,
            verdicts,
            metrics: metrics_handle(),
            closing: closing_seen,
            config,
        });
        app.desk.ship_canned_replies().await?;
        let tasks = start_tasks(&app, media_events, pictures, news).await?;
        let handle = axum_server::Handle::new();
        let serving = serve(listener, address, tls, handle.clone(), Arc::clone(&app))?;
        Ok(Self { address, app, new_api_key, bus, http: handle, serving, closing, tasks })
    }

    /// Address of the first page.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.app.tls { "https" } else { "http" };
        let host = match self.address.ip() {
            ip if ip.is_unspecified() => IpAddr::from([127, 0, 0, 1]),
            ip => ip,
        };
        format!("{scheme}://{}", SocketAddr::new(host, self.address.port()))
    }

    /// Lets running calls end for `limits.drain_seconds`, or until `hurry` is done; then ends them with a reason, tells
    /// clients to reconnect and writes everything down, which takes at most eleven seconds.
    pub async fn shutdown(self, hurry: impl Future<Output = ()>) {
        self.drain(hurry).await;
        let deadline = Instant::now() + SHUTDOWN_MAX;
        // Each step has what is left, and enough to do the least.
        let left = || deadline.saturating_duration_since(Instant::now()).max(Duration::from_secs(1));
        let had_calls = !self.app.desk.calls.is_empty();
        if tokio::time::timeout(left(), self.app.calls.end_all(EndReason::ServerShutdown)).await.is_err() {
            tracing::error!("calls could not be ended in time");
        }
        if had_calls {
            tokio::time::sleep(LAST_SAMPLES).await;
        }
        let _ = self.closing.send(Closing::Now);
        self.app.desk.presence.leave();
        self.bus.withdraw_calls(&self.app.node);
        self.http.graceful_shutdown(Some(left()));
        let _ = self.serving.await;
        for task in &self.tasks {
            task.abort();
        }
        let closed = tokio::time::timeout(left(), async {
            self.app.calls.media().shutdown().await;
            self.app.telemetry.close().await;
            self.app.desk.store.close().await;
        });
        if closed.await.is_err() {
            tracing::error!("the data could not be closed in time");
        }
    }
}

impl Server {
    /// No call begins any more; running ones may end by themselves until the time is up or `hurry` is done.
    async fn drain(&self, hurry: impl Future<Output = ()>) {
        let calls = &self.app.calls;
        calls.begin_drain().await;
        let patience = Duration::from_secs(self.app.config.limits.drain_seconds);
        if !calls.any_running() || patience.is_zero() {
            return;
        }
        tracing::info!(seconds = patience.as_secs(), "draining: running calls may end by themselves");
        let until_ms = clock::now_ms_f64() + patience.as_secs_f64() * 1e3;
        let _ = self.closing.send(Closing::Draining { until_ms });
        let over = async {
            while calls.any_running() {
                tokio::time::sleep(DRAIN_LOOK).await;
            }
        };
        tokio::select! {
            () = over => {}
            () = hurry => tracing::info!("told to hurry: running calls are ended"),
            () = tokio::time::sleep(patience) => {}
        }
    }
}

fn make_calls(
    config: &Config,
    node: &NodeId,
    desk: &Arc<Desk>,
    media: MediaHandle,
    telemetry: &TelemetryLog,
) -> Arc<Calls> {
    let start_bitrate_kbps = Some(config.media.start_bitrate_kbps).filter(|kbps| *kbps > 0);
    let away_ms_max = i64::from(config.limits.away_seconds_max) * 1_000;
    let desk = Arc::clone(desk);
    Arc::new(Calls::new(node.clone(), desk, media, telemetry.clone(), start_bitrate_kbps, away_ms_max))
}

/// Ends what a former process left behind, then offers this node's calls to the others.
async fn take_up_calls(calls: &Arc<Calls>, bus: &dyn Bus, node: &NodeId, alone: bool) -> Result<(), ServerError> {
    let left = calls.end_leftovers(alone).await?;
    if left > 0 {
        tracing::warn!(calls = left, "calls of the former process were ended");
    }
    bus.serve_calls(node.clone(), Arc::clone(calls) as Arc<dyn CallNode>);
    Ok(())
}

/// Everything that runs beside the requests.
async fn start_tasks(
    app: &Arc<App>,
    media_events: mpsc::Receiver<MediaEvent>,
    pictures: PictureFiles,
    news: mpsc::Receiver<News>,
) -> Result<Vec<JoinHandle<()>>, ServerError> {
    let mut tasks = vec![
        tokio::spawn(Arc::clone(&app.calls).run(media_events)),
        tokio::spawn(listen_to_nodes(Arc::clone(app))),
        tokio::spawn(keep_line(Arc::clone(&app.desk))),
        tokio::spawn(Arc::clone(&app.pressure).watch()),
        tokio::spawn(tell(Arc::clone(app), news)),
        tokio::spawn(references::run(Arc::clone(app))),
        tokio::spawn(keep_tidy(app.telemetry.clone(), retention(&app.config))),
        tokio::spawn(remove_orphans(pictures, app.desk.store.clone())),
    ];
    if app.demo {
        demo::prepare(app).await?;
        tasks.push(tokio::spawn(demo::run_scripts(Arc::clone(&app.desk), app.boot.clone())));
    }
    Ok(tasks)
}

fn retention(config: &Config) -> Retention {
    Retention { samples_days: config.storage.samples_days, diagnoses_months: config.storage.diagnoses_months }
}

/// The demo is loaded from this machine by the load test that it prints.
fn lift_limits(config: &mut Config) {
    let limits = &mut config.limits;
    limits.connects_per_address_per_minute = DEMO_RATE;
    limits.tickets_per_address_per_minute = DEMO_RATE;
    limits.pictures_per_address_per_minute = DEMO_RATE;
    limits.sockets_per_address_max = limits.sockets_max;
}

fn serve(
    listener: TcpListener,
    address: SocketAddr,
    tls: Option<RustlsConfig>,
    handle: axum_server::Handle<SocketAddr>,
    app: Arc<App>,
) -> Result<JoinHandle<std::io::Result<()>>, ServerError> {
    let wrong = |source| ServerError::Listen { address, source };
    let service = http::app(app).into_make_service_with_connect_info::<SocketAddr>();
    Ok(match tls {
        Some(tls) => {
            let server = axum_server::from_tcp_rustls(listener, tls).map_err(wrong)?.handle(handle);
            tokio::spawn(bounded(server).serve(service))
        }
        None => {
            let server = axum_server::from_tcp(listener).map_err(wrong)?.handle(handle);
            tokio::spawn(bounded(server).serve(service))
        }
    })
}

/// A client that sends its request byte by byte does not hold a connection for long.
fn bounded<A: axum_server::Address, Acceptor>(
    mut server: axum_server::Server<A, Acceptor>,
) -> axum_server::Server<A, Acceptor> {
    server.http_builder().http1().header_read_timeout(REQUEST_HEAD_MAX);
    server.first_request_timeout(REQUEST_HEAD_MAX)
}

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = socket2::Socket::new(
        socket2::Domain::for_address(address),
        socket2::Type::STREAM,
        Some(socket2::Protocol::TCP),
    )?;
    // A restart must not wait for the old connections' TIME_WAIT.
    socket.set_reuse_address(true)?;
    // Connections inherit it. Without, the second of two small messages waits a round trip for the first one's acknowledgement.
    socket.set_tcp_nodelay(true)?;
    socket.bind(&address.into())?;
    socket.listen(4096)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

async fn load_tls(config: &Config) -> Result<Option<RustlsConfig>, ServerError> {
    let (Some(cert), Some(key)) = (&config.http.tls_cert, &config.http.tls_key) else { return Ok(None) };
    install_crypto();
    let loaded = RustlsConfig::from_pem_file(cert, key).await;
    loaded.map(Some).map_err(|source| ServerError::Tls { cert: cert.clone(), key: key.clone(), source })
}

/// Chooses the process-wide TLS implementation; the second time does nothing.
pub(crate) fn install_crypto() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

/// The database of a configuration.
#[must_use]
pub fn database_url(config: &Config) -> String {
    match &config.storage.database {
        DatabaseLocation::Postgres(url) => url.clone(),
        DatabaseLocation::Embedded => {
            let data = std::path::absolute(&config.storage.data).unwrap_or_else(|_| config.storage.data.clone());
            format!("sqlite://{}", data.join("sightline.db").display())
        }
    }
}

fn media_config(config: &Config) -> MediaConfig {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    MediaConfig {
        workers: if config.media.workers == 0 { cores.min(4) } else { config.media.workers },
        bind: config.media.bind,
        external: config.media.external_addresses.clone(),
        first_port: config.media.first_port,
        peers_max: config.limits.peers_per_worker_max,
        rooms_max: config.limits.rooms_per_worker_max,
    }
}

/// The data folder; secrets are in it, so nobody else may read it.
pub(crate) fn create_private_dir(path: &Path) -> Result<(), ServerError> {
    use std::os::unix::fs::DirBuilderExt as _;
    if path.is_dir() {
        return Ok(());
    }
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|source| ServerError::File { path: path.to_owned(), source })
}

/// Writes a file that only its owner may read.
pub(crate) fn write_private(path: &Path, text: &str) -> Result<(), ServerError> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let open = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    let written = open.and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()));
    written.map_err(|source| ServerError::File { path: path.to_owned(), source })
}

fn node_name(config: &Config, data: &Path) -> Result<String, ServerError> {
    if let Some(name) = &config.node.name {
        return Ok(name.clone());
    }
    let path = data.join("node-name");
    match std::fs::read_to_string(&path) {
        Ok(name) if !name.trim().is_empty() => Ok(name.trim().to_owned()),
        _ => {
            let name = random::id('n');
            write_private(&path, &name)?;
            Ok(name)
        }
    }
}

async fn claim_for_demo(store: &Store, demo: bool, data: &Path) -> Result<(), ServerError> {
    const MARK: &str = "demo";
    if demo {
        store.put_setting_if_absent(MARK, "true").await?;
        return Ok(());
    }
    match store.setting(MARK).await? {
        Some(_) => Err(ServerError::DemoData(data.to_owned())),
        None => Ok(()),
    }
}

/// Makes the API key at the first start and leaves it in the data folder.
async fn first_api_key(auth: &Auth, data: &Path) -> Result<Option<String>, ServerError> {
    if auth.has_api_key().await? {
        return Ok(None);
    }
    let key = auth.new_api_key().await?;
    write_private(&data.join("api-key"), &format!("{key}\n"))?;
    Ok(Some(key))
}

async fn remove_orphans(pictures: PictureFiles, store: Store) {
    match pictures.remove_orphans(&store).await {
        Ok(0) => {}
        Ok(removed) => tracing::info!(removed, "pictures of an earlier run without an entry are removed"),
        Err(error) => tracing::warn!(%error, "pictures without an entry could not be looked for"),
    }
}

async fn listen_to_nodes(app: Arc<App>) {
    let mut subscriber = app.desk.bus.attach();
    app.desk.bus.subscribe(&subscriber, Topic::Nodes);
    app.desk.bus.publish(Topic::Nodes, Note::StateWanted);
    while let Some(note) = subscriber.next().await {
        if subscriber.take_lagged() {
            app.desk.bus.publish(Topic::Nodes, Note::StateWanted);
        }
        match &*note {
            Note::Presence(presence) => {
                app.desk.presence.learn(presence);
                if let Presence::NodeGone { node } = presence
                    && *node != app.node
                {
                    app.desk.calls.forget_node(node);
                }
            }
            Note::StateWanted => {
                app.desk.presence.tell_all();
                app.calls.tell_nodes().await;
            }
            Note::Call(handle, state) if handle.node != app.node => app.desk.calls.note(handle, state),
            _ => {}
        }
    }
}

fn metrics_handle() -> PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE
        .get_or_init(|| {
            let buckets = Matcher::Full("sightline_connect_step_seconds".to_owned());
            let builder = PrometheusBuilder::new().set_buckets_for_metric(buckets, &CONNECT_BUCKETS_S);
            let builder = builder.unwrap_or_else(|_| PrometheusBuilder::new());
            let recorder = builder.build_recorder();
            let handle = recorder.handle();
            // Another recorder in this process (a test's) keeps what it has.
            let _ = metrics::set_global_recorder(recorder);
            handle
        })
        .clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_messages_do_not_wait_for_each_other() {
        let listener = listen(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port");
        listener.set_nonblocking(false).expect("blocking");
        let _client = std::net::TcpStream::connect(listener.local_addr().expect("an address")).expect("connected");
        let (accepted, _) = listener.accept().expect("accepted");
        assert!(accepted.nodelay().expect("an option"));
    }
}
