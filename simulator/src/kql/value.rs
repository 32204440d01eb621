//! KQL's values and types, their order, and how they are written as JSON.

use std::cmp::Ordering;
use std::sync::Arc;

use serde_json::Value as Json;

use crate::time::{self, SECOND};

/// One cell of a row.
#[derive(Clone, Debug)]
pub enum Value {
    Null,
    Bool(bool),
    Long(i64),
    Real(f64),
    String(Arc<str>),
    /// Ticks of 100 ns since 1970.
    DateTime(i64),
    /// Ticks of 100 ns.
    TimeSpan(i64),
    Dynamic(Arc<Json>),
}

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Type {
    Bool,
    Int,
    Long,
    Real,
    String,
    DateTime,
    TimeSpan,
    Dynamic,
}

/// The cells of one result, in the order of its columns.
pub type Row = Vec<Value>;

/// A named column.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    pub name: String,
    pub kind: Type,
}

impl Type {
    /// The name under which the hunting APIs report the type.
    pub(crate) fn reported(self) -> &'static str {
        match self {
            Type::Bool => "SByte",
            Type::Int => "Int32",
            Type::Long => "Int64",
            Type::Real => "Double",
            Type::String => "String",
            Type::DateTime => "DateTime",
            Type::TimeSpan => "TimeSpan",
            Type::Dynamic => "Object",
        }
    }

    /// The cell that a seed file's JSON stands for in a column of this type.
    pub(crate) fn cell(self, json: &Json) -> Value {
        match (self, json) {
            (_, Json::Null) => Value::Null,
            (Type::Dynamic, json) => Value::Dynamic(Arc::new(json.clone())),
            (Type::DateTime, Json::String(text)) => {
                time::parse(text).map_or(Value::Null, Value::DateTime)
            }
            (Type::Real, json) => json.as_f64().map_or(Value::Null, Value::Real),
            (_, Json::Bool(value)) => Value::Bool(*value),
            (_, Json::Number(number)) => number.as_i64().map_or(Value::Null, Value::Long),
            (_, Json::String(text)) => Value::text(text),
            (_, other) => Value::text(&other.to_string()),
        }
    }
}

impl Value {
    /// A string.
    pub fn text(text: &str) -> Value {
        Value::String(text.into())
    }

    pub(crate) fn kind(&self) -> Type {
        match self {
            Value::Bool(_) => Type::Bool,
            Value::Long(_) => Type::Long,
            Value::Real(_) => Type::Real,
            Value::Null | Value::String(_) => Type::String,
            Value::DateTime(_) => Type::DateTime,
            Value::TimeSpan(_) => Type::TimeSpan,
            Value::Dynamic(_) => Type::Dynamic,
        }
    }

    pub(crate) fn is_true(&self) -> bool {
        matches!(self, Value::Bool(true))
    }

    /// The value as `tostring()` writes it; null is the empty string.
    pub(crate) fn display(&self) -> String {
        match self {
            Value::Null => String::new(),
            Value::Bool(value) => value.to_string(),
            Value::Long(value) => value.to_string(),
            Value::Real(value) => value.to_string(),
            Value::String(text) => text.to_string(),
            Value::DateTime(ticks) => time::format(*ticks),
            Value::TimeSpan(ticks) => format_span(*ticks),
            Value::Dynamic(json) => json
                .as_str()
                .map_or_else(|| json.to_string(), str::to_owned),
        }
    }

    /// The plain value inside a dynamic one.
    pub(crate) fn plain(&self) -> Value {
        let Value::Dynamic(json) = self else {
            return self.clone();
        };
        match &**json {
            Json::Null => Value::Null,
            Json::Bool(value) => Value::Bool(*value),
            Json::Number(number) => number
                .as_i64()
                .map(Value::Long)
                .or(number.as_f64().map(Value::Real))
                .unwrap_or(Value::Null),
            Json::String(text) => Value::text(text),
            _ => self.clone(),
        }
    }

    /// The order of two values of comparable types; `None` where KQL would answer null.
    pub(crate) fn compare(&self, other: &Value) -> Option<Ordering> {
        match (&self.plain(), &other.plain()) {
            (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
            (Value::Long(a), Value::Long(b)) => Some(a.cmp(b)),
            (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
            (Value::DateTime(a), Value::DateTime(b)) | (Value::TimeSpan(a), Value::TimeSpan(b)) => {
                Some(a.cmp(b))
            }
            (a, b) => a.number()?.partial_cmp(&b.number()?),
        }
    }

    pub(crate) fn number(&self) -> Option<f64> {
        match self {
            Value::Long(value) => Some(*value as f64),
            Value::Real(value) => Some(*value),
            Value::Bool(value) => Some(f64::from(*value)),
            _ => None,
        }
    }

    pub(crate) fn write_json(&self, out: &mut Vec<u8>) {
        let written = match self {
            Value::Null => serde_json::to_writer(out, &()),
            Value::Bool(value) => serde_json::to_writer(out, value),
            Value::Long(value) => serde_json::to_writer(out, value),
            Value::Real(value) => serde_json::to_writer(out, value),
            Value::Dynamic(json) => serde_json::to_writer(out, json.as_ref()),
            Value::String(text) => serde_json::to_writer(out, text.as_ref()),
            Value::DateTime(_) | Value::TimeSpan(_) => serde_json::to_writer(out, &self.display()),
        };
        written.expect("writing plain values to memory does not fail");
    }
}

/// `[-][d.]hh:mm:ss[.fffffff]`
fn format_span(ticks: i64) -> String {
    let sign = if ticks < 0 { "-" } else { "" };
    let (seconds, fraction) = (ticks.abs() / SECOND, ticks.abs() % SECOND);
    let days = match seconds / 86_400 {
        0 => String::new(),
        days => format!("{days}."),
    };
    let clock = format!(
        "{:02}:{:02}:{:02}",
        seconds / 3600 % 24,
        seconds / 60 % 60,
        seconds % 60
    );
    let fraction = if fraction == 0 {
        String::new()
    } else {
        format!(".{fraction:07}")
    };
    format!("{sign}{days}{clock}{fraction}")
}
