//! `POST /api/advancedhunting/run`.

use serde_json::{Value, json};

use super::{Failure, admit};
use crate::answer::Answer;
use crate::hunting::{self, Spelling};
use crate::request::Request;
use crate::state::State;

pub(super) fn run(state: &mut State, request: &Request) -> Result<Answer, Failure> {
    let caller = admit(state, request, &["AdvancedHunting.Read.All"])?;
    // The letter case of the key matters to this API.
    let Value::Object(body) = request.json() else {
        return Err(Failure::new(
            400,
            "InvalidRequestBody",
            "Request body is incorrect",
        ));
    };
    let query = match body.get("Query") {
        Some(Value::String(query)) if body.len() == 1 => query,
        _ => {
            return Err(Failure::new(
                400,
                "InvalidRequestBody",
                "Request body is incorrect",
            ));
        }
    };
    // What a real query costs cannot be known here; the figures are a small query's.
    let stats = json!({
        "ExecutionTime": 0.0156,
        "resource_usage": {
            "cache": { "memory": { "hits": 12, "misses": 0, "total": 12 }, "disk": { "hits": 0, "misses": 0, "total": 0 } },
            "cpu": { "user": "00:00:00.0156250", "kernel": "00:00:00", "total cpu": "00:00:00.0156250" },
            "memory": { "peak_per_node": 1_048_576 },
        },
        "dataset_statistics": [{ "table_row_count": 0, "table_size": 0 }],
    });
    let spelling = Spelling {
        opening: format!("{{\"Stats\":{stats},"),
        schema: "Schema",
        results: "Results",
        name: "Name",
        kind: "Type",
    };
    let mut answer = Answer::empty(200).header("content-type", "application/json; charset=utf-8");
    let tenant = &state.tenants[caller.tenant];
    answer.body = hunting::answer(tenant, query, None, state.clock.now(), &spelling)
        .map_err(|message| Failure::new(400, "BadRequest", message))?;
    Ok(answer)
}
