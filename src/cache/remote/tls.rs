//! Whose certificates are believed.

use crate::sys::files;
use crate::{Error, Result};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use std::sync::Arc;

/// More than any file of certificates is.
const FILE_MAX: u64 = 16 << 20;

/// The certificates of a file in PEM.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    let unfit = |why: &dyn core::fmt::Display| Error::CacheIo(format!("the certificates in {}: {why}", path.display()));
    let bytes = files::read_at_most(path, FILE_MAX).map_err(|error| unfit(&crate::sys::words(error)))?;
    if certificates(&bytes)?.is_empty() {
        return Err(unfit(&"there is none, as PEM has it: -----BEGIN CERTIFICATE-----"));
    }
    Ok(bytes)
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>> {
    CertificateDer::pem_slice_iter(pem)
        .collect::<core::result::Result<_, _>>()
        .map_err(|error| Error::CacheIo(format!("the certificates cannot be read: {}", crate::sys::words(error))))
}

/// How to speak TLS with whom these certificates vouch for, or else those of the system.
pub fn config(pem: Option<&[u8]>) -> Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    let trusted = match pem {
        Some(pem) => certificates(pem)?,
        None => rustls_native_certs::load_native_certs().certs,
    };
    roots.add_parsable_certificates(trusted);
    if roots.is_empty() {
        return Err(no_certificates());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(|error| Error::Internal(format!("TLS cannot be set up: {error}")))?;
    Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}

/// What is wrong with how TLS began, in words that hold none of the server's; nothing if that is not it.
pub fn why(error: &std::io::Error) -> Option<&'static str> {
    Some(match error.get_ref()?.downcast_ref::<rustls::Error>()? {
        rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer) => {
            "no TLS: nobody who is believed vouches for its certificate; give the certificates to know it by"
        }
        rustls::Error::InvalidCertificate(_) => "no TLS: its certificate is not good for this name and time",
        rustls::Error::AlertReceived(_) => {
            "no TLS: it refuses; perhaps it wants a certificate of ours, which there is no way to give"
        }
        _ => "no TLS: it does not speak it as we do",
    })
}

/// What is to be done where nobody is believed.
pub fn no_certificates() -> Error {
    let what = "there are no certificates to know a server by, or they are damaged: install the system's (the package ca-certificates), \
                let SSL_CERT_FILE name a file of some, or give one";
    Error::CacheIo(what.into())
}
