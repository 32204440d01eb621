//! Which request a log line belongs to: the ids at the end of every line that is written during an invocation.

use std::{fmt, future::Future};

use serde::Serialize;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

use super::Trace;
use crate::call::Invocation;

tokio::task_local! {
    static CURRENT: Current;
}

/// The invocation that a task runs.
struct Current {
    request_id: String,
    trace_id: Option<String>,
    trace: Trace,
}

/// The ids by which we, AWS X-Ray and Microsoft know one invocation.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Ids<'a> {
    pub request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<&'a str>,
    /// Of what was sent so far; empty while nothing was.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub upstream_request_ids: &'a str,
}

/// Runs an invocation so that every line that is written meanwhile, and every metric, names it.
pub async fn within<T>(
    invocation: &Invocation<'_>,
    trace: &Trace,
    running: impl Future<Output = T>,
) -> T {
    let current = Current {
        request_id: invocation.request_id.to_owned(),
        trace_id: invocation.trace_id.map(str::to_owned),
        trace: trace.clone(),
    };
    CURRENT.scope(current, running).await
}

/// The ids of the invocation that is running; none outside of one.
pub(super) fn ids<T>(read: impl FnOnce(Ids<'_>) -> T) -> Option<T> {
    CURRENT
        .try_with(|current| {
            current.trace.with_request_ids(|upstream_request_ids| {
                read(Ids {
                    request_id: &current.request_id,
                    trace_id: current.trace_id.as_deref(),
                    upstream_request_ids,
                })
            })
        })
        .ok()
}

/// How lines are written.
#[derive(Clone, Copy)]
pub(super) enum Form {
    Json,
    Text,
}

/// A format of log lines, with the ids at their end.
pub(super) struct Named<F> {
    format: F,
    form: Form,
}

impl<F> Named<F> {
    pub fn new(format: F, form: Form) -> Self {
        Self { format, form }
    }
}

impl<S, N, F> FormatEvent<S, N> for Named<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        // Each request that is sent has a line of its own below that level.
        let has_answers = *event.metadata().level() <= Level::INFO;
        let named = ids(|mut ids| {
            if !has_answers {
                ids.upstream_request_ids = "";
            }
            match self.form {
                Form::Json => serde_json::to_string(&ids).map_err(|_| fmt::Error),
                Form::Text => Ok(ids.to_string()),
            }
        });
        let Some(named) = named.transpose()? else {
            return self.format.format_event(context, writer, event);
        };
        let mut line = String::with_capacity(512);
        self.format
            .format_event(context, Writer::new(&mut line), event)?;
        let line = line.trim_end();
        match self.form {
            // Two objects become one.
            Form::Json => {
                let fields = line.strip_suffix('}').unwrap_or(line);
                let ids = named.trim_start_matches('{');
                writeln!(writer, "{fields},{ids}")
            }
            Form::Text => writeln!(writer, "{line} {named}"),
        }
    }
}

impl fmt::Display for Ids<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "requestId={:?}", self.request_id)?;
        if let Some(id) = self.trace_id {
            write!(f, " traceId={id:?}")?;
        }
        if !self.upstream_request_ids.is_empty() {
            write!(f, " upstreamRequestIds={:?}", self.upstream_request_ids)?;
        }
        Ok(())
    }
}
