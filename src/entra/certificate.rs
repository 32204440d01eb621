//! A certificate with its key, and the assertions that the key signs.
//!
//! Source: <https://learn.microsoft.com/entra/identity-platform/certificate-credentials>.

use std::{fmt, sync::Arc, time::SystemTime};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use reqwest::Url;
use rustls::{
    SignatureAlgorithm, SignatureScheme,
    crypto::ring as provider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::SigningKey,
};
use secrecy::SecretString;
use serde_json::json;
use x509_cert::der::{Decode, Encode};

use crate::{
    error::{Code, Error, Result},
    time::Timestamp,
};

/// How long an assertion is good for, in seconds.
const LIFE: i64 = 600;

/// A certificate and the key that belongs to it.
pub struct Certificate {
    key: Arc<dyn SigningKey>,
    der: CertificateDer<'static>,
}

impl Certificate {
    /// The pair in a PEM text, checked: the key is RSA, it belongs to the certificate, and the certificate is valid today.
    pub fn of_pem(pem: &[u8], variable: &str) -> Result<Self> {
        let wrong = |what: &str| {
            let detail = format!(
                "What {variable} names {what}. It takes PEM text with the app's certificate and its RSA key, not encrypted."
            );
            Error::new(Code::Misconfigured, detail)
        };
        let key = PrivateKeyDer::from_pem_slice(pem).map_err(|_| wrong("holds no private key"))?;
        let key = provider::sign::any_supported_type(&key)
            .ok()
            .filter(|key| key.algorithm() == SignatureAlgorithm::RSA)
            .ok_or_else(|| wrong("holds a private key that is not RSA of 2048 bits or more"))?;
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem)
            .collect::<std::result::Result<_, _>>()
            .map_err(|_| wrong("holds a certificate that cannot be read"))?;
        if certificates.is_empty() {
            return Err(wrong("holds no certificate"));
        }
        let mut problem = "holds a key and a certificate that do not belong together".to_owned();
        for der in certificates {
            let read = x509_cert::Certificate::from_der(&der)
                .map_err(|_| wrong("holds a certificate that cannot be read"))?;
            // Those of its issuers may be there too, and an older one of the same key.
            match is_of(&read, &*key).then(|| timeliness(&read)) {
                Some(Ok(())) => return Ok(Self { key, der }),
                Some(Err(when)) => problem = when,
                None => {}
            }
        }
        Err(wrong(&problem))
    }

    /// A token that says who the app is, for the token endpoint alone.
    pub fn assertion(&self, client_id: &str, endpoint: &Url) -> Result<SecretString> {
        let part = |json: serde_json::Value| BASE64_URL_SAFE_NO_PAD.encode(json.to_string());
        let thumbprint = ring::digest::digest(&ring::digest::SHA256, &self.der);
        let header = json!({
            "alg": "PS256",
            "typ": "JWT",
            "x5t#S256": BASE64_URL_SAFE_NO_PAD.encode(thumbprint),
        });
        let now = Timestamp::now().as_second();
        let claims = json!({
            "aud": endpoint.as_str(),
            "iss": client_id,
            "sub": client_id,
            "jti": guid(),
            "nbf": now,
            "iat": now,
            "exp": now + LIFE,
        });
        let mut token = format!("{}.{}", part(header), part(claims));
        let signature = self
            .key
            .choose_scheme(&[SignatureScheme::RSA_PSS_SHA256])
            .and_then(|signer| signer.sign(token.as_bytes()).ok())
            .ok_or_else(|| Error::new(Code::Internal, "The certificate's key did not sign."))?;
        token.push('.');
        BASE64_URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token.into())
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Certificate")
    }
}

/// Whether the certificate is valid today, or what is wrong with its time.
fn timeliness(certificate: &x509_cert::Certificate) -> std::result::Result<(), String> {
    let validity = certificate.tbs_certificate().validity();
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    if validity.not_after.to_unix_duration() < now {
        return Err(format!(
            "holds a certificate that has expired ({})",
            validity.not_after
        ));
    }
    if validity.not_before.to_unix_duration() > now {
        return Err(format!(
            "holds a certificate that is not valid yet ({})",
            validity.not_before
        ));
    }
    Ok(())
}

/// Whether the certificate is for the key.
fn is_of(certificate: &x509_cert::Certificate, key: &dyn SigningKey) -> bool {
    let certified = certificate
        .tbs_certificate()
        .subject_public_key_info()
        .to_der();
    let public = key.public_key();
    certified.is_ok_and(|certified| public.is_some_and(|public| *public == *certified))
}

/// A random GUID.
fn guid() -> String {
    let random = fastrand::u128(..);
    let [high, low] = [(random >> 64) as u64, random as u64];
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        0x8000 | ((low >> 48) & 0x3fff),
        low & 0xffff_ffff_ffff
    )
}
