//! A listing under way: page after page, smaller ones where large ones fail.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    Cursor, IDLE_PAGES, Items, LARGEST_SKIP, Listing, SMALL_PAGE,
    item::{Place, has_severity},
};
use crate::{
    api::Api,
    call::{Call, Object},
    error::{Code, Error, Result},
    retry,
    time::Timestamp,
};

/// About so many items of a page are looked at to see whether the order was kept.
const SAMPLE: usize = 8;

/// A page as both APIs write it.
#[derive(Deserialize)]
struct Page {
    value: Vec<Box<RawValue>>,
    #[serde(default, rename = "@odata.nextLink")]
    next: Option<String>,
    /// Whether items were taken off its end.
    #[serde(skip)]
    cut: bool,
}

/// A listing under way.
pub struct Walk<'a> {
    call: &'a Call<'a>,
    listing: Listing<'a>,
    pub cursor: Cursor,
    top: usize,
    /// The size of a page; smaller once larger ones failed.
    page: usize,
    /// Pages in a row that brought nothing new.
    idle: u32,
    pub items: Items<'a>,
    /// Incidents whose alerts could not be had.
    pub incomplete: Vec<(String, Error)>,
}

impl<'a> Walk<'a> {
    pub fn new(call: &'a Call<'a>, listing: Listing<'a>, cursor: Cursor, top: usize) -> Self {
        Self {
            call,
            listing,
            cursor,
            top,
            page: listing.page,
            idle: 0,
            items: Items::new(call),
            incomplete: Vec::new(),
        }
    }

    /// Whether there are as many items as were asked for.
    pub fn is_full(&self) -> bool {
        self.items.len() >= self.top
    }

    /// Fetches a page and takes from it what is wanted. Answers whether there is more after that.
    pub async fn step(&mut self) -> Result<bool> {
        let (mut page, size) = self.fetch().await?;
        let got = page.value.len();
        // A full page without a link may be the last one, or the link may be missing. So may a page that the server
        // cut to a round size of its own.
        let mut more = page.cut || page.next.is_some() || got == size || (got > 0 && got % 50 == 0);
        let boundary = self.boundary()?;
        if self.has_overshot(&page, boundary)? {
            self.cursor.skip = self.cursor.skip.saturating_sub(self.overlap());
            return self.idle_page();
        }
        if self.call.api == Api::Xdr && !self.cursor.counted {
            self.put_in_order(&mut page, more)?;
        }
        let severity = self.cursor.severity.clone();
        let (mut taken, mut consumed, mut wanted) = (Vec::with_capacity(got), 0, self.items.len());
        for item in page.value {
            if self.was_given(&item, boundary)? {
                consumed += 1;
                continue;
            }
            if wanted == self.top {
                more = true;
                break;
            }
            consumed += 1;
            wanted += usize::from(has_severity(&item, severity.as_deref()));
            taken.push(item);
        }
        if more {
            self.advance(&taken, boundary, consumed)?;
            if taken.is_empty() {
                more = got > 0 && self.idle_page()?;
            } else {
                self.idle = 0;
            }
        }
        for item in taken
            .into_iter()
            .filter(|item| has_severity(item, severity.as_deref()))
        {
            self.items.push(item);
        }
        Ok(more)
    }

    /// Moves the cursor behind what was taken. `consumed` counts the page up to there, items that were given before included.
    fn advance(
        &mut self,
        taken: &[Box<RawValue>],
        boundary: Option<Timestamp>,
        consumed: usize,
    ) -> Result<()> {
        if self.cursor.counted {
            self.cursor.skip += consumed;
            return Ok(());
        }
        let (Some(first), Some(last)) = (taken.first(), taken.last()) else {
            // A page of items that were given already: pass over them.
            self.cursor.skip = (self.cursor.skip + consumed).saturating_sub(self.overlap());
            return Ok(());
        };
        let (first, last) = (
            Place::of(first, &self.listing)?,
            Place::of(last, &self.listing)?,
        );
        // The order was asked for, or seen by every item; a sample shows whether it was kept, and spares reading all of them.
        let (mut before, mut ids) = (boundary.unwrap_or(first.at), Vec::new());
        for item in taken.iter().step_by(taken.len() / SAMPLE + 1) {
            let at = Place::of(item, &self.listing)?.at;
            if at > before || at < last.at {
                return Err(self.disorder());
            }
            before = at;
        }
        for item in taken.iter().rev() {
            let place = Place::of(item, &self.listing)?;
            if place.at != last.at {
                break;
            }
            ids.push(place.id.to_owned());
        }
        let passed = if boundary == Some(last.at) {
            self.cursor.given.extend(ids);
            self.cursor.skip + consumed
        } else {
            self.cursor.given = ids;
            self.cursor.given.len()
        };
        self.cursor.boundary = Some(last.created.to_owned());
        // Few items of one instant are asked for again and left out. Of many, most are passed over; the overlap shows whether
        // some have left the listing since, which would move the others up.
        self.cursor.skip = passed.saturating_sub(self.overlap());
        Ok(())
    }

    /// How many given items the next page begins with, where it passes over any.
    fn overlap(&self) -> usize {
        self.page / 2
    }

    /// Whether a page that should begin with given items does not.
    fn has_overshot(&self, page: &Page, boundary: Option<Timestamp>) -> Result<bool> {
        if self.cursor.counted || self.cursor.skip == 0 || self.overlap() == 0 {
            return Ok(false);
        }
        page.value
            .first()
            .map_or(Ok(true), |first| Ok(!self.was_given(first, boundary)?))
    }

    /// Whether an item was given before; only those of the boundary's instant can come again.
    fn was_given(&self, item: &RawValue, boundary: Option<Timestamp>) -> Result<bool> {
        if boundary.is_none() {
            return Ok(false);
        }
        let place = Place::of(item, &self.listing)?;
        Ok(boundary == Some(place.at) && self.cursor.given.iter().any(|given| given == place.id))
    }

    /// The Defender XDR API takes no order, and does not say by what its newest come first. What fits on one page is put in order
    /// here; a full page has to show that creation time is its order, or else pages are counted.
    fn put_in_order(&mut self, page: &mut Page, more: bool) -> Result<()> {
        let mut placed = Vec::with_capacity(page.value.len());
        for item in std::mem::take(&mut page.value) {
            placed.push((Place::of(&item, &self.listing)?.at, item));
        }
        if !more {
            placed.sort_by(|(a, _), (b, _)| b.cmp(a));
        } else {
            let differ = placed.first().map(|(at, _)| at) != placed.last().map(|(at, _)| at);
            self.cursor.counted = !differ || !placed.is_sorted_by(|(a, _), (b, _)| a >= b);
        }
        page.value = placed.into_iter().map(|(_, item)| item).collect();
        Ok(())
    }

    fn idle_page(&mut self) -> Result<bool> {
        self.idle += 1;
        if self.idle > IDLE_PAGES {
            Err(self.disorder())
        } else {
            Ok(true)
        }
    }

    pub fn disorder(&self) -> Error {
        let (api, created) = (self.call.api.subject(), self.listing.created);
        let detail =
            format!("{api} did not keep the order by {created} that the next page depends on.");
        Error::new(Code::UpstreamUnavailable, detail)
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
            let expand = self.cursor.expand_alerts && !self.cursor.one_by_one;
            let error = match self.fetch_page(expand, size).await {
                Ok(mut page) => {
                    if self.cursor.expand_alerts && self.cursor.one_by_one {
                        self.expand_one_by_one(&mut page).await?;
                    }
                    return Ok((page, size));
                }
                Err(error) => error,
            };
            match error.code() {
                Code::TooLarge if size > 1 => self.page = size / 2,
                Code::UpstreamUnavailable if expand && size > SMALL_PAGE => self.page = SMALL_PAGE,
                Code::TooLarge | Code::UpstreamUnavailable if expand => {
                    self.cursor.one_by_one = true;
                    self.page = SMALL_PAGE.min(self.listing.page);
                }
                _ => return Err(error),
            }
        }
    }

    /// As many as are still wanted, and those that will come again, but no more than a page.
    fn size(&self) -> usize {
        if self.cursor.severity.is_some() || self.call.api == Api::Xdr {
            return self.page;
        }
        let again = if self.cursor.skip == 0 {
            self.cursor.given.len()
        } else {
            self.overlap()
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
        // Where there is another way to the same, it is not worth many tries.
        let tries = if expand { 2 } else { retry::TRIES };
        let page: Page = self
            .call
            .get_within(tries, &[self.listing.path], &query)
            .await?;
        let home = self.call.app.config.upstream(self.call.api);
        match page
            .next
            .as_deref()
            .is_none_or(|next| home.is_at_home(next))
        {
            true => Ok(page),
            false => Err(Error::new(
                Code::UpstreamRejected,
                format!(
                    "{} pointed to a next page on another host, which is not followed.",
                    self.call.api.subject()
                ),
            )),
        }
    }

    /// Asks for each incident by itself. One that cannot be had keeps its place without its alerts, and is reported; where the
    /// answer is full, the page ends.
    async fn expand_one_by_one(&mut self, page: &mut Page) -> Result<()> {
        let (mut left, mut kept) = (self.call.room(), self.items.len());
        let mut incomplete = Vec::new();
        for at in 0..page.value.len() {
            let id = Place::of(&page.value[at], &self.listing)?.id.to_owned();
            if self.cursor.given.contains(&id) {
                continue;
            }
            let is_first = kept == 0;
            match self
                .call
                .get(&[self.listing.path, &id], &[("$expand", "alerts")])
                .await
            {
                Ok(Object(expanded)) if left.cost(expanded.get().as_bytes()) <= left.bytes => {
                    page.value[at] = expanded
                }
                Ok(_) if is_first => incomplete.push((id, left.exceeded())),
                Err(error) if error.code() == Code::TooLarge && is_first => {
                    incomplete.push((id, error))
                }
                Err(error) if error.code().is_about_one_item() => incomplete.push((id, error)),
                Err(error) if error.code() != Code::TooLarge => return Err(error),
                Ok(_) | Err(_) => {
                    page.value.truncate(at);
                    page.cut = true;
                    break;
                }
            }
            left.bytes = left
                .bytes
                .saturating_sub(left.cost(page.value[at].get().as_bytes()));
            kept += 1;
        }
        let named = |(id, error)| (id, self.call.name(error));
        self.incomplete.extend(incomplete.into_iter().map(named));
        Ok(())
    }
}
