//! How the variables are read, and what is said of those that cannot be used.

mod collecting;
mod results;

use super::{AllowedTenants, Config, CredentialSource, Tenant, TokenEndpoint};
use crate::{
    api::Api,
    error::{Code, Result},
};

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
    assert!(
        matches!(config.allowed_tenants, AllowedTenants::Listed(tenants) if tenants.is_empty())
    );
}

#[test]
fn each_cloud_has_hosts_and_audiences_of_its_own() {
    for (cloud, login, federation, [graph, xdr, endpoint], [xdr_audience, endpoint_audience]) in [
        (
            "global",
            "login.microsoftonline.com",
            "api://AzureADTokenExchange",
            [
                "graph.microsoft.com",
                "api.security.microsoft.com",
                "api.security.microsoft.com",
            ],
            [
                "api.security.microsoft.com",
                "api.securitycenter.microsoft.com",
            ],
        ),
        (
            "gcc",
            "login.microsoftonline.com",
            "api://AzureADTokenExchange",
            [
                "graph.microsoft.com",
                "api-gcc.security.microsoft.us",
                "api-gcc.securitycenter.microsoft.us",
            ],
            [
                "api-gcc.security.microsoft.us",
                "api-gcc.securitycenter.microsoft.us",
            ],
        ),
        (
            "gcc-high",
            "login.microsoftonline.us",
            "api://AzureADTokenExchangeUSGov",
            [
                "graph.microsoft.us",
                "api-gov.security.microsoft.us",
                "api-gov.securitycenter.microsoft.us",
            ],
            [
                "api-gov.security.microsoft.us",
                "api-gov.securitycenter.microsoft.us",
            ],
        ),
        (
            "dod",
            "login.microsoftonline.us",
            "api://AzureADTokenExchangeUSGov",
            [
                "dod-graph.microsoft.us",
                "api-gov.security.microsoft.us",
                "api-gov.securitycenter.microsoft.us",
            ],
            [
                "api-gov.security.microsoft.us",
                "api-gov.securitycenter.microsoft.us",
            ],
        ),
    ] {
        let config = read(&[("DEFENDER_CLOUD", cloud)]).unwrap();
        assert_eq!(config.authority.host_str(), Some(login));
        assert_eq!(config.cloud.federation, federation);
        for (api, host, audience) in [
            (Api::Graph, graph, graph),
            (Api::Xdr, xdr, xdr_audience),
            (Api::Endpoint, endpoint, endpoint_audience),
        ] {
            let upstream = config.upstream(api);
            assert_eq!(
                upstream.base.as_str(),
                format!("https://{host}/"),
                "{cloud}"
            );
            assert_eq!(upstream.audience, format!("https://{audience}"), "{cloud}");
        }
    }
}

#[test]
fn china_has_no_defender() {
    let refusal = refusal(&[("DEFENDER_CLOUD", "china")]);
    assert_eq!(
        refusal,
        "DEFENDER_CLOUD is \"china\", where Microsoft offers neither Defender nor its APIs."
    );
}

#[test]
fn a_regional_host_keeps_the_clouds_audience() {
    let regional = "https://eu.api.security.microsoft.com";
    let config = read(&[("DEFENDER_ENDPOINT", regional)]).unwrap();
    for (api, audience) in [
        (Api::Xdr, "https://api.security.microsoft.com"),
        (Api::Endpoint, "https://api.securitycenter.microsoft.com"),
    ] {
        let upstream = config.upstream(api);
        assert_eq!(upstream.base.as_str(), format!("{regional}/"));
        assert_eq!(upstream.audience, audience);
    }
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
        ("METRICS", "yes"),
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

/// Where a function finds itself in AWS, without a credential of its own.
const IN_AWS: [(&str, &str); 4] = [
    ("AZURE_CLIENT_SECRET", ""),
    ("AWS_REGION", "eu-north-1"),
    ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
    ("AWS_SECRET_ACCESS_KEY", "k"),
];

fn in_aws<'a>(changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [&IN_AWS, changes].concat()
}

#[test]
fn the_credential_is_whichever_one_is_configured() {
    for (variable, kind) in [
        ("AZURE_CLIENT_SECRET", "secret"),
        ("AZURE_CLIENT_SECRET_ID", "secret"),
        ("AZURE_CLIENT_CERTIFICATE_PATH", "certificate"),
        ("AZURE_CLIENT_CERTIFICATE_SECRET_ID", "certificate"),
        ("AZURE_FEDERATED_TOKEN_FILE", "file"),
    ] {
        let config = read(&in_aws(&[(variable, "x")])).unwrap();
        assert_eq!(config.credential.kind(), kind);
    }
    let config = read(&in_aws(&[("AZURE_CREDENTIAL", "aws")])).unwrap();
    assert_eq!(config.credential.kind(), "aws");
}

#[test]
fn two_credentials_need_a_word_on_which_counts() {
    let both = [
        ("AZURE_CLIENT_CERTIFICATE_PATH", "app.pem"),
        ("AZURE_FEDERATED_TOKEN_FILE", "token"),
    ];
    let refusal = refusal(&in_aws(&both));
    for named in [
        "AZURE_CLIENT_CERTIFICATE_PATH",
        "AZURE_FEDERATED_TOKEN_FILE",
        "AZURE_CREDENTIAL",
    ] {
        assert!(refusal.contains(named), "{refusal}");
    }
    for (word, kind) in [
        ("certificate", "certificate"),
        ("file", "file"),
        ("aws", "aws"),
    ] {
        let chosen = [both.as_slice(), &[("AZURE_CREDENTIAL", word)]].concat();
        assert_eq!(read(&in_aws(&chosen)).unwrap().credential.kind(), kind);
    }
}

#[test]
fn one_kind_of_credential_in_two_places_is_one_too_many() {
    let refusal = refusal(&[
        ("AZURE_CLIENT_SECRET_ID", "x"),
        ("AZURE_CREDENTIAL", "secret"),
    ]);
    assert!(refusal.contains("both set; set one of them"), "{refusal}");
}

#[test]
fn a_credential_that_is_not_there_is_named() {
    for (word, variable) in [
        ("", "AZURE_CLIENT_SECRET_ID"),
        ("secret", "AZURE_CLIENT_SECRET_ID"),
        ("certificate", "AZURE_CLIENT_CERTIFICATE_SECRET_ID"),
        ("file", "AZURE_FEDERATED_TOKEN_FILE"),
    ] {
        let refusal = refusal(&in_aws(&[("AZURE_CREDENTIAL", word)]));
        assert!(
            refusal.starts_with(&format!("{variable} is not set")),
            "{refusal}"
        );
    }
}

#[test]
fn aws_vouches_at_the_regional_endpoint_for_the_clouds_audience() {
    for (cloud, audience) in [
        ("global", "api://AzureADTokenExchange"),
        ("gcc-high", "api://AzureADTokenExchangeUSGov"),
    ] {
        let chosen = [("AZURE_CREDENTIAL", "aws"), ("DEFENDER_CLOUD", cloud)];
        let CredentialSource::Aws(federation) = read(&in_aws(&chosen)).unwrap().credential else {
            panic!("another credential")
        };
        let endpoint = federation.service.endpoint.as_str();
        assert_eq!(endpoint, "https://sts.eu-north-1.amazonaws.com/");
        assert_eq!(federation.audience, audience);
    }
}

#[test]
fn a_secret_is_never_shown() {
    let config = read(&[("AZURE_CLIENT_SECRET", "do-not-show")]).unwrap();
    assert!(!format!("{config:?}").contains("do-not-show"));
}

#[test]
fn secrets_manager_is_reached_in_the_functions_own_region() {
    let id = ("AZURE_CLIENT_SECRET_ID", "defender/app");
    let CredentialSource::StoredSecret(secret) = read(&in_aws(&[id])).unwrap().credential else {
        panic!("another credential")
    };
    assert_eq!(
        secret.service.endpoint.as_str(),
        "https://secretsmanager.eu-north-1.amazonaws.com/"
    );
    let nowhere = [id, ("AZURE_CLIENT_SECRET", "")];
    assert!(refusal(&nowhere).starts_with("AWS_REGION is not set"));
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
