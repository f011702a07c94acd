//! Other media servers: a publisher's and a player's end at each, so that the same phases can be measured there.
//!
//! There is no chat, no agent and no invitation at these. A pair of ends stands for a viewer and its agent: both have their
//! signaling open before the consent, as they have with Sightline.

mod http;
mod janus;

use std::fmt;
use std::str::FromStr;

use tokio::time::Instant;

use crate::client::{DialOptions, DialTimings};
use crate::engine::Peer;
use crate::target::{Target, TargetError};
use http::{Endpoint, HttpPair};
use janus::JanusPair;

/// Whose ends are played.
#[derive(Debug, Clone)]
pub enum Foreign {
    /// Janus, its videoroom plugin, over its WebSocket API.
    Janus(Target),
    /// WHIP (RFC 9725) to publish and WHEP (draft-ietf-wish-whep) to play.
    Whip {
        /// Where viewers publish.
        publish: Endpoint,
        /// Where agents play.
        play: Endpoint,
    },
}

impl Foreign {
    /// The server that is looked up, reached and checked; with WHIP and WHEP both are.
    #[must_use]
    pub fn targets(&self) -> Vec<&Target> {
        match self {
            Self::Janus(target) => vec![target],
            Self::Whip { publish, play } => vec![&publish.target, &play.target],
        }
    }

    /// The same with other settings for each target, such as whose certificates are believed.
    ///
    /// # Errors
    /// What `change` says.
    pub fn map<E>(self, mut change: impl FnMut(Target) -> Result<Target, E>) -> Result<Self, E> {
        Ok(match self {
            Self::Janus(target) => Self::Janus(change(target)?),
            Self::Whip { publish, play } => Self::Whip {
                publish: Endpoint { target: change(publish.target)?, path: publish.path },
                play: Endpoint { target: change(play.target)?, path: play.path },
            },
        })
    }

    /// Opens the signaling of a pair.
    ///
    /// # Errors
    /// A few words for counting.
    pub(crate) async fn open(&self, n: u64, options: &DialOptions) -> Result<Pair, String> {
        Ok(match self {
            Self::Janus(target) => Pair::Janus(Box::new(JanusPair::open(target, n, options).await?)),
            Self::Whip { publish, play } => Pair::Http(Box::new(HttpPair::open(publish, play, n, options).await?)),
        })
    }
}

impl FromStr for Foreign {
    type Err = TargetError;

    /// `janus:ws://HOST:8188` or `whip:URL,whep:URL`; `{n}` in a URL is the number of the viewer.
    fn from_str(text: &str) -> Result<Self, TargetError> {
        if let Some(url) = text.strip_prefix("janus:") {
            return Ok(Self::Janus(Target::parse(url)?));
        }
        let malformed = || TargetError::Malformed(text.to_owned());
        let (publish, play) = text.split_once(",whep:").ok_or_else(malformed)?;
        let publish = publish.strip_prefix("whip:").ok_or_else(malformed)?;
        Ok(Self::Whip { publish: publish.parse()?, play: play.parse()? })
    }
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Janus(target) => write!(f, "janus:{}", target.base()),
            Self::Whip { publish, play } => write!(f, "whip:{publish},whep:{play}"),
        }
    }
}

/// The signaling of a publisher and of its player.
pub(crate) enum Pair {
    /// Two WebSockets to Janus, in a room of their own.
    Janus(Box<JanusPair>),
    /// Two HTTP connections.
    Http(Box<HttpPair>),
}

impl Pair {
    /// Steps of the publisher's dial.
    pub(crate) fn dialed(&self) -> DialTimings {
        match self {
            Self::Janus(pair) => pair.dialed(),
            Self::Http(pair) => pair.dialed(),
        }
    }

    /// From the open connection to where an offer can be made: a session, a plugin, a room. `None` where there is no such step.
    pub(crate) fn hello(&self) -> Option<std::time::Duration> {
        match self {
            Self::Janus(pair) => Some(pair.hello()),
            Self::Http(_) => None,
        }
    }

    /// Gives the publisher's offer; returns the answer.
    ///
    /// # Errors
    /// A few words for counting.
    pub(crate) async fn publish(&mut self, offer: String) -> Result<String, String> {
        match self {
            Self::Janus(pair) => pair.publish(offer).await,
            Self::Http(pair) => pair.publish(offer).await,
        }
    }

    /// Negotiates the player's connection. What is published must have been answered.
    ///
    /// # Errors
    /// A few words for counting.
    pub(crate) async fn play(&mut self, player: &mut Peer) -> Result<(), String> {
        match self {
            Self::Janus(pair) => pair.play(player).await,
            Self::Http(pair) => pair.play(player).await,
        }
    }

    /// Keeps both ends alive until a moment.
    ///
    /// # Errors
    /// A few words for counting.
    pub(crate) async fn idle_until(&mut self, at: Instant) -> Result<(), String> {
        match self {
            Self::Janus(pair) => pair.idle_until(at).await,
            Self::Http(_) => {
                tokio::time::sleep_until(at).await;
                Ok(())
            }
        }
    }

    /// Takes leave.
    pub(crate) async fn close(self) {
        match self {
            Self::Janus(pair) => pair.close().await,
            Self::Http(pair) => pair.close().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read_and_said_again() {
        let janus: Foreign = "janus:ws://127.0.0.1:8188".parse().unwrap();
        assert_eq!(janus.to_string(), "janus:http://127.0.0.1:8188");
        let text = "whip:http://h:80/whip/{n},whep:https://h:443/whep?id={n}";
        let whip: Foreign = text.parse().unwrap();
        assert_eq!(whip.to_string(), text);
        assert_eq!(whip.targets().len(), 2);
        for wrong in ["", "janus:", "whip:http://h/1", "whep:http://h/1,whip:http://h/1", "mediasoup:http://h"] {
            assert!(wrong.parse::<Foreign>().is_err(), "{wrong}");
        }
    }
}
