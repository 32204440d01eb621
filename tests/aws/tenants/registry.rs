//! The registry: who is in it, who is served by it, and how tenants come and go.

use serde_json::{Value, json};
use simulator::Decision;

use super::{CLIENT_ID, KITSUNE, PINECREST, Partner, REDIRECT, TABLE, invoke, text};

#[tokio::test]
async fn who_consents_by_the_older_link_is_found_by_the_doctor() {
    let partner = Partner::start();
    let invited = json!({ "tenantId": PINECREST, "legacyLink": true });
    let answer = partner.run("onboard_tenant", invited).await.unwrap();
    let check = json!({ "tenantId": PINECREST });
    partner.run("check_token", check.clone()).await.unwrap();
    assert_eq!(partner.rows()[PINECREST]["state"], "invited");
    partner
        .simulator
        .decide(&text(&answer["legacyLink"]), Decision::Accept)
        .unwrap();
    partner.run("check_token", check).await.unwrap();
    assert_eq!(partner.rows()[PINECREST]["state"], "active");
}

#[tokio::test]
async fn an_invitation_that_was_withdrawn_registers_nobody() {
    let partner = Partner::start();
    let link = partner.link(json!({ "tenantId": PINECREST })).await;
    let back = partner.accept(&link).await;
    let of_pinecrest = json!({ "tenantId": PINECREST });
    // Who repeats it because the answer was lost gets the answer.
    for _ in 0..2 {
        let removed = partner.run("remove_tenant", of_pinecrest.clone()).await;
        assert_eq!(
            removed.unwrap(),
            json!({ "tenantId": PINECREST, "removed": true })
        );
    }
    let problem = partner.complete(back.clone()).await.unwrap_err();
    assert!(text(&problem["detail"]).contains("withdrawn"), "{problem}");
    assert_eq!(partner.rows()[PINECREST]["state"], "removed");
    let gone = partner.run("get_tenant", of_pinecrest.clone()).await;
    assert_eq!(gone.unwrap_err()["code"], "NotFound");
    let refused = partner.run("list_incidents", of_pinecrest.clone()).await;
    assert_eq!(refused.unwrap_err()["code"], "TenantNotAllowed");
    for (input, listed) in [(json!({}), 0), (json!({ "state": "removed" }), 1)] {
        let list = partner.run("list_tenants", input).await.unwrap();
        assert_eq!(list["items"].as_array().unwrap().len(), listed, "{list}");
    }

    let anew = partner.link(of_pinecrest).await;
    assert_eq!(partner.rows()[PINECREST]["state"], "invited");
    partner.complete(back).await.unwrap_err();
    let back = partner.accept(&anew).await;
    assert_eq!(partner.complete(back).await.unwrap()["state"], "active");
}

#[tokio::test]
async fn who_was_never_there_cannot_be_removed() {
    let partner = Partner::start();
    for operation in ["remove_tenant", "get_tenant"] {
        let nobody = partner
            .run(operation, json!({ "tenantId": PINECREST }))
            .await;
        assert_eq!(nobody.unwrap_err()["code"], "NotFound");
    }
    assert_eq!(partner.rows(), json!({}));
}

#[tokio::test]
async fn a_look_at_a_tenant_does_not_bring_it_back() {
    let partner = Partner::start();
    partner.register(KITSUNE, "active");
    let of_kitsune = json!({ "tenantId": KITSUNE });
    let checking = partner.builder("check_token").start().unwrap();
    invoke(&checking, of_kitsune.clone()).await.unwrap();
    partner
        .run("remove_tenant", of_kitsune.clone())
        .await
        .unwrap();
    // It is remembered for a minute that it was served.
    invoke(&checking, of_kitsune).await.unwrap();
    assert_eq!(partner.rows()[KITSUNE]["state"], "removed");
}

#[tokio::test]
async fn a_row_that_is_none_of_ours_keeps_nobody_from_the_others() {
    let partner = Partner::start();
    let broken = "00000000-0000-4000-8000-00000000000b";
    partner.register(broken, "odd");
    partner.register("settings", "active");
    partner.register("invitation#0", "active");
    partner.register(&KITSUNE.to_uppercase(), "active");
    partner.register(KITSUNE, "active");
    partner.register(PINECREST, "incomplete");
    let listing = partner.builder("list_tenants").start().unwrap();
    let mut found = Vec::new();
    let mut cursor = Value::Null;
    loop {
        let input = json!({ "top": 1, "cursor": cursor });
        let page = invoke(&listing, input).await.unwrap();
        let items = page["items"].as_array().unwrap();
        found.extend(items.iter().map(|item| text(&item["tenantId"])));
        cursor = page["next"].clone();
        if cursor.is_null() {
            break;
        }
    }
    found.sort();
    assert_eq!(found, [KITSUNE, PINECREST]);
    let logs = listing.logs();
    let warnings: Vec<_> = logs.lines().filter(|line| line.contains("WARN")).collect();
    for pk in [broken, "settings", &KITSUNE.to_uppercase()] {
        let named = format!("The row \"{pk}\"");
        assert!(warnings.iter().any(|line| line.contains(&named)), "{logs}");
    }
    assert!(!logs.contains("invitation#"), "{logs}");
    let problem = partner
        .run("get_tenant", json!({ "tenantId": broken }))
        .await
        .unwrap_err();
    assert_eq!(problem["code"], "Misconfigured");
    assert!(text(&problem["detail"]).contains(broken), "{problem}");
}

#[tokio::test]
async fn inviting_a_tenant_again_takes_nothing_from_it() {
    let partner = Partner::start();
    let row = json!({ "pk": KITSUNE, "state": "active", "displayName": "Kitsune", "consentedAt": "2026-11-01T09:00:00Z" });
    partner
        .moto
        .ask("put_tenant", &json!({ "table": TABLE, "row": row }));
    partner
        .link(json!({ "tenantId": "kitsune-foods.example" }))
        .await;
    let row = partner.rows()[KITSUNE].clone();
    assert_eq!(
        (&row["state"], &row["displayName"]),
        (&json!("active"), &json!("Kitsune"))
    );
    assert!(row["invitedAt"].is_string());
}

#[tokio::test]
async fn a_domain_that_nobody_has_is_refused() {
    let partner = Partner::start();
    let problem = partner
        .run("onboard_tenant", json!({ "tenantId": "nobody.example" }))
        .await
        .unwrap_err();
    assert_eq!(problem["code"], "InvalidInput");
    assert!(
        text(&problem["detail"]).starts_with("`tenantId`: Entra knows no tenant"),
        "{problem}"
    );
    assert_eq!(partner.rows(), json!({}));
}

#[tokio::test]
async fn the_registry_is_listed_by_state_and_page_by_page() {
    let partner = Partner::start();
    for number in 0..5 {
        let state = if number == 4 { "invited" } else { "active" };
        partner.register(
            &format!("0000000{number}-0000-4000-8000-000000000000"),
            state,
        );
    }
    let listing = partner.builder("list_tenants").start().unwrap();
    let (mut found, mut cursor) = (Vec::new(), Value::Null);
    loop {
        let page = invoke(
            &listing,
            json!({ "state": "active", "top": 3, "cursor": cursor }),
        )
        .await
        .unwrap();
        let items = page["items"].as_array().unwrap();
        assert!(items.iter().all(|item| item["state"] == "active"), "{page}");
        found.extend(items.iter().map(|item| text(&item["tenantId"])));
        cursor = page["next"].clone();
        if cursor.is_null() {
            break;
        }
        assert_eq!(items.len(), 3);
        let mixed = invoke(&listing, json!({ "state": "invited", "cursor": cursor })).await;
        assert_eq!(mixed.unwrap_err()["code"], "InvalidInput");
    }
    found.sort();
    found.dedup();
    assert_eq!(found.len(), 4);
    let all = invoke(&listing, json!({})).await.unwrap();
    assert_eq!(all["items"].as_array().unwrap().len(), 5);
}

#[tokio::test]
async fn the_registry_is_asked_once_a_minute_who_is_served() {
    let partner = Partner::start();
    partner.register(KITSUNE, "active");
    partner.register(PINECREST, "invited");
    let listing = partner.builder("list_incidents").start().unwrap();
    partner.moto.record();
    for _ in 0..3 {
        let answer = invoke(&listing, json!({ "tenantId": KITSUNE, "top": 1 }))
            .await
            .unwrap();
        assert_eq!(answer["items"][0]["tenantId"], KITSUNE);
    }
    let own = invoke(&listing, json!({ "top": 1 })).await.unwrap();
    assert_ne!(own["items"][0]["tenantId"], KITSUNE);
    let key = json!({ "pk": { "S": KITSUNE } });
    let asked = partner.asked();
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert_eq!(
        (asked[0].0.as_str(), &asked[0].1["Key"]),
        ("DynamoDB_20120810.GetItem", &key)
    );
    let lines = listing.logs();
    let first = lines.lines().next().unwrap();
    assert!(first.contains("upstreamCalls=3"), "{first}");
    let sent = partner.simulator.requests().len();
    for tenant in [PINECREST, "00000000-0000-4000-8000-000000000000"] {
        for _ in 0..2 {
            let refused = invoke(&listing, json!({ "tenantId": tenant }))
                .await
                .unwrap_err();
            assert_eq!(refused["code"], "TenantNotAllowed");
        }
    }
    assert_eq!(partner.asked().len(), 3);
    assert_eq!(partner.simulator.requests().len(), sent);
    // Refusals are looked up again much sooner than that.
    partner.register(PINECREST, "incomplete");
    partner
        .simulator
        .decide(
            &format!(
                "/{PINECREST}/adminconsent?client_id={CLIENT_ID}&redirect_uri={REDIRECT}&state=x"
            ),
            Decision::Accept,
        )
        .unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(5_100)).await;
    let answer = invoke(&listing, json!({ "tenantId": PINECREST, "top": 1 }))
        .await
        .unwrap();
    assert_eq!(answer["items"][0]["tenantId"], PINECREST);
}

#[tokio::test]
async fn a_table_or_a_key_that_is_not_there_is_named() {
    let partner = Partner::start();
    let elsewhere = partner
        .builder("list_incidents")
        .env("TENANTS_TABLE", "missing")
        .start()
        .unwrap();
    let problem = invoke(&elsewhere, json!({ "tenantId": KITSUNE }))
        .await
        .unwrap_err();
    assert_eq!(problem["code"], "Misconfigured");
    assert!(
        text(&problem["detail"]).starts_with("TENANTS_TABLE names no table"),
        "{problem}"
    );
    let keyless = partner
        .builder("onboard_tenant")
        .env("CONSENT_KEY_ID", "alias/missing")
        .start()
        .unwrap();
    let problem = invoke(&keyless, json!({})).await.unwrap_err();
    assert_eq!(problem["code"], "Misconfigured");
    assert!(
        text(&problem["detail"]).starts_with("CONSENT_KEY_ID names no key"),
        "{problem}"
    );
    assert!(partner.simulator.requests().is_empty());
}
