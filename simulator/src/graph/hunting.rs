//! `POST /security/runHuntingQuery`.

use serde_json::Value;

use super::{Failure, admit};
use crate::answer::Answer;
use crate::hunting::{self, Spelling};
use crate::request::Request;
use crate::state::State;

pub(super) fn run(state: &mut State, request: &Request) -> Result<Answer, Failure> {
    let caller = admit(state, request, &["ThreatHunting.Read.All"])?;
    let (query, timespan) = read(request)?;
    let spelling = Spelling {
        opening: "{\"@odata.context\":\"https://graph.microsoft.com/v1.0/$metadata#microsoft.graph.security.huntingQueryResults\",".into(),
        schema: "schema",
        results: "results",
        name: "name",
        kind: "type",
    };
    let mut answer = Answer::empty(200);
    let tenant = &state.tenants[caller.tenant];
    let now = state.clock.now();
    answer.body = hunting::answer(tenant, &query, timespan.as_deref(), now, &spelling)
        .map_err(Failure::bad_request)?;
    Ok(answer)
}

/// `Query` and `Timespan`, in either case of the first letter.
fn read(request: &Request) -> Result<(String, Option<String>), Failure> {
    let Ok(Value::Object(body)) = serde_json::from_slice(&request.body) else {
        return Err(Failure::bad_request("Unable to read JSON request payload."));
    };
    let (mut query, mut timespan) = (None, None);
    for (name, value) in body {
        match (name.as_str(), value) {
            ("Query" | "query", Value::String(text)) => query = Some(text),
            ("Timespan" | "timespan", Value::String(text)) => timespan = Some(text),
            ("Timespan" | "timespan", Value::Null) => {}
            _ => {
                return Err(Failure::bad_request(format!(
                    "The parameter '{name}' is not expected here."
                )));
            }
        }
    }
    let query = query
        .filter(|query| !query.trim().is_empty())
        .ok_or_else(|| Failure::bad_request("The parameter 'Query' is required."))?;
    Ok((query, timespan))
}
