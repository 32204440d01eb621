//! A tenant's GUID, found by a domain of its.

use reqwest::Url;

use crate::{
    call::Call,
    config::{Tenant, is_guid},
    entra::published,
    error::{Code, Error, Result},
};

/// The tenant by its GUID. A domain is looked up in what Entra publishes about its tenant.
///
/// <https://learn.microsoft.com/entra/identity-platform/v2-protocols-oidc>
pub async fn by_guid(call: &Call<'_>, tenant: Tenant) -> Result<Tenant> {
    match is_guid(tenant.as_str()) {
        true => Ok(tenant),
        false => look_up(call, &tenant).await,
    }
}

async fn look_up(call: &Call<'_>, domain: &Tenant) -> Result<Tenant> {
    match published::metadata(domain.as_str(), "/v2.0", &call.want()).await {
        Ok(metadata) => guid_in(&metadata.issuer).ok_or_else(|| {
            let detail = "Entra's metadata names no tenant. Check AZURE_AUTHORITY_HOST.";
            Error::new(Code::UpstreamUnavailable, detail)
        }),
        Err(error) if error.code() == Code::CredentialRejected => {
            let domain = domain.as_str();
            let reason =
                format!("Entra knows no tenant in this cloud with the domain {domain} ({error})");
            Err(Error::field("tenantId", reason))
        }
        Err(error) => Err(error),
    }
}

/// `https://login.microsoftonline.com/<GUID>/v2.0`
fn guid_in(issuer: &str) -> Option<Tenant> {
    let issuer = Url::parse(issuer).ok()?;
    let mut parts = issuer.path_segments()?;
    parts.find(|part| is_guid(part)).and_then(Tenant::parse)
}
