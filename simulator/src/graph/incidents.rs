//! `/security/incidents`: list, get, update, comment.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::page::{Listing, next_link};
use super::{Failure, admit, alerts, change, shows_unknown_members};
use crate::access;
use crate::answer::Answer;
use crate::incident::Incident;
use crate::odata::{Field, Read};
use crate::request::Request;
use crate::state::State;
use crate::tenant::Tenant;
use crate::time;

const READ: &[&str] = &[
    "SecurityIncident.Read.All",
    "SecurityIncident.ReadWrite.All",
];
const WRITE: &[&str] = &["SecurityIncident.ReadWrite.All"];
const STATUSES: &[&str] = &["active", "resolved", "inProgress", "redirected"];
/// What a blank incident still tells.
const KEPT_BY_BLANK: &[&str] = &[
    "id",
    "tenantId",
    "status",
    "redirectIncidentId",
    "createdDateTime",
    "lastUpdateDateTime",
];
const CONTEXT: &str = "https://graph.microsoft.com/v1.0/$metadata#security/incidents";

const LISTING: Listing<Incident> = Listing {
    usual_page: 50,
    expands_alerts: true,
    fields: &[
        Field {
            name: "assignedTo",
            read: Read::Text(|incident| incident.assigned_to.as_deref()),
        },
        Field {
            name: "classification",
            read: Read::Text(|incident| Some(&incident.classification)),
        },
        Field {
            name: "createdDateTime",
            read: Read::Instant(|incident| &incident.created_date_time),
        },
        Field {
            name: "determination",
            read: Read::Text(|incident| Some(&incident.determination)),
        },
        Field {
            name: "lastUpdateDateTime",
            read: Read::Instant(|incident| &incident.last_update_date_time),
        },
        Field {
            name: "severity",
            read: Read::Text(|incident| Some(&incident.severity)),
        },
        Field {
            name: "status",
            read: Read::Text(|incident| Some(&incident.status)),
        },
    ],
};

#[derive(Serialize)]
struct Shown {
    #[serde(rename = "@odata.context", skip_serializing_if = "Option::is_none")]
    context: Option<String>,
    #[serde(rename = "@odata.type")]
    kind: &'static str,
    #[serde(flatten)]
    incident: Incident,
    #[serde(skip_serializing_if = "Option::is_none")]
    alerts: Option<Vec<alerts::Shown>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Told {
    Whole(Box<Shown>),
    Blank(Value),
}

fn shown(
    tenant: &Tenant,
    incident: &Incident,
    request: &Request,
    expand: bool,
    context: Option<String>,
) -> Told {
    let mut incident = incident.clone();
    if incident.status == "awaitingAction" && !shows_unknown_members(request) {
        incident.status = "unknownFutureValue".into();
    }
    let own = tenant
        .alerts
        .iter()
        .filter(|alert| alert.incident_id == incident.id);
    let alerts = expand.then(|| {
        own.map(|alert| alerts::shown(alert, request, None))
            .collect()
    });
    let blank = incident.blank;
    let shown = Box::new(Shown {
        context,
        kind: "#microsoft.graph.security.incident",
        incident,
        alerts,
    });
    match blank {
        true => Told::Blank(blanked(&shown)),
        false => Told::Whole(shown),
    }
}

fn blanked(shown: &Shown) -> Value {
    let mut told = json!(shown);
    for (name, value) in told.as_object_mut().into_iter().flatten() {
        if !name.starts_with('@') && !KEPT_BY_BLANK.contains(&name.as_str()) {
            *value = Value::Null;
        }
    }
    told
}

pub(super) fn list(state: &mut State, request: &Request) -> Result<Answer, Failure> {
    let caller = admit(state, request, READ)?;
    let tenant = &state.tenants[caller.tenant];
    let page = LISTING.page(request, &tenant.incidents, tenant.incident_page)?;
    if page.expand {
        let ids: Vec<&str> = page
            .items
            .iter()
            .map(|incident| incident.id.as_str())
            .collect();
        let concerns = |id: &str| access::concerns_tenant(&state.tenants, &state.key, request, id);
        fail_if(state.faults.expand_fails(request, &ids, concerns))?;
    }
    let shown: Vec<Told> = page
        .items
        .iter()
        .map(|incident| shown(tenant, incident, request, page.expand, None))
        .collect();
    let mut body = Map::new();
    body.insert("@odata.context".into(), CONTEXT.into());
    if let Some(count) = page.count {
        body.insert("@odata.count".into(), count.into());
    }
    if let Some(next) = page.next {
        body.insert(
            "@odata.nextLink".into(),
            next_link(&state.origin, request, next).into(),
        );
    }
    Ok(Answer::json(
        200,
        &List {
            head: body,
            value: shown,
        },
    ))
}

/// A collection: annotations, then the items.
#[derive(Serialize)]
pub(super) struct List<T> {
    #[serde(flatten)]
    pub head: Map<String, Value>,
    pub value: Vec<T>,
}

pub(super) fn get(state: &mut State, request: &Request, id: &str) -> Result<Answer, Failure> {
    let caller = admit(state, request, READ)?;
    let expand = match request.parameter("$expand") {
        None => false,
        Some("alerts") => true,
        Some(other) => {
            return Err(Failure::bad_request(format!(
                "'{other}' cannot be expanded."
            )));
        }
    };
    if expand {
        let concerns = |id: &str| access::concerns_tenant(&state.tenants, &state.key, request, id);
        fail_if(state.faults.expand_fails(request, &[id], concerns))?;
    }
    one(&state.tenants[caller.tenant], request, id, expand)
}

fn fail_if(expansion_fails: bool) -> Result<(), Failure> {
    let failure = || Failure {
        status: 500,
        code: "InternalServerError".into(),
        message: "Internal server error.".into(),
    };
    if expansion_fails {
        Err(failure())
    } else {
        Ok(())
    }
}

fn one(tenant: &Tenant, request: &Request, id: &str, expand: bool) -> Result<Answer, Failure> {
    let incident = tenant
        .incidents
        .with_id(id)
        .ok_or_else(|| Failure::not_found("Incident", id))?;
    Ok(Answer::json(
        200,
        &shown(
            tenant,
            incident,
            request,
            expand,
            Some(format!("{CONTEXT}/$entity")),
        ),
    ))
}

pub(super) fn update(state: &mut State, request: &Request, id: &str) -> Result<Answer, Failure> {
    let caller = admit(state, request, WRITE)?;
    let change = change::change(request, STATUSES, true)?;
    let now = time::format(state.clock.stamp());
    let tenant = &mut state.tenants[caller.tenant];
    let incident = tenant
        .incident(id)
        .ok_or_else(|| Failure::not_found("Incident", id))?;
    incident.status = change.status.unwrap_or_else(|| incident.status.clone());
    incident.classification = change
        .classification
        .unwrap_or_else(|| incident.classification.clone());
    incident.determination = change
        .determination
        .unwrap_or_else(|| incident.determination.clone());
    incident.assigned_to = change
        .assigned_to
        .unwrap_or_else(|| incident.assigned_to.clone());
    incident.custom_tags = change
        .custom_tags
        .unwrap_or_else(|| incident.custom_tags.clone());
    incident.resolving_comment = change
        .resolving_comment
        .or_else(|| incident.resolving_comment.clone());
    incident.last_modified_by = Some(caller.app);
    incident.last_update_date_time = now;
    one(tenant, request, id, false)
}

pub(super) fn comment(state: &mut State, request: &Request, id: &str) -> Result<Answer, Failure> {
    let caller = admit(state, request, WRITE)?;
    let now = time::format(state.clock.stamp());
    let comment = change::comment(request, &caller.app, now.clone())?;
    let incident = state.tenants[caller.tenant]
        .incident(id)
        .ok_or_else(|| Failure::not_found("Incident", id))?;
    incident.comments.push(comment);
    incident.last_update_date_time = now;
    let context = format!("{CONTEXT}('{id}')/comments");
    Ok(Answer::json(
        200,
        &json!({ "@odata.context": context, "value": incident.comments }),
    ))
}
