//! The doctor: what it says of a sound app, and by which name it knows each thing that can be wrong.

use serde_json::{Value, json};
use simulator::{App, Fault, Kind, Simulator};

use crate::{builder, function, lines, tenant_id, token_requests, variable};

const TENANT: &str = "harbourline.example";

/// The report of the app for a few operations.
async fn check(simulator: &Simulator, deployed: &str) -> Value {
    let function = builder(simulator, "check_token")
        .env("DEPLOYED_OPERATIONS", deployed)
        .start()
        .unwrap();
    function.invoke("{}").await.json()
}

fn edit_app(simulator: &Simulator, change: impl FnOnce(&mut App)) {
    let client_id = variable(simulator, "AZURE_CLIENT_ID");
    simulator.edit(TENANT, |tenant| change(tenant.app(&client_id).unwrap()));
}

fn findings(report: &Value) -> Vec<&str> {
    let findings = report["findings"].as_array().unwrap().iter();
    findings
        .map(|found| found["finding"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn a_sound_app_is_reported_whole() {
    let simulator = Simulator::start();
    edit_app(&simulator, |app| {
        app.roles.insert(
            "graph".into(),
            vec![
                "SecurityIncident.Read.All".into(),
                "ThreatHunting.Read.All".into(),
            ],
        );
        app.roles
            .insert("endpoint".into(), vec!["Machine.Read.All".into()]);
    });
    let report = check(&simulator, "list_incidents, get_device,run_hunting_query").await;
    let (tenant, client) = (
        tenant_id(&simulator),
        variable(&simulator, "AZURE_CLIENT_ID"),
    );
    let expires = &report["tokens"][0]["expires"];
    assert!(expires.as_str().unwrap().parse::<jiff::Timestamp>().is_ok());
    let issuer = format!("https://sts.windows.net/{tenant}/");
    assert_eq!(
        report,
        json!({
            "ok": true,
            "cloud": "global",
            "tenant": tenant,
            "clientId": client,
            "credential": "secret",
            "tokens": [
                {
                    "api": "graph",
                    "requested": "https://graph.microsoft.com",
                    "audience": "https://graph.microsoft.com",
                    "tenantId": tenant,
                    "clientId": client,
                    "roles": ["SecurityIncident.Read.All", "ThreatHunting.Read.All"],
                    "expires": expires,
                    "issuer": issuer,
                    "version": "1.0",
                    "signature": "unchecked",
                    "reason": "Microsoft Graph's tokens can be verified by Microsoft Graph alone",
                },
                {
                    "api": "endpoint",
                    "requested": "https://api.securitycenter.microsoft.com",
                    "audience": "https://api.securitycenter.microsoft.com",
                    "tenantId": tenant,
                    "clientId": client,
                    "roles": ["Machine.Read.All"],
                    "expires": expires,
                    "issuer": issuer,
                    "version": "1.0",
                    "signature": "verified",
                },
            ],
            "operations": [
                { "operation": "list_incidents", "api": "graph", "sufficient": true },
                { "operation": "get_device", "api": "endpoint", "sufficient": true },
                { "operation": "run_hunting_query", "api": "graph", "sufficient": true },
            ],
            "findings": [],
            "consentLink": format!("{}/{tenant}/adminconsent?client_id={client}", simulator.origin()),
        })
    );
    assert_eq!(
        lines(&simulator),
        [
            format!("GET /{tenant}/.well-known/openid-configuration"),
            format!("GET /{tenant}/discovery/keys"),
        ]
    );
    assert_eq!(token_requests(&simulator).len(), 2);
}

#[tokio::test]
async fn what_is_missing_is_named_for_each_operation() {
    let simulator = Simulator::start();
    edit_app(&simulator, |app| {
        app.roles
            .insert("graph".into(), vec!["SecurityIncident.Read.All".into()]);
    });
    let report = check(&simulator, "list_incidents,update_incident,list_alerts").await;
    assert_eq!(report["ok"], json!(false));
    assert_eq!(
        report["operations"],
        json!([
            { "operation": "list_incidents", "api": "graph", "sufficient": true },
            { "operation": "update_incident", "api": "graph", "sufficient": false, "missing": ["SecurityIncident.ReadWrite.All"] },
            { "operation": "list_alerts", "api": "graph", "sufficient": true },
        ])
    );
    assert_eq!(findings(&report), ["missingPermission"]);
    let detail = report["findings"][0]["detail"].as_str().unwrap();
    let link = report["consentLink"].as_str().unwrap();
    assert!(
        detail.contains("Microsoft Graph: SecurityIncident.ReadWrite.All") && detail.contains(link),
        "{detail}"
    );
}

#[tokio::test]
async fn a_permission_granted_since_the_last_look_shows_at_once() {
    let simulator = Simulator::start();
    edit_app(&simulator, |app| {
        app.roles.insert("graph".into(), Vec::new());
    });
    let function = builder(&simulator, "check_token")
        .env("DEPLOYED_OPERATIONS", "list_incidents")
        .start()
        .unwrap();
    assert_eq!(function.invoke("{}").await.json()["ok"], json!(false));
    edit_app(&simulator, |app| {
        app.roles
            .insert("graph".into(), vec!["SecurityIncident.Read.All".into()]);
    });
    assert_eq!(function.invoke("{}").await.json()["ok"], json!(true));
}

#[tokio::test]
async fn without_a_list_every_operation_of_the_apis_in_use_is_judged() {
    let simulator = Simulator::start();
    let report = function(&simulator, "check_token")
        .invoke("{}")
        .await
        .json();
    let judged = report["operations"].as_array().unwrap().len();
    let with_permissions = defender_functions::operations::OPERATIONS
        .iter()
        .filter(|entry| !entry.permissions.is_none())
        .count();
    assert_eq!(judged, with_permissions);
    let apis: Vec<_> = report["tokens"]
        .as_array()
        .unwrap()
        .iter()
        .map(|token| &token["api"])
        .collect();
    assert_eq!(apis, ["graph", "endpoint"]);
}

#[tokio::test]
async fn version_2_tokens_are_judged_by_version_2_keys() {
    let simulator = Simulator::start();
    edit_app(&simulator, |app| {
        app.version_2_tokens = vec!["endpoint".into()]
    });
    let report = check(&simulator, "get_device").await;
    let token = &report["tokens"][0];
    assert_eq!(
        (&token["version"], &token["signature"], &token["audience"]),
        (
            &json!("2.0"),
            &json!("verified"),
            &json!("fc780465-2017-40d4-a0c5-307022471b92")
        )
    );
    assert_eq!(
        token["clientId"],
        json!(variable(&simulator, "AZURE_CLIENT_ID"))
    );
    assert!(!findings(&report).contains(&"wrongAudience"), "{report}");
    let tenant = tenant_id(&simulator);
    assert_eq!(
        lines(&simulator),
        [
            format!("GET /{tenant}/v2.0/.well-known/openid-configuration"),
            format!("GET /{tenant}/discovery/v2.0/keys"),
        ]
    );
}

#[tokio::test]
async fn a_signature_by_a_key_that_is_not_the_tenants_is_found() {
    let simulator = Simulator::start();
    simulator.edit(TENANT, |tenant| tenant.signing_key_hidden = true);
    let report = check(&simulator, "get_device").await;
    assert_eq!(report["tokens"][0]["signature"], json!("invalid"));
    assert_eq!(findings(&report), ["invalidSignature"]);
}

#[tokio::test]
async fn keys_that_cannot_be_had_leave_the_signature_unchecked() {
    let simulator = Simulator::start();
    simulator.inject(
        Fault::from(Kind::status(404))
            .path(&format!("/{}/discovery", tenant_id(&simulator)))
            .times(0),
    );
    let report = check(&simulator, "get_device").await;
    assert_eq!(report["tokens"][0]["signature"], json!("unchecked"));
    assert_eq!(report["ok"], json!(true), "{report}");
}

#[tokio::test]
async fn whatever_entra_refuses_has_a_name() {
    for (number, name) in [
        (900439, "wrongCloud"),
        (90038, "wrongCloud"),
        (90002, "wrongTenant"),
        (500011, "wrongAudience"),
        (700011, "wrongApp"),
        (7000215, "wrongSecret"),
        (7000222, "expiredSecret"),
        (700027, "wrongCertificate"),
        (700024, "wrongClock"),
        (700213, "wrongFederatedCredential"),
        (7000112, "disabledApp"),
        (7000229, "missingServicePrincipal"),
        (700016, "missingServicePrincipal"),
        (65001, "missingConsent"),
        (650052, "missingSubscription"),
        (53003, "blockedByPolicy"),
        (50034, "noToken"),
    ] {
        let simulator = Simulator::start();
        simulator.inject(Fault::from(Kind::Entra { code: number }).times(0));
        let report = check(&simulator, "list_incidents").await;
        assert_eq!(findings(&report), [name], "{report}");
        let problem = &report["tokens"][0]["error"];
        assert_eq!(
            problem["upstream"]["code"],
            json!(format!("AADSTS{number}"))
        );
        assert_eq!(
            report["findings"][0]["detail"], problem["detail"],
            "{report}"
        );
        assert_eq!(report["operations"][0]["sufficient"], json!(false));
    }
}

#[tokio::test]
async fn what_is_wrong_with_the_app_itself_is_recognised() {
    type Change = fn(&mut App);
    for (change, name) in [
        ((|app| app.enabled = false) as Change, "disabledApp"),
        (
            |app| app.service_principal = false,
            "missingServicePrincipal",
        ),
        (
            |app| {
                app.secrets
                    .iter_mut()
                    .for_each(|secret| secret.expires = Some("2020-01-01T00:00:00Z".into()))
            },
            "expiredSecret",
        ),
    ] {
        let simulator = Simulator::start();
        edit_app(&simulator, change);
        let report = check(&simulator, "list_incidents").await;
        assert_eq!(findings(&report), [name], "{report}");
    }
}

#[tokio::test]
async fn a_token_for_another_api_is_found_out() {
    let simulator = Simulator::start();
    // The name of the Endpoint API, set for the Defender XDR API: Entra issues it, and it is of no use there.
    let function = builder(&simulator, "check_token")
        .env("DEFENDER_API", "xdr")
        .env(
            "XDR_AUDIENCE",
            "https://securitycenter.onmicrosoft.com/windowsatpservice",
        )
        .env("DEPLOYED_OPERATIONS", "list_incidents")
        .start()
        .unwrap();
    let report = function.invoke("{}").await.json();
    let token = &report["tokens"][0];
    assert_eq!(
        token["audience"],
        json!("https://api.securitycenter.microsoft.com")
    );
    assert!(findings(&report).contains(&"wrongAudience"), "{report}");
}

#[tokio::test]
async fn an_operation_that_the_api_lacks_is_found() {
    let simulator = Simulator::start();
    let function = builder(&simulator, "check_token")
        .env("DEFENDER_API", "xdr")
        .env("DEPLOYED_OPERATIONS", "list_incidents,list_alerts")
        .start()
        .unwrap();
    let report = function.invoke("{}").await.json();
    assert_eq!(findings(&report), ["notOffered"]);
    assert_eq!(
        report["operations"][1],
        json!({ "operation": "list_alerts", "api": "xdr", "sufficient": false })
    );
}

#[tokio::test]
async fn without_an_operation_to_judge_the_credential_is_looked_at() {
    let simulator = Simulator::start();
    let function = builder(&simulator, "check_token")
        .env("DEPLOYED_OPERATIONS", "check_token,list_tenants")
        .env("AZURE_CLIENT_SECRET", "wrong")
        .start()
        .unwrap();
    let report = function.invoke("{}").await.json();
    assert_eq!(findings(&report), ["wrongSecret"]);
}

#[tokio::test]
async fn an_unknown_operation_keeps_the_function_from_starting() {
    let simulator = Simulator::start();
    let function = builder(&simulator, "check_token")
        .env("DEPLOYED_OPERATIONS", "list_incidents,list_incident")
        .start()
        .unwrap();
    let (error_type, message) = function.invoke("{}").await.error().unwrap();
    assert_eq!(error_type, "Misconfigured");
    assert!(message.contains("DEPLOYED_OPERATIONS") && message.contains("list_incident"));
}

#[tokio::test]
async fn no_token_is_in_the_report_or_the_log() {
    let simulator = Simulator::start();
    let function = builder(&simulator, "check_token")
        .env("AWS_LAMBDA_LOG_LEVEL", "TRACE")
        .start()
        .unwrap();
    let report = function.invoke("{}").await.json().to_string();
    let secret = variable(&simulator, "AZURE_CLIENT_SECRET");
    for text in [report, function.logs()] {
        // So every JSON web token begins.
        assert!(!text.contains("eyJ") && !text.contains(&secret), "{text}");
    }
}
