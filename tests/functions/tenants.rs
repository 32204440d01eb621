//! Customers' tenants, as far as no AWS is needed: what is refused before anything is sent, the page, and tenant isolation.

use base64::{Engine, prelude::BASE64_STANDARD};
use local::runtime_api::{Builder, Invocation, Outcome};
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use simulator::Simulator;

use crate::{api_requests, builder, code, event, function, problem, tenant_id};

const CLINIC: &str = "b2c84f60-9e17-4d5a-83fb-6a0d7c3e51f8";

/// A function with a registry and a key, neither of which answers.
pub fn with_aws(simulator: &Simulator, operation: &str) -> Builder {
    builder(simulator, operation).envs([
        ("TENANTS_TABLE", "tenants"),
        ("CONSENT_KEY_ID", "alias/consent"),
        (
            "CONSENT_REDIRECT_URI",
            "https://soc.brightwatch.example/consent",
        ),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "k"),
    ])
}

/// What the gateway sends when a browser follows the redirect.
fn visit(query: &str) -> String {
    json!({
        "version": "2.0",
        "rawPath": "/consent",
        "rawQueryString": query,
        "headers": {},
        "requestContext": {
            "domainName": "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com",
            "http": {"method": "GET", "path": "/consent"},
            "timeEpoch": 0,
        },
        "isBase64Encoded": false,
    })
    .to_string()
}

async fn page(simulator: &Simulator, query: &str) -> (Value, String) {
    let function = with_aws(simulator, "complete_consent").start().unwrap();
    let reply = function.invoke(visit(query)).await.json();
    let html = reply["body"].as_str().unwrap().to_owned();
    (reply, html)
}

#[tokio::test]
async fn a_variable_that_cannot_be_used_is_named_at_the_start() {
    let simulator = Simulator::start();
    for (name, value, named) in [
        ("TENANTS_TABLE", "", "TENANTS_TABLE is not set"),
        (
            "ALLOWED_TENANTS",
            "registry, other.example",
            "ALLOWED_TENANTS",
        ),
        (
            "CONSENT_REDIRECT_URI",
            "http://soc.example/consent",
            "CONSENT_REDIRECT_URI",
        ),
        (
            "CONSENT_REDIRECT_URI",
            "https://soc.example/consent?x=1",
            "CONSENT_REDIRECT_URI",
        ),
        ("CONSENT_REDIRECT_URI", "/consent", "CONSENT_REDIRECT_URI"),
    ] {
        let function = with_aws(&simulator, "list_incidents")
            .env("ALLOWED_TENANTS", "registry")
            .env(name, value)
            .start()
            .unwrap();
        let Outcome::InitError { message, .. } = function.invoke("{}").await else {
            panic!("{name}={value} is taken");
        };
        let problem: Value = serde_json::from_str(&message).unwrap();
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.starts_with(named), "{detail}");
    }
}

#[tokio::test]
async fn an_operation_names_the_variable_that_it_lacks() {
    let simulator = Simulator::start();
    for (operation, lacks) in [
        ("onboard_tenant", "CONSENT_KEY_ID"),
        ("complete_consent", "CONSENT_KEY_ID"),
        ("list_tenants", "TENANTS_TABLE"),
        ("get_tenant", "TENANTS_TABLE"),
        ("remove_tenant", "TENANTS_TABLE"),
    ] {
        let sample = event(&format!("{operation}.json"));
        let problem = problem(&function(&simulator, operation).invoke(sample).await);
        assert_eq!(problem["code"], "Misconfigured", "{operation}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(
            detail.starts_with(&format!("{lacks} is not set")),
            "{detail}"
        );
    }
}

#[tokio::test]
async fn bad_input_is_named_and_nothing_is_sent() {
    let simulator = Simulator::start();
    for (operation, input, field) in [
        (
            "onboard_tenant",
            json!({"tenantId": "common"}),
            "`tenantId`",
        ),
        (
            "onboard_tenant",
            json!({"displayName": "two\nlines"}),
            "`displayName`",
        ),
        (
            "onboard_tenant",
            json!({"displayName": "x".repeat(129)}),
            "`displayName`",
        ),
        (
            "onboard_tenant",
            json!({"expiresInMinutes": 4}),
            "`expiresInMinutes`",
        ),
        (
            "onboard_tenant",
            json!({"expiresInMinutes": 43_201}),
            "`expiresInMinutes`",
        ),
        ("list_tenants", json!({"state": "gone"}), "`state`"),
        ("list_tenants", json!({"cursor": "e30"}), "`cursor`"),
        (
            "get_tenant",
            json!({"tenantId": "maplewood-clinic.example"}),
            "`tenantId`",
        ),
        ("remove_tenant", json!({}), "`tenantId`"),
        ("complete_consent", json!({"tenant": CLINIC}), "`state`"),
        (
            "complete_consent",
            json!({"tenant": CLINIC, "state": "nonsense"}),
            "`state`",
        ),
        (
            "complete_consent",
            json!({"tenant": CLINIC, "state": "bm9uc2Vuc2U.AAAA"}),
            "`state`",
        ),
    ] {
        let function = with_aws(&simulator, operation).start().unwrap();
        let problem = problem(&function.invoke(input.to_string()).await);
        assert_eq!(problem["code"], "InvalidInput", "{operation} {input}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(field), "{detail}");
    }
    assert!(simulator.requests().is_empty());
}

#[tokio::test]
async fn a_visitor_gets_a_page_that_may_load_nothing() {
    let simulator = Simulator::start();
    let (reply, html) = page(&simulator, "admin_consent=True&state=nonsense&new_field=1").await;
    assert_eq!(reply["statusCode"], 400);
    let headers = &reply["headers"];
    for (name, value) in [
        ("content-type", "text/html; charset=utf-8"),
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(headers[name], value, "{headers}");
    }
    let (_, rest) = html.split_once("<style>").unwrap();
    let (style, _) = rest.split_once("</style>").unwrap();
    let hash = BASE64_STANDARD.encode(digest(&SHA256, style.as_bytes()));
    assert_eq!(
        headers["content-security-policy"],
        format!(
            "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
    );
    for part in [
        "<!DOCTYPE html><html lang=\"en\">",
        "<title>This link cannot be used</title>",
        "<h1>This link cannot be used</h1>",
        "name=\"viewport\"",
    ] {
        assert!(html.contains(part), "{part}: {html}");
    }
    for forbidden in ["<script", "src=", "style=", "http-equiv", "@import", "url("] {
        assert!(!html.contains(forbidden), "{forbidden}: {html}");
    }
}

#[tokio::test]
async fn a_page_repeats_nothing_that_just_anybody_wrote() {
    let simulator = Simulator::start();
    for query in [
        "state=%3Cscript%3Ealert(1)%3C/script%3E",
        "error=%3Cb%3Ealert(1)&error_description=Call+alert(1)+now",
        "error=access_denied&error_description=Call+alert(1)+now&state=nonsense.AAAA",
        "state=x&state=alert(1)",
        "alert(1)=%3Cb%3E&tenantId=alert(1)",
        "alert(1)=1&alert(1)=2",
    ] {
        let (_, html) = page(&simulator, query).await;
        assert!(
            !html.contains("alert(1)") && !html.contains("<b>"),
            "{html}"
        );
    }
}

#[tokio::test]
async fn of_a_refusal_without_a_state_of_ours_only_the_code_is_told() {
    let simulator = Simulator::start();
    let refused = "admin_consent=True&error=access_denied&error_description=AADSTS65004%3A+User+declined&error_subcode=cancel";
    for state in ["", "&state=nonsense"] {
        let (reply, html) = page(&simulator, &format!("{refused}{state}")).await;
        assert_eq!(reply["statusCode"], 200);
        assert!(html.contains("AADSTS65004"), "{html}");
        assert!(!html.contains("User declined"), "{html}");
    }
    let direct = function(&simulator, "complete_consent")
        .invoke(r#"{"error": "consent_required", "admin_consent": "True"}"#)
        .await;
    assert_eq!(
        direct.json(),
        json!({
            "state": "declined",
            "code": "consent_required",
            "problem": "Consent was not given (consent_required).",
        })
    );
}

#[tokio::test]
async fn a_visitor_sets_neither_the_time_nor_the_size_of_an_answer() {
    let simulator = Simulator::start();
    let query = "state=nonsense&maxSeconds=0&maxAnswerBytes=none";
    let (reply, html) = page(&simulator, query).await;
    assert_eq!(reply["statusCode"], 400);
    assert!(html.contains("not one that was made here"), "{html}");
}

#[tokio::test]
async fn a_line_of_the_log_names_the_tenant_that_it_is_about() {
    let simulator = Simulator::start();
    let of_clinic = json!({ "tenantId": CLINIC.to_uppercase() });
    for (operation, input, tenant) in [
        ("onboard_tenant", &of_clinic, json!(CLINIC)),
        ("get_tenant", &of_clinic, json!(CLINIC)),
        ("remove_tenant", &of_clinic, json!(CLINIC)),
        ("onboard_tenant", &json!({}), Value::Null),
        ("list_tenants", &json!({}), Value::Null),
    ] {
        let function = with_aws(&simulator, operation)
            .env("AWS_LAMBDA_LOG_FORMAT", "JSON")
            .start()
            .unwrap();
        let outcome = function.invoke(input.to_string()).await;
        assert_eq!(code(&outcome), "UpstreamUnavailable", "{operation}");
        let line: Value = serde_json::from_str(function.logs().lines().last().unwrap()).unwrap();
        assert_eq!(line["operation"], operation);
        assert_eq!(line["tenant"], tenant, "{operation} {input}");
    }
}

#[tokio::test]
async fn a_page_quotes_the_invocation() {
    let simulator = Simulator::start();
    let function = with_aws(&simulator, "complete_consent").start().unwrap();
    let id = "8f0e9a6b-3c5d-4e2f-9a1b-0c7d6e5f4a3b";
    let invocation = Invocation {
        payload: visit("state=x").into(),
        request_id: Some(id.to_owned()),
        ..Invocation::default()
    };
    let reply = function.invoke_with(invocation).await.json();
    let html = reply["body"].as_str().unwrap();
    assert!(html.contains(&format!("<code>{id}</code>")), "{html}");
    assert!(function.logs().contains(id));
}

#[tokio::test]
async fn what_cannot_be_reached_is_no_business_of_the_visitors() {
    let simulator = Simulator::start();
    let mac = "A".repeat(43);
    let (reply, html) = page(&simulator, &format!("tenant={CLINIC}&state=e30.{mac}")).await;
    assert_eq!(reply["statusCode"], 503);
    assert!(html.contains("<h1>Something went wrong</h1>"), "{html}");
    assert!(
        !html.contains("127.0.0.1") && !html.contains("KMS"),
        "{html}"
    );
}

/// An invocation for which Lambda names a tenant.
fn isolated(tenant: &str, input: Value) -> Invocation {
    Invocation {
        payload: input.to_string().into(),
        tenant_id: Some(tenant.to_owned()),
        ..Invocation::default()
    }
}

#[tokio::test]
async fn the_tenant_that_lambda_names_is_the_tenant() {
    let simulator = Simulator::start();
    let kitsune = "7d15e0b4-2a98-4f37-b6c3-18e4f5a0d92c";
    let function = builder(&simulator, "list_incidents")
        .env("ALLOWED_TENANTS", format!("{kitsune},{CLINIC}"))
        .start()
        .unwrap();
    let named = json!({"top": 1, "tenantId": kitsune.to_uppercase()});
    for input in [json!({"top": 1}), named] {
        let answer = function.invoke_with(isolated(kitsune, input)).await.json();
        assert_eq!(answer["items"][0]["tenantId"], kitsune);
    }
    let sent = simulator.requests().len();
    for (tenant, input) in [
        (kitsune, json!({"tenantId": CLINIC})),
        (kitsune, json!({"tenantId": tenant_id(&simulator)})),
        ("e94b7c13-60d2-4f8a-a5e7-3b1f8d2c9076", json!({})),
    ] {
        let outcome = function.invoke_with(isolated(tenant, input)).await;
        assert_eq!(code(&outcome), "TenantNotAllowed");
    }
    assert_eq!(
        code(
            &function
                .invoke_with(isolated("customer 7", json!({})))
                .await
        ),
        "InvalidInput"
    );
    assert_eq!(simulator.requests().len(), sent);
}

#[tokio::test]
async fn a_process_of_one_tenant_does_not_look_after_others() {
    let simulator = Simulator::start();
    let function = with_aws(&simulator, "complete_consent").start().unwrap();
    let outcome = function.invoke_with(isolated(CLINIC, json!({}))).await;
    assert_eq!(code(&outcome), "Misconfigured");
}

#[tokio::test]
async fn a_registry_that_cannot_be_reached_is_an_error_and_no_permission() {
    let simulator = Simulator::start();
    let function = with_aws(&simulator, "list_incidents")
        .env("ALLOWED_TENANTS", "registry")
        .start()
        .unwrap();
    let by_domain = function
        .invoke(r#"{"tenantId": "maplewood-clinic.example"}"#)
        .await;
    let problem_of_domain = problem(&by_domain);
    assert_eq!(problem_of_domain["code"], "TenantNotAllowed");
    assert!(
        problem_of_domain["detail"]
            .as_str()
            .unwrap()
            .contains("GUID")
    );
    let outcome = function
        .invoke(json!({ "tenantId": CLINIC }).to_string())
        .await;
    let problem = problem(&outcome);
    assert_eq!(problem["code"], "UpstreamUnavailable");
    assert_eq!(problem["upstream"]["service"], "dynamodb");
    assert!(simulator.requests().is_empty());
    let own = json!({"tenantId": tenant_id(&simulator), "top": 1});
    function.invoke(own.to_string()).await.json();
    assert_eq!(api_requests(&simulator).len(), 1);
}
