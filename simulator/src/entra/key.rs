//! The key that signs access tokens, the tokens themselves, and the key sets that publish it.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::digest;
use ring::rsa::PublicKeyComponents;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

use crate::certificate::thumbprint;
use crate::jwt;
use crate::state::guid;

const SIGNING: [&[u8]; 2] = [
    include_bytes!("../../keys/signing-key.pem"),
    include_bytes!("../../keys/signing-certificate.pem"),
];
/// The second key of the key sets, which signs nothing.
const IDLE: [&[u8]; 2] = [
    include_bytes!("../../keys/other-key.pem"),
    include_bytes!("../../keys/other-certificate.pem"),
];

pub(crate) struct SigningKey {
    pair: RsaKeyPair,
    published: Published,
    idle: Published,
}

/// A key as the key sets show it.
struct Published {
    id: String,
    certificate: CertificateDer<'static>,
    public: PublicKeyComponents<Vec<u8>>,
}

/// The claims that the simulator writes and reads.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Claims {
    pub aud: String,
    pub iss: String,
    pub iat: i64,
    pub nbf: i64,
    pub exp: i64,
    /// The client id, and how it was proved: version 1's names, then version 2's.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub appid: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub appidacr: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub azp: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub azpacr: String,
    pub idp: String,
    pub idtyp: String,
    pub oid: String,
    /// Absent when nothing is granted: Entra issues the token all the same.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    pub sub: String,
    pub tid: String,
    pub uti: String,
    pub ver: String,
    /// The authentication contexts that a claims challenge asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub acrs: Vec<String>,
    /// The client's capabilities, `cp1`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub xms_cc: Vec<String>,
}

impl Claims {
    pub fn client_id(&self) -> &str {
        match self.ver.as_str() {
            "2.0" => &self.azp,
            _ => &self.appid,
        }
    }
}

impl Published {
    fn load([key, certificate]: [&[u8]; 2]) -> (RsaKeyPair, Published) {
        let der = PrivatePkcs8KeyDer::from_pem_slice(key).expect("the committed key is PEM");
        let pair =
            RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).expect("the committed key is RSA");
        let certificate =
            CertificateDer::from_pem_slice(certificate).expect("the committed certificate is PEM");
        let published = Published {
            id: thumbprint(&digest::SHA1_FOR_LEGACY_USE_ONLY, &certificate),
            certificate,
            public: PublicKeyComponents::from(pair.public()),
        };
        (pair, published)
    }

    fn shown(&self, issuer: &str) -> Value {
        json!({
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.id, "x5t": self.id,
            "n": URL_SAFE_NO_PAD.encode(&self.public.n),
            "e": URL_SAFE_NO_PAD.encode(&self.public.e),
            "x5c": [STANDARD.encode(&self.certificate)],
            "issuer": issuer,
        })
    }
}

impl SigningKey {
    pub fn load() -> SigningKey {
        let (pair, published) = Published::load(SIGNING);
        let (_, idle) = Published::load(IDLE);
        SigningKey {
            pair,
            published,
            idle,
        }
    }

    /// A token. With a nonce, as Graph's tokens have one, what is signed is not the header that the token shows but one
    /// with the nonce's SHA-256 in its place, so that nobody but Graph can verify it.
    pub fn sign(&self, claims: &Claims, with_nonce: bool) -> String {
        let mut header = json!({ "typ": "JWT", "alg": "RS256", "x5t": self.published.id, "kid": self.published.id });
        if with_nonce {
            header["nonce"] = guid().into();
        }
        let shown = jwt::signed_part(&header, &json!(claims));
        let signed = signed_text(&shown).unwrap_or_else(|| shown.clone());
        let signature = jwt::rsa_signature(&self.pair, "RS256", &signed);
        format!("{shown}.{signature}")
    }

    /// The claims of a token that this key signed.
    pub fn verify(&self, token: &str) -> Option<Claims> {
        let (shown, signature) = token.rsplit_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, self.pair.public().as_ref())
            .verify(signed_text(shown)?.as_bytes(), &signature)
            .ok()?;
        claims(shown)
    }

    /// The key set of the discovery endpoints: an idle key first, then, unless it is hidden, the one that signs.
    pub fn jwks(&self, issuer: &str, hidden: bool) -> Value {
        let mut keys = vec![self.idle.shown(issuer)];
        keys.extend((!hidden).then(|| self.published.shown(issuer)));
        json!({ "keys": keys })
    }
}

/// What is signed of a token that shows this header and these claims.
fn signed_text(shown: &str) -> Option<String> {
    let (header, claims) = shown.split_once('.')?;
    let decoded = URL_SAFE_NO_PAD.decode(header).ok()?;
    let mut header: Value = serde_json::from_slice(&decoded).ok()?;
    let Some(nonce) = header["nonce"].as_str() else {
        return Some(shown.to_owned());
    };
    header["nonce"] = thumbprint(&digest::SHA256, nonce.as_bytes()).into();
    Some(format!(
        "{}.{claims}",
        URL_SAFE_NO_PAD.encode(header.to_string())
    ))
}

/// A token's `uti`, its signature unseen.
pub(crate) fn token_id(token: &str) -> Option<String> {
    claims(token.rsplit_once('.')?.0).map(|claims| claims.uti)
}

fn claims(signed: &str) -> Option<Claims> {
    let claims = URL_SAFE_NO_PAD.decode(signed.split_once('.')?.1).ok()?;
    serde_json::from_slice(&claims).ok()
}
