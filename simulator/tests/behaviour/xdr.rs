//! The XDR API's incidents.

use reqwest::Method;
use serde_json::{Value, json};

use crate::client::*;

const INCIDENTS: &str = "/api/incidents";

fn numbers(page: &Value) -> Vec<u64> {
    page["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|incident| incident["incidentId"].as_u64().unwrap())
        .collect()
}

#[tokio::test]
async fn incidents_are_graphs_in_other_words() {
    let api = Api::xdr().await;
    let (status, body) = api.get(INCIDENTS, &[]).await;
    assert_eq!((status, numbers(&body).len()), (200, 12));
    assert!(body.get("@odata.nextLink").is_none());
    let (_, one) = api.get("/api/incidents/28281", &[]).await;
    assert_eq!(one["status"], "InProgress");
    assert_eq!(one["determination"], "MultiStagedAttack");
    assert_eq!(one["comments"][0]["createdBy"], "Lena Brandt (admin)");
    let alert = &one["alerts"][1];
    assert_eq!(
        (
            &alert["serviceSource"],
            &alert["devices"][0]["deviceDnsName"]
        ),
        (
            &"MicrosoftDefenderATP".into(),
            &"hl-ws-014.harbourline.example".into()
        )
    );
    let kinds: Vec<&str> = alert["entities"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entity| entity["entityType"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["User", "Process", "File"]);
    assert_eq!(alert["entities"][0].as_object().unwrap().len(), 31);
    let (_, merged) = api.get("/api/incidents/28287", &[]).await;
    assert_eq!(merged["redirectIncidentId"], 28281);
}

#[tokio::test]
async fn pages_are_cut_by_top_and_skip() {
    let api = Api::xdr().await;
    let (_, all) = api.get(INCIDENTS, &[]).await;
    let (_, page) = api.get(INCIDENTS, &[("$top", "5"), ("$skip", "10")]).await;
    assert_eq!(numbers(&page), numbers(&all)[10..]);
    assert_eq!(api.get(INCIDENTS, &[("$top", "101")]).await.0, 400);
}

#[tokio::test]
async fn filters_take_four_fields_and_no_others() {
    let api = Api::xdr().await;
    let (_, page) = api
        .get(INCIDENTS, &[("$filter", "status eq 'Redirected'")])
        .await;
    assert_eq!(numbers(&page), [28287]);
    let (_, page) = api
        .get(
            INCIDENTS,
            &[(
                "$filter",
                "lastUpdateTime gt 2026-11-18T00:00:00Z and createdTime lt 2026-11-17T00:00:00Z",
            )],
        )
        .await;
    assert_eq!(numbers(&page), [28281]);
    let (status, body) = api
        .get(INCIDENTS, &[("$filter", "severity eq 'High'")])
        .await;
    assert_eq!(
        (status, &body["error"]["code"]),
        (400, &"ODataError".into())
    );
    assert!(body["error"]["target"].is_string());
}

#[tokio::test]
async fn an_update_is_seen_by_graph_too() {
    let mut api = Api::xdr().await;
    let change = json!({ "status": "Resolved", "classification": "FalsePositive", "determination": "Clean", "tags": ["x"], "comment": "pen test" });
    let (status, body) = api
        .send(Method::PATCH, "/api/incidents/28291", change)
        .await;
    assert_eq!((status, &body["determination"]), (200, &"Clean".into()));
    api.token = token(&api.sim, HARBOURLINE, GRAPH).await;
    let (_, seen) = api.get("/v1.0/security/incidents/28291", &[]).await;
    assert_eq!(
        (&seen["status"], &seen["determination"]),
        (&"resolved".into(), &"notMalicious".into())
    );
    assert_eq!(seen["comments"][0]["comment"], "pen test");
}

#[tokio::test]
async fn an_update_in_graphs_words_is_refused() {
    let api = Api::xdr().await;
    for wrong in [
        json!({ "status": "resolved" }),
        json!({ "determination": "NotMalicious" }),
        json!({ "customTags": [] }),
        json!(1),
    ] {
        let (status, body) = api.send(Method::PATCH, "/api/incidents/28291", wrong).await;
        assert_eq!(
            (status, &body["error"]["code"]),
            (400, &"InvalidRequestBody".into())
        );
    }
    let (status, body) = api.get("/api/incidents/7", &[]).await;
    assert_eq!(
        (status, &body["error"]["message"]),
        (404, &"Incident 7 was not found".into())
    );
}

#[tokio::test]
async fn a_missing_role_is_named() {
    let mut api = Api::xdr().await;
    api.sim.edit(HARBOURLINE, |tenant| {
        tenant
            .app(BRIGHTWATCH)
            .unwrap()
            .roles
            .insert("xdr".into(), vec!["Incident.Read.All".into()]);
    });
    api.token = token(&api.sim, HARBOURLINE, XDR).await;
    let (status, body) = api
        .send(
            Method::PATCH,
            "/api/incidents/28291",
            json!({ "status": "Active" }),
        )
        .await;
    assert_eq!(status, 403);
    assert_eq!(
        body["error"]["message"],
        "Missing application roles. API required roles: Incident.ReadWrite.All, application roles: Incident.Read.All."
    );
}
