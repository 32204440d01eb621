//! The Defender XDR API: the same inputs in its own dialect, and a plain no to what it lacks.

use serde_json::json;
use simulator::Simulator;

use crate::{api_requests, builder, code, ids, invoke_xdr, line, lines, problem, token_requests};

#[tokio::test]
async fn incidents_are_listed_in_the_apis_own_words() {
    let simulator = Simulator::start();
    let input = json!({"status": "inProgress", "updatedSince": "2026-01-01T00:00:00Z", "top": 5});
    let answer = invoke_xdr(&simulator, "list_incidents", input).await.json();
    assert_eq!(
        lines(&simulator),
        [
            "GET /api/incidents?$top=100&$filter=status eq 'InProgress' and lastUpdateTime ge 2026-01-01T00:00:00Z"
        ]
    );
    for incident in answer["items"].as_array().unwrap() {
        assert_eq!(incident["status"], json!("InProgress"));
        assert!(incident["incidentId"].is_number() && incident["alerts"].is_array());
    }
}

#[tokio::test]
async fn a_severity_that_the_api_cannot_filter_by_is_filtered_here() {
    let simulator = Simulator::start();
    let all = invoke_xdr(&simulator, "list_incidents", json!({}))
        .await
        .json();
    let expected: Vec<_> = all["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|incident| incident["severity"] == json!("High"))
        .map(|incident| incident["incidentId"].to_string())
        .collect();
    assert!(!expected.is_empty() && expected.len() < ids(&all).len());
    simulator.clear_requests();
    let high = invoke_xdr(&simulator, "list_incidents", json!({"severity": "high"}))
        .await
        .json();
    assert_eq!(ids(&high), expected);
    assert_eq!(lines(&simulator)[0], "GET /api/incidents?$top=100");
}

#[tokio::test]
async fn tokens_are_for_the_apis_own_audience_from_either_endpoint() {
    for (version, path, target) in [
        (
            "v2",
            "/oauth2/v2.0/token",
            ("scope", "https://api.security.microsoft.com/.default"),
        ),
        (
            "v1",
            "/oauth2/token",
            ("resource", "https://api.security.microsoft.com"),
        ),
    ] {
        let simulator = Simulator::start();
        let function = builder(&simulator, "get_incident")
            .envs([("DEFENDER_API", "xdr"), ("AZURE_TOKEN_VERSION", version)])
            .start()
            .unwrap();
        let incident = function.invoke(r#"{"id": 28281}"#).await.json();
        assert_eq!(incident["incidentId"], json!(28281));
        let request = &token_requests(&simulator)[0];
        assert!(request.path.ends_with(path), "{}", request.path);
        let form = request.form();
        assert!(
            form.contains(&(target.0.to_owned(), target.1.to_owned())),
            "{version}"
        );
        assert_eq!(form.len(), 4);
    }
}

#[tokio::test]
async fn an_update_is_translated() {
    let simulator = Simulator::start();
    let input = json!({
        "id": "28281",
        "status": "resolved",
        "classification": "falsePositive",
        "determination": "notEnoughDataToValidate",
        "tags": ["seen"],
    });
    let answer = invoke_xdr(&simulator, "update_incident", input)
        .await
        .json();
    let requests = api_requests(&simulator);
    assert_eq!(
        requests.iter().map(line).collect::<Vec<_>>(),
        ["PATCH /api/incidents/28281"]
    );
    assert_eq!(
        requests[0].json(),
        json!({
            "status": "Resolved",
            "classification": "FalsePositive",
            "determination": "NoEnoughDataToValidate",
            "tags": ["seen"],
        })
    );
    assert_eq!(answer["status"], json!("Resolved"));
}

#[tokio::test]
async fn hunting_answers_in_the_same_shape_as_graph() {
    let simulator = Simulator::start();
    let input = json!({"query": "DeviceInfo | take 1 | project DeviceName"});
    let answer = invoke_xdr(&simulator, "run_hunting_query", input)
        .await
        .json();
    let request = &api_requests(&simulator)[0];
    assert_eq!(line(request), "POST /api/advancedhunting/run");
    assert_eq!(
        request.json(),
        json!({"Query": "DeviceInfo | take 1 | project DeviceName"})
    );
    assert_eq!(answer["schema"].as_array().unwrap().len(), 1);
    assert_eq!(answer["schema"][0]["name"], json!("DeviceName"));
    assert_eq!(
        answer.as_object().unwrap().keys().collect::<Vec<_>>(),
        ["results", "schema"]
    );
}

#[tokio::test]
async fn what_the_api_lacks_is_refused_with_the_way_out() {
    let simulator = Simulator::start();
    for (operation, input) in [
        ("comment_incident", json!({"id": "28281", "comment": "x"})),
        ("list_alerts", json!({})),
        ("get_alert", json!({"id": "a1"})),
        ("update_alert", json!({"id": "a1", "status": "new"})),
        ("comment_alert", json!({"id": "a1", "comment": "x"})),
    ] {
        let problem = problem(&invoke_xdr(&simulator, operation, input).await);
        assert_eq!(problem["code"], json!("InvalidInput"));
        let detail = problem["detail"].as_str().unwrap();
        assert!(
            detail.contains(operation) && detail.contains("DEFENDER_API=graph"),
            "{detail}"
        );
    }
    for (operation, input) in [
        (
            "update_incident",
            json!({"id": "28281", "determination": "apt"}),
        ),
        ("list_incidents", json!({"classification": "truePositive"})),
        (
            "run_hunting_query",
            json!({"query": "DeviceInfo", "timespan": "P1D"}),
        ),
    ] {
        assert_eq!(
            code(&invoke_xdr(&simulator, operation, input).await),
            "InvalidInput"
        );
    }
    assert!(simulator.requests().is_empty());
}

#[tokio::test]
async fn an_error_of_the_api_names_its_own_request_id() {
    let simulator = Simulator::start();
    let problem = problem(&invoke_xdr(&simulator, "get_incident", json!({"id": 999999999})).await);
    assert_eq!(problem["code"], json!("NotFound"));
    assert_eq!(problem["upstream"]["service"], json!("xdr"));
    assert!(problem["upstream"]["requestId"].is_string());
}
