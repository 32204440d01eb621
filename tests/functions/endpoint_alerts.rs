//! Alerts by way of the Endpoint API: made of an event, and changed many at once.

use serde_json::{Value, json};
use simulator::{Fault, Kind, Simulator};

use crate::{api_requests, code, event, invoke, line, problem};

const TENANT: &str = "harbourline.example";
const FIRST: &str = "edc7fc387c-9c6e-72dc-9a1b-67ab949b14bd";
const SECOND: &str = "ed239da195-b5f6-09a8-9a1b-02265e6f2a31";

fn sample(name: &str) -> Value {
    serde_json::from_str(&event(&format!("{name}.json"))).unwrap()
}

#[tokio::test]
async fn an_alert_is_made_of_an_event_by_microsofts_names() {
    let simulator = Simulator::start();
    let answer = invoke(&simulator, "create_alert", sample("create_alert"))
        .await
        .json();
    let requests = api_requests(&simulator);
    assert_eq!(
        requests.iter().map(line).collect::<Vec<_>>(),
        ["POST /api/alerts/CreateAlertByReference"]
    );
    assert_eq!(
        requests[0].json(),
        json!({
            "eventTime": "2026-11-13T06:00:00.1234567Z",
            "reportId": "1623",
            "machineId": "5854058a899368873d73bc05e733beaa4865c8ce",
            "severity": "Medium",
            "title": "Browser started before working hours",
            "description": "Seen by the hunting query of the night shift.",
            "recommendedAction": "Ask the user.",
            "category": "SuspiciousActivity",
        })
    );
    assert_eq!(
        answer["title"],
        json!("Browser started before working hours")
    );
    assert!(answer["id"].as_str().unwrap().starts_with("da"), "{answer}");
}

#[tokio::test]
async fn an_event_may_be_named_by_numbers_and_must_be_there() {
    let simulator = Simulator::start();
    let mut input = sample("create_alert");
    input["reportId"] = json!(1623);
    invoke(&simulator, "create_alert", input.clone())
        .await
        .json();
    input["reportId"] = json!(99);
    assert_eq!(
        code(&invoke(&simulator, "create_alert", input).await),
        "NotFound"
    );
}

#[tokio::test]
async fn an_alert_whose_answer_is_lost_is_not_made_again() {
    let simulator = Simulator::start();
    simulator.inject(Fault::from(Kind::DropAfter).path("/api/").times(1));
    let problem = problem(&invoke(&simulator, "create_alert", sample("create_alert")).await);
    assert_eq!(problem["code"], json!("OutcomeUnknown"));
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("Look at the alerts of the device"),
        "{problem}"
    );
    assert_eq!(api_requests(&simulator).len(), 1);
}

#[tokio::test]
async fn many_alerts_are_changed_in_the_endpoint_apis_words() {
    let simulator = Simulator::start();
    let input = json!({
        "alertIds": [FIRST, SECOND, FIRST],
        "status": "inProgress",
        "assignedTo": "analyst@harbourline.example",
        "classification": "truePositive",
        "determination": "compromisedAccount",
        "comment": "見ました",
    });
    let answer = invoke(&simulator, "update_alerts", input).await.json();
    assert_eq!(
        answer,
        json!({"alertIds": [FIRST, SECOND], "updated": true})
    );
    let requests = api_requests(&simulator);
    assert_eq!(
        requests.iter().map(line).collect::<Vec<_>>(),
        ["POST /api/alerts/batchUpdate"]
    );
    assert_eq!(
        requests[0].json(),
        json!({
            "alertIds": [FIRST, SECOND],
            "status": "InProgress",
            "assignedTo": "analyst@harbourline.example",
            "classification": "TruePositive",
            "determination": "CompromisedUser",
            "comment": "見ました",
        })
    );
    let (status, comment) = simulator.edit(TENANT, |tenant| {
        let alert = tenant.alert(SECOND).unwrap();
        (
            alert.status.clone(),
            alert.comments.last().unwrap().comment.clone(),
        )
    });
    assert_eq!(
        (status.as_str(), comment.as_str()),
        ("inProgress", "見ました")
    );
}

#[tokio::test]
async fn an_update_whose_answer_is_lost_is_unknown_and_warns_of_a_second_comment() {
    let simulator = Simulator::start();
    simulator.inject(Fault::from(Kind::DropAfter).path("/api/").times(1));
    let problem = problem(&invoke(&simulator, "update_alerts", sample("update_alerts")).await);
    assert_eq!(problem["code"], json!("OutcomeUnknown"));
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("comment would be there twice"),
        "{problem}"
    );
    assert_eq!(api_requests(&simulator).len(), 1);
}

#[tokio::test]
async fn an_alert_that_is_not_there_is_not_found() {
    let simulator = Simulator::start();
    let input = json!({"alertIds": [FIRST, "da0_0"], "status": "new"});
    assert_eq!(
        code(&invoke(&simulator, "update_alerts", input).await),
        "NotFound"
    );
}

#[tokio::test]
async fn a_wrong_change_is_refused_by_its_field_and_nothing_is_sent() {
    let simulator = Simulator::start();
    let created = |field: &str, value: Value| {
        let mut input = sample("create_alert");
        input[field] = value;
        input
    };
    let many: Vec<_> = (0..1_001).map(|number| format!("da{number}_1")).collect();
    for (operation, input, says) in [
        (
            "update_alerts",
            json!({"alertIds": [FIRST]}),
            "besides `alertIds`",
        ),
        (
            "update_alerts",
            json!({"alertIds": [], "status": "new"}),
            "`alertIds`: 0 different",
        ),
        (
            "update_alerts",
            json!({"alertIds": many, "status": "new"}),
            "`alertIds`: 1001 different",
        ),
        (
            "update_alerts",
            json!({"alertIds": ["a/b"], "status": "new"}),
            "`alertIds`",
        ),
        (
            "update_alerts",
            json!({"alertIds": [FIRST], "assignedTo": ""}),
            "`update_alert`",
        ),
        (
            "update_alerts",
            json!({"alertIds": [FIRST], "determination": "apt"}),
            "`apt` is not a word",
        ),
        (
            "update_alerts",
            json!({"alertIds": [FIRST], "comment": " "}),
            "`comment`",
        ),
        (
            "create_alert",
            created("severity", json!("informational")),
            "`severity`",
        ),
        (
            "create_alert",
            created("category", json!("Malware")),
            "`category`",
        ),
        (
            "create_alert",
            created("eventTime", json!("PT5M")),
            "`eventTime`",
        ),
        (
            "create_alert",
            created("reportId", json!("r-1")),
            "`reportId`",
        ),
        ("create_alert", created("title", json!("")), "`title`"),
        (
            "create_alert",
            created("machineId", json!("x")),
            "`machineId`",
        ),
    ] {
        let problem = problem(&invoke(&simulator, operation, input).await);
        assert_eq!(problem["code"], json!("InvalidInput"), "{says}");
        assert!(
            problem["detail"].as_str().unwrap().contains(says),
            "{says}: {problem}"
        );
    }
    assert!(simulator.requests().is_empty());
}
