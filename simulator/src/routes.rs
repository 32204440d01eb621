//! Which API a path belongs to.

use serde_json::json;

use crate::answer::Answer;
use crate::request::Request;
use crate::state::State;
use crate::{entra, graph, xdr};

pub(crate) fn answer(state: &mut State, request: &Request) -> Answer {
    let segments = request.segments();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    match segments.as_slice() {
        ["v1.0", rest @ ..] => graph::answer(state, request, rest),
        ["api", rest @ ..] => xdr::answer(state, request, rest),
        all => entra::answer(state, request, all).unwrap_or_else(|| {
            Answer::json(404, &json!({ "error": { "code": "NotFound", "message": "The simulator has nothing here." } }))
        }),
    }
}
