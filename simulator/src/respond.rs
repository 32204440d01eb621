//! How actions are taken on, run by the clock and end, and what their success does to a device.

use std::time::Duration;

use crate::action::{
    Accepted, Action, ActionKind, Cancellation, Fate, Status, WhenInProgress, ticks,
};
use crate::device::{Device, Isolation};
use crate::live_response::{self, Command};
use crate::state::guid;
use crate::tenant::Tenant;
use crate::time;

/// What is asked of a device.
pub(crate) struct Asked {
    pub kind: ActionKind,
    pub machine_id: String,
    pub requestor: String,
    pub comment: String,
    pub external_id: Option<String>,
    pub scope: Option<String>,
    pub sha1: Option<String>,
    pub commands: Vec<Command>,
}

impl Tenant {
    /// The device with this id, or of this DNS name.
    pub fn device(&mut self, id_or_name: &str) -> Option<&mut Device> {
        self.devices.iter_mut().find(|device| {
            device.id.eq_ignore_ascii_case(id_or_name)
                || device.computer_dns_name.eq_ignore_ascii_case(id_or_name)
        })
    }

    /// The action with this id, whether the API shows it yet or not.
    pub fn action(&mut self, id: &str) -> Option<&mut Action> {
        self.actions
            .iter_mut()
            .find(|action| action.id.eq_ignore_ascii_case(id))
    }

    /// Every action that was taken on for a device, oldest first, whether the API shows it yet or not.
    pub fn history(&self, device_id: &str) -> Vec<Accepted> {
        let of_device = |action: &&Action| action.machine_id.eq_ignore_ascii_case(device_id);
        self.actions
            .iter()
            .filter(of_device)
            .map(Action::accepted)
            .collect()
    }

    /// Adds an action that was taken on so long ago and ended a second later; answers its id.
    ///
    /// # Panics
    /// If there is no such device, or `status` is no end.
    pub fn past_action(
        &mut self,
        kind: ActionKind,
        device_id: &str,
        ago: Duration,
        status: Status,
    ) -> String {
        assert!(!status.is_open(), "{status:?} is no end");
        let created = self.now - ticks(ago);
        let device = self.device(device_id);
        let device = device.unwrap_or_else(|| panic!("the tenant has no device {device_id}"));
        let action = Action::past(kind, device, created, created + time::SECOND, status);
        let id = action.id.clone();
        let later = |one: &Action| one.created > created;
        let at = self.actions.iter().position(later);
        self.actions
            .insert(at.unwrap_or(self.actions.len()), action);
        id
    }

    /// Ends an action now, whatever was to become of it. One that has ended stays as it is.
    ///
    /// # Panics
    /// If there is no such action, or `status` is no end.
    pub fn end_action(&mut self, id: &str, status: Status) {
        assert!(!status.is_open(), "{status:?} is no end");
        let now = self.now;
        let action = self.action(id);
        let action = action.unwrap_or_else(|| panic!("the tenant has no action {id}"));
        if action.status.is_open() {
            action.starts_at = action.starts_at.min(now);
            action.ends_at = now;
            action.fate = status;
        }
        self.settle(now);
    }

    /// Actions taken on from now on end like this, so long after their creation; all of them unless told how many:
    /// `tenant.next_actions_end(ActionKind::Isolate, Status::Failed, minute).times(1)`. Of several that fit an action, the
    /// one told first decides.
    ///
    /// # Panics
    /// If `status` is no end.
    pub fn next_actions_end(
        &mut self,
        kind: impl Into<Option<ActionKind>>,
        status: Status,
        after: Duration,
    ) -> &mut Fate {
        assert!(!status.is_open(), "{status:?} is no end");
        self.fates.push_mut(Fate {
            kind: kind.into(),
            status,
            after: Some(after),
            times: 0,
        })
    }

    /// Shows what has become visible, and brings every action to where it stands at `now`, in the order of their ends.
    pub(crate) fn settle(&mut self, now: i64) {
        self.now = now;
        self.reveal(now);
        for action in &mut self.actions {
            if action.status == Status::Pending && action.starts_at <= now {
                action.status = Status::InProgress;
                action.last_update = action.starts_at;
            }
        }
        let mut due: Vec<(i64, usize)> = self
            .actions
            .iter()
            .enumerate()
            .filter(|(_, action)| action.status.is_open() && action.ends_at <= now)
            .map(|(index, action)| (action.ends_at, index))
            .collect();
        due.sort_unstable();
        for (_, index) in due {
            self.end(index);
        }
    }

    fn end(&mut self, index: usize) {
        let action = &mut self.actions[index];
        let at = action.ends_at.max(action.created);
        action.status = action.fate;
        if action.kind == ActionKind::LiveResponse {
            let library = &self.library;
            let has = |name: &str| library.iter().any(|file| file.file_name == name);
            action.status = live_response::run(&mut action.commands, action.fate, at, has);
        }
        action.ended = Some(at);
        action.last_update = at;
        let done = (action.status == Status::Succeeded)
            .then(|| (action.machine_id.clone(), action.kind, action.scope.clone()));
        if let Some((id, kind, scope)) = done
            && let Some(device) = self.device(&id)
        {
            device.undergo(kind, scope.as_deref());
        }
    }

    /// Takes an action on. `None`: the same one is under way and the tenant refuses a second.
    pub(crate) fn take_on(&mut self, asked: Asked, stamp: i64) -> Option<&Action> {
        let same = self.actions.iter().position(|action| {
            action.kind == asked.kind
                && action.machine_id == asked.machine_id
                && action.status.is_open()
        });
        match (self.when_in_progress, same) {
            (WhenInProgress::Refuse, Some(_)) => return None,
            (WhenInProgress::ReturnPending, Some(index)) => return Some(&self.actions[index]),
            _ => {}
        }
        let now = self.now;
        let (status, after) = self.fate(asked.kind);
        let pace = self.action_pace;
        let pending = ticks(pace.pending);
        let length = after.map_or(pending + ticks(pace.running), ticks);
        let device = self.device(&asked.machine_id)?;
        let action = Action {
            id: guid(),
            kind: asked.kind,
            status: Status::Pending,
            computer_dns_name: device.computer_dns_name.clone(),
            machine_id: asked.machine_id,
            scope: asked.scope,
            requestor: asked.requestor,
            comment: asked.comment,
            external_id: asked.external_id,
            created: stamp,
            last_update: stamp,
            ended: None,
            cancellation: None,
            sha1: asked.sha1,
            commands: asked.commands,
            taken_on: now,
            starts_at: now + pending.min(length),
            ends_at: now + length,
            fate: status,
        };
        let index = self.actions.len();
        self.actions.push(action);
        self.settle(now);
        self.actions.get(index)
    }

    /// The end that the next action of this type meets; counts it.
    fn fate(&mut self, kind: ActionKind) -> (Status, Option<Duration>) {
        let fits = |fate: &Fate| fate.kind.is_none_or(|wanted| wanted == kind);
        let Some(index) = self.fates.iter().position(fits) else {
            return (Status::Succeeded, None);
        };
        let Fate { status, after, .. } = self.fates[index];
        match self.fates[index].times {
            0 => {}
            1 => drop(self.fates.remove(index)),
            more => self.fates[index].times = more - 1,
        }
        (status, after)
    }

    /// Cancels an action that has not ended; false if it has.
    pub(crate) fn cancel(&mut self, id: &str, requestor: &str, comment: Option<String>) -> bool {
        let now = self.now;
        let Some(action) = self.action(id).filter(|action| action.status.is_open()) else {
            return false;
        };
        action.cancellation = Some(Cancellation {
            requestor: requestor.to_owned(),
            comment,
            at: now,
        });
        self.end_action(id, Status::Cancelled);
        true
    }

    /// The actions that the API shows, newest first.
    pub(crate) fn visible_actions(&self) -> impl Iterator<Item = &Action> {
        let latest = self.now - ticks(self.actions_visible_after);
        let shown = move |action: &&Action| action.taken_on <= latest;
        self.actions.iter().rev().filter(shown)
    }
}

impl Device {
    /// What the success of an action changes.
    fn undergo(&mut self, kind: ActionKind, scope: Option<&str>) {
        match kind {
            ActionKind::Isolate => {
                self.isolation = match scope {
                    Some("Selective") => Isolation::Selective,
                    Some("UnManagedDevice") => Isolation::UnManagedDevice,
                    _ => Isolation::Full,
                }
            }
            ActionKind::Unisolate => self.isolation = Isolation::None,
            ActionKind::RestrictCodeExecution => self.code_restricted = true,
            ActionKind::UnrestrictCodeExecution => self.code_restricted = false,
            ActionKind::Offboard => self.onboarding_status = "CanBeOnboarded".into(),
            ActionKind::RunAntiVirusScan
            | ActionKind::LiveResponse
            | ActionKind::CollectInvestigationPackage
            | ActionKind::StopAndQuarantineFile => {}
        }
    }
}
