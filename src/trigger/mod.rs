//! Any event that Lambda delivers, turned into inputs; any outcome, turned into the reply that its sender understands.

mod bus;
mod http;
mod queue;

use aws_lambda_events::{
    alb::AlbTargetGroupResponse,
    apigw::{ApiGatewayProxyResponse, ApiGatewayV2httpResponse},
    sqs::SqsBatchResponse,
};
use lambda_runtime::{Context, LambdaEvent};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use crate::{
    call::Invocation,
    client::Room,
    error::{Code, Error, Result},
    function::{Function, Trigger},
    input::Input,
    time::{Deadline, Timestamp},
};

/// The largest reply that Lambda takes from a function,
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>.
const REPLY: Room = Room {
    bytes: 6_291_556,
    escaped: false,
};

/// What the sender of the event gets back.
#[derive(Serialize)]
#[serde(untagged)]
pub enum Reply {
    Answer(Box<RawValue>),
    HttpApi(ApiGatewayV2httpResponse),
    RestApi(ApiGatewayProxyResponse),
    LoadBalancer(AlbTargetGroupResponse),
    Queue(SqsBatchResponse),
}

/// The one or two fields by which an event shows where it comes from.
#[derive(Deserialize)]
struct Signs<'a> {
    #[serde(borrow, rename = "requestContext")]
    request: Option<RequestSigns<'a>>,
    #[serde(borrow, rename = "Records")]
    records: Option<&'a RawValue>,
    #[serde(borrow, rename = "detail-type")]
    detail_type: Option<&'a RawValue>,
    #[serde(borrow)]
    source: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct RequestSigns<'a> {
    /// API Gateway's payload 2.0, which function URLs use too.
    #[serde(borrow)]
    http: Option<&'a RawValue>,
    #[serde(borrow)]
    elb: Option<&'a RawValue>,
}

/// Handles one event.
///
/// HTTP triggers and queues are always answered in their own form; everybody else gets the error itself.
pub async fn handle(function: &Function, event: LambdaEvent<Box<RawValue>>) -> Result<Reply> {
    let LambdaEvent { payload, context } = event;
    let json = payload.get();
    // An input that happens to be no object has no signs.
    let signs: Option<Signs<'_>> = serde_json::from_str(json).ok();
    match signs {
        Some(Signs {
            records: Some(_), ..
        }) => queue::handle(function, read(json, "an SQS event")?, &context).await,
        Some(Signs {
            request: Some(request),
            ..
        }) => match request {
            RequestSigns { http: Some(_), .. } => {
                Ok(
                    http::handle_http_api(function, read(json, "an HTTP API event")?, &context)
                        .await,
                )
            }
            RequestSigns { elb: Some(_), .. } => Ok(http::handle_load_balancer(
                function,
                read(json, "a load balancer's event")?,
                &context,
            )
            .await),
            RequestSigns { .. } => {
                Ok(
                    http::handle_rest_api(function, read(json, "a REST API event")?, &context)
                        .await,
                )
            }
        },
        Some(Signs {
            detail_type: Some(_),
            source: Some(_),
            ..
        }) => bus::handle(function, read(json, "an EventBridge event")?, &context).await,
        _ => {
            let invocation = invocation(&context, REPLY);
            let answer = function
                .run(
                    Input::from_json(json),
                    invocation,
                    trigger("direct", &context),
                )
                .await?;
            Ok(Reply::Answer(answer.into_raw()))
        }
    }
}

fn read<T: DeserializeOwned>(json: &str, shape: &str) -> Result<T> {
    serde_json::from_str(json).map_err(|error| {
        Error::new(
            Code::InvalidInput,
            format!("The payload looks like {shape}, but is none: {error}"),
        )
    })
}

fn invocation(context: &Context, room: Room) -> Invocation<'_> {
    Invocation {
        request_id: &context.request_id,
        deadline: Deadline::of_lambda(context.deadline()),
        room,
        now: Timestamp::now(),
    }
}

fn trigger<'a>(kind: &'static str, context: &'a Context) -> Trigger<'a> {
    Trigger {
        kind,
        record: None,
        trace_id: context.xray_trace_id.as_deref(),
    }
}
