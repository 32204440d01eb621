//! Machine actions: what was asked of a device, when, and how it goes.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::device::Device;
use crate::live_response::Command;
use crate::state::guid;
use crate::time;

/// A machine action. Instants are ticks of 100 ns since 1970, see [`time`].
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Action {
    pub id: String,
    #[serde(rename = "type")]
    pub kind: ActionKind,
    /// As it stood when somebody last looked; requests, `Simulator::edit` and `GET /_simulator/tenants` look first.
    pub status: Status,
    pub machine_id: String,
    pub computer_dns_name: String,
    /// The isolation's `Full`, `Selective` or `UnManagedDevice`, the scan's `Quick` or `Full`.
    pub scope: Option<String>,
    /// The display name of the application that asked.
    pub requestor: String,
    pub comment: String,
    pub external_id: Option<String>,
    /// No two actions were created at the same tick.
    pub created: i64,
    pub last_update: i64,
    /// When it became Succeeded, Failed, TimeOut or Cancelled.
    pub ended: Option<i64>,
    pub cancellation: Option<Cancellation>,
    /// The SHA-1 to stop and quarantine.
    pub sha1: Option<String>,
    /// A live response's commands.
    pub commands: Vec<Command>,
    /// The clock at its creation, which unlike `created` two actions may share.
    #[serde(skip)]
    pub(crate) taken_on: i64,
    #[serde(skip)]
    pub(crate) starts_at: i64,
    #[serde(skip)]
    pub(crate) ends_at: i64,
    #[serde(skip)]
    pub(crate) fate: Status,
}

/// Who cancelled an action, and why.
#[derive(Clone, Debug, Serialize)]
pub struct Cancellation {
    pub requestor: String,
    pub comment: Option<String>,
    pub at: i64,
}

/// What an action does.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub enum ActionKind {
    RunAntiVirusScan,
    Offboard,
    LiveResponse,
    CollectInvestigationPackage,
    Isolate,
    Unisolate,
    StopAndQuarantineFile,
    RestrictCodeExecution,
    UnrestrictCodeExecution,
}

/// How an action stands.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub enum Status {
    Pending,
    InProgress,
    Succeeded,
    Failed,
    TimeOut,
    Cancelled,
}

/// How long an action is Pending and then InProgress, by the simulator's clock.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    pub pending: Duration,
    pub running: Duration,
}

/// How actions that are yet to come will end.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Fate {
    /// Left out: actions of any type.
    #[serde(rename = "type")]
    pub kind: Option<ActionKind>,
    pub status: Status,
    /// So long after its creation the action ends; left out: at the tenant's pace. ISO 8601 in JSON, `PT60S`.
    #[serde(default, with = "duration")]
    pub after: Option<Duration>,
    /// So many actions meet it; 0, or left out, is all of them.
    #[serde(default)]
    pub times: u32,
}

/// What the API does when the same action is Pending or InProgress on the device already.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum WhenInProgress {
    /// The usual success, with the action that is under way.
    #[default]
    ReturnPending,
    /// 400 "Action is already in progress".
    Refuse,
    /// A second action, as has been seen to happen.
    Accept,
}

/// An entry of a device's history: an action that the API took on.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Accepted {
    pub action_id: String,
    #[serde(rename = "type")]
    pub kind: ActionKind,
    /// Ticks; the history is in this order and no two are equal.
    pub accepted: i64,
    pub ended: Option<i64>,
    pub status: Status,
}

impl ActionKind {
    /// The application role that may ask for it and cancel it.
    pub(crate) fn role(self) -> &'static str {
        match self {
            ActionKind::RunAntiVirusScan => "Machine.Scan",
            ActionKind::Offboard => "Machine.Offboard",
            ActionKind::LiveResponse => "Machine.LiveResponse",
            ActionKind::CollectInvestigationPackage => "Machine.CollectForensics",
            ActionKind::Isolate | ActionKind::Unisolate => "Machine.Isolate",
            ActionKind::StopAndQuarantineFile => "Machine.StopAndQuarantine",
            ActionKind::RestrictCodeExecution | ActionKind::UnrestrictCodeExecution => {
                "Machine.RestrictExecution"
            }
        }
    }

    /// The name in the API's `type`.
    pub fn name(self) -> &'static str {
        match self {
            ActionKind::RunAntiVirusScan => "RunAntiVirusScan",
            ActionKind::Offboard => "Offboard",
            ActionKind::LiveResponse => "LiveResponse",
            ActionKind::CollectInvestigationPackage => "CollectInvestigationPackage",
            ActionKind::Isolate => "Isolate",
            ActionKind::Unisolate => "Unisolate",
            ActionKind::StopAndQuarantineFile => "StopAndQuarantineFile",
            ActionKind::RestrictCodeExecution => "RestrictCodeExecution",
            ActionKind::UnrestrictCodeExecution => "UnrestrictCodeExecution",
        }
    }
}

impl Status {
    /// True for Pending and InProgress.
    pub fn is_open(self) -> bool {
        matches!(self, Status::Pending | Status::InProgress)
    }

    /// The name in the API's `status`.
    pub fn name(self) -> &'static str {
        match self {
            Status::Pending => "Pending",
            Status::InProgress => "InProgress",
            Status::Succeeded => "Succeeded",
            Status::Failed => "Failed",
            Status::TimeOut => "TimeOut",
            Status::Cancelled => "Cancelled",
        }
    }
}

impl Default for Pace {
    /// Two seconds, then five.
    fn default() -> Pace {
        Pace {
            pending: Duration::from_secs(2),
            running: Duration::from_secs(5),
        }
    }
}

impl Fate {
    /// This many actions meet it, 0 being all.
    pub fn times(&mut self, times: u32) {
        self.times = times;
    }
}

impl Action {
    /// An action of an application's that has ended.
    pub(crate) fn past(
        kind: ActionKind,
        device: &Device,
        created: i64,
        ended: i64,
        status: Status,
    ) -> Action {
        Action {
            id: guid(),
            kind,
            status,
            machine_id: device.id.clone(),
            computer_dns_name: device.computer_dns_name.clone(),
            scope: None,
            requestor: "Somebody else".into(),
            comment: "In the past".into(),
            external_id: None,
            created,
            last_update: ended,
            ended: Some(ended),
            cancellation: None,
            sha1: None,
            commands: Vec::new(),
            taken_on: created,
            starts_at: created,
            ends_at: ended,
            fate: status,
        }
    }

    pub(crate) fn accepted(&self) -> Accepted {
        Accepted {
            action_id: self.id.clone(),
            kind: self.kind,
            accepted: self.created,
            ended: self.ended,
            status: self.status,
        }
    }
}

pub(crate) fn ticks(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos() / 100).unwrap_or(i64::MAX / 4)
}

/// A duration as ISO 8601 text in JSON.
mod duration {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de};

    use super::time;

    pub fn serialize<S: Serializer>(
        duration: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match duration {
            None => serializer.serialize_none(),
            Some(duration) => {
                serializer.collect_str(&format_args!("PT{}S", duration.as_secs_f64()))
            }
        }
    }

    pub fn deserialize<'d, D: Deserializer<'d>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        let Some(text) = Option::<String>::deserialize(deserializer)? else {
            return Ok(None);
        };
        let ticks = time::parse_duration(&text).and_then(|ticks| u64::try_from(ticks).ok());
        let ticks = ticks
            .ok_or_else(|| de::Error::custom(format!("{text} is no duration such as PT60S")))?;
        Ok(Some(Duration::from_nanos(ticks.saturating_mul(100))))
    }
}
