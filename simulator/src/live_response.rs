//! The commands of a live response: what they must say, and how they go.

use serde::Serialize;
use serde_json::Value;

use crate::action::Status;

/// A command's type, the parameters that it must have, and those that it may have.
const TYPES: &[(&str, &[&str], &[&str])] = &[
    ("PutFile", &["FileName"], &[]),
    ("RunScript", &["ScriptName"], &["Args"]),
    ("GetFile", &["Path"], &[]),
];

/// A command of a live response and how it went.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Command {
    /// `{"type":"GetFile","params":[{"key":"Path","value":"..."}]}`, as it was sent.
    pub command: Value,
    /// `Created`, `Completed` or `Failed`.
    pub status: String,
    /// Ticks, as all instants of an action.
    pub started: Option<i64>,
    pub ended: Option<i64>,
    pub errors: Vec<String>,
}

impl Command {
    /// A command that was not run yet, or `None` if it is not one that is documented.
    pub(crate) fn new(command: Value) -> Option<Command> {
        let command = Command {
            command,
            status: "Created".into(),
            started: None,
            ended: None,
            errors: Vec::new(),
        };
        let (_, required, optional) = TYPES.iter().find(|(name, ..)| *name == command.kind())?;
        let params = command.command["params"].as_array()?;
        let known = params.iter().all(|param| {
            let key = param["key"].as_str().unwrap_or_default();
            param["value"].is_string() && (required.contains(&key) || optional.contains(&key))
        });
        let complete = required.iter().all(|key| command.param(key).is_some());
        (known && complete).then_some(command)
    }

    pub(crate) fn kind(&self) -> &str {
        self.command["type"].as_str().unwrap_or_default()
    }

    pub(crate) fn param(&self, key: &str) -> Option<&str> {
        let params = self.command["params"].as_array()?;
        let param = params.iter().find(|param| param["key"] == key)?;
        param["value"].as_str()
    }

    fn end(&mut self, at: i64, error: Option<String>) {
        let status = if error.is_some() {
            "Failed"
        } else {
            "Completed"
        };
        self.status = status.into();
        (self.started, self.ended) = (Some(at), Some(at));
        self.errors.extend(error);
    }
}

/// Runs commands that are to end so, and answers how they do: a script or file that the library lacks fails its command,
/// and a failed command stops the rest.
pub(crate) fn run(
    commands: &mut [Command],
    fate: Status,
    at: i64,
    in_library: impl Fn(&str) -> bool,
) -> Status {
    if fate == Status::Cancelled {
        return fate;
    }
    for command in commands {
        let file = command.param("ScriptName").or(command.param("FileName"));
        let missing = file.filter(|name| !in_library(name));
        let error = match (fate, missing) {
            (Status::Succeeded, None) => None,
            (Status::Succeeded, Some(name)) => Some(format!("{name} is not in the library")),
            (Status::TimeOut, _) => Some("The command timed out".to_owned()),
            _ => Some("As asked of the simulator".to_owned()),
        };
        let failed = error.is_some();
        command.end(at, error);
        if failed {
            return if fate == Status::Succeeded {
                Status::Failed
            } else {
                fate
            };
        }
    }
    fate
}
