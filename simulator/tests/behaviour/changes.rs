//! Changes to Graph's incidents and alerts.

use reqwest::Method;
use serde_json::{Value, json};

use crate::client::*;

const INCIDENTS: &str = "/v1.0/security/incidents";
const ALERTS: &str = "/v1.0/security/alerts_v2";

#[tokio::test]
async fn a_change_stays_and_moves_the_update_time() {
    let api = Api::graph().await;
    let path = format!("{INCIDENTS}/28291");
    let change = json!({ "status": "resolved", "determination": "notMalicious", "classification": "falsePositive",
        "assignedTo": "t.okafor@harbourline.example", "customTags": ["travel ✈"] });
    let (status, body) = api.send(Method::PATCH, &path, change).await;
    assert_eq!((status, &body["status"]), (200, &"resolved".into()));
    let (_, body) = api.get(&path, &[]).await;
    assert_eq!(body["customTags"], json!(["travel ✈"]));
    assert_eq!(body["lastUpdateDateTime"], "2026-11-18T09:30:00.1234567Z");
    assert_eq!(body["lastModifiedBy"], "Brightwatch SOC");
    let (_, again) = api
        .send(Method::PATCH, &path, json!({ "assignedTo": null }))
        .await;
    assert_eq!(
        (&again["assignedTo"], &again["lastUpdateDateTime"]),
        (&Value::Null, &"2026-11-18T09:30:00.1234568Z".into())
    );
}

#[tokio::test]
async fn a_wrong_change_is_refused_and_changes_nothing() {
    let api = Api::graph().await;
    let path = format!("{INCIDENTS}/28291");
    let (_, before) = api.get(&path, &[]).await;
    for wrong in [
        json!({ "status": "closed" }),
        json!({ "determination": "clean" }),
        json!({ "status": "resolved", "severity": "low" }),
        json!({ "customTags": "one" }),
        json!([]),
    ] {
        assert_eq!(
            api.send(Method::PATCH, &path, wrong.clone()).await.0,
            400,
            "{wrong}"
        );
    }
    assert_eq!(api.get(&path, &[]).await.1, before);
    let (status, body) = api
        .send(
            Method::PATCH,
            &format!("{INCIDENTS}/1"),
            json!({ "status": "active" }),
        )
        .await;
    assert_eq!(
        (status, &body["error"]["code"]),
        (404, &"ResourceNotFound".into())
    );
}

#[tokio::test]
async fn comments_are_answered_all_together() {
    let api = Api::graph().await;
    let comment =
        json!({ "@odata.type": "microsoft.graph.security.alertComment", "comment": "確認済み ✔" });
    let (status, body) = api
        .send(
            Method::POST,
            &format!("{INCIDENTS}/28281/comments"),
            comment.clone(),
        )
        .await;
    assert_eq!((status, body["value"].as_array().unwrap().len()), (200, 3));
    assert_eq!(body["value"][2]["createdByDisplayName"], "Brightwatch SOC");
    let alert = api.ids(ALERTS, &[("$top", "1")]).await.remove(0);
    let (_, body) = api
        .send(Method::POST, &format!("{ALERTS}/{alert}/comments"), comment)
        .await;
    assert_eq!(body["value"][0]["comment"], "確認済み ✔");
    assert_eq!(
        api.send(
            Method::POST,
            &format!("{ALERTS}/{alert}/comments"),
            json!({ "comment": "" })
        )
        .await
        .0,
        400
    );
}

#[tokio::test]
async fn a_resolved_alert_says_when() {
    let api = Api::graph().await;
    let id = api
        .ids(ALERTS, &[("$filter", "status eq 'new'"), ("$top", "1")])
        .await
        .remove(0);
    let (_, body) = api
        .send(
            Method::PATCH,
            &format!("{ALERTS}/{id}"),
            json!({ "status": "resolved" }),
        )
        .await;
    assert_eq!(body["resolvedDateTime"], "2026-11-18T09:30:00.1234567Z");
    assert_eq!(
        api.send(
            Method::PATCH,
            &format!("{ALERTS}/{id}"),
            json!({ "customTags": [] })
        )
        .await
        .0,
        400
    );
}
