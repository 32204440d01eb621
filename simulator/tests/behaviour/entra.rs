//! Tokens and the reasons for having none.

use std::collections::HashMap;
use std::time::Duration;

use simulator::Simulator;

use crate::client::*;

const V2: &str = "/harbourline.example/oauth2/v2.0/token";

type Changes = [(&'static str, &'static str)];

/// The form with some fields replaced, and left out where the value is empty.
fn changed(changes: &Changes) -> Vec<(&'static str, String)> {
    let mut fields: HashMap<&str, String> = form(GRAPH).into_iter().collect();
    for (name, value) in changes {
        fields.insert(name, (*value).to_owned());
    }
    fields
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .collect()
}

#[tokio::test]
async fn version_2_answers_numbers_and_version_1_strings() {
    let sim = Simulator::start();
    let (_, body) = post_form(&sim, V2, &form(XDR)).await;
    assert_eq!(
        (&body["token_type"], &body["expires_in"]),
        (&"Bearer".into(), &3599.into())
    );

    let mut old = changed(&[("scope", "")]);
    old.push(("resource", XDR.into()));
    let (status, body) = post_form(&sim, "/harbourline.example/oauth2/token", &old).await;
    assert_eq!(
        (status, &body["expires_in"], &body["resource"]),
        (200, &"3599".into(), &XDR.into())
    );
    assert!(body["expires_on"].is_string() && body["not_before"].is_string());
}

#[tokio::test]
async fn an_app_without_consent_gets_a_token_without_roles() {
    let sim = Simulator::start();
    let night = [
        ("client_id", "c84a0f19-7d36-4e52-b1c0-6f9e8d7a5b43"),
        ("client_secret", "night-shift-simulated"),
    ];
    let (status, body) = post_form(&sim, V2, &changed(&night)).await;
    assert_eq!(status, 200);
    assert!(
        claims(body["access_token"].as_str().unwrap())
            .get("roles")
            .is_none()
    );
}

#[tokio::test]
async fn every_refusal_has_entras_number_error_and_status() {
    let sim = Simulator::start();
    let cases: &[(&str, &Changes, u64, &str, u16)] = &[
        (
            "/nowhere.example/oauth2/v2.0/token",
            &[],
            90002,
            "invalid_request",
            400,
        ),
        (
            "/common/oauth2/v2.0/token",
            &[],
            9001023,
            "invalid_request",
            400,
        ),
        (
            V2,
            &[("client_id", "11111111-2222-4333-8444-555555555555")],
            700016,
            "unauthorized_client",
            400,
        ),
        (V2, &[("client_secret", "")], 7000218, "invalid_client", 401),
        (
            V2,
            &[("client_secret", "wrong")],
            7000215,
            "invalid_client",
            401,
        ),
        (
            V2,
            &[("client_secret", "bright~watch.S0C-retired")],
            7000222,
            "invalid_client",
            401,
        ),
        (
            V2,
            &[("client_id", "1f6d2b80-3c94-4a7e-95d1-7b0c8e2f6a35")],
            7000112,
            "unauthorized_client",
            400,
        ),
        (
            V2,
            &[("client_id", "e70b5a92-48c1-4d3f-a6e8-2c9d1f7b0e54")],
            7000229,
            "invalid_client",
            401,
        ),
        (
            V2,
            &[(
                "scope",
                "https://graph.microsoft.com/.default https://api.security.microsoft.com/.default",
            )],
            70011,
            "invalid_scope",
            400,
        ),
        (
            V2,
            &[("scope", "https://graph.microsoft.com/User.Read")],
            70011,
            "invalid_scope",
            400,
        ),
        (V2, &[("resource", GRAPH)], 901002, "invalid_request", 400),
        (V2, &[("grant_type", "")], 900144, "invalid_request", 400),
        (V2, &[("client_id", "")], 900144, "invalid_request", 400),
        (
            V2,
            &[("grant_type", "password")],
            70003,
            "unsupported_grant_type",
            400,
        ),
        (
            V2,
            &[("scope", "https://unknown.example/.default")],
            500011,
            "invalid_resource",
            400,
        ),
    ];
    for (path, changes, number, error, expected) in cases {
        let (status, body) = post_form(&sim, path, &changed(changes)).await;
        assert_eq!(
            (status, &body["error"]),
            (*expected, &(*error).into()),
            "{changes:?} {body}"
        );
        assert_eq!(
            body["error_codes"],
            serde_json::json!([number]),
            "{changes:?}"
        );
        let description = body["error_description"].as_str().unwrap();
        assert!(
            description.starts_with(&format!("AADSTS{number}: ")),
            "{description}"
        );
        assert!(
            description.contains("Trace ID: ")
                && description.contains("Timestamp: 2026-11-18 09:30:00Z")
        );
    }
}

#[tokio::test]
async fn credentials_may_come_by_http_basic() {
    let sim = Simulator::start();
    let encoded: String = form_urlencoded::byte_serialize(SECRET.as_bytes()).collect();
    let request = http()
        .post(format!("{}{V2}", sim.origin()))
        .basic_auth(BRIGHTWATCH, Some(encoded));
    let form = changed(&[("client_id", ""), ("client_secret", "")]);
    let (status, body) = read(request.form(&form).send().await.unwrap()).await;
    assert_eq!(status, 200, "{body}");
}

#[tokio::test]
async fn any_live_secret_of_an_app_will_do_until_it_expires() {
    let sim = Simulator::start();
    let second = changed(&[("client_secret", "bright~watch.S0C-second")]);
    assert_eq!(post_form(&sim, V2, &second).await.0, 200);
    sim.advance(Duration::from_secs(400 * 86_400));
    assert_eq!(
        post_form(&sim, V2, &second).await.1["error_codes"],
        serde_json::json!([7000222])
    );
}

#[tokio::test]
async fn a_token_ends_by_the_clock_and_by_revocation() {
    let mut api = Api::graph().await;
    let path = "/v1.0/security/incidents";
    assert_eq!(api.get(path, &[]).await.0, 200);
    api.sim.advance(Duration::from_secs(3600));
    assert_eq!(api.get(path, &[]).await.0, 401);

    api.token = token(&api.sim, HARBOURLINE, GRAPH).await;
    assert_eq!(api.get(path, &[]).await.0, 200);
    api.sim.edit(HARBOURLINE, |tenant| tenant.revoke_tokens());
    assert_eq!(api.get(path, &[]).await.0, 401);
}

#[tokio::test]
async fn one_token_can_be_revoked_and_leaves_the_others() {
    let mut api = Api::graph().await;
    let first = api.token.clone();
    let second = token(&api.sim, HARBOURLINE, GRAPH).await;
    api.sim
        .edit(HARBOURLINE, |tenant| tenant.revoke_token(&first));
    assert_eq!(api.get("/v1.0/security/incidents", &[]).await.0, 401);
    api.token = second;
    assert_eq!(api.get("/v1.0/security/incidents", &[]).await.0, 200);
}

#[tokio::test]
async fn an_apps_token_lifetime_can_be_set() {
    let sim = Simulator::start();
    sim.edit(HARBOURLINE, |tenant| {
        tenant.app(BRIGHTWATCH).unwrap().token_lifetime_seconds = 5
    });
    assert_eq!(post_form(&sim, V2, &form(GRAPH)).await.1["expires_in"], 5);
}
