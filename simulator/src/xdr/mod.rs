//! The Defender XDR API, `/api/...`: incidents and advanced hunting.

pub(crate) mod entities;
mod hunting;
mod incidents;
pub(crate) mod words;

use serde_json::json;

use crate::access::{self, Caller, Denied};
use crate::answer::Answer;
use crate::entra::Resource;
use crate::request::Request;
use crate::state::{State, guid};

/// What an operation of a Defender API answers instead of its result.
pub(crate) struct Failure {
    pub status: u16,
    pub code: &'static str,
    pub message: String,
}

impl Failure {
    pub fn new(status: u16, code: &'static str, message: impl Into<String>) -> Failure {
        Failure {
            status,
            code,
            message: message.into(),
        }
    }

    pub fn no_such_resource() -> Failure {
        let message = "No HTTP resource was found that matches the request.";
        Failure::new(404, "NotFound", message)
    }

    pub fn answer(self) -> Answer {
        error(self.status, self.code, &self.message)
    }
}

impl From<Denied> for Failure {
    fn from(denied: Denied) -> Failure {
        match denied {
            Denied::Unauthorized(why) => Failure::new(401, "Unauthorized", why),
            Denied::MissingRoles(message) => Failure::new(403, "Forbidden", message),
        }
    }
}

/// Answers a call below `/api`.
pub(crate) fn answer(state: &mut State, request: &Request, segments: &[&str]) -> Answer {
    let result = match (request.method.as_str(), segments) {
        ("GET", ["incidents"]) => incidents::list(state, request),
        ("GET", ["incidents", id]) => incidents::get(state, request, id),
        ("PATCH", ["incidents", id]) => incidents::update(state, request, id),
        ("POST", ["advancedhunting", "run"]) => hunting::run(state, request),
        _ => Err(Failure::no_such_resource()),
    };
    result.unwrap_or_else(Failure::answer)
}

/// An error in the Defender APIs' shape; 401 with its challenge.
pub(crate) fn error(status: u16, code: &str, message: &str) -> Answer {
    let answer = Answer::json(
        status,
        &json!({ "error": { "code": code, "message": message, "target": guid() } }),
    );
    match status {
        401 => answer.header("www-authenticate", "Bearer error=\"invalid_token\""),
        _ => answer,
    }
}

fn admit(state: &State, request: &Request, sufficient: &[&str]) -> Result<Caller, Failure> {
    Ok(access::admit(state, request, Resource::Xdr, sufficient)?)
}
