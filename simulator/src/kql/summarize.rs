//! `summarize`: groups in order of their first row, and the aggregates over each.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::Value as Json;

use super::Error;
use super::expression::Expression;
use super::parser::Assigned;
use super::pipeline::{Rows, column_name};
use super::scope::Scope;
use super::value::{Column, Row, Type, Value};

enum Aggregate {
    Count,
    CountIf(Expression),
    DistinctCount(Expression),
    Least(Expression),
    Greatest(Expression),
    Sum(Expression),
    Average(Expression),
    Set(Expression),
    List(Expression),
    /// The row in which the first expression is greatest (or least), and what to show of it.
    Extreme {
        key: Expression,
        greatest: bool,
        shown: Vec<Expression>,
    },
}

pub(super) fn summarize(
    rows: Rows,
    scope: &Scope,
    aggregates: Vec<Assigned>,
    by: Vec<Assigned>,
) -> Result<Rows, Error> {
    let mut columns = Vec::new();
    let mut keys = Vec::new();
    for (name, mut key) in by {
        let name = column_name(name, &key, columns.len());
        columns.push(Column {
            name,
            kind: scope.bind(&mut key)?,
        });
        keys.push(key);
    }
    let mut bound = Vec::new();
    for (name, aggregate) in aggregates {
        bound.push(bind(name, aggregate, scope, &mut columns)?);
    }

    let mut order: Vec<(Row, Vec<Row>)> = Vec::new();
    let mut places: HashMap<Vec<u8>, usize> = HashMap::new();
    for row in rows.rows {
        let key: Row = keys.iter().map(|key| key.value(&row)).collect();
        let place = *places.entry(identity(&key)).or_insert_with(|| {
            order.push((key, Vec::new()));
            order.len() - 1
        });
        order[place].1.push(row);
    }
    if keys.is_empty() && order.is_empty() {
        order.push((Vec::new(), Vec::new()));
    }
    let results: Vec<Row> = order
        .into_iter()
        .map(|(mut result, group)| {
            bound
                .iter()
                .for_each(|aggregate| result.extend(aggregate.over(&group)));
            result
        })
        .collect();
    Ok(Rows {
        columns,
        rows: Box::new(results.into_iter()),
    })
}

/// Bytes that are equal exactly for equal rows.
pub(super) fn identity(row: &Row) -> Vec<u8> {
    let mut bytes = Vec::new();
    for value in row {
        value.write_json(&mut bytes);
        bytes.push(0);
    }
    bytes
}

fn bind(
    name: Option<String>,
    aggregate: Expression,
    scope: &Scope,
    columns: &mut Vec<Column>,
) -> Result<Aggregate, Error> {
    let unknown = || {
        Error::Semantic(
        "This simulator knows the aggregates arg_max, arg_min, avg, count, countif, dcount, make_list, make_set, max, min, sum".into(),
    )
    };
    let Expression::Call(function, mut arguments) = aggregate else {
        return Err(unknown());
    };
    if let ("arg_max" | "arg_min", [key, ..]) = (function.as_str(), arguments.as_mut_slice()) {
        let kind = scope.bind(key)?;
        columns.push(Column {
            name: column_name(name, &key.clone(), columns.len()),
            kind,
        });
        let mut shown = arguments.split_off(1);
        if matches!(shown.as_slice(), [Expression::Name(star)] if star == "*") {
            let hidden: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
            let rest = scope
                .columns
                .iter()
                .filter(|column| !hidden.contains(&column.name));
            shown = rest
                .map(|column| Expression::Name(column.name.clone()))
                .collect();
        }
        let mut bound = Vec::new();
        for mut expression in shown {
            let Expression::Name(name) = expression.clone() else {
                return Err(unknown());
            };
            columns.push(Column {
                name,
                kind: scope.bind(&mut expression)?,
            });
            bound.push(expression);
        }
        return Ok(Aggregate::Extreme {
            key: arguments.remove(0),
            greatest: function == "arg_max",
            shown: bound,
        });
    }
    let of = arguments
        .first()
        .map_or(String::new(), |argument| column_name(None, argument, 0));
    let mut kind = Type::Long;
    if let [argument] = arguments.as_mut_slice() {
        kind = scope.bind(argument)?;
    }
    let mut argument = || {
        (arguments.len() == 1)
            .then(|| arguments.remove(0))
            .ok_or_else(unknown)
    };
    let (aggregate, kind) = match function.as_str() {
        "count" => (Aggregate::Count, Type::Long),
        "countif" => (Aggregate::CountIf(argument()?), Type::Long),
        "dcount" => (Aggregate::DistinctCount(argument()?), Type::Long),
        "min" => (Aggregate::Least(argument()?), kind),
        "max" => (Aggregate::Greatest(argument()?), kind),
        "sum" => (Aggregate::Sum(argument()?), kind),
        "avg" => (Aggregate::Average(argument()?), Type::Real),
        "make_set" => (Aggregate::Set(argument()?), Type::Dynamic),
        "make_list" => (Aggregate::List(argument()?), Type::Dynamic),
        _ => return Err(unknown()),
    };
    let shown = match function.as_str() {
        "make_set" => "set",
        "make_list" => "list",
        other => other,
    };
    columns.push(Column {
        name: name.unwrap_or_else(|| format!("{shown}_{of}")),
        kind,
    });
    Ok(aggregate)
}

impl Aggregate {
    fn over(&self, group: &[Row]) -> Vec<Value> {
        let values = |of: &Expression| -> Vec<Value> {
            let values = group.iter().map(|row| of.value(row));
            values
                .filter(|value| !matches!(value, Value::Null))
                .collect()
        };
        let distinct = |of: &Expression| -> BTreeMap<Vec<u8>, Value> {
            values(of)
                .into_iter()
                .map(|value| (identity(&vec![value.clone()]), value))
                .collect()
        };
        let numbers =
            |of: &Expression| -> Vec<f64> { values(of).iter().filter_map(Value::number).collect() };
        let array = |values: &mut dyn Iterator<Item = Value>| {
            Value::Dynamic(Arc::new(Json::Array(values.map(json).collect())))
        };
        let order = |a: &Value, b: &Value| a.compare(b).unwrap_or(std::cmp::Ordering::Equal);
        vec![match self {
            Aggregate::Count => Value::Long(group.len() as i64),
            Aggregate::CountIf(of) => {
                Value::Long(values(of).iter().filter(|value| value.is_true()).count() as i64)
            }
            Aggregate::DistinctCount(of) => Value::Long(distinct(of).len() as i64),
            Aggregate::Least(of) => values(of).into_iter().min_by(order).unwrap_or(Value::Null),
            Aggregate::Greatest(of) => values(of).into_iter().max_by(order).unwrap_or(Value::Null),
            Aggregate::Sum(of) => match values(of)
                .iter()
                .all(|value| matches!(value, Value::Long(_)))
            {
                true => Value::Long(numbers(of).iter().sum::<f64>() as i64),
                false => Value::Real(numbers(of).iter().sum()),
            },
            Aggregate::Average(of) => {
                Value::Real(numbers(of).iter().sum::<f64>() / numbers(of).len() as f64)
            }
            Aggregate::Set(of) => array(&mut distinct(of).into_values()),
            Aggregate::List(of) => array(&mut values(of).into_iter()),
            Aggregate::Extreme {
                key,
                greatest,
                shown,
            } => {
                let compare = |a: &&Row, b: &&Row| order(&key.value(a), &key.value(b));
                let row = if *greatest {
                    group.iter().max_by(compare)
                } else {
                    group.iter().min_by(compare)
                };
                let Some(row) = row else {
                    return vec![Value::Null; shown.len() + 1];
                };
                return std::iter::once(key)
                    .chain(shown)
                    .map(|expression| expression.value(row))
                    .collect();
            }
        }]
    }
}

fn json(value: Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => value.into(),
        Value::Long(value) => value.into(),
        Value::Real(value) => value.into(),
        Value::Dynamic(json) => (*json).clone(),
        other => other.display().into(),
    }
}
