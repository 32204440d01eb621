//! How a fault that meets a request changes what happens to it.

use std::io::Write;
use std::time::{Duration, SystemTime};

use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::body::Bytes;
use serde_json::Value;

use crate::answer::{Answer, AnswerBody};
use crate::aws::sts;
use crate::faults::{Form, Kind, RetryAfter};
use crate::request::Request;
use crate::state::State;
use crate::{entra, graph, routes, xdr};

/// What the server does with a request in the end.
pub(crate) enum Outcome {
    Answer(Answer),
    AnswerAfter(Duration, Answer),
    Hang,
    Drop,
}

/// Answers the request as the fault wants it, doing what was asked only where the fault lets it come so far.
pub(crate) fn outcome(state: &mut State, request: &Request, fault: Option<Kind>) -> Outcome {
    let Some(fault) = fault else {
        return Outcome::Answer(routes::answer(state, request));
    };
    Outcome::Answer(match fault {
        Kind::Throttle {
            retry_after,
            form,
            message,
        } => throttled(state, request, retry_after, form, message),
        Kind::Unauthorized => error(
            state,
            request,
            401,
            None,
            "The access token is expired or not valid.",
        ),
        Kind::Status {
            status,
            headers,
            body,
            code,
        } => {
            let answer = match body {
                Some(body) => Answer::new(status, "application/json; charset=utf-8", body),
                None => error(state, request, status, code, "As asked of the simulator."),
            };
            headers
                .into_iter()
                .fold(answer, |answer, (name, value)| answer.header(&name, value))
        }
        Kind::StatusAfter { status } => {
            routes::answer(state, request);
            error(state, request, status, None, "As asked of the simulator.")
        }
        Kind::Delay { milliseconds } => {
            return Outcome::AnswerAfter(
                Duration::from_millis(milliseconds),
                routes::answer(state, request),
            );
        }
        Kind::Hang => return Outcome::Hang,
        Kind::DropBefore => return Outcome::Drop,
        Kind::DropAfter => {
            routes::answer(state, request);
            return Outcome::Drop;
        }
        Kind::CutBody { after_bytes } => {
            let mut answer = routes::answer(state, request);
            let whole = answer.collect();
            answer.set_header("content-length", whole.len().to_string());
            answer.body = AnswerBody::Cut(
                whole.slice(..after_bytes.min(whole.len().saturating_sub(1))),
                None,
            );
            answer
        }
        Kind::Stall { after_bytes } => {
            let mut answer = routes::answer(state, request);
            let mut first = answer.collect();
            let rest = first.split_off(after_bytes.min(first.len()));
            answer.body = AnswerBody::Stalled(first, rest, Box::pin(state.faults.cleared()));
            answer
        }
        Kind::Gzip => gzip(routes::answer(state, request)),
        Kind::Empty => Answer::new(200, "application/json; charset=utf-8", Bytes::new()),
        Kind::NotJson => Answer::new(
            200,
            "text/html",
            "<html><body><h1>Our services aren't available right now</h1></body></html>",
        ),
        Kind::WrongShape { body } => {
            Answer::json(200, &body.unwrap_or_else(|| Value::Array(Vec::new())))
        }
        Kind::Redirect { to } => Answer::empty(302).header("location", to),
        Kind::MissingNextLink => relink(routes::answer(state, request), |_| None),
        Kind::NextLinkTo { origin } => {
            let ours = state.origin.clone();
            relink(routes::answer(state, request), |link| {
                Some(link.replacen(&ours, &origin, 1))
            })
        }
        Kind::Entra { code } => entra::refuse(state, code),
        // Asked where the page is known.
        Kind::ExpandFails { .. } => routes::answer(state, request),
    })
}

fn error(
    state: &State,
    request: &Request,
    status: u16,
    code: Option<String>,
    message: &str,
) -> Answer {
    let now = state.clock.now();
    let usual = match status {
        400 => "BadRequest",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "ResourceNotFound",
        429 => "TooManyRequests",
        _ => "InternalServerError",
    };
    let code = code.as_deref();
    match Form::of(&request.path) {
        Form::Graph if status == 401 => graph::error(
            request,
            401,
            code.unwrap_or("InvalidAuthenticationToken"),
            message,
            now,
        ),
        Form::Graph => graph::error(request, status, code.unwrap_or(usual), message, now),
        Form::Defender => xdr::error(status, code.unwrap_or(usual), message),
        Form::Entra => Answer::new(status, "text/plain", message.to_owned()),
        Form::Aws => sts::Refusal::new(status, code.unwrap_or(usual), message).answer(),
    }
}

fn throttled(
    state: &State,
    request: &Request,
    retry_after: Option<RetryAfter>,
    form: Option<Form>,
    message: Option<String>,
) -> Answer {
    let message = message.as_deref();
    let answer = match form.unwrap_or_else(|| Form::of(&request.path)) {
        Form::Graph => graph::error(
            request,
            429,
            "TooManyRequests",
            message.unwrap_or("Too many requests."),
            state.clock.now(),
        ),
        Form::Defender => xdr::error(429, "429", message.unwrap_or(&routes::quota(request))),
        Form::Entra => Answer::new(
            429,
            "text/plain",
            message.unwrap_or("Too Many Requests").to_owned(),
        ),
        Form::Aws => {
            sts::Refusal::new(400, "Throttling", message.unwrap_or("Rate exceeded")).answer()
        }
    };
    match retry_after {
        None => answer,
        Some(RetryAfter::Seconds(seconds)) => answer.header("retry-after", seconds.to_string()),
        Some(RetryAfter::HttpDate {
            http_date_in_seconds,
        }) => answer.header("retry-after", http_date(http_date_in_seconds)),
    }
}

/// `Fri, 20 Nov 2026 16:00:00 GMT`, so many seconds from the machine's now.
fn http_date(in_seconds: i64) -> String {
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs() as i64);
    let at = jiff::Timestamp::from_second(now.saturating_add(in_seconds)).unwrap_or_default();
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

fn gzip(mut answer: Answer) -> Answer {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let packed = encoder
        .write_all(&answer.collect())
        .and_then(|()| encoder.finish());
    answer.body = AnswerBody::Whole(packed.expect("writing to memory does not fail").into());
    answer.header("content-encoding", "gzip")
}

/// Changes or removes the link to the next page, if there is one.
fn relink(mut answer: Answer, change: impl Fn(&str) -> Option<String>) -> Answer {
    if let Ok(Value::Object(mut body)) = serde_json::from_slice(&answer.collect())
        && let Some(Value::String(link)) = body.remove("@odata.nextLink")
    {
        if let Some(link) = change(&link) {
            body.insert("@odata.nextLink".into(), link.into());
        }
        answer.body = AnswerBody::Whole(Value::Object(body).to_string().into());
    }
    answer
}
