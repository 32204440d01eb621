//! An update of an incident or an alert: what collecting has to know of it. The item itself stays unread.

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::{
    event::{Change, Kind},
    memory::Memory,
    seen::{Mark, mark},
};
use crate::{
    error::{Code, Error, Result},
    time::{Timestamp, ticks},
};

/// An item as it was at its last update.
#[derive(Debug)]
pub struct Update {
    pub id: String,
    /// The instant of the update.
    pub at: Timestamp,
    /// The same in Microsoft's own text.
    pub updated: String,
    /// What it is known by among those that were delivered.
    pub mark: Mark,
    /// When the item was created, where that is told.
    pub created: Option<Timestamp>,
    pub resolved: bool,
    /// The incident that it was merged into.
    pub target: Option<String>,
    pub item: Box<RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields {
    #[serde(deserialize_with = "text")]
    id: Option<String>,
    #[serde(default, deserialize_with = "text")]
    last_update_date_time: Option<String>,
    #[serde(default, deserialize_with = "text")]
    created_date_time: Option<String>,
    #[serde(default, deserialize_with = "text")]
    status: Option<String>,
    #[serde(default, deserialize_with = "text")]
    redirect_incident_id: Option<String>,
}

/// Text, or a number as text; none for anything else, so that no field that was never needed can stop a stream.
fn text<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<Option<String>, D::Error> {
    let raw = <&RawValue>::deserialize(deserializer)?.get();
    if raw.starts_with('"') {
        return Ok(serde_json::from_str(raw).ok());
    }
    let is_number = raw.starts_with(|c: char| c.is_ascii_digit() || c == '-');
    Ok(is_number.then(|| raw.to_owned()))
}

impl Update {
    pub fn read(kind: Kind, item: Box<RawValue>) -> Result<Self> {
        let fields = serde_json::from_str(item.get()).ok();
        let placed = fields.and_then(|fields: Fields| {
            let updated = fields.last_update_date_time?;
            Some((
                fields.id?,
                updated.parse().ok()?,
                updated,
                fields.created_date_time,
                fields.status,
                fields.redirect_incident_id,
            ))
        });
        let Some((id, at, updated, created, status, target)) = placed else {
            let detail = format!(
                "Microsoft Graph sent an {} without its id or its lastUpdateDateTime, so that it has no place in the stream.",
                kind.detail_type().to_ascii_lowercase()
            );
            return Err(Error::new(Code::UpstreamUnavailable, detail));
        };
        let is = |word: &str| {
            status
                .as_deref()
                .is_some_and(|status| status.eq_ignore_ascii_case(word))
        };
        Ok(Self {
            mark: mark(at, &id),
            id,
            at,
            updated,
            created: created.and_then(|created| created.parse().ok()),
            resolved: is("resolved"),
            target: target.filter(|target| !target.is_empty() && target != "0"),
            item,
        })
    }

    /// What happened to the item since it was last delivered, in a stream that began at `since`.
    pub fn change(&self, memory: Option<&Memory>, since: Timestamp) -> Change {
        match memory {
            // The same again, after a crash or a rewind.
            Some(memory) if memory.updated == ticks(self.at) => memory.change,
            _ if self.target.is_some()
                && !memory.is_some_and(|memory| memory.change == Change::Merged) =>
            {
                Change::Merged
            }
            Some(memory) if memory.resolved && !self.resolved && self.target.is_none() => {
                Change::Reopened
            }
            Some(memory) if !memory.resolved && self.resolved => Change::Resolved,
            Some(_) => Change::Updated,
            None if self.created.is_some_and(|created| created >= since) => Change::Created,
            None if self.resolved => Change::Resolved,
            None => Change::Updated,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn update(json: serde_json::Value) -> Result<Update> {
        Update::read(
            Kind::Incident,
            RawValue::from_string(json.to_string()).unwrap(),
        )
    }

    fn with(status: &str, target: Option<&str>) -> Update {
        update(serde_json::json!({
            "id": "1", "createdDateTime": "2026-11-20T08:00:00Z", "lastUpdateDateTime": "2026-11-20T09:00:00Z",
            "status": status, "redirectIncidentId": target,
        }))
        .unwrap()
    }

    fn memory(resolved: bool, change: Change) -> Memory {
        Memory {
            updated: 1,
            resolved,
            change,
            batch: 3,
        }
    }

    #[test]
    fn a_change_is_told_by_what_was_delivered_before() {
        let began: Timestamp = "2026-11-20T07:00:00Z".parse().unwrap();
        let later: Timestamp = "2026-11-20T08:30:00Z".parse().unwrap();
        let (open, resolved) = (
            memory(false, Change::Created),
            memory(true, Change::Resolved),
        );
        let cases = [
            (with("active", None), None, began, Change::Created),
            (with("resolved", None), None, began, Change::Created),
            (with("active", None), None, later, Change::Updated),
            (with("resolved", None), None, later, Change::Resolved),
            (with("inProgress", None), Some(open), began, Change::Updated),
            (with("Resolved", None), Some(open), began, Change::Resolved),
            (
                with("resolved", None),
                Some(resolved),
                began,
                Change::Updated,
            ),
            (
                with("active", None),
                Some(resolved),
                began,
                Change::Reopened,
            ),
            (
                with("someday", None),
                Some(resolved),
                began,
                Change::Reopened,
            ),
            (with("redirected", Some("7")), None, began, Change::Merged),
            (
                with("redirected", Some("7")),
                Some(resolved),
                began,
                Change::Merged,
            ),
            (
                with("redirected", Some("7")),
                Some(memory(false, Change::Merged)),
                began,
                Change::Updated,
            ),
        ];
        for (update, memory, since, change) in cases {
            assert_eq!(
                update.change(memory.as_ref(), since),
                change,
                "{update:?} {memory:?}"
            );
        }
    }

    #[test]
    fn the_same_update_is_the_same_change_again() {
        let update = with("active", None);
        let memory = Memory {
            updated: ticks(update.at),
            resolved: false,
            change: Change::Reopened,
            batch: 3,
        };
        assert_eq!(
            update.change(Some(&memory), Timestamp::UNIX_EPOCH),
            Change::Reopened
        );
    }

    #[test]
    fn fields_of_any_type_are_taken() {
        let merged = update(serde_json::json!({
            "id": 28281, "lastUpdateDateTime": "2026-11-20T09:00:00.1234567Z", "createdDateTime": null, "status": null,
            "redirectIncidentId": 28280,
        }))
        .unwrap();
        assert_eq!(merged.id, "28281");
        assert_eq!(merged.target.as_deref(), Some("28280"));
        assert_eq!(merged.created, None);
        let odd = update(
            serde_json::json!({ "id": "a\"b", "lastUpdateDateTime": "2026-11-20T09:00:00Z", "status": ["x"], "redirectIncidentId": "" }),
        );
        let odd = odd.unwrap();
        assert_eq!(
            (odd.id.as_str(), odd.target, odd.resolved),
            ("a\"b", None, false)
        );
    }

    #[test]
    fn an_item_without_a_place_is_an_error() {
        for json in [
            serde_json::json!({ "lastUpdateDateTime": "2026-11-20T09:00:00Z" }),
            serde_json::json!({ "id": "1" }),
            serde_json::json!({ "id": "1", "lastUpdateDateTime": null }),
            serde_json::json!({ "id": "1", "lastUpdateDateTime": "yesterday" }),
            serde_json::json!([]),
        ] {
            assert_eq!(update(json).unwrap_err().code(), Code::UpstreamUnavailable);
        }
    }
}
