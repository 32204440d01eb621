//! JSON Web Tokens: taken apart, verified with an RSA public key, signed with an RSA key.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RSA_PSS_2048_8192_SHA256, RSA_PSS_SHA256,
    RsaKeyPair, UnparsedPublicKey,
};
use serde_json::Value;

/// A token whose signature nobody has looked at yet.
pub(crate) struct Jwt<'t> {
    pub header: Value,
    pub claims: Value,
    signed: &'t str,
    signature: Vec<u8>,
}

impl Jwt<'_> {
    /// `None` for what is no signed JWT with two JSON objects.
    pub fn parse(text: &str) -> Option<Jwt<'_>> {
        let (signed, signature) = text.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let object = |part: &str| {
            let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
            let value: Value = serde_json::from_slice(&bytes).ok()?;
            value.is_object().then_some(value)
        };
        Some(Jwt {
            header: object(header)?,
            claims: object(claims)?,
            signed,
            signature: URL_SAFE_NO_PAD.decode(signature).ok()?,
        })
    }

    /// The header's `alg`, empty without one.
    pub fn algorithm(&self) -> &str {
        self.header["alg"].as_str().unwrap_or_default()
    }

    /// The text claim of this name, empty if it is missing or no text.
    pub fn text(&self, claim: &str) -> &str {
        self.claims[claim].as_str().unwrap_or_default()
    }

    /// Whether `key`, an RSA public key in PKCS #1 DER, made the signature by the header's RS256 or PS256.
    pub fn is_signed_by(&self, key: &[u8]) -> bool {
        let algorithm = match self.algorithm() {
            "RS256" => &RSA_PKCS1_2048_8192_SHA256,
            "PS256" => &RSA_PSS_2048_8192_SHA256,
            _ => return false,
        };
        UnparsedPublicKey::new(algorithm, key)
            .verify(self.signed.as_bytes(), &self.signature)
            .is_ok()
    }
}

/// The two parts of a token that are signed.
pub(crate) fn signed_part(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}

/// The signature of `text`, as the token's third part: PSS padding for PS256, PKCS #1 v1.5 for anything else.
pub(crate) fn rsa_signature(key: &RsaKeyPair, algorithm: &str, text: &str) -> String {
    let padding: &dyn ring::signature::RsaEncoding = match algorithm {
        "PS256" => &RSA_PSS_SHA256,
        _ => &RSA_PKCS1_SHA256,
    };
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(
        padding,
        &SystemRandom::new(),
        text.as_bytes(),
        &mut signature,
    )
    .expect("a buffer of the modulus' length holds the signature");
    URL_SAFE_NO_PAD.encode(signature)
}
