//! TLS towards a server: whose certificates are believed, and the handshake.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::ClientError;
use crate::target::Target;

/// Whose certificates are believed.
#[derive(Debug, Clone, Copy)]
pub enum Trust<'a> {
    /// The system's certificate authorities.
    System,
    /// Those of a PEM file alone.
    Ca(&'a Path),
    /// Anybody's: for test servers with a certificate that nobody signed. The name is not checked either.
    Anybody,
}

/// TLS settings for a trust. Sessions are not resumed: every bot is a new browser, and a resumed handshake is cheaper.
///
/// # Errors
/// A sentence when the file cannot be read or has no certificate.
pub fn client_config(trust: Trust<'_>) -> Result<Arc<ClientConfig>, String> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let mut config = match trust {
        Trust::System => builder.with_root_certificates(system_roots()?).with_no_client_auth(),
        Trust::Ca(path) => builder.with_root_certificates(roots_of(path)?).with_no_client_auth(),
        Trust::Anybody => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(BelieveAnybody(provider)))
            .with_no_client_auth(),
    };
    config.resumption = rustls::client::Resumption::disabled();
    Ok(Arc::new(config))
}

fn system_roots() -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        return Err("this system has no certificate authorities; give --ca FILE".to_owned());
    }
    Ok(roots)
}

fn roots_of(path: &Path) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    let read = |error: &dyn std::fmt::Display| format!("--ca {}: {error}", path.display());
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| read(&error))? {
        let certificate = certificate.map_err(|error| read(&error))?;
        roots.add(certificate).map_err(|error| read(&error))?;
    }
    if roots.is_empty() {
        return Err(format!("--ca {}: there is no certificate in it", path.display()));
    }
    Ok(roots)
}

/// Does the handshake with a target.
///
/// # Errors
/// [`ClientError::Tls`].
pub(super) async fn handshake(target: &Target, stream: TcpStream) -> Result<TlsStream<TcpStream>, ClientError> {
    static SYSTEM: LazyLock<Result<Arc<ClientConfig>, String>> = LazyLock::new(|| client_config(Trust::System));
    let config = match target.tls() {
        Some(config) => config,
        None => SYSTEM.clone().map_err(ClientError::Tls)?,
    };
    let name = ServerName::try_from(target.host().to_owned())
        .map_err(|_| ClientError::Tls(format!("{:?} is no name for a certificate", target.host())))?;
    TlsConnector::from(config).connect(name, stream).await.map_err(|error| ClientError::Tls(error.to_string()))
}

/// Checks signatures, not who made the certificate.
#[derive(Debug)]
struct BelieveAnybody(Arc<CryptoProvider>);

impl ServerCertVerifier for BelieveAnybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_certificates_is_told() {
        let dir = std::env::temp_dir().join(format!("sightline-ca-{}", std::process::id()));
        std::fs::write(&dir, "nothing").expect("written");
        let said = client_config(Trust::Ca(&dir)).expect_err("refused");
        std::fs::remove_file(&dir).expect("removed");
        assert!(said.contains("no certificate"), "{said}");
        assert!(client_config(Trust::Ca(Path::new("/nowhere.pem"))).is_err());
        assert!(client_config(Trust::Anybody).is_ok());
    }
}
