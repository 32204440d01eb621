//! Metrics, in CloudWatch's embedded metric format: lines of the log that CloudWatch counts,
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>.

use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{Counts, request};
use crate::{config::Metrics, error::Code, time::Timestamp};

/// A metric's name and unit, and what was measured.
#[derive(Clone, Copy)]
struct Metric(&'static str, &'static str, i64);

impl Serialize for Metric {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_map(Some(2))?;
        fields.serialize_entry("Name", self.0)?;
        fields.serialize_entry("Unit", self.1)?;
        fields.end()
    }
}

/// Metrics that are counted by the same sets of dimensions. CloudWatch charges for each metric of each value of these.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Directive<'a> {
    namespace: &'static str,
    dimensions: &'a [&'a [&'a str]],
    metrics: &'a [Metric],
}

impl<'a> Directive<'a> {
    fn new(dimensions: &'a [&'a [&'a str]], metrics: &'a [Metric]) -> Self {
        Self {
            namespace: "DefenderXdr",
            dimensions,
            metrics,
        }
    }
}

/// A line of metrics.
struct Line<'a> {
    message: &'static str,
    dimensions: &'a [(&'static str, &'a str)],
    directives: &'a [Directive<'a>],
}

impl Line<'_> {
    fn write(&self) {
        match serde_json::to_string(self) {
            Ok(line) => println!("{line}"),
            Err(error) => tracing::error!("metrics could not be written: {error}"),
        }
    }
}

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Head<'a> {
            timestamp: i64,
            cloud_watch_metrics: &'a [Directive<'a>],
        }
        let now = Timestamp::now();
        let head = Head {
            timestamp: now.as_millisecond(),
            cloud_watch_metrics: self.directives,
        };
        let mut fields = serializer.serialize_map(None)?;
        fields.serialize_entry("_aws", &head)?;
        fields.serialize_entry("timestamp", &now.to_string())?;
        fields.serialize_entry("level", "INFO")?;
        fields.serialize_entry("message", self.message)?;
        request::ids(|ids| {
            fields.serialize_entry("requestId", ids.request_id)?;
            match ids.trace_id {
                Some(id) => fields.serialize_entry("traceId", id),
                None => Ok(()),
            }
        })
        .transpose()?;
        for (name, value) in self.dimensions {
            fields.serialize_entry(name, value)?;
        }
        for (at, directive) in self.directives.iter().enumerate() {
            for metric in directive.metrics {
                let is_repeated = |before: &Directive<'_>| {
                    before.metrics.iter().any(|earlier| earlier.0 == metric.0)
                };
                // A metric that is counted twice, by different dimensions, is one member.
                if !self.directives[..at].iter().any(is_repeated) {
                    fields.serialize_entry(metric.0, &metric.2)?;
                }
            }
        }
        fields.end()
    }
}

/// Writes what an invocation did: by which outcome it ended (`ok`, or the error's code), and what it took, where that is not zero.
pub(super) fn of_invocation(
    wanted: Metrics,
    operation: &str,
    tenant: Option<&str>,
    code: Option<Code>,
    counts: &Counts,
) {
    let tenant = match wanted {
        Metrics::Off => return,
        Metrics::On => None,
        Metrics::ByTenant => tenant,
    };
    let outcome = code.map_or("ok", Code::name);
    let waited = i64::try_from(counts.throttle_wait.as_millis()).unwrap_or(i64::MAX);
    let mut taken = Vec::with_capacity(6);
    taken.extend([
        Metric("UpstreamCalls", "Count", counts.calls.into()),
        Metric("Throttles", "Count", counts.throttles.into()),
        Metric("ThrottleWaitMilliseconds", "Milliseconds", waited),
        Metric("TokenFetches", "Count", counts.token_fetches.into()),
        Metric("ActionsRequested", "Count", counts.requested.into()),
        Metric("ActionsAdopted", "Count", counts.adopted.into()),
    ]);
    taken.retain(|metric| metric.2 != 0);

    let by_outcome: &[&[&str]] = &[
        &["Operation", "Outcome"],
        &["Outcome"],
        &["Tenant", "Outcome"],
    ];
    let by_operation: &[&[&str]] = &[&["Operation"], &[], &["Tenant"]];
    let dimensions = [
        ("Operation", operation),
        ("Outcome", outcome),
        ("Tenant", tenant.unwrap_or_default()),
    ];
    // The tenant is the last of each.
    let sets = if tenant.is_some() { 3 } else { 2 };
    let invocations = [Metric("Invocations", "Count", 1)];
    let directives = [
        Directive::new(&by_outcome[..sets], &invocations),
        Directive::new(&by_operation[..sets], &taken),
    ];
    let some = if taken.is_empty() { 1 } else { 2 };
    Line {
        message: "metrics",
        dimensions: &dimensions[..sets],
        directives: &directives[..some],
    }
    .write();
}

/// Writes what a run delivered, and how far its stream is behind.
pub fn of_collecting(stream: &str, tenant: &str, lag_seconds: i64, delivered: usize, dead: usize) {
    let count = |name, number| Metric(name, "Count", i64::try_from(number).unwrap_or(i64::MAX));
    let lag = Metric("LagSeconds", "Seconds", lag_seconds);
    Line {
        message: "collected",
        dimensions: &[("Stream", stream), ("Tenant", tenant)],
        directives: &[
            Directive::new(
                &[&["Stream"]],
                &[
                    lag,
                    count("Delivered", delivered),
                    count("DeadLettered", dead),
                ],
            ),
            // By tenant is one metric of each tenant more.
            Directive::new(&[&["Stream", "Tenant"]], &[lag]),
        ],
    }
    .write();
}
