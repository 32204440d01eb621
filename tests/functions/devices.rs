//! Devices: listed by counted pages, tagged and valued.

use serde_json::{Value, json};
use simulator::{Device, Fault, Kind, Simulator};

use crate::{api_requests, code, function, ids, invoke, line, lines, problem};

const TENANT: &str = "harbourline.example";
const DEVICE: &str = "5854058a899368873d73bc05e733beaa4865c8ce";
const OTHER: &str = "16f38d19b94d7ee06014656929dc34b9aab95e90";

/// So many devices, each with `padding` bytes more to carry.
fn with_devices(count: usize, padding: usize) -> Simulator {
    let simulator = Simulator::start();
    simulator.edit(TENANT, |tenant| {
        let template = tenant.devices[0].clone();
        let numbered = |number: usize| Device {
            id: format!("{number:040x}"),
            version: Some("v".repeat(padding)),
            ..template.clone()
        };
        tenant.devices = (0..count).map(numbered).collect();
    });
    simulator
}

/// The listing page by page, as a caller follows it.
async fn follow(simulator: &Simulator, input: Value) -> Vec<Vec<String>> {
    let function = function(simulator, "list_devices");
    let (mut pages, mut input) = (Vec::new(), input);
    for _ in 0..50 {
        let answer = function.invoke(input.to_string()).await.json();
        pages.push(ids(&answer));
        match answer["next"].as_str() {
            Some(next) => input["cursor"] = json!(next),
            None => return pages,
        }
    }
    panic!("the listing does not end");
}

#[tokio::test]
async fn every_filter_is_spelled_as_the_endpoint_api_spells_it() {
    let simulator = Simulator::start();
    let input = json!({
        "computerDnsName": "o'neil.harbourline.example",
        "healthStatus": "noSensorData",
        "onboardingStatus": "onboarded",
        "osPlatform": "Windows11",
        "riskScore": "high",
        "exposureLevel": "medium",
        "deviceValue": "normal",
        "lastIpAddress": "10.20.4.14",
        "rbacGroupId": 15,
        "aadDeviceId": "1C91B01D-2136-4127-a3ef-826ea538cdc0",
        "seenSince": "2026-11-17T02:00:00+02:00",
        "seenBefore": "2026-11-19T00:00:00Z",
        "top": 7,
    });
    invoke(&simulator, "list_devices", input).await;
    assert_eq!(
        lines(&simulator),
        [
            "GET /api/machines?$top=7&$filter=computerDnsName eq 'o''neil.harbourline.example' and healthStatus eq 'NoSensorData' and \
             onboardingStatus eq 'onboarded' and osPlatform eq 'Windows11' and riskScore eq 'High' and exposureLevel eq 'Medium' and \
             deviceValue eq 'Normal' and lastIpAddress eq '10.20.4.14' and rbacGroupId eq 15 and \
             aadDeviceId eq 1c91b01d-2136-4127-a3ef-826ea538cdc0 and lastSeen ge 2026-11-17T00:00:00Z and \
             lastSeen lt 2026-11-19T00:00:00Z"
        ]
    );
}

#[tokio::test]
async fn a_device_is_found_by_its_id_in_entra() {
    let simulator = Simulator::start();
    let all = invoke(&simulator, "list_devices", json!({})).await.json();
    let wanted = &all["items"][0];
    let by_id = json!({ "aadDeviceId": wanted["aadDeviceId"] });
    let answer = invoke(&simulator, "list_devices", by_id).await.json();
    assert_eq!(answer["items"], json!([wanted]));
}

#[tokio::test]
async fn what_a_filter_finds_is_passed_on_unread() {
    let simulator = Simulator::start();
    let answer = invoke(
        &simulator,
        "list_devices",
        json!({"riskScore": "high", "osPlatform": "Windows11"}),
    )
    .await
    .json();
    assert_eq!(ids(&answer), [DEVICE]);
    assert_eq!(
        answer["items"][0]["ipAddresses"][0]["macAddress"],
        json!("02005E015854")
    );
    let raw = json!({"filter": "machineTags/any(tag: tag eq 'crown-jewel')"});
    let answer = invoke(&simulator, "list_devices", raw).await.json();
    assert_eq!(
        answer["items"][0]["computerDnsName"],
        json!("hl-dc-01.harbourline.example")
    );
    let both = json!({"filter": "riskScore eq 'High'", "riskScore": "high"});
    assert_eq!(
        code(&invoke(&simulator, "list_devices", both).await),
        "InvalidInput"
    );
}

#[tokio::test]
async fn no_recent_devices_are_an_empty_list_and_a_device_that_is_not_there_is_not_found() {
    let simulator = Simulator::start();
    simulator.edit(TENANT, |tenant| tenant.devices.clear());
    let answer = invoke(&simulator, "list_devices", json!({})).await.json();
    assert_eq!(answer, json!({"items": []}));
    assert_eq!(
        code(&invoke(&simulator, "get_device", json!({"deviceId": DEVICE})).await),
        "NotFound"
    );
}

#[tokio::test]
async fn a_cursor_goes_on_where_the_page_ended() {
    let simulator = with_devices(25, 0);
    let pages = follow(&simulator, json!({"top": 10})).await;
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [10, 10, 5]);
    let all: Vec<_> = (0..25).map(|number| format!("{number:040x}")).collect();
    assert_eq!(pages.concat(), all);
    assert_eq!(
        lines(&simulator),
        ["$top=10", "$top=10&$skip=10", "$top=10&$skip=20"]
            .map(|query| format!("GET /api/machines?{query}"))
    );
    let other = json!({"riskScore": "low", "cursor": "bm90IGEgY3Vyc29y"});
    assert_eq!(
        code(&invoke(&simulator, "list_devices", other).await),
        "InvalidInput"
    );
}

#[tokio::test]
async fn a_page_too_large_for_the_reply_is_halved_and_nothing_is_lost() {
    let simulator = with_devices(40, 400_000);
    let pages = follow(&simulator, json!({"top": 40})).await;
    assert!(pages.len() > 2, "{}", pages.len());
    let all: Vec<_> = (0..40).map(|number| format!("{number:040x}")).collect();
    assert_eq!(pages.concat(), all);
    assert_eq!(
        lines(&simulator)[..2],
        ["GET /api/machines?$top=40", "GET /api/machines?$top=20"]
    );
}

#[tokio::test]
async fn a_tag_is_added_and_removed_in_microsofts_letter_case() {
    let simulator = Simulator::start();
    let input =
        |action: &str| json!({"deviceId": DEVICE, "tag": "Under investigation", "action": action});
    let added = invoke(&simulator, "tag_device", input("add")).await.json();
    assert_eq!(
        added["machineTags"],
        json!(["Finance", "Under investigation"])
    );
    let removed = invoke(&simulator, "tag_device", input("remove"))
        .await
        .json();
    assert_eq!(removed["machineTags"], json!(["Finance"]));
    let requests = api_requests(&simulator);
    assert_eq!(
        line(&requests[0]),
        format!("POST /api/machines/{DEVICE}/tags")
    );
    assert_eq!(
        requests[0].json(),
        json!({"Value": "Under investigation", "Action": "Add"})
    );
    assert_eq!(
        requests[1].json(),
        json!({"Value": "Under investigation", "Action": "Remove"})
    );
}

#[tokio::test]
async fn many_devices_are_tagged_at_once_each_named_once() {
    let simulator = Simulator::start();
    let input = json!({"deviceIds": [DEVICE, OTHER, DEVICE.to_uppercase()], "tag": "Night", "action": "add"});
    let answer = invoke(&simulator, "tag_devices", input).await.json();
    assert_eq!(
        answer,
        json!({"deviceIds": [DEVICE, OTHER], "updated": true})
    );
    let requests = api_requests(&simulator);
    assert_eq!(
        line(&requests[0]),
        "POST /api/machines/AddOrRemoveTagForMultipleMachines"
    );
    assert_eq!(
        requests[0].json(),
        json!({"Value": "Night", "Action": "Add", "MachineIds": [DEVICE, OTHER]})
    );
    let tagged = simulator.edit(TENANT, |tenant| {
        let has = |device: &&Device| device.machine_tags.contains(&"Night".to_owned());
        tenant.devices.iter().filter(has).count()
    });
    assert_eq!(tagged, 2);
}

#[tokio::test]
async fn a_device_is_valued() {
    let simulator = Simulator::start();
    let answer = invoke(
        &simulator,
        "set_device_value",
        json!({"deviceId": DEVICE, "value": "high"}),
    )
    .await
    .json();
    assert_eq!(answer["deviceValue"], json!("High"));
    let requests = api_requests(&simulator);
    assert_eq!(
        line(&requests[0]),
        format!("POST /api/machines/{DEVICE}/setDeviceValue")
    );
    assert_eq!(requests[0].json(), json!({"DeviceValue": "High"}));
}

#[tokio::test]
async fn a_setting_whose_answer_is_lost_is_unknown_and_said_to_be_safe_to_repeat() {
    for (operation, input) in [
        (
            "tag_device",
            json!({"deviceId": DEVICE, "tag": "Night", "action": "add"}),
        ),
        (
            "tag_devices",
            json!({"deviceIds": [DEVICE], "tag": "Night", "action": "add"}),
        ),
        (
            "set_device_value",
            json!({"deviceId": DEVICE, "value": "low"}),
        ),
    ] {
        let simulator = Simulator::start();
        simulator.inject(Fault::from(Kind::DropAfter).path("/api/").times(1));
        let problem = problem(&invoke(&simulator, operation, input).await);
        assert_eq!(problem["code"], json!("OutcomeUnknown"), "{operation}");
        assert!(
            problem["detail"]
                .as_str()
                .unwrap()
                .contains("Repeating it is safe"),
            "{problem}"
        );
        assert_eq!(api_requests(&simulator).len(), 1, "{operation}");
    }
}

#[tokio::test]
async fn a_wrong_setting_is_refused_by_its_field_and_nothing_is_sent() {
    let simulator = Simulator::start();
    let many: Vec<_> = (0..501).map(|number| format!("{number:040x}")).collect();
    for (operation, input, field) in [
        (
            "tag_device",
            json!({"deviceId": DEVICE, "tag": "Night", "action": "Add"}),
            "action",
        ),
        (
            "tag_device",
            json!({"deviceId": "hl-ws-014", "tag": "Night", "action": "add"}),
            "deviceId",
        ),
        (
            "tag_device",
            json!({"deviceId": DEVICE, "tag": "a\nb", "action": "add"}),
            "tag",
        ),
        (
            "tag_devices",
            json!({"deviceIds": [], "tag": "Night", "action": "add"}),
            "deviceIds",
        ),
        (
            "tag_devices",
            json!({"deviceIds": many, "tag": "Night", "action": "add"}),
            "deviceIds",
        ),
        (
            "set_device_value",
            json!({"deviceId": DEVICE, "value": "medium"}),
            "value",
        ),
        (
            "list_devices",
            json!({"healthStatus": "Active"}),
            "healthStatus",
        ),
        (
            "list_devices",
            json!({"lastIpAddress": "10.20.4"}),
            "lastIpAddress",
        ),
        (
            "list_devices",
            json!({"rbacGroupId": "fifteen"}),
            "rbacGroupId",
        ),
    ] {
        let problem = problem(&invoke(&simulator, operation, input.clone()).await);
        assert_eq!(problem["code"], json!("InvalidInput"), "{input}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(&format!("`{field}`")), "{input}: {detail}");
    }
    assert!(simulator.requests().is_empty());
}
