//! Rates and numbers at the public port: what goes beyond is told so with a typed error, what stays within is served.

use loadtest::client::{ClientError, DialOptions, ViewerClient, ViewerOptions};
use loadtest::scenarios::source_address;
use signaling::ErrorCode;

use crate::support::{LIMIT, Site, expect};

fn from(n: u64) -> ViewerOptions {
    let dial = DialOptions { from: source_address([127, 0, 0, 1].into(), n), ..DialOptions::default() };
    ViewerOptions { dial, ..ViewerOptions::default() }
}

#[tokio::test]
async fn sockets_are_counted_per_address_and_in_all() {
    let mut site = Site::prepared("[limits]\nsockets_max = 4\nsockets_per_address_max = 2\n").await;
    site.start().await;
    let open = |n| {
        let target = site.target();
        async move { ViewerClient::open(&target, from(n)).await }
    };
    let mut first = open(1).await.expect("a place");
    let _second = open(1).await.expect("a place");
    match open(1).await {
        Err(ClientError::Upgrade { status: 429, body }) => assert!(body.contains("rate_limited"), "{body}"),
        other => panic!("a third socket of one address: {other:?}"),
    }
    let _third = open(2).await.expect("another address has its own places");
    let _fourth = open(2).await.expect("a place");
    match open(3).await {
        Err(ClientError::Upgrade { status: 503, body }) => assert!(body.contains("overloaded"), "{body}"),
        other => panic!("a fifth socket: {other:?}"),
    }
    first.say("served all the same", LIMIT).await.expect("those who are in notice nothing");
    first.session.close().await;
    let deadline = tokio::time::Instant::now() + LIMIT;
    while open(3).await.is_err() {
        assert!(tokio::time::Instant::now() < deadline, "the place is never given back");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn connects_and_passwords_are_limited_per_address() {
    let limits = "[limits]\nconnects_per_address_per_minute = 3\nsign_ins_per_address_per_minute = 2\n";
    let mut site = Site::prepared(limits).await;
    site.start().await;
    for n in 0..4 {
        let opened = ViewerClient::open(&site.target(), from(1)).await;
        match (n, opened) {
            (0..=2, Ok(_)) => {}
            (3, Err(ClientError::Upgrade { status: 429, .. })) => {}
            (_, other) => panic!("connect {n}: {other:?}"),
        }
    }
    let rest = site.rest().with_bearer(None);
    for n in 0..3 {
        match (n, rest.sign_in("robin", "guess").await) {
            (0..=1, Err(ClientError::Rest { status: 401, .. })) => {}
            (2, Err(ClientError::Rest { status: 429, code: Some(ErrorCode::RateLimited), .. })) => {}
            (_, other) => panic!("guess {n}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_flood_of_messages_is_slowed_and_not_lost() {
    let mut site = Site::prepared("[limits]\nmessages_per_second = 20\n").await;
    site.start().await;
    let mut viewer = site.viewer().await;
    for n in 0..140 {
        viewer.send(&format!("flood {n}")).await.expect("sent");
    }
    expect(&mut viewer, "acknowledgements", |viewer| viewer.chat.outbox.is_empty().then_some(())).await;
    expect(&mut viewer, "entries", |viewer| (viewer.chat.history.messages >= 140).then_some(())).await;
    let expected: Vec<String> = (0..140).map(|n| format!("flood {n}")).collect();
    assert_eq!(viewer.chat.history.texts(), expected);
    let told =
        viewer.session.errors.iter().filter(|error| error.code == ErrorCode::RateLimited && !error.fatal).count();
    assert!(told > 0, "the client was told to slow down");
}
