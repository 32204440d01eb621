//! What a function tells about itself: log lines, set up as Lambda's logging configuration says, and metrics.

mod line;
pub mod metrics;
mod request;
mod trace;

pub use line::{Line, Trigger};
pub use request::within;
pub use trace::{Counts, Trace};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::{filter::Targets, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use request::{Form, Named};

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
        let json = fmt::format()
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false);
        let layer = fmt::layer().event_format(Named::new(json, Form::Json));
        registry.with(layer).init();
    } else {
        let text = fmt::format().with_ansi(false).with_target(false);
        let layer = fmt::layer()
            .with_ansi(false)
            .event_format(Named::new(text, Form::Text));
        registry.with(layer).init();
    }
}
