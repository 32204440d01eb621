//! The cursor: where a listing goes on, in a text that callers pass back unread.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use super::Listing;
use crate::{
    api::Api,
    call::Call,
    error::{Error, Result},
    odata::Filter,
    time::Timestamp,
};

/// The longest text that can be a cursor of ours: a long filter and the ids of one instant.
const LONGEST: usize = 64 * 1024;

/// Where a listing goes on. Callers hold it as an opaque text.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cursor {
    /// The listing that it belongs to: whose, where, and of what.
    #[serde(rename = "l")]
    listing: [String; 3],
    /// The filter that is sent.
    #[serde(rename = "f")]
    filter: String,
    /// The same in the caller's words, whose relative times do not move; left out where there are none.
    #[serde(rename = "q", default, skip_serializing_if = "Option::is_none")]
    asked: Option<String>,
    #[serde(rename = "x")]
    pub(super) expand_alerts: bool,
    /// Whether alerts are fetched incident by incident, because pages that carry them fail.
    #[serde(rename = "o", default)]
    pub(super) one_by_one: bool,
    #[serde(rename = "v", default, skip_serializing_if = "Option::is_none")]
    pub(super) severity: Option<String>,
    /// The creation time of the last item that was given, in Microsoft's own text.
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    pub(super) boundary: Option<String>,
    /// The items of that very instant that were given.
    #[serde(rename = "s", default, skip_serializing_if = "Vec::is_empty")]
    pub(super) given: Vec<String>,
    /// How many items to pass over.
    #[serde(rename = "k", default)]
    pub(super) skip: usize,
    /// Whether pages are counted, for want of an order.
    #[serde(rename = "c", default)]
    pub(super) counted: bool,
}

impl Cursor {
    /// The beginning of a listing.
    pub(super) fn start(call: &Call<'_>, listing: &Listing<'_>) -> Self {
        Self {
            counted: false,
            expand_alerts: listing.expand_alerts,
            severity: listing.severity.map(str::to_owned),
            ..Self::counting(call, listing.path, listing.filter, listing.asked)
        }
    }

    /// Where an earlier answer ended. The other inputs may repeat those of its listing, but not change them.
    pub(super) fn resume(text: &str, call: &Call<'_>, listing: &Listing<'_>) -> Result<Self> {
        Self::start(call, listing).resumed(text)
    }

    /// The beginning of a listing whose pages are counted.
    pub(super) fn counting(call: &Call<'_>, path: &str, filter: &Filter, asked: &Filter) -> Self {
        let (filter, asked) = (filter.as_str(), asked.as_str());
        Self {
            listing: [call.tenant.as_str(), call.api.name(), path].map(str::to_owned),
            filter: filter.to_owned(),
            asked: Some(asked)
                .filter(|asked| *asked != filter)
                .map(str::to_owned),
            counted: true,
            ..Self::default()
        }
    }

    /// Where an earlier answer of the listing that begins with this ended.
    pub(super) fn resumed(&self, text: &str) -> Result<Self> {
        let cursor = Self::read(text).ok_or_else(|| {
            Error::field(
                "cursor",
                "this is not a cursor; pass the `next` of an earlier answer, unchanged",
            )
        })?;
        match cursor.continues(self) {
            true => Ok(cursor),
            false => {
                let reason = "it belongs to another listing; repeat that listing's tenant and filters, or leave the filters out";
                Err(Error::field("cursor", reason))
            }
        }
    }

    fn continues(&self, start: &Self) -> bool {
        let asked = |cursor: &Self| {
            cursor
                .asked
                .clone()
                .unwrap_or_else(|| cursor.filter.clone())
        };
        self.listing == start.listing
            && (start.filter.is_empty() || asked(self) == asked(start))
            && (start.severity.is_none() || self.severity == start.severity)
            && (self.expand_alerts || !start.expand_alerts)
    }

    /// The filter that is sent.
    pub(super) fn filter(&self) -> &str {
        &self.filter
    }

    pub(super) fn to_text(&self) -> String {
        let json = serde_json::to_vec(self).expect("a cursor is strings and numbers");
        BASE64_URL_SAFE_NO_PAD.encode(json)
    }

    fn read(text: &str) -> Option<Self> {
        let bytes = (text.len() <= LONGEST).then(|| BASE64_URL_SAFE_NO_PAD.decode(text).ok())??;
        let cursor: Self = serde_json::from_slice(&bytes).ok()?;
        // The boundary becomes part of a filter, and the number is added to.
        let sound = cursor
            .boundary
            .as_ref()
            .is_none_or(|boundary| boundary.parse::<Timestamp>().is_ok());
        (sound && cursor.skip <= 1_000_000).then_some(cursor)
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

    fn cursor(filter: &str, asked: Option<&str>) -> Cursor {
        Cursor {
            listing: ["fjordlys.example", "graph", "incidents"].map(str::to_owned),
            filter: filter.to_owned(),
            asked: asked.map(str::to_owned),
            ..Cursor::default()
        }
    }

    #[test]
    fn a_cursor_survives_its_trip_through_the_caller() {
        let cursor = Cursor {
            boundary: Some("2026-11-20T09:00:00.1234567Z".to_owned()),
            given: vec!["7".to_owned()],
            skip: 3,
            ..cursor("status eq 'active'", None)
        };
        assert_eq!(Cursor::read(&cursor.to_text()), Some(cursor));
    }

    #[test]
    fn a_cursor_of_nobodys_making_is_no_cursor() {
        let forged = Cursor {
            boundary: Some("2026 or true".to_owned()),
            ..cursor("", None)
        }
        .to_text();
        let endless = Cursor {
            skip: usize::MAX,
            ..cursor("", None)
        }
        .to_text();
        for text in [
            &forged,
            &endless,
            "bm90IGEgY3Vyc29y",
            "?",
            "",
            &"A".repeat(LONGEST + 1),
        ] {
            assert_eq!(Cursor::read(text), None);
        }
    }

    #[test]
    fn filters_may_be_repeated_or_left_out_but_not_changed() {
        let active = cursor("status eq 'active'", None);
        assert!(active.continues(&active) && active.continues(&cursor("", None)));
        assert!(!active.continues(&cursor("status eq 'resolved'", None)));
        let earlier = cursor(
            "createdDateTime ge 2026-11-20T09:00:00Z",
            Some("an hour ago"),
        );
        let later = cursor(
            "createdDateTime ge 2026-11-20T09:05:00Z",
            Some("an hour ago"),
        );
        assert!(earlier.continues(&later));
        let elsewhere = Cursor {
            listing: ["b.example", "graph", "incidents"].map(str::to_owned),
            ..active.clone()
        };
        assert!(!active.continues(&elsewhere));
    }
}
