//! The upstream's certificates, the same at every run: a leaf below an intermediate below a root, RSA of 2,048 bits as Microsoft's are.

use std::error::Error;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use simulator::Certificate;

/// What the upstream shows, and what the function trusts.
pub struct Chain {
    pub server: ServerConfig,
    /// PEM.
    pub root: String,
}

/// Makes the chain. PKCS #1 signatures have no randomness in them, and the keys and the dates are fixed.
pub fn make() -> Result<Chain, Box<dyn Error>> {
    let (one, other) = (
        Certificate::registered().key_pem,
        Certificate::other().key_pem,
    );
    let (one, other) = (KeyPair::from_pem(&one)?, KeyPair::from_pem(&other)?);

    let root = authority("Root");
    let root_certificate = root.self_signed(&one)?;
    let root = Issuer::new(root, &one);
    let intermediate = authority("Intermediate");
    let intermediate_certificate = intermediate.signed_by(&other, &root)?;
    let intermediate = Issuer::new(intermediate, &other);
    // Named by its address: resolving a name is the C library's work, and goes by the machine's files.
    let leaf = CertificateParams::new(vec!["127.0.0.1".to_owned()])?;
    let leaf_certificate = leaf.signed_by(&one, &intermediate)?;

    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(one.serialize_der()));
    let shown = vec![
        leaf_certificate.der().clone(),
        intermediate_certificate.der().clone(),
    ];
    let provider = rustls::crypto::ring::default_provider();
    let server = ServerConfig::builder_with_provider(provider.into())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_single_cert(shown, key)?;
    Ok(Chain {
        server,
        root: root_certificate.pem(),
    })
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    params
}
