//! Live response: a session on a device that puts files there, runs scripts of the library, and gets files back.
//!
//! <https://learn.microsoft.com/defender-endpoint/api/run-live-response>

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    ids::DeviceId,
    response::{DryRun, body, comment, to},
    vocabulary::Comment,
};
use crate::{
    call::Call,
    error::{Error, Result},
    operation::{Answer, Group, Operation, Permissions},
    respond::{DesiredAction, Outcome, Same, history::Kind, respond},
};

/// A live-response command: `PutFile` (`FileName`), `RunScript` (`ScriptName`, perhaps `Args`) or `GetFile` (`Path`).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Command {
    #[serde(rename = "type")]
    kind: CommandType,
    params: Vec<Parameter>,
}

/// In the order in which a session runs them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
enum CommandType {
    PutFile,
    RunScript,
    GetFile,
}

#[derive(Debug, Deserialize, JsonSchema)]
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
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RunLiveResponse {
    device_id: DeviceId,
    /// In the order that a session runs them: `PutFile`, `RunScript`, `GetFile`.
    #[schemars(length(min = 1))]
    commands: Vec<Command>,
    comment: Comment,
    #[serde(default)]
    dry_run: DryRun,
}

impl Operation for RunLiveResponse {
    type Answers = Outcome<'static>;

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
        let desired = DesiredAction {
            device: self.device_id.as_str(),
            kind: Kind::LiveResponse,
            verb: "runliveresponse",
            comment: comment(&self.comment)?,
            body: body(json!({ "Commands": commands })),
            same: Same::Commands(&commands),
            dry_run: self.dry_run.0,
        };
        respond(call, &desired).await
    }
}
