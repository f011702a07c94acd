//! The demo's live stream: an endless HLS broadcast (RFC 8216) of the embedded clip.
//!
//! Stateless: every playlist and segment is a function of its address and of the wall clock, so that any number of
//! servers, and one restarted in between, show the same broadcast. Segment `n` covers `n * SEGMENT_MS` after
//! [`ORIGIN_MS`] and is published once that time is over, as if an encoder had just finished it.

use std::fmt::Write as _;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::clip::{self, Rendition, SEGMENT_MS};
use crate::clock;

/// When the broadcast began: 2024-01-01T00:00:00Z, before any clock that is set; keeps decode times small.
pub const ORIGIN_MS: i64 = 1_704_067_200_000;
/// Segments a playlist lists. Players start three target durations (6 s) before its end and may lag six more.
pub const WINDOW: u64 = 6;
/// Segments that can be had; older ones are gone, as in any broadcast. Room for a player that was paused for a minute.
pub const KEPT: u64 = 36;

/// Reads the clock: milliseconds since the Unix epoch.
type Clock = fn() -> i64;

/// The stream's routes, `/live/demo/index.m3u8` and what it refers to. Open to every origin: it is a public broadcast.
pub fn router() -> Router<()> {
    router_at(clock::now_ms)
}

/// [`router`] by another clock, for tests.
pub fn router_at(clock: Clock) -> Router<()> {
    Router::new()
        .route("/live/demo/index.m3u8", get(master))
        .route("/live/demo/{rendition}/{file}", get(file))
        .with_state(clock)
}

async fn master() -> Response {
    match clip::renditions() {
        Ok(renditions) => playlist(master_playlist(renditions), "max-age=60"),
        Err(error) => broken(error),
    }
}

async fn file(State(clock): State<Clock>, Path((name, file)): Path<(String, String)>) -> Response {
    let renditions = match clip::renditions() {
        Ok(renditions) => renditions,
        Err(error) => return broken(error),
    };
    let Some(rendition) = renditions.iter().find(|rendition| rendition.name == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    match file.as_str() {
        // A playlist is out of date after half a segment (RFC 8216 §6.3.4); caches must ask again.
        "index.m3u8" => playlist(media_playlist(clock()), "no-cache"),
        "init.mp4" => media("video/mp4", rendition.init.clone(), "public, max-age=86400"),
        _ => segment(rendition, &file, clock()),
    }
}

fn segment(rendition: &Rendition, file: &str, now_ms: i64) -> Response {
    let sequence = file.strip_suffix(".m4s").and_then(|number| number.parse::<u64>().ok());
    let end = published(now_ms);
    match sequence {
        Some(sequence) if sequence < end && end - sequence <= KEPT => {
            media("video/iso.segment", rendition.segment(sequence), "public, max-age=3600, immutable")
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Segments published so far: the sequence number after the newest.
fn published(now_ms: i64) -> u64 {
    now_ms.saturating_sub(ORIGIN_MS).max(0) as u64 / SEGMENT_MS
}

fn master_playlist(renditions: &[Rendition]) -> String {
    let mut text = String::from("#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-INDEPENDENT-SEGMENTS\n");
    for rendition in renditions {
        let Rendition { name, resolution, codecs, peak_bps, mean_bps, .. } = rendition;
        let _ = writeln!(
            text,
            "#EXT-X-STREAM-INF:BANDWIDTH={peak_bps},AVERAGE-BANDWIDTH={mean_bps},RESOLUTION={resolution},\
             FRAME-RATE=30.000,CODECS=\"{codecs}\"\n{name}/index.m3u8"
        );
    }
    text
}

pub(super) fn media_playlist(now_ms: i64) -> String {
    let end = published(now_ms);
    let first = end.saturating_sub(WINDOW);
    let seconds = SEGMENT_MS as f64 / 1e3;
    let mut text = format!(
        "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:{}\n#EXT-X-MEDIA-SEQUENCE:{first}\n\
         #EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-MAP:URI=\"init.mp4\"\n",
        SEGMENT_MS.div_ceil(1_000),
    );
    for sequence in first..end {
        let at = iso_8601(ORIGIN_MS + (sequence * SEGMENT_MS) as i64);
        let _ = writeln!(text, "#EXT-X-PROGRAM-DATE-TIME:{at}\n#EXTINF:{seconds:.3},\n{sequence}.m4s");
    }
    text
}

/// `2024-01-01T00:00:00.000Z` for a time from 1970 on, ms since the Unix epoch. The date by Hinnant's `civil_from_days`.
fn iso_8601(at_ms: i64) -> String {
    let (days, ms) = (at_ms.div_euclid(86_400_000), at_ms.rem_euclid(86_400_000));
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    let (hours, minutes, seconds) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}.{:03}Z", ms % 1_000)
}

fn playlist(text: String, cache: &'static str) -> Response {
    media("application/vnd.apple.mpegurl", text, cache)
}

fn media(content_type: &'static str, body: impl IntoResponse, cache: &'static str) -> Response {
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::HeaderName::from_static("timing-allow-origin"), HeaderValue::from_static("*"));
    response
}

fn broken(error: &clip::ClipError) -> Response {
    tracing::error!(%error, "the demo's clip cannot be played");
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use tower::ServiceExt as _;

    use super::*;

    const NOW_MS: i64 = ORIGIN_MS + 1_000_000_500;

    fn sequences(text: &str) -> Vec<u64> {
        text.lines().filter_map(|line| line.strip_suffix(".m4s")?.parse().ok()).collect()
    }

    async fn fetch(path: &str) -> Response {
        let request = Request::get(path).body(Body::empty()).expect("request");
        router_at(|| NOW_MS).oneshot(request).await.expect("infallible")
    }

    #[test]
    fn the_window_slides_by_one_a_segment_and_across_loops() {
        let mut last = None;
        for step in 0..5 * clip::SEGMENTS {
            let text = media_playlist(NOW_MS + (step * SEGMENT_MS) as i64);
            let window = sequences(&text);
            assert_eq!(window.len() as u64, WINDOW);
            assert!(window.windows(2).all(|pair| pair[1] == pair[0] + 1));
            assert!(text.contains(&format!("#EXT-X-MEDIA-SEQUENCE:{}\n", window[0])));
            assert!(!text.contains("DISCONTINUITY") && !text.contains("ENDLIST"));
            if let Some(last) = last {
                assert_eq!(window[0], last + 1);
            }
            last = Some(window[0]);
        }
    }

    #[test]
    fn no_segment_is_longer_than_the_target_duration() {
        let text = media_playlist(NOW_MS);
        assert!(text.contains("#EXT-X-TARGETDURATION:2\n"));
        assert_eq!(text.matches("#EXTINF:2.000,").count() as u64, WINDOW);
    }

    #[test]
    fn a_segment_is_listed_only_when_its_time_is_over() {
        let text = media_playlist(NOW_MS);
        let newest = *sequences(&text).last().expect("a segment");
        let ends_ms = ORIGIN_MS + ((newest + 1) * SEGMENT_MS) as i64;
        assert!(ends_ms <= NOW_MS && NOW_MS - ends_ms < SEGMENT_MS as i64);
    }

    #[test]
    fn a_clock_before_the_broadcast_gives_an_empty_one() {
        assert_eq!(sequences(&media_playlist(0)), Vec::<u64>::new());
        assert_eq!(sequences(&media_playlist(i64::MIN)), Vec::<u64>::new());
    }

    #[test]
    fn dates_are_right() {
        assert_eq!(iso_8601(ORIGIN_MS), "2024-01-01T00:00:00.000Z");
        assert_eq!(iso_8601(1_709_210_096_789), "2024-02-29T12:34:56.789Z");
        assert_eq!(iso_8601(1_798_761_599_999), "2026-12-31T23:59:59.999Z");
    }

    #[tokio::test]
    async fn what_the_playlists_name_can_be_fetched() {
        let master = fetch("/live/demo/index.m3u8").await;
        assert_eq!(master.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
        let text =
            String::from_utf8(to_bytes(master.into_body(), 1 << 16).await.expect("body").to_vec()).expect("text");
        assert!(text.contains("720p/index.m3u8") && text.contains("360p/index.m3u8"));
        for name in ["720p", "360p"] {
            let init = fetch(&format!("/live/demo/{name}/init.mp4")).await;
            assert_eq!(init.headers()[header::CONTENT_TYPE], "video/mp4");
            for sequence in sequences(&media_playlist(NOW_MS)) {
                let answer = fetch(&format!("/live/demo/{name}/{sequence}.m4s")).await;
                assert_eq!(answer.status(), StatusCode::OK);
            }
        }
    }

    #[tokio::test]
    async fn what_is_not_on_air_is_not_found() {
        let end = published(NOW_MS);
        for path in [
            format!("/live/demo/720p/{end}.m4s"),
            format!("/live/demo/720p/{}.m4s", end - KEPT - 1),
            "/live/demo/720p/18446744073709551615.m4s".to_owned(),
            "/live/demo/720p/-1.m4s".to_owned(),
            "/live/demo/1080p/index.m3u8".to_owned(),
            "/live/demo/720p/%2e%2e".to_owned(),
        ] {
            assert_eq!(fetch(&path).await.status(), StatusCode::NOT_FOUND, "{path}");
        }
    }
}
