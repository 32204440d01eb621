//! Every trigger's shape, by the files in `events/`: the input that it becomes, and the reply in the sender's own form.

use defender_functions::operation::Group;
use serde_json::{Value, json};
use simulator::{Fault, Kind, Simulator};

use crate::{api_requests, builder, code, event, function, line, lines, problem};

#[tokio::test]
async fn every_sample_input_runs() {
    for operation in defender_functions::operations::OPERATIONS {
        let simulator = Simulator::start();
        let sample = |name: &str| -> Value {
            serde_json::from_str(&event(&format!("{name}.json"))).unwrap()
        };
        let mut input = sample(operation.name);
        match operation.name {
            // They take a bucket and a table, which the tests of the AWS parts have.
            "save_package" => continue,
            _ if matches!(operation.group, Group::Tenants | Group::Collecting) => continue,
            // The committed actions are over.
            "cancel_action" => {
                let isolation = sample("isolate_device").to_string();
                let isolating = function(&simulator, "isolate_device");
                let answer = isolating.invoke(isolation).await.json();
                input["actionId"] = answer["action"]["id"].clone();
            }
            _ => {}
        }
        let answer = function(&simulator, operation.name)
            .invoke(input.to_string())
            .await
            .json();
        assert!(answer.is_object(), "{}: {answer}", operation.name);
    }
}

/// Headers by their names, whether they came as values or as lists of values.
fn header<'a>(reply: &'a Value, field: &str, name: &str) -> &'a str {
    let value = &reply[field][name];
    value
        .as_str()
        .or_else(|| value[0].as_str())
        .unwrap_or_default()
}

#[tokio::test]
async fn an_http_api_gets_a_reply_of_payload_2() {
    let simulator = Simulator::start();
    let reply = function(&simulator, "update_incident")
        .invoke(event("triggers/http_api.json"))
        .await
        .json();
    assert_eq!(lines(&simulator), ["PATCH /v1.0/security/incidents/28281"]);
    assert_eq!(
        api_requests(&simulator)[0].json(),
        json!({"status": "inProgress", "assignedTo": "analyst@harbourline.example", "customTags": ["triaged"]})
    );
    assert_eq!(
        (&reply["statusCode"], &reply["isBase64Encoded"]),
        (&json!(200), &json!(false))
    );
    assert_eq!(
        header(&reply, "headers", "content-type"),
        "application/json"
    );
    assert_eq!(header(&reply, "headers", "cache-control"), "no-store");
    let body: Value = serde_json::from_str(reply["body"].as_str().unwrap()).unwrap();
    assert_eq!(
        (&body["id"], &body["status"]),
        (&json!("28281"), &json!("inProgress"))
    );
}

#[tokio::test]
async fn a_function_url_is_answered_likewise() {
    let simulator = Simulator::start();
    let reply = function(&simulator, "run_hunting_query")
        .invoke(event("triggers/function_url.json"))
        .await
        .json();
    assert_eq!(reply["statusCode"], json!(200));
    let body: Value = serde_json::from_str(reply["body"].as_str().unwrap()).unwrap();
    assert!(!body["results"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn a_rest_api_gets_a_reply_of_payload_1() {
    let simulator = Simulator::start();
    let reply = function(&simulator, "get_incident")
        .invoke(event("triggers/rest_api.json"))
        .await
        .json();
    assert_eq!(lines(&simulator), ["GET /v1.0/security/incidents/28281"]);
    assert_eq!(
        (&reply["statusCode"], &reply["isBase64Encoded"]),
        (&json!(200), &json!(false))
    );
    assert_eq!(
        header(&reply, "headers", "content-type"),
        "application/json"
    );
}

#[tokio::test]
async fn a_load_balancer_gets_its_headers_the_way_it_sends_them() {
    let simulator = Simulator::start();
    let reply = function(&simulator, "list_incidents")
        .invoke(event("triggers/alb.json"))
        .await
        .json();
    assert_eq!(
        lines(&simulator),
        [
            "GET /v1.0/security/incidents?$top=2&$filter=lastUpdateDateTime ge 2020-01-01T00:00:00Z&$orderby=createdDateTime desc"
        ]
    );
    assert_eq!(
        (&reply["statusCode"], &reply["statusDescription"]),
        (&json!(200), &json!("200 OK"))
    );
    assert_eq!(
        header(&reply, "headers", "content-type"),
        "application/json"
    );
    let reply = function(&simulator, "list_alerts")
        .invoke(event("triggers/alb_multi_value.json"))
        .await
        .json();
    assert_eq!(reply["statusCode"], json!(200));
    assert_eq!(
        header(&reply, "multiValueHeaders", "content-type"),
        "application/json"
    );
    assert_eq!(header(&reply, "headers", "content-type"), "");
}

#[tokio::test]
async fn a_queue_hears_which_records_failed() {
    let simulator = Simulator::start();
    let reply = function(&simulator, "update_incident")
        .invoke(event("triggers/sqs.json"))
        .await
        .json();
    assert_eq!(
        reply,
        json!({"batchItemFailures": [{"itemIdentifier": "6c3a0b21-8d4e-4f70-9bac-1d2e3f4a5b6c"}]})
    );
    assert_eq!(
        lines(&simulator),
        [
            "PATCH /v1.0/security/incidents/28281",
            "PATCH /v1.0/security/incidents/28291"
        ]
    );
}

#[tokio::test]
async fn in_a_fifo_queue_nothing_overtakes_a_failed_record_of_its_group() {
    let simulator = Simulator::start();
    let record = |id: &str, group: &str, body: Value| {
        json!({
            "messageId": id,
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:eu-west-1:111122223333:updates.fifo",
            "attributes": {"MessageGroupId": group},
            "body": body.to_string(),
        })
    };
    let event = json!({"Records": [
        record("1", "a", json!({"id": "28281", "status": "active"})),
        record("2", "a", json!({"id": "28281", "status": "wrong"})),
        record("3", "a", json!({"id": "28281", "status": "resolved"})),
        record("4", "b", json!({"id": "28291", "status": "resolved"})),
    ]});
    let reply = function(&simulator, "update_incident")
        .invoke(event.to_string())
        .await
        .json();
    assert_eq!(
        reply,
        json!({"batchItemFailures": [{"itemIdentifier": "2"}, {"itemIdentifier": "3"}]})
    );
    let bodies: Vec<_> = api_requests(&simulator)
        .iter()
        .map(|request| request.json()["status"].clone())
        .collect();
    assert_eq!(bodies, [json!("active"), json!("resolved")]);
}

#[tokio::test]
async fn a_bus_events_detail_is_the_input() {
    let simulator = Simulator::start();
    function(&simulator, "comment_incident")
        .invoke(event("triggers/eventbridge.json"))
        .await
        .json();
    assert_eq!(
        api_requests(&simulator)
            .iter()
            .map(line)
            .collect::<Vec<_>>(),
        ["POST /v1.0/security/incidents/28281/comments"]
    );
    assert_eq!(
        api_requests(&simulator)[0].json()["comment"],
        json!("Ticket SEC-1042 is open.")
    );
}

#[tokio::test]
async fn a_scheduled_event_is_the_empty_input() {
    let simulator = Simulator::start();
    let answer = function(&simulator, "list_incidents")
        .invoke(event("triggers/scheduled.json"))
        .await
        .json();
    assert!(answer["items"].is_array());
    assert_eq!(
        lines(&simulator),
        ["GET /v1.0/security/incidents?$top=50&$orderby=createdDateTime desc"]
    );
}

#[tokio::test]
async fn times_on_a_bus_count_back_from_the_events_own_time() {
    let simulator = Simulator::start();
    let mut event: Value = serde_json::from_str(&event("triggers/eventbridge.json")).unwrap();
    event["detail"] = json!({"updatedSince": "PT15M"});
    function(&simulator, "list_incidents")
        .invoke(event.to_string())
        .await
        .json();
    assert_eq!(
        api_requests(&simulator)[0].parameter("$filter"),
        Some("lastUpdateDateTime ge 2026-11-20T09:00:02Z")
    );
}

/// A payload 2.0 request with the given parts.
fn http_event(method: &str, path_parameters: Value, query: &str, body: Value) -> String {
    json!({
        "version": "2.0",
        "rawQueryString": query,
        "headers": {},
        "pathParameters": path_parameters,
        "requestContext": {
            "domainName": "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com",
            "http": {"method": method, "path": "/"},
            "timeEpoch": 0,
        },
        "body": body,
        "isBase64Encoded": false,
    })
    .to_string()
}

#[tokio::test]
async fn path_query_and_body_are_one_input() {
    let simulator = Simulator::start();
    let function = function(&simulator, "update_incident");
    let event = http_event(
        "PATCH",
        json!({"id": "28281"}),
        "status=resolved&assignedTo=a%2Bb%40c.example",
        json!(r#"{"id": 28281, "tags": ["x"]}"#),
    );
    assert_eq!(
        function.invoke(event).await.json()["statusCode"],
        json!(200)
    );
    assert_eq!(
        api_requests(&simulator)[0].json(),
        json!({"status": "resolved", "assignedTo": "a+b@c.example", "customTags": ["x"]})
    );
    let event = http_event(
        "PATCH",
        json!({"id": "28281"}),
        "",
        json!(r#"{"id": "28282", "status": "resolved"}"#),
    );
    let reply = function.invoke(event).await.json();
    assert_eq!(reply["statusCode"], json!(400));
    assert_eq!(api_requests(&simulator).len(), 1);
}

#[tokio::test]
async fn a_failure_over_http_is_a_problem_document() {
    let simulator = Simulator::start();
    let function = function(&simulator, "get_incident");
    let reply = function
        .invoke(http_event(
            "GET",
            json!({"id": "999999999"}),
            "",
            Value::Null,
        ))
        .await
        .json();
    assert_eq!(reply["statusCode"], json!(404));
    assert_eq!(
        header(&reply, "headers", "content-type"),
        "application/problem+json"
    );
    assert_eq!(header(&reply, "headers", "cache-control"), "no-store");
    let problem: Value = serde_json::from_str(reply["body"].as_str().unwrap()).unwrap();
    assert_eq!(
        (&problem["code"], &problem["status"]),
        (&json!("NotFound"), &json!(404))
    );
    for field in ["type", "title", "detail", "requestId", "upstream"] {
        assert!(!problem[field].is_null(), "{field}: {problem}");
    }
}

#[tokio::test]
async fn a_throttle_over_http_says_when_to_come_back() {
    let simulator = Simulator::start();
    simulator.inject(Fault::from(Kind::throttle(90)).path("/v1.0/"));
    let event = http_event("GET", json!({}), "", Value::Null);
    let reply = function(&simulator, "list_incidents")
        .invoke(event)
        .await
        .json();
    assert_eq!(reply["statusCode"], json!(429));
    assert_eq!(header(&reply, "headers", "retry-after"), "90");
}

#[tokio::test]
async fn a_get_never_changes_anything_and_a_body_must_be_an_object() {
    let simulator = Simulator::start();
    let changing = function(&simulator, "update_incident");
    let reply = changing
        .invoke(http_event(
            "GET",
            json!({"id": "28281"}),
            "status=resolved",
            Value::Null,
        ))
        .await
        .json();
    assert_eq!(reply["statusCode"], json!(400));
    assert!(reply["body"].as_str().unwrap().contains("PATCH"));
    for body in [json!("[]"), json!("{"), json!("7"), json!("\"x\"")] {
        let reply = changing
            .invoke(http_event("PATCH", json!({"id": "28281"}), "", body))
            .await
            .json();
        assert_eq!(reply["statusCode"], json!(400));
    }
    assert!(simulator.requests().is_empty());
}

#[tokio::test]
async fn a_gateway_is_answered_before_it_gives_up_however_long_the_function_may_run() {
    let simulator = Simulator::start();
    simulator.inject(Fault::from(Kind::throttle(40)).path("/v1.0/").times(0));
    let function = builder(&simulator, "list_incidents")
        .timeout(std::time::Duration::from_secs(210))
        .start()
        .unwrap();
    let reply = function
        .invoke(http_event("GET", json!({}), "", Value::Null))
        .await
        .json();
    assert_eq!(reply["statusCode"], json!(429));
    assert_eq!(api_requests(&simulator).len(), 1);
}

#[tokio::test]
async fn an_input_that_is_no_object_is_refused() {
    let simulator = Simulator::start();
    let function = function(&simulator, "list_incidents");
    for payload in ["[]", "7", "\"list\"", "true"] {
        assert_eq!(
            code(&function.invoke(payload).await),
            "InvalidInput",
            "{payload}"
        );
    }
    assert_eq!(
        function.invoke(r#"{"Records": []}"#).await.json(),
        json!({"batchItemFailures": []})
    );
    assert_eq!(function.starts(), 1);
}

#[tokio::test]
async fn an_event_that_only_looks_like_one_is_refused_and_logged() {
    let simulator = Simulator::start();
    let function = function(&simulator, "list_incidents");
    for payload in [
        r#"{"Records": {}}"#,
        r#"{"Records": [{"eventSource": "aws:s3"}]}"#,
        r#"{"requestContext": {"http": 7}}"#,
        r#"{"detail-type": "x", "source": 7}"#,
    ] {
        let problem = problem(&function.invoke(payload).await);
        assert_eq!(problem["code"], json!("InvalidInput"), "{payload}");
        assert!(
            function
                .logs()
                .contains(problem["requestId"].as_str().unwrap()),
            "{payload}"
        );
    }
}

#[tokio::test]
async fn without_a_gateways_routes_the_path_is_read_here() {
    let simulator = Simulator::start();
    let function = function(&simulator, "get_incident");
    let mut url: Value = serde_json::from_str(&event("triggers/function_url.json")).unwrap();
    url["requestContext"]["http"]["method"] = json!("GET");
    url["rawPath"] = json!("/incidents/28281");
    url.as_object_mut().unwrap().remove("body");
    assert_eq!(
        function.invoke(url.to_string()).await.json()["statusCode"],
        json!(200)
    );
    let mut balancer: Value = serde_json::from_str(&event("triggers/alb.json")).unwrap();
    balancer["path"] = json!("/defender/incidents/28281");
    balancer["queryStringParameters"] = json!({});
    assert_eq!(
        function.invoke(balancer.to_string()).await.json()["statusCode"],
        json!(200)
    );
    assert_eq!(lines(&simulator), ["GET /v1.0/security/incidents/28281"; 2]);
}

#[tokio::test]
async fn nulls_are_fields_left_out() {
    let simulator = Simulator::start();
    let input = json!({"status": null, "top": null, "cursor": null, "expandAlerts": null, "tenantId": null, "updatedSince": null});
    function(&simulator, "list_incidents")
        .invoke(input.to_string())
        .await
        .json();
    assert_eq!(
        lines(&simulator),
        ["GET /v1.0/security/incidents?$top=50&$orderby=createdDateTime desc"]
    );
}
