//! How often an invocation waits for the network: connections that are made ahead, kept and shared, and what those cost that died.

use std::{
    collections::HashMap,
    time::{Duration, SystemTime},
};

use defender_functions::{
    call::App, config::Config, entra::want::Want, telemetry::Trace, time::Deadline,
};
use futures_util::future::join_all;
use local::runtime_api::Builder;
use serde_json::json;
use simulator::{Fault, Kind, Simulator};

use crate::{api_requests, builder, relay::Relay, response::DEVICE, tenant_id, token_requests};

const INCIDENT: &str = r#"{"id": "28281"}"#;
const GET: &str = "GET /v1.0/security/incidents/28281";
/// Another device of the first tenant.
const CONTROLLER: &str = "70a457691357053cbc5ceeb85082124db0540ecb";
const LOOK: &str = "GET /api/machineactions";

/// A function whose requests to Entra and to the APIs go over relays of their own.
fn relayed(simulator: &Simulator, operation: &str) -> (Builder, Relay, Relay) {
    let (entra, api) = (Relay::to(simulator), Relay::to(simulator));
    let builder = builder(simulator, operation)
        .env("AZURE_AUTHORITY_HOST", &entra.origin)
        .env("GRAPH_ENDPOINT", &api.origin)
        .env("DEFENDER_ENDPOINT", &api.origin);
    (builder, entra, api)
}

fn isolate(device: &str) -> String {
    json!({"deviceId": device, "comment": "c"}).to_string()
}

/// How many requests each connection of a relay has carried.
fn requests(relay: &Relay) -> Vec<usize> {
    relay.connections().iter().map(Vec::len).collect()
}

fn posts(simulator: &Simulator) -> usize {
    let requests = api_requests(simulator).into_iter();
    requests.filter(|request| request.method == "POST").count()
}

#[tokio::test]
async fn a_function_connects_before_it_is_invoked_and_asks_nothing_until_then() {
    let simulator = Simulator::start();
    let (builder, entra, api) = relayed(&simulator, "get_incident");
    let function = builder.start().unwrap();
    for relay in [&entra, &api] {
        relay.until(|connections| connections.len() == 1).await;
        assert!(relay.connections()[0].is_empty());
    }
    let token = format!("POST /{}/oauth2/v2.0/token", tenant_id(&simulator));
    for warm in 0..3 {
        function.invoke(INCIDENT).await.json();
        assert_eq!(entra.connections(), [[token.clone()]]);
        assert_eq!(api.connections(), [vec![GET; warm + 1]]);
    }
}

#[tokio::test]
async fn a_function_that_asks_microsoft_nothing_connects_to_nobody() {
    let simulator = Simulator::start();
    let (builder, entra, api) = relayed(&simulator, "list_tenants");
    let outcome = builder.start().unwrap().invoke("{}").await;
    let detail = outcome.problem()["detail"].clone();
    assert!(
        detail
            .as_str()
            .unwrap()
            .starts_with("TENANTS_TABLE is not set"),
        "{detail}"
    );
    assert!(entra.connections().is_empty() && api.connections().is_empty());
}

#[tokio::test]
async fn the_api_is_connected_to_while_a_token_for_it_is_fetched() {
    let simulator = Simulator::start();
    let (entra, api) = (Relay::to(&simulator), Relay::to(&simulator));
    let mut environment: HashMap<_, _> = simulator.environment().into_iter().collect();
    environment.insert("AZURE_AUTHORITY_HOST".into(), entra.origin.clone());
    environment.insert("GRAPH_ENDPOINT".into(), api.origin.clone());
    let app = App::new(Config::read(|name| environment.get(name).cloned()).unwrap()).unwrap();
    let want = Want {
        config: &app.config,
        client: &app.client,
        tenant: &app.config.tenant,
        audience: &app.config.graph.audience,
        api: Some(&app.config.graph.base),
        claims: None,
        deadline: Deadline::of_lambda(SystemTime::now() + Duration::from_secs(30)),
        trace: &Trace::default(),
    };
    entra.hold("POST ");
    let connected = async {
        api.until(|connections| connections.len() == 1).await;
        entra.release();
    };
    let (token, ()) = tokio::join!(app.tokens.get(&want), connected);
    token.unwrap();
    assert_eq!(api.connections(), [[""; 0]]);
}

#[tokio::test]
async fn connections_that_were_closed_before_their_first_use_cost_nothing_but_others() {
    let simulator = Simulator::start();
    let (builder, entra, api) = relayed(&simulator, "get_incident");
    let function = builder
        .env("AWS_LAMBDA_LOG_LEVEL", "DEBUG")
        .start()
        .unwrap();
    for relay in [&entra, &api] {
        relay.until(|connections| connections.len() == 1).await;
        relay.close(0);
    }
    function.invoke(INCIDENT).await.json();
    assert_eq!(requests(&entra), [0, 1]);
    assert_eq!(requests(&api), [0, 1]);
    // Nor was anything tried on them.
    assert_eq!(function.logs().matches("sent a request").count(), 2);
}

#[tokio::test]
async fn connections_that_break_when_they_are_used_cost_a_read_one_more_try() {
    let simulator = Simulator::start();
    let (builder, entra, api) = relayed(&simulator, "get_incident");
    let function = builder.start().unwrap();
    for relay in [&entra, &api] {
        relay.until(|connections| connections.len() == 1).await;
        relay.break_when_used();
    }
    function.invoke(INCIDENT).await.json();
    assert_eq!(requests(&entra), [1, 1]);
    assert_eq!(requests(&api), [1, 1]);
    api.break_when_used();
    function.invoke(INCIDENT).await.json();
    assert_eq!(requests(&api), [1, 2, 1]);
    assert_eq!(api_requests(&simulator).len(), 2);
    assert_eq!(token_requests(&simulator).len(), 1);
}

/// The connections of earlier invocations are dead, and nobody has noticed.
#[tokio::test]
async fn a_change_goes_over_a_connection_that_was_made_for_it_while_the_device_was_looked_at() {
    let simulator = Simulator::start();
    let (builder, _entra, api) = relayed(&simulator, "isolate_device");
    let function = builder.start().unwrap();
    let answer = function.invoke(isolate(DEVICE)).await.json();
    assert_eq!(answer["outcome"], "requested");
    let before = api.connections().len();
    api.break_when_used();
    api.hold(LOOK);
    let made = async {
        let looks = |connections: &[Vec<String>]| connections.contains(&vec![LOOK.to_owned()]);
        let waits = |connections: &[Vec<String>]| connections.contains(&Vec::new());
        api.until(|all| looks(&all[before..]) && waits(&all[before..]))
            .await;
        api.release();
    };
    let (outcome, ()) = tokio::join!(function.invoke(isolate(CONTROLLER)), made);
    assert_eq!(outcome.json()["outcome"], "requested");
    assert_eq!(posts(&simulator), 2);
    let isolation = format!("POST /api/machines/{CONTROLLER}/isolate");
    assert!(
        api.connections()[before..].contains(&vec![isolation]),
        "{:?}",
        api.connections()
    );
}

#[tokio::test]
async fn a_change_that_looks_at_nothing_makes_no_connection_but_its_own() {
    let simulator = Simulator::start();
    let (builder, entra, api) = relayed(&simulator, "comment_incident");
    let function = builder.start().unwrap();
    let comment = "POST /v1.0/security/incidents/28281/comments";
    for earlier in 0..3 {
        let input = json!({"id": "28281", "comment": "c"});
        function.invoke(input.to_string()).await.json();
        assert_eq!(requests(&entra), [1]);
        assert_eq!(api.connections(), vec![vec![comment]; earlier + 1]);
    }
}

#[tokio::test]
async fn a_dry_run_makes_no_connection_for_the_change_that_never_comes() {
    let simulator = Simulator::start();
    let (builder, entra, api) = relayed(&simulator, "isolate_device");
    let function = builder.start().unwrap();
    for earlier in 0..3 {
        let input = json!({"deviceId": DEVICE, "comment": "c", "dryRun": true});
        let answer = function.invoke(input.to_string()).await.json();
        assert_eq!(answer["outcome"], "dryRun");
        assert_eq!(requests(&entra), [1]);
        assert_eq!(api.connections(), [vec![LOOK; earlier + 1]]);
    }
}

#[tokio::test]
async fn a_connection_for_a_change_that_was_closed_meanwhile_is_replaced() {
    let simulator = Simulator::start();
    let (builder, _entra, api) = relayed(&simulator, "isolate_device");
    let function = builder.start().unwrap();
    api.until(|connections| connections.len() == 1).await;
    api.hold(LOOK);
    let closed = async {
        api.until(|connections| connections.len() == 2 && connections[0].len() == 1)
            .await;
        api.close(1);
        api.release();
    };
    let (outcome, ()) = tokio::join!(function.invoke(isolate(DEVICE)), closed);
    assert_eq!(outcome.json()["outcome"], "requested");
    assert_eq!(posts(&simulator), 1);
    let connections = api.connections();
    assert!(connections[1].is_empty(), "{connections:?}");
    assert_eq!(connections[2].len(), 1, "{connections:?}");
}

#[tokio::test]
async fn the_changes_of_an_invocation_share_a_connection_and_those_of_two_do_not() {
    let simulator = Simulator::start();
    let (builder, _entra, api) = relayed(&simulator, "import_indicators");
    let function = builder.start().unwrap();
    for invocation in 0..2 {
        let indicator = |number| {
            json!({
                "indicatorValue": format!("d{number}.{invocation}.example"), "indicatorType": "domainName", "action": "block",
                "title": "Tidewatch", "description": "One of many",
            })
        };
        let indicators: Vec<_> = (0..501).map(indicator).collect();
        let input = json!({ "indicators": indicators });
        function.invoke(input.to_string()).await.json();
    }
    let changes = |requests: &Vec<String>| {
        let posts = requests.iter().filter(|line| line.starts_with("POST "));
        posts.count()
    };
    let changes: Vec<_> = api.connections().iter().map(changes).collect();
    let carrying: Vec<_> = changes.into_iter().filter(|changes| *changes > 0).collect();
    assert_eq!(carrying, [2, 2]);
}

#[tokio::test]
async fn invocations_that_run_at_once_share_one_token_request_and_keep_their_connections() {
    const AT_ONCE: usize = 64;
    let simulator = Simulator::start();
    simulator.inject(
        Fault::from(Kind::Delay { milliseconds: 200 })
            .path("/")
            .times(1),
    );
    let (builder, entra, api) = relayed(&simulator, "get_incident");
    let function = builder.concurrency(AT_ONCE).start().unwrap();
    let ids: Vec<_> = (28281..=28290).collect();
    let asked = |number: usize| ids[number % ids.len()].to_string();
    for _ in 0..2 {
        let invocations = (0..AT_ONCE).map(|number| {
            let input = json!({ "id": asked(number) }).to_string();
            let function = &function;
            async move { function.invoke(input).await.json() }
        });
        let answers = join_all(invocations).await;
        for (number, answer) in answers.iter().enumerate() {
            assert_eq!(answer["id"], asked(number));
        }
    }
    assert_eq!(token_requests(&simulator).len(), 1);
    assert_eq!(api_requests(&simulator).len(), 2 * AT_ONCE);
    assert_eq!(entra.connections().len(), 1);
    let connections = api.connections().len();
    assert!(connections <= AT_ONCE * 5 / 4, "{connections}");
    assert_eq!(function.starts(), 1);
}
