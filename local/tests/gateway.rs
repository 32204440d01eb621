//! What a function sees of an HTTP request, and what a client sees of its reply.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use local::gateway::{Functions, Gateway};
use serde_json::{Value, json};

use crate::STAND_IN;

/// A gateway before stand-ins that all behave alike, whatever operation they are for.
fn gateway(behaviour: &str) -> Gateway {
    Gateway::start(functions(behaviour), 0).unwrap()
}

fn functions(behaviour: &str) -> Functions {
    Functions::new(STAND_IN, [("_HANDLER".to_owned(), behaviour.to_owned())])
}

pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("{:?}", String::from_utf8_lossy(&self.body)))
    }
}

/// Sends exactly these bytes as a request, but for the length of the body.
pub fn send(gateway: &Gateway, head: &str, body: &[u8]) -> Answer {
    let address = gateway.url().strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let head = head.replace('\n', "\r\n");
    write!(
        stream,
        "{head}\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )
    .unwrap();
    stream.write_all(body).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer
        .windows(4)
        .position(|bytes| bytes == b"\r\n\r\n")
        .expect("a whole head");
    let head = String::from_utf8(answer[..end].to_vec())
        .unwrap()
        .to_lowercase();
    Answer {
        status: head[9..12].parse().unwrap(),
        head,
        body: answer[end + 4..].to_vec(),
    }
}

#[test]
fn a_streamed_reply_passes_as_it_comes_and_errors_stay_errors() {
    let functions = |behaviour: &str| {
        let variables = [("_HANDLER", behaviour), ("RESPONSE_STREAMING", "on")];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Gateway::start(Functions::new(STAND_IN, variables), 0).unwrap()
    };
    let answer = send(&functions("streaming"), "GET /incidents HTTP/1.1", b"");
    assert_eq!(answer.status, 200);
    assert!(
        answer.head.contains("transfer-encoding: chunked"),
        "{}",
        answer.head
    );
    let length = answer.body.iter().filter(|byte| **byte == b'x').count();
    assert_eq!(length, 7_000_000);
    let failed = send(&functions("failing"), "GET /incidents HTTP/1.1", b"");
    assert_eq!(failed.status, 500);
    let echo = send(&functions("echo"), "GET /incidents HTTP/1.1", b"");
    let domain = &echo.json()["event"]["requestContext"]["domainName"];
    assert_eq!(domain, "local.lambda-url.us-east-1.on.aws");
}

#[test]
fn a_request_becomes_an_http_api_event() {
    let gateway = gateway("echo");
    let head = "PATCH /incidents/da%2F%C3%A5%201?tags=a&tags=b%20c&status=resolved HTTP/1.1\n\
                User-Agent: check/1\nX-Twice: 1\nX-Twice: 2\nCookie: a=1; b=2";
    let answer = send(&gateway, head, r#"{"comment":"ø"}"#.as_bytes());
    assert_eq!(answer.status, 200);
    let event = &answer.json()["event"];

    assert_eq!(event["version"], "2.0");
    assert_eq!(event["routeKey"], "PATCH /incidents/{id}");
    assert_eq!(event["rawPath"], "/incidents/da/å 1");
    assert_eq!(event["rawQueryString"], "tags=a&tags=b%20c&status=resolved");
    assert_eq!(
        event["queryStringParameters"],
        json!({"tags": "a,b c", "status": "resolved"})
    );
    assert_eq!(event["pathParameters"], json!({"id": "da/å 1"}));
    assert_eq!(event["cookies"], json!(["a=1", "b=2"]));
    assert_eq!(event["headers"]["x-twice"], "1,2");
    assert_eq!(event["headers"]["cookie"], Value::Null);
    assert_eq!(event["body"], r#"{"comment":"ø"}"#);
    assert_eq!(event["isBase64Encoded"], false);
    let context = &event["requestContext"];
    assert_eq!(context["stage"], "$default");
    assert_eq!(context["domainName"], "127.0.0.1");
    assert_eq!(
        context["http"],
        json!({
            "method": "PATCH", "path": "/incidents/da/å 1", "protocol": "HTTP/1.1",
            "sourceIp": "127.0.0.1", "userAgent": "check/1",
        })
    );
    assert!(
        context["requestId"]
            .as_str()
            .unwrap()
            .parse::<uuid::Uuid>()
            .is_ok()
    );
    let time = jiff::Timestamp::strptime("%d/%b/%Y:%H:%M:%S %z", context["time"].as_str().unwrap())
        .unwrap();
    assert_eq!(
        time.as_second(),
        context["timeEpoch"].as_i64().unwrap() / 1000
    );
    serde_json::from_value::<aws_lambda_events::apigw::ApiGatewayV2httpRequest>(event.clone())
        .unwrap();
}

#[test]
fn what_a_request_lacks_is_absent_and_a_body_that_is_no_text_is_base64() {
    let gateway = gateway("echo");
    let event = send(&gateway, "GET /incidents HTTP/1.1", b"").json()["event"].take();
    for absent in ["queryStringParameters", "pathParameters", "cookies", "body"] {
        assert_eq!(event.get(absent), None, "{absent}");
    }
    assert_eq!(event["rawQueryString"], "");
    let event = send(&gateway, "POST /hunting HTTP/1.1", b"\xff\x00").json()["event"].take();
    assert_eq!(
        (&event["body"], &event["isBase64Encoded"]),
        (&json!("/wA="), &json!(true))
    );
}

#[test]
fn each_operation_has_a_process_of_its_own_that_is_kept() {
    let gateway = gateway("echo");
    let pid = |line: &str| send(&gateway, line, b"").json()["pid"].as_u64().unwrap();
    let list = pid("GET /incidents HTTP/1.1");
    assert_eq!(pid("GET /incidents HTTP/1.1"), list);
    assert_ne!(pid("GET /alerts HTTP/1.1"), list);
}

#[test]
fn a_reply_that_speaks_of_http_is_the_answer_and_other_json_is_its_body() {
    let gateway = gateway("reply");
    let reply = |reply: &str| send(&gateway, "POST /hunting HTTP/1.1", reply.as_bytes());

    let answer = reply(
        r#"{"statusCode":429,"headers":{"Content-Type":"application/problem+json","Retry-After":7},
            "cookies":["a=1","b=2"],"body":"{\"code\":\"Throttled\"}","isBase64Encoded":false}"#,
    );
    assert_eq!(
        (answer.status, answer.json()),
        (429, json!({"code": "Throttled"}))
    );
    for line in [
        "content-type: application/problem+json",
        "retry-after: 7",
        "set-cookie: a=1",
        "set-cookie: b=2",
    ] {
        assert!(
            answer.head.contains(line),
            "{line} is not in {}",
            answer.head
        );
    }

    let answer = reply(r#"{"statusCode":200,"body":"/wA=","isBase64Encoded":true}"#);
    assert_eq!(
        (answer.status, answer.body.as_slice()),
        (200, b"\xff\x00".as_slice())
    );
    assert!(
        answer
            .head
            .contains("content-type: text/plain;charset=utf-8"),
        "{}",
        answer.head
    );

    let answer = reply(r#"{"items": [1.0]}"#);
    assert_eq!(
        (answer.status, answer.body.as_slice()),
        (200, br#"{"items": [1.0]}"#.as_slice())
    );
    assert!(
        answer.head.contains("content-type: application/json"),
        "{}",
        answer.head
    );
}

#[test]
fn a_reply_that_is_neither_is_an_internal_error() {
    let gateway = gateway("reply");
    for reply in [
        "not JSON",
        r#"{"statusCode":"no"}"#,
        r#"{"statusCode":99}"#,
        r#"{"statusCode":200,"headers":{"a b":"c"}}"#,
    ] {
        let answer = send(&gateway, "POST /hunting HTTP/1.1", reply.as_bytes());
        assert_eq!(
            (answer.status, answer.json()),
            (500, json!({"message": "Internal Server Error"})),
            "{reply}"
        );
    }
}

#[test]
fn a_function_that_fails_is_500_and_one_that_is_late_is_503() {
    for behaviour in ["failing", "never_starts"] {
        let answer = send(&gateway(behaviour), "GET /incidents HTTP/1.1", b"");
        assert_eq!(
            (answer.status, answer.json()),
            (500, json!({"message": "Internal Server Error"})),
            "{behaviour}"
        );
    }
    let late = Gateway::start(functions("hanging").timeout(Duration::from_millis(200)), 0).unwrap();
    let answer = send(&late, "GET /incidents HTTP/1.1", b"");
    assert_eq!(
        (answer.status, answer.json()),
        (503, json!({"message": "Service Unavailable"}))
    );
}

#[test]
fn an_unknown_route_is_404_and_the_root_lists_those_there_are() {
    let gateway = gateway("echo");
    for line in [
        "GET /incident HTTP/1.1",
        "DELETE /incidents HTTP/1.1",
        "GET /incidents/1/2/3 HTTP/1.1",
        "POST / HTTP/1.1",
    ] {
        let answer = send(&gateway, line, b"");
        assert_eq!(
            (answer.status, answer.json()),
            (404, json!({"message": "Not Found"})),
            "{line}"
        );
    }
    let text = String::from_utf8(send(&gateway, "GET / HTTP/1.1", b"").body).unwrap();
    let json = send(&gateway, "GET / HTTP/1.1\nAccept: application/json", b"").json();
    for entry in local::operations::OPERATIONS {
        assert!(
            text.lines().any(|line| line.starts_with(entry.method)
                && line.contains(&format!(" {} ", entry.path))),
            "{text}"
        );
        assert!(
            json.as_array()
                .unwrap()
                .iter()
                .any(|route| route["name"] == entry.name),
            "{json}"
        );
    }
}
