//! What an administrator's browser brings back from the consent page, and what Entra itself says of the tenant: only the latter counts.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    Finding, Standing,
    invitation::{self, Invitation},
    registry::{Registry, note},
};
use crate::{
    call::Call,
    config::{Tenant, is_guid},
    error::{Code, Error, Result, Upstream},
    examination::Examination,
};

/// How long a consent may take until it shows in tokens, try by try.
const SPREADING: [Duration; 4] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(3),
    Duration::from_secs(4),
];

/// How much is quoted of what came with a link.
const LONGEST_QUOTE: usize = 200;

/// The query of the redirect, <https://learn.microsoft.com/entra/identity-platform/v2-admin-consent#successful-response>.
/// `admin_consent` is not read: it is `True` whatever happened.
#[derive(Debug, Deserialize)]
pub struct Redirect {
    state: Option<String>,
    tenant: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

/// A tenant that is registered.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Confirmed {
    pub tenant_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    pub state: Standing,
    /// The permissions that the deployed operations lack.
    pub missing: Vec<String>,
    /// Why an API gave no token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Where to consent again, when there is anything to consent to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consent_link: Option<String>,
}

impl Redirect {
    pub async fn confirm(self, call: &Call<'_>) -> Result<Confirmed> {
        if let Some(error) = &self.error {
            return Err(self.declined(call, error).await);
        }
        let Some(state) = &self.state else {
            let reason = "the address is not complete; open the consent link that you were sent";
            return Err(Error::field("state", reason));
        };
        let invitation = Invitation::open(call, state).await?;
        let tenant = self.tenant(&invitation)?;
        let registry = Registry::of(call)?;
        let examination = examine(&call.for_tenant(tenant.clone())).await?;
        let finding = Finding::of(&tenant, &examination);
        let Some(standing) = finding.standing else {
            note(call, &tenant, &finding).await;
            return Err(unconfirmed(&examination, finding));
        };
        let name = invitation.display_name.as_deref();
        let invited_by_name = invitation.tenant_id.is_some();
        let registered = registry
            .confirm(&tenant, name, &finding, invited_by_name)
            .await?
            .ok_or_else(|| {
                Error::field("state", "the invitation was withdrawn; ask for a new link")
            })?;
        let again = || {
            invitation::link(call, Some(tenant.as_str()), state)
                .unwrap_or_else(|| examination.consent_link().to_owned())
        };
        Ok(Confirmed {
            tenant_id: registered.tenant_id,
            display_name: registered.display_name,
            state: registered.state,
            missing: examination.missing(),
            problem: examination.error().map(Error::to_string),
            consent_link: (standing == Standing::Incomplete).then(again),
        })
    }

    /// The tenant that consented, as the link says; anybody can write any GUID there.
    fn tenant(&self, invitation: &Invitation) -> Result<Tenant> {
        let named = self.tenant.as_deref().unwrap_or_default();
        let tenant = Tenant::parse(named)
            .filter(|_| is_guid(named))
            .ok_or_else(|| {
                Error::field(
                    "tenant",
                    "Microsoft named no organization; open the consent link again",
                )
            })?;
        match &invitation.tenant_id {
            Some(invited) if *invited != tenant.as_str() => Err(Error::field(
                "tenant",
                "the link was made for another organization; sign in there, or ask for a link of your own",
            )),
            _ => Ok(tenant),
        }
    }

    /// Consent was refused, or could not be asked for. Only with a `state` of ours is Microsoft's text repeated: else anybody
    /// could make a link that says anything in our name.
    async fn declined(&self, call: &Call<'_>, error: &str) -> Error {
        let invitation = match &self.state {
            Some(state) => Invitation::open(call, state).await.ok(),
            None => None,
        };
        let said = self.error_description.as_deref().unwrap_or_default();
        let code = aadsts(said).unwrap_or_else(|| word(error));
        let mut detail = format!("Consent was not given ({code}).");
        if invitation.is_some() && !said.is_empty() {
            detail.push_str(&format!(" Microsoft says: “{}”", quote(said)));
        }
        if let Some(tenant) = invitation.and_then(|one| Tenant::parse(&one.tenant_id?)) {
            let finding = Finding {
                standing: None,
                problem: Some(detail.clone()),
            };
            note(call, &tenant, &finding).await;
        }
        Error::new(Code::UpstreamRejected, detail).from_upstream(Upstream {
            service: "entra",
            code: Some(code),
            ..Upstream::default()
        })
    }
}

/// Examines the tenant, again if the consent does not show yet.
async fn examine(call: &Call<'_>) -> Result<Examination> {
    let mut waits = SPREADING.into_iter();
    loop {
        let examination = Examination::of(call).await?;
        let spreads = examination.error().is_some_and(has_no_app);
        match waits.next().filter(|_| spreads) {
            Some(wait) if call.invocation.deadline.wait(wait).await => {}
            _ => return Ok(examination),
        }
    }
}

/// Whether Entra says that the app is not in the tenant.
fn has_no_app(error: &Error) -> bool {
    let code = error
        .upstream()
        .and_then(|upstream| upstream.code.as_deref());
    matches!(code, Some("AADSTS700016" | "AADSTS7000229"))
}

fn unconfirmed(examination: &Examination, finding: Finding) -> Error {
    let problem = finding.problem.unwrap_or_default();
    match examination.error() {
        Some(error) => {
            let mut unconfirmed = Error::new(
                error.code(),
                format!("The consent could not be confirmed. {problem}"),
            );
            if let Some(upstream) = error.upstream() {
                unconfirmed = unconfirmed.from_upstream(upstream.clone());
            }
            match error.retry_after() {
                Some(wait) => unconfirmed.after(wait),
                None => unconfirmed,
            }
        }
        None => Error::new(Code::UpstreamRejected, problem),
    }
}

/// The number in a text like `AADSTS65004: User declined to consent`.
fn aadsts(text: &str) -> Option<String> {
    let (_, after) = text.split_once("AADSTS")?;
    let number: String = after
        .chars()
        .take_while(char::is_ascii_digit)
        .take(10)
        .collect();
    (!number.is_empty()).then(|| format!("AADSTS{number}"))
}

/// An OAuth error, which is one word.
fn word(error: &str) -> String {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    match error.len() <= 40 && error.bytes().all(fits) && !error.is_empty() {
        true => error.to_owned(),
        false => "unknown_error".to_owned(),
    }
}

/// A text of somebody else's, in one short line.
fn quote(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut quote: String = line
        .chars()
        .filter(|char| !char.is_control())
        .take(LONGEST_QUOTE)
        .collect();
    if quote.len() < line.len() {
        quote.push('…');
    }
    quote
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_words_and_numbers_are_taken_from_an_error() {
        assert_eq!(word("access_denied"), "access_denied");
        for wrong in ["", "<b>", "Call +1 555", &"a".repeat(41)] {
            assert_eq!(word(wrong), "unknown_error");
        }
        assert_eq!(
            aadsts("AADSTS65004: User declined").as_deref(),
            Some("AADSTS65004")
        );
        assert_eq!(aadsts("AADSTS: nothing"), None);
    }

    #[test]
    fn a_quote_is_one_short_line() {
        assert_eq!(quote("a\r\n b\u{7}"), "a b");
        let long = quote(&"x".repeat(500));
        assert_eq!(long.chars().count(), LONGEST_QUOTE + 1);
        assert!(long.ends_with('…'));
    }
}
