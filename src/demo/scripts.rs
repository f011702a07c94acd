//! Viewers who write by themselves, so that the demo's console is not empty: what they say, and the driver that says it.
//!
//! The driver knows nothing of the desk. What it says goes through a [`ScriptSink`], which the server makes of the same
//! calls that a real viewer's socket uses. Everything here is bounded: four viewers, a few lines and answers each,
//! and a viewer whom nobody answers for [`PATIENCE`] falls silent.

use std::future::Future;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// How long a scripted viewer listens for an agent before going quiet for good. Longer than a look at the demo takes.
pub const PATIENCE: Duration = Duration::from_secs(30 * 60);
/// How fast scripted viewers type.
const TYPING_MS_PER_CHAR: u64 = 45;
/// Longest that typing is shown, whatever the length of the text.
const TYPING_MS_MAX: u64 = 4_000;

/// One scripted viewer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScriptedViewer {
    /// Stable name for keys and ids, unique among the viewers.
    pub slug: &'static str,
    /// Name to show.
    pub name: &'static str,
    /// Language, BCP 47.
    pub lang: &'static str,
    /// Level at the host.
    pub level: &'static str,
    /// Title of the stream that is watched.
    pub stream: &'static str,
    /// Browser and system, as the widget reports them.
    pub client: &'static str,
    /// What is said at the start, whether or not anybody answers. The first line opens the conversation.
    pub opening: &'static [Line],
    /// One for each message of an agent, in order; after the last the viewer is quiet.
    pub answers: &'static [Line],
}

/// One message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// Pause before it: after the start of the demo, the line before, or the agent's message. Milliseconds.
    pub after_ms: u64,
    /// What is said.
    pub text: &'static str,
}

const fn line(after_ms: u64, text: &'static str) -> Line {
    Line { after_ms, text }
}

/// The demo's scripted viewers.
pub const VIEWERS: [ScriptedViewer; 4] = [
    ScriptedViewer {
        slug: "mara",
        name: "Mara Lindqvist",
        lang: "en",
        level: "gold",
        stream: "Harbour Night Regatta · Final",
        client: "Firefox 140 · Windows 11",
        opening: &[
            line(1_500, "Hi! The picture freezes for a second or two, again and again. Started about ten minutes ago."),
            line(6_000, "The sound keeps going, it is only the picture."),
        ],
        answers: &[
            line(4_000, "Thanks for looking into it. I am on Wi-Fi, two rooms away from the router."),
            line(5_000, "Other streams look fine so far, but I only tried one."),
            line(4_500, "OK, I will move closer to the router and tell you if it happens again. Thank you!"),
        ],
    },
    ScriptedViewer {
        slug: "siyuan",
        name: "王思远",
        lang: "zh",
        level: "silver",
        stream: "夜航帆船赛 · 决赛",
        client: "Chrome 156 · Windows 11",
        opening: &[
            line(4_000, "你好，直播画面上会出现一条条横纹，大概持续几秒就恢复。"),
            line(7_000, "其他直播间没有这个问题，手机上看也正常。"),
        ],
        answers: &[
            line(5_000, "好的，我用的是一台旧笔记本，显卡驱动很久没更新了。"),
            line(6_000, "明白了，我先更新驱动再试试，谢谢！"),
        ],
    },
    ScriptedViewer {
        slug: "diego",
        name: "Diego Ferreira",
        lang: "en",
        level: "",
        stream: "Harbour Night Regatta · Final",
        client: "Safari 26 · iPhone",
        opening: &[line(
            9_000,
            "The quality dropped to something very blurry and does not come back. Is it me or the stream?",
        )],
        answers: &[
            line(4_000, "I am on a train, so it may be the mobile network. It was sharp at the last station."),
            line(4_500, "All right, I will lock it to 360p for now. Cheers."),
        ],
    },
    ScriptedViewer {
        slug: "jiayi",
        name: "林嘉怡",
        lang: "zh",
        level: "gold",
        stream: "夜航帆船赛 · 决赛",
        client: "Edge 156 · Android",
        opening: &[line(14_000, "声音和画面对不上，声音大概快一秒。刷新以后好了一会儿，现在又这样了。")],
        answers: &[
            line(5_000, "我用的是蓝牙耳机。换成有线耳机要试一下吗？"),
            line(6_000, "换了有线耳机就正常了，谢谢你们！"),
        ],
    },
];

/// What the driver needs of the desk. All of it goes the way a real viewer's requests go.
pub trait ScriptSink: Send + Sync + 'static {
    /// A viewer's connection.
    type Chat: Send;
    /// What can go wrong; it ends that viewer's script and is logged.
    type Error: std::fmt::Display + Send;

    /// Comes on line. `None`: this viewer has a conversation from an earlier run of the demo, so the script is over.
    fn open(&self, viewer: &ScriptedViewer) -> impl Future<Output = Result<Option<Self::Chat>, Self::Error>> + Send;

    /// Shows or hides that the viewer types.
    fn typing(&self, chat: &mut Self::Chat, on: bool) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Says something; the first time that opens the conversation.
    fn say(&self, chat: &mut Self::Chat, text: &str) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Waits for the next message of an agent that was not returned before. False: the conversation is over.
    fn heard(&self, chat: &mut Self::Chat) -> impl Future<Output = Result<bool, Self::Error>> + Send;
}

/// Runs every viewer's script at once and returns when all are quiet. Dropping it ends them.
pub async fn run<S: ScriptSink>(sink: std::sync::Arc<S>) {
    let mut viewers = JoinSet::new();
    for viewer in &VIEWERS {
        let sink = sink.clone();
        viewers.spawn(async move {
            if let Err(error) = play(&*sink, viewer).await {
                tracing::info!(viewer = viewer.slug, %error, "a scripted viewer left");
            }
        });
    }
    while viewers.join_next().await.is_some() {}
}

async fn play<S: ScriptSink>(sink: &S, viewer: &ScriptedViewer) -> Result<(), S::Error> {
    let Some(mut chat) = sink.open(viewer).await? else { return Ok(()) };
    for line in viewer.opening {
        say(sink, &mut chat, line).await?;
    }
    for line in viewer.answers {
        let Ok(heard) = timeout(PATIENCE, sink.heard(&mut chat)).await else { break };
        if !heard? {
            break;
        }
        say(sink, &mut chat, line).await?;
    }
    Ok(())
}

async fn say<S: ScriptSink>(sink: &S, chat: &mut S::Chat, line: &Line) -> Result<(), S::Error> {
    sleep(Duration::from_millis(line.after_ms)).await;
    sink.typing(chat, true).await?;
    let typing_ms = (line.text.chars().count() as u64 * TYPING_MS_PER_CHAR).min(TYPING_MS_MAX);
    sleep(Duration::from_millis(typing_ms)).await;
    sink.say(chat, line.text).await?;
    sink.typing(chat, false).await
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::convert::Infallible;
    use std::sync::{Arc, Mutex};

    use super::*;

    /// An agent that writes `messages` times to each viewer, then is silent for ever.
    struct Desk {
        messages: usize,
        known: BTreeSet<&'static str>,
        said: Mutex<BTreeMap<&'static str, Vec<String>>>,
    }

    impl Desk {
        fn new(messages: usize) -> Arc<Self> {
            Arc::new(Self { messages, known: BTreeSet::new(), said: Mutex::default() })
        }
    }

    impl ScriptSink for Desk {
        type Chat = (&'static str, usize);
        type Error = Infallible;

        async fn open(&self, viewer: &ScriptedViewer) -> Result<Option<Self::Chat>, Infallible> {
            Ok((!self.known.contains(viewer.slug)).then_some((viewer.slug, 0)))
        }

        async fn typing(&self, _: &mut Self::Chat, _: bool) -> Result<(), Infallible> {
            Ok(())
        }

        async fn say(&self, chat: &mut Self::Chat, text: &str) -> Result<(), Infallible> {
            self.said.lock().expect("lock").entry(chat.0).or_default().push(text.to_owned());
            Ok(())
        }

        async fn heard(&self, chat: &mut Self::Chat) -> Result<bool, Infallible> {
            chat.1 += 1;
            if chat.1 > self.messages {
                std::future::pending::<()>().await;
            }
            Ok(true)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn viewers_open_then_answer_each_message_once_and_go_quiet() {
        for (messages, answers) in [(0, 0), (1, 1), (50, 3)] {
            let desk = Desk::new(messages);
            run(desk.clone()).await;
            let said = desk.said.lock().expect("lock");
            for viewer in &VIEWERS {
                let expected = viewer.opening.len() + viewer.answers.len().min(answers);
                assert_eq!(said[viewer.slug].len(), expected, "{} after {messages}", viewer.slug);
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_viewer_of_an_earlier_run_says_nothing() {
        let desk = Arc::new(Desk { messages: 1, known: ["mara"].into(), said: Mutex::default() });
        run(desk.clone()).await;
        assert!(!desk.said.lock().expect("lock").contains_key("mara"));
    }

    #[test]
    fn the_scripts_are_well_formed() {
        let slugs: BTreeSet<_> = VIEWERS.iter().map(|viewer| viewer.slug).collect();
        assert_eq!(slugs.len(), VIEWERS.len());
        for viewer in &VIEWERS {
            assert!(!viewer.opening.is_empty() && viewer.answers.len() <= 3);
            for line in viewer.opening.iter().chain(viewer.answers) {
                assert!(line.text.chars().count() <= signaling::limits::TEXT_CHARS_MAX && line.after_ms <= 60_000);
            }
        }
        assert!(VIEWERS.iter().any(|viewer| viewer.lang == "zh") && VIEWERS.iter().any(|viewer| viewer.lang == "en"));
    }
}
