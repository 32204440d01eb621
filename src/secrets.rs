//! The client secret in AWS Secrets Manager, read by one signed request over the HTTP client that is there already.

use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;

use crate::{
    aws,
    client::{Client, Failure, Outgoing, Reply, Room},
    config::AwsSecret,
    error::{Code, Error, Result},
    telemetry::Trace,
    time::Deadline,
};

const SERVICE: &str = "secretsmanager";

/// The most that Secrets Manager keeps in one secret is 64 KiB; escaped and wrapped it is still less than this.
const ROOM: Room = Room {
    bytes: 512 * 1024,
    escaped: false,
};

/// Reads the secrets: a plain string, or a JSON object with `clientSecret` and perhaps `previousClientSecret`.
pub async fn client_secrets(
    secret: &AwsSecret,
    client: &Client,
    deadline: Deadline,
    trace: &Trace,
) -> Result<Vec<SecretString>> {
    let body = serde_json::json!({ "SecretId": secret.id }).to_string();
    let request = Outgoing {
        passing: throttled,
        room: ROOM,
        ..aws::json_request(&secret.service, "secretsmanager.GetSecretValue", body)?
    };
    let read = |reply: &Reply| {
        // Neither this struct nor its errors are ever shown: they hold the secret.
        #[derive(Deserialize)]
        struct Value {
            #[serde(rename = "SecretString")]
            text: Option<String>,
        }
        serde_json::from_slice(&reply.body)
            .map_err(|_| "is not the documented JSON".to_owned())
            .map(|value: Value| value.text)
    };
    match client.send(&request, deadline, trace, read).await {
        Ok(Some(text)) => extract(&text),
        Ok(None) => Err(unusable("is binary; store a string")),
        Err(Failure::Refused(reply)) => Err(refusal(secret, &reply)),
        Err(Failure::Failed(error) | Failure::Lost(error)) => Err(error),
    }
}

fn extract(text: &str) -> Result<Vec<SecretString>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Document {
        client_secret: String,
        previous_client_secret: Option<String>,
    }
    let secrets = match text.trim_start().starts_with('{') {
        true => serde_json::from_str(text)
            .map(|document: Document| vec![Some(document.client_secret), document.previous_client_secret])
            .map_err(|_| {
                unusable("is a JSON object without the string `clientSecret`; store that, or the client secret alone")
            })?,
        false => vec![Some(text.trim().to_owned())],
    };
    let secrets: Vec<_> = secrets
        .into_iter()
        .flatten()
        .filter(|secret| !secret.is_empty())
        .map(Into::into)
        .collect();
    match secrets.is_empty() {
        true => Err(unusable("is empty")),
        false => Ok(secrets),
    }
}

fn unusable(problem: &str) -> Error {
    Error::new(
        Code::Misconfigured,
        format!("The secret that AZURE_CLIENT_SECRET_ID names {problem}."),
    )
}

/// AWS throttles with a 400 and does not say for how long.
fn throttled(reply: &Reply) -> Option<Error> {
    aws::is_throttle(reply).then(|| {
        let detail = "Secrets Manager is asked too often. Wait a moment, then repeat.";
        Error::new(Code::Throttled, detail)
            .from_upstream(aws::upstream(SERVICE, reply))
            .after(Duration::from_secs(1))
    })
}

fn refusal(secret: &AwsSecret, reply: &Reply) -> Error {
    // Anything but an ARN may be the secret itself, put there by mistake.
    let named = if secret.id.starts_with("arn:") {
        format!(" ({})", secret.id)
    } else {
        String::new()
    };
    let region = &secret.service.region;
    let detail = match aws::error_kind(reply).as_str() {
        "ResourceNotFoundException" => format!(
            "AZURE_CLIENT_SECRET_ID{named} names no secret in {region}. It takes the name or ARN of one, not the secret."
        ),
        "AccessDeniedException" => format!(
            "The function's role may not read the secret that AZURE_CLIENT_SECRET_ID{named} names. Allow it \
             secretsmanager:GetSecretValue (and kms:Decrypt, if the secret has a key of its own)."
        ),
        "DecryptionFailure" => format!(
            "The secret that AZURE_CLIENT_SECRET_ID{named} names cannot be decrypted. Allow the role kms:Decrypt on its key."
        ),
        _ => format!(
            "Secrets Manager refused to give the secret that AZURE_CLIENT_SECRET_ID{named} names."
        ),
    };
    Error::new(Code::Misconfigured, detail).from_upstream(aws::upstream(SERVICE, reply))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_throttle_is_told_from_a_refusal() {
        let reply = |kind: &str| Reply {
            status: http::StatusCode::BAD_REQUEST,
            headers: http::HeaderMap::new(),
            body: format!(r#"{{"__type":"com.amazon#{kind}"}}"#).into_bytes(),
        };
        let error = throttled(&reply("ThrottlingException")).unwrap();
        assert_eq!(
            (error.code(), error.retry_after()),
            (Code::Throttled, Some(Duration::from_secs(1)))
        );
        assert!(throttled(&reply("AccessDeniedException")).is_none());
    }

    #[test]
    fn a_secret_is_a_plain_string_or_a_document() {
        let secrets = |text: &str| {
            let secrets = extract(text)?;
            Ok::<_, Error>(
                secrets
                    .iter()
                    .map(|secret| secret.expose_secret().to_owned())
                    .collect::<Vec<_>>(),
            )
        };
        assert_eq!(secrets("s3~cr3t\n").unwrap(), ["s3~cr3t"]);
        assert_eq!(secrets(r#"{"clientSecret":"new"}"#).unwrap(), ["new"]);
        let both = r#"{"clientSecret":"new","previousClientSecret":"old"}"#;
        assert_eq!(secrets(both).unwrap(), ["new", "old"]);
        for wrong in [
            "",
            "  ",
            "{}",
            r#"{"clientSecret":7}"#,
            r#"{"clientSecret":""}"#,
            "{broken",
        ] {
            assert_eq!(
                secrets(wrong).unwrap_err().code(),
                Code::Misconfigured,
                "{wrong}"
            );
        }
    }
}
