//! A PostgreSQL of this test run: its own cluster in a temporary folder, on a socket nobody else sees.
//!
//! It is started by the first scenario that needs it and goes away with the test process, however that ends.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait as _, Database};

static CLUSTER: OnceLock<Option<PathBuf>> = OnceLock::new();
static DATABASES: AtomicU32 = AtomicU32::new(0);
static SKIPPED: AtomicU32 = AtomicU32::new(0);

/// How long the cluster may take to accept connections.
const START_MAX: Duration = Duration::from_secs(60);

/// The URL of a new database, or `None` without PostgreSQL on this machine (an error where `CI` is set).
pub(crate) async fn new_database(scenario: &str) -> Option<String> {
    let cluster = tokio::task::spawn_blocking(|| CLUSTER.get_or_init(start).clone()).await.expect("the cluster starts");
    let Some(folder) = cluster else {
        assert!(std::env::var_os("CI").is_none(), "PostgreSQL is not installed, and CI runs every test");
        let count = SKIPPED.fetch_add(1, Ordering::Relaxed) + 1;
        eprintln!("SKIPPED: {scenario} (PostgreSQL is not installed; {count} skipped so far)");
        return None;
    };
    let name = format!("scenario_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
    let admin = Database::connect(url(&folder, "postgres")).await.expect("the cluster answers");
    admin.execute_unprepared(&format!("CREATE DATABASE {name}")).await.expect("a database is made");
    admin.close().await.expect("the connection closes");
    Some(url(&folder, &name))
}

fn url(folder: &Path, database: &str) -> String {
    format!("postgres://sightline@localhost/{database}?host={}", folder.display())
}

/// Makes a cluster and starts its server. `None` when the programs are not installed.
fn start() -> Option<PathBuf> {
    let programs = programs()?;
    let folder = tempfile::Builder::new().prefix("sightline-pg-").tempdir().expect("a temporary folder").keep();
    let user = ServerUser::find();
    user.own(&folder);
    let data = folder.join("data");
    let made = user
        .command(&programs.join("initdb"))
        .args(["--username=sightline", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--pgdata"])
        .arg(&data)
        .stdout(Stdio::null())
        .status();
    assert!(made.is_ok_and(|status| status.success()), "initdb failed");
    let mut server = user.command(&programs.join("postgres"));
    server
        .arg("-D")
        .arg(&data)
        .arg("-k")
        .arg(&folder)
        .args(["-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=300"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(folder.join("log")).expect("a log file"));
    let pid = spawn_for_life(server);
    remove_at_exit(pid, folder.clone());
    let deadline = Instant::now() + START_MAX;
    let ready = || {
        let mut probe = Command::new(programs.join("pg_isready"));
        probe.arg("-h").arg(&folder).args(["-U", "sightline"]).stdout(Stdio::null());
        probe.status().is_ok_and(|status| status.success())
    };
    while !ready() {
        assert!(Instant::now() < deadline, "PostgreSQL does not start: {}", folder.join("log").display());
        std::thread::sleep(Duration::from_millis(50));
    }
    Some(folder)
}

/// The folder of the newest installed server programs.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
    let folders = versions.filter_map(|version| {
        let number: u32 = version.file_name().to_str()?.parse().ok()?;
        let folder = version.path().join("bin");
        folder.join("initdb").exists().then_some((number, folder))
    });
    folders.max().map(|(_, folder)| folder)
}

/// PostgreSQL refuses to run as root; then it runs as the user `postgres` that its package makes.
struct ServerUser(Option<(u32, u32)>);

impl ServerUser {
    fn find() -> Self {
        // SAFETY: geteuid has no preconditions.
        if unsafe { libc::geteuid() } != 0 {
            return Self(None);
        }
        let id = |flag: &str| {
            let output = Command::new("id").args([flag, "postgres"]).output().expect("id runs");
            String::from_utf8_lossy(&output.stdout).trim().parse().expect("the user postgres exists")
        };
        Self(Some((id("-u"), id("-g"))))
    }

    fn own(&self, folder: &Path) {
        if let Self(Some((user, group))) = self {
            std::os::unix::fs::chown(folder, Some(*user), Some(*group)).expect("the folder changes its owner");
        }
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir("/");
        if let Self(Some((user, group))) = self {
            command.uid(*user).gid(*group);
        }
        command
    }
}

/// Starts the server from a thread that stays with it, with the kernel's promise to stop it when that thread is gone:
/// that is when this process is, even if it is killed.
fn spawn_for_life(mut server: Command) -> u32 {
    let (told, pid) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        // SAFETY: prctl is async-signal-safe and touches nothing but the child's own attribute.
        unsafe {
            server.pre_exec(|| {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGQUIT);
                Ok(())
            });
        }
        let mut child = server.spawn().expect("PostgreSQL starts");
        told.send(child.id()).expect("the starter waits");
        let _ = child.wait();
    });
    pid.recv().expect("PostgreSQL starts")
}

/// Stops the server and removes its folder when the tests are over.
fn remove_at_exit(pid: u32, folder: PathBuf) {
    static LEFT: OnceLock<(u32, PathBuf)> = OnceLock::new();
    extern "C" fn remove() {
        let Some((pid, folder)) = LEFT.get() else { return };
        let Ok(pid) = libc::pid_t::try_from(*pid) else { return };
        // SAFETY: plain system calls on a child of this process.
        unsafe {
            libc::kill(pid, libc::SIGQUIT);
            libc::waitpid(pid, std::ptr::null_mut(), 0);
        }
        let _ = std::fs::remove_dir_all(folder);
    }
    if LEFT.set((pid, folder)).is_ok() {
        // SAFETY: `remove` takes nothing and does not unwind.
        unsafe { libc::atexit(remove) };
    }
}
