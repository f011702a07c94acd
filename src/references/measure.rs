//! One look at what a viewer played: the segment from its host, timed; its pictures; and whether its stream goes on.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use diagnosis::model::{FetchError, Reference};
use reqwest::Url;

use super::client::{Answer, BoundedClient, Failure};
use super::pictures::{Container, Look, Looked, PictureProbe};
use super::playlist::{Entry, Playlist, Resource};
use super::streams::{NEWS_TARGETS, Staleness, Streams};
use crate::clock;
use crate::verdicts::Played;

/// Longest time between two looks at a playlist whose date is old; a stream with longer segments is not judged by its date.
const SECOND_LOOK_MAX: Duration = Duration::from_secs(12);
/// Below this share of its time a picture that stands still has moved.
const MOVES_BELOW: f64 = 0.5;

/// What came of a look.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Outcome {
    /// This.
    Measured(Box<Reference>),
    /// Nothing that says something about the stream, and why, as the metric has it.
    Nothing(&'static str),
}

/// What looks.
pub(super) struct Measurer {
    client: BoundedClient,
    pictures: Option<PictureProbe>,
    streams: Mutex<Streams>,
}

/// A playlist that was read, with its address and when.
struct Read {
    url: Url,
    playlist: Playlist,
    staleness: Staleness,
    at: Instant,
}

/// What is fetched, and what is known of it.
struct Target<'a> {
    url: Url,
    /// Its place in the playlist, if it has one.
    entry: Option<&'a Entry>,
}

impl Measurer {
    pub(super) fn new(client: BoundedClient, pictures: Option<PictureProbe>) -> Self {
        Self { client, pictures, streams: Mutex::default() }
    }

    /// Looks at what was played.
    pub(super) async fn measure(&self, played: &Played) -> Outcome {
        let Some(url) = self.client.check(&played.uri) else { return Outcome::Nothing("not_allowed") };
        let read = self.read_playlist(played.playlist.as_deref()).await;
        let target = target(read.as_ref(), url, played.waiting);
        let range = target.entry.and_then(|entry| entry.media.range);
        let fetched = self.client.get(&target.url, range).await;
        let mut reference = Reference { t: Some(clock::now_ms_f64().round()), ..Reference::default() };
        reference.media_s = target.entry.map(|entry| entry.duration_s);
        match fetched {
            // A page that was told nothing by its player may name the piece that holds no media.
            Ok(answer) if answer.status < 300 && super::pictures::is_only_head(&answer.body) => {
                return Outcome::Nothing("no_media");
            }
            Ok(answer) if answer.status < 300 => {
                timed(&mut reference, &answer);
                self.inspect(&mut reference, played, read.as_ref(), &target, answer.body).await;
            }
            Ok(answer) => {
                // Without the page's own query a host may refuse us what it gives to viewers, and what is gone by now was
                // there for them.
                let ours_alone = answer.status < 500 && target.entry.is_none() && !played.refused;
                if ours_alone || matches!(answer.status, 300..=399 | 401 | 403 | 407 | 429 | 451) {
                    return Outcome::Nothing("refused");
                }
                timed(&mut reference, &answer);
                reference.error = Some(FetchError::Http);
            }
            Err(Failure::NotAllowed) => return Outcome::Nothing("not_allowed"),
            Err(Failure::TooLarge) => return Outcome::Nothing("too_large"),
            Err(Failure::Network) => reference.error = Some(FetchError::Network),
            Err(Failure::Timeout) => {
                reference.error = Some(FetchError::Timeout);
                reference.duration_ms = Some(self.client.limit.as_secs_f64() * 1e3);
            }
        }
        reference.stale_s = match read {
            Some(read) => self.stale_s(read).await,
            None => None,
        };
        Outcome::Measured(Box::new(reference))
    }

    async fn read_playlist(&self, uri: Option<&str>) -> Option<Read> {
        let url = self.client.check(uri?)?;
        let answer = self.client.get(&url, None).await.ok().filter(|answer| answer.status < 300)?;
        let playlist = Playlist::parse(&String::from_utf8_lossy(&answer.body))?;
        let at = Instant::now();
        let staleness = self.streams().note(url.as_str(), &playlist, at, clock::now_ms());
        Some(Read { url, playlist, staleness, at })
    }

    /// Looks into what came.
    async fn inspect(
        &self,
        reference: &mut Reference,
        played: &Played,
        read: Option<&Read>,
        target: &Target<'_>,
        media: Vec<u8>,
    ) {
        if target.entry.is_some_and(|entry| entry.encrypted) {
            return;
        }
        let container = Container::of(&media);
        // What a playlist lists without a key has to be media; of anything else we may not know what it is.
        let must_be_media =
            target.entry.is_some_and(|entry| entry.init.is_some() || target.url.path().ends_with(".ts"));
        if container.is_none() && must_be_media {
            reference.error = Some(FetchError::Parsing);
        }
        let Some(container) = container else { return };
        let init = self.init_of(played, read, target).await;
        match self.look(container, init.as_deref(), media).await {
            Look::Seen(looked) => {
                reference.frozen = Some(looked.frozen);
                reference.black = Some(looked.black);
                reference.corrupt = Some(looked.corrupt);
                if let (Some(read), Some(_)) = (read, target.entry) {
                    reference.moved_before = self.moved_before(read, target, looked, init.as_deref()).await;
                }
            }
            Look::Unreadable if must_be_media => reference.error = Some(FetchError::Parsing),
            Look::Unreadable | Look::Nothing => {}
        }
    }

    /// The initialisation segment that belongs to the target, where there are pictures to be looked at.
    async fn init_of(&self, played: &Played, read: Option<&Read>, target: &Target<'_>) -> Option<Vec<u8>> {
        self.pictures.as_ref()?;
        let (url, range) = match (read, target.entry) {
            (Some(read), Some(entry)) => {
                let Resource { uri, range } = entry.init.as_ref()?;
                (read.url.join(uri).ok()?, *range)
            }
            _ => (self.client.check(played.init.as_deref()?)?, None),
        };
        let answer = self.client.get(&url, range).await.ok().filter(|answer| answer.status < 300)?;
        // Protected samples look like damage.
        let protected = answer.body.windows(4).any(|kind| matches!(kind, b"encv" | b"sinf"));
        (!protected).then_some(answer.body)
    }

    async fn look(&self, container: Container, init: Option<&[u8]>, media: Vec<u8>) -> Look {
        let Some(pictures) = &self.pictures else { return Look::Nothing };
        match (container, init) {
            // Boxes are nothing without their head, unless they bring it along.
            (Container::Boxes, None) if !media.windows(4).take(4_096).any(|kind| kind == b"moov") => Look::Nothing,
            (_, init) => pictures.look(container, [init.unwrap_or_default(), &media].concat()).await,
        }
    }

    /// Whether the stream's picture moves by nature: this segment does, or one did not long ago, or the oldest there is.
    async fn moved_before(&self, read: &Read, target: &Target<'_>, now: Looked, init: Option<&[u8]>) -> Option<bool> {
        let stream = read.url.as_str();
        if now.frozen < MOVES_BELOW {
            // What is damaged changes, too.
            if now.corrupt < MOVES_BELOW {
                self.streams().note_motion(stream, Instant::now());
            }
            return None;
        }
        if self.streams().moved(stream, Instant::now()) {
            return Some(true);
        }
        let oldest =
            read.playlist.entries.front().filter(|oldest| Some(*oldest) != target.entry && !oldest.encrypted)?;
        let url = read.url.join(&oldest.media.uri).ok()?;
        let answer = self.client.get(&url, oldest.media.range).await.ok().filter(|answer| answer.status < 300)?;
        let same_head = target.entry.is_some_and(|entry| entry.init == oldest.init);
        let container = Container::of(&answer.body).filter(|_| same_head)?;
        let Look::Seen(looked) = self.look(container, init, answer.body).await else { return None };
        let moved = looked.frozen < MOVES_BELOW;
        if moved {
            self.streams().note_motion(stream, Instant::now());
        }
        Some(moved)
    }

    /// How much older the playlist's newest segment is than it may be, s. A date alone is believed when nothing new came for
    /// as long as something has to.
    async fn stale_s(&self, read: Read) -> Option<f64> {
        let late_s = match read.staleness {
            Staleness::Unknown => return None,
            Staleness::Watched(late_s) => return Some(late_s),
            Staleness::Dated(late_s) => late_s,
        };
        let news_within = Duration::from_secs_f64(read.playlist.target_s * NEWS_TARGETS);
        if news_within > SECOND_LOOK_MAX {
            return None;
        }
        tokio::time::sleep(news_within.saturating_sub(read.at.elapsed())).await;
        let again = self.read_playlist(Some(read.url.as_str())).await?;
        Some(if again.playlist.edge() == read.playlist.edge() { late_s } else { 0.0 })
    }

    fn streams(&self) -> MutexGuard<'_, Streams> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The segment to fetch: what was played, or what follows it when the player waits for that. What the playlist does not
/// list any more is stood in for by its newest. Addresses are the playlist's, which may carry a query that pages keep.
fn target<'a>(read: Option<&'a Read>, played: Url, waiting: bool) -> Target<'a> {
    let Some(read) = read else { return Target { url: played, entry: None } };
    let entries = &read.playlist.entries;
    let place =
        entries.iter().rposition(|entry| read.url.join(&entry.media.uri).is_ok_and(|url| same_file(&url, &played)));
    let place = match place {
        Some(place) if waiting && place + 1 < entries.len() => Some(place + 1),
        Some(place) => Some(place),
        // A recording is listed whole: what is not in it is something else.
        None if read.playlist.ended => None,
        None => entries.len().checked_sub(1),
    };
    let listed = place.and_then(|place| {
        let entry = entries.get(place)?;
        Some(Target { url: read.url.join(&entry.media.uri).ok()?, entry: Some(entry) })
    });
    listed.unwrap_or(Target { url: played, entry: None })
}

fn same_file(a: &Url, b: &Url) -> bool {
    a.origin() == b.origin() && a.path() == b.path()
}

fn timed(reference: &mut Reference, answer: &Answer) {
    let tenths = |ms: f64| (ms * 10.0).round() / 10.0;
    reference.status = Some(f64::from(answer.status));
    reference.ttfb_ms = Some(tenths(answer.ttfb_ms));
    reference.duration_ms = Some(tenths(answer.duration_ms));
    #[expect(clippy::cast_precision_loss, reason = "bounded by the client")]
    let bytes = answer.body.len() as f64;
    reference.bytes = Some(bytes).filter(|bytes| *bytes > 0.0);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Read {
        Read {
            url: Url::parse("https://cdn.example/live/720p/index.m3u8").expect("an address"),
            playlist: Playlist::parse(text).expect("a playlist"),
            staleness: Staleness::Unknown,
            at: Instant::now(),
        }
    }

    const LIVE: &str = "#EXTM3U\n#EXTINF:2,\n1.m4s?t=1\n#EXTINF:2,\n2.m4s?t=2\n#EXTINF:2,\n3.m4s?t=3\n";

    fn chosen(text: &str, played: &str, waiting: bool) -> (String, bool) {
        let (read, played) = (read(text), Url::parse(played).expect("an address"));
        let target = target(Some(&read), played, waiting);
        (
            target.url.path().rsplit('/').next().unwrap_or_default().to_owned() + target.url.query().unwrap_or(""),
            target.entry.is_some(),
        )
    }

    #[test]
    fn the_segment_is_the_playlists_with_its_query() {
        let played = "https://cdn.example/live/720p/2.m4s";
        assert_eq!(chosen(LIVE, played, false), ("2.m4st=2".to_owned(), true));
        assert_eq!(chosen(LIVE, played, true), ("3.m4st=3".to_owned(), true));
        assert_eq!(chosen(LIVE, "https://cdn.example/live/720p/3.m4s", true), ("3.m4st=3".to_owned(), true));
        assert_eq!(chosen(LIVE, "https://cdn.example/live/720p/0.m4s", false), ("3.m4st=3".to_owned(), true));
        assert_eq!(chosen(LIVE, "https://other.example/live/720p/1.m4s", false), ("3.m4st=3".to_owned(), true));
        let ended = format!("{LIVE}#EXT-X-ENDLIST\n");
        assert_eq!(chosen(&ended, "https://cdn.example/live/720p/0.m4s", false), ("0.m4s".to_owned(), false));
        assert_eq!(chosen("#EXTM3U\n", played, true), ("2.m4s".to_owned(), false));
    }
}
