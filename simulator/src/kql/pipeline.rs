//! Tabular operators over lazily made rows: only those that must see every row first hold them.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use super::Error;
use super::expression::Expression;
use super::parser::{Assigned, Operator};
use super::scope::Scope;
use super::summarize::{identity, summarize};
use super::value::{Column, Row, Type, Value};

/// Columns, and rows as they are asked for.
pub(crate) struct Rows {
    pub columns: Vec<Column>,
    pub rows: Box<dyn Iterator<Item = Row> + Send>,
}

/// The constants that every stage knows.
pub(super) struct Constants {
    pub lets: HashMap<String, Value>,
    pub now: i64,
}

impl Constants {
    pub fn scope<'s>(&'s self, columns: &'s [Column]) -> Scope<'s> {
        Scope {
            columns,
            lets: &self.lets,
            now: self.now,
        }
    }

    /// The value of an expression that uses no column.
    pub fn constant(&self, mut expression: Expression) -> Result<Value, Error> {
        self.scope(&[]).bind(&mut expression)?;
        Ok(expression.value(&Vec::new()))
    }

    fn count(&self, expression: Expression) -> Result<usize, Error> {
        match self.constant(expression)? {
            Value::Long(count) if count >= 0 => Ok(count as usize),
            _ => Err(Error::Semantic(
                "A number of rows must be a non-negative integer".into(),
            )),
        }
    }
}

/// The name of a result column: as assigned, the column's own, or made up as Kusto does.
pub(super) fn column_name(
    assigned: Option<String>,
    expression: &Expression,
    index: usize,
) -> String {
    assigned.unwrap_or_else(|| match expression {
        Expression::Name(name) => name.clone(),
        Expression::Call(_, arguments) if !arguments.is_empty() => {
            column_name(None, &arguments[0], index)
        }
        _ => format!("Column{}", index + 1),
    })
}

impl Rows {
    pub(super) fn then(self, operator: Operator, constants: &Constants) -> Result<Rows, Error> {
        let columns = self.columns.clone();
        let scope = constants.scope(&columns);
        match operator {
            Operator::Where(mut predicate) => {
                match scope.bind(&mut predicate)? {
                    Type::Bool | Type::Dynamic => {}
                    other => {
                        return Err(Error::Semantic(format!(
                            "where: a condition is expected, not {}",
                            other.reported()
                        )));
                    }
                }
                let rows = self.rows.filter(move |row| predicate.value(row).is_true());
                Ok(Rows {
                    columns: self.columns,
                    rows: Box::new(rows),
                })
            }
            Operator::Project(assigned) => self.project(assigned, &scope, false),
            Operator::Extend(assigned) => self.project(assigned, &scope, true),
            Operator::ProjectAway(names) => {
                if let Some(unknown) = names
                    .iter()
                    .find(|name| !columns.iter().any(|column| column.name == **name))
                {
                    return Err(Error::Semantic(format!(
                        "project-away: there is no column named '{unknown}'"
                    )));
                }
                let kept = columns
                    .iter()
                    .filter(|column| !names.contains(&column.name));
                let kept: Vec<Assigned> = kept
                    .map(|column| (None, Expression::Name(column.name.clone())))
                    .collect();
                self.project(kept, &scope, false)
            }
            Operator::Take(count) => {
                let count = constants.count(count)?;
                Ok(Rows {
                    columns: self.columns,
                    rows: Box::new(self.rows.take(count)),
                })
            }
            Operator::Sort(keys) => self.sort(keys, &scope),
            Operator::Top(count, keys) => {
                let count = constants.count(count)?;
                let sorted = self.sort(keys, &scope)?;
                Ok(Rows {
                    columns: sorted.columns,
                    rows: Box::new(sorted.rows.take(count)),
                })
            }
            Operator::Count => {
                let columns = vec![Column {
                    name: "Count".into(),
                    kind: Type::Long,
                }];
                let count = self.rows.count() as i64;
                Ok(Rows {
                    columns,
                    rows: Box::new(std::iter::once(vec![Value::Long(count)])),
                })
            }
            Operator::DistinctAll => Ok(self.distinct()),
            Operator::Distinct(assigned) => Ok(self.project(assigned, &scope, false)?.distinct()),
            Operator::Summarize { aggregates, by } => summarize(self, &scope, aggregates, by),
        }
    }

    /// The assigned columns alone, or beside (and in place of) those that are there.
    fn project(self, assigned: Vec<Assigned>, scope: &Scope, extend: bool) -> Result<Rows, Error> {
        let mut columns = if extend {
            self.columns.clone()
        } else {
            Vec::new()
        };
        let mut sources: Vec<Expression> = (0..columns.len()).map(Expression::Column).collect();
        for (name, mut expression) in assigned {
            let name = column_name(name, &expression, columns.len());
            let kind = scope.bind(&mut expression)?;
            match columns.iter().position(|column| column.name == name) {
                Some(index) if extend => {
                    columns[index].kind = kind;
                    sources[index] = expression;
                }
                _ => {
                    columns.push(Column { name, kind });
                    sources.push(expression);
                }
            }
        }
        let rows = self
            .rows
            .map(move |row| sources.iter().map(|source| source.value(&row)).collect());
        Ok(Rows {
            columns,
            rows: Box::new(rows),
        })
    }

    fn sort(self, mut keys: Vec<(Expression, bool)>, scope: &Scope) -> Result<Rows, Error> {
        for (key, _) in &mut keys {
            scope.bind(key)?;
        }
        let mut rows: Vec<Row> = self.rows.collect();
        rows.sort_by(|a, b| {
            let by_key = |(key, descending): &(Expression, bool)| {
                let order = nulls_first(&key.value(a), &key.value(b));
                if *descending { order.reverse() } else { order }
            };
            keys.iter()
                .map(by_key)
                .find(|order| order.is_ne())
                .unwrap_or(Ordering::Equal)
        });
        Ok(Rows {
            columns: self.columns,
            rows: Box::new(rows.into_iter()),
        })
    }

    fn distinct(self) -> Rows {
        let mut seen = HashSet::new();
        let rows = self.rows.filter(move |row| seen.insert(identity(row)));
        Rows {
            columns: self.columns,
            rows: Box::new(rows),
        }
    }
}

fn nulls_first(a: &Value, b: &Value) -> Ordering {
    match (matches!(a, Value::Null), matches!(b, Value::Null)) {
        (false, false) => a.compare(b).unwrap_or(Ordering::Equal),
        (a, b) => b.cmp(&a),
    }
}
