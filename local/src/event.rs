//! Sample events: an operation's input as each trigger would deliver it.

use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::operations::Entry;

const ACCOUNT: &str = "111122223333";
const REGION: &str = "eu-west-1";
const CALLER: &str = "198.51.100.7";
const ROLE: &str = "arn:aws:sts::111122223333:assumed-role/defender-CallerRole/analyst";
/// What may stand in a path's segment or a query as it is.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Who invokes a function, and in which shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Trigger {
    /// `aws lambda invoke`, a Step Functions task, a Scheduler target: the input itself
    Direct,
    /// API Gateway's HTTP API, payload 2.0
    HttpApi,
    /// A function URL
    FunctionUrl,
    /// API Gateway's REST API
    RestApi,
    /// A load balancer's target group
    Alb,
    /// A queue's batch of one message
    Sqs,
    /// An event on an EventBridge bus: its detail is the input
    Eventbridge,
    /// A rule's schedule: the empty input, at the event's own time
    Schedule,
}

/// The event in which this trigger brings an operation its input.
pub fn event(trigger: Trigger, entry: &Entry, input: &Map<String, Value>) -> Value {
    match trigger {
        Trigger::Direct => json!(input),
        Trigger::HttpApi => payload_2(&Request::new(entry, input), entry, "a1b2c3d4e5", false),
        Trigger::FunctionUrl => payload_2(&Request::new(entry, input), entry, "u1v2w3x4y5z6", true),
        Trigger::RestApi => rest_api(&Request::new(entry, input), entry),
        Trigger::Alb => load_balancer(&Request::new(entry, input)),
        Trigger::Sqs => message(entry, input),
        Trigger::Eventbridge => bus("Defender Request", "soar.example", json!(input)),
        Trigger::Schedule => bus("Scheduled Event", "aws.events", json!({})),
    }
}

/// An operation's input as an HTTP request.
pub struct Request {
    pub method: &'static str,
    /// Encoded.
    pub path: String,
    pub path_parameters: Map<String, Value>,
    pub query: Vec<(String, String)>,
    pub body: Option<String>,
}

impl Request {
    /// What the route's path names goes there; the rest into the query of what is asked by `GET` or `DELETE`, else into the body.
    pub fn new(entry: &Entry, input: &Map<String, Value>) -> Self {
        let (mut path, mut rest) = (entry.path.to_owned(), input.clone());
        let mut path_parameters = Map::new();
        for (name, value) in input {
            let placeholder = format!("{{{name}}}");
            if path.contains(&placeholder) {
                path = path.replace(&placeholder, &encoded(&text(value)));
                path_parameters.insert(name.clone(), text(value).into());
                rest.remove(name);
            }
        }
        let in_query = matches!(entry.method, "GET" | "DELETE");
        let query = rest.iter().filter(|_| in_query);
        let query = query.map(|(name, value)| (name.clone(), text(value)));
        Self {
            method: entry.method,
            path,
            path_parameters,
            query: query.collect(),
            body: (!in_query && !rest.is_empty()).then(|| Value::Object(rest).to_string()),
        }
    }

    /// The query as it stands in the URL, without `?`; empty if there is none.
    pub fn raw_query(&self) -> String {
        let pairs = self.query.iter();
        let pairs = pairs.map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
        pairs.collect::<Vec<_>>().join("&")
    }
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

/// An object of the pairs, or null where there are none.
fn object(pairs: &[(String, String)]) -> Value {
    let pairs = pairs
        .iter()
        .map(|(name, value)| (name.clone(), json!(value)));
    let object: Map<_, _> = pairs.collect();
    if object.is_empty() {
        Value::Null
    } else {
        object.into()
    }
}

fn headers(host: &str, request: &Request) -> Map<String, Value> {
    let mut headers = Map::from_iter([
        ("accept".to_owned(), json!("*/*")),
        ("host".to_owned(), json!(host)),
        ("user-agent".to_owned(), json!("curl/8.5.0")),
        ("x-forwarded-for".to_owned(), json!(CALLER)),
        ("x-forwarded-port".to_owned(), json!("443")),
        ("x-forwarded-proto".to_owned(), json!("https")),
    ]);
    if let Some(body) = &request.body {
        headers.insert("content-type".to_owned(), json!("application/json"));
        headers.insert("content-length".to_owned(), json!(body.len().to_string()));
    }
    headers
}

fn payload_2(request: &Request, entry: &Entry, api: &str, url: bool) -> Value {
    let now = Timestamp::now();
    let path = percent_encoding::percent_decode_str(&request.path).decode_utf8_lossy();
    let (domain, route) = match url {
        true => (
            format!("{api}.lambda-url.{REGION}.on.aws"),
            "$default".to_owned(),
        ),
        false => (
            format!("{api}.execute-api.{REGION}.amazonaws.com"),
            format!("{} {}", entry.method, entry.path),
        ),
    };
    let mut event = json!({
        "version": "2.0",
        "routeKey": route,
        "rawPath": path,
        "rawQueryString": request.raw_query(),
        "headers": headers(&domain, request),
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": api,
            "authorizer": { "iam": { "accountId": ACCOUNT, "userArn": ROLE } },
            "domainName": domain,
            "domainPrefix": api,
            "http": {
                "method": request.method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": CALLER,
                "userAgent": "curl/8.5.0",
            },
            "requestId": Uuid::new_v4().to_string(),
            "routeKey": route,
            "stage": "$default",
            "time": now.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(),
            "timeEpoch": now.as_millisecond(),
        },
        "isBase64Encoded": false,
    });
    if !request.query.is_empty() {
        event["queryStringParameters"] = object(&request.query);
    }
    // A function URL has no routes, and so no parameters in its path.
    if !url && !request.path_parameters.is_empty() {
        event["pathParameters"] = json!(request.path_parameters);
    }
    if let Some(body) = &request.body {
        event["body"] = json!(body);
    }
    event
}

fn rest_api(request: &Request, entry: &Entry) -> Value {
    let (now, api) = (Timestamp::now(), "r6s7t8u9v0");
    let domain = format!("{api}.execute-api.{REGION}.amazonaws.com");
    let headers = headers(&domain, request);
    let several = |(name, value): (&String, &Value)| (name.clone(), json!([value]));
    let query = object(&request.query);
    let several_query = query.as_object().map(|query| query.iter().map(several));
    let path_parameters = match request.path_parameters.is_empty() {
        true => Value::Null,
        false => json!(request.path_parameters),
    };
    json!({
        "resource": entry.path,
        "path": request.path,
        "httpMethod": request.method,
        "multiValueHeaders": headers.iter().map(several).collect::<Map<_, _>>(),
        "headers": headers,
        "multiValueQueryStringParameters": several_query.map(Iterator::collect::<Map<_, _>>),
        "queryStringParameters": query,
        "pathParameters": path_parameters,
        "stageVariables": null,
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": api,
            "domainName": domain,
            "domainPrefix": api,
            "httpMethod": request.method,
            "identity": { "accountId": ACCOUNT, "sourceIp": CALLER, "userAgent": "curl/8.5.0", "userArn": ROLE },
            "path": format!("/prod{}", request.path),
            "protocol": "HTTP/1.1",
            "requestId": Uuid::new_v4().to_string(),
            "requestTime": now.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(),
            "requestTimeEpoch": now.as_millisecond(),
            "resourcePath": entry.path,
            "stage": "prod",
        },
        "body": request.body,
        "isBase64Encoded": false,
    })
}

/// A load balancer passes the query on as it was written.
fn load_balancer(request: &Request) -> Value {
    let query = request.query.iter();
    let query = query.map(|(name, value)| (name.clone(), json!(encoded(value))));
    let group =
        "arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/defender/6d0ecf831eec9f09";
    json!({
        "requestContext": { "elb": { "targetGroupArn": group } },
        "httpMethod": request.method,
        "path": request.path,
        "queryStringParameters": query.collect::<Map<_, _>>(),
        "headers": headers("defender.example", request),
        "body": request.body.clone().unwrap_or_default(),
        "isBase64Encoded": false,
    })
}

fn message(entry: &Entry, input: &Map<String, Value>) -> Value {
    let sent = Timestamp::now().as_millisecond().to_string();
    json!({
        "Records": [{
            "messageId": Uuid::new_v4().to_string(),
            "receiptHandle": Uuid::new_v4().simple().to_string(),
            "body": json!(input).to_string(),
            "attributes": {
                "ApproximateReceiveCount": "1",
                "SentTimestamp": sent,
                "SenderId": "AROAEXAMPLEROLEID:analyst",
                "ApproximateFirstReceiveTimestamp": sent,
            },
            "messageAttributes": {},
            "eventSource": "aws:sqs",
            "eventSourceARN": format!("arn:aws:sqs:{REGION}:{ACCOUNT}:defender-{}", entry.name),
            "awsRegion": REGION,
        }]
    })
}

fn bus(kind: &str, source: &str, detail: Value) -> Value {
    json!({
        "version": "0",
        "id": Uuid::new_v4().to_string(),
        "detail-type": kind,
        "source": source,
        "account": ACCOUNT,
        "time": Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "region": REGION,
        "resources": [],
        "detail": detail,
    })
}
