//! Tokens: how they are asked for, kept, renewed and judged, and whose tenant they are for.

use std::{
    collections::HashMap,
    time::{Duration, SystemTime},
};

use defender_functions::{
    call::App,
    config::{Config, Tenant},
    entra::want::Want,
    telemetry::Trace,
    time::Deadline,
};
use serde_json::json;
use simulator::{Fault, Kind, Simulator};

use crate::{
    TemporaryFile, api_requests, builder, code, function, invoke, problem, tenant_id,
    token_requests, variable,
};

const LIST: &str = r#"{"top": 1}"#;

/// How the paths of the tenant's token endpoints begin.
fn token_path(simulator: &Simulator) -> String {
    format!("/{}/", tenant_id(simulator))
}

#[tokio::test]
async fn the_token_request_is_the_documented_one() {
    let simulator = Simulator::start();
    invoke(&simulator, "list_incidents", json!({})).await.json();
    let request = &token_requests(&simulator)[0];
    assert_eq!(request.method, "POST");
    assert_eq!(
        request.path,
        format!("/{}/oauth2/v2.0/token", tenant_id(&simulator))
    );
    assert_eq!(request.query_string, "");
    assert_eq!(
        request.header("content-type"),
        Some("application/x-www-form-urlencoded")
    );
    assert_eq!(
        request.form(),
        [
            ("grant_type", "client_credentials"),
            ("client_id", &variable(&simulator, "AZURE_CLIENT_ID")),
            (
                "client_secret",
                &variable(&simulator, "AZURE_CLIENT_SECRET")
            ),
            ("scope", "https://graph.microsoft.com/.default"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
}

#[tokio::test]
async fn a_token_serves_many_invocations() {
    let simulator = Simulator::start();
    let function = function(&simulator, "list_incidents");
    for _ in 0..5 {
        function.invoke(LIST).await.json();
    }
    assert_eq!(
        (
            token_requests(&simulator).len(),
            api_requests(&simulator).len()
        ),
        (1, 5)
    );
}

#[tokio::test]
async fn callers_that_want_the_same_token_wait_for_one_fetch() {
    let simulator = Simulator::start();
    simulator.inject(Fault::from(Kind::Delay { milliseconds: 100 }).times(0));
    let environment: HashMap<_, _> = simulator.environment().into_iter().collect();
    let app = App::new(Config::read(|name| environment.get(name).cloned()).unwrap()).unwrap();
    let other = Tenant::parse("kitsune-foods.example").unwrap();
    let deadline = Deadline::of_lambda(SystemTime::now() + Duration::from_secs(30));
    let trace = Trace::default();
    let want = |tenant| Want {
        config: &app.config,
        client: &app.client,
        tenant,
        audience: &app.config.graph.audience,
        api: None,
        claims: None,
        deadline,
        trace: &trace,
    };
    let callers = (0..20).map(|caller| {
        let want = want(if caller % 2 == 0 {
            &app.config.tenant
        } else {
            &other
        });
        let app = &app;
        async move { app.tokens.get(&want).await.unwrap().authorization() }
    });
    let tokens = futures_util::future::join_all(callers).await;
    assert_eq!(token_requests(&simulator).len(), 2, "one for each tenant");
    for caller in 2..20 {
        assert_eq!(tokens[caller], tokens[caller % 2]);
    }
    assert_ne!(tokens[0], tokens[1]);
}

#[tokio::test]
async fn a_token_that_does_not_say_what_was_demanded_is_replaced() {
    let simulator = Simulator::start();
    let environment: HashMap<_, _> = simulator.environment().into_iter().collect();
    let app = App::new(Config::read(|name| environment.get(name).cloned()).unwrap()).unwrap();
    let trace = Trace::default();
    let get = async |claims| {
        let want = Want {
            config: &app.config,
            client: &app.client,
            tenant: &app.config.tenant,
            audience: &app.config.graph.audience,
            api: None,
            claims,
            deadline: Deadline::of_lambda(SystemTime::now() + Duration::from_secs(30)),
            trace: &trace,
        };
        app.tokens.get(&want).await.unwrap().authorization()
    };
    let demand = Some(r#"{"access_token":{"xms_cc":{"values":["cp1"]}}}"#);
    let plain = get(None).await;
    let demanded = get(demand).await;
    assert_ne!(plain, demanded);
    // Whoever demands the same, or nothing, has it too.
    assert_eq!(demanded, get(demand).await);
    assert_eq!(demanded, get(None).await);
    assert_eq!(token_requests(&simulator).len(), 2);
}

#[tokio::test]
async fn a_token_near_its_end_is_renewed_before_it_is_used() {
    let simulator = Simulator::start();
    let client_id = variable(&simulator, "AZURE_CLIENT_ID");
    simulator.edit("harbourline.example", |tenant| {
        tenant.app(&client_id).unwrap().token_lifetime_seconds = 2
    });
    let function = function(&simulator, "list_incidents");
    function.invoke(LIST).await.json();
    // Three quarters of two seconds is when a token of two seconds is renewed.
    tokio::time::sleep(Duration::from_millis(1_600)).await;
    function.invoke(LIST).await.json();
    assert_eq!(token_requests(&simulator).len(), 2);
}

#[tokio::test]
async fn a_token_that_is_refused_is_replaced_once() {
    let simulator = Simulator::start();
    let function = function(&simulator, "list_incidents");
    function.invoke(LIST).await.json();
    simulator.edit("harbourline.example", |tenant| tenant.revoke_tokens());
    function.invoke(LIST).await.json();
    assert_eq!(
        (
            token_requests(&simulator).len(),
            api_requests(&simulator).len()
        ),
        (2, 3)
    );
    let tokens: Vec<_> = api_requests(&simulator)
        .iter()
        .map(|request| request.header("authorization").unwrap().to_owned())
        .collect();
    assert!(tokens[0] == tokens[1] && tokens[1] != tokens[2]);
}

#[tokio::test]
async fn an_api_that_refuses_every_token_is_not_asked_for_ever() {
    let simulator = Simulator::start();
    simulator.inject(Fault::from(Kind::Unauthorized).path("/v1.0/").times(0));
    let problem = problem(&invoke(&simulator, "list_incidents", json!({})).await);
    assert_eq!(
        (&problem["code"], &problem["upstream"]["status"]),
        (&json!("UpstreamRejected"), &json!(401))
    );
    assert!(
        problem["detail"].as_str().unwrap().contains("audience"),
        "{problem}"
    );
    assert_eq!(
        (
            token_requests(&simulator).len(),
            api_requests(&simulator).len()
        ),
        (2, 2)
    );
}

#[tokio::test]
async fn a_change_that_is_refused_with_401_is_sent_again_with_a_new_token() {
    let simulator = Simulator::start();
    let function = function(&simulator, "comment_incident");
    let comment = r#"{"id": "28281", "comment": "once"}"#;
    function.invoke(comment).await.json();
    simulator.edit("harbourline.example", |tenant| tenant.revoke_tokens());
    let answer = function.invoke(comment).await.json();
    let written = answer["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|item| item["comment"] == json!("once"))
        .count();
    assert_eq!(written, 2);
}

#[tokio::test]
async fn a_missing_permission_is_named_before_the_api_is_called_and_a_consent_works_at_once() {
    let simulator = Simulator::start();
    let client_id = variable(&simulator, "AZURE_CLIENT_ID");
    let grant = |roles: &[&str]| {
        let roles: Vec<_> = roles.iter().map(|role| (*role).to_owned()).collect();
        simulator.edit("harbourline.example", |tenant| {
            tenant
                .app(&client_id)
                .unwrap()
                .roles
                .insert("graph".to_owned(), roles);
        });
    };
    grant(&["SecurityIncident.Read.All"]);
    let function = function(&simulator, "update_incident");
    let update = r#"{"id": "28281", "status": "resolved"}"#;
    let problem = problem(&function.invoke(update).await);
    assert_eq!(
        (&problem["code"], &problem["status"]),
        (&json!("PermissionMissing"), &json!(403))
    );
    let detail = problem["detail"].as_str().unwrap();
    let link = format!(
        "{}/{}/adminconsent?client_id={client_id}",
        simulator.origin(),
        tenant_id(&simulator)
    );
    for part in [
        "SecurityIncident.ReadWrite.All",
        "carries SecurityIncident.Read.All",
        &link,
    ] {
        assert!(detail.contains(part), "{detail}");
    }
    assert!(api_requests(&simulator).is_empty());
    grant(&["SecurityIncident.ReadWrite.All"]);
    function.invoke(update).await.json();
}

#[tokio::test]
async fn an_app_without_any_consent_is_told_so() {
    let simulator = Simulator::start();
    let function = builder(&simulator, "list_alerts")
        .env("AZURE_CLIENT_ID", "c84a0f19-7d36-4e52-b1c0-6f9e8d7a5b43")
        .env("AZURE_CLIENT_SECRET", "night-shift-simulated")
        .start()
        .unwrap();
    let problem = problem(&function.invoke("{}").await);
    assert_eq!(problem["code"], json!("PermissionMissing"));
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("no permissions at all"),
        "{problem}"
    );
}

#[tokio::test]
async fn what_entra_refuses_is_named_with_advice_and_never_asked_again() {
    for (name, value, number, advice) in [
        (
            "AZURE_CLIENT_SECRET",
            "wrong",
            7000215,
            "the secret's value",
        ),
        (
            "AZURE_CLIENT_SECRET",
            "bright~watch.S0C-retired",
            7000222,
            "expired",
        ),
        (
            "AZURE_CLIENT_ID",
            "00000000-0000-4000-8000-000000000000",
            700016,
            "AZURE_CLIENT_ID",
        ),
        (
            "AZURE_TENANT_ID",
            "00000000-0000-4000-8000-000000000000",
            90002,
            "AZURE_TENANT_ID",
        ),
        (
            "GRAPH_AUDIENCE",
            "https://graph.example",
            500011,
            "GRAPH_AUDIENCE",
        ),
    ] {
        let simulator = Simulator::start();
        let function = builder(&simulator, "list_incidents")
            .env(name, value)
            .start()
            .unwrap();
        let problem = problem(&function.invoke("{}").await);
        assert_eq!(
            (&problem["code"], &problem["status"]),
            (&json!("CredentialRejected"), &json!(502)),
            "{problem}"
        );
        let detail = problem["detail"].as_str().unwrap();
        assert!(
            detail.starts_with(&format!("AADSTS{number}: ")) && detail.contains(advice),
            "{detail}"
        );
        assert_eq!(problem["upstream"]["service"], json!("entra"));
        assert_eq!(
            problem["upstream"]["code"],
            json!(format!("AADSTS{number}"))
        );
        assert!(problem["upstream"]["requestId"].is_string());
        assert_eq!(
            (
                token_requests(&simulator).len(),
                api_requests(&simulator).len()
            ),
            (1, 0)
        );
    }
}

#[tokio::test]
async fn a_passing_fault_of_entras_is_outwaited() {
    let simulator = Simulator::start();
    simulator.inject(Kind::Entra { code: 90033 });
    simulator.inject(Fault::from(Kind::status(503)).path(&token_path(&simulator)));
    invoke(&simulator, "list_incidents", json!({})).await.json();
    assert_eq!(token_requests(&simulator).len(), 3);
}

#[tokio::test]
async fn entras_throttle_which_is_no_json_is_a_throttle() {
    let simulator = Simulator::start();
    simulator.inject(
        Fault::from(Kind::throttle(60))
            .path(&token_path(&simulator))
            .times(0),
    );
    let problem = problem(&invoke(&simulator, "list_incidents", json!({})).await);
    assert_eq!(
        (&problem["code"], &problem["retryAfterSeconds"]),
        (&json!("Throttled"), &json!(60))
    );
    assert_eq!(problem["upstream"]["service"], json!("entra"));
    assert_eq!(token_requests(&simulator).len(), 1);
}

#[tokio::test]
async fn a_token_that_still_works_is_used_while_entra_is_down() {
    let simulator = Simulator::start();
    let client_id = variable(&simulator, "AZURE_CLIENT_ID");
    simulator.edit("harbourline.example", |tenant| {
        tenant.app(&client_id).unwrap().token_lifetime_seconds = 40;
    });
    let function = function(&simulator, "list_incidents");
    function.invoke(LIST).await.json();
    simulator.inject(
        Fault::from(Kind::status(503))
            .path(&token_path(&simulator))
            .times(0),
    );
    // A token of forty seconds is renewed after thirty.
    tokio::time::sleep(Duration::from_millis(30_100)).await;
    function.invoke(LIST).await.json();
    assert!(
        token_requests(&simulator).len() > 1,
        "nobody tried to renew it"
    );
    assert_eq!(api_requests(&simulator).len(), 2);
}

#[tokio::test]
async fn a_caller_may_name_an_allowed_tenant_and_no_other() {
    let simulator = Simulator::start();
    let function = builder(&simulator, "list_incidents")
        .env("ALLOWED_TENANTS", "kitsune-foods.example")
        .start()
        .unwrap();
    let own = function
        .invoke(json!({"tenantId": tenant_id(&simulator).to_uppercase(), "top": 1}).to_string())
        .await
        .json();
    let other = function
        .invoke(r#"{"tenantId": "kitsune-foods.example", "top": 1}"#)
        .await
        .json();
    assert_ne!(own["items"][0]["tenantId"], other["items"][0]["tenantId"]);
    let paths: Vec<_> = token_requests(&simulator)
        .iter()
        .map(|request| request.path.clone())
        .collect();
    assert_eq!(
        paths,
        [
            format!("/{}/oauth2/v2.0/token", tenant_id(&simulator)),
            "/kitsune-foods.example/oauth2/v2.0/token".to_owned()
        ]
    );
    let refused = problem(
        &function
            .invoke(r#"{"tenantId": "maplewood-clinic.example"}"#)
            .await,
    );
    assert_eq!(
        (&refused["code"], &refused["status"]),
        (&json!("TenantNotAllowed"), &json!(403))
    );
    assert_eq!(
        code(&function.invoke(r#"{"tenantId": "common"}"#).await),
        "InvalidInput"
    );
    assert_eq!(token_requests(&simulator).len(), 2);
}

#[tokio::test]
async fn tls_is_verified_and_extra_roots_are_taken() {
    let simulator = Simulator::builder().tls().start().unwrap();
    assert!(simulator.origin().starts_with("https://"));
    let untrusting = function(&simulator, "list_incidents");
    let problem = problem(&untrusting.invoke(LIST).await);
    assert_eq!(problem["code"], json!("UpstreamUnavailable"));
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("SSL_CERT_FILE"),
        "{problem}"
    );
    assert!(simulator.requests().is_empty());
    let roots = TemporaryFile::with(simulator.ca_pem().unwrap());
    let trusting = builder(&simulator, "list_incidents")
        .env("SSL_CERT_FILE", roots.path())
        .start()
        .unwrap();
    trusting.invoke(LIST).await.json();
}
