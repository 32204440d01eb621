//! The value of a bound expression for a row. What KQL answers with null is null here, never an error.

use std::sync::Arc;

use serde_json::Value as Json;

use super::expression::{Binary, Expression, TextTest};
use super::lexer;
use super::value::{Row, Value};
use crate::time::SECOND;

impl Expression {
    pub(super) fn value(&self, row: &Row) -> Value {
        match self {
            Expression::Literal(value) => value.clone(),
            // Binding left none behind.
            Expression::Name(_) => Value::Null,
            Expression::Column(index) => row[*index].clone(),
            Expression::Not(inner) => match inner.value(row) {
                Value::Bool(value) => Value::Bool(!value),
                _ => Value::Null,
            },
            Expression::Negative(inner) => match inner.value(row) {
                Value::Long(value) => Value::Long(value.wrapping_neg()),
                Value::Real(value) => Value::Real(-value),
                Value::TimeSpan(ticks) => Value::TimeSpan(-ticks),
                _ => Value::Null,
            },
            Expression::Member(value, key) => member(&value.value(row), &key.value(row)),
            Expression::In {
                value,
                list,
                case,
                negated,
            } => {
                let value = value.value(row);
                let found = items(list, row)
                    .iter()
                    .any(|item| equal(&value, item, *case));
                Value::Bool(found != *negated)
            }
            Expression::Between {
                value,
                low,
                high,
                negated,
            } => {
                let (value, low, high) = (value.value(row), low.value(row), high.value(row));
                // `between (t .. 1d)` counts the span from the lower end.
                let high = match (&low, &high) {
                    (Value::DateTime(_), Value::TimeSpan(_)) => {
                        arithmetic(&low, Binary::Add, &high)
                    }
                    _ => high,
                };
                match (value.compare(&low), value.compare(&high)) {
                    (Some(low), Some(high)) => {
                        Value::Bool((low.is_ge() && high.is_le()) != *negated)
                    }
                    _ => Value::Bool(false),
                }
            }
            Expression::Binary(left, operator, right) => {
                binary(&left.value(row), *operator, || right.value(row))
            }
            Expression::Call(name, arguments) => call(name, arguments, row),
        }
    }
}

/// The values of a list, dynamic arrays in it laid open.
fn items(list: &[Expression], row: &Row) -> Vec<Value> {
    let open = |value: Value| match &value {
        Value::Dynamic(json) if json.is_array() => {
            let elements = json.as_array().into_iter().flatten();
            elements
                .map(|element| Value::Dynamic(Arc::new(element.clone())).plain())
                .collect()
        }
        _ => vec![value],
    };
    list.iter().flat_map(|item| open(item.value(row))).collect()
}

fn equal(left: &Value, right: &Value, case: bool) -> bool {
    match (left.plain(), right.plain()) {
        (Value::String(a), Value::String(b)) if !case => a.to_lowercase() == b.to_lowercase(),
        // A string column has no null: what is not there is empty.
        (Value::Null, Value::String(text)) | (Value::String(text), Value::Null) => text.is_empty(),
        (left, right) => left.compare(&right).is_some_and(|order| order.is_eq()),
    }
}

fn binary(left: &Value, operator: Binary, right: impl FnOnce() -> Value) -> Value {
    let ordered = |right: Value, holds: fn(std::cmp::Ordering) -> bool| {
        Value::Bool(left.compare(&right).is_some_and(holds))
    };
    match operator {
        Binary::Or => Value::Bool(left.is_true() || right().is_true()),
        Binary::And => Value::Bool(left.is_true() && right().is_true()),
        Binary::Equal => Value::Bool(equal(left, &right(), true)),
        Binary::NotEqual => Value::Bool(!equal(left, &right(), true)),
        Binary::EqualAnyCase => Value::Bool(equal(left, &right(), false)),
        Binary::NotEqualAnyCase => Value::Bool(!equal(left, &right(), false)),
        Binary::Less => ordered(right(), |order| order.is_lt()),
        Binary::LessOrEqual => ordered(right(), |order| order.is_le()),
        Binary::Greater => ordered(right(), |order| order.is_gt()),
        Binary::GreaterOrEqual => ordered(right(), |order| order.is_ge()),
        Binary::Text {
            test,
            case,
            negated,
        } => Value::Bool(text_test(&left.display(), test, &right().display(), case) != negated),
        _ => arithmetic(left, operator, &right()),
    }
}

fn text_test(text: &str, test: TextTest, part: &str, case: bool) -> bool {
    if !case {
        return text_test(&text.to_lowercase(), test, &part.to_lowercase(), true);
    }
    let bounded = |at: usize, right_too: bool| {
        let before = text[..at]
            .chars()
            .next_back()
            .is_some_and(char::is_alphanumeric);
        let after = text[at + part.len()..]
            .chars()
            .next()
            .is_some_and(char::is_alphanumeric);
        !before && (!right_too || !after)
    };
    match test {
        TextTest::Contains => text.contains(part),
        TextTest::StartsWith => text.starts_with(part),
        TextTest::EndsWith => text.ends_with(part),
        TextTest::Has => text.match_indices(part).any(|(at, _)| bounded(at, true)),
        TextTest::HasPrefix => text.match_indices(part).any(|(at, _)| bounded(at, false)),
    }
}

fn arithmetic(left: &Value, operator: Binary, right: &Value) -> Value {
    use Value::{DateTime, Long, Real, TimeSpan};
    match (left, operator, right) {
        (DateTime(a), Binary::Subtract, DateTime(b)) => TimeSpan(a.wrapping_sub(*b)),
        (DateTime(a), Binary::Subtract, TimeSpan(b)) => DateTime(a.wrapping_sub(*b)),
        (DateTime(a), Binary::Add, TimeSpan(b)) | (TimeSpan(b), Binary::Add, DateTime(a)) => {
            DateTime(a.wrapping_add(*b))
        }
        (TimeSpan(a), Binary::Add, TimeSpan(b)) => TimeSpan(a.wrapping_add(*b)),
        (TimeSpan(a), Binary::Subtract, TimeSpan(b)) => TimeSpan(a.wrapping_sub(*b)),
        (TimeSpan(a), Binary::Multiply, Long(b)) | (Long(b), Binary::Multiply, TimeSpan(a)) => {
            TimeSpan(a.wrapping_mul(*b))
        }
        (TimeSpan(a), Binary::Divide, TimeSpan(b)) if *b != 0 => Real(*a as f64 / *b as f64),
        (TimeSpan(a), Binary::Divide, Long(b)) if *b != 0 => TimeSpan(a.wrapping_div(*b)),
        (Long(a), Binary::Add, Long(b)) => Long(a.wrapping_add(*b)),
        (Long(a), Binary::Subtract, Long(b)) => Long(a.wrapping_sub(*b)),
        (Long(a), Binary::Multiply, Long(b)) => Long(a.wrapping_mul(*b)),
        (Long(_), Binary::Divide | Binary::Modulo, Long(0)) => Value::Null,
        (Long(a), Binary::Divide, Long(b)) => Long(a.wrapping_div(*b)),
        (Long(a), Binary::Modulo, Long(b)) => Long(a.wrapping_rem_euclid(*b)),
        _ => match (left.number(), operator, right.number()) {
            (Some(a), Binary::Add, Some(b)) => Real(a + b),
            (Some(a), Binary::Subtract, Some(b)) => Real(a - b),
            (Some(a), Binary::Multiply, Some(b)) => Real(a * b),
            (Some(a), Binary::Divide, Some(b)) => Real(a / b),
            _ => Value::Null,
        },
    }
}

fn member(value: &Value, key: &Value) -> Value {
    let Value::Dynamic(json) = value else {
        return Value::Null;
    };
    let found = match key.plain() {
        Value::String(name) => json.get(name.as_ref()),
        Value::Long(index) => usize::try_from(index)
            .ok()
            .and_then(|index| json.get(index)),
        _ => None,
    };
    found.map_or(Value::Null, |found| Value::Dynamic(Arc::new(found.clone())))
}

fn call(name: &str, arguments: &[Expression], row: &Row) -> Value {
    let argument = |index: usize| {
        arguments
            .get(index)
            .map_or(Value::Null, |argument| argument.value(row).plain())
    };
    let first = argument(0);
    match name {
        "isempty" => Value::Bool(first.display().is_empty()),
        "isnotempty" => Value::Bool(!first.display().is_empty()),
        "isnull" => Value::Bool(matches!(first, Value::Null)),
        "isnotnull" => Value::Bool(!matches!(first, Value::Null)),
        "has_any" | "has_all" => {
            let terms = items(&arguments[1..], row);
            let has =
                |term: &Value| text_test(&first.display(), TextTest::Has, &term.display(), false);
            Value::Bool(if name == "has_any" {
                terms.iter().any(has)
            } else {
                terms.iter().all(has)
            })
        }
        "tostring" => Value::text(&first.display()),
        "tolower" => Value::text(&first.display().to_lowercase()),
        "toupper" => Value::text(&first.display().to_uppercase()),
        "strcat" => Value::text(
            &arguments
                .iter()
                .map(|argument| argument.value(row).display())
                .collect::<String>(),
        ),
        "strrep" => match argument(1) {
            Value::Long(count) => {
                Value::text(&first.display().repeat(count.clamp(0, 1_000_000) as usize))
            }
            _ => Value::Null,
        },
        "strlen" => Value::Long(first.display().chars().count() as i64),
        "array_length" => match &first {
            Value::Dynamic(json) => json
                .as_array()
                .map_or(Value::Null, |array| Value::Long(array.len() as i64)),
            _ => Value::Null,
        },
        "toint" | "tolong" => match first.number() {
            Some(number) => Value::Long(number as i64),
            None => first
                .display()
                .trim()
                .parse()
                .map_or(Value::Null, Value::Long),
        },
        "toreal" | "todouble" => first
            .number()
            .or_else(|| first.display().trim().parse().ok())
            .map_or(Value::Null, Value::Real),
        "todatetime" => lexer::instant(&first.display()).map_or(Value::Null, Value::DateTime),
        "startofday" => bin(&first, &Value::TimeSpan(86_400 * SECOND)),
        "parse_json" | "todynamic" => {
            let json = serde_json::from_str(&first.display())
                .unwrap_or_else(|_| Json::String(first.display()));
            Value::Dynamic(Arc::new(json))
        }
        "bin" | "floor" => bin(&first, &argument(1)),
        "iff" | "iif" => argument(if first.is_true() { 1 } else { 2 }),
        // Binding admits no other.
        _ => Value::Null,
    }
}

fn bin(value: &Value, size: &Value) -> Value {
    let down = |value: i64, size: i64| {
        if size > 0 {
            value - value.rem_euclid(size)
        } else {
            value
        }
    };
    match (value, size) {
        (Value::DateTime(value), Value::TimeSpan(size)) => Value::DateTime(down(*value, *size)),
        (Value::TimeSpan(value), Value::TimeSpan(size)) => Value::TimeSpan(down(*value, *size)),
        (Value::Long(value), Value::Long(size)) => Value::Long(down(*value, *size)),
        _ => match (value.number(), size.number()) {
            (Some(value), Some(size)) if size > 0.0 => Value::Real((value / size).floor() * size),
            _ => Value::Null,
        },
    }
}
