//! A diagnosis in short, as it crosses the wire.

use diagnosis::verdict::When;
use diagnosis::{Diagnosis, verdict};
use signaling::verdict::{Cause, Seen, Sentence, VerdictBrief};

/// What a row shows of a diagnosis; `at_ms` is the time of the newest sample.
#[must_use]
pub fn brief(diagnosis: &Diagnosis) -> VerdictBrief {
    let verdict = &diagnosis.verdict;
    let sentence = |text: &verdict::Text| Sentence { zh: text.zh.clone(), en: text.en.clone() };
    VerdictBrief {
        version: verdict.version,
        cause: cause(verdict.cause),
        confidence: verdict.confidence,
        when: verdict.when.map(|when| match when {
            When::Now => Seen::Now,
            When::Earlier => Seen::Earlier,
        }),
        at_ms: diagnosis.window.map_or(0, |window| window.to_ms),
        agent: sentence(&verdict.summary.agent),
        viewer: sentence(&verdict.summary.viewer),
        also: verdict.also.as_ref().map(|also| cause(also.cause)),
        own_share: verdict.own_share,
    }
}

fn cause(cause: diagnosis::Cause) -> Cause {
    use diagnosis::Cause as C;
    match cause {
        C::ViewerNetwork => Cause::ViewerNetwork,
        C::ViewerDevice => Cause::ViewerDevice,
        C::PlatformDelivery => Cause::PlatformDelivery,
        C::PlatformSource => Cause::PlatformSource,
        C::MediaServer => Cause::MediaServer,
        C::AgentNetwork => Cause::AgentNetwork,
        C::AgentDevice => Cause::AgentDevice,
        C::NoneObserved => Cause::NoneObserved,
        C::Undetermined => Cause::Undetermined,
    }
}
