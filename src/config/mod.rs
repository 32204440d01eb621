//! The function's environment, read once and checked: every bad value is an error that names its variable.

mod aws;
mod collecting;
mod credential;
mod environment;
mod responding;
mod tenants;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use reqwest::Url;

pub use aws::{AwsService, Bucket, Table};
pub use collecting::{Collecting, Format, Queue, Sink};
pub use credential::{AwsSecret, CredentialSource, Federation};
pub use responding::Guards;
pub use tenants::{AllowedTenants, ConsentKey};

use crate::api::{Api, Cloud};

/// Everything a function is told by its environment, besides which operation it is.
#[derive(Debug)]
pub struct Config {
    /// `AZURE_TENANT_ID`: the tenant when the caller names none.
    pub tenant: Tenant,
    /// `AZURE_CLIENT_ID`.
    pub client_id: String,
    pub credential: CredentialSource,
    /// `DEFENDER_CLOUD`.
    pub cloud: &'static Cloud,
    /// `AZURE_AUTHORITY_HOST`.
    pub authority: Url,
    /// `AZURE_TOKEN_VERSION`.
    pub token_endpoint: TokenEndpoint,
    /// `DEFENDER_API`: which API serves incidents and hunting.
    pub api: Api,
    pub graph: Upstream,
    pub xdr: Upstream,
    pub endpoint: Upstream,
    pub allowed_tenants: AllowedTenants,
    /// `TENANTS_TABLE`: the registry of tenants.
    pub registry: Option<Table>,
    pub consent_key: Option<ConsentKey>,
    /// `CONSENT_REDIRECT_URI`: where `complete_consent` is reached.
    pub consent_redirect: Option<Url>,
    pub guards: Guards,
    /// `LEASE_TABLE`: the DynamoDB table by which callers take turns at a device.
    pub leases: Option<Table>,
    /// `EVIDENCE_BUCKET`: where packages are copied to.
    pub evidence: Option<Bucket>,
    /// `RESULTS_BUCKET`: where large answers are put.
    pub results: Option<Bucket>,
    pub collecting: Collecting,
    /// `RESULTS_RETENTION_DAYS`: how long that bucket's life-cycle keeps them.
    pub results_retention: Option<u16>,
    /// `RESPONSE_STREAMING`: whether function URLs and REST APIs are answered while the answer is made.
    pub streams: bool,
    /// `METRICS`: which metrics of its invocations it writes.
    pub metrics: Metrics,
    /// `DEPLOYED_OPERATIONS`: those that the app's permissions are judged by; none named: all.
    pub deployed: Vec<String>,
    /// `AGENT_TOOLS`: the operations that agents may call besides those that read.
    pub agent_tools: Vec<String>,
    /// `SSL_CERT_FILE`: extra roots for TLS.
    pub extra_roots: Option<PathBuf>,
}

/// Where an API is, and for which resource its tokens are issued.
#[derive(Debug)]
pub struct Upstream {
    pub base: Url,
    pub audience: String,
}

impl Upstream {
    /// Whether a link leads to the API itself: the host that is asked, or, behind a proxy, the one that the proxy asks.
    pub fn is_at_home(&self, link: &str) -> bool {
        let starts_with = |origin: &str| {
            let rest = link.strip_prefix(origin.trim_end_matches('/'));
            rest.is_some_and(|rest| rest.starts_with('/'))
        };
        starts_with(self.base.as_str()) || starts_with(&self.audience)
    }
}

/// Which metrics of its invocations a function writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metrics {
    Off,
    /// By operation and outcome.
    On,
    /// The same, and by tenant.
    ByTenant,
}

/// The two forms of Entra's token endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenEndpoint {
    /// `/oauth2/token` with `resource`.
    V1,
    /// `/oauth2/v2.0/token` with `scope`.
    V2,
}

/// A tenant as a caller names it: a GUID, or a verified domain; lower case.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tenant(String);

impl Tenant {
    pub fn parse(text: &str) -> Option<Self> {
        let domain = text.contains('.')
            && text.len() <= 253
            && text.split('.').all(|label| {
                (1..=63).contains(&label.len())
                    && label
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            });
        (domain || is_guid(text)).then(|| Self(text.to_ascii_lowercase()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether it is a GUID, with hyphens and without braces.
pub fn is_guid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

impl Config {
    pub fn upstream(&self, api: Api) -> &Upstream {
        match api {
            Api::Graph => &self.graph,
            Api::Xdr => &self.xdr,
            Api::Endpoint => &self.endpoint,
        }
    }
}
