//! Machine actions: listed, got, cancelled, and what they bring.

use std::time::Duration;

use serde_json::{Value, json};
use simulator::{ActionKind, Simulator, Status};

use crate::{builder, code, ids, invoke, lines, problem, response::DEVICE};

const TENANT: &str = "harbourline.example";

/// Has the device do something and answers the action's id.
async fn act(simulator: &Simulator, operation: &str, more: Value) -> String {
    let mut input = json!({"deviceId": DEVICE, "comment": "c"});
    for (name, value) in more.as_object().unwrap() {
        input[name] = value.clone();
    }
    let answer = invoke(simulator, operation, input).await.json();
    let id = answer["action"]["id"].as_str().unwrap().to_owned();
    simulator.clear_requests();
    id
}

#[tokio::test]
async fn actions_are_filtered_by_the_api_and_told_whole() {
    let simulator = Simulator::start();
    let scan = act(&simulator, "scan_device", json!({})).await;
    act(&simulator, "collect_package", json!({})).await;
    let input = json!({"deviceId": DEVICE, "type": "RunAntiVirusScan", "status": "pending", "createdSince": "2026-01-01T00:00:00Z"});
    let answer = invoke(&simulator, "list_actions", input).await.json();
    assert_eq!(
        lines(&simulator),
        [format!(
            "GET /api/machineactions?$top=50&$filter=machineId eq '{DEVICE}' and type eq 'RunAntiVirusScan' and status eq 'Pending' \
             and creationDateTimeUtc ge 2026-01-01T00:00:00Z"
        )]
    );
    assert_eq!(ids(&answer), std::slice::from_ref(&scan));
    assert!(answer["items"][0]["lastUpdateTimeUtc"].is_string());

    let action = invoke(&simulator, "get_action", json!({"actionId": scan}))
        .await
        .json();
    assert_eq!(action["type"], "RunAntiVirusScan");
    assert!(action["lastUpdateDateTimeUtc"].is_string());
}

#[tokio::test]
async fn a_counted_listing_goes_on_where_it_ended() {
    let simulator = Simulator::start();
    let mut made = Vec::new();
    for operation in ["scan_device", "collect_package", "restrict_apps"] {
        made.push(act(&simulator, operation, json!({})).await);
    }
    let (mut seen, mut cursor) = (Vec::new(), Value::Null);
    loop {
        let page = invoke(
            &simulator,
            "list_actions",
            json!({"deviceId": DEVICE, "top": 2, "cursor": cursor}),
        )
        .await
        .json();
        seen.extend(ids(&page));
        cursor = page["next"].clone();
        if cursor.is_null() {
            break;
        }
    }
    seen.sort();
    made.sort();
    assert_eq!(seen, made);
    assert_eq!(
        lines(&simulator),
        [
            format!("GET /api/machineactions?$top=2&$filter=machineId eq '{DEVICE}'"),
            format!("GET /api/machineactions?$top=2&$filter=machineId eq '{DEVICE}'&$skip=2"),
        ]
    );
}

#[tokio::test]
async fn an_action_is_cancelled_once_and_one_that_is_over_is_left_alone() {
    let simulator = Simulator::start();
    let id = act(&simulator, "scan_device", json!({})).await;
    let input = json!({"actionId": id, "comment": "mistaken"});
    let answer = invoke(&simulator, "cancel_action", input.clone())
        .await
        .json();
    assert_eq!(answer["outcome"], "requested");
    assert_eq!(answer["action"]["status"], "Cancelled");
    assert_eq!(
        lines(&simulator),
        [
            format!("GET /api/machineactions/{id}"),
            format!("POST /api/machineactions/{id}/cancel")
        ]
    );
    let sent = simulator.requests().last().unwrap().json();
    assert_eq!(sent, json!({"Comment": "mistaken"}));

    let again = invoke(&simulator, "cancel_action", input).await.json();
    assert_eq!(again["outcome"], "alreadyRequested");

    let over = act(&simulator, "collect_package", json!({})).await;
    simulator.advance(Duration::from_secs(60));
    let input = json!({"actionId": over, "comment": "late"});
    let problem = problem(&invoke(&simulator, "cancel_action", input).await);
    assert_eq!(problem["code"], "Conflict");
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("(Succeeded) is over")
    );
}

#[tokio::test]
async fn cancelling_minds_the_guards_and_is_looked_up_when_its_answer_is_lost() {
    let simulator = Simulator::start();
    let id = act(&simulator, "scan_device", json!({})).await;
    let input = json!({"actionId": id, "comment": "mistaken"});
    let guarded = builder(&simulator, "cancel_action")
        .env("FORBID_DEVICE_TAG", "finance")
        .start()
        .unwrap();
    assert_eq!(code(&guarded.invoke(input.to_string()).await), "Refused");

    let lost = simulator::Fault::from(simulator::Kind::DropAfter).method("POST");
    simulator.inject(lost.path("/api/machineactions"));
    let answer = invoke(&simulator, "cancel_action", input).await.json();
    assert_eq!(answer["action"]["status"], "Cancelled");
}

#[tokio::test]
async fn a_package_is_not_ready_then_a_link_or_never_there() {
    let simulator = Simulator::start();
    let id = act(&simulator, "collect_package", json!({})).await;
    let input = json!({"actionId": id});
    let waiting = problem(&invoke(&simulator, "get_package_uri", input.clone()).await);
    assert_eq!(waiting["code"], "NotReady");
    assert_eq!(waiting["retryAfterSeconds"], 30);

    simulator.advance(Duration::from_secs(60));
    let link = invoke(&simulator, "get_package_uri", input).await.json();
    let uri = link["uri"].as_str().unwrap();
    assert!(
        uri.starts_with(simulator.origin()) && !uri.contains('"'),
        "{uri}"
    );

    simulator.edit(TENANT, |tenant| {
        tenant.next_actions_end(
            ActionKind::CollectInvestigationPackage,
            Status::Failed,
            Duration::ZERO,
        );
    });
    let failed = act(&simulator, "collect_package", json!({})).await;
    let outcome = invoke(&simulator, "get_package_uri", json!({"actionId": failed})).await;
    assert_eq!(code(&outcome), "Conflict");
    let unknown = json!({"actionId": "00000000-0000-4000-8000-000000000000"});
    assert_eq!(
        code(&invoke(&simulator, "get_package_uri", unknown).await),
        "NotFound"
    );
    let scan = act(&simulator, "scan_device", json!({})).await;
    simulator.advance(Duration::from_secs(60));
    let outcome = invoke(&simulator, "get_package_uri", json!({"actionId": scan})).await;
    assert_eq!(code(&outcome), "NotFound");
}

#[tokio::test]
async fn a_live_response_gives_a_link_to_each_result() {
    let simulator = Simulator::start();
    let commands =
        json!([{"type": "GetFile", "params": [{"key": "Path", "value": "C:\\out.zip"}]}]);
    let id = act(
        &simulator,
        "run_live_response",
        json!({"commands": commands}),
    )
    .await;
    let input = json!({"actionId": id, "index": 0});
    assert_eq!(
        code(&invoke(&simulator, "get_live_response_result", input.clone()).await),
        "NotReady"
    );
    simulator.advance(Duration::from_secs(60));
    simulator.clear_requests();
    let link = invoke(&simulator, "get_live_response_result", input)
        .await
        .json();
    assert!(
        link["uri"]
            .as_str()
            .unwrap()
            .starts_with(simulator.origin())
    );
    assert_eq!(
        lines(&simulator),
        [format!(
            "GET /api/machineactions/{id}/GetLiveResponseResultDownloadLink(index=0)"
        )]
    );
}

#[tokio::test]
async fn packages_are_copied_only_where_a_bucket_is_named() {
    let simulator = Simulator::start();
    let id = act(&simulator, "collect_package", json!({})).await;
    let problem = problem(&invoke(&simulator, "save_package", json!({"actionId": id})).await);
    assert_eq!(problem["code"], "Misconfigured");
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .starts_with("EVIDENCE_BUCKET")
    );
    assert!(lines(&simulator).is_empty());
}
