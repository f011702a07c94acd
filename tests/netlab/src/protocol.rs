//! The control protocol: one JSON object a line, a request and its answer. docs/netlab.md has every message with an example.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::counters::Counters;
use crate::settings::LineSettings;

/// Longest line of a request, bytes: ten times the longest sensible one.
pub const REQUEST_BYTES_MAX: usize = 16_384;

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "camelCase", deny_unknown_fields)]
pub enum Request {
    /// The laboratory: addresses, settings, states.
    Get,
    /// Change settings of one site; what is not named stays.
    Set {
        /// The site's name.
        site: String,
        /// Fields of [`LineSettings`] for the link from the site.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        up: Option<Map<String, Value>>,
        /// The same for the link to it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        down: Option<Map<String, Value>>,
        /// Switch address translation.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        nat: Option<bool>,
    },
    /// Counters of all sites, or of one.
    Counters {
        /// This site alone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        site: Option<String>,
        /// Set them to zero after they were read.
        #[serde(default)]
        reset: bool,
    },
    /// Cut a site's link; what is on it is lost.
    Down {
        /// The site's name.
        site: String,
        /// Also show it inside the site, as a pulled cable does. Otherwise packets vanish and nobody is told.
        #[serde(default)]
        carrier: bool,
    },
    /// Mend a site's link.
    Up {
        /// The site's name.
        site: String,
    },
    /// Give a site whose addresses are translated new public ports for UDP.
    Rebind {
        /// The site's name.
        site: String,
        /// And for TCP, which breaks its connections.
        #[serde(default)]
        tcp: bool,
        /// And another public address.
        #[serde(default)]
        address: bool,
    },
    /// End the laboratory.
    Quit,
}

/// What it gets back.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct Answer {
    /// Whether it was done. Changes are in force when the answer arrives.
    pub ok: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Answer to `get`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lab: Option<LabView>,
    /// Answer to `counters`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counters: Option<CountersView>,
}

/// A laboratory as `get` tells it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LabView {
    /// Its name on this machine.
    pub id: String,
    /// What decides the fates of packets.
    pub seed: u64,
    /// Socket of this protocol.
    pub control: String,
    /// The server's site.
    pub server: PlaceView,
    /// PEM certificate for the server's address, its key, and the hash of its public key for Chromium's
    /// `--ignore-certificate-errors-spki-list`.
    pub certificate: CertificateView,
    /// Whether the bridge runs before ordinary threads.
    pub real_time: bool,
    /// The other sites.
    pub sites: Vec<SiteView>,
}

/// A certificate's files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CertificateView {
    /// PEM certificate.
    pub cert: String,
    /// PEM private key.
    pub key: String,
    /// Base64 of the SHA-256 of its public key.
    pub spki: String,
}

/// Where a site is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlaceView {
    /// Address of its device.
    pub address: String,
    /// Its network namespace's file.
    pub namespace: String,
}

/// A site.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SiteView {
    /// Name.
    pub name: String,
    /// Where it is.
    #[serde(flatten)]
    pub place: PlaceView,
    /// The address others see, when it is translated.
    pub public_address: Option<String>,
    /// Whether its link is up.
    pub is_up: bool,
    /// The link from it.
    pub up: LineSettings,
    /// The link to it.
    pub down: LineSettings,
}

/// All counters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CountersView {
    /// Packets dropped because nobody has their address, or not IPv4: browsers look for services of theirs.
    pub unroutable: u64,
    /// Packets dropped because no address mapping fits.
    pub untranslated: u64,
    /// Packets that a site's device did not take.
    pub refused: u64,
    /// By site.
    pub sites: Vec<SiteCounters>,
}

/// Counters of one site.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SiteCounters {
    /// Name.
    pub name: String,
    /// The link from it.
    pub up: Counters,
    /// The link to it.
    pub down: Counters,
}

impl Answer {
    /// Done.
    #[must_use]
    pub fn done() -> Self {
        Self { ok: true, ..Self::default() }
    }

    /// Refused, and why.
    #[must_use]
    pub fn refused(why: impl Into<String>) -> Self {
        Self { ok: false, error: Some(why.into()), ..Self::default() }
    }
}
