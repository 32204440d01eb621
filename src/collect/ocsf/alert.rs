//! An alert as a Detection Finding: <https://learn.microsoft.com/graph/api/resources/security-alert>.

use serde_json::{Value, json};

use super::{Attributes, Head, Item, evidence, item_id, pivots, triage, words};
use crate::collect::event::Change;

/// Fills in what is an alert's own.
pub fn fill(finding: &mut Attributes, head: &Head, item: &mut Item) {
    let uid = item.text("id").unwrap_or_else(|| item_id(head).to_owned());
    finding.put("message", item.see("title"));
    triage(finding, item, words::ALERT_STATUS);
    let closed = head.change == Change::Resolved || finding.integer("status_id") == Some(4);
    finding.put("is_alert", Some(!closed));
    finding.put(
        "remediation",
        item.text("recommendedActions")
            .map(|desc| json!({ "desc": desc })),
    );
    finding.put("malware", item.text("threatFamilyName").map(malware));
    finding.put("finding_info", Some(finding_info(item, uid)));
    let Some(evidences) = item
        .objects("evidence")
        .filter(|evidences| !evidences.is_empty())
    else {
        return;
    };
    let evidences: Vec<_> = evidences.into_iter().map(evidence::entry).collect();
    finding.put("device", pivots::device(&evidences));
    finding.put("resources", pivots::resources(&evidences));
    finding.put("observables", pivots::observables(&evidences, true));
    let evidences: Vec<_> = evidences.into_iter().map(Value::from).collect();
    finding.put("evidences", Some(evidences));
}

/// What an alert is as a finding, by itself or as one of an incident's.
pub fn finding_info(alert: &mut Item, uid: String) -> Attributes {
    let mut info = Attributes::default();
    info.put("uid", Some(uid));
    info.put("uid_alt", alert.text("providerAlertId"));
    info.put("title", alert.text("title"));
    info.put("desc", alert.text("description"));
    info.put(
        "types",
        alert.text("category").map(|category| vec![category]),
    );
    info.put("src_url", alert.text("alertWebUrl"));
    info.put("created_time", alert.instant("createdDateTime"));
    info.put("modified_time", alert.instant("lastUpdateDateTime"));
    info.put("first_seen_time", alert.instant("firstActivityDateTime"));
    info.put("last_seen_time", alert.instant("lastActivityDateTime"));
    info.put("product", alert.attempt(product));
    info.put("analytic", alert.attempt(analytic));
    let techniques = alert.texts("mitreTechniques");
    info.put(
        "attacks",
        techniques.map(|ids| ids.iter().map(|id| attack(id)).collect::<Vec<_>>()),
    );
    info
}

fn product(alert: &mut Item) -> Option<Attributes> {
    let mut product = Attributes::default();
    product.put("name", alert.text("productName"));
    product.put("uid", alert.text("serviceSource"));
    product.with_any_of(&["name", "uid"])
}

fn analytic(alert: &mut Item) -> Option<Attributes> {
    let mut analytic = Attributes::default();
    analytic.put("uid", Some(alert.text("detectorId")?));
    let source = alert.text("detectionSource");
    let kind = source
        .as_deref()
        .and_then(|source| words::known(words::ANALYTIC, source));
    let (id, caption) = kind.unwrap_or((0, "Unknown"));
    analytic.pair("type", id, caption);
    analytic.put("category", source);
    Some(analytic)
}

/// `T1003` is a technique, and `T1003.006` one of its sub-techniques.
fn attack(id: &str) -> Value {
    match id.split_once('.') {
        Some((technique, _)) => {
            json!({ "technique": { "uid": technique }, "sub_technique": { "uid": id } })
        }
        None => json!({ "technique": { "uid": id } }),
    }
}

/// A family, of which Microsoft does not say what kind of malware it is.
fn malware(family: String) -> Vec<Value> {
    vec![json!({ "name": family, "classification_ids": [0], "classifications": ["Unknown"] })]
}
