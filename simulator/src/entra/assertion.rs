//! Client assertions: JWTs of a certificate that is registered on the application, or of an issuer that it trusts.

use std::collections::HashSet;

use super::federation;
use super::refusal::Refusal;
use crate::app::App;
use crate::certificate::Registered;
use crate::jwt::Jwt;

const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// What an assertion is judged by besides the application itself.
pub(super) struct Surroundings<'s> {
    /// The token endpoint that was called, in each way in which an assertion may call it.
    pub audiences: Vec<String>,
    /// Entra's now in Unix seconds, by the machine's clock.
    pub now: i64,
    /// Public keys by issuer.
    pub issuers: &'s [(String, Vec<u8>)],
    /// The `jti` of every certificate's assertion so far.
    pub used: &'s mut HashSet<String>,
}

pub(super) fn check_kind(kind: Option<&str>) -> Result<(), Refusal> {
    match kind {
        Some(JWT_BEARER) => Ok(()),
        Some(_) => Err(Refusal::new(90011, "Unexpected client assertion type.")),
        None => Err(Refusal::new(
            900144,
            "The request body must contain the following parameter: 'client_assertion_type'.",
        )),
    }
}

/// Refuses an assertion that does not prove that the caller is `app`.
pub(super) fn check(app: &App, token: &str, surroundings: Surroundings<'_>) -> Result<(), Refusal> {
    let jwt = Jwt::parse(token).ok_or_else(malformed)?;
    let is_app = |claim: &str| jwt.text(claim).eq_ignore_ascii_case(&app.client_id);
    let by_certificate = jwt
        .header
        .get("x5t#S256")
        .or(jwt.header.get("x5t"))
        .is_some();
    match by_certificate || is_app("iss") {
        true if is_app("iss") && is_app("sub") => by_registered(app, &jwt, surroundings),
        true => Err(Refusal::new(
            700021,
            "Client assertion application identifier doesn't match 'client_id' parameter.",
        )),
        false => federation::check(app, &jwt, &surroundings),
    }
}

fn malformed() -> Refusal {
    Refusal::new(50027, "JWT token is invalid or malformed.")
}

/// An assertion that the application signed for itself with the key of one of its certificates.
fn by_registered(app: &App, jwt: &Jwt<'_>, surroundings: Surroundings<'_>) -> Result<(), Refusal> {
    let audience = jwt.claims["aud"].as_str().ok_or_else(malformed)?;
    let known = surroundings.audiences.iter();
    if !known
        .into_iter()
        .any(|one| one.eq_ignore_ascii_case(audience))
    {
        return Err(Refusal::new(
            700023,
            "Client assertion audience claim does not match Realm issuer.",
        ));
    }
    check_times(jwt, surroundings.now)?;
    if !["PS256", "RS256"].contains(&jwt.algorithm()) {
        return Err(unsupported(jwt, "PS256, RS256"));
    }
    let invalid = |reason: &str| {
        let message = format!(
            "Client assertion contains an invalid signature. [Reason - {reason}, Please visit the Azure Portal to see configured keys for app Id '{}'.]",
            app.client_id
        );
        Refusal::new(700027, message)
    };
    let registered = app
        .certificates
        .iter()
        .filter_map(|pem| Registered::read(pem));
    let named = |certificate: &Registered| match (&jwt.header["x5t#S256"], &jwt.header["x5t"]) {
        (serde_json::Value::String(sha256), _) => *sha256 == certificate.sha256,
        // The thumbprint of old came with the padding of old.
        (_, serde_json::Value::String(sha1)) => {
            *sha1 == certificate.sha1 && jwt.algorithm() == "RS256"
        }
        _ => false,
    };
    let certificate = registered
        .into_iter()
        .find(named)
        .ok_or_else(|| invalid("The key was not found."))?;
    if !(certificate.not_before..=certificate.not_after).contains(&surroundings.now) {
        return Err(invalid("The key used is expired."));
    }
    if !jwt.is_signed_by(&certificate.public_key) {
        return Err(invalid(
            "The provided signature value did not match the expected signature value.",
        ));
    }
    match jwt.text("jti") {
        "" => Err(malformed()),
        jti if surroundings.used.insert(jti.to_owned()) => Ok(()),
        _ => Err(Refusal::new(
            50013,
            "Assertion is not valid: an assertion with this 'jti' was used before.",
        )),
    }
}

/// `exp` is required, `nbf` obeyed; no leeway, so that a test sees where the window ends.
pub(super) fn check_times(jwt: &Jwt<'_>, now: i64) -> Result<(), Refusal> {
    let expires = jwt.claims["exp"].as_i64().ok_or_else(malformed)?;
    let begins = jwt.claims["nbf"].as_i64();
    match expires <= now || begins.is_some_and(|begins| begins > now) {
        false => Ok(()),
        true => Err(Refusal::new(
            700024,
            format!(
                "Client assertion is not within its valid time range. Current time: {now}, assertion valid from {}, expiry time of assertion {expires}.",
                begins.unwrap_or_default()
            ),
        )),
    }
}

pub(super) fn unsupported(jwt: &Jwt<'_>, supported: &str) -> Refusal {
    Refusal::new(
        5002738,
        format!(
            "Invalid JWT token. '{}' is not a supported signature algorithm. Supported signing algorithms are: '{supported}'",
            jwt.algorithm()
        ),
    )
}
