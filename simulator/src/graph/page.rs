//! The query options of Graph's lists and the pages they cut.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::Failure;
use crate::odata::{Field, Filter};
use crate::request::Request;
use crate::stream::{By, Item, Stream};

/// Beyond this `$skip` is refused.
const LARGEST_SKIP: usize = 500;
const QUERY: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'&')
    .add(b'+')
    .add(b'%')
    .add(b'\'');

/// What tells two resources' lists apart.
pub(super) struct Listing<T: 'static> {
    pub usual_page: usize,
    pub expands_alerts: bool,
    pub fields: &'static [Field<T>],
}

/// One page: its items in order, how many the filter keeps in all, and where the next page begins.
pub(super) struct Page<'t, T> {
    pub items: Vec<&'t T>,
    pub count: Option<usize>,
    pub next: Option<usize>,
    pub expand: bool,
}

impl<T: Item> Listing<T> {
    /// Newest creation first unless `$orderby` says otherwise; equal instants are told apart by id. A `$top` above
    /// `largest` is silently taken as that.
    pub fn page<'t>(
        &self,
        request: &Request,
        items: &'t Stream<T>,
        largest: usize,
    ) -> Result<Page<'t, T>, Failure> {
        let (mut top, mut skip, mut count, mut expand) = (self.usual_page, 0, false, false);
        let (mut by, mut ascending) = (By::Created, false);
        let mut filter: Option<Filter<T>> = None;
        for (name, value) in &request.query {
            match name.as_str() {
                "$top" => top = number(name, value)?,
                "$skip" => skip = number(name, value)?,
                "$count" => count = value == "true",
                "$filter" => {
                    filter = Some(Filter::parse(value, self.fields).map_err(Failure::bad_request)?)
                }
                "$expand" if self.expands_alerts && value == "alerts" => expand = true,
                "$orderby" => (by, ascending) = order(value)?,
                name if name.starts_with('$') => {
                    return Err(Failure::bad_request(format!(
                        "The query option '{name}={value}' is not supported here."
                    )));
                }
                _ => {}
            }
        }
        if top == 0 {
            return Err(Failure::bad_request(
                "Invalid value '0' for $top: it must be positive.",
            ));
        }
        if skip > LARGEST_SKIP {
            return Err(Failure::bad_request(format!(
                "The limit of '{LARGEST_SKIP}' for $skip has been exceeded: {skip}."
            )));
        }
        let top = top.min(largest);
        let window = |field: &str| match &filter {
            Some(filter) => filter.window(field),
            None => (i64::MIN, i64::MAX),
        };
        let (created, updated) = (window("createdDateTime"), window("lastUpdateDateTime"));
        let kept = || {
            let keeps = |item: &&T| filter.as_ref().is_none_or(|filter| filter.keeps(item));
            items.within(by, created, updated).filter(keeps)
        };
        let cut = |ordered: &mut dyn Iterator<Item = &'t T>| -> Vec<&'t T> {
            ordered.skip(skip).take(top + 1).collect()
        };
        let mut page = match ascending {
            true => cut(&mut kept()),
            false => cut(&mut kept().rev()),
        };
        let next = (page.len() > top).then_some(skip + top);
        page.truncate(top);
        Ok(Page {
            items: page,
            count: count.then(|| kept().count()),
            next,
            expand,
        })
    }
}

fn order(value: &str) -> Result<(By, bool), Failure> {
    let (field, direction) = value.split_once(' ').unwrap_or((value, "asc"));
    let by = match field {
        "createdDateTime" => By::Created,
        "lastUpdateDateTime" => By::Updated,
        _ => {
            return Err(Failure::bad_request(format!(
                "'{field}' cannot be used in $orderby."
            )));
        }
    };
    match direction.trim() {
        "asc" => Ok((by, true)),
        "desc" => Ok((by, false)),
        other => Err(Failure::bad_request(format!(
            "Syntax error in $orderby at '{other}'."
        ))),
    }
}

fn number(name: &str, value: &str) -> Result<usize, Failure> {
    value.parse().map_err(|_| {
        Failure::bad_request(format!(
            "Invalid value '{value}' for {name}: a non-negative integer is expected."
        ))
    })
}

/// The absolute link to the page that begins at `skip`, every other option as it was asked. It is given even where
/// following it will be refused for its `$skip`.
pub(super) fn next_link(origin: &str, request: &Request, skip: usize) -> String {
    let kept = request.query.iter().filter(|(name, _)| name != "$skip");
    let mut options: Vec<String> = kept
        .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, QUERY)))
        .collect();
    options.push(format!("$skip={skip}"));
    format!("{origin}{}?{}", request.path, options.join("&"))
}
