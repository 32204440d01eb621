//! Incidents and alerts in the Open Cybersecurity Schema Framework: Incident Finding (2005), Detection Finding (2004).

mod alert;
mod attributes;
mod evidence;
mod incident;
mod item;
mod pivots;
mod words;

use serde_json::{Value, json, value::RawValue};

use super::event::{Change, Head, Kind};
use attributes::Attributes;
use item::Item;

/// Of the schema: <https://schema.ocsf.io/1.8.0>. 1.9.0 only adds to what is used here.
const VERSION: &str = "1.8.0";

/// The finding that an incident or an alert is, as JSON; its `metadata.uid` is the event's id.
///
/// There is always one, whatever was sent. What the schema has no place for, or what has another type than documented, is in `unmapped` under
/// Microsoft's name; what is no JSON object is text in `raw_data`. An enum member that the schema does not know has the id 99 (Other) and
/// Microsoft's own word beside it.
pub fn finding(kind: Kind, head: &Head, item: &RawValue) -> String {
    let mut finding = Attributes::default();
    let mut item = Item::read(item.get()).unwrap_or_else(|| {
        finding.put("raw_data", Some(item.get()));
        Item::default()
    });
    let mut metadata = metadata(head);
    let time = item::milliseconds(&head.updated).or_else(|| item.see_instant("lastUpdateDateTime"));
    finding.put("time", Some(time.unwrap_or_default()));
    let incident = if kind == Kind::Incident {
        class(&mut finding, 2005, "Incident Finding", head.change);
        Some(incident::fill(&mut finding, head, &mut item))
    } else {
        class(&mut finding, 2004, "Detection Finding", head.change);
        alert::fill(&mut finding, head, &mut item);
        item.see("incidentId")
    };
    item.forget("tenantId", &head.tenant_id);
    metadata.put("tags", tags(&mut item));
    metadata.put(
        "correlation_uid",
        incident.map(|incident| format!("{}/incidents/{incident}", head.tenant_id)),
    );
    metadata.put("original_event_uid", Some(item_id(head)));
    finding.put("metadata", Some(metadata));
    item.note("incomplete", head.incomplete);
    finding.put("unmapped", item.rest());
    Value::from(finding).to_string()
}

fn metadata(head: &Head) -> Attributes {
    Attributes::of(json!({
        "version": VERSION,
        "profiles": ["incident"],
        "product": { "name": "Microsoft Defender XDR", "vendor_name": "Microsoft" },
        "log_provider": "Microsoft Graph",
        "log_name": head.stream,
        "tenant_uid": head.tenant_id,
        "uid": head.id,
        // One activity stands for two kinds of change, so the kind is told as well.
        "event_code": head.change,
        "original_time": head.updated,
    }))
}

fn class(finding: &mut Attributes, uid: i64, name: &str, change: Change) {
    let (activity, activity_name) = match change {
        Change::Created => (1, "Create"),
        Change::Updated | Change::Reopened => (2, "Update"),
        Change::Resolved | Change::Merged => (3, "Close"),
    };
    finding.put("category_uid", Some(2));
    finding.put("category_name", Some("Findings"));
    finding.put("class_uid", Some(uid));
    finding.put("class_name", Some(name));
    finding.put("activity_id", Some(activity));
    finding.put("activity_name", Some(activity_name));
    finding.put("type_uid", Some(uid * 100 + activity));
    finding.put("type_name", Some(format!("{name}: {activity_name}")));
}

/// What an incident and an alert say in the same words.
fn triage(finding: &mut Attributes, item: &mut Item, statuses: &words::Words) {
    finding.word("severity", words::SEVERITY, item.text("severity"));
    let status = item.text("status");
    finding.put("status_code", status.clone());
    finding.word("status", statuses, status);
    let (classification, determination) = (item.see("classification"), item.see("determination"));
    finding.word(
        "verdict",
        words::verdicts(determination.as_deref()),
        classification,
    );
    finding.put("assignee", item.text("assignedTo").map(evidence::person));
    finding.put("comment", item.last_comment());
    finding.put("src_url", item.text("incidentWebUrl"));
}

fn tags(item: &mut Item) -> Option<Vec<Value>> {
    let tags: Vec<_> = ["customTags", "systemTags"]
        .into_iter()
        .filter_map(|name| Some(json!({ "name": name, "values": item.texts(name)? })))
        .collect();
    (!tags.is_empty()).then_some(tags)
}

/// The id between the stream and the update in the event's.
fn item_id(head: &Head) -> &str {
    head.id.rsplit('/').nth(1).unwrap_or(&head.id)
}

#[cfg(test)]
mod tests;
