//! Response: what Defender for Endpoint does to a device when it is told to. Each of these is looked for first and sent at most once.
//!
//! <https://learn.microsoft.com/defender-endpoint/api/machineaction>. An answer means that Microsoft has accepted the action, not that
//! the device has done it: ask `get_action`, or let the workflow `respond-and-confirm` wait.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    ids::{DeviceId, Sha1},
    vocabulary::Comment,
};
use crate::{
    call::Call,
    error::{Error, Result},
    operation::{Answer, Group, Operation, Permissions},
    respond::{Same, Wish, history::Kind, respond},
};

/// The permission of an action, and that of looking at the device and its actions.
const fn to(act: &'static [&'static str]) -> Permissions {
    Permissions::endpoint(act).and(&["Machine.Read.All", "Machine.ReadWrite.All"])
}

/// The longest comment. Microsoft tells of no limit; its mark at the end must not be cut off.
const LONGEST_COMMENT: usize = 1_000;

fn comment(comment: &Comment) -> Result<&str> {
    match comment.0.chars().count() {
        0..=LONGEST_COMMENT => Ok(&comment.0),
        _ => Err(Error::field(
            "comment",
            format_args!("it is longer than {LONGEST_COMMENT} characters"),
        )),
    }
}

fn body(fields: Value) -> Map<String, Value> {
    match fields {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// How much of the network an isolated device keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
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
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IsolateDevice {
    device_id: DeviceId,
    comment: Comment,
    #[serde(default)]
    isolation_type: IsolationType,
    #[serde(default)]
    dry_run: bool,
}

impl Operation for IsolateDevice {
    const NAME: &'static str = "isolate_device";
    const SUMMARY: &'static str = "Cut a device off from the network, but not from Defender";
    const GROUP: Group = Group::Response;
    const ROUTE: (&'static str, &'static str) = ("POST", "/devices/{deviceId}/isolate");
    const CHANGES: bool = true;
    const PERMISSIONS: Permissions = to(&["Machine.Isolate"]);

    async fn run(self, call: &Call<'_>) -> Result<Answer> {
        let scope = self.isolation_type.name();
        let wish = Wish {
            device: self.device_id.as_str(),
            kind: Kind::Isolate,
            verb: "isolate",
            comment: comment(&self.comment)?,
            body: body(json!({ "IsolationType": scope })),
            same: Same::Scope(scope),
            dry_run: self.dry_run,
        };
        respond(call, &wish).await
    }
}

/// An action that takes nothing but the device and a comment.
macro_rules! plain {
    ($(#[$doc:meta])* $name:ident = $operation:literal, $summary:literal, $route:literal, $permission:literal, $kind:ident, $verb:literal) => {
        $(#[$doc])*
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub struct $name {
            device_id: DeviceId,
            comment: Comment,
            #[serde(default)]
            dry_run: bool,
        }

        impl Operation for $name {
            const NAME: &'static str = $operation;
            const SUMMARY: &'static str = $summary;
            const GROUP: Group = Group::Response;
            const ROUTE: (&'static str, &'static str) = ("POST", $route);
            const CHANGES: bool = true;
            const PERMISSIONS: Permissions = to(&[$permission]);

            async fn run(self, call: &Call<'_>) -> Result<Answer> {
                let wish = Wish {
                    device: self.device_id.as_str(),
                    kind: Kind::$kind,
                    verb: $verb,
                    comment: comment(&self.comment)?,
                    body: Map::new(),
                    same: Same::Kind,
                    dry_run: self.dry_run,
                };
                respond(call, &wish).await
            }
        }
    };
}

plain! {
    /// `POST /machines/{id}/unisolate`. <https://learn.microsoft.com/defender-endpoint/api/unisolate-machine>
    ReleaseDevice = "release_device", "End a device's isolation", "/devices/{deviceId}/release",
    "Machine.Isolate", Unisolate, "unisolate"
}

plain! {
    /// `POST /machines/{id}/collectInvestigationPackage`. `get_package_uri` and `save_package` get at the result.
    /// <https://learn.microsoft.com/defender-endpoint/api/collect-investigation-package>
    CollectPackage = "collect_package", "Have a device gather an investigation package", "/devices/{deviceId}/package",
    "Machine.CollectForensics", CollectInvestigationPackage, "collectInvestigationPackage"
}

plain! {
    /// `POST /machines/{id}/restrictCodeExecution`: only what Microsoft signed may run.
    /// <https://learn.microsoft.com/defender-endpoint/api/restrict-code-execution>
    RestrictApps = "restrict_apps", "Let a device run only what Microsoft signed", "/devices/{deviceId}/restrict-apps",
    "Machine.RestrictExecution", RestrictCodeExecution, "restrictCodeExecution"
}

plain! {
    /// `POST /machines/{id}/unrestrictCodeExecution`. <https://learn.microsoft.com/defender-endpoint/api/unrestrict-code-execution>
    UnrestrictApps = "unrestrict_apps", "Let a restricted device run everything again", "/devices/{deviceId}/unrestrict-apps",
    "Machine.RestrictExecution", UnrestrictCodeExecution, "unrestrictCodeExecution"
}

plain! {
    /// `POST /machines/{id}/offboard`: stops the sensor of a Windows device; nothing here can start it again.
    /// <https://learn.microsoft.com/defender-endpoint/api/offboard-machine-api>
    OffboardDevice = "offboard_device", "Take a device out of Defender for Endpoint", "/devices/{deviceId}/offboard",
    "Machine.Offboard", Offboard, "offboard"
}

/// How thorough a scan is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
enum ScanType {
    #[default]
    #[serde(alias = "quick")]
    Quick,
    #[serde(alias = "full")]
    Full,
}

/// `POST /machines/{id}/runAntiVirusScan`. <https://learn.microsoft.com/defender-endpoint/api/run-av-scan>
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScanDevice {
    device_id: DeviceId,
    comment: Comment,
    #[serde(default)]
    scan_type: ScanType,
    #[serde(default)]
    dry_run: bool,
}

impl Operation for ScanDevice {
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
        let wish = Wish {
            device: self.device_id.as_str(),
            kind: Kind::RunAntiVirusScan,
            verb: "runAntiVirusScan",
            comment: comment(&self.comment)?,
            body: body(json!({ "ScanType": scope })),
            same: Same::Scope(scope),
            dry_run: self.dry_run,
        };
        respond(call, &wish).await
    }
}

/// `POST /machines/{id}/StopAndQuarantineFile`: not for files that Microsoft or a trusted publisher signed.
/// <https://learn.microsoft.com/defender-endpoint/api/stop-and-quarantine-file>
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct QuarantineFile {
    device_id: DeviceId,
    sha1: Sha1,
    comment: Comment,
    #[serde(default)]
    dry_run: bool,
}

impl Operation for QuarantineFile {
    const NAME: &'static str = "quarantine_file";
    const SUMMARY: &'static str = "Stop a file's processes on a device and quarantine it";
    const GROUP: Group = Group::Response;
    const ROUTE: (&'static str, &'static str) = ("POST", "/devices/{deviceId}/quarantine");
    const CHANGES: bool = true;
    const PERMISSIONS: Permissions = to(&["Machine.StopAndQuarantine"]);

    async fn run(self, call: &Call<'_>) -> Result<Answer> {
        let wish = Wish {
            device: self.device_id.as_str(),
            kind: Kind::StopAndQuarantineFile,
            verb: "StopAndQuarantineFile",
            comment: comment(&self.comment)?,
            body: body(json!({ "Sha1": self.sha1.as_str() })),
            same: Same::File(self.sha1.as_str()),
            dry_run: self.dry_run,
        };
        respond(call, &wish).await
    }
}

/// A live-response command: `PutFile` (`FileName`), `RunScript` (`ScriptName`, perhaps `Args`) or `GetFile` (`Path`).
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Command {
    #[serde(rename = "type")]
    kind: CommandType,
    params: Vec<Parameter>,
}

/// In the order in which a session runs them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
enum CommandType {
    PutFile,
    RunScript,
    GetFile,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameter {
    key: String,
    value: String,
}

impl CommandType {
    /// Its name, the parameter that it needs, and the one that it may have.
    fn facts(self) -> (&'static str, &'static str, Option<&'static str>) {
        match self {
            CommandType::PutFile => ("PutFile", "FileName", None),
            CommandType::RunScript => ("RunScript", "ScriptName", Some("Args")),
            CommandType::GetFile => ("GetFile", "Path", None),
        }
    }
}

impl Command {
    /// As the API takes it, and tells it again.
    fn json(&self) -> Result<Value> {
        let (name, needed, possible) = self.kind.facts();
        let known = |key: &str| key == needed || Some(key) == possible;
        let says = |key: &str| {
            self.params
                .iter()
                .filter(|parameter| parameter.key == key)
                .count()
        };
        let once = self.params.iter().all(|parameter| {
            known(&parameter.key) && says(&parameter.key) == 1 && !parameter.value.is_empty()
        });
        if says(needed) != 1 || !once {
            let possible = possible.map_or(String::new(), |key| format!(" and may have `{key}`"));
            let reason =
                format!("{name} needs the parameter `{needed}`{possible}, each once and not empty");
            return Err(Error::field("commands", reason));
        }
        let params: Vec<_> = self
            .params
            .iter()
            .map(|parameter| json!({ "key": parameter.key, "value": parameter.value }))
            .collect();
        Ok(json!({ "type": name, "params": params }))
    }
}

/// `POST /machines/{id}/runliveresponse`: 10 calls a minute, 25 sessions at once; a script may run for 10 minutes, a device that is
/// offline is waited for for up to 3 days, and a command that fails ends the session.
/// <https://learn.microsoft.com/defender-endpoint/api/run-live-response>
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RunLiveResponse {
    device_id: DeviceId,
    commands: Vec<Command>,
    comment: Comment,
    #[serde(default)]
    dry_run: bool,
}

impl Operation for RunLiveResponse {
    const NAME: &'static str = "run_live_response";
    const SUMMARY: &'static str =
        "Put files on a device, run scripts of the library, get files back";
    const GROUP: Group = Group::Response;
    const ROUTE: (&'static str, &'static str) = ("POST", "/devices/{deviceId}/live-response");
    const CHANGES: bool = true;
    const PERMISSIONS: Permissions = to(&["Machine.LiveResponse"]);

    async fn run(self, call: &Call<'_>) -> Result<Answer> {
        if self.commands.is_empty() || !self.commands.is_sorted_by_key(|command| command.kind) {
            let reason = "give at least one, in the order that a session runs them: PutFile, RunScript, GetFile";
            return Err(Error::field("commands", reason));
        }
        let commands: Vec<_> = self
            .commands
            .iter()
            .map(Command::json)
            .collect::<Result<_>>()?;
        let wish = Wish {
            device: self.device_id.as_str(),
            kind: Kind::LiveResponse,
            verb: "runliveresponse",
            comment: comment(&self.comment)?,
            body: body(json!({ "Commands": commands })),
            same: Same::Commands(&commands),
            dry_run: self.dry_run,
        };
        respond(call, &wish).await
    }
}
