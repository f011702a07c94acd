//! A diagnosis as it crosses the wire: the short form on a row, the agent's word about it, what is known of its accuracy, and
//! incidents. The long form is the JSON of the crate `diagnosis`.

use serde::{Deserialize, Serialize};

/// Why a picture stutters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The viewer's line.
    ViewerNetwork,
    /// The viewer's device or browser.
    ViewerDevice,
    /// The way from the platform's hosts to viewers.
    PlatformDelivery,
    /// The stream itself.
    PlatformSource,
    /// The server that carries the call.
    MediaServer,
    /// The agent's line.
    AgentNetwork,
    /// The agent's device.
    AgentDevice,
    /// Enough was measured, and nothing is wrong with it.
    NoneObserved,
    /// What was measured does not decide.
    Undetermined,
}

impl Cause {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::ViewerNetwork,
        Self::ViewerDevice,
        Self::PlatformDelivery,
        Self::PlatformSource,
        Self::MediaServer,
        Self::AgentNetwork,
        Self::AgentDevice,
        Self::NoneObserved,
        Self::Undetermined,
    ];

    /// As on the wire and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ViewerNetwork => "viewer_network",
            Self::ViewerDevice => "viewer_device",
            Self::PlatformDelivery => "platform_delivery",
            Self::PlatformSource => "platform_source",
            Self::MediaServer => "media_server",
            Self::AgentNetwork => "agent_network",
            Self::AgentDevice => "agent_device",
            Self::NoneObserved => "none_observed",
            Self::Undetermined => "undetermined",
        }
    }
}

/// When the trouble that was judged was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Seen {
    /// In the last seconds.
    Now,
    /// Before them; it is not there any more.
    Earlier,
}

/// A sentence in the languages of the product.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Sentence {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

/// A verdict as a row shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VerdictBrief {
    /// Version of the rules that gave it.
    pub version: u32,
    /// The likely cause.
    pub cause: Cause,
    /// How sure, 0 to 1.
    pub confidence: f64,
    /// When the trouble was seen; absent without any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub when: Option<Seen>,
    /// Server time of the newest sample that it rests on.
    pub at_ms: i64,
    /// For the agent.
    pub agent: Sentence,
    /// For the viewer.
    pub viewer: Sentence,
    /// A second cause that holds at the same time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub also: Option<Cause>,
    /// A shortage began with our own share and is blamed on nobody.
    pub own_share: bool,
}

/// `PUT /api/v1/tickets/{number}/diagnosis/word`: what the agent says of the verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VerdictWordDraft {
    /// Whether it was right.
    pub right: bool,
    /// What it was instead, when it was wrong and is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub cause: Option<Cause>,
    /// In words, at most 500 characters.
    #[serde(default)]
    pub note: String,
}

/// An agent's word as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VerdictWord {
    /// The cause that it is about.
    pub said: Cause,
    /// Whether that was right.
    pub right: bool,
    /// What it was instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub cause: Option<Cause>,
    /// In words.
    pub note: String,
    /// Name of who said it.
    pub by: String,
    /// When.
    pub at_ms: i64,
}

/// A row of `GET /api/v1/diagnosis/accuracy`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CauseAccuracy {
    /// Which.
    pub cause: Cause,
    /// Verdicts with this cause that have an agent's word.
    pub said: u32,
    /// Of these, those that were right.
    pub right: u32,
    /// Tickets that were this cause by the agents' word: right verdicts, and wrong ones corrected to it.
    pub was: u32,
}

/// `GET /api/v1/diagnosis/accuracy`: how right the verdicts are by the agents' word. Precision is `right / said`, recall
/// `right / was`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Accuracy {
    /// Each cause once.
    pub causes: Vec<CauseAccuracy>,
    /// Verdicts with an agent's word.
    pub judged: u32,
}

/// What the tickets of an incident share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum IncidentScope {
    /// The host that the player fetches from.
    Edge,
    /// What is watched.
    Stream,
    /// The access network: /24 of IPv4, /48 of IPv6.
    Network,
    /// The region, as the page's time zone tells it.
    Region,
    /// The kind of device: system and browser.
    Device,
    /// The decoder.
    Decoder,
    /// The version of the host's player or app.
    App,
}

/// Many viewers, one cause.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Incident {
    /// Unique.
    pub id: String,
    /// What those affected share.
    pub scope: IncidentScope,
    /// The host, stream, network … that it is.
    pub key: String,
    /// The cause that most of their verdicts name; absent when they are not of one mind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub cause: Option<Cause>,
    /// Viewers with trouble in the window.
    pub affected: u32,
    /// Viewers heard of in the window.
    pub total: u32,
    /// Share that usually has trouble, 0 to 1.
    pub baseline: f64,
    /// When it was raised.
    pub since_ms: i64,
    /// Tickets of those affected, at most 100, the newest first.
    pub tickets: Vec<i64>,
    /// When it faded; absent while it lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub resolved_ms: Option<i64>,
}

/// `GET /api/v1/incidents` and what agents are told: those that last, and those of the last day.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Incidents {
    /// The newest first.
    pub list: Vec<Incident>,
}
