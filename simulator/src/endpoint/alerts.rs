//! `/api/alerts`: Graph's alerts of Defender for Endpoint in this API's words.

use serde_json::{Map, Value, json};

use super::list::{Listing, entity};
use super::{admit, alert_changes, machines, not_found, related, text};
use crate::answer::Answer;
use crate::incident::Alert;
use crate::odata::{Field, Read};
use crate::request::Request;
use crate::state::State;
use crate::tenant::Tenant;
use crate::xdr::Failure;
use crate::xdr::entities as evidence;
use crate::xdr::words::Enum;

pub(super) const READ: &[&str] = &["Alert.Read.All", "Alert.ReadWrite.All"];
const ALERTS: Listing<Value> = Listing {
    options: &["$expand"],
    ..Listing::new(
        "Alerts",
        &[
            Field::new(
                "alertCreationTime",
                Read::Instant(|one| instant(one, "alertCreationTime")),
            ),
            Field::new(
                "lastUpdateTime",
                Read::Instant(|one| instant(one, "lastUpdateTime")),
            ),
            Field::new(
                "lastEventTime",
                Read::Instant(|one| instant(one, "lastEventTime")),
            ),
            Field::new("incidentId", Read::Number(|one| one["incidentId"].as_f64())),
            Field::new(
                "investigationId",
                Read::Number(|one| one["investigationId"].as_f64()),
            ),
            Field::new("id", Read::Text(|one| text(one, "id"))),
            Field::new("assignedTo", Read::Text(|one| text(one, "assignedTo"))),
            Field::new(
                "detectionSource",
                Read::Text(|one| text(one, "detectionSource")),
            ),
            Field::new("status", Read::Text(|one| text(one, "status"))),
            Field::new("severity", Read::Text(|one| text(one, "severity"))),
            Field::new("category", Read::Text(|one| text(one, "category"))),
        ],
    )
};
/// The keys of an evidence record here, of which the XDR API has most.
const EVIDENCE: &[&str] = &[
    "entityType",
    "evidenceCreationTime",
    "sha1",
    "sha256",
    "fileName",
    "filePath",
    "processId",
    "processCommandLine",
    "processCreationTime",
    "parentProcessId",
    "parentProcessCreationTime",
    "parentProcessFileName",
    "parentProcessFilePath",
    "ipAddress",
    "url",
    "registryKey",
    "registryHive",
    "registryValueType",
    "registryValue",
    "accountName",
    "domainName",
    "userSid",
    "aadUserId",
    "userPrincipalName",
    "detectionStatus",
];

fn instant<'r>(record: &'r Value, field: &str) -> &'r str {
    text(record, field).unwrap_or_default()
}

/// `segments` are the path's after `/api`, `words` the same in lower case.
pub(super) fn answer(
    state: &mut State,
    request: &Request,
    segments: &[&str],
    words: &[&str],
) -> Result<Answer, Failure> {
    match (request.method.as_str(), words) {
        ("GET", ["alerts"]) => {
            let caller = admit(state, request, READ)?;
            list(state, caller.tenant, request, |_| true)
        }
        ("GET", ["alerts", _]) => {
            let caller = admit(state, request, READ)?;
            let tenant = &state.tenants[caller.tenant];
            let alert = known(tenant, segments[1])?;
            Ok(entity(200, "Alerts/$entity", shown(tenant, alert, true)))
        }
        ("GET", ["alerts", _, related]) => related::of_alert(state, request, segments[1], related),
        ("PATCH", ["alerts", _]) => alert_changes::update(state, request, segments[1]),
        ("POST", ["alerts", "batchupdate"]) => alert_changes::update_many(state, request),
        ("POST", ["alerts", "createalertbyreference"]) => alert_changes::create(state, request),
        _ => Err(Failure::no_such_resource()),
    }
}

pub(super) fn of_device(state: &State, request: &Request, id: &str) -> Result<Answer, Failure> {
    let caller = admit(state, request, READ)?;
    let device = machines::known(state, caller.tenant, id)?;
    list(state, caller.tenant, request, |alert| {
        alert.device_id().is_some_and(|id| id == device.id)
    })
}

/// The tenant's alerts that `keeps` takes, newest first.
pub(super) fn list(
    state: &State,
    tenant: usize,
    request: &Request,
    keeps: impl Fn(&Alert) -> bool,
) -> Result<Answer, Failure> {
    let expands = request.parameter("$expand") == Some("evidence");
    let of = &state.tenants[tenant];
    let mut alerts: Vec<Value> = endpoint_alerts(of)
        .filter(|alert| keeps(alert))
        .map(|alert| shown(of, alert, expands))
        .collect();
    alerts.sort_by_cached_key(|one| {
        std::cmp::Reverse(crate::time::parse(instant(one, "alertCreationTime")))
    });
    ALERTS.answer(state, tenant, request, &alerts, Value::clone)
}

fn endpoint_alerts(tenant: &Tenant) -> impl Iterator<Item = &Alert> {
    let alerts = tenant.alerts.iter();
    alerts.filter(|alert| alert.service_source == "microsoftDefenderForEndpoint")
}

pub(super) fn known<'t>(tenant: &'t Tenant, id: &str) -> Result<&'t Alert, Failure> {
    let found = endpoint_alerts(tenant).find(|alert| alert.id == id);
    found.ok_or_else(|| not_found("Alert", id))
}

pub(super) fn shown(tenant: &Tenant, alert: &Alert, expands: bool) -> Value {
    let judged = |word: &str, of: Enum| (word != "unknown").then(|| of.to_xdr(word));
    let device_id = alert.device_id();
    let device = tenant
        .devices
        .iter()
        .find(|one| Some(&one.id) == device_id.as_ref());
    let (_, records) = evidence::of(alert);
    let user = records.iter().find(|one| one["entityType"] == "User");
    let mut investigations = tenant.investigations.iter();
    let investigation = investigations.find(|one| one["triggeringAlertId"] == alert.id);
    let comments = alert.comments.iter().map(|comment| {
        json!({
            "comment": comment.comment,
            "createdBy": comment.created_by_display_name,
            "createdTime": comment.created_date_time,
        })
    });
    let evidence: Vec<Value> = match expands {
        true => records.iter().map(|one| record(one, alert)).collect(),
        false => Vec::new(),
    };
    json!({
        "id": alert.id,
        "incidentId": number(&alert.incident_id),
        "investigationId": investigation.and_then(|one| text(one, "id")).map(number),
        "investigationState": investigation.map_or(json!("UnsupportedAlertType"), |one| one["state"].clone()),
        "assignedTo": alert.assigned_to,
        "severity": Enum::Severity.to_xdr(&alert.severity),
        "status": Enum::Plain.to_xdr(&alert.status),
        "classification": judged(&alert.classification, Enum::Plain),
        "determination": judged(&alert.determination, Enum::EndpointDetermination),
        "detectionSource": Enum::DetectionSource.to_xdr(&alert.detection_source),
        "detectorId": alert.detector_id,
        "category": alert.category,
        "threatFamilyName": alert.threat_family_name,
        "threatName": alert.threat_display_name,
        "title": alert.title,
        "description": alert.description,
        "alertCreationTime": alert.created_date_time,
        "firstEventTime": alert.first_activity_date_time,
        "lastEventTime": alert.last_activity_date_time,
        "lastUpdateTime": alert.last_update_date_time,
        "resolvedTime": alert.resolved_date_time,
        "machineId": device_id,
        "computerDnsName": device.map(|one| &one.computer_dns_name),
        "rbacGroupName": device.and_then(|one| one.rbac_group_name.as_ref()),
        "aadTenantId": tenant.tenant_id,
        "mitreTechniques": alert.mitre_techniques,
        "relatedUser": user.map(|one| json!({ "userName": one["accountName"], "domainName": one["domainName"] })),
        "comments": comments.collect::<Vec<_>>(),
        "evidence": evidence,
    })
}

/// A record of the XDR API as this one tells it.
fn record(xdr: &Value, alert: &Alert) -> Value {
    let own = EVIDENCE
        .iter()
        .map(|key| ((*key).to_owned(), xdr[*key].clone()));
    let mut record: Map<String, Value> = own.collect();
    record["evidenceCreationTime"] = alert.created_date_time.clone().into();
    record.into()
}

fn number(id: &str) -> Value {
    id.parse::<u64>().map_or(Value::Null, Value::from)
}
