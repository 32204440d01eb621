//! Answers that are streamed to callers of function URLs and REST APIs while they are made.

use local::runtime_api::{Function, Outcome, Streaming};
use serde_json::{Value, json};
use simulator::{Fault, Kind, Simulator};

use crate::{api_requests, builder};

fn streaming(simulator: &Simulator, operation: &str) -> Function {
    builder(simulator, operation)
        .env("RESPONSE_STREAMING", "on")
        .start()
        .unwrap()
}

/// A request to the address of a function, with `body`.
fn function_url(method: &str, body: &str) -> String {
    json!({
        "version": "2.0",
        "rawPath": "/",
        "rawQueryString": "",
        "headers": {},
        "requestContext": {
            "domainName": "abcdefghijklmnopqrstuvwxyz012345.lambda-url.eu-west-1.on.aws",
            "http": {"method": method, "path": "/"},
            "timeEpoch": 0,
        },
        "body": body,
        "isBase64Encoded": false,
    })
    .to_string()
}

/// A hunt for so many rows of about `bytes` each.
fn hunt(count: usize, bytes: usize) -> String {
    let query =
        format!(r#"range x from 1 to {count} step 1 | extend Padding = strrep("p", {bytes})"#);
    function_url("POST", &json!({ "query": query }).to_string())
}

async fn rest(streaming: &mut Streaming) -> Vec<u8> {
    let mut rest = Vec::new();
    while let Some(piece) = streaming.next().await {
        rest.extend_from_slice(&piece);
    }
    rest
}

#[tokio::test]
async fn the_first_rows_are_there_while_microsoft_is_still_sending() {
    let simulator = Simulator::start();
    let function = streaming(&simulator, "run_hunting_query");
    let stall = Kind::Stall {
        after_bytes: 500_000,
    };
    simulator.inject(Fault::from(stall).path("/v1.0/"));
    let mut reply = function.stream(hunt(2_000, 1_000));
    let (prelude, first) = reply.prelude().await.expect("a streamed reply");
    assert_eq!(
        prelude,
        json!({
            "statusCode": 200,
            "headers": {"content-type": "application/json", "cache-control": "no-store"},
            "cookies": [],
        })
    );
    let mut body = first.to_vec();
    while body.len() < 400_000 {
        body.extend_from_slice(&reply.next().await.expect("rows that came already"));
    }
    simulator.clear_faults();
    body.extend(rest(&mut reply).await);
    let answer: Value = serde_json::from_slice(&body).expect("whole JSON");
    assert_eq!(answer["schema"][0], json!({"name": "x", "type": "Int64"}));
    assert_eq!(answer["results"].as_array().map(Vec::len), Some(2_000));
    assert!(matches!(reply.outcome().await, Outcome::Answer(_)));
    assert!(function.logs().contains("run_hunting_query succeeded"));
}

#[tokio::test]
async fn the_first_page_is_there_while_the_second_is_still_to_come() {
    let simulator = Simulator::start();
    simulator.edit("harbourline.example", |tenant| {
        tenant.grow_incidents(200, |index, incident| {
            let created = format!("2026-11-01T00:{:02}:{:02}Z", index / 60, index % 60);
            incident.created_date_time = created;
        });
    });
    let function = streaming(&simulator, "list_incidents");
    let stall = Kind::Stall { after_bytes: 0 };
    simulator.inject(Fault::from(stall).path("/v1.0/").skip(1));
    let event = json!({
        "requestContext": {"httpMethod": "GET", "path": "/incidents"},
        "httpMethod": "GET",
        "path": "/incidents",
        "headers": {},
        "multiValueHeaders": {},
        "queryStringParameters": {"top": "120"},
    });
    let mut reply = function.stream(event.to_string());
    let (prelude, first) = reply.prelude().await.expect("a streamed reply");
    assert_eq!(prelude["statusCode"], 200);
    assert!(first.is_empty() || first.starts_with(br#"{"items":[{"#));
    simulator.clear_faults();
    let body = [first.to_vec(), rest(&mut reply).await].concat();
    let answer: Value = serde_json::from_slice(&body).expect("whole JSON");
    assert_eq!(answer["items"].as_array().map(Vec::len), Some(120));
    assert!(answer["next"].is_string());
    let whole = builder(&simulator, "list_incidents").start().unwrap();
    assert_eq!(whole.invoke(r#"{"top": 120}"#).await.json(), answer);
}

#[tokio::test]
async fn an_empty_list_is_whole() {
    let simulator = Simulator::start();
    let function = streaming(&simulator, "list_incidents");
    let input = r#"{"createdBefore": "2001-01-01T00:00:00Z"}"#;
    let mut reply = function.stream(function_url("GET", input));
    let (_, first) = reply.prelude().await.expect("a streamed reply");
    let body = [first.to_vec(), rest(&mut reply).await].concat();
    assert_eq!(String::from_utf8(body).unwrap(), r#"{"items":[]}"#);
}

#[tokio::test]
async fn what_goes_wrong_before_the_first_byte_has_its_status() {
    let simulator = Simulator::start();
    let function = streaming(&simulator, "run_hunting_query");
    simulator.inject(Fault::from(Kind::NotJson).path("/v1.0/").times(0));
    for (event, status, code) in [
        (function_url("POST", "{}"), 400, "InvalidInput"),
        (hunt(1, 1), 503, "UpstreamUnavailable"),
    ] {
        let mut reply = function.stream(event);
        let (prelude, first) = reply.prelude().await.expect("a streamed reply");
        let body = [first.to_vec(), rest(&mut reply).await].concat();
        assert_eq!(prelude["statusCode"], status);
        assert_eq!(
            prelude["headers"]["content-type"],
            "application/problem+json"
        );
        let problem: Value = serde_json::from_slice(&body).expect("a problem");
        assert_eq!(problem["code"], code);
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_before_its_first_byte_is_asked_for_again() {
    let simulator = Simulator::start();
    let function = streaming(&simulator, "run_hunting_query");
    let cut = Kind::CutBody { after_bytes: 20 };
    simulator.inject(Fault::from(cut).path("/v1.0/"));
    let mut reply = function.stream(hunt(3, 1));
    let (prelude, first) = reply.prelude().await.expect("a streamed reply");
    let body = [first.to_vec(), rest(&mut reply).await].concat();
    assert_eq!(prelude["statusCode"], 200);
    let answer: Value = serde_json::from_slice(&body).expect("whole JSON");
    assert_eq!(answer["results"].as_array().map(Vec::len), Some(3));
    assert_eq!(api_requests(&simulator).len(), 2);
}

#[tokio::test]
async fn a_stream_that_breaks_never_looks_whole_and_is_an_error_in_the_log() {
    let simulator = Simulator::start();
    let function = streaming(&simulator, "run_hunting_query");
    let cut = Kind::CutBody {
        after_bytes: 500_000,
    };
    simulator.inject(Fault::from(cut).path("/v1.0/"));
    let mut reply = function.stream(hunt(2_000, 1_000));
    let (prelude, first) = reply.prelude().await.expect("a streamed reply");
    let body = [first.to_vec(), rest(&mut reply).await].concat();
    assert_eq!(prelude["statusCode"], 200);
    assert!((100_000..=500_000).contains(&body.len()), "{}", body.len());
    assert!(serde_json::from_slice::<Value>(&body).is_err());
    let end = String::from_utf8_lossy(&body[body.len() - 200..]).into_owned();
    assert!(
        end.chars().all(|c| "p\"{},:xPading0123456789".contains(c)),
        "{end}"
    );
    assert_eq!(
        api_requests(&simulator).len(),
        1,
        "what was given is not given twice"
    );
    let logs = function.logs();
    assert!(
        logs.contains("ERROR") && logs.contains("UpstreamUnavailable"),
        "{logs}"
    );
    // The process serves on.
    let mut reply = function.stream(hunt(1, 1));
    assert_eq!(
        reply.prelude().await.expect("a streamed reply").0["statusCode"],
        200
    );
}

#[tokio::test]
async fn who_cannot_read_a_stream_gets_none() {
    let simulator = Simulator::start();
    let function = streaming(&simulator, "get_incident");
    let direct = function.invoke(r#"{"id": "28281"}"#).await.json();
    assert_eq!(direct["id"], "28281");
    let event = function_url("GET", r#"{"id": "28281"}"#);
    let http_api = event.replace(".lambda-url.", ".execute-api.");
    let reply = function.invoke(http_api).await.json();
    assert_eq!(reply["statusCode"], 200);
    // An object has no use for pieces, but a streaming address expects a stream.
    let mut reply = function.stream(event);
    let (prelude, first) = reply.prelude().await.expect("a streamed reply");
    let body = [first.to_vec(), rest(&mut reply).await].concat();
    assert_eq!(prelude["statusCode"], 200);
    assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), direct);
}

#[tokio::test]
async fn memory_stays_flat_whatever_the_size() {
    let simulator = Simulator::start();
    for (rows, bytes) in [(5_000, 975), (50_000, 975), (100_000, 1_175)] {
        let function = streaming(&simulator, "run_hunting_query");
        let mut reply = function.stream(hunt(rows, bytes));
        let (_, first) = reply.prelude().await.expect("a streamed reply");
        let (mut bytes, mut end) = (first.len(), first.to_vec());
        while let Some(piece) = reply.next().await {
            bytes += piece.len();
            end.extend_from_slice(&piece);
            end.drain(..end.len().saturating_sub(3));
        }
        assert_eq!(end, b"}]}");
        let peak = function.peak_memory_kib();
        println!("{bytes} bytes streamed: {peak} KiB at most");
    }
}
