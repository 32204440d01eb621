//! From the link to a tenant that is served.

use std::time::Duration;

use local::runtime_api::Invocation;
use serde_json::{Value, json};
use simulator::{Decision, Fault, Kind};

use super::{CLIENT_ID, PINECREST, Partner, REDIRECT, invoke, query, text, visit};

#[tokio::test]
async fn an_administrators_consent_makes_a_tenant_that_is_served() {
    let partner = Partner::start();
    partner.moto.record();
    let onboarding = json!({
        "tenantId": "Pinecrest-Schools.example", "displayName": "Pinecrest", "expiresInMinutes": 60, "legacyLink": true,
    });
    let answer = partner.run("onboard_tenant", onboarding).await.unwrap();
    assert_eq!(answer["tenantId"], PINECREST);
    let origin = partner.simulator.origin();
    assert_eq!(
        answer["legacyLink"],
        format!(
            "{origin}/common/oauth2/authorize?prompt=consent&client_id={CLIENT_ID}&response_type=code&sso_reload=true"
        )
    );
    let link = text(&answer["consentLink"]);
    assert!(
        link.starts_with(&format!("{origin}/{PINECREST}/v2.0/adminconsent?")),
        "{link}"
    );
    let parameters = query(&link);
    assert_eq!(parameters["client_id"], CLIENT_ID);
    assert_eq!(parameters["scope"], "https://graph.microsoft.com/.default");
    assert_eq!(parameters["redirect_uri"], REDIRECT);
    let row = &partner.rows()[PINECREST];
    assert_eq!(
        (&row["state"], &row["displayName"]),
        (&json!("invited"), &json!("Pinecrest"))
    );

    let listing = partner.builder("list_incidents").start().unwrap();
    let of_pinecrest = json!({ "tenantId": PINECREST, "top": 1 });
    let refused = invoke(&listing, of_pinecrest.clone()).await.unwrap_err();
    assert_eq!(refused["code"], "TenantNotAllowed");

    let back = partner.accept(&link).await;
    let confirmed = partner.complete(back).await.unwrap();
    assert_eq!(
        confirmed,
        json!({ "tenantId": PINECREST, "displayName": "Pinecrest", "state": "active", "missing": [] })
    );
    let row = partner
        .run(
            "get_tenant",
            json!({ "tenantId": PINECREST.to_uppercase() }),
        )
        .await
        .unwrap();
    assert_eq!(
        (&row["state"], &row["tenantId"]),
        (&json!("active"), &json!(PINECREST))
    );
    for instant in ["invitedAt", "consentedAt", "lastCheck"] {
        assert!(
            text(&row[instant]).parse::<jiff::Timestamp>().is_ok(),
            "{row}"
        );
    }
    assert!(row["lastError"].is_null());

    let served = partner.run("list_incidents", of_pinecrest).await.unwrap();
    assert_eq!(served["items"][0]["tenantId"], PINECREST);
    // The scan is the test's own look at the table.
    let (asked, looks): (Vec<_>, Vec<_>) = partner
        .asked()
        .into_iter()
        .partition(|(action, _)| action != "DynamoDB_20120810.Scan");
    assert_eq!(
        (partner.moto.signed_services().len(), looks.len()),
        (asked.len(), 1)
    );
    let kms: Vec<_> = asked
        .iter()
        .filter(|(action, _)| action.starts_with("TrentService."))
        .collect();
    assert_eq!(kms.len(), 2);
    assert_eq!(
        (kms[0].0.as_str(), kms[1].0.as_str()),
        ("TrentService.GenerateMac", "TrentService.VerifyMac")
    );
    assert_eq!(kms[0].1["Message"], kms[1].1["Message"]);
    assert_eq!(kms[0].1["MacAlgorithm"], "HMAC_SHA_256");
}

#[tokio::test]
async fn a_link_for_nobody_in_particular_registers_whoever_consents() {
    let partner = Partner::start();
    let link = partner.link(json!({ "displayName": "School trial" })).await;
    assert!(link.contains("/organizations/v2.0/adminconsent?"), "{link}");
    assert_eq!(partner.rows(), json!({}));
    let back = partner.accept(&link).await;
    let confirmed = partner.complete(back).await.unwrap();
    assert_eq!(confirmed["tenantId"], PINECREST);
    assert_eq!(partner.rows()[PINECREST]["displayName"], "School trial");
}

#[tokio::test]
async fn a_browser_gets_the_page_of_a_success() {
    let partner = Partner::start();
    let link = partner
        .link(json!({ "displayName": "<Pine> & crest" }))
        .await;
    let back = partner.simulator.decide(&link, Decision::Accept).unwrap();
    let reply = partner.complete(visit(&back)).await.unwrap();
    assert_eq!(reply["statusCode"], 200);
    let html = text(&reply["body"]);
    assert!(html.contains("<h1>Consent is complete</h1>"), "{html}");
    assert!(
        html.contains("<strong>&lt;Pine&gt; &amp; crest</strong> is connected"),
        "{html}"
    );
    assert!(
        text(&reply["headers"]["content-security-policy"])
            .starts_with("default-src 'none'; style-src 'sha256-")
    );
}

#[tokio::test]
async fn a_consent_that_does_not_show_yet_is_waited_for() {
    let partner = Partner::start();
    let link = partner.link(json!({ "tenantId": PINECREST })).await;
    let spreading = Fault::from(Kind::Entra { code: 7000229 })
        .tenant(PINECREST)
        .times(3);
    partner.simulator.inject(spreading);
    let back = partner.accept(&link).await;
    assert_eq!(partner.complete(back).await.unwrap()["state"], "active");
}

#[tokio::test]
async fn permissions_that_do_not_show_yet_are_waited_for() {
    let partner = Partner::start();
    require(&partner, &["SecurityIncident.Read.All"]);
    let link = partner.link(json!({ "tenantId": PINECREST })).await;
    let back = partner.accept(&link).await;
    let shows = async {
        let asks = |request: &simulator::Request| request.path.contains(PINECREST);
        while !partner.simulator.requests().iter().any(asks) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        grant(&partner, "ThreatHunting.Read.All");
    };
    let (confirmed, ()) = tokio::join!(partner.complete(back), shows);
    assert_eq!(confirmed.unwrap()["state"], "active");
}

#[tokio::test]
async fn what_is_found_when_the_time_runs_out_is_noted_all_the_same() {
    let partner = Partner::start();
    let link = partner.link(json!({ "tenantId": PINECREST })).await;
    let back = partner.accept(&link).await;
    let silence = Fault::from(Kind::Hang).tenant(PINECREST).times(0);
    partner.simulator.inject(silence);
    let completing = partner.builder("complete_consent").start().unwrap();
    let invocation = Invocation {
        payload: back.to_string().into(),
        timeout: Some(Duration::from_secs(6)),
        ..Invocation::default()
    };
    let problem = completing.invoke_with(invocation).await.problem();
    assert_eq!(problem["code"], "DeadlineExceeded", "{problem}");
    let row = partner.rows()[PINECREST].clone();
    assert!(!row["lastError"].is_null(), "{row}");
}

#[tokio::test]
async fn a_refusal_that_may_pass_counts_before_one_that_stays() {
    let partner = Partner::start();
    let link = partner.link(json!({ "tenantId": PINECREST })).await;
    let back = partner.accept(&link).await;
    for fault in [
        Fault::from(Kind::Entra { code: 650052 }).times(1),
        Fault::from(Kind::throttle(600)).times(0),
    ] {
        partner.simulator.inject(fault.tenant(PINECREST));
    }
    let completing = partner
        .builder("complete_consent")
        .env("DEPLOYED_OPERATIONS", "list_incidents,list_devices")
        .start()
        .unwrap();
    let problem = invoke(&completing, back).await.unwrap_err();
    assert_eq!(problem["code"], "Throttled", "{problem}");
    assert_eq!(problem["retryAfterSeconds"], 600);
    assert_eq!(partner.rows()[PINECREST]["state"], "invited");
}

#[tokio::test]
async fn the_log_names_the_tenant_that_was_confirmed() {
    let partner = Partner::start();
    let link = partner.link(json!({})).await;
    let back = partner.accept(&link).await;
    let completing = partner
        .builder("complete_consent")
        .env("AWS_LAMBDA_LOG_FORMAT", "JSON")
        .start()
        .unwrap();
    invoke(&completing, back).await.unwrap();
    let line: Value = serde_json::from_str(completing.logs().trim()).unwrap();
    assert_eq!(line["tenant"], PINECREST);
}

#[tokio::test]
async fn an_outage_registers_nothing_and_the_link_still_works() {
    let partner = Partner::start();
    let link = partner.link(json!({ "tenantId": PINECREST })).await;
    let back = partner.accept(&link).await;
    partner
        .simulator
        .inject(Fault::from(Kind::throttle(600)).tenant(PINECREST).times(0));
    let problem = partner.complete(back.clone()).await.unwrap_err();
    assert_eq!(problem["code"], "Throttled");
    assert_eq!(problem["retryAfterSeconds"], 600);
    let row = partner.rows()[PINECREST].clone();
    assert_eq!(row["state"], "invited");
    assert!(
        row["consentedAt"].is_null() && !row["lastError"].is_null(),
        "{row}"
    );
    partner.simulator.clear_faults();
    assert_eq!(partner.complete(back).await.unwrap()["state"], "active");
    assert!(partner.rows()[PINECREST]["lastError"].is_null());
}

#[tokio::test]
async fn what_a_consent_lacks_is_named_and_noted_until_it_is_granted() {
    let partner = Partner::start();
    require(&partner, &["SecurityIncident.Read.All"]);
    let link = partner.link(json!({ "tenantId": PINECREST })).await;
    let back = partner.accept(&link).await;
    let confirmed = partner.complete(back).await.unwrap();
    assert_eq!(confirmed["state"], "incomplete");
    assert_eq!(
        confirmed["missing"],
        json!(["Microsoft Graph: ThreatHunting.Read.All"])
    );
    assert_eq!(confirmed["consentLink"], link);
    assert!(text(&partner.rows()[PINECREST]["lastError"]).contains("ThreatHunting.Read.All"));
    let served = partner
        .run("list_incidents", json!({ "tenantId": PINECREST, "top": 1 }))
        .await;
    assert_eq!(served.unwrap()["items"][0]["tenantId"], PINECREST);
    // Granted elsewhere, and found by the doctor.
    grant(&partner, "ThreatHunting.Read.All");
    partner
        .run("check_token", json!({ "tenantId": PINECREST }))
        .await
        .unwrap();
    let row = partner.rows()[PINECREST].clone();
    assert_eq!(row["state"], "active");
    assert!(row["lastError"].is_null(), "{row}");
}

/// Has the app's registration list only these permissions.
fn require(partner: &Partner, permissions: &[&str]) {
    let graph = permissions.iter().map(|&name| name.to_owned()).collect();
    partner.simulator.edit("harbourline.example", |tenant| {
        let app = tenant.app(CLIENT_ID).expect("it is there");
        app.required_roles = [("graph".to_owned(), graph)].into();
    });
}

/// Grants one more, in the tenant itself.
fn grant(partner: &Partner, permission: &str) {
    partner.simulator.edit(PINECREST, |tenant| {
        let app = tenant.app(CLIENT_ID).expect("it consented");
        let roles = app.roles.get_mut("graph").expect("it has some");
        roles.push(permission.to_owned());
    });
}

#[tokio::test]
async fn what_the_configured_api_lacks_is_nothing_that_a_tenant_can_mend() {
    let partner = Partner::start();
    let link = partner.link(json!({ "tenantId": PINECREST })).await;
    let back = partner.accept(&link).await;
    let completing = partner
        .builder("complete_consent")
        .env("DEFENDER_API", "xdr")
        .env("DEPLOYED_OPERATIONS", "list_incidents,list_alerts")
        .start()
        .unwrap();
    let confirmed = invoke(&completing, back).await.unwrap();
    assert_eq!(confirmed["state"], "active", "{confirmed}");
    assert!(partner.rows()[PINECREST]["lastError"].is_null());
}
