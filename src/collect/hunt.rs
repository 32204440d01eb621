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
    run::{Run, Source, earlier},
    seen::{Mark, Seen, mark},
};
use crate::{
    call::read_json,
    client::Reply,
    error::{Code, Error, Result},
    operations::hunting::{Body, Column},
    time::{DAY, Timestamp, day, from_ticks, http_date, ticks, to_text},
};

/// Microsoft cuts a result here without a word.
const MOST_ROWS: usize = 100_000;

/// A window with more rows is asked for in parts where it has parts: what is delivered of a window is kept in mind until it is done.
const MANY_ROWS: usize = 10_000;

/// The columns that say when a row happened.
const INSTANTS: [&str; 2] = ["Timestamp", "TimeGenerated"];

/// The ticks of an hour, which is what a run asks for first, and of the shortest window.
const HOUR: i64 = 36_000_000_000;
const SHORTEST: i64 = 10_000;

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
    rows: usize,
    /// Whether rows can be told by their times from those that were delivered.
    timed: bool,
    date: Option<Timestamp>,
}

impl Source for Hunt {
    async fn collect(&self, run: &mut Run<'_>) -> Result<bool> {
        let now = from_ticks(ticks(run.call.invocation.now));
        let last = run.checkpoint.at;
        let mut end = now.max(last);
        // First comes what was asked for before, for rows that are late.
        let reading = run.checkpoint.reading;
        let mut start = reading.map_or(run.checkpoint.from, |reading| reading.reached);
        let mut length = HOUR;
        while start < end {
            if run.is_out_of_time() {
                return Ok(false);
            }
            let is_look_back = start < last;
            let until = ticks(if is_look_back { last } else { end });
            let from = ticks(start);
            let midnight = (day(start) + 1) * DAY;
            let to = until.min(midnight).min(from.saturating_add(length));
            let window = Window {
                from: start,
                to: from_ticks(to),
                is_look_back,
            };
            let found = match self.ask(run, &window).await {
                Err(error) if is_narrowed(&error, to - from) => {
                    length = (to - from) / 2;
                    continue;
                }
                found => found?,
            };
            if !found.timed && !is_look_back {
                // They cannot be looked for again, so those that are late have to be there already.
                let settled = earlier(now, run.look_back()).max(start);
                if window.to > settled {
                    end = settled;
                    continue;
                }
            }
            if found.rows < MANY_ROWS / 2 {
                length = length.saturating_mul(2);
            }
            found.deliver(run, &window).await?;
            start = window.to;
        }
        run.complete(end).await.map(|()| true)
    }
}

/// Whether the same may be had of half the time.
fn is_narrowed(error: &Error, length: i64) -> bool {
    match error.code() {
        Code::TooLarge => length > SHORTEST,
        // A query may take too long over many hours.
        Code::UpstreamUnavailable => length > HOUR,
        _ => false,
    }
}

/// A stretch of time, both ends included.
struct Window {
    from: Timestamp,
    to: Timestamp,
    /// Whether it was asked for before.
    is_look_back: bool,
}

impl Hunt {
    /// The new rows of a window.
    async fn ask(&self, run: &mut Run<'_>, window: &Window) -> Result<Found> {
        let timespan = format!("{}/{}", to_text(window.from), to_text(window.to));
        let body = Body {
            query: self.query.clone(),
            timespan: Some(timespan.clone()),
        };
        let (tenant, stream) = (run.call.tenant.as_str(), run.stream);
        let seen = &run.checkpoint.seen;
        let read = |reply: &Reply| {
            let Table { schema, results } = read_json(reply)?;
            let mut columns = schema.iter().map(|column| column.name.as_str());
            let column = columns.find(|name| INSTANTS.contains(name));
            let instants: Vec<_> = results.iter().map(|row| happened(row, column?)).collect();
            let is_outside = |(at, _): &(Timestamp, String)| *at < window.from || *at > window.to;
            // A time that was rounded, or is of something else, says nothing of what was delivered.
            let timed = instants.is_empty()
                || (instants.iter().any(Option::is_some)
                    && !instants.iter().flatten().any(is_outside));
            let has_parts = timed && ticks(window.to) - ticks(window.from) > SHORTEST;
            if results.len() >= MOST_ROWS || (has_parts && results.len() > MANY_ROWS) {
                return Ok(None);
            }
            let rows = Rows {
                tenant,
                stream,
                window,
                timed,
            };
            Ok(Some(Found {
                days: rows.unseen(&results, instants, seen),
                rows: results.len(),
                timed,
                date: http_date(&reply.headers),
            }))
        };
        let asked = Instant::now();
        let found = run.asking.query(&["runHuntingQuery"], &body, read).await?;
        let found = found.ok_or_else(|| {
            let detail = format!(
                "The query finds too many rows within {timespan}, of which Microsoft would cut what is beyond {MOST_ROWS}. Narrow the query."
            );
            Error::new(Code::TooLarge, detail)
        })?;
        let date = found.date.unwrap_or_else(Timestamp::now);
        run.read_at(date, asked.elapsed());
        Ok(found)
    }
}

impl Found {
    /// Delivers the rows of a window, a day at a time, and moves the checkpoint to its end.
    async fn deliver(self, run: &mut Run<'_>, window: &Window) -> Result<()> {
        let mut left = self.days.len();
        for (_, rows) in self.days {
            let (marks, events): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
            let (settled, error) = run.deliver(&events).await;
            for mark in marks.into_iter().take(settled) {
                run.checkpoint.seen.insert(mark);
            }
            left -= 1;
            // A batch of which nothing was settled keeps its number: it may have arrived all the same.
            if settled > 0 && (left > 0 || error.is_some()) {
                run.save(window.from).await?;
            }
            if let Some(error) = error {
                return Err(error);
            }
        }
        if !self.timed && !window.is_look_back {
            run.checkpoint.from = window.to;
        }
        run.save(window.to).await
    }
}

/// When a row happened, with that in Microsoft's own text.
fn happened(row: &RawValue, column: &str) -> Option<(Timestamp, String)> {
    let mut columns: HashMap<String, &RawValue> = serde_json::from_str(row.get()).ok()?;
    let text: String = serde_json::from_str(columns.remove(column)?.get()).ok()?;
    Some((text.parse().ok()?, text))
}

/// How rows become events.
struct Rows<'a> {
    tenant: &'a str,
    stream: &'a str,
    window: &'a Window,
    timed: bool,
}

impl Rows<'_> {
    /// Those that were not delivered yet.
    fn unseen(
        &self,
        rows: &[&RawValue],
        instants: Vec<Option<(Timestamp, String)>>,
        seen: &Seen,
    ) -> BTreeMap<i64, Vec<(Mark, Event)>> {
        let mut days = BTreeMap::<_, Vec<_>>::new();
        let mut equal = HashMap::<String, usize>::new();
        for (row, instant) in rows.iter().zip(instants) {
            let instant = instant.filter(|_| self.timed);
            let is_timed = instant.is_some();
            if self.window.is_look_back && !is_timed {
                // It was delivered, as far as can be told.
                continue;
            }
            let begin = self.window.from;
            let (at, updated) = instant.unwrap_or_else(|| (begin, to_text(begin)));
            let mut name = self.name(row, is_timed);
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
            days.entry(day(at)).or_default().push((mark, event));
        }
        for rows in days.values_mut() {
            rows.sort_by_key(|(_, event)| event.at);
        }
        days
    }

    /// What a row is known by: a hash of all that it says, and of where its window begins if it does not say when it happened.
    fn name(&self, row: &RawValue, is_timed: bool) -> String {
        let hash = match is_timed {
            true => digest(&SHA256, row.get().as_bytes()),
            false => {
                let begin = to_text(self.window.from);
                digest(&SHA256, format!("{begin} {}", row.get()).as_bytes())
            }
        };
        hex::encode(&hash.as_ref()[..16])
    }
}
