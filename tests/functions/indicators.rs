//! Indicators one at a time: checked before they are sent, and sent in the documented letter case.

use serde_json::{Value, json};
use simulator::{Fault, Kind, Simulator};

use crate::{api_requests, code, ids, invoke, line, lines, problem};

const TENANT: &str = "harbourline.example";

/// A good indicator, changed in one field; `null` takes it out.
fn indicator(field: &str, value: Value) -> Value {
    let mut indicator = json!({
        "indicatorValue": "198.51.100.140",
        "indicatorType": "ipAddress",
        "action": "block",
        "title": "Tidewatch control server",
        "description": "Called by tidewatch.dll",
    });
    indicator[field] = value;
    if indicator[field].is_null() {
        indicator.as_object_mut().unwrap().remove(field);
    }
    indicator
}

#[tokio::test]
async fn an_indicator_is_sent_in_microsofts_letter_case_and_answered_whole() {
    let simulator = Simulator::start();
    let input = json!({
        "indicatorValue": "ABCDEF0123".repeat(4),
        "indicatorType": "fileSha1",
        "action": "audit",
        "title": "Tidewatch loader",
        "description": "Seen on hl-ws-014",
        "expirationTime": "2126-01-01T02:00:00+02:00",
        "severity": "medium",
        "recommendedActions": "Collect the package.",
        "rbacGroupNames": ["Workstations", "Servers"],
        "generateAlert": true,
        "application": "Tidewatch response",
    });
    let answer = invoke(&simulator, "submit_indicator", input).await.json();
    let requests = api_requests(&simulator);
    assert_eq!(
        requests.iter().map(line).collect::<Vec<_>>(),
        ["POST /api/indicators"]
    );
    assert_eq!(
        requests[0].json(),
        json!({
            "indicatorValue": "abcdef0123".repeat(4),
            "indicatorType": "FileSha1",
            "action": "Audit",
            "title": "Tidewatch loader",
            "description": "Seen on hl-ws-014",
            "expirationTime": "2126-01-01T00:00:00Z",
            "severity": "Medium",
            "recommendedActions": "Collect the package.",
            "rbacGroupNames": ["Workstations", "Servers"],
            "generateAlert": true,
            "application": "Tidewatch response",
        })
    );
    assert_eq!(answer["createdByDisplayName"], json!("Brightwatch SOC"));
    let kept = simulator.edit(TENANT, |tenant| {
        tenant.indicators.last().unwrap().id.clone()
    });
    assert_eq!(answer["id"], json!(kept));
}

#[tokio::test]
async fn every_type_takes_its_own_values_and_no_others() {
    let simulator = Simulator::start();
    for (kind, right, wrong) in [
        ("fileSha1", "a".repeat(40), "a".repeat(64)),
        ("fileSha256", "a".repeat(64), "a".repeat(40)),
        ("fileMd5", "a".repeat(32), "g".repeat(32)),
        ("certificateThumbprint", "b".repeat(40), "b".repeat(64)),
        ("ipAddress", "2001:db8::7".into(), "198.51.100.0/24".into()),
        (
            "domainName",
            "cdn-tide-3.example".into(),
            "https://cdn-tide-3.example/".into(),
        ),
        (
            "url",
            "https://cdn-tide-3.example/a?b=c".into(),
            "cdn-tide-3.example/a".into(),
        ),
    ] {
        let mut input = indicator("indicatorType", json!(kind));
        input["indicatorValue"] = json!(right);
        let answer = invoke(&simulator, "submit_indicator", input.clone())
            .await
            .json();
        assert_eq!(answer["indicatorValue"], json!(right));
        input["indicatorValue"] = json!(wrong);
        simulator.clear_requests();
        let problem = problem(&invoke(&simulator, "submit_indicator", input).await);
        assert_eq!(problem["code"], json!("InvalidInput"), "{kind}");
        assert!(
            problem["detail"]
                .as_str()
                .unwrap()
                .contains("`indicatorValue`"),
            "{problem}"
        );
        assert!(simulator.requests().is_empty(), "{kind}");
    }
}

#[tokio::test]
async fn what_microsoft_would_refuse_is_refused_by_its_field_before_anything_is_sent() {
    let simulator = Simulator::start();
    let educate = |kind: &str, value: &str, action: &str| {
        let mut input = indicator(
            "educateUrl",
            json!("https://intranet.harbourline.example/why"),
        );
        input["indicatorType"] = json!(kind);
        input["indicatorValue"] = json!(value);
        input["action"] = json!(action);
        input
    };
    let mut silent_audit = indicator("action", json!("audit"));
    let audit = silent_audit.clone();
    silent_audit["generateAlert"] = json!(false);
    for (input, field, says) in [
        (
            indicator("action", json!("alert")),
            "action",
            "January 2022",
        ),
        (
            indicator("action", json!("alertAndBlock")),
            "action",
            "January 2022",
        ),
        (
            indicator("action", json!("Block")),
            "action",
            "unknown word",
        ),
        (audit, "generateAlert", "`true`"),
        (silent_audit, "generateAlert", "`true`"),
        (
            indicator("expirationTime", json!("2020-01-01T00:00:00Z")),
            "expirationTime",
            "future",
        ),
        (
            indicator("expirationTime", json!("tomorrow")),
            "expirationTime",
            "RFC 3339",
        ),
        (
            indicator("severity", json!("critical")),
            "severity",
            "unknown word",
        ),
        (indicator("title", json!(" ")), "title", "says something"),
        (indicator("title", Value::Null), "title", "missing field"),
        (
            indicator("description", Value::Null),
            "description",
            "missing field",
        ),
        (
            indicator("rbacGroupNames", json!("Servers")),
            "rbacGroupNames",
            "invalid type",
        ),
        (indicator("colour", json!("red")), "colour", "unknown field"),
        (
            educate("ipAddress", "198.51.100.140", "block"),
            "educateUrl",
            "URL or a domain",
        ),
        (
            educate("url", "https://a.example/", "allowed"),
            "educateUrl",
            "`block` and `warn`",
        ),
    ] {
        let problem = problem(&invoke(&simulator, "submit_indicator", input.clone()).await);
        assert_eq!(problem["code"], json!("InvalidInput"), "{input}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(
            detail.contains(&format!("`{field}`")) && detail.contains(says),
            "{input}: {detail}"
        );
    }
    assert!(simulator.requests().is_empty());
    let warned = educate("domainName", "cdn-tide-4.example", "warn");
    invoke(&simulator, "submit_indicator", warned).await.json();
}

#[tokio::test]
async fn a_submission_whose_answer_is_lost_is_unknown_and_a_repeat_updates_it() {
    let simulator = Simulator::start();
    simulator.inject(Fault::from(Kind::DropAfter).path("/api/").times(1));
    let input = indicator("severity", json!("low"));
    let before = simulator.edit(TENANT, |tenant| tenant.indicators.len());
    let problem = problem(&invoke(&simulator, "submit_indicator", input.clone()).await);
    assert_eq!(problem["code"], json!("OutcomeUnknown"));
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("Repeating it is safe"),
        "{problem}"
    );
    assert_eq!(api_requests(&simulator).len(), 1);
    invoke(&simulator, "submit_indicator", input).await.json();
    assert_eq!(
        simulator.edit(TENANT, |tenant| tenant.indicators.len()),
        before + 1
    );
}

#[tokio::test]
async fn every_filter_is_spelled_as_documented() {
    let simulator = Simulator::start();
    let input = json!({
        "indicatorValue": "198.51.100.77",
        "indicatorType": "ipAddress",
        "action": "alertAndBlock",
        "severity": "high",
        "title": "t",
        "application": "a",
        "generateAlert": true,
        "createdBy": "c",
        "createdByDisplayName": "d",
        "createdSince": "2026-11-01T00:00:00Z",
        "createdBefore": "2026-11-18T00:00:00Z",
        "expiresSince": "2026-12-01T00:00:00Z",
        "expiresBefore": "2027-12-01T00:00:00Z",
    });
    let answer = invoke(&simulator, "list_indicators", input).await.json();
    assert_eq!(answer, json!({"items": []}));
    assert_eq!(
        lines(&simulator),
        [
            "GET /api/indicators?$top=50&$filter=indicatorValue eq '198.51.100.77' and indicatorType eq 'IpAddress' and \
             action eq 'AlertAndBlock' and severity eq 'High' and title eq 't' and application eq 'a' and generateAlert eq true and \
             createdBy eq 'c' and createdByDisplayName eq 'd' and creationTimeDateTimeUtc ge 2026-11-01T00:00:00Z and \
             creationTimeDateTimeUtc lt 2026-11-18T00:00:00Z and expirationTime ge 2026-12-01T00:00:00Z and \
             expirationTime lt 2027-12-01T00:00:00Z"
        ]
    );
    let found = json!({"indicatorType": "ipAddress", "generateAlert": true});
    assert_eq!(
        ids(&invoke(&simulator, "list_indicators", found).await.json()),
        ["2101"]
    );
}

#[tokio::test]
async fn an_indicator_is_deleted_once() {
    let simulator = Simulator::start();
    let answer = invoke(
        &simulator,
        "delete_indicator",
        json!({"indicatorId": "2101"}),
    )
    .await
    .json();
    assert_eq!(answer, json!({"indicatorId": "2101", "deleted": true}));
    assert_eq!(lines(&simulator), ["DELETE /api/indicators/2101"]);
    assert_eq!(
        code(&invoke(&simulator, "delete_indicator", json!({"indicatorId": 2101})).await),
        "NotFound"
    );
    assert_eq!(
        code(&invoke(&simulator, "delete_indicator", json!({"indicatorId": "x"})).await),
        "InvalidInput"
    );
}
