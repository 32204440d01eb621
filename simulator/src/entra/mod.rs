//! Microsoft Entra ID: the token endpoints of both versions, discovery documents and key sets.

mod assertion;
mod claims;
mod consent;
mod consent_page;
mod credential;
mod federation;
pub(crate) mod key;
mod refusal;
mod token;

use serde_json::json;

use crate::answer::Answer;
use crate::request::Request;
use crate::state::{State, guid};
use refusal::Refusal;

/// Which of the two token endpoints was called.
#[derive(Clone, Copy, PartialEq)]
enum Version {
    V1,
    V2,
}

/// An API that tokens are issued for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Resource {
    Graph,
    Xdr,
    Endpoint,
}

impl Resource {
    /// The resource's App ID URI, which is the tokens' `aud`.
    pub fn audience(self) -> &'static str {
        match self {
            Resource::Graph => "https://graph.microsoft.com",
            Resource::Xdr => "https://api.security.microsoft.com",
            Resource::Endpoint => "https://api.securitycenter.microsoft.com",
        }
    }

    /// The resource application's id, the `aud` of version 2.0 tokens.
    pub fn app_id(self) -> &'static str {
        match self {
            Resource::Graph => "00000003-0000-0000-c000-000000000000",
            Resource::Xdr => "8ee8fdad-f234-4243-8f3b-15c294843740",
            Resource::Endpoint => "fc780465-2017-40d4-a0c5-307022471b92",
        }
    }

    /// Its key in a tenant file's `roles`.
    fn key(self) -> &'static str {
        match self {
            Resource::Graph => "graph",
            Resource::Xdr => "xdr",
            Resource::Endpoint => "endpoint",
        }
    }

    fn named(uri: &str) -> Option<Resource> {
        match uri.trim_end_matches('/') {
            "https://securitycenter.onmicrosoft.com/windowsatpservice" => Some(Resource::Endpoint),
            uri => [Resource::Graph, Resource::Xdr, Resource::Endpoint]
                .into_iter()
                .find(|resource| resource.audience() == uri || resource.app_id() == uri),
        }
    }
}

/// Answers whatever belongs to Entra, `None` for other paths.
pub(crate) fn answer(state: &mut State, request: &Request, segments: &[&str]) -> Option<Answer> {
    let answer = match segments {
        [tenant, "oauth2", "v2.0", "token"] => token_answer(state, request, tenant, Version::V2),
        [tenant, "oauth2", "token"] => token_answer(state, request, tenant, Version::V1),
        [tenant, "v2.0", ".well-known", "openid-configuration"] => {
            discovery(state, tenant, Version::V2)
        }
        [tenant, ".well-known", "openid-configuration"] => discovery(state, tenant, Version::V1),
        [tenant, "discovery", "v2.0", "keys"] => keys(state, tenant, Version::V2),
        [tenant, "discovery", "keys"] => keys(state, tenant, Version::V1),
        [tenant, "v2.0", "adminconsent"] => {
            consent::answer(state, request, tenant, consent::Kind::V2)
        }
        [tenant, "adminconsent"] => consent::answer(state, request, tenant, consent::Kind::V1),
        [tenant, "oauth2", "authorize"] => {
            consent::answer(state, request, tenant, consent::Kind::Authorize)
        }
        _ => return None,
    };
    let asked_id = request
        .header("client-request-id")
        .map_or_else(guid, str::to_owned);
    Some(
        answer
            .header("x-ms-request-id", guid())
            .header("client-request-id", asked_id),
    )
}

/// The refusal that a fault asks for.
pub(crate) fn refuse(state: &State, code: u32) -> Answer {
    Refusal::of_code(code).answer(state.clock.now())
}

fn token_answer(state: &mut State, request: &Request, tenant: &str, version: Version) -> Answer {
    let answer = match token::issue(state, request, tenant, version) {
        Ok(body) => Answer::json(200, &body),
        Err(refusal) => refusal.answer(state.clock.now()),
    };
    answer
        .header("cache-control", "no-store, no-cache")
        .header("pragma", "no-cache")
}

fn discovery(state: &mut State, tenant: &str, version: Version) -> Answer {
    let origin = state.origin.clone();
    let Some(id) = state.tenant(tenant).map(|tenant| tenant.tenant_id.clone()) else {
        return token::tenant_not_found(tenant).answer(state.clock.now());
    };
    let infix = if version == Version::V2 { "/v2.0" } else { "" };
    Answer::json(
        200,
        &json!({
            "token_endpoint": format!("{origin}/{id}/oauth2{infix}/token"),
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
            "jwks_uri": format!("{origin}/{id}/discovery{infix}/keys"),
            "id_token_signing_alg_values_supported": ["RS256"],
            "issuer": issuer(&id, version),
            "response_types_supported": ["code", "id_token", "token"],
        }),
    )
}

fn keys(state: &mut State, tenant: &str, version: Version) -> Answer {
    let found = state.tenant(tenant);
    let Some((id, hidden)) = found.map(|one| (one.tenant_id.clone(), one.signing_key_hidden))
    else {
        return token::tenant_not_found(tenant).answer(state.clock.now());
    };
    Answer::json(200, &state.key.jwks(&issuer(&id, version), hidden))
}

fn issuer(tenant_id: &str, version: Version) -> String {
    match version {
        Version::V1 => format!("https://sts.windows.net/{tenant_id}/"),
        Version::V2 => format!("https://login.microsoftonline.com/{tenant_id}/v2.0"),
    }
}
