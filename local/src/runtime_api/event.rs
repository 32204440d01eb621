//! An event on its way to the process: the payload, and in headers what surrounds it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;
use hyper::header::HeaderValue;
use uuid::Uuid;

use super::server::Answer;
use super::{Builder, Invocation};

/// The answer to `/next`. The deadline is `timeout` from now.
pub(super) fn event_response(
    invocation: &Invocation,
    id: &str,
    timeout: Duration,
    function: &Builder,
) -> Answer {
    let deadline = SystemTime::now() + timeout;
    let deadline = deadline
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_millis()
        .to_string();
    let region = function
        .variables
        .get("AWS_REGION")
        .map_or("us-east-1", String::as_str);
    let arn = format!(
        "arn:aws:lambda:{region}:111122223333:function:{}",
        function.handler
    );
    let trace = invocation.trace_id.clone().unwrap_or_else(|| {
        let (root, parent) = (
            Uuid::new_v4().simple().to_string(),
            Uuid::new_v4().simple().to_string(),
        );
        format!(
            "Root=1-{}-{};Parent={};Sampled=0",
            &root[..8],
            &root[8..],
            &parent[..16]
        )
    });
    let headers = [
        ("content-type", Some("application/json")),
        ("lambda-runtime-aws-request-id", Some(id)),
        ("lambda-runtime-deadline-ms", Some(&deadline)),
        ("lambda-runtime-trace-id", Some(&trace)),
        ("lambda-runtime-invoked-function-arn", Some(&arn)),
        (
            "lambda-runtime-client-context",
            invocation.client_context.as_deref(),
        ),
        (
            "lambda-runtime-cognito-identity",
            invocation.cognito_identity.as_deref(),
        ),
        (
            "lambda-runtime-aws-tenant-id",
            invocation.tenant_id.as_deref(),
        ),
    ];
    let mut response = Response::new(Full::<Bytes>::from(invocation.payload.clone()));
    for (name, value) in headers {
        // A value that no header can carry is left out.
        if let Some(Ok(value)) = value.map(HeaderValue::from_str) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
