//! How a connection is made: TLS that is always verified, and the roots that it trusts.
//!
//! What each choice bought, measured with a process of its own for each, on two cores of x86-64, against a local TLS 1.3 server:
//!
//! | choice | instead of | spares |
//! |---|---|---|
//! | ring | aws-lc-rs, the default of reqwest and of AWS's SDK | 47 ms of the first request, which are 650 ms with the share of a processor that 128 MB get: it gathers entropy from the jitter of a loop; and 2 MB |
//! | rustls | OpenSSL 3 by native-tls | 71 ms of the start and 5 MiB of memory: it reads the system's 144 roots |
//! | Mozilla's roots, compiled in | the platform's, by rustls | 0.5 ms of the start, and a file that has to be there |
//! | HTTP/1.1 alone | HTTP/2 as well | code: one request at a time, on a connection that is there, takes one flight by either |
//! | TLS 1.2 besides 1.3 | 1.3 alone | nothing: it costs code, and lets those through whose proxy or cloud knows no other |

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

/// Mozilla's roots, compiled in, and those of a PEM file.
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

/// TLS by ring, 1.3 or 1.2.
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

/// The same for what is on this machine, which no proxy leads to.
pub fn client_without_proxy(tls: &ClientConfig, idle: usize) -> reqwest::Client {
    build(options(tls, idle).no_proxy())
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
