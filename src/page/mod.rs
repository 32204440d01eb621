//! Listings longer than a page: followed by creation time, newest first, so that neither new items nor equal times lose or repeat any.
//!
//! A next page begins where the last one ended: items created no later than its last item, less those of the very same instant that
//! were already given. Microsoft's own links are not followed: Graph counts them in `$skip`, which shifts when an item arrives,
//! is refused beyond 500, and is sometimes left out although there is more.

mod counted;
mod cursor;
mod item;
mod items;
mod walk;

use std::ops::Deref;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

pub use counted::{Counted, counted, whole};
use cursor::Cursor;
use items::Items;
use walk::Walk;

use crate::{
    call::Call,
    error::{Code, Incomplete, Result},
    odata::Filter,
    operation::Answer,
};

/// Graph answers `$skip` beyond this with 400.
pub const LARGEST_SKIP: usize = 500;

/// `$expand=alerts` fails with 5xx on large tenants; a page of this size often works where a full one does not.
pub const SMALL_PAGE: usize = 10;

/// So many pages without anything new are not the service's order but its disorder.
pub const IDLE_PAGES: u32 = 50;

/// What to list, and how the API pages it.
#[derive(Clone, Copy, Debug)]
pub struct Listing<'a> {
    pub path: &'a str,
    pub filter: &'a Filter,
    /// The same filter with relative times counted back from a fixed instant: what the caller asked, whenever it is repeated.
    pub asked: &'a Filter,
    /// The field that holds an item's id.
    pub id: &'static str,
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
#[derive(Clone, Copy, Debug, JsonSchema)]
#[schemars(extend("minimum" = 1, "maximum" = 10_000, "default" = 50))]
pub struct Top(usize);

impl Top {
    pub fn get(self) -> usize {
        self.0
    }
}

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

/// The `next` of an earlier answer, unchanged: where the list goes on, with the same filters.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Next(String);

impl Deref for Next {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// What was found, and where the list goes on.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "{I}List")]
pub struct List<'a, I> {
    pub items: &'a [I],
    /// Where the list goes on: the `cursor` of the next request. None: it has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// Incidents whose alerts could not be had; they are among the items without them.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub incomplete: Vec<Incomplete<'a>>,
}

/// All that there are.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Whole{I}List")]
pub struct Whole<I> {
    pub items: Vec<I>,
}

/// Lists up to `top` items, from `cursor` on where there is one, over as many pages as it takes.
///
/// What was got is returned, with a `next`, when the answer's room or the time ends on the way, or when a later page cannot be had now.
pub async fn list(
    call: &Call<'_>,
    listing: Listing<'_>,
    cursor: Option<&str>,
    top: Top,
) -> Result<Answer> {
    let cursor = match cursor {
        Some(text) => Cursor::resume(text, call, &listing)?,
        None => Cursor::start(call, &listing),
    };
    let mut walk = Walk::new(call, listing, cursor, top.0);
    let outcome = go(&mut walk).await;
    if outcome.is_err() {
        walk.items.abandon().await;
    }
    outcome
}

async fn go(walk: &mut Walk<'_>) -> Result<Answer> {
    let start = walk.cursor.clone();
    let mut more = walk.step().await?;
    walk.items.flow().await?;
    while more && !walk.is_full() {
        more = match walk.step().await {
            Ok(more) => more,
            Err(error) if may_pass(error.code()) => {
                tracing::warn!(
                    code = error.code().name(),
                    "the listing stops early and says where it goes on: {error}"
                );
                break;
            }
            Err(error) => return Err(error),
        };
        walk.items.flow().await?;
    }
    if more && walk.items.is_empty() && walk.cursor == start {
        // Whoever followed it would do so for ever.
        return Err(walk.disorder());
    }
    let next = more.then(|| walk.cursor.to_text());
    let incomplete = walk.incomplete.iter().map(Incomplete::from);
    walk.items.finish(next, incomplete.collect()).await
}

/// Whether the same page may be had later, or in another answer.
fn may_pass(code: Code) -> bool {
    matches!(
        code,
        Code::Throttled | Code::UpstreamUnavailable | Code::DeadlineExceeded | Code::TooLarge
    )
}
