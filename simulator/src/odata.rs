//! OData `$filter`, as far as Microsoft documents it for these APIs: `eq ne gt ge lt le`, `and`, `or`, parentheses,
//! `startswith(field,'text')` and `field/any(x: x eq 'text')`, over each resource's documented fields and no others.
//! Instants are unquoted and compared as instants.

mod parser;

use std::cmp::Ordering;

use crate::time;
use parser::Parser;

/// A field that a resource can be filtered by.
pub(crate) struct Field<T> {
    pub name: &'static str,
    pub read: Read<T>,
}

/// How a field's value is had from an item.
pub(crate) enum Read<T> {
    /// An instant, compared by all six operators.
    Instant(fn(&T) -> &str),
    /// An instant in ticks.
    Ticks(fn(&T) -> i64),
    /// A string or an enum member, compared by `eq` and `ne` regardless of case.
    Text(fn(&T) -> Option<&str>),
    /// Such a string that `startswith` takes too.
    Name(fn(&T) -> Option<&str>),
    /// A GUID, which OData writes without quotes, compared by `eq` and `ne`.
    Guid(fn(&T) -> Option<&str>),
    /// A number, in quotes or not; what has none is kept by `ne` only.
    Number(fn(&T) -> Option<f64>),
    /// `true` or `false`, compared by `eq` and `ne`.
    Flag(fn(&T) -> Option<bool>),
    /// A list of strings, looked into by `any` regardless of case.
    Texts(fn(&T) -> &[String]),
}

impl<T> Field<T> {
    pub const fn new(name: &'static str, read: Read<T>) -> Field<T> {
        Field { name, read }
    }
}

/// A parsed filter over the items that its fields read.
pub(crate) enum Filter<T> {
    And(Box<Filter<T>>, Box<Filter<T>>),
    Or(Box<Filter<T>>, Box<Filter<T>>),
    Instant {
        name: &'static str,
        read: fn(&T) -> &str,
        operator: Operator,
        ticks: i64,
    },
    Ticks {
        read: fn(&T) -> i64,
        operator: Operator,
        ticks: i64,
    },
    Text {
        read: fn(&T) -> Option<&str>,
        equal: bool,
        text: Option<String>,
    },
    StartsWith {
        read: fn(&T) -> Option<&str>,
        text: String,
    },
    Number {
        read: fn(&T) -> Option<f64>,
        operator: Operator,
        number: f64,
    },
    Flag {
        read: fn(&T) -> Option<bool>,
        equal: bool,
        flag: bool,
    },
    Any {
        read: fn(&T) -> &[String],
        text: String,
    },
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Operator {
    Eq,
    Ne,
    Gt,
    Ge,
    Lt,
    Le,
}

impl Operator {
    fn named(word: &str) -> Option<Operator> {
        Some(match word {
            "eq" => Operator::Eq,
            "ne" => Operator::Ne,
            "gt" => Operator::Gt,
            "ge" => Operator::Ge,
            "lt" => Operator::Lt,
            "le" => Operator::Le,
            _ => return None,
        })
    }

    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Operator::Eq => ordering.is_eq(),
            Operator::Ne => ordering.is_ne(),
            Operator::Gt => ordering.is_gt(),
            Operator::Ge => ordering.is_ge(),
            Operator::Lt => ordering.is_lt(),
            Operator::Le => ordering.is_le(),
        }
    }
}

impl<T> Filter<T> {
    /// Parses `text` over `fields`; the error is the sentence that the API answers with status 400.
    pub fn parse(text: &str, fields: &[Field<T>]) -> Result<Filter<T>, String> {
        Parser::new(text, fields)?.whole()
    }

    /// The first and the last instant of this field that can be kept at all.
    pub fn window(&self, field: &str) -> (i64, i64) {
        match self {
            Filter::And(left, right) => {
                let (left, right) = (left.window(field), right.window(field));
                (left.0.max(right.0), left.1.min(right.1))
            }
            Filter::Instant {
                name,
                operator,
                ticks,
                ..
            } if *name == field => match operator {
                Operator::Eq => (*ticks, *ticks),
                Operator::Gt | Operator::Ge => (*ticks, i64::MAX),
                Operator::Lt | Operator::Le => (i64::MIN, *ticks),
                Operator::Ne => (i64::MIN, i64::MAX),
            },
            _ => (i64::MIN, i64::MAX),
        }
    }

    pub fn keeps(&self, item: &T) -> bool {
        match self {
            Filter::And(left, right) => left.keeps(item) && right.keeps(item),
            Filter::Or(left, right) => left.keeps(item) || right.keeps(item),
            Filter::Instant {
                read,
                operator,
                ticks,
                ..
            } => time::parse(read(item)).is_some_and(|value| operator.holds(value.cmp(ticks))),
            Filter::Ticks {
                read,
                operator,
                ticks,
            } => operator.holds(read(item).cmp(ticks)),
            Filter::Number {
                read,
                operator,
                number,
            } => match read(item).and_then(|value| value.partial_cmp(number)) {
                Some(ordering) => operator.holds(ordering),
                None => *operator == Operator::Ne,
            },
            Filter::Flag { read, equal, flag } => (read(item) == Some(*flag)) == *equal,
            Filter::Any { read, text } => {
                read(item).iter().any(|one| one.eq_ignore_ascii_case(text))
            }
            Filter::StartsWith { read, text } => read(item)
                .is_some_and(|value| value.to_lowercase().starts_with(&text.to_lowercase())),
            Filter::Text { read, equal, text } => {
                let same = match (read(item), text) {
                    (Some(value), Some(text)) => value.eq_ignore_ascii_case(text),
                    (value, text) => value.is_none() && text.is_none(),
                };
                same == *equal
            }
        }
    }
}

#[cfg(test)]
mod tests;
