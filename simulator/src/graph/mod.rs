//! Microsoft Graph v1.0, `/v1.0/security/...`: incidents, alerts_v2 and advanced hunting.

mod alerts;
mod change;
mod hunting;
mod incidents;
mod page;

use serde_json::json;

use crate::access::{self, Caller, Denied};
use crate::answer::Answer;
use crate::challenge;
use crate::entra::Resource;
use crate::request::Request;
use crate::state::{State, guid};
use crate::time;

const JSON: &str = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8";

/// What an operation answers instead of its result.
pub(crate) struct Failure {
    status: u16,
    code: String,
    message: String,
}

impl Failure {
    fn bad_request(message: impl Into<String>) -> Failure {
        Failure {
            status: 400,
            code: "BadRequest".into(),
            message: message.into(),
        }
    }

    fn not_found(what: &str, id: &str) -> Failure {
        Failure {
            status: 404,
            code: "ResourceNotFound".into(),
            message: format!("{what} {id} was not found."),
        }
    }
}

impl From<Denied> for Failure {
    fn from(denied: Denied) -> Failure {
        match denied {
            Denied::Unauthorized(why) => Failure {
                status: 401,
                code: "InvalidAuthenticationToken".into(),
                message: why.into(),
            },
            Denied::MissingRoles(message) => Failure {
                status: 403,
                code: "Forbidden".into(),
                message,
            },
        }
    }
}

/// Answers a call below `/v1.0`.
pub(crate) fn answer(state: &mut State, request: &Request, segments: &[&str]) -> Answer {
    if let Some(challenge) = challenge::of(state, request) {
        let message = "Continuous access evaluation asks for a token with further claims.";
        let code = "InvalidAuthenticationToken";
        let answer = error(request, 401, code, message, state.clock.now());
        return answer.headers("www-authenticate", challenge);
    }
    let result = match (request.method.as_str(), segments) {
        ("GET", ["security", "incidents"]) => incidents::list(state, request),
        ("GET", ["security", "incidents", id]) => incidents::get(state, request, id),
        ("PATCH", ["security", "incidents", id]) => incidents::update(state, request, id),
        ("POST", ["security", "incidents", id, "comments"]) => {
            incidents::comment(state, request, id)
        }
        ("GET", ["security", "alerts_v2"]) => alerts::list(state, request),
        ("GET", ["security", "alerts_v2", id]) => alerts::get(state, request, id),
        ("PATCH", ["security", "alerts_v2", id]) => alerts::update(state, request, id),
        ("POST", ["security", "alerts_v2", id, "comments"]) => alerts::comment(state, request, id),
        (
            "POST",
            [
                "security",
                "runHuntingQuery" | "microsoft.graph.security.runHuntingQuery",
            ],
        ) => hunting::run(state, request),
        (
            _,
            [
                "security",
                "incidents" | "alerts_v2" | "runHuntingQuery",
                ..,
            ],
        ) => {
            let message = format!("The method {} is not allowed here.", request.method);
            Err(Failure {
                status: 405,
                code: "MethodNotAllowed".into(),
                message,
            })
        }
        _ => {
            let message = format!(
                "Resource not found for the segment '{}'.",
                segments.last().unwrap_or(&"")
            );
            Err(Failure {
                status: 400,
                code: "BadRequest".into(),
                message,
            })
        }
    };
    match result {
        Ok(mut answer) => {
            answer.set_header("content-type", JSON);
            let id = guid();
            let asked = request
                .header("client-request-id")
                .map_or_else(|| id.clone(), str::to_owned);
            answer
                .header("request-id", id)
                .header("client-request-id", asked)
        }
        Err(failure) => error(
            request,
            failure.status,
            &failure.code,
            &failure.message,
            state.clock.now(),
        ),
    }
}

/// An error in Graph's shape; 401 with its challenge.
pub(crate) fn error(request: &Request, status: u16, code: &str, message: &str, now: i64) -> Answer {
    let id = guid();
    let asked = request
        .header("client-request-id")
        .map_or_else(|| id.clone(), str::to_owned);
    let date = &time::format(now)[..19];
    let body = json!({ "error": {
        "code": code,
        "message": message,
        "innerError": { "date": date, "request-id": id, "client-request-id": asked },
    } });
    let answer = Answer::json(status, &body)
        .header("request-id", id)
        .header("client-request-id", asked);
    match status {
        401 => answer.header(
            "www-authenticate",
            "Bearer realm=\"\", authorization_uri=\"https://login.microsoftonline.com/common/oauth2/authorize\", client_id=\"00000003-0000-0000-c000-000000000000\"",
        ),
        _ => answer,
    }
}

fn admit(state: &State, request: &Request, sufficient: &[&str]) -> Result<Caller, Failure> {
    Ok(access::admit(state, request, Resource::Graph, sufficient)?)
}

/// True if the caller asked to see enum members newer than the API's version.
fn shows_unknown_members(request: &Request) -> bool {
    request
        .header("prefer")
        .is_some_and(|prefer| prefer.contains("include-unknown-enum-members"))
}
