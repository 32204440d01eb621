//! The cursor: where a listing goes on, in a text that callers pass back unread.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use super::Listing;
use crate::{
    api::Api,
    error::{Error, Result},
    odata::Filter,
    time::Timestamp,
};

/// Where a listing goes on. Callers hold it as an opaque text.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cursor {
    /// The listing that it belongs to.
    #[serde(rename = "l")]
    path: String,
    #[serde(rename = "f")]
    filter: String,
    #[serde(rename = "x")]
    pub(super) expand_alerts: bool,
    #[serde(rename = "v", default, skip_serializing_if = "Option::is_none")]
    pub(super) severity: Option<String>,
    /// The creation time of the last item that was given, in Microsoft's own text.
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    pub(super) boundary: Option<String>,
    /// The items of that very instant that were given.
    #[serde(rename = "s", default, skip_serializing_if = "Vec::is_empty")]
    pub(super) given: Vec<String>,
    /// How many items to pass over where the order does not allow a boundary.
    #[serde(rename = "k", default)]
    pub(super) skip: usize,
}

impl Cursor {
    pub(super) fn to_text(&self) -> String {
        let json = serde_json::to_vec(self).expect("a cursor is strings and numbers");
        BASE64_URL_SAFE_NO_PAD.encode(json)
    }

    fn read(text: &str) -> Option<Self> {
        let cursor: Self =
            serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        // The boundary becomes part of a filter.
        let sound = cursor
            .boundary
            .as_ref()
            .is_none_or(|boundary| boundary.parse::<Timestamp>().is_ok());
        sound.then_some(cursor)
    }

    /// Continues a listing: the cursor's own, which the other inputs may repeat but not change.
    pub fn resume(text: &str, listing: &Listing<'_>) -> Result<Self> {
        let cursor = Self::read(text).ok_or_else(|| {
            Error::field(
                "cursor",
                "this is not a cursor; pass the `next` of an earlier answer, unchanged",
            )
        })?;
        let same_filter = listing.filter.is_empty() || listing.filter.as_str() == cursor.filter;
        let same_severity =
            listing.severity.is_none() || listing.severity == cursor.severity.as_deref();
        match cursor.path == listing.path && same_filter && same_severity {
            true => Ok(cursor),
            false => Err(Error::field(
                "cursor",
                "it belongs to another listing; repeat that listing's filters, or leave them out",
            )),
        }
    }

    pub fn start(listing: &Listing<'_>) -> Self {
        Self {
            path: listing.path.to_owned(),
            filter: listing.filter.as_str().to_owned(),
            expand_alerts: listing.expand_alerts,
            severity: listing.severity.map(str::to_owned),
            ..Self::default()
        }
    }

    pub(super) fn query(
        &self,
        listing: &Listing<'_>,
        api: Api,
        expand: bool,
        size: usize,
    ) -> Vec<(&'static str, String)> {
        let mut filter = if self.filter.is_empty() {
            Filter::default()
        } else {
            Filter::raw(&*self.filter)
        };
        if let Some(boundary) = &self.boundary {
            filter = filter.and(&format!("{} le {boundary}", listing.created));
        }
        let mut query = vec![("$top", size.to_string())];
        if !filter.is_empty() {
            query.push(("$filter", filter.as_str().to_owned()));
        }
        if api == Api::Graph {
            query.push(("$orderby", format!("{} desc", listing.created)));
        }
        if expand {
            query.push(("$expand", "alerts".to_owned()));
        }
        if self.skip > 0 {
            query.push(("$skip", self.skip.to_string()));
        }
        query
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    fn listing(filter: &Filter) -> Listing<'_> {
        Listing {
            path: "incidents",
            filter,
            created: "createdDateTime",
            page: 50,
            expand_alerts: false,
            severity: None,
        }
    }

    #[test]
    fn a_cursor_survives_its_trip_through_the_caller() {
        let filter = Filter::raw("status eq 'active'");
        let cursor = Cursor {
            boundary: Some("2026-11-20T09:00:00.1234567Z".to_owned()),
            given: vec!["7".to_owned()],
            ..Cursor::start(&listing(&filter))
        };
        assert_eq!(
            Cursor::resume(&cursor.to_text(), &listing(&Filter::default())).unwrap(),
            cursor
        );
        assert_eq!(
            Cursor::resume(&cursor.to_text(), &listing(&filter)).unwrap(),
            cursor
        );
    }

    #[test]
    fn a_cursor_of_another_listing_or_of_nobodys_making_is_refused() {
        let filter = Filter::raw("status eq 'active'");
        let text = Cursor::start(&listing(&filter)).to_text();
        let others = Filter::raw("status eq 'resolved'");
        let alerts = Listing {
            path: "alerts_v2",
            ..listing(&filter)
        };
        let forged = Cursor {
            boundary: Some("2026 or true".to_owned()),
            ..Cursor::start(&listing(&filter))
        }
        .to_text();
        for refused in [
            Cursor::resume(&text, &listing(&others)),
            Cursor::resume(&text, &alerts),
            Cursor::resume(&forged, &listing(&filter)),
            Cursor::resume("bm90IGEgY3Vyc29y", &listing(&filter)),
            Cursor::resume("?", &listing(&filter)),
        ] {
            assert_eq!(refused.unwrap_err().code(), Code::InvalidInput);
        }
    }
}
