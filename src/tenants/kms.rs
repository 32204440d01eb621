//! AWS KMS: messages signed and verified by a key that nobody can read.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{
    aws,
    call::{Call, read_json},
    client::{Failure, Outgoing, Reply},
    config::ConsentKey,
    error::{Code, Error, Result},
};

/// The length of a MAC by SHA-256.
pub const MAC: usize = 32;

/// `GenerateMac`.
pub async fn mac(call: &Call<'_>, key: &ConsentKey, message: &str) -> Result<Vec<u8>> {
    #[derive(Deserialize)]
    struct Generated {
        #[serde(rename = "Mac")]
        mac: String,
    }
    let body = body(key, message);
    let generated: Option<Generated> = ask(call, key, "TrentService.GenerateMac", body).await?;
    generated
        .and_then(|generated| BASE64_STANDARD.decode(generated.mac).ok())
        .ok_or_else(|| {
            let detail = "AWS KMS gave no MAC that can be read. Repeat the call.";
            Error::new(Code::UpstreamUnavailable, detail)
        })
}

/// `VerifyMac`: whether the key made this MAC of the message.
pub async fn is_mac(call: &Call<'_>, key: &ConsentKey, message: &str, mac: &[u8]) -> Result<bool> {
    #[derive(Deserialize)]
    struct Verified {
        #[serde(rename = "MacValid")]
        valid: bool,
    }
    let mut body = body(key, message);
    body["Mac"] = BASE64_STANDARD.encode(mac).into();
    let verified: Option<Verified> = ask(call, key, "TrentService.VerifyMac", body).await?;
    Ok(verified.is_some_and(|verified| verified.valid))
}

fn body(key: &ConsentKey, message: &str) -> Value {
    json!({
        "KeyId": key.id,
        "MacAlgorithm": "HMAC_SHA_256",
        "Message": BASE64_STANDARD.encode(message),
    })
}

/// Answers nothing where the MAC is not the key's.
async fn ask<T: DeserializeOwned + Send>(
    call: &Call<'_>,
    key: &ConsentKey,
    target: &'static str,
    body: Value,
) -> Result<Option<T>> {
    let request = Outgoing {
        passing: throttled,
        ..aws::json_request(&key.service, target, body.to_string())?
    };
    let (client, deadline) = (&call.app.client, call.invocation.deadline);
    let sent = client.send(&request, deadline, &call.trace, |reply| read_json(reply));
    match sent.await {
        Ok(answer) => Ok(Some(answer)),
        Err(Failure::Refused(reply)) if aws::error_kind(&reply) == "KMSInvalidMacException" => {
            Ok(None)
        }
        Err(Failure::Refused(reply)) => Err(refusal(key, target, &reply)),
        Err(Failure::Failed(error) | Failure::Lost(error)) => Err(error),
    }
}

fn throttled(reply: &Reply) -> Option<Error> {
    aws::throttled(reply, "kms")
}

fn refusal(key: &ConsentKey, target: &str, reply: &Reply) -> Error {
    let action = target.rsplit('.').next().unwrap_or_default();
    let detail = match aws::error_kind(reply).as_str() {
        "AccessDeniedException" => format!(
            "The function's role may not use the key that CONSENT_KEY_ID names. Allow it kms:{action} there."
        ),
        "NotFoundException" => format!(
            "CONSENT_KEY_ID names no key in {}. It takes the id or ARN of a KMS key of the kind HMAC_256.",
            key.service.region
        ),
        kind => format!(
            "AWS KMS cannot use the key that CONSENT_KEY_ID names ({kind}). It must be enabled and of the kind HMAC_256."
        ),
    };
    Error::new(Code::Misconfigured, detail).from_upstream(aws::upstream("kms", reply))
}
