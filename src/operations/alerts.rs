//! Alerts: what the Defender products found suspicious. Microsoft Graph only.
//!
//! <https://learn.microsoft.com/graph/api/resources/security-alert>

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    answers,
    change::{self, Change, owner},
    vocabulary::{
        AlertId, AlertStatus, Classification, Comment, Determination, Severity, Since, instant,
    },
};
use crate::{
    api::Api,
    call::{Call, Object},
    error::Result,
    odata::Filter,
    operation::{Answer, Group, Operation, Permissions},
    page::{self, List, Listing, Next, Top, Whole},
    time::Timestamp,
};

/// The service takes the incident roles for reading alerts, too: the 403 of a token without any lists all four.
const READ: Permissions = Permissions {
    graph: &[
        "SecurityAlert.Read.All",
        "SecurityAlert.ReadWrite.All",
        "SecurityIncident.Read.All",
        "SecurityIncident.ReadWrite.All",
    ],
    xdr: &[],
    endpoint: &[],
    also: &[],
    of_app: true,
};

const CHANGE: Permissions = Permissions {
    graph: &["SecurityAlert.ReadWrite.All"],
    xdr: &[],
    endpoint: &[],
    also: &[],
    of_app: true,
};

/// `GET /security/alerts_v2`: newest first.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListAlerts {
    status: Option<AlertStatus>,
    severity: Option<Severity>,
    /// The user who works on it, as Microsoft writes it: `analyst@example.com`.
    assigned_to: Option<String>,
    classification: Option<Classification>,
    determination: Option<Determination>,
    /// `microsoftDefenderForEndpoint` and the like; Microsoft adds to them.
    service_source: Option<String>,
    updated_since: Option<Since>,
    updated_before: Option<Since>,
    created_since: Option<Since>,
    created_before: Option<Since>,
    /// OData of the API's own, instead of the fields above.
    filter: Option<String>,
    top: Option<Top>,
    cursor: Option<Next>,
}

impl Operation for ListAlerts {
    type Answers = List<'static, answers::Alert>;

    const NAME: &'static str = "list_alerts";
    const SUMMARY: &'static str =
        "List alerts, newest first, by status, severity, owner, source or time";
    const GROUP: Group = Group::Alerts;
    const ROUTE: (&'static str, &'static str) = ("GET", "/alerts");
    const PERMISSIONS: Permissions = READ;

    async fn run(self, call: &Call<'_>) -> Result<Answer> {
        let listing = Listing {
            path: "alerts_v2",
            filter: &self.filter(call.api, call.invocation.now)?,
            asked: &self.filter(call.api, Timestamp::UNIX_EPOCH)?,
            id: "id",
            created: "createdDateTime",
            page: 100,
            expand_alerts: false,
            severity: None,
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

impl ListAlerts {
    fn filter(&self, api: Api, now: Timestamp) -> Result<Filter> {
        Filter::default()
            .eq("status", self.status.map(|word| word.on(api)).transpose()?)
            .eq(
                "severity",
                self.severity.map(|word| word.on(api)).transpose()?,
            )
            .eq("assignedTo", self.assigned_to.as_deref())
            .eq(
                "classification",
                self.classification.map(|word| word.on(api)).transpose()?,
            )
            .eq(
                "determination",
                self.determination.map(|word| word.on(api)).transpose()?,
            )
            .eq("serviceSource", self.service_source.as_deref())
            .at(
                "lastUpdateDateTime",
                "ge",
                instant(self.updated_since, now)?,
            )
            .at(
                "lastUpdateDateTime",
                "lt",
                instant(self.updated_before, now)?,
            )
            .at("createdDateTime", "ge", instant(self.created_since, now)?)
            .at("createdDateTime", "lt", instant(self.created_before, now)?)
            .or_raw(self.filter.as_deref())
    }
}

/// `GET /security/alerts_v2/{id}`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetAlert {
    id: AlertId,
}

impl Operation for GetAlert {
    type Answers = answers::Alert;

    const NAME: &'static str = "get_alert";
    const SUMMARY: &'static str = "Get an alert with its evidence";
    const GROUP: Group = Group::Alerts;
    const ROUTE: (&'static str, &'static str) = ("GET", "/alerts/{id}");
    const PERMISSIONS: Permissions = READ;

    async fn run(self, call: &Call<'_>) -> Result<Answer> {
        let alert: Object = call.get(&["alerts_v2", self.id.as_str()], &[]).await?;
        Ok(Answer::unread(alert.0))
    }
}

/// `PATCH /security/alerts_v2/{id}`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpdateAlert {
    id: AlertId,
    status: Option<AlertStatus>,
    /// Empty: nobody.
    assigned_to: Option<String>,
    classification: Option<Classification>,
    determination: Option<Determination>,
}

impl Operation for UpdateAlert {
    type Answers = answers::Alert;

    const NAME: &'static str = "update_alert";
    const SUMMARY: &'static str = "Set an alert's status, owner, classification or determination";
    const GROUP: Group = Group::Alerts;
    const ROUTE: (&'static str, &'static str) = ("PATCH", "/alerts/{id}");
    const CHANGES: bool = true;
    const PERMISSIONS: Permissions = CHANGE;

    async fn run(self, call: &Call<'_>) -> Result<Answer> {
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
            ..Change::default()
        };
        change.send(call, &["alerts_v2", self.id.as_str()]).await
    }
}

/// `POST /security/alerts_v2/{id}/comments`. Answers all comments of the alert.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CommentAlert {
    id: AlertId,
    comment: Comment,
}

impl Operation for CommentAlert {
    type Answers = Whole<answers::WrittenComment>;

    const NAME: &'static str = "comment_alert";
    const SUMMARY: &'static str = "Add a comment to an alert";
    const GROUP: Group = Group::Alerts;
    const ROUTE: (&'static str, &'static str) = ("POST", "/alerts/{id}/comments");
    const CHANGES: bool = true;
    const PERMISSIONS: Permissions = CHANGE;

    async fn run(self, call: &Call<'_>) -> Result<Answer> {
        change::comment(call, &["alerts_v2", self.id.as_str()], &self.comment.0).await
    }
}
