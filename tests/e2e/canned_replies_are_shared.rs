//! Prepared answers over the API: every agent reads and writes them, a new desk has some.

use loadtest::client::ClientError;
use signaling::ErrorCode;
use signaling::api::{CannedReplies, CannedReply, CannedReplyDraft};

use crate::support::{LIMIT, Site};

const PATH: &str = "/api/v1/canned-replies";

fn draft(shortcut: &str, text: &str) -> CannedReplyDraft {
    CannedReplyDraft {
        shortcut: shortcut.to_owned(),
        title: "Cable".to_owned(),
        text: text.to_owned(),
        lang: "en".to_owned(),
    }
}

#[tokio::test]
async fn they_are_read_written_and_kept() {
    let mut site = Site::running().await;
    let rest = site.rest().with_bearer(Some(site.sign_in("robin").await));
    let shipped: CannedReplies = rest.get(PATH).await.expect("listed");
    for lang in ["en", "zh"] {
        assert!(shipped.replies.iter().filter(|reply| reply.draft.lang == lang).count() >= 8, "{lang}");
    }
    let added: CannedReply = rest.post(PATH, &draft("Cable", "Is the cable in, {viewer}?")).await.expect("added");
    assert_eq!(added.draft.shortcut, "cable");
    let twice: Result<CannedReply, _> = rest.post(PATH, &draft("cable", "again")).await;
    assert!(matches!(twice, Err(ClientError::Rest { status: 409, code: Some(ErrorCode::Taken), .. })), "{twice:?}");
    let bad: Result<CannedReply, _> = rest.post(PATH, &draft("two words", "x")).await;
    assert!(matches!(bad, Err(ClientError::Rest { status: 400, code: Some(ErrorCode::Invalid), .. })), "{bad:?}");
    let longest: Result<CannedReply, _> = rest.post(PATH, &draft("long", &"画".repeat(4_000))).await;
    assert!(longest.is_ok(), "{longest:?}");
    let nobody: Result<CannedReplies, _> = rest.with_bearer(None).get(PATH).await;
    assert!(matches!(nobody, Err(ClientError::Rest { status: 401, .. })), "{nobody:?}");

    let http = reqwest::Client::builder().timeout(LIMIT).build().expect("a client");
    let address = format!("http://127.0.0.1:{}{PATH}/{}", site.port(), added.id);
    let token = site.sign_in("robin").await;
    let changed = http.put(&address).bearer_auth(&token).json(&draft("cable", "Is it in?")).send().await.expect("sent");
    assert_eq!(changed.json::<CannedReply>().await.expect("a reply").draft.text, "Is it in?");
    let gone = |answer: Result<reqwest::Response, reqwest::Error>| answer.expect("sent").status().as_u16();
    let first = shipped.replies.first().expect("some are shipped").id.clone();
    let first = format!("http://127.0.0.1:{}{PATH}/{first}", site.port());
    assert_eq!(gone(http.delete(&first).bearer_auth(&token).send().await), 204);
    assert_eq!(gone(http.delete(&first).bearer_auth(&token).send().await), 404);
    // The cookie of an agent is of no use to another page.
    let cookie = format!("sightline_session={token}");
    let other_page = http.delete(&address).header("cookie", cookie).header("origin", "https://evil.example");
    assert_eq!(gone(other_page.send().await), 403);

    site.kill().await;
    site.start().await;
    let kept: CannedReplies = rest.get(PATH).await.expect("listed");
    assert_eq!(kept.replies.len(), shipped.replies.len() + 1, "what was deleted is not shipped again");
    assert!(kept.replies.iter().any(|reply| reply.id == added.id && reply.draft.text == "Is it in?"));
}
