//! An incident as an Incident Finding: <https://learn.microsoft.com/graph/api/resources/security-incident>.

use serde_json::{Value, json};

use super::{Attributes, Head, Item, alert, evidence, item_id, pivots, triage, words};
use crate::collect::event::Change;

/// Fills in what is an incident's own. Answers the incident that the story goes on in: itself, or the one it was merged into.
pub fn fill(finding: &mut Attributes, head: &Head, item: &mut Item) -> String {
    let id = item.see("id").unwrap_or_else(|| item_id(head).to_owned());
    item.forget("id", item_id(head));
    let title = item.text("displayName");
    let mut info = Attributes::default();
    info.put("uid", Some(id.clone()));
    info.put("title", title.clone());
    info.put("created_time", item.see_instant("createdDateTime"));
    info.put("modified_time", item.see_instant("lastUpdateDateTime"));
    item.forget("lastUpdateDateTime", &head.updated);

    finding.put("message", title);
    finding.put("desc", item.text("description"));
    triage(finding, item, words::INCIDENT_STATUS);
    finding.put(
        "status_detail",
        match &head.target {
            Some(target) => Some(format!("Merged into incident {target}")),
            None => item.text("resolvingComment"),
        },
    );
    if head.change == Change::Merged && !finding.has("status_code") {
        // It arrives without a status.
        finding.word("status", words::INCIDENT_STATUS, Some("redirected".into()));
    }
    if !finding.has("assignee") {
        // The schema wants an assignee or a group of them.
        finding.put("assignee_group", Some(json!({ "name": "Unassigned" })));
    }
    let alerts = alerts(finding, item).unwrap_or_else(|| vec![Value::from(info)]);
    finding.put("finding_info_list", Some(alerts));
    head.target.clone().unwrap_or(id)
}

/// The findings that its alerts are, if they came with it; what else they say stays with the item.
fn alerts(finding: &mut Attributes, item: &mut Item) -> Option<Vec<Value>> {
    let mut alerts =
        item.attempt(|item| item.objects("alerts").filter(|alerts| !alerts.is_empty()))?;
    let evidences: Vec<_> = alerts
        .iter()
        .flat_map(|alert| alert.see_objects("evidence"))
        .map(evidence::entry)
        .collect();
    finding.put("observables", pivots::observables(&evidences, false));
    let infos: Vec<_> = alerts
        .iter_mut()
        .map(|alert| {
            let uid = alert.text("id").unwrap_or_else(|| "unknown".to_owned());
            alert::finding_info(alert, uid)
        })
        .collect();
    let instants = |name: &'static str| infos.iter().filter_map(move |info| info.integer(name));
    finding.put("start_time", instants("first_seen_time").min());
    finding.put("end_time", instants("last_seen_time").max());
    let rest: Vec<_> = alerts.into_iter().filter_map(Item::rest).collect();
    item.note("alerts", Some(rest));
    Some(infos.into_iter().map(Value::from).collect())
}
