//! What operations take besides their own input, for the description; `Function` takes it out first.

use std::num::NonZeroU64;

use schemars::JsonSchema;

use crate::{operation::Entry, operations::tenants::TenantName};

/// The fields, all of which may be left out.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub struct Common {
    /// Whose data it is about: the GUID or a verified domain of a tenant that the function serves; its default tenant if not given.
    #[schemars(with = "Option<TenantName>")]
    pub tenant_id: Option<String>,
    /// How many seconds it may take; less than the function's timeout, else that counts.
    pub max_seconds: Option<NonZeroU64>,
    /// How large the answer may be: one that is larger is stored, and a pointer to it answered. Takes `RESULTS_BUCKET`.
    pub max_answer_bytes: Option<usize>,
    /// Whether a pointer to a stored answer has a link that whoever has it can read for an hour. Takes `RESULTS_BUCKET`.
    pub result_link: Option<bool>,
}

impl Common {
    /// Their names.
    pub const NAMES: [&str; 4] = ["tenantId", "maxSeconds", "maxAnswerBytes", "resultLink"];

    /// The names of those that the operation takes.
    pub fn of(entry: &Entry) -> impl Iterator<Item = &'static str> {
        let is_taken = [
            !entry.tenant_is_subject,
            entry.page.is_none(),
            entry.reads(),
            entry.reads(),
        ];
        let names = Self::NAMES.into_iter().zip(is_taken);
        names.filter_map(|(name, is_taken)| is_taken.then_some(name))
    }
}
