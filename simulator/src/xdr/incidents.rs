//! `/api/incidents`: list, get, update. The incidents are Graph's, told in this API's words.

use serde_json::{Value, json};

use super::words::Enum;
use super::{Failure, admit, entities};
use crate::answer::Answer;
use crate::incident::{Alert, Comment, Incident};
use crate::odata::{Field, Filter, Read};
use crate::request::Request;
use crate::state::State;
use crate::tenant::Tenant;
use crate::time;

const READ: &[&str] = &["Incident.Read.All", "Incident.ReadWrite.All"];
const WRITE: &[&str] = &["Incident.ReadWrite.All"];
const CONTEXT: &str = "https://api.security.microsoft.com/api/$metadata#Incidents";
const LARGEST_PAGE: usize = 100;
const STATUSES: &[&str] = &["Active", "Resolved", "InProgress", "Redirected"];
const CLASSIFICATIONS: &[&str] = &[
    "TruePositive",
    "InformationalExpectedActivity",
    "FalsePositive",
];
const DETERMINATIONS: &[&str] = &[
    "MultiStagedAttack",
    "MaliciousUserActivity",
    "CompromisedAccount",
    "Malware",
    "Phishing",
    "UnwantedSoftware",
    "Other",
    "SecurityTesting",
    "LineOfBusinessApplication",
    "ConfirmedActivity",
    "Clean",
    "NoEnoughDataToValidate",
];
const FIELDS: &[Field<Incident>] = &[
    Field {
        name: "lastUpdateTime",
        read: Read::Instant(|incident| &incident.last_update_date_time),
    },
    Field {
        name: "createdTime",
        read: Read::Instant(|incident| &incident.created_date_time),
    },
    Field {
        name: "status",
        read: Read::Text(|incident| Some(&incident.status)),
    },
    Field {
        name: "assignedTo",
        read: Read::Text(|incident| incident.assigned_to.as_deref()),
    },
];

pub(super) fn list(state: &mut State, request: &Request) -> Result<Answer, Failure> {
    let caller = admit(state, request, READ)?;
    let (mut top, mut skip, mut filter) = (LARGEST_PAGE, 0, None);
    for (name, value) in &request.query {
        let number = || {
            value
                .parse::<usize>()
                .map_err(|_| odata(format!("Invalid value '{value}' for {name}.")))
        };
        match name.as_str() {
            "$top" => top = number()?,
            "$skip" => skip = number()?,
            "$filter" => filter = Some(Filter::parse(value, FIELDS).map_err(odata)?),
            name if name.starts_with('$') => {
                return Err(odata(format!(
                    "The query option '{name}' is not supported."
                )));
            }
            _ => {}
        }
    }
    if top == 0 || top > LARGEST_PAGE {
        return Err(odata(format!(
            "The limit of '{LARGEST_PAGE}' for Top query has been exceeded: {top}."
        )));
    }
    let tenant = &state.tenants[caller.tenant];
    let mut kept: Vec<&Incident> = tenant
        .incidents
        .iter()
        .filter(|incident| filter.as_ref().is_none_or(|filter| filter.keeps(incident)))
        .collect();
    kept.sort_by_cached_key(|incident| {
        let instant = match tenant.xdr_lists_by_update {
            true => &incident.last_update_date_time,
            false => &incident.created_date_time,
        };
        std::cmp::Reverse((time::parse(instant), incident.id.clone()))
    });
    let value: Vec<Value> = kept
        .into_iter()
        .skip(skip)
        .take(top)
        .map(|incident| shown(tenant, incident))
        .collect();
    Ok(Answer::json(
        200,
        &json!({ "@odata.context": CONTEXT, "value": value }),
    ))
}

fn odata(message: String) -> Failure {
    Failure::new(400, "ODataError", message)
}

pub(super) fn get(state: &mut State, request: &Request, id: &str) -> Result<Answer, Failure> {
    let caller = admit(state, request, READ)?;
    one(&state.tenants[caller.tenant], id)
}

fn one(tenant: &Tenant, id: &str) -> Result<Answer, Failure> {
    let incident = tenant
        .incidents
        .iter()
        .find(|incident| incident.id == id)
        .ok_or_else(|| not_found(id))?;
    let mut body = shown(tenant, incident);
    body["@odata.context"] = format!("{CONTEXT}/$entity").into();
    Ok(Answer::json(200, &body))
}

fn not_found(id: &str) -> Failure {
    Failure::new(
        404,
        "ResourceNotFound",
        format!("Incident {id} was not found"),
    )
}

pub(super) fn update(state: &mut State, request: &Request, id: &str) -> Result<Answer, Failure> {
    let caller = admit(state, request, WRITE)?;
    let incorrect = || Failure::new(400, "InvalidRequestBody", "Request body is incorrect");
    let Value::Object(body) = request.json() else {
        return Err(incorrect());
    };
    let now = time::format(state.clock.stamp());
    let tenant = &mut state.tenants[caller.tenant];
    // On a copy, so that a body refused half-way changes nothing.
    let mut changed = tenant.incident(id).ok_or_else(|| not_found(id))?.clone();
    for (name, value) in body {
        let member = |members: &[&str], of: Enum| match value.as_str() {
            Some(word) if members.contains(&word) => Ok(of.to_graph(word)),
            _ => Err(incorrect()),
        };
        match name.as_str() {
            "status" => changed.status = member(STATUSES, Enum::Plain)?,
            "classification" => changed.classification = member(CLASSIFICATIONS, Enum::Plain)?,
            "determination" => changed.determination = member(DETERMINATIONS, Enum::Determination)?,
            "assignedTo" if value.is_null() => changed.assigned_to = None,
            "assignedTo" => {
                changed.assigned_to = Some(value.as_str().ok_or_else(incorrect)?.to_owned())
            }
            "tags" => {
                changed.custom_tags = serde_json::from_value(value).map_err(|_| incorrect())?
            }
            "comment" => changed.comments.push(Comment {
                comment: value.as_str().ok_or_else(incorrect)?.to_owned(),
                created_by_display_name: caller.app.clone(),
                created_date_time: now.clone(),
            }),
            _ => return Err(incorrect()),
        }
    }
    changed.last_modified_by = Some(caller.app);
    changed.last_update_date_time = now;
    *tenant.incident(id).ok_or_else(|| not_found(id))? = changed;
    one(tenant, id)
}

fn shown(tenant: &Tenant, incident: &Incident) -> Value {
    let alerts = tenant
        .alerts
        .iter()
        .filter(|alert| alert.incident_id == incident.id);
    let comments = incident.comments.iter().map(|comment| {
        json!({
            "comment": comment.comment,
            "createdBy": comment.created_by_display_name,
            "createdTime": comment.created_date_time,
        })
    });
    json!({
        "incidentId": number(&incident.id),
        "redirectIncidentId": incident.redirect_incident_id.as_deref().map(number),
        "incidentName": incident.display_name,
        "createdTime": incident.created_date_time,
        "lastUpdateTime": incident.last_update_date_time,
        "assignedTo": incident.assigned_to,
        "classification": Enum::Plain.to_xdr(&incident.classification),
        "determination": Enum::Determination.to_xdr(&incident.determination),
        "status": Enum::Plain.to_xdr(&incident.status),
        "severity": Enum::Severity.to_xdr(&incident.severity),
        "tags": incident.custom_tags,
        "comments": comments.collect::<Vec<_>>(),
        "alerts": alerts.map(alert_shown).collect::<Vec<_>>(),
    })
}

fn alert_shown(alert: &Alert) -> Value {
    // Unlike an incident, an alert that nobody judged has no judgement at all here.
    let judged = |word: &str, of: Enum| (word != "unknown").then(|| of.to_xdr(word));
    let (devices, entities) = entities::of(alert);
    json!({
        "alertId": alert.id,
        "incidentId": number(&alert.incident_id),
        "serviceSource": Enum::ServiceSource.to_xdr(&alert.service_source),
        "creationTime": alert.created_date_time,
        "lastUpdatedTime": alert.last_update_date_time,
        "resolvedTime": alert.resolved_date_time,
        "firstActivity": alert.first_activity_date_time,
        "lastActivity": alert.last_activity_date_time,
        "title": alert.title,
        "description": alert.description,
        "category": alert.category,
        "status": Enum::Plain.to_xdr(&alert.status),
        "severity": Enum::Severity.to_xdr(&alert.severity),
        "investigationId": null,
        "investigationState": "UnsupportedAlertType",
        "classification": judged(&alert.classification, Enum::Plain),
        "determination": judged(&alert.determination, Enum::Determination),
        "detectionSource": Enum::DetectionSource.to_xdr(&alert.detection_source),
        "assignedTo": alert.assigned_to,
        "actorName": alert.actor_display_name,
        "threatFamilyName": alert.threat_family_name,
        "mitreTechniques": alert.mitre_techniques,
        "devices": devices,
        "entities": entities,
    })
}

fn number(id: &str) -> Value {
    id.parse::<u64>().map_or(Value::Null, Value::from)
}
