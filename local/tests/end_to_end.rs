//! The commands with the real `bootstrap` against the simulated tenant.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::{local, text};

#[test]
fn an_operation_answers_on_stdout_and_all_else_goes_to_stderr() {
    let output = local(&["invoke", "list_incidents", r#"{"top":2}"#])
        .output()
        .unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(
        said.starts_with("simulated tenant ") && !said.contains("list_incidents"),
        "{said}"
    );
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["items"].as_array().unwrap().len(), 2);
    assert!(
        text(&output.stdout).starts_with("{\n  \"items\": [\n"),
        "laid out for the eye"
    );
}

#[test]
fn the_answer_may_be_had_raw_and_the_input_come_from_stdin() {
    let mut command = local(&["invoke", "list_incidents", "-", "--raw", "--verbose"]);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(br#"{"top":1}"#)
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let (answer, said) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert_eq!(answer.lines().count(), 1);
    assert_eq!(
        serde_json::from_str::<Value>(answer).unwrap()["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert!(
        said.contains("list_incidents"),
        "the function's log is shown: {said}"
    );
}

#[test]
fn a_problem_is_told_in_words_with_the_exit_code_of_its_kind() {
    let output = local(&["invoke", "get_incident", r#"{"id":"999999999"}"#])
        .output()
        .unwrap();
    let said = text(&output.stderr);
    assert_eq!(
        (output.status.code(), text(&output.stdout)),
        (Some(4), ""),
        "{said}"
    );
    assert!(
        said.contains("\nerror: ") && said.contains(" (NotFound, 404)\n  "),
        "{said}"
    );
}

#[test]
fn a_real_tenant_is_named_and_a_bad_setting_is_told() {
    let mut command = local(&["invoke", "list_incidents"]);
    command
        .env("AZURE_TENANT_ID", "fjordlys.example")
        .env("AZURE_CLIENT_ID", "not a GUID");
    let output = command.output().unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(
        said.starts_with("real tenant fjordlys.example\n") && said.contains("AZURE_CLIENT_ID"),
        "{said}"
    );

    let mut command = local(&["invoke", "list_incidents", "--simulator", "--raw"]);
    command
        .env("AZURE_TENANT_ID", "fjordlys.example")
        .env("AZURE_CLIENT_ID", "not a GUID");
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stderr).starts_with("simulated tenant "));
}

#[test]
fn an_event_of_any_trigger_is_sent_whole_and_its_reply_shown_whole() {
    let event = json!({
        "version": "2.0", "routeKey": "GET /incidents", "rawPath": "/incidents", "rawQueryString": "top=1",
        "headers": {"accept": "application/json"}, "queryStringParameters": {"top": "1"},
        "requestContext": {
            "accountId": "111122223333", "apiId": "a1b2c3", "domainName": "a1b2c3.example", "domainPrefix": "a1b2c3",
            "http": {"method": "GET", "path": "/incidents", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "check"},
            "requestId": "r-1", "routeKey": "GET /incidents", "stage": "$default",
            "time": "20/Nov/2026:12:00:00 +0000", "timeEpoch": 1_795_176_000_000_i64,
        },
        "isBase64Encoded": false,
    });
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("http_api.json");
    fs::write(&file, event.to_string()).unwrap();
    let output = local(&[
        "invoke",
        "list_incidents",
        "--event",
        file.to_str().unwrap(),
    ])
    .output()
    .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let reply: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(reply["statusCode"], 200);
    let body: Value = serde_json::from_str(reply["body"].as_str().unwrap()).unwrap();
    assert_eq!(body["items"].as_array().unwrap().len(), 1);
}

/// A running `cargo local serve`.
struct Served {
    child: Child,
    address: String,
}

impl Served {
    fn start() -> Self {
        let mut command = local(&["serve", "--port", "0"]);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut first = String::new();
        BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut first)
            .unwrap();
        let address = first
            .trim()
            .strip_prefix("http://")
            .unwrap_or_else(|| panic!("{first:?} is no URL"))
            .to_owned();
        Self { child, address }
    }

    fn get(&self, path: &str) -> (String, Value) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            self.address
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), serde_json::from_str(body).unwrap())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn every_operation_is_served_over_http_until_an_interrupt() {
    let mut served = Served::start();
    let (head, list) = served.get("/incidents?top=1");
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let id = list["items"][0]["id"].as_str().unwrap();

    let (head, incident) = served.get(&format!("/incidents/{id}"));
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert_eq!(incident["id"], id);

    let (head, problem) = served.get("/incidents/999999999");
    assert!(
        head.starts_with("HTTP/1.1 404 ") && head.contains("application/problem+json"),
        "{head}"
    );
    assert_eq!(problem["code"], "NotFound");

    let pid = served.child.id();
    assert!(
        Command::new("sh")
            .args(["-c", &format!("kill -INT {pid}")])
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(served.child.wait().unwrap().code(), Some(0));
}
