//! The demo on the local network: address, generated certificate, QR code.

use std::net::{IpAddr, Ipv4Addr};

use anyhow::Context as _;
use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;

use crate::config::Config;
use crate::media_driver::outward;
use crate::server::{create_private_dir, write_private};

/// This machine on its network.
pub(super) struct Lan {
    address: IpAddr,
}

/// Lets the server listen on the network address with a certificate of its own, kept in the data folder.
pub(super) fn prepare(config: &mut Config) -> anyhow::Result<Lan> {
    let address = outward().context("this machine has no network address; is it connected?")?;
    config.http.bind.0.set_ip(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    config.media.bind = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    config.media.external_addresses = vec![address, IpAddr::V4(Ipv4Addr::LOCALHOST)];
    if config.http.tls_cert.is_none() {
        create_private_dir(&config.storage.data)?;
        let cert = config.storage.data.join(format!("lan-{address}.pem"));
        let key = config.storage.data.join(format!("lan-{address}.key"));
        if !cert.exists() || !key.exists() {
            let names = vec![address.to_string(), "localhost".to_owned(), "127.0.0.1".to_owned()];
            let made = rcgen::generate_simple_self_signed(names).context("cannot make a certificate")?;
            write_private(&key, &made.signing_key.serialize_pem())?;
            write_private(&cert, &made.cert.pem())?;
        }
        config.http.tls_cert = Some(cert);
        config.http.tls_key = Some(key);
    }
    Ok(Lan { address })
}

impl Lan {
    /// The address for other devices, with a QR code to scan.
    pub(super) fn invitation(&self, port: u16) -> String {
        let url = format!("https://{}:{port}", self.address);
        let picture = match QrCode::new(&url) {
            Ok(code) => code.render::<Dense1x2>().quiet_zone(true).build(),
            Err(_) => String::new(),
        };
        format!(
            "\n{picture}\n\n  On a phone in the same network: {url}\n  Its browser warns once: the certificate is this machine's own.\n"
        )
    }
}
