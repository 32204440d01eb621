//! Figures as tables that are read as well in a terminal as in a Markdown file.

use std::fmt::Write;

use serde::Serialize;

use crate::figures::Figures;
use crate::job::Job;
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
        let columns = self.columns(round_trip);
        let first = self.rows.iter().map(|row| row.contestant.len()).max();
        let first = first.unwrap_or(0);
        let mut lines = vec![format!("| {:first$} |", ""), format!("| {:-<first$} |", "")];
        lines.extend(
            self.rows
                .iter()
                .map(|row| format!("| {:first$} |", row.contestant)),
        );
        for (name, cell) in columns {
            let cells: Vec<_> = self.rows.iter().map(cell).collect();
            let widest = cells.iter().map(String::len).max().unwrap_or(0);
            let width = widest.max(name.len()).max(2);
            let column = [format!("{name:>width$}"), format!("{:->width$}", ":")];
            let column = column.into_iter().chain(cells);
            for (line, cell) in lines.iter_mut().zip(column) {
                let _ = write!(line, " {cell:>width$} |");
            }
        }
        format!("### {heading}\n\n{}\n", lines.join("\n"))
    }

    /// What the table shows of a contestant.
    fn columns(&self, round_trip: f64) -> Vec<(&'static str, Cell)> {
        fn cell(cell: impl Fn(&Row) -> String + 'static) -> Cell {
            Box::new(cell)
        }
        let some = |value: Option<f64>| value.map_or("-".to_owned(), time);
        let mut columns = vec![
            ("start ms", cell(|row| time(row.medians.start))),
            ("first ms", cell(|row| time(row.medians.first))),
            ("cold ms", cell(|row| time(row.medians.cold))),
            ("warm p50", cell(move |row| some(row.medians.warm_p50))),
            ("warm p99", cell(move |row| some(row.medians.warm_p99))),
            ("CPU ms", cell(move |row| some(row.medians.warm_cpu))),
        ];
        // Where a process is held back or has many events, the time of one says little.
        if self.quota || self.concurrency > 1 {
            columns.push(("a second", cell(move |row| some(row.medians.rate))));
        }
        if round_trip > 0.0 {
            let trips = move |time: f64| format!("{:.1}", time / round_trip);
            columns.push(("trips first", cell(move |row| trips(row.medians.first))));
            columns.push((
                "trips warm",
                cell(move |row| row.medians.warm_p50.map_or("-".to_owned(), trips)),
            ));
        }
        if !self.quota {
            columns.extend([
                (
                    "peak MiB",
                    cell(|row| format!("{:.1}", row.medians.memory / 1_048_576.0)),
                ),
                (
                    "files MB",
                    cell(|row| format!("{:.3}", row.size.files as f64 / 1e6)),
                ),
                (
                    "zip MB",
                    cell(|row| format!("{:.3}", row.size.zip as f64 / 1e6)),
                ),
                (
                    "connections",
                    cell(|row| format!("{:.0}", row.medians.connections)),
                ),
                ("tokens", cell(|row| format!("{:.0}", row.medians.tokens))),
                (
                    "requests",
                    cell(|row| format!("{:.0}", row.medians.requests)),
                ),
            ]);
        }
        columns.push(("n", cell(|row| row.n.to_string())));
        columns
    }
}

type Cell = Box<dyn Fn(&Row) -> String>;

/// Three digits or so.
pub fn time(millis: f64) -> String {
    match millis {
        0.0..0.1 => format!("{millis:.3}"),
        0.1..10.0 => format!("{millis:.2}"),
        10.0..100.0 => format!("{millis:.1}"),
        _ => format!("{millis:.0}"),
    }
}

fn by_name<S: serde::Serializer>(job: &Job, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(job)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_a_table_has_a_cell_for_each_column() {
        for (quota, concurrency, round_trip) in
            [(false, 1, 0.0), (true, 1, 50.0), (false, 64, 50.0)]
        {
            let row = |contestant| Row {
                contestant,
                n: 3,
                medians: Figures::default(),
                size: Size::default(),
            };
            let section = Section {
                job: Job::Incidents50,
                quota,
                concurrency,
                rows: vec![row("ours"), row("default-rust")],
            };
            let table = section.table(round_trip);
            let lines: Vec<_> = table.lines().skip(2).collect();
            assert_eq!(lines.len(), 4, "{table}");
            let bars = |line: &str| {
                line.match_indices('|')
                    .map(|(at, _)| at)
                    .collect::<Vec<_>>()
            };
            assert!(
                lines.iter().all(|line| bars(line) == bars(lines[0])),
                "{table}"
            );
        }
    }
}
