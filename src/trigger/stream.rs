//! HTTP triggers that stream: function URLs with `InvokeMode: RESPONSE_STREAM`, REST APIs with `ResponseTransferMode: STREAM`.
//!
//! Nothing in an event says that its sender reads a stream, so `RESPONSE_STREAMING` does. Status and headers go ahead of the body:
//! they wait for its first byte, and what goes wrong before that has a status of its own. What goes wrong later leaves JSON without
//! its end, which no reader takes for whole, and an error in the log. The runtime would write an error of the stream into the body.

use lambda_runtime::{
    Context, MetadataPrelude, StreamResponse,
    streaming::{Body, channel},
};
use tokio::sync::oneshot;

use super::{http, invocation, trigger};
use crate::{
    error::Result,
    function::{Function, Trigger},
    input::Input,
    results::{LARGEST, Stream},
};

/// Runs the operation and answers as soon as the first of its answer is there.
pub async fn handle(
    function: &'static Function,
    input: Result<Input>,
    kind: &'static str,
    principal: Option<String>,
    context: Context,
) -> StreamResponse<Body> {
    let (begun, begins) = oneshot::channel();
    let (body, stream) = channel();
    let running = tokio::spawn(async move {
        let outcome = function
            .run_streaming(
                input,
                invocation(&context, LARGEST),
                Trigger {
                    principal: principal.as_deref(),
                    ..trigger(kind)
                },
                Some(Stream::new(begun, body)),
            )
            .await;
        http::written(function, outcome, &context.request_id)
    });
    if begins.await.is_ok() {
        return response(::http::StatusCode::OK, http::json_headers(), stream);
    }
    // Nothing was streamed: that is the outcome, whole.
    match running.await {
        Ok((status, headers, text)) => response(status, headers, text.into()),
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

fn response(
    status_code: ::http::StatusCode,
    headers: ::http::HeaderMap,
    stream: Body,
) -> StreamResponse<Body> {
    let metadata_prelude = MetadataPrelude {
        status_code,
        headers,
        cookies: Vec::new(),
    };
    StreamResponse {
        metadata_prelude,
        stream,
    }
}
