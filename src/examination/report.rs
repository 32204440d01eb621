//! An examination as `check_token` answers it.

use schemars::JsonSchema;
use serde::Serialize;

use super::{Examination, Examined, Found, Judged};
use crate::{
    api::Api, config::Config, entra::signature::Signature, error::Problem, time::Timestamp,
};

impl Examination {
    /// The report, for people and programs.
    pub fn report<'a>(&'a self, config: &'a Config) -> Report<'a> {
        Report {
            ok: self.is_good(),
            cloud: config.cloud.name,
            tenant: self.tenant.as_str(),
            client_id: &config.client_id,
            credential: config.credential.kind(),
            tokens: self.tokens.iter().map(Examined::report).collect(),
            operations: &self.operations,
            findings: &self.findings,
            consent_link: &self.consent_link,
        }
    }
}

impl Examined {
    fn report(&self) -> TokenReport<'_> {
        let (claims, signature, error) = match &self.outcome {
            Ok((token, signature)) => (token.claims(), Some(signature), None),
            Err(error) => (None, None, Some(error.problem())),
        };
        TokenReport {
            api: self.api,
            requested: &self.audience,
            claims: claims.map(|claims| ClaimsReport {
                audience: &claims.aud,
                tenant_id: &claims.tid,
                client_id: claims.app(),
                roles: &claims.roles,
                expires: Timestamp::from_second(claims.exp)
                    .ok()
                    .map(|at| at.to_string()),
                issuer: &claims.iss,
                version: &claims.ver,
            }),
            opaque: error.is_none() && claims.is_none(),
            signature,
            error,
        }
    }
}

/// What `check_token` answers.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "TokenCheck")]
pub struct Report<'a> {
    ok: bool,
    cloud: &'static str,
    /// As it was named: a GUID or a domain.
    tenant: &'a str,
    client_id: &'a str,
    credential: &'static str,
    tokens: Vec<TokenReport<'a>>,
    operations: &'a [Judged],
    findings: &'a [Found],
    consent_link: &'a str,
}

/// A token of one API, and what is known of it.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct TokenReport<'a> {
    api: Api,
    /// The audience that was asked for.
    requested: &'a str,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    claims: Option<ClaimsReport<'a>>,
    /// Whether it cannot be read, as Microsoft reserves the right to make tokens.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    opaque: bool,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    signature: Option<&'a Signature>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Problem<'a>>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ClaimsReport<'a> {
    audience: &'a str,
    tenant_id: &'a str,
    client_id: &'a str,
    roles: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
    issuer: &'a str,
    version: &'a str,
}
