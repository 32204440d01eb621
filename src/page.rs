//! Listings longer than a page: followed by creation time, newest first, so that neither new items nor equal times lose or repeat any.
//!
//! A next page begins where the last one ended: items created no later than its last item, less those of the very same instant that
//! were already given. Microsoft's own links are not followed: Graph counts them in `$skip`, which shifts when an item arrives,
//! is refused beyond 500, and is sometimes left out although there is more.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::value::RawValue;

use crate::{
    api::Api,
    call::{Call, is_same_origin},
    error::{Code, Error, Problem, Result},
    odata::Filter,
    operation::Answer,
    time::Timestamp,
};

/// Graph answers `$skip` beyond this with 400.
const LARGEST_SKIP: usize = 500;

/// What to list, and how the API pages it.
#[derive(Clone, Copy, Debug)]
pub struct Listing<'a> {
    pub path: &'a str,
    pub filter: &'a Filter,
    /// The field that holds an item's creation time, for the filter and the order.
    pub created: &'static str,
    /// The most items that the API puts on a page.
    pub page: usize,
    /// Whether each item is to carry its alerts (`$expand=alerts`).
    pub expand_alerts: bool,
    /// Drops the items of any other severity, for an API that cannot filter by it.
    pub severity: Option<&'a str>,
}

/// The most items to answer with.
#[derive(Clone, Copy, Debug)]
pub struct Top(usize);

impl Default for Top {
    fn default() -> Self {
        Self(50)
    }
}

impl<'de> Deserialize<'de> for Top {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        match u32::deserialize(deserializer)? {
            top @ 1..=10_000 => Ok(Self(top as usize)),
            top => Err(D::Error::custom(format!(
                "{top} is not a number from 1 to 10000"
            ))),
        }
    }
}

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
    expand_alerts: bool,
    #[serde(rename = "v", default, skip_serializing_if = "Option::is_none")]
    severity: Option<String>,
    /// The creation time of the last item that was given, in Microsoft's own text.
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    boundary: Option<String>,
    /// The items of that very instant that were given.
    #[serde(rename = "s", default, skip_serializing_if = "Vec::is_empty")]
    given: Vec<String>,
    /// How many items to pass over where the order does not allow a boundary.
    #[serde(rename = "k", default)]
    skip: usize,
}

impl Cursor {
    fn to_text(&self) -> String {
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

    fn query(
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

/// A page as both APIs write it.
#[derive(Deserialize)]
struct Page {
    value: Vec<Box<RawValue>>,
    #[serde(default, rename = "@odata.nextLink")]
    next: Option<String>,
}

/// What places an item in the order. Graph's incidents and alerts have `id`, the Defender XDR API's incidents `incidentId`.
struct Place {
    id: String,
    created: String,
    at: Timestamp,
}

impl Place {
    fn of(item: &RawValue, listing: &Listing<'_>) -> Result<Self> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Fields<'a> {
            #[serde(borrow)]
            id: Option<&'a RawValue>,
            #[serde(borrow)]
            incident_id: Option<&'a RawValue>,
            created_date_time: Option<String>,
            created_time: Option<String>,
        }
        let broken = || {
            let detail = format!(
                "An item of /{} came without its id or its {}.",
                listing.path, listing.created
            );
            Error::new(Code::UpstreamUnavailable, detail)
        };
        let fields: Fields<'_> = serde_json::from_str(item.get()).map_err(|_| broken())?;
        let id = fields.id.or(fields.incident_id).ok_or_else(broken)?;
        let created = fields
            .created_date_time
            .or(fields.created_time)
            .ok_or_else(broken)?;
        let at = created.parse().map_err(|_| broken())?;
        Ok(Self {
            id: id.get().trim_matches('"').to_owned(),
            created,
            at,
        })
    }
}

/// Whether an item has the severity that is wanted, if any is.
fn has_severity(item: &RawValue, wanted: Option<&str>) -> bool {
    #[derive(Deserialize)]
    struct Fields {
        severity: Option<String>,
    }
    wanted.is_none_or(|wanted| {
        let severity = serde_json::from_str(item.get())
            .ok()
            .and_then(|fields: Fields| fields.severity);
        severity.is_some_and(|severity| severity.eq_ignore_ascii_case(wanted))
    })
}

/// The answer of a listing.
#[derive(Serialize)]
struct List<'a> {
    items: &'a [Box<RawValue>],
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    /// Incidents whose alerts could not be had; they are among the items without them.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    incomplete: Vec<Incomplete<'a>>,
}

#[derive(Serialize)]
struct Incomplete<'a> {
    id: &'a str,
    problem: Problem<'a>,
}

/// Lists up to `top` items from `cursor` on, over as many pages as it takes.
///
/// What was got is returned, with a `next`, when the answer's room or the time ends on the way, or when a later page cannot be had now.
pub async fn list(
    call: &Call<'_>,
    listing: Listing<'_>,
    cursor: Cursor,
    top: Top,
) -> Result<Answer> {
    let mut walk = Walk {
        call,
        listing,
        cursor,
        top: top.0,
        page: listing.page,
        one_by_one: false,
        items: Vec::new(),
        incomplete: Vec::new(),
    };
    let mut pages = 0;
    let more = loop {
        match walk.step().await {
            Ok(more) if more && walk.items.len() < top.0 => pages += 1,
            Ok(more) => break more,
            Err(error) if pages > 0 && may_pass(error.code()) => {
                tracing::warn!(
                    code = error.code().name(),
                    "the listing stops early and says where it goes on: {error}"
                );
                break true;
            }
            Err(error) => return Err(error),
        }
    };
    let next = more.then(|| walk.cursor.to_text());
    let incomplete = walk
        .incomplete
        .iter()
        .map(|(id, error)| Incomplete {
            id,
            problem: error.problem(),
        })
        .collect();
    Ok(Answer::of(&List {
        items: &walk.items,
        next,
        incomplete,
    }))
}

/// Whether the same page may be had later, or in another answer.
fn may_pass(code: Code) -> bool {
    matches!(
        code,
        Code::Throttled | Code::UpstreamUnavailable | Code::DeadlineExceeded | Code::TooLarge
    )
}

/// A listing under way.
struct Walk<'a> {
    call: &'a Call<'a>,
    listing: Listing<'a>,
    cursor: Cursor,
    top: usize,
    /// The size of a page; smaller once larger ones failed.
    page: usize,
    /// Whether alerts are fetched incident by incident, because pages that carry them fail.
    one_by_one: bool,
    items: Vec<Box<RawValue>>,
    incomplete: Vec<(String, Error)>,
}

/// `$expand=alerts` fails with 5xx on large tenants; a page of this size often works where a full one does not.
const SMALL_PAGE: usize = 10;

impl Walk<'_> {
    /// Fetches a page and takes from it what is wanted. Answers whether there is more after that.
    async fn step(&mut self) -> Result<bool> {
        if self.call.api == Api::Graph && self.cursor.skip > LARGEST_SKIP {
            let detail = format!(
                "More than {LARGEST_SKIP} items were created at {}, which is more than Microsoft Graph can page through. Narrow the \
                 listing by a filter.",
                self.cursor.boundary.as_deref().unwrap_or_default()
            );
            return Err(Error::new(Code::TooLarge, detail));
        }
        let (page, size) = self.fetch().await?;
        let got = page.value.len();
        // A full page without a link may be the last one, or the link may be missing. So may a page that the server
        // cut to a round size of its own.
        let mut more = page.next.is_some() || got == size || (got > 0 && got % 50 == 0);
        let boundary = self.boundary()?;
        let mut taken = Vec::with_capacity(got);
        let mut at_the_boundary = boundary.is_some();
        for item in page.value {
            if at_the_boundary {
                let place = Place::of(&item, &self.listing)?;
                at_the_boundary = boundary == Some(place.at);
                if at_the_boundary && self.cursor.given.contains(&place.id) {
                    continue;
                }
            }
            if self.items.len() == self.top {
                more = true;
                break;
            }
            if has_severity(&item, self.cursor.severity.as_deref()) {
                self.call.keep(item.get());
                self.items.push(item.clone());
            }
            taken.push(item);
        }
        if more {
            more = self.advance(&taken, boundary, got)?;
        }
        Ok(more)
    }

    /// Moves the cursor behind what was taken. Answers whether asking again can bring anything.
    fn advance(
        &mut self,
        taken: &[Box<RawValue>],
        boundary: Option<Timestamp>,
        got: usize,
    ) -> Result<bool> {
        let (Some(first), Some(last)) = (taken.first(), taken.last()) else {
            // A whole page of items that were given already: pass over them.
            let stuck = got == 0 || self.cursor.skip >= self.cursor.given.len();
            self.cursor.skip = self.cursor.given.len();
            return Ok(!stuck);
        };
        let (first, last) = (
            Place::of(first, &self.listing)?,
            Place::of(last, &self.listing)?,
        );
        let skips = self.cursor.boundary.is_none() && self.cursor.skip > 0;
        if skips || !self.is_ordered(taken, boundary, &first, &last)? {
            return match self.call.api {
                Api::Graph => Err(Error::new(
                    Code::UpstreamUnavailable,
                    format!(
                        "Microsoft Graph did not keep the order by {} that the next page depends on.",
                        self.listing.created
                    ),
                )),
                // This API takes no order; without its own newest-first, pages can only be counted.
                Api::Xdr => {
                    self.cursor.boundary = None;
                    self.cursor.given.clear();
                    self.cursor.skip += taken.len();
                    Ok(true)
                }
            };
        }
        if boundary != Some(last.at) {
            self.cursor.given.clear();
        }
        for item in taken.iter().rev() {
            let place = Place::of(item, &self.listing)?;
            if place.at != last.at {
                break;
            }
            self.cursor.given.push(place.id);
        }
        self.cursor.boundary = Some(last.created);
        // Few equal times are asked for again and left out; many are passed over, so that every page brings something new.
        let many = self.cursor.given.len() * 2 >= self.page;
        self.cursor.skip = if many { self.cursor.given.len() } else { 0 };
        Ok(true)
    }

    /// Whether the items come newest first, and none before the boundary. Graph was asked for this order, so its ends tell.
    fn is_ordered(
        &self,
        taken: &[Box<RawValue>],
        boundary: Option<Timestamp>,
        first: &Place,
        last: &Place,
    ) -> Result<bool> {
        let mut before = boundary.unwrap_or(first.at);
        if self.call.api == Api::Graph {
            return Ok(before >= first.at && first.at >= last.at);
        }
        for item in taken {
            let at = Place::of(item, &self.listing)?.at;
            if at > before {
                return Ok(false);
            }
            before = at;
        }
        Ok(true)
    }

    fn boundary(&self) -> Result<Option<Timestamp>> {
        let parsed = self.cursor.boundary.as_deref().map(str::parse).transpose();
        parsed.map_err(|_| Error::field("cursor", "its instant cannot be read"))
    }

    /// A page, and the size that was asked for. Smaller pages where large ones fail; alerts one by one where small ones fail too.
    async fn fetch(&mut self) -> Result<(Page, usize)> {
        loop {
            let size = self.size();
            let expand = self.cursor.expand_alerts && !self.one_by_one;
            match self.fetch_page(expand, size).await {
                Ok(mut page) => {
                    if self.cursor.expand_alerts && self.one_by_one {
                        self.expand_one_by_one(&mut page).await?;
                    }
                    return Ok((page, size));
                }
                Err(error)
                    if error.code() == Code::TooLarge && size > 1 && self.items.is_empty() =>
                {
                    self.page = size / 2;
                }
                Err(error) if error.code() == Code::UpstreamUnavailable && expand => {
                    match size > SMALL_PAGE {
                        true => self.page = SMALL_PAGE,
                        false => self.one_by_one = true,
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// As many as are still wanted, and those that will come again, but no more than a page.
    fn size(&self) -> usize {
        if self.cursor.severity.is_some() {
            return self.page;
        }
        let again = if self.cursor.skip == 0 {
            self.cursor.given.len()
        } else {
            0
        };
        (self.top - self.items.len() + again).min(self.page)
    }

    async fn fetch_page(&self, expand: bool, size: usize) -> Result<Page> {
        let query = self
            .cursor
            .query(&self.listing, self.call.api, expand, size);
        let query: Vec<_> = query
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let page: Page = self.call.get(&[self.listing.path], &query).await?;
        let base = &self.call.app.config.upstream(self.call.api).base;
        match page
            .next
            .as_deref()
            .is_none_or(|next| is_same_origin(base, next))
        {
            true => Ok(page),
            false => Err(Error::new(
                Code::UpstreamRejected,
                format!(
                    "{} pointed to a next page on another host, which is not followed.",
                    self.call.api.title()
                ),
            )),
        }
    }

    /// Asks for each incident by itself. One that cannot be had keeps its place without its alerts, and is reported.
    async fn expand_one_by_one(&mut self, page: &mut Page) -> Result<()> {
        for item in &mut page.value {
            let id = Place::of(item, &self.listing)?.id;
            if self.cursor.given.contains(&id) {
                continue;
            }
            match self
                .call
                .get(&[self.listing.path, &id], &[("$expand", "alerts")])
                .await
            {
                Ok(expanded) => *item = expanded,
                Err(error) if error.code() == Code::UpstreamUnavailable => {
                    self.incomplete.push((id, error))
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
