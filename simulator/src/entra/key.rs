//! The key that signs tokens, and the tokens themselves: RS256 JWTs with the claims of Entra's version 1 access tokens.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

const KEY: &[u8] = include_bytes!("../../keys/signing-key.pem");
const CERTIFICATE: &[u8] = include_bytes!("../../keys/signing-certificate.pem");

pub(crate) struct SigningKey {
    pair: RsaKeyPair,
    certificate: CertificateDer<'static>,
    id: String,
}

/// The claims that the simulator writes and reads.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Claims {
    pub aud: String,
    pub iss: String,
    pub iat: i64,
    pub nbf: i64,
    pub exp: i64,
    pub appid: String,
    pub appidacr: String,
    pub idp: String,
    pub idtyp: String,
    pub oid: String,
    /// Absent when nothing is granted: Entra issues the token all the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    pub sub: String,
    pub tid: String,
    pub uti: String,
    pub ver: String,
}

impl SigningKey {
    pub fn load() -> SigningKey {
        let der = PrivatePkcs8KeyDer::from_pem_slice(KEY).expect("the committed key is PEM");
        let certificate =
            CertificateDer::from_pem_slice(CERTIFICATE).expect("the committed certificate is PEM");
        let pair =
            RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).expect("the committed key is RSA");
        let thumbprint =
            ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, &certificate);
        SigningKey {
            pair,
            id: URL_SAFE_NO_PAD.encode(thumbprint),
            certificate,
        }
    }

    pub fn sign(&self, claims: &Claims) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let header = json!({ "typ": "JWT", "alg": "RS256", "x5t": self.id, "kid": self.id });
        let signed = format!("{}.{}", part(&header), part(&json!(claims)));
        let mut signature = vec![0; self.pair.public().modulus_len()];
        self.pair
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                signed.as_bytes(),
                &mut signature,
            )
            .expect("a buffer of the modulus' length holds the signature");
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// The claims of a token that this key signed.
    pub fn verify(&self, token: &str) -> Option<Claims> {
        let (signed, signature) = token.rsplit_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, self.pair.public().as_ref())
            .verify(signed.as_bytes(), &signature)
            .ok()?;
        claims(signed)
    }

    /// The key set of the discovery endpoints.
    pub fn jwks(&self, issuer: &str) -> Value {
        let public = PublicKeyComponents::<Vec<u8>>::from(self.pair.public());
        json!({ "keys": [{
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.id, "x5t": self.id,
            "n": URL_SAFE_NO_PAD.encode(public.n),
            "e": URL_SAFE_NO_PAD.encode(public.e),
            "x5c": [STANDARD.encode(&self.certificate)],
            "issuer": issuer,
        }] })
    }
}

/// A token's `uti`, its signature unseen.
pub(crate) fn token_id(token: &str) -> Option<String> {
    claims(token.rsplit_once('.')?.0).map(|claims| claims.uti)
}

fn claims(signed: &str) -> Option<Claims> {
    let claims = URL_SAFE_NO_PAD.decode(signed.split_once('.')?.1).ok()?;
    serde_json::from_slice(&claims).ok()
}
