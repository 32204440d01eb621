//! What a listing has to know of an item: its place in the order, and its severity. The rest stays unread.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::Listing;
use crate::{
    error::{Code, Error, Result},
    time::Timestamp,
};

/// What places an item in the order.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    pub id: &'a str,
    /// The creation time in Microsoft's own text.
    pub created: &'a str,
    pub at: Timestamp,
}

impl<'a> Place<'a> {
    pub fn of(item: &'a RawValue, listing: &Listing<'_>) -> Result<Self> {
        let mut found = Found {
            keys: (listing.id, listing.created),
            id: None,
            created: None,
        };
        let mut json = serde_json::Deserializer::from_str(item.get());
        // An item is valid JSON, and the reader leaves it where it has seen enough: both stand before the long parts,
        // such as the evidence of an alert. What it returns says only that it left early.
        let _ = json.deserialize_map(&mut found);
        let placed = || {
            let (id, created) = (found.id?.get().trim_matches('"'), found.created?);
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

struct Found<'a> {
    keys: (&'static str, &'static str),
    id: Option<&'a RawValue>,
    created: Option<&'a str>,
}

impl<'de> Visitor<'de> for &mut Found<'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an item")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<(), A::Error> {
        while self.id.is_none() || self.created.is_none() {
            match map.next_key::<&str>()? {
                Some(key) if key == self.keys.0 => self.id = map.next_value()?,
                Some(key) if key == self.keys.1 => self.created = map.next_value()?,
                Some(_) => drop(map.next_value::<IgnoredAny>()?),
                None => break,
            }
        }
        Ok(())
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
