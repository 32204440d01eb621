//! Incidents on Microsoft Graph: the request on the wire and the answer, whole.

use serde_json::{Value, json};
use simulator::Simulator;

use crate::{api_requests, code, ids, invoke, line, lines, problem};

#[tokio::test]
async fn a_list_is_filtered_by_the_api_and_passed_on_unread() {
    let simulator = Simulator::start();
    let input = json!({"status": "active", "severity": "medium", "top": 2});
    let answer = invoke(&simulator, "list_incidents", input).await.json();
    assert_eq!(
        lines(&simulator),
        [
            "GET /v1.0/security/incidents?$top=2&$filter=status eq 'active' and severity eq 'medium'&$orderby=createdDateTime desc"
        ]
    );
    let first = answer["items"][0].clone();
    assert_eq!(answer["items"].as_array().unwrap().len(), 2);
    let whole = invoke(&simulator, "get_incident", json!({"id": first["id"]}))
        .await
        .json();
    for (field, value) in first.as_object().unwrap() {
        assert_eq!(&whole[field], value, "{field}");
    }
    assert_eq!(
        answer.as_object().unwrap().keys().collect::<Vec<_>>(),
        ["items", "next"]
    );
}

#[tokio::test]
async fn every_filter_is_spelled_as_graph_spells_it() {
    let simulator = Simulator::start();
    let input = json!({
        "assignedTo": "o'neil@harbourline.example",
        "classification": "truePositive",
        "determination": "malware",
        "updatedSince": "2026-11-01T02:00:00+02:00",
        "updatedBefore": "2026-11-18T00:00:00Z",
        "createdSince": "2026-10-01T00:00:00.1234567Z",
        "createdBefore": "2026-11-17T00:00:00Z",
    });
    let answer = invoke(&simulator, "list_incidents", input).await.json();
    assert_eq!(answer, json!({"items": []}));
    assert_eq!(
        api_requests(&simulator)[0].parameter("$filter").unwrap(),
        "assignedTo eq 'o''neil@harbourline.example' and lastUpdateDateTime ge 2026-11-01T00:00:00Z and \
         lastUpdateDateTime lt 2026-11-18T00:00:00Z and createdDateTime ge 2026-10-01T00:00:00.1234567Z and \
         createdDateTime lt 2026-11-17T00:00:00Z and classification eq 'truePositive' and determination eq 'malware'"
    );
}

#[tokio::test]
async fn a_raw_filter_goes_instead_of_the_others_and_its_refusal_is_passed_on() {
    let simulator = Simulator::start();
    let raw = json!({"filter": "severity eq 'high' or severity eq 'low'"});
    let answer = invoke(&simulator, "list_incidents", raw).await.json();
    assert!(!ids(&answer).is_empty());
    let both = json!({"filter": "severity eq 'high'", "status": "active"});
    assert_eq!(
        code(&invoke(&simulator, "list_incidents", both).await),
        "InvalidInput"
    );
    let unsupported = invoke(
        &simulator,
        "list_incidents",
        json!({"filter": "displayName eq 'x'"}),
    )
    .await;
    let problem = problem(&unsupported);
    assert_eq!(
        (&problem["code"], &problem["upstream"]["status"]),
        (&json!("UpstreamRejected"), &json!(400))
    );
    assert!(
        problem["detail"].as_str().unwrap().contains("displayName"),
        "{problem}"
    );
}

#[tokio::test]
async fn alerts_come_along_when_asked_for() {
    let simulator = Simulator::start();
    let answer = invoke(
        &simulator,
        "get_incident",
        json!({"id": "28281", "expandAlerts": true}),
    )
    .await
    .json();
    assert_eq!(
        lines(&simulator),
        ["GET /v1.0/security/incidents/28281?$expand=alerts"]
    );
    assert!(
        answer["alerts"]
            .as_array()
            .is_some_and(|alerts| !alerts.is_empty())
    );
    let without = invoke(&simulator, "get_incident", json!({"id": 28281}))
        .await
        .json();
    assert_eq!(without["alerts"], Value::Null);
    assert_eq!(without["id"], json!("28281"));
}

#[tokio::test]
async fn an_update_sends_what_was_given_and_answers_the_incident_as_it_is_then() {
    let simulator = Simulator::start();
    let input = json!({
        "id": "28281",
        "status": "resolved",
        "assignedTo": "",
        "classification": "informationalExpectedActivity",
        "determination": "confirmedActivity",
        "tags": ["first", "zweite"],
    });
    let answer = invoke(&simulator, "update_incident", input).await.json();
    let requests = api_requests(&simulator);
    assert_eq!(
        requests.iter().map(line).collect::<Vec<_>>(),
        ["PATCH /v1.0/security/incidents/28281"]
    );
    assert_eq!(
        requests[0].json(),
        json!({
            "status": "resolved",
            "assignedTo": null,
            "classification": "informationalExpectedActivity",
            "determination": "confirmedActivity",
            "customTags": ["first", "zweite"],
        })
    );
    let now = simulator.edit("harbourline.example", |tenant| {
        tenant.incident("28281").unwrap().status.clone()
    });
    assert_eq!(
        (now.as_str(), &answer["status"]),
        ("resolved", &json!("resolved"))
    );
    assert_eq!(answer["customTags"], json!(["first", "zweite"]));
}

#[tokio::test]
async fn a_comment_is_added_and_all_comments_are_answered() {
    let simulator = Simulator::start();
    let comment = "見ました: \"contained\" 👍";
    let answer = invoke(
        &simulator,
        "comment_incident",
        json!({"id": "28281", "comment": comment}),
    )
    .await
    .json();
    let requests = api_requests(&simulator);
    assert_eq!(
        requests.iter().map(line).collect::<Vec<_>>(),
        ["POST /v1.0/security/incidents/28281/comments"]
    );
    assert_eq!(
        requests[0].header("content-type"),
        Some("application/json; charset=utf-8")
    );
    assert_eq!(
        requests[0].json(),
        json!({"@odata.type": "microsoft.graph.security.alertComment", "comment": comment})
    );
    let last = answer["items"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(last["comment"], json!(comment));
}

#[tokio::test]
async fn a_wrong_input_is_refused_by_its_field_and_nothing_is_sent() {
    let simulator = Simulator::start();
    for (operation, input, names) in [
        ("list_incidents", json!({"status": "closed"}), "status"),
        ("list_incidents", json!({"top": 0}), "top"),
        ("list_incidents", json!({"top": 10_001}), "top"),
        (
            "list_incidents",
            json!({"updatedSince": "yesterday"}),
            "updatedSince",
        ),
        ("list_incidents", json!({"cursor": "abc"}), "cursor"),
        ("list_incidents", json!({"colour": "red"}), "colour"),
        ("get_incident", json!({}), "id"),
        ("get_incident", json!({"id": "../alerts_v2"}), "id"),
        ("update_incident", json!({"id": "28281"}), "id"),
        (
            "update_incident",
            json!({"id": "28281", "determination": "evil"}),
            "determination",
        ),
        (
            "comment_incident",
            json!({"id": "28281", "comment": "  "}),
            "comment",
        ),
    ] {
        let problem = problem(&invoke(&simulator, operation, input.clone()).await);
        assert_eq!(
            (&problem["code"], &problem["status"]),
            (&json!("InvalidInput"), &json!(400)),
            "{input}"
        );
        assert!(
            problem["detail"]
                .as_str()
                .unwrap()
                .contains(&format!("`{names}`")),
            "{input}: {problem}"
        );
    }
    assert!(simulator.requests().is_empty());
}

#[tokio::test]
async fn an_incident_that_is_not_there_is_not_found() {
    let simulator = Simulator::start();
    let problem = problem(&invoke(&simulator, "get_incident", json!({"id": "999999999"})).await);
    assert_eq!(
        (&problem["code"], &problem["status"]),
        (&json!("NotFound"), &json!(404))
    );
    let upstream = &problem["upstream"];
    assert_eq!(
        (&upstream["service"], &upstream["status"]),
        (&json!("graph"), &json!(404))
    );
    assert!(upstream["requestId"].is_string(), "{problem}");
}

#[tokio::test]
async fn newer_enum_members_are_asked_for() {
    let simulator = Simulator::start();
    invoke(&simulator, "list_incidents", json!({})).await.json();
    let request = &api_requests(&simulator)[0];
    assert_eq!(
        request.header("prefer"),
        Some("include-unknown-enum-members")
    );
    assert!(
        request
            .header("user-agent")
            .unwrap()
            .starts_with("defender-functions/")
    );
}
