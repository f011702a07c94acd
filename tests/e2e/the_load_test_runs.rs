//! The load test against the server: its figures are there, its invariants hold; what goes wrong is told by words and exit
//! code.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use loadtest::assertion::Assertion;
use loadtest::call;
use loadtest::client::{AgentClient, AgentOptions, ClientError};
use loadtest::engine::VideoCodec;
use loadtest::engine::str0m::Str0mEngine;
use loadtest::faults::FaultPlan;
use loadtest::scenarios::chat::{self, ChatPlan};
use loadtest::scenarios::connect::{self, ConnectPlan, Mode};
use loadtest::scenarios::{Aim, ProgressBar, Stop};
use serde_json::Value;
use signaling::ErrorCode;
use signaling::load_test::LoadTestAgentsRequest;

use crate::support::{LIMIT, SERVER, Site, open_peer};

fn aim(site: &Site) -> Aim {
    Aim {
        target: site.target(),
        address: [127, 0, 0, 1].into(),
        api_key: Some(site.api_key().into()),
        tokens: Vec::new(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connects_are_measured_cold_and_warm() {
    let site = Site::running().await;
    site.add_agent("kim").await;
    let plan = ConnectPlan {
        aim: aim(&site),
        mode: Mode::Both,
        arrivals: "1/s".parse().expect("a rate"),
        duration: Duration::from_secs(4),
        lead: Duration::from_millis(500),
        card: Duration::from_millis(250),
        hold: Duration::from_millis(100),
        agents: vec![site.sign_in("robin").await, site.sign_in("kim").await],
        engine: Arc::new(Str0mEngine::new()),
        codec: VideoCodec::Vp8,
        faults: FaultPlan::default(),
        guests: 0,
        guest_agents: Vec::new(),
    };
    let (_switch, stop) = Stop::new();
    let tally = connect::run(plan, stop, ProgressBar::hidden()).await.expect("it runs");
    assert_eq!(tally.totals.get("completed"), Some(&4), "{:?} {:?}", tally.totals, tally.errors);
    for mode in ["cold", "warm"] {
        for phase in connect::PHASES {
            let found = tally.phases.merged(|name| name == format!("{mode}.{phase}"));
            assert_eq!(found.map(|row| row.count), Some(2), "{mode}.{phase}");
        }
    }
    let held = |text: &str| text.parse::<Assertion>().expect("an assertion").evaluate(&tally, None, "connect").held;
    assert!(held("errors.total==0"));
    assert!(held("connect.total.count==4"));
    assert!(held("warm.total.max<5s"));
    assert!(!held("connect.total.p50<0ms"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chat_run_loses_nothing() {
    let site = Site::running().await;
    let plan = ChatPlan {
        aim: aim(&site),
        viewers: 20,
        rate: "100/s".parse().expect("a rate"),
        duration: Duration::from_secs(3),
        faults: FaultPlan::default(),
    };
    let (_switch, stop) = Stop::new();
    let tally = chat::run(plan, stop, ProgressBar::hidden()).await.expect("it runs");
    assert_eq!(tally.totals.get("acknowledged"), Some(&300), "{:?} {:?}", tally.totals, tally.errors);
    for invariant in chat::INVARIANTS {
        let verdict = invariant.parse::<Assertion>().expect("an assertion").evaluate(&tally, None, "chat");
        assert!(verdict.held, "{verdict}");
    }
    assert_eq!(tally.failures(), 0, "{:?}", tally.errors);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn agents_of_a_load_test_come_and_go() {
    let site = Site::running().await;
    let rest = site.rest();
    let request = LoadTestAgentsRequest { count: 2, ttl_s: 60 };
    let nobody = rest.with_bearer(None).open_load_test_agents(&request).await;
    assert!(matches!(nobody, Err(ClientError::Rest { status: 401, .. })), "{nobody:?}");
    let agent = rest.with_bearer(Some(site.sign_in("robin").await));
    let agent = agent.open_load_test_agents(&request).await;
    assert!(matches!(agent, Err(ClientError::Rest { status: 403, .. })), "{agent:?}");

    let made = rest.open_load_test_agents(&request).await.expect("two agents");
    assert_eq!(made.agents.len(), 2);
    let options = AgentOptions { token: Some(made.agents[0].token.clone()), ..AgentOptions::default() };
    let client = AgentClient::open(&site.target(), options.clone()).await.expect("it connects");
    assert_eq!(client.session.welcome.as_ref().map(|welcome| welcome.agents_online), Some(0), "nobody waits for it");
    let viewer = site.viewer().await;
    assert_eq!(viewer.session.welcome.as_ref().map(|welcome| welcome.agents_online), Some(0));

    rest.close_load_test_agents(&made.batch).await.expect("removed");
    let again = AgentClient::open(&site.target(), options).await;
    assert!(matches!(again, Err(ClientError::Refused { code: ErrorCode::Unauthorized, .. })), "{again:?}");
    assert!(rest.close_load_test_agents(&made.batch).await.is_err(), "gone is gone");
}

/// The program, built once for all tests of this file unless it is as new as its sources: cargo's lock may be somebody else's.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let path = Path::new(SERVER).with_file_name("sightline-loadtest");
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let sources = ["loadtest", "signaling"].map(|folder| newest(&root.join(folder))).into_iter().max().flatten();
        let built = std::fs::metadata(&path).and_then(|data| data.modified()).ok();
        if built.is_none() || built < sources {
            let mut build = std::process::Command::new(env!("CARGO"));
            build.args(["build", "--quiet", "--package", "sightline-loadtest"]).current_dir(root);
            if path.components().any(|part| part.as_os_str() == "release") {
                build.arg("--release");
            }
            assert!(build.status().expect("cargo runs").success(), "the load test is built");
        }
        path
    })
}

/// When the newest file below a folder was changed.
fn newest(folder: &Path) -> Option<SystemTime> {
    let entries = std::fs::read_dir(folder).expect("a folder of sources").filter_map(Result::ok);
    entries
        .filter_map(
            |entry| if entry.path().is_dir() { newest(&entry.path()) } else { entry.metadata().ok()?.modified().ok() },
        )
        .max()
}

struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

/// Runs the program to its end.
async fn say(arguments: &[&str]) -> Said {
    let mut command = tokio::process::Command::new(program());
    command.args(arguments).env_remove("SIGHTLINE_API_KEY").env_remove("SIGHTLINE_URL").kill_on_drop(true);
    let done =
        tokio::time::timeout(Duration::from_secs(60), command.output()).await.expect("it ends").expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Said { code: done.status.code(), out: text(&done.stdout), err: text(&done.stderr) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whether_datagrams_get_to_the_media_port_is_told() {
    let site = Site::running().await;
    let mut agent = site.agent("robin").await;
    let mut peer = open_peer(&VideoCodec::ALL);
    let (_, answer) = call::describe(&mut agent, &mut peer, None, false).await.expect("an answer");
    let candidate = answer.lines().find(|line| line.starts_with("a=candidate:")).expect("a candidate");
    let [address, port] = [4, 5].map(|word| candidate.split_whitespace().nth(word).expect("address and port"));
    let reached = say(&["reach", &format!("{address}:{port}"), "--probes", "5"]).await;
    assert_eq!(reached.code, Some(0), "{}", reached.err);
    assert!(reached.out.contains("5 of 5 datagrams came back"), "{}", reached.out);
    assert!(reached.out.contains(&format!("sees us as {address}:")), "{}", reached.out);
    // Nobody listens on discard.
    let silent = say(&["reach", "127.0.0.1:9", "--probes", "2"]).await;
    assert_eq!(silent.code, Some(1), "{}", silent.err);
    assert!(silent.out.contains("none of 2 datagrams came back"), "{}", silent.out);
    let public = say(&["reach", "192.0.2.1:9"]).await;
    assert_eq!(public.code, Some(2));
    assert!(public.err.contains("public address"), "{}", public.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_run_is_told_in_a_line_and_by_the_exit_code() {
    let site = Site::running().await;
    let (url, key) = (site.target().base(), site.api_key());
    let report = site.file("unreachable.json");
    let json = report.display().to_string();
    for (arguments, words) in [
        (vec!["connect"], "--url"),
        (vec!["connect", "--url", &url, "--arrivals", "fast"], "no rate"),
        (vec!["connect", "--url", &url, "--assert", "connect.totel.p95<1ms"], "totel"),
        (vec!["connect", "--url", "http://203.0.113.7"], "--i-own-this-host"),
        (vec!["connect", "--url", "http://127.0.0.1:1", "--json", &json], "cannot be reached"),
        (vec!["chat", "--url", &url, "--token", "sk_wrong"], "was refused"),
        (vec!["connect", "--url", &url], "--token"),
        (vec!["storm", "--url", &url, "--token", &key, "--ca", "/nowhere.pem", "--insecure"], "--insecure"),
    ] {
        let said = say(&arguments).await;
        assert_eq!(said.code, Some(2), "{arguments:?}: {} {}", said.out, said.err);
        assert!(said.err.contains(words), "{arguments:?}: {}", said.err);
    }
    let written = std::fs::read_to_string(report).expect("a report is written all the same");
    assert!(written.contains("cannot be reached"), "{written}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_is_reported_and_compared() {
    let site = Site::running().await;
    let (url, key) = (site.target().base(), site.api_key());
    let (json, html) = (site.file("run.json").display().to_string(), site.file("run.html").display().to_string());
    let mut run = vec!["connect", "--url", &url, "--token", &key, "--arrivals", "2/s", "--duration", "3s", "--quiet"];
    run.extend([
        "--json",
        &json,
        "--html",
        &html,
        "--assert",
        "connect.total.count==6",
        "--assert",
        "cold.total.p95<0ms",
    ]);
    let said = say(&run).await;
    assert_eq!(said.code, Some(1), "{} {}", said.out, said.err);
    assert!(said.err.contains("cold.total.p95<0ms: FELL"), "{}", said.err);
    assert!(said.out.contains("connect.total.count==6: held"), "{}", said.out);

    let text = std::fs::read_to_string(&json).expect("a report");
    assert!(!text.contains(&key), "the key is left out");
    let report: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let schema = include_str!("../../docs/loadtest.schema.json");
    let schema: serde_json::Value = serde_json::from_str(schema).expect("JSON");
    conforms(&report, &schema, &schema, "report");
    for mode in ["cold", "warm"] {
        for phase in connect::PHASES {
            assert_eq!(report["phases"][format!("{mode}.{phase}")]["count"], 3, "{mode}.{phase}");
        }
    }
    assert!(report["server"]["rss_bytes"]["max"].as_f64().is_some_and(|bytes| bytes > 1e6), "{}", report["server"]);
    let page = std::fs::read_to_string(html).expect("a page");
    assert!(page.contains("<svg") && !page.contains("<script") && !page.contains("http-equiv"), "it stands alone");

    let same = say(&["compare", &json, &json]).await;
    assert_eq!(same.code, Some(0), "{} {}", same.out, same.err);
    let nothing = say(&["compare", &json, "/nowhere.json"]).await;
    assert_eq!(nothing.code, Some(2), "{}", nothing.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_dies_leaves_a_partial_report() {
    let mut site = Site::running().await;
    let (url, key) = (site.target().base(), site.api_key());
    let json = site.file("partial.json");
    let path = json.display().to_string();
    let run = [
        "chat",
        "--url",
        &url,
        "--token",
        &key,
        "--viewers",
        "5",
        "--rate",
        "20/s",
        "--duration",
        "60s",
        "--json",
        &path,
    ];
    let rest = site.rest();
    let kill_when_it_runs = async {
        let deadline = tokio::time::Instant::now() + LIMIT;
        while rest.tickets(10).await.expect("the server answers").tickets.len() < 5 {
            assert!(tokio::time::Instant::now() < deadline, "the run never began");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        site.kill().await;
    };
    let (said, ()) = tokio::join!(say(&run), kill_when_it_runs);
    assert_eq!(said.code, Some(2), "{} {}", said.out, said.err);
    assert!(said.err.contains("the server went away"), "{}", said.err);
    let report: serde_json::Value =
        serde_json::from_slice(&std::fs::read(json).expect("a partial report")).expect("JSON");
    assert!(report["totals"]["acknowledged"].as_u64().is_some_and(|count| count > 0), "{}", report["totals"]);
}

/// Checks a value against a JSON schema, as far as ours goes.
fn conforms(value: &Value, schema: &Value, root: &Value, place: &str) {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.rsplit('/').next().expect("a name");
        return conforms(value, &root["$defs"][name], root, place);
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let chosen = if value.is_null() { &choices[0] } else { &choices[1] };
        return conforms(value, chosen, root, place);
    }
    if let Some(wanted) = schema.get("const") {
        assert_eq!(value, wanted, "{place}");
    }
    if let Some(choices) = schema["enum"].as_array() {
        assert!(choices.contains(value), "{place}: {value}");
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one.as_str()],
        Value::Array(some) => some.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_u64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let fits = types.is_empty() || types.contains(&kind) || (kind == "integer" && types.contains(&"number"));
    assert!(fits, "{place}: {value} is none of {types:?}");
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        assert!(value.get(name).is_some(), "{place}: {name} is missing");
    }
    for (name, member) in value.as_object().into_iter().flatten() {
        let place = format!("{place}.{name}");
        match schema["properties"].get(name) {
            Some(schema) => conforms(member, schema, root, &place),
            None if schema["additionalProperties"].is_object() => {
                conforms(member, &schema["additionalProperties"], root, &place);
            }
            None => assert!(schema["additionalProperties"].is_null(), "{place} is not in the schema"),
        }
    }
    for (n, item) in value.as_array().into_iter().flatten().enumerate() {
        conforms(item, &schema["items"], root, &format!("{place}[{n}]"));
    }
}
