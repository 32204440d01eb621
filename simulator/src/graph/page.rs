//! The query options of Graph's lists and the pages they cut.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::Failure;
use crate::odata::{Field, Filter};
use crate::request::Request;
use crate::time;

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

type Read<T> = fn(&T) -> &str;

/// What tells two resources' lists apart.
pub(super) struct Listing<T: 'static> {
    /// A larger `$top` is silently taken as this.
    pub largest_page: usize,
    pub usual_page: usize,
    pub expands_alerts: bool,
    pub fields: &'static [Field<T>],
    pub created: Read<T>,
    pub updated: Read<T>,
    pub id: Read<T>,
}

/// One page: its items in order, how many the filter keeps in all, and where the next page begins.
pub(super) struct Page<'t, T> {
    pub items: Vec<&'t T>,
    pub count: Option<usize>,
    pub next: Option<usize>,
    pub expand: bool,
}

impl<T> Listing<T> {
    /// Newest creation first unless `$orderby` says otherwise; equal instants are told apart by id.
    pub fn page<'t>(&self, request: &Request, items: &'t [T]) -> Result<Page<'t, T>, Failure> {
        let (mut top, mut skip, mut count, mut expand) = (self.usual_page, 0, false, false);
        let (mut instant, mut ascending) = (self.created, false);
        let mut filter = None;
        for (name, value) in &request.query {
            match name.as_str() {
                "$top" => top = number(name, value)?,
                "$skip" => skip = number(name, value)?,
                "$count" => count = value == "true",
                "$filter" => {
                    filter = Some(Filter::parse(value, self.fields).map_err(Failure::bad_request)?)
                }
                "$expand" if self.expands_alerts && value == "alerts" => expand = true,
                "$orderby" => (instant, ascending) = self.order(value)?,
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
        let top = top.min(self.largest_page);
        let mut kept: Vec<&T> = items
            .iter()
            .filter(|item| filter.as_ref().is_none_or(|filter| filter.keeps(item)))
            .collect();
        kept.sort_by_cached_key(|item| (time::parse(instant(item)), (self.id)(item).to_owned()));
        if !ascending {
            kept.reverse();
        }
        let total = kept.len();
        let next = (skip + top < total).then_some(skip + top);
        let items = kept.into_iter().skip(skip).take(top).collect();
        Ok(Page {
            items,
            count: count.then_some(total),
            next,
            expand,
        })
    }

    fn order(&self, value: &str) -> Result<(Read<T>, bool), Failure> {
        let (field, direction) = value.split_once(' ').unwrap_or((value, "asc"));
        let instant = match field {
            "createdDateTime" => self.created,
            "lastUpdateDateTime" => self.updated,
            _ => {
                return Err(Failure::bad_request(format!(
                    "'{field}' cannot be used in $orderby."
                )));
            }
        };
        match direction.trim() {
            "asc" => Ok((instant, true)),
            "desc" => Ok((instant, false)),
            other => Err(Failure::bad_request(format!(
                "Syntax error in $orderby at '{other}'."
            ))),
        }
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
