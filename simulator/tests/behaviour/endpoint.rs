//! The Endpoint API's devices, lists and lookups.

use reqwest::Method;
use serde_json::{Value, json};
use simulator::Kind;

use crate::client::*;

const WORKSTATION: &str = "5854058a899368873d73bc05e733beaa4865c8ce";
const SERVER: &str = "12dcd7bbea99f6d93690e7ee3969e4a5edb8eb4a";
const MACHINES: &str = "/api/machines";

fn names(page: &Value) -> Vec<&str> {
    let items = page["value"].as_array().unwrap().iter();
    items
        .map(|item| {
            item["computerDnsName"]
                .as_str()
                .unwrap()
                .split('.')
                .next()
                .unwrap()
        })
        .collect()
}

async fn filtered(api: &Api, path: &str, filter: &str) -> (u16, Value) {
    api.get(path, &[("$filter", filter)]).await
}

#[tokio::test]
async fn every_read_answers_something() {
    let api = Api::endpoint().await;
    let tide = "636f426385361d49e236dd6eebe85cd89c5102da";
    let alert = "ed239da195-b5f6-09a8-9a1b-02265e6f2a31";
    let software = "tradewind-_-manifest_viewer";
    for path in [
        "/api/machines".to_owned(),
        "/api/machines/findbytag?tag=crown-jewel".to_owned(),
        "/api/machines/findbyip(ip='10.20.4.14',timestamp=2026-11-18T09:00:00Z)".to_owned(),
        format!("/api/machines/{WORKSTATION}/alerts"),
        format!("/api/machines/{WORKSTATION}/logonusers"),
        format!("/api/machines/{WORKSTATION}/software"),
        format!("/api/machines/{WORKSTATION}/vulnerabilities"),
        format!("/api/machines/{WORKSTATION}/recommendations"),
        format!("/api/machines/{WORKSTATION}/getmissingkbs"),
        "/api/machineactions".to_owned(),
        "/api/libraryfiles".to_owned(),
        "/api/indicators".to_owned(),
        "/api/alerts".to_owned(),
        format!("/api/alerts/{alert}/files"),
        format!("/api/alerts/{alert}/ips"),
        format!("/api/alerts/{alert}/domains"),
        format!("/api/files/{tide}/alerts"),
        format!("/api/files/{tide}/machines"),
        "/api/ips/198.51.100.77/alerts".to_owned(),
        "/api/domains/cdn-tide.example/machines".to_owned(),
        "/api/users/a.lindqvist/alerts".to_owned(),
        "/api/users/a.lindqvist/machines".to_owned(),
        "/api/vulnerabilities".to_owned(),
        "/api/vulnerabilities/CVE-2026-90011/machineReferences".to_owned(),
        "/api/Software".to_owned(),
        format!("/api/Software/{software}/machineReferences"),
        format!("/api/Software/{software}/vulnerabilities"),
        format!("/api/Software/{software}/distributions"),
        "/api/Software/microsoft-_-windows_11/getmissingkbs".to_owned(),
        "/api/recommendations".to_owned(),
        format!("/api/recommendations/va-_-{software}/machineReferences"),
        format!("/api/recommendations/va-_-{software}/vulnerabilities"),
        "/api/exposureScore/ByMachineGroups".to_owned(),
        "/api/investigations".to_owned(),
    ] {
        let (status, body) = api.get(&path, &[]).await;
        assert_eq!(status, 200, "{path}: {body}");
        assert!(!body["value"].as_array().unwrap().is_empty(), "{path}");
        assert!(body["@odata.context"].is_string(), "{path}");
    }
    for (path, key) in [
        (format!("/api/machines/{WORKSTATION}"), "computerDnsName"),
        (
            "/api/machines/HL-WS-014.harbourline.example".to_owned(),
            "id",
        ),
        (format!("/api/alerts/{alert}"), "alertCreationTime"),
        (format!("/api/alerts/{alert}/machine"), "osPlatform"),
        (
            "/api/alerts/edc7fc387c-9c6e-72dc-9a1b-67ab949b14bd/user".to_owned(),
            "accountName",
        ),
        (format!("/api/files/{tide}"), "determinationValue"),
        (
            format!("/api/files/{tide}/stats?lookBackHours=720"),
            "organizationPrevalence",
        ),
        ("/api/ips/198.51.100.77/stats".to_owned(), "orgFirstSeen"),
        (
            "/api/domains/cdn-tide.example/stats".to_owned(),
            "orgLastSeen",
        ),
        ("/api/vulnerabilities/CVE-2026-90011".to_owned(), "severity"),
        (format!("/api/Software/{software}"), "vendor"),
        (
            format!("/api/recommendations/va-_-{software}"),
            "recommendationName",
        ),
        (
            format!("/api/recommendations/va-_-{software}/software"),
            "vendor",
        ),
        ("/api/exposureScore".to_owned(), "score"),
        ("/api/configurationScore".to_owned(), "score"),
        ("/api/investigations/7302".to_owned(), "state"),
        ("/api/v1.0/investigations/7302".to_owned(), "state"),
    ] {
        let (status, body) = api.get(&path, &[]).await;
        assert_eq!(status, 200, "{path}: {body}");
        assert!(!body[key].is_null(), "{path}: {body}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let api = Api::endpoint().await;
    for path in [
        "/api/machines/ffffffffffffffffffffffffffffffffffffffff",
        "/api/machines/nowhere.harbourline.example/alerts",
        "/api/machineactions/00000000-0000-0000-0000-000000000000",
        "/api/alerts/none",
        "/api/files/ffffffffffffffffffffffffffffffffffffffff",
        "/api/vulnerabilities/CVE-1999-0001",
        "/api/Software/none-_-none",
        "/api/recommendations/va-_-none",
        "/api/investigations/1",
    ] {
        let (status, body) = api.get(path, &[]).await;
        assert_eq!(
            (status, &body["error"]["code"]),
            (404, &json!("ResourceNotFound")),
            "{path}"
        );
        assert!(body["error"]["target"].is_string());
    }
    let (status, body) = api.get("/api/ips/203.0.113.250/stats", &[]).await;
    assert_eq!((status, &body["organizationPrevalence"]), (200, &json!(0)));
    assert_eq!(api.get("/api/ips/10.0.0.300/stats", &[]).await.0, 400);
    assert!(api.ids("/api/users/nobody/alerts", &[]).await.is_empty());
}

#[tokio::test]
async fn a_tenant_without_devices_answers_404_but_a_filter_that_keeps_none_an_empty_list() {
    let api = Api::endpoint().await;
    let (status, body) = filtered(&api, MACHINES, "healthStatus eq 'Inactive'").await;
    assert_eq!((status, &body["value"]), (200, &json!([])));
    api.sim.edit(HARBOURLINE, |tenant| tenant.devices.clear());
    assert_eq!(api.get(MACHINES, &[]).await.0, 404);
}

#[tokio::test]
async fn devices_are_filtered_by_documented_fields_of_each_type() {
    let api = Api::endpoint().await;
    for (filter, kept) in [
        ("osPlatform eq 'macOS'", vec!["hl-mac-03"]),
        ("healthStatus ne 'Active'", vec!["hl-tms-01", "hl-mac-03"]),
        (
            "rbacGroupId eq 16 and deviceValue eq 'High'",
            vec!["hl-fs-01", "hl-dc-01"],
        ),
        (
            "machineTags/any(tag: tag eq 'crown-jewel')",
            vec!["hl-dc-01"],
        ),
        ("startswith(computerDnsName,'hl-ws-03')", vec!["hl-ws-031"]),
        (
            "riskScore eq 'High' and (lastSeen gt 2026-11-18T09:03:00Z)",
            vec!["hl-ws-014"],
        ),
    ] {
        let (status, body) = filtered(&api, MACHINES, filter).await;
        assert_eq!(status, 200, "{filter}: {body}");
        assert_eq!(names(&body), kept, "{filter}");
    }
    for filter in [
        "osProcessor eq 'x64'",
        "riskScore gt 'Low'",
        "rbacGroupId eq 'x'",
    ] {
        let (status, body) = filtered(&api, MACHINES, filter).await;
        assert_eq!(
            (status, &body["error"]["code"]),
            (400, &json!("ODataError")),
            "{filter}"
        );
    }
}

#[tokio::test]
async fn a_next_page_is_linked_only_where_top_was_not_asked_for() {
    let api = Api::endpoint().await;
    api.sim.edit(HARBOURLINE, |tenant| tenant.endpoint_page = 3);
    let mut seen = Vec::new();
    let mut path = format!("{MACHINES}?$filter=onboardingStatus%20eq%20'onboarded'");
    loop {
        let (_, page) = api.get(&path, &[]).await;
        seen.extend(ids(&page));
        match page["@odata.nextLink"].as_str() {
            Some(link) => path = link.strip_prefix(api.sim.origin()).unwrap().to_owned(),
            None => break,
        }
    }
    assert_eq!(seen.len(), 7);
    let (_, page) = api.get(MACHINES, &[("$top", "2"), ("$skip", "1")]).await;
    assert_eq!(ids(&page), seen[1..3]);
    assert!(page.get("@odata.nextLink").is_none());
    assert_eq!(api.get(MACHINES, &[("$top", "10001")]).await.0, 400);
    assert_eq!(
        api.get("/api/vulnerabilities", &[("$top", "8001")]).await.0,
        400
    );
    assert_eq!(
        api.get("/api/vulnerabilities", &[("$top", "8000")]).await.0,
        200
    );
}

#[tokio::test]
async fn a_role_of_the_operation_is_needed_and_a_token_of_another_api_is_not_taken() {
    let api = Api::endpoint().await;
    api.sim.edit(HARBOURLINE, |tenant| {
        tenant.apps[0]
            .roles
            .insert("endpoint".into(), vec!["Score.Read.All".into()]);
    });
    let api = api.renewed(ENDPOINT).await;
    assert_eq!(api.get("/api/exposureScore", &[]).await.0, 200);
    for path in [
        "/api/machines",
        "/api/alerts",
        "/api/indicators",
        "/api/libraryfiles",
        "/api/Software",
        "/api/files/1",
    ] {
        assert_eq!(api.get(path, &[]).await.0, 403, "{path}");
    }
    let api = api.renewed(XDR).await;
    assert_eq!(api.get("/api/exposureScore", &[]).await.0, 401);
}

#[tokio::test]
async fn tags_and_values_stay_on_the_device() {
    let api = Api::endpoint().await;
    let tags = format!("{MACHINES}/{WORKSTATION}/tags");
    let (status, body) = api
        .send(
            Method::POST,
            &tags,
            json!({ "Value": "watched", "Action": "Add" }),
        )
        .await;
    assert_eq!(
        (status, &body["machineTags"]),
        (200, &json!(["Finance", "watched"]))
    );
    let (status, _) = api
        .send(
            Method::POST,
            &tags,
            json!({ "Value": "Finance", "Action": "Remove" }),
        )
        .await;
    assert_eq!(status, 200);
    let many = json!({ "Value": "watched", "Action": "Add", "MachineIds": [WORKSTATION, SERVER] });
    let path = "/api/machines/AddOrRemoveTagForMultipleMachines";
    let (_, body) = api.send(Method::POST, path, many).await;
    assert_eq!(ids(&body), [WORKSTATION, SERVER]);
    let (_, found) = api
        .get(
            "/api/machines/findbytag?tag=watch&useStartsWithFilter=true",
            &[],
        )
        .await;
    assert_eq!(names(&found), ["hl-ws-014", "hl-fs-01"]);
    assert!(
        api.ids("/api/machines/findbytag?tag=watch", &[])
            .await
            .is_empty()
    );
    let crowd = json!({ "Value": "x", "Action": "Add", "MachineIds": vec![WORKSTATION; 501] });
    let (status, body) = api.send(Method::POST, path, crowd).await;
    assert_eq!(
        (status, &body["error"]["code"]),
        (400, &json!("MaximumBatchSizeExceeded"))
    );
    let value = format!("{MACHINES}/{WORKSTATION}/setDeviceValue");
    let (status, body) = api
        .send(Method::POST, &value, json!({ "DeviceValue": "High" }))
        .await;
    assert_eq!((status, &body["deviceValue"]), (200, &json!("High")));
}

#[tokio::test]
async fn an_address_is_looked_for_around_an_instant_of_the_last_30_days() {
    let api = Api::endpoint().await;
    let find = |ip: &str, at: &str| format!("{MACHINES}/findbyip(ip='{ip}',timestamp={at})");
    let found = api
        .ids(&find("10.20.1.11", "2026-11-18T09:30:00Z"), &[])
        .await;
    assert_eq!(found, [SERVER]);
    assert!(
        api.ids(&find("10.99.0.1", "2026-11-18T09:30:00Z"), &[])
            .await
            .is_empty()
    );
    assert_eq!(
        api.get(&find("10.20.1.11", "2026-10-01T00:00:00Z"), &[])
            .await
            .0,
        400
    );
}

#[tokio::test]
async fn indicators_are_kept_updated_and_deleted() {
    let api = Api::endpoint().await;
    let block = |value: &str| json!({ "indicatorValue": value, "indicatorType": "DomainName", "action": "Block", "title": "t", "description": "d" });
    let (status, kept) = api
        .send(Method::POST, "/api/indicators", block("bad.example"))
        .await;
    assert_eq!((status, &kept["createdBy"]), (200, &json!(BRIGHTWATCH)));
    let (_, again) = api
        .send(Method::POST, "/api/indicators", block("BAD.example"))
        .await;
    assert_eq!(again["id"], kept["id"]);
    let filter = "indicatorType eq 'DomainName' and generateAlert eq false";
    let (_, listed) = filtered(&api, "/api/indicators", filter).await;
    assert_eq!(ids(&listed), [kept["id"].as_str().unwrap()]);
    let batch = json!({ "Indicators": [block("worse.example"), block("not a domain")] });
    let (status, results) = api
        .send(Method::POST, "/api/indicators/import", batch)
        .await;
    assert_eq!(status, 200);
    assert_eq!(results["value"][0]["isFailed"], false);
    assert_eq!(results["value"][1]["isFailed"], true);
    let one = format!("/api/indicators/{}", kept["id"].as_str().unwrap());
    assert_eq!(api.send(Method::DELETE, &one, json!(null)).await.0, 204);
    assert_eq!(api.send(Method::DELETE, &one, json!(null)).await.0, 404);
    let delete = |ids: Value| {
        api.send(
            Method::POST,
            "/api/indicators/BatchDelete",
            json!({ "IndicatorIds": ids }),
        )
    };
    assert_eq!(delete(json!(["2101", "999999"])).await.0, 404);
    assert_eq!(delete(json!([])).await.0, 400);
    assert_eq!(delete(json!(["x"])).await.0, 400);
    assert_eq!(delete(json!(["2101", "2102"])).await.0, 204);
    let mut audit = block("seen.example");
    audit["action"] = "Audit".into();
    assert_eq!(
        api.send(Method::POST, "/api/indicators", audit.clone())
            .await
            .0,
        400
    );
    audit["generateAlert"] = true.into();
    assert_eq!(
        api.send(Method::POST, "/api/indicators", audit).await.0,
        200
    );
}

#[tokio::test]
async fn with_its_own_indicators_only_an_application_sees_no_others() {
    let api = Api::endpoint().await;
    assert_eq!(api.ids("/api/indicators", &[]).await.len(), 5);
    api.sim.edit(HARBOURLINE, |tenant| {
        tenant.apps[0]
            .roles
            .insert("endpoint".into(), vec!["Ti.ReadWrite".into()]);
    });
    let api = api.renewed(ENDPOINT).await;
    assert_eq!(
        api.ids("/api/indicators", &[]).await,
        ["2101", "2102", "2103"]
    );
    assert_eq!(
        api.send(Method::DELETE, "/api/indicators/2104", json!(null))
            .await
            .0,
        404
    );
}

#[tokio::test]
async fn alerts_are_changed_in_batches_with_an_empty_answer() {
    let api = Api::endpoint().await;
    let two = [
        "ed6a2081fe-4f91-eabf-9a1b-4c52f325bee8",
        "ed1b27667e-cbe4-0eb3-9a1b-14f2a0694852",
    ];
    let change = json!({ "alertIds": two, "status": "Resolved", "determination": "Clean", "classification": "FalsePositive", "comment": "Test" });
    let (status, body) = api
        .send(Method::POST, "/api/alerts/batchUpdate", change)
        .await;
    assert_eq!((status, body), (200, json!("")));
    let determination = api.sim.edit(HARBOURLINE, |tenant| {
        let alert = tenant.alert(two[0]).unwrap();
        (
            alert.status.clone(),
            alert.determination.clone(),
            alert.comments.len(),
        )
    });
    assert_eq!(determination, ("resolved".into(), "notMalicious".into(), 1));
    let (_, alert) = api.get(&format!("/api/alerts/{}", two[1]), &[]).await;
    assert_eq!(
        (&alert["status"], &alert["determination"]),
        (&json!("Resolved"), &json!("Clean"))
    );
    let unknown = json!({ "alertIds": [two[0], "none"], "status": "New" });
    assert_eq!(
        api.send(Method::POST, "/api/alerts/batchUpdate", unknown)
            .await
            .0,
        404
    );
    let wrong = json!({ "alertIds": two, "status": "resolved" });
    assert_eq!(
        api.send(Method::POST, "/api/alerts/batchUpdate", wrong)
            .await
            .0,
        400
    );
}

#[tokio::test]
async fn an_alert_is_created_from_an_event_and_joins_an_open_one_of_the_same_title() {
    let api = Api::endpoint().await;
    let mut asked = json!({
        "eventTime": "2026-11-16T07:19:02.1234567Z", "reportId": "1805", "machineId": WORKSTATION, "severity": "High",
        "title": "Tidewatch called home", "description": "d", "recommendedAction": "Isolate", "category": "CommandAndControl",
    });
    let path = "/api/alerts/CreateAlertByReference";
    let (status, created) = api.send(Method::POST, path, asked.clone()).await;
    assert_eq!(
        (status, &created["machineId"]),
        (200, &json!(WORKSTATION)),
        "{created}"
    );
    let (_, same) = api.send(Method::POST, path, asked.clone()).await;
    assert_eq!(same["id"], created["id"]);
    let (_, listed) = api
        .get(&format!("{MACHINES}/{WORKSTATION}/alerts"), &[])
        .await;
    assert_eq!(ids(&listed)[0], created["id"]);
    asked["reportId"] = "4".into();
    assert_eq!(api.send(Method::POST, path, asked).await.0, 404);
}

#[tokio::test]
async fn evidence_comes_only_when_it_is_asked_for() {
    let api = Api::endpoint().await;
    let filter = [("$filter", "severity eq 'High' and status eq 'InProgress'")];
    let (_, plain) = api.get("/api/alerts", &filter).await;
    assert_eq!(plain["value"][0]["evidence"], json!([]));
    let expanded = [filter[0], ("$expand", "evidence")];
    let (_, expanded) = api.get("/api/alerts", &expanded).await;
    let evidence = expanded["value"][0]["evidence"][0].as_object().unwrap();
    assert_eq!(evidence.len(), 25);
}

#[tokio::test]
async fn a_throttle_names_the_quota_of_the_operation() {
    let api = Api::endpoint().await;
    for (method, path, quota) in [
        (Method::GET, "/api/machines", 100),
        (
            Method::GET,
            "/api/machineactions/0d5c7a9e-41b8-4f63-a2d7-58e6c3f90b12/getPackageUri",
            2,
        ),
        (
            Method::POST,
            "/api/machines/5854058a899368873d73bc05e733beaa4865c8ce/runliveresponse",
            10,
        ),
        (Method::POST, "/api/indicators/import", 30),
    ] {
        api.sim.inject(Kind::throttle(7));
        let answer = api.call(method, path).send().await.unwrap();
        assert_eq!(answer.headers()["retry-after"], "7");
        let (status, body) = read(answer).await;
        assert_eq!((status, &body["error"]["code"]), (429, &json!("429")));
        let message = format!("API calls quota exceeded! maximum allowed {quota} per 00:01:00");
        assert_eq!(body["error"]["message"], message);
    }
}

#[tokio::test]
async fn the_devices_are_those_of_the_hunting_tables() {
    let sim = simulator::Simulator::start();
    for domain in [
        HARBOURLINE,
        "kitsune-foods.example",
        "maplewood-clinic.example",
    ] {
        let (mut devices, mut told) = sim.edit(domain, |tenant| {
            let devices = tenant.devices.iter();
            let table = &tenant.tables["DeviceInfo"];
            let id = table
                .columns
                .iter()
                .position(|one| one.name == "DeviceId")
                .unwrap();
            let ids = table.rows.iter().map(|row| match &row[id] {
                simulator::Value::String(id) => id.to_string(),
                other => panic!("{other:?} is no id"),
            });
            (
                devices.map(|device| device.id.clone()).collect::<Vec<_>>(),
                ids.collect::<Vec<_>>(),
            )
        });
        devices.sort();
        told.sort();
        told.dedup();
        assert_eq!(devices, told, "{domain}");
    }
}

#[tokio::test]
async fn responders_have_an_application_of_their_own_that_cannot_read_incidents() {
    let api = Api::endpoint().await;
    let variables = api.sim.environment_of("Harbourline Responders");
    let variable = |name: &str| {
        let found = variables.iter().find(|(own, _)| own == name);
        found.unwrap().1.clone()
    };
    let mut form = form(ENDPOINT);
    form[1].1 = variable("AZURE_CLIENT_ID");
    form[2].1 = variable("AZURE_CLIENT_SECRET");
    let path = format!("/{}/oauth2/v2.0/token", variable("AZURE_TENANT_ID"));
    let (status, body) = post_form(&api.sim, &path, &form).await;
    assert_eq!(status, 200, "{body}");
    let answer = http()
        .post(format!(
            "{}/api/machines/{SERVER}/isolate",
            api.sim.origin()
        ))
        .bearer_auth(body["access_token"].as_str().unwrap())
        .json(&json!({ "Comment": "x", "IsolationType": "Full" }))
        .send()
        .await
        .unwrap();
    let (status, action) = read(answer).await;
    assert_eq!(
        (status, &action["requestor"]),
        (201, &json!("Harbourline Responders"))
    );
    let roles = api.sim.edit(HARBOURLINE, |tenant| {
        tenant
            .app(&form[1].1)
            .unwrap()
            .roles
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    });
    assert_eq!(roles, ["endpoint"]);
}
