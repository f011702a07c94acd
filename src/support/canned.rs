//! Prepared answers: what one may be, and those that every new desk has.

use signaling::CannedReplyId;
use signaling::api::{CannedReply, CannedReplyDraft};
use signaling::limits::{CANNED_SHORTCUT_CHARS_MAX, CANNED_TITLE_CHARS_MAX, TEXT_CHARS_MAX};
use signaling::wire::{ErrorCode, Refusal};

use super::desk::{Desk, refusal};
use crate::clock;
use crate::random;
use crate::storage::StorageError;

/// Longest language tag, characters (RFC 5646, section 4.4.1).
const LANG_CHARS_MAX: usize = 35;

/// An answer in one language: the language, a title, the text.
type InLanguage = (&'static str, &'static str, &'static str);

/// Shipped answers: shortcut, then title and text in English and Chinese.
const SHIPPED: [(&str, [InLanguage; 2]); 10] = [
    (
        "hello",
        [
            (
                "en",
                "Greeting",
                "Hello {viewer}, this is {agent}. I am looking at your stream's data now, one moment please.",
            ),
            ("zh", "问候", "您好，{viewer}，我是 {agent}。我正在查看您的播放数据，请稍候。"),
        ],
    ),
    (
        "wifi",
        [
            (
                "en",
                "Check the Wi-Fi",
                "Could you move closer to the router, or plug in a network cable, and tell me whether the picture gets better? Please also pause downloads and other streams in the same network.",
            ),
            (
                "zh",
                "检查 Wi-Fi",
                "请您靠近路由器，或改用网线连接，看看画面是否好转？同时请暂停同一网络中的下载和其他视频。",
            ),
        ],
    ),
    (
        "quality",
        [
            (
                "en",
                "Lower the quality",
                "Please choose a lower quality in the player's settings, for example 720p instead of 1080p. If it plays smoothly then, your line does not carry the higher one at the moment.",
            ),
            (
                "zh",
                "降低清晰度",
                "请在播放器设置中选择较低的清晰度，例如从 1080p 换成 720p。如果这样播放流畅，说明您的网络目前带不动更高的清晰度。",
            ),
        ],
    ),
    (
        "hwaccel",
        [
            (
                "en",
                "Hardware acceleration",
                "Stripes and blocks often come from the graphics driver. Please open the browser's settings, search for \"hardware acceleration\" (or \"graphics acceleration\"), switch it over, restart the browser and look again.",
            ),
            (
                "zh",
                "硬件加速",
                "条纹和花屏常常与显卡驱动有关。请打开浏览器设置，搜索“硬件加速”（或“图形加速”），切换一下开关，重启浏览器后再看看。",
            ),
        ],
    ),
    (
        "browser",
        [
            (
                "en",
                "Another browser",
                "Could you open the same stream in another browser, or in a private window without extensions? If it is fine there, an extension or this browser is the cause.",
            ),
            (
                "zh",
                "换个浏览器",
                "请您用另一个浏览器，或在不带扩展的无痕窗口中打开同一个直播。如果那里正常，问题就出在扩展或当前浏览器上。",
            ),
        ],
    ),
    (
        "reload",
        [
            (
                "en",
                "Reload the page",
                "Please reload the page once (F5, or pull down on a phone). Our chat stays: it opens again by itself.",
            ),
            ("zh", "刷新页面", "请刷新一次页面（按 F5，手机上下拉刷新）。我们的对话会保留，刷新后自动恢复。"),
        ],
    ),
    (
        "share",
        [
            (
                "en",
                "Before sharing",
                "May I have a look? I am sending you an invitation. You choose what to show: only the player is enough, and you can stop at any time.",
            ),
            (
                "zh",
                "共享前说明",
                "方便让我看一下吗？我会向您发送邀请，由您选择要展示的内容：只共享播放器就够了，您可以随时停止。",
            ),
        ],
    ),
    (
        "platform",
        [
            (
                "en",
                "Known trouble on our side",
                "This is a trouble on our side that we are working on; you need not change anything. I will write here as soon as it is solved, also if you close the page: keep the private link of ticket #{ticket}.",
            ),
            (
                "zh",
                "平台侧已知问题",
                "这是我们平台的问题，正在处理，您不需要做任何更改。解决后我会在这里回复您；即使关闭页面，也可以通过工单 #{ticket} 的私密链接回来查看。",
            ),
        ],
    ),
    (
        "wait",
        [
            ("en", "One moment", "I am asking a colleague and am back in a few minutes. Please keep the page open."),
            ("zh", "请稍候", "我正在请同事协助，几分钟后回来。请保持页面打开。"),
        ],
    ),
    (
        "thanks",
        [
            (
                "en",
                "Thanks and goodbye",
                "Thank you for your patience, {viewer}! I am closing ticket #{ticket}. If it comes back, just write here again.",
            ),
            (
                "zh",
                "感谢并结束",
                "感谢您的耐心，{viewer}！工单 #{ticket} 现在关闭。如果问题再次出现，直接在这里留言即可。",
            ),
        ],
    ),
];

impl Desk {
    /// All prepared answers, by shortcut and language.
    ///
    /// # Errors
    /// What the store refuses.
    pub async fn canned_replies(&self) -> Result<Vec<CannedReply>, Refusal> {
        self.store.canned_replies().await.map_err(refusal)
    }

    /// Adds a prepared answer.
    ///
    /// # Errors
    /// [`ErrorCode::Invalid`] or [`ErrorCode::TooLarge`] naming the field; [`ErrorCode::Taken`] when the shortcut is used in
    /// this language or there are too many.
    pub async fn add_canned_reply(&self, draft: CannedReplyDraft) -> Result<CannedReply, Refusal> {
        let reply = CannedReply { id: CannedReplyId(random::id('a')), draft: check(draft)? };
        self.store.add_canned_reply(reply.clone(), clock::now_ms()).await.map_err(taken)?;
        Ok(reply)
    }

    /// Replaces a prepared answer.
    ///
    /// # Errors
    /// As [`Self::add_canned_reply`], and [`ErrorCode::NotFound`].
    pub async fn change_canned_reply(
        &self,
        id: CannedReplyId,
        draft: CannedReplyDraft,
    ) -> Result<CannedReply, Refusal> {
        let reply = CannedReply { id, draft: check(draft)? };
        self.store.change_canned_reply(reply.clone(), clock::now_ms()).await.map_err(taken)?;
        Ok(reply)
    }

    /// Removes a prepared answer.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`].
    pub async fn delete_canned_reply(&self, id: &CannedReplyId) -> Result<(), Refusal> {
        self.store.delete_canned_reply(id).await.map_err(refusal)
    }

    /// Puts the shipped answers into a new database.
    ///
    /// # Errors
    /// What the store refuses.
    pub async fn ship_canned_replies(&self) -> Result<(), StorageError> {
        self.store.ship_canned_replies(shipped(), clock::now_ms()).await
    }
}

fn shipped() -> Vec<CannedReply> {
    let reply = |shortcut: &str, (lang, title, text): (&str, &str, &str)| CannedReply {
        id: CannedReplyId(random::id('a')),
        draft: CannedReplyDraft {
            shortcut: shortcut.to_owned(),
            title: title.to_owned(),
            text: text.to_owned(),
            lang: lang.to_owned(),
        },
    };
    SHIPPED.iter().flat_map(|(shortcut, versions)| versions.iter().map(|version| reply(shortcut, *version))).collect()
}

/// The draft as it is kept: the shortcut in small letters, so that it is found however it is typed.
fn check(draft: CannedReplyDraft) -> Result<CannedReplyDraft, Refusal> {
    let shortcut = draft.shortcut.trim().to_lowercase();
    let (title, text, lang) =
        (draft.title.trim().to_owned(), draft.text.trim().to_owned(), draft.lang.trim().to_owned());
    bounded("shortcut", &shortcut, 1, CANNED_SHORTCUT_CHARS_MAX)?;
    bounded("title", &title, 1, CANNED_TITLE_CHARS_MAX)?;
    bounded("text", &text, 1, TEXT_CHARS_MAX)?;
    bounded("lang", &lang, 0, LANG_CHARS_MAX)?;
    if !shortcut.chars().all(|c| c.is_alphanumeric() || c == '-') {
        return Err(Refusal::new(ErrorCode::Invalid, "shortcut has letters, digits and \"-\" alone"));
    }
    if !lang.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        return Err(Refusal::new(ErrorCode::Invalid, "lang is not a language tag"));
    }
    Ok(CannedReplyDraft { shortcut, title, text, lang })
}

fn bounded(field: &str, text: &str, least: usize, most: usize) -> Result<(), Refusal> {
    match text.chars().count() {
        count if count < least => Err(Refusal::new(ErrorCode::Invalid, format!("{field} is empty"))),
        count if count > most => {
            Err(Refusal::new(ErrorCode::TooLarge, format!("{field} is longer than {most} characters")))
        }
        _ => Ok(()),
    }
}

fn taken(error: StorageError) -> Refusal {
    match error {
        StorageError::Conflict => {
            Refusal::new(ErrorCode::Taken, "the shortcut is used in this language, or there are too many answers")
        }
        other => refusal(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn draft(shortcut: &str, lang: &str) -> CannedReplyDraft {
        CannedReplyDraft {
            shortcut: shortcut.to_owned(),
            title: "T".to_owned(),
            text: "x".to_owned(),
            lang: lang.to_owned(),
        }
    }

    #[test]
    fn the_shipped_ones_pass_their_own_rules() {
        let shipped = shipped();
        for reply in &shipped {
            assert_eq!(check(reply.draft.clone()), Ok(reply.draft.clone()));
        }
        let names: HashSet<_> = shipped.iter().map(|reply| (&reply.draft.shortcut, &reply.draft.lang)).collect();
        assert_eq!(names.len(), shipped.len());
    }

    #[test]
    fn bounds_are_kept() {
        assert_eq!(check(draft(" Wi-Fi ", "zh-CN")).map(|kept| kept.shortcut), Ok("wi-fi".to_owned()));
        assert!(check(draft("网络", "")).is_ok());
        for (shortcut, lang) in [("", "en"), ("two words", "en"), ("a/b", "en"), ("ok", "e n")] {
            assert_eq!(check(draft(shortcut, lang)).map_err(|refusal| refusal.code), Err(ErrorCode::Invalid));
        }
        let long = draft(&"a".repeat(CANNED_SHORTCUT_CHARS_MAX + 1), "en");
        assert_eq!(check(long).map_err(|refusal| refusal.code), Err(ErrorCode::TooLarge));
    }
}
