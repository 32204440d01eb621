//! What is not believed: states that were tampered with, tenants that were made up, and refusals that say they are none.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use simulator::Decision;

use super::{CLIENT_ID, KITSUNE, PINECREST, Partner, TABLE, invoke, query, text, visit};

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
async fn an_open_link_serves_one_tenant() {
    let partner = Partner::start();
    let link = partner.link(json!({ "expiresInMinutes": 60 })).await;
    let state = query(&link)["state"].clone();
    let of_kitsune = json!({ "state": state, "tenant": KITSUNE });
    for _ in 0..2 {
        let confirmed = partner.complete(of_kitsune.clone()).await.unwrap();
        assert_eq!(confirmed["state"], "active");
    }
    let back = partner.accept(&link).await;
    assert_eq!(back["tenant"], PINECREST);
    let problem = partner.complete(back).await.unwrap_err();
    assert_eq!(problem["code"], "InvalidInput");
    assert!(
        text(&problem["detail"]).contains("served another organization"),
        "{problem}"
    );
    assert!(partner.rows()[PINECREST].is_null());
    let invitation = text(&state);
    let (invitation, _) = invitation.split_once('.').unwrap();
    let invitation = BASE64_URL_SAFE_NO_PAD.decode(invitation).unwrap();
    let invitation: Value = serde_json::from_slice(&invitation).unwrap();
    let key = format!("invitation#{}", text(&invitation["nonce"]));
    let expires = invitation["expires"].to_string();
    assert_eq!(
        partner.invitations(),
        json!({ key: { "tenant": KITSUNE, "expires": expires } })
    );
    let listed = partner.run("list_tenants", json!({})).await.unwrap();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{listed}");
    let another = partner.link(json!({})).await;
    let back = partner.accept(&another).await;
    assert_eq!(partner.complete(back).await.unwrap()["state"], "active");
}

#[tokio::test]
async fn an_open_link_does_not_bring_back_who_was_removed() {
    let partner = Partner::start();
    partner.register(KITSUNE, "active");
    let of_kitsune = json!({ "tenantId": KITSUNE });
    partner.run("remove_tenant", of_kitsune).await.unwrap();
    let link = partner.link(json!({})).await;
    let back = json!({ "state": query(&link)["state"], "tenant": KITSUNE });
    let problem = partner.complete(back).await.unwrap_err();
    assert_eq!(problem["code"], "InvalidInput");
    assert!(text(&problem["detail"]).contains("removed"), "{problem}");
    assert_eq!(partner.rows()[KITSUNE]["state"], "removed");
}

#[tokio::test]
async fn whoever_only_has_an_open_link_is_not_waited_for_as_long() {
    let partner = Partner::start();
    let link = partner.link(json!({})).await;
    let spoofed = json!({ "state": query(&link)["state"], "tenant": PINECREST });
    partner.complete(spoofed).await.unwrap_err();
    let requests = partner.simulator.requests();
    let asked = requests.iter().filter(|one| one.path.contains(PINECREST));
    assert_eq!(asked.count(), 3);
    assert_eq!(partner.invitations(), json!({}));
}

#[tokio::test]
async fn a_refusal_is_shown_in_short_and_noted_by_its_number() {
    let partner = Partner::start();
    let link = partner.link(json!({ "tenantId": PINECREST })).await;
    let back = partner.simulator.decide(&link, Decision::Decline).unwrap();
    let completing = partner
        .builder("complete_consent")
        .env("AWS_LAMBDA_LOG_FORMAT", "JSON")
        .start()
        .unwrap();
    let page = invoke(&completing, visit(&back)).await.unwrap();
    assert_eq!(page["statusCode"], 200);
    let html = text(&page["body"]);
    assert!(html.contains("<h1>Consent was not given</h1>"), "{html}");
    assert!(html.contains("<code>AADSTS65004</code>"), "{html}");
    let line: Value = serde_json::from_str(completing.logs().trim()).unwrap();
    assert_eq!(
        (&line["level"], &line["tenant"]),
        (&json!("INFO"), &json!(PINECREST))
    );

    let mut back = query(&back);
    assert_eq!(back["admin_consent"], "True");
    let said = text(&back["error_description"]);
    back["error_description"] = format!("{said}\n{}", "x".repeat(1000)).into();
    let declined = partner.complete(back.clone()).await.unwrap();
    assert_eq!(
        (&declined["state"], &declined["code"], &declined["tenantId"]),
        (&json!("declined"), &json!("AADSTS65004"), &json!(PINECREST))
    );
    let problem = text(&declined["problem"]);
    assert!(
        problem.contains(&said[..60]) && problem.len() < 400,
        "{problem}"
    );
    let row = partner.rows()[PINECREST].clone();
    assert_eq!(row["state"], "invited");
    assert_eq!(row["lastError"], "Consent was not given (AADSTS65004).");
    back["error"] = "ring_me".into();
    back["error_description"] = "Ring +1 555 0100".into();
    partner.complete(back).await.unwrap();
    let row = partner.rows()[PINECREST].clone();
    assert_eq!(row["lastError"], "Consent was not given.");
}

#[tokio::test]
async fn a_refusal_changes_nothing_for_a_tenant_that_has_consented() {
    let partner = Partner::start();
    let row = json!({ "pk": KITSUNE, "state": "active", "lastCheck": "2026-11-01T09:00:00Z", "consentedAt": "2026-11-01T09:00:00Z" });
    partner
        .moto
        .ask("put_tenant", &json!({ "table": TABLE, "row": row }));
    let invited = json!({ "tenantId": KITSUNE });
    let bound = query(&partner.link(invited).await)["state"].clone();
    let open = query(&partner.link(json!({})).await)["state"].clone();
    let before = partner.rows();
    let sent = partner.simulator.requests().len();
    for state in [bound, open] {
        let back = json!({
            "state": state, "tenant": KITSUNE, "admin_consent": "True",
            "error": "access_denied", "error_description": "AADSTS65004: User declined to consent",
        });
        let declined = partner.complete(back).await.unwrap();
        assert_eq!(declined["state"], "declined");
    }
    assert_eq!(partner.rows(), before);
    assert_eq!(partner.invitations(), json!({}));
    assert_eq!(partner.simulator.requests().len(), sent);
}
