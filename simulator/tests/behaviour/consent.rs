//! Administrators' consent: the page, what its buttons do, and where they lead.

use std::collections::HashMap;

use reqwest::Response;
use serde_json::{Value, json};
use simulator::{Decision, Fault, Kind, Simulator};

use crate::client::*;

const PINECREST: &str = "pinecrest-schools.example";
const PINECREST_ID: &str = "e94b7c13-60d2-4f8a-a5e7-3b1f8d2c9076";
const CALLBACK: &str = "http://127.0.0.1:9/consent";

/// The address of the consent page with these fields.
fn link(sim: &Simulator, path: &str, fields: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    format!(
        "{}{path}?{}",
        sim.origin(),
        query.extend_pairs(fields).finish()
    )
}

fn v2(sim: &Simulator, tenant: &str) -> String {
    let scope = format!("{GRAPH}/.default");
    let fields = [
        ("client_id", BRIGHTWATCH),
        ("scope", scope.as_str()),
        ("redirect_uri", CALLBACK),
        ("state", "signed & sealed"),
    ];
    link(sim, &format!("/{tenant}/v2.0/adminconsent"), &fields)
}

/// The fields that a redirect brings to the application.
fn brought(location: &str) -> HashMap<String, String> {
    let (to, query) = location.split_once('?').unwrap();
    assert_eq!(to, CALLBACK);
    form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect()
}

fn location(answer: &Response) -> String {
    assert_eq!(answer.status().as_u16(), 303);
    answer.headers()["location"].to_str().unwrap().to_owned()
}

async fn token_in(sim: &Simulator, tenant: &str) -> (u16, Value) {
    post_form(sim, &format!("/{tenant}/oauth2/v2.0/token"), &form(GRAPH)).await
}

#[tokio::test]
async fn the_page_asks_and_accepting_grants_what_the_registration_requires() {
    let sim = Simulator::start();
    assert_eq!(number(&token_in(&sim, PINECREST).await.1), 700016);
    let link = v2(&sim, "organizations");
    let page = http().get(&link).send().await.unwrap();
    assert_eq!(page.status().as_u16(), 200);
    let page = page.text().await.unwrap();
    for part in [
        "<html lang=\"en\">",
        "Brightwatch SOC",
        "Pinecrest Schools",
        "ThreatHunting.Read.All",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert_eq!(number(&token_in(&sim, PINECREST).await.1), 700016);

    let answer = http()
        .post(&link)
        .form(&[("decision", "accept")])
        .send()
        .await
        .unwrap();
    let brought = brought(&location(&answer));
    assert_eq!(brought["admin_consent"], "True");
    assert_eq!(brought["tenant"], PINECREST_ID);
    assert_eq!(brought["state"], "signed & sealed");
    assert_eq!(brought["scope"], "https://graph.microsoft.com/.default");

    let (status, body) = token_in(&sim, PINECREST_ID).await;
    assert_eq!(status, 200, "{body}");
    let claims = claims(body["access_token"].as_str().unwrap());
    assert_eq!(claims["tid"], PINECREST_ID);
    assert!(
        claims["roles"]
            .as_array()
            .unwrap()
            .contains(&json!("SecurityIncident.Read.All"))
    );
}

#[tokio::test]
async fn declining_grants_nothing_and_says_admin_consent_all_the_same() {
    let sim = Simulator::start();
    let back = sim.decide(&v2(&sim, PINECREST), Decision::Decline).unwrap();
    let brought = brought(&back);
    assert_eq!(brought["error"], "access_denied");
    assert!(brought["error_description"].starts_with("AADSTS65004"));
    assert_eq!(
        (brought["admin_consent"].as_str(), brought["state"].as_str()),
        ("True", "signed & sealed")
    );
    assert_eq!(number(&token_in(&sim, PINECREST).await.1), 700016);
}

#[tokio::test]
async fn what_is_required_can_be_less_than_the_home_tenant_has() {
    let sim = Simulator::start();
    sim.edit(HARBOURLINE, |tenant| {
        let app = tenant.app(BRIGHTWATCH).unwrap();
        let roles = vec!["SecurityAlert.Read.All".to_owned()];
        app.required_roles.insert("graph".into(), roles);
    });
    sim.decide(&v2(&sim, PINECREST), Decision::Accept).unwrap();
    let token = token(&sim, PINECREST, GRAPH).await;
    assert_eq!(claims(&token)["roles"], json!(["SecurityAlert.Read.All"]));
}

#[tokio::test]
async fn organizations_is_the_tenant_of_whoever_signed_in() {
    let sim = Simulator::start();
    sim.sign_in("maplewood-clinic.example");
    let back = sim
        .decide(&v2(&sim, "organizations"), Decision::Accept)
        .unwrap();
    assert_eq!(
        brought(&back)["tenant"],
        "b2c84f60-9e17-4d5a-83fb-6a0d7c3e51f8"
    );
    // Consent again grants what was missing.
    let token = token(&sim, "maplewood-clinic.example", XDR).await;
    assert!(claims(&token)["roles"].is_array());
}

#[tokio::test]
async fn the_older_forms_lead_back_too() {
    let sim = Simulator::start();
    let fields = [
        ("client_id", BRIGHTWATCH),
        ("redirect_uri", CALLBACK),
        ("state", "s"),
    ];
    let v1 = link(&sim, &format!("/{PINECREST}/adminconsent"), &fields);
    let brought_v1 = brought(&sim.decide(&v1, Decision::Accept).unwrap());
    assert_eq!(brought_v1["tenant"], PINECREST_ID);
    assert!(!brought_v1.contains_key("scope"));

    let mut fields = fields.to_vec();
    fields.extend([
        ("prompt", "consent"),
        ("response_type", "code"),
        ("sso_reload", "true"),
    ]);
    let authorize = link(&sim, "/common/oauth2/authorize", &fields);
    let brought = brought(&sim.decide(&authorize, Decision::Accept).unwrap());
    assert!(brought.contains_key("code") && brought.contains_key("session_state"));
    assert!(!brought.contains_key("tenant") && !brought.contains_key("admin_consent"));
}

#[tokio::test]
async fn a_link_that_is_wrong_shows_an_error_and_leads_nowhere() {
    let sim = Simulator::start();
    let good = v2(&sim, "organizations");
    for (link, expected) in [
        (
            good.replace(BRIGHTWATCH, "11111111-2222-4333-8444-555555555555"),
            700016,
        ),
        (
            good.replace("127.0.0.1%3A9%2Fconsent", "evil.example%2Fconsent"),
            50011,
        ),
        (good.replace("%3A9%2Fconsent", "%3A9%2Fother"), 50011),
        (good.replace("scope=", "scopes="), 900144),
        (good.replace("redirect_uri=", "uri="), 900144),
        (good.replace(".default", "User.Read"), 70011),
        (
            good.replace("graph.microsoft.com", "unknown.example"),
            500011,
        ),
        (v2(&sim, "nowhere.example"), 90002),
    ] {
        let answer = http().get(&link).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 400, "{link}");
        let page = answer.text().await.unwrap();
        assert!(
            page.contains(&format!("AADSTS{expected}: ")),
            "{link} {page}"
        );
        assert_eq!(sim.decide(&link, Decision::Accept), Err(page));
    }
}

#[tokio::test]
async fn consent_can_take_a_while_to_spread() {
    let sim = Simulator::start();
    let spreading = Fault::from(Kind::Entra { code: 7000229 });
    sim.inject(spreading.tenant(PINECREST).times(2));
    sim.decide(&v2(&sim, PINECREST), Decision::Accept).unwrap();
    let discovery = format!(
        "{}/{PINECREST}/v2.0/.well-known/openid-configuration",
        sim.origin()
    );
    assert_eq!(
        http()
            .get(discovery)
            .send()
            .await
            .unwrap()
            .status()
            .as_u16(),
        200
    );
    assert_eq!(token_in(&sim, HARBOURLINE).await.0, 200);
    for expected in [7000229, 7000229, 0] {
        assert_eq!(number(&token_in(&sim, PINECREST).await.1), expected);
    }
}
