//! What is not believed: states that were tampered with, tenants that were made up, and refusals that say they are none.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use simulator::Decision;

use super::{CLIENT_ID, KITSUNE, PINECREST, Partner, query, text};

#[tokio::test]
async fn a_state_that_was_changed_or_made_elsewhere_is_refused() {
    let partner = Partner::start();
    let link = partner.link(json!({ "tenantId": PINECREST })).await;
    let back = partner.accept(&link).await;
    let state = text(&back["state"]);
    let (invitation, mac) = state.split_once('.').unwrap();
    let opened = BASE64_URL_SAFE_NO_PAD.decode(invitation).unwrap();
    let mut opened: Value = serde_json::from_slice(&opened).unwrap();
    opened["tenantId"] = KITSUNE.into();
    let changed = BASE64_URL_SAFE_NO_PAD.encode(opened.to_string());
    let other_key = partner.moto.ask("create_mac_key", &json!({}));
    let foreign = partner
        .moto
        .ask("mac", &json!({ "key": other_key, "message": invitation }));
    let bare = partner
        .moto
        .ask("mac", &json!({ "key": partner.key, "message": invitation }));
    let sent = partner.simulator.requests().len();
    for state in [
        format!("{changed}.{mac}"),
        format!("{invitation}.{}", text(&foreign)),
        // The key may sign other things, too.
        format!("{invitation}.{}", text(&bare)),
        invitation.to_owned(),
    ] {
        let problem = partner
            .complete(json!({ "state": state, "tenant": KITSUNE }))
            .await
            .unwrap_err();
        assert_eq!(problem["code"], "InvalidInput", "{state}");
    }
    assert_eq!(partner.simulator.requests().len(), sent);
    assert_eq!(partner.rows()[PINECREST]["state"], "invited");
}

#[tokio::test]
async fn a_state_holds_until_it_expires_and_for_its_own_app() {
    let partner = Partner::start();
    let invitation = |expires: i64, client_id: &str| {
        partner.state(&json!({ "clientId": client_id, "expires": expires, "nonce": "0" }))
    };
    let now = jiff::Timestamp::now().as_second();
    let expired = json!({ "state": invitation(now - 1, CLIENT_ID), "tenant": KITSUNE });
    let problem = partner.complete(expired).await.unwrap_err();
    assert_eq!(problem["code"], "InvalidInput");
    assert!(text(&problem["detail"]).contains("expired"), "{problem}");
    let of_another = json!({ "state": invitation(now + 60, "4e9a1d76-0c53-4b28-9f1e-a7d2608c3b95"), "tenant": KITSUNE });
    assert_eq!(
        partner.complete(of_another).await.unwrap_err()["code"],
        "InvalidInput"
    );
    let good = json!({ "state": invitation(now + 60, CLIENT_ID), "tenant": KITSUNE });
    assert_eq!(partner.complete(good).await.unwrap()["state"], "active");
}

#[tokio::test]
async fn a_tenant_is_not_believed_to_have_consented() {
    let partner = Partner::start();
    let link = partner.link(json!({})).await;
    let state = query(&link)["state"].clone();
    let spoofed = json!({ "state": state, "tenant": PINECREST, "admin_consent": "True" });
    let problem = partner.complete(spoofed).await.unwrap_err();
    assert_eq!(problem["code"], "CredentialRejected");
    assert_eq!(problem["upstream"]["service"], "entra");
    let nowhere = json!({ "state": state, "tenant": "00000000-0000-4000-8000-000000000000" });
    assert_eq!(
        partner.complete(nowhere).await.unwrap_err()["code"],
        "CredentialRejected"
    );
    for wrong in [
        json!("pinecrest-schools.example"),
        json!("common"),
        Value::Null,
    ] {
        let problem = partner
            .complete(json!({ "state": state, "tenant": wrong }))
            .await
            .unwrap_err();
        assert!(
            text(&problem["detail"]).starts_with("`tenant`"),
            "{problem}"
        );
    }
    assert_eq!(partner.rows(), json!({}));
    let bound = partner.link(json!({ "tenantId": PINECREST })).await;
    let elsewhere = json!({ "state": query(&bound)["state"], "tenant": KITSUNE });
    let problem = partner.complete(elsewhere).await.unwrap_err();
    assert!(
        text(&problem["detail"]).contains("another organization"),
        "{problem}"
    );
    assert!(partner.rows()[KITSUNE].is_null());
}

#[tokio::test]
async fn a_refusal_is_noted_and_quoted_in_short() {
    let partner = Partner::start();
    let link = partner.link(json!({ "tenantId": PINECREST })).await;
    let mut back = query(&partner.simulator.decide(&link, Decision::Decline).unwrap());
    assert_eq!(back["admin_consent"], "True");
    let said = text(&back["error_description"]);
    back["error_description"] = format!("{said}\n{}", "x".repeat(1000)).into();
    let problem = partner.complete(back).await.unwrap_err();
    assert_eq!(problem["code"], "UpstreamRejected");
    assert_eq!(problem["upstream"]["code"], "AADSTS65004");
    let detail = text(&problem["detail"]);
    assert!(
        detail.contains(&said[..60]) && detail.len() < 400,
        "{detail}"
    );
    let row = partner.rows()[PINECREST].clone();
    assert_eq!(row["state"], "invited");
    assert_eq!(row["lastError"], detail);
}
