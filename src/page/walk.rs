//! A listing under way: page after page, smaller ones where large ones fail.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    Cursor, Listing,
    item::{Place, has_severity},
};
use crate::{
    api::Api,
    call::{Call, Object, is_same_origin},
    error::{Code, Error, Result},
    time::Timestamp,
};

/// Graph answers `$skip` beyond this with 400.
const LARGEST_SKIP: usize = 500;

/// A page as both APIs write it.
#[derive(Deserialize)]
struct Page {
    value: Vec<Box<RawValue>>,
    #[serde(default, rename = "@odata.nextLink")]
    next: Option<String>,
}

/// A listing under way.
pub struct Walk<'a> {
    call: &'a Call<'a>,
    listing: Listing<'a>,
    pub cursor: Cursor,
    top: usize,
    /// The size of a page; smaller once larger ones failed.
    page: usize,
    /// Whether alerts are fetched incident by incident, because pages that carry them fail.
    one_by_one: bool,
    pub items: Vec<Box<RawValue>>,
    /// Incidents whose alerts could not be had.
    pub incomplete: Vec<(String, Error)>,
}

/// `$expand=alerts` fails with 5xx on large tenants; a page of this size often works where a full one does not.
const SMALL_PAGE: usize = 10;

/// What an answer may take besides its items: a cursor with hundreds of ids, and the problems of some incidents.
const FRAME: usize = 32 * 1024;

impl<'a> Walk<'a> {
    pub fn new(call: &'a Call<'a>, listing: Listing<'a>, cursor: Cursor, top: usize) -> Self {
        call.take_room(FRAME);
        let (items, incomplete) = (Vec::new(), Vec::new());
        Self {
            call,
            listing,
            cursor,
            top,
            page: listing.page,
            one_by_one: false,
            items,
            incomplete,
        }
    }

    /// Whether there are as many items as were asked for.
    pub fn is_full(&self) -> bool {
        self.items.len() >= self.top
    }

    /// Fetches a page and takes from it what is wanted. Answers whether there is more after that.
    pub async fn step(&mut self) -> Result<bool> {
        let (page, size) = self.fetch().await?;
        let got = page.value.len();
        // A full page without a link may be the last one, or the link may be missing. So may a page that the server
        // cut to a round size of its own.
        let mut more = page.next.is_some() || got == size || (got > 0 && got % 50 == 0);
        let boundary = self.boundary()?;
        let severity = self.cursor.severity.clone();
        let (mut taken, mut wanted) = (Vec::with_capacity(got), self.items.len());
        let mut at_the_boundary = boundary.is_some();
        for item in page.value {
            if at_the_boundary {
                let place = Place::of(&item, &self.listing)?;
                at_the_boundary = boundary == Some(place.at);
                if at_the_boundary && self.cursor.given.iter().any(|given| given == place.id) {
                    continue;
                }
            }
            if wanted == self.top {
                more = true;
                break;
            }
            wanted += usize::from(has_severity(&item, severity.as_deref()));
            taken.push(item);
        }
        if more {
            more = self.advance(&taken, boundary, got)?;
        }
        for item in taken
            .into_iter()
            .filter(|item| has_severity(item, severity.as_deref()))
        {
            self.call
                .take_room(self.call.room().cost(item.get().as_bytes()));
            self.items.push(item);
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
        let places = taken
            .iter()
            .map(|item| Place::of(item, &self.listing))
            .collect::<Result<Vec<_>>>()?;
        let (Some(first), Some(last)) = (places.first(), places.last()) else {
            // A whole page of items that were given already: pass over them, unless that was tried.
            let stuck = got == 0 || self.cursor.skip >= self.cursor.given.len();
            self.cursor.skip = self.cursor.given.len();
            return Ok(!stuck);
        };
        let newest_first = places.is_sorted_by(|a, b| a.at >= b.at)
            && boundary.is_none_or(|from| from >= first.at);
        let counted = boundary.is_none() && self.cursor.skip > 0;
        if counted || !newest_first {
            // Where no order can be asked for and the service's own is another, pages can be counted from the start.
            if self.call.api == Api::Xdr && boundary.is_none() {
                self.cursor.skip += taken.len();
                return Ok(true);
            }
            let (api, created) = (self.call.api.title(), self.listing.created);
            let detail =
                format!("{api} did not keep the order by {created} that the next page depends on.");
            return Err(Error::new(Code::UpstreamUnavailable, detail));
        }
        if boundary != Some(last.at) {
            self.cursor.given.clear();
        }
        let of_that_instant = places.iter().rev().take_while(|place| place.at == last.at);
        self.cursor
            .given
            .extend(of_that_instant.map(|place| place.id.to_owned()));
        self.cursor.boundary = Some(last.created.to_owned());
        // Few equal times are asked for again and left out; many are passed over, so that every page brings something new.
        let many = self.cursor.given.len() * 2 >= self.page;
        self.cursor.skip = if many { self.cursor.given.len() } else { 0 };
        Ok(true)
    }

    fn boundary(&self) -> Result<Option<Timestamp>> {
        let parsed = self.cursor.boundary.as_deref().map(str::parse).transpose();
        parsed.map_err(|_| Error::field("cursor", "its instant cannot be read"))
    }

    /// A page, and the size that was asked for. Smaller pages where large ones fail; alerts one by one where small ones fail too.
    async fn fetch(&mut self) -> Result<(Page, usize)> {
        if self.call.api == Api::Graph && self.cursor.skip > LARGEST_SKIP {
            let instant = self.cursor.boundary.as_deref().unwrap_or_default();
            let detail = format!(
                "More than {LARGEST_SKIP} items were created at {instant}, more than Microsoft Graph can page through. Narrow the \
                 listing by a filter."
            );
            return Err(Error::new(Code::TooLarge, detail));
        }
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
            let id = Place::of(item, &self.listing)?.id.to_owned();
            if self.cursor.given.contains(&id) {
                continue;
            }
            match self
                .call
                .get(&[self.listing.path, &id], &[("$expand", "alerts")])
                .await
            {
                Ok(Object(expanded)) => *item = expanded,
                Err(error) if error.code() == Code::UpstreamUnavailable => {
                    self.incomplete.push((id, error))
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
