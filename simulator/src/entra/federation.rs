//! Workload identity federation: a foreign issuer's token in place of a credential, matched to the letter.

use super::assertion::{Surroundings, check_times, unsupported};
use super::refusal::Refusal;
use crate::app::App;
use crate::jwt::Jwt;

/// Refuses a token that no federated credential of the application lets in.
pub(super) fn check(
    app: &App,
    jwt: &Jwt<'_>,
    surroundings: &Surroundings<'_>,
) -> Result<(), Refusal> {
    let no_match = |code: u32, what: &str, value: &str| {
        let message = format!(
            "No matching federated identity record found for presented assertion {what} '{value}'. Check your federated identity credential Subject, Audience and Issuer against the presented assertion."
        );
        Refusal::new(code, message)
    };
    let credentials = &app.federated_credentials;
    if credentials.is_empty() {
        let message = "No matching federated identity record found for presented assertion.";
        return Err(Refusal::new(70021, message));
    }
    if jwt.algorithm() != "RS256" {
        return Err(unsupported(jwt, "RS256"));
    }
    let (issuer, subject) = (jwt.text("iss"), jwt.text("sub"));
    let of_issuer = || credentials.iter().filter(|one| one.issuer == issuer);
    if of_issuer().next().is_none() {
        return Err(no_match(700211, "issuer", issuer));
    }
    let of_subject = || of_issuer().filter(|one| one.subject == subject);
    if of_subject().next().is_none() {
        let but_for_case = of_issuer().any(|one| one.subject.eq_ignore_ascii_case(subject));
        let code = if but_for_case { 7002138 } else { 700213 };
        return Err(no_match(code, "subject", subject));
    }
    let audience = &jwt.claims["aud"];
    let is_for = |wanted: &str| {
        let list = audience.as_array();
        audience == wanted || list.is_some_and(|list| list.iter().any(|one| one == wanted))
    };
    if !of_subject().any(|one| is_for(&one.audience)) {
        return Err(no_match(
            700212,
            "audience",
            audience.as_str().unwrap_or_default(),
        ));
    }
    let mut keys = surroundings
        .issuers
        .iter()
        .filter(|(name, _)| name == issuer)
        .peekable();
    if keys.peek().is_none() {
        return Err(Refusal::new(
            90061,
            "Request to External OIDC endpoint failed.",
        ));
    }
    if !keys.any(|(_, key)| jwt.is_signed_by(key)) {
        return Err(Refusal::new(
            700027,
            "Client assertion contains an invalid signature. [Reason - The provided signature value did not match the expected signature value.]",
        ));
    }
    check_times(jwt, surroundings.now)
}
