//! Any event that Lambda delivers, turned into inputs; any outcome, turned into the reply that its sender understands.

mod bus;
mod http;
mod path;
mod queue;
mod stream;

use aws_lambda_events::{
    alb::{AlbTargetGroupRequest, AlbTargetGroupResponse},
    apigw::{
        ApiGatewayProxyRequest, ApiGatewayProxyResponse, ApiGatewayV2httpRequest,
        ApiGatewayV2httpResponse,
    },
    eventbridge::EventBridgeEvent,
    sqs::{SqsBatchResponse, SqsEvent},
};
use lambda_runtime::{Context, FunctionResponse, LambdaEvent, streaming};
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
const REPLY: Room = Room::of(6_291_556);

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

/// An event, told apart.
enum Event {
    Queue(SqsEvent),
    HttpApi(Box<ApiGatewayV2httpRequest>),
    RestApi(Box<ApiGatewayProxyRequest>),
    LoadBalancer(Box<AlbTargetGroupRequest>),
    Bus(EventBridgeEvent<Box<RawValue>>),
    Direct(Input),
}

impl Event {
    fn read(json: &str) -> Result<Self> {
        // An input that is no object has no signs.
        let Ok(signs) = serde_json::from_str::<Signs<'_>>(json) else {
            return Input::from_json(json).map(Self::Direct);
        };
        match signs {
            Signs {
                records: Some(_), ..
            } => read(json, "an SQS event").map(Self::Queue),
            Signs {
                request: Some(RequestSigns { http: Some(_), .. }),
                ..
            } => read(json, "an HTTP API event").map(Self::HttpApi),
            Signs {
                request: Some(RequestSigns { elb: Some(_), .. }),
                ..
            } => read(json, "a load balancer's event").map(Self::LoadBalancer),
            Signs {
                request: Some(_), ..
            } => read(json, "a REST API event").map(Self::RestApi),
            Signs {
                detail_type: Some(_),
                source: Some(_),
                ..
            } => read(json, "an EventBridge event").map(Self::Bus),
            _ => Input::from_json(json).map(Self::Direct),
        }
    }
}

/// Handles one event.
///
/// HTTP triggers and queues are always answered in their own form; everybody else gets the error itself.
pub async fn handle(
    function: &'static Function,
    event: LambdaEvent<Box<RawValue>>,
) -> Result<FunctionResponse<Reply, streaming::Body>> {
    let LambdaEvent { payload, context } = event;
    let event = Event::read(payload.get());
    // It may wait for long.
    drop(payload);
    let streamed = match &event {
        _ if !function.streams() => None,
        Ok(Event::HttpApi(event)) => http::function_url_input(function, event)
            .map(|input| ("http", input, http::http_api_principal(event))),
        Ok(Event::RestApi(event)) => {
            let input = http::rest_api_input(function, event);
            Some(("rest", input, http::rest_api_principal(event)))
        }
        _ => None,
    };
    if let Some((kind, input, principal)) = streamed {
        let principal = principal.map(str::to_owned);
        drop(event);
        let response = stream::handle(function, input, kind, principal, context).await;
        return Ok(FunctionResponse::StreamingResponse(response));
    }
    let reply = buffered(function, event, &context).await?;
    Ok(FunctionResponse::BufferedResponse(reply))
}

async fn buffered(function: &Function, event: Result<Event>, context: &Context) -> Result<Reply> {
    let input = match event {
        Ok(Event::Queue(event)) => return queue::handle(function, event, context).await,
        Ok(Event::HttpApi(event)) => {
            return Ok(http::handle_http_api(function, *event, context).await);
        }
        Ok(Event::RestApi(event)) => {
            return Ok(http::handle_rest_api(function, *event, context).await);
        }
        Ok(Event::LoadBalancer(event)) => {
            return Ok(http::handle_load_balancer(function, *event, context).await);
        }
        Ok(Event::Bus(event)) => return bus::handle(function, event, context).await,
        Ok(Event::Direct(input)) => Ok(input),
        Err(error) => Err(error),
    };
    let invocation = invocation(context, REPLY);
    let answer = function.run(input, invocation, trigger("direct")).await?;
    Ok(Reply::Answer(answer.into_raw()))
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
        trace_id: context.xray_trace_id.as_deref().map(root),
        deadline: Deadline::of_lambda(context.deadline()),
        room,
        isolated: context.tenant_id.as_deref(),
        now: Timestamp::now(),
    }
}

/// The id of the whole trace in what Lambda says of it, `Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1`.
pub fn root(trace: &str) -> &str {
    let mut parts = trace.split(';');
    let root = parts.find_map(|part| part.trim().strip_prefix("Root="));
    root.unwrap_or(trace)
}

fn trigger(kind: &'static str) -> Trigger<'static> {
    Trigger {
        kind,
        record: None,
        caller: None,
        principal: None,
    }
}
