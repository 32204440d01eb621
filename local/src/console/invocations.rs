//! The last invocations: what was asked, what came of it, and what was logged meanwhile.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use maud::{Markup, html};

/// How many are remembered.
const LIMIT: usize = 100;
/// The most of a log that is remembered, in characters.
const LOG_LIMIT: usize = 64 * 1024;

/// An invocation under way.
pub(crate) struct Invocation {
    pub operation: &'static str,
    pub method: &'static str,
    /// Without its query, which may hold what is nobody's to read.
    pub path: String,
    at: Timestamp,
    begun: Instant,
}

/// An invocation that has ended.
pub(crate) struct Ended {
    invocation: Invocation,
    status: u16,
    code: Option<String>,
    took: Duration,
    log: String,
}

impl Invocation {
    pub fn begin(operation: &'static str, method: &'static str, path: &str) -> Self {
        Self {
            operation,
            method,
            path: path.to_owned(),
            at: Timestamp::now(),
            begun: Instant::now(),
        }
    }

    /// It ended now: with this status, the code of the error if it is one, and what was logged.
    pub fn end(self, status: u16, code: Option<String>, log: &str) -> Ended {
        Ended {
            status,
            code,
            took: self.begun.elapsed(),
            log: log.trim_end().chars().take(LOG_LIMIT).collect(),
            invocation: self,
        }
    }
}

/// The last invocations, oldest first, with the number of the oldest.
#[derive(Default)]
pub(super) struct Invocations(Mutex<(usize, VecDeque<Ended>)>);

impl Invocations {
    pub fn record(&self, ended: Ended) {
        let (oldest, kept) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_back(ended);
        if kept.len() > LIMIT {
            kept.pop_front();
            *oldest += 1;
        }
    }

    /// A table, newest first; each invocation is a `tbody` with an id of its own.
    pub fn table(&self) -> Markup {
        let (oldest, kept) = &*self.0.lock().unwrap_or_else(PoisonError::into_inner);
        html! {
            table #invocations-table {
                caption { "Newest first, by itself; the last " (LIMIT) " are kept." }
                thead {
                    tr {
                        th scope="col" { "Time (UTC)" }
                        th scope="col" { "Operation" }
                        th scope="col" { "Status" }
                        th .number scope="col" { "Took" }
                    }
                }
                @for (index, ended) in kept.iter().enumerate().rev() {
                    (rows(oldest + index, ended))
                }
            }
        }
    }
}

fn rows(number: usize, ended: &Ended) -> Markup {
    let Ended {
        invocation,
        status,
        code,
        took,
        log,
    } = ended;
    let lines = log.lines().count();
    // A gateway that was started again counts anew.
    let at = invocation.at.as_microsecond();
    html! {
        tbody id={ "invocation-" (number) "-" (at) } {
            tr {
                td { time datetime=(invocation.at) { (invocation.at.strftime("%H:%M:%S")) } }
                th scope="row" {
                    span .operation { (invocation.operation) }
                    " "
                    span .detail { (invocation.method) " " (invocation.path) }
                }
                td {
                    span .status .good[*status < 400] .bad[*status >= 400] { (status) }
                    @if let Some(code) = code { " " span .code { (code) } }
                }
                td .number { (took.as_millis()) " ms" }
            }
            tr .log {
                td colspan="4" {
                    @if lines == 0 { span .quiet { "No log lines" } }
                    @else {
                        details {
                            summary { (lines) " log line" @if lines > 1 { "s" } " of " (invocation.operation) }
                            pre tabindex="0" { (log) }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Invocation, Invocations, LIMIT};

    #[test]
    fn the_last_ones_are_shown_newest_first_and_nothing_in_them_is_markup() {
        let invocations = Invocations::default();
        for number in 0..LIMIT + 5 {
            let invocation = Invocation::begin("get_alert", "GET", &format!("/alerts/<{number}>"));
            invocations.record(invocation.end(200, None, "a line\n<b>another</b>\n"));
        }
        let table = invocations.table().into_string();
        assert_eq!(table.matches("<tbody").count(), LIMIT);
        assert!(table.contains("/alerts/&lt;5&gt;") && !table.contains("/alerts/&lt;4&gt;"));
        let place = |number: usize| table.find(&format!("id=\"invocation-{number}-"));
        assert!(place(LIMIT + 4).unwrap() < place(5).unwrap());
        assert!(table.contains("a line\n&lt;b&gt;another&lt;/b&gt;"));
        assert!(table.contains("2 log lines"));
    }
}
