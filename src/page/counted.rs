//! Listings of the Endpoint API: pages counted by `$top` and `$skip`, for it takes no order; and lists that take no `$top`.
//!
//! <https://learn.microsoft.com/defender-endpoint/api/exposed-apis-odata-samples>. An item that comes or goes while pages are counted
//! shifts those that follow; a page is up to 10,000 items, so few listings have a second one.

use reqwest::Url;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Cursor, Items, Top, may_pass};
use crate::{
    call::Call,
    error::{Code, Error, Result},
    odata::Filter,
    operation::Answer,
    time::Timestamp,
};

/// What to list.
#[derive(Clone, Debug)]
pub struct Counted<'a> {
    path: &'a str,
    filter: Filter,
    /// The same filter with relative times counted back from a fixed instant.
    asked: Filter,
    /// The most items that the API puts on a page.
    page: usize,
    none_is_404: bool,
}

impl<'a> Counted<'a> {
    /// The items behind a path, by a filter whose relative times count back from the instant that it is given.
    pub fn of(
        call: &Call<'_>,
        path: &'a str,
        filter: impl Fn(Timestamp) -> Result<Filter>,
    ) -> Result<Self> {
        Ok(Self {
            path,
            filter: filter(call.invocation.now)?,
            asked: filter(Timestamp::UNIX_EPOCH)?,
            page: 10_000,
            none_is_404: false,
        })
    }

    /// Where the API puts fewer than 10,000 on a page.
    pub fn by(self, page: usize) -> Self {
        Self { page, ..self }
    }

    /// Where a 404 says that there are none.
    pub fn none_is_404(self) -> Self {
        Self {
            none_is_404: true,
            ..self
        }
    }
}

#[derive(Deserialize)]
struct Page {
    value: Vec<Box<RawValue>>,
    #[serde(default, rename = "@odata.nextLink")]
    next: Option<String>,
}

/// Lists up to `top` items, from `cursor` on where there is one.
///
/// What was got is returned, with a `next`, when the answer's room or the time ends on the way, or when a later page cannot be had now.
pub async fn counted(
    call: &Call<'_>,
    listing: Counted<'_>,
    cursor: Option<&str>,
    top: Option<Top>,
) -> Result<Answer> {
    let top = top.unwrap_or_default();
    let start = Cursor::counting(call, listing.path, &listing.filter, &listing.asked);
    let mut cursor = match cursor {
        Some(text) => start.resumed(text)?,
        None => start,
    };
    let mut items = Items::new(call);
    let outcome = match fill(call, &listing, &mut cursor, top.0, &mut items).await {
        Ok(more) => {
            let next = more.then(|| cursor.to_text());
            items.finish(next, Vec::new()).await
        }
        Err(error) => Err(error),
    };
    if outcome.is_err() {
        items.abandon().await;
    }
    outcome
}

/// Fetches pages until there are `top` items. Answers whether there is more after that.
async fn fill(
    call: &Call<'_>,
    listing: &Counted<'_>,
    cursor: &mut Cursor,
    top: usize,
    items: &mut Items<'_>,
) -> Result<bool> {
    let (mut size, mut more) = (listing.page, true);
    while more && items.len() < top {
        let wanted = size.min(top - items.len());
        match fetch(call, listing, cursor, wanted).await {
            Ok(page) => {
                let got = page.value.len();
                cursor.skip += got;
                // There is no link where `$top` is sent, and none behind a short page.
                more = got > 0 && (got >= wanted || page.next.is_some());
                for item in page.value {
                    items.push(item);
                }
                items.flow().await?;
            }
            // Behind what is there already, smaller pages would only be more requests.
            Err(error) if error.code() == Code::TooLarge && wanted > 1 && items.is_empty() => {
                size = wanted / 2
            }
            Err(error) if may_pass(error.code()) && !items.is_empty() => {
                tracing::warn!(
                    code = error.code().name(),
                    "the listing stops early and says where it goes on: {error}"
                );
                break;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(more)
}

async fn fetch(
    call: &Call<'_>,
    listing: &Counted<'_>,
    cursor: &Cursor,
    size: usize,
) -> Result<Page> {
    let (size, skip) = (size.to_string(), cursor.skip.to_string());
    let mut query = vec![("$top", size.as_str())];
    if !cursor.filter().is_empty() {
        query.push(("$filter", cursor.filter()));
    }
    if cursor.skip > 0 {
        query.push(("$skip", skip.as_str()));
    }
    match call.get(&[listing.path], &query).await {
        Err(error) if is_404_of_the_api(&error) && listing.none_is_404 => Ok(Page {
            value: Vec::new(),
            next: None,
        }),
        page => page,
    }
}

/// Whether the API said so, and not something on the way to it.
fn is_404_of_the_api(error: &Error) -> bool {
    let says = error.upstream().is_some_and(|said| said.code.is_some());
    error.code() == Code::NotFound && says
}

/// The most pages that a list without `$top` is followed over: what never ends is no list.
const MOST_PAGES: usize = 1_000;

/// A list that takes no `$top`, such as a device's alerts. Should it come in pieces all the same, the next ones are asked for by
/// what their links say after the `?`, at the address that is configured.
pub async fn whole(call: &Call<'_>, path: &[&str], query: &[(&str, &str)]) -> Result<Answer> {
    let mut items = Items::new(call);
    let outcome = match follow(call, path, query, &mut items).await {
        Ok(()) => items.finish(None, Vec::new()).await,
        Err(error) => Err(error),
    };
    if outcome.is_err() {
        items.abandon().await;
    }
    outcome
}

async fn follow(
    call: &Call<'_>,
    path: &[&str],
    query: &[(&str, &str)],
    items: &mut Items<'_>,
) -> Result<()> {
    let mut query: Vec<_> = query
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_string()))
        .collect();
    for _ in 0..MOST_PAGES {
        let asked: Vec<_> = query
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let page: Page = call.get(path, &asked).await?;
        for item in page.value {
            items.push(item);
        }
        items.flow().await?;
        let Some(link) = page.next else {
            return Ok(());
        };
        let link = Url::parse(&link).map_err(|_| endless(call, path))?;
        let next: Vec<_> = link.query_pairs().into_owned().collect();
        if next == query {
            break;
        }
        query = next;
    }
    Err(endless(call, path))
}

fn endless(call: &Call<'_>, path: &[&str]) -> Error {
    let (api, path) = (call.api.subject(), path.join("/"));
    let detail = format!("{api} sent a part of /{path} and a link to more that leads nowhere.");
    Error::new(Code::UpstreamUnavailable, detail)
}
