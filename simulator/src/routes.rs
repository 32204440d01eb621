//! Which API a path belongs to.

use serde_json::json;

use crate::answer::Answer;
use crate::aws::sts;
use crate::request::Request;
use crate::state::State;
use crate::{endpoint, entra, graph, storage, xdr};

pub(crate) fn answer(state: &mut State, request: &Request) -> Answer {
    let segments = request.segments();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    match segments.as_slice() {
        ["v1.0", rest @ ..] => graph::answer(state, request, rest),
        ["api", rest @ ..] => {
            let rest = rest.strip_prefix(&["v1.0"]).unwrap_or(rest);
            match is_xdr(rest) {
                true => xdr::answer(state, request, rest),
                false => endpoint::answer(state, request, rest),
            }
        }
        [""] if request.method == "POST" => sts::answer(state, request),
        ["_storage", rest @ ..] => storage::answer(state, request, rest),
        all => entra::answer(state, request, all).unwrap_or_else(|| {
            Answer::json(404, &json!({ "error": { "code": "NotFound", "message": "The simulator has nothing here." } }))
        }),
    }
}

/// The two Defender APIs share a prefix; the rest of a path tells them apart.
fn is_xdr(rest: &[&str]) -> bool {
    matches!(rest.first(), Some(&"incidents" | &"advancedhunting"))
}

/// The message of a 429 of the Defender API that a path belongs to.
pub(crate) fn quota(request: &Request) -> String {
    let segments = request.segments();
    let segments: Vec<&str> = segments.iter().map(String::as_str).skip(1).collect();
    match is_xdr(&segments) {
        true => "API calls quota exceeded! maximum allowed 45 per 00:01:00".into(),
        false => endpoint::quota::message(&request.path),
    }
}
