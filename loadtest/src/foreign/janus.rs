//! Janus' WebSocket API and its videoroom plugin, as its documentation has them for version 1.
//!
//! Everything that can be done before the consent is: sessions, handles, the room, joining it. Then `publish` with the offer is one
//! trip, the room tells its other member of the feed, and that member's subscription is one trip for the server's offer and one
//! for the answer.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::time::{Instant as TokioInstant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Message;

use crate::client::{DialOptions, DialTimings, WsStream, dial_at};
use crate::engine::Peer;
use crate::target::Target;

/// Name of the protocol in the upgrade.
const PROTOCOL: &str = "janus-protocol";
/// The plugin.
const VIDEOROOM: &str = "janus.plugin.videoroom";
/// Bound on one request.
const REQUEST_LIMIT: Duration = Duration::from_secs(10);
/// Janus forgets a session that says nothing for 60 s.
const KEEPALIVE_EVERY: Duration = Duration::from_secs(25);
/// Events of the room kept until somebody asks for them; a room of two has a handful.
const EVENTS_MAX: usize = 64;
/// Rooms of a load test begin here, away from those of a configuration.
const FIRST_ROOM: u64 = 7_000_000_000;

/// A publisher and a player, each with a session, in a room of their own.
pub(crate) struct JanusPair {
    publisher: JanusEnd,
    publishing: u64,
    player: JanusEnd,
    playing: u64,
    room: u64,
    hello: Duration,
}

impl JanusPair {
    pub(super) async fn open(target: &Target, n: u64, options: &DialOptions) -> Result<Self, String> {
        let room = FIRST_ROOM + rand::random::<u32>() as u64 * 100_000 + n % 100_000;
        let (mut publisher, mut player) =
            tokio::try_join!(JanusEnd::dial(target, options), JanusEnd::dial(target, options))?;
        let began = Instant::now();
        publisher.begin().await?;
        let publishing = publisher.attach().await?;
        let create = json!({ "request": "create", "room": room, "publishers": 2, "is_private": true });
        publisher.ask(publishing, create, None).await?;
        let join = json!({ "request": "join", "ptype": "publisher", "room": room });
        publisher.ask(publishing, join.clone(), None).await?;
        let hello = began.elapsed();
        player.begin().await?;
        let member = player.attach().await?;
        player.ask(member, join, None).await?;
        let playing = player.attach().await?;
        Ok(Self { publisher, publishing, player, playing, room, hello })
    }

    pub(super) fn dialed(&self) -> DialTimings {
        self.publisher.dialed
    }

    pub(super) fn hello(&self) -> Duration {
        self.hello
    }

    pub(super) async fn publish(&mut self, offer: String) -> Result<String, String> {
        let jsep = json!({ "type": "offer", "sdp": offer });
        let event = self.publisher.ask(self.publishing, json!({ "request": "publish" }), Some(jsep)).await?;
        sdp_of(&event)
    }

    pub(super) async fn play(&mut self, player: &mut Peer) -> Result<(), String> {
        let feed = self.player.feed().await?;
        let join =
            json!({ "request": "join", "ptype": "subscriber", "room": self.room, "streams": [{ "feed": feed }] });
        let event = self.player.ask(self.playing, join, None).await?;
        let answer = player.accept(sdp_of(&event)?).await.map_err(|error| error.to_string())?;
        let jsep = json!({ "type": "answer", "sdp": answer });
        self.player.ask(self.playing, json!({ "request": "start" }), Some(jsep)).await.map(drop)
    }

    pub(super) async fn idle_until(&mut self, at: TokioInstant) -> Result<(), String> {
        tokio::try_join!(self.publisher.idle_until(at), self.player.idle_until(at)).map(drop)
    }

    pub(super) async fn close(mut self) {
        let destroy = json!({ "request": "destroy", "room": self.room });
        // A room that cannot be removed goes with the server; sessions that are not ended time out there.
        let _ = self.publisher.ask(self.publishing, destroy, None).await;
        tokio::join!(self.publisher.end(), self.player.end());
    }
}

fn sdp_of(event: &Value) -> Result<String, String> {
    let sdp = event.pointer("/jsep/sdp").and_then(Value::as_str);
    sdp.map(str::to_owned).ok_or_else(|| "janus: no session description".to_owned())
}

/// One session.
struct JanusEnd {
    socket: WsStream,
    session: u64,
    last: u64,
    spoke_at: TokioInstant,
    events: VecDeque<Value>,
    dialed: DialTimings,
}

impl JanusEnd {
    async fn dial(target: &Target, options: &DialOptions) -> Result<Self, String> {
        let dialed = dial_at(target, "/", Some(PROTOCOL), options).await;
        let (socket, dialed) = dialed.map_err(|error| error.kind())?;
        Ok(Self { socket, session: 0, last: 0, spoke_at: TokioInstant::now(), events: VecDeque::new(), dialed })
    }

    async fn begin(&mut self) -> Result<(), String> {
        let created = self.request(json!({ "janus": "create" })).await?;
        self.session = id_of(&created)?;
        Ok(())
    }

    /// A handle of the plugin.
    async fn attach(&mut self) -> Result<u64, String> {
        let attached = self.request(json!({ "janus": "attach", "plugin": VIDEOROOM })).await?;
        id_of(&attached)
    }

    /// A request to the plugin; its answer, whether that comes at once or as an event.
    async fn ask(&mut self, handle: u64, body: Value, jsep: Option<Value>) -> Result<Value, String> {
        let mut message = json!({ "janus": "message", "handle_id": handle, "body": body });
        if let Some(jsep) = jsep {
            message["jsep"] = jsep;
        }
        let answer = self.request(message).await?;
        match answer.pointer("/plugindata/data/error_code") {
            Some(code) => Err(format!("janus: videoroom error {code}")),
            None => Ok(answer),
        }
    }

    /// The feed that the room told of.
    async fn feed(&mut self) -> Result<Value, String> {
        let search = async {
            loop {
                while let Some(event) = self.events.pop_front() {
                    if let Some(id) = event.pointer("/plugindata/data/publishers/0/id") {
                        return Ok(id.clone());
                    }
                }
                let event = self.read().await?;
                self.keep(event);
            }
        };
        timeout(REQUEST_LIMIT, search).await.map_err(|_| "janus: nobody publishes".to_owned())?
    }

    async fn request(&mut self, mut message: Value) -> Result<Value, String> {
        self.last += 1;
        let transaction = self.last.to_string();
        message["transaction"] = json!(transaction);
        if self.session != 0 {
            message["session_id"] = json!(self.session);
        }
        self.send(&message).await?;
        let search = async {
            loop {
                let answer = self.read().await?;
                if answer["transaction"] != json!(transaction) {
                    self.keep(answer);
                    continue;
                }
                match answer["janus"].as_str() {
                    Some("ack") => {}
                    Some("error") => return Err(format!("janus: error {}", answer["error"]["code"])),
                    _ => return Ok(answer),
                }
            }
        };
        timeout(REQUEST_LIMIT, search).await.map_err(|_| "janus: no answer".to_owned())?
    }

    /// Keeps an event for later; the oldest goes when there are too many.
    fn keep(&mut self, event: Value) {
        if self.events.len() >= EVENTS_MAX {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }

    async fn send(&mut self, message: &Value) -> Result<(), String> {
        self.spoke_at = TokioInstant::now();
        let sent = self.socket.send(Message::text(message.to_string())).await;
        sent.map_err(|_| "connection closed".to_owned())
    }

    async fn read(&mut self) -> Result<Value, String> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => {
                    return serde_json::from_str(&text).map_err(|_| "janus: broken JSON".to_owned());
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Err("connection closed".to_owned()),
                Some(Ok(_)) => {}
            }
        }
    }

    async fn idle_until(&mut self, at: TokioInstant) -> Result<(), String> {
        loop {
            let keepalive_at = self.spoke_at + KEEPALIVE_EVERY;
            tokio::select! {
                event = self.read() => { let event = event?; self.keep(event); }
                () = sleep_until(at) => return Ok(()),
                () = sleep_until(keepalive_at) => {
                    // Answered by an `ack` alone, which is read with the events.
                    let keepalive = json!({ "janus": "keepalive", "session_id": self.session, "transaction": "alive" });
                    self.send(&keepalive).await?;
                }
            }
        }
    }

    async fn end(&mut self) {
        let destroyed = self.request(json!({ "janus": "destroy" })).await;
        if destroyed.is_ok() {
            let _ = self.socket.close(None).await;
        }
    }
}

fn id_of(answer: &Value) -> Result<u64, String> {
    answer.pointer("/data/id").and_then(Value::as_u64).ok_or_else(|| "janus: no id".to_owned())
}
