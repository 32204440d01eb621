//! What an access token says about itself. Read for early, clear errors only: the API alone decides what a token permits.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Deserialize;

/// The claims that we look at.
#[derive(Debug, Default, Deserialize)]
pub struct Claims {
    /// The application permissions that were granted; Entra leaves the claim out when there are none.
    #[serde(default)]
    pub roles: Vec<String>,
    /// The API that it is for: a URI or a GUID.
    #[serde(default)]
    pub aud: String,
    /// The tenant.
    #[serde(default)]
    pub tid: String,
    /// The app, as version 2.0 tokens name it.
    #[serde(default)]
    pub azp: String,
    /// The app, as version 1.0 tokens name it.
    #[serde(default)]
    pub appid: String,
    #[serde(default)]
    pub iss: String,
    #[serde(default)]
    pub ver: String,
    /// Its end, in seconds since 1970.
    #[serde(default)]
    pub exp: i64,
}

impl Claims {
    /// Reads the claims of a JWT; nothing where a token is opaque, as Microsoft reserves the right to make them.
    pub fn read(token: &str) -> Option<Self> {
        let mut parts = token.split('.');
        let (_, payload, _) = (parts.next()?, parts.next()?, parts.next()?);
        let json = BASE64_URL_SAFE_NO_PAD
            .decode(payload.trim_end_matches('='))
            .ok()?;
        serde_json::from_slice(&json).ok()
    }

    /// The client id of the app.
    pub fn app(&self) -> &str {
        match self.appid.as_str() {
            "" => &self.azp,
            appid => appid,
        }
    }

    /// Whether any of the permissions is among the roles.
    pub fn permit(&self, any_of: &[&str]) -> bool {
        self.roles
            .iter()
            .any(|role| any_of.contains(&role.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(payload: &str) -> String {
        format!("e30.{}.c2ln", BASE64_URL_SAFE_NO_PAD.encode(payload))
    }

    #[test]
    fn roles_are_read() {
        let claims = Claims::read(&token(
            r#"{"aud":"x","roles":["SecurityIncident.Read.All"]}"#,
        ))
        .unwrap();
        assert!(claims.permit(&["Other", "SecurityIncident.Read.All"]));
        assert!(!claims.permit(&["SecurityIncident.ReadWrite.All"]));
    }

    #[test]
    fn a_token_without_roles_permits_nothing() {
        assert!(
            !Claims::read(&token("{}"))
                .unwrap()
                .permit(&["SecurityIncident.Read.All"])
        );
    }

    #[test]
    fn an_opaque_token_is_not_judged() {
        for opaque in ["", "abc", "a.b.c", "a.!.c"] {
            assert!(Claims::read(opaque).is_none());
        }
    }
}
