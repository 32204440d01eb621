//! A stream's updates in their order, page by page, from an instant on.
//!
//! A next page begins at the instant where the last one ended: Microsoft's links are not followed, and no size of page is relied upon.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{event::Kind, update::Update};
use crate::{
    call::{Call, Object},
    error::{Code, Error, Result},
    odata::Filter,
    page::{IDLE_PAGES, LARGEST_SKIP, SMALL_PAGE},
    retry,
    time::Timestamp,
};

/// After so many pages in a row that failed with their alerts, although none of their incidents did alone, no more are tried.
const STRIKES: u32 = 3;

/// A stream's updates from an instant on.
pub struct Walk<'a> {
    call: &'a Call<'a>,
    kind: Kind,
    from: Timestamp,
    /// Whether all of `from` are walked alone, by their creation, from that instant on.
    tied: Option<Timestamp>,
    /// Those of the first instant of the next page that were given already.
    given: HashSet<String>,
    skip: usize,
    size: usize,
    /// The most items that a page of this size has had.
    capacity: usize,
    idle: u32,
    expand: bool,
    one_by_one: bool,
    strikes: u32,
    done: bool,
}

/// What a page brought.
pub struct Page {
    /// In their order; those of the first instant may have been on the last page.
    pub updates: Vec<Update>,
    /// When it was sent, by Microsoft's clock, and how long that took.
    pub date: Timestamp,
    pub took: Duration,
}

#[derive(Deserialize)]
struct Listed {
    value: Vec<Box<RawValue>>,
    #[serde(default, rename = "@odata.nextLink")]
    next: Option<Box<RawValue>>,
}

impl Kind {
    /// The list, and the most items that are asked for at once.
    fn list(self) -> (&'static str, usize) {
        match self {
            Kind::Alert => ("alerts_v2", 100),
            Kind::Incident | Kind::Hunting => ("incidents", 50),
        }
    }
}

impl<'a> Walk<'a> {
    pub fn new(call: &'a Call<'a>, kind: Kind, from: Timestamp, expand: bool) -> Self {
        Self {
            call,
            kind,
            from,
            tied: None,
            given: HashSet::new(),
            skip: 0,
            size: kind.list().1,
            capacity: 0,
            idle: 0,
            expand,
            one_by_one: false,
            strikes: 0,
            done: false,
        }
    }

    /// Whether the alerts of the incidents of the last page are to be asked for one by one.
    pub fn wants_alerts(&self) -> bool {
        self.expand && self.one_by_one
    }

    /// The incident with its alerts.
    pub async fn with_alerts(&mut self, id: &str) -> Result<Object> {
        let outcome = self
            .call
            .get(&["incidents", id], &[("$expand", "alerts")])
            .await;
        if outcome.is_err() {
            // It was this one that the page failed for.
            self.strikes = 0;
        }
        outcome
    }

    /// The next page; none after the last.
    pub async fn next(&mut self) -> Result<Option<Page>> {
        if self.done {
            return Ok(None);
        }
        let asked = Instant::now();
        let (listed, date) = self.fetch().await?;
        let took = asked.elapsed();
        let (count, has_next) = (listed.value.len(), listed.next.is_some());
        let items = listed.value.into_iter();
        let updates: Vec<_> = items
            .map(|item| Update::read(self.kind, item))
            .collect::<Result<_>>()?;
        let in_order = updates.is_sorted_by_key(|update| self.place(update));
        let belongs = |update: &Update| match self.tied {
            Some(_) => update.at == self.from,
            None => update.at >= self.from,
        };
        if !in_order || !updates.iter().all(belongs) {
            return Err(self.disorder());
        }
        self.capacity = self.capacity.max(count);
        let is_last = count < self.capacity && !has_next;
        let overshot = self.skip > 0
            && match updates.first() {
                Some(first) => self.overlap() > 0 && !self.was_given(first),
                None => self.skip < self.given.len(),
            };
        if overshot {
            // Some have left the instant since, which moved the others up. What was passed over comes first.
            self.skip /= 2;
            self.idle_page()?;
            return Ok(Some(Page {
                updates: Vec::new(),
                date,
                took,
            }));
        }
        if updates.is_empty() {
            if has_next {
                return Err(self.disorder());
            }
            self.done = true;
        } else if updates.iter().all(|update| self.was_given(update)) {
            self.done = is_last;
            self.idle_page()?;
            self.pass_over((self.skip + 1).max(self.given.len().saturating_sub(self.overlap())));
        } else {
            self.advance(&updates);
            self.done = is_last;
        }
        if self.done && self.tied.take().is_some() {
            // On to what was updated later.
            self.from += TICK;
            self.begin();
        }
        Ok(Some(Page {
            updates,
            date,
            took,
        }))
    }

    /// Moves on behind a page with something new.
    fn advance(&mut self, updates: &[Update]) {
        self.idle = 0;
        let Some(last) = updates.last().map(|last| self.place(last)) else {
            return;
        };
        if last > self.first_place() {
            self.begin();
            match &mut self.tied {
                Some(created) => *created = last,
                None => self.from = last,
            }
        }
        let (mut at_last, tied) = (Vec::new(), self.tied.is_some());
        for update in updates.iter().rev() {
            if place(update, tied) != last {
                break;
            }
            at_last.push(update.id.clone());
        }
        self.given.extend(at_last);
        if self.skip > 0 || self.given.len() >= self.capacity {
            self.pass_over(self.given.len().saturating_sub(self.overlap()));
        }
    }

    /// Passes over so many of the first instant; where Graph does not do that, they are walked by their creation.
    fn pass_over(&mut self, skip: usize) {
        self.skip = skip;
        if self.skip > LARGEST_SKIP && self.tied.is_none() {
            self.tied = Some(Timestamp::MIN);
            self.begin();
        }
    }

    /// How many given updates a page begins with that passes over others; a shift shows by them.
    fn overlap(&self) -> usize {
        (self.capacity / 2).min(25)
    }

    fn begin(&mut self) {
        self.given.clear();
        self.skip = 0;
        self.idle = 0;
        self.done = false;
    }

    /// What the order is by.
    fn place(&self, update: &Update) -> Timestamp {
        place(update, self.tied.is_some())
    }

    fn first_place(&self) -> Timestamp {
        self.tied.unwrap_or(self.from)
    }

    fn was_given(&self, update: &Update) -> bool {
        self.place(update) == self.first_place() && self.given.contains(&update.id)
    }

    fn idle_page(&mut self) -> Result<()> {
        self.idle += 1;
        match self.idle > IDLE_PAGES {
            true => Err(self.disorder()),
            false => Ok(()),
        }
    }

    fn disorder(&self) -> Error {
        let detail = format!(
            "Microsoft Graph did not keep the order of /{} by {}, on which depends that nothing is left out. What was delivered before \
             stays so; the next run goes on there.",
            self.kind.list().0,
            self.field()
        );
        Error::new(Code::UpstreamUnavailable, detail)
    }

    fn field(&self) -> &'static str {
        match self.tied {
            Some(_) => "createdDateTime",
            None => "lastUpdateDateTime",
        }
    }

    /// Smaller pages where large ones fail, and pages without alerts where small ones fail too.
    async fn fetch(&mut self) -> Result<(Listed, Timestamp)> {
        if self.skip > LARGEST_SKIP {
            let detail = format!(
                "More than {LARGEST_SKIP} items were created at one instant and updated at another, {}: more than Microsoft Graph can page \
                 through. The stream stays there and nothing is lost; `since` with a later instant passes over them.",
                self.from
            );
            return Err(Error::new(Code::TooLarge, detail));
        }
        if self.one_by_one && self.strikes < STRIKES {
            self.one_by_one = false;
            self.resize(self.kind.list().1);
        }
        loop {
            let expand = self.expand && !self.one_by_one;
            let error = match self.fetch_page(expand).await {
                Ok(page) => return Ok(page),
                Err(error) => error,
            };
            match error.code() {
                // Of two, one is left to notice by that the other has moved.
                Code::TooLarge if self.size > 2 => self.resize((self.size / 2).max(2)),
                Code::UpstreamUnavailable if expand && self.size > SMALL_PAGE => {
                    self.resize(SMALL_PAGE);
                }
                Code::TooLarge | Code::UpstreamUnavailable if expand => {
                    self.one_by_one = true;
                    self.strikes += 1;
                }
                _ => return Err(error),
            }
        }
    }

    fn resize(&mut self, size: usize) {
        self.size = size;
        self.capacity = 0;
    }

    async fn fetch_page(&self, expand: bool) -> Result<(Listed, Timestamp)> {
        let updated = "lastUpdateDateTime";
        let filter = Filter::default().at(updated, "ge", Some(self.from));
        let filter = match self.tied {
            Some(created) => filter.at(updated, "le", Some(self.from)).at(
                "createdDateTime",
                "ge",
                Some(created).filter(|created| *created > Timestamp::MIN),
            ),
            None => filter,
        };
        let (order, top, skip) = (
            format!("{} asc", self.field()),
            self.size.to_string(),
            self.skip.to_string(),
        );
        let mut query = vec![
            ("$filter", filter.as_str()),
            ("$orderby", &order),
            ("$top", &top),
        ];
        if self.skip > 0 {
            query.push(("$skip", &skip));
        }
        if expand {
            query.push(("$expand", "alerts"));
        }
        // Where there is another way to the same, it is not worth many tries.
        let tries = if expand { 2 } else { retry::TRIES };
        let path = [self.kind.list().0];
        let (listed, date) = self.call.get_dated_within(tries, &path, &query).await?;
        Ok((listed, date.unwrap_or_else(Timestamp::now)))
    }
}

/// Microsoft's unit of time.
const TICK: Duration = Duration::from_nanos(100);

/// What an update is ordered by; those of one instant by their creation, where they are walked alone.
fn place(update: &Update, tied: bool) -> Timestamp {
    match tied {
        true => update.created.unwrap_or(Timestamp::MIN),
        false => update.at,
    }
}
