//! The app, examined in one tenant: what its tokens say, what its deployed operations may do, and what is wrong.

pub mod report;

use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    api::Api,
    call::Call,
    config::{Config, Tenant, is_guid},
    entra::{
        claims::Claims,
        consent::admin_consent_link,
        finding::Finding,
        signature::{self, Signature},
        token::Token,
        want::Want,
    },
    error::{Error, Result},
    operation::Entry,
    operations,
};

/// What came of it; nothing in it is a token or a secret.
pub struct Examination {
    tenant: Tenant,
    tokens: Vec<Examined>,
    operations: Vec<Judged>,
    findings: Vec<Found>,
    consent_link: String,
}

/// What one API's token says, or why there is none.
struct Examined {
    api: Api,
    audience: String,
    outcome: Result<(Token, Signature)>,
}

/// Whether the roles suffice for an operation.
#[derive(Serialize, JsonSchema)]
struct Judged {
    operation: &'static str,
    api: Api,
    sufficient: bool,
    #[serde(skip)]
    is_offered: bool,
    /// Each of them is needed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    missing: Vec<String>,
}

/// What is wrong, by name, and what to do about it.
#[derive(Serialize, JsonSchema)]
struct Found {
    finding: Finding,
    detail: String,
}

impl Examination {
    /// Gets a token of its own in the call's tenant for every API that a deployed operation uses. What goes wrong with a token is a
    /// finding, not an error.
    pub async fn of(call: &Call<'_>) -> Result<Self> {
        let config = &call.app.config;
        let deployed = operations::deployed(config)?;
        let mut tokens = Vec::new();
        for api in [Api::Graph, Api::Xdr, Api::Endpoint] {
            // Without an operation to judge, the credential is worth a look all the same.
            let is_only = deployed.is_empty() && api == config.api;
            if is_only || deployed.iter().any(|(_, used)| *used == api) {
                tokens.push(Examined::of(call, api).await);
            }
        }
        let operations: Vec<_> = deployed
            .iter()
            .filter_map(|(entry, api)| {
                let examined = tokens.iter().find(|examined| examined.api == *api)?;
                Some(Judged::of(entry, *api, examined))
            })
            .collect();
        let tenant = call.tenant.clone();
        let link = admin_consent_link(&config.authority, tenant.as_str(), &config.client_id);
        let mut examination = Self {
            findings: Vec::new(),
            consent_link: link,
            tenant,
            tokens,
            operations,
        };
        examination.findings = examination.find(config);
        Ok(examination)
    }

    /// Whether every deployed operation would work.
    pub fn is_good(&self) -> bool {
        self.findings.is_empty()
    }

    /// Whether the tenant permits all that it can: what the configured API lacks is not for the tenant to mend.
    pub fn permits(&self) -> bool {
        self.findings
            .iter()
            .all(|found| found.finding == Finding::NotOffered)
    }

    /// The tenant by its GUID, as all the tokens say it.
    pub fn tenant_id(&self) -> Option<&str> {
        let mut tenants = self
            .tokens
            .iter()
            .filter_map(|examined| Some(examined.claims()?.tid.as_str()));
        let first = tenants.next().filter(|tenant| is_guid(tenant))?;
        tenants.all(|tenant| tenant == first).then_some(first)
    }

    /// The permissions that deployed operations lack, each with its API: `Microsoft Graph: SecurityAlert.Read.All or ...`.
    pub fn missing(&self) -> Vec<String> {
        let mut missing = Vec::new();
        for operation in &self.operations {
            for permission in &operation.missing {
                let named = format!("{}: {permission}", operation.api.title());
                if !missing.contains(&named) {
                    missing.push(named);
                }
            }
        }
        missing
    }

    /// Why there are tokens that could not be had.
    pub fn errors(&self) -> impl Iterator<Item = &Error> {
        self.tokens
            .iter()
            .filter_map(|examined| examined.outcome.as_ref().err())
    }

    /// What is wrong in the tenant, in one line; nothing where nothing is.
    pub fn summary(&self) -> Option<String> {
        let findings = self.findings.iter();
        let details: Vec<_> = findings
            .filter(|found| found.finding != Finding::NotOffered)
            .map(|found| found.detail.as_str())
            .collect();
        (!details.is_empty()).then(|| details.join(" "))
    }

    /// Where an administrator of the tenant grants what is missing.
    pub fn consent_link(&self) -> &str {
        &self.consent_link
    }

    fn find(&self, config: &Config) -> Vec<Found> {
        let mut findings: Vec<Found> = Vec::new();
        let mut add = |finding, detail: String| {
            if findings.iter().all(|found| found.detail != detail) {
                findings.push(Found { finding, detail });
            }
        };
        for examined in &self.tokens {
            match &examined.outcome {
                Err(error) => add(Finding::of(error), error.to_string()),
                Ok((token, signature)) => {
                    for (finding, detail) in
                        examined.oddities(token, signature, &self.tenant, config)
                    {
                        add(finding, detail);
                    }
                }
            }
        }
        for operation in self.operations.iter().filter(|one| !one.is_offered) {
            let detail = format!(
                "{} is deployed, but not something that the API {} offers. Set DEFENDER_API=graph, or do not deploy it.",
                operation.operation,
                operation.api.name()
            );
            add(Finding::NotOffered, detail);
        }
        let missing = self.missing();
        if !missing.is_empty() {
            let detail = format!(
                "The app lacks application permissions of {}. Add them to the app registration, then let an administrator of the \
                 tenant grant them: {}",
                missing.join("; "),
                self.consent_link
            );
            add(Finding::MissingPermission, detail);
        }
        findings
    }
}

impl Examined {
    async fn of(call: &Call<'_>, api: Api) -> Self {
        let audience = call.app.config.upstream(api).audience.clone();
        let want = Want {
            audience: &audience,
            ..call.want()
        };
        // A token from the cache would not show what was granted since.
        let outcome = match call.app.tokens.fetch(&want).await {
            Ok(token) => {
                let signature = signature::check(&token, api, &want).await;
                Ok((token, signature))
            }
            Err(error) => Err(call.name(error)),
        };
        Self {
            api,
            audience,
            outcome,
        }
    }

    fn claims(&self) -> Option<&Claims> {
        self.outcome.as_ref().ok()?.0.claims()
    }

    /// What about a token is not as it should be, besides its roles.
    fn oddities(
        &self,
        token: &Token,
        signature: &Signature,
        tenant: &Tenant,
        config: &Config,
    ) -> Vec<(Finding, String)> {
        let Some(claims) = token.claims() else {
            return Vec::new();
        };
        let api = self.api.title();
        let mut odd = Vec::new();
        if !self.api.is_audience(&claims.aud, &self.audience) {
            let detail = format!(
                "The token for {api} was issued for {:?}. Check DEFENDER_CLOUD and the audience setting.",
                claims.aud
            );
            odd.push((Finding::WrongAudience, detail));
        }
        if is_guid(tenant.as_str()) && !claims.tid.eq_ignore_ascii_case(tenant.as_str()) {
            let detail = format!(
                "The token for {api} is of the tenant {}, not of {}.",
                claims.tid,
                tenant.as_str()
            );
            odd.push((Finding::WrongTenant, detail));
        }
        if !claims.app().eq_ignore_ascii_case(&config.client_id) {
            let detail = format!("The token for {api} is of another app, {}.", claims.app());
            odd.push((Finding::WrongApp, detail));
        }
        if let Signature::Invalid(why) = signature {
            let detail = format!(
                "The signature of the token for {api} does not hold: {why}. Check AZURE_AUTHORITY_HOST: somebody between may have \
                 made the token."
            );
            odd.push((Finding::InvalidSignature, detail));
        }
        odd
    }
}

impl Judged {
    fn of(entry: &'static Entry, api: Api, examined: &Examined) -> Self {
        let permissions = [entry.permissions.on(api), entry.permissions.also];
        let is_offered = !permissions[0].is_empty();
        let lacks = |any_of: &&[&str]| match &examined.outcome {
            Ok((token, _)) => !any_of.is_empty() && !token.permits(any_of),
            Err(_) => false,
        };
        let missing: Vec<_> = permissions
            .iter()
            .filter(|any_of| lacks(any_of))
            .map(|any_of| any_of.join(" or "))
            .collect();
        Self {
            operation: entry.name,
            api,
            sufficient: is_offered && examined.outcome.is_ok() && missing.is_empty(),
            is_offered,
            missing,
        }
    }
}
