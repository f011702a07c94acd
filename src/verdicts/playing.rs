//! What a page plays, as its samples tell: the newest piece of media with the addresses that belong to it, and whether the
//! picture looks wrong. Kept beside the trace, which holds what is judged and no addresses.

use std::collections::VecDeque;

use diagnosis::LaneName;
use serde_json::Value;
use signaling::ConversationId;
use signaling::verdict::{Cause, Seen, VerdictBrief};

/// Longest address kept, bytes.
const URI_BYTES_MAX: usize = 2_048;
/// Seconds of pictures looked at, and how many of them must be bad.
const PICTURE_SECONDS: usize = 5;
const BAD_SECONDS: usize = 3;
/// Shares of a second's frames that make it bad: nothing but standing still or black, or damage in a third (as in the verdict).
const STILL: f64 = 0.9;
const DAMAGED: f64 = 0.3;
/// A request that has been under way for so long is waited for, ms.
const PENDING_MS: f64 = 2_000.0;
/// A piece of media says what the player plays for so long, ms.
const FRESH_MS: f64 = 60_000.0;

/// A piece of media that a page fetched. Addresses are the page's word and may be anything.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Played {
    /// Address of the segment.
    pub uri: String,
    /// Of its initialisation segment.
    pub init: Option<String>,
    /// Of its media playlist.
    pub playlist: Option<String>,
    /// The page was refused it.
    pub refused: bool,
    /// The player waits for what comes after it.
    pub waiting: bool,
}

/// A conversation whose viewer has trouble with the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InTrouble {
    /// Which.
    pub conversation: ConversationId,
    /// What the viewer played last.
    pub played: Played,
}

/// What is known of one page.
#[derive(Debug, Default)]
pub(super) struct Playing {
    newest: Option<(f64, Played)>,
    /// Time of the player's newest sample, whether it is meant to play, and whether it waits for data.
    player: Option<(f64, bool, bool)>,
    /// Whether each of the last seconds was bad.
    pictures: VecDeque<bool>,
}

impl Playing {
    /// Takes the samples of a block.
    pub(super) fn note(&mut self, lane: LaneName, samples: &[Value]) {
        for sample in samples {
            let Some(t_ms) = number(sample, "t") else { continue };
            match lane {
                LaneName::Segments => self.segment(t_ms, sample),
                LaneName::Player if self.player.is_none_or(|(newest, ..)| t_ms >= newest) => {
                    let is = |name: &str| sample.get(name).and_then(Value::as_bool) == Some(true);
                    let plays = !(is("paused") || is("hidden") || is("ended") || is("seeking"));
                    let waits = is("waiting") || number(sample, "pendingMs").is_some_and(|ms| ms >= PENDING_MS);
                    self.player = Some((t_ms, plays, waits));
                }
                LaneName::Picture => {
                    self.pictures.push_back(is_bad(sample));
                    if self.pictures.len() > PICTURE_SECONDS {
                        self.pictures.pop_front();
                    }
                }
                _ => {}
            }
        }
    }

    /// What is to be looked at, when the page is in trouble by its verdict or by its pictures; `None` when it is not, or
    /// does not say what it plays.
    pub(super) fn in_trouble(&self, verdict: &VerdictBrief) -> Option<Played> {
        self.troubled(
            verdict.when == Some(Seen::Now) && [Some(verdict.cause), verdict.also].iter().flatten().any(of_stream),
        )
    }

    fn troubled(&self, by_verdict: bool) -> Option<Played> {
        let (sampled_ms, plays, waiting) = self.player.unwrap_or((f64::NAN, false, false));
        let bad = self.pictures.iter().filter(|bad| **bad).count();
        let by_pictures = plays && bad >= BAD_SECONDS;
        if !(by_verdict || by_pictures) {
            return None;
        }
        let (t_ms, played) = self.newest.as_ref()?;
        // Without samples of the player the segment is all there is.
        if sampled_ms - t_ms > FRESH_MS {
            return None;
        }
        Some(Played { waiting, ..played.clone() })
    }

    fn segment(&mut self, t_ms: f64, segment: &Value) {
        let address = |name: &str| {
            let text = segment.get(name)?.as_str()?;
            (!text.is_empty() && text.len() <= URI_BYTES_MAX).then(|| text.to_owned())
        };
        let Some(uri) = address("uri").filter(|_| self.newest.as_ref().is_none_or(|(newest, _)| t_ms >= *newest))
        else {
            return;
        };
        let refused = segment.get("error").is_some() || number(segment, "status").is_some_and(|status| status >= 400.0);
        let played = Played { uri, init: address("init"), playlist: address("playlist"), refused, waiting: false };
        self.newest = Some((t_ms, played));
    }
}

/// Causes that a look at the stream speaks for or against.
fn of_stream(cause: &Cause) -> bool {
    match cause {
        Cause::ViewerNetwork
        | Cause::ViewerDevice
        | Cause::PlatformDelivery
        | Cause::PlatformSource
        | Cause::Undetermined => true,
        Cause::MediaServer | Cause::AgentNetwork | Cause::AgentDevice | Cause::NoneObserved => false,
    }
}

fn is_bad(picture: &Value) -> bool {
    let beyond = |names: &[&str], limit| names.iter().any(|name| number(picture, name).is_some_and(|n| n >= limit));
    beyond(&["frozen", "black"], STILL) || beyond(&["corrupt", "blocky", "striped", "torn", "banded"], DAMAGED)
}

fn number(sample: &Value, name: &str) -> Option<f64> {
    sample.get(name)?.as_f64().filter(|number| number.is_finite())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn playing() -> Playing {
        let mut playing = Playing::default();
        let segments = [
            json!({"t": 2_000, "uri": "https://cdn.example/2.m4s", "init": "https://cdn.example/init.mp4", "status": 200}),
            json!({"t": 1_000, "uri": "https://cdn.example/1.m4s"}),
            json!({"t": 3_000, "host": "cdn.example"}),
            json!({"t": 4_000, "uri": "x".repeat(URI_BYTES_MAX + 1)}),
            json!({"uri": "https://cdn.example/9.m4s"}),
            json!(["uri"]),
        ];
        playing.note(LaneName::Segments, &segments);
        playing.note(LaneName::Player, &[json!({"t": 3_000, "paused": false, "waiting": true})]);
        playing
    }

    #[test]
    fn the_newest_piece_with_an_address_is_what_is_played() {
        let played = playing().troubled(true).expect("it plays");
        assert_eq!((played.uri.as_str(), played.waiting, played.refused), ("https://cdn.example/2.m4s", true, false));
        assert_eq!((played.init.as_deref(), played.playlist), (Some("https://cdn.example/init.mp4"), None));
        assert_eq!(playing().troubled(false), None);
    }

    #[test]
    fn bad_pictures_are_trouble_while_it_plays() {
        let mut playing = playing();
        playing.note(LaneName::Picture, &[json!({"t": 1, "frozen": 1}), json!({"t": 2, "frozen": 0.95})]);
        assert_eq!(playing.troubled(false), None);
        playing.note(LaneName::Picture, &[json!({"t": 3, "frozen": 0.2}), json!({"t": 4, "torn": 0.4})]);
        assert!(playing.troubled(false).is_some());
        playing.note(LaneName::Player, &[json!({"t": 4_000, "paused": true})]);
        assert_eq!(playing.troubled(false), None);
    }

    #[test]
    fn what_was_played_long_ago_is_not_looked_at() {
        let mut playing = playing();
        playing.note(LaneName::Player, &[json!({"t": 70_000})]);
        assert_eq!(playing.troubled(true), None);
    }
}
