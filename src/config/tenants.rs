//! Which tenants a function serves, where they are registered, and what consent links are made of.

use reqwest::Url;

use super::{
    AwsService, Tenant,
    environment::{Environment, is_loopback, misconfigured},
};
use crate::error::Result;

/// `ALLOWED_TENANTS`: the tenants that a caller may name besides the default.
#[derive(Debug)]
pub enum AllowedTenants {
    Listed(Vec<Tenant>),
    /// Those in `TENANTS_TABLE` that have consented.
    Registry,
}

/// `CONSENT_KEY_ID`: the KMS key (`HMAC_256`) by which the `state` of consent links is signed.
#[derive(Debug)]
pub struct ConsentKey {
    pub id: String,
    pub service: AwsService,
}

impl Environment<'_> {
    pub(super) fn allowed_tenants(&self) -> Result<AllowedTenants> {
        let name = "ALLOWED_TENANTS";
        let list = self.get(name).unwrap_or_default();
        if list.trim() == "registry" {
            self.required(
                "TENANTS_TABLE",
                "the name of the DynamoDB table that registers tenants, because ALLOWED_TENANTS is `registry`",
            )?;
            return Ok(AllowedTenants::Registry);
        }
        let tenants = list
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .map(|item| {
                Tenant::parse(item).ok_or_else(|| {
                    let takes =
                        "GUIDs or verified domains, separated by commas, or the word `registry`";
                    misconfigured(name, format!("has {item:?}; it takes {takes}"))
                })
            });
        Ok(AllowedTenants::Listed(tenants.collect::<Result<_>>()?))
    }

    pub(super) fn consent_key(&self) -> Result<Option<ConsentKey>> {
        let Some(id) = self.get("CONSENT_KEY_ID") else {
            return Ok(None);
        };
        let service = self.aws_service("kms", "AWS_ENDPOINT_URL_KMS")?;
        Ok(Some(ConsentKey { id, service }))
    }

    pub(super) fn consent_redirect(&self) -> Result<Option<Url>> {
        let name = "CONSENT_REDIRECT_URI";
        let Some(text) = self.get(name) else {
            return Ok(None);
        };
        let url = Url::parse(text.trim()).ok().filter(|url| {
            let private = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url));
            let anonymous = url.username().is_empty() && url.password().is_none();
            private && anonymous && url.fragment().is_none() && url.query().is_none()
        });
        let takes = "the https:// address of complete_consent, without a query (http:// for loopback addresses only)";
        url.map(Some).ok_or_else(|| {
            misconfigured(
                name,
                format!("is not an address that can be used; it takes {takes}"),
            )
        })
    }
}
