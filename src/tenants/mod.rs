//! Customers' tenants: invited by a consent link, confirmed by what Entra itself says of them, and registered in DynamoDB.

pub mod confirmation;
pub mod directory;
pub mod invitation;
mod kms;
pub mod page;
pub mod registry;
pub mod row;
pub mod served;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    config::Tenant,
    entra::finding::Finding,
    error::{Code, Error},
    examination::Examination,
};

/// How far a tenant has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Standing {
    /// It was sent a link.
    Invited,
    /// The app has all the permissions there that the deployed operations need.
    Active,
    /// The app is there, but some operations will not work.
    Incomplete,
    /// It was taken out of the registry, and only a new invitation of its own takes it in again.
    Removed,
}

impl Standing {
    /// The word in the registry and in answers.
    pub fn word(self) -> &'static str {
        match self {
            Standing::Invited => "invited",
            Standing::Active => "active",
            Standing::Incomplete => "incomplete",
            Standing::Removed => "removed",
        }
    }

    /// Whether `ALLOWED_TENANTS=registry` lets callers name it.
    pub fn is_served(self) -> bool {
        matches!(self, Standing::Active | Standing::Incomplete)
    }
}

/// What an examination means for a tenant's row.
#[derive(Debug, PartialEq)]
pub struct Verdict {
    /// None where it says nothing about what the app may do there.
    pub standing: Option<Standing>,
    pub problem: Option<String>,
}

impl Verdict {
    pub fn of(tenant: &Tenant, examination: &Examination) -> Self {
        let in_tenant = examination
            .tenant_id()
            .is_some_and(|id| id.eq_ignore_ascii_case(tenant.as_str()));
        let fails = !examination.missing().is_empty() || examination.errors().next().is_some();
        let standing = match in_tenant && !examination.errors().any(passes) {
            true if examination.permits() => Some(Standing::Active),
            true if fails => Some(Standing::Incomplete),
            _ => None,
        };
        let unsaid = || "Entra's tokens do not say that they are of this tenant.".to_owned();
        let problem = examination.summary().or_else(|| (!in_tenant).then(unsaid));
        Self { standing, problem }
    }
}

/// Whether Entra says that the app is not in the tenant.
fn has_no_app(error: &Error) -> bool {
    Finding::of(error) == Finding::MissingServicePrincipal
}

/// Whether the same question may be answered in a while.
fn passes(error: &Error) -> bool {
    matches!(
        error.code(),
        Code::Throttled | Code::UpstreamUnavailable | Code::DeadlineExceeded
    )
}
