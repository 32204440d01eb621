//! The operations, one file per resource, and the one table that lists them.

pub mod alerts;
mod change;
pub mod hunting;
pub mod incidents;
pub mod vocabulary;

use crate::operation::Entry;

/// Every operation. A line here makes it a function; tests then name the places that still lack it.
pub const OPERATIONS: &[Entry] = &[
    Entry::of::<incidents::ListIncidents>(),
    Entry::of::<incidents::GetIncident>(),
    Entry::of::<incidents::UpdateIncident>(),
    Entry::of::<incidents::CommentIncident>(),
    Entry::of::<alerts::ListAlerts>(),
    Entry::of::<alerts::GetAlert>(),
    Entry::of::<alerts::UpdateAlert>(),
    Entry::of::<alerts::CommentAlert>(),
    Entry::of::<hunting::RunHuntingQuery>(),
];

/// The operation of that name.
pub fn find(name: &str) -> Option<&'static Entry> {
    OPERATIONS.iter().find(|entry| entry.name == name)
}
