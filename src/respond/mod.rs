//! Response actions that can be trusted: looked for first, sent once, adopted where they are under way already, looked up where
//! their answer is lost, and never sent blindly again.
//!
//! Microsoft's API has no idempotency key, answers an equal action now with the pending one and now with 400, and lets a release that
//! was asked for after an isolation be done before it: <https://learn.microsoft.com/defender-endpoint/api/machineaction>.

mod guard;
pub mod history;
mod lease;

use std::time::Duration;

use http::Method;
use serde::Serialize;
use serde_json::{Map, Value, value::RawValue};

use crate::{
    call::{Call, Lost, Sent},
    error::{Code, Error, Result},
    operation::Answer,
    time::Timestamp,
};
use history::{Kind, MachineAction};
use lease::Lease;

/// An isolation that succeeded so long ago still holds, as does its release, unless the opposite succeeded since.
const STILL_HOLDS: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);

/// How far Microsoft's clocks may disagree about when an action was made.
const CLOCKS: jiff::SignedDuration = jiff::SignedDuration::from_mins(10);

/// The waits between looks for an action that the lists may show late.
const LOOKS: [Duration; 4] = [
    Duration::from_millis(200),
    Duration::from_millis(800),
    Duration::from_secs(2),
    Duration::from_secs(4),
];

/// What is to be done, to which device.
#[derive(Debug)]
pub struct Wish<'a> {
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

impl Wish<'_> {
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
        let mut latest: Option<MachineAction> = None;
        let mut same = None;
        for action in actions {
            if self.is_hindered_by(&action) {
                return Found::Hindrance(action);
            }
            if action.is_under_way() {
                if self.is_same(&action) {
                    same = Some(action);
                }
            } else if action.status == history::Status::Succeeded
                && latest.as_ref().is_none_or(|latest| latest.at <= action.at)
            {
                latest = Some(action);
            }
        }
        let holds = |done: &MachineAction| {
            let recent = done
                .at
                .is_some_and(|at| now.duration_since(at) <= STILL_HOLDS);
            self.kind.opposite().is_some() && self.is_same(done) && recent
        };
        match same.or(latest.filter(holds)) {
            Some(action) => Found::Same(action),
            None => Found::Nothing,
        }
    }

    fn conflict(&self, action: &MachineAction) -> Error {
        let detail = format!(
            "{} is under way on {}. Wait until it has ended (get_action), or cancel it (cancel_action), then repeat. Nothing was \
             sent.",
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
#[derive(Serialize)]
struct Outcome<'a> {
    /// `requested`, `alreadyRequested` or `dryRun`.
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<&'a RawValue>,
    /// What a dry run would have sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<Request<'a>>,
}

#[derive(Serialize)]
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

/// The action that a change brought about, or that was there already.
pub fn requested(action: &MachineAction) -> Answer {
    answer("requested", action)
}

/// The action that was there already.
pub fn already_requested(action: &MachineAction) -> Answer {
    answer("alreadyRequested", action)
}

/// Sees to it that the action is under way, by sending it at most once, and answers with it.
pub async fn respond(call: &Call<'_>, wish: &Wish<'_>) -> Result<Answer> {
    let mut listed = true;
    let table = call.app.config.leases.as_ref().filter(|_| !wish.dry_run);
    let Some(table) = table else {
        return act(call, wish, &mut listed).await;
    };
    let lease = Lease::take(call, table, format!("device {}", wish.device)).await?;
    let outcome = act(call, wish, &mut listed).await;
    if listed {
        lease.release(call).await;
    }
    outcome
}

/// `listed` tells at the end whether Microsoft's list shows all that may have been accepted, so that others may look.
async fn act(call: &Call<'_>, wish: &Wish<'_>, listed: &mut bool) -> Result<Answer> {
    let (actions, now) = history::of_device(call, wish.device, wish.kind).await?;
    match wish.judge(actions, now) {
        Found::Hindrance(action) => return Err(wish.conflict(&action)),
        Found::Same(action) if wish.dry_run => return Ok(answer("dryRun", &action)),
        Found::Same(action) => return Ok(already_requested(&action)),
        Found::Nothing => {}
    }
    guard::check_tags(call, wish).await?;
    let limited = call.app.config.guards.max_actions_per_hour.is_some() && !wish.dry_run;
    let table = call.app.config.leases.as_ref().filter(|_| limited);
    let Some(table) = table else {
        guard::check_ceiling(call, wish, now).await?;
        return send(call, wish, now, listed).await;
    };
    // Callers for different devices share the ceiling, so they take turns too.
    let key = format!(
        "ceiling of {} in {}",
        wish.kind.name(),
        call.tenant.as_str()
    );
    let turn = Lease::take(call, table, key).await?;
    let outcome = match guard::check_ceiling(call, wish, now).await {
        Ok(()) => send(call, wish, now, listed).await,
        Err(error) => Err(error),
    };
    turn.release(call).await;
    outcome
}

async fn send(
    call: &Call<'_>,
    wish: &Wish<'_>,
    now: Timestamp,
    listed: &mut bool,
) -> Result<Answer> {
    let mark = format!("{}/{:08x}", call.invocation.request_id, fastrand::u32(..));
    let mut body = wish.body.clone();
    let comment = format!("{} [defender-functions {mark}]", wish.comment);
    body.insert("Comment".to_owned(), comment.into());
    let path = ["machines", wish.device, wish.verb];
    if wish.dry_run {
        return Ok(Answer::of(&Outcome {
            outcome: "dryRun",
            action: None,
            request: Some(Request {
                method: "POST",
                path: format!("/api/{}", path.join("/")),
                body: &body,
            }),
        }));
    }
    let sent = call
        .change::<MachineAction>(Method::POST, &path, &body)
        .await;
    *listed = false;
    match sent {
        Ok(Sent::Answered(action)) => {
            see_in_list(call, wish, &action, now, listed).await?;
            // An equal action that was pending may be answered in place of a new one.
            Ok(match action.mentions(&mark) {
                true => requested(&action),
                false => already_requested(&action),
            })
        }
        Ok(Sent::Lost(lost)) => look_for_lost(call, wish, &mark, now, lost, listed).await,
        Err(error) if error.code() == Code::Conflict => {
            look_for_pending(call, wish, error, listed).await
        }
        Err(error) => {
            *listed = true;
            Err(error)
        }
    }
}

/// Waits a while until the list shows what was accepted: whoever looks next must see it. On the way, an opposite action that was
/// accepted at the same time shows, which only callers without leases, and the portal, can bring about.
async fn see_in_list(
    call: &Call<'_>,
    wish: &Wish<'_>,
    sent: &MachineAction,
    looked: Timestamp,
    listed: &mut bool,
) -> Result<()> {
    let mut waits = LOOKS.into_iter();
    loop {
        let seen = history::made_since(call, wish.device, wish.kind, looked - CLOCKS).await;
        let actions = match seen {
            Ok(actions) => actions,
            Err(error) => {
                tracing::warn!(
                    code = error.code().name(),
                    "the action was accepted; whether the list shows it could not be seen: {error}"
                );
                return Ok(());
            }
        };
        let is_other =
            |action: &&MachineAction| action.id != sent.id && wish.is_hindered_by(action);
        if let Some(other) = actions.iter().find(is_other) {
            let detail = format!(
                "{} was accepted on {}, but {} was accepted at the same time, and which one is done last is not known. Cancel one \
                 of them (cancel_action). LEASE_TABLE makes the callers of these functions take turns.",
                sent.title(),
                wish.device,
                other.title()
            );
            return Err(Error::new(Code::Conflict, detail));
        }
        *listed = actions.iter().any(|action| action.id == sent.id);
        let wait = waits.next().filter(|_| !*listed);
        match wait {
            Some(wait) if call.invocation.deadline.leaves_room_after(wait) => {
                tokio::time::sleep(wait).await
            }
            _ => return Ok(()),
        }
    }
}

/// Microsoft refused because one is in progress already: the one that is asked for, or another.
async fn look_for_pending(
    call: &Call<'_>,
    wish: &Wish<'_>,
    refusal: Error,
    listed: &mut bool,
) -> Result<Answer> {
    for wait in LOOKS {
        if !call.invocation.deadline.leaves_room_after(wait) {
            break;
        }
        tokio::time::sleep(wait).await;
        let (actions, now) = history::of_device(call, wish.device, wish.kind).await?;
        let found = wish.judge(actions, now);
        *listed = !matches!(found, Found::Nothing);
        match found {
            Found::Same(action) => return Ok(already_requested(&action)),
            Found::Hindrance(action) => return Err(wish.conflict(&action)),
            Found::Nothing => {}
        }
    }
    Err(refusal.advise(
        "The list of actions does not show which. Look in the portal's action center, then repeat.",
    ))
}

/// The answer was lost: its mark tells the action apart from all others.
async fn look_for_lost(
    call: &Call<'_>,
    wish: &Wish<'_>,
    mark: &str,
    looked: Timestamp,
    lost: Lost,
    listed: &mut bool,
) -> Result<Answer> {
    let since = looked - CLOCKS;
    let mut same = None;
    for wait in LOOKS {
        if !call.invocation.deadline.leaves_room_after(wait) {
            break;
        }
        tokio::time::sleep(wait).await;
        let mut actions = match history::made_since(call, wish.device, wish.kind, since).await {
            Ok(actions) => actions,
            Err(error) => {
                return Err(lost.unsettled(&format!("Looking for it failed too: {error} {REPEAT}")));
            }
        };
        if let Some(action) = actions.iter().find(|action| action.mentions(mark)) {
            *listed = true;
            return Ok(requested(action));
        }
        let is_same = |action: &MachineAction| action.is_under_way() && wish.is_same(action);
        same = actions
            .iter()
            .position(is_same)
            .map(|at| actions.swap_remove(at));
    }
    if let Some(action) = same {
        return Ok(already_requested(&action));
    }
    Err(lost.unsettled(&format!(
        "No action with its mark ({mark}) is listed so far. {REPEAT}"
    )))
}

const REPEAT: &str = "Look at the device's actions (list_actions) before repeating it.";
