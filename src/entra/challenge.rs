//! Continuous access evaluation: an API's demand for a token that says more, and what it makes of the next token request.
//!
//! Source: <https://learn.microsoft.com/entra/identity-platform/claims-challenge>.

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use http::{HeaderMap, header::WWW_AUTHENTICATE};
use serde_json::{Map, Value, json};

/// Standard base64 with or without its padding; Microsoft's services send either.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The `claims` of a token request that answers the challenge in a refusal's headers; none where there is no challenge.
///
/// They say too that this client understands challenges: a token for that may live for a day.
pub fn claims(headers: &HeaderMap) -> Option<String> {
    let challenges = headers.get_all(WWW_AUTHENTICATE);
    let texts = challenges.iter().filter_map(|value| value.to_str().ok());
    texts.filter_map(demanded).next()
}

fn demanded(challenges: &str) -> Option<String> {
    // A value may hold several challenges; only this kind has claims.
    let parameters = parameters(challenges);
    let find = |sought: &str, fits: fn(&str) -> bool| {
        let mut known = parameters.iter();
        known.find(|(name, value)| name.eq_ignore_ascii_case(sought) && fits(value))
    };
    find("error", |value| value == "insufficient_claims")?;
    let (_, encoded) = find("claims", |_| true)?;
    let json = BASE64
        .decode(encoded.replace('-', "+").replace('_', "/"))
        .ok()?;
    let mut claims: Map<String, Value> = serde_json::from_slice(&json).ok()?;
    let of_token = claims.entry("access_token").or_insert_with(|| json!({}));
    of_token
        .as_object_mut()?
        .insert("xms_cc".to_owned(), json!({ "values": ["cp1"] }));
    Some(Value::Object(claims).to_string())
}

/// The parameters `name="value"` of authentication challenges.
fn parameters(challenges: &str) -> Vec<(&str, &str)> {
    let (mut rest, mut found) = (challenges, Vec::new());
    while let Some((before, after)) = rest.split_once('=') {
        let name = before.rsplit([' ', ',']).next().unwrap_or_default().trim();
        let (value, following) = match after.trim_start().strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => after.split_once(',').unwrap_or((after, "")),
        };
        found.push((name, value.trim()));
        rest = following;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLAIMS: &str =
        "eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7ImVzc2VudGlhbCI6dHJ1ZSwidmFsdWUiOiIxNzAwMDAwMDAwIn19fQ==";

    fn asked(challenges: &[String]) -> Option<String> {
        let header = |text: &String| (WWW_AUTHENTICATE, text.parse().unwrap());
        claims(&challenges.iter().map(header).collect())
    }

    #[test]
    fn a_challenge_is_found_wherever_it_stands() {
        let expected = r#"{"access_token":{"nbf":{"essential":true,"value":"1700000000"},"xms_cc":{"values":["cp1"]}}}"#;
        let unpadded = CLAIMS.trim_end_matches('=');
        for challenges in [
            vec![format!(
                r#"Bearer realm="", authorization_uri="https://login.example/a?b=c", error="insufficient_claims", claims="{CLAIMS}""#
            )],
            vec![format!(
                r#"Bearer claims="{unpadded}", error="insufficient_claims""#
            )],
            vec![format!(
                r#"Bearer error="invalid_token", Bearer error="insufficient_claims", claims="{CLAIMS}""#
            )],
            vec![
                "PoP realm=\"\"".to_owned(),
                format!(r#"Bearer error="insufficient_claims",claims="{CLAIMS}""#),
            ],
        ] {
            assert_eq!(
                asked(&challenges).as_deref(),
                Some(expected),
                "{challenges:?}"
            );
        }
    }

    #[test]
    fn anything_else_is_no_challenge() {
        for header in [
            "Bearer",
            r#"Bearer error="invalid_token""#,
            r#"Bearer error="insufficient_claims""#,
            r#"Bearer error="insufficient_claims", claims="!""#,
            r#"Bearer error="insufficient_claims", claims="WzFd""#,
            r#"Bearer error="insufficient_claims", claims="eyJhY2Nlc3NfdG9rZW4iOjd9""#,
            r#"Bearer error="insufficient_claims, claims="#,
        ] {
            assert_eq!(asked(&[header.to_owned()]), None, "{header}");
        }
    }
}
