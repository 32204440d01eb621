//! Winning a partner's customers: the link that asks for consent, and what comes back.

use std::ops::RangeInclusive;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use super::tenants::TenantName;
use crate::{
    call::Call,
    config::Tenant,
    error::{Code, Error, Result},
    operation::{Answer, Group, Operation, Permissions, Render},
    tenants::{
        confirmation::{Decided, Redirect},
        directory,
        invitation::{self, Invitation},
        page,
        registry::Registry,
    },
    time::Timestamp,
};

/// Makes the link by which an administrator of a customer consents to the app.
///
/// With a `tenantId` the link is for that tenant alone, which is noted as invited, also if it was removed before. Without one, the first
/// organization that comes by the link and has consented is registered, unless it was removed before. `legacyLink` adds the older form of
/// the link: it ends at the address that the app registration lists and tells us nothing, so the customer has to name its tenant, and
/// `check_token` tells whether the consent was given.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OnboardTenant {
    /// A GUID or a verified domain.
    tenant_id: Option<TenantName>,
    /// What to call it, up to 128 characters; whoever has the link can read it.
    display_name: Option<DisplayName>,
    /// Whether to make the older form of the link besides.
    #[serde(default)]
    legacy_link: bool,
    /// For how long the link is good: five minutes to thirty days, a week if not given.
    #[serde(default)]
    expires_in_minutes: Minutes,
}

/// The link, and whom it is for.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Onboarding {
    consent_link: String,
    expires: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    legacy_link: Option<String>,
}

impl Operation for OnboardTenant {
    type Answers = Onboarding;

    const NAME: &'static str = "onboard_tenant";
    const SUMMARY: &'static str = "Make the link by which a customer's administrator consents";
    const GROUP: Group = Group::Tenants;
    const ROUTE: (&'static str, &'static str) = ("POST", "/tenants");
    const TENANT_IS_SUBJECT: bool = true;
    const PERMISSIONS: Permissions = Permissions::none();

    async fn run(self, call: &Call<'_>) -> Result<Answer> {
        if let Some(TenantName(tenant)) = &self.tenant_id {
            call.trace.is_about(tenant.as_str());
        }
        let tenant = match self.tenant_id {
            Some(TenantName(tenant)) => Some(directory::by_guid(call, tenant).await?),
            None => None,
        };
        let name = self.display_name.map(|DisplayName(name)| name);
        let expires = Timestamp::now().as_second() + self.expires_in_minutes.0 * 60;
        let expires = Timestamp::from_second(expires).unwrap_or(Timestamp::MAX);
        let state = Invitation::new(call, tenant.as_ref(), name.clone(), expires)
            .seal(call)
            .await?;
        let tenant_id = tenant.as_ref().map(Tenant::as_str);
        let link = invitation::link(call, tenant_id, &state).ok_or_else(|| {
            let detail = "CONSENT_REDIRECT_URI is not set; it takes the https:// address of complete_consent, which the app registration \
                          must list as a redirect URI.";
            Error::new(Code::Misconfigured, detail)
        })?;
        if let Some(tenant) = &tenant {
            call.trace.is_about(tenant.as_str());
            Registry::of(call)?.invite(tenant, name.as_deref()).await?;
        }
        Ok(Answer::of(&Onboarding {
            consent_link: link,
            expires: expires.to_string(),
            legacy_link: self.legacy_link.then(|| invitation::legacy_link(call)),
            tenant_id: tenant_id.map(str::to_owned),
        }))
    }
}

/// Takes what the administrator's browser brings back from the consent page, confirms it with Entra, and registers the tenant.
///
/// Nothing in the link is believed but a `state` that was signed by us. A consent that was declined is an answer too, `declined`. Over
/// HTTP the answer is a page, whatever comes of it.
#[derive(Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct CompleteConsent(Redirect);

impl Operation for CompleteConsent {
    type Answers = Decided;

    const NAME: &'static str = "complete_consent";
    const SUMMARY: &'static str = "Confirm an administrator's consent and register the tenant";
    const GROUP: Group = Group::Tenants;
    const ROUTE: (&'static str, &'static str) = ("GET", "/consent");
    const TENANT_IS_SUBJECT: bool = true;
    const PAGE: Option<Render> = Some(page::render);
    const PERMISSIONS: Permissions = Permissions::any();

    async fn run(self, call: &Call<'_>) -> Result<Answer> {
        Ok(Answer::of(&self.0.confirm(call).await?))
    }
}

/// One line of up to 128 characters.
#[derive(JsonSchema)]
#[schemars(extend("minLength" = 1, "maxLength" = 128))]
struct DisplayName(String);

impl<'de> Deserialize<'de> for DisplayName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let name = text.trim();
        match (1..=128).contains(&name.chars().count()) && !name.chars().any(char::is_control) {
            true => Ok(Self(name.to_owned())),
            false => Err(D::Error::custom("it takes 1 to 128 characters in one line")),
        }
    }
}

/// Five minutes to thirty days.
#[derive(JsonSchema)]
#[schemars(extend("minimum" = 5, "maximum" = 43_200, "default" = 10_080))]
struct Minutes(i64);

impl Minutes {
    const RANGE: RangeInclusive<u32> = 5..=30 * 24 * 60;
}

impl Default for Minutes {
    fn default() -> Self {
        Self(7 * 24 * 60)
    }
}

impl<'de> Deserialize<'de> for Minutes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let minutes = u32::deserialize(deserializer)?;
        match Self::RANGE.contains(&minutes) {
            true => Ok(Self(minutes.into())),
            false => {
                let (least, most) = Self::RANGE.into_inner();
                let reason = format!("{minutes} is not a number from {least} to {most}");
                Err(D::Error::custom(reason))
            }
        }
    }
}
