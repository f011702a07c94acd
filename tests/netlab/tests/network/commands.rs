//! The program: its arguments, its use from a second terminal, and that it clears away.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use libtest_mimic::Failed;
use serde_json::Value;

const NETLAB: &str = env!("CARGO_BIN_EXE_netlab");
/// Clearing away takes a second on a busy machine.
const LIMIT: Duration = Duration::from_secs(20);

fn netlab(arguments: &[&str]) -> Output {
    Command::new(NETLAB).args(arguments).output().expect("netlab runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A program that runs a laboratory.
struct Running {
    child: Child,
    id: String,
    view: Value,
}

impl Running {
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(NETLAB)
            .args(["run", "--json"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("netlab runs");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("output")).read_line(&mut line).expect("a line");
        let view: Value = serde_json::from_str(&line).expect("JSON");
        Self { child, id: view["id"].as_str().expect("an id").to_owned(), view }
    }

    fn signal(&self, signal: libc::c_int) {
        // SAFETY: no pointers; the child has not been waited for.
        unsafe { libc::kill(self.child.id() as libc::pid_t, signal) };
    }

    fn leftovers(&self) -> Vec<String> {
        leftovers(&self.id)
    }
}

/// What is on this machine of a laboratory.
fn leftovers(id: &str) -> Vec<String> {
    let names = |folder: &str| {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect::<Vec<_>>()
    };
    let all = ["/run/netns", "/run/sightline-netlab", "/sys/class/net"].map(names).concat();
    all.into_iter().filter(|name| name.contains(id)).collect()
}

impl Drop for Running {
    fn drop(&mut self) {
        self.signal(libc::SIGTERM);
        let _ = self.child.wait();
    }
}

pub(crate) fn arguments() -> Result<(), Failed> {
    let wrong = [
        (&["run", "loss=200%"][..], "loss must be 0 to 1"),
        (&["run", "speed=3"], "no setting \"speed\""),
        (&["run", "--site", "Viewer"], "small letters"),
        (&["run", "--site", "server"], "already a site server"),
        (&["run", "moon:loss=1%"], "no site moon; there are: viewer, agent"),
        (&["demo", "--rtt", "fast"], "\"fast\" is not a time such as 100ms"),
        (&["demo", "--queue", "50kB"], "--rate"),
        (&["set", "viewer"], "KEY=VALUE"),
        (&["fly"], "unrecognized subcommand"),
        (&[], "Usage"),
    ];
    for (arguments, said) in wrong {
        let output = netlab(arguments);
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
        assert!(error.contains(said), "{arguments:?}: {error}");
    }
    let output = netlab(&["counters", "--lab", "nothing"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("no laboratory nothing"));
    let help = netlab(&["set", "--help"]);
    assert!(help.status.success() && text(&help.stdout).contains("rate=2mbit"));
    Ok(())
}

pub(crate) fn by_hand() -> Result<(), Failed> {
    let running =
        Running::start(&["--site", "viewer", "--site", "far", "rtt=20ms", "viewer:up.rate=1mbit", "--seed", "9"]);
    let lab = ["--lab", running.id.as_str()];
    assert_eq!(running.view["seed"], 9);
    assert_eq!(running.view["sites"][0]["up"]["rateBps"], 1_000_000);
    assert_eq!(running.view["sites"][1]["down"]["delayMs"], 10.0);
    let command = |arguments: &[&str]| netlab(&[&arguments[..1], &lab[..], &arguments[1..]].concat());

    let output = command(&["set", "all", "up.loss=100%"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("10 ms, loss 100 %, 1000 kbit/s, queue 256 kB"), "{}", text(&output.stdout));
    let output = command(&["set", "moon", "loss=1%"]);
    assert_eq!((output.status.code(), text(&output.stderr).contains("no site moon")), (Some(2), true));

    // Something of each site reaches nobody now.
    let address = running.view["server"]["address"].as_str().expect("an address").to_owned();
    let knock = format!("echo x > /dev/udp/{address}/9");
    for site in ["viewer", "far"] {
        assert!(command(&["exec", site, "--", "bash", "-c", &knock]).status.success());
    }
    let output = command(&["counters", "--json"]);
    let counters: Value = serde_json::from_slice(&output.stdout)?;
    for site in [0, 1] {
        assert_eq!(counters["sites"][site]["up"]["packetsIn"], 1);
        assert_eq!(counters["sites"][site]["up"]["lostRandom"], 1);
    }
    assert!(command(&["down", "viewer"]).status.success());
    assert!(text(&command(&["show"]).stdout).contains("CUT"));
    assert!(command(&["up", "viewer"]).status.success());
    assert!(command(&["set", "viewer", "nat=on"]).status.success());
    assert!(command(&["rebind", "viewer"]).status.success());
    assert!(text(&netlab(&["list"]).stdout).contains(&running.id));
    assert!(command(&["stop"]).status.success());
    wait_until("it has ended", || running.leftovers().is_empty());
    Ok(())
}

/// By Ctrl-C, by the end of its standard input, and killed: then the next start clears away, running processes included.
pub(crate) fn left_behind() -> Result<(), Failed> {
    let mut running = Running::start(&[]);
    assert_eq!(running.leftovers().len(), 5, "three namespaces, a folder, a device: {:?}", running.leftovers());
    running.signal(libc::SIGINT);
    assert!(running.child.wait()?.success());
    assert_eq!(running.leftovers(), [""; 0]);

    let mut running = Running::start(&["--until-stdin-closes"]);
    drop(running.child.stdin.take());
    assert!(running.child.wait()?.success());
    assert_eq!(running.leftovers(), [""; 0]);

    let mut running = Running::start(&[]);
    let namespace = running.view["sites"][0]["namespace"].as_str().expect("a namespace").to_owned();
    let mut inside = Command::new("nsenter").args([&format!("--net={namespace}"), "sleep", "600"]).spawn()?;
    wait_until("it is inside", || {
        std::fs::read_link(format!("/proc/{}/exe", inside.id())).is_ok_and(|exe| exe.ends_with("sleep"))
    });
    running.signal(libc::SIGKILL);
    running.child.wait()?;
    assert!(!running.leftovers().is_empty());
    let next = Running::start(&[]);
    assert_eq!(running.leftovers(), [""; 0]);
    assert!(!inside.wait()?.success(), "what ran inside has been ended");
    drop(next);

    // A laboratory that cannot be completed leaves nothing either.
    let before = netlab(&["list"]).stdout;
    let mut child = Command::new(NETLAB)
        .args(["run", "--json"])
        .env("PATH", "/nonexistent")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut said = String::new();
    child.stderr.take().expect("errors").read_to_string(&mut said)?;
    assert_eq!(child.wait()?.code(), Some(1));
    assert!(said.contains("cannot run ip (iproute2)"), "{said}");
    assert_eq!(netlab(&["list"]).stdout, before);
    Ok(())
}

/// A program that is killed when a test fails before its end.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) fn panic() -> Result<(), Failed> {
    let mut id = String::new();
    let work = std::panic::AssertUnwindSafe(|| {
        let lab = crate::traffic::lab(1);
        id.clone_from(&lab.view().id);
        assert_eq!(leftovers(&id).len(), 5);
        std::panic::resume_unwind(Box::new("a panic"));
    });
    assert!(std::panic::catch_unwind(work).is_err());
    assert_eq!(leftovers(&id), [""; 0]);
    Ok(())
}

/// With a stand-in for the server, which only says what it was called with: the product has its own tests.
pub(crate) fn demo() -> Result<(), Failed> {
    let folder = std::env::temp_dir().join(format!("netlab-demo-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let (server, said) = (folder.join("server"), folder.join("said"));
    let script = format!(
        "#!/bin/sh\nip -o -4 address show eth0 > {0}\necho \"$@\" >> {0}\necho listening on here\nexec sleep 600\n",
        said.display()
    );
    std::fs::write(&server, script)?;
    std::fs::set_permissions(&server, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    let start = || {
        Command::new(NETLAB)
            .args(["demo", "--rtt", "80ms", "--loss", "2%", "--rate", "2mbit", "--queue", "50kB", "--on", "viewer"])
            .arg("--server")
            .arg(&server)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
    };
    let mut child = Ended(start()?);
    let mut lines = BufReader::new(child.0.stdout.take().expect("output")).lines();
    let mut guide = String::new();
    while !guide.contains("Ctrl-C ends it.") {
        guide += &(lines.next().ok_or("the guide ends early")?? + "\n");
    }
    for part in ["40 ms, loss 2 %, 2000 kbit/s, queue 50 kB", "untouched", "netlab browser ", "netlab down "] {
        assert!(guide.contains(part), "{part} is not in:\n{guide}");
    }
    let id = guide.split_once("laboratory ").and_then(|(_, rest)| rest.split(' ').next()).ok_or("no id")?.to_owned();
    let called = std::fs::read_to_string(&said)?;
    for part in ["inet 10.213.", "serve --demo --bind 10.213.", "--port 443 --tls-cert /run/sightline-netlab/"] {
        assert!(called.contains(part), "{part} is not in:\n{called}");
    }
    // SAFETY: no pointers; the child has not been waited for.
    unsafe { libc::kill(child.0.id() as libc::pid_t, libc::SIGINT) };
    assert!(child.0.wait()?.success());
    assert_eq!(leftovers(&id), [""; 0]);

    // A server that does not start is told, and nothing stays.
    std::fs::write(&server, "#!/bin/sh\nexit 3\n")?;
    let output = start()?.wait_with_output()?;
    let error = text(&output.stderr);
    assert!(output.status.code() == Some(1) && error.contains("the server has ended"), "{error}");
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < LIMIT, "not within {LIMIT:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
