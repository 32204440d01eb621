//! `/api/investigations`: automated investigations, to be read only.

use serde_json::Value;

use super::list::{Listing, entity};
use super::{admit, not_found, text};
use crate::answer::Answer;
use crate::odata::{Field, Read};
use crate::request::Request;
use crate::state::State;
use crate::xdr::Failure;

const READ: &[&str] = &["Alert.Read.All", "Alert.ReadWrite.All"];
const INVESTIGATIONS: Listing<Value> = Listing::new(
    "Investigations",
    &[
        Field::new(
            "startTime",
            Read::Instant(|one| text(one, "startTime").unwrap_or_default()),
        ),
        Field::new("id", Read::Text(|one| text(one, "id"))),
        Field::new("state", Read::Text(|one| text(one, "state"))),
        Field::new("machineId", Read::Text(|one| text(one, "machineId"))),
        Field::new(
            "triggeringAlertId",
            Read::Text(|one| text(one, "triggeringAlertId")),
        ),
    ],
);

/// `segments` are the path's after `/api`.
pub(super) fn answer(
    state: &State,
    request: &Request,
    segments: &[&str],
) -> Result<Answer, Failure> {
    let caller = admit(state, request, READ)?;
    let all = &state.tenants[caller.tenant].investigations;
    match (request.method.as_str(), segments) {
        ("GET", [_]) => INVESTIGATIONS.answer(state, caller.tenant, request, all, Value::clone),
        ("GET", [_, id]) => {
            let found = all.iter().find(|one| one["id"] == *id);
            let found = found.ok_or_else(|| not_found("Investigation", id))?;
            Ok(entity(200, "Investigations/$entity", found.clone()))
        }
        _ => Err(Failure::no_such_resource()),
    }
}
