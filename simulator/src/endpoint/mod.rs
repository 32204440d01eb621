//! The Defender for Endpoint API, what of `/api/...` is not the Defender XDR API's.

mod actions;
mod alert_changes;
mod alerts;
mod body;
mod entities;
mod exposure;
mod files;
mod indicators;
mod investigations;
mod library;
mod list;
mod machines;
pub(crate) mod quota;
mod related;
mod response;
mod users;

use serde_json::Value;

use crate::access::{self, Caller};
use crate::answer::Answer;
use crate::entra::Resource;
use crate::request::Request;
use crate::state::State;
use crate::xdr::Failure;

/// Answers a call below `/api`. The words of a path are taken in any case, its ids as they are.
pub(crate) fn answer(state: &mut State, request: &Request, segments: &[&str]) -> Answer {
    let words: Vec<String> = segments
        .iter()
        .map(|word| word.to_ascii_lowercase())
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let get = request.method == "GET";
    let result = match words.as_slice() {
        ["machines", ..] if get => machines::read(state, request, segments, &words),
        ["machines", ..] => response::change(state, request, segments, &words),
        ["machineactions", ..] => actions::answer(state, request, segments, &words),
        ["alerts", ..] => alerts::answer(state, request, segments, &words),
        ["files" | "ips" | "domains" | "users", ..] if get => {
            entities::answer(state, request, segments, &words)
        }
        ["vulnerabilities" | "software" | "recommendations", ..] if get => {
            exposure::answer(state, request, segments, &words)
        }
        ["exposurescore" | "configurationscore", ..] if get => {
            exposure::score(state, request, &words)
        }
        ["indicators", ..] => indicators::answer(state, request, segments, &words),
        ["investigations", ..] => investigations::answer(state, request, segments),
        ["libraryfiles", ..] => library::answer(state, request, segments),
        _ => Err(Failure::no_such_resource()),
    };
    result.unwrap_or_else(Failure::answer)
}

fn admit(state: &State, request: &Request, sufficient: &[&str]) -> Result<Caller, Failure> {
    let caller = access::admit(state, request, Resource::Endpoint, sufficient)?;
    Ok(caller)
}

fn not_found(what: &str, id: &str) -> Failure {
    Failure::new(
        404,
        "ResourceNotFound",
        format!("{what} {id} was not found"),
    )
}

fn invalid(message: impl Into<String>) -> Failure {
    Failure::new(400, "InvalidInput", message)
}

/// The arguments of a call in a path's segment: `findbyip(ip='10.0.0.1',timestamp=...)`.
fn arguments<'s>(segment: &'s str, function: &str) -> Option<Vec<(&'s str, &'s str)>> {
    let (name, rest) = segment.split_once('(')?;
    let list = rest.strip_suffix(')')?;
    let pairs = list.split(',').filter_map(|pair| pair.split_once('='));
    let pairs = pairs.map(|(key, value)| (key.trim(), value.trim().trim_matches('\'')));
    name.eq_ignore_ascii_case(function).then(|| pairs.collect())
}

fn argument<'s>(arguments: &[(&'s str, &'s str)], name: &str) -> Option<&'s str> {
    let found = arguments
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.map(|(_, value)| *value)
}

/// Labels of letters, digits and hyphens, two at least.
fn is_domain(text: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label
                .chars()
                .all(|c| c.is_alphanumeric() || c == '-' || c == '_')
    };
    text.contains('.') && text.split('.').all(label)
}

/// A field of a record that is kept as JSON.
fn text<'r>(record: &'r Value, field: &str) -> Option<&'r str> {
    record[field].as_str()
}
