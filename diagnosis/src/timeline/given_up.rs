//! Requests that a player gave up. Resource Timing tells nothing of them but how long they took; that it tells more of others
//! from the same host shows that it could.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::model::{FetchError, Segment, Trace};

/// Shorter ones may have been given up for another level, ms (own).
const GIVEN_UP_MS: f64 = 4_000.0;

/// The trace with the error `timeout` on requests that were given up; itself when there are none.
pub(crate) fn marked(trace: &Trace) -> Cow<'_, Trace> {
    let telling = trace.segments.iter().filter(|segment| segment.status.is_some());
    let telling: HashSet<String> = telling.filter_map(|segment| segment.host.clone()).collect();
    let given_up = |segment: &Segment| {
        segment.status.is_none()
            && segment.error.is_none()
            && segment.bytes.is_none()
            && segment.duration_ms.is_some_and(|ms| ms >= GIVEN_UP_MS)
            && segment.host.as_ref().is_some_and(|host| telling.contains(host))
    };
    if !trace.segments.iter().any(given_up) {
        return Cow::Borrowed(trace);
    }
    let mut marked = trace.clone();
    marked.segments.change(|segment| {
        if given_up(segment) {
            segment.error = Some(FetchError::Timeout);
        }
    });
    Cow::Owned(marked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(t: f64, status: Option<f64>, duration_ms: f64) -> Segment {
        let host = Some("edge".to_owned());
        Segment { t: Some(t), status, duration_ms: Some(duration_ms), host, ..Segment::default() }
    }

    #[test]
    fn only_long_requests_without_a_word_were_given_up() {
        let mut trace = Trace::new();
        for one in [segment(1_000.0, Some(200.0), 80.0), segment(9_000.0, None, 8_000.0), segment(9_500.0, None, 90.0)]
        {
            trace.segments.push(one);
        }
        let errors: Vec<_> = marked(&trace).segments.iter().map(|segment| segment.error).collect();
        assert_eq!(errors, [None, Some(FetchError::Timeout), None]);
    }

    #[test]
    fn a_host_that_tells_nothing_proves_nothing() {
        let mut trace = Trace::new();
        trace.segments.push(segment(9_000.0, None, 8_000.0));
        assert!(matches!(marked(&trace), Cow::Borrowed(_)));
    }
}
