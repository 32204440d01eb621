//! The simulator's own endpoints below `/_simulator`: the log, faults, how actions end, tenants, the clock.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::action::Fate;
use crate::answer::Answer;
use crate::device::Device;
use crate::faults::Fault;
use crate::incident::{Alert, Incident};
use crate::request::Request;
use crate::state::State;
use crate::tenant::Tenant;
use crate::time;

/// Answers a call below `/_simulator`; these never reach the log.
pub(crate) fn answer(state: &mut State, request: &Request) -> Answer {
    let segments = request.segments();
    let segments: Vec<&str> = segments.iter().map(String::as_str).skip(1).collect();
    match (request.method.as_str(), segments.as_slice()) {
        ("GET", ["health"]) => Answer::json(
            200,
            &json!({ "status": "ok", "now": time::format(state.clock.now()) }),
        ),
        ("GET", ["requests"]) => Answer::json(200, &state.requests),
        ("DELETE", ["requests"]) => {
            state.requests.clear();
            Answer::empty(204)
        }
        ("GET", ["faults"]) => Answer::json(200, &state.faults.0),
        ("POST", ["faults"]) => match serde_json::from_slice::<Fault>(&request.body) {
            Ok(fault) => {
                state.faults.0.push(fault);
                Answer::json(200, &state.faults.0)
            }
            Err(error) => refused(&format!("This is no fault: {error}.")),
        },
        ("DELETE", ["faults"]) => {
            state.faults.clear();
            Answer::empty(204)
        }
        ("GET", ["tenants"]) => {
            let tenants: Vec<Value> = state
                .tenants
                .iter()
                .map(|tenant| {
                    let mut shown = json!(tenant);
                    shown["incidents"] = tenant.incidents.len().into();
                    shown["alerts"] = tenant.alerts.len().into();
                    shown["updatesToCome"] = tenant.updates_to_come().into();
                    shown["devices"] = tenant
                        .devices
                        .iter()
                        .map(|device| device_shown(tenant, device))
                        .collect();
                    shown["actions"] = json!(tenant.actions);
                    shown["fates"] = json!(tenant.fates);
                    shown["whenInProgress"] = json!(tenant.when_in_progress);
                    shown["tables"] = tenant.tables.keys().cloned().collect();
                    shown
                })
                .collect();
            Answer::json(200, &tenants)
        }
        ("POST", ["actions"]) => match serde_json::from_slice::<TenantFate>(&request.body) {
            Ok(told) if !told.fate.status.is_open() => match state.tenant(&told.tenant) {
                Some(tenant) => {
                    tenant.fates.push(told.fate);
                    Answer::json(200, &tenant.fates)
                }
                None => refused(&format!("There is no tenant {}.", told.tenant)),
            },
            Ok(_) => refused("An action ends as Succeeded, Failed, TimeOut or Cancelled."),
            Err(error) => refused(&format!("This is no end of an action: {error}.")),
        },
        ("DELETE", ["actions"]) => {
            state
                .tenants
                .iter_mut()
                .for_each(|tenant| tenant.fates.clear());
            Answer::empty(204)
        }
        ("POST", ["updates"]) => match serde_json::from_slice::<TenantUpdate>(&request.body) {
            Ok(told) if told.incident.is_none() && told.alert.is_none() => {
                refused("Give an incident or an alert.")
            }
            Ok(told) => match (time::parse(&told.visible_at), state.tenant(&told.tenant)) {
                (Some(visible_at), Some(tenant)) => {
                    if let Some(incident) = told.incident {
                        tenant.plan_update(visible_at, incident);
                    }
                    if let Some(alert) = told.alert {
                        tenant.plan_update(visible_at, alert);
                    }
                    Answer::json(200, &json!({ "updatesToCome": tenant.updates_to_come() }))
                }
                (None, _) => refused("visibleAt is no instant."),
                (_, None) => refused(&format!("There is no tenant {}.", told.tenant)),
            },
            Err(error) => refused(&format!("This is no update: {error}.")),
        },
        ("POST", ["clock"]) => match request
            .json()
            .get("advance")
            .and_then(Value::as_str)
            .and_then(time::parse_duration)
        {
            Some(ticks) => {
                state.clock.advance(ticks);
                Answer::json(200, &json!({ "now": time::format(state.clock.now()) }))
            }
            None => refused("Say by how much: {\"advance\":\"PT5M\"}."),
        },
        _ => Answer::json(
            404,
            &json!({ "error": "See GET health, requests, faults, tenants; POST faults, actions, updates, clock; DELETE requests, faults, actions." }),
        ),
    }
}

/// `{"tenant":"...","type":"Isolate","status":"Failed","after":"PT60S","times":1}`
#[derive(Deserialize)]
struct TenantFate {
    tenant: String,
    #[serde(flatten)]
    fate: Fate,
}

/// `{"tenant":"...","visibleAt":"...","incident":{...}}`, or an `alert`, whole as Graph shows it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TenantUpdate {
    tenant: String,
    visible_at: String,
    incident: Option<Incident>,
    alert: Option<Alert>,
}

/// A device as the API shows it, with what the API does not tell.
fn device_shown(tenant: &Tenant, device: &Device) -> Value {
    let mut shown = json!(device);
    shown["isolation"] = json!(device.isolation);
    shown["codeRestricted"] = device.code_restricted.into();
    shown["history"] = json!(tenant.history(&device.id));
    shown
}

fn refused(why: &str) -> Answer {
    Answer::json(400, &json!({ "error": why }))
}
