//! A function's outcome as the HTTP answer that an HTTP API makes of it.

use std::fmt::Write;

use base64::prelude::{BASE64_STANDARD, Engine};
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue, SET_COOKIE};
use hyper::{Request, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::body::ReplyBody;
use crate::operations::OPERATIONS;
use crate::runtime_api::Outcome;

pub(crate) type Reply = Response<ReplyBody>;

/// A reply in payload format 2.0 that speaks of HTTP. Any other JSON is itself the body.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Proxy {
    status_code: u16,
    #[serde(default)]
    headers: serde_json::Map<String, Value>,
    #[serde(default)]
    cookies: Vec<String>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

/// The answer for an outcome and, when the function failed, why.
pub(super) fn from_outcome(outcome: Outcome) -> (Reply, Option<String>) {
    if let Outcome::Answer(body) = &outcome {
        return match from_answer(body) {
            Some(reply) => (reply, None),
            None => {
                let why = format!(
                    "not a reply for an HTTP API: {}",
                    String::from_utf8_lossy(&body[..body.len().min(500)])
                );
                (
                    message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
                    Some(why),
                )
            }
        };
    }
    let reply = match outcome {
        Outcome::TimedOut => message(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"),
        _ => message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
    };
    let mut why = outcome
        .error()
        .map(|(error_type, message)| format!("{error_type}: {message}"));
    if let (Outcome::Exited { logs, .. }, Some(why)) = (&outcome, &mut why) {
        let _ = write!(why, "\n{logs}");
    }
    (reply, why)
}

/// The answer of a function that streams, by its prelude: status and headers.
pub(super) fn from_prelude(prelude: Value, body: ReplyBody) -> (Reply, Option<String>) {
    let reply = serde_json::from_value(prelude)
        .ok()
        .and_then(|proxy: Proxy| response(proxy.status_code, proxy.headers, proxy.cookies, body));
    match reply {
        Some(reply) => (reply, None),
        None => (
            message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
            Some("not a prelude of a streamed reply".to_owned()),
        ),
    }
}

fn from_answer(body: &Bytes) -> Option<Reply> {
    let value: Value = serde_json::from_slice(body).ok()?;
    if value.get("statusCode").is_none() {
        return Some(json_reply(StatusCode::OK, body.clone()));
    }
    let proxy: Proxy = serde_json::from_value(value).ok()?;
    let body = proxy.body.unwrap_or_default();
    let body = if proxy.is_base64_encoded {
        BASE64_STANDARD.decode(body).ok()?
    } else {
        body.into_bytes()
    };
    let body = Bytes::from(body).into();
    response(proxy.status_code, proxy.headers, proxy.cookies, body)
}

fn response(
    status: u16,
    fields: serde_json::Map<String, Value>,
    cookies: Vec<String>,
    body: ReplyBody,
) -> Option<Reply> {
    let mut reply = Response::builder().status(status).body(body).ok()?;
    let headers = reply.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain;charset=UTF-8"),
    );
    for (name, value) in fields {
        let value = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        headers.insert(name.parse::<HeaderName>().ok()?, value.parse().ok()?);
    }
    for cookie in cookies {
        headers.append(SET_COOKIE, cookie.parse().ok()?);
    }
    Some(reply)
}

/// An answer of the gateway itself: `{"message":"Not Found"}`.
pub(super) fn message(status: StatusCode, text: &str) -> Reply {
    json_reply(status, json!({"message": text}).to_string().into())
}

/// Something that the gateway does not do itself, as a problem that says why and what to do.
pub(crate) fn problem(status: StatusCode, detail: &str) -> Reply {
    let problem = json!({
        "type": "about:blank",
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "detail": detail,
    });
    let mut reply = json_reply(status, problem.to_string().into());
    let content_type = HeaderValue::from_static("application/problem+json");
    reply.headers_mut().insert(CONTENT_TYPE, content_type);
    reply
}

/// The routes that there are, as lines of text, or as JSON for whoever asks for it.
pub(super) fn listing(request: &Request<Incoming>) -> Reply {
    let accept = request
        .headers()
        .get(ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .unwrap_or_default();
    if accept.contains("application/json") {
        return json_reply(
            StatusCode::OK,
            crate::operations::as_json().to_string().into(),
        );
    }
    let mut text = String::new();
    for entry in OPERATIONS {
        let _ = writeln!(
            text,
            "{:6} {:27} {}",
            entry.method, entry.path, entry.summary
        );
    }
    let mut reply = Response::new(ReplyBody::from(Bytes::from(text)));
    reply.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    reply
}

fn json_reply(status: StatusCode, body: Bytes) -> Reply {
    let mut reply = Response::new(ReplyBody::from(body));
    *reply.status_mut() = status;
    reply
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply
}
