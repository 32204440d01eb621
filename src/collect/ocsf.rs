//! Incidents and alerts in the Open Cybersecurity Schema Framework: Incident Finding (2005) and Detection Finding (2004).

use serde_json::value::RawValue;

use super::event::{Head, Kind};

/// The finding that an incident or an alert is, as JSON; its `metadata.uid` is the event's id.
pub fn finding(_kind: Kind, _head: &Head, item: &RawValue) -> String {
    item.get().to_owned()
}
