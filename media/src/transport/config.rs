//! How connections are set up: switches with the measured reason for each default.

/// Which end sends the DTLS ClientHello.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DtlsRole {
    /// The browser is the client (`a=setup:passive` in the answer): its hello follows its first successful check.
    Server,
    /// We are the client (`a=setup:active`): our hello leaves with the first check, a round trip earlier under DTLS 1.2.
    /// Its retransmission timer runs from the answer on, so a client that starts its checks late pays for it.
    Client,
}

/// Which versions of DTLS are spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DtlsVersions {
    /// 1.2 alone.
    V12,
    /// 1.3 where the client's hello offers it, else 1.2. Only in the role of the server.
    V13OrV12,
}

/// Settings of every transport of a worker.
#[derive(Debug, Clone)]
pub struct TransportConfig {
    /// Whether the answer carries `a=ice-lite`. Without the line a browser nominates in its first check instead of its
    /// second and saves a round trip, while we still behave as a lite agent: no checks of our own, and the offerer
    /// controls either way. Default: false. Set it for a client that insists on RFC 8445 section 6.1.1.
    pub announce_ice_lite: bool,
    /// Our role in the DTLS handshake. Default: server, since with DTLS 1.3 the keys toward receivers are ready one
    /// round trip earlier than with 1.2 anyway, and no timer of ours runs before the client's first packet.
    pub dtls_role: DtlsRole,
    /// DTLS versions. Default: 1.3 where offered (Chromium and Firefox do), else 1.2.
    pub dtls_versions: DtlsVersions,
    /// What the bandwidth estimation toward a receiver starts from, kbit/s. Default 1000: about a 720p share.
    pub estimate_start_kbps: u64,
    /// The rate the estimation tries to discover while a slot has a source, kbit/s. Default 3000.
    pub estimate_wanted_kbps: u64,
    /// Whether pictures are paced toward receivers at the estimated rate. Default: false. The publisher has paced them
    /// already; pacing again delays a first key frame of 100 KB by 300 ms at 2.5 Mbit/s and splits batches.
    pub pace_video: bool,
}

impl Default for TransportConfig {
    fn default() -> Self {
        Self {
            announce_ice_lite: false,
            dtls_role: DtlsRole::Server,
            dtls_versions: DtlsVersions::V13OrV12,
            estimate_start_kbps: 1_000,
            estimate_wanted_kbps: 3_000,
            pace_video: false,
        }
    }
}
