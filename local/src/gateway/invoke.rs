//! A request on its way through a function: event in, reply out, and a note for the console of how it went.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::{Request, StatusCode};
use serde_json::Value;

use super::body::ReplyBody;
use super::reply::{self, Reply};
use super::route::Route;
use super::{Served, event};
use crate::console::{Ended, Invocation};
use crate::runtime_api::{self, Report};

/// The largest request body that an HTTP API takes, in bytes.
const BODY_LIMIT: usize = 10 * 1024 * 1024;

/// The reply, and, when the function failed, why: that is for the terminal, not for the caller.
pub(super) async fn invoke(
    request: Request<Incoming>,
    caller: SocketAddr,
    route: Route,
    parameters: Vec<(&str, String)>,
    served: &Arc<Served>,
) -> (Reply, Option<String>) {
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, BODY_LIMIT).collect().await else {
        return (
            reply::message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large"),
            None,
        );
    };
    let mut event = event::http_api(&head, &body.to_bytes(), caller, &route, &parameters);
    let functions = &served.functions;
    let function = match functions.get(route.operation) {
        Ok(function) => function,
        Err(error) => {
            return (
                reply::message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
                Some(error.to_string()),
            );
        }
    };
    let invocation = Invocation::begin(route.operation, route.method, head.uri.path());
    if !functions.stream() {
        let payload = Bytes::from(event.to_string());
        let call = runtime_api::Invocation {
            payload,
            ..Default::default()
        };
        return whole(invocation, function.report(call).await, served);
    }
    // An HTTP API cannot stream: this is a function URL then.
    event["requestContext"]["domainName"] = "local.lambda-url.us-east-1.on.aws".into();
    let mut streaming = function.stream(event.to_string());
    let Some((prelude, first)) = streaming.prelude().await else {
        return whole(invocation, streaming.report().await, served);
    };
    let (pieces, report) = streaming.into_parts();
    let body = ReplyBody::Streamed(first, pieces);
    let (reply, why) = reply::from_prelude(prelude, body);
    let (status, served) = (reply.status().as_u16(), Arc::clone(served));
    tokio::spawn(async move {
        if let Ok(report) = report.await {
            let code = report.outcome.error().map(|(error_type, _)| error_type);
            served.record(invocation.end(status, code, &report.log));
        }
    });
    (reply, why)
}

/// The reply of a function that does not stream it.
fn whole(invocation: Invocation, report: Report, served: &Served) -> (Reply, Option<String>) {
    let failed = report.outcome.error().map(|(error_type, _)| error_type);
    let (reply, why) = reply::from_outcome(report.outcome);
    let code = failed.or_else(|| code(&reply));
    served.record(invocation.end(reply.status().as_u16(), code, &report.log));
    (reply, why)
}

/// The code of the problem that the reply is, if it is one.
fn code(reply: &Reply) -> Option<String> {
    let ReplyBody::Whole(body) = reply.body() else {
        return None;
    };
    let is_problem = reply.status().as_u16() >= 400;
    let problem: Value = serde_json::from_slice(body).ok().filter(|_| is_problem)?;
    Some(problem["code"].as_str()?.to_owned())
}

impl Served {
    fn record(&self, ended: Ended) {
        if let Some(console) = &self.console {
            console.record(ended);
        }
    }
}
