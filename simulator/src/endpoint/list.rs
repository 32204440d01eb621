//! The Endpoint API's lists: `$filter`, `$top`, `$skip`, and a link to the next page where `$top` was not asked for.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::odata::{Field, Filter};
use crate::request::Request;
use crate::state::State;
use crate::xdr::Failure;

pub(super) const ORIGIN: &str = "https://api.securitycenter.microsoft.com";
/// A larger `$top` is refused, most lists' limit.
const LARGEST_TOP: usize = 10_000;

/// What tells the lists apart.
pub(super) struct Listing<T: 'static> {
    /// What follows `$metadata#`.
    pub context: &'static str,
    pub largest_top: usize,
    /// Query options that the operation has besides those of every list.
    pub options: &'static [&'static str],
    pub fields: &'static [Field<T>],
}

impl<T> Listing<T> {
    pub const fn new(context: &'static str, fields: &'static [Field<T>]) -> Listing<T> {
        Listing {
            context,
            largest_top: LARGEST_TOP,
            options: &[],
            fields,
        }
    }

    /// One page of `items`, in their order.
    pub fn answer<'t>(
        &self,
        state: &State,
        tenant: usize,
        request: &Request,
        items: impl IntoIterator<Item = &'t T>,
        show: impl Fn(&T) -> Value,
    ) -> Result<Answer, Failure> {
        let (mut top, mut skip, mut filter) = (None, 0, None);
        for (name, value) in &request.query {
            let number = || {
                let number = value.parse::<usize>();
                number.map_err(|_| odata(format!("Invalid value '{value}' for {name}.")))
            };
            match name.as_str() {
                "$top" => top = Some(number()?),
                "$skip" => skip = number()?,
                "$filter" => filter = Some(Filter::parse(value, self.fields).map_err(odata)?),
                name if name.starts_with('$') && !self.options.contains(&name) => {
                    return Err(odata(format!(
                        "The query option '{name}' is not supported."
                    )));
                }
                _ => {}
            }
        }
        if let Some(top) = top.filter(|top| *top > self.largest_top) {
            return Err(odata(format!(
                "The limit of '{}' for Top query has been exceeded. The value from the incoming request is '{top}'.",
                self.largest_top
            )));
        }
        let mut kept = items
            .into_iter()
            .filter(|item| filter.as_ref().is_none_or(|filter| filter.keeps(item)))
            .skip(skip);
        let size = top.unwrap_or(state.tenants[tenant].endpoint_page);
        let value: Vec<Value> = kept.by_ref().take(size).map(show).collect();
        let mut body = json!({ "@odata.context": context(self.context), "value": value });
        if top.is_none() && kept.next().is_some() {
            body["@odata.nextLink"] = next_link(&state.origin, request, skip + size).into();
        }
        Ok(Answer::json(200, &body))
    }
}

/// A single item under its context, `Machines/$entity`.
pub(super) fn entity(status: u16, of: &str, mut item: Value) -> Answer {
    item["@odata.context"] = context(of).into();
    Answer::json(status, &item)
}

pub(super) fn context(of: &str) -> String {
    format!("{ORIGIN}/api/$metadata#{of}")
}

fn odata(message: String) -> Failure {
    Failure::new(400, "ODataError", message)
}

fn next_link(origin: &str, request: &Request, skip: usize) -> String {
    let kept = request.query.iter().filter(|(name, _)| name != "$skip");
    let mut options: Vec<String> = kept
        .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)))
        .collect();
    options.push(format!("$skip={skip}"));
    format!("{origin}{}?{}", request.path, options.join("&"))
}
