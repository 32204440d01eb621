//! Why Entra refused a token, in the words of its AADSTS codes, and what to do about it.
//!
//! Source: <https://learn.microsoft.com/entra/identity-platform/reference-error-codes>. Microsoft's rule is to act on
//! `error` and the HTTP status; the numbers choose the advice and, where they say "transient", another try.

use std::time::Duration;

use serde::Deserialize;

use crate::{
    client::Reply,
    error::{Code, Error, Upstream},
};

/// An OAuth error as Entra answers it.
#[derive(Debug, Default, Deserialize)]
struct Refusal {
    #[serde(default)]
    error: String,
    #[serde(default)]
    error_codes: Vec<u32>,
    #[serde(default)]
    error_description: String,
    #[serde(default)]
    trace_id: Option<String>,
    #[serde(default)]
    correlation_id: Option<String>,
}

/// A refused token request, and whether the same request may succeed in a moment.
#[derive(Debug)]
pub struct Rejection {
    pub error: Error,
    pub number: Option<u32>,
    pub transient: bool,
}

/// How long a federated credential that Entra does not know yet is waited for, from one try to the next.
const SPREADING: Duration = Duration::from_secs(5);

impl Rejection {
    /// The error of a refusal that the same request may outlive.
    pub fn passing(reply: &Reply) -> Option<Error> {
        let rejection = Self::read(reply);
        match rejection.number {
            // One that was just created takes minutes to be known everywhere.
            Some(70021) => Some(rejection.error.after(SPREADING)),
            _ => rejection.transient.then_some(rejection.error),
        }
    }

    /// Whether it is the secret, or the certificate that an assertion was signed with, that Entra does not take.
    pub fn is_of_credential(&self) -> bool {
        matches!(self.number, Some(7000215 | 7000222 | 700027)) || self.is_of_time()
    }

    /// Whether an assertion was outside its time.
    pub fn is_of_time(&self) -> bool {
        self.number == Some(700024)
    }

    /// Reads a 4xx answer of the token endpoint.
    pub fn read(reply: &Reply) -> Self {
        let refusal: Refusal = serde_json::from_slice(&reply.body).unwrap_or_default();
        let number = refusal.number();
        let transient =
            refusal.error == "temporarily_unavailable" || number.is_some_and(is_transient);
        let name = number.map_or_else(|| refusal.error.clone(), |number| format!("AADSTS{number}"));
        let advice = number.map_or(UNKNOWN, advice);
        let status = reply.status.as_u16();
        let detail = match name.is_empty() {
            true => format!(
                "Entra answered {status} without saying why. Check AZURE_AUTHORITY_HOST and AZURE_TENANT_ID."
            ),
            false => format!("{name}: {advice}"),
        };
        let code = if transient {
            Code::UpstreamUnavailable
        } else {
            Code::CredentialRejected
        };
        let upstream = Upstream {
            service: "entra",
            status: Some(status),
            code: Some(name).filter(|name| !name.is_empty()),
            request_id: refusal.trace_id.or(refusal.correlation_id),
        };
        Self {
            error: Error::new(code, detail).from_upstream(upstream),
            number,
            transient,
        }
    }
}

impl Refusal {
    /// The AADSTS number; older answers have it in the text only.
    fn number(&self) -> Option<u32> {
        let in_text = || {
            let (_, after) = self.error_description.split_once("AADSTS")?;
            after
                .split(|c: char| !c.is_ascii_digit())
                .next()?
                .parse()
                .ok()
        };
        self.error_codes.first().copied().or_else(in_text)
    }
}

/// The number in a code as our errors carry it: `AADSTS7000215`.
pub fn number(code: &str) -> Option<u32> {
    code.strip_prefix("AADSTS")?.parse().ok()
}

fn is_transient(number: u32) -> bool {
    matches!(
        number,
        50033 | 90006 | 90012 | 90024 | 90033 | 90055 | 90090
    )
}

const UNKNOWN: &str =
    "Entra refused the token request. Look the code up at https://login.microsoftonline.com/error.";

/// What a person can do about it.
fn advice(number: u32) -> &'static str {
    match number {
        7000215 => {
            "the client secret is wrong. Store the secret's value, not its id, and check that it belongs to this app."
        }
        7000222 => {
            "the client secret has expired. Create a new one on the app registration and store its value."
        }
        7000218 => {
            "no client secret or assertion reached Entra. Set one credential for the function."
        }
        700016 => {
            "the app is not in this tenant. Check AZURE_CLIENT_ID and AZURE_TENANT_ID, and that an administrator of the tenant \
             has consented to the app (right after a consent it may take a minute)."
        }
        7000229 => {
            "the app has no service principal in this tenant. An administrator of the tenant must consent to it (right after a \
             consent it may take a minute)."
        }
        7000112 | 70001 => "the app is disabled. Enable its enterprise application in the tenant.",
        700021 => "the client assertion names another app than AZURE_CLIENT_ID.",
        700011 => "there is no app with this id. Check AZURE_CLIENT_ID.",
        90002 => {
            "there is no such tenant in this cloud. Check AZURE_TENANT_ID and AZURE_AUTHORITY_HOST."
        }
        900439 | 90038 | 900382 | 900432 => {
            "the tenant or the app lives in another national cloud. Set DEFENDER_CLOUD to it."
        }
        65001 => {
            "nobody has consented to the app in this tenant. An administrator must grant admin consent."
        }
        650052 => {
            "the tenant has no subscription to the service, or has not enabled it. Enable Microsoft Defender XDR there."
        }
        650056 | 650057 => {
            "the app registration lists no permission of this API. Add the application permissions, then grant admin consent."
        }
        500011 => {
            "the tenant does not know the API. Check DEFENDER_CLOUD, GRAPH_AUDIENCE, XDR_AUDIENCE and ENDPOINT_AUDIENCE, and that Defender has been set up in the tenant."
        }
        70011 | 28002 | 700022 | 700023 => {
            "the scope is not one that Entra knows. Check GRAPH_AUDIENCE, XDR_AUDIENCE and ENDPOINT_AUDIENCE."
        }
        901002 => {
            "the v2 endpoint was asked in v1 words. Set AZURE_TOKEN_VERSION to the endpoint that is in use."
        }
        900144 | 9002313 => {
            "the token request was malformed. Check AZURE_AUTHORITY_HOST: something between may have changed it."
        }
        9001023 | 50059 => {
            "the token request named no tenant. Set AZURE_TENANT_ID to the tenant's GUID or a verified domain."
        }
        50034 => {
            "Entra took the app for a user, which means another flow. Check AZURE_AUTHORITY_HOST."
        }
        700027 | 50013 | 50027 | 50048 | 900384 => {
            "the client assertion is not valid, or its key is not registered on the app."
        }
        700024 => {
            "the client assertion is outside its time window. Check the clock of whoever signs it."
        }
        700025 => {
            "the app is a public client, which may not use a credential. Make it a confidential client."
        }
        700030 => {
            "the subject of the certificate is not allowed. Use one that the app registration lists."
        }
        50012 => "the app could not be authenticated. Check its credential.",
        70021 => {
            "no federated credential of the app matches the assertion. One that was just created takes some minutes to be known."
        }
        700211..=700213 | 7002137 | 7002138 => {
            "the federated credential does not match the assertion's issuer, subject or audience exactly, case included."
        }
        700229 => "only app-only tokens may be used as a federated assertion.",
        50105 => {
            "the app must be assigned in this tenant. Assign it, or switch assignment off on its enterprise application."
        }
        53003 | 530032 => {
            "a Conditional Access or security policy of the tenant blocks the app. Ask its administrator."
        }
        50196 => "Entra saw the same request too often in a row. Wait before trying again.",
        50033 | 90006 | 90012 | 90024 | 90033 | 90055 | 90090 => "Entra had a passing fault.",
        50000 | 90036 | 90092 => {
            "Entra could not issue the token. If it goes on, open a support case with the trace id."
        }
        _ => UNKNOWN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, StatusCode};

    fn read(status: u16, body: &str) -> Rejection {
        let status = StatusCode::from_u16(status).unwrap();
        Rejection::read(&Reply {
            status,
            headers: HeaderMap::new(),
            body: body.as_bytes().to_vec(),
        })
    }

    #[test]
    fn each_documented_code_has_advice_of_its_own() {
        for number in [
            7000215, 7000222, 7000218, 700016, 7000229, 7000112, 70001, 700011, 90002, 900439,
            90038, 900382, 900432, 65001, 650052, 650056, 650057, 500011, 70011, 28002, 700022,
            700023, 900144, 901002, 9001023, 50059, 9002313, 50034, 700027, 700024, 700025, 700030,
            700021, 700212, 50012, 50013, 50027, 50048, 900384, 70021, 700211, 700213, 7002138,
            7002137, 700229, 50105, 53003, 530032, 50196, 90055, 50033, 90006, 90012, 90024, 90033,
            90090, 50000, 90036, 90092,
        ] {
            let rejection = read(400, &format!(r#"{{"error":"x","error_codes":[{number}]}}"#));
            let text = rejection.error.to_string();
            assert!(
                text.starts_with(&format!("AADSTS{number}: ")) && !text.contains(UNKNOWN),
                "{text}"
            );
            let expected = if rejection.transient {
                Code::UpstreamUnavailable
            } else {
                Code::CredentialRejected
            };
            assert_eq!(rejection.error.code(), expected);
        }
    }

    #[test]
    fn a_code_in_the_text_alone_is_found() {
        let rejection = read(
            401,
            r#"{"error":"invalid_client","error_description":"AADSTS7000222: The provided..."}"#,
        );
        assert_eq!(
            rejection.error.upstream().unwrap().code.as_deref(),
            Some("AADSTS7000222")
        );
    }

    #[test]
    fn transient_codes_and_words_are_told_apart() {
        assert!(read(400, r#"{"error":"x","error_codes":[90033]}"#).transient);
        assert!(read(400, r#"{"error":"temporarily_unavailable"}"#).transient);
        assert!(!read(401, r#"{"error":"invalid_client","error_codes":[7000215]}"#).transient);
    }

    #[test]
    fn an_answer_without_a_reason_still_says_what_to_check() {
        assert!(
            read(404, "<html>")
                .error
                .to_string()
                .contains("AZURE_AUTHORITY_HOST")
        );
    }
}
