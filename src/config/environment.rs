//! The environment variables: how each is read, and what is said about a value that cannot be used.

use std::{net::IpAddr, path::PathBuf};

use reqwest::Url;

use super::{Config, Metrics, Tenant, TokenEndpoint, Upstream, is_guid};
use crate::{
    api::{Api, CLOUDS, Cloud},
    error::{Code, Error, Result},
};

impl Config {
    pub fn from_env() -> Result<Self> {
        Self::read(|name| std::env::var(name).ok())
    }

    /// Reads the variables through `lookup`; an empty one counts as unset.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let env = Environment(&|name| lookup(name).filter(|value| !value.trim().is_empty()));
        let cloud = env.cloud()?;
        Ok(Self {
            tenant: env.tenant("AZURE_TENANT_ID")?,
            client_id: env.guid("AZURE_CLIENT_ID")?,
            credential: env.credential(cloud)?,
            cloud,
            authority: env.origin("AZURE_AUTHORITY_HOST", cloud.login)?,
            token_endpoint: env.choice(
                "AZURE_TOKEN_VERSION",
                &[("v2", TokenEndpoint::V2), ("v1", TokenEndpoint::V1)],
            )?,
            api: env.choice("DEFENDER_API", &[("graph", Api::Graph), ("xdr", Api::Xdr)])?,
            graph: env.upstream(cloud, Api::Graph, "GRAPH_ENDPOINT", "GRAPH_AUDIENCE")?,
            xdr: env.upstream(cloud, Api::Xdr, "DEFENDER_ENDPOINT", "XDR_AUDIENCE")?,
            endpoint: env.upstream(
                cloud,
                Api::Endpoint,
                "DEFENDER_ENDPOINT",
                "ENDPOINT_AUDIENCE",
            )?,
            allowed_tenants: env.allowed_tenants()?,
            registry: env.table("TENANTS_TABLE")?,
            consent_key: env.consent_key()?,
            consent_redirect: env.consent_redirect()?,
            guards: env.guards()?,
            leases: env.table("LEASE_TABLE")?,
            evidence: env.bucket("EVIDENCE_BUCKET")?,
            results: env.bucket("RESULTS_BUCKET")?,
            collecting: env.collecting()?,
            results_retention: env.retention("RESULTS_RETENTION_DAYS")?,
            streams: env.choice("RESPONSE_STREAMING", &[("off", false), ("on", true)])?,
            metrics: env.choice(
                "METRICS",
                &[
                    ("off", Metrics::Off),
                    ("on", Metrics::On),
                    ("by-tenant", Metrics::ByTenant),
                ],
            )?,
            deployed: env.list("DEPLOYED_OPERATIONS"),
            agent_tools: env.list("AGENT_TOOLS"),
            extra_roots: env.get("SSL_CERT_FILE").map(PathBuf::from),
        })
    }
}

pub(super) struct Environment<'a>(&'a dyn Fn(&str) -> Option<String>);

impl Environment<'_> {
    pub(super) fn get(&self, name: &str) -> Option<String> {
        (self.0)(name)
    }

    pub(super) fn required(&self, name: &str, takes: &str) -> Result<String> {
        self.get(name)
            .ok_or_else(|| misconfigured(name, format!("is not set; it takes {takes}")))
    }

    fn tenant(&self, name: &str) -> Result<Tenant> {
        let takes = "the tenant's GUID or a verified domain";
        let text = self.required(name, takes)?;
        Tenant::parse(text.trim())
            .ok_or_else(|| misconfigured(name, format!("is {text:?}; it takes {takes}")))
    }

    fn list(&self, name: &str) -> Vec<String> {
        let list = self.get(name).unwrap_or_default();
        list.split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .map(str::to_owned)
            .collect()
    }

    fn guid(&self, name: &str) -> Result<String> {
        let takes = "the app registration's Application (client) ID, a GUID";
        let text = self.required(name, takes)?;
        match is_guid(text.trim()) {
            true => Ok(text.trim().to_ascii_lowercase()),
            false => Err(misconfigured(
                name,
                format!("is {text:?}; it takes {takes}"),
            )),
        }
    }

    /// One of a few words; the first is the default.
    pub(super) fn choice<T: Copy>(&self, name: &str, choices: &[(&str, T)]) -> Result<T> {
        let Some(text) = self.get(name) else {
            return Ok(choices[0].1);
        };
        let known = choices.iter().find(|(word, _)| *word == text.trim());
        known.map(|(_, value)| *value).ok_or_else(|| {
            let words: Vec<_> = choices
                .iter()
                .map(|(word, _)| format!("`{word}`"))
                .collect();
            misconfigured(
                name,
                format!("is {text:?}; it takes {}", words.join(" or ")),
            )
        })
    }

    /// An `https` origin; plain `http` only where nothing leaves the machine.
    pub(super) fn origin(&self, name: &str, default_host: &str) -> Result<Url> {
        let text = self
            .get(name)
            .unwrap_or_else(|| format!("https://{default_host}"));
        let takes = "an https:// base URL without a path, query or user (http:// for loopback addresses only)";
        let wrong = || {
            misconfigured(
                name,
                format!("is not a base URL that can be used; it takes {takes}"),
            )
        };
        let url = Url::parse(text.trim()).map_err(|_| wrong())?;
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let anonymous = url.username().is_empty() && url.password().is_none();
        let private = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url));
        match bare && anonymous && private {
            true => Ok(url),
            false => Err(wrong()),
        }
    }

    fn cloud(&self) -> Result<&'static Cloud> {
        let words = CLOUDS.each_ref().map(|cloud| (cloud.name, cloud));
        self.choice("DEFENDER_CLOUD", &words)
    }

    fn upstream(&self, cloud: &Cloud, api: Api, base: &str, audience: &str) -> Result<Upstream> {
        let (Some(host), Some(name)) = (cloud.host(api), cloud.audience(api)) else {
            return Err(misconfigured(
                "DEFENDER_CLOUD",
                format!(
                    "is {:?}, where Microsoft offers neither Defender nor its APIs",
                    cloud.name
                ),
            ));
        };
        let resource = self
            .get(audience)
            .unwrap_or_else(|| format!("https://{name}"));
        let resource = resource
            .trim()
            .trim_end_matches("/.default")
            .trim_end_matches('/');
        Ok(Upstream {
            base: self.origin(base, host)?,
            audience: resource.to_owned(),
        })
    }
}

pub(super) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

pub(super) fn misconfigured(name: &str, problem: impl std::fmt::Display) -> Error {
    Error::new(Code::Misconfigured, format!("{name} {problem}."))
}
