//! HTTP: API Gateway (HTTP and REST), function URLs and load balancers. Path, query and body together are the input.

use std::{collections::HashMap, time::Duration};

use aws_lambda_events::{
    alb::{AlbTargetGroupRequest, AlbTargetGroupResponse},
    apigw::{
        ApiGatewayProxyRequest, ApiGatewayProxyResponse, ApiGatewayV2httpRequest,
        ApiGatewayV2httpResponse,
    },
    encodings::Body,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use http::{
    HeaderMap, HeaderValue, Method, StatusCode,
    header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, RETRY_AFTER,
        X_CONTENT_TYPE_OPTIONS,
    },
};
use lambda_runtime::Context;

use super::{
    REPLY, Reply, invocation,
    path::{decode, decode_query, path_parameters},
    trigger,
};
use crate::{
    call::Invocation,
    client::Room,
    error::{Code, Error, Result, whole_seconds},
    function::{Function, Trigger},
    input::Input,
    operation::{Answer, Page},
};

/// What the status, the headers and the rest of the envelope may take.
const ENVELOPE: usize = 2048;

/// The body travels inside the JSON of the reply.
const ROOM: Room = Room {
    bytes: REPLY.bytes - ENVELOPE,
    escaped: true,
};

/// A load balancer takes 1 MB, <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html>.
const LOAD_BALANCER_ROOM: Room = Room {
    bytes: 1_000_000 - ENVELOPE,
    escaped: true,
};

/// API Gateway gives up on a function after 29 to 30 s, however long the function may run.
const GATEWAY_PATIENCE: Duration = Duration::from_secs(29);

pub async fn handle_http_api(
    function: &Function,
    event: ApiGatewayV2httpRequest,
    context: &Context,
) -> Reply {
    let mut invocation = invocation(context, ROOM);
    if !is_function_url(&event) {
        invocation.deadline = invocation.deadline.within(GATEWAY_PATIENCE);
    }
    let input = http_api_input(function, &event);
    let trigger = Trigger {
        principal: http_api_principal(&event),
        ..trigger("http")
    };
    let (status, headers, body) = answer(function, input, invocation, trigger).await;
    let mut response = ApiGatewayV2httpResponse::default();
    response.status_code = status.as_u16().into();
    response.headers = headers;
    response.body = Some(Body::Text(body));
    Reply::HttpApi(response)
}

/// The input of a request to a function URL; none where it is one to an HTTP API, which cannot stream.
pub fn function_url_input(
    function: &Function,
    event: &ApiGatewayV2httpRequest,
) -> Option<Result<Input>> {
    is_function_url(event).then(|| http_api_input(function, event))
}

/// Who signed the request, or whose token it has.
pub fn http_api_principal(event: &ApiGatewayV2httpRequest) -> Option<&str> {
    let authorizer = event.request_context.authorizer.as_ref()?;
    if let Some(iam) = &authorizer.iam {
        return iam.user_arn.as_deref();
    }
    let claims = &authorizer.jwt.as_ref()?.claims;
    claims.get("sub").map(String::as_str)
}

/// Who signed the request.
pub fn rest_api_principal(event: &ApiGatewayProxyRequest) -> Option<&str> {
    event.request_context.identity.user_arn.as_deref()
}

fn is_function_url(event: &ApiGatewayV2httpRequest) -> bool {
    let domain = event.request_context.domain_name.as_deref();
    domain.is_some_and(|domain| domain.contains(".lambda-url."))
}

fn http_api_input(function: &Function, event: &ApiGatewayV2httpRequest) -> Result<Input> {
    let query = decode_query(event.raw_query_string.as_deref().unwrap_or_default());
    let request = Request {
        method: &event.request_context.http.method,
        path: event.raw_path.as_deref().unwrap_or_default(),
        path_parameters: &event.path_parameters,
        query: &query,
        body: event.body.as_deref(),
        is_base64: event.is_base64_encoded,
    };
    request.input(function)
}

pub async fn handle_rest_api(
    function: &Function,
    event: ApiGatewayProxyRequest,
    context: &Context,
) -> Reply {
    let mut invocation = invocation(context, ROOM);
    invocation.deadline = invocation.deadline.within(GATEWAY_PATIENCE);
    let input = rest_api_input(function, &event);
    let trigger = Trigger {
        principal: rest_api_principal(&event),
        ..trigger("rest")
    };
    let (status, headers, body) = answer(function, input, invocation, trigger).await;
    let mut response = ApiGatewayProxyResponse::default();
    response.status_code = status.as_u16().into();
    response.headers = headers;
    response.body = Some(Body::Text(body));
    Reply::RestApi(response)
}

/// The input of a request to a REST API.
pub fn rest_api_input(function: &Function, event: &ApiGatewayProxyRequest) -> Result<Input> {
    let query: Vec<_> = [
        &event.multi_value_query_string_parameters,
        &event.query_string_parameters,
    ]
    .into_iter()
    .flat_map(|parameters| {
        parameters
            .iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
    })
    .collect();
    let request = Request {
        method: &event.http_method,
        path: event.path.as_deref().unwrap_or_default(),
        path_parameters: &event.path_parameters,
        query: &query,
        body: event.body.as_deref(),
        is_base64: event.is_base64_encoded,
    };
    request.input(function)
}

pub async fn handle_load_balancer(
    function: &Function,
    event: AlbTargetGroupRequest,
    context: &Context,
) -> Reply {
    // A load balancer passes the query on as it was sent, escapes and all.
    let query: Vec<_> = [
        &event.multi_value_query_string_parameters,
        &event.query_string_parameters,
    ]
    .into_iter()
    .flat_map(|parameters| {
        parameters
            .iter()
            .map(|(name, value)| (decode(name), decode(value)))
    })
    .collect();
    let request = Request {
        method: &event.http_method,
        path: event.path.as_deref().unwrap_or_default(),
        path_parameters: &HashMap::new(),
        query: &query,
        body: event.body.as_deref(),
        is_base64: event.is_base64_encoded,
    };
    let input = request.input(function);
    let invocation = invocation(context, LOAD_BALANCER_ROOM);
    let (status, headers, body) = answer(function, input, invocation, trigger("alb")).await;
    let mut response = AlbTargetGroupResponse::default();
    response.status_code = status.as_u16().into();
    response.status_description = Some(status.to_string());
    // A target group with multi-value headers switched on sends them so and reads nothing else.
    match event.multi_value_headers.is_empty() {
        true => response.headers = headers,
        false => response.multi_value_headers = headers,
    }
    response.body = Some(Body::Text(body));
    Reply::LoadBalancer(response)
}

/// What the three kinds of request have in common.
struct Request<'a> {
    method: &'a Method,
    path: &'a str,
    /// What a gateway's route has found in the path already.
    path_parameters: &'a HashMap<String, String>,
    query: &'a [(String, String)],
    body: Option<&'a str>,
    is_base64: bool,
}

impl Request<'_> {
    fn input(&self, function: &Function) -> Result<Input> {
        // A gateway's routes see to it; a function URL has no routes, and a GET must never change anything.
        if self.method.as_str() != function.method() {
            let detail = format!(
                "This function answers {} requests, not {}.",
                function.method(),
                self.method
            );
            return Err(Error::new(Code::InvalidInput, detail));
        }
        let mut input = Input::default();
        for (name, value) in self.path_parameters {
            input.add_text(name, value)?;
        }
        if self.path_parameters.is_empty() {
            // Function URLs and load balancers know no routes.
            for (name, value) in path_parameters(function.path(), self.path) {
                input.add_text(name, value)?;
            }
        }
        for (name, value) in self.query {
            input.add_text(name, value)?;
        }
        match self.body {
            Some(body) if self.is_base64 => {
                let bytes = BASE64_STANDARD.decode(body).ok();
                let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
                let text = text
                    .ok_or_else(|| Error::new(Code::InvalidInput, "The body is not UTF-8 text."))?;
                input.add_json(&text)?;
            }
            Some(body) => input.add_json(body)?,
            None => {}
        }
        Ok(input)
    }
}

async fn answer(
    function: &Function,
    input: Result<Input>,
    invocation: Invocation<'_>,
    trigger: Trigger<'_>,
) -> (StatusCode, HeaderMap, String) {
    let outcome = function.run(input, invocation, trigger).await;
    written(function, outcome, invocation.request_id)
}

/// An outcome as the caller sees it.
pub fn written(
    function: &Function,
    outcome: Result<Answer>,
    request_id: &str,
) -> (StatusCode, HeaderMap, String) {
    if let Some(render) = function.page() {
        let page = render(outcome.as_ref(), request_id);
        let status = outcome.as_ref().map_or_else(status, |_| StatusCode::OK);
        return (status, page_headers(&page), page.html);
    }
    match outcome {
        Ok(answer) => {
            let body = Box::<str>::from(answer.into_raw()).into_string();
            (StatusCode::OK, json_headers(), body)
        }
        Err(error) => {
            let mut headers = headers("application/problem+json");
            if let Some(wait) = error.retry_after() {
                headers.insert(RETRY_AFTER, HeaderValue::from(whole_seconds(wait)));
            }
            (status(&error), headers, error.to_json())
        }
    }
}

/// The headers of an answer.
pub fn json_headers() -> HeaderMap {
    headers("application/json")
}

fn headers(content_type: &'static str) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(3);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers
}

fn status(error: &Error) -> StatusCode {
    StatusCode::from_u16(error.code().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// A browser is told to load nothing else, to guess nothing, and to tell nobody which address it came from: that holds a `state`.
fn page_headers(page: &Page) -> HeaderMap {
    let policy = HeaderValue::from_str(&page.policy);
    let nothing = HeaderValue::from_static("default-src 'none'");
    HeaderMap::from_iter([
        (
            CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        ),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (CONTENT_SECURITY_POLICY, policy.unwrap_or(nothing)),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ])
}
