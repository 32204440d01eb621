//! Claims challenges: who is challenged, how, and which token ends it.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde_json::{Value, json};
use simulator::{ChallengeForm, Simulator};

use crate::client::*;

const INCIDENTS: &str = "/v1.0/security/incidents";

fn wanted() -> Value {
    json!({ "access_token": { "nbf": { "essential": true, "value": "1795168800" } } })
}

/// The form with a `claims` parameter.
fn asking(claims: &str) -> Vec<(&'static str, String)> {
    let mut fields = form(GRAPH);
    fields.push(("claims", claims.into()));
    fields
}

async fn token_for(sim: &Simulator, claims: &Value) -> String {
    let path = format!("/{HARBOURLINE}/oauth2/v2.0/token");
    let (status, body) = post_form(sim, &path, &asking(&claims.to_string())).await;
    assert_eq!(status, 200, "{body}");
    body["access_token"].as_str().unwrap().to_owned()
}

/// The WWW-Authenticate headers of a 401.
async fn challenged(api: &Api) -> Vec<String> {
    let answer = api
        .call(reqwest::Method::GET, INCIDENTS)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status().as_u16(), 401);
    let headers = answer.headers().get_all("www-authenticate");
    headers
        .iter()
        .map(|one| one.to_str().unwrap().to_owned())
        .collect()
}

fn claims_in(header: &str) -> &str {
    header
        .split_once("claims=\"")
        .unwrap()
        .1
        .split_once('"')
        .unwrap()
        .0
}

#[tokio::test]
async fn a_token_is_challenged_until_one_is_asked_for_with_the_claims() {
    let mut api = Api::graph().await;
    api.sim
        .edit(HARBOURLINE, |tenant| tenant.challenge(wanted()));
    let headers = challenged(&api).await;
    assert!(
        headers[0].contains("error=\"insufficient_claims\""),
        "{headers:?}"
    );
    let decoded = STANDARD.decode(claims_in(&headers[0])).unwrap();
    let mut asked: Value = serde_json::from_slice(&decoded).unwrap();
    assert_eq!(asked, wanted());

    asked["access_token"]["xms_cc"] = json!({ "values": ["cp1"] });
    api.token = token_for(&api.sim, &asked).await;
    assert_eq!(claims(&api.token)["xms_cc"], json!(["cp1"]));
    assert_eq!(api.get(INCIDENTS, &[]).await.0, 200);

    // The log tells what was asked for, and which token each call carried.
    let (requests, sent) = (api.sim.requests(), asked.to_string());
    let mut forms = requests.iter().flat_map(|request| request.form());
    assert!(forms.any(|(name, value)| name == "claims" && value == sent));
    let last = requests.last().unwrap().header("authorization").unwrap();
    assert_eq!(last, format!("Bearer {}", api.token));
}

#[tokio::test]
async fn other_claims_do_not_end_a_challenge_and_other_tenants_are_not_challenged() {
    let mut api = Api::graph().await;
    api.sim
        .edit(HARBOURLINE, |tenant| tenant.challenge(wanted()));
    let only_capable = json!({ "access_token": { "xms_cc": { "values": ["cp1"] } } });
    api.token = token_for(&api.sim, &only_capable).await;
    challenged(&api).await;
    api.token = token(&api.sim, "kitsune-foods.example", GRAPH).await;
    assert_eq!(api.get(INCIDENTS, &[]).await.0, 200);
    api.sim.edit(HARBOURLINE, |tenant| tenant.challenge = None);
    api.token = token(&api.sim, HARBOURLINE, GRAPH).await;
    assert_eq!(api.get(INCIDENTS, &[]).await.0, 200);
}

#[tokio::test]
async fn an_insatiable_challenge_never_ends() {
    let mut api = Api::graph().await;
    api.sim.edit(HARBOURLINE, |tenant| {
        tenant.challenge(wanted());
        tenant.challenge.as_mut().unwrap().insatiable = true;
    });
    api.token = token_for(&api.sim, &wanted()).await;
    challenged(&api).await;
}

#[tokio::test]
async fn a_challenge_comes_in_every_form() {
    let api = Api::graph().await;
    let json = wanted().to_string();
    for (form, bearer, expected) in [
        (ChallengeForm::Reordered, 0, STANDARD.encode(&json)),
        (ChallengeForm::TwoHeaders, 1, STANDARD.encode(&json)),
        (ChallengeForm::Unpadded, 0, STANDARD_NO_PAD.encode(&json)),
        (ChallengeForm::Undecodable, 0, "%%% not base64 %%%".into()),
        (ChallengeForm::NotJson, 0, STANDARD.encode("access_token")),
    ] {
        api.sim.edit(HARBOURLINE, |tenant| {
            tenant.challenge(wanted());
            tenant.challenge.as_mut().unwrap().form = form;
        });
        let headers = challenged(&api).await;
        assert_eq!(headers.len(), bearer + 1, "{headers:?}");
        assert!(headers[bearer].starts_with("Bearer "), "{headers:?}");
        assert_eq!(claims_in(&headers[bearer]), expected);
    }
}

#[tokio::test]
async fn an_authentication_context_asked_for_is_in_the_token() {
    let sim = Simulator::start();
    let asked = json!({ "access_token": { "acrs": { "essential": true, "value": "c1" } } });
    assert_eq!(
        claims(&token_for(&sim, &asked).await)["acrs"],
        json!(["c1"])
    );
}

#[tokio::test]
async fn claims_that_are_no_json_object_are_malformed() {
    let sim = Simulator::start();
    let path = format!("/{HARBOURLINE}/oauth2/v2.0/token");
    for malformed in ["{", "[]", "cp1"] {
        let (_, body) = post_form(&sim, &path, &asking(malformed)).await;
        assert_eq!(number(&body), 9002313, "{malformed}");
    }
}
