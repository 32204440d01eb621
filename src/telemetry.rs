//! Log lines: the subscriber, set up as Lambda's logging configuration says, and what is known about one invocation.

use std::sync::{Arc, Mutex};

use serde_json::json;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::{filter::Targets, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::time::Timestamp;

/// Writes to standard output: JSON where Lambda's JSON logging is on (`AWS_LAMBDA_LOG_FORMAT`), text otherwise, from the level
/// that `AWS_LAMBDA_LOG_LEVEL` names.
///
/// Only this crate's own lines go below warnings: at `trace`, the runtime and the HTTP stack would write whole events and headers.
pub fn init() {
    let level = match std::env::var("AWS_LAMBDA_LOG_LEVEL")
        .unwrap_or_default()
        .to_ascii_uppercase()
        .as_str()
    {
        "TRACE" => LevelFilter::TRACE,
        "DEBUG" => LevelFilter::DEBUG,
        "WARN" => LevelFilter::WARN,
        "ERROR" | "FATAL" => LevelFilter::ERROR,
        _ => LevelFilter::INFO,
    };
    let targets = Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target(env!("CARGO_CRATE_NAME"), level)
        // It repeats every failed invocation, which has a line of ours already.
        .with_target("lambda_runtime", LevelFilter::OFF);
    let registry = tracing_subscriber::registry().with(targets);
    if std::env::var("AWS_LAMBDA_LOG_FORMAT")
        .is_ok_and(|format| format.eq_ignore_ascii_case("json"))
    {
        let layer = fmt::layer()
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false);
        registry.with(layer).init();
    } else {
        registry
            .with(fmt::layer().with_ansi(false).with_target(false))
            .init();
    }
}

/// Writes the metrics of a run that collected, in CloudWatch's embedded metric format,
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>.
pub fn collected(stream: &str, tenant: &str, lag_seconds: i64, delivered: usize, dead: usize) {
    let now = Timestamp::now();
    let metric = |name, unit| json!({ "Name": name, "Unit": unit });
    let lag = metric("LagSeconds", "Seconds");
    let line = json!({
        "_aws": {
            "Timestamp": now.as_millisecond(),
            "CloudWatchMetrics": [
                {
                    "Namespace": "DefenderXdr",
                    "Dimensions": [["Stream"]],
                    "Metrics": [lag, metric("Delivered", "Count"), metric("DeadLettered", "Count")],
                },
                // CloudWatch charges for each metric of each tenant.
                { "Namespace": "DefenderXdr", "Dimensions": [["Stream", "Tenant"]], "Metrics": [lag] },
            ],
        },
        "timestamp": now.to_string(),
        "level": "INFO",
        "message": "collected",
        "Stream": stream,
        "Tenant": tenant,
        "LagSeconds": lag_seconds,
        "Delivered": delivered,
        "DeadLettered": dead,
    });
    println!("{line}");
}

/// What one invocation did upstream, for its log line.
#[derive(Clone, Debug, Default)]
pub struct Trace(Arc<Mutex<Upstream>>);

#[derive(Clone, Debug, Default)]
pub struct Upstream {
    /// Requests sent, repeats and tokens included.
    pub calls: u32,
    /// The ids that the services gave them.
    pub request_ids: Vec<String>,
    /// The tenant that it was about, where that is not the one whose token it takes.
    pub subject: Option<String>,
}

/// How many request ids a line holds at most: a listing of many pages should not make an unreadable line.
const IDS: usize = 20;

impl Trace {
    pub fn add(&self, request_id: Option<String>) {
        let mut upstream = self.lock();
        upstream.calls += 1;
        if upstream.request_ids.len() < IDS {
            upstream.request_ids.extend(request_id);
        }
    }

    /// Names the tenant that an operation about tenants is about.
    pub fn is_about(&self, tenant: &str) {
        self.lock().subject = Some(tenant.to_owned());
    }

    pub fn upstream(&self) -> Upstream {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Upstream> {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
