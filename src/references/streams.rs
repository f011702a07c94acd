//! What is remembered of a stream between two looks at it: whether it goes on, and whether its picture moves.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::playlist::Playlist;

/// Streams remembered; those looked at longest ago are forgotten first.
const STREAMS_MAX: usize = 1_000;
/// A picture that moved so long ago says that standing still is not its nature. A page remembers as long; beyond it a talk
/// may have come to its slides.
const MOVED_MAX: Duration = Duration::from_secs(60);
/// What was seen longer ago is no measure for how old the newest segment is: nobody looked in between.
const SEEN_MAX: Duration = Duration::from_secs(10 * 60);
/// A stream may be late by so many target durations.
const LATE_TARGETS: f64 = 3.0;
/// A stream tells something new after so many target durations at the latest (RFC 8216, 6.2.1).
pub(super) const NEWS_TARGETS: f64 = 1.5;

/// Streams by the address of their playlist.
#[derive(Debug, Default)]
pub(super) struct Streams(HashMap<String, Stream>);

#[derive(Debug)]
struct Stream {
    touched: Instant,
    edge: Option<Edge>,
    moved: Option<Instant>,
}

/// The newest segment of a playlist.
#[derive(Debug)]
struct Edge {
    number: u64,
    uri: String,
    /// When it was first seen, and last.
    since: Instant,
    seen: Instant,
}

/// How old a playlist's newest segment is beyond what it may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Staleness {
    /// As it should be, or so much older, s; it was watched standing still.
    Watched(f64),
    /// So much older by its own date, s. Broadcasts may be dated otherwise: it needs a second look.
    Dated(f64),
    /// Nothing can be said yet.
    Unknown,
}

impl Streams {
    /// Notes a playlist that was just fetched.
    pub(super) fn note(&mut self, uri: &str, playlist: &Playlist, now: Instant, now_ms: i64) -> Staleness {
        let Some((number, newest)) = playlist.edge().filter(|_| !playlist.ended && playlist.target_s > 0.0) else {
            return Staleness::Unknown;
        };
        let allowed_s = LATE_TARGETS * playlist.target_s;
        let dated_s = playlist.entries.back().and_then(|entry| entry.ended_at_ms).map(|ended_ms| {
            #[expect(clippy::cast_precision_loss, reason = "a distance of times of this century")]
            let age_s = now_ms.saturating_sub(ended_ms) as f64 / 1e3;
            age_s - allowed_s
        });
        let stream = self.stream(uri, now);
        let before = stream.edge.take().filter(|edge| now.duration_since(edge.seen) <= SEEN_MAX);
        // What has changed since a look not long ago is not old.
        let fresh = before.as_ref().is_some_and(|edge| {
            (edge.number, edge.uri.as_str()) != (number, newest)
                && now.duration_since(edge.seen).as_secs_f64() <= allowed_s
        });
        let stands = before.filter(|edge| edge.number == number && edge.uri == newest);
        let since = stands.as_ref().map_or(now, |edge| edge.since);
        stream.edge = Some(Edge { number, uri: newest.to_owned(), since, seen: now });
        let watched_s = now.duration_since(since).as_secs_f64();
        match dated_s {
            _ if fresh => Staleness::Watched(0.0),
            Some(late_s) if late_s <= 0.0 => Staleness::Watched(0.0),
            Some(late_s) if watched_s >= NEWS_TARGETS * playlist.target_s => Staleness::Watched(late_s),
            Some(late_s) => Staleness::Dated(late_s),
            None if stands.is_some() => Staleness::Watched((watched_s - allowed_s).max(0.0)),
            None => Staleness::Unknown,
        }
    }

    /// Notes that a stream's picture moves.
    pub(super) fn note_motion(&mut self, uri: &str, now: Instant) {
        self.stream(uri, now).moved = Some(now);
    }

    /// Whether a stream's picture moved not long ago.
    pub(super) fn moved(&self, uri: &str, now: Instant) -> bool {
        let moved = self.0.get(uri).and_then(|stream| stream.moved);
        moved.is_some_and(|moved| now.duration_since(moved) <= MOVED_MAX)
    }

    fn stream(&mut self, uri: &str, now: Instant) -> &mut Stream {
        if self.0.len() >= STREAMS_MAX && !self.0.contains_key(uri) {
            let oldest = self.0.iter().min_by_key(|(_, stream)| stream.touched).map(|(uri, _)| uri.clone());
            oldest.and_then(|uri| self.0.remove(&uri));
        }
        let stream = self.0.entry(uri.to_owned()).or_insert(Stream { touched: now, edge: None, moved: None });
        stream.touched = now;
        stream
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URI: &str = "https://cdn.example/live.m3u8";
    /// 2024-02-29T12:34:56Z.
    const AT_MS: i64 = 1_709_210_096_000;

    fn playlist(first: u64, dated: bool) -> Playlist {
        let date = if dated { "#EXT-X-PROGRAM-DATE-TIME:2024-02-29T12:34:56Z\n" } else { "" };
        let text =
            format!("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:{first}\n{date}#EXTINF:2,\n{first}.ts\n");
        Playlist::parse(&text).expect("a playlist")
    }

    #[test]
    fn a_stream_that_goes_on_is_not_stale() {
        let (mut streams, begin) = (Streams::default(), Instant::now());
        assert_eq!(streams.note(URI, &playlist(1, false), begin, AT_MS), Staleness::Unknown);
        let at = |seconds| begin + Duration::from_secs(seconds);
        assert_eq!(streams.note(URI, &playlist(3, true), at(5), AT_MS + 900_000), Staleness::Watched(0.0));
        assert_eq!(streams.note(URI, &playlist(4, false), at(7), AT_MS), Staleness::Watched(0.0));
        // It went on since, and may stand now.
        assert_eq!(streams.note(URI, &playlist(9, false), at(37), AT_MS), Staleness::Unknown);
        assert_eq!(streams.note(URI, &playlist(10, true), at(67), AT_MS + 20_000), Staleness::Dated(12.0));
    }

    #[test]
    fn one_that_stands_is_stale_by_what_was_watched() {
        let (mut streams, begin) = (Streams::default(), Instant::now());
        streams.note(URI, &playlist(1, false), begin, AT_MS);
        let at = |seconds| begin + Duration::from_secs(seconds);
        assert_eq!(streams.note(URI, &playlist(1, false), at(5), AT_MS), Staleness::Watched(0.0));
        assert_eq!(streams.note(URI, &playlist(1, false), at(20), AT_MS), Staleness::Watched(14.0));
        // Nobody looked for long: it may have gone on and begun anew.
        assert_eq!(streams.note(URI, &playlist(1, false), at(4_000), AT_MS), Staleness::Unknown);
    }

    #[test]
    fn a_date_is_a_suspicion() {
        let mut streams = Streams::default();
        let note =
            |streams: &mut Streams, late_ms| streams.note(URI, &playlist(1, true), Instant::now(), AT_MS + late_ms);
        assert_eq!(note(&mut streams, 20_000), Staleness::Dated(12.0));
        let later = Instant::now() + Duration::from_secs(4);
        assert_eq!(streams.note(URI, &playlist(1, true), later, AT_MS + 24_000), Staleness::Watched(16.0));
        assert_eq!(note(&mut Streams::default(), 6_000), Staleness::Watched(0.0));
        let mut ended = playlist(1, true);
        ended.ended = true;
        assert_eq!(streams.note("other", &ended, Instant::now(), AT_MS + 99_000), Staleness::Unknown);
    }

    #[test]
    fn motion_is_remembered_for_a_while_and_for_so_many() {
        let (mut streams, begin) = (Streams::default(), Instant::now());
        streams.note_motion(URI, begin);
        assert!(streams.moved(URI, begin + MOVED_MAX));
        assert!(!streams.moved(URI, begin + MOVED_MAX * 2));
        for number in 0..STREAMS_MAX {
            streams.note_motion(&number.to_string(), begin + Duration::from_secs(1));
        }
        assert!(!streams.moved(URI, begin));
        assert_eq!(streams.0.len(), STREAMS_MAX);
    }
}
