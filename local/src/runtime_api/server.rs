//! The HTTP side of the Runtime API: what the process asks becomes a [`Call`], and the environment's answer its response.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::{Outcome, REPLY_LIMIT, Watched, lock};

/// The largest streamed reply, in bytes.
const STREAM_LIMIT: usize = 200 * 1024 * 1024;
const VERSION: &str = "/2018-06-01/runtime/";
const ERROR_TYPE: &str = "lambda-runtime-function-error-type";

pub(super) type Answer = Response<Full<Bytes>>;

/// One request of the process.
pub(super) struct Call {
    pub kind: Kind,
    pub reply: oneshot::Sender<Answer>,
}

pub(super) enum Kind {
    /// It asks for an event, and waits until there is one.
    Next,
    /// It reports what came of the event with this request id.
    Done { id: String, outcome: Outcome },
    /// It reports that it cannot start.
    InitError { error_type: String, message: String },
}

/// Serves one process until the task is dropped; its calls come out of the channel.
pub(super) async fn serve(
    listener: TcpListener,
    calls: mpsc::UnboundedSender<Call>,
    watched: Arc<Watched>,
) {
    // Connections end with this task: the set aborts them when it is dropped.
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let (calls, watched) = (calls.clone(), Arc::clone(&watched));
        let service =
            service_fn(move |request| answer(request, calls.clone(), Arc::clone(&watched)));
        let http = hyper::server::conn::http1::Builder::new();
        connections.spawn(http.serve_connection(TokioIo::new(stream), service));
        while connections.try_join_next().is_some() {}
    }
}

async fn answer(
    request: Request<Incoming>,
    calls: mpsc::UnboundedSender<Call>,
    watched: Arc<Watched>,
) -> Result<Answer, Infallible> {
    let path = request.uri().path().to_owned();
    let route: Vec<_> = path
        .strip_prefix(VERSION)
        .unwrap_or_default()
        .split('/')
        .collect();
    let kind = match (request.method(), route.as_slice()) {
        (&Method::GET, ["invocation", "next"]) => Some(Kind::Next),
        (&Method::POST, ["invocation", id, "response"]) => {
            let pieces = lock(&watched.streams).remove(*id);
            response(request, pieces).await.map(|outcome| Kind::Done {
                id: (*id).to_owned(),
                outcome,
            })
        }
        (&Method::POST, ["invocation", id, "error"]) => {
            error(request).await.map(|outcome| Kind::Done {
                id: (*id).to_owned(),
                outcome,
            })
        }
        (&Method::POST, ["init", "error"]) => error(request).await.and_then(|outcome| {
            outcome
                .error()
                .map(|(error_type, message)| Kind::InitError {
                    error_type,
                    message,
                })
        }),
        _ => {
            return Ok(refused(
                StatusCode::NOT_FOUND,
                "InvalidResource",
                &format!("there is no {path}"),
            ));
        }
    };
    let Some(kind) = kind else {
        return Ok(refused(
            StatusCode::BAD_REQUEST,
            "RequestBodyError",
            "the body broke off",
        ));
    };
    let (reply, answer) = oneshot::channel();
    let _ = calls.send(Call { kind, reply });
    Ok(answer.await.unwrap_or_else(|_| {
        refused(
            StatusCode::GONE,
            "EnvironmentGone",
            "this process is being replaced",
        )
    }))
}

/// The reply to an event; `None` if its body broke off.
async fn response(
    request: Request<Incoming>,
    pieces: Option<mpsc::Sender<Bytes>>,
) -> Option<Outcome> {
    let mode = request
        .headers()
        .get("lambda-runtime-function-response-mode");
    let streams = mode.is_some_and(|mode| mode == "streaming");
    let limit = if streams { STREAM_LIMIT } else { REPLY_LIMIT };
    let pieces = pieces.filter(|_| streams);
    let mut body = request.into_body();
    let mut read = Vec::with_capacity(body.size_hint().lower().min(limit as u64) as usize);
    let mut too_large = false;
    while let Some(frame) = body.frame().await {
        let frame = match frame.ok()?.into_data() {
            Ok(data) if let Some(pieces) = &pieces => {
                // Whoever does not want the rest is no reason to stop.
                let _ = pieces.send(data).await;
                continue;
            }
            Ok(data) => {
                // The rest of a long body is read and let go, so that the process gets to see the refusal.
                too_large = too_large || read.len() + data.len() > limit;
                if !too_large {
                    read.extend_from_slice(&data);
                }
                continue;
            }
            Err(frame) => frame,
        };
        // A streamed reply may end as an error, told in its trailers.
        if let Ok(trailers) = frame.into_trailers()
            && let Some(error_type) = trailers.get(ERROR_TYPE)
        {
            let body = trailers
                .get("lambda-runtime-function-error-body")
                .map(|body| body.as_bytes().to_vec());
            return Some(Outcome::reported(
                error_type.to_str().ok(),
                body.unwrap_or_default().into(),
            ));
        }
    }
    Some(if too_large {
        Outcome::TooLarge
    } else {
        Outcome::Answer(read.into())
    })
}

/// The error that the request reports; `None` if its body broke off.
async fn error(request: Request<Incoming>) -> Option<Outcome> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.ok()?.to_bytes();
    let error_type = head
        .headers
        .get(ERROR_TYPE)
        .and_then(|value| value.to_str().ok());
    Some(Outcome::reported(error_type, body))
}

pub(super) fn accepted() -> Answer {
    json_response(StatusCode::ACCEPTED, &json!({"status": "OK"}))
}

pub(super) fn refused(status: StatusCode, error_type: &str, message: &str) -> Answer {
    json_response(
        status,
        &json!({"errorType": error_type, "errorMessage": message}),
    )
}

fn json_response(status: StatusCode, body: &serde_json::Value) -> Answer {
    let mut response = Response::new(Full::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(
        "content-type",
        hyper::header::HeaderValue::from_static("application/json"),
    );
    response
}
