//! The environment variables: how each is read, and what is said about a value that cannot be used.

use std::{net::IpAddr, path::PathBuf};

use reqwest::Url;

use super::{AwsSecret, Config, SecretSource, Tenant, TokenEndpoint, Upstream, is_guid};
use crate::{
    api::{Api, Cloud, Hosts},
    error::{Code, Error, Result},
};

impl Config {
    pub fn from_env() -> Result<Self> {
        Self::read(|name| std::env::var(name).ok())
    }

    /// Reads the variables through `lookup`; an empty one counts as unset.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let env = Environment(&|name| lookup(name).filter(|value| !value.trim().is_empty()));
        let hosts = env.hosts()?;
        Ok(Self {
            tenant: env.tenant("AZURE_TENANT_ID")?,
            client_id: env.guid("AZURE_CLIENT_ID")?,
            secret: env.secret()?,
            authority: env.origin("AZURE_AUTHORITY_HOST", hosts.login)?,
            token_endpoint: env.choice(
                "AZURE_TOKEN_VERSION",
                &[("v2", TokenEndpoint::V2), ("v1", TokenEndpoint::V1)],
            )?,
            api: env.choice("DEFENDER_API", &[("graph", Api::Graph), ("xdr", Api::Xdr)])?,
            graph: env.upstream(&hosts, Api::Graph, "GRAPH_ENDPOINT", "GRAPH_AUDIENCE")?,
            xdr: env.upstream(&hosts, Api::Xdr, "DEFENDER_ENDPOINT", "XDR_AUDIENCE")?,
            endpoint: env.upstream(
                &hosts,
                Api::Endpoint,
                "DEFENDER_ENDPOINT",
                "ENDPOINT_AUDIENCE",
            )?,
            allowed_tenants: env.tenants("ALLOWED_TENANTS")?,
            guards: env.guards()?,
            leases: env.leases()?,
            evidence: env.evidence()?,
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

    fn tenants(&self, name: &str) -> Result<Vec<Tenant>> {
        let list = self.get(name).unwrap_or_default();
        list.split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .map(|item| {
                Tenant::parse(item).ok_or_else(|| {
                    misconfigured(
                        name,
                        format!(
                            "has {item:?}; it takes GUIDs or verified domains, separated by commas"
                        ),
                    )
                })
            })
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
    fn choice<T: Copy>(&self, name: &str, choices: &[(&str, T)]) -> Result<T> {
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

    fn hosts(&self) -> Result<Hosts> {
        let clouds = [
            ("global", Cloud::Global),
            ("gcc", Cloud::Gcc),
            ("gcc-high", Cloud::GccHigh),
            ("dod", Cloud::Dod),
            ("china", Cloud::China),
        ];
        let cloud = self.choice("DEFENDER_CLOUD", &clouds)?;
        cloud.hosts().ok_or_else(|| {
            misconfigured(
                "DEFENDER_CLOUD",
                "is \"china\", where Microsoft offers neither Defender nor its APIs",
            )
        })
    }

    fn upstream(&self, hosts: &Hosts, api: Api, base: &str, audience: &str) -> Result<Upstream> {
        let resource = self
            .get(audience)
            .unwrap_or_else(|| format!("https://{}", hosts.audience(api)));
        let resource = resource
            .trim()
            .trim_end_matches("/.default")
            .trim_end_matches('/');
        Ok(Upstream {
            base: self.origin(base, hosts.of(api))?,
            audience: resource.to_owned(),
        })
    }

    fn secret(&self) -> Result<SecretSource> {
        self.choice("AZURE_CREDENTIAL", &[("secret", ())])?;
        match (
            self.get("AZURE_CLIENT_SECRET"),
            self.get("AZURE_CLIENT_SECRET_ID"),
        ) {
            (Some(secret), None) => Ok(SecretSource::Environment(secret.into())),
            (None, Some(id)) => {
                let service =
                    self.aws_service("secretsmanager", "AWS_ENDPOINT_URL_SECRETS_MANAGER")?;
                Ok(SecretSource::SecretsManager(AwsSecret { id, service }))
            }
            (Some(_), Some(_)) => Err(misconfigured(
                "AZURE_CLIENT_SECRET",
                "and AZURE_CLIENT_SECRET_ID are both set; set one: the secret itself, or where Secrets Manager keeps it",
            )),
            (None, None) => Err(misconfigured(
                "AZURE_CLIENT_SECRET_ID",
                "is not set; it takes the name or ARN of the Secrets Manager secret that holds the app's client secret \
                 (on a laptop, AZURE_CLIENT_SECRET takes the secret itself)",
            )),
        }
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

pub(super) fn misconfigured(name: &str, problem: impl std::fmt::Display) -> Error {
    Error::new(Code::Misconfigured, format!("{name} {problem}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: &str = "0f1e2d3c-4b5a-4697-8879-6a5b4c3d2e1f";

    fn read(changes: &[(&str, &str)]) -> Result<Config> {
        let base = [
            ("AZURE_TENANT_ID", TENANT),
            ("AZURE_CLIENT_ID", TENANT),
            ("AZURE_CLIENT_SECRET", "s3cr3t"),
        ];
        Config::read(|name| {
            let last = base
                .iter()
                .chain(changes)
                .rev()
                .find(|(known, _)| *known == name);
            last.map(|(_, value)| (*value).to_owned())
        })
    }

    fn refusal(changes: &[(&str, &str)]) -> String {
        let error = read(changes).unwrap_err();
        assert_eq!(error.code(), Code::Misconfigured);
        error.to_string()
    }

    #[test]
    fn the_defaults_are_microsofts_global_cloud() {
        let config = read(&[]).unwrap();
        assert_eq!(
            config.authority.as_str(),
            "https://login.microsoftonline.com/"
        );
        assert_eq!(config.graph.base.as_str(), "https://graph.microsoft.com/");
        assert_eq!(config.xdr.audience, "https://api.security.microsoft.com");
        assert_eq!(
            (config.api, config.token_endpoint),
            (Api::Graph, TokenEndpoint::V2)
        );
        assert!(config.allowed_tenants.is_empty());
    }

    #[test]
    fn each_cloud_has_hosts_and_audiences_of_its_own_and_china_has_none() {
        for (cloud, login, graph, xdr) in [
            (
                "gcc",
                "login.microsoftonline.com",
                "graph.microsoft.com",
                "api-gcc.security.microsoft.us",
            ),
            (
                "gcc-high",
                "login.microsoftonline.us",
                "graph.microsoft.us",
                "api-gov.security.microsoft.us",
            ),
            (
                "dod",
                "login.microsoftonline.us",
                "dod-graph.microsoft.us",
                "api-gov.security.microsoft.us",
            ),
        ] {
            let config = read(&[("DEFENDER_CLOUD", cloud)]).unwrap();
            assert_eq!(config.authority.host_str(), Some(login));
            assert_eq!(config.graph.audience, format!("https://{graph}"));
            assert_eq!(config.xdr.base.as_str(), format!("https://{xdr}/"));
        }
        assert!(refusal(&[("DEFENDER_CLOUD", "china")]).contains("china"));
    }

    #[test]
    fn an_audience_is_kept_apart_from_its_host() {
        let config = read(&[
            ("GRAPH_ENDPOINT", "https://proxy.example"),
            (
                "XDR_AUDIENCE",
                "https://api.security.microsoft.com/.default",
            ),
        ])
        .unwrap();
        assert_eq!(config.graph.audience, "https://graph.microsoft.com");
        assert_eq!(config.xdr.audience, "https://api.security.microsoft.com");
    }

    #[test]
    fn each_bad_value_is_named_with_what_the_variable_takes() {
        for (name, value) in [
            ("AZURE_TENANT_ID", "my tenant"),
            ("AZURE_TENANT_ID", ""),
            ("AZURE_CLIENT_ID", "app"),
            ("AZURE_CREDENTIAL", "password"),
            ("AZURE_TOKEN_VERSION", "2"),
            ("DEFENDER_API", "mde"),
            ("ALLOWED_TENANTS", "a b"),
            ("GRAPH_ENDPOINT", "graph.microsoft.com"),
            ("MAX_ACTIONS_PER_HOUR", "many"),
            ("FORBID_DEVICE_TAG", "Tier0, crown-jewel"),
        ] {
            let refusal = refusal(&[(name, value)]);
            assert!(
                refusal.starts_with(name) && refusal.contains("it takes"),
                "{refusal}"
            );
        }
    }

    #[test]
    fn plain_http_is_for_loopback_only() {
        for url in [
            "http://127.0.0.1:8080",
            "http://localhost:1",
            "http://[::1]:9",
        ] {
            read(&[("GRAPH_ENDPOINT", url)]).unwrap();
        }
        for url in [
            "http://graph.microsoft.com",
            "http://127.0.0.1.example",
            "ftp://localhost",
            "https://a@b.example",
        ] {
            assert!(refusal(&[("GRAPH_ENDPOINT", url)]).contains("loopback"));
        }
    }

    #[test]
    fn two_credentials_are_one_too_many_and_none_is_one_too_few() {
        assert!(refusal(&[("AZURE_CLIENT_SECRET_ID", "x")]).contains("both set"));
        assert!(
            refusal(&[("AZURE_CLIENT_SECRET", "")])
                .starts_with("AZURE_CLIENT_SECRET_ID is not set")
        );
    }

    #[test]
    fn a_secret_is_never_shown() {
        let config = read(&[("AZURE_CLIENT_SECRET", "do-not-show")]).unwrap();
        assert!(!format!("{config:?}").contains("do-not-show"));
    }

    #[test]
    fn secrets_manager_is_reached_in_the_functions_own_region() {
        let aws = [
            ("AZURE_CLIENT_SECRET", ""),
            ("AZURE_CLIENT_SECRET_ID", "defender/app"),
            ("AWS_REGION", "eu-north-1"),
            ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "k"),
        ];
        let SecretSource::SecretsManager(secret) = read(&aws).unwrap().secret else {
            panic!("the other source")
        };
        assert_eq!(
            secret.service.endpoint.as_str(),
            "https://secretsmanager.eu-north-1.amazonaws.com/"
        );
        assert!(refusal(&aws[..2]).starts_with("AWS_REGION is not set"));
    }

    #[test]
    fn tenants_are_guids_or_domains() {
        for tenant in [TENANT, "fjordlys.example", "a-b.onmicrosoft.com"] {
            assert!(Tenant::parse(tenant).is_some(), "{tenant}");
        }
        for wrong in [
            "",
            "common",
            "organizations",
            "a/b.example",
            "x..example",
            "å.example",
        ] {
            assert!(Tenant::parse(wrong).is_none(), "{wrong}");
        }
        assert_eq!(Tenant::parse(&TENANT.to_uppercase()), Tenant::parse(TENANT));
    }
}
