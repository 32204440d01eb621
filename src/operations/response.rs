//! Response: what Defender for Endpoint does to a device when it is told to. Each of these is looked for first and sent at most once.
//!
//! <https://learn.microsoft.com/defender-endpoint/api/machineaction>. An answer means that Microsoft has accepted the action, not that
//! the device has done it: ask `get_action`, or let the workflow `respond-and-confirm` wait.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    devices::READ,
    ids::{DeviceId, Sha1},
    vocabulary::Comment,
};
use crate::{
    call::Call,
    error::{Error, Result},
    operation::{Answer, Group, Operation, Permissions},
    respond::{DesiredAction, Outcome, Same, history::Kind, respond},
};

/// The permission of an action, and that of looking at the device and its actions.
pub const fn to(act: &'static [&'static str]) -> Permissions {
    Permissions::endpoint(act).and(READ.endpoint)
}

/// The longest comment. Microsoft tells of no limit; its mark at the end must not be cut off.
const LONGEST_COMMENT: usize = 1_000;

pub fn comment(comment: &Comment) -> Result<&str> {
    match comment.0.chars().count() {
        0..=LONGEST_COMMENT => Ok(&comment.0),
        _ => Err(Error::field(
            "comment",
            format_args!("it is longer than {LONGEST_COMMENT} characters"),
        )),
    }
}

pub fn body(fields: Value) -> Map<String, Value> {
    match fields {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// Whether to look and check, but to send nothing: the answer says what would have been sent.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[schemars(extend("default" = false))]
pub struct DryRun(pub bool);

/// How much of the network an isolated device keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[schemars(extend("default" = "Full"))]
enum IsolationType {
    /// Nothing but the connection to Defender. A device on a full-tunnel VPN loses that too.
    #[default]
    #[serde(alias = "full")]
    Full,
    /// Outlook, Teams and Skype as well.
    #[serde(alias = "selective")]
    Selective,
    /// For a device that is not onboarded: the others are told to cut it off.
    #[serde(alias = "unManagedDevice")]
    UnManagedDevice,
}

impl IsolationType {
    fn name(self) -> &'static str {
        match self {
            IsolationType::Full => "Full",
            IsolationType::Selective => "Selective",
            IsolationType::UnManagedDevice => "UnManagedDevice",
        }
    }
}

/// `POST /machines/{id}/isolate`. <https://learn.microsoft.com/defender-endpoint/api/isolate-machine>
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IsolateDevice {
    device_id: DeviceId,
    comment: Comment,
    #[serde(default)]
    isolation_type: IsolationType,
    #[serde(default)]
    dry_run: DryRun,
}

impl Operation for IsolateDevice {
    type Answers = Outcome<'static>;

    const NAME: &'static str = "isolate_device";
    const SUMMARY: &'static str = "Cut a device off from the network, but not from Defender";
    const GROUP: Group = Group::Response;
    const ROUTE: (&'static str, &'static str) = ("POST", "/devices/{deviceId}/isolate");
    const CHANGES: bool = true;
    const PERMISSIONS: Permissions = to(&["Machine.Isolate"]);

    async fn run(self, call: &Call<'_>) -> Result<Answer> {
        let scope = self.isolation_type.name();
        let desired = DesiredAction {
            device: self.device_id.as_str(),
            kind: Kind::Isolate,
            verb: "isolate",
            comment: comment(&self.comment)?,
            body: body(json!({ "IsolationType": scope })),
            same: Same::Scope(scope),
            dry_run: self.dry_run.0,
        };
        respond(call, &desired).await
    }
}

/// An action that takes nothing but the device and a comment.
macro_rules! plain {
    (
        $(#[$doc:meta])*
        $name:ident
        $operation:literal: $summary:literal;
        $route:literal, $permission:literal;
        $kind:ident by $verb:literal
    ) => {
        #[derive(Deserialize, JsonSchema)]
        $(#[$doc])*
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub struct $name {
            device_id: DeviceId,
            comment: Comment,
            #[serde(default)]
            dry_run: DryRun,
        }

        impl Operation for $name {
            type Answers = Outcome<'static>;

            const NAME: &'static str = $operation;
            const SUMMARY: &'static str = $summary;
            const GROUP: Group = Group::Response;
            const ROUTE: (&'static str, &'static str) = ("POST", $route);
            const CHANGES: bool = true;
            const PERMISSIONS: Permissions = to(&[$permission]);

            async fn run(self, call: &Call<'_>) -> Result<Answer> {
                let desired = DesiredAction {
                    device: self.device_id.as_str(),
                    kind: Kind::$kind,
                    verb: $verb,
                    comment: comment(&self.comment)?,
                    body: Map::new(),
                    same: Same::Kind,
                    dry_run: self.dry_run.0,
                };
                respond(call, &desired).await
            }
        }
    };
}

plain! {
    /// `POST /machines/{id}/unisolate`. <https://learn.microsoft.com/defender-endpoint/api/unisolate-machine>
    ReleaseDevice
    "release_device": "End a device's isolation";
    "/devices/{deviceId}/release", "Machine.Isolate";
    Unisolate by "unisolate"
}

plain! {
    /// `POST /machines/{id}/collectInvestigationPackage`. `get_package_uri` and `save_package` get at the result.
    /// <https://learn.microsoft.com/defender-endpoint/api/collect-investigation-package>
    CollectPackage
    "collect_package": "Have a device gather an investigation package";
    "/devices/{deviceId}/package", "Machine.CollectForensics";
    CollectInvestigationPackage by "collectInvestigationPackage"
}

plain! {
    /// `POST /machines/{id}/restrictCodeExecution`: only what Microsoft signed may run.
    /// <https://learn.microsoft.com/defender-endpoint/api/restrict-code-execution>
    RestrictApps
    "restrict_apps": "Let a device run only what Microsoft signed";
    "/devices/{deviceId}/restrict-apps", "Machine.RestrictExecution";
    RestrictCodeExecution by "restrictCodeExecution"
}

plain! {
    /// `POST /machines/{id}/unrestrictCodeExecution`. <https://learn.microsoft.com/defender-endpoint/api/unrestrict-code-execution>
    UnrestrictApps
    "unrestrict_apps": "Let a restricted device run everything again";
    "/devices/{deviceId}/unrestrict-apps", "Machine.RestrictExecution";
    UnrestrictCodeExecution by "unrestrictCodeExecution"
}

plain! {
    /// `POST /machines/{id}/offboard`: stops the sensor of a Windows device; nothing here can start it again.
    /// <https://learn.microsoft.com/defender-endpoint/api/offboard-machine-api>
    OffboardDevice
    "offboard_device": "Take a device out of Defender for Endpoint";
    "/devices/{deviceId}/offboard", "Machine.Offboard";
    Offboard by "offboard"
}

/// How thorough a scan is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[schemars(extend("default" = "Quick"))]
enum ScanType {
    #[default]
    #[serde(alias = "quick")]
    Quick,
    #[serde(alias = "full")]
    Full,
}

/// `POST /machines/{id}/runAntiVirusScan`. <https://learn.microsoft.com/defender-endpoint/api/run-av-scan>
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScanDevice {
    device_id: DeviceId,
    comment: Comment,
    #[serde(default)]
    scan_type: ScanType,
    #[serde(default)]
    dry_run: DryRun,
}

impl Operation for ScanDevice {
    type Answers = Outcome<'static>;

    const NAME: &'static str = "scan_device";
    const SUMMARY: &'static str = "Run an antivirus scan on a device";
    const GROUP: Group = Group::Response;
    const ROUTE: (&'static str, &'static str) = ("POST", "/devices/{deviceId}/scan");
    const CHANGES: bool = true;
    const PERMISSIONS: Permissions = to(&["Machine.Scan"]);

    async fn run(self, call: &Call<'_>) -> Result<Answer> {
        let scope = match self.scan_type {
            ScanType::Quick => "Quick",
            ScanType::Full => "Full",
        };
        let desired = DesiredAction {
            device: self.device_id.as_str(),
            kind: Kind::RunAntiVirusScan,
            verb: "runAntiVirusScan",
            comment: comment(&self.comment)?,
            body: body(json!({ "ScanType": scope })),
            same: Same::Scope(scope),
            dry_run: self.dry_run.0,
        };
        respond(call, &desired).await
    }
}

/// `POST /machines/{id}/StopAndQuarantineFile`: not for files that Microsoft or a trusted publisher signed.
/// <https://learn.microsoft.com/defender-endpoint/api/stop-and-quarantine-file>
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct QuarantineFile {
    device_id: DeviceId,
    sha1: Sha1,
    comment: Comment,
    #[serde(default)]
    dry_run: DryRun,
}

impl Operation for QuarantineFile {
    type Answers = Outcome<'static>;

    const NAME: &'static str = "quarantine_file";
    const SUMMARY: &'static str = "Stop a file's processes on a device and quarantine it";
    const GROUP: Group = Group::Response;
    const ROUTE: (&'static str, &'static str) = ("POST", "/devices/{deviceId}/quarantine");
    const CHANGES: bool = true;
    const PERMISSIONS: Permissions = to(&["Machine.StopAndQuarantine"]);

    async fn run(self, call: &Call<'_>) -> Result<Answer> {
        let desired = DesiredAction {
            device: self.device_id.as_str(),
            kind: Kind::StopAndQuarantineFile,
            verb: "StopAndQuarantineFile",
            comment: comment(&self.comment)?,
            body: body(json!({ "Sha1": self.sha1.as_str() })),
            same: Same::File(self.sha1.as_str()),
            dry_run: self.dry_run.0,
        };
        respond(call, &desired).await
    }
}
