//! Updates that are yet to come: each becomes visible when the simulator's clock reaches its instant, in time or late.

use std::collections::BTreeMap;

use crate::incident::{Alert, Incident};
use crate::tenant::Tenant;

/// An item as it will be shown.
#[derive(Clone, Debug)]
pub enum Update {
    Incident(Box<Incident>),
    Alert(Box<Alert>),
}

impl From<Incident> for Update {
    fn from(incident: Incident) -> Update {
        Update::Incident(Box::new(incident))
    }
}

impl From<Alert> for Update {
    fn from(alert: Alert) -> Update {
        Update::Alert(Box::new(alert))
    }
}

/// The updates to come by the tick at which they become visible, and by the order in which they were planned.
pub(crate) type Plan = BTreeMap<(i64, usize), Update>;

impl Tenant {
    /// From `visible_at` (ticks of the simulator's clock) on the item is shown as it is here, in place of its version before,
    /// unless that says to be newer. Its `lastUpdateDateTime` may lie as far before `visible_at` as the update is to be late.
    pub fn plan_update(&mut self, visible_at: i64, update: impl Into<Update>) {
        let number = self.planned;
        self.planned += 1;
        self.plan.insert((visible_at, number), update.into());
    }

    /// How many planned updates are not visible yet.
    pub fn updates_to_come(&self) -> usize {
        self.plan.len()
    }

    /// Shows what has become visible by `now`.
    pub(crate) fn reveal(&mut self, now: i64) {
        while let Some(next) = self.plan.first_entry()
            && next.key().0 <= now
        {
            match next.remove() {
                Update::Incident(incident) => self.incidents.put(*incident),
                Update::Alert(alert) => self.alerts.put(*alert),
            }
        }
    }
}
