//! Whether a token's signature is the tenant's: for diagnosis alone, and only where whoever holds a token can tell.
//!
//! Source: <https://learn.microsoft.com/entra/identity-platform/access-tokens#validate-the-signature>.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{claims::Claims, published, token::Token, want::Want};
use crate::{api::Api, config::is_guid, error::Result};

/// What was found out about a token's signature.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", tag = "signature", content = "reason")]
pub enum Signature {
    /// It is by a key of the tenant, and the issuer is the tenant's.
    Verified,
    /// It is by no key of the tenant, or by another issuer.
    Invalid(String),
    /// It could not be checked.
    Unchecked(String),
}

/// Checks the signature by the keys that the tenant publishes.
pub async fn check(token: &Token, api: Api, want: &Want<'_>) -> Signature {
    if api == Api::Graph {
        let reason = "Microsoft Graph's tokens can be verified by Microsoft Graph alone";
        return Signature::Unchecked(reason.to_owned());
    }
    let Some(claims) = token.claims().filter(|claims| is_guid(&claims.tid)) else {
        return Signature::Unchecked("the token is opaque".to_owned());
    };
    match verify(token.text(), claims, want).await {
        Ok(verdict) => verdict,
        Err(error) => Signature::Unchecked(error.to_string()),
    }
}

async fn verify(token: &str, claims: &Claims, want: &Want<'_>) -> Result<Signature> {
    // Tokens of one version are not to be judged by the metadata of the other.
    let version = match claims.ver.as_str() {
        "2.0" => "/v2.0",
        _ => "",
    };
    let tenant = &claims.tid;
    let metadata = published::metadata(tenant, version, want).await?;
    if metadata.issuer != claims.iss {
        let reason = format!(
            "its issuer is {:?}, and the tenant's is {:?}",
            claims.iss, metadata.issuer
        );
        return Ok(Signature::Invalid(reason));
    }
    let keys: KeySet = published::keys(tenant, version, want).await?;
    Ok(match is_signed(token, &keys) {
        Some(true) => Signature::Verified,
        Some(false) => {
            Signature::Invalid("its key is the tenant's, and did not sign it".to_owned())
        }
        None => Signature::Invalid("its key is none of the tenant's".to_owned()),
    })
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Key>,
}

/// An RSA key; what else a set holds is not for us.
#[derive(Deserialize)]
struct Key {
    #[serde(default)]
    kid: String,
    #[serde(default)]
    n: String,
    #[serde(default)]
    e: String,
}

/// Whether the key that the token names has signed it; none where there is no such key.
fn is_signed(token: &str, keys: &KeySet) -> Option<bool> {
    #[derive(Deserialize)]
    struct Header {
        alg: String,
        kid: String,
    }
    let decode = |text: &str| {
        BASE64_URL_SAFE_NO_PAD
            .decode(text.trim_end_matches('='))
            .ok()
    };
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, _) = signed.split_once('.')?;
    let header: Header = serde_json::from_slice(&decode(header)?).ok()?;
    let key = keys.keys.iter().find(|key| key.kid == header.kid)?;
    let (n, e) = (decode(&key.n)?, decode(&key.e)?);
    let is_genuine = RsaPublicKeyComponents { n, e }
        .verify(
            &RSA_PKCS1_2048_8192_SHA256,
            signed.as_bytes(),
            &decode(signature)?,
        )
        .is_ok();
    Some(is_genuine && header.alg == "RS256")
}
