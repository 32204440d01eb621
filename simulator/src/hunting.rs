//! Advanced hunting behind either API: the tables, the window of time, and the answer written while it is sent.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use hyper::body::Bytes;
use serde_json::{Map, Value as Json, json};

use crate::answer::{AnswerBody, Pieces};
use crate::kql::value::{Column, Row, Type, Value};
use crate::kql::{self, Rows};
use crate::tenant::Tenant;
use crate::time;

/// No table looks further back than this.
const MOST_TICKS: i64 = 30 * 86_400 * time::SECOND;
const PIECE: usize = 64 * 1024;

type Tables = BTreeMap<String, Vec<(String, Type)>>;

/// Every table's documented columns.
static COLUMNS: LazyLock<Tables> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../tenants/tables.json"))
        .expect("the committed columns are tables of pairs")
});

/// A hunting table.
#[derive(Clone, Debug, Default)]
pub struct Table {
    pub columns: Vec<Column>,
    pub rows: Arc<Vec<Row>>,
}

impl Table {
    /// Empty tables, all that are documented here.
    pub(crate) fn all() -> BTreeMap<String, Table> {
        COLUMNS
            .keys()
            .map(|name| (name.clone(), Table::named(name)))
            .collect()
    }

    fn named(name: &str) -> Table {
        let columns = COLUMNS[name].iter().map(|(name, kind)| Column {
            name: name.clone(),
            kind: *kind,
        });
        Table {
            columns: columns.collect(),
            rows: Arc::default(),
        }
    }

    /// A table of these columns without rows, for a tenant's `tables`.
    pub fn new(columns: &[(&str, Type)]) -> Table {
        let columns = columns.iter().map(|(name, kind)| Column {
            name: (*name).to_owned(),
            kind: *kind,
        });
        Table {
            columns: columns.collect(),
            rows: Arc::default(),
        }
    }

    /// Adds so many rows, each with a cell for every column.
    pub fn grow(&mut self, count: usize, row: impl FnMut(usize) -> Row) {
        Arc::make_mut(&mut self.rows).extend((0..count).map(row));
    }

    /// Adds a row; columns left out are null.
    ///
    /// # Panics
    /// If the row has a column that the table lacks.
    pub fn push(&mut self, row: &Map<String, Json>) {
        let unknown = row
            .keys()
            .find(|name| !self.columns.iter().any(|column| column.name == **name));
        assert!(unknown.is_none(), "the table has no column {unknown:?}");
        let cells = self.columns.iter().map(|column| {
            row.get(&column.name)
                .map_or(Value::Null, |cell| column.kind.cell(cell))
        });
        let cells = cells.collect();
        Arc::make_mut(&mut self.rows).push(cells);
    }

    /// The cells of these columns, row by row; nothing if the table lacks one of them.
    pub(crate) fn cells<'t, const N: usize>(
        &'t self,
        names: [&str; N],
    ) -> impl Iterator<Item = [&'t Value; N]> {
        let position = |name: &str| self.columns.iter().position(|column| column.name == name);
        let positions = names.map(position);
        let rows = match positions.iter().all(Option::is_some) {
            true => self.rows.as_slice(),
            false => &[],
        };
        rows.iter()
            .map(move |row| positions.map(|at| &row[at.unwrap_or_default()]))
    }

    /// The rows whose `Timestamp` or, without such a column, `TimeGenerated` lies in the window, both ends included.
    fn within(&self, (start, end): (i64, i64)) -> Rows {
        let named = |name: &str| self.columns.iter().position(|column| column.name == name);
        let timestamp = named("Timestamp").or_else(|| named("TimeGenerated"));
        let (rows, all) = (self.rows.clone(), self.rows.clone());
        let seen = move |row: &Row| match timestamp.map(|index| &row[index]) {
            Some(Value::DateTime(at)) => (start..=end).contains(at),
            _ => true,
        };
        let rows = (0..rows.len())
            .filter(move |&index| seen(&rows[index]))
            .map(move |index| all[index].clone());
        Rows {
            columns: self.columns.clone(),
            rows: Box::new(rows),
        }
    }
}

fn run(
    tables: &BTreeMap<String, Table>,
    query: &str,
    timespan: Option<&str>,
    now: i64,
) -> Result<Rows, String> {
    let window = window(timespan, now)?;
    let rows = kql::run(query, now, |name| {
        tables.get(name).map(|table| table.within(window))
    });
    rows.map_err(|error| error.to_string())
}

/// `start/end`, `duration/end`, `start/duration`, a duration back from now, or a start; never more than 30 days back.
fn window(timespan: Option<&str>, now: i64) -> Result<(i64, i64), String> {
    let oldest = now - MOST_TICKS;
    let Some(text) = timespan else {
        return Ok((oldest, now));
    };
    let read = |part: &str| match time::parse(part) {
        Some(instant) => Some(Part::Instant(instant)),
        None => time::parse_duration(part).map(Part::Duration),
    };
    let parts = match text.split_once('/') {
        Some((first, second)) => (read(first), Some(read(second))),
        None => (read(text), None),
    };
    let (start, end) = match parts {
        (Some(Part::Instant(start)), Some(Some(Part::Instant(end)))) => (start, end),
        (Some(Part::Instant(start)), Some(Some(Part::Duration(length)))) => (start, start + length),
        (Some(Part::Duration(length)), Some(Some(Part::Instant(end)))) => (end - length, end),
        (Some(Part::Duration(length)), None) => (now - length, now),
        (Some(Part::Instant(start)), None) => (start, now),
        _ => {
            return Err(format!(
                "The timespan '{text}' is not an ISO 8601 interval, duration or instant."
            ));
        }
    };
    Ok((start.max(oldest), end))
}

enum Part {
    Instant(i64),
    Duration(i64),
}

/// How an API spells an answer: what stands before the schema, and its four names.
pub(crate) struct Spelling {
    pub opening: String,
    pub schema: &'static str,
    pub results: &'static str,
    pub name: &'static str,
    pub kind: &'static str,
}

/// The answer to a query over a tenant's tables, within the limits that the tenant has; the error is the message of a 400.
pub(crate) fn answer(
    tenant: &Tenant,
    query: &str,
    timespan: Option<&str>,
    now: i64,
    spelling: &Spelling,
) -> Result<AnswerBody, String> {
    let found = run(&tenant.tables, query, timespan, now)?;
    let pieces = pieces(found, spelling, tenant.hunting_rows);
    let Some(most) = tenant.hunting_bytes else {
        return Ok(AnswerBody::Pieces(pieces));
    };
    let mut whole = Vec::new();
    for piece in pieces {
        whole.extend_from_slice(&piece);
        if whole.len() > most {
            return Err("Query execution has exceeded the allowed result size. Optimize your query by limiting the amount of results and try again.".into());
        }
    }
    Ok(AnswerBody::Whole(whole.into()))
}

/// The answer's JSON in pieces of about 64 KB, each made when the one before has gone.
fn pieces(found: Rows, spelling: &Spelling, most_rows: usize) -> Pieces {
    let schema: Vec<Json> = found
        .columns
        .iter()
        .map(|column| json!({ spelling.name: column.name, spelling.kind: column.kind.reported() }))
        .collect();
    let opening = format!(
        "{}\"{}\":{},\"{}\":[",
        spelling.opening,
        spelling.schema,
        json!(schema),
        spelling.results
    );
    let keys: Vec<String> = found
        .columns
        .iter()
        .map(|column| format!("{}:", json!(column.name)))
        .collect();
    let mut rows = found.rows.take(most_rows).enumerate();
    let mut piece = opening.into_bytes();
    let mut done = false;
    Box::new(std::iter::from_fn(move || {
        while !done && piece.len() < PIECE {
            match rows.next() {
                Some((index, row)) => write_row(&mut piece, index, &keys, &row),
                None => {
                    piece.extend_from_slice(b"]}");
                    done = true;
                }
            }
        }
        let full = std::mem::take(&mut piece);
        (!full.is_empty()).then(|| Bytes::from(full))
    }))
}

fn write_row(out: &mut Vec<u8>, index: usize, keys: &[String], row: &Row) {
    out.extend_from_slice(if index == 0 { b"{" } else { b",{" });
    for (column, (key, value)) in keys.iter().zip(row).enumerate() {
        if column > 0 {
            out.push(b',');
        }
        out.extend_from_slice(key.as_bytes());
        value.write_json(out);
    }
    out.push(b'}');
}
