//! Whole findings, as `docs/ocsf.md` shows them.

use serde_json::{Value, value::RawValue};

use super::*;

const TENANT: &str = "3f0a9c1e-5b7d-4e21-8c64-90d2ab15e7f3";

/// Of an item that was last updated at that instant.
fn finding_of(kind: Kind, change: Change, item: &str, incomplete: Option<&'static str>) -> Value {
    let raw: &RawValue = serde_json::from_str(item).unwrap();
    let item: Value = serde_json::from_str(item).unwrap();
    let text = |name: &str| item[name].as_str().unwrap().to_owned();
    let (stream, updated) = (
        kind.detail_type().to_lowercase() + "s",
        text("lastUpdateDateTime"),
    );
    let head = Head {
        id: format!("{TENANT}/{stream}/{}/{updated}", text("id")),
        stream,
        tenant_id: TENANT.to_owned(),
        change,
        updated,
        target: None,
        incomplete,
    };
    serde_json::from_str(&finding(kind, &head, raw)).unwrap()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn an_alert_is_a_detection_finding() {
    let alert = include_str!("../../../tests/ocsf/alert.json");
    let expected = include_str!("../../../tests/ocsf/alert.finding.json");
    assert_eq!(
        finding_of(Kind::Alert, Change::Updated, alert, None),
        json(expected)
    );
}

#[test]
fn an_incident_is_an_incident_finding_made_of_its_alerts() {
    let incident = include_str!("../../../tests/ocsf/incident.json");
    let expected = include_str!("../../../tests/ocsf/incident.finding.json");
    assert_eq!(
        finding_of(Kind::Incident, Change::Resolved, incident, None),
        json(expected)
    );
}

#[test]
fn an_incident_without_its_alerts_is_a_finding_itself_and_nobody_s() {
    let incident = include_str!("../../../tests/ocsf/unassigned.json");
    let expected = include_str!("../../../tests/ocsf/unassigned.finding.json");
    let found = finding_of(Kind::Incident, Change::Created, incident, Some("alerts"));
    assert_eq!(found, json(expected));
}
