//! Changes to the Endpoint API's alerts: update one or many, and create one from an event.

use super::alerts::{known, shown};
use super::body::{Body, incorrect, missing};
use super::list::entity;
use super::{admit, invalid, machines, not_found};
use crate::answer::Answer;
use crate::incident::{Alert, Comment, Incident};
use crate::kql::value::Value as Cell;
use crate::request::Request;
use crate::state::State;
use crate::tenant::Tenant;
use crate::time;
use crate::xdr::Failure;
use crate::xdr::words::Enum;

const WRITE: &[&str] = &["Alert.ReadWrite.All"];
const STATUSES: &[&str] = &["New", "InProgress", "Resolved"];
const CLASSIFICATIONS: &[&str] = &[
    "TruePositive",
    "InformationalExpectedActivity",
    "FalsePositive",
];
const DETERMINATIONS: &[&str] = &[
    "MultiStagedAttack",
    "MaliciousUserActivity",
    "CompromisedUser",
    "Malware",
    "Phishing",
    "UnwantedSoftware",
    "SecurityTesting",
    "LineOfBusinessApplication",
    "ConfirmedUserActivity",
    "Clean",
    "InsufficientData",
    "Other",
];
const CATEGORIES: &[&str] = &[
    "General",
    "CommandAndControl",
    "Collection",
    "CredentialAccess",
    "DefenseEvasion",
    "Discovery",
    "Exfiltration",
    "Exploit",
    "Execution",
    "InitialAccess",
    "LateralMovement",
    "Malware",
    "Persistence",
    "PrivilegeEscalation",
    "Ransomware",
    "SuspiciousActivity",
];

/// The properties that an update can name.
struct Change {
    status: Option<String>,
    classification: Option<String>,
    determination: Option<String>,
    assigned_to: Option<String>,
    comment: Option<String>,
}

impl Change {
    fn read(body: &Body) -> Result<Change, Failure> {
        let member = |key, members, of: Enum| {
            let word = body.member(key, members)?;
            Ok::<_, Failure>(word.map(|word| of.to_graph(&word)))
        };
        Ok(Change {
            status: member("status", STATUSES, Enum::Plain)?,
            classification: member("classification", CLASSIFICATIONS, Enum::Plain)?,
            determination: member("determination", DETERMINATIONS, Enum::EndpointDetermination)?,
            assigned_to: body.optional("assignedTo")?,
            comment: body.optional("comment")?,
        })
    }

    fn apply(&self, alert: &mut Alert, author: &str, now: &str) {
        let set = |field: &mut String, value: &Option<String>| {
            if let Some(value) = value {
                field.clone_from(value);
            }
        };
        set(&mut alert.status, &self.status);
        set(&mut alert.classification, &self.classification);
        set(&mut alert.determination, &self.determination);
        if self.assigned_to.is_some() {
            alert.assigned_to.clone_from(&self.assigned_to);
        }
        match self.status.as_deref() {
            Some("resolved") => alert.resolved_date_time = Some(now.to_owned()),
            Some(_) => alert.resolved_date_time = None,
            None => {}
        }
        if let Some(comment) = &self.comment {
            alert.comments.push(Comment {
                comment: comment.clone(),
                created_by_display_name: author.to_owned(),
                created_date_time: now.to_owned(),
            });
        }
        alert.last_update_date_time = now.to_owned();
    }
}

pub(super) fn update(state: &mut State, request: &Request, id: &str) -> Result<Answer, Failure> {
    let caller = admit(state, request, WRITE)?;
    let keys = [
        "status",
        "assignedTo",
        "classification",
        "determination",
        "comment",
    ];
    let change = Change::read(&Body::read(request, &keys)?)?;
    let now = time::format(state.clock.stamp());
    let tenant = &mut state.tenants[caller.tenant];
    known(tenant, id)?;
    if let Some(alert) = tenant.alert(id) {
        change.apply(alert, &caller.app, &now);
    }
    let body = shown(tenant, known(tenant, id)?, false);
    Ok(entity(200, "Alerts/$entity", body))
}

/// Changes all of them or, if one is missing, none. The answer has no body.
pub(super) fn update_many(state: &mut State, request: &Request) -> Result<Answer, Failure> {
    let caller = admit(state, request, WRITE)?;
    let keys = [
        "alertIds",
        "status",
        "assignedTo",
        "classification",
        "determination",
        "comment",
    ];
    let body = Body::read(request, &keys)?;
    let change = Change::read(&body)?;
    let ids = body.texts("alertIds", usize::MAX)?;
    let now = time::format(state.clock.stamp());
    let tenant = &mut state.tenants[caller.tenant];
    for id in &ids {
        known(tenant, id)?;
    }
    let named = |alert: &&mut Alert| ids.contains(&alert.id);
    for alert in tenant.alerts.iter_mut().filter(named) {
        change.apply(alert, &caller.app, &now);
    }
    Ok(Answer::empty(200))
}

/// The event must be a row of a hunting table. An open alert of the same device and title is answered in place of another.
pub(super) fn create(state: &mut State, request: &Request) -> Result<Answer, Failure> {
    let caller = admit(state, request, WRITE)?;
    let keys = [
        "eventTime",
        "reportId",
        "machineId",
        "severity",
        "title",
        "description",
        "recommendedAction",
        "category",
    ];
    let body = Body::read(request, &keys)?;
    let event_time = body.required("eventTime")?;
    let at = time::parse(&event_time).ok_or_else(|| invalid("eventTime is not valid"))?;
    let report = match body.get("reportId") {
        Some(serde_json::Value::String(text)) => text.parse().ok(),
        Some(serde_json::Value::Number(number)) => number.as_i64(),
        Some(_) => return Err(incorrect()),
        None => return Err(missing("reportId")),
    };
    let machine = body.required("machineId")?;
    let severity = body.required_member("severity", &["Low", "Medium", "High"])?;
    let title = body.required("title")?;
    let description = body.required("description")?;
    let recommended = body.required("recommendedAction")?;
    let category = body.required_member("category", CATEGORIES)?;
    let device = machines::known(state, caller.tenant, &machine)?.clone();
    let now = time::format(state.clock.stamp());
    let tenant = &mut state.tenants[caller.tenant];
    if !report.is_some_and(|report| has_event(tenant, &device.id, report, at)) {
        return Err(not_found("Event", &format!("{event_time} of {machine}")));
    }
    let open = |alert: &&Alert| {
        alert.title == title
            && alert.status != "resolved"
            && alert.device_id().as_deref() == Some(&device.id)
    };
    if let Some(alert) = tenant.alerts.iter().find(open) {
        return Ok(entity(200, "Alerts/$entity", shown(tenant, alert, false)));
    }
    let incident_id = tenant.next_incident_id();
    let mut incident = Incident::new(&tenant.tenant_id, incident_id, &now);
    incident.display_name.clone_from(&title);
    incident.severity = severity.to_lowercase();
    let id = format!("da{}_{incident_id}", state.clock.stamp());
    let mut alert = Alert::new(&tenant.tenant_id, &id, &incident.id, &device, &now);
    alert.severity = severity.to_lowercase();
    alert.title = title;
    alert.description = Some(description);
    alert.recommended_actions = Some(recommended);
    alert.category = category;
    alert.first_activity_date_time.clone_from(&event_time);
    alert.last_activity_date_time = event_time;
    let body = shown(tenant, &alert, false);
    tenant.incidents.push(incident);
    tenant.alerts.push(alert);
    Ok(entity(200, "Alerts/$entity", body))
}

fn has_event(tenant: &Tenant, device: &str, report: i64, at: i64) -> bool {
    tenant.tables.values().any(|table| {
        let mut events = table.cells(["DeviceId", "ReportId", "Timestamp"]);
        events.any(|event| match event {
            [Cell::String(id), Cell::Long(number), Cell::DateTime(time)] => {
                **id == *device && *number == report && *time == at
            }
            _ => false,
        })
    })
}
