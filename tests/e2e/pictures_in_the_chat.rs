//! Pictures in the chat: who may send and see them, what is taken, and that an acknowledged one is there after a crash.

use std::time::{Duration, SystemTime};

use loadtest::client::Pump as _;
use reqwest::header::{AUTHORIZATION, COOKIE, ORIGIN};
use reqwest::{Method, RequestBuilder, Response};
use signaling::api::ApiError;
use signaling::limits::{PICTURE_BYTES_MAX, PICTURES_PER_CONVERSATION_MAX};
use signaling::timeline::{Entry, EntryBody};
use signaling::wire::ConversationStatus;
use signaling::{ClientMessage, ErrorCode, PictureId};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::{LIMIT, Site, expect, open_ticket};

const PNG: &[u8] = include_bytes!("../pictures/still.png");
const JPEG: &[u8] = include_bytes!("../pictures/still.jpg");
const GIF: &[u8] = include_bytes!("../pictures/moving.gif");

/// The API as a page sees it.
struct Pages {
    http: reqwest::Client,
    base: String,
}

impl Pages {
    fn of(site: &Site) -> Self {
        let http = reqwest::Client::builder().timeout(LIMIT).build().expect("a client");
        Self { http, base: format!("http://127.0.0.1:{}", site.port()) }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base))
    }

    fn viewer_upload(&self, key: &str, client_id: &str, bytes: &[u8]) -> RequestBuilder {
        let path = format!("/api/v1/pictures?client_id={client_id}");
        self.request(Method::POST, &path).header(AUTHORIZATION, format!("Viewer {key}")).body(bytes.to_vec())
    }

    fn viewer_picture(&self, key: &str, picture: &PictureId) -> RequestBuilder {
        let path = format!("/api/v1/pictures/{picture}");
        self.request(Method::GET, &path).header(AUTHORIZATION, format!("Viewer {key}"))
    }
}

async fn send(request: RequestBuilder) -> Response {
    request.send().await.expect("the server answers")
}

async fn stored(request: RequestBuilder) -> Entry {
    let response = send(request).await;
    let status = response.status();
    let text = response.text().await.expect("a body");
    assert_eq!(status, 200, "{text}");
    serde_json::from_str(&text).expect("an entry")
}

async fn refused(request: RequestBuilder, status: u16, code: ErrorCode) -> String {
    let response = send(request).await;
    let found = response.status().as_u16();
    let error: ApiError = response.json().await.expect("a typed refusal");
    assert_eq!((found, error.code), (status, code), "{}", error.message);
    error.message
}

fn picture(entry: &Entry) -> PictureId {
    match &entry.body {
        EntryBody::Picture { picture, .. } => picture.clone(),
        other => panic!("no picture: {other:?}"),
    }
}

#[tokio::test]
async fn a_viewer_and_an_agent_show_each_other_something() {
    let site = Site::running().await;
    let pages = Pages::of(&site);
    let mut viewer = site.viewer().await;
    let key = viewer.key().to_owned();
    refused(pages.viewer_upload(&key, "a", PNG), 404, ErrorCode::NotFound).await;
    let (conversation, _) = open_ticket(&mut viewer, "look").await;
    let entry = stored(pages.viewer_upload(&key, "a", PNG)).await;
    let EntryBody::Picture { media_type, width, height, bytes, .. } = &entry.body else { panic!("{entry:?}") };
    assert_eq!((media_type.as_str(), *width, *height, *bytes as usize), ("image/png", 64, 48, PNG.len()));
    assert_eq!(stored(pages.viewer_upload(&key, "a", PNG)).await, entry, "sent again it is the same one");
    let shown = picture(&entry);
    expect(&mut viewer, "entry", |viewer| viewer.chat.history.entries.contains(&entry).then_some(())).await;

    let mut agent = site.agent("robin").await;
    let row = expect(&mut agent, "row", |agent| agent.desk.get(&conversation).cloned()).await;
    assert_eq!(row.unread, 2);
    let token = site.sign_in("robin").await;
    let path = format!("/api/v1/pictures?client_id=b&conversation={conversation}");
    let answer = || pages.request(Method::POST, &path).header(COOKIE, format!("sightline_session={token}")).body(GIF);
    refused(answer(), 403, ErrorCode::Forbidden).await;
    agent.take(&conversation, LIMIT).await.expect("taken");
    refused(answer().header(ORIGIN, "https://evil.example"), 403, ErrorCode::Origin).await;
    let answered = stored(answer()).await;
    assert_eq!(answered.author.name, "robin");
    expect(&mut viewer, "answer", |viewer| viewer.chat.history.entries.contains(&answered).then_some(())).await;
    agent.request(ClientMessage::Resolve { conversation: conversation.clone() }, LIMIT).await.expect("resolved");
    stored(pages.viewer_upload(&key, "c", JPEG)).await;
    expect(&mut viewer, "reopened", |viewer| {
        (viewer.conversation.as_ref()?.status == ConversationStatus::Waiting).then_some(())
    })
    .await;

    let got = send(pages.viewer_picture(&key, &shown)).await;
    assert_eq!(got.status(), 200);
    let header = |name: &str| got.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    for (name, value) in [
        ("content-type", "image/png"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "sandbox; default-src 'none'"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!(header(name), value);
    }
    assert!(header("content-disposition").starts_with("inline; filename=\"sightline-p_"));
    assert!(header("cache-control").contains("private") && header("cache-control").contains("immutable"));
    let tag = header("etag").to_owned();
    assert_eq!(got.bytes().await.expect("bytes"), PNG);
    let again = send(pages.viewer_picture(&key, &shown).header("if-none-match", &tag)).await;
    assert_eq!((again.status().as_u16(), again.bytes().await.expect("a body").len()), (304, 0));

    let mut stranger = site.viewer().await;
    open_ticket(&mut stranger, "mine").await;
    refused(pages.viewer_picture(stranger.key(), &shown), 404, ErrorCode::NotFound).await;
    refused(pages.viewer_picture(&key, &"p_../../api-key".into()), 404, ErrorCode::NotFound).await;
    let nobody = pages.request(Method::GET, &format!("/api/v1/pictures/{shown}"));
    refused(nobody, 401, ErrorCode::Unauthorized).await;
    let colleague = pages.request(Method::GET, &format!("/api/v1/pictures/{shown}")).bearer_auth(&token);
    assert_eq!(send(colleague).await.status(), 200);
}

#[tokio::test]
async fn only_whole_pictures_within_bounds_are_taken() {
    let mut site = Site::prepared("[limits]\npictures_per_address_per_minute = 1000\n").await;
    site.start().await;
    let pages = Pages::of(&site);
    let mut viewer = site.viewer().await;
    let key = viewer.key().to_owned();
    open_ticket(&mut viewer, "look").await;
    let why = refused(pages.viewer_upload(&key, "a", b"<svg onload='alert(1)'/>"), 400, ErrorCode::Invalid).await;
    assert!(why.contains("PNG, JPEG, WebP or GIF"), "{why}");
    let cut = &JPEG[..JPEG.len() / 2];
    assert!(refused(pages.viewer_upload(&key, "a", cut), 400, ErrorCode::Invalid).await.contains("cut off"));
    let large = vec![0x89; PICTURE_BYTES_MAX + 1];
    refused(pages.viewer_upload(&key, "a", &large), 413, ErrorCode::TooLarge).await;
    let answer = unannounced_upload(&site, &key).await;
    assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("too_large"), "{answer}");
    refused(pages.viewer_upload(&key, "", PNG), 400, ErrorCode::Invalid).await;
    refused(pages.viewer_upload("short", "a", PNG), 401, ErrorCode::Unauthorized).await;

    for n in 0..PICTURES_PER_CONVERSATION_MAX {
        stored(pages.viewer_upload(&key, &format!("n{n}"), PNG)).await;
    }
    refused(pages.viewer_upload(&key, "beyond", PNG), 409, ErrorCode::OutOfOrder).await;
    stored(pages.viewer_upload(&key, "n0", PNG)).await;
    viewer.say("words still go", LIMIT).await.expect("acknowledged");
}

/// Sends more than the bound without saying so beforehand, in chunks. Returns the answer.
async fn unannounced_upload(site: &Site, key: &str) -> String {
    let mut socket = tokio::net::TcpStream::connect(("127.0.0.1", site.port())).await.expect("connected");
    let head = format!(
        "POST /api/v1/pictures?client_id=a HTTP/1.1\r\nHost: localhost\r\nAuthorization: Viewer {key}\r\n\
         Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).await.expect("sent");
    let chunk = [b"100000\r\n".to_vec(), vec![0x89; 0x0010_0000], b"\r\n".to_vec()].concat();
    for _ in 0..=PICTURE_BYTES_MAX / 0x0010_0000 {
        socket.write_all(&chunk).await.expect("sent");
    }
    socket.write_all(b"0\r\n\r\n").await.expect("sent");
    let mut answer = String::new();
    tokio::time::timeout(LIMIT, socket.read_to_string(&mut answer)).await.expect("answered").expect("text");
    answer
}

#[tokio::test]
async fn uploads_are_limited_per_address_and_pages_by_origin() {
    let config =
        "[http]\nallowed_origins = [\"https://www.example.com\"]\n[limits]\npictures_per_address_per_minute = 3\n";
    let mut site = Site::prepared(config).await;
    site.start().await;
    let pages = Pages::of(&site);
    let mut viewer = site.viewer().await;
    let key = viewer.key().to_owned();
    open_ticket(&mut viewer, "look").await;
    let ask = |origin: &str| {
        pages
            .request(Method::OPTIONS, "/api/v1/pictures?client_id=a")
            .header(ORIGIN, origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization")
    };
    let allowed = send(ask("https://www.example.com")).await;
    assert_eq!(allowed.status(), 204);
    assert_eq!(allowed.headers()["access-control-allow-origin"], "https://www.example.com");
    assert_eq!(allowed.headers()["access-control-allow-headers"], "authorization, content-type");
    assert!(!send(ask("https://evil.example")).await.headers().contains_key("access-control-allow-origin"));
    let embedded = pages.viewer_upload(&key, "a", PNG).header(ORIGIN, "https://www.example.com");
    let response = send(embedded).await;
    assert_eq!(response.headers()["access-control-allow-origin"], "https://www.example.com");
    let shown = picture(&response.json().await.expect("an entry"));
    let evil = pages.viewer_picture(&key, &shown).header(ORIGIN, "https://evil.example");
    refused(evil, 403, ErrorCode::Origin).await;
    let mut taken = 1;
    while send(pages.viewer_upload(&key, &format!("b{taken}"), PNG)).await.status() == 200 {
        taken += 1;
        assert!(taken < 10, "nobody is slowed");
    }
    refused(pages.viewer_upload(&key, "c", PNG), 429, ErrorCode::RateLimited).await;
    assert_eq!(taken, 3);
}

/// `kill -9` while pictures come in: each one that was acknowledged is there, byte for byte, with its entry.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acknowledged_picture_survives_a_kill() {
    let mut site = Site::prepared("[limits]\npictures_per_address_per_minute = 1000\n").await;
    site.start().await;
    let pages = Pages::of(&site);
    let mut viewer = site.viewer().await;
    let key = viewer.key().to_owned();
    open_ticket(&mut viewer, "look").await;
    let uploads = {
        let key = key.clone();
        let pages = Pages { http: pages.http.clone(), base: pages.base.clone() };
        tokio::spawn(async move {
            let mut acknowledged: Vec<Entry> = Vec::new();
            for n in 0.. {
                let Ok(response) = pages.viewer_upload(&key, &format!("n{n}"), JPEG).send().await else { break };
                let Ok(entry) = response.json().await else { break };
                acknowledged.push(entry);
            }
            acknowledged
        })
    };
    while viewer.chat.history.entries.len() < 8 {
        viewer.next().await.expect("the socket stays");
    }
    site.kill().await;
    let acknowledged = uploads.await.expect("the uploads end");
    assert!(acknowledged.len() >= 6, "{} pictures", acknowledged.len());

    // What a crash leaves behind: bytes without an entry, and half a file; old ones go, young ones may still be wanted.
    let folder = site.data().join("pictures").join("00");
    std::fs::create_dir_all(&folder).expect("a folder");
    let hours_ago = SystemTime::now() - Duration::from_secs(2 * 3_600);
    let left = ["p_00old", "p_00torn#1", "p_00young"].map(|name| folder.join(name));
    for (path, old) in left.iter().zip([true, true, false]) {
        let file = std::fs::File::create(path).expect("a file");
        if old {
            file.set_modified(hours_ago).expect("its time can be set");
        }
    }
    site.start().await;
    viewer.resume(LIMIT).await.expect("the viewer resumes");
    for entry in &acknowledged {
        let got = send(pages.viewer_picture(&key, &picture(entry))).await;
        assert_eq!(got.status(), 200);
        assert!(got.bytes().await.expect("bytes").ends_with(&JPEG[JPEG.len() - 200..]));
        expect(&mut viewer, "entry", |viewer| viewer.chat.history.entries.contains(entry).then_some(())).await;
    }
    let deadline = std::time::Instant::now() + LIMIT;
    while left[0].exists() || left[1].exists() {
        assert!(std::time::Instant::now() < deadline, "orphans stay");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(left[2].exists(), "another node may be about to commit it");
}
