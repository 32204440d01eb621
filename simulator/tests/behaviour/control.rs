//! Starting, stopping, the request log and the control endpoints.

use reqwest::{Certificate, Client, Method};
use serde_json::json;
use simulator::Simulator;

use crate::client::*;

#[tokio::test]
async fn every_request_is_logged_as_it_was_sent() {
    let api = Api::graph().await;
    api.sim.clear_requests();
    api.get(
        "/v1.0/security/incidents/28%32%381",
        &[("$filter", "status eq 'active'")],
    )
    .await;
    api.send(
        Method::POST,
        "/v1.0/security/runHuntingQuery",
        json!({ "Query": "AlertInfo" }),
    )
    .await;
    let log = api.sim.requests();
    assert_eq!(log.len(), 2);
    assert_eq!(
        (log[0].method.as_str(), log[0].path.as_str()),
        ("GET", "/v1.0/security/incidents/28%32%381")
    );
    assert_eq!(log[0].parameter("$filter"), Some("status eq 'active'"));
    assert_eq!(log[0].query_string, "%24filter=status+eq+%27active%27");
    assert_eq!(
        log[0].header("authorization"),
        Some(format!("Bearer {}", api.token).as_str())
    );
    assert_eq!(log[1].json(), json!({ "Query": "AlertInfo" }));
}

#[tokio::test]
async fn everything_can_be_done_over_http_and_leaves_no_trace_in_the_log() {
    let api = Api::graph().await;
    let fault = json!({ "kind": "throttle", "retryAfter": { "httpDateInSeconds": 5 }, "path": "/v1.0/", "times": 2 });
    let (status, live) = api.send(Method::POST, "/_simulator/faults", fault).await;
    assert_eq!((status, &live[0]["times"]), (200, &2.into()));
    assert_eq!(api.get("/v1.0/security/incidents", &[]).await.0, 429);
    assert_eq!(api.get("/_simulator/faults", &[]).await.1[0]["times"], 1);
    api.call(Method::DELETE, "/_simulator/faults")
        .send()
        .await
        .unwrap();
    assert_eq!(api.get("/v1.0/security/incidents", &[]).await.0, 200);
    assert_eq!(
        api.send(
            Method::POST,
            "/_simulator/faults",
            json!({ "kind": "earthquake" })
        )
        .await
        .0,
        400
    );

    assert_eq!(
        api.get("/_simulator/health", &[]).await.1["now"],
        "2026-11-18T09:30:00.1234567Z"
    );
    let (_, moved) = api
        .send(
            Method::POST,
            "/_simulator/clock",
            json!({ "advance": "PT5M" }),
        )
        .await;
    assert_eq!(
        (&moved["now"], api.sim.now().as_str()),
        (
            &"2026-11-18T09:35:00.1234567Z".into(),
            "2026-11-18T09:35:00.1234567Z"
        )
    );
    assert_eq!(
        api.get("/_simulator/tenants", &[])
            .await
            .1
            .as_array()
            .unwrap()
            .len(),
        4
    );

    let paths: Vec<String> = api
        .sim
        .requests()
        .into_iter()
        .map(|request| request.path)
        .collect();
    assert_eq!(
        paths[1..],
        ["/v1.0/security/incidents", "/v1.0/security/incidents"]
    );
    let (_, log) = api.get("/_simulator/requests", &[]).await;
    assert_eq!(log.as_array().unwrap().len(), 3);
    api.call(Method::DELETE, "/_simulator/requests")
        .send()
        .await
        .unwrap();
    assert!(api.sim.requests().is_empty());
}

#[tokio::test]
async fn tls_is_trusted_through_its_own_root() {
    let sim = Simulator::builder().tls().start().unwrap();
    assert!(sim.origin().starts_with("https://127.0.0.1:"));
    let health = format!("{}/_simulator/health", sim.origin());
    assert!(http().get(&health).send().await.is_err());
    let root = Certificate::from_pem(sim.ca_pem().unwrap().as_bytes()).unwrap();
    let client = Client::builder().tls_certs_only([root]).build().unwrap();
    assert_eq!(client.get(&health).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_live_clock_brings_the_seeds_to_the_present() {
    let sim = Simulator::builder().live_clock().start().unwrap();
    let newest = sim.edit(HARBOURLINE, |tenant| {
        tenant.incidents.last().unwrap().created_date_time.clone()
    });
    let age =
        simulator::time::parse(&sim.now()).unwrap() - simulator::time::parse(&newest).unwrap();
    // The story's newest incident was created just under four hours before it is told.
    assert!(
        (0..4 * 3600 * simulator::time::SECOND).contains(&age),
        "{newest}"
    );
    assert!(newest.ends_with(".4454321Z"), "{newest}");
}

#[tokio::test]
async fn it_stops_when_dropped_and_its_port_can_be_had_again() {
    let sim = Simulator::start();
    let origin = sim.origin().to_owned();
    let port = origin.rsplit(':').next().unwrap().parse().unwrap();
    drop(sim);
    assert!(
        http()
            .get(format!("{origin}/_simulator/health"))
            .send()
            .await
            .is_err()
    );
    let again = Simulator::builder().port(port).start().unwrap();
    assert_eq!(again.origin(), origin);
}

#[tokio::test]
async fn the_environment_points_at_the_first_tenant() {
    let sim = Simulator::start();
    let environment: std::collections::HashMap<String, String> =
        sim.environment().into_iter().collect();
    assert_eq!(environment["AZURE_CLIENT_ID"], BRIGHTWATCH);
    assert_eq!(environment["AZURE_CLIENT_SECRET"], SECRET);
    for name in [
        "AZURE_AUTHORITY_HOST",
        "GRAPH_ENDPOINT",
        "DEFENDER_ENDPOINT",
    ] {
        assert_eq!(environment[name], sim.origin());
    }
}

#[test]
fn a_folder_without_tenants_is_an_error_that_names_it() {
    let error = Simulator::builder()
        .tenants_from(env!("CARGO_MANIFEST_DIR"))
        .start()
        .unwrap_err();
    assert!(error.to_string().contains(env!("CARGO_MANIFEST_DIR")));
}
