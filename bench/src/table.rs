//! Figures as tables that are read as well in a terminal as in a Markdown file.

use std::fmt::Write;

use serde::Serialize;

use crate::job::Job;
use crate::measure::Figures;
use crate::size::Size;

/// What one job showed.
#[derive(Debug, Serialize)]
pub struct Section {
    #[serde(serialize_with = "by_name")]
    pub job: Job,
    /// Whether the processes were held to the share of a small function.
    pub quota: bool,
    /// Events at once.
    pub concurrency: usize,
    pub rows: Vec<Row>,
}

/// What one contestant showed.
#[derive(Debug, Serialize)]
pub struct Row {
    pub contestant: &'static str,
    /// Processes that were measured.
    pub n: usize,
    /// Their medians.
    pub medians: Figures,
    pub size: Size,
}

impl Section {
    /// The row of a contestant.
    pub fn row(&self, contestant: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.contestant == contestant)
    }

    /// The table, with its heading. With a round trip (in ms), answers are also counted in round trips.
    pub fn table(&self, round_trip: f64) -> String {
        let mut heading = self.job.title().to_owned();
        if self.quota {
            heading += ", from the first event on with the CPU share of a 128 MB function";
        }
        if self.concurrency > 1 {
            let _ = write!(heading, ", {} events at once", self.concurrency);
        }
        let mut columns = vec![
            "start ms", "first ms", "cold ms", "warm p50", "warm p99", "CPU ms",
        ];
        // Where a process is held back or has many events, the time of one says little.
        let counts = self.quota || self.concurrency > 1;
        if counts {
            columns.push("a second");
        }
        if round_trip > 0.0 {
            columns.extend(["trips first", "trips warm"]);
        }
        if !self.quota {
            columns.extend([
                "peak MiB",
                "files MB",
                "zip MB",
                "connections",
                "tokens",
                "requests",
            ]);
        }
        columns.push("n");
        let rows = self.rows.iter().map(|row| {
            let figures = &row.medians;
            let some = |value: Option<f64>| value.map_or("-".to_owned(), time);
            let mut cells = vec![
                time(figures.start),
                time(figures.first),
                time(figures.cold),
                some(figures.warm_p50),
                some(figures.warm_p99),
                some(figures.warm_cpu),
            ];
            if self.concurrency > 1 {
                cells.push(figures.rate.map_or("-".to_owned(), time));
            }
            if round_trip > 0.0 {
                let trips = |time: f64| format!("{:.1}", time / round_trip);
                cells.push(trips(figures.first));
                cells.push(figures.warm_p50.map_or("-".to_owned(), trips));
            }
            if !self.quota {
                cells.push(format!("{:.1}", figures.memory / 1_048_576.0));
                cells.push(format!("{:.2}", row.size.files as f64 / 1e6));
                cells.push(format!("{:.2}", row.size.zip as f64 / 1e6));
                let counts = [figures.connections, figures.tokens, figures.requests];
                cells.extend(counts.map(|count| format!("{count:.0}")));
            }
            cells.push(row.n.to_string());
            (row.contestant.to_owned(), cells)
        });
        format!("### {heading}\n\n{}", aligned(&columns, rows.collect()))
    }
}

/// A Markdown table whose first column has no name.
fn aligned(columns: &[&str], rows: Vec<(String, Vec<String>)>) -> String {
    let first = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().map(|(_, cells)| cells[column].len());
        cells.max().unwrap_or(0).max(columns[column].len()).max(2)
    };
    let widths: Vec<_> = (0..columns.len()).map(width).collect();
    let mut table = format!("| {:first$} |", "");
    for (name, width) in columns.iter().zip(&widths) {
        let _ = write!(table, " {name:>width$} |");
    }
    let _ = write!(table, "\n| {:-<first$} |", "");
    for width in &widths {
        let _ = write!(table, " {:->width$} |", ":");
    }
    for (name, cells) in &rows {
        let _ = write!(table, "\n| {name:first$} |");
        for (cell, width) in cells.iter().zip(&widths) {
            let _ = write!(table, " {cell:>width$} |");
        }
    }
    table + "\n"
}

/// Three digits or so.
pub fn time(millis: f64) -> String {
    match millis {
        0.0..10.0 => format!("{millis:.2}"),
        10.0..100.0 => format!("{millis:.1}"),
        _ => format!("{millis:.0}"),
    }
}

fn by_name<S: serde::Serializer>(job: &Job, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(job)
}
