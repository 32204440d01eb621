//! Every plain lookup of the Endpoint API, from its sample event: the one request that it makes, and that its answer says something.

use std::collections::BTreeSet;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use defender_functions::{
    operation::{Entry, Group},
    operations::{OPERATIONS, find},
};
use serde_json::{Value, json};
use simulator::{Fault, Kind, Request, Simulator};

use crate::{api_requests, code, event, function, invoke, lines, problem};

const DEVICE: &str = "5854058a899368873d73bc05e733beaa4865c8ce";
const ALERT: &str = "edc7fc387c-9c6e-72dc-9a1b-67ab949b14bd";
const FILE: &str = "636f426385361d49e236dd6eebe85cd89c5102da";

/// What each asks Microsoft for, `{device}`, `{alert}` and `{file}` standing for the samples above.
const LOOKUPS: [(&str, &str); 41] = [
    ("get_device", "machines/hl-ws-014.harbourline.example"),
    (
        "find_devices_by_ip",
        "machines/findbyip(ip='10.20.4.14',timestamp=2026-11-18T09:00:00Z)",
    ),
    (
        "find_devices_by_tag",
        "machines/findbytag?tag=Tier&useStartsWithFilter=true",
    ),
    ("list_device_alerts", "machines/{device}/alerts"),
    ("list_device_users", "machines/{device}/logonusers"),
    ("list_device_software", "machines/{device}/software"),
    (
        "list_device_vulnerabilities",
        "machines/{device}/vulnerabilities",
    ),
    (
        "list_device_recommendations",
        "machines/{device}/recommendations",
    ),
    ("list_device_missing_kbs", "machines/{device}/getmissingkbs"),
    ("list_library_files", "libraryfiles"),
    ("list_alert_files", "alerts/{alert}/files"),
    (
        "list_alert_ips",
        "alerts/ed239da195-b5f6-09a8-9a1b-02265e6f2a31/ips",
    ),
    (
        "list_alert_domains",
        "alerts/ed239da195-b5f6-09a8-9a1b-02265e6f2a31/domains",
    ),
    ("get_alert_device", "alerts/{alert}/machine"),
    ("get_alert_user", "alerts/{alert}/user"),
    (
        "get_file",
        "files/636f426385361d49e236dd6eebe85cd89c5102dab157b8697aa50abe2e965bd0",
    ),
    ("get_file_stats", "files/{file}/stats?lookBackHours=48"),
    ("list_file_alerts", "files/{file}/alerts"),
    ("list_file_devices", "files/{file}/machines"),
    ("get_ip_stats", "ips/203.0.113.201/stats?lookBackHours=720"),
    ("list_ip_alerts", "ips/203.0.113.201/alerts"),
    ("get_domain_stats", "domains/cdn-tide.example/stats"),
    ("list_domain_alerts", "domains/cdn-tide.example/alerts"),
    ("list_domain_devices", "domains/cdn-tide.example/machines"),
    ("list_user_alerts", "users/a.lindqvist/alerts"),
    ("list_user_devices", "users/a.lindqvist/machines"),
    ("get_vulnerability", "vulnerabilities/CVE-2026-90011"),
    (
        "list_vulnerability_devices",
        "vulnerabilities/CVE-2026-90011/machineReferences",
    ),
    ("get_software", "Software/microsoft-_-windows_11"),
    (
        "list_software_devices",
        "Software/microsoft-_-windows_11/machineReferences",
    ),
    (
        "list_software_vulnerabilities",
        "Software/microsoft-_-windows_11/vulnerabilities",
    ),
    (
        "list_software_versions",
        "Software/microsoft-_-windows_11/distributions",
    ),
    (
        "list_software_missing_kbs",
        "Software/microsoft-_-windows_11/getmissingkbs",
    ),
    (
        "get_recommendation",
        "recommendations/va-_-microsoft-_-windows_11",
    ),
    (
        "list_recommendation_devices",
        "recommendations/va-_-microsoft-_-windows_11/machineReferences",
    ),
    (
        "list_recommendation_software",
        "recommendations/va-_-microsoft-_-windows_11/software",
    ),
    (
        "list_recommendation_vulnerabilities",
        "recommendations/va-_-microsoft-_-windows_11/vulnerabilities",
    ),
    ("get_exposure_score", "exposureScore"),
    ("list_exposure_scores", "exposureScore/ByMachineGroups"),
    ("get_secure_score", "configurationScore"),
    ("get_investigation", "investigations/7302"),
];

/// Those that page by `$top` and `$skip`; their own tests are beside those of their resources.
const COUNTED: [&str; 6] = [
    "list_devices",
    "list_indicators",
    "list_vulnerabilities",
    "list_software",
    "list_recommendations",
    "list_investigations",
];

fn is_lookup(entry: &&Entry) -> bool {
    let endpoint = !entry.permissions.endpoint.is_empty() && entry.method == "GET";
    endpoint && entry.group != Group::Actions && !COUNTED.contains(&entry.name)
}

/// The API that the request's token is for.
fn audience(request: &Request) -> String {
    let token = request.header("authorization").unwrap();
    let claims = token.split('.').nth(1).unwrap();
    let claims: Value =
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    claims["aud"].as_str().unwrap().to_owned()
}

/// The input as an event on a bus, whose time is what relative times count back from.
fn as_of(input: &str, time: &str) -> String {
    let input: Value = serde_json::from_str(input).unwrap();
    let mut event: Value = serde_json::from_str(&event("triggers/eventbridge.json")).unwrap();
    event["time"] = json!(time);
    event["detail"] = input;
    event.to_string()
}

#[test]
fn every_lookup_is_here() {
    let here: BTreeSet<_> = LOOKUPS.iter().map(|(name, _)| *name).collect();
    let all: BTreeSet<_> = OPERATIONS
        .iter()
        .filter(is_lookup)
        .map(|entry| entry.name)
        .collect();
    assert_eq!(here, all);
}

#[tokio::test]
async fn every_lookup_makes_its_one_request_and_answers_what_is_there() {
    let simulator = Simulator::start();
    // The committed tenant has no alert of Defender for Endpoint about a domain.
    simulator.edit("harbourline.example", |tenant| {
        let alert = tenant.alert("fada1d7995-310c-6fbf-9a1b-de1096dd0463");
        alert.unwrap().service_source = "microsoftDefenderForEndpoint".to_owned();
    });
    for (name, path) in LOOKUPS {
        simulator.clear_requests();
        let input = as_of(&event(&format!("{name}.json")), "2026-11-18T09:10:00Z");
        let answer = function(&simulator, name).invoke(input).await.json();
        let path = path.replace("{device}", DEVICE).replace("{alert}", ALERT);
        let path = path.replace("{file}", FILE);
        assert_eq!(lines(&simulator), [format!("GET /api/{path}")], "{name}");
        let sent = &api_requests(&simulator)[0];
        assert_eq!(
            audience(sent),
            "https://api.securitycenter.microsoft.com",
            "{name}"
        );
        match name.starts_with("get_") {
            true => assert!(answer["@odata.context"].is_string(), "{name}: {answer}"),
            false => {
                let fields: Vec<_> = answer.as_object().unwrap().keys().collect();
                assert_eq!(fields, ["items"], "{name}");
                assert!(!answer["items"].as_array().unwrap().is_empty(), "{name}");
            }
        }
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let simulator = Simulator::start();
    for (name, input) in [
        (
            "get_device",
            json!({"deviceId": "nobody.harbourline.example"}),
        ),
        ("list_device_alerts", json!({"deviceId": "0".repeat(40)})),
        ("get_file", json!({"hash": "0".repeat(64)})),
        ("get_alert_user", json!({"id": "da0_0"})),
        ("get_vulnerability", json!({"cveId": "CVE-1999-0001"})),
        ("get_software", json!({"softwareId": "nobody-_-nothing"})),
        ("get_investigation", json!({"investigationId": "1"})),
    ] {
        let problem = problem(&invoke(&simulator, name, input).await);
        assert_eq!(problem["code"], json!("NotFound"), "{name}");
        let upstream = (
            &problem["upstream"]["service"],
            &problem["upstream"]["code"],
        );
        assert_eq!(
            upstream,
            (&json!("endpoint"), &json!("ResourceNotFound")),
            "{name}"
        );
    }
}

#[tokio::test]
async fn what_nobody_has_seen_is_an_empty_list() {
    let simulator = Simulator::start();
    for (name, input) in [
        ("find_devices_by_tag", json!({"tag": "no such tag"})),
        ("list_file_alerts", json!({"hash": "0".repeat(40)})),
        ("list_ip_alerts", json!({"ip": "127.0.0.1"})),
        ("list_domain_devices", json!({"domain": "nobody.example"})),
        ("list_user_devices", json!({"user": "nobody"})),
    ] {
        let answer = invoke(&simulator, name, input).await.json();
        assert_eq!(answer, json!({"items": []}), "{name}");
    }
}

#[tokio::test]
async fn a_wrong_id_or_observable_is_refused_by_its_field_and_nothing_is_sent() {
    let simulator = Simulator::start();
    for (name, input, field, says) in [
        (
            "get_device",
            json!({"deviceId": "../machineactions"}),
            "deviceId",
            "DNS name",
        ),
        (
            "list_device_users",
            json!({"deviceId": "hl-ws-014"}),
            "deviceId",
            "40 hexadecimal",
        ),
        (
            "find_devices_by_ip",
            json!({"ip": "10.20.4.0/24"}),
            "ip",
            "range",
        ),
        (
            "find_devices_by_ip",
            json!({"ip": "10.20.4.14", "timestamp": "P31D"}),
            "timestamp",
            "30 days",
        ),
        (
            "find_devices_by_ip",
            json!({"ip": "10.20.4.14", "timestamp": "2126-01-01T00:00:00Z"}),
            "timestamp",
            "ahead",
        ),
        ("find_devices_by_tag", json!({"tag": ""}), "tag", "a tag"),
        (
            "get_file",
            json!({"hash": "a".repeat(32)}),
            "hash",
            "SHA-256",
        ),
        (
            "list_file_alerts",
            json!({"hash": "a".repeat(64)}),
            "hash",
            "SHA-1",
        ),
        (
            "get_ip_stats",
            json!({"ip": "localhost"}),
            "ip",
            "IP address",
        ),
        (
            "get_ip_stats",
            json!({"ip": "10.0.0.1", "lookBackHours": 721}),
            "lookBackHours",
            "1 to 720",
        ),
        (
            "get_domain_stats",
            json!({"domain": "https://a.example"}),
            "domain",
            "domain",
        ),
        (
            "list_user_alerts",
            json!({"user": "a.lindqvist@harbourline.example"}),
            "user",
            "not the UPN",
        ),
        (
            "get_vulnerability",
            json!({"cveId": "90011"}),
            "cveId",
            "CVE-",
        ),
        (
            "get_software",
            json!({"softwareId": "edge"}),
            "softwareId",
            "microsoft-_-edge",
        ),
        (
            "get_recommendation",
            json!({"recommendationId": "x/y-_-z"}),
            "recommendationId",
            "va-_-",
        ),
        (
            "get_investigation",
            json!({"investigationId": "a b"}),
            "investigationId",
            "investigation",
        ),
        (
            "get_secure_score",
            json!({"top": 1}),
            "top",
            "unknown field",
        ),
    ] {
        let problem = problem(&invoke(&simulator, name, input.clone()).await);
        assert_eq!(problem["code"], json!("InvalidInput"), "{input}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(
            detail.contains(&format!("`{field}`")) && detail.contains(says),
            "{input}: {detail}"
        );
    }
    assert!(simulator.requests().is_empty());
}

#[tokio::test]
async fn observables_are_sent_in_one_form_and_stay_one_segment() {
    let simulator = Simulator::start();
    for (name, input) in [
        ("list_ip_alerts", json!({"ip": "2001:DB8:0::1"})),
        ("list_file_alerts", json!({"hash": "ABCDEF0123".repeat(4)})),
        ("list_user_alerts", json!({"user": "m.o'hara"})),
        (
            "get_software",
            json!({"softwareId": "notepad++-_-notepad++"}),
        ),
    ] {
        invoke(&simulator, name, input).await;
    }
    assert_eq!(
        lines(&simulator),
        [
            "GET /api/ips/2001:db8::1/alerts".to_owned(),
            format!("GET /api/files/{}/alerts", "abcdef0123".repeat(4)),
            "GET /api/users/m.o'hara/alerts".to_owned(),
            "GET /api/Software/notepad%2B%2B-_-notepad%2B%2B".to_owned(),
        ]
    );
}

#[tokio::test]
async fn a_missing_permission_is_named_as_the_endpoint_api_names_it() {
    let simulator = Simulator::start();
    let only_graph = simulator.environment_of("Quayside triage (read only)");
    for name in ["list_file_devices", "get_alert_user"] {
        let function = crate::builder(&simulator, name)
            .envs(only_graph.clone())
            .start()
            .unwrap();
        let problem = problem(&function.invoke(event(&format!("{name}.json"))).await);
        assert_eq!(problem["code"], json!("PermissionMissing"));
        let names = find(name).unwrap().permissions.endpoint.join(" or ");
        let detail = problem["detail"].as_str().unwrap();
        assert!(
            detail.contains(&format!("the application permission {names}.")),
            "{detail}"
        );
        assert!(detail.contains("adminconsent"), "{detail}");
    }
    assert!(api_requests(&simulator).is_empty());
}

#[tokio::test]
async fn a_quota_in_the_endpoint_apis_words_is_handed_over_with_its_period() {
    let simulator = Simulator::start();
    let message = "API calls quota exceeded! maximum allowed 50 per 00:01:00".to_owned();
    let kind = Kind::Throttle {
        retry_after: None,
        form: None,
        message: Some(message),
    };
    simulator.inject(Fault::from(kind).path("/api/"));
    let outcome = invoke(
        &simulator,
        "list_device_vulnerabilities",
        json!({"deviceId": DEVICE}),
    )
    .await;
    let problem = problem(&outcome);
    assert_eq!(problem["code"], json!("Throttled"), "{problem}");
    assert_eq!(problem["retryAfterSeconds"], json!(60));
    assert_eq!(problem["upstream"]["code"], json!("429"));
}

#[tokio::test]
async fn a_list_in_pieces_comes_whole() {
    let simulator = Simulator::start();
    simulator.edit("harbourline.example", |tenant| tenant.endpoint_page = 2);
    let input = json!({"softwareId": "berthing-_-file_sync"});
    let answer = invoke(&simulator, "list_software_devices", input)
        .await
        .json();
    let (items, path) = (
        &answer["items"],
        "/api/Software/berthing-_-file_sync/machineReferences",
    );
    let distinct: BTreeSet<_> = items
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["id"].to_string())
        .collect();
    assert_eq!((items.as_array().unwrap().len(), distinct.len()), (5, 5));
    let expected = ["", "?$skip=2", "?$skip=4"].map(|query| format!("GET {path}{query}"));
    assert_eq!(lines(&simulator), expected);
}

#[tokio::test]
async fn an_answer_of_another_shape_is_unavailable() {
    let simulator = Simulator::start();
    for (name, body) in [
        ("get_secure_score", json!([])),
        ("list_exposure_scores", json!({"value": 5})),
    ] {
        simulator.clear_faults();
        simulator.inject(
            Fault::from(Kind::WrongShape { body: Some(body) })
                .path("/api/")
                .times(0),
        );
        assert_eq!(
            code(&invoke(&simulator, name, json!({})).await),
            "UpstreamUnavailable"
        );
    }
}
