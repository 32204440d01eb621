//! A subset of the Kusto Query Language, enough for the usual hunting questions. What it understands:
//!
//! - `let name = <literal or constant expression>;` before the query, `//` comments
//! - sources: a table's name, `range x from 1 to 10 step 1`, `print x = 1`
//! - operators: `where`, `project`, `project-away`, `extend`, `take`/`limit`, `top ... by`, `sort`/`order by`, `count`,
//!   `distinct`, `summarize ... by`
//! - aggregates: `count`, `countif`, `dcount`, `min`, `max`, `sum`, `avg`, `make_set`, `make_list`, `arg_max`, `arg_min`
//! - comparisons: `== != =~ !~ < <= > >=`, `contains`, `startswith`, `endswith`, `has`, `hasprefix` (with `!` and `_cs`),
//!   `has_any`, `has_all`, `in`, `in~`, `!in`, `between (a .. b)`, `and`, `or`, `not()`
//! - literals: `"..."`, `'...'`, `@"..."`, `h"..."`, numbers, `true`, `1d`, `datetime(...)`, `timespan(...)`, `dynamic(...)`
//! - arithmetic and the functions listed by the error for an unknown one
//!
//! Everything else, `join` and tabular `let`s among it, is a syntax or semantic error, status 400.

mod evaluate;
mod expression;
mod lexer;
mod parser;
mod pipeline;
mod scope;
mod summarize;
pub mod value;

use std::collections::HashMap;

use parser::Source;
use pipeline::Constants;
pub(crate) use pipeline::Rows;
use value::{Column, Type, Value};

/// Why a query cannot be run.
#[derive(Debug)]
pub(crate) enum Error {
    /// It is no query that this subset knows.
    Syntax {
        at: String,
        line: usize,
        column: usize,
    },
    /// A name or a type does not fit.
    Semantic(String),
}

impl Error {
    fn syntax(query: &str, at: usize) -> Error {
        let before = &query[..at];
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        Error::Syntax {
            at: query[at..].chars().take(20).collect(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Error::Syntax { at, line, column } => write!(
                f,
                "Syntax error: the query could not be parsed at '{at}' on line [{line},{column}]. This simulator understands \
                 let, where, project, project-away, extend, take, limit, top, sort, order, count, distinct, summarize, range and print."
            ),
            Error::Semantic(message) => write!(f, "Semantic error: {message}."),
        }
    }
}

/// Plans `query`; `table` gives the rows of a named table. Rows are computed as they are drawn.
pub(crate) fn run(
    query: &str,
    now: i64,
    table: impl Fn(&str) -> Option<Rows>,
) -> Result<Rows, Error> {
    let query = parser::parse(query)?;
    let mut constants = Constants {
        lets: HashMap::new(),
        now,
    };
    for (name, expression) in query.lets {
        let value = constants.constant(expression)?;
        constants.lets.insert(name, value);
    }
    let mut rows = match query.source {
        Source::Table(name) => table(&name).ok_or_else(|| {
            Error::Semantic(format!(
                "Failed to resolve table or column expression named '{name}'"
            ))
        })?,
        Source::Range {
            name,
            from,
            to,
            step,
        } => range(
            name,
            constants.constant(from)?,
            constants.constant(to)?,
            constants.constant(step)?,
        )?,
        Source::Print(assigned) => {
            let one = Rows {
                columns: Vec::new(),
                rows: Box::new(std::iter::once(Vec::new())),
            };
            let named = assigned
                .into_iter()
                .enumerate()
                .map(|(index, (name, value))| {
                    (Some(name.unwrap_or(format!("print_{index}"))), value)
                });
            one.then(parser::Operator::Project(named.collect()), &constants)?
        }
    };
    for operator in query.operators {
        rows = rows.then(operator, &constants)?;
    }
    Ok(rows)
}

fn range(name: String, from: Value, to: Value, step: Value) -> Result<Rows, Error> {
    let (from, to, step, kind) = match (from, to, step) {
        (Value::Long(from), Value::Long(to), Value::Long(step)) if step != 0 => {
            (from, to, step, Type::Long)
        }
        (Value::DateTime(from), Value::DateTime(to), Value::TimeSpan(step)) if step != 0 => {
            (from, to, step, Type::DateTime)
        }
        _ => return Err(Error::Semantic(
            "range takes whole numbers, or instants and a timespan, and a step that is not zero"
                .into(),
        )),
    };
    let within = move |value: &i64| if step > 0 { *value <= to } else { *value >= to };
    let values =
        std::iter::successors(Some(from), move |value| value.checked_add(step)).take_while(within);
    let rows = values.map(move |value| {
        vec![if kind == Type::Long {
            Value::Long(value)
        } else {
            Value::DateTime(value)
        }]
    });
    Ok(Rows {
        columns: vec![Column { name, kind }],
        rows: Box::new(rows),
    })
}

#[cfg(test)]
mod tests;
