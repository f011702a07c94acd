//! The numbers that rtcstats writes instead of names (rtcstats' published tables), as far as we read them. A number that is not here keeps
//! its report but loses its member.

/// Members of reports.
const MEMBERS: &[(u16, &str)] = &[
    (4, "payloadType"),
    (5, "transportId"),
    (6, "mimeType"),
    (7, "clockRate"),
    (8, "channels"),
    (9, "sdpFmtpLine"),
    (10, "ssrc"),
    (11, "kind"),
    (12, "codecId"),
    (14, "packetsReceived"),
    (15, "packetsLost"),
    (16, "jitter"),
    (17, "trackIdentifier"),
    (18, "mid"),
    (19, "remoteId"),
    (20, "framesDecoded"),
    (21, "keyFramesDecoded"),
    (22, "framesDropped"),
    (23, "frameWidth"),
    (24, "frameHeight"),
    (25, "framesPerSecond"),
    (26, "qpSum"),
    (27, "totalDecodeTime"),
    (28, "totalInterFrameDelay"),
    (29, "totalSquaredInterFrameDelay"),
    (30, "pauseCount"),
    (31, "totalPausesDuration"),
    (32, "freezeCount"),
    (33, "totalFreezesDuration"),
    (36, "packetsDiscarded"),
    (41, "bytesReceived"),
    (42, "nackCount"),
    (43, "firCount"),
    (44, "pliCount"),
    (46, "estimatedPlayoutTimestamp"),
    (47, "jitterBufferDelay"),
    (49, "jitterBufferEmittedCount"),
    (51, "totalSamplesReceived"),
    (52, "concealedSamples"),
    (53, "silentConcealedSamples"),
    (60, "framesReceived"),
    (61, "decoderImplementation"),
    (63, "powerEfficientDecoder"),
    (74, "localId"),
    (75, "roundTripTime"),
    (76, "totalRoundTripTime"),
    (77, "fractionLost"),
    (79, "packetsSent"),
    (80, "bytesSent"),
    (82, "rid"),
    (85, "retransmittedPacketsSent"),
    (87, "targetBitrate"),
    (89, "framesSent"),
    (91, "framesEncoded"),
    (92, "keyFramesEncoded"),
    (93, "totalEncodeTime"),
    (95, "qualityLimitationReason"),
    (98, "encoderImplementation"),
    (99, "powerEfficientEncoder"),
    (100, "active"),
    (116, "protocol"),
    (118, "state"),
    (125, "selectedCandidatePairId"),
    (136, "candidateType"),
    (139, "relayProtocol"),
    (145, "networkType"),
    (148, "localCandidateId"),
    (149, "remoteCandidateId"),
    (150, "nominated"),
    (152, "currentRoundTripTime"),
    (153, "availableOutgoingBitrate"),
    (154, "availableIncomingBitrate"),
];

/// Types of reports, from 1.
const TYPES: [&str; 14] = [
    "inbound-rtp",
    "outbound-rtp",
    "remote-inbound-rtp",
    "remote-outbound-rtp",
    "transport",
    "candidate-pair",
    "local-candidate",
    "remote-candidate",
    "data-channel",
    "peer-connection",
    "certificate",
    "media-source",
    "media-playout",
    "codec",
];

/// A member's name; names that are none of the numbers are themselves.
pub(super) fn member(name: &str) -> &str {
    let number = name.parse::<u16>().ok();
    let place = number.and_then(|number| MEMBERS.binary_search_by_key(&number, |(known, _)| *known).ok());
    place.map_or(name, |place| MEMBERS[place].1)
}

/// A type's name.
pub(super) fn report_type(number: u64) -> Option<&'static str> {
    let place = usize::try_from(number).ok()?.checked_sub(1)?;
    TYPES.get(place).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order() {
        assert!(MEMBERS.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert_eq!((member("15"), member("packetsLost"), member("9999")), ("packetsLost", "packetsLost", "9999"));
        assert_eq!(
            (report_type(1), report_type(14), report_type(0), report_type(15)),
            (Some("inbound-rtp"), Some("codec"), None, None)
        );
    }
}
