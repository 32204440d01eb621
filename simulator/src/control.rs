//! The simulator's own endpoints below `/_simulator`: the log, faults, tenants, the clock.

use serde_json::{Value, json};

use crate::answer::Answer;
use crate::faults::Fault;
use crate::request::Request;
use crate::state::State;
use crate::time;

/// Answers a call below `/_simulator`; these never reach the log.
pub(crate) fn answer(state: &mut State, request: &Request) -> Answer {
    let segments = request.segments();
    let segments: Vec<&str> = segments.iter().map(String::as_str).skip(1).collect();
    match (request.method.as_str(), segments.as_slice()) {
        ("GET", ["health"]) => Answer::json(
            200,
            &json!({ "status": "ok", "now": time::format(state.clock.now()) }),
        ),
        ("GET", ["requests"]) => Answer::json(200, &state.requests),
        ("DELETE", ["requests"]) => {
            state.requests.clear();
            Answer::empty(204)
        }
        ("GET", ["faults"]) => Answer::json(200, &state.faults.0),
        ("POST", ["faults"]) => match serde_json::from_slice::<Fault>(&request.body) {
            Ok(fault) => {
                state.faults.0.push(fault);
                Answer::json(200, &state.faults.0)
            }
            Err(error) => refused(&format!("This is no fault: {error}.")),
        },
        ("DELETE", ["faults"]) => {
            state.faults.0.clear();
            Answer::empty(204)
        }
        ("GET", ["tenants"]) => {
            let tenants: Vec<Value> = state
                .tenants
                .iter()
                .map(|tenant| {
                    let mut shown = json!(tenant);
                    shown["incidents"] = tenant.incidents.len().into();
                    shown["alerts"] = tenant.alerts.len().into();
                    shown["tables"] = tenant.tables.keys().cloned().collect();
                    shown
                })
                .collect();
            Answer::json(200, &tenants)
        }
        ("POST", ["clock"]) => match request
            .json()
            .get("advance")
            .and_then(Value::as_str)
            .and_then(time::parse_duration)
        {
            Some(ticks) => {
                state.clock.advance(ticks);
                Answer::json(200, &json!({ "now": time::format(state.clock.now()) }))
            }
            None => refused("Say by how much: {\"advance\":\"PT5M\"}."),
        },
        _ => Answer::json(
            404,
            &json!({ "error": "See GET health, requests, faults, tenants; POST faults, clock; DELETE requests, faults." }),
        ),
    }
}

fn refused(why: &str) -> Answer {
    Answer::json(400, &json!({ "error": why }))
}
