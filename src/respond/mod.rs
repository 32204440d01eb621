//! Response actions that can be trusted: looked for first, sent once, adopted where they are under way already, looked up where
//! their answer is lost, and never sent blindly again.
//!
//! Microsoft's API has no idempotency key, answers an equal action now with the pending one and now with 400, and lets a release that
//! was asked for after an isolation be done before it: <https://learn.microsoft.com/defender-endpoint/api/machineaction>.

mod attempt;
mod guard;
pub mod history;
mod lease;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, value::RawValue};

use crate::{
    call::Call,
    error::{Code, Error, Result},
    operation::Answer,
    operations::answers,
    time::Timestamp,
};
use attempt::Attempt;
use history::{Kind, MachineAction, Status};

pub use attempt::LOOKS;
pub use guard::check_tags;

/// So long an isolation that succeeded is taken to hold, and its release, if nothing was tried since. Devices are also reimaged, or
/// released by hand, which no list tells: after that it is asked for anew.
const STILL_HOLDS: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);

/// What is to be done, to which device.
#[derive(Debug)]
pub struct DesiredAction<'a> {
    pub device: &'a str,
    pub kind: Kind,
    /// The last segment of the request's path.
    pub verb: &'static str,
    pub comment: &'a str,
    /// What the body says besides the comment, in the documented letter case.
    pub body: Map<String, Value>,
    pub same: Same<'a>,
    /// Look and check, but send nothing.
    pub dry_run: bool,
}

/// What makes another action of the same kind the same action.
#[derive(Clone, Copy, Debug)]
pub enum Same<'a> {
    /// One under way is as good as another.
    Kind,
    /// Isolations and scans come in scopes; of two, the device cannot do both at once.
    Scope(&'a str),
    /// Files are quarantined independently of each other.
    File(&'a str),
    /// One live-response session runs at a time.
    Commands(&'a [Value]),
}

impl DesiredAction<'_> {
    fn is_same(&self, action: &MachineAction) -> bool {
        action.is(self.kind)
            && match self.same {
                Same::Kind => true,
                Same::Scope(scope) => action.has_scope(scope),
                Same::File(sha1) => action.has_file(sha1),
                Same::Commands(commands) => action.has_commands(commands),
            }
    }

    /// Whether it has to wait for that action to end.
    fn is_hindered_by(&self, action: &MachineAction) -> bool {
        action.is_under_way()
            && (self.kind.opposite().is_some_and(|kind| action.is(kind))
                || action.is(self.kind) && !matches!(self.same, Same::File(_)))
            && !self.is_same(action)
    }

    /// What the look at the device's actions says.
    fn judge(&self, actions: Vec<MachineAction>, now: Timestamp) -> Found {
        let (mut same, mut last): (_, Option<MachineAction>) = (None, None);
        for action in actions {
            if self.is_hindered_by(&action) {
                return Found::Hindrance(action);
            }
            if !action.is_under_way() {
                if last.as_ref().is_none_or(|last| last.at <= action.at) {
                    last = Some(action);
                }
            } else if self.is_same(&action) {
                same = Some(action);
            }
        }
        // One that timed out or failed may have been done all the same: after it, nothing is known to hold.
        let holds = |last: &MachineAction| {
            let is_recent = last
                .at
                .is_some_and(|at| now.duration_since(at) <= STILL_HOLDS);
            self.kind.opposite().is_some()
                && last.status == Status::Succeeded
                && self.is_same(last)
                && is_recent
        };
        match same.or(last.filter(holds)) {
            Some(action) => Found::Same(action),
            None => Found::Nothing,
        }
    }

    fn conflict(&self, action: &MachineAction) -> Error {
        let detail = format!(
            "{} is under way on {}. Wait until it has ended (get_action), or cancel it (cancel_action), then repeat. This \
             call changed nothing.",
            action.title(),
            self.device
        );
        Error::new(Code::Conflict, detail)
    }
}

/// What a look shows.
enum Found {
    /// It is under way, or done and still true.
    Same(MachineAction),
    Hindrance(MachineAction),
    Nothing,
}

/// The answer of a response action.
#[derive(Serialize, JsonSchema)]
pub struct Outcome<'a> {
    /// `requested`, `alreadyRequested` or `dryRun`.
    outcome: &'static str,
    /// The action that this brought about, or that was there already.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<answers::MachineAction>")]
    action: Option<&'a RawValue>,
    /// What a dry run would have sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<Request<'a>>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DryRunRequest")]
struct Request<'a> {
    method: &'static str,
    path: String,
    body: &'a Map<String, Value>,
}

fn answer(outcome: &'static str, action: &MachineAction) -> Answer {
    Answer::of(&Outcome {
        outcome,
        action: Some(action.json()),
        request: None,
    })
}

/// The action that a change brought about.
pub fn requested(action: &MachineAction) -> Answer {
    answer("requested", action)
}

/// The action that was there already.
pub fn already_requested(action: &MachineAction) -> Answer {
    answer("alreadyRequested", action)
}

/// Sees to it that the action is under way, by sending it at most once, and answers with it.
pub async fn respond(call: &Call<'_>, desired: &DesiredAction<'_>) -> Result<Answer> {
    let mut attempt = Attempt::new(call, desired);
    let outcome = attempt.make().await;
    attempt.give_back_leases().await;
    outcome
}
