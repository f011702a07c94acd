//! Reading a media playlist (RFC 8216): as much of it as finding one segment and its age takes. Pure; the text comes from
//! another host and may hold anything.

use std::collections::VecDeque;

/// Most segments kept, the newest; a window of five hours at 2 s.
const ENTRIES_MAX: usize = 10_000;
/// Longest line that is looked at, bytes; addresses have under 2,000.
const LINE_BYTES_MAX: usize = 8 * 1024;
/// Longest segment believed, s.
const SEGMENT_S_MAX: f64 = 600.0;

/// A part of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ByteRange {
    /// First byte.
    pub(super) from: u64,
    /// How many; at least 1.
    pub(super) len: u64,
}

/// A file, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Resource {
    /// As it stands in the playlist, mostly relative to it.
    pub(super) uri: String,
    /// The part that is meant; all of it if absent.
    pub(super) range: Option<ByteRange>,
}

/// A segment.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    /// Its bytes.
    pub(super) media: Resource,
    /// Its initialisation segment.
    pub(super) init: Option<Resource>,
    /// Media in it, s.
    pub(super) duration_s: f64,
    /// When its end was on air, ms since the Unix epoch, where the playlist dates its segments.
    pub(super) ended_at_ms: Option<i64>,
    /// Its bytes cannot be read without a key.
    pub(super) encrypted: bool,
}

/// A media playlist.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Playlist {
    /// `EXT-X-TARGETDURATION`, s; 0 when it has none.
    pub(super) target_s: f64,
    /// Number of the first entry, as the playlist counts.
    pub(super) first_sequence: u64,
    /// Nothing will be added.
    pub(super) ended: bool,
    /// The segments, oldest first.
    pub(super) entries: VecDeque<Entry>,
}

impl Playlist {
    /// Reads a playlist; `None` for what is none, or lists variants instead of segments.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut lines = text.trim_start_matches('\u{feff}').lines().map(str::trim);
        if lines.next()? != "#EXTM3U" {
            return None;
        }
        let mut reading = Reading::default();
        for line in lines.filter(|line| !line.is_empty() && line.len() <= LINE_BYTES_MAX) {
            match line.strip_prefix('#') {
                None => reading.uri(line),
                Some(tag) => {
                    let (name, value) = tag.split_once(':').unwrap_or((tag, ""));
                    if name == "EXT-X-STREAM-INF" {
                        return None;
                    }
                    reading.tag(name, value);
                }
            }
        }
        Some(reading.playlist)
    }

    /// What changes when something new is published: the number and the address of the newest segment.
    pub(super) fn edge(&self) -> Option<(u64, &str)> {
        let newest = self.entries.back()?;
        let number = self.first_sequence.saturating_add(self.entries.len() as u64);
        Some((number, newest.media.uri.as_str()))
    }
}

/// A playlist half read.
#[derive(Default)]
struct Reading {
    playlist: Playlist,
    duration_s: Option<f64>,
    range: Option<(u64, Option<u64>)>,
    init: Option<Resource>,
    encrypted: bool,
    /// When the next segment begins.
    begins_ms: Option<i64>,
    /// The file and the first byte after the last part of it.
    last_part: Option<(String, u64)>,
}

impl Reading {
    fn tag(&mut self, name: &str, value: &str) {
        match name {
            "EXTINF" => {
                let seconds = value.split(',').next().and_then(|text| text.trim().parse::<f64>().ok());
                self.duration_s = seconds.filter(|s| (0.0..=SEGMENT_S_MAX).contains(s));
            }
            "EXT-X-TARGETDURATION" => {
                let seconds = value.trim().parse::<f64>().ok().filter(|s| (0.0..=SEGMENT_S_MAX).contains(s));
                self.playlist.target_s = seconds.unwrap_or(0.0);
            }
            "EXT-X-MEDIA-SEQUENCE" => self.playlist.first_sequence = value.trim().parse().unwrap_or(0),
            "EXT-X-ENDLIST" => self.playlist.ended = true,
            "EXT-X-BYTERANGE" => self.range = byte_range(value),
            "EXT-X-PROGRAM-DATE-TIME" => self.begins_ms = date_time_ms(value.trim()),
            // The time goes on differently; the next date says how.
            "EXT-X-DISCONTINUITY" => self.begins_ms = None,
            "EXT-X-KEY" => self.encrypted = attribute(value, "METHOD").is_none_or(|method| method != "NONE"),
            "EXT-X-MAP" => {
                let range = attribute(value, "BYTERANGE").and_then(byte_range);
                let range = range.map(|(len, from)| ByteRange { from: from.unwrap_or(0), len });
                self.init = attribute(value, "URI").map(|uri| Resource { uri: uri.to_owned(), range });
            }
            _ => {}
        }
    }

    fn uri(&mut self, uri: &str) {
        let range = self.range.take().map(|(len, from)| {
            let follows = self.last_part.as_ref().filter(|(file, _)| file == uri).map(|(_, end)| *end);
            ByteRange { from: from.or(follows).unwrap_or(0), len }
        });
        self.last_part = range.map(|range| (uri.to_owned(), range.from.saturating_add(range.len)));
        // A line without its length is no segment.
        let Some(duration_s) = self.duration_s.take() else { return };
        #[expect(clippy::cast_possible_truncation, reason = "at most ten minutes")]
        let ended_at_ms = self.begins_ms.map(|begins| begins.saturating_add((duration_s * 1e3).round() as i64));
        self.begins_ms = ended_at_ms;
        let entries = &mut self.playlist.entries;
        if entries.len() >= ENTRIES_MAX {
            entries.pop_front();
            self.playlist.first_sequence = self.playlist.first_sequence.saturating_add(1);
        }
        entries.push_back(Entry {
            media: Resource { uri: uri.to_owned(), range },
            init: self.init.clone(),
            duration_s,
            ended_at_ms,
            encrypted: self.encrypted,
        });
    }
}

/// `length[@offset]`.
fn byte_range(text: &str) -> Option<(u64, Option<u64>)> {
    let (len, from) = match text.trim().split_once('@') {
        Some((len, from)) => (len, Some(from.parse().ok()?)),
        None => (text.trim(), None),
    };
    Some((len.parse().ok().filter(|len| *len > 0)?, from))
}

/// A value of an attribute list, without its quotes.
fn attribute<'a>(list: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = list.trim();
    while !rest.is_empty() {
        let (key, after) = rest.split_once('=')?;
        let (value, next) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').map(|(value, next)| (value, next.trim_start_matches([' ', ','])))?,
            None => after.split_once(',').unwrap_or((after, "")),
        };
        if key.trim() == name {
            return Some(value.trim());
        }
        rest = next;
    }
    None
}

/// `2024-02-29T12:34:56.789+01:00` as ms since the Unix epoch; `None` for what is no such time.
fn date_time_ms(text: &str) -> Option<i64> {
    let number = |from: usize, to: usize| -> Option<i64> {
        text.get(from..to)?.bytes().all(|b| b.is_ascii_digit()).then(|| text.get(from..to)?.parse().ok())?
    };
    let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if separators.iter().any(|(at, separator)| text.as_bytes().get(*at) != Some(separator)) {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hours, minutes, seconds) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    if !(1970..=2286).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let rest = text.get(19..)?;
    let digits = rest.strip_prefix('.').map_or(0, |rest| rest.bytes().take_while(u8::is_ascii_digit).count());
    let fraction_ms = match digits {
        0 => 0,
        // Three digits are all that counts.
        digits => format!("{:0<3}", rest.get(1..=digits.min(3))?).parse().ok()?,
    };
    let zone = if digits > 0 { rest.get(digits + 1..)? } else { rest };
    let day_ms = days_since_1970(year, month, day) * 86_400_000;
    Some(day_ms + ((hours * 60 + minutes) * 60 + seconds) * 1_000 + fraction_ms - zone_minutes(zone)? * 60_000)
}

/// Minutes east of Greenwich; none said is Greenwich.
fn zone_minutes(zone: &str) -> Option<i64> {
    let (sign, rest) = match zone.as_bytes().first() {
        None | Some(b'Z' | b'z') => return Some(0),
        Some(b'+') => (1, zone.get(1..)?),
        Some(b'-') => (-1, zone.get(1..)?),
        Some(_) => return None,
    };
    let digits: String = rest.chars().filter(|c| *c != ':').collect();
    let minutes = match digits.len() {
        2 => digits.parse::<i64>().ok()? * 60,
        4 => digits.get(..2)?.parse::<i64>().ok()? * 60 + digits.get(2..)?.parse::<i64>().ok()?,
        _ => return None,
    };
    Some(sign * minutes)
}

/// Days from 1970-01-01 to a date of the Gregorian calendar, counted in years that begin in March.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIVE: &str = "#EXTM3U\r\n#EXT-X-VERSION:6\r\n#EXT-X-TARGETDURATION:2\r\n#EXT-X-MEDIA-SEQUENCE:7\r\n\
        #EXT-X-MAP:URI=\"init, a.mp4\",BYTERANGE=\"700@16\"\r\n#EXT-X-PROGRAM-DATE-TIME:2024-02-29T12:34:56.789Z\r\n\
        #EXTINF:2.000,\r\n7.m4s\r\n#EXT-X-KEY:METHOD=AES-128,URI=\"k,METHOD=NONE\"\r\n#EXTINF:1.5,title\r\n8.m4s?token=1\r\n";

    #[test]
    fn segments_have_their_place_time_and_key() {
        let playlist = Playlist::parse(LIVE).expect("a playlist");
        assert_eq!((playlist.target_s, playlist.first_sequence, playlist.ended), (2.0, 7, false));
        assert_eq!(playlist.edge(), Some((9, "8.m4s?token=1")));
        let [first, second] = [&playlist.entries[0], &playlist.entries[1]];
        assert_eq!(first.ended_at_ms, Some(1_709_210_096_789 + 2_000));
        assert_eq!(second.ended_at_ms, Some(1_709_210_096_789 + 3_500));
        assert_eq!((first.encrypted, second.encrypted), (false, true));
        let init = Resource { uri: "init, a.mp4".to_owned(), range: Some(ByteRange { from: 16, len: 700 }) };
        assert_eq!(second.init.as_ref(), Some(&init));
    }

    #[test]
    fn parts_of_one_file_follow_each_other() {
        let text = "#EXTM3U\n#EXTINF:4,\n#EXT-X-BYTERANGE:100@50\nall.ts\n#EXTINF:4,\n#EXT-X-BYTERANGE:30\nall.ts\n#EXT-X-ENDLIST\n";
        let playlist = Playlist::parse(text).expect("a playlist");
        let ranges: Vec<_> = playlist.entries.iter().filter_map(|entry| entry.media.range).collect();
        assert_eq!(ranges, [ByteRange { from: 50, len: 100 }, ByteRange { from: 150, len: 30 }]);
        assert!(playlist.ended);
    }

    #[test]
    fn dates_of_any_zone_are_read() {
        let at = 1_709_210_096_000;
        assert_eq!(date_time_ms("2024-02-29T12:34:56Z"), Some(at));
        assert_eq!(date_time_ms("2024-02-29T13:34:56.5+01:00"), Some(at + 500));
        assert_eq!(date_time_ms("2024-02-29T07:04:56.123456-0530"), Some(at + 123));
        assert_eq!(date_time_ms("2024-02-29T12:34:56"), Some(at));
        for wrong in [
            "",
            "2024",
            "2024-02-29 12:34:56Z",
            "2024-13-01T00:00:00Z",
            "2024-02-29T12:34:56.",
            "2024-02-29T12:34:56+1",
        ] {
            assert_eq!(date_time_ms(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn hostile_ones_are_none_or_bounded() {
        assert_eq!(Playlist::parse(""), None);
        assert_eq!(Playlist::parse("<html>"), None);
        assert_eq!(Playlist::parse("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na.m3u8\n"), None);
        let many = format!("#EXTM3U\n{}", "#EXTINF:1,\na.ts\n".repeat(ENTRIES_MAX + 5));
        let playlist = Playlist::parse(&many).expect("a playlist");
        assert_eq!((playlist.entries.len(), playlist.first_sequence), (ENTRIES_MAX, 5));
        let wrong = "#EXTM3U\n#EXT-X-TARGETDURATION:NaN\n#EXT-X-MEDIA-SEQUENCE:-1\n#EXTINF:inf,\na\n#EXTINF:-1,\nb\n\
                     #EXT-X-BYTERANGE:0@0\n#EXT-X-BYTERANGE:18446744073709551615@18446744073709551615\n#EXTINF:1,\nc\n";
        let playlist = Playlist::parse(wrong).expect("a playlist");
        assert_eq!((playlist.target_s, playlist.entries.len()), (0.0, 1));
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(
            lines in proptest::collection::vec("(#EXT[-A-Z]{0,24}:?)?[-0-9A-Z.:@=\",é\u{1f600}]{0,40}", 0..20),
            date in "[-0-9TZ:.+é]{0,40}",
        ) {
            let _ = Playlist::parse(&format!("#EXTM3U\n#EXT-X-PROGRAM-DATE-TIME:{date}\n{}", lines.join("\n")));
            let _ = date_time_ms(&date);
        }
    }
}
