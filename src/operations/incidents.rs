//! Incidents: correlated alerts that tell one attack's story.
//!
//! Graph: <https://learn.microsoft.com/graph/api/resources/security-incident>.
//! Defender XDR API: <https://learn.microsoft.com/defender-xdr/api-incident>; 50 calls a minute and 1,500 an hour.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    answers,
    change::{self, Change, owner},
    vocabulary::{
        Classification, Comment, Determination, IncidentId, IncidentStatus, Severity, Since,
        instant,
    },
};
use crate::{
    api::Api,
    call::{Call, Object},
    error::{Code, Error, Result},
    odata::Filter,
    operation::{Answer, Group, Operation, Permissions},
    page::{self, List, Listing, Next, Top, Whole},
    time::Timestamp,
};

const READ: Permissions = Permissions {
    graph: &[
        "SecurityIncident.Read.All",
        "SecurityIncident.ReadWrite.All",
    ],
    xdr: &["Incident.Read.All", "Incident.ReadWrite.All"],
    endpoint: &[],
    also: &[],
    of_app: true,
};

/// `GET /security/incidents`, `GET /api/incidents`: newest first.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListIncidents {
    status: Option<IncidentStatus>,
    severity: Option<Severity>,
    /// The user who works on it, as Microsoft writes it: `analyst@example.com`.
    assigned_to: Option<String>,
    classification: Option<Classification>,
    determination: Option<Determination>,
    updated_since: Option<Since>,
    updated_before: Option<Since>,
    created_since: Option<Since>,
    created_before: Option<Since>,
    /// OData of the API's own, instead of the fields above.
    filter: Option<String>,
    top: Option<Top>,
    cursor: Option<Next>,
    /// The Defender XDR API always sends them.
    expand_alerts: Option<bool>,
}

impl Operation for ListIncidents {
    type Answers = List<'static, answers::Incident>;

    const NAME: &'static str = "list_incidents";
    const SUMMARY: &'static str =
        "List incidents, newest first, by status, severity, owner or time";
    const GROUP: Group = Group::Incidents;
    const ROUTE: (&'static str, &'static str) = ("GET", "/incidents");
    const PERMISSIONS: Permissions = READ;

    async fn run(self, call: &Call<'_>) -> Result<Answer> {
        let filter = self.filter(call.api, call.invocation.now)?;
        let asked = self.filter(call.api, Timestamp::UNIX_EPOCH)?;
        let severity = self
            .severity
            .map(|severity| severity.on(call.api))
            .transpose()?;
        let listing = match call.api {
            Api::Graph => Listing {
                path: "incidents",
                filter: &filter,
                asked: &asked,
                id: "id",
                created: "createdDateTime",
                page: 50,
                expand_alerts: self.expand_alerts.unwrap_or_default(),
                severity: None,
            },
            Api::Xdr | Api::Endpoint => Listing {
                path: "incidents",
                filter: &filter,
                asked: &asked,
                id: "incidentId",
                created: "createdTime",
                page: 100,
                expand_alerts: false,
                // It filters by everything but the severity.
                severity,
            },
        };
        page::list(
            call,
            listing,
            self.cursor.as_deref(),
            self.top.unwrap_or_default(),
        )
        .await
    }
}

impl ListIncidents {
    fn filter(&self, api: Api, now: Timestamp) -> Result<Filter> {
        let (updated, created) = match api {
            Api::Graph => ("lastUpdateDateTime", "createdDateTime"),
            Api::Xdr | Api::Endpoint => ("lastUpdateTime", "createdTime"),
        };
        let mut filter = Filter::default()
            .eq("status", self.status.map(|word| word.on(api)).transpose()?)
            .eq("assignedTo", self.assigned_to.as_deref())
            .at(updated, "ge", instant(self.updated_since, now)?)
            .at(updated, "lt", instant(self.updated_before, now)?)
            .at(created, "ge", instant(self.created_since, now)?)
            .at(created, "lt", instant(self.created_before, now)?);
        if api == Api::Graph {
            filter = filter
                .eq(
                    "severity",
                    self.severity.map(|word| word.on(api)).transpose()?,
                )
                .eq(
                    "classification",
                    self.classification.map(|word| word.on(api)).transpose()?,
                )
                .eq(
                    "determination",
                    self.determination.map(|word| word.on(api)).transpose()?,
                );
        } else if self.classification.is_some() || self.determination.is_some() {
            let detail = "The Defender XDR API (DEFENDER_API=xdr) cannot filter by `classification` or `determination`.";
            return Err(Error::new(Code::InvalidInput, detail));
        }
        filter.or_raw(self.filter.as_deref())
    }
}

/// `GET /security/incidents/{id}`, `GET /api/incidents/{id}`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GetIncident {
    id: IncidentId,
    /// The Defender XDR API always sends them.
    expand_alerts: Option<bool>,
}

impl Operation for GetIncident {
    type Answers = answers::Incident;

    const NAME: &'static str = "get_incident";
    const SUMMARY: &'static str = "Get an incident, with its alerts if asked for";
    const GROUP: Group = Group::Incidents;
    const ROUTE: (&'static str, &'static str) = ("GET", "/incidents/{id}");
    const PERMISSIONS: Permissions = READ;

    async fn run(self, call: &Call<'_>) -> Result<Answer> {
        let query: &[_] = match self.expand_alerts.unwrap_or_default() && call.api == Api::Graph {
            true => &[("$expand", "alerts")],
            false => &[],
        };
        let incident: Object = call.get(&["incidents", self.id.as_str()], query).await?;
        Ok(Answer::unread(incident.0))
    }
}

const CHANGE: Permissions = Permissions {
    graph: &["SecurityIncident.ReadWrite.All"],
    xdr: &["Incident.ReadWrite.All"],
    endpoint: &[],
    also: &[],
    of_app: true,
};

/// `PATCH /security/incidents/{id}`, `PATCH /api/incidents/{id}`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpdateIncident {
    id: IncidentId,
    /// The state it is to have. `awaitingAction` is Microsoft's own to set.
    status: Option<IncidentStatus>,
    /// Empty: nobody.
    assigned_to: Option<String>,
    classification: Option<Classification>,
    determination: Option<Determination>,
    /// All tags from now on.
    tags: Option<Vec<String>>,
}

impl Operation for UpdateIncident {
    type Answers = answers::Incident;

    const NAME: &'static str = "update_incident";
    const SUMMARY: &'static str =
        "Set an incident's status, owner, classification, determination or tags";
    const GROUP: Group = Group::Incidents;
    const ROUTE: (&'static str, &'static str) = ("PATCH", "/incidents/{id}");
    const CHANGES: bool = true;
    const PERMISSIONS: Permissions = CHANGE;

    async fn run(self, call: &Call<'_>) -> Result<Answer> {
        if self.status == Some(IncidentStatus::AwaitingAction) {
            return Err(Error::field(
                "status",
                "Microsoft sets `awaitingAction` by itself; it cannot be chosen",
            ));
        }
        let tags = self.tags.as_deref();
        let (custom_tags, tags) = match call.api {
            Api::Graph => (tags, None),
            Api::Xdr | Api::Endpoint => (None, tags),
        };
        let change = Change {
            status: self.status.map(|word| word.on(call.api)).transpose()?,
            assigned_to: self.assigned_to.as_deref().map(owner),
            classification: self
                .classification
                .map(|word| word.on(call.api))
                .transpose()?,
            determination: self
                .determination
                .map(|word| word.on(call.api))
                .transpose()?,
            custom_tags,
            tags,
        };
        change.send(call, &["incidents", self.id.as_str()]).await
    }
}

/// `POST /security/incidents/{id}/comments`. Answers all comments of the incident.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CommentIncident {
    id: IncidentId,
    comment: Comment,
}

impl Operation for CommentIncident {
    type Answers = Whole<answers::WrittenComment>;

    const NAME: &'static str = "comment_incident";
    const SUMMARY: &'static str = "Add a comment to an incident";
    const GROUP: Group = Group::Incidents;
    const ROUTE: (&'static str, &'static str) = ("POST", "/incidents/{id}/comments");
    const CHANGES: bool = true;
    const PERMISSIONS: Permissions = Permissions { xdr: &[], ..CHANGE };

    async fn run(self, call: &Call<'_>) -> Result<Answer> {
        change::comment(call, &["incidents", self.id.as_str()], &self.comment.0).await
    }
}
