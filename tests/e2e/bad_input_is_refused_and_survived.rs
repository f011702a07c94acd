//! What a hostile or broken client may send: each is answered by a typed error, the server lives on, and others notice
//! nothing.

use std::time::Duration;

use loadtest::client::{
    AgentClient, AgentOptions, ClientError, DialOptions, Pump, ViewerClient, ViewerOptions, wait_for,
};
use loadtest::engine::VideoCodec;
use serde_json::json;
use signaling::api::TokenRequest;
use signaling::limits;
use signaling::timeline::{EndReason, Surface};
use signaling::wire::{CallStage, Phase};
use signaling::{CallId, ClientMessage, ConversationId, ErrorCode};
use tokio_tungstenite::tungstenite::{Bytes, Message};

use crate::support::{
    CallInProgress, LIMIT, Site, WarmAgent, expect, open_peer, open_ticket, wait_agent_call, wait_viewer_call,
};

/// The code of a refusal; panics for anything else.
fn code<T: std::fmt::Debug>(result: Result<T, ClientError>) -> ErrorCode {
    match result {
        Err(ClientError::Refused { code, .. }) => code,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

async fn open_viewer(site: &Site, options: ViewerOptions) -> Result<ViewerClient, ClientError> {
    ViewerClient::open(&site.target(), options).await
}

/// Sends a raw text frame and returns the code of the error that answers it.
async fn refused<C: Pump>(client: &mut C, frame: &str) -> ErrorCode {
    let before = client.session().errors.len();
    client.session().send_raw(Message::text(frame)).await.expect("the socket takes it");
    expect(client, "error", |client| client.session().errors.get(before).map(|error| error.code)).await
}

#[tokio::test]
async fn bad_credentials_are_refused() {
    let mut site = Site::prepared("[viewers]\nanonymous = false\n").await;
    site.start().await;
    let mint = |ttl_s| TokenRequest {
        external_id: "u1".to_owned(),
        name: "Una".to_owned(),
        level: Some("gold".to_owned()),
        lang: Some("en".to_owned()),
        ttl_s,
    };
    let good = site.rest().mint_token(&mint(None)).await.expect("minted").token;
    let with = |token: Option<&str>| ViewerOptions { token: token.map(str::to_owned), ..ViewerOptions::default() };

    assert_eq!(code(open_viewer(&site, with(None)).await), ErrorCode::Unauthorized);
    assert_eq!(code(open_viewer(&site, with(Some("nonsense"))).await), ErrorCode::Unauthorized);
    assert_eq!(code(open_viewer(&site, with(Some("a.b.c"))).await), ErrorCode::Unauthorized);
    let mut changed = good.clone();
    changed.replace_range(good.len() - 6..good.len() - 2, "AAAA");
    assert_eq!(code(open_viewer(&site, with(Some(&changed))).await), ErrorCode::Unauthorized);
    let parts: Vec<&str> = good.split('.').collect();
    // {"alg":"none"}, the classic.
    let unsigned = format!("eyJhbGciOiJub25lIn0.{}.", parts[1]);
    assert_eq!(code(open_viewer(&site, with(Some(&unsigned))).await), ErrorCode::Unauthorized);

    let short = site.rest().mint_token(&mint(Some(1))).await.expect("minted").token;
    let deadline = tokio::time::Instant::now() + LIMIT;
    let refusal = loop {
        // The server forgives clocks that are a few seconds apart.
        match open_viewer(&site, with(Some(&short))).await {
            Ok(_) => tokio::time::sleep(Duration::from_millis(500)).await,
            Err(error) => break error,
        }
        assert!(tokio::time::Instant::now() < deadline, "an expired token is still taken");
    };
    assert!(refusal.to_string().contains("expired"), "{refusal}");

    let viewer = open_viewer(&site, with(Some(&good))).await.expect("a good token is taken");
    assert_eq!(viewer.session.welcome.expect("welcome").name, "Una");
}

#[tokio::test]
async fn nobody_acts_without_the_right_to() {
    let site = Site::running().await;
    let as_agent = |token: Option<String>| {
        let target = site.target();
        async move { AgentClient::open(&target, AgentOptions { token, ..AgentOptions::default() }).await }
    };
    assert_eq!(code(as_agent(None).await), ErrorCode::Unauthorized);
    assert_eq!(code(as_agent(Some("x".repeat(40))).await), ErrorCode::Unauthorized);
    assert_eq!(code(as_agent(Some(site.api_key())).await), ErrorCode::Unauthorized, "the API key is no agent");

    let nobody = site.rest().with_bearer(None);
    let guesser = site.rest().with_bearer(Some("guess".to_owned()));
    for rest in [&nobody, &guesser] {
        for path in ["/api/v1/tickets", "/api/v1/tickets/1", "/api/v1/tickets/1/telemetry"] {
            let (status, _) = rest.text(path).await.expect("answered");
            assert_eq!(status, 401, "{path}");
        }
    }
    let agent = site.rest().with_bearer(Some(site.sign_in("robin").await));
    let token =
        TokenRequest { external_id: "x".to_owned(), name: "X".to_owned(), level: None, lang: None, ttl_s: None };
    match agent.mint_token(&token).await {
        Err(ClientError::Rest { status: 403, code: Some(ErrorCode::Forbidden), .. }) => {}
        other => panic!("an agent may not mint viewer tokens: {other:?}"),
    }
    match nobody.sign_in("robin", "wrong").await {
        Err(ClientError::Rest { status: 401, .. }) => {}
        other => panic!("a wrong password signs nobody in: {other:?}"),
    }
    match nobody.demo_sign_in().await {
        Err(ClientError::Rest { status: 404, .. }) => {}
        other => panic!("the demo's sign-in exists in the demo alone: {other:?}"),
    }
}

#[tokio::test]
async fn a_foreign_page_is_turned_away() {
    let mut site = Site::prepared("[http]\nallowed_origins = [\"https://www.example.com\"]\n").await;
    site.start().await;
    let from = |origin: &str| {
        let dial = DialOptions { origin: Some(origin.to_owned()), ..DialOptions::default() };
        ViewerOptions { dial, ..ViewerOptions::default() }
    };
    for origin in ["https://evil.example", "http://www.example.com", "https://www.example.com.evil.example", "null"] {
        // A page sees no HTTP status of a refused upgrade: it is told over the socket, and stops trying.
        let refusal = open_viewer(&site, from(origin)).await;
        assert_eq!(code(refusal), ErrorCode::Origin, "{origin}");
    }
    open_viewer(&site, from("https://www.example.com")).await.expect("an allowed page gets one");
    open_viewer(&site, from(&site.target().base())).await.expect("our own page gets one");
}

#[tokio::test]
async fn frames_that_are_no_messages_are_answered_one_by_one() {
    let site = Site::running().await;
    let mut viewer = site.viewer().await;
    let long_text = "a".repeat(limits::TEXT_CHARS_MAX + 1);
    let long_sdp = "a".repeat(limits::SDP_BYTES_MAX + 1);
    let deep = "[".repeat(20_000);
    let cases = [
        ("nonsense".to_owned(), ErrorCode::Malformed),
        (String::new(), ErrorCode::Malformed),
        ("[1,2]".to_owned(), ErrorCode::Malformed),
        (deep, ErrorCode::Malformed),
        (json!({"x": 1}).to_string(), ErrorCode::Malformed),
        (json!({"t": "send"}).to_string(), ErrorCode::Malformed),
        (json!({"t": "send", "client_id": 7, "text": []}).to_string(), ErrorCode::Malformed),
        (json!({"t": "fly"}).to_string(), ErrorCode::UnknownMessage),
        (json!({"t": "welcome"}).to_string(), ErrorCode::UnknownMessage),
        (json!({"t": "send", "client_id": "", "text": "x"}).to_string(), ErrorCode::Invalid),
        (json!({"t": "send", "client_id": "a", "text": "  "}).to_string(), ErrorCode::Invalid),
        (json!({"t": "send", "client_id": "a", "text": long_text}).to_string(), ErrorCode::TooLarge),
        (json!({"t": "send", "client_id": "c".repeat(500), "text": "x"}).to_string(), ErrorCode::TooLarge),
        (json!({"t": "media_offer", "call": "k_1", "sdp": long_sdp}).to_string(), ErrorCode::TooLarge),
        (json!({"t": "read", "seq": -1}).to_string(), ErrorCode::Invalid),
        (json!({"t": "rate", "score": 99}).to_string(), ErrorCode::Invalid),
        (json!({"t": "rate", "score": 5}).to_string(), ErrorCode::OutOfOrder),
        (json!({"t": "hello_viewer", "v": 1, "key": viewer.key()}).to_string(), ErrorCode::OutOfOrder),
        (json!({"t": "take", "conversation": "c_1"}).to_string(), ErrorCode::Forbidden),
        (json!({"t": "invite", "conversation": "c_1"}).to_string(), ErrorCode::Forbidden),
    ];
    for (frame, expected) in cases {
        let head: String = frame.chars().take(60).collect();
        assert_eq!(refused(&mut viewer, &frame).await, expected, "{head}");
    }
    let before = viewer.session.errors.len();
    viewer.session.send_raw(Message::Binary(Bytes::from_static(&[1, 2, 3]))).await.expect("sent");
    expect(&mut viewer, "error", |viewer| viewer.session.errors.get(before).map(|_| ())).await;
    viewer.say("still here", LIMIT).await.expect("the session survived all of it");
}

#[tokio::test]
async fn a_frame_beyond_the_bound_costs_the_socket_and_nothing_else() {
    let mut site = Site::running().await;
    let mut other = site.viewer().await;
    let mut viewer = site.viewer().await;
    let _ = viewer.session.send_raw(Message::text("a".repeat(limits::FRAME_BYTES_MAX * 4))).await;
    let end = wait_for(&mut viewer, "end", LIMIT, |_| None::<()>).await.expect_err("the socket is closed");
    assert!(matches!(end, ClientError::Closed { .. }), "{end}");
    other.say("not my problem", LIMIT).await.expect("others notice nothing");
    viewer.resume(LIMIT).await.expect("the viewer may come back");
    assert!(site.is_alive());
}

#[tokio::test]
async fn a_hello_must_come_first_and_be_of_this_version() {
    let site = Site::running().await;
    for (frame, expected) in [
        (json!({"t": "ping", "client_ms": 1}), ErrorCode::OutOfOrder),
        (json!({"t": "send", "client_id": "a", "text": "x"}), ErrorCode::OutOfOrder),
        (json!({"t": "hello_viewer", "v": 99, "key": "k".repeat(32)}), ErrorCode::Version),
        (json!({"t": "hello_viewer", "v": 1, "key": "short"}), ErrorCode::Invalid),
        (json!({"t": "hello_viewer", "v": 1, "key": "!".repeat(32)}), ErrorCode::Invalid),
    ] {
        let (socket, _) = loadtest::client::dial(&site.target(), &DialOptions::default()).await.expect("a socket");
        let answer = first_answer(socket, &frame.to_string()).await;
        assert_eq!(answer["t"], "error", "{frame}: {answer}");
        assert_eq!(answer["code"], json!(expected), "{frame}: {answer}");
    }
}

/// Sends one frame on a bare socket; the first answer, after which the server must close.
async fn first_answer(mut socket: loadtest::client::WsStream, frame: &str) -> serde_json::Value {
    use futures_util::{SinkExt as _, StreamExt as _};
    socket.send(Message::text(frame)).await.expect("sent");
    let heard = tokio::time::timeout(LIMIT, async {
        let mut first = serde_json::Value::Null;
        while let Some(Ok(message)) = socket.next().await {
            if let Message::Text(text) = message
                && first.is_null()
            {
                first = serde_json::from_str(&text).expect("JSON");
            }
        }
        first
    });
    heard.await.expect("the server closes the socket")
}

#[tokio::test]
async fn session_descriptions_that_are_none_are_refused() {
    let site = Site::running().await;
    let mut agent = site.agent("robin").await;
    let mut viewer = site.viewer().await;
    let (conversation, _) = open_ticket(&mut viewer, "hello").await;
    agent.take(&conversation, LIMIT).await.expect("taken");
    let call = agent.invite(&conversation, LIMIT).await.expect("invited").id;
    wait_viewer_call(&mut viewer, "card", |seen| seen.id == call).await;

    let good = open_peer(&[VideoCodec::Vp8]).offer(false).await.expect("an offer");
    let no_fingerprint: String = good.lines().filter(|line| !line.starts_with("a=fingerprint")).map(line).collect();
    let no_ice: String = good.lines().filter(|line| !line.starts_with("a=ice-")).map(line).collect();
    let cut = good[..good.len() / 2].to_owned();
    let other_plan: String = good.replace("m=audio", "m=video");
    let bad = [
        "",
        "v=0",
        "nonsense",
        "v=0\r\no=- 1 2 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n",
        &no_fingerprint,
        &no_ice,
        &cut,
        &other_plan,
    ];
    for sdp in bad {
        let head: String = sdp.chars().take(40).collect();
        let offer =
            ClientMessage::MediaOffer { call: Some(call.clone()), sdp: sdp.to_owned(), restart: false, line: None };
        assert_eq!(code(viewer.request(offer, LIMIT).await), ErrorCode::BadSdp, "viewer: {head:?}");
        let offer = ClientMessage::MediaOffer { call: None, sdp: sdp.to_owned(), restart: false, line: None };
        assert_eq!(code(agent.request(offer, LIMIT).await), ErrorCode::BadSdp, "agent: {head:?}");
    }
    let restart = ClientMessage::MediaOffer { call: None, sdp: "nonsense".to_owned(), restart: true, line: None };
    assert_eq!(code(agent.request(restart, LIMIT).await), ErrorCode::OutOfOrder, "there is nothing to restart");
    expect(&mut agent, "end of the connection", |agent| agent.session.media_closed.clone()).await;

    // After all that the call still comes about.
    let mut agent = WarmAgent::new(agent).await;
    let end = ClientMessage::EndCall { call, reason: None };
    agent.client.request(end, LIMIT).await.expect("ended");
    CallInProgress::begin(&mut agent, &mut viewer, &conversation, VideoCodec::Vp8).await;
}

fn line(text: &str) -> String {
    format!("{text}\r\n")
}

#[tokio::test]
async fn actions_out_of_order_or_of_others_are_refused() {
    let site = Site::running().await;
    site.add_agent("kim").await;
    let mut robin = WarmAgent::new(site.agent("robin").await).await;
    let mut kim = site.agent("kim").await;
    let mut viewer = site.viewer().await;
    let mut stranger = site.viewer().await;
    let (conversation, _) = open_ticket(&mut viewer, "hello").await;
    open_ticket(&mut stranger, "hello too").await;
    let nowhere = ConversationId::from("c_nowhere");
    let no_call = CallId::from("k_nowhere");

    let invite = |conversation: &ConversationId| ClientMessage::Invite { conversation: conversation.clone() };
    assert_eq!(code(kim.request(invite(&conversation), LIMIT).await), ErrorCode::Forbidden, "not taken yet");
    assert_eq!(code(kim.request(invite(&nowhere), LIMIT).await), ErrorCode::NotFound);
    assert_eq!(code(kim.take(&nowhere, LIMIT).await), ErrorCode::NotFound);
    robin.client.take(&conversation, LIMIT).await.expect("taken");
    assert_eq!(code(kim.take(&conversation, LIMIT).await), ErrorCode::Taken);
    let resolve = ClientMessage::Resolve { conversation: conversation.clone() };
    assert_eq!(code(kim.request(resolve, LIMIT).await), ErrorCode::Forbidden);
    let words = json!({"t": "send", "conversation": conversation, "client_id": "k1", "text": "let me"});
    assert_eq!(refused(&mut kim, &words.to_string()).await, ErrorCode::Forbidden);

    let call = CallInProgress::begin(&mut robin, &mut viewer, &conversation, VideoCodec::Vp8).await;
    assert_eq!(code(robin.client.request(invite(&conversation), LIMIT).await), ErrorCode::CallRunning);
    assert_eq!(code(viewer.accept(&call.id, Surface::Screen, LIMIT).await), ErrorCode::OutOfOrder, "twice");
    assert_eq!(code(viewer.accept(&no_call, Surface::Screen, LIMIT).await), ErrorCode::NotFound);
    let end = ClientMessage::EndCall { call: call.id.clone(), reason: Some(EndReason::AgentEnded) };
    assert_eq!(code(stranger.request(end.clone(), LIMIT).await), ErrorCode::NotFound, "another viewer's call");
    assert_eq!(code(kim.request(end, LIMIT).await), ErrorCode::Forbidden, "another agent's call");
    let phase = |phase, at_ms| ClientMessage::Phase { call: call.id.clone(), phase, at_ms };
    let now_ms = viewer.session.clock.now_ms();
    assert_eq!(code(viewer.request(phase(Phase::FirstFrame, now_ms), LIMIT).await), ErrorCode::Forbidden);
    assert_eq!(code(viewer.request(phase(Phase::Click, now_ms + 1e9), LIMIT).await), ErrorCode::Invalid);
    let up = json!({"t": "block", "call": call.id, "leg": "viewer_up", "seq": 0, "source": "x", "t0_ms": 1.0, "codec": "json1", "bytes": "W10="});
    assert_ne!(refused(&mut stranger, &up.to_string()).await, ErrorCode::Internal, "samples for another viewer's call");

    // The one who may, may; and the viewer's word about the agent is not taken.
    let end = ClientMessage::EndCall { call: call.id.clone(), reason: Some(EndReason::AgentEnded) };
    viewer.request(end, LIMIT).await.expect("the viewer may end it");
    let ended = wait_agent_call(&mut robin.client, "end", |seen| seen.id == call.id && seen.stage == CallStage::Ended);
    assert_eq!(ended.await.reason, Some(EndReason::ViewerStopped));
    let again = ClientMessage::EndCall { call: call.id.clone(), reason: None };
    assert_eq!(code(viewer.request(again, LIMIT).await), ErrorCode::NotFound);
}
