//! An alert's evidence, and the observables in it.

use defender_functions::collect::event::{Change, Kind};
use serde_json::{Value, json};

use super::{alerts, assert_valid, finding};

#[test]
fn an_alerts_observables_name_where_they_stand_and_no_two_are_the_same() {
    let mut seen = 0;
    for (kind, alert) in alerts() {
        let finding = finding(kind, Change::Created, &alert);
        let observables = finding["observables"].as_array().unwrap();
        for (index, observable) in observables.iter().enumerate() {
            let name = observable["name"].as_str().unwrap();
            let pointer = name.replace(['.', '['], "/").replace(']', "");
            assert_eq!(
                finding.pointer(&format!("/{pointer}")),
                Some(&observable["value"]),
                "{name}"
            );
            let is_same = |other: &Value| {
                other["type_id"] == observable["type_id"] && other["value"] == observable["value"]
            };
            assert!(
                !observables[..index].iter().any(is_same),
                "{observable} twice"
            );
        }
        seen += observables.len();
    }
    assert!(seen > 50, "{seen}");
}

#[test]
fn evidence_that_is_but_half_there_is_shown_as_far_as_it_goes() {
    let evidence = |kind: &str, item: Value| {
        let mut item = item;
        item["@odata.type"] = json!(format!("#microsoft.graph.security.{kind}"));
        let found = finding(
            Kind::Alert,
            Change::Created,
            &json!({ "id": "a1", "evidence": [item] }),
        );
        assert_valid(&found);
        let mut shown = found["evidences"][0].clone();
        shown.as_object_mut().unwrap().remove("name");
        (shown, found["observables"].clone())
    };
    let (shown, observables) = evidence(
        "fileEvidence",
        json!({ "fileDetails": { "sha256": "8963" } }),
    );
    assert_eq!(
        shown,
        json!({ "data": { "fileDetails": { "sha256": "8963" } } })
    );
    assert_eq!(
        observables,
        json!([{ "name": "evidences[0].data.fileDetails.sha256", "type_id": 8, "type": "Hash", "value": "8963" }])
    );
    let (shown, _) = evidence(
        "fileEvidence",
        json!({ "fileDetails": { "fileName": "x.sh", "filePath": "/opt/x.sh" } }),
    );
    assert_eq!(
        shown,
        json!({ "file": { "name": "x.sh", "path": "/opt/x.sh", "type_id": 0, "type": "Unknown" } })
    );
    let mailbox = json!({ "primaryAddress": "sales@a.example", "userAccount": { "userPrincipalName": "hiro@a.example" } });
    assert_eq!(
        evidence("mailboxEvidence", mailbox).0,
        json!({ "user": { "name": "hiro@a.example", "email_addr": "sales@a.example" }, "data": { "userPrincipalName": "hiro@a.example" } })
    );
    let destination = json!({ "ipAddress": "2001:db8::7", "roles": ["destination"] });
    assert_eq!(
        evidence("ipEvidence", destination).0,
        json!({ "dst_endpoint": { "ip": "2001:db8::7" }, "data": { "roles": ["destination"] } })
    );
    let process = json!({ "processCommandLine": "sh", "mdeDeviceId": "d1" });
    assert_eq!(
        evidence("processEvidence", process.clone()).0,
        json!({ "data": process })
    );
    assert_eq!(evidence("urlEvidence", json!({})).0, json!({ "data": {} }));
}
