//! Collecting the rows of a hunting query: over the window since the checkpoint, in parts that Microsoft returns whole.

use std::{
    collections::{BTreeMap, HashMap},
    time::Instant,
};

use ring::digest::{SHA256, digest};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    event::{Change, Event, Head, Kind},
    run::{Run, Source},
    seen::{Mark, Seen, mark},
};
use crate::{
    call::read_json,
    client::Reply,
    error::{Code, Error, Result},
    operations::hunting::{Body, Column},
    time::{Timestamp, from_ticks, http_date, ticks, to_text},
};

/// Microsoft cuts a result here without a word.
const MOST_ROWS: usize = 100_000;

/// A window with more rows is asked for in parts where it has parts: what is delivered of a window is kept in mind until it is done.
const MANY_ROWS: usize = 10_000;

/// The columns that say when a row happened.
const INSTANTS: [&str; 2] = ["Timestamp", "TimeGenerated"];

/// The ticks of a day.
const DAY: i64 = 864_000_000_000;

/// A query whose rows are collected.
pub struct Hunt {
    /// With its parameters bound.
    pub query: String,
}

/// The answer, with its rows unread.
#[derive(Deserialize)]
struct Table<'a> {
    #[serde(alias = "Schema")]
    schema: Vec<Column>,
    #[serde(borrow, alias = "Results")]
    results: Vec<&'a RawValue>,
}

/// What a query found in a window.
struct Found {
    /// Rows that were not delivered yet, in their order, by the day that they happened.
    days: BTreeMap<i64, Vec<(Mark, Event)>>,
    /// Whether rows say when they happened. Without that, none can be told from one that was delivered.
    timed: bool,
    date: Option<Timestamp>,
}

impl Source for Hunt {
    async fn collect(&self, run: &mut Run<'_>) -> Result<bool> {
        let now = from_ticks(ticks(run.call.invocation.now));
        let end = now.max(run.checkpoint.at);
        // Rows that come late are looked for in the first window; the others begin where the last one ended.
        let reading = run.checkpoint.reading;
        let mut start = reading.map_or(run.checkpoint.from, |reading| reading.reached);
        let mut length = i64::MAX;
        while start < end {
            if run.is_out_of_time() {
                return Ok(false);
            }
            let (from, until) = (ticks(start), ticks(end));
            let midnight = (from.div_euclid(DAY) + 1) * DAY;
            let to = until.min(midnight).min(from.saturating_add(length));
            let found = match self.ask(run, start, from_ticks(to)).await {
                Err(error) if error.code() == Code::TooLarge && to - from > 1 => {
                    length = (to - from) / 2;
                    continue;
                }
                found => found?,
            };
            if !found.timed && start < run.checkpoint.at {
                // What was delivered once would be delivered again.
                start = run.checkpoint.at;
                continue;
            }
            self.deliver(run, start, from_ticks(to), found).await?;
            start = from_ticks(to);
            length = length.saturating_mul(2);
        }
        run.complete(end).await.map(|()| true)
    }
}

impl Hunt {
    /// The new rows of a window.
    async fn ask(&self, run: &mut Run<'_>, from: Timestamp, to: Timestamp) -> Result<Found> {
        let window = format!("{}/{}", to_text(from), to_text(to));
        let body = Body {
            query: self.query.clone(),
            timespan: Some(window.clone()),
        };
        let (tenant, stream) = (run.call.tenant.as_str(), run.stream);
        let seen = &run.checkpoint.seen;
        let read = |reply: &Reply| {
            let Table { schema, results } = read_json(reply)?;
            let has_parts = ticks(to) - ticks(from) > 1;
            if results.len() >= MOST_ROWS || (has_parts && results.len() > MANY_ROWS) {
                return Ok(None);
            }
            let mut columns = schema.iter().map(|column| column.name.as_str());
            let instant = columns.find(|name| INSTANTS.contains(name));
            let rows = Rows {
                tenant,
                stream,
                from,
                instants: instant.and_then(|name| instants(&results, name, from, to)),
            };
            Ok(Some(Found {
                days: rows.unseen(&results, seen),
                timed: rows.instants.is_some(),
                date: http_date(&reply.headers),
            }))
        };
        let asked = Instant::now();
        let found = run.asking.query(&["runHuntingQuery"], &body, read).await?;
        let found = found.ok_or_else(|| {
            let detail = format!(
                "The query finds too many rows within {window}, of which Microsoft would cut what is beyond {MOST_ROWS}. Narrow the query."
            );
            Error::new(Code::TooLarge, detail)
        })?;
        let date = found.date.unwrap_or_else(Timestamp::now);
        run.read_at(date, asked.elapsed());
        Ok(found)
    }

    /// Delivers the rows of a window, a day at a time, and moves the checkpoint to its end.
    async fn deliver(
        &self,
        run: &mut Run<'_>,
        from: Timestamp,
        to: Timestamp,
        found: Found,
    ) -> Result<()> {
        let mut left = found.days.len();
        for (_, rows) in found.days {
            let (marks, events): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
            let (settled, error) = run.deliver(&events).await;
            for mark in marks.into_iter().take(settled) {
                run.checkpoint.seen.insert(mark);
            }
            left -= 1;
            // A batch of which nothing was settled keeps its number: it may have arrived all the same.
            if settled > 0 && (left > 0 || error.is_some()) {
                run.save(from).await?;
            }
            if let Some(error) = error {
                return Err(error);
            }
        }
        if !found.timed {
            run.checkpoint.from = to;
        }
        run.save(to).await
    }
}

/// When each row happened, with that in Microsoft's own text; none unless all of them say so, and that it was in the window. A time that
/// was rounded, or is something else, tells nothing about what was delivered before.
fn instants(
    rows: &[&RawValue],
    column: &str,
    from: Timestamp,
    to: Timestamp,
) -> Option<Vec<(Timestamp, String)>> {
    let happened = |row: &&RawValue| {
        let mut columns: HashMap<String, &RawValue> = serde_json::from_str(row.get()).ok()?;
        let text: String = serde_json::from_str(columns.remove(column)?.get()).ok()?;
        let at: Timestamp = text.parse().ok()?;
        (from <= at && at <= to).then_some((at, text))
    };
    rows.iter().map(happened).collect()
}

/// How rows become events.
struct Rows<'a> {
    tenant: &'a str,
    stream: &'a str,
    /// Where their window begins.
    from: Timestamp,
    instants: Option<Vec<(Timestamp, String)>>,
}

impl Rows<'_> {
    /// Those that were not delivered yet.
    fn unseen(&self, rows: &[&RawValue], seen: &Seen) -> BTreeMap<i64, Vec<(Mark, Event)>> {
        let mut days = BTreeMap::<_, Vec<_>>::new();
        let mut equal = HashMap::<String, usize>::new();
        for (number, row) in rows.iter().enumerate() {
            let (at, updated) = match &self.instants {
                Some(instants) => instants[number].clone(),
                None => (self.from, to_text(self.from)),
            };
            let mut name = self.name(row);
            // Rows may be equal to the last digit and yet be as many as they are.
            let before = equal.entry(name.clone()).or_default();
            if *before > 0 {
                name.push_str(&format!("-{before}"));
            }
            *before += 1;
            let id = format!("{}/{}/{name}", self.tenant, self.stream);
            let mark = mark(at, &id);
            if seen.contains(mark) {
                continue;
            }
            let head = Head {
                id,
                stream: self.stream.to_owned(),
                tenant_id: self.tenant.to_owned(),
                change: Change::Created,
                updated,
                target: None,
                incomplete: None,
            };
            let event = Event::raw(Kind::Hunting, head, at, row);
            days.entry(ticks(at).div_euclid(DAY))
                .or_default()
                .push((mark, event));
        }
        for rows in days.values_mut() {
            rows.sort_by_key(|(_, event)| event.at);
        }
        days
    }

    /// What a row is known by: a hash of all that it says, and of where its window begins if it does not say when it happened.
    fn name(&self, row: &RawValue) -> String {
        let hash = match self.instants {
            Some(_) => digest(&SHA256, row.get().as_bytes()),
            None => {
                let from = to_text(self.from);
                digest(&SHA256, format!("{from} {}", row.get()).as_bytes())
            }
        };
        let first = hash.as_ref().iter().take(16);
        first.map(|byte| format!("{byte:02x}")).collect()
    }
}
