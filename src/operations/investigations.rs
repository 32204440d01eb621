//! Automated investigations of devices. They can be looked at only: starting one ended on 2026-09-01, when Microsoft made them part of
//! the antivirus scan (`scan_device`).
//!
//! <https://learn.microsoft.com/defender-endpoint/api/investigation>

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    answers,
    endpoint_words::InvestigationState,
    ids::{DeviceId, InvestigationId},
    lookup::{self, lookup},
    vocabulary::{AlertId, Since, instant},
};
use crate::{
    call::Call,
    error::Result,
    odata::Filter,
    operation::{Answer, Group, Operation, Permissions},
    page::{self, Counted, List, Next, Top},
    time::Timestamp,
};

const READ: Permissions = Permissions::endpoint(&["Alert.Read.All", "Alert.ReadWrite.All"]);

/// `GET investigations`: <https://learn.microsoft.com/defender-endpoint/api/get-investigation-collection>.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListInvestigations {
    state: Option<InvestigationState>,
    device_id: Option<DeviceId>,
    /// The alert that triggered it.
    alert_id: Option<AlertId>,
    started_since: Option<Since>,
    started_before: Option<Since>,
    /// OData of the API's own, instead of the fields above.
    filter: Option<String>,
    top: Option<Top>,
    cursor: Option<Next>,
}

impl Operation for ListInvestigations {
    type Answers = List<'static, answers::Investigation>;

    const NAME: &'static str = "list_investigations";
    const SUMMARY: &'static str = "List automated investigations by state, device, alert or time";
    const GROUP: Group = Group::Investigations;
    const ROUTE: (&'static str, &'static str) = ("GET", "/investigations");
    const PERMISSIONS: Permissions = READ;

    async fn run(self, call: &Call<'_>) -> Result<Answer> {
        let listing = Counted::of(call, "investigations", |now| self.filter(now))?;
        page::counted(call, listing, self.cursor.as_deref(), self.top).await
    }
}

impl ListInvestigations {
    fn filter(&self, now: Timestamp) -> Result<Filter> {
        Filter::default()
            .eq("state", self.state.map(InvestigationState::as_str))
            .eq("machineId", self.device_id.as_ref().map(DeviceId::as_str))
            .eq(
                "triggeringAlertId",
                self.alert_id.as_ref().map(AlertId::as_str),
            )
            .at("startTime", "ge", instant(self.started_since, now)?)
            .at("startTime", "lt", instant(self.started_before, now)?)
            .or_raw(self.filter.as_deref())
    }
}

lookup! {
    /// `GET investigations/{id}`: <https://learn.microsoft.com/defender-endpoint/api/get-investigation-object>.
    GetInvestigation { investigation_id: InvestigationId }
    "get_investigation": "Get an investigation by its id or that of the alert that triggered it";
    Investigations, "/investigations/{investigationId}", READ;
    |of| get Investigation ["investigations", of.investigation_id.as_str()]
}
