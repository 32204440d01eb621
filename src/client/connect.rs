//! How a connection is made: TLS that is always verified, and the roots that it trusts.

use std::{path::Path, sync::Arc, time::Duration};

use reqwest::{ClientBuilder, redirect::Policy};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

use super::ahead::Ahead;
use crate::error::{Code, Error, Result};

/// The longest wait for a connection, TLS included.
pub const CONNECT: Duration = Duration::from_secs(5);

/// Mozilla's roots, compiled in: reading the platform's costs milliseconds at every start. And those of a PEM file.
pub fn roots(extra: Option<&Path>) -> Result<RootCertStore> {
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    let Some(file) = extra else { return Ok(roots) };
    let unusable = |error: &dyn std::fmt::Display| {
        let detail =
            format!("SSL_CERT_FILE cannot be used as a PEM file of certificates: {error}.");
        Error::new(Code::Misconfigured, detail)
    };
    for certificate in CertificateDer::pem_file_iter(file).map_err(|error| unusable(&error))? {
        let certificate = certificate.map_err(|error| unusable(&error))?;
        roots.add(certificate).map_err(|error| unusable(&error))?;
    }
    Ok(roots)
}

/// TLS by ring: the usual provider gathers entropy for tens of milliseconds of CPU at the first connection.
pub fn tls(roots: RootCertStore) -> ClientConfig {
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring supports the default protocol versions")
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// A client that keeps at most `idle` connections a host, follows no redirect and repeats nothing by itself.
pub fn client(tls: &ClientConfig, idle: usize) -> reqwest::Client {
    build(options(tls, idle))
}

/// The same for one origin, with a connection that is made ahead.
pub fn client_ahead(tls: &ClientConfig, ahead: Ahead) -> reqwest::Client {
    build(options(tls, usize::MAX).connector_layer(ahead))
}

/// The same, with connections that are given up once they have rested for so long.
pub fn client_fresh(tls: &ClientConfig, ahead: Ahead, rest: Duration) -> reqwest::Client {
    let options = options(tls, usize::MAX).pool_idle_timeout(rest);
    build(options.connector_layer(ahead))
}

fn options(tls: &ClientConfig, idle: usize) -> ClientBuilder {
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls.clone())
        .user_agent(concat!(
            env!("CARGO_PKG_NAME"),
            "/",
            env!("CARGO_PKG_VERSION")
        ))
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .connect_timeout(CONNECT)
        .pool_max_idle_per_host(idle)
}

fn build(options: ClientBuilder) -> reqwest::Client {
    options
        .build()
        .expect("the options and the TLS configuration are fixed and valid")
}

/// Whether a certificate was found wanting, anywhere down the chain of causes.
pub fn is_untrusted(error: &(dyn std::error::Error + 'static)) -> bool {
    if let Some(rustls::Error::InvalidCertificate(_)) = error.downcast_ref() {
        return true;
    }
    // An I/O error keeps its cause inside itself and names only the cause's cause as its source.
    let within = error
        .downcast_ref::<std::io::Error>()
        .and_then(std::io::Error::get_ref);
    within.is_some_and(|inner| is_untrusted(inner)) || error.source().is_some_and(is_untrusted)
}
