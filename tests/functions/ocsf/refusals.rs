//! That the schema refuses what is wrong: one thing is changed in a valid finding, and one complaint names it.

use defender_functions::collect::event::{Change, Kind};
use serde_json::{Map, Value, json};

use super::{finding, schema::complaints};

#[track_caller]
fn assert_refused(change: impl FnOnce(&mut Map<String, Value>), expected: &[&str]) {
    let alert = serde_json::from_str(include_str!("../../ocsf/alert.json")).unwrap();
    let mut finding = finding(Kind::Alert, Change::Created, &alert);
    assert_eq!(complaints(&finding), [""; 0]);
    change(finding.as_object_mut().unwrap());
    assert_eq!(complaints(&finding), expected);
}

fn set(path: &'static str, value: Value) -> impl FnOnce(&mut Map<String, Value>) {
    move |finding| {
        let (objects, name) = path.rsplit_once('.').unwrap_or(("", path));
        let mut object = finding;
        for part in objects.split('.').filter(|part| !part.is_empty()) {
            object = object[part].as_object_mut().unwrap();
        }
        object.insert(name.to_owned(), value);
    }
}

#[test]
fn the_schema_refuses_what_is_wrong() {
    assert_refused(
        |finding| drop(finding.remove("severity_id")),
        &["severity_id: is required"],
    );
    assert_refused(
        set("severity_id", json!(7)),
        &["severity_id: 7 is no member"],
    );
    assert_refused(
        set("severity", json!("Bad")),
        &["severity_id: 4 is not called Bad"],
    );
    assert_refused(
        set("severity_id", json!("4")),
        &[r#"severity_id: "4" is no integer_t"#],
    );
    assert_refused(set("colour", json!("red")), &["colour: is no attribute"]);
    assert_refused(
        set("message", json!(null)),
        &["message: null is no string_t"],
    );
    assert_refused(
        set("is_alert", json!("true")),
        &[r#"is_alert: "true" is no boolean_t"#],
    );
    assert_refused(set("device", json!("d1")), &["device: is no device"]);
    assert_refused(
        set("device.colour", json!("red")),
        &["device.colour: is no attribute"],
    );
    assert_refused(
        set("finding_info.types", json!("Malware")),
        &["finding_info.types: is no list"],
    );
    assert_refused(
        set("finding_info.types", json!([7])),
        &["finding_info.types[0]: 7 is no string_t"],
    );
    assert_refused(
        set("assignee.email_addr", json!("hiro")),
        &[r#"assignee.email_addr: "hiro" does not match"#],
    );
    assert_refused(
        set("ticket", json!({ "uid": "HL-4471" })),
        &["ticket: is deprecated since 1.5.0"],
    );
    assert_refused(set("class_uid", json!(1)), &["class_uid: 1 is no class"]);
    assert_refused(
        set("metadata.version", json!("1.0.0")),
        &["metadata.version: is another version of the schema"],
    );
    assert_refused(
        set("finding_info.analytic", json!({ "type_id": 1 })),
        &[r#"finding_info.analytic: has none of ["name", "uid"]"#],
    );
    assert_refused(
        set("type_uid", json!(200_402)),
        &[
            "type_uid: 200402 is not called Detection Finding: Create",
            "type_uid: is not class_uid * 100 + activity_id",
        ],
    );
    assert_refused(
        |finding| {
            finding.insert("severity_id".into(), json!(99));
            finding.insert("severity".into(), json!("Other"));
        },
        &["severity_id: is 99, and severity tells nothing"],
    );
}

#[test]
fn attributes_of_a_profile_that_is_not_named_are_refused() {
    let alert = json!({ "id": "a1", "assignedTo": "hiro" });
    let mut finding = finding(Kind::Alert, Change::Created, &alert);
    finding["metadata"]
        .as_object_mut()
        .unwrap()
        .remove("profiles");
    let mut refused = complaints(&finding);
    refused.sort();
    let unnamed = |name: &str| format!("{name}: is of a profile that the event does not name");
    assert_eq!(refused, ["assignee", "verdict", "verdict_id"].map(unnamed));
}
