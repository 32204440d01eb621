//! One call's attempt at an action: its turn, its look, the one request, and the looks for what became of it.

use std::time::Duration;

use http::Method;
use serde_json::{Map, Value};

use super::{
    DesiredAction, Found, Outcome, Request, already_requested, answer, guard,
    history::{self, MachineAction},
    lease::Lease,
    requested,
};
use crate::{
    call::{Call, Lost, Sent},
    error::{Code, Error, Result},
    operation::Answer,
    time::Timestamp,
};

/// How far Microsoft's clocks may disagree about when an action was made.
const CLOCKS: jiff::SignedDuration = jiff::SignedDuration::from_mins(10);

/// The waits between looks for an action that the lists may show late.
pub const LOOKS: [Duration; 4] = [
    Duration::from_millis(200),
    Duration::from_millis(800),
    Duration::from_secs(2),
    Duration::from_secs(4),
];

pub struct Attempt<'a> {
    call: &'a Call<'a>,
    desired: &'a DesiredAction<'a>,
    /// The turns that were taken, in their order.
    leases: Vec<Lease<'a>>,
    /// Whether something may have been accepted that Microsoft's list does not show, so that nobody else should look yet.
    unlisted: bool,
}

impl<'a> Attempt<'a> {
    pub fn new(call: &'a Call<'a>, desired: &'a DesiredAction<'a>) -> Self {
        Self {
            call,
            desired,
            leases: Vec::new(),
            unlisted: false,
        }
    }

    pub async fn make(&mut self) -> Result<Answer> {
        let (call, desired) = (self.call, self.desired);
        self.take_turn(|| format!("device {}", desired.device))
            .await?;
        if !desired.dry_run {
            call.will_change();
        }
        let (actions, now) = history::of_device(call, desired.device, desired.kind).await?;
        match desired.judge(actions, now) {
            Found::Hindrance(action) => return Err(desired.conflict(&action)),
            Found::Same(action) if desired.dry_run => return Ok(answer("dryRun", &action)),
            Found::Same(action) => return Ok(self.adopt(&action)),
            Found::Nothing => {}
        }
        guard::check_tags(call, desired.device).await?;
        if call.app.config.guards.max_actions_per_hour.is_some() {
            // Callers for different devices share the ceiling.
            let (kind, tenant) = (desired.kind.name(), call.tenant.as_str());
            self.take_turn(|| format!("ceiling of {kind} in {tenant}"))
                .await?;
            guard::check_ceiling(call, desired.kind, now).await?;
        }
        self.send(now).await
    }

    fn adopt(&self, action: &MachineAction) -> Answer {
        self.call.trace.adopted();
        already_requested(action)
    }

    /// Waits for its turn, where there is a table to take turns by. A dry run changes nothing, so it needs none.
    async fn take_turn(&mut self, key: impl FnOnce() -> String) -> Result<()> {
        let table = self.call.app.config.leases.as_ref();
        if let Some(table) = table.filter(|_| !self.desired.dry_run) {
            self.leases
                .push(Lease::take(self.call, table, key()).await?);
        }
        Ok(())
    }

    /// Others may go on at once, or when what may have been accepted has had the time to be listed.
    pub async fn give_back_leases(self) {
        for lease in self.leases.into_iter().rev() {
            match self.unlisted {
                false => lease.release(self.call).await,
                true => lease.keep_a_while(self.call).await,
            }
        }
    }

    async fn send(&mut self, now: Timestamp) -> Result<Answer> {
        let (call, desired) = (self.call, self.desired);
        let mark = format!("{}/{:08x}", call.invocation.request_id, fastrand::u32(..));
        let path = ["machines", desired.device, desired.verb];
        let body = body(desired, &mark);
        if desired.dry_run {
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
        match sent {
            Ok(Sent::Answered(action)) => {
                self.unlisted = true;
                // An equal action that was pending may be answered in place of a new one.
                let is_new = action.mentions(&mark);
                if is_new {
                    call.trace.requested();
                }
                self.see_in_list(&action, now).await?;
                match is_new {
                    true => Ok(requested(&action)),
                    false if desired.is_same(&action) => Ok(self.adopt(&action)),
                    false => Err(desired.conflict(&action)),
                }
            }
            Ok(Sent::Lost(lost)) => {
                self.unlisted = true;
                // It may have been accepted, whatever the looks show.
                call.trace.requested();
                self.look_for_lost(&mark, now, lost).await
            }
            Err(error) if error.code() == Code::Conflict => {
                self.unlisted = true;
                self.look_for_pending(error).await
            }
            Err(error) => Err(error),
        }
    }

    /// Waits a while until the list shows what was accepted: whoever looks next must see it. On the way, an opposite action that
    /// was accepted at the same time shows, which only callers without leases, and the portal, can bring about.
    async fn see_in_list(&mut self, sent: &MachineAction, looked: Timestamp) -> Result<()> {
        let (call, desired) = (self.call, self.desired);
        let mut waits = LOOKS.into_iter();
        loop {
            let since = looked - CLOCKS;
            let seen = history::made_since(call, desired.device, desired.kind, since).await;
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
            self.unlisted = !actions.iter().any(|action| action.id() == sent.id());
            let is_other = |action: &&MachineAction| {
                action.id() != sent.id() && desired.is_hindered_by(action)
            };
            if let Some(other) = actions.iter().find(is_other) {
                return Err(self.met(sent, other));
            }
            match waits.next().filter(|_| self.unlisted) {
                Some(wait) if call.invocation.deadline.wait(wait).await => {}
                _ => return Ok(()),
            }
        }
    }

    fn met(&self, sent: &MachineAction, other: &MachineAction) -> Error {
        let detail = format!(
            "{} was accepted on {}, but {} was accepted at the same time, and which one is done last is not known. Cancel one of \
             them (cancel_action).",
            sent.title(),
            self.desired.device,
            other.title()
        );
        let error = Error::new(Code::Conflict, detail);
        match self.leases.is_empty() {
            true => error.advise("LEASE_TABLE would have made the callers take turns."),
            false => error,
        }
    }

    /// Microsoft refused because one is in progress already: the one that is asked for, or another.
    async fn look_for_pending(&mut self, refusal: Error) -> Result<Answer> {
        let (call, desired) = (self.call, self.desired);
        for wait in LOOKS {
            if !call.invocation.deadline.wait(wait).await {
                break;
            }
            let (actions, now) = history::of_device(call, desired.device, desired.kind).await?;
            let found = desired.judge(actions, now);
            self.unlisted = matches!(found, Found::Nothing);
            match found {
                Found::Same(action) => return Ok(self.adopt(&action)),
                Found::Hindrance(action) => return Err(desired.conflict(&action)),
                Found::Nothing => {}
            }
        }
        Err(refusal.advise(
            "The list of actions does not show which. Look in the portal's action center, then repeat.",
        ))
    }

    /// The answer was lost: its mark tells the action apart from all others.
    async fn look_for_lost(&mut self, mark: &str, looked: Timestamp, lost: Lost) -> Result<Answer> {
        let (call, desired) = (self.call, self.desired);
        let (mut has_looked, mut same) = (false, None);
        for wait in LOOKS {
            if !call.invocation.deadline.wait(wait).await {
                break;
            }
            let since = looked - CLOCKS;
            let seen = history::made_since(call, desired.device, desired.kind, since).await;
            let mut actions = match seen {
                Ok(actions) => actions,
                Err(error) => {
                    let seen = format!("Looking for it failed too: {error} {REPEAT}");
                    return Err(lost.unsettled(&seen));
                }
            };
            has_looked = true;
            if let Some(action) = actions.iter().find(|action| action.mentions(mark)) {
                self.unlisted = false;
                return Ok(requested(action));
            }
            let is_same = |action: &MachineAction| action.is_under_way() && desired.is_same(action);
            same = actions
                .iter()
                .position(is_same)
                .map(|at| actions.swap_remove(at));
        }
        match same {
            Some(action) => Ok(self.adopt(&action)),
            None if has_looked => Err(lost.unsettled(&format!(
                "No action with its mark ({mark}) is listed so far. {REPEAT}"
            ))),
            None => Err(lost.unsettled(&format!("There was no time left to look. {REPEAT}"))),
        }
    }
}

const REPEAT: &str = "Look at the device's actions (list_actions) before repeating it.";

/// The body, with the mark in the comment.
fn body(desired: &DesiredAction<'_>, mark: &str) -> Map<String, Value> {
    let comment = format!("{} [defender-functions {mark}]", desired.comment);
    let mut body = desired.body.clone();
    body.insert("Comment".to_owned(), comment.into());
    body
}
