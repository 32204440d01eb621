//! X.509 certificates of applications: a pair as its owner holds it, and a certificate as Entra has it registered.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{CertificateParams, KeyPair};
use ring::digest;
use ring::signature::RsaKeyPair;
use serde_json::Value;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use x509_cert::der::Decode;
use x509_cert::time::Time;

use crate::jwt;

const REGISTERED: (&str, &str) = (
    include_str!("../keys/application-key.pem"),
    include_str!("../keys/application-certificate.pem"),
);
const OTHER: (&str, &str) = (
    include_str!("../keys/other-key.pem"),
    include_str!("../keys/other-certificate.pem"),
);

/// An RSA key of 2048 bits and a self-signed certificate, both PEM.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// PKCS #8.
    pub key_pem: String,
    pub certificate_pem: String,
}

impl Certificate {
    /// The pair registered on the first application.
    pub fn registered() -> Certificate {
        Certificate::of(REGISTERED)
    }

    /// A pair that is registered nowhere.
    pub fn other() -> Certificate {
        Certificate::of(OTHER)
    }

    fn of((key, certificate): (&str, &str)) -> Certificate {
        Certificate {
            key_pem: key.into(),
            certificate_pem: certificate.into(),
        }
    }

    /// A fresh certificate for the same key, valid between these days from the machine's today; `-30, -1` makes an
    /// expired one.
    ///
    /// # Panics
    /// If the key is none that a certificate can be made for.
    pub fn reissued(&self, from_day: i64, to_day: i64) -> Certificate {
        let key = KeyPair::from_pem(&self.key_pem).expect("an RSA key");
        let mut params = CertificateParams::new(Vec::new()).expect("no names are fine names");
        let ((from, from_month, from_date), (to, to_month, to_date)) =
            (date(from_day), date(to_day));
        params.not_before = rcgen::date_time_ymd(from, from_month, from_date);
        params.not_after = rcgen::date_time_ymd(to, to_month, to_date);
        let made = params.self_signed(&key).expect("an RSA key signs");
        Certificate {
            key_pem: self.key_pem.clone(),
            certificate_pem: made.pem(),
        }
    }

    /// Key and certificate in one text, in this order.
    pub fn pem(&self) -> String {
        format!("{}{}", self.key_pem, self.certificate_pem)
    }

    /// base64url of the certificate's SHA-256, as `x5t#S256` has it.
    ///
    /// # Panics
    /// If the certificate is not PEM.
    pub fn thumbprint(&self) -> String {
        let der = CertificateDer::from_pem_slice(self.certificate_pem.as_bytes());
        thumbprint(&digest::SHA256, &der.expect("a certificate in PEM"))
    }

    /// A JWT signed with the key. `alg` says how, `RS256` or `PS256`; a header that names one itself keeps it.
    ///
    /// # Panics
    /// If the key is no RSA key.
    pub fn sign(&self, alg: &str, mut header: Value, claims: &Value) -> String {
        let der = PrivatePkcs8KeyDer::from_pem_slice(self.key_pem.as_bytes()).expect("a PEM key");
        let key = RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).expect("an RSA key");
        if header.get("alg").is_none() {
            header["alg"] = alg.into();
        }
        let signed = jwt::signed_part(&header, claims);
        let signature = jwt::rsa_signature(&key, alg, &signed);
        format!("{signed}.{signature}")
    }
}

/// The date so many days from the machine's today: year, month, day.
fn date(days: i64) -> (i32, u8, u8) {
    let seconds = jiff::Timestamp::now().as_second() + days * 86_400;
    let date = jiff::Timestamp::from_second(seconds)
        .unwrap_or_default()
        .to_zoned(jiff::tz::TimeZone::UTC)
        .date();
    (
        date.year().into(),
        date.month().unsigned_abs(),
        date.day().unsigned_abs(),
    )
}

/// What of a registered certificate an assertion is judged by.
pub(crate) struct Registered {
    pub sha256: String,
    pub sha1: String,
    /// The RSA public key, PKCS #1 DER.
    pub public_key: Vec<u8>,
    /// Unix seconds.
    pub not_before: i64,
    pub not_after: i64,
}

impl Registered {
    /// `None` for what is no certificate in PEM.
    pub fn read(pem: &str) -> Option<Registered> {
        let der = CertificateDer::from_pem_slice(pem.as_bytes()).ok()?;
        let certificate = x509_cert::Certificate::from_der(&der).ok()?;
        let certificate = certificate.tbs_certificate();
        let validity = certificate.validity();
        let seconds = |time: Time| time.to_unix_duration().as_secs() as i64;
        let public_key = &certificate.subject_public_key_info().subject_public_key;
        Some(Registered {
            sha256: thumbprint(&digest::SHA256, &der),
            sha1: thumbprint(&digest::SHA1_FOR_LEGACY_USE_ONLY, &der),
            public_key: public_key.raw_bytes().to_vec(),
            not_before: seconds(validity.not_before),
            not_after: seconds(validity.not_after),
        })
    }
}

pub(crate) fn thumbprint(algorithm: &'static digest::Algorithm, der: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(algorithm, der))
}
