//! Continuous access evaluation: an API's demand for a token that says more is met once.

use serde_json::{Value, json};
use simulator::{ChallengeForm, Simulator};

use crate::{api_requests, function, problem, token_requests};

const TENANT: &str = "harbourline.example";
const LIST: &str = r#"{"top": 1}"#;

fn demand() -> Value {
    json!({ "access_token": { "nbf": { "essential": true, "value": "1795168800" } } })
}

/// The `claims` of each token request.
fn claims(simulator: &Simulator) -> Vec<Option<Value>> {
    let claims = |form: Vec<(String, String)>| {
        let (_, json) = form.into_iter().find(|(name, _)| name == "claims")?;
        Some(serde_json::from_str(&json).unwrap())
    };
    token_requests(simulator)
        .iter()
        .map(|request| claims(request.form()))
        .collect()
}

#[tokio::test]
async fn a_challenge_is_answered_with_a_token_for_its_claims() {
    for form in [
        ChallengeForm::Usual,
        ChallengeForm::Reordered,
        ChallengeForm::TwoHeaders,
        ChallengeForm::Unpadded,
    ] {
        let simulator = Simulator::start();
        let function = function(&simulator, "list_incidents");
        function.invoke(LIST).await.json();
        simulator.edit(TENANT, |tenant| {
            tenant.challenge(demand());
            tenant.challenge.as_mut().unwrap().form = form;
        });
        function.invoke(LIST).await.json();
        let expected = json!({
            "access_token": {
                "nbf": { "essential": true, "value": "1795168800" },
                "xms_cc": { "values": ["cp1"] },
            }
        });
        assert_eq!(claims(&simulator), [None, Some(expected)]);
        let tokens: Vec<_> = api_requests(&simulator)
            .iter()
            .map(|request| request.header("authorization").unwrap().to_owned())
            .collect();
        assert!(tokens.len() == 3 && tokens[0] == tokens[1] && tokens[1] != tokens[2]);
        // The token is kept like any other.
        function.invoke(LIST).await.json();
        assert_eq!(token_requests(&simulator).len(), 2);
    }
}

#[tokio::test]
async fn a_challenge_that_goes_on_is_not_answered_twice() {
    let simulator = Simulator::start();
    simulator.edit(TENANT, |tenant| {
        tenant.challenge(demand());
        tenant.challenge.as_mut().unwrap().insatiable = true;
    });
    let problem = problem(&function(&simulator, "list_incidents").invoke(LIST).await);
    assert_eq!(problem["code"], json!("UpstreamRejected"));
    assert_eq!(
        (
            token_requests(&simulator).len(),
            api_requests(&simulator).len()
        ),
        (2, 2)
    );
}

#[tokio::test]
async fn a_challenge_that_cannot_be_read_is_a_refused_token_like_others() {
    for form in [ChallengeForm::Undecodable, ChallengeForm::NotJson] {
        let simulator = Simulator::start();
        simulator.edit(TENANT, |tenant| {
            tenant.challenge(demand());
            tenant.challenge.as_mut().unwrap().form = form;
        });
        let problem = problem(&function(&simulator, "list_incidents").invoke(LIST).await);
        assert_eq!(problem["upstream"]["status"], json!(401));
        assert_eq!(claims(&simulator), [None, None]);
    }
}

#[tokio::test]
async fn a_challenged_change_is_made_once() {
    let simulator = Simulator::start();
    let function = function(&simulator, "comment_incident");
    simulator.edit(TENANT, |tenant| tenant.challenge(demand()));
    let comment = r#"{"id": "28281", "comment": "once"}"#;
    let answer = function.invoke(comment).await.json();
    let comments = answer["items"].as_array().unwrap().iter();
    let written = comments.filter(|item| item["comment"] == json!("once"));
    assert_eq!(written.count(), 1);
}
