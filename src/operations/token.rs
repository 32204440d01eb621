//! The app's own access: what its tokens say, and whether they suffice.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    call::Call,
    error::Result,
    examination::{Examination, report::Report},
    operation::{Answer, Group, Operation, Permissions},
    tenants::registry::note_check,
};

/// Gets a token for each API in use and says what each is good for, what is missing or wrong, and what to do about it. Works with any
/// permissions, and with none.
///
/// Answers `ok`, `tokens` (audience, tenant, app, roles, expiry; never the token), `operations` (of those deployed: whether the roles
/// suffice, and what is `missing`), `findings` (by name, with what to do) and `consentLink`. A tenant of the registry has its
/// `lastCheck` and `lastError` set.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckToken {}

impl Operation for CheckToken {
    type Answers = Report<'static>;

    const NAME: &'static str = "check_token";
    const SUMMARY: &'static str = "Check what the app may do in a tenant, and what is wrong";
    const GROUP: Group = Group::Token;
    const ROUTE: (&'static str, &'static str) = ("GET", "/token");
    const PERMISSIONS: Permissions = Permissions::any();

    async fn run(self, call: &Call<'_>) -> Result<Answer> {
        let examination = Examination::of(call).await?;
        note_check(call, &examination).await;
        Ok(Answer::of(&examination.report(&call.app.config)))
    }
}
