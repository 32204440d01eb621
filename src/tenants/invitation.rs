//! Invitations: the links that ask an administrator for consent, and the signed `state` that comes back with the answer.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use reqwest::Url;
use serde::{Deserialize, Serialize};

use super::kms::{self, MAC};
use crate::{
    call::Call,
    config::{ConsentKey, Tenant},
    error::{Code, Error, Result},
    time::Timestamp,
};

/// What is signed besides the invitation, so that a MAC that the key made of anything else is none of an invitation.
const CONTEXT: &str = "defender-functions consent state 1\n";

/// The longest text that can be a `state` of ours.
const LONGEST: usize = 2048;

/// Who is invited, by which app, until when. Whoever has the link can read it.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Invitation {
    client_id: String,
    /// None: whichever tenant the administrator belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// In milliseconds since 1970.
    #[serde(default)]
    pub issued: i64,
    /// In seconds since 1970.
    pub expires: i64,
    /// Two invitations never look the same; it is the MAC that cannot be guessed.
    pub nonce: String,
}

impl Invitation {
    pub fn new(
        call: &Call<'_>,
        tenant: Option<&Tenant>,
        display_name: Option<String>,
        expires: Timestamp,
    ) -> Self {
        Self {
            client_id: call.app.config.client_id.clone(),
            tenant_id: tenant.map(|tenant| tenant.as_str().to_owned()),
            display_name,
            issued: Timestamp::now().as_millisecond(),
            expires: expires.as_second(),
            nonce: format!("{:032x}", fastrand::u128(..)),
        }
    }

    /// The `state`: the invitation, a dot, and its MAC.
    pub async fn seal(&self, call: &Call<'_>) -> Result<String> {
        let json = serde_json::to_vec(self).expect("an invitation is strings and a number");
        let text = BASE64_URL_SAFE_NO_PAD.encode(json);
        let mac = kms::mac(call, key(call)?, &format!("{CONTEXT}{text}")).await?;
        Ok(format!("{text}.{}", BASE64_URL_SAFE_NO_PAD.encode(mac)))
    }

    /// Reads a `state`, if it is one of ours, for this app, and not too old.
    pub async fn open(call: &Call<'_>, state: &str) -> Result<Self> {
        let key = key(call)?;
        let foreign = || {
            Error::field(
                "state",
                "the link is not one that was made here; open the whole consent link again, or ask for a new one",
            )
        };
        let (text, mac) = Some(state)
            .filter(|state| state.len() <= LONGEST)
            .and_then(|state| state.split_once('.'))
            .ok_or_else(foreign)?;
        let mac = BASE64_URL_SAFE_NO_PAD
            .decode(mac)
            .ok()
            .filter(|mac| mac.len() == MAC)
            .ok_or_else(foreign)?;
        if !kms::is_mac(call, key, &format!("{CONTEXT}{text}"), &mac).await? {
            return Err(foreign());
        }
        let invitation: Self = BASE64_URL_SAFE_NO_PAD
            .decode(text)
            .ok()
            .and_then(|json| serde_json::from_slice(&json).ok())
            .ok_or_else(foreign)?;
        if invitation.expires < Timestamp::now().as_second() {
            let expired = "the consent link has expired; ask for a new one";
            return Err(Error::field("state", expired));
        }
        match invitation.client_id == call.app.config.client_id {
            true => Ok(invitation),
            false => Err(foreign()),
        }
    }
}

fn key<'a>(call: &Call<'a>) -> Result<&'a ConsentKey> {
    call.app.config.consent_key.as_ref().ok_or_else(|| {
        let detail = "CONSENT_KEY_ID is not set; it takes the id or ARN of the KMS key by which consent links are signed.";
        Error::new(Code::Misconfigured, detail)
    })
}

/// The link to the page where an administrator consents to all permissions that the app registration lists; none without
/// `CONSENT_REDIRECT_URI`. <https://learn.microsoft.com/entra/identity-platform/v2-admin-consent>
pub fn link(call: &Call<'_>, tenant: Option<&str>, state: &str) -> Option<String> {
    let config = &call.app.config;
    let redirect = config.consent_redirect.as_ref()?;
    let tenant = tenant.unwrap_or("organizations");
    let scope = format!("{}/.default", config.upstream(config.api).audience);
    let parameters = [
        ("client_id", config.client_id.as_str()),
        ("scope", &scope),
        ("redirect_uri", redirect.as_str()),
        ("state", state),
    ];
    let path = format!("{tenant}/v2.0/adminconsent");
    Some(address(&config.authority, &path, &parameters))
}

/// The older form of the link. It ends wherever the app registration says, and nothing is heard of what became of it.
///
/// <https://learn.microsoft.com/defender-endpoint/api/exposed-apis-create-app-partners>
pub fn legacy_link(call: &Call<'_>) -> String {
    let config = &call.app.config;
    let parameters = [
        ("prompt", "consent"),
        ("client_id", config.client_id.as_str()),
        ("response_type", "code"),
        ("sso_reload", "true"),
    ];
    address(&config.authority, "common/oauth2/authorize", &parameters)
}

fn address(authority: &Url, path: &str, parameters: &[(&str, &str)]) -> String {
    format!("{authority}{path}{}", crate::odata::query(parameters))
}
