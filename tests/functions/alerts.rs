//! Alerts on Microsoft Graph.

use serde_json::json;
use simulator::Simulator;

use crate::{api_requests, code, ids, invoke, line, lines};

#[tokio::test]
async fn a_list_is_filtered_by_the_api() {
    let simulator = Simulator::start();
    let input = json!({"severity": "high", "status": "new", "serviceSource": "microsoftDefenderForEndpoint", "top": 3});
    let answer = invoke(&simulator, "list_alerts", input).await.json();
    assert_eq!(
        lines(&simulator),
        [
            "GET /v1.0/security/alerts_v2?$top=3&$filter=status eq 'new' and severity eq 'high' and serviceSource eq \
          'microsoftDefenderForEndpoint'&$orderby=createdDateTime desc"
        ]
    );
    for alert in answer["items"].as_array().unwrap() {
        assert_eq!(
            (&alert["severity"], &alert["status"]),
            (&json!("high"), &json!("new"))
        );
    }
}

#[tokio::test]
async fn an_alert_comes_with_its_evidence() {
    let simulator = Simulator::start();
    let id = ids(&invoke(&simulator, "list_alerts", json!({"top": 1}))
        .await
        .json())
    .remove(0);
    let alert = invoke(&simulator, "get_alert", json!({"id": id}))
        .await
        .json();
    assert_eq!(alert["id"], json!(id));
    assert!(alert["evidence"].is_array());
}

#[tokio::test]
async fn an_update_and_a_comment_change_the_alert() {
    let simulator = Simulator::start();
    let id = ids(&invoke(&simulator, "list_alerts", json!({"top": 1}))
        .await
        .json())
    .remove(0);
    simulator.clear_requests();
    let input = json!({"id": id, "status": "resolved", "classification": "falsePositive", "determination": "notMalicious"});
    let updated = invoke(&simulator, "update_alert", input).await.json();
    assert_eq!(
        (&updated["status"], &updated["determination"]),
        (&json!("resolved"), &json!("notMalicious"))
    );
    let commented = invoke(
        &simulator,
        "comment_alert",
        json!({"id": id, "comment": "benign"}),
    )
    .await
    .json();
    assert_eq!(
        commented["items"].as_array().unwrap().last().unwrap()["comment"],
        json!("benign")
    );
    let requests = api_requests(&simulator);
    assert_eq!(
        requests.iter().map(line).collect::<Vec<_>>(),
        [
            format!("PATCH /v1.0/security/alerts_v2/{id}"),
            format!("POST /v1.0/security/alerts_v2/{id}/comments"),
        ]
    );
    assert_eq!(
        requests[0].json(),
        json!({"status": "resolved", "classification": "falsePositive", "determination": "notMalicious"})
    );
}

#[tokio::test]
async fn the_state_of_an_incident_is_none_of_an_alert() {
    let simulator = Simulator::start();
    let outcome = invoke(
        &simulator,
        "update_alert",
        json!({"id": "a1", "status": "active"}),
    )
    .await;
    assert_eq!(code(&outcome), "InvalidInput");
    assert!(simulator.requests().is_empty());
}
