//! What of the evidence stands at the finding itself, so that it is found without looking through the evidence.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Attributes;

/// Where in a piece of evidence, the schema's type of observable and its caption.
const OBSERVABLES: &[(&str, i64, &str)] = &[
    ("/device/hostname", 1, "Hostname"),
    ("/device/uid", 47, "Device Object: uid"),
    ("/device/ip", 2, "IP Address"),
    ("/src_endpoint/ip", 2, "IP Address"),
    ("/dst_endpoint/ip", 2, "IP Address"),
    ("/user/name", 4, "User Name"),
    ("/user/uid", 31, "User Object: uid"),
    ("/user/email_addr", 5, "Email Address"),
    ("/file/name", 7, "File Name"),
    ("/file/hashes/0/value", 8, "Hash"),
    ("/file/hashes/1/value", 8, "Hash"),
    ("/file/hashes/2/value", 8, "Hash"),
    ("/process/name", 9, "Process Name"),
    ("/process/cmd_line", 13, "Command Line"),
    ("/process/file/hashes/0/value", 8, "Hash"),
    ("/process/file/hashes/1/value", 8, "Hash"),
    ("/process/file/hashes/2/value", 8, "Hash"),
    ("/process/user/name", 4, "User Name"),
    ("/url/url_string", 6, "URL String"),
    ("/email/from", 5, "Email Address"),
    ("/email/to/0", 5, "Email Address"),
    ("/email/message_uid", 42, "Message UID"),
    ("/email/x_originating_ip/0", 2, "IP Address"),
    ("/reg_key/path", 46, "Registry Key Path"),
    ("/reg_value/path", 46, "Registry Key Path"),
    // A file without a name is none in the schema.
    ("/data/fileDetails/md5", 8, "Hash"),
    ("/data/fileDetails/sha1", 8, "Hash"),
    ("/data/fileDetails/sha256", 8, "Hash"),
    ("/data/domainName", 1, "Hostname"),
];

/// What an analyst looks up, each once. `named` where the evidence stands in the finding, so that the name leads there.
pub fn observables(evidences: &[Attributes], named: bool) -> Option<Vec<Value>> {
    let mut seen = BTreeSet::new();
    let mut observables = Vec::new();
    for (index, evidence) in evidences.iter().enumerate() {
        for (pointer, id, caption) in OBSERVABLES {
            let Some(value) = evidence.at(pointer).and_then(Value::as_str) else {
                continue;
            };
            if seen.insert((*id, value)) {
                let mut observable = Attributes::of(json!({ "value": value }));
                observable.pair("type", *id, *caption);
                observable.put("name", named.then(|| name(index, pointer)));
                observables.push(observable.into());
            }
        }
    }
    (!observables.is_empty()).then_some(observables)
}

/// `evidences[0].file.hashes[1].value`
fn name(index: usize, pointer: &str) -> String {
    let mut name = format!("evidences[{index}]");
    for part in pointer.split('/').skip(1) {
        match part.parse::<usize>() {
            Ok(at) => name.push_str(&format!("[{at}]")),
            Err(_) => {
                name.push('.');
                name.push_str(part);
            }
        }
    }
    name
}

/// The first device that is evidence itself, with all that is known of it.
pub fn device(evidences: &[Attributes]) -> Option<Value> {
    let devices = evidences
        .iter()
        .filter(|evidence| is(evidence, "deviceEvidence"));
    devices
        .into_iter()
        .find_map(|evidence| evidence.get("device").cloned())
}

/// The resources of clouds.
pub fn resources(evidences: &[Attributes]) -> Option<Vec<Value>> {
    const IDS: [(&str, &str); 3] = [
        ("amazonResourceEvidence", "/data/amazonResourceId"),
        ("azureResourceEvidence", "/data/resourceId"),
        ("googleCloudResourceEvidence", "/data/fullResourceName"),
    ];
    let resource = |evidence: &Attributes| {
        let (_, id) = IDS.iter().find(|(kind, _)| is(evidence, kind))?;
        let text = |pointer| {
            evidence
                .at(pointer)
                .filter(|value| value.is_string())
                .cloned()
        };
        let mut resource = Attributes::default();
        resource.put("uid", text(id));
        resource.put("name", text("/data/resourceName"));
        resource.put("type", text("/data/resourceType"));
        resource.with_any_of(&["uid", "name"]).map(Value::from)
    };
    let resources: Vec<_> = evidences.iter().filter_map(resource).collect();
    (!resources.is_empty()).then_some(resources)
}

fn is(evidence: &Attributes, kind: &str) -> bool {
    let name = evidence.get("name").and_then(Value::as_str);
    name.is_some_and(|name| name.ends_with(kind))
}
