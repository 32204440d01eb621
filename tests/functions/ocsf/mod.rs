//! Whatever Microsoft sends becomes a finding that is valid by the published schema, and nothing of it is lost.

mod evidence;
mod mutations;
mod refusals;
mod schema;

use defender_functions::{
    collect::{
        event::{Change, Head, Kind},
        ocsf,
    },
    time::Timestamp,
};
use schema::complaints;
use serde_json::{Value, json, value::RawValue};

use super::root;

const TENANT: &str = "3f0a9c1e-5b7d-4e21-8c64-90d2ab15e7f3";
const UPDATED: &str = "2026-11-17T16:31:27.0000010Z";
const CHANGES: [Change; 5] = [
    Change::Created,
    Change::Updated,
    Change::Resolved,
    Change::Reopened,
    Change::Merged,
];

fn head(kind: Kind, change: Change) -> Head {
    let stream = kind.detail_type().to_lowercase() + "s";
    Head {
        id: format!("{TENANT}/{stream}/28290/{UPDATED}"),
        stream,
        tenant_id: TENANT.to_owned(),
        change,
        updated: UPDATED.to_owned(),
        target: (change == Change::Merged).then(|| "28291".to_owned()),
        incomplete: None,
    }
}

fn finding_of_text(kind: Kind, change: Change, item: &str) -> Value {
    let item = RawValue::from_string(item.to_owned()).unwrap();
    serde_json::from_str(&ocsf::finding(kind, &head(kind, change), &item)).unwrap()
}

fn finding(kind: Kind, change: Change, item: &Value) -> Value {
    finding_of_text(kind, change, &item.to_string())
}

#[track_caller]
fn assert_valid(finding: &Value) {
    let complaints = complaints(finding);
    assert!(complaints.is_empty(), "{complaints:#?} in {finding:#}");
}

/// What the simulated tenants begin with.
fn seeds(kind: Kind, name: &str) -> Vec<(Kind, Value)> {
    let tenants = std::fs::read_dir(root().join("simulator/tenants")).unwrap();
    let mut tenants: Vec<_> = tenants.map(|tenant| tenant.unwrap().path()).collect();
    tenants.sort();
    let files = tenants
        .iter()
        .filter_map(|tenant| std::fs::read(tenant.join(name)).ok());
    let items = files.flat_map(|file| serde_json::from_slice::<Vec<Value>>(&file).unwrap());
    items.map(|item| (kind, item)).collect()
}

fn alerts() -> Vec<(Kind, Value)> {
    seeds(Kind::Alert, "alerts.json")
}

fn incidents() -> Vec<(Kind, Value)> {
    seeds(Kind::Incident, "incidents.json")
}

/// As `$expand=alerts` gives them.
fn expanded() -> Vec<(Kind, Value)> {
    let alerts = alerts();
    let mut incidents = incidents();
    for (_, incident) in &mut incidents {
        let of_it = |alert: &&(Kind, Value)| {
            alert.1["incidentId"] == incident["id"] && alert.1["tenantId"] == incident["tenantId"]
        };
        let found: Vec<_> = alerts
            .iter()
            .filter(of_it)
            .map(|alert| alert.1.clone())
            .collect();
        incident["alerts"] = json!(found);
    }
    incidents
}

fn everything() -> Vec<(Kind, Value)> {
    [alerts(), incidents(), expanded()].concat()
}

#[test]
fn every_item_of_the_simulated_tenants_is_a_valid_finding_whatever_happened_to_it() {
    let items = everything();
    assert!(items.len() > 50, "{}", items.len());
    for (kind, item) in items {
        for change in CHANGES {
            assert_valid(&finding(kind, change, &item));
        }
    }
}

#[test]
fn nothing_that_microsoft_sent_is_lost() {
    for (kind, item) in everything() {
        assert_whole(&item, &finding(kind, Change::Updated, &item));
    }
}

/// Every value of the item is in the finding: as it came, within a text, as text, or as an instant in milliseconds.
#[track_caller]
fn assert_whole(item: &Value, finding: &Value) {
    let (mut sent, mut said) = (Vec::new(), Vec::new());
    leaves("", item, &mut sent);
    leaves("", finding, &mut said);
    for (name, value) in sent {
        // Words that the schema has members of its own for.
        let is_translated = ["severity", "verdict", "riskScore"].contains(&name.as_str());
        let is_there = || said.iter().any(|(_, said)| holds(said, &value));
        assert!(
            is_translated || is_there(),
            "{name} {value} is not in {finding:#}"
        );
    }
}

fn holds(said: &Value, value: &Value) -> bool {
    let at = || value.as_str()?.parse::<Timestamp>().ok();
    match (said, value) {
        (Value::String(said), Value::String(text)) => said.contains(text.as_str()),
        (Value::String(said), value) => said.parse::<Value>().is_ok_and(|said| said == *value),
        (said, value) => {
            said == value || at().is_some_and(|at| *said == json!(at.as_millisecond()))
        }
    }
}

/// Every value that is neither null nor made of others, with its name.
fn leaves(name: &str, value: &Value, found: &mut Vec<(String, Value)>) {
    match value {
        Value::Null => {}
        Value::Array(values) => values.iter().for_each(|value| leaves(name, value, found)),
        Value::Object(map) => map
            .iter()
            .for_each(|(name, value)| leaves(name, value, found)),
        value => found.push((name.to_owned(), value.clone())),
    }
}

#[test]
fn enum_members_that_the_schema_does_not_know_keep_microsofts_word() {
    let alert = json!({
        "id": "a1", "severity": "catastrophic", "status": "unknownFutureValue", "classification": "quantumPositive",
        "evidence": [
            { "@odata.type": "#microsoft.graph.security.urlEvidence", "url": "https://a.example", "verdict": "doomed" },
            { "@odata.type": "#microsoft.graph.security.teapotEvidence", "brew": "oolong", "verdict": "suspicious" },
            { "@odata.type": "#microsoft.graph.security.deviceEvidence", "mdeDeviceId": "d1", "osPlatform": "TempleOS", "riskScore": "cosmic" },
        ]
    });
    let finding = finding(Kind::Alert, Change::Created, &alert);
    assert_valid(&finding);
    let other = |name: &str| (finding[format!("{name}_id")].clone(), finding[name].clone());
    assert_eq!(other("severity"), (json!(99), json!("catastrophic")));
    assert_eq!(other("status"), (json!(99), json!("unknownFutureValue")));
    assert_eq!(other("verdict"), (json!(99), json!("quantumPositive")));
    assert_eq!(
        finding["evidences"],
        json!([
            { "name": "#microsoft.graph.security.urlEvidence", "url": { "url_string": "https://a.example" }, "verdict_id": 99, "verdict": "doomed" },
            { "name": "#microsoft.graph.security.teapotEvidence", "data": { "brew": "oolong" }, "verdict_id": 4, "verdict": "Suspicious" },
            {
                "name": "#microsoft.graph.security.deviceEvidence", "data": { "riskScore": "cosmic" },
                "device": { "uid": "d1", "type_id": 0, "type": "Unknown", "os": { "name": "TempleOS", "type_id": 99, "type": "TempleOS" } }
            },
        ])
    );
}

#[test]
fn a_merged_incident_that_arrives_empty_is_closed_and_names_its_target() {
    let finding = finding(Kind::Incident, Change::Merged, &json!({ "id": "28290" }));
    assert_valid(&finding);
    assert_eq!(finding["activity_name"], "Close");
    assert_eq!(finding["metadata"]["event_code"], "merged");
    assert_eq!(
        (&finding["status_id"], &finding["status"]),
        (&json!(5), &json!("Closed"))
    );
    assert_eq!(finding["status_detail"], "Merged into incident 28291");
    assert_eq!(
        finding["metadata"]["correlation_uid"],
        format!("{TENANT}/incidents/28291")
    );
    assert_eq!(finding["finding_info_list"], json!([{ "uid": "28290" }]));
}

#[test]
fn what_is_no_object_or_not_to_be_read_is_a_finding_with_the_text_as_it_came() {
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(200), "]".repeat(200));
    for text in [
        "null",
        "[]",
        "\"text\"",
        "7",
        "{\"a\":1e999}",
        r#"{"a":"\ud800"}"#,
        &deep,
    ] {
        for kind in [Kind::Incident, Kind::Alert] {
            let finding = finding_of_text(kind, Change::Updated, text);
            assert_valid(&finding);
            assert_eq!(finding["raw_data"], text, "{kind:?}");
            assert_eq!(finding["metadata"]["original_event_uid"], "28290");
        }
    }
}

#[test]
fn odd_types_and_odd_numbers_stay_as_they_came_or_are_read_for_what_they_are() {
    let alert = json!({
        "id": 17, "title": ["not", "text"], "description": { "html": "<b>" }, "severity": 3, "status": null, "assignedTo": true,
        "createdDateTime": "yesterday", "lastUpdateDateTime": "2026-11-17T16:31:27Z", "firstActivityDateTime": "0001-01-01T00:00:00Z",
        "lastActivityDateTime": "2026-11-17T17:31:27.1234567+01:00", "mitreTechniques": ["T1003", 7], "comments": "none", "evidence": "a string",
        "systemTags": [], "productName": "", "recommendedActions": 5
    });
    let finding = finding(Kind::Alert, Change::Updated, &alert);
    assert_valid(&finding);
    assert_eq!(
        finding["finding_info"],
        json!({ "uid": "17", "modified_time": 1_794_933_087_000_i64, "last_seen_time": 1_794_933_087_123_i64 })
    );
    assert_eq!(
        (&finding["severity_id"], &finding["severity"]),
        (&json!(99), &json!("3"))
    );
    assert_eq!(
        finding["unmapped"],
        json!({
            "title": ["not", "text"], "description": { "html": "<b>" }, "assignedTo": true, "createdDateTime": "yesterday",
            "firstActivityDateTime": "0001-01-01T00:00:00Z", "mitreTechniques": ["T1003", 7], "comments": "none", "evidence": "a string"
        })
    );
}
