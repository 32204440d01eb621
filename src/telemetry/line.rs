//! The one log line of an invocation.

use std::time::Instant;

use super::metrics;
use crate::{agent::Caller, call::Call, error::Error, operation::Entry};

/// Where an input came from, for the log line.
#[derive(Clone, Copy, Debug)]
pub struct Trigger<'a> {
    pub kind: &'static str,
    /// The record of a batch.
    pub record: Option<&'a str>,
    /// Who asked, where that is known: the ARN that signed an HTTP request, or the subject of its token.
    pub principal: Option<&'a str>,
    /// Which tool of which gateway it is.
    pub caller: Option<&'a Caller>,
}

/// The one log line of an invocation.
pub struct Line<'a> {
    pub entry: &'static Entry,
    pub trigger: Trigger<'a>,
    pub call: &'a Call<'a>,
    pub started: Instant,
}

impl Line<'_> {
    /// Writes it, and the invocation's metrics where they are wanted.
    pub fn write(&self, error: Option<&Error>) {
        let trace = &self.call.trace;
        let (counts, subject) = (trace.counts(), trace.subject());
        let tenant = match self.entry.tenant_is_subject {
            true => subject.as_deref(),
            false => Some(self.call.tenant.as_str()),
        };
        let caller = |id: fn(&Caller) -> Option<&str>| self.trigger.caller.and_then(id);
        let some = |number: u64| (number > 0).then_some(number);
        macro_rules! line {
            ($level:ident, $outcome:literal, $message:expr) => {
                tracing::$level!(
                    operation = self.entry.name,
                    trigger = self.trigger.kind,
                    record = self.trigger.record,
                    caller = self.trigger.principal,
                    tool = caller(|caller| Some(&caller.tool)),
                    gatewayId = caller(|caller| caller.gateway_id.as_deref()),
                    gatewayTargetId = caller(|caller| caller.target_id.as_deref()),
                    gatewayRequestId = caller(|caller| caller.request_id.as_deref()),
                    mcpMessageId = caller(|caller| caller.message_id.as_deref()),
                    tenant,
                    outcome = $outcome,
                    code = error.map(|error| error.code().name()),
                    durationMs = self.started.elapsed().as_millis() as u64,
                    upstreamCalls = counts.calls,
                    throttles = some(counts.throttles.into()),
                    throttleWaitMs = some(counts.throttle_wait.as_millis() as u64),
                    actionsRequested = some(counts.requested.into()),
                    actionsAdopted = some(counts.adopted.into()),
                    "{}",
                    $message
                )
            };
        }
        match error {
            None => line!(info, "ok", format_args!("{} succeeded", self.entry.name)),
            Some(error) if error.code().status() < 500 => line!(warn, "error", error),
            Some(error) => line!(error, "error", error),
        }
        metrics::of_invocation(
            self.call.app.config.metrics,
            self.entry.name,
            // A subject is whatever the caller named, and each that is counted is charged for.
            tenant.filter(|_| !self.entry.tenant_is_subject),
            error.map(Error::code),
            &counts,
        );
    }
}
