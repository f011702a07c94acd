//! The load test against the server: its figures are there, its invariants hold.

use std::sync::Arc;
use std::time::Duration;

use loadtest::assertion::Assertion;
use loadtest::engine::VideoCodec;
use loadtest::engine::str0m::Str0mEngine;
use loadtest::faults::FaultPlan;
use loadtest::scenarios::chat::{self, ChatPlan};
use loadtest::scenarios::connect::{self, ConnectPlan, Mode};
use loadtest::scenarios::{Aim, ProgressBar, Stop};

use crate::support::Site;

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
