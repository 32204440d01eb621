//! `/security/alerts_v2`: list, get, update, comment.

use serde::Serialize;
use serde_json::{Map, json};

use super::incidents::List;
use super::page::{Listing, next_link};
use super::{Failure, admit, change, shows_unknown_members};
use crate::answer::Answer;
use crate::incident::Alert;
use crate::odata::{Field, Read};
use crate::request::Request;
use crate::state::State;
use crate::tenant::Tenant;
use crate::time;

const READ: &[&str] = &[
    "SecurityAlert.Read.All",
    "SecurityAlert.ReadWrite.All",
    "SecurityIncident.Read.All",
    "SecurityIncident.ReadWrite.All",
];
const WRITE: &[&str] = &["SecurityAlert.ReadWrite.All"];
const STATUSES: &[&str] = &["new", "inProgress", "resolved"];
const CONTEXT: &str = "https://graph.microsoft.com/v1.0/$metadata#security/alerts_v2";
/// Members of `serviceSource` that came after `unknownFutureValue`.
const NEWER_SOURCES: &[&str] = &["microsoftDefenderForCloud", "microsoftSentinel"];

const LISTING: Listing<Alert> = Listing {
    usual_page: 100,
    expands_alerts: false,
    fields: &[
        Field {
            name: "assignedTo",
            read: Read::Text(|alert| alert.assigned_to.as_deref()),
        },
        Field {
            name: "classification",
            read: Read::Text(|alert| Some(&alert.classification)),
        },
        Field {
            name: "createdDateTime",
            read: Read::Instant(|alert| &alert.created_date_time),
        },
        Field {
            name: "determination",
            read: Read::Text(|alert| Some(&alert.determination)),
        },
        Field {
            name: "lastUpdateDateTime",
            read: Read::Instant(|alert| &alert.last_update_date_time),
        },
        Field {
            name: "serviceSource",
            read: Read::Text(|alert| Some(&alert.service_source)),
        },
        Field {
            name: "severity",
            read: Read::Text(|alert| Some(&alert.severity)),
        },
        Field {
            name: "status",
            read: Read::Text(|alert| Some(&alert.status)),
        },
    ],
};

#[derive(Serialize)]
pub(super) struct Shown {
    #[serde(rename = "@odata.context", skip_serializing_if = "Option::is_none")]
    context: Option<String>,
    #[serde(rename = "@odata.type")]
    kind: &'static str,
    #[serde(flatten)]
    alert: Alert,
}

pub(super) fn shown(alert: &Alert, request: &Request, context: Option<String>) -> Shown {
    let mut alert = alert.clone();
    if NEWER_SOURCES.contains(&alert.service_source.as_str()) && !shows_unknown_members(request) {
        alert.service_source = "unknownFutureValue".into();
    }
    Shown {
        context,
        kind: "#microsoft.graph.security.alert",
        alert,
    }
}

pub(super) fn list(state: &mut State, request: &Request) -> Result<Answer, Failure> {
    let caller = admit(state, request, READ)?;
    let tenant = &state.tenants[caller.tenant];
    let page = LISTING.page(request, &tenant.alerts, tenant.alert_page)?;
    let mut head = Map::new();
    head.insert("@odata.context".into(), CONTEXT.into());
    if let Some(count) = page.count {
        head.insert("@odata.count".into(), count.into());
    }
    if let Some(next) = page.next {
        head.insert(
            "@odata.nextLink".into(),
            next_link(&state.origin, request, next).into(),
        );
    }
    let value: Vec<Shown> = page
        .items
        .iter()
        .map(|alert| shown(alert, request, None))
        .collect();
    Ok(Answer::json(200, &List { head, value }))
}

pub(super) fn get(state: &mut State, request: &Request, id: &str) -> Result<Answer, Failure> {
    let caller = admit(state, request, READ)?;
    one(&state.tenants[caller.tenant], request, id)
}

fn one(tenant: &Tenant, request: &Request, id: &str) -> Result<Answer, Failure> {
    let alert = tenant
        .alerts
        .with_id(id)
        .ok_or_else(|| Failure::not_found("Alert", id))?;
    Ok(Answer::json(
        200,
        &shown(alert, request, Some(format!("{CONTEXT}/$entity"))),
    ))
}

pub(super) fn update(state: &mut State, request: &Request, id: &str) -> Result<Answer, Failure> {
    let caller = admit(state, request, WRITE)?;
    let change = change::change(request, STATUSES, false)?;
    let now = time::format(state.clock.stamp());
    let tenant = &mut state.tenants[caller.tenant];
    let alert = tenant
        .alert(id)
        .ok_or_else(|| Failure::not_found("Alert", id))?;
    if let Some(status) = change.status {
        alert.resolved_date_time = (status == "resolved").then(|| now.clone());
        alert.status = status;
    }
    alert.classification = change
        .classification
        .unwrap_or_else(|| alert.classification.clone());
    alert.determination = change
        .determination
        .unwrap_or_else(|| alert.determination.clone());
    alert.assigned_to = change
        .assigned_to
        .unwrap_or_else(|| alert.assigned_to.clone());
    alert.last_update_date_time = now;
    one(tenant, request, id)
}

pub(super) fn comment(state: &mut State, request: &Request, id: &str) -> Result<Answer, Failure> {
    let caller = admit(state, request, WRITE)?;
    let now = time::format(state.clock.stamp());
    let comment = change::comment(request, &caller.app, now.clone())?;
    let alert = state.tenants[caller.tenant]
        .alert(id)
        .ok_or_else(|| Failure::not_found("Alert", id))?;
    alert.comments.push(comment);
    alert.last_update_date_time = now;
    let context = format!("{CONTEXT}('{id}')/comments");
    Ok(Answer::json(
        200,
        &json!({ "@odata.context": context, "value": alert.comments }),
    ))
}
