//! Takes calls of tools from the Lambda Runtime API, one after the other.
//!
//! The runtime that serves every other function ends its process over a client context whose `custom` holds anything but texts, and a
//! gateway sends an object there where it passes headers on.

use std::{
    env::{VarError, var},
    time::{Duration, SystemTime},
};

use http::HeaderMap;
use reqwest::{Client, Response};
use tokio::task::JoinSet;

use super::{Caller, Failed, ROOM, Tools};
use crate::{
    call::Invocation,
    client,
    error::Error,
    time::{Deadline, Timestamp},
    trigger::root,
};

/// Why calls are no longer taken.
type Ended = Box<dyn std::error::Error + Send + Sync>;

/// Serves until the process ends: as many calls at once as `AWS_LAMBDA_MAX_CONCURRENCY` says, as it does on Lambda Managed Instances.
pub async fn serve(tools: &'static Tools) -> Result<(), Ended> {
    let api = format!(
        "http://{}/2018-06-01/runtime/invocation",
        var("AWS_LAMBDA_RUNTIME_API")?
    );
    let at_once = var("AWS_LAMBDA_MAX_CONCURRENCY").or_else(|error| match error {
        VarError::NotPresent => Ok("1".to_owned()),
        error => Err(error),
    })?;
    let mut takers = JoinSet::new();
    for _ in 0..at_once.parse::<u32>()?.max(1) {
        takers.spawn(take(tools, client::plain(), api.clone()));
    }
    // One that ends leaves the calls of the others alone.
    let mut last = Ok(());
    while let Some(ended) = takers.join_next().await {
        last = ended.map_err(Ended::from).and_then(|ended| ended);
        if let Err(error) = &last {
            tracing::error!("calls are taken by one fewer: {error}");
        }
    }
    last
}

async fn take(tools: &'static Tools, client: Client, api: String) -> Result<(), Ended> {
    loop {
        // It waits until there is a call.
        let event = client.get(format!("{api}/next")).send().await?;
        let event = event.error_for_status()?;
        let id = text(event.headers(), "lambda-runtime-aws-request-id");
        let id = id.ok_or("Lambda sent an event without an id")?.to_owned();
        let outcome = answer(tools, &id, event).await?;
        let reply = match outcome {
            Ok(json) => client.post(format!("{api}/{id}/response")).body(json),
            Err(error) => {
                let name = error.code().name();
                let body =
                    serde_json::json!({ "errorType": name, "errorMessage": error.to_json() });
                client
                    .post(format!("{api}/{id}/error"))
                    .header("lambda-runtime-function-error-type", name)
                    .body(body.to_string())
            }
        };
        // One that came too late, or did not come through, is no reason for the next one not to.
        match reply.send().await {
            Ok(reply) if reply.status().is_success() => {}
            Ok(reply) => {
                tracing::error!(status = reply.status().as_u16(), "Lambda refused a reply");
            }
            Err(error) => tracing::error!("a reply did not reach Lambda: {error}"),
        }
    }
}

/// What a call comes to. A gateway is given what an agent can read; whoever else calls, the error itself.
async fn answer(
    tools: &Tools,
    id: &str,
    event: Response,
) -> Result<Result<String, Error>, reqwest::Error> {
    let headers = event.headers().clone();
    let payload = event.bytes().await?;
    let ends = text(&headers, "lambda-runtime-deadline-ms").and_then(|ms| ms.parse().ok());
    let ends = SystemTime::UNIX_EPOCH + Duration::from_millis(ends.unwrap_or_default());
    let invocation = Invocation {
        request_id: id,
        trace_id: text(&headers, "lambda-runtime-trace-id").map(root),
        deadline: Deadline::of_lambda(ends),
        room: ROOM,
        isolated: text(&headers, "lambda-runtime-aws-tenant-id"),
        now: Timestamp::now(),
    };
    let context = headers.get("lambda-runtime-client-context");
    let caller = match Caller::read(context.map(|value| value.as_bytes())) {
        Ok(caller) => caller,
        Err(error) => {
            let refused = tools.refuse(error, invocation).await;
            return Ok(refused.map(|answer| answer.json().to_owned()));
        }
    };
    let payload = String::from_utf8_lossy(&payload);
    let outcome = tools.call(&caller, &payload, invocation).await;
    Ok(Ok(match outcome {
        Ok(answer) => answer.json().to_owned(),
        Err(error) => {
            serde_json::to_string(&Failed::by(&error)).expect("it is texts and a boolean")
        }
    }))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
