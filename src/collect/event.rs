//! What a stream delivers: an update of an item, or a row that a query found, under an id that stays the same when it is delivered again.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::time::Timestamp;

/// A kind of items that are collected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Incident,
    Alert,
    Hunting,
}

impl Kind {
    /// EventBridge's `detail-type`.
    pub fn detail_type(self) -> &'static str {
        match self {
            Kind::Incident => "Incident",
            Kind::Alert => "Alert",
            Kind::Hunting => "Hunting",
        }
    }
}

/// What happened to an item since it was last delivered.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    Created,
    Updated,
    Resolved,
    Reopened,
    /// Merged into another incident, the `target`.
    Merged,
}

/// What is known of an event besides its item.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Head {
    /// `<tenant>/<stream>/<item>/<update>`: made of nothing but the update itself.
    pub id: String,
    /// `incidents`, `alerts` or `hunting-<name>`.
    pub stream: String,
    /// The tenant's GUID.
    pub tenant_id: String,
    pub change: Change,
    /// The instant of the update, in Microsoft's own text.
    pub updated: String,
    /// The incident that a merged one went into.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// `alerts`: those of the incident could not be had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incomplete: Option<&'static str>,
}

/// An event, ready for any sink.
#[derive(Clone, Debug)]
pub struct Event {
    pub kind: Kind,
    pub head: Head,
    /// The instant of the update.
    pub at: Timestamp,
    /// The JSON that is delivered.
    pub body: String,
}

#[derive(Serialize)]
struct Raw<'a> {
    #[serde(flatten)]
    head: &'a Head,
    item: &'a RawValue,
}

impl Event {
    /// With the item as Microsoft sent it.
    pub fn raw(kind: Kind, head: Head, at: Timestamp, item: &RawValue) -> Self {
        let body = serde_json::to_string(&Raw { head: &head, item })
            .expect("a struct with string keys and JSON that was read before");
        Self {
            kind,
            head,
            at,
            body,
        }
    }
}
