//! Continuous access evaluation: Graph's claims challenge to tokens that were not asked for with certain claims.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde_json::Value;

use crate::request::Request;
use crate::state::State;

/// What Graph asks of this tenant's tokens from now on; see [`crate::Tenant::challenge`].
#[derive(Clone, Debug)]
pub struct Challenge {
    /// `{"access_token":{"nbf":{"essential":true,"value":"1795168800"}}}`
    pub claims: Value,
    pub form: ChallengeForm,
    /// Challenges also the tokens that were asked for with these claims.
    pub insatiable: bool,
}

/// How the challenge is written.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum ChallengeForm {
    #[default]
    Usual,
    /// The claims first, then the error, then the rest.
    Reordered,
    /// Behind another header of the same name that has another scheme's challenge.
    TwoHeaders,
    /// base64 without its padding.
    Unpadded,
    /// Claims that are no base64.
    Undecodable,
    /// base64 of what is no JSON.
    NotJson,
}

impl Challenge {
    /// The values of the WWW-Authenticate headers.
    fn headers(&self) -> Vec<String> {
        let json = self.claims.to_string();
        let claims = match self.form {
            ChallengeForm::Unpadded => STANDARD_NO_PAD.encode(json),
            ChallengeForm::Undecodable => "%%% not base64 %%%".into(),
            ChallengeForm::NotJson => STANDARD.encode("access_token"),
            _ => STANDARD.encode(json),
        };
        let at = "authorization_uri=\"https://login.microsoftonline.com/common/oauth2/authorize\"";
        let error = "error=\"insufficient_claims\"";
        let bearer = match self.form {
            ChallengeForm::Reordered => {
                format!("Bearer claims=\"{claims}\", {error}, {at}, realm=\"\"")
            }
            _ => format!("Bearer realm=\"\", {at}, {error}, claims=\"{claims}\""),
        };
        match self.form {
            ChallengeForm::TwoHeaders => vec![
                format!("PoP realm=\"\", {at}, error=\"invalid_token\", nonce=\"simulated\""),
                bearer,
            ],
            _ => vec![bearer],
        }
    }
}

/// The challenge to this call of Graph, if its token has one coming.
pub(crate) fn of(state: &State, request: &Request) -> Option<Vec<String>> {
    let token = request.header("authorization")?.strip_prefix("Bearer ")?;
    let claims = state.key.verify(token.trim())?;
    let mut tenants = state.tenants.iter();
    let tenant = tenants.find(|tenant| tenant.is(&claims.tid))?;
    let challenge = tenant.challenge.as_ref()?;
    let asked = tenant.issued.get(&claims.uti);
    let met = asked.is_some_and(|asked| contains(asked, &challenge.claims));
    (!met || challenge.insatiable).then(|| challenge.headers())
}

/// Whether every part of `wanted` is in `asked`.
fn contains(asked: &Value, wanted: &Value) -> bool {
    match (asked, wanted) {
        (Value::Object(asked), Value::Object(wanted)) => wanted.iter().all(|(name, wanted)| {
            let found = asked.get(name);
            found.is_some_and(|found| contains(found, wanted))
        }),
        (Value::Array(asked), Value::Array(wanted)) => {
            wanted.iter().all(|wanted| asked.contains(wanted))
        }
        (asked, wanted) => asked == wanted,
    }
}
