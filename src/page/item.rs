//! What a listing has to know of an item: its place in the order, and its severity. The rest stays unread.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::Listing;
use crate::{
    error::{Code, Error, Result},
    time::Timestamp,
};

/// What places an item in the order. Graph's incidents and alerts have `id`, the Defender XDR API's incidents `incidentId`.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    pub id: &'a str,
    /// The creation time in Microsoft's own text.
    pub created: &'a str,
    pub at: Timestamp,
}

impl<'a> Place<'a> {
    pub fn of(item: &'a RawValue, listing: &Listing<'_>) -> Result<Self> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Fields<'a> {
            #[serde(borrow)]
            id: Option<&'a RawValue>,
            #[serde(borrow)]
            incident_id: Option<&'a RawValue>,
            created_date_time: Option<&'a str>,
            created_time: Option<&'a str>,
        }
        let placed = || {
            let fields: Fields<'_> = serde_json::from_str(item.get()).ok()?;
            let id = fields.id.or(fields.incident_id)?.get().trim_matches('"');
            let created = fields.created_date_time.or(fields.created_time)?;
            Some(Self {
                id,
                created,
                at: created.parse().ok()?,
            })
        };
        placed().ok_or_else(|| {
            let detail = format!(
                "An item of /{} came without its id or its {}.",
                listing.path, listing.created
            );
            Error::new(Code::UpstreamUnavailable, detail)
        })
    }
}

/// Whether an item has the severity that is wanted, if any is.
pub fn has_severity(item: &RawValue, wanted: Option<&str>) -> bool {
    #[derive(Deserialize)]
    struct Fields<'a> {
        severity: Option<&'a str>,
    }
    wanted.is_none_or(|wanted| {
        let severity = serde_json::from_str(item.get())
            .ok()
            .and_then(|fields: Fields<'_>| fields.severity);
        severity.is_some_and(|severity| severity.eq_ignore_ascii_case(wanted))
    })
}
