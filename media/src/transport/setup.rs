//! Makes a transport from an offer: engine configuration, codecs, candidates, the answer's text.

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use str0m::bwe::Bitrate;
use str0m::change::{SdpAnswer, SdpOffer};
use str0m::config::DtlsVersion;
use str0m::format::{Codec, CodecConfig, FormatParams};
use str0m::media::Frequency;
use str0m::rtp::Extension;
use str0m::{Candidate, Rtc, RtcConfig};

use super::config::{DtlsRole, DtlsVersions, TransportConfig};
use super::offer::OfferError;
use super::{STATS_INTERVAL, mid};
use crate::limits::{RTX_CACHE_AGE, RTX_CACHE_PACKETS, RTX_RATIO_MAX, SCTP_BUFFERED_BYTES_MAX, SCTP_MESSAGE_BYTES_MAX};
use crate::slots::{MediaKind, ReceiveSlot};

/// Builds the engine and answers the first offer.
pub(super) fn accept(
    config: &TransportConfig,
    addresses: &[SocketAddr],
    offer: &str,
    now: Instant,
) -> Result<(Rtc, String), OfferError> {
    let parsed = parse(offer)?;
    let mut rtc = engine(config, now);
    for address in addresses {
        match Candidate::host(*address, "udp") {
            Ok(candidate) => {
                rtc.add_local_candidate(candidate);
            }
            Err(error) => tracing::warn!(%address, %error, "address cannot be a candidate"),
        }
    }
    if config.dtls_role == DtlsRole::Client && !offer.contains("a=setup:active") {
        let mut api = rtc.direct_api();
        api.set_ice_controlling(false);
        api.start_dtls(true).map_err(|e| OfferError::Refused(e.to_string()))?;
    }
    let answer = answer(&mut rtc, parsed)?;
    for slot in ReceiveSlot::ALL {
        let mut api = rtc.direct_api();
        let Some(stream) = api.stream_tx_by_mid(mid(slot.line()), None) else {
            return Err(OfferError::Refused(format!("no common codec on m-line {}", slot.line())));
        };
        match slot.media() {
            MediaKind::Audio => stream.set_rtx_cache(1, RTX_CACHE_AGE, None),
            MediaKind::Video => {
                stream.set_rtx_cache(RTX_CACHE_PACKETS, RTX_CACHE_AGE, Some(RTX_RATIO_MAX));
                stream.set_unpaced(!config.pace_video);
            }
        }
    }
    Ok((rtc, text(config, &answer)))
}

/// Answers a further offer.
pub(super) fn reaccept(rtc: &mut Rtc, config: &TransportConfig, offer: &str) -> Result<String, OfferError> {
    let parsed = parse(offer)?;
    match answer(rtc, parsed) {
        Ok(answer) => Ok(text(config, &answer)),
        Err(error) => {
            // Half of the offer may have been applied: the connection cannot be trusted any more.
            rtc.disconnect();
            Err(error)
        }
    }
}

fn engine(config: &TransportConfig, now: Instant) -> Rtc {
    let version = match config.dtls_versions {
        DtlsVersions::V12 => DtlsVersion::Dtls12,
        // As client one version has to be chosen before the peer's are known.
        DtlsVersions::V13OrV12 if config.dtls_role == DtlsRole::Client => DtlsVersion::Dtls12,
        DtlsVersions::V13OrV12 => DtlsVersion::Auto,
    };
    let mut rtc = RtcConfig::new()
        .set_rtp_mode(true)
        .set_ice_lite(true)
        .set_dtls_version(version)
        .set_stats_interval(Some(STATS_INTERVAL))
        .set_sctp_max_message_size(SCTP_MESSAGE_BYTES_MAX)
        .set_sctp_max_buffered_amount(SCTP_BUFFERED_BYTES_MAX)
        .enable_bwe(Some(Bitrate::kbps(config.estimate_start_kbps)))
        .clear_codecs()
        .set_extension(5, Extension::PlayoutDelay)
        .set_extension(6, Extension::VideoContentType)
        .set_extension(9, Extension::AbsoluteCaptureTime);
    codecs(rtc.codec_config());
    rtc.build(now)
}

/// Everything Chromium sends, and nothing the rest of this crate cannot tell key frames of. Payload types here are
/// proposals: the offer's win.
fn codecs(config: &mut CodecConfig) {
    config.enable_opus(true, false);
    config.enable_vp8(true);
    config.enable_vp9(true);
    config.enable_h264(true);
    // Profiles Chromium offers beyond the engine's list: High with single NAL units, High 4:4:4 Predictive.
    config.add_h264(37.into(), Some(38.into()), false, 0x64_00_1f);
    config.add_h264(39.into(), Some(40.into()), true, 0xf4_00_1f);
    config.add_h264(41.into(), Some(42.into()), false, 0xf4_00_1f);
    config.enable_av1(true);
    let av1_profile_1 = FormatParams { profile: Some(1), ..Default::default() };
    config.add_config(47.into(), Some(48.into()), Codec::Av1, Frequency::NINETY_KHZ, None, av1_profile_1);
}

fn parse(offer: &str) -> Result<SdpOffer, OfferError> {
    guarded(|| SdpOffer::from_sdp_string(offer).map_err(|e| OfferError::NotSdp(e.to_string())))
}

fn answer(rtc: &mut Rtc, offer: SdpOffer) -> Result<SdpAnswer, OfferError> {
    guarded(|| rtc.sdp_api().accept_offer(offer).map_err(|e| OfferError::Refused(e.to_string())))
}

/// Offers are a stranger's bytes, and the engine asserts some of what it finds in them (payload types claimed twice).
/// A panic there costs this peer its offer, not its worker all rooms; the half-changed engine is given up.
fn guarded<T>(act: impl FnOnce() -> Result<T, OfferError>) -> Result<T, OfferError> {
    catch_unwind(AssertUnwindSafe(act)).unwrap_or_else(|_| Err(OfferError::Refused("contradictory offer".into())))
}

fn text(config: &TransportConfig, answer: &SdpAnswer) -> String {
    let sdp = answer.to_sdp_string();
    if config.announce_ice_lite {
        return sdp;
    }
    sdp.split_inclusive('\n').filter(|line| line.trim_end() != "a=ice-lite").collect()
}
