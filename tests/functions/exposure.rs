//! Exposure and investigations: their counted lists, filter by filter.

use serde_json::{Value, json};
use simulator::Simulator;

use crate::{code, ids, invoke, lines};

#[tokio::test]
async fn every_list_spells_its_filters_as_documented() {
    let simulator = Simulator::start();
    let lists: [(&str, Value, &str); 4] = [
        (
            "list_vulnerabilities",
            json!({
                "severity": "critical",
                "publishedSince": "2026-09-01T00:00:00Z",
                "publishedBefore": "2026-11-01T00:00:00Z",
                "updatedSince": "2026-10-01T00:00:00Z",
                "updatedBefore": "2026-11-18T00:00:00Z",
            }),
            "vulnerabilities?$top=50&$filter=severity eq 'Critical' and publishedOn ge 2026-09-01T00:00:00Z and \
             publishedOn lt 2026-11-01T00:00:00Z and updatedOn ge 2026-10-01T00:00:00Z and updatedOn lt 2026-11-18T00:00:00Z",
        ),
        (
            "list_software",
            json!({"name": "windows_11", "vendor": "microsoft"}),
            "Software?$top=50&$filter=name eq 'windows_11' and vendor eq 'microsoft'",
        ),
        (
            "list_recommendations",
            json!({
                "productName": "windows_11",
                "vendor": "microsoft",
                "recommendedVersion": "1.2",
                "recommendedProgram": "p",
                "recommendedVendor": "v",
                "recommendationCategory": "os",
                "subCategory": "s",
                "remediationType": "configurationChange",
                "status": "exception",
            }),
            "recommendations?$top=50&$filter=productName eq 'windows_11' and vendor eq 'microsoft' and recommendedVersion eq '1.2' and \
             recommendedProgram eq 'p' and recommendedVendor eq 'v' and recommendationCategory eq 'OS' and subCategory eq 's' and \
             remediationType eq 'ConfigurationChange' and status eq 'Exception'",
        ),
        (
            "list_investigations",
            json!({
                "state": "pendingApproval",
                "deviceId": "5854058a899368873d73bc05e733beaa4865c8ce",
                "alertId": "edc7fc387c-9c6e-72dc-9a1b-67ab949b14bd",
                "startedSince": "2026-11-01T00:00:00Z",
                "startedBefore": "2026-11-18T00:00:00Z",
            }),
            "investigations?$top=50&$filter=state eq 'PendingApproval' and machineId eq '5854058a899368873d73bc05e733beaa4865c8ce' and \
             triggeringAlertId eq 'edc7fc387c-9c6e-72dc-9a1b-67ab949b14bd' and startTime ge 2026-11-01T00:00:00Z and \
             startTime lt 2026-11-18T00:00:00Z",
        ),
    ];
    for (operation, input, expected) in lists {
        simulator.clear_requests();
        let answer = invoke(&simulator, operation, input).await.json();
        assert!(answer["items"].is_array(), "{operation}");
        assert_eq!(lines(&simulator), [format!("GET /api/{expected}")]);
    }
}

#[tokio::test]
async fn every_list_pages_as_far_as_it_goes() {
    let simulator = Simulator::start();
    for operation in [
        "list_vulnerabilities",
        "list_software",
        "list_recommendations",
        "list_investigations",
    ] {
        let all = ids(&invoke(&simulator, operation, json!({})).await.json());
        assert!(all.len() > 1, "{operation}");
        let (mut listed, mut input) = (Vec::new(), json!({"top": 1}));
        loop {
            let answer = invoke(&simulator, operation, input.clone()).await.json();
            listed.extend(ids(&answer));
            match answer["next"].as_str() {
                Some(next) => input["cursor"] = json!(next),
                None => break,
            }
        }
        assert_eq!(listed, all, "{operation}");
    }
}

#[tokio::test]
async fn a_page_of_vulnerabilities_is_no_larger_than_microsoft_makes_it() {
    let simulator = Simulator::start();
    invoke(&simulator, "list_vulnerabilities", json!({"top": 10_000}))
        .await
        .json();
    invoke(&simulator, "list_software", json!({"top": 10_000}))
        .await
        .json();
    assert_eq!(
        lines(&simulator),
        [
            "GET /api/vulnerabilities?$top=8000",
            "GET /api/Software?$top=10000"
        ]
    );
}

#[tokio::test]
async fn numbers_are_compared_by_a_filter_of_the_callers_own() {
    let simulator = Simulator::start();
    let answer = invoke(
        &simulator,
        "list_vulnerabilities",
        json!({"filter": "cvssV3 ge 9"}),
    )
    .await
    .json();
    let items = answer["items"].as_array().unwrap();
    assert!(
        !items.is_empty()
            && items
                .iter()
                .all(|item| item["cvssV3"].as_f64() >= Some(9.0))
    );
    let wrong = json!({"severity": "Critical"});
    assert_eq!(
        code(&invoke(&simulator, "list_vulnerabilities", wrong).await),
        "InvalidInput"
    );
}

#[tokio::test]
async fn the_software_of_a_recommendation_is_a_list_though_microsoft_sends_one_object() {
    let simulator = Simulator::start();
    let input = json!({"recommendationId": "va-_-berthing-_-file_sync"});
    let answer = invoke(&simulator, "list_recommendation_software", input)
        .await
        .json();
    assert_eq!(answer["items"].as_array().unwrap().len(), 1);
    assert_eq!(ids(&answer), ["berthing-_-file_sync"]);
}
