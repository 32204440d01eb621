//! Client assertions: what a certificate or a federated token must be like, and the numbers of what it must not.

use serde_json::{Value, json};
use simulator::{Certificate, FederatedCredential, Simulator};

use crate::client::*;

const V2: &str = "/harbourline.example/oauth2/v2.0/token";
const CLUSTER: &str = "https://oidc.cluster.example/";

fn claims_for(audience: &str) -> Value {
    let now = machine_now();
    json!({
        "iss": BRIGHTWATCH, "sub": BRIGHTWATCH, "aud": audience,
        "nbf": now, "iat": now, "exp": now + 600, "jti": "first",
    })
}

fn named(certificate: &Certificate) -> Value {
    json!({ "typ": "JWT", "x5t#S256": certificate.thumbprint() })
}

async fn present(sim: &Simulator, assertion: &str) -> (u16, Value) {
    post_form(sim, V2, &assertion_form(GRAPH, assertion)).await
}

#[tokio::test]
async fn the_registered_certificate_proves_the_app_whichever_name_the_endpoint_is_called_by() {
    let sim = Simulator::start();
    let certificate = Certificate::registered();
    for (index, audience) in [
        format!("{}{V2}", sim.origin()),
        format!(
            "{}/3f0a9c1e-5b7d-4e21-8c64-90d2ab15e7f3/oauth2/v2.0/token",
            sim.origin()
        ),
        format!("https://login.microsoftonline.com{V2}"),
    ]
    .iter()
    .enumerate()
    {
        for algorithm in ["PS256", "RS256"] {
            let mut claims = claims_for(audience);
            claims["jti"] = format!("{algorithm} {index}").into();
            let assertion = certificate.sign(algorithm, named(&certificate), &claims);
            let (status, body) = present(&sim, &assertion).await;
            assert_eq!(status, 200, "{audience} {body}");
            let token = body["access_token"].as_str().unwrap();
            assert_eq!(crate::client::claims(token)["appidacr"], "2");
        }
    }
}

#[tokio::test]
async fn the_version_1_endpoint_takes_assertions_too() {
    let sim = Simulator::start();
    let certificate = Certificate::registered();
    let path = "/harbourline.example/oauth2/token";
    let claims = claims_for(&format!("{}{path}", sim.origin()));
    let assertion = certificate.sign("PS256", named(&certificate), &claims);
    let mut form = assertion_form(GRAPH, &assertion);
    form.retain(|(name, _)| *name != "scope");
    form.push(("resource", GRAPH.into()));
    assert_eq!(post_form(&sim, path, &form).await.0, 200);
}

#[tokio::test]
async fn every_flaw_of_an_assertion_has_its_number() {
    let sim = Simulator::start();
    let certificate = Certificate::registered();
    let good = claims_for(&format!("{}{V2}", sim.origin()));
    let changed = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        certificate.sign("PS256", named(&certificate), &claims)
    };
    let now = machine_now();
    let foreign = format!("{}/kitsune-foods.example/oauth2/v2.0/token", sim.origin());
    let other = Certificate::other();
    let unsigned = json!({ "typ": "JWT", "alg": "none", "x5t#S256": certificate.thumbprint() });
    let cases = [
        ("no JWT", "neither.a.token".to_owned(), 50027),
        (
            "another tenant's endpoint",
            changed("aud", foreign.into()),
            700023,
        ),
        (
            "several audiences",
            changed("aud", json!([good["aud"]])),
            50027,
        ),
        ("expired", changed("exp", (now - 1).into()), 700024),
        ("not begun", changed("nbf", (now + 60).into()), 700024),
        ("no expiry", changed("exp", Value::Null), 50027),
        ("another issuer", changed("iss", "someone".into()), 700021),
        ("another subject", changed("sub", "someone".into()), 700021),
        ("no id", changed("jti", Value::Null), 50027),
        (
            "unregistered",
            other.sign("PS256", named(&other), &good),
            700027,
        ),
        (
            "of another key",
            other.sign("PS256", named(&certificate), &good),
            700027,
        ),
        (
            "no thumbprint",
            certificate.sign("PS256", json!({}), &good),
            700027,
        ),
        (
            "no algorithm",
            certificate.sign("PS256", unsigned, &good),
            5002738,
        ),
    ];
    for (flaw, assertion, expected) in cases {
        let (_, body) = present(&sim, &assertion).await;
        assert_eq!(number(&body), expected, "{flaw}: {body}");
    }
    let good = certificate.sign("PS256", named(&certificate), &good);
    assert_eq!(present(&sim, &good).await.0, 200);
    assert_eq!(number(&present(&sim, &good).await.1), 50013);
}

#[tokio::test]
async fn the_kind_of_assertion_must_be_named() {
    let sim = Simulator::start();
    let certificate = Certificate::registered();
    let claims = claims_for(&format!("{}{V2}", sim.origin()));
    let assertion = certificate.sign("PS256", named(&certificate), &claims);
    let mut form = assertion_form(GRAPH, &assertion);
    form.retain(|(name, _)| *name != "client_assertion_type");
    assert_eq!(number(&post_form(&sim, V2, &form).await.1), 900144);
    form.push(("client_assertion_type", "jwt".into()));
    assert_eq!(number(&post_form(&sim, V2, &form).await.1), 90011);
}

#[tokio::test]
async fn an_expired_certificate_proves_nothing_although_it_is_registered() {
    let sim = Simulator::start();
    let claims = claims_for(&format!("{}{V2}", sim.origin()));
    for (from, to, expected) in [(-30, -1, 700027), (1, 30, 700027), (-1, 30, 0)] {
        let certificate = Certificate::other().reissued(from, to);
        sim.edit(HARBOURLINE, |tenant| {
            let app = tenant.app(BRIGHTWATCH).unwrap();
            app.certificates = vec![certificate.certificate_pem.clone()];
        });
        let assertion = certificate.sign("PS256", named(&certificate), &claims);
        let (_, body) = present(&sim, &assertion).await;
        assert_eq!(number(&body), expected, "{body}");
    }
}

#[tokio::test]
async fn assertions_are_judged_by_the_machines_clock_and_what_it_is_told_to_be_off() {
    let sim = Simulator::start();
    let certificate = Certificate::registered();
    let claims = claims_for(&format!("{}{V2}", sim.origin()));
    let assertion = certificate.sign("PS256", named(&certificate), &claims);
    for ahead in [-3600, 3600] {
        sim.edit(HARBOURLINE, |tenant| {
            tenant.assertion_clock_ahead_seconds = ahead
        });
        assert_eq!(number(&present(&sim, &assertion).await.1), 700024);
    }
    sim.edit(HARBOURLINE, |tenant| {
        tenant.assertion_clock_ahead_seconds = 0
    });
    assert_eq!(present(&sim, &assertion).await.0, 200);
}

/// A simulator whose first app trusts tokens of a cluster, and the cluster's key.
fn cluster() -> (Simulator, Certificate) {
    let (sim, key) = (Simulator::start(), Certificate::other());
    sim.know_issuer(CLUSTER, &key);
    sim.edit(HARBOURLINE, |tenant| {
        let app = tenant.app(BRIGHTWATCH).unwrap();
        app.federated_credentials.push(FederatedCredential {
            name: "cluster".into(),
            issuer: CLUSTER.into(),
            subject: "system:serviceaccount:soc:Collector".into(),
            audience: "api://AzureADTokenExchange".into(),
        });
    });
    (sim, key)
}

fn workload() -> Value {
    let now = machine_now();
    json!({
        "iss": CLUSTER, "sub": "system:serviceaccount:soc:Collector",
        "aud": ["api://AzureADTokenExchange"], "iat": now, "exp": now + 600,
    })
}

#[tokio::test]
async fn a_known_issuers_token_proves_the_app_and_may_be_used_again() {
    let (sim, key) = cluster();
    let token = key.sign("RS256", json!({ "kid": "1" }), &workload());
    for _ in 0..2 {
        let (status, body) = present(&sim, &token).await;
        assert_eq!(status, 200, "{body}");
    }
}

#[tokio::test]
async fn a_federated_token_must_match_to_the_letter() {
    let (sim, key) = cluster();
    let changed = |name: &str, value: Value| {
        let mut claims = workload();
        claims[name] = value;
        key.sign("RS256", json!({}), &claims)
    };
    let lower = "system:serviceaccount:soc:collector";
    let cases = [
        (
            "issuer",
            changed("iss", "https://oidc.cluster.example".into()),
            700211,
        ),
        (
            "subject",
            changed("sub", "system:serviceaccount:soc:Other".into()),
            700213,
        ),
        ("case", changed("sub", lower.into()), 7002138),
        (
            "audience",
            changed("aud", "api://azureadtokenexchange".into()),
            700212,
        ),
        (
            "expired",
            changed("exp", (machine_now() - 1).into()),
            700024,
        ),
        (
            "algorithm",
            key.sign("PS256", json!({}), &workload()),
            5002738,
        ),
        (
            "key",
            Certificate::registered().sign("RS256", json!({}), &workload()),
            700027,
        ),
    ];
    for (what, token, expected) in cases {
        let (status, body) = present(&sim, &token).await;
        assert_eq!((status, number(&body)), (401, expected), "{what}: {body}");
    }
    sim.edit(HARBOURLINE, |tenant| {
        tenant
            .app(BRIGHTWATCH)
            .unwrap()
            .federated_credentials
            .clear()
    });
    let (_, body) = present(&sim, &changed("jti", "any".into())).await;
    assert_eq!(number(&body), 70021);
}

#[tokio::test]
async fn an_issuer_that_cannot_be_reached_is_no_issuer() {
    let sim = Simulator::start();
    let key = Certificate::other();
    sim.edit(HARBOURLINE, |tenant| {
        let app = tenant.app(BRIGHTWATCH).unwrap();
        app.federated_credentials[0].issuer = CLUSTER.into();
        app.federated_credentials[0].subject = "system:serviceaccount:soc:Collector".into();
    });
    let token = key.sign("RS256", json!({}), &workload());
    assert_eq!(number(&present(&sim, &token).await.1), 90061);
}
