//! What the function writes: one line an invocation, and never a secret.

use serde_json::{Value, json};
use simulator::{Fault, Kind, Simulator};

use crate::{builder, event, function, problem, tenant_id, variable};

fn json_lines(logs: &str) -> Vec<Value> {
    logs.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

#[tokio::test]
async fn an_invocation_is_one_line_of_json() {
    let simulator = Simulator::start();
    let function = builder(&simulator, "get_incident")
        .env("AWS_LAMBDA_LOG_FORMAT", "JSON")
        .start()
        .unwrap();
    function.invoke(r#"{"id": "28281"}"#).await.json();
    let failed = problem(&function.invoke(r#"{"id": "999999999"}"#).await);
    let lines = json_lines(&function.logs());
    assert_eq!(lines.len(), 2, "{lines:?}");
    let (ok, error) = (&lines[0], &lines[1]);
    assert_eq!(
        (&ok["level"], &ok["operation"], &ok["outcome"]),
        (&json!("INFO"), &json!("get_incident"), &json!("ok"))
    );
    assert_eq!(
        (&ok["tenant"], &ok["trigger"]),
        (&json!(tenant_id(&simulator)), &json!("direct"))
    );
    assert_eq!(ok["upstreamCalls"], json!(2));
    assert!(ok["durationMs"].is_u64() && ok["code"].is_null());
    assert!(ok["traceId"].as_str().unwrap().starts_with("1-"));
    assert_eq!(error["traceId"], failed["traceId"]);
    assert!(
        ok["timestamp"]
            .as_str()
            .unwrap()
            .parse::<jiff::Timestamp>()
            .is_ok()
    );
    assert_eq!(
        (&error["level"], &error["outcome"], &error["code"]),
        (&json!("WARN"), &json!("error"), &json!("NotFound"))
    );
    assert_eq!(error["requestId"], failed["requestId"]);
    assert_ne!(error["requestId"], ok["requestId"]);
    let upstream = failed["upstream"]["requestId"].as_str().unwrap();
    assert!(
        error["upstreamRequestIds"]
            .as_str()
            .unwrap()
            .contains(upstream),
        "{error}"
    );
}

#[tokio::test]
async fn every_line_of_an_invocation_names_it() {
    let simulator = Simulator::start();
    let newest = function(&simulator, "list_incidents")
        .invoke(r#"{"top": 1}"#)
        .await
        .json();
    let newest = newest["items"][0]["id"].as_str().unwrap().to_owned();
    simulator.inject(
        Fault::from(Kind::ExpandFails {
            incidents: vec![],
            page_larger_than: Some(1),
        })
        .times(0),
    );
    simulator.inject(
        Fault::from(Kind::status(404))
            .path(&format!("/v1.0/security/incidents/{newest}"))
            .times(0),
    );
    let function = builder(&simulator, "list_incidents")
        .envs([
            ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
            ("AWS_LAMBDA_LOG_LEVEL", "DEBUG"),
        ])
        .start()
        .unwrap();
    let input = json!({ "expandAlerts": true, "top": 3 }).to_string();
    let answer = function.invoke(input).await.json();
    let lines = json_lines(&function.logs());
    assert!(lines.len() > 3, "{lines:?}");
    let (last, earlier) = lines.split_last().unwrap();
    assert_eq!(last["outcome"], "ok");
    let ids = last["upstreamRequestIds"].as_str().unwrap();
    for line in earlier {
        assert_eq!(line["message"], "sent a request");
        assert_eq!(line["requestId"], last["requestId"]);
        assert_eq!(line["traceId"], last["traceId"]);
        assert!(
            ids.contains(line["upstreamRequestId"].as_str().unwrap()),
            "{line}"
        );
    }
    // So does what the answer says of an item.
    let problem = &answer["incomplete"][0]["problem"];
    assert_eq!(problem["requestId"], last["requestId"], "{answer}");
    assert_eq!(problem["traceId"], last["traceId"]);
    let upstream = problem["upstream"]["requestId"].as_str().unwrap();
    assert!(ids.contains(upstream), "{problem}");
}

#[tokio::test]
async fn a_line_says_who_asked_and_what_was_done_to_a_device() {
    let simulator = Simulator::start();
    let function = builder(&simulator, "isolate_device")
        .env("AWS_LAMBDA_LOG_FORMAT", "JSON")
        .start()
        .unwrap();
    let mut http: Value = serde_json::from_str(&event("triggers/http_api.json")).unwrap();
    http["requestContext"]["http"]["method"] = json!("POST");
    http["pathParameters"] = json!({ "deviceId": "5854058a899368873d73bc05e733beaa4865c8ce" });
    http["rawQueryString"] = json!("");
    http["isBase64Encoded"] = json!(false);
    http["body"] = json!(r#"{"comment": "ransomware"}"#);
    function.invoke(http.to_string()).await.json();
    http["requestContext"]["authorizer"] =
        json!({ "jwt": { "claims": { "sub": "soar@harbourline.example" }, "scopes": null } });
    function.invoke(http.to_string()).await.json();
    let lines = json_lines(&function.logs());
    let told: Vec<_> = lines
        .iter()
        .map(|line| {
            json!([
                line["caller"],
                line["actionsRequested"],
                line["actionsAdopted"]
            ])
        })
        .collect();
    let signer = "arn:aws:sts::111122223333:assumed-role/defender-CallerRole/soar";
    assert_eq!(
        told,
        [
            json!([signer, 1, null]),
            json!(["soar@harbourline.example", null, 1])
        ]
    );
}

#[tokio::test]
async fn text_is_for_people() {
    let simulator = Simulator::start();
    let function = builder(&simulator, "list_incidents").start().unwrap();
    function.invoke("{}").await.json();
    let logs = function.logs();
    assert_eq!(logs.lines().count(), 1, "{logs}");
    assert!(
        logs.contains("INFO")
            && logs.contains("operation=\"list_incidents\"")
            && logs.contains(" requestId=\"")
            && logs.contains(" traceId=\"1-"),
        "{logs}"
    );
}

#[tokio::test]
async fn the_level_is_lambdas() {
    let simulator = Simulator::start();
    let function = builder(&simulator, "list_incidents")
        .env("AWS_LAMBDA_LOG_LEVEL", "ERROR")
        .start()
        .unwrap();
    function.invoke("{}").await.json();
    assert_eq!(function.logs(), "");
}

#[tokio::test]
async fn each_record_of_a_batch_has_its_line() {
    let simulator = Simulator::start();
    let function = builder(&simulator, "update_incident")
        .env("AWS_LAMBDA_LOG_FORMAT", "JSON")
        .start()
        .unwrap();
    function.invoke(event("triggers/sqs.json")).await.json();
    let lines = json_lines(&function.logs());
    let records: Vec<_> = lines
        .iter()
        .map(|line| {
            (
                line["record"].as_str().unwrap(),
                line["outcome"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        records,
        [
            ("5b2f9a10-7c3d-4e6f-8a9b-0c1d2e3f4a5b", "ok"),
            ("6c3a0b21-8d4e-4f70-9bac-1d2e3f4a5b6c", "error"),
            ("7d4b1c32-9e5f-4081-acbd-2e3f4a5b6c7d", "ok"),
        ]
    );
}

#[tokio::test]
async fn no_secret_and_no_token_is_ever_shown_not_even_at_trace() {
    for format in ["JSON", "Text"] {
        let simulator = Simulator::start();
        let caller_token = "caller-bearer-token-that-is-nobodys-business";
        let function = builder(&simulator, "update_incident")
            .envs([
                ("AWS_LAMBDA_LOG_FORMAT", format),
                ("AWS_LAMBDA_LOG_LEVEL", "TRACE"),
            ])
            .start()
            .unwrap();
        let mut shown = String::new();
        let mut http: Value = serde_json::from_str(&event("triggers/http_api.json")).unwrap();
        http["headers"]["authorization"] = json!(format!("Bearer {caller_token}"));
        simulator.inject(Fault::from(Kind::status(503)).path("/v1.0/").skip(1));
        simulator.inject(Fault::from(Kind::Unauthorized).path("/v1.0/").skip(2));
        simulator.inject(Kind::Entra { code: 7000215 });
        for payload in [
            r#"{"id": "28281", "status": "resolved"}"#.to_owned(),
            r#"{"id": "28281", "status": "active"}"#.to_owned(),
            http.to_string(),
            r#"{"id": "28281", "status": "wrong"}"#.to_owned(),
        ] {
            shown.push_str(&format!("{:?}\n", function.invoke(payload).await));
        }
        shown.push_str(&function.logs());
        assert!(
            shown.contains("sent a request"),
            "the level is not trace: {shown}"
        );
        let secret = variable(&simulator, "AZURE_CLIENT_SECRET");
        let mut hidden = vec![secret.clone(), caller_token.to_owned()];
        hidden.push(
            serde_json::to_string(&secret)
                .unwrap()
                .trim_matches('"')
                .to_owned(),
        );
        for request in simulator.requests() {
            hidden.extend(
                request
                    .header("authorization")
                    .map(|header| header.trim_start_matches("Bearer ").to_owned()),
            );
            hidden.extend(
                request
                    .text()
                    .contains("client_secret")
                    .then(|| request.text()),
            );
        }
        assert!(hidden.len() > 6);
        for hidden in hidden {
            assert!(!shown.contains(&hidden), "{hidden} is shown in {shown}");
        }
    }
}
