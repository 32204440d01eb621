//! Alerts by way of the Endpoint API: made of events, changed many at once, and what each is about.
//!
//! <https://learn.microsoft.com/defender-endpoint/api/alerts>

use std::collections::HashSet;

use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    answers,
    change::answered,
    devices::READ as DEVICES,
    endpoint_words::{AlertCategory, NewAlertSeverity},
    ids::{DeviceId, Instant, ReportId, Text},
    lookup::{self, lookup},
    vocabulary::{AlertId, AlertStatus, Classification, Comment, Determination},
};
use crate::{
    call::{Call, Object},
    error::{Code, Error, Result},
    operation::{Answer, Group, Operation, Permissions},
};

const CHANGE: Permissions = Permissions::endpoint(&["Alert.ReadWrite.All"]);

/// `POST alerts/CreateAlertByReference`: <https://learn.microsoft.com/defender-endpoint/api/create-alert-by-reference>. 15 calls a minute.
///
/// The event is one that hunting shows: its `Timestamp`, `ReportId` and `DeviceId`. An open alert of the same title on the same device
/// takes it in. Answers the alert.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateAlert {
    event_time: Instant,
    report_id: ReportId,
    #[serde(rename(serialize = "machineId"))]
    device_id: DeviceId,
    severity: NewAlertSeverity,
    title: Text,
    description: Text,
    recommended_action: Text,
    category: AlertCategory,
}

impl Operation for CreateAlert {
    type Answers = answers::EndpointAlert;

    const NAME: &'static str = "create_alert";
    const SUMMARY: &'static str = "Make an alert of an event that hunting found";
    const GROUP: Group = Group::Alerts;
    const ROUTE: (&'static str, &'static str) = ("POST", "/alerts");
    const CHANGES: bool = true;
    const PERMISSIONS: Permissions = CHANGE;

    async fn run(self, call: &Call<'_>) -> Result<Answer> {
        let path = ["alerts", "CreateAlertByReference"];
        let Object(alert) = answered(
            call.change(Method::POST, &path, &self).await?,
            "Look at the alerts of the device before repeating it; while the alert is open, a repeat becomes part of it.",
        )?;
        Ok(Answer::unread(alert))
    }
}

/// Microsoft names no limit; more than this is hardly meant.
const MOST_ALERTS: usize = 1_000;

/// `POST alerts/batchUpdate`: <https://learn.microsoft.com/defender-endpoint/api/batch-update-alerts>. 10 calls a minute and 500 an hour.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpdateAlerts {
    /// Those to change; one that is named twice counts once.
    #[schemars(length(min = 1, max = MOST_ALERTS))]
    alert_ids: Vec<AlertId>,
    status: Option<AlertStatus>,
    /// The user who is to work on them.
    #[schemars(extend("pattern" = r"\S"))]
    assigned_to: Option<String>,
    classification: Option<Classification>,
    determination: Option<Determination>,
    comment: Option<Comment>,
}

/// The alerts that were changed.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "UpdatedAlerts")]
pub struct Updated<'a> {
    alert_ids: &'a [&'a str],
    updated: bool,
}

impl Operation for UpdateAlerts {
    type Answers = Updated<'static>;

    const NAME: &'static str = "update_alerts";
    const SUMMARY: &'static str =
        "Set the status, owner, classification or determination of many alerts, or comment on them";
    const GROUP: Group = Group::Alerts;
    const ROUTE: (&'static str, &'static str) = ("POST", "/alerts/update");
    const CHANGES: bool = true;
    const PERMISSIONS: Permissions = CHANGE;

    async fn run(self, call: &Call<'_>) -> Result<Answer> {
        let mut seen = HashSet::new();
        let ids = self.alert_ids.iter().map(AlertId::as_str);
        let ids: Vec<_> = ids.filter(|id| seen.insert(*id)).collect();
        let change = self.change(call, &ids)?;
        let path = ["alerts", "batchUpdate"];
        let sent = call
            .change_silently(Method::POST, &path, Some(&change))
            .await?;
        answered(
            sent,
            "Look at the alerts before repeating it: their fields would be set to the same again, but a comment would be there twice.",
        )?;
        Ok(Answer::of(&Updated {
            alert_ids: &ids,
            updated: true,
        }))
    }
}

/// The change as Microsoft takes it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BatchUpdate<'a> {
    alert_ids: &'a [&'a str],
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    assigned_to: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    classification: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    determination: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<&'a str>,
}

impl UpdateAlerts {
    fn change<'a>(&'a self, call: &Call<'_>, alert_ids: &'a [&'a str]) -> Result<BatchUpdate<'a>> {
        if !(1..=MOST_ALERTS).contains(&alert_ids.len()) {
            let reason = format!(
                "{} different alerts; give 1 to {MOST_ALERTS}",
                alert_ids.len()
            );
            return Err(Error::field("alertIds", reason));
        }
        if self
            .assigned_to
            .as_deref()
            .is_some_and(|owner| owner.trim().is_empty())
        {
            let reason = "Microsoft does not say how to leave many alerts to nobody; `update_alert` does it for one";
            return Err(Error::field("assignedTo", reason));
        }
        let api = call.api;
        let change = BatchUpdate {
            alert_ids,
            status: self.status.map(|word| word.on(api)).transpose()?,
            assigned_to: self.assigned_to.as_deref(),
            classification: self.classification.map(|word| word.on(api)).transpose()?,
            determination: self.determination.map(|word| word.on(api)).transpose()?,
            comment: self.comment.as_ref().map(|comment| comment.0.as_str()),
        };
        let fields = [
            change.status,
            change.assigned_to,
            change.classification,
            change.determination,
            change.comment,
        ];
        match fields.iter().any(Option::is_some) {
            true => Ok(change),
            false => Err(Error::new(
                Code::InvalidInput,
                "Nothing to change: give at least one field besides `alertIds`.",
            )),
        }
    }
}

lookup! {
    /// `GET alerts/{id}/files`: <https://learn.microsoft.com/defender-endpoint/api/get-alert-related-files-info>.
    ListAlertFiles { id: AlertId }
    "list_alert_files": "List the files in an alert";
    Alerts, "/alerts/{id}/files", Permissions::endpoint(&["File.Read.All"]);
    |of| list File ["alerts", of.id.as_str(), "files"]
}

lookup! {
    /// `GET alerts/{id}/ips`: <https://learn.microsoft.com/defender-endpoint/api/get-alert-related-ip-info>.
    ListAlertIps { id: AlertId }
    "list_alert_ips": "List the IP addresses in an alert";
    Alerts, "/alerts/{id}/ips", Permissions::endpoint(&["Ip.Read.All"]);
    |of| list IpAddress ["alerts", of.id.as_str(), "ips"]
}

lookup! {
    /// `GET alerts/{id}/domains`: <https://learn.microsoft.com/defender-endpoint/api/get-alert-related-domain-info>.
    ListAlertDomains { id: AlertId }
    "list_alert_domains": "List the domains in an alert";
    Alerts, "/alerts/{id}/domains", Permissions::endpoint(&["URL.Read.All"]);
    |of| list DomainName ["alerts", of.id.as_str(), "domains"]
}

lookup! {
    /// `GET alerts/{id}/machine`: <https://learn.microsoft.com/defender-endpoint/api/get-alert-related-machine-info>.
    GetAlertDevice { id: AlertId }
    "get_alert_device": "Get the device of an alert";
    Alerts, "/alerts/{id}/device", DEVICES;
    |of| get Device ["alerts", of.id.as_str(), "machine"]
}

lookup! {
    /// `GET alerts/{id}/user`: <https://learn.microsoft.com/defender-endpoint/api/get-alert-related-user-info>.
    GetAlertUser { id: AlertId }
    "get_alert_user": "Get the user of an alert";
    Alerts, "/alerts/{id}/user", Permissions::endpoint(&["User.Read.All"]);
    |of| get User ["alerts", of.id.as_str(), "user"]
}
