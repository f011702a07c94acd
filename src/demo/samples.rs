//! Tickets that are there before anybody wrote one: what a desk looks like after a few hours. Marked as samples, so that
//! they are told apart and left out of figures such as the expected wait.

use signaling::api::{CallMedia, ConnectMode};
use signaling::timeline::{Author, AuthorKind, EndReason, EntryBody, Surface};
use signaling::wire::{Page, Phase};
use signaling::{CallId, ConversationId};

use super::sample_call;
use crate::random;
use crate::storage::{NewCall, NewConversation, NewEntry, StorageError, Store, TicketFilter, UserRow};
use crate::telemetry::{TelemetryError, TelemetryLog};

/// A ticket to be made.
struct Sample {
    viewer: &'static str,
    lang: &'static str,
    level: &'static str,
    title: &'static str,
    client: &'static str,
    /// How long ago it was opened, minutes.
    opened_min_ago: i64,
    /// Seconds after the opening, ascending, and what happens then. The first is a word of the viewer.
    steps: &'static [(i64, Step)],
}

/// What happens in a sample ticket.
enum Step {
    Viewer(&'static str),
    Agent(&'static str),
    Take,
    /// Invitation, a shared player for [`sample_call::LENGTH_S`], and the viewer's stop.
    Call,
    /// An invitation that the viewer declines.
    Decline,
    Resolve,
    Rate(u8, &'static str),
}

const SAMPLES: [Sample; 3] = [
    Sample {
        viewer: "Priya Raman",
        lang: "en",
        level: "gold",
        title: "Harbour Night Regatta · Semi-final",
        client: "Chrome 156 · macOS 26",
        opened_min_ago: 26 * 60,
        steps: &[
            (0, Step::Viewer("The picture stutters")),
            (9, Step::Viewer("Every half minute or so it stops for a moment and then jumps.")),
            (31, Step::Take),
            (
                38,
                Step::Agent(
                    "Hi Priya, I am Robin. I can see the stalls in your player's timeline. May I look at the picture itself for a minute?",
                ),
            ),
            (52, Step::Viewer("Sure, go ahead.")),
            (60, Step::Call),
            (
                122,
                Step::Agent(
                    "Thank you. In the seconds in which your picture stopped, the line between you and us lost packets as well. Are you on Wi-Fi?",
                ),
            ),
            (141, Step::Viewer("Yes, and the microwave is right next to the router…")),
            (160, Step::Agent("That would do it. Try the 5 GHz network, or a cable for tonight.")),
            (205, Step::Viewer("5 GHz it is. Not a single stop since. Thank you!")),
            (214, Step::Resolve),
            (231, Step::Rate(5, "Found it in three minutes.")),
        ],
    },
    Sample {
        viewer: "陈雨桐",
        lang: "zh",
        level: "silver",
        title: "夜航帆船赛 · 半决赛",
        client: "Edge 156 · Windows 11",
        opened_min_ago: 5 * 60 + 12,
        steps: &[
            (0, Step::Viewer("画面有条纹或色块")),
            (14, Step::Viewer("换了两个浏览器都一样，手机上是好的。")),
            (47, Step::Take),
            (
                58,
                Step::Agent(
                    "您好，我是 Robin。手机正常，说明直播源没有问题，很可能是电脑的硬件解码。请在浏览器设置里先关闭“硬件加速”再试一下。",
                ),
            ),
            (170, Step::Viewer("关掉以后好了！是显卡驱动的问题吗？")),
            (186, Step::Agent("很有可能。更新显卡驱动之后可以再打开硬件加速。")),
            (201, Step::Viewer("好的，谢谢。")),
            (208, Step::Resolve),
            (240, Step::Rate(4, "解决得很快")),
        ],
    },
    Sample {
        viewer: "Tomás Berg",
        lang: "en",
        level: "",
        title: "Harbour Night Regatta · Semi-final",
        client: "Firefox 140 · Ubuntu",
        opened_min_ago: 2 * 60 + 40,
        steps: &[
            (0, Step::Viewer("Sound but no picture since the last break.")),
            (22, Step::Take),
            (33, Step::Agent("Hello Tomás, may I see what your player shows?")),
            (36, Step::Decline),
            (61, Step::Viewer("I would rather not share anything from this machine, sorry.")),
            (
                75,
                Step::Agent(
                    "No problem at all. Please reload the page once: your player lost the picture's decoder at the break.",
                ),
            ),
            (98, Step::Viewer("Reloaded, and it is back. Thanks.")),
            (110, Step::Resolve),
        ],
    },
];

/// Why the samples were not made.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// The database refused.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The telemetry log refused.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
}

/// Makes the sample tickets if there is no ticket at all. `agent` is who helped; `node` stands on the sample call as the
/// node that carried it; `now_ms` is the server's clock.
///
/// # Errors
/// [`SeedError`] when something could not be stored; what was made until then stays.
pub async fn seed(
    store: &Store,
    telemetry: &TelemetryLog,
    agent: &UserRow,
    node: &str,
    now_ms: i64,
) -> Result<(), SeedError> {
    if !store.tickets(TicketFilter { limit: 1, ..TicketFilter::default() }).await?.is_empty() {
        return Ok(());
    }
    for sample in &SAMPLES {
        let opened_at_ms = now_ms - sample.opened_min_ago * 60_000;
        Making { store, telemetry, agent, node, sample, opened_at_ms }.make().await?;
    }
    Ok(())
}

/// A sample ticket in the making.
struct Making<'s> {
    store: &'s Store,
    telemetry: &'s TelemetryLog,
    agent: &'s UserRow,
    node: &'s str,
    sample: &'static Sample,
    opened_at_ms: i64,
}

impl Making<'_> {
    async fn make(&self) -> Result<(), SeedError> {
        let mut conversation = None;
        for (after_s, step) in self.sample.steps {
            let at_ms = self.opened_at_ms + after_s * 1_000;
            match &conversation {
                None => conversation = self.open(step, at_ms).await?,
                Some(id) => self.step(id, step, at_ms).await?,
            }
        }
        if let Some(id) = &conversation {
            self.store.mark_read(id, AuthorKind::Agent, i64::MAX).await?;
            self.store.mark_read(id, AuthorKind::Viewer, i64::MAX).await?;
        }
        Ok(())
    }

    async fn open(&self, step: &Step, at_ms: i64) -> Result<Option<ConversationId>, SeedError> {
        let Step::Viewer(text) = step else { return Ok(None) };
        let new = NewConversation {
            id: ConversationId(random::id('c')),
            // Of a secret that nobody holds: a sample cannot be opened by a private link.
            key_hash: random::sha256(&random::secret()),
            viewer_name: self.sample.viewer.to_owned(),
            viewer_external: None,
            viewer_level: Some(self.sample.level).filter(|level| !level.is_empty()).map(str::to_owned),
            lang: self.sample.lang.to_owned(),
            page: Some(Page {
                url: "https://tidewater.example/live/regatta".to_owned(),
                title: self.sample.title.to_owned(),
                client: self.sample.client.to_owned(),
            }),
            sample: true,
        };
        let appended = self.store.open_conversation(new, message(self.viewer(), text, at_ms)).await?;
        Ok(Some(appended.conversation.id))
    }

    async fn step(&self, id: &ConversationId, step: &Step, at_ms: i64) -> Result<(), SeedError> {
        let (agent, store) = (self.agent, self.store);
        match step {
            Step::Viewer(text) => drop(store.append(id, message(self.viewer(), text, at_ms)).await?),
            Step::Agent(text) => drop(store.append(id, message(self.author(), text, at_ms)).await?),
            Step::Take => drop(store.take(id, &agent.id, &agent.name, at_ms).await?),
            Step::Resolve => drop(store.resolve(id, &agent.id, at_ms).await?),
            Step::Rate(score, comment) => drop(store.rate(id, self.viewer(), *score, comment, at_ms).await?),
            Step::Decline => {
                let call = self.invite(id, at_ms).await?;
                store.end_call(&call, EndReason::Declined, self.viewer(), at_ms + 11_000).await?;
            }
            Step::Call => self.call(id, at_ms).await?,
        }
        Ok(())
    }

    async fn invite(&self, id: &ConversationId, at_ms: i64) -> Result<CallId, SeedError> {
        let new = NewCall {
            id: CallId(random::id('k')),
            conversation: id.clone(),
            node: self.node.to_owned(),
            agent: self.agent.id.clone(),
            agent_name: self.agent.name.clone(),
        };
        Ok(self.store.invite_call(new, self.author(), at_ms).await?.0.id)
    }

    async fn call(&self, id: &ConversationId, at_ms: i64) -> Result<(), SeedError> {
        let call = self.invite(id, at_ms).await?;
        let at = |ms: f64| at_ms as f64 + ms;
        let phases = [
            (Phase::CardShown, at(46.0)),
            (Phase::Offer, at(71.0)),
            (Phase::Answer, at(84.0)),
            (Phase::Ice, at(128.0)),
            (Phase::Dtls, at(211.0)),
            (Phase::Click, at(4_380.0)),
            (Phase::CaptureReady, at(4_394.0)),
            (Phase::FirstPacketIn, at(4_487.0)),
            (Phase::FirstPacketOut, at(4_488.0)),
            (Phase::FirstFrame, at(4_571.0)),
        ];
        let accepted_at_ms = at_ms + 4_394;
        let ended_at_ms = accepted_at_ms + sample_call::LENGTH_S * 1_000;
        self.store.accept_call(&call, Surface::Player, self.viewer(), accepted_at_ms).await?;
        self.store.record_phases(&call, &phases, Some(ConnectMode::Warm)).await?;
        self.store.set_call_live(&call).await?;
        let media = CallMedia {
            codec: Some("VP8".to_owned()),
            width: Some(1280),
            height: Some(720),
            viewer_path: Some("udp".to_owned()),
            agent_path: Some("udp".to_owned()),
        };
        self.store.set_call_media(&call, &media).await?;
        for (header, bytes) in sample_call::blocks(id, &call, self.node, self.opened_at_ms, accepted_at_ms) {
            self.telemetry.append(header, bytes).await?;
        }
        self.store.end_call(&call, EndReason::ViewerStopped, self.viewer(), ended_at_ms).await?;
        Ok(())
    }

    fn viewer(&self) -> Author {
        Author::viewer(self.sample.viewer)
    }

    fn author(&self) -> Author {
        Author::agent(self.agent.id.clone(), &self.agent.name)
    }
}

fn message(author: Author, text: &str, at_ms: i64) -> NewEntry {
    NewEntry { author, client_id: None, body: EntryBody::Message { text: text.to_owned() }, at_ms }
}

#[cfg(test)]
mod tests {
    use signaling::UserId;
    use signaling::api::Role;
    use signaling::wire::{ConversationStatus, Leg};

    use super::*;
    use crate::telemetry::TelemetryOptions;

    const NOW_MS: i64 = 1_790_000_000_000;

    #[tokio::test]
    async fn samples_are_made_once_and_are_complete() {
        let folder = tempfile::tempdir().expect("folder");
        let url = format!("sqlite://{}", folder.path().join("test.db").display());
        let store = Store::open(&url).await.expect("store");
        let (telemetry, _tap) =
            TelemetryLog::open(TelemetryOptions::new(folder.path().join("telemetry"), "n1"), store.clone())
                .await
                .expect("log");
        let agent = UserRow {
            id: UserId("u_1".to_owned()),
            login: "agent".to_owned(),
            name: "Robin Vale".to_owned(),
            role: Role::Agent,
            tier: 1,
            password_hash: String::new(),
        };
        store.add_user(agent.clone()).await.expect("user");
        for _ in 0..2 {
            seed(&store, &telemetry, &agent, "n1", NOW_MS).await.expect("seeded");
        }
        let tickets = store.tickets(TicketFilter { limit: 50, ..TicketFilter::default() }).await.expect("tickets");
        assert_eq!(tickets.len(), SAMPLES.len());
        assert!(tickets.iter().all(|ticket| ticket.sample && ticket.status == ConversationStatus::Resolved));
        let first = tickets.last().expect("the oldest");
        assert_eq!((first.call_count, first.rating), (1, Some(5)));

        let calls = store.calls_of(&first.conversation).await.expect("calls");
        assert_eq!(calls[0].phases.len(), 11);
        let series = telemetry.series(&first.conversation).await.expect("series");
        let legs = series.legs(&calls[0]);
        assert!([Leg::ViewerUp, Leg::AgentDown, Leg::Server].iter().all(|leg| legs.iter().any(|l| l.leg == *leg)));
        assert!(series.player().samples.len() > 100);

        let entries = store.entries(&first.conversation, 0, 100).await.expect("entries");
        assert!(entries.windows(2).all(|pair| pair[0].at_ms <= pair[1].at_ms), "time goes forward");
        telemetry.close().await;
    }
}
