//! A certificate for the server's address: browsers share screens over https alone, and nobody else has to trust it.

use std::fs;
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::PublicKeyData as _;
use sha2::{Digest as _, Sha256};

use crate::protocol::CertificateView;

/// Makes `cert.pem` and `key.pem` in a folder.
pub(crate) fn create(folder: &Path, address: Ipv4Addr) -> anyhow::Result<CertificateView> {
    let names = [address.to_string(), "127.0.0.1".to_owned(), "localhost".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).context("cannot make a certificate")?;
    let (cert, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    fs::write(&cert, made.cert.pem())?;
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&key)?;
    file.write_all(made.signing_key.serialize_pem().as_bytes())?;
    Ok(CertificateView {
        cert: cert.display().to_string(),
        key: key.display().to_string(),
        spki: STANDARD.encode(Sha256::digest(made.signing_key.subject_public_key_info())),
    })
}
