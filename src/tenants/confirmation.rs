//! What an administrator's browser brings back from the consent page, and what Entra itself says of the tenant: only the latter counts.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Standing, Verdict, has_no_app,
    invitation::{self, Invitation},
    passes,
    registry::{Registry, note, note_refusal},
};
use crate::{
    call::Call,
    config::{Tenant, is_guid},
    error::{Code, Error, Result},
    examination::Examination,
};

/// How long a consent may take until it shows in tokens, try by try.
const SPREADING: [Duration; 4] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(3),
    Duration::from_secs(4),
];

/// How often it is waited for whom nobody in particular invited, or who has the app already and only lacks permissions.
const FEW: usize = 2;

/// What is kept back of the time, to write down what was found.
const WRITING: Duration = Duration::from_secs(3);

/// How much is quoted of what came with a link.
const LONGEST_QUOTE: usize = 200;

/// The query of the redirect, <https://learn.microsoft.com/entra/identity-platform/v2-admin-consent#successful-response>.
/// `admin_consent` is not read: it is `True` whatever happened.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Redirect {
    /// What the consent link had.
    state: Option<String>,
    /// Whose administrator consented, as the link says.
    tenant: Option<String>,
    /// Why not, in a word of OAuth.
    error: Option<String>,
    /// Why not, in Microsoft's words.
    error_description: Option<String>,
}

/// What became of an invitation.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "state", rename_all = "camelCase")]
pub enum Decided {
    Active(Confirmed),
    Incomplete(Confirmed),
    Declined(Declined),
}

/// A tenant that is registered.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Confirmed {
    pub tenant_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The permissions that the deployed operations lack.
    pub missing: Vec<String>,
    /// Why an API gave no token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Where to consent again, when there is anything to consent to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consent_link: Option<String>,
}

/// A consent that was refused, or could not be asked for.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Declined {
    /// The tenant that was invited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// `AADSTS65004`, or OAuth's word.
    pub code: String,
    pub problem: String,
}

impl Redirect {
    pub async fn confirm(self, call: &Call<'_>) -> Result<Decided> {
        if let Some(error) = &self.error {
            let invitation = match &self.state {
                Some(state) => Invitation::open(call, state).await.ok(),
                None => None,
            };
            let declined = self.declined(call, invitation, error).await;
            return Ok(Decided::Declined(declined));
        }
        let Some(state) = &self.state else {
            let reason = "the address is not complete; open the consent link that you were sent";
            return Err(Error::field("state", reason));
        };
        let invitation = Invitation::open(call, state).await?;
        let tenant = self.tenant(&invitation)?;
        call.trace.is_about(tenant.as_str());
        let registry = Registry::of(call)?;
        let is_open = invitation.tenant_id.is_none();
        let examination = examine(call, &tenant, is_open).await?;
        let verdict = Verdict::of(&tenant, &examination);
        let Some(standing) = verdict.standing else {
            note(call, &tenant, &verdict).await;
            return Err(unconfirmed(&examination, verdict));
        };
        if is_open && !registry.claim(&invitation, &tenant).await? {
            let reason =
                "the link has served another organization already; ask for a link of your own";
            return Err(Error::field("state", reason));
        }
        let registered = registry
            .confirm(&invitation, &tenant, &verdict)
            .await?
            .ok_or_else(|| {
                Error::field(
                    "state",
                    "the organization was removed here, or its invitation was withdrawn; ask for a new link of its own",
                )
            })?;
        let again = || {
            invitation::link(call, Some(tenant.as_str()), state)
                .unwrap_or_else(|| examination.consent_link().to_owned())
        };
        let is_active = standing == Standing::Active;
        let confirmed = Confirmed {
            tenant_id: registered.tenant_id,
            display_name: registered.display_name,
            missing: examination.missing(),
            problem: examination.errors().next().map(Error::to_string),
            consent_link: (!is_active).then(again),
        };
        Ok(match is_active {
            true => Decided::Active(confirmed),
            false => Decided::Incomplete(confirmed),
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

    /// Consent was refused, or could not be asked for. The text may be of whoever has the link, not of Microsoft: it is shown in short,
    /// and not kept. Without an invitation anybody may have written it, and it is not shown at all.
    async fn declined(
        &self,
        call: &Call<'_>,
        invitation: Option<Invitation>,
        error: &str,
    ) -> Declined {
        let said = self.error_description.as_deref().unwrap_or_default();
        let number = aadsts(said);
        let (is_ours, invitation) = (invitation.is_some(), invitation.unwrap_or_default());
        let invited = invitation.tenant_id.as_deref().and_then(Tenant::parse);
        if let Some(tenant) = invited {
            call.trace.is_about(tenant.as_str());
            let number = number.as_deref();
            let number = number.map_or(String::new(), |number| format!(" ({number})"));
            note_refusal(call, &tenant, &format!("Consent was not given{number}.")).await;
        }
        let code = number.unwrap_or_else(|| word(error));
        let mut problem = format!("Consent was not given ({code}).");
        if is_ours && !said.is_empty() {
            problem.push_str(&format!(" Microsoft says: “{}”", quote(said)));
        }
        Declined {
            tenant_id: invitation.tenant_id,
            display_name: invitation.display_name,
            code,
            problem,
        }
    }
}

/// Examines the tenant, again if the consent does not show yet.
async fn examine(call: &Call<'_>, tenant: &Tenant, is_open: bool) -> Result<Examination> {
    let mut call = call.for_tenant(tenant.clone());
    call.invocation.deadline = call.invocation.deadline.less(WRITING, 2);
    let mut tries = 0;
    loop {
        let examination = Examination::of(&call).await?;
        let most = match examination.errors().any(has_no_app) {
            true if is_open => FEW,
            true => SPREADING.len(),
            false if !examination.missing().is_empty() => FEW,
            false => 0,
        };
        match SPREADING[..most].get(tries) {
            Some(wait) if call.invocation.deadline.wait(*wait).await => tries += 1,
            _ => return Ok(examination),
        }
    }
}

/// Why it is not known how far the tenant has come; what may be otherwise in a while is told first.
fn unconfirmed(examination: &Examination, verdict: Verdict) -> Error {
    let problem = verdict.problem.unwrap_or_default();
    let passing = examination.errors().find(|error| passes(error));
    match passing.or_else(|| examination.errors().next()) {
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
    let mut letters = line.chars().filter(|char| !char.is_control());
    let mut quote: String = letters.by_ref().take(LONGEST_QUOTE).collect();
    if letters.next().is_some() {
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
