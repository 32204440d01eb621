//! Graph's incidents and alerts.

use reqwest::Method;
use serde_json::json;

use crate::client::*;

const INCIDENTS: &str = "/v1.0/security/incidents";
const ALERTS: &str = "/v1.0/security/alerts_v2";

#[tokio::test]
async fn incidents_come_newest_first_and_in_the_documented_shape() {
    let api = Api::graph().await;
    let (status, body) = api.get(INCIDENTS, &[("$count", "true")]).await;
    assert_eq!((status, &body["@odata.count"]), (200, &12.into()));
    assert_eq!(ids(&body)[..2], ["28292", "28291"]);
    let first = &body["value"][0];
    assert_eq!(first["@odata.type"], "#microsoft.graph.security.incident");
    for key in [
        "displayName",
        "customTags",
        "systemTags",
        "comments",
        "redirectIncidentId",
        "incidentWebUrl",
    ] {
        assert!(first.get(key).is_some(), "{key}");
    }
    assert!(first.get("alerts").is_none());
}

#[tokio::test]
async fn a_page_holds_at_most_fifty_incidents_and_links_to_the_next() {
    let api = Api::graph().await;
    api.sim
        .edit(HARBOURLINE, |tenant| tenant.grow_incidents(100, |_, _| {}));
    let mut seen = api.ids(INCIDENTS, &[("$top", "200")]).await;
    assert_eq!(seen.len(), 50);
    let (_, mut page) = api
        .get(
            INCIDENTS,
            &[("$top", "200"), ("$filter", "severity eq 'medium'")],
        )
        .await;
    seen = ids(&page);
    while let Some(link) = page["@odata.nextLink"].as_str() {
        let next = link.strip_prefix(api.sim.origin()).unwrap().to_owned();
        page = api.get(&next, &[]).await.1;
        seen.extend(ids(&page));
    }
    let distinct: std::collections::HashSet<&String> = seen.iter().collect();
    assert_eq!((seen.len(), distinct.len()), (106, 106));
}

#[tokio::test]
async fn a_skip_beyond_five_hundred_is_refused_though_it_was_linked() {
    let api = Api::graph().await;
    api.sim
        .edit(HARBOURLINE, |tenant| tenant.grow_incidents(600, |_, _| {}));
    let (status, page) = api.get(INCIDENTS, &[("$skip", "500")]).await;
    assert_eq!((status, ids(&page).len()), (200, 50));
    let next = page["@odata.nextLink"]
        .as_str()
        .unwrap()
        .strip_prefix(api.sim.origin())
        .unwrap();
    let (status, body) = api.get(next, &[]).await;
    assert_eq!(
        (status, &body["error"]["code"]),
        (400, &"BadRequest".into())
    );
}

#[tokio::test]
async fn alerts_come_by_the_hundred_and_never_more_than_a_thousand() {
    let api = Api::graph().await;
    api.sim.edit(HARBOURLINE, |tenant| {
        let one = tenant.alerts[0].clone();
        for index in 0..1200 {
            let mut alert = one.clone();
            alert.id = format!("grown{index}");
            tenant.alerts.push(alert);
        }
    });
    assert_eq!(api.ids(ALERTS, &[]).await.len(), 100);
    assert_eq!(api.ids(ALERTS, &[("$top", "5000")]).await.len(), 1000);
}

#[tokio::test]
async fn filters_take_the_documented_fields_and_no_others() {
    let api = Api::graph().await;
    let kept = async |filter: &str| api.ids(INCIDENTS, &[("$filter", filter)]).await;
    assert_eq!(kept("status eq 'redirected'").await, ["28287"]);
    assert_eq!(
        kept("severity eq 'high' and status eq 'inProgress'").await,
        ["28281"]
    );
    assert_eq!(
        kept("lastUpdateDateTime eq 2026-11-16T15:00:00.2700000Z").await,
        ["28282", "28283"]
    );
    assert_eq!(
        kept("assignedTo eq 'k.sato@harbourline.example'").await,
        ["28285"]
    );
    for wrong in [
        "displayName eq 'x'",
        "status eq active",
        "serviceSource eq 'x'",
    ] {
        let (status, body) = api.get(INCIDENTS, &[("$filter", wrong)]).await;
        assert_eq!(
            (status, &body["error"]["code"]),
            (400, &"BadRequest".into()),
            "{wrong}"
        );
    }
    assert_eq!(
        api.ids(
            ALERTS,
            &[("$filter", "serviceSource eq 'microsoftDefenderForIdentity'")]
        )
        .await
        .len(),
        3
    );
    assert_eq!(api.get(ALERTS, &[("$expand", "evidence")]).await.0, 400);
}

#[tokio::test]
async fn an_order_can_be_asked_for() {
    let api = Api::graph().await;
    let ascending = api
        .ids(INCIDENTS, &[("$orderby", "lastUpdateDateTime asc")])
        .await;
    assert_eq!(
        (ascending[0].as_str(), ascending[11].as_str()),
        ("28290", "28281")
    );
    assert_eq!(api.get(INCIDENTS, &[("$orderby", "severity")]).await.0, 400);
}

#[tokio::test]
async fn alerts_are_expanded_with_their_evidence() {
    let api = Api::graph().await;
    let (_, body) = api
        .get(&format!("{INCIDENTS}/28281"), &[("$expand", "alerts")])
        .await;
    let alerts = body["alerts"].as_array().unwrap();
    assert_eq!(alerts.len(), 6);
    let device = alerts[1]["evidence"][0]["mdeDeviceId"].as_str().unwrap();
    assert!(device.len() == 40 && device.chars().all(|c| c.is_ascii_hexdigit()));
}

#[tokio::test]
async fn newer_enum_members_are_shown_to_those_who_ask() {
    let api = Api::graph().await;
    let path = format!("{INCIDENTS}/28289");
    assert_eq!(api.get(&path, &[]).await.1["status"], "unknownFutureValue");
    let asked = api
        .call(Method::GET, &path)
        .header("prefer", "include-unknown-enum-members");
    assert_eq!(
        read(asked.send().await.unwrap()).await.1["status"],
        "awaitingAction"
    );
}

#[tokio::test]
async fn a_token_must_be_there_and_be_for_graph_and_have_a_role() {
    let mut api = Api::graph().await;
    let (status, body) = read(
        http()
            .get(format!("{}{INCIDENTS}", api.sim.origin()))
            .send()
            .await
            .unwrap(),
    )
    .await;
    assert_eq!(
        (status, &body["error"]["code"]),
        (401, &"InvalidAuthenticationToken".into())
    );

    api.token = token(&api.sim, HARBOURLINE, XDR).await;
    assert_eq!(api.get(INCIDENTS, &[]).await.0, 401);

    api.token = token(&api.sim, "maplewood-clinic.example", GRAPH).await;
    assert_eq!(api.ids(INCIDENTS, &[]).await, ["91", "90"]);
    let (status, body) = api
        .send(
            Method::PATCH,
            &format!("{INCIDENTS}/90"),
            json!({ "status": "resolved" }),
        )
        .await;
    assert_eq!((status, &body["error"]["code"]), (403, &"Forbidden".into()));
    let message = "Missing application roles. API required roles: SecurityIncident.ReadWrite.All, \
                   application roles: SecurityIncident.Read.All,SecurityAlert.Read.All.";
    assert_eq!(body["error"]["message"], message);
}

#[tokio::test]
async fn an_answer_names_its_request_and_echoes_the_callers_id() {
    let api = Api::graph().await;
    let request = api
        .call(Method::GET, &format!("{INCIDENTS}/0"))
        .header("client-request-id", "mine");
    let response = request.send().await.unwrap();
    let id = response.headers()["request-id"]
        .to_str()
        .unwrap()
        .to_owned();
    assert_eq!(response.headers()["client-request-id"], "mine");
    let (_, body) = read(response).await;
    assert_eq!(body["error"]["innerError"]["request-id"], id);
}

#[tokio::test]
async fn an_incident_can_arrive_late() {
    let api = Api::graph().await;
    let since = [(
        "$filter",
        "lastUpdateDateTime gt 2026-11-01T00:00:00Z and lastUpdateDateTime lt 2026-11-02T00:00:00Z",
    )];
    assert!(api.ids(INCIDENTS, &since).await.is_empty());
    let id = api.sim.edit(HARBOURLINE, |tenant| {
        tenant.late_arrival("2026-11-01T10:00:00.25Z")
    });
    assert_eq!(api.ids(INCIDENTS, &since).await, [id]);
}
