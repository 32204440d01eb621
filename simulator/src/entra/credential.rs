//! How a caller proves to be an application: a client secret in the form or by HTTP Basic, or a client assertion.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::assertion::{self, Surroundings};
use super::refusal::Refusal;
use crate::app::App;
use crate::request::Request;
use crate::time;

/// What the caller presented.
pub(super) enum Credential {
    Secret(String),
    /// A certificate's assertion or a federated token, and how the caller calls its kind.
    Assertion {
        kind: Option<String>,
        token: String,
    },
    None,
}

impl Credential {
    /// `appidacr`: how strongly the application proved itself.
    pub fn strength(&self) -> &'static str {
        match self {
            Credential::Secret(_) => "1",
            Credential::Assertion { .. } => "2",
            Credential::None => "0",
        }
    }
}

/// The client id and credential of a token request.
pub(super) fn presented(
    request: &Request,
    form: &dyn Fn(&str) -> Option<String>,
) -> (Option<String>, Credential) {
    if let Some((id, secret)) = basic(request) {
        return (Some(id), Credential::Secret(secret));
    }
    let credential = match (form("client_secret"), form("client_assertion")) {
        (Some(secret), _) => Credential::Secret(secret),
        (None, Some(token)) => Credential::Assertion {
            kind: form("client_assertion_type"),
            token,
        },
        (None, None) => Credential::None,
    };
    (form("client_id"), credential)
}

/// RFC 6749 form-encodes both halves before they are joined.
fn basic(request: &Request) -> Option<(String, String)> {
    let encoded = request.header("authorization")?.strip_prefix("Basic ")?;
    let pair = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = pair.split_once(':')?;
    let decode = |text: &str| {
        let spaced = text.replace('+', " ");
        percent_encoding::percent_decode_str(&spaced)
            .decode_utf8_lossy()
            .into_owned()
    };
    Some((decode(id), decode(secret)))
}

/// Refuses what does not prove that the caller is `app`.
pub(super) fn check(
    app: &App,
    credential: &Credential,
    now: i64,
    surroundings: Surroundings<'_>,
) -> Result<(), Refusal> {
    match credential {
        Credential::Secret(secret) => check_secret(app, secret, now),
        Credential::Assertion { kind, token } => {
            assertion::check_kind(kind.as_deref())?;
            assertion::check(app, token, surroundings)
        }
        Credential::None => {
            let message = "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.";
            Err(Refusal::new(7000218, message))
        }
    }
}

fn check_secret(app: &App, presented: &str, now: i64) -> Result<(), Refusal> {
    let id = &app.client_id;
    let expired = |expires: &str| time::parse(expires).is_some_and(|end| end <= now);
    match app.secrets.iter().find(|secret| secret.value == presented) {
        None => Err(Refusal::new(
            7000215,
            format!(
                "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{id}'."
            ),
        )),
        Some(secret) if secret.expires.as_deref().is_some_and(expired) => Err(Refusal::new(
            7000222,
            format!("The provided client secret keys for app '{id}' are expired."),
        )),
        Some(_) => Ok(()),
    }
}
