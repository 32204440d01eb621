//! What AWS Secrets Manager keeps for the function, read by one signed request over the HTTP client that is there already.

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::{
    aws,
    client::{Failure, Outgoing, Reply, Room},
    config::AwsSecret,
    entra::want::Want,
    error::{Code, Error, Result},
};

const SERVICE: &str = "secretsmanager";

/// The most that Secrets Manager keeps in one secret is 64 KiB; escaped and wrapped it is still less than this.
const ROOM: Room = Room::of(512 * 1024);

/// Reads the text of a secret.
pub async fn text(secret: &AwsSecret, want: &Want<'_>) -> Result<SecretString> {
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
            text: Option<SecretString>,
        }
        serde_json::from_slice(&reply.body)
            .map_err(|_| "is not the documented JSON".to_owned())
            .map(|value: Value| value.text)
    };
    let outcome = want
        .client
        .send(&request, want.deadline, want.trace, read)
        .await;
    match outcome {
        Ok(Some(text)) => Ok(text),
        Ok(None) => Err(unusable(secret, "is binary; store a string")),
        Err(Failure::Refused(reply)) => Err(refusal(secret, &reply)),
        Err(Failure::Failed(error) | Failure::Lost(error)) => Err(error),
    }
}

/// The client secrets in a secret's text: a plain string, or a JSON object with `clientSecret` and perhaps `previousClientSecret`.
pub fn client_secrets(secret: &AwsSecret, text: &SecretString) -> Result<Vec<SecretString>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Document {
        client_secret: SecretString,
        previous_client_secret: Option<SecretString>,
    }
    let text = text.expose_secret().trim();
    let secrets = match text.starts_with('{') {
        true => serde_json::from_str(text)
            .map(|document: Document| vec![Some(document.client_secret), document.previous_client_secret])
            .map_err(|_| {
                unusable(
                    secret,
                    "is a JSON object without the string `clientSecret`; store that, or the client secret alone",
                )
            })?,
        false => vec![Some(text.into())],
    };
    let secrets: Vec<_> = secrets
        .into_iter()
        .flatten()
        .filter(|secret| !secret.expose_secret().is_empty())
        .collect();
    match secrets.is_empty() {
        true => Err(unusable(secret, "is empty")),
        false => Ok(secrets),
    }
}

fn unusable(secret: &AwsSecret, problem: &str) -> Error {
    Error::new(
        Code::Misconfigured,
        format!("The secret that {} names {problem}.", secret.variable),
    )
}

fn throttled(reply: &Reply) -> Option<Error> {
    aws::throttled(reply, SERVICE)
}

fn refusal(secret: &AwsSecret, reply: &Reply) -> Error {
    // Anything but an ARN may be the secret itself, put there by mistake.
    let name = match secret.id.starts_with("arn:") {
        true => format!("{} ({})", secret.variable, secret.id),
        false => secret.variable.to_owned(),
    };
    let region = &secret.service.region;
    let detail = match aws::error_kind(reply).as_str() {
        "ResourceNotFoundException" => format!(
            "{name} names no secret in {region}. It takes the name or ARN of one, not the secret."
        ),
        "AccessDeniedException" => format!(
            "The function's role may not read the secret that {name} names. Allow it secretsmanager:GetSecretValue (and kms:Decrypt, if \
             the secret has a key of its own)."
        ),
        "DecryptionFailure" => format!(
            "The secret that {name} names cannot be decrypted. Allow the role kms:Decrypt on its key."
        ),
        _ => format!("Secrets Manager refused to give the secret that {name} names."),
    };
    Error::new(Code::Misconfigured, detail).from_upstream(aws::upstream(SERVICE, reply))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::AwsService;

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
        let at = AwsSecret {
            variable: "AZURE_CLIENT_SECRET_ID",
            id: "app".to_owned(),
            service: AwsService {
                name: SERVICE,
                endpoint: reqwest::Url::parse("https://secretsmanager.example").unwrap(),
                region: "eu-west-1".to_owned(),
                access_key_id: "AKIDEXAMPLE".to_owned(),
                secret_access_key: "k".into(),
                session_token: None,
            },
        };
        let secrets = |text: &str| {
            let secrets = client_secrets(&at, &text.into())?;
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
