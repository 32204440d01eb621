//! OData as Microsoft's APIs take it: filters whose values cannot break out, and percent-encoded paths and queries.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{
    error::{Error, Result},
    time::{self, Timestamp},
};

/// The longest filter: it travels in a URL, which no server takes at any length.
const LONGEST: usize = 4096;

/// Everything but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// In a path, what OData's own functions are written with stays as it is too: `findbyip(ip='10.1.2.3')`.
const RESERVED_IN_PATH: &AsciiSet = &RESERVED
    .remove(b'(')
    .remove(b')')
    .remove(b'\'')
    .remove(b'=')
    .remove(b',')
    .remove(b':');

/// A `$filter`: comparisons joined by `and`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    expression: String,
    /// Whether it may hold an `or` of its own, so that joining it to more needs parentheses.
    raw: bool,
}

impl Filter {
    /// A whole expression, written by the caller.
    pub fn raw(expression: impl Into<String>) -> Self {
        Self {
            expression: expression.into(),
            raw: true,
        }
    }

    /// Equal to a string or an enum member, both of which are quoted.
    pub fn eq(self, field: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.and(&format!("{field} eq '{}'", value.replace('\'', "''"))),
            None => self,
        }
    }

    /// Equal to a number or a truth value, which is not quoted.
    pub fn is(self, field: &str, value: Option<impl std::fmt::Display>) -> Self {
        match value {
            Some(value) => self.and(&format!("{field} eq {value}")),
            None => self,
        }
    }

    /// Compared with an instant, which is not quoted. `operator` is `ge`, `gt`, `le` or `lt`.
    pub fn at(self, field: &str, operator: &str, instant: Option<Timestamp>) -> Self {
        match instant {
            Some(instant) => self.and(&format!("{field} {operator} {}", time::to_odata(instant))),
            None => self,
        }
    }

    /// Both this and that; an expression with an `or` of its own keeps its meaning.
    pub fn and(mut self, expression: &str) -> Self {
        if std::mem::take(&mut self.raw) {
            self.expression = format!("({})", self.expression);
        }
        if !self.expression.is_empty() {
            self.expression.push_str(" and ");
        }
        self.expression.push_str(expression);
        self
    }

    /// The caller's own expression, which goes instead of all others.
    pub fn or_raw(self, raw: Option<&str>) -> Result<Self> {
        if raw.map_or(self.expression.len(), str::len) > LONGEST {
            return Err(Error::field(
                "filter",
                format_args!("it is longer than {LONGEST} characters"),
            ));
        }
        match raw {
            Some(raw) if self.is_empty() => Ok(Self::raw(raw)),
            Some(_) => Err(Error::field(
                "filter",
                "it goes instead of the other filters, not with them",
            )),
            None => Ok(self),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.expression.is_empty()
    }

    pub fn as_str(&self) -> &str {
        &self.expression
    }
}

/// `/a/b/c`, each segment escaped so that it stays one segment.
pub fn path(segments: &[&str]) -> String {
    let mut path = String::new();
    for segment in segments {
        path.push('/');
        // A dot segment would be resolved away by any URL parser, escaped or not.
        match *segment {
            "." => path.push_str("%252E"),
            ".." => path.push_str("%252E%252E"),
            segment => path.extend(utf8_percent_encode(segment, RESERVED_IN_PATH)),
        }
    }
    path
}

/// `?$top=50&$filter=...`, or nothing. Spaces are `%20`: not every server reads `+` as one.
pub fn query(parameters: &[(&str, &str)]) -> String {
    let mut query = String::new();
    for (name, value) in parameters {
        query.push(if query.is_empty() { '?' } else { '&' });
        query.push_str(name);
        query.push('=');
        query.extend(utf8_percent_encode(value, RESERVED));
    }
    query
}

/// An `application/x-www-form-urlencoded` body.
pub fn form(fields: &[(&str, &str)]) -> String {
    query(fields).trim_start_matches('?').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_leave_its_quotes() {
        let filter = Filter::default().eq("assignedTo", Some("o'neil' or status ne 'x"));
        assert_eq!(
            filter.as_str(),
            "assignedTo eq 'o''neil'' or status ne ''x'"
        );
    }

    #[test]
    fn a_raw_alternative_keeps_its_meaning() {
        let filter = Filter::raw("status eq 'active' or severity eq 'high'");
        let at = Some("2026-11-01T00:00:00Z".parse().unwrap());
        assert_eq!(
            filter.at("createdDateTime", "le", at).as_str(),
            "(status eq 'active' or severity eq 'high') and createdDateTime le 2026-11-01T00:00:00Z"
        );
    }

    #[test]
    fn a_hostile_segment_stays_one_segment() {
        assert_eq!(path(&["incidents", "a/b?c#d"]), "/incidents/a%2Fb%3Fc%23d");
        assert_eq!(path(&["incidents", "..", "x"]), "/incidents/%252E%252E/x");
        assert_eq!(path(&["incidents", "å 1"]), "/incidents/%C3%A5%201");
    }

    #[test]
    fn queries_are_escaped() {
        assert_eq!(query(&[]), "");
        assert_eq!(
            query(&[("$top", "5"), ("$filter", "a eq 'x&y+z'")]),
            "?$top=5&$filter=a%20eq%20%27x%26y%2Bz%27"
        );
    }
}
